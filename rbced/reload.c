// SPDX-License-Identifier: GPL-2.0-or-later
/* Rules that are read while others are in force; see reload.h. */
#include "reload.h"

#include <core/cli/log.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include "gate/gate.h"
#include "key_check.h"
#include "names.h"
#include "place.h"
#include "source/source.h"
#include "stream.h"
#include "util.h"

static const struct rules_options live_options = {
	.names = &names_bounded,
	.check_key = key_check,
	.key_repeats = key_check_repeats,
};

/* Decisions that are kept; about half a KiB each. */
enum { CACHE_ENTRIES = 4096 };

/* Tasks that are looked at before the events that came meanwhile get their turn. */
enum { SLICE = 32 };

/* A rule set and all that goes with it; nothing of it when R is negative. */
struct load {
	int r;
	struct rules_errors errors;
	struct ruleset *rules;
	struct rules_cache *cache;
	struct rule_counters *counters;
	size_t *before; /* for each rule the index of the same one in the old set, or NONE */
};
#define NONE SIZE_MAX

struct waiter {
	reload_done_fn *done;
	void *data;
	struct waiter *next;
};

struct reload {
	struct engine *engine;
	enum { IDLE, READING, LOOKING } state;
	struct load load;
	pthread_t thread;
	int ready; /* eventfd: the thread has ended */
	sd_event_source *on_ready, *on_slice;
	pid_t *tasks; /* to be looked at, by the new rules */
	size_t n_tasks, next;
	struct waiter *now, *later; /* for the one that runs, and for the one behind it */
};

/* A rule that reads as it did goes on counting. */
static void find_before(struct load *load, const struct ruleset *old)
{
	for (size_t i = 0; i < ruleset_size(load->rules); i++) {
		const struct rule *now = ruleset_rule(load->rules, i);
		const struct rule *before = old ? ruleset_find(old, now->name) : NULL;
		bool same = before && streq(before->terms, now->terms) &&
			    before->ignore == now->ignore &&
			    streq(before->container ?: "", now->container ?: "");

		load->before[i] = same ? before->index : NONE;
	}
}

/* In any thread: reads OLD, which does not change, and nothing else of the engine's. */
static void load_rules(struct load *load, const char *path, const struct ruleset *old)
{
	size_t n;

	*load = (struct load){0};
	load->r = ruleset_load(path, &live_options, &load->rules, &load->errors);
	if (load->r < 0)
		return;
	n = ruleset_size(load->rules) + 1;
	load->cache = rules_cache_new(load->rules, CACHE_ENTRIES);
	load->counters = calloc(n, sizeof(*load->counters));
	load->before = calloc(n, sizeof(*load->before));
	if (load->cache && load->counters && load->before)
		find_before(load, old);
	else
		load->r = -ENOMEM;
}

static void load_done(struct load *load)
{
	rules_errors_done(&load->errors);
	load->cache = rules_cache_free(load->cache);
	load->rules = ruleset_free(load->rules);
	free(load->counters);
	free(load->before);
	*load = (struct load){0};
}

/* Logs what is wrong, and says it in ERR. */
static int refuse(struct engine *engine, const struct load *load, struct rbce_error *err)
{
	const struct rules_errors *errors = &load->errors;

	for (size_t i = 0; i < errors->n; i++)
		log_error("%s", errors->lines[i]);
	free(engine->reload_error);
	engine->reload_error = strdup(errors->n ? errors->lines[0] : strerror(-load->r));
	engine->counters.reloads_failed++;
	return rbce_error_set(err, load->r, "cannot load rules '%s': %s%s", engine->options.rules,
			      engine->reload_error ?: "",
			      errors->n > 1 ? " (the log has the others)" : "");
}

/* Swaps the rules that were read with those in force, which then belong to LOAD. */
static void swap(struct engine *engine, struct load *load)
{
	const struct load old = *load;

	for (size_t i = 0; i < ruleset_size(load->rules); i++)
		if (load->before[i] != NONE)
			load->counters[i] = engine->rule_counters[load->before[i]];
	load->rules = engine->rules;
	load->cache = engine->cache;
	load->counters = engine->rule_counters;
	engine->rules = old.rules;
	engine->cache = old.cache;
	engine->rule_counters = old.counters;
	engine->facts =
		ruleset_facts(engine->rules) | RBCE_FACT_STAT | RBCE_FACT_EXE | RBCE_FACT_CGROUP;
	engine->forks_matter = ruleset_forks_matter(engine->rules);
	/* These may look at other variables. */
	if (engine->records)
		records_forget_env(engine->records, 0);
	engine->rules_loaded = time(NULL);
	engine->counters.reloads++;
	source_rules_changed(engine);
	free(engine->reload_error);
	engine->reload_error = NULL;
}

int reload_first(struct engine *engine, struct rbce_error *err)
{
	struct load load;
	int r;

	load_rules(&load, engine->options.rules, NULL);
	r = load.r < 0 ? refuse(engine, &load, err) : 0;
	if (r == 0)
		swap(engine, &load);
	load_done(&load);
	return r;
}

/* A large set takes its time to be freed; what it took goes back to the system. */
static void *discard(void *data)
{
	struct load *load = data;

	load_done(load);
	free(load);
	malloc_trim(0);
	return NULL;
}

static void discard_later(struct load *load)
{
	struct load *copy = malloc(sizeof(*copy));
	pthread_t thread;

	if (copy) {
		*copy = *load;
		*load = (struct load){0};
		if (pthread_create(&thread, NULL, discard, copy) == 0)
			pthread_detach(thread);
		else
			discard(copy);
	}
	load_done(load);
}

