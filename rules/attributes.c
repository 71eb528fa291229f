// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What conditions may be about: one table row for each key says how its values are written, which
 * facts of a task it needs, what is compared, and what to tell a person who asks why it failed.
 */
#include "internal.h"
#include "util.h"

/* ---- what is compared ---- */

static uint32_t task_uid(const struct rbce_task *task)
{
	return task->uid;
}

static uint32_t task_euid(const struct rbce_task *task)
{
	return task->euid;
}

static uint32_t task_gid(const struct rbce_task *task)
{
	return task->gid;
}

static uint32_t task_egid(const struct rbce_task *task)
{
	return task->egid;
}

static uint32_t task_pgrp(const struct rbce_task *task)
{
	return (uint32_t)task->pgrp;
}

static uint32_t task_session(const struct rbce_task *task)
{
	return (uint32_t)task->session;
}

static const char *task_exe(const struct rbce_task *task)
{
	return task->exe;
}

static const char *task_parent(const struct rbce_task *task)
{
	return task->parent_exe;
}

static const char *task_container(const struct rbce_task *task)
{
	return task->container;
}

static uint32_t task_login(const struct rbce_task *task)
{
	return task->login;
}

static uint32_t task_has_tty(const struct rbce_task *task)
{
	return task->tty != 0;
}

static uint32_t task_is_realtime(const struct rbce_task *task)
{
	return rbce_task_is_realtime(task);
}

static const char *task_args(const struct rbce_task *task)
{
	return task->args;
}

static const char *task_env(const struct rbce_task *task)
{
	return task->env;
}

static const char *task_pgrp_leader(const struct rbce_task *task)
{
	return task->pgrp_leader_exe;
}

static const char *task_session_leader(const struct rbce_task *task)
{
	return task->session_leader_exe;
}

static const char *task_tag(const struct rbce_task *task)
{
	return task->tag;
}

/* ---- how ---- */

static bool id_within(const struct attribute *attribute, const struct values *values,
		      const struct rbce_task *task)
{
	return ids_have(&values->ids, attribute->id(task));
}

static void print_id(const struct attribute *attribute, const struct rbce_task *task, char *buf,
		     size_t size)
{
	snprintf(buf, size, "%u", attribute->id(task));
}

/* The real group, or any supplementary one. */
static bool groups_within(const struct attribute *attribute, const struct values *values,
			  const struct rbce_task *task)
{
	if (id_within(attribute, values, task))
		return true;
	for (size_t i = 0; i < task->n_groups; i++)
		if (ids_have(&values->ids, task->groups[i]))
			return true;
	return false;
}

static void print_groups(const struct attribute *attribute, const struct rbce_task *task, char *buf,
			 size_t size)
{
	size_t n = (size_t)snprintf(buf, size, "%u", attribute->id(task));

	for (size_t i = 0; i < task->n_groups && n < size; i++)
		if (task->groups[i] != attribute->id(task))
			n += (size_t)snprintf(buf + n, size - n, ", %u", task->groups[i]);
}

static bool text_within(const struct attribute *attribute, const struct values *values,
			const struct rbce_task *task)
{
	return globs_match(&values->globs, attribute->text(task));
}

static void print_text(const struct attribute *attribute, const struct rbce_task *task, char *buf,
		       size_t size)
{
	snprintf(buf, size, "%s", attribute->text(task) ?: "");
}

/* Whose it is may have secrets there, and anyone may ask why a rule failed. */
static void print_env(const struct attribute *attribute, const struct rbce_task *task, char *buf,
		      size_t size)
{
	snprintf(buf, size, "%s", attribute->text(task) ? "not shown" : "");
}

static void print_login(const struct attribute *attribute, const struct rbce_task *task, char *buf,
			size_t size)
{
	if (task->login == RBCE_NO_LOGIN)
		snprintf(buf, size, "none");
	else
		print_id(attribute, task, buf, size);
}

static void print_flag(const struct attribute *attribute, const struct rbce_task *task, char *buf,
		       size_t size)
{
	snprintf(buf, size, "%s", attribute->id(task) ? "yes" : "no");
}

/* ---- the table ---- */

#define ID .within = id_within, .print = print_id
#define USER                                                                                       \
	.values = "IDS", .facts = RBCE_FACT_IDS, .parse = values_add_ids, ID,                      \
	.id_max = UINT32_MAX - 1, .noun = "user", .look_up = name_cache_user_id
#define GROUP                                                                                      \
	.values = "IDS", .facts = RBCE_FACT_IDS, .parse = values_add_group,                        \
	.id_max = UINT32_MAX - 1, .noun = "group", .look_up = name_cache_group_id
