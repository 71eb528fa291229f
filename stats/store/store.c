// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes ticks into the database; see store.h. */
#include "store.h"

#include <errno.h>

#include "backlog.h"
#include "rollup.h"
#include "schema.h"
#include "stats/sample/notice.h"
#include "stats/sample/series.h"
#include "util.h"
#include "writer.h"

/* So many containers that ended while nothing could be stored are kept for when it can. */
enum { ENDED_MAX = 4096 };

/* So many ticks of the backlog go with one that is stored. */
enum { CATCH_UP_TICKS = 20 };

/* A tick rolls up for about so long, in microseconds. */
enum { ROLLUP_BUDGET = 10000 };

/* And so many others write with it: more than there are. */
enum { PARTS_MAX = 8 };

/* And so many events. */
enum { TOLD_MAX = 4096 };

struct store {
	struct store_options options;
	struct writer *writer; /* NULL while the database is not open */
	struct rollup *rollup; /* NULL until the first tick after that */
	struct sweeper *sweeper;
	struct backlog backlog;
	bool final;        /* this is the last tick */
	size_t caught_up;  /* ticks of it that the transaction now open has */
	int64_t held_full; /* the last tick in it with a row of every container */
	bool resumed;
	int64_t resumed_tick; /* the last one of the recorder before us, 0 for none */
	struct series *series;
	struct series *ended;
	size_t n_ended;
	struct told *told; /* in the order of coming */
	struct told **last_told;
	size_t n_told;
	int64_t time;
	int64_t previous;       /* time of the tick before */
	int64_t full;           /* the last stored tick with a row of every container, 0 for none */
	struct run run, before; /* this one, and what those before it in this process came to */
	struct store_part parts[PARTS_MAX];
	size_t n_parts;
};

int store_new(const struct store_options *options, struct store **ret, struct rbce_error *err)
{
	struct store *store = calloc(1, sizeof(*store));

	if (!store)
		return rbce_error_errno(err, -ENOMEM, "cannot open '%s'", options->path);
	store->options = *options;
	store->run.interval = options->interval;
	store->last_told = &store->told;
	backlog_init(&store->backlog);
	*ret = store;
	return 0;
}

int store_open(struct store *store, struct rbce_error *err)
{
	int r;

	if (store->writer)
		return 0;
	r = writer_open(&store->options, &store->writer, err);
	if (r == 0 && !store->resumed) {
		r = writer_resume(store->writer, &store->resumed_tick, err);
		if (r == 0)
			store->resumed = true;
		else
			store->writer = writer_close(store->writer);
	}
	return r;
}

/* The database may be another one when it is opened again: nothing is taken to be in it. */
static void disconnect(struct store *store)
{
	struct series *s;

	store->rollup = rollup_free(store->rollup);
	store->sweeper = sweeper_free(store->sweeper);
	store->writer = writer_close(store->writer);
	store->full = 0;
	for (s = store->series; s; s = s->hh.next) {
		s->id = 0;
		s->clean = false;
	}
	for (s = store->ended; s; s = s->next)
		s->id = 0;
}

/* Ticks. */

void store_begin(struct store *store, int64_t time)
{
	store->previous = store->time ?: time;
	store->time = time;
	if (!store->run.started)
		store->run.started = time;
	store->run.ticks++;
}

void store_skip(struct store *store, int64_t ms)
{
	if (!store->time)
		return;
	store->time += ms;
	for (struct series *s = store->series; s; s = s->hh.next)
		s->stored_time += ms;
	for (size_t i = 0; i < store->n_parts; i++)
		if (store->parts[i].skip)
			store->parts[i].skip(store->parts[i].data, ms);
	/* What is set back a little is told twice in this run. */
	if (ms < 0 && store->time >= store->run.started)
		return;
	store->before = store->run;
	store->run.started = 0;
}

