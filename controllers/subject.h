/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose limits are read: facts of one process and of its host, from /proc and /sys. Internal. */
#ifndef CONTROLLERS_SUBJECT_H
#define CONTROLLERS_SUBJECT_H

#include <rbce/error.h>
#include <rbce/hierarchy.h>
#include <rbce/root.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct subject {
	const struct rbce_root *root;
	const struct rbce_hierarchy *h; /* NULL without cgroups */
	int dir;                        /* its directory in /proc */
	char *cgroup;                   /* texts of files there */
	char *limits;
	char *status;
	bool in_namespace; /* the reader's own cgroup namespace is not the host's */
	bool has_user_tasks;
	uint64_t user_tasks; /* tasks of its real user */
};

/* -ESRCH when there is no such process. */
int subject_read(const struct rbce_root *root, const struct rbce_hierarchy *h, pid_t pid,
		 struct subject *ret, struct rbce_error *err);
void subject_done(struct subject *s);

/* Amount of a line of /proc/PID/status ("VmSize"), in bytes where it says kB. */
bool subject_status(const struct subject *s, const char *field, uint64_t *ret);

/* An rlimit by its name in /proc/PID/limits ("Max open files"). */
int subject_rlimit(const struct subject *s, const char *title, uint64_t *ret_soft,
		   uint64_t *ret_hard);

/* The kernel does not count the tasks of a privileged process's user (fork(2), EAGAIN). */
bool subject_is_privileged(const struct subject *s);

/* Open descriptors; false where they may not be seen. */
bool subject_files(const struct subject *s, uint64_t *ret);

/* CPU time used, whole seconds. */
bool subject_cpu_seconds(const struct subject *s, uint64_t *ret);

/* The list of CPUs that it may run on ("0-3,8"), into BUF. */
bool subject_cpus(const struct subject *s, char *buf, size_t size);

/* How many numbers stand in both LISTS of CPUs. */
unsigned cpus_common(const char *list, const char *other);

/* The number in a file of one line, the list of CPUs that are online. */
int host_number(const struct rbce_root *root, const char *path, uint64_t *ret);
bool host_cpus(const struct rbce_root *root, char *buf, size_t size);

/* Memory of the machine and what of it is in use, in bytes; tasks on it. */
bool host_memory(const struct rbce_root *root, uint64_t *ret_total, uint64_t *ret_used);
bool host_tasks(const struct rbce_root *root, uint64_t *ret);

#endif
