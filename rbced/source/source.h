/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the engine hears of tasks: one kind of source of events at a time (`rbced --source`). What
 * it hears goes to engine_event() and engine_lost(), from the engine's loop and with its lock.
 */
#ifndef RBCED_SOURCE_SOURCE_H
#define RBCED_SOURCE_SOURCE_H

#include <json-c/json.h>

#include "../engine.h"
#include "../record.h"

struct source_kind {
	const char *name;
	const char *about; /* for --help */
	/* Begins to listen. The data that it makes is handed to all the others; 0 or -errno. */
	int (*open)(struct engine *engine, void **ret, struct rbce_error *err);
	void (*close)(void *data);
	/* Below, NULL for what a kind has no use for. */
	void (*put_status)(void *data, struct json_object *object);
	/* engine->rules has changed: what was learned of the old ones is void. */
	void (*rules_changed)(void *data);
	/* These are called by the gate's thread too, and but for decided() without the lock. */
	/*
	 * The facts of a task are going to be read (BEGINS), and what is decided by them was done:
	 * what the task does in between is not known to that decision.
	 */
	void (*look)(void *data, pid_t pid, bool begins);
	/*
	 * Can it tell all these FACTS of a task itself, as they are at one moment? Then TASK, which
	 * has nothing but its pid, has them too. False is always an answer: /proc tells them.
	 */
	bool (*tells)(void *data, pid_t pid, unsigned facts, struct rbce_task *task);
	/* A task was looked at, with the facts in TASK, and this came of it. */
	void (*decided)(void *data, const struct rbce_task *task, const struct decision *decision);
	/* Does the task, which is held before it executes PROGRAM, stand right for that? False is
	 * always an answer. */
	bool (*foresees)(void *data, pid_t pid, const char *program);
	/* Is there a record of the task? See records_watch(). */
	void (*noted)(void *data, pid_t pid, enum record_interest interest);
};

/* The kinds, best first; NULL behind the last. */
extern const struct source_kind *const source_kinds[];

/* NULL when there is none of that name. */
const struct source_kind *source_find(const char *name);

/*
 * Opens KIND (NULL: the best) as engine->source or, where that cannot be had here, the next one
 * that can, with a line in the log that says why.
 */
int source_open(struct engine *engine, const struct source_kind *kind, struct rbce_error *err);
void source_close(struct engine *engine);

void source_put_status(const struct engine *engine, struct json_object *object);
void source_rules_changed(const struct engine *engine);
void source_look(const struct engine *engine, pid_t pid, bool begins);
/* Does it want to know of decisions? */
bool source_learns(const struct engine *engine);
void source_decided(const struct engine *engine, const struct rbce_task *task,
		    const struct decision *decision);

bool source_tells(const struct engine *engine, pid_t pid, unsigned facts, struct rbce_task *task);
bool source_foresees(const struct engine *engine, pid_t pid, const char *program);

extern const struct source_kind source_bpf;
extern const struct source_kind source_connector;
extern const struct source_kind source_scan;

/* The connector beside another source, for changes of ids and sessions only. */
int connector_open_ids(struct engine *engine, void **ret, struct rbce_error *err);
void connector_close(void *data);

#endif
