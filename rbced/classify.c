// SPDX-License-Identifier: GPL-2.0-or-later
/* From an event to a verdict to a move; see engine.h. */
#include <core/cli/log.h>
#include <errno.h>
#include <poll.h>
#include <sys/pidfd.h>

#include "engine.h"
#include "hold.h"
#include "place.h"
#include "record.h"
#include "source/source.h"
#include "stream.h"
#include "util.h"

const char *cause_name(enum cause cause)
{
	static const char *const names[CAUSE_COUNT] = {
		[CAUSE_FORK] = "fork", [CAUSE_EXEC] = "exec",       [CAUSE_UID] = "uid",
		[CAUSE_GID] = "gid",   [CAUSE_SID] = "sid",         [CAUSE_PGRP] = "pgrp",
		[CAUSE_EXIT] = "exit", [CAUSE_MOVED] = "moved",     [CAUSE_SCAN] = "scan",
		[CAUSE_GATE] = "gate", [CAUSE_REQUEST] = "request", [CAUSE_MANUAL] = "manual",
	};
	return names[cause];
}

const char *outcome_name(enum outcome outcome)
{
	static const char *const names[OUTCOME_COUNT] = {
		[OUTCOME_NONE] = "none",       [OUTCOME_IGNORED] = "ignored",
		[OUTCOME_MANUAL] = "manual",   [OUTCOME_OBSERVED] = "observed",
		[OUTCOME_RIGHT] = "right",     [OUTCOME_MOVED] = "moved",
		[OUTCOME_GONE] = "gone",       [OUTCOME_FAILED] = "failed",
		[OUTCOME_SET] = "set",         [OUTCOME_HELD] = "held",
		[OUTCOME_FOREIGN] = "foreign", [OUTCOME_REALTIME] = "realtime",
	};
	return names[outcome];
}

/*
 * Without the lock: reading takes longer than all the rest. The rules may be others afterwards; a
 * reload looks at every task again. TASK gets the FACTS that it does not have yet.
 */
static int read_facts(struct engine *engine, int dir, unsigned facts, struct rbce_task *task,
		      struct rbce_error *err)
{
	bool placed = task->facts & RBCE_FACT_CGROUP;
	int r = rbce_task_read_more(engine->root, dir, facts, task, err);

	if (r < 0 || placed || !(task->facts & RBCE_FACT_CGROUP))
		return r;
	r = rbce_hierarchy_place(engine->h, task);
	if (r < 0)
		return rbce_error_errno(err, r, "cannot find the container of process '%d'",
					task->pid);
	return 0;
}

/* Also without the lock: all at once. */
static int read_task(struct engine *engine, pid_t pid, unsigned facts, struct rbce_task *task,
		     struct rbce_error *err)
{
	cleanup_close int dir = -1;

	task->pid = pid;
	if (source_tells(engine, pid, facts, task))
		return 0;
	dir = rbce_task_open(engine->root, pid, err);
	return dir < 0 ? dir : read_facts(engine, dir, facts, task, err);
}

/* How it was when the task was executed, which the daemon keeps as far as rules ask for it. */
static void add_env(struct engine *engine, const struct record *record, struct rbce_task *task)
{
	char *kept = record && record->env ? strdup(record->env) : NULL;

	if (kept) {
		free(task->env);
		task->env = kept;
	} else if (task->env && ruleset_trim_env(engine->rules, task) == 0 && task->env[1]) {
		records_set_env(engine->records, task->pid, task->start, task->env);
	}
}

static const struct record *add_record(struct engine *engine, struct rbce_task *task)
{
	const struct record *record = records_find(engine->records, task->pid, task->start);

	/* One of that pid ended without a word. */
	if (!record)
		records_drop(engine->records, task->pid);
	task->tag = record && record->tag ? strdup(record->tag) : NULL;
	if (task->facts & RBCE_FACT_ENV)
		add_env(engine, record, task);
	return records_find(engine->records, task->pid, task->start);
}

int engine_read_task(struct engine *engine, pid_t pid, struct rbce_task *ret,
		     struct rbce_error *err)
{
	CLEANUP(rbce_task_done) struct rbce_task task = {0};
	unsigned facts = engine->facts | RBCE_FACT_IDS;
	cleanup_close int dir = -1;
	int r;

