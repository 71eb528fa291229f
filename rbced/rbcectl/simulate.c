// SPDX-License-Identifier: GPL-2.0-or-later
/* rbcectl simulate: what rules would do. Needs no daemon and moves nothing. */
#include <core/cli/log.h>
#include <core/cli/table.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <rbce/task.h>
#include <rbce/units.h>
#include <rbced/runtime.h>
#include <sched.h>

#include "rbcectl.h"
#include "util.h"

/* Facts as given on the command line; NULL for those that are not. */
struct facts {
	const char *user, *euser, *group, *egroup, *login;
	const char *exe, *comm, *args, *env, *parent, *pgrp_leader, *session_leader, *in, *tag,
		*unit;
	const char *pgrp, *session;
	bool tty, realtime;
};

static void fail(const char *option, const char *value, const char *why)
{
	log_error("cannot use --%s '%s': %s", option, value, why);
	exit(EXIT_USAGE);
}

static uint32_t number(const char *option, const char *value)
{
	uint64_t n;

	if (rbce_parse_number(value, 0, UINT32_MAX - 1, &n) < 0)
		fail(option, value, "it is no number");
	return (uint32_t)n;
}

static uid_t user_id(const char *option, const char *value)
{
	struct passwd *entry = getpwnam(value);

	if (!entry && (*value < '0' || *value > '9'))
		fail(option, value, "there is no such user");
	return entry ? entry->pw_uid : number(option, value);
}

static gid_t group_id(const char *option, const char *value)
{
	struct group *entry = getgrnam(value);

	if (!entry && (*value < '0' || *value > '9'))
		fail(option, value, "there is no such group");
	return entry ? entry->gr_gid : number(option, value);
}

static int compare_gid(const void *a, const void *b)
{
	gid_t x = *(const gid_t *)a, y = *(const gid_t *)b;

	return x < y ? -1 : x > y;
}

/* The groups that a login of USER would have. */
static void set_groups(const char *user, struct rbce_task *task)
{
	struct passwd *entry = getpwuid(task->uid);
	int n = 256;

	if (!user || !entry)
		return;
	task->gid = task->egid = entry->pw_gid;
	task->groups = calloc((size_t)n, sizeof(*task->groups));
	if (!task->groups || getgrouplist(entry->pw_name, entry->pw_gid, task->groups, &n) < 0)
		return;
	task->n_groups = (size_t)n;
	qsort(task->groups, task->n_groups, sizeof(*task->groups), compare_gid);
}

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

static struct rbce_task task_of(const struct facts *facts)
{
	struct rbce_task task = {.facts = RBCE_FACT_ALL, .pid = getpid()};

	task.uid = facts->user ? user_id("user", facts->user) : getuid();
	task.euid = facts->euser ? user_id("euser", facts->euser) : task.uid;
	set_groups(facts->user, &task);
	if (facts->group)
		task.gid = task.egid = group_id("group", facts->group);
	if (facts->egroup)
		task.egid = group_id("egroup", facts->egroup);
	task.login = !facts->login                 ? task.uid
		     : streq(facts->login, "none") ? RBCE_NO_LOGIN
						   : user_id("login", facts->login);
	if (facts->comm)
		snprintf(task.comm, sizeof(task.comm), "%s", facts->comm);
	task.exe = copy(facts->exe);
	task.args = strdup(facts->args ?: "");
	if (asprintf(&task.env, "\n%s%s", facts->env ?: "", facts->env ? "\n" : "") < 0)
		task.env = NULL;
	task.parent_exe = copy(facts->parent);
	task.pgrp_leader_exe = copy(facts->pgrp_leader ?: facts->exe);
	task.session_leader_exe = copy(facts->session_leader ?: facts->exe);
	task.container = copy(facts->in);
	task.tag = copy(facts->tag);
	task.unit = copy(facts->unit);
	task.pgrp = facts->pgrp ? (pid_t)number("pgrp", facts->pgrp) : task.pid;
	task.session = facts->session ? (pid_t)number("session", facts->session) : task.pid;
	task.tty = facts->tty;
	task.policy = facts->realtime ? SCHED_FIFO : SCHED_OTHER;
	return task;
}

