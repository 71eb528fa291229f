/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A process that thaws a container when nobody else is left to do it. Internal. */
#ifndef CORE_CHECKPOINT_GUARD_H
#define CORE_CHECKPOINT_GUARD_H

#include <rbce/container.h>

struct guard {
	pid_t pid;
	int link; /* whoever has it open is at work */
};

int guard_start(struct rbce_container *c, struct guard *ret, struct rbce_error *err);

/* All is well: it goes without doing anything. */
void guard_stop(struct guard *guard);

#endif
