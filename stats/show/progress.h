/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How far something has got that takes long: a bar on the terminal, from when half a second is
 * over. Where standard error is no terminal, nothing.
 */
#ifndef STATS_PROGRESS_H
#define STATS_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
	const char *what; /* "reading" */
	bool terminal, drawn;
	unsigned calls;
	int64_t next; /* ms, when it is drawn next */
};

/* WHAT must outlive it. */
void progress_begin(struct progress *p, const char *what);

/* PART of the whole, 0 to 1; cheap: not every call looks at the clock. P may be NULL. */
void progress_set(struct progress *p, double part);

/* The same where calls are seldom. */
void progress_now(struct progress *p, double part);

/* Takes the bar away. */
void progress_end(struct progress *p);

/* The bar in a line of WIDTH columns; at most SIZE - 1 bytes. Returned for convenience. */
char *progress_format(const char *what, double part, int width, char *buf, size_t size);

#endif
