/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tasks in and out of groups. Internal. */
#ifndef CORE_ATTACH_H
#define CORE_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <rbce/container.h>

/* rbce_container_join(); one who is PLACED was forked into the v2 group (CLONE_INTO_CGROUP). */
int attach_self(struct rbce_container *c, bool placed, struct rbce_error *err);

/* Does LIST, words divided by spaces, have WORD? */
bool attach_has_word(const char *list, const char *word);

/*
 * Moves the processes that stand in the v2 group DIRFD itself into its leaf, which is made where it
 * is missing, until none is left there.
 */
int attach_move_to_leaf(int dirfd);

/* Processes in a group's cgroup.procs, appended to *PIDS (N of them, ROOM for more). */
struct pid_list {
	pid_t *pids;
	size_t n, room;
};
int attach_read_procs(int dirfd, struct pid_list *list);

/* For qsort() and bsearch(). */
int attach_compare_pid(const void *a, const void *b);

#endif
