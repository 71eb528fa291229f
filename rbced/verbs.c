// SPDX-License-Identifier: GPL-2.0-or-later
/* What rbcectl may ask of the daemon: one function for each verb; see control.h. */
#include <controllers/controllers.h>
#include <errno.h>
#include <stdarg.h>

#include "control.h"
#include "gate/gate.h"
#include "hold.h"
#include "job.h"
#include "oom/oom.h"
#include "penalty.h"
#include "place.h"
#include "put.h"
#include "record.h"
#include "reload.h"
#include "run.h"
#include "status.h"
#include "stream.h"
#include "util.h"

struct request {
	struct engine *engine;
	struct json_object *arguments;
	struct json_object *reply;
	uid_t uid;
	pid_t peer;
	struct client *client;
};

/* What a verb returns whose reply is not there yet. */
enum { LATER = 1 };

/* A text argument; NULL where it is missing. */
static const char *text_argument(const struct request *request, const char *name)
{
	struct json_object *value;

	if (!json_object_object_get_ex(request->arguments, name, &value) ||
	    !json_object_is_type(value, json_type_string))
		return NULL;
	return json_object_get_string(value);
}

static bool flag_argument(const struct request *request, const char *name)
{
	struct json_object *value;

	return json_object_object_get_ex(request->arguments, name, &value) &&
	       json_object_get_boolean(value);
}

static int pid_argument(const struct request *request, pid_t *ret, struct rbce_error *err)
{
	struct json_object *value;

	if (!json_object_object_get_ex(request->arguments, "pid", &value) ||
	    !json_object_is_type(value, json_type_int) || json_object_get_int(value) <= 0)
		return rbce_error_set(err, -EINVAL, "cannot read request: it needs a pid");
	*ret = json_object_get_int(value);
	return 0;
}

static int verb_status(struct request *request, struct rbce_error *err)
{
	(void)err;
	status_put(request->engine, request->reply);
	return 0;
}

/* From now on the connection is one for lines. */
static int verb_events(struct request *request, struct rbce_error *err)
{
	int fd = control_detach(request->client), r;

	if (fd < 0)
		return rbce_error_errno(err, fd, "cannot listen");
	r = stream_add(request->engine, fd, request->uid, err);
	if (r < 0) {
		close(fd);
		control_attach(request->client);
	}
	return r < 0 ? r : LATER;
}

static void put_rule(struct json_object *object, const struct engine *engine,
		     const struct rule *rule)
{
	put_string(object, "rule", rule->name);
	put_number(object, "index", rule->index);
	json_object_object_add(object, "order", json_object_new_int64(rule->order));
	put_string(object, "state", rule->enabled ? "on" : "off");
	put_string(object, "mode", rule->mode == RULE_OBSERVE ? "observe" : "enforce");
	put_string(object, "action",
		   rule->ignore      ? "ignore"
		   : rule->container ? "container"
				     : "set");
	put_string(object, "container", rule->container);
	put_bool(object, "from_systemd", rule->from_systemd);
	put_string(object, "terms", rule->terms);
	put_string(object, "file", rule->file);
	put_number(object, "line", rule->line);
	put_number(object, "hits", engine->rule_counters[rule->index].hits);
	put_number(object, "moves", engine->rule_counters[rule->index].moves);
	if (engine->rule_counters[rule->index].last)
		put_number(object, "last_hit", (uint64_t)engine->rule_counters[rule->index].last);
	else
		json_object_object_add(object, "last_hit", NULL);
}

static int verb_rules(struct request *request, struct rbce_error *err)
{
	struct json_object *rules = put_array(request->reply, "rules");

	(void)err;
	for (size_t i = 0; i < ruleset_size(request->engine->rules); i++) {
		struct json_object *object = json_object_new_object();

		put_rule(object, request->engine, ruleset_rule(request->engine->rules, i));
		json_object_array_add(rules, object);
	}
	return 0;
}

static void add_step(void *data, const struct rule *rule, const char *failed, const char *actual)
{
	struct json_object *step = json_object_new_object();

	put_string(step, "rule", rule->name);
	put_bool(step, "matched", !failed);
	put_string(step, "failed", failed);
	put_string(step, "actual", actual);
	json_object_array_add(data, step);
}

