// SPDX-License-Identifier: GPL-2.0-or-later
/* The containers that the daemon works with; see place.h. */
#include "place.h"

#include <controllers/controllers.h>
#include <core/cli/log.h>
#include <errno.h>

#define HASH_NONFATAL_OOM            1
#define uthash_nonfatal_oom(element) ((void)(element))
#include <uthash.h>

#include "hold.h"
#include "job.h"
#include "oom/oom.h"
#include "penalty.h"
#include "stream.h"
#include "util.h"

struct entry {
	const char *name; /* the container's own */
	struct rbce_container *container;
	uint64_t empty_since; /* monotonic microseconds, 0 while it has tasks */
	UT_hash_handle hh;
};

struct placed {
	struct entry *table;
};

static struct entry *find(const struct engine *engine, const char *name)
{
	struct entry *entry;

	HASH_FIND_STR(engine->placed->table, name, entry);
	return entry;
}

static void forget(struct engine *engine, struct entry *entry)
{
	HASH_DEL(engine->placed->table, entry);
	rbce_container_close(entry->container);
	free(entry);
}

static int remember(struct engine *engine, struct rbce_container *container)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (entry) {
		entry->container = container;
		entry->name = rbce_container_name(container);
		HASH_ADD_KEYPTR(hh, engine->placed->table, entry->name, strlen(entry->name), entry);
	}
	if (!entry || find(engine, rbce_container_name(container)) != entry) {
		free(entry);
		rbce_container_close(container);
		return -ENOMEM;
	}
	return 0;
}

/* One key of a section. What this system cannot do is an error only where the section says so. */
static int failed_limit(struct engine *engine, struct rbce_container *c,
			const struct container_section *section, const struct container_key *key,
			const struct rbce_error *why, struct rbce_error *err)
{
	if (why->code == -EOPNOTSUPP && section->on_unsupported == UNSUPPORTED_IGNORE)
		return 0;
	engine->counters.limits_failed++;
	rbce_error_set(err, why->code, "%s:%u: cannot set '%s' of container '%s': %s", key->file,
		       key->line, key->key, rbce_container_name(c), why->message);
	if (why->code == -EOPNOTSUPP && section->on_unsupported == UNSUPPORTED_ERROR)
		return why->code;
	log_warning("%s", err->message);
	return 0;
}

/* For now the daemon itself keeps another value, which goes back to this one. */
static bool is_kept(struct engine *engine, struct rbce_container *c,
		    const struct container_key *key)
{
	return oom_keeps(engine, c, key->key, key->value) ||
	       penalty_keeps(engine, rbce_container_name(c), key->key, key->value);
}

/*
 * All keys of a section, in any order: one that the kernel refuses until another is set (swap.max
 * before memory.max on v1, cpu.burst before cpu.max) is tried again when the others are.
 */
static int set_limits(struct engine *engine, struct rbce_container *c, struct rbce_error *err)
{
	const struct container_section *section =
		ruleset_section(engine->rules, rbce_container_name(c));
	struct rbce_error why;
	size_t refused = 0;

	for (size_t i = 0; section && i < section->n_keys; i++) {
		const struct container_key *key = &section->keys[i];
		int r = is_kept(engine, c, key) ? 0
						: controller_set(controller_key_find(key->key), c,
								 key->value, &why);

		if (r < 0 && r != -EOPNOTSUPP)
			refused++;
		if (r == -EOPNOTSUPP)
			r = failed_limit(engine, c, section, key, &why, err);
		if (r == -EOPNOTSUPP)
			return r;
	}
	for (size_t i = 0; refused && i < section->n_keys; i++) {
		const struct container_key *key = &section->keys[i];
		int r = is_kept(engine, c, key) ? 0
						: controller_set(controller_key_find(key->key), c,
								 key->value, &why);

		if (r < 0 && r != -EOPNOTSUPP)
			failed_limit(engine, c, section, key, &why, err);
	}
	return job_set_limits(engine, c, err);
}

/* What the daemon does for it later on, by the rules. */
static void watch(struct engine *engine, struct rbce_container *c)
{
	oom_watch(engine, c);
	penalty_watch(engine, c);
}

/* Opens or makes the one container NAME, whose parent is there, and limits it. */
static int add_container(struct engine *engine, const char *name, struct rbce_error *err)
{
	struct rbce_container *c;
	bool is_new;
	int r;

	r = rbce_container_open(engine->h, name, 0, &c, NULL);
	is_new = r == -ENOENT;
	if (r == 0)
		rbce_container_close(c);
	r = rbce_container_open(engine->h, name, RBCE_CONTAINER_CREATE, &c, err);
	if (r < 0)
		return r;
	r = set_limits(engine, c, err);
	if (r < 0) {
		/* Without the limit that was asked for it may not be used. */
		if (is_new)
			controller_remove(c, NULL);
		rbce_container_close(c);
		return r;
	}
	if (is_new) {
		engine->counters.created++;
		stream_tell_text(engine, "created", "container", rbce_container_name(c));
		log_event(LOG_LEVEL_INFO, "created",
			  &(struct log_field){"container", rbce_container_name(c)}, 1);
	}
	r = remember(engine, c);
	if (r < 0)
		return rbce_error_errno(err, r, "cannot open container '%s'", name);
	watch(engine, c);
	return 0;
}

int place_open(struct engine *engine, struct rbce_error *err)
{
	char **names = NULL;
	int r;

	engine->placed = calloc(1, sizeof(*engine->placed));
	if (!engine->placed)
		return rbce_error_errno(err, -ENOMEM, "cannot list containers");
	/* An observer leaves limits alone as well. */
	if (engine->options.observe)
		return 0;
	oom_open(engine);
	penalty_open(engine);
	r = rbce_container_list(engine->h, &names, err);
	for (size_t i = 0; r == 0 && names[i]; i++) {
		struct rbce_error why;

		/* A group that somebody else made there, or that is gone again, stops nothing. */
		if (add_container(engine, names[i], &why) < 0)
			log_warning("%s", why.message);
	}
	rbce_names_free(names);
	return r;
}