void store_tell(struct store *store, struct told *told)
{
	if (store->n_told == TOLD_MAX) {
		told_free(told);
		return;
	}
	told->next = NULL;
	*store->last_told = told;
	store->last_told = &told->next;
	store->n_told++;
}

void store_add_part(struct store *store, const struct store_part *part)
{
	if (store->n_parts < PARTS_MAX)
		store->parts[store->n_parts++] = *part;
}

static void end_series(struct store *store, struct series *s)
{
	HASH_DEL(store->series, s);
	if (store->n_ended >= ENDED_MAX && !s->held) {
		series_free(s);
		return;
	}
	s->next = store->ended;
	store->ended = s;
	store->n_ended++;
}

static void take_notice(void *data, struct told *told)
{
	struct store *store = data;

	store_tell(store, told);
}

int store_put(struct store *store, const struct sample *sample)
{
	struct series *s;
	int r = 0;

	HASH_FIND_STR(store->series, sample->name, s);
	if (s && s->inode != sample->inode) {
		end_series(store, s);
		s = NULL;
	}
	if (s && sample->same && s->tick + 1 == store->run.ticks) {
		s->seen = store->time;
		s->tick = store->run.ticks;
		return 0;
	}
	if (!s) {
		s = series_new(sample, store->time, store->previous);
		if (!s)
			return -ENOMEM;
		HASH_ADD_KEYPTR(hh, store->series, s->name, strlen(s->name), s);
	} else {
		r = notice(s->name, store->time, &s->latest, &sample->values, take_notice, store);
	}
	s->latest = sample->values;
	s->clean = false;
	s->seen = store->time;
	s->tick = store->run.ticks;
	return r;
}

static void end_missing(struct store *store)
{
	struct series *s, *next;

	for (s = store->series; s; s = next) {
		next = s->hh.next;
		if (s->tick != store->run.ticks)
			end_series(store, s);
	}
}

static bool changed(const struct series *s)
{
	for (size_t t = 0; t < TABLE_TOTAL; t++)
		if (series_changed(s, (enum metric_table)t))
			return true;
	return false;
}

/* What a container that ended had used when it was last seen, where that is not stored yet. */
static int write_ended(struct store *store, struct series *s)
{
	int rc = SQLITE_OK;

	if (changed(s)) {
		rc = writer_register(store->writer, s, store->resumed_tick);
		if (rc == SQLITE_OK)
			rc = writer_add_late(store->writer, s);
	}
	return rc == SQLITE_OK ? writer_end(store->writer, s) : rc;
}

/* Table samples has a row of every container in a full tick, the others where they tell anything.
 */
static bool wants_row(const struct series *s, enum metric_table table, bool full)
{
	if (full && (table == TABLE_SAMPLES || series_tells(s, table)))
		return true;
	return series_changed(s, table);
}

static int by_id(const struct series *a, const struct series *b)
{
	return a->id < b->id ? -1 : a->id > b->id;
}

/*
 * Of all that a tick has something of. In the order of their numbers, which after a start may not
 * be that in which they are found: the rows of a tick are to be appended.
 */
static int register_all(struct store *store, bool full)
{
	bool sorted = true;
	int64_t last = 0;
	int rc = SQLITE_OK;

	for (struct series *s = store->series; s && rc == SQLITE_OK; s = s->hh.next) {
		s->is_new = !s->id;
		if (!s->clean || full)
			rc = writer_register(store->writer, s, store->resumed_tick);
		sorted &= s->id >= last;
		last = s->id;
	}
	if (!sorted)
		HASH_SORT(store->series, by_id);
	return rc;
}

