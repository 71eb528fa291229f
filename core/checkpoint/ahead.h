/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A round that copies memory ahead while a container runs, by way of swap: what can be is pushed
 * out, and read from there a piece at a time, which goes back at once. In the engine's format, so
 * that its dump continues it. Internal.
 */
#ifndef CORE_CHECKPOINT_AHEAD_H
#define CORE_CHECKPOINT_AHEAD_H

#include "record.h"

/*
 * Memory of TASKS in C, all of it, into the directory DIR. What is written from here on is known to
 * the kernel as written (Documentation/admin-guide/mm/soft-dirty.rst). *RET_SWAPPED receives how
 * many bytes were in swap.
 */
int ahead_copy(struct rbce_container *c, const struct record_tasks *tasks, int dir,
	       uint64_t *ret_swapped, struct rbce_error *err);

#endif
