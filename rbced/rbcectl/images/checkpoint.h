/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checkpoints, one and many. */
#ifndef RBCECTL_CHECKPOINT_H
#define RBCECTL_CHECKPOINT_H

#include <rbce/checkpoint.h>
#include <rbced/rbcectl/rbcectl.h>

#include "scratch.h"

/* What is asked for; times are microseconds. */
struct checkpoint_wish {
	bool running, frozen, tcp, locks, shell, unix_sockets, ahead, post_copy, through_swap,
		check;
	const char *external[64]; /* NULL at the end */
	size_t n_external;
	const char *parent, *to;
	const struct rbce_sink *sink; /* where it goes, NULL for the directory */
	uint64_t deadline, rounds, bound;
	uint64_t every, keep;
};

/* A checkpoint of the container NAME, which runs on, into DIR. */
int checkpoint_take(const char *root, const char *name, const char *dir, struct rbce_error *err);
int checkpoint_make(const char *root, const char *name, const char *dir,
		    const struct checkpoint_wish *asked, struct rbce_checkpoint_figures *ret,
		    struct rbce_error *err);
/* The same into the sink of WISH. What the engine makes on the way lies in SCRATCH, which the
 * caller takes away; on failure its messages stay, and it is told where. */
int checkpoint_send(const char *root, const char *name, const struct checkpoint_wish *wish,
		    struct scratch *scratch, struct rbce_checkpoint_figures *ret,
		    struct rbce_error *err);
/* What it is before anything is done: container, groups and limits, rule, to M. */
int checkpoint_describe(struct rbce_manifest *m, const char *root, struct rbce_hierarchy *h,
			struct rbce_container *c, struct rbce_error *err);
/* As the library has them. */
unsigned checkpoint_flags(const struct checkpoint_wish *asked);
/* The exit status; with the figures of memory that reply and line of text end with. */
int checkpoint_print(const char *name, const char *dir, bool json,
		     const struct rbce_checkpoint_figures *figures);
int checkpoint_end_reply(struct json_object *reply, const struct rbce_checkpoint_figures *figures);
int checkpoint_end_line(const struct rbce_checkpoint_figures *figures);

/* One after the other, into DIR, until the container ends; the exit status. */
int checkpoint_every(const char *root, const char *name, const char *dir,
		     struct checkpoint_wish *asked, bool json);

#endif