static int write_series(struct store *store, struct series *s, bool full, int64_t usual)
{
	int rc = SQLITE_OK;

	s->pending = false;
	if (s->clean && !full)
		return SQLITE_OK;
	for (size_t t = 0; rc == SQLITE_OK && t < TABLE_TOTAL; t++) {
		if (!wants_row(s, (enum metric_table)t, full))
			continue;
		rc = writer_add_row(store->writer, s, (enum metric_table)t, store->time, usual);
		s->pending = true;
	}
	/* While ticks wait, the counters saved stay those of the last row before them. */
	if (rc == SQLITE_OK && (full || s->is_new) && !store->backlog.first)
		rc = writer_save_counters(store->writer, s, store->time);
	return rc;
}

/* What is done beside recording, a little with each tick. */
static int keep_house(struct store *store)
{
	sqlite3 *db = writer_database(store->writer);
	int behind = 0, rc;
	bool more;

	/* It reads the columns that there were when it was made. */
	if (writer_grew(store->writer))
		store->rollup = rollup_free(store->rollup);
	if (!store->rollup)
		store->rollup = rollup_new(db);
	if (!store->sweeper)
		store->sweeper = sweeper_new(db);
	if (!store->rollup || !store->sweeper)
		return SQLITE_NOMEM;
	/* Not beyond ticks that are still to come. */
	if (store->backlog.ticks > store->caught_up)
		return SQLITE_OK;
	rc = rollup_step(store->rollup, store->time, ROLLUP_BUDGET, &behind);
	return rc == SQLITE_OK && !behind
		       ? sweeper_step(store->sweeper, &store->options.retention, store->time, &more)
		       : rc;
}

static int add_held_tick(void *data, int64_t time, int64_t usual)
{
	struct store *store = data;
	int64_t at;

	return writer_add_tick(store->writer, time, usual, &at);
}

static int add_held_row(void *data, const struct backlog_row *row)
{
	struct store *store = data;
	int rc = writer_register(store->writer, row->series, store->resumed_tick);

	return rc == SQLITE_OK ? writer_add_values(store->writer, row->series->id, row->table,
						   row->time, &row->period, &row->values)
			       : rc;
}

/* Some of the ticks that wait, oldest first; they are taken out when the transaction is done. */
static int write_backlog(struct store *store)
{
	struct backlog rest = store->backlog;
	int rc = SQLITE_OK;

	store->caught_up = 0;
	while (rc == SQLITE_OK && rest.first &&
	       (store->final || store->caught_up < CATCH_UP_TICKS)) {
		rc = backlog_read(&rest, add_held_tick, add_held_row, store);
		backlog_skip(&rest);
		store->caught_up++;
	}
	return rc;
}

static int save_run(struct store *store)
{
	struct run run = store->run;

	run.ticks -= store->before.ticks;
	run.overruns -= store->before.overruns;
	run.lost -= store->before.lost;
	return writer_save_run(store->writer, &run);
}

static int write_tick(struct store *store, bool full)
{
	int64_t usual = store->time > store->previous ? store->time - store->previous : 0;
	int rc = writer_begin(store->writer);

	if (rc == SQLITE_OK)
		rc = write_backlog(store);
	if (rc == SQLITE_OK)
		rc = writer_add_tick(store->writer, store->time, usual, &store->time);
	for (struct series *s = store->ended; s && rc == SQLITE_OK; s = s->next)
		rc = write_ended(store, s);
	if (rc == SQLITE_OK)
		rc = register_all(store, full);
	for (struct series *s = store->series; s && rc == SQLITE_OK; s = s->hh.next)
		rc = write_series(store, s, full, usual);
	for (const struct told *t = store->told; t && rc == SQLITE_OK; t = t->next)
		rc = writer_add_event(store->writer, t);
	if (rc == SQLITE_OK && full)
		rc = writer_drop_counters(store->writer);
	for (size_t i = 0; i < store->n_parts && rc == SQLITE_OK; i++)
		rc = store->parts[i].write(store->parts[i].data, writer_database(store->writer),
					   store->time);
	store->run.last_tick = store->time;
	if (rc == SQLITE_OK)
		rc = save_run(store);
	if (rc == SQLITE_OK)
		rc = keep_house(store);
	return rc == SQLITE_OK ? writer_commit(store->writer) : rc;
}

