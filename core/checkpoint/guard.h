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

/* Thaws the container NAME, too. */
int guard_add(struct guard *guard, const char *name);

/* All is well: it goes without doing anything. */
void guard_stop(struct guard *guard);

/*
 * What ends the one that started this process does not end it as well: signals from its terminal or
 * to it, those that ask to end, and the kernel when memory is short. Also for what it executes.
 */
void guard_stand_apart(void);

#endif
