/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The priority of a thread whom tasks wait for, or run on in the wrong container without. */
#ifndef RBCED_PRIORITY_H
#define RBCED_PRIORITY_H

/*
 * Gives it to this thread, where that is allowed: nice -20, and short slices, with which Linux 6.12
 * lets it run at once when it wakes (sched(7), sched_setattr(2)). What it starts has nice 0.
 */
void priority_raise(void);

#endif