void place_close(struct engine *engine)
{
	struct entry *entry, *next;

	if (!engine->placed)
		return;
	HASH_ITER (hh, engine->placed->table, entry, next)
		forget(engine, entry);
	free(engine->placed);
	engine->placed = NULL;
}

size_t place_count(const struct engine *engine)
{
	return HASH_COUNT(engine->placed->table);
}

int place_container(struct engine *engine, const char *name, struct rbce_container **ret,
		    struct rbce_error *err)
{
	struct entry *entry = find(engine, name);
	cleanup_free char *above = NULL;
	int r;

	if (!entry) {
		r = rbce_container_check_name(name, err);
		if (r < 0)
			return r;
		above = strdup(name);
		if (!above)
			return rbce_error_errno(err, -ENOMEM, "cannot open container '%s'", name);
		for (char *slash = strchr(above, '/'); slash; slash = strchr(slash + 1, '/')) {
			*slash = '\0';
			r = find(engine, above) ? 0 : add_container(engine, above, err);
			*slash = '/';
			if (r < 0)
				return r;
		}
		r = add_container(engine, name, err);
		if (r < 0)
			return r;
		entry = find(engine, name);
	}
	entry->empty_since = 0;
	*ret = entry->container;
	return 0;
}

int place_anew(struct engine *engine, struct rbce_error *err)
{
	place_close(engine);
	return place_open(engine, err);
}

static int attach(struct engine *engine, struct rbce_container *c, pid_t pid,
		  struct rbce_error *err)
{
	int r = rbce_container_attach(c, pid, err);

	if (r != -EINVAL || !hold_is_realtime(engine, pid))
		return r;
	return rbce_error_set(err, PLACE_REALTIME,
			      "cannot move process '%d' to container '%s': it is real-time, and "
			      "the container has no real-time bandwidth",
			      pid, rbce_container_name(c));
}

int place_task(struct engine *engine, const char *name, pid_t pid, struct rbce_error *err)
{
	struct rbce_container *c;
	int r;

	r = place_container(engine, name, &c, err);
	if (r < 0)
		return r;
	r = attach(engine, c, pid, err);
	if (r != -ENOENT)
		return r;
	r = place_anew(engine, err);
	if (r == 0)
		r = place_container(engine, name, &c, err);
	return r < 0 ? r : attach(engine, c, pid, err);
}

static void take_back(struct rbce_container *c, const struct container_key *key)
{
	const struct controller_key *row = controller_key_find(key->key);
	struct rbce_error err;

	if (controller_supported(row, c) && controller_reset(row, c, key->value, &err) < 0)
		log_warning("cannot take back '%s' of container '%s': %s", key->key,
			    rbce_container_name(c), err.message);
}

static bool has_key(const struct container_section *section, const char *key)
{
	for (size_t i = 0; section && i < section->n_keys; i++)
		if (streq(section->keys[i].key, key))
			return true;
	return false;
}

void place_update_limits(struct engine *engine, const struct ruleset *old)
{
	oom_open(engine);
	penalty_open(engine);
	for (struct entry *e = engine->placed->table; e; e = e->hh.next) {
		const struct container_section *before = ruleset_section(old, e->name);
		const struct container_section *now = ruleset_section(engine->rules, e->name);
		struct rbce_error err = {0};

		for (size_t i = 0; before && i < before->n_keys; i++)
			if (!has_key(now, before->keys[i].key) ||
			    controller_key_repeats(controller_key_find(before->keys[i].key)))
				take_back(e->container, &before->keys[i]);
		if (set_limits(engine, e->container, &err) < 0)
			log_warning("%s", err.message);
		watch(engine, e->container);
	}
}

static bool has_child(const struct engine *engine, const char *name)
{
	for (struct entry *e = engine->placed->table; e; e = e->hh.next) {
		const char *below = after_prefix(e->name, name);
		if (below && *below == '/')
			return true;
	}
	return false;
}

static int reap(struct engine *engine, struct entry *entry, struct rbce_error *err)
{
	int r;

	hold_before_removal(engine, entry->name);
	r = controller_remove(entry->container, err);
	if (r < 0) {
		entry->empty_since = 0;
		return r;
	}
	engine->counters.removed++;
	stream_tell_text(engine, "removed", "container", entry->name);
	log_event(LOG_LEVEL_INFO, "removed", &(struct log_field){"container", entry->name}, 1);
	oom_forget(engine, entry->name);
	penalty_forget(engine, entry->name);
	forget(engine, entry);
	return 0;
}

int place_remove(struct engine *engine, const char *name, struct rbce_error *err)
{
	struct entry *entry = find(engine, name);

	return entry ? reap(engine, entry, err) : 0;
}

void place_reap(struct engine *engine)
{
	struct entry *entry, *next;
	struct rbce_error err;
	uint64_t now;

	sd_event_now(engine->loop, CLOCK_MONOTONIC, &now);
	HASH_ITER (hh, engine->placed->table, entry, next) {
		bool empty = false;

		/* Those below go first. */
		if (rbce_container_is_empty(entry->container, &empty, NULL) < 0 || !empty ||
		    has_child(engine, entry->name))
			entry->empty_since = 0;
		else if (!entry->empty_since)
			entry->empty_since = now;
		else if (now - entry->empty_since >= engine->options.linger &&
			 !job_is_begun(engine, entry->name) && reap(engine, entry, &err) < 0 &&
			 err.code != -EBUSY)
			log_warning("%s", err.message);
	}
}