static void put_moves(struct json_object *reply, const struct record *record)
{
	struct json_object *moves = put_array(reply, "moves");
	uint64_t first =
		record && record->n_moves > RECORD_MOVES ? record->n_moves - RECORD_MOVES : 0;

	for (uint64_t i = first; record && i < record->n_moves; i++) {
		const struct move *move = &record->moves[i % RECORD_MOVES];
		struct json_object *object = json_object_new_object();

		put_number(object, "time", (uint64_t)move->when);
		put_string(object, "cause", cause_name(move->cause));
		put_string(object, "rule", move->rule);
		put_string(object, "from", move->from);
		put_string(object, "to", move->to);
		json_object_array_add(moves, object);
	}
}

/* By whom, and from where to where. */
static void put_hold(struct json_object *reply, const struct record *record)
{
	put_string(reply, "held", record->hold == HOLD_NONE ? NULL : hold_name(record->hold));
	if (record->hold != HOLD_FOREIGN)
		return;
	put_string(reply, "put", record->place);
	put_string(reply, "found", record->found);
	if (record->mover) {
		put_number(reply, "mover", (uint64_t)record->mover);
		put_string(reply, "mover_comm", record->mover_comm);
	}
}

/* The verdict on a task that is held. */
static const char *const hold_verdicts[HOLD_COUNT][2] = {
	[HOLD_MANUAL] = {"manual", "it was placed by hand; 'rbcectl release' gives it back"},
	[HOLD_STICKY] = {"manual", "it was placed by hand, or a task above it was, with what it "
				   "starts; 'rbcectl release' gives it back"},
	[HOLD_FOREIGN] = {"foreign", "it, or a task above it, was moved by others from where it "
				     "was put; 'rbcectl release' gives it back"},
};

/* A task that a rule would match, were it not for systemd; BUF gets that in words. */
static bool is_systemds(struct request *request, const struct rbce_task *task, char *buf,
			size_t size)
{
	struct rbce_task outside = *task;
	const struct rule *rule;

	outside.unit = NULL;
	rule = task->unit ? ruleset_match(request->engine->rules, &outside) : NULL;
	if (rule)
		snprintf(buf, size,
			 "left alone: unit %s is systemd's, and rule '%s' does not say "
			 "from-systemd = yes",
			 task->unit, rule->name);
	return rule;
}

/* What the daemon does with a task, in a word and a sentence. */
static void put_verdict(struct request *request, const struct rbce_task *task,
			const struct record *record)
{
	struct engine *engine = request->engine;
	const struct rule *rule = ruleset_match(engine->rules, task);
	cleanup_free char *target = NULL;
	const char *verdict = "none", *why = "no rule matches: it stays where it is";
	char systemds[1024];

	if (task->kernel_thread) {
		verdict = "ignored";
		why = "a kernel thread stays where the kernel put it";
	} else if (task->pid == getpid()) {
		verdict = "ignored";
		why = "rbced does not move itself";
	} else if (record && record->hold != HOLD_NONE) {
		verdict = hold_verdicts[record->hold][0];
		why = hold_verdicts[record->hold][1];
	} else if (!rule && is_systemds(request, task, systemds, sizeof(systemds))) {
		why = systemds;
	} else if (rule && rule->ignore) {
		verdict = "ignored";
		why = "the rule says to leave it alone";
	} else if (rule && !rule->container) {
		verdict = "right";
		why = "the rule sets its properties and leaves it where it is";
	} else if (rule && ruleset_container(engine->rules, rule, task, &target, NULL) == 0) {
		bool right = engine_stands_in(task, target);
		bool observe = engine->options.observe || rule->mode == RULE_OBSERVE;
		bool refused = record && record->refused;

		verdict = right ? "right" : observe ? "observed" : refused ? "realtime" : "pending";
		why = right     ? "it stands where the rule puts it"
		      : observe ? "the rule would move it, but only observes"
		      : refused ? "it is real-time, and the container has no real-time bandwidth: "
				  "it stays where it is, until an event after its policy changed"
				: "it will be moved at its next event";
	}
	put_string(request->reply, "verdict", verdict);
	put_string(request->reply, "why", why);
	put_string(request->reply, "rule", rule ? rule->name : NULL);
	put_string(request->reply, "target", target);
}

