// SPDX-License-Identifier: GPL-2.0-or-later
/* Minutes and hours out of ticks; see rollup.h. */
#include "rollup.h"

#include <string.h>
#include <time.h>
#include <uthash.h>

#include "schema.h"
#include "span.h"
#include "tiers.h"
#include "util.h"

#define MINUTE (tiers[TIER_MINUTE].length)
#define HOUR   (tiers[TIER_HOUR].length)

/* So much is read before the clock is looked at again. */
enum { SLICE_MS = 5000, SPANS = TIER_TOTAL - 1 };

/* A container in the minute and the hour at hand. */
struct roll {
	sqlite3_int64 id;
	bool present;              /* it has a row in this minute */
	bool lived;                /* and in this hour */
	int64_t minute;            /* the last one in which it had a row */
	int64_t began;             /* since then it has been there in this minute */
	int64_t lasted[SPANS];     /* ms that it was there */
	struct metric_values held; /* gauges, at held_time */
	int64_t held_time[TABLE_TOTAL];
	bool steady[VIEW_TOTAL]; /* the last row written says what still holds */
	struct span span[SPANS];
	UT_hash_handle hh;
};

struct rollup {
	sqlite3 *db;
	sqlite3_stmt *read[TABLE_TOTAL];
	sqlite3_stmt *write[TIER_TOTAL][VIEW_TOTAL];
	sqlite3_stmt *end;       /* of a container */
	struct metric_mask have; /* columns of these */
	struct roll *rolls;
	struct roll *flushing; /* the next one to be written; NULL while rows are read */
	bool started;
	int64_t minute;        /* the one at hand: its start, ms */
	int64_t cursor;        /* rows until then have been added up */
	int64_t minutes_until; /* those before it are in the database */
};

/* ---- statements ---- */

static int prepare(sqlite3 *db, sqlite3_str *sql, sqlite3_stmt **ret)
{
	char *text = sqlite3_str_finish(sql);
	int rc = text ? sqlite3_prepare_v3(db, text, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL)
		      : SQLITE_NOMEM;

	sqlite3_free(text);
	return rc;
}

static int prepare_read(struct rollup *r, enum metric_table table)
{
	sqlite3_str *sql = sqlite3_str_new(r->db);

	sqlite3_str_appendall(sql, "SELECT t.time, s.container, coalesce(s.period, t.period)");
	for (size_t m = 0; m < METRIC_TOTAL; m++)
		if (metric_table(m) == table) {
			sqlite3_str_appendall(sql, mask_has(&r->have, m) ? ", " : ", NULL");
			if (mask_has(&r->have, m))
				tier_append_column(sql, "s", TIER_TICK, m);
		}
	sqlite3_str_appendf(sql,
			    " FROM ticks t CROSS JOIN %s s ON " TIER_OF_TICK
			    " WHERE t.time > ?1 AND t.time <= ?2 ORDER BY t.time",
			    metric_tables[table]);
	return prepare(r->db, sql, &r->read[table]);
}

static int prepare_write(struct rollup *r, enum tier tier, enum metric_view view)
{
	sqlite3_str *sql = sqlite3_str_new(r->db);
	char table[TIER_NAME_SIZE];
	const char *suffix[3];
	size_t n = 0;

	sqlite3_str_appendf(sql, "INSERT OR REPLACE INTO %s(container, time, seconds",
			    tier_table(tier, view, table));
	for (size_t m = 0; m < METRIC_TOTAL; m++) {
		size_t columns = tier_columns(tier, m, suffix);

		if (metrics[m].view != view || !mask_has(&r->have, m))
			continue;
		for (size_t i = 0; i < columns; i++, n++)
			sqlite3_str_appendf(sql, ", %s%s", metrics[m].column, suffix[i]);
	}
	sqlite3_str_appendall(sql, ") VALUES(?, ?, ?");
	while (n--)
		sqlite3_str_appendall(sql, ", ?");
	sqlite3_str_appendall(sql, ")");
	return prepare(r->db, sql, &r->write[tier][view]);
}

static int prepare_all(struct rollup *r)
{
	sqlite3_str *sql = sqlite3_str_new(r->db);
	int rc;

	sqlite3_str_appendall(sql, "SELECT last_seen FROM containers WHERE id = ?1");
	rc = prepare(r->db, sql, &r->end);
	if (rc == SQLITE_OK)
		rc = schema_columns(r->db, &r->have);
	for (int t = 0; rc == SQLITE_OK && t < TABLE_TOTAL; t++)
		rc = prepare_read(r, (enum metric_table)t);
	for (int t = TIER_MINUTE; t < TIER_TOTAL; t++)
		for (int v = 0; rc == SQLITE_OK && v < VIEW_TOTAL; v++)
			rc = prepare_write(r, (enum tier)t, (enum metric_view)v);
	return rc;
}

