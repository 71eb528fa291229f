// SPDX-License-Identifier: GPL-2.0-or-later
/* From an event to a verdict to a move; see engine.h. */
#include <core/cli/log.h>
#include <errno.h>

#include "engine.h"
#include "place.h"
#include "record.h"
#include "util.h"

const char *cause_name(enum cause cause)
{
	static const char *const names[CAUSE_COUNT] = {
		[CAUSE_FORK] = "fork", [CAUSE_EXEC] = "exec",       [CAUSE_UID] = "uid",
		[CAUSE_GID] = "gid",   [CAUSE_SID] = "sid",         [CAUSE_EXIT] = "exit",
		[CAUSE_SCAN] = "scan", [CAUSE_REQUEST] = "request", [CAUSE_MANUAL] = "manual",
	};
	return names[cause];
}

const char *outcome_name(enum outcome outcome)
{
	static const char *const names[OUTCOME_COUNT] = {
		[OUTCOME_NONE] = "none",     [OUTCOME_IGNORED] = "ignored",
		[OUTCOME_MANUAL] = "manual", [OUTCOME_OBSERVED] = "observed",
		[OUTCOME_RIGHT] = "right",   [OUTCOME_MOVED] = "moved",
		[OUTCOME_GONE] = "gone",     [OUTCOME_FAILED] = "failed",
		[OUTCOME_SET] = "set",
	};
	return names[outcome];
}

int engine_read_task(struct engine *engine, pid_t pid, struct rbce_task *ret,
		     struct rbce_error *err)
{
	const struct record *record;
	int r = rbce_task_read(engine->root, pid, engine->facts, ret, err);

	if (r < 0)
		return r;
	r = rbce_hierarchy_container_of(engine->h, ret->cgroup, &ret->container);
	if (r < 0 && r != -ENOENT) {
		rbce_task_done(ret);
		return rbce_error_errno(err, r, "cannot find the container of process '%d'", pid);
	}
	record = records_find(engine->records, pid, ret->start);
	ret->tag = record && record->tag ? strdup(record->tag) : NULL;
	return 0;
}

/* Does it stand in NAME in every hierarchy, so that nothing is left to be done? */
static bool stands_right(struct engine *engine, const struct rbce_task *task, const char *name)
{
	cleanup_free char *now = NULL;

	return rbce_hierarchy_container_of(engine->h, task->cgroup, &now) == 0 && streq(now, name);
}

static void log_move(enum log_level level, const char *message, const struct rbce_task *task,
		     const struct rule *rule, const char *container, enum cause cause)
{
	char pid[16];
	const struct log_field fields[] = {
		{"pid", pid},
		{"exe", task->exe ?: task->comm},
		{"rule", rule->name},
		{"container", container},
		{"cause", cause_name(cause)},
	};

	snprintf(pid, sizeof(pid), "%d", task->pid);
	log_event(level, message, fields, ARRAY_SIZE(fields));
}

/*
 * The pidfd of the task whose facts were read keeps its pid from meaning another one unnoticed: if
 * it ended before the move, the move is not made; if after, the newcomer brings its own events.
 */
static enum outcome move_task(struct engine *engine, const struct rbce_task *task,
			      const struct rule *rule, const char *name, enum cause cause)
{
	struct rbce_error err;
	cleanup_close int fd = rbce_task_pidfd(engine->root, task);
	int r = fd < 0 ? fd : place_task(engine, name, task->pid, &err);

	if (r == -ESRCH)
		return OUTCOME_GONE;
	if (fd < 0)
		rbce_error_errno(&err, r, "cannot move process '%d'", task->pid);
	if (r < 0) {
		log_warning("%s (rule '%s', container '%s')", err.message, rule->name, name);
		return OUTCOME_FAILED;
	}
	engine->rule_counters[rule->index].moves++;
	records_add_move(engine->records, task, cause, rule->name, name);
	log_move(LOG_LEVEL_DEBUG, "moved", task, rule, name, cause);
	return OUTCOME_MOVED;
}

