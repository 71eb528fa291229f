/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the manifest tells of a container and of the machine. Internal. */
#ifndef CORE_CHECKPOINT_RECORD_H
#define CORE_CHECKPOINT_RECORD_H

#include <rbce/checkpoint.h>
#include <time.h>

/* The processes of a container, and which of them begin a tree: their parents are outside. */
struct record_process {
	pid_t pid, parent;
	char *place; /* container, "." for the one that is checkpointed, "sub" below it */
	char comm[64];
	bool first;
};
struct record_tasks {
	struct record_process *list;
	size_t n, trees;
};

/* -ESRCH when there is none. */
int record_tasks(struct rbce_container *c, struct record_tasks *ret, struct rbce_error *err);
void record_tasks_done(struct record_tasks *tasks);

/* Adds what is known before the engine comes: machine, clocks, processes, namespaces, counters. */
int record_machine(struct rbce_manifest *m, const struct rbce_root *root);
int record_container(struct rbce_manifest *m, struct rbce_container *c,
		     const struct record_tasks *tasks);

/* The addresses of this machine that sockets of theirs stand at; are they here? */
int record_addresses(struct rbce_manifest *m, const struct rbce_root *root,
		     const struct record_tasks *tasks);
int record_check_addresses(const struct rbce_manifest *m, struct rbce_error *err);

/* The directory of the N-th tree in an image that has so many. BUF is returned. */
const char *record_tree_dir(size_t n, size_t trees, char *buf, size_t size);

/* The clocks of the namespace of PID now. */
int record_clocks(const struct rbce_root *root, pid_t pid, struct timespec *ret_monotonic,
		  struct timespec *ret_boottime);

/* Has PID its own namespace of KIND ("time")? */
bool record_own_namespace(const struct rbce_root *root, pid_t pid, const char *kind);

/* A value of the line NAME of /proc/cpuinfo, a new string, NULL for none. */
char *record_cpu(const struct rbce_root *root, const char *name);

extern const char *const record_namespaces[]; /* kinds, NULL at the end */

#endif
