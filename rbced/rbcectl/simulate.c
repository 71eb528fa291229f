// SPDX-License-Identifier: GPL-2.0-or-later
/* rbcectl simulate: what rules would do. Needs no daemon and moves nothing. */
#include <core/cli/log.h>
#include <core/cli/table.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <rbce/task.h>
#include <rbce/units.h>
#include <rbced/key_check.h>
#include <rbced/runtime.h>

#include "rbcectl.h"
#include "util.h"

/* Facts as given on the command line; NULL for those that are not. */
struct facts {
	const char *user, *euser, *group, *exe, *comm, *parent, *in, *pgrp, *session;
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
	if (facts->comm)
		snprintf(task.comm, sizeof(task.comm), "%s", facts->comm);
	task.exe = copy(facts->exe);
	task.args = strdup("");
	task.parent_exe = copy(facts->parent);
	task.container = copy(facts->in);
	task.pgrp = facts->pgrp ? (pid_t)number("pgrp", facts->pgrp) : task.pid;
	task.session = facts->session ? (pid_t)number("session", facts->session) : task.pid;
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

static int simulate_facts(struct ruleset *set, const struct facts *facts, bool json)
{
	CLEANUP(rbce_task_done) struct rbce_task task = task_of(facts);
	const struct rule *rule = ruleset_match(set, &task);
	cleanup_free char *container = NULL;
	struct json_object *reply, *steps;
	struct rbce_error err;

	if (rule && rule->container && ruleset_container(set, rule, &task, &container, &err) < 0)
		return command_failed(&err);
	if (!json) {
		if (!rule)
			printf("no rule matches\n");
		else
			printf("rule '%s' (%s:%u, %s): %s\n", rule->name, rule->file, rule->line,
			       rule->mode == RULE_OBSERVE ? "observe" : "enforce",
			       container ?: "left alone");
		return EXIT_SUCCESS;
	}
	reply = json_object_new_object();
	steps = json_object_new_array();
	json_object_object_add(reply, "rule", rule ? json_object_new_string(rule->name) : NULL);
	json_object_object_add(reply, "action", json_object_new_string(action_of(rule)));
	json_object_object_add(reply, "container",
			       container ? json_object_new_string(container) : NULL);
	json_object_object_add(reply, "mode",
			       rule ? json_object_new_string(rule->mode == RULE_OBSERVE ? "observe"
											: "enforce")
				    : NULL);
	ruleset_explain(set, &task, true, add_step, steps);
	json_object_object_add(reply, "steps", steps);
	return reply_print(reply);
}

enum column { PID, USER, EXE, NOW, RULE, ACTION, CONTAINER };

static const struct table_column columns[] = {
	[PID] = {.title = "PID", .key = "pid", .right = true, .number = true},
	[USER] = {.title = "UID", .key = "uid", .right = true, .number = true},
	[EXE] = {.title = "EXECUTABLE", .key = "exe"},
	[NOW] = {.title = "NOW IN", .key = "now"},
	[RULE] = {.title = "RULE", .key = "rule"},
	[ACTION] = {.title = "ACTION", .key = "action"},
	[CONTAINER] = {.title = "CONTAINER", .key = "container"},
};

static void simulate_task(struct table *t, struct ruleset *set, const struct containers *all,
			  pid_t pid)
{
	CLEANUP(rbce_task_done) struct rbce_task task = {0};
	cleanup_free char *container = NULL;
	const struct rule *rule;

	if (rbce_task_read(all->root, pid, RBCE_FACT_ALL, &task, NULL) < 0 || task.kernel_thread)
		return;
	rbce_hierarchy_container_of(all->h, task.cgroup, &task.container);
	rule = ruleset_match(set, &task);
	if (rule && rule->container)
		ruleset_container(set, rule, &task, &container, NULL);
	table_row(t, -1);
	table_set(t, PID, "%d", pid);
	table_set(t, USER, "%u", task.uid);
	table_set(t, EXE, "%s", task.exe ?: task.comm);
	table_set(t, NOW, "%s", task.container ?: "");
	table_set(t, RULE, "%s", rule ? rule->name : "");
	table_set(t, ACTION, "%s", action_of(rule));
	table_set(t, CONTAINER, "%s", container ?: "");
}

static int simulate_all(struct ruleset *set, const struct common *common)
{
	CLEANUP(containers_close) struct containers all = {0};
	cleanup_free pid_t *pids = NULL;
	struct rbce_error err;
	struct table *t;
	size_t n;

	if (containers_open(common->root, &all, &err) < 0 ||
	    rbce_task_list(all.root, &pids, &n, &err) < 0)
		return command_failed(&err);
	t = table_new("tasks", columns, ARRAY_SIZE(columns), common->json);
	for (size_t i = 0; i < n; i++)
		simulate_task(t, set, &all, pids[i]);
	return table_finish(t) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static bool any_fact(const struct facts *f)
{
	return f->user || f->euser || f->group || f->exe || f->comm || f->parent || f->in ||
	       f->pgrp || f->session;
}

DEFINE_CLEANUP(struct ruleset *, ruleset_free)

int command_simulate(int argc, char **argv)
{
	struct common common = {.root = "rbce"};
	const char *rules = RULES_DIR;
	struct facts f = {0};
	const struct option_row options[] = {
		COMMON_OPTIONS(common),
		OPTION_TEXT("rules", "DIR", "rule files (default " RULES_DIR ")", &rules),
		OPTION_TEXT("user", "NAME", "real user, with the groups that its login has",
			    &f.user),
		OPTION_TEXT("euser", "NAME", "effective user (default: the real one)", &f.euser),
		OPTION_TEXT("group", "NAME", "primary group", &f.group),
		OPTION_TEXT("exe", "PATH", "path of the executable", &f.exe),
		OPTION_TEXT("comm", "NAME", "name of the task, where it has no executable",
			    &f.comm),
		OPTION_TEXT("parent", "PATH", "path of the parent's executable", &f.parent),
		OPTION_TEXT("in", "CONTAINER", "container that it stands in", &f.in),
		OPTION_TEXT("pgrp", "PID", "process group", &f.pgrp),
		OPTION_TEXT("session", "PID", "session", &f.session),
		{0},
	};
	const struct command_line line = {
		.usage = "simulate [--rules DIR] [--user NAME] [--exe PATH]... [--json]",
		.about = "Says what the rules would do with a task of the given facts or, without "
			 "any, with every\ntask of this system. Moves nothing.",
		.options = options,
	};
	CLEANUP(rules_errors_done) struct rules_errors errors = {0};
	CLEANUP(ruleset_free_p) struct ruleset *set = NULL;

	command_parse(&line, argc, argv, 0, 0);
	if (ruleset_load(rules, &key_check_options, &set, &errors) < 0) {
		for (size_t i = 0; i < errors.n; i++)
			log_error("%s", errors.lines[i]);
		return EXIT_FAILURE;
	}
	return any_fact(&f) ? simulate_facts(set, &f, common.json) : simulate_all(set, &common);
}
