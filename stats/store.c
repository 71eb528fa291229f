// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes ticks into the database; see store.h. */
#include "store.h"

#include <errno.h>

#include "schema.h"
#include "series.h"
#include "util.h"
#include "writer.h"

/* So many containers that ended while nothing could be stored are kept for when it can. */
enum { ENDED_MAX = 4096 };

/* And so many events. */
enum { TOLD_MAX = 4096 };

struct store {
	struct store_options options;
	struct writer *writer; /* NULL while the database is not open */
	bool resumed;
	int64_t resumed_tick; /* the last one of the recorder before us, 0 for none */
	struct series *series;
	struct series *ended;
	size_t n_ended;
	struct told *told; /* in the order of coming */
	struct told **last_told;
	size_t n_told;
	int64_t time;
	int64_t previous; /* time of the tick before */
	int64_t full;     /* the last stored tick with a row of every container, 0 for none */
	struct run run;
};

int store_new(const struct store_options *options, struct store **ret, struct rbce_error *err)
{
	struct store *store = calloc(1, sizeof(*store));

	if (!store)
		return rbce_error_errno(err, -ENOMEM, "cannot open '%s'", options->path);
	store->options = *options;
	store->run.interval = options->interval;
	store->last_told = &store->told;
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

	store->writer = writer_close(store->writer);
	store->full = 0;
	for (s = store->series; s; s = s->hh.next)
		s->id = 0;
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

static void end_series(struct store *store, struct series *s)
{
	HASH_DEL(store->series, s);
	if (store->n_ended == ENDED_MAX) {
		series_free(s);
		return;
	}
	s->next = store->ended;
	store->ended = s;
	store->n_ended++;
}

int store_put(struct store *store, const struct sample *sample)
{
	struct series *s;

	HASH_FIND_STR(store->series, sample->name, s);
	if (s && s->inode != sample->inode) {
		end_series(store, s);
		s = NULL;
	}
	if (!s) {
		s = series_new(sample, store->time, store->previous);
		if (!s)
			return -ENOMEM;
		HASH_ADD_KEYPTR(hh, store->series, s->name, strlen(s->name), s);
	}
	s->latest = sample->values;
	s->seen = store->time;
	s->tick = store->run.ticks;
	return 0;
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

/* What a container that ended had used when it was last seen, where that is not stored yet. */
static int write_ended(struct store *store, struct series *s)
{
	int64_t time;
	int rc = SQLITE_OK;

	if (series_changed(s)) {
		rc = writer_register(store->writer, s, store->resumed_tick);
		if (rc == SQLITE_OK)
			rc = writer_free_time(store->writer, s->seen, &time);
		if (rc == SQLITE_OK)
			rc = writer_add_sample(store->writer, s, time);
	}
	return rc == SQLITE_OK ? writer_end(store->writer, s) : rc;
}

static int write_series(struct store *store, struct series *s, bool full)
{
	bool is_new = !s->id;
	int rc;

	s->pending = false;
	rc = writer_register(store->writer, s, store->resumed_tick);
	if (rc == SQLITE_OK && (full || series_changed(s))) {
		rc = writer_add_sample(store->writer, s, store->time);
		s->pending = true;
	}
	if (rc == SQLITE_OK && (full || is_new))
		rc = writer_save_counters(store->writer, s, store->time);
	return rc;
}

static int write_tick(struct store *store, bool full)
{
	int rc = writer_begin(store->writer);

	if (rc == SQLITE_OK)
		rc = writer_free_time(store->writer, store->time, &store->time);
	for (struct series *s = store->ended; s && rc == SQLITE_OK; s = s->next)
		rc = write_ended(store, s);
	for (struct series *s = store->series; s && rc == SQLITE_OK; s = s->hh.next)
		rc = write_series(store, s, full);
	for (const struct told *t = store->told; t && rc == SQLITE_OK; t = t->next)
		rc = writer_add_event(store->writer, t);
	if (rc == SQLITE_OK && full)
		rc = writer_drop_counters(store->writer);
	store->run.last_tick = store->time;
	if (rc == SQLITE_OK)
		rc = writer_save_run(store->writer, &store->run);
	return rc == SQLITE_OK ? writer_commit(store->writer) : rc;
}

static void free_ended(struct store *store)
{
	while (store->ended) {
		struct series *s = store->ended;

		store->ended = s->next;
		series_free(s);
	}
	store->n_ended = 0;
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
	free_ended(store);
	free_told(store);
	if (full)
		store->full = store->time;
}

/* A new minute, by the clock, or the first tick in this database. */
static bool is_full(const struct store *store)
{
	return store->time / SCHEMA_HEARTBEAT_MS != store->full / SCHEMA_HEARTBEAT_MS;
}

int store_commit(struct store *store, uint64_t overruns, bool final, struct rbce_error *err)
{
	bool full;
	int r, rc;

	end_missing(store);
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

int store_checkpoint(struct store *store, struct rbce_error *err)
{
	return store->writer ? writer_checkpoint(store->writer, err) : 0;
}

struct store *store_close(struct store *store)
{
	if (!store)
		return NULL;
	writer_close(store->writer);
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
