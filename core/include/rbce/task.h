/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is known of a process, read from /proc (proc(5)): the facts that rules match on.
 */
#ifndef RBCE_TASK_H
#define RBCE_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <rbce/error.h>
#include <rbce/root.h>

/* Which facts to read; each group costs about one file of /proc. */
enum rbce_facts {
	RBCE_FACT_STAT = 1 << 0, /* comm, ppid, pgrp, session, tty, start, policy, kernel_thread */
	RBCE_FACT_IDS = 1 << 1,  /* uid, euid, gid, egid, groups */
	RBCE_FACT_EXE = 1 << 2,  /* exe */
	RBCE_FACT_ARGS = 1 << 3, /* args */
	RBCE_FACT_PARENT = 1 << 4, /* parent_exe; brings RBCE_FACT_STAT along, as the next two do */
	RBCE_FACT_PGRP_LEADER = 1 << 5,    /* pgrp_leader_exe */
	RBCE_FACT_SESSION_LEADER = 1 << 6, /* session_leader_exe */
	RBCE_FACT_CGROUP = 1 << 7,         /* cgroup */
	RBCE_FACT_LOGIN = 1 << 8,          /* login; left out where the kernel has no audit */
	RBCE_FACT_ENV = 1 << 9,            /* env */
	RBCE_FACT_ALL = (1 << 10) - 1,
};

#define RBCE_NO_LOGIN UINT32_MAX /* login of a task that no login began */

struct rbce_task {
	unsigned facts; /* those that were read */
	pid_t pid;      /* thread group id */
	pid_t ppid;
	pid_t pgrp;
	pid_t session;
	int tty;        /* device number, 0 for none */
	uint64_t start; /* clock ticks after boot; (pid, start) names a process for good */
	int policy;     /* SCHED_OTHER, SCHED_FIFO, ... of its main thread (sched(7)) */
	bool kernel_thread;
	bool ending; /* its main thread ends, or has: where it stands is no longer told */
	uid_t uid;
	uid_t euid;
	gid_t gid;
	gid_t egid;
	uid_t login;   /* who logged in, whatever the ids are now; RBCE_NO_LOGIN */
	gid_t *groups; /* supplementary groups, sorted; owned */
	size_t n_groups;
	char comm[64]; /* the task's own name, which the kernel cuts at 15 bytes */
	char *exe;  /* path of the executable, without " (deleted)"; NULL when unreadable; owned */
	char *args; /* arguments joined by single spaces, without argv[0]; owned */
	/* Its environment: "\nNAME=VALUE\nNAME=VALUE\n", blanks for newlines in values; NULL when
	 * unreadable; owned. */
	char *env;
	/* Executables of others: NULL where there is no such process or it has none; owned. */
	char *parent_exe;
	char *pgrp_leader_exe;
	char *session_leader_exe;
	char *cgroup; /* text of /proc/PID/cgroup; owned */
	/* Set by the caller, with rbce_hierarchy_place(): NULL outside; owned. */
	char *container; /* that the task stands in */
	bool split;      /* in some hierarchies only */
	char *unit;      /* else the unit of systemd's that it stands in */
	char *tag;       /* set by the caller: what an administrator marked it with; owned */
};

/*
 * Reads FACTS of PID. -ESRCH when it is gone, also when it goes meanwhile or another process takes
 * its pid. RET is written on success only, and then needs rbce_task_done().
 */
int rbce_task_read(const struct rbce_root *root, pid_t pid, unsigned facts, struct rbce_task *ret,
		   struct rbce_error *err);

/*
 * The same in steps, for whoever may be content with few facts: the directory of a process, to be
 * closed, or -ESRCH; and facts that TASK, which begins with nothing but its pid, does not have yet.
 * All of them are of one process, or it is gone. TASK needs rbce_task_done() in any case.
 */
int rbce_task_open(const struct rbce_root *root, pid_t pid, struct rbce_error *err);
int rbce_task_read_more(const struct rbce_root *root, int dir, unsigned facts,
			struct rbce_task *task, struct rbce_error *err);

/* Releases what the task owns; a zeroed task is fine. */
void rbce_task_done(struct rbce_task *task);

/* Last component of the executable's path, or its comm where there is no path; borrowed. */
const char *rbce_task_basename(const struct rbce_task *task);

/* Is its main thread scheduled by SCHED_FIFO, SCHED_RR or SCHED_DEADLINE? Needs RBCE_FACT_STAT. */
bool rbce_task_is_realtime(const struct rbce_task *task);

/*
 * A pidfd (pidfd_open(2)) of the very process that TASK was read from, or -ESRCH when it has gone.
 * TASK needs RBCE_FACT_STAT.
 */
int rbce_task_pidfd(const struct rbce_root *root, const struct rbce_task *task);

/* Every process id at this moment, in a new sorted array. */
int rbce_task_list(const struct rbce_root *root, pid_t **ret, size_t *ret_n,
		   struct rbce_error *err);

#endif