static void add_step(void *data, const struct rule *rule, const char *failed, const char *actual)
{
	struct json_object *step = json_object_new_object();

	json_object_object_add(step, "rule", json_object_new_string(rule->name));
	json_object_object_add(step, "matched", json_object_new_boolean(!failed));
	json_object_object_add(step, "failed", failed ? json_object_new_string(failed) : NULL);
	json_object_object_add(step, "actual", actual ? json_object_new_string(actual) : NULL);
	json_object_array_add(data, step);
}

static const char *action_of(const struct rule *rule)
{
	return !rule ? "none" : rule->ignore ? "ignore" : rule->container ? "container" : "set";
}

static void add_limit(void *data, const char *container, const struct container_key *key)
{
	struct json_object *limit = json_object_new_object();

	json_object_object_add(limit, "key", json_object_new_string(key->key));
	json_object_object_add(limit, "value", json_object_new_string(key->value));
	json_object_object_add(limit, "container", json_object_new_string(container));
	json_object_object_add(limit, "file", json_object_new_string(key->file));
	json_object_object_add(limit, "line", json_object_new_int((int)key->line));
	json_object_array_add(data, limit);
}

static struct json_object *text_or_null(const char *text)
{
	return text ? json_object_new_string(text) : NULL;
}

/* ---- what the daemon knows ---- */

/* Tags, and tasks out of the rules' hands: those of the daemon that runs, none where none does. */
struct marks {
	struct json_object *reply; /* NULL: none runs */
};

static void marks_read(const char *root, struct marks *ret)
{
	struct rbce_error err;

	ret->reply = NULL;
	daemon_ask(root, daemon_request("marks"), &ret->reply, &err);
}

static void marks_done(struct marks *marks)
{
	json_object_put(marks->reply);
}

/* Gives the task its tag. True when the daemon would not move it, whatever the rules say. */
static bool marks_apply(const struct marks *marks, struct rbce_task *task)
{
	struct json_object *mark = NULL;
	char pid[16];

	if (!marks->reply)
		return false;
	if (reply_number(marks->reply, "pid") == (uint64_t)task->pid)
		return true;
	snprintf(pid, sizeof(pid), "%d", task->pid);
	if (!json_object_object_get_ex(reply_object(marks->reply, "marks"), pid, &mark) ||
	    reply_number(mark, "start") != task->start)
		return false;
	if (*reply_text(mark, "tag"))
		task->tag = strdup(reply_text(mark, "tag"));
	return *reply_text(mark, "held");
}

/* ---- one task ---- */

static void print_for_people(struct json_object *reply, const struct rule *rule,
			     const char *container, bool stays)
{
	print_steps(reply_object(reply, "steps"));
	if (!rule)
		printf("no rule matches\n");
	else
		printf("rule '%s' (%s:%u, %s): %s\n", rule->name, rule->file, rule->line,
		       rule->mode == RULE_OBSERVE ? "observe" : "enforce",
		       container ?: "left where it is");
	if (rule && stays)
		printf("but it stays where it is: placed by hand, rbced itself, or the kernel's\n");
	print_limits(reply_object(reply, "limits"), container ?: "");
	json_object_put(reply);
}

/* What becomes of one task; STAYS: nothing does. */
static int simulate_one(struct ruleset *set, const struct rbce_task *task, bool stays, bool json)
{
	const struct rule *rule = ruleset_match(set, task);
	struct json_object *reply, *steps, *limits;
	cleanup_free char *container = NULL;
	struct rbce_error err;

	if (rule && rule->container && ruleset_container(set, rule, task, &container, &err) < 0)
		return command_failed(&err);
	reply = json_object_new_object();
	steps = json_object_new_array();
	limits = json_object_new_array();
	json_object_object_add(reply, "rule", text_or_null(rule ? rule->name : NULL));
	json_object_object_add(reply, "action", json_object_new_string(action_of(rule)));
	json_object_object_add(reply, "container", text_or_null(container));
	json_object_object_add(reply, "stays", json_object_new_boolean(stays));
	json_object_object_add(reply, "mode",
			       text_or_null(!rule                        ? NULL
					    : rule->mode == RULE_OBSERVE ? "observe"
									 : "enforce"));
	ruleset_explain(set, task, false, add_step, steps);
	if (container)
		ruleset_limits(set, container, add_limit, limits);
	json_object_object_add(reply, "steps", steps);
	json_object_object_add(reply, "limits", limits);
	if (json)
		return reply_print(reply);
	print_for_people(reply, rule, container, stays);
	return EXIT_SUCCESS;
}