/* What an observing rule, or daemon, would do. Once for each task, however many events come by. */
static enum outcome observe(struct engine *engine, const struct rbce_task *task,
			    const struct rule *rule, const char *name, enum cause cause)
{
	uint64_t key = engine->counters.reloads << 32 | (rule->index + 1);

	if (records_observe(engine->records, task, key)) {
		engine->rule_counters[rule->index].moves++;
		log_move(LOG_LEVEL_DEBUG, "would move", task, rule, name, cause);
	}
	return OUTCOME_OBSERVED;
}

/*
 * Once for a task and what it inherits to its children: what its owner changes afterwards stays.
 * The task stands in its container already, and stays there whatever becomes of this.
 */
static enum outcome act(struct engine *engine, const struct rbce_task *task,
			const struct rule *rule, enum outcome otherwise)
{
	uint64_t actions = rule_actions_hash(&rule->actions);
	struct rbce_error err;
	int r;

	if (!actions || !records_act(engine->records, task, actions))
		return otherwise;
	r = engine_act(engine, task, &rule->actions, &err);
	if (r == -ESRCH)
		return OUTCOME_GONE;
	if (r < 0) {
		log_warning("%s (rule '%s')", err.message, rule->name);
		return OUTCOME_FAILED;
	}
	return otherwise == OUTCOME_MOVED ? otherwise : OUTCOME_SET;
}

static enum outcome apply_rule(struct engine *engine, const struct rbce_task *task,
			       const struct rule *rule, enum cause cause)
{
	bool observing = engine->options.observe || rule->mode == RULE_OBSERVE;
	cleanup_free char *name = NULL;
	enum outcome outcome = OUTCOME_RIGHT;
	struct rbce_error err;
	int r;

	engine->rule_counters[rule->index].hits++;
	engine->rule_counters[rule->index].last = time(NULL);
	if (rule->ignore)
		return OUTCOME_IGNORED;
	r = rule->container ? ruleset_container(engine->rules, rule, task, &name, &err) : 0;
	if (r < 0) {
		log_warning("%s (rule '%s', process %d)", err.message, rule->name, task->pid);
		return OUTCOME_FAILED;
	}
	if (name && !stands_right(engine, task, name)) {
		if (observing)
			return observe(engine, task, rule, name, cause);
		outcome = move_task(engine, task, rule, name, cause);
	}
	if (observing || (outcome != OUTCOME_RIGHT && outcome != OUTCOME_MOVED))
		return outcome;
	return act(engine, task, rule, outcome);
}

static enum outcome decide(struct engine *engine, pid_t pid, enum cause cause)
{
	CLEANUP(rbce_task_done) struct rbce_task task = {0};
	const struct record *record;
	const struct rule *rule;
	struct rbce_error err;
	int r;

	/* The daemon itself stays where its administrator started it. */
	if (pid == getpid())
		return OUTCOME_IGNORED;
	r = engine_read_task(engine, pid, &task, &err);
	if (r == -ESRCH)
		return OUTCOME_GONE;
	if (r < 0) {
		log_warning("%s", err.message);
		return OUTCOME_FAILED;
	}
	if (task.kernel_thread)
		return OUTCOME_IGNORED;
	record = records_find(engine->records, pid, task.start);
	if (record ? record->manual : cause == CAUSE_SCAN && records_adopt(engine->records, &task))
		return OUTCOME_MANUAL;
	rule = rules_cache_match(engine->cache, &task);
	return rule ? apply_rule(engine, &task, rule, cause) : OUTCOME_NONE;
}

enum outcome engine_classify(struct engine *engine, pid_t pid, enum cause cause)
{
	enum outcome outcome = decide(engine, pid, cause);

	engine->counters.outcomes[outcome]++;
	return outcome;
}