	engine_unlock(engine);
	task.pid = pid;
	dir = rbce_task_open(engine->root, pid, err);
	r = dir < 0 ? dir : read_facts(engine, dir, facts, &task, err);
	engine_lock(engine);
	if (r < 0)
		return r;
	add_record(engine, &task);
	*ret = task;
	task = (struct rbce_task){0};
	return 0;
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

/* Told once for a task. It is looked at again with its next event, in case its policy changes. */
static enum outcome refuse_realtime(struct engine *engine, const struct rbce_task *task,
				    const struct rule *rule, const struct rbce_error *err)
{
	if (records_refuse(engine->records, task, true))
		log_warning("%s (rule '%s'): it stays where it is", err->message, rule->name);
	return OUTCOME_REALTIME;
}

/* Is it still the process whose facts were read? A pid is not used again before that has ended. */
static int make_sure(struct engine *engine, const struct rbce_task *task, const struct decision *d)
{
	struct pollfd ended = {.fd = d->pidfd, .events = POLLIN};
	int fd;

	if (d->pidfd >= 0)
		return poll(&ended, 1, 0) == 0 ? 0 : -ESRCH;
	fd = rbce_task_pidfd(engine->root, task);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/*
 * The task whose facts were read is made sure of, so that its pid does not mean another one: if
 * it ended before the move, the move is not made; if after, the newcomer brings its own events.
 */
static enum outcome move_task(struct engine *engine, const struct rbce_task *task, enum cause cause,
			      struct decision *d)
{
	int sure = make_sure(engine, task, d);
	int r = sure < 0 ? sure : place_task(engine, d->container, task->pid, &d->why);

	if (r == -ESRCH)
		return OUTCOME_GONE;
	if (sure < 0)
		rbce_error_errno(&d->why, r, "cannot move process '%d'", task->pid);
	if (r == PLACE_REALTIME)
		return refuse_realtime(engine, task, d->rule, &d->why);
	if (r < 0) {
		/* It may have been moved in some hierarchies. */
		records_set_place(engine->records, task->pid, task->start, NULL);
		log_warning("%s (rule '%s', container '%s')", d->why.message, d->rule->name,
			    d->container);
		return OUTCOME_FAILED;
	}
	engine->rule_counters[d->rule->index].moves++;
	records_add_move(engine->records, task, cause, d->rule->name, d->container);
	records_refuse(engine->records, task, false);
	log_move(LOG_LEVEL_DEBUG, "moved", task, d->rule, d->container, cause);
	return OUTCOME_MOVED;
}

/* What an observing rule, or daemon, would do. Once for each task, however many events come by. */
static enum outcome observe(struct engine *engine, const struct rbce_task *task, enum cause cause,
			    struct decision *d)
{
	uint64_t key = engine->counters.reloads << 32 | (d->rule->index + 1);

	d->told = !records_observe(engine->records, task, key);
	if (!d->told) {
		engine->rule_counters[d->rule->index].moves++;
		log_move(LOG_LEVEL_DEBUG, "would move", task, d->rule, d->container, cause);
	}
	return OUTCOME_OBSERVED;
}

/*
 * Once for a task and what it inherits to its children: what its owner changes afterwards stays.
 * The task stands in its container already, and stays there whatever becomes of this.
 */
static enum outcome act(struct engine *engine, const struct rbce_task *task, enum outcome otherwise,
			struct decision *d)
{
	uint64_t actions = rule_actions_hash(&d->rule->actions);
	int r;

	if (!actions || !records_act(engine->records, task, actions))
		return otherwise;
	r = engine_act(engine, task, &d->rule->actions, &d->why);
	if (r == -ESRCH)
		return OUTCOME_GONE;
	if (r < 0) {
		log_warning("%s (rule '%s')", d->why.message, d->rule->name);
		return OUTCOME_FAILED;
	}
	return otherwise == OUTCOME_MOVED ? otherwise : OUTCOME_SET;
}

static void count_hit(struct engine *engine, const struct rule *rule)
{
	engine->rule_counters[rule->index].hits++;
	engine->rule_counters[rule->index].last = time(NULL);
}

static enum outcome apply_rule(struct engine *engine, const struct rbce_task *task,
			       enum cause cause, struct decision *d)
{
	const struct rule *rule = d->rule;
	bool observing = engine->options.observe || rule->mode == RULE_OBSERVE;
	enum outcome outcome = OUTCOME_RIGHT;

	count_hit(engine, rule);
	if (rule->ignore)
		return OUTCOME_IGNORED;
	if (rule->container &&
	    ruleset_container(engine->rules, rule, task, &d->container, &d->why) < 0) {
		log_warning("%s (rule '%s', process %d)", d->why.message, rule->name, task->pid);
		return OUTCOME_FAILED;
	}
	if (d->container && !engine_stands_in(task, d->container)) {
		if (observing)
			return observe(engine, task, cause, d);
		if (hold_before_move(engine, task, d->container, cause))
			return OUTCOME_FOREIGN;
		outcome = move_task(engine, task, cause, d);
	} else if (d->container && !observing) {
		records_set_place(engine->records, task->pid, task->start, d->container);
	}
	if (observing || (outcome != OUTCOME_RIGHT && outcome != OUTCOME_MOVED))
		return outcome;
	return act(engine, task, outcome, d);
}

/*
 * What the gate has decided for the program that it let through goes for the task from then on,
 * though the task may not show that program yet: what is heard of it meanwhile is from before.
 */
static bool is_held(struct engine *engine, const struct rbce_task *task,
		    const struct record *record, enum cause cause)
{
	if (!record || !record->program || cause == CAUSE_GATE || cause == CAUSE_REQUEST)
		return false;
	if (task->exe && streq(task->exe, record->program))
		return false;
	if (monotonic_usec() < record->program_until)
		return true;
	/* It could not be executed. */
	records_expect(engine->records, task->pid, task->start, NULL, 0);
	return false;
}

/* With the lock. */
static enum outcome decide(struct engine *engine, struct rbce_task *task, enum cause cause,
			   struct decision *d)
{
	const struct record *record = add_record(engine, task);
	enum outcome outcome;

	if (task->kernel_thread)
		return OUTCOME_IGNORED;
	if (hold_applies(engine, task, record, &outcome))
		return outcome;
	if (is_held(engine, task, record, cause))
		return OUTCOME_HELD;
	d->rule = rules_cache_match(engine->cache, task);
	return d->rule ? apply_rule(engine, task, cause, d) : OUTCOME_NONE;
}

static void decision_done(struct decision *decision)
{
	free(decision->container);
	closep(&decision->pidfd);
}

static enum outcome could_not_read(int r, struct decision *d)
{
	if (r == -ESRCH)
		return OUTCOME_GONE;
	log_warning("%s", d->why.message);
	return OUTCOME_FAILED;
}

/* WHEN was the event, 0 for none; SINCE, the look at the task. */
static enum outcome count(struct engine *engine, const struct decision *d, uint64_t since,
			  uint64_t when)
{
	uint64_t now = monotonic_usec();

	engine->counters.outcomes[d->outcome]++;
	if (d->outcome == OUTCOME_FAILED)
		engine->counters.errors[-d->why.code < ERRORS ? -d->why.code : 0]++;
	if (d->outcome == OUTCOME_GONE)
		return d->outcome;
	histogram_add(&engine->decisions, now - since);
	if (when && when <= now)
		histogram_add(&engine->delays, now - when);
	return d->outcome;
}

/*
 * Most of what is heard is of tasks that no rule matches, or that belong where they were forked,
 * and that shows by the few facts that rules look at. A source that learns from decisions is to
 * have all of them.
 */
static bool may_be_brief(const struct engine *engine, enum cause cause)
{
	return cause <= CAUSE_SID && !source_learns(engine);
}

/* With those facts: is it known what becomes of the task? */
static bool is_settled(struct engine *engine, struct rbce_task *task, struct decision *d)
{
	const struct record *record = records_find_pid(engine->records, task->pid);
	cleanup_free char *name = NULL;
	const struct rule *rule;

	if (record && !record->unread)
		return false;
	if (ruleset_trim_env(engine->rules, task) < 0)
		return false;
	rule = rules_cache_match(engine->cache, task);
	d->outcome = OUTCOME_NONE;
	if (!rule)
		return true;
	if (!record || rule->ignore || !rule->container || rule->mode == RULE_OBSERVE ||
	    engine->options.observe || rule_actions_hash(&rule->actions) ||
	    ruleset_container(engine->rules, rule, task, &name, NULL) < 0 ||
	    !streq(name, record->place))
		return false;
	count_hit(engine, rule);
	d->outcome = OUTCOME_RIGHT;
	return true;
}

/* 0; -errno; SETTLED when nothing is to be done, and all facts were not read. */
enum { SETTLED = 1 };

static int read_by_need(struct engine *engine, pid_t pid, enum cause cause, struct rbce_task *task,
			struct decision *d)
{
	bool brief = may_be_brief(engine, cause);
	unsigned all = engine->facts, first = brief ? ruleset_facts(engine->rules) : all;
	cleanup_close int dir = -1;
	int r;

	task->pid = pid;
	engine_unlock(engine);
	if (!brief && source_tells(engine, pid, all, task)) {
		engine_lock(engine);
		return 0;
	}
	/* Many are gone already, and nobody is to read why. */
	dir = rbce_task_open(engine->root, pid, NULL);
	r = dir < 0 ? dir : read_facts(engine, dir, first, task, &d->why);
	if (dir < 0 && dir != -ESRCH)
		rbce_error_errno(&d->why, dir, "cannot read process '%d'", pid);
	engine_lock(engine);
	if (r < 0 || !brief)
		return r;
	if (is_settled(engine, task, d))
		return SETTLED;
	engine_unlock(engine);
	r = read_facts(engine, dir, all, task, &d->why);
	engine_lock(engine);
	return r;
}

enum outcome engine_look(struct engine *engine, pid_t pid, enum cause cause, uint64_t when)
{
	CLEANUP(rbce_task_done) struct rbce_task task = {0};
	CLEANUP(decision_done) struct decision d = {.outcome = OUTCOME_IGNORED, .pidfd = -1};
	uint64_t since = monotonic_usec();
	int r;

	/* The daemon itself stays where its administrator started it. */
	if (pid == engine->self)
		return count(engine, &d, since, 0);
	/* What a source that learns tells of is to be moved, mostly. */
	if (source_learns(engine))
		d.pidfd = pidfd_open(pid, 0);
	if (cause == CAUSE_EXEC && engine->facts & RBCE_FACT_ENV)
		records_forget_env(engine->records, pid);
	source_look(engine, pid, true);
	r = read_by_need(engine, pid, cause, &task, &d);
	if (r < 0)
		d.outcome = could_not_read(r, &d);
	else if (r == 0)
		d.outcome = decide(engine, &task, cause, &d);
	source_look(engine, pid, false);
	if (r == 0)
		source_decided(engine, &task, &d);
	count(engine, &d, since, when);
	stream_decision(engine, &task, cause, &d, monotonic_usec() - (when ?: since));
	return d.outcome;
}

enum outcome engine_classify(struct engine *engine, pid_t pid, enum cause cause)
{
	return engine_look(engine, pid, cause, 0);
}

/* The facts as they will be when it runs PROGRAM. */
static int foresee(struct rbce_task *task, const char *program)
{
	char **const leaders[] = {&task->pgrp_leader_exe, &task->session_leader_exe};
	const pid_t pids[] = {task->pgrp, task->session};

	task->exe = strdup(program);
	if (!task->exe)
		return -ENOMEM;
	task->facts |= RBCE_FACT_EXE;
	for (size_t i = 0; i < ARRAY_SIZE(leaders); i++) {
		if (pids[i] != task->pid || !*leaders[i])
			continue;
		free(*leaders[i]);
		*leaders[i] = strdup(program);
	}
	return 0;
}

/* Long enough for the slowest file system, short enough not to be met by another program. */
enum { EXPECT_USEC = 2000000 };

int engine_classify_exec(struct engine *engine, pid_t pid, const char *program, bool changes_ids,
			 uint64_t until, void (*answer)(void *data), void *data)
{
	static const unsigned unknown = RBCE_FACT_EXE | RBCE_FACT_ARGS;
	CLEANUP(rbce_task_done) struct rbce_task task = {0};
	CLEANUP(decision_done) struct decision d = {.pidfd = pidfd_open(pid, 0)};
	unsigned facts = engine->facts;
	uint64_t since = monotonic_usec();
	int r;

	source_look(engine, pid, true);
	r = read_task(engine, pid, facts & ~unknown, &task, &d.why);
	if (r == 0)
		r = foresee(&task, program);
	if (engine_lock_until(engine, until) < 0) {
		source_look(engine, pid, false);
		answer(data);
		return -ETIMEDOUT;
	}
	d.outcome = r < 0 ? could_not_read(r, &d) : decide(engine, &task, CAUSE_GATE, &d);
	source_look(engine, pid, false);
	answer(data);
	if (r == 0)
		source_decided(engine, &task, &d);
	/* What it knows all of need not be looked at again when it is executed. */
	if (r == 0 && d.outcome != OUTCOME_GONE && d.outcome != OUTCOME_FAILED)
		records_expect(engine->records, pid, task.start, program,
			       monotonic_usec() + EXPECT_USEC);
	if (r == 0 && (changes_ids || facts & (RBCE_FACT_ARGS | RBCE_FACT_ENV)))
		records_doubt(engine->records, pid, task.start);
	count(engine, &d, since, 0);
	stream_decision(engine, &task, CAUSE_GATE, &d, monotonic_usec() - since);
	engine_unlock(engine);
	return (int)d.outcome;
}

bool engine_is_expected(struct engine *engine, pid_t pid, uint64_t when)
{
	CLEANUP(rbce_task_done) struct rbce_task task = {0};
	const struct record *record = records_find_pid(engine->records, pid);
	bool same, doubted;

	if (!record || !record->program ||
	    read_task(engine, pid, RBCE_FACT_STAT | RBCE_FACT_EXE, &task, NULL) < 0)
		return false;
	same = record->start == task.start && task.exe && streq(record->program, task.exe);
	doubted = record->doubted;
	/* The source may leave out that it was executed, and this is the next program. */
	if (same || when > record->program_until - EXPECT_USEC)
		records_expect(engine->records, pid, task.start, NULL, 0);
	return same && !doubted;
}

/* Its facts when the login's shell runs in it. */
static int become(struct rbce_task *task, const struct login *login)
{
	gid_t *groups = calloc(login->n_groups + 1, sizeof(*groups));

	if (!groups)
		return -ENOMEM;
	if (login->n_groups)
		memcpy(groups, login->groups, login->n_groups * sizeof(*groups));
	free(task->groups);
	task->groups = groups;
	task->n_groups = login->n_groups;
	task->uid = task->euid = login->uid;
	task->gid = task->egid = login->gid;
	if (task->facts & RBCE_FACT_LOGIN && task->login == RBCE_NO_LOGIN)
		task->login = login->uid;
	free(task->exe);
	task->exe = NULL;
	return foresee(task, login->shell);
}

static bool looks_at_tags(const struct engine *engine)
{
	return ruleset_asks(engine->rules, "tag") || ruleset_names_by(engine->rules, 't');
}

enum outcome engine_login(struct engine *engine, pid_t pid, const struct login *login,
			  const char **ret_rule, char **ret_container, struct rbce_error *err)
{
	CLEANUP(rbce_task_done) struct rbce_task task = {0};
	CLEANUP(decision_done) struct decision d = {.pidfd = pidfd_open(pid, 0)};
	uint64_t since = monotonic_usec();
	int r;

	source_look(engine, pid, true);
	engine_unlock(engine);
	r = read_task(engine, pid, engine->facts | RBCE_FACT_IDS, &task, &d.why);
	engine_lock(engine);
	if (r == 0)
		r = become(&task, login);
	if (r == 0 && looks_at_tags(engine))
		r = records_set_tag(engine->records, pid, task.start, login->tag);
	d.outcome = r < 0 ? could_not_read(r, &d) : decide(engine, &task, CAUSE_REQUEST, &d);
	source_look(engine, pid, false);
	count(engine, &d, since, 0);
	if (r == 0)
		stream_decision(engine, &task, CAUSE_REQUEST, &d, monotonic_usec() - since);
	*ret_rule = d.rule ? d.rule->name : NULL;
	*ret_container = TAKE_PTR(d.container);
	*err = d.why;
	return d.outcome;
}