static void add_limit(void *data, const char *container, const struct container_key *key)
{
	struct json_object *limit = json_object_new_object();

	put_string(limit, "key", key->key);
	put_string(limit, "value", key->value);
	put_string(limit, "container", container);
	put_string(limit, "file", key->file);
	put_number(limit, "line", key->line);
	json_object_array_add(data, limit);
}

/* Of the container that its rule gives it, by the rules. */
static void put_limits(struct request *request)
{
	struct json_object *limits = put_array(request->reply, "limits");
	const char *target;
	struct json_object *value;

	if (!json_object_object_get_ex(request->reply, "target", &value) || !value)
		return;
	target = json_object_get_string(value);
	ruleset_limits(request->engine->rules, target, add_limit, limits);
}

static int verb_explain(struct request *request, struct rbce_error *err)
{
	CLEANUP(rbce_task_done) struct rbce_task task = {0};
	const struct record *record;
	pid_t pid;
	int r;

	r = pid_argument(request, &pid, err);
	if (r == 0)
		r = engine_read_task(request->engine, pid, &task, err);
	if (r < 0)
		return r;
	record = records_find(request->engine->records, pid, task.start);
	put_number(request->reply, "pid", (uint64_t)pid);
	put_string(request->reply, "exe", task.exe);
	put_string(request->reply, "comm", task.comm);
	put_number(request->reply, "uid", task.uid);
	put_number(request->reply, "gid", task.gid);
	put_string(request->reply, "container", task.container);
	put_string(request->reply, "unit", task.unit);
	put_verdict(request, &task, record);
	if (record)
		put_hold(request->reply, record);
	put_string(request->reply, "tag", task.tag);
	put_limits(request);
	put_number(request->reply, "left_out",
		   ruleset_explain(request->engine->rules, &task, flag_argument(request, "all"),
				   add_step, put_array(request->reply, "steps")));
	put_moves(request->reply, record);
	return 0;
}

/* The limits of a job, {"memory.max": "1G"}, over those that the container's section gives. */
static int set_job_limits(struct request *request, struct rbce_container *c, struct rbce_error *err)
{
	struct json_object *limits;

	if (!json_object_object_get_ex(request->arguments, "limits", &limits))
		return 0;
	json_object_object_foreach (limits, name, value) {
		const struct controller_key *row = controller_key_find(name);
		struct rbce_error why;
		int r;

		if (row && controller_key_is_daemon(row))
			return rbce_error_set(err, -EOPNOTSUPP,
					      "cannot set '%s' of container '%s': it is for the "
					      "[container] sections of rules",
					      name, rbce_container_name(c));
		r = row ? controller_set(row, c, json_object_get_string(value), &why)
			: rbce_error_set(&why, -ENOENT, "unknown key");
		if (r < 0)
			return rbce_error_set(err, r, "cannot set '%s' of container '%s': %s", name,
					      rbce_container_name(c), why.message);
	}
	return 0;
}

/* The container NAME as the request wants it to be; SET may come twice. */
static int prepare(struct request *request, const char *name,
		   int (*set)(struct request *request, struct rbce_container *c,
			      struct rbce_error *err),
		   struct rbce_error *err)
{
	struct rbce_container *c;
	int r = place_container(request->engine, name, &c, err);

	if (r == 0)
		r = set(request, c, err);
	if (r != -ENOENT)
		return r;
	r = place_anew(request->engine, err);
	if (r == 0)
		r = place_container(request->engine, name, &c, err);
	return r < 0 ? r : set(request, c, err);
}

/* TASK was moved to NAME, and stays there. */
static void note_by_hand(struct engine *engine, const struct rbce_task *task, const char *name,
			 enum hold hold, uint64_t latency)
{
	cleanup_free char *container = strdup(name);
	const struct decision decision = {.outcome = OUTCOME_MOVED, .container = container};

	engine->counters.outcomes[OUTCOME_MOVED]++;
	stream_decision(engine, task, CAUSE_MANUAL, &decision, latency);
	records_add_move(engine->records, task, CAUSE_MANUAL, NULL, name);
	records_hold(engine->records, task->pid, task->start, hold, name, NULL);
}