/* But for those that have rows in the backlog. */
static void free_ended(struct store *store)
{
	struct series **at = &store->ended;

	while (*at) {
		struct series *s = *at;

		if (s->held) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		store->n_ended--;
		series_free(s);
	}
}

static void free_told(struct store *store)
{
	while (store->told) {
		struct told *told = store->told;

		store->told = told->next;
		told_free(told);
	}
	store->last_told = &store->told;
	store->n_told = 0;
}

static void note_stored(struct store *store, bool full)
{
	for (struct series *s = store->series; s; s = s->hh.next) {
		series_stored(s, store->time);
		s->written |= s->pending;
	}
	for (; store->caught_up; store->caught_up--)
		backlog_drop(&store->backlog);
	/* One that waits for its rows has nothing more to tell itself. */
	for (struct series *s = store->ended; s; s = s->next)
		series_stored(s, s->seen);
	free_ended(store);
	free_told(store);
	for (size_t i = 0; i < store->n_parts; i++)
		store->parts[i].stored(store->parts[i].data);
	if (full)
		store->full = store->time;
}

/* A new minute, by the clock, or the first tick in this database. */
static bool is_full(const struct store *store)
{
	return store->time / SCHEMA_HEARTBEAT_MS != store->full / SCHEMA_HEARTBEAT_MS;
}

/*
 * Keeps the tick in memory. Of containers that the database has not known yet, and when there is no
 * more room, nothing: what they grow by is in the next row that is stored.
 */
static bool hold_tick(struct store *store)
{
	int64_t usual = store->time > store->previous ? store->time - store->previous : 0;
	bool full = store->time / SCHEMA_HEARTBEAT_MS != store->held_full / SCHEMA_HEARTBEAT_MS;

	if (backlog_begin(&store->backlog, store->time, usual) < 0)
		return false;
	for (struct series *s = store->series; s; s = s->hh.next) {
		int r = 0;

		for (size_t t = 0; s->written && r == 0 && t < TABLE_TOTAL; t++)
			if (wants_row(s, (enum metric_table)t, full))
				r = backlog_row(&store->backlog, s, (enum metric_table)t);
		if (s->written && r == 0)
			series_stored(s, store->time);
	}
	if (full)
		store->held_full = store->time;
	return true;
}

int store_commit(struct store *store, uint64_t overruns, bool final, struct rbce_error *err)
{
	bool full;
	int r, rc;

	end_missing(store);
	store->final = final;
	store->run.overruns = overruns;
	r = store->writer ? writer_check(store->writer, err) : store_open(store, err);
	if (r == 0) {
		full = final || is_full(store);
		rc = write_tick(store, full);
		if (rc == SQLITE_OK) {
			note_stored(store, full);
			return 0;
		}
		r = writer_error(store->writer, rc, "write", err);
		writer_rollback(store->writer);
	}
	disconnect(store);
	if (!hold_tick(store))
		store->run.lost++;
	return r;
}

uint64_t store_ticks(const struct store *store)
{
	return store->run.ticks;
}

uint64_t store_lost(const struct store *store)
{
	return store->run.lost;
}

size_t store_held(const struct store *store)
{
	return store->backlog.ticks;
}

int store_checkpoint(struct store *store, struct rbce_error *err)
{
	return store->writer ? writer_checkpoint(store->writer, err) : 0;
}

struct store *store_close(struct store *store)
{
	if (!store)
		return NULL;
	rollup_free(store->rollup);
	sweeper_free(store->sweeper);
	writer_close(store->writer);
	while (store->backlog.first)
		backlog_drop(&store->backlog);
	free_ended(store);
	free_told(store);
	while (store->series) {
		struct series *s = store->series;

		HASH_DEL(store->series, s);
		series_free(s);
	}
	free(store);
	return NULL;
}