static int simulate_pid(struct ruleset *set, const struct common *common, pid_t pid)
{
	CLEANUP(containers_close) struct containers all = {0};
	CLEANUP(rbce_task_done) struct rbce_task task = {0};
	CLEANUP(marks_done) struct marks marks;
	struct rbce_error err;

	marks_read(common->root, &marks);
	if (containers_open(common->root, &all, &err) < 0 ||
	    rbce_task_read(all.root, pid, RBCE_FACT_ALL, &task, &err) < 0)
		return command_failed(&err);
	rbce_hierarchy_place(all.h, &task);
	return simulate_one(set, &task, marks_apply(&marks, &task) || task.kernel_thread,
			    common->json);
}

/* ---- every task ---- */

enum column { PID, USER, EXE, NOW, CONTAINER, RULE, ACTION, MODE };

static const struct table_column columns[] = {
	[PID] = {.title = "PID", .key = "pid", .right = true, .number = true},
	[USER] = {.title = "UID", .key = "uid", .right = true, .number = true},
	[EXE] = {.title = "EXECUTABLE", .key = "exe", .cut = true},
	[NOW] = {.title = "BEFORE", .key = "now"},
	[CONTAINER] = {.title = "AFTER", .key = "container"},
	[RULE] = {.title = "RULE", .key = "rule"},
	[ACTION] = {.title = "ACTION", .key = "action"},
	[MODE] = {.title = "MODE", .key = "mode"},
};

/* Which tasks are shown, and how many there were. */
struct tally {
	bool moves_only;
	rule_filter_fn *filter; /* NULL: by any rule */
	void *data;
	size_t tasks, moves, observed;
};

static void add_task_row(struct table *t, const struct rbce_task *task, const char *container,
			 const struct rule *rule, bool stays)
{
	table_row(t, -1);
	table_set(t, PID, "%d", task->pid);
	table_set(t, USER, "%u", task->uid);
	table_set(t, EXE, "%s", task->exe ?: task->comm);
	table_set(t, NOW, "%s", task->container ?: "");
	table_set(t, CONTAINER, "%s", container ?: "");
	table_set(t, RULE, "%s", rule ? rule->name : "");
	table_set(t, ACTION, "%s", stays ? "manual" : action_of(rule));
	table_set(t, MODE, "%s", !rule ? "" : rule->mode == RULE_OBSERVE ? "observe" : "enforce");
}

static void simulate_task(struct table *t, struct ruleset *set, const struct containers *all,
			  const struct marks *marks, pid_t pid, struct tally *tally)
{
	CLEANUP(rbce_task_done) struct rbce_task task = {0};
	cleanup_free char *container = NULL;
	const struct rule *rule;
	bool stays, would_move;

	if (rbce_task_read(all->root, pid, RBCE_FACT_ALL, &task, NULL) < 0 || task.kernel_thread)
		return;
	rbce_hierarchy_place(all->h, &task);
	stays = marks_apply(marks, &task);
	rule = stays ? NULL : ruleset_match(set, &task);
	if (rule && rule->container)
		ruleset_container(set, rule, &task, &container, NULL);
	would_move = container && !(task.container && streq(task.container, container)) &&
		     (!tally->filter || tally->filter(tally->data, rule));
	tally->tasks++;
	tally->moves += would_move && rule->mode == RULE_ENFORCE;
	tally->observed += would_move && rule->mode == RULE_OBSERVE;
	if (would_move || !tally->moves_only)
		add_task_row(t, &task, container, rule, stays);
}

static int simulate_tasks(struct ruleset *set, const struct common *common, struct tally *tally)
{
	CLEANUP(containers_close) struct containers all = {0};
	CLEANUP(marks_done) struct marks marks;
	cleanup_free pid_t *pids = NULL;
	struct rbce_error err;
	struct table *t;
	size_t n;

	marks_read(common->root, &marks);
	if (containers_open(common->root, &all, &err) < 0 ||
	    rbce_task_list(all.root, &pids, &n, &err) < 0)
		return command_failed(&err);
	t = table_new("tasks", columns, ARRAY_SIZE(columns), common->json);
	for (size_t i = 0; i < n; i++)
		simulate_task(t, set, &all, &marks, pids[i], tally);
	if (table_finish(t) < 0)
		return EXIT_FAILURE;
	if (!common->json && tally->filter)
		printf("%zu tasks: %zu would be moved\n", tally->tasks,
		       tally->moves + tally->observed);
	else if (!common->json)
		printf("%zu tasks: %zu would be moved now, %zu more if their rules did not only "
		       "observe\n",
		       tally->tasks, tally->moves, tally->observed);
	if (!common->json && !marks.reply)
		printf("rbced is not running: tags, and tasks placed by hand, are not known\n");
	return EXIT_SUCCESS;
}

