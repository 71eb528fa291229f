/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the recorder keeps beside the samples of containers: the account of tasks that end, how the
 * CPUs were shared, states of tasks, and what single devices did. Each part has a table of its own
 * and is left out, with a line that says why, where this system cannot give it.
 */
#ifndef STATS_PARTS_H
#define STATS_PARTS_H

#include <rbce/hierarchy.h>
#include <systemd/sd-event.h>

#include "exits/tables.h"
#include "sample/listen.h"
#include "store/store.h"

struct parts_options {
	bool no_exits;
	bool running;    /* what tasks use that still run, too */
	bool states;     /* how many tasks are in which state */
	uint64_t shares; /* microseconds between two looks at how the CPUs are shared; 0: none */
};

struct parts;

/* H must outlive it. Says what is left out. -ENOMEM. Release with parts_close(). */
int parts_open(const struct parts_options *options, sd_event *loop, const struct rbce_hierarchy *h,
	       struct parts **ret);
struct parts *parts_close(struct parts *p);

/* They hear what rbced tells, and write with each tick, until the listener is gone. */
void parts_connect(struct parts *p, struct listener *listener, struct store *store);

/* In each tick: its begin, every container, then the rest of it. */
void parts_begin(struct parts *p, bool final);
void parts_note(struct parts *p, const struct sample *sample);
void parts_tick(struct parts *p, bool final);

/* For the recorder's last line, in a new string; NULL when there is nothing to say. */
char *parts_summary(const struct parts *p);

#endif