static int verb_classify(struct request *request, struct rbce_error *err)
{
	CLEANUP(rbce_task_done) struct rbce_task task = {0};
	const char *name = text_argument(request, "container");
	uint64_t begin = monotonic_usec();
	enum hold hold;
	pid_t pid;
	int r;

	if (!name)
		return rbce_error_set(err, -EINVAL, "cannot read request: it needs a container");
	r = pid_argument(request, &pid, err);
	if (r == 0)
		r = engine_read_task(request->engine, pid, &task, err);
	if (r == 0 && task.kernel_thread)
		r = rbce_error_set(err, -EINVAL, "cannot move process '%d': it is a kernel thread",
				   pid);
	if (r == 0)
		r = prepare(request, name, set_job_limits, err);
	if (r == 0)
		r = place_task(request->engine, name, pid, err);
	if (r < 0)
		return r;
	hold = flag_argument(request, "sticky") ? HOLD_STICKY : HOLD_MANUAL;
	note_by_hand(request->engine, &task, name, hold, monotonic_usec() - begin);
	put_number(request->reply, "pid", (uint64_t)pid);
	put_string(request->reply, "container", name);
	put_string(request->reply, "held", hold_name(hold));
	return 0;
}

static int set_limits_of_job(struct request *request, struct rbce_container *c,
			     struct rbce_error *err)
{
	return job_set_limits(request->engine, c, err);
}

/* The job's file is there already. */
static int verb_job(struct request *request, struct rbce_error *err)
{
	const char *name = text_argument(request, "container");
	int r;

	if (!name)
		return rbce_error_set(err, -EINVAL, "cannot read request: it needs a container");
	r = prepare(request, name, set_limits_of_job, err);
	put_string(request->reply, "container", name);
	return r;
}

/* From now on the connection is the leash of the job in NAME. */
static int keep_running(struct request *request, const char *name, struct rbce_error *err)
{
	int fd = control_detach(request->client), r;

	if (fd < 0)
		return rbce_error_errno(err, fd, "cannot run a job");
	r = run_keep(request->engine, name, request->uid, fd, err);
	if (r < 0)
		control_attach(request->client);
	return r < 0 ? r : LATER;
}

/* The process that asks goes into a container of its own; with "end" one is ended. See run.h. */
static int verb_run(struct request *request, struct rbce_error *err)
{
	CLEANUP(rbce_task_done) struct rbce_task task = {0};
	struct engine *engine = request->engine;
	const char *ended = text_argument(request, "end");
	cleanup_free char *name = NULL;
	struct json_object *limits = NULL;
	uint64_t begin = monotonic_usec();
	int r = ended ? run_check_end(engine, ended, request->uid, err) : 0;

	if (ended)
		return r < 0 ? r : keep_running(request, ended, err);
	json_object_object_get_ex(request->arguments, "limits", &limits);
	r = engine_read_task(engine, request->peer, &task, err);
	if (r == 0)
		r = run_begin(engine, &task, request->uid, limits, &name, err);
	if (r < 0)
		return r;
	r = place_task(engine, name, request->peer, err);
	if (r < 0) {
		place_remove(engine, name, NULL);
		return r;
	}
	note_by_hand(engine, &task, name, HOLD_STICKY, monotonic_usec() - begin);
	return keep_running(request, name, err);
}

static int put_outcome(struct request *request, pid_t pid)
{
	enum outcome outcome = engine_classify(request->engine, pid, CAUSE_REQUEST);
	CLEANUP(rbce_task_done) struct rbce_task task = {0};

	put_number(request->reply, "pid", (uint64_t)pid);
	put_string(request->reply, "outcome", outcome_name(outcome));
	if (engine_read_task(request->engine, pid, &task, NULL) == 0)
		put_string(request->reply, "container", task.container);
	return 0;
}

