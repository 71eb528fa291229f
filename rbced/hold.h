/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tasks that are out of the rules' hands: placed by an administrator, or moved by others from where
 * they were put. Where the source of events does not tell of such moves, they show at the next look
 * at the task, by where it stands then.
 */
#ifndef RBCED_HOLD_H
#define RBCED_HOLD_H

#include "engine.h"
#include "record.h"

/*
 * Is the task held, or is it from this look on? RECORD is its own, NULL for none. When true, *RET
 * is what became of it.
 */
bool hold_applies(struct engine *engine, const struct rbce_task *task, const struct record *record,
		  enum outcome *ret);

/*
 * Before a task is moved into NAME: was it others who brought it where it stands? It is held then.
 * That is so for one that was moved just now (CAUSE_MOVED), and for one whose parent they moved
 * before it began.
 */
bool hold_before_move(struct engine *engine, const struct rbce_task *task, const char *name,
		      enum cause cause);

/* The empty container NAME is about to be removed: those that were put there stand elsewhere. */
void hold_before_removal(struct engine *engine, const char *name);

/* Has a thread of the process a real-time policy? */
bool hold_is_realtime(struct engine *engine, pid_t pid);

/*
 * Gives a task back to the rules, and with TREE those held that descend from it now: their pids
 * come in a new array. 0 or -errno.
 */
int hold_release(struct engine *engine, const struct rbce_task *task, bool tree, pid_t **ret,
		 size_t *ret_n);

#endif
