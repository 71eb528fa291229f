/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A container out of an image, wherever that came from. */
#ifndef RBCECTL_RESTORE_H
#define RBCECTL_RESTORE_H

#include <rbce/checkpoint.h>
#include <rbced/rbcectl/rbcectl.h>

#include "scratch.h"

struct restoration {
	const char *root, *name;
	const char *dir; /* of the image, which is known to be whole */
	struct rbce_manifest *manifest;
	struct containers all;
	bool still;   /* it is frozen before anybody is told */
	int link;     /* a descriptor that the keeper does not keep, 0 for none */
	int lock;     /* of the image's directory, let go when it is not needed; 0 for none */
	char log[64]; /* a directory for the engine's messages */
	int keeper;   /* what its keeper says is heard here */
	/* A pair of sockets where its memory is to follow, which is asked for at the first; 0 for
	 * none. The second is closed when it is not needed. */
	int memory[2];
};

/* Is its memory to follow? */
bool restoration_is_followed(const struct restoration *order);

/* Is the engine there, and can it be asked for containers? */
int restoration_begin(struct restoration *order, struct rbce_error *err);

/* Does nothing stand in the way of what MANIFEST tells? Sets the name: AS, or that of the image. */
int restoration_check(struct restoration *order, const char *as, struct rbce_error *err);

/* Restores it; a process that is its parent, and takes it away in the end, stays. The second waits
 * until it is there. */
int restoration_start(struct restoration *order, struct rbce_error *err);
int restoration_hear(struct restoration *order, pid_t *ret_pid, struct rbce_error *err);
int restoration_run(struct restoration *order, pid_t *ret_pid, struct rbce_error *err);

/* Waits until all of its memory has followed; on failure nothing of it is left. */
int restoration_wait(struct restoration *order, struct rbce_error *err);

void restoration_done(struct restoration *order);

#endif