static void *read_rules(void *data)
{
	struct reload *reload = data;

	load_rules(&reload->load, reload->engine->options.rules, reload->engine->rules);
	eventfd_write(reload->ready, 1);
	return NULL;
}

static int begin(struct reload *reload)
{
	int r = pthread_create(&reload->thread, NULL, read_rules, reload);

	if (r != 0)
		return -r;
	reload->state = READING;
	reload->now = reload->later;
	reload->later = NULL;
	return 0;
}

static void tell(struct waiter *waiters, int r, const struct rbce_error *err)
{
	while (waiters) {
		struct waiter *waiter = waiters;

		waiters = waiter->next;
		waiter->done(waiter->data, r, err);
		free(waiter);
	}
}

/* One reload is over, and those who asked during it have theirs begun. */
static void finish(struct reload *reload, int r, const struct rbce_error *err)
{
	struct waiter *waiters = reload->now;
	struct rbce_error why;

	reload->now = NULL;
	reload->state = IDLE;
	if (r < 0)
		stream_tell_text(reload->engine, "reload", "error", err->message);
	else
		stream_tell_number(reload->engine, "reload", "rules",
				   ruleset_size(reload->engine->rules));
	tell(waiters, r, err);
	if (!reload->later)
		return;
	r = begin(reload);
	if (r < 0) {
		waiters = reload->later;
		reload->later = NULL;
		rbce_error_errno(&why, r, "cannot load rules '%s'", reload->engine->options.rules);
		tell(waiters, r, &why);
	}
}

static int on_slice(sd_event_source *source, void *data)
{
	struct reload *reload = data;

	for (size_t i = 0; i < SLICE && reload->next < reload->n_tasks; i++)
		engine_classify(reload->engine, reload->tasks[reload->next++], CAUSE_SCAN);
	if (reload->next < reload->n_tasks)
		return 0;
	sd_event_source_set_enabled(source, SD_EVENT_OFF);
	reload->engine->looked_at = monotonic_usec();
	free(reload->tasks);
	reload->tasks = NULL;
	finish(reload, 0, NULL);
	return 0;
}

static int on_ready(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct reload *reload = data;
	struct engine *engine = reload->engine;
	struct rbce_error err;
	eventfd_t value;
	int r;

	(void)source;
	(void)events;
	eventfd_read(fd, &value);
	pthread_join(reload->thread, NULL);
	if (reload->load.r < 0) {
		r = refuse(engine, &reload->load, &err);
		load_done(&reload->load);
		finish(reload, r, &err);
		return 0;
	}
	swap(engine, &reload->load);
	gate_rules_changed(engine->gate);
	place_update_limits(engine, reload->load.rules);
	discard_later(&reload->load);
	reload->next = 0;
	r = rbce_task_list(engine->root, &reload->tasks, &reload->n_tasks, &err);
	if (r < 0) {
		finish(reload, r, &err);
		return 0;
	}
	reload->state = LOOKING;
	engine->looked_at = UINT64_MAX;
	sd_event_source_set_enabled(reload->on_slice, SD_EVENT_ON);
	return 0;
}

static int open_reload(struct engine *engine)
{
	struct reload *reload = calloc(1, sizeof(*reload));
	int r;

	if (!reload)
		return -ENOMEM;
	engine->reload = reload;
	reload->engine = engine;
	reload->ready = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = reload->ready < 0 ? -errno : 0;
	if (r == 0)
		r = sd_event_add_io(engine->loop, &reload->on_ready, reload->ready, EPOLLIN,
				    on_ready, reload);
	if (r >= 0)
		r = sd_event_add_defer(engine->loop, &reload->on_slice, on_slice, reload);
	if (r >= 0)
		r = sd_event_source_set_enabled(reload->on_slice, SD_EVENT_OFF);
	if (r < 0)
		reload_close(engine);
	return r;
}

int reload_request(struct engine *engine, reload_done_fn *done, void *data, struct rbce_error *err)
{
	struct waiter *waiter = malloc(sizeof(*waiter));
	int r = waiter ? 0 : -ENOMEM;

	if (r == 0 && !engine->reload)
		r = open_reload(engine);
	if (r == 0) {
		*waiter = (struct waiter){done, data, engine->reload->later};
		engine->reload->later = waiter;
		if (engine->reload->state == IDLE)
			r = begin(engine->reload);
		if (r < 0)
			engine->reload->later = waiter->next;
	}
	if (r < 0) {
		free(waiter);
		return rbce_error_errno(err, r, "cannot load rules '%s'", engine->options.rules);
	}
	return 0;
}

static void forget_in(struct waiter **link, const void *data)
{
	while (*link) {
		struct waiter *waiter = *link;

		if (data && waiter->data != data) {
			link = &waiter->next;
			continue;
		}
		*link = waiter->next;
		free(waiter);
	}
}

void reload_forget(struct engine *engine, const void *data)
{
	if (!engine->reload)
		return;
	forget_in(&engine->reload->now, data);
	forget_in(&engine->reload->later, data);
}

bool reload_close(struct engine *engine)
{
	struct reload *reload = engine->reload;

	if (!reload)
		return true;
	/* The thread may be in a file system that hangs: the end of the process ends it. */
	if (reload->state == READING)
		return false;
	sd_event_source_disable_unref(reload->on_ready);
	sd_event_source_disable_unref(reload->on_slice);
	if (reload->ready >= 0)
		close(reload->ready);
	forget_in(&reload->now, NULL);
	forget_in(&reload->later, NULL);
	free(reload->tasks);
	free(reload);
	engine->reload = NULL;
	return true;
}
