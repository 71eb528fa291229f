/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The recorder's connection to the database: its lock, its statements, and the rows it writes.
 * Functions that return int give SQLite's result code unless they take a struct rbce_error.
 */
#ifndef STATS_WRITER_H
#define STATS_WRITER_H

#include <rbce/error.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "stats/sample/series.h"
#include "store.h"

struct writer;

/* Errors are those of store_open(). OPTIONS must outlive it. */
int writer_open(const struct store_options *options, struct writer **ret, struct rbce_error *err);

/* Takes NULL; returns NULL. */
struct writer *writer_close(struct writer *w);

/* Brings the write-ahead log into the database file. */
int writer_checkpoint(struct writer *w, struct rbce_error *err);

/*
 * Takes over from an earlier recorder: adds up its counters to its last tick, whose time is
 * written to *RET (0 where there was none), and takes all containers for ended until they are seen.
 */
int writer_resume(struct writer *w, int64_t *ret, struct rbce_error *err);

/* -ESTALE when the path leads to another file now, or to none. */
int writer_check(const struct writer *w, struct rbce_error *err);

/* "cannot VERB 'PATH': reason" of the last failure RC, as an errno. */
int writer_error(const struct writer *w, int rc, const char *verb, struct rbce_error *err);

/* Borrowed. */
sqlite3 *writer_database(const struct writer *w);

/* Have tables got columns since it was asked last? */
bool writer_grew(struct writer *w);

int writer_begin(struct writer *w);
int writer_commit(struct writer *w);
void writer_rollback(struct writer *w);

/*
 * A tick, which took PERIOD since the one before, at the first moment from TIME on that has none,
 * to *RET: the clock may have been set back.
 */
int writer_add_tick(struct writer *w, int64_t time, int64_t period, int64_t *ret);

/* Finds or makes its row in containers. One not stored yet resumes at RESUMED_TICK's counters. */
int writer_register(struct writer *w, struct series *s, int64_t resumed_tick);

/* Its row in TABLE at TIME, of a tick that took USUAL. */
int writer_add_row(struct writer *w, const struct series *s, enum metric_table table, int64_t time,
		   int64_t usual);

/* Any row, of VALUES as columns have them; PERIOD is NULL where it is that of the tick. */
int writer_add_values(struct writer *w, int64_t id, enum metric_table table, int64_t time,
		      const int64_t *period, const struct metric_values *values);

/* The rows of one that ended, at the time when it was seen last. */
int writer_add_late(struct writer *w, const struct series *s);
int writer_save_counters(struct writer *w, const struct series *s, int64_t time);
int writer_end(struct writer *w, const struct series *s);
int writer_add_event(struct writer *w, const struct told *told);

/* Forgets the counters of containers that ended. */
int writer_drop_counters(struct writer *w);

struct run {
	int64_t started; /* its first tick, and its name */
	int64_t last_tick;
	int64_t interval;
	uint64_t ticks;
	uint64_t overruns;
	uint64_t lost;
};
int writer_save_run(struct writer *w, const struct run *run);

#endif