/* A tag is shown in one line, and is a part of containers' names. */
static int check_tag(const char *tag, struct rbce_error *err)
{
	if (!*tag || strlen(tag) > TAG_MAX)
		return rbce_error_set(err, -EINVAL, "cannot tag: a tag has 1 to %d bytes", TAG_MAX);
	for (const char *p = tag; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return rbce_error_set(err, -EINVAL,
					      "cannot tag: a tag has no control characters");
	return 0;
}

static gid_t *groups_argument(const struct request *request, size_t *ret_n)
{
	struct json_object *list = NULL;
	gid_t *groups;

	json_object_object_get_ex(request->arguments, "groups", &list);
	*ret_n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
	groups = calloc(*ret_n + 1, sizeof(*groups));
	for (size_t i = 0; groups && i < *ret_n; i++)
		groups[i] = (gid_t)json_object_get_int64(json_object_array_get_idx(list, i));
	return groups;
}

/* Of the process that asks; see join/pam.c. */
static int verb_login(struct request *request, struct rbce_error *err)
{
	struct json_object *uid = NULL, *gid = NULL;
	struct login login = {.shell = text_argument(request, "shell"),
			      .tag = text_argument(request, "tag")};
	cleanup_free gid_t *groups = groups_argument(request, &login.n_groups);
	cleanup_free char *container = NULL;
	struct rbce_error why = {0};
	enum outcome outcome;
	const char *rule;
	int r;

	json_object_object_get_ex(request->arguments, "uid", &uid);
	json_object_object_get_ex(request->arguments, "gid", &gid);
	if (!uid || !gid || !login.shell || !login.tag || !groups)
		return rbce_error_set(err, -EINVAL, "cannot read request: it lacks the login");
	r = check_tag(login.tag, err);
	if (r < 0)
		return r;
	login.uid = (uid_t)json_object_get_int64(uid);
	login.gid = (gid_t)json_object_get_int64(gid);
	login.groups = groups;
	outcome = engine_login(request->engine, request->peer, &login, &rule, &container, &why);
	if (outcome == OUTCOME_FAILED || outcome == OUTCOME_GONE)
		return rbce_error_set(err, why.code ?: -EIO, "%s",
				      why.code ? why.message : "cannot place the login");
	put_string(request->reply, "outcome", outcome_name(outcome));
	put_string(request->reply, "rule", rule);
	put_string(request->reply, "container", container);
	return 0;
}

/* Back to the rules, which decide at once. */
static int verb_release(struct request *request, struct rbce_error *err)
{
	struct engine *engine = request->engine;
	cleanup_free pid_t *pids = NULL;
	struct rbce_task task;
	size_t n = 0;
	pid_t pid;
	int r;

	r = pid_argument(request, &pid, err);
	if (r == 0)
		r = rbce_task_read(engine->root, pid, RBCE_FACT_STAT, &task, err);
	if (r < 0)
		return r;
	r = hold_release(engine, &task, flag_argument(request, "tree"), &pids, &n);
	rbce_task_done(&task);
	if (r < 0)
		return rbce_error_errno(err, r, "cannot release process '%d'", pid);
	put_number(request->reply, "descendants", n);
	for (size_t i = 0; i < n; i++)
		engine_classify(engine, pids[i], CAUSE_REQUEST);
	return put_outcome(request, pid);
}

static int verb_reclassify(struct request *request, struct rbce_error *err)
{
	CLEANUP(rbce_task_done) struct rbce_task task = {0};
	uint64_t before = request->engine->counters.outcomes[OUTCOME_MOVED];
	pid_t pid;
	int r;

	if (!json_object_object_get_ex(request->arguments, "pid", NULL)) {
		engine_scan(request->engine, CAUSE_REQUEST);
		put_number(request->reply, "moved",
			   request->engine->counters.outcomes[OUTCOME_MOVED] - before);
		return 0;
	}
	r = pid_argument(request, &pid, err);
	if (r == 0)
		r = engine_read_task(request->engine, pid, &task, err);
	return r < 0 ? r : put_outcome(request, pid);
}

/* Without a tag the task loses the one it has. */
static int verb_tag(struct request *request, struct rbce_error *err)
{
	const char *tag = text_argument(request, "tag");
	struct rbce_task task;
	pid_t pid;
	int r;

	r = pid_argument(request, &pid, err);
	if (r == 0 && tag)
		r = check_tag(tag, err);
	if (r == 0)
		r = rbce_task_read(request->engine->root, pid, RBCE_FACT_STAT, &task, err);
	if (r < 0)
		return r;
	r = records_set_tag(request->engine->records, pid, task.start, tag);
	rbce_task_done(&task);
	if (r < 0)
		return rbce_error_errno(err, r, "cannot tag process '%d'", pid);
	put_string(request->reply, "tag", tag);
	return put_outcome(request, pid);
}

static void put_mark(void *data, const struct record *record)
{
	struct json_object *mark;
	char pid[16];

	if (record->hold == HOLD_NONE && !record->tag)
		return;
	snprintf(pid, sizeof(pid), "%d", record->pid);
	mark = put_object(data, pid);
	put_number(mark, "start", record->start);
	put_string(mark, "tag", record->tag);
	put_hold(mark, record);
}

/* What no one but the daemon knows of the tasks, by pid. */
static int verb_marks(struct request *request, struct rbce_error *err)
{
	(void)err;
	put_number(request->reply, "pid", (uint64_t)getpid());
	records_each(request->engine->records, put_mark, put_object(request->reply, "marks"));
	return 0;
}

static void on_reloaded(void *data, int r, const struct rbce_error *err)
{
	struct json_object *reply = json_object_new_object();

	if (r < 0)
		put_string(reply, "error", err->message);
	else
		put_number(reply, "rules", ruleset_size(control_engine(data)->rules));
	control_reply(data, reply);
}

static int verb_reload(struct request *request, struct rbce_error *err)
{
	int r = reload_request(request->engine, on_reloaded, request->client, err);

	return r < 0 ? r : LATER;
}

/* Which containers are watched; with "answer" that of one which waits for it. */
static int verb_oom(struct request *request, struct rbce_error *err)
{
	const char *name = text_argument(request, "container");
	const char *answer = text_argument(request, "answer");
	struct json_object *by;

	if (!answer) {
		oom_put_containers(request->engine, put_array(request->reply, "containers"));
		return 0;
	}
	if (request->uid != 0)
		return rbce_error_set(err, -EPERM, "cannot answer: only root may");
	if (!name)
		return rbce_error_set(err, -EINVAL, "cannot read request: it needs a container");
	put_string(request->reply, "container", name);
	put_string(request->reply, "answer", answer);
	return oom_answer(request->engine, name, answer,
			  json_object_object_get_ex(request->arguments, "by", &by)
				  ? json_object_get_uint64(by)
				  : 0,
			  err);
}

/* Which containers are watched; with "lift" one goes free. */
static int verb_penalty(struct request *request, struct rbce_error *err)
{
	const char *name = text_argument(request, "container");

	if (!flag_argument(request, "lift")) {
		penalty_put_containers(request->engine, put_array(request->reply, "containers"));
		return 0;
	}
	if (request->uid != 0)
		return rbce_error_set(err, -EPERM, "cannot lift a penalty: only root may");
	put_string(request->reply, "container", name);
	return penalty_lift(request->engine, name ?: "", err);
}

static const struct verb {
	const char *name;
	int (*run)(struct request *request, struct rbce_error *err);
	bool changes; /* for root only */
} verbs[] = {
	{"status", verb_status, false},   {"rules", verb_rules, false},
	{"explain", verb_explain, false}, {"classify", verb_classify, true},
	{"release", verb_release, true},  {"reclassify", verb_reclassify, true},
	{"reload", verb_reload, true},    {"tag", verb_tag, true},
	{"marks", verb_marks, false},     {"events", verb_events, false},
	{"oom", verb_oom, false},         {"penalty", verb_penalty, false},
	{"job", verb_job, true},          {"login", verb_login, true},
	{"run", verb_run, false},
};

static int run(struct request *request, struct rbce_error *err)
{
	const char *name = text_argument(request, "verb");

	for (size_t i = 0; name && i < ARRAY_SIZE(verbs); i++) {
		if (!streq(verbs[i].name, name))
			continue;
		if (verbs[i].changes && request->uid != 0)
			return rbce_error_set(err, -EPERM, "cannot %s: only root may", name);
		return verbs[i].run(request, err);
	}
	return rbce_error_set(err, -EINVAL, "cannot run '%s': unknown verb", name ?: "");
}

struct json_object *verbs_run(struct engine *engine, struct json_object *arguments, uid_t uid,
			      pid_t peer, struct client *client)
{
	struct request request = {
		.engine = engine,
		.arguments = arguments,
		.reply = json_object_new_object(),
		.uid = uid,
		.peer = peer,
		.client = client,
	};
	struct rbce_error err = {0};
	int r = run(&request, &err);

	if (r == 0)
		return request.reply;
	json_object_put(request.reply);
	if (r == LATER)
		return NULL;
	request.reply = json_object_new_object();
	put_string(request.reply, "error", err.message);
	return request.reply;
}
