// SPDX-License-Identifier: GPL-2.0-or-later
/* The kinds of sources, and which one is used; see source.h. */
#include "source.h"

#include <core/cli/log.h>
#include <errno.h>

#include "../put.h"
#include "util.h"

const struct source_kind *const source_kinds[] = {
	&source_bpf,
	&source_connector,
	&source_scan,
	NULL,
};

const struct source_kind *source_find(const char *name)
{
	for (size_t i = 0; source_kinds[i]; i++)
		if (streq(source_kinds[i]->name, name))
			return source_kinds[i];
	return NULL;
}

static int try_kind(struct engine *engine, const struct source_kind *kind, struct rbce_error *err)
{
	void *data;
	int r = kind->open(engine, &data, err);

	if (r < 0)
		return r;
	engine->source = (struct source){kind, data};
	if (kind->noted)
		records_watch(engine->records, kind->noted, data);
	return 0;
}

int source_open(struct engine *engine, const struct source_kind *kind, struct rbce_error *err)
{
	const struct source_kind *wanted = kind ?: source_kinds[0];
	struct rbce_error why, other;
	int r = try_kind(engine, wanted, &why);

	for (size_t i = 0; r < 0 && source_kinds[i]; i++) {
		if (source_kinds[i] == wanted || try_kind(engine, source_kinds[i], &other) < 0)
			continue;
		log_warning("source %s: %s; used instead: %s (%s)", wanted->name, why.message,
			    source_kinds[i]->name, source_kinds[i]->about);
		return 0;
	}
	if (r < 0)
		*err = why;
	return r;
}

void source_close(struct engine *engine)
{
	if (engine->source.kind && engine->source.kind->noted)
		records_watch(engine->records, NULL, NULL);
	if (engine->source.kind)
		engine->source.kind->close(engine->source.data);
	engine->source = (struct source){0};
}

void source_put_status(const struct engine *engine, struct json_object *object)
{
	put_string(object, "name", engine->source.kind->name);
	if (engine->source.kind->put_status)
		engine->source.kind->put_status(engine->source.data, object);
}

/* The first rules come before any source. */
void source_rules_changed(const struct engine *engine)
{
	if (engine->source.kind && engine->source.kind->rules_changed)
		engine->source.kind->rules_changed(engine->source.data);
}

void source_look(const struct engine *engine, pid_t pid, bool begins)
{
	if (engine->source.kind && engine->source.kind->look)
		engine->source.kind->look(engine->source.data, pid, begins);
}

bool source_learns(const struct engine *engine)
{
	return engine->source.kind && engine->source.kind->decided;
}

void source_decided(const struct engine *engine, const struct rbce_task *task,
		    const struct decision *decision)
{
	if (source_learns(engine))
		engine->source.kind->decided(engine->source.data, task, decision);
}

bool source_tells(const struct engine *engine, pid_t pid, unsigned facts, struct rbce_task *task)
{
	return engine->source.kind && engine->source.kind->tells &&
	       engine->source.kind->tells(engine->source.data, pid, facts, task);
}

bool source_foresees(const struct engine *engine, pid_t pid, const char *program)
{
	return engine->source.kind->foresees &&
	       engine->source.kind->foresees(engine->source.data, pid, program);
}