int simulate_moves(struct ruleset *set, const char *root, rule_filter_fn *filter, void *data)
{
	const struct common common = {.root = root};
	struct tally tally = {.moves_only = true, .filter = filter, .data = data};

	return simulate_tasks(set, &common, &tally);
}

/* ---- the command ---- */

static bool any_fact(const struct facts *f)
{
	const char *const texts[] = {
		f->user,    f->euser,       f->group,          f->egroup, f->login, f->exe,
		f->comm,    f->args,        f->parent,         f->in,     f->tag,   f->pgrp,
		f->session, f->pgrp_leader, f->session_leader, f->unit,   f->env};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (texts[i])
			return true;
	return f->tty || f->realtime;
}

int command_simulate(int argc, char **argv)
{
	struct common common = {.root = "rbce"};
	const char *rules = RULES_DIR, *pid = NULL;
	struct facts f = {0};
	bool moves = false;
	const struct option_row options[] = {
		COMMON_OPTIONS(common),
		OPTION_TEXT("rules", "DIR", "rule files (default " RULES_DIR ")", &rules),
		OPTION_FLAG("all", "every task that would be moved, before and after", &moves),
		OPTION_TEXT("pid", "PID", "that task", &pid),
		OPTION_TEXT("user", "NAME", "real user, with the groups that its login has",
			    &f.user),
		OPTION_TEXT("euser", "NAME", "effective user (default: the real one)", &f.euser),
		OPTION_TEXT("group", "NAME", "primary group", &f.group),
		OPTION_TEXT("egroup", "NAME", "effective group (default: the real one)", &f.egroup),
		OPTION_TEXT("login", "NAME", "user who logged in (default: the real one), or none",
			    &f.login),
		OPTION_TEXT("exe", "PATH", "path of the executable", &f.exe),
		OPTION_TEXT("comm", "NAME", "name of the task, where it has no executable",
			    &f.comm),
		OPTION_TEXT("args", "TEXT", "arguments, joined by blanks", &f.args),
		OPTION_TEXT("env", "NAME=VALUE", "a variable of its environment", &f.env),
		OPTION_TEXT("parent", "PATH", "path of the parent's executable", &f.parent),
		OPTION_TEXT("pgrp-leader", "PATH", "that of the process group's leader",
			    &f.pgrp_leader),
		OPTION_TEXT("session-leader", "PATH", "that of the session's leader",
			    &f.session_leader),
		OPTION_TEXT("in", "CONTAINER", "container that it stands in", &f.in),
		OPTION_TEXT("unit", "NAME", "unit of systemd's that it stands in (default: none)",
			    &f.unit),
		OPTION_TEXT("tag", "TAG", "its tag", &f.tag),
		OPTION_TEXT("pgrp", "PID", "process group", &f.pgrp),
		OPTION_TEXT("session", "PID", "session", &f.session),
		OPTION_FLAG("tty", "it has a terminal", &f.tty),
		OPTION_FLAG("realtime", "it has a real-time policy", &f.realtime),
		{0},
	};
	const struct command_line line = {
		.usage = "simulate [--rules DIR] [--all | --pid PID | FACT...] [--json]",
		.about = "Says what the rules would do with a task of the given facts, with a task "
			 "of this system, or\nwithout any with every one. Moves nothing.",
		.options = options,
	};
	CLEANUP(ruleset_free_p) struct ruleset *set = NULL;
	struct tally tally = {0};

	command_parse(&line, argc, argv, 0, 0);
	tally.moves_only = moves;
	if ((pid != NULL) + moves + any_fact(&f) > 1) {
		log_error("cannot simulate: --all, --pid and facts exclude each other");
		return EXIT_USAGE;
	}
	set = rules_read(rules);
	if (!set)
		return EXIT_FAILURE;
	if (any_fact(&f)) {
		CLEANUP(rbce_task_done) struct rbce_task task = task_of(&f);

		return simulate_one(set, &task, false, common.json);
	}
	return pid ? simulate_pid(set, &common, command_pid(pid))
		   : simulate_tasks(set, &common, &tally);
}
