/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A container for a job, from rbced: for users who may not make one. The job's process asks by
 * itself, so that the daemon knows by the socket who it is, and is moved; its parent keeps the
 * connection for as long as the job is to last.
 */
#ifndef ULIMITX_ASK_H
#define ULIMITX_ASK_H

#include <controllers/change.h>
#include <rbce/error.h>

struct ask {
	const char *root; /* the daemon's */
	int leash;        /* the connection; -1 for none */
	int answer[2];    /* a pipe: what the daemon says, from the child to its parent */
};

/* Before the fork. ask_close() releases all, also after a failure. */
int ask_open(struct ask *ask, const char *root, struct rbce_error *err);
void ask_close(struct ask *ask);

/* In the child: -errno when it was not moved; its parent hears why. */
int ask_in_child(const struct ask *ask, const struct change *limits, size_t n);

/* In the parent: the name of the container, a new string. */
int ask_answer(struct ask *ask, char **ret, struct rbce_error *err);

/* The job in CONTAINER has ended: returns when what was left is gone, and the container too. */
int ask_end(struct ask *ask, const char *container, struct rbce_error *err);

#endif