/* ---- adding up ---- */

static struct roll *roll_of(struct rollup *r, sqlite3_int64 id)
{
	struct roll *roll;

	HASH_FIND(hh, r->rolls, &id, sizeof(id), roll);
	if (roll)
		return roll;
	roll = calloc(1, sizeof(*roll));
	if (!roll)
		return NULL;
	roll->id = id;
	HASH_ADD(hh, r->rolls, id, sizeof(roll->id), roll);
	return roll;
}

/* Gauges of TABLE stayed as they were until TIME, within the minute at hand. */
static void hold(const struct rollup *r, struct roll *roll, enum metric_table table, int64_t time)
{
	int64_t from = roll->held_time[table] > r->minute ? roll->held_time[table] : r->minute;

	for (size_t m = 0; time > from && m < METRIC_TOTAL; m++) {
		if (metric_table(m) != table || metrics[m].kind != METRIC_GAUGE ||
		    !metric_known(&roll->held, m))
			continue;
		for (int s = 0; s < SPANS; s++)
			span_hold(&roll->span[s], m, roll->held.value[m], time - from);
	}
}

static void take_gauge(struct roll *roll, size_t metric, bool known, uint64_t value)
{
	bool was = metric_known(&roll->held, metric);

	for (int s = 0; s < SPANS; s++) {
		if (known)
			span_hold(&roll->span[s], metric, value, 0);
		if (known != was || (known && value != roll->held.value[metric]))
			roll->span[s].moved[metrics[metric].view] = true;
	}
	if (known)
		metric_set(&roll->held, metric, value);
	else
		mask_drop(&roll->held.known, metric);
}

/* Its first row in this minute, which tells of what was after SINCE. */
static void enter(const struct rollup *r, struct roll *roll, int64_t since)
{
	bool stayed = roll->minute == r->minute - MINUTE;

	roll->began = stayed || since < r->minute ? r->minute : since;
	roll->minute = r->minute;
	if (!stayed)
		roll->held.known = (struct metric_mask){0};
}

static int add_row(struct rollup *r, enum metric_table table, sqlite3_stmt *row)
{
	int64_t time = schema_time(row, 0), period = sqlite3_column_int64(row, 2);
	struct roll *roll = roll_of(r, sqlite3_column_int64(row, 1));
	int column = 3;

	if (!roll)
		return SQLITE_NOMEM;
	if (!roll->present)
		enter(r, roll, time - period);
	roll->present = roll->lived = true;
	hold(r, roll, table, time);
	roll->held_time[table] = time;
	for (int s = 0; s < SPANS && table == TABLE_SAMPLES; s++)
		roll->span[s].covered += period;
	for (size_t m = 0; m < METRIC_TOTAL; m++) {
		bool known;
		uint64_t value;

		if (metric_table(m) != table)
			continue;
		known = sqlite3_column_type(row, column) != SQLITE_NULL;
		value = (uint64_t)sqlite3_column_int64(row, column++) * (metrics[m].scale ?: 1);
		if (metrics[m].kind == METRIC_GAUGE)
			take_gauge(roll, m, known, value);
		else if (known)
			for (int s = 0; s < SPANS; s++)
				span_grow(&roll->span[s], m, value, period);
	}
	return SQLITE_OK;
}

/* Adds up the rows until TIME. */
static int read_until(struct rollup *r, int64_t time)
{
	int rc = SQLITE_OK;

	for (int t = 0; t < TABLE_TOTAL && rc == SQLITE_OK; t++) {
		sqlite3_stmt *read = r->read[t];

		rc = schema_bind_time(read, 1, r->cursor);
		if (rc == SQLITE_OK)
			rc = schema_bind_time(read, 2, time);
		while (rc == SQLITE_OK && (rc = sqlite3_step(read)) == SQLITE_ROW)
			rc = add_row(r, (enum metric_table)t, read);
		if (rc == SQLITE_DONE)
			rc = SQLITE_OK;
		sqlite3_reset(read);
	}
	r->cursor = time;
	return rc;
}

/* ---- writing ---- */

