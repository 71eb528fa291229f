/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the recorder knows of one container between ticks: the numbers as the database has them and
 * as they are now, and so what the next row has to say.
 */
#ifndef STATS_SERIES_H
#define STATS_SERIES_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "sampler.h"

struct series {
	char *name;
	uint64_t inode;
	int64_t id;          /* in table containers, 0 while it is not there */
	bool is_new;         /* that id is of this tick */
	bool written;        /* a row of it has been stored */
	bool clean;          /* the database has all there is to tell */
	bool pending;        /* the transaction now open holds a row of it */
	size_t held;         /* rows of it in the backlog */
	int64_t first_seen;  /* ms since the epoch, as all times */
	int64_t seen;        /* the last tick that had it */
	uint64_t tick;       /* number of that tick */
	int64_t stored_time; /* when `stored` was so */
	struct metric_values stored;
	struct metric_values latest;
	UT_hash_handle hh;
	struct series *next; /* in the list of those that ended */
};

/*
 * PREVIOUS is the time of the tick before, at which a fresh container did not exist yet. NULL when
 * out of memory.
 */
struct series *series_new(const struct sample *sample, int64_t time, int64_t previous);
void series_free(struct series *s);

/* Takes up where an earlier recorder stopped: at TIME the counters were so. */
void series_resume(struct series *s, int64_t time, const struct metric_values *counters);

/*
 * The number for a row's column: the growth of a counter since it was stored, a gauge itself. False
 * when it is not known. A counter that went down began anew.
 */
bool series_column(const struct series *s, size_t metric, uint64_t *ret);

/* Would a row of it tell anything new, in that table? Has it anything there but zeros? */
bool series_changed(const struct series *s, enum metric_table table);
bool series_tells(const struct series *s, enum metric_table table);

/* The database now has the numbers as they are, by a row or because none was needed. */
void series_stored(struct series *s, int64_t time);

#endif