#define PID                                                                                        \
	.values = "NUMBERS", .facts = RBCE_FACT_STAT, .parse = values_add_ids, ID,                 \
	.id_max = INT32_MAX, .is_pid = true
#define FLAG                                                                                       \
	.values = "yes | no", .facts = RBCE_FACT_STAT, .parse = values_add_flag,                   \
	.within = id_within, .print = print_flag, .id_max = 1
#define GLOB                                                                                       \
	.values = "PATTERNS", .parse = values_add_glob, .within = text_within, .print = print_text
#define PATH GLOB, .is_path = true

const struct attribute attributes[] = {
	{"user", USER, .id = task_uid, .help = "The real user.", .example = "1000-60000, !backup"},
	{"euser", USER, .id = task_euid, .help = "The effective user.", .example = "root"},
	{"group", GROUP, .id = task_gid, .has_more = true, .within = groups_within,
	 .print = print_groups,
	 .help = "The real group, or any supplementary group that the task really has.",
	 .example = "@students, !@tutors"},
	{"egroup", GROUP, .id = task_egid, ID, .help = "The effective group.", .example = "<1000"},
	{"login", .values = "IDS", .facts = RBCE_FACT_LOGIN, .parse = values_add_login,
	 .within = id_within, .print = print_login, .id_max = UINT32_MAX - 1, .noun = "user",
	 .look_up = name_cache_user_id, .id = task_login,
	 .help = "The user who logged in, whoever the task has become since (the login uid of "
		 "audit); the word 'none' stands for a task of no login.",
	 .example = "alice, none"},
	{"exe", .facts = RBCE_FACT_EXE, PATH, .text = task_exe,
	 .help = "The whole path of the executable.", .example = "/usr/bin/cc1*, */clang"},
	{"comm", .facts = RBCE_FACT_EXE | RBCE_FACT_STAT, GLOB, .text = rbce_task_basename,
	 .help = "The last component of that path, whole and with its blanks, not cut at 15 "
		 "bytes; the task's own name where it has no executable.",
	 .example = "gcc, python3*"},
	{"args", .facts = RBCE_FACT_ARGS, GLOB, .text = task_args, .any_text = true,
	 .help = "The arguments without the program's name, joined by single blanks.",
	 .example = "re:\\bmake\\b, *--nightly*"},
	{"env", .values = "VARIABLES", .facts = RBCE_FACT_ENV, .parse = values_add_env,
	 .within = text_within, .print = print_env, .text = task_env, .any_text = true,
	 .help = "A variable of the environment that the program was started with: NAME, "
		 "NAME=VALUE, or a '*' at the end of the value. A regular expression has the "
		 "whole, with a newline before and behind each variable.",
	 .example = "SLURM_JOB_ID=*"},
	{"pgrp", PID, .id = task_pgrp, .help = "The process group.", .example = "4321"},
	{"session", PID, .id = task_session, .help = "The session.", .example = "4321"},
	{"pgrp-leader", .facts = RBCE_FACT_PGRP_LEADER, PATH, .text = task_pgrp_leader,
	 .help = "The whole path of the executable of the process group's leader.",
	 .example = "*/make"},
	{"session-leader", .facts = RBCE_FACT_SESSION_LEADER, PATH, .text = task_session_leader,
	 .help = "The same of the session's leader.", .example = "/usr/sbin/sshd"},
	{"tty", FLAG, .id = task_has_tty, .help = "Has it a controlling terminal?",
	 .example = "yes"},
	{"realtime", FLAG, .id = task_is_realtime,
	 .help = "Is it scheduled by SCHED_FIFO, SCHED_RR or SCHED_DEADLINE?", .example = "no"},
	{"parent", .facts = RBCE_FACT_PARENT, PATH, .text = task_parent,
	 .help = "The whole path of the parent's executable.", .example = "*/sshd"},
	{"in", .facts = RBCE_FACT_CGROUP, GLOB, .text = task_container,
	 .help = "The container that the task stands in now.", .example = "builds/*"},
	{"tag", .facts = 0, GLOB, .text = task_tag,
	 .help = "What 'rbcectl tag' marked the task with, or the one that it descends from.",
	 .example = "nightly"},
};
_Static_assert(ARRAY_SIZE(attributes) == ATTRIBUTES, "one row each");

const struct attribute *attribute_find(const char *key)
{
	for (size_t i = 0; i < ATTRIBUTES; i++)
		if (streq(attributes[i].name, key))
			return &attributes[i];
	return NULL;
}
