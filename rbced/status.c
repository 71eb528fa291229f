// SPDX-License-Identifier: GPL-2.0-or-later
/* What the daemon has done so far; see status.h. */
#include "status.h"

#include <core/cli/log.h>

#include "gate/gate.h"
#include "oom/oom.h"
#include "penalty.h"
#include "place.h"
#include "put.h"
#include "record.h"
#include "source/source.h"
#include "stream.h"
#include "util.h"

static void put_events(const struct counters *counters, struct json_object *events)
{
	uint64_t total = 0;

	for (size_t i = 0; i <= CAUSE_EXIT; i++) {
		put_number(events, cause_name((enum cause)i), counters->events[i]);
		total += counters->events[i];
	}
	put_number(events, "total", total);
	put_number(events, "lost", counters->lost);
	put_number(events, "losses", counters->losses);
	put_number(events, "resyncs", counters->resyncs);
}

/* By the errors' names, those that there were. */
static void put_failures(const struct counters *counters, struct json_object *failures)
{
	for (int i = 0; i < ERRORS; i++) {
		const char *name = i ? strerrorname_np(i) : NULL;

		if (counters->errors[i])
			put_number(failures, name ?: "other", counters->errors[i]);
	}
}

static void put_histogram(const struct histogram *histogram, struct json_object *object)
{
	put_number(object, "n", histogram->n);
	put_number(object, "p50_us", histogram_quantile(histogram, 0.5));
	put_number(object, "p99_us", histogram_quantile(histogram, 0.99));
	put_number(object, "max_us", histogram->max);
}

static void count_hold(void *data, const struct record *record)
{
	((size_t *)data)[record->hold]++;
}

/* How many tasks are out of the rules' hands now. */
static void put_held(const struct engine *engine, struct json_object *held)
{
	size_t counts[HOLD_COUNT] = {0};

	records_each(engine->records, count_hold, counts);
	for (size_t i = HOLD_NONE + 1; i < HOLD_COUNT; i++)
		put_number(held, hold_name((enum hold)i), counts[i]);
}

static void put_rules(const struct engine *engine, struct json_object *rules)
{
	put_string(rules, "path", engine->options.rules);
	put_number(rules, "count", ruleset_size(engine->rules));
	put_number(rules, "loaded", (uint64_t)engine->rules_loaded);
	put_number(rules, "reloads", engine->counters.reloads);
	put_number(rules, "reloads_failed", engine->counters.reloads_failed);
	put_string(rules, "last_error", engine->reload_error);
}

static void put_cache(const struct engine *engine, struct json_object *cache)
{
	struct rules_cache_counters counters = rules_cache_counters(engine->cache);

	put_number(cache, "hits", counters.hits);
	put_number(cache, "misses", counters.misses);
	put_number(cache, "too_large", counters.too_large);
}

static void put_containers(const struct engine *engine, struct json_object *containers)
{
	put_number(containers, "now", place_count(engine));
	put_number(containers, "created", engine->counters.created);
	put_number(containers, "removed", engine->counters.removed);
	put_number(containers, "limits_failed", engine->counters.limits_failed);
}

void status_put(const struct engine *engine, struct json_object *object)
{
	const struct counters *counters = &engine->counters;
	struct json_object *decisions, *latency;

	put_string(object, "root", engine->options.root);
	put_number(object, "pid", (uint64_t)getpid());
	put_string(object, "version", VERSION);
	put_number(object, "uptime_seconds", (uint64_t)(time(NULL) - engine->started));
	put_string(object, "layout", rbce_hierarchy_layout(engine->h));
	source_put_status(engine, put_object(object, "source"));
	put_string(object, "mode", engine->options.observe ? "observe" : "enforce");
	put_rules(engine, put_object(object, "rules"));
	put_events(counters, put_object(object, "events"));
	decisions = put_object(object, "decisions");
	for (size_t i = 0; i < OUTCOME_COUNT; i++)
		put_number(decisions, outcome_name((enum outcome)i), counters->outcomes[i]);
	put_failures(counters, put_object(object, "failures"));
	latency = put_object(object, "latency");
	put_histogram(&engine->decisions, put_object(latency, "decision"));
	put_histogram(&engine->delays, put_object(latency, "event"));
	put_held(engine, put_object(object, "held"));
	put_cache(engine, put_object(object, "cache"));
	gate_put_status(engine->gate, put_object(object, "gate"));
	put_containers(engine, put_object(object, "containers"));
	oom_put_status(engine, put_object(object, "oom"));
	penalty_put_status(engine, put_object(object, "penalties"));
	put_number(object, "listeners", stream_listeners(engine));
	put_number(object, "log_lost", log_lost());
}
