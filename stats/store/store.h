/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes ticks into the database, one transaction each: per container one row, with what counters
 * grew by and gauges as they are; rows in which nothing changed are left out, but for one a minute.
 *
 * A tick that cannot be stored (full disk, locked or removed database) waits in memory, and is
 * stored when that works again, a few with each tick. When there is no room for more of them, a
 * tick is lost as a point in time and nothing else: the next row of each container holds what its
 * counters grew by meanwhile, and its `period` tells over how long. The database is opened anew at
 * each tick until it works.
 */
#ifndef STATS_STORE_H
#define STATS_STORE_H

#include <rbce/error.h>
#include <sqlite3.h>
#include <stdint.h>

#include "retention.h"
#include "stats/sample/listen.h"
#include "stats/sample/sampler.h"

struct store_options {
	const char *path;
	const char *group; /* the root group: one database is for one */
	const char *boot;  /* the boot id, which inode numbers and counters belong to */
	int64_t interval;  /* ms */
	struct retention retention;
};

struct store;

/* OPTIONS are copied as they are: their strings must outlive it. -ENOMEM. */
int store_new(const struct store_options *options, struct store **ret, struct rbce_error *err);

/*
 * Opens the database now, so that a mistake shows early: -EMEDIUMTYPE when it is not for us
 * (another program's, a newer version's, of another root group), -EALREADY when another recorder
 * writes it. Any other failure may pass; ticks try again by themselves.
 */
int store_open(struct store *store, struct rbce_error *err);

/*
 * A tick: begun at TIME (ms since the epoch), then every container put (SAMPLE's name and values
 * are copied), then committed. Containers that are not put have gone. OVERRUNS counts those so far.
 * FINAL writes every container's row, as each minute does anyway.
 */
void store_begin(struct store *store, int64_t time);
int store_put(struct store *store, const struct sample *sample);
int store_commit(struct store *store, uint64_t overruns, bool final, struct rbce_error *err);

/*
 * Before a tick: since the last one the clock was moved by MS, or went on by so much while the
 * machine slept. Periods are of the time that passed; what was skipped is a gap between two runs.
 */
void store_skip(struct store *store, int64_t ms);

/* What was told, which it takes, is stored with the next tick. */
void store_tell(struct store *store, struct told *told);

/*
 * Others that write in the transaction of each tick: WRITE into DB at TIME (SQLite's result code),
 * and STORED when it holds. What is not stored is to be written with the next tick. SKIP, where
 * there is one, is told what store_skip() is.
 */
struct store_part {
	int (*write)(void *data, sqlite3 *db, int64_t time);
	void (*stored)(void *data);
	void *data;
	void (*skip)(void *data, int64_t ms);
};
void store_add_part(struct store *store, const struct store_part *part);

/* Ticks so far, those of them that were lost, and those that wait in memory. */
uint64_t store_ticks(const struct store *store);
uint64_t store_lost(const struct store *store);
size_t store_held(const struct store *store);

/* Brings all into the database file itself, so that nothing is left beside it. */
int store_checkpoint(struct store *store, struct rbce_error *err);

/* Takes NULL; returns NULL. */
struct store *store_close(struct store *store);

#endif