static int write_view(struct rollup *r, const struct roll *roll, enum tier tier,
		      enum metric_view view, int64_t start)
{
	const struct span *span = &roll->span[tier - 1];
	int64_t ms = roll->lasted[tier - 1];
	sqlite3_stmt *write = r->write[tier][view];
	int rc = sqlite3_bind_int64(write, 1, roll->id);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(write, 2, start / 1000);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(write, 3, (ms + 999) / 1000);
	if (rc == SQLITE_OK)
		rc = span_bind(span, view, &r->have, ms, write, 4);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(write);
	sqlite3_reset(write);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int write_minute(struct rollup *r, struct roll *roll)
{
	const struct span *span = &roll->span[TIER_MINUTE - 1];
	int rc = SQLITE_OK;

	for (int v = 0; v < VIEW_TOTAL && rc == SQLITE_OK; v++) {
		if (span_empty(span, (enum metric_view)v) || (roll->steady[v] && !span->moved[v]))
			continue;
		if (r->minute >= r->minutes_until)
			rc = write_view(r, roll, TIER_MINUTE, (enum metric_view)v, r->minute);
		roll->steady[v] = !span->moved[v];
	}
	return rc;
}

static int write_hour(struct rollup *r, const struct roll *roll)
{
	const struct span *span = &roll->span[TIER_HOUR - 1];
	int rc = SQLITE_OK;

	for (int v = 0; v < VIEW_TOTAL && rc == SQLITE_OK; v++)
		if (!span_empty(span, (enum metric_view)v))
			rc = write_view(r, roll, TIER_HOUR, (enum metric_view)v,
					r->minute / HOUR * HOUR);
	return rc;
}

/* When a container that has a row in this minute ended in it, else the minute's end. */
static int end_of(struct rollup *r, const struct roll *roll, int64_t *ret)
{
	int rc = sqlite3_bind_int64(r->end, 1, roll->id);

	*ret = r->minute + MINUTE;
	if (rc == SQLITE_OK)
		rc = sqlite3_step(r->end);
	if (rc == SQLITE_ROW && sqlite3_column_type(r->end, 0) != SQLITE_NULL &&
	    sqlite3_column_int64(r->end, 0) < *ret)
		*ret = sqlite3_column_int64(r->end, 0);
	sqlite3_reset(r->end);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* The end of the minute for one container, and of the hour where that ends. One without a row is
 * gone. */
static int flush(struct rollup *r, struct roll *roll)
{
	bool hour_ends = (r->minute + MINUTE) % HOUR == 0;
	int64_t end;
	int rc = end_of(r, roll, &end);

	if (rc == SQLITE_OK && roll->present) {
		for (int t = 0; t < TABLE_TOTAL; t++)
			hold(r, roll, (enum metric_table)t, end);
		roll->lasted[0] = end > roll->began ? end - roll->began : 0;
		roll->lasted[1] += roll->lasted[0];
		rc = write_minute(r, roll);
	}
	if (rc == SQLITE_OK && roll->lived && hour_ends)
		rc = write_hour(r, roll);
	memset(&roll->span[TIER_MINUTE - 1], 0, sizeof(struct span));
	if (hour_ends) {
		memset(&roll->span[TIER_HOUR - 1], 0, sizeof(struct span));
		memset(roll->steady, 0, sizeof(roll->steady));
		roll->lasted[1] = 0;
	}
	if (hour_ends && !roll->present) {
		HASH_DEL(r->rolls, roll);
		free(roll);
		return rc;
	}
	roll->lived = roll->lived && !hour_ends;
	roll->present = false;
	return rc;
}

/* ---- progress ---- */

static int load(struct rollup *r, const char *key, int64_t *ret)
{
	char sql[128];

	snprintf(sql, sizeof(sql),
		 "SELECT coalesce((SELECT value FROM meta WHERE key = '%s'), 0) * 1000", key);
	return schema_integer(r->db, sql, ret);
}

static int save(struct rollup *r, enum tier tier, int64_t from, int64_t until)
{
	sqlite3_str *sql = sqlite3_str_new(r->db);

	sqlite3_str_appendf(sql,
			    "INSERT OR IGNORE INTO meta(key, value) VALUES('%s_from', %lld);"
			    "INSERT OR REPLACE INTO meta(key, value) VALUES('%s_until', %lld)",
			    tiers[tier].name, from / 1000, tiers[tier].name, until / 1000);
	return schema_run_built(r->db, sql);
}

/* The first tick after TIME, 0 for none. */
static int next_tick(struct rollup *r, int64_t time, int64_t *ret)
{
	char sql[128];

	/* Ticks may be a part of a millisecond off what they are called. */
	snprintf(sql, sizeof(sql),
		 "SELECT coalesce(min(time), 0) * 1000 + 0.5 FROM ticks WHERE time > %lld.%03d",
		 (long long)(time / 1000), (int)(time % 1000));
	return schema_integer(r->db, sql, ret);
}

static int64_t minute_of(int64_t tick)
{
	return (tick - 1) / MINUTE * MINUTE;
}

/* Begins with the hour that is not written yet, whose minutes are added up once more. */
static int start(struct rollup *r, bool *ret)
{
	int64_t hours_until = 0, first = 0;
	int rc = load(r, "hour_until", &hours_until);

	if (rc == SQLITE_OK)
		rc = load(r, "minute_until", &r->minutes_until);
	if (rc == SQLITE_OK)
		rc = next_tick(r, hours_until, &first);
	*ret = first != 0;
	r->minute = r->cursor = minute_of(first);
	return rc;
}

/* The minute is written: the next one, or the one in which something was recorded again. */
static int advance(struct rollup *r)
{
	int64_t end = r->minute + MINUTE, next, hour_end = (r->minute / HOUR + 1) * HOUR;
	int rc = SQLITE_OK;

	if (end > r->minutes_until) {
		r->minutes_until = end;
		rc = save(r, TIER_MINUTE, r->minute, end);
	}
	if (rc == SQLITE_OK && end == hour_end)
		rc = save(r, TIER_HOUR, hour_end - HOUR, end);
	if (rc == SQLITE_OK)
		rc = next_tick(r, end, &next);
	if (rc != SQLITE_OK)
		return rc;
	/* A hole is passed over, but for the end of an hour that is to be written. */
	if (next && minute_of(next) > end)
		end = end < hour_end && minute_of(next) >= hour_end ? hour_end - MINUTE
								    : minute_of(next);
	r->minute = r->cursor = end;
	return SQLITE_OK;
}

static int work(struct rollup *r)
{
	int64_t end = r->minute + MINUTE;
	int rc;

	if (r->cursor < end) {
		rc = read_until(r, r->cursor + SLICE_MS);
		r->flushing = r->rolls;
		return rc;
	}
	if (r->flushing) {
		struct roll *next = r->flushing->hh.next;

		rc = flush(r, r->flushing);
		r->flushing = next;
		return rc;
	}
	return advance(r);
}

static void drop_rolls(struct rollup *r)
{
	struct roll *roll, *next;

	for (roll = r->rolls; roll; roll = next) {
		next = roll->hh.next;
		HASH_DEL(r->rolls, roll);
		free(roll);
	}
	r->flushing = NULL;
}

/*
 * The clock was set back: what was ticked since then lies in minutes that are written already. All
 * from that hour on is added up again.
 */
static int rewind_to(struct rollup *r, int64_t now)
{
	int64_t hour = now / HOUR * HOUR;
	sqlite3_str *sql = sqlite3_str_new(r->db);

	sqlite3_str_appendf(sql,
			    "UPDATE meta SET value = min(value, %lld)"
			    " WHERE key IN ('minute_until', 'hour_until')",
			    (long long)hour / 1000);
	drop_rolls(r);
	r->started = false;
	return schema_run_built(r->db, sql);
}

int rollup_step(struct rollup *r, int64_t now, int64_t budget, int *ret_behind)
{
	uint64_t begin = monotonic_usec();
	int rc = SQLITE_OK;

	*ret_behind = 0;
	if (r->started && minute_of(now) < r->minutes_until)
		rc = rewind_to(r, now);
	if (rc == SQLITE_OK && !r->started)
		rc = start(r, &r->started);
	while (rc == SQLITE_OK && r->started && r->minute + MINUTE < now) {
		if ((int64_t)(monotonic_usec() - begin) > budget) {
			*ret_behind = 1;
			break;
		}
		rc = work(r);
	}
	return rc;
}

struct rollup *rollup_new(sqlite3 *db)
{
	struct rollup *r = calloc(1, sizeof(*r));

	if (r)
		r->db = db;
	if (r && prepare_all(r) != SQLITE_OK)
		r = rollup_free(r);
	return r;
}

struct rollup *rollup_free(struct rollup *r)
{
	if (!r)
		return NULL;
	drop_rolls(r);
	for (int t = 0; t < TABLE_TOTAL; t++)
		sqlite3_finalize(r->read[t]);
	for (int t = 0; t < TIER_TOTAL; t++)
		for (int v = 0; v < VIEW_TOTAL; v++)
			sqlite3_finalize(r->write[t][v]);
	sqlite3_finalize(r->end);
	free(r);
	return NULL;
}
