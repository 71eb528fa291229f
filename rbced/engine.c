// SPDX-License-Identifier: GPL-2.0-or-later
/* Events, losses, full scans and reloads; see engine.h. */
#include "engine.h"

#include <core/cli/log.h>
#include <errno.h>
#include <systemd/sd-daemon.h>

#include "key_check.h"
#include "place.h"
#include "record.h"
#include "util.h"

void engine_event(struct engine *engine, enum cause cause, pid_t pid, pid_t parent)
{
	engine->counters.events[cause]++;
	if (cause == CAUSE_EXIT) {
		records_drop(engine->records, pid);
		return;
	}
	if (cause == CAUSE_FORK && records_inherit(engine->records, engine->root, parent, pid))
		return;
	/* A full scan will come by here anyway. */
	if (engine->rescan)
		return;
	engine_classify(engine, pid, cause);
}

void engine_lost(struct engine *engine, uint64_t n)
{
	engine->counters.lost += n;
	engine->counters.losses++;
	engine->rescan = true;
}

void engine_scan(struct engine *engine, enum cause cause)
{
	cleanup_free pid_t *pids = NULL;
	struct rbce_error err;
	size_t n;

	/* Before the look, so that a loss during it is followed by another one. */
	engine->rescan = false;
	if (rbce_task_list(engine->root, &pids, &n, &err) < 0) {
		log_error("%s", err.message);
		return;
	}
	records_prune(engine->records, pids, n);
	for (size_t i = 0; i < n; i++)
		engine_classify(engine, pids[i], cause);
}

static void log_rule_errors(const struct rules_errors *errors)
{
	for (size_t i = 0; i < errors->n; i++)
		log_error("%s", errors->lines[i]);
}

/* Decisions that are kept; about half a KiB each. */
enum { CACHE_ENTRIES = 4096 };

/* A rule that reads as it did goes on counting. */
static void keep_counters(struct engine *engine, const struct ruleset *rules,
			  struct rule_counters *rule_counters)
{
	for (size_t i = 0; engine->rules && i < ruleset_size(rules); i++) {
		const struct rule *now = ruleset_rule(rules, i);
		const struct rule *before = ruleset_find(engine->rules, now->name);

		if (before && streq(before->terms, now->terms) && before->ignore == now->ignore &&
		    streq(before->container ?: "", now->container ?: ""))
			rule_counters[i] = engine->rule_counters[before->index];
	}
}

static void adopt_rules(struct engine *engine, struct ruleset *rules, struct rules_cache *cache,
			struct rule_counters *rule_counters)
{
	struct ruleset *old = engine->rules;

	keep_counters(engine, rules, rule_counters);
	free(engine->rule_counters);
	rules_cache_free(engine->cache);
	engine->rules = rules;
	engine->cache = cache;
	engine->rule_counters = rule_counters;
	engine->facts = ruleset_facts(rules) | RBCE_FACT_STAT | RBCE_FACT_IDS | RBCE_FACT_EXE |
			RBCE_FACT_CGROUP;
	engine->rules_loaded = time(NULL);
	if (engine->placed)
		place_update_limits(engine, old);
	ruleset_free(old);
}

int engine_reload(struct engine *engine, struct rbce_error *err)
{
	CLEANUP(rules_errors_done) struct rules_errors errors = {0};
	struct ruleset *rules = NULL;
	struct rule_counters *rule_counters;
	struct rules_cache *cache;
	int r;

	free(engine->reload_error);
	engine->reload_error = NULL;
	r = ruleset_load(engine->options.rules, &key_check_options, &rules, &errors);
	if (r < 0) {
		log_rule_errors(&errors);
		engine->reload_error = strdup(errors.n ? errors.lines[0] : strerror(-r));
		engine->counters.reloads_failed++;
		return rbce_error_set(err, r, "cannot load rules '%s': %s%s", engine->options.rules,
				      engine->reload_error ?: "",
				      errors.n > 1 ? " (the log has the others)" : "");
	}
	rule_counters = calloc(ruleset_size(rules) + 1, sizeof(*rule_counters));
	cache = rules_cache_new(rules, CACHE_ENTRIES);
	if (!rule_counters || !cache) {
		free(rule_counters);
		rules_cache_free(cache);
		ruleset_free(rules);
		return rbce_error_errno(err, -ENOMEM, "cannot load rules '%s'",
					engine->options.rules);
	}
	adopt_rules(engine, rules, cache, rule_counters);
	engine->counters.reloads++;
	return 0;
}
