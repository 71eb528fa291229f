// SPDX-License-Identifier: GPL-2.0-or-later
/* From the rows of the database to the cells of series; see points.h and tiers.h. */
#include "points-rows.h"

#include "stats/store/schema.h"
#include "stats/store/tiers.h"
#include "util.h"

/* Up to so many generations are looked for one by one in the newest tier, whose key is the time. */
enum { FEW = 8 };

/* Cells. */

static struct points_cell *cells_of(const struct points_reader *r, size_t series, size_t metric)
{
	return r->points->series[series].cell + metric * r->points->n_steps;
}

/* The part of [FROM, TO) that is in the period. */
static bool clip(const struct points *p, int64_t *from, int64_t *to)
{
	int64_t end = p->from + (int64_t)p->n_steps * p->step;

	if (*from < p->from)
		*from = p->from;
	if (*to > end)
		*to = end;
	return *from < *to;
}

static void note_extreme(struct points_cell *cell, enum points_how how, double value)
{
	bool first = cell->weight == 0;

	if (first || (how == POINTS_MIN ? value < cell->value : value > cell->value))
		cell->value = value;
	cell->weight = 1;
}

/* The step that AT lies in, and where it or the span that goes to TO ends. */
static size_t step_at(const struct points *p, int64_t at, int64_t to, int64_t *ret_next)
{
	size_t i = (size_t)((at - p->from) / p->step);
	int64_t next = p->from + (int64_t)(i + 1) * p->step;

	*ret_next = next < to ? next : to;
	return i;
}

/* From FROM to TO the metric was VALUE: the average of a gauge, or the extreme of either. */
static void add_level(const struct points_reader *r, size_t series, size_t metric, int64_t from,
		      int64_t to, double value)
{
	const struct points *p = r->points;
	enum points_how how = p->metric[metric].how;
	struct points_cell *cells = cells_of(r, series, metric);

	if (!clip(p, &from, &to))
		return;
	for (int64_t at = from, next; at < to; at = next) {
		size_t i = step_at(p, at, to, &next);

		if (how == POINTS_AVG) {
			cells[i].value += value * (double)(next - at);
			cells[i].weight += (double)(next - at);
		} else {
			note_extreme(&cells[i], how, value);
		}
	}
}

/*
 * Over FROM to TO a counter grew by VALUE. Where that is long beside the step, each step gets its
 * part; else all counts where the row is, so that what is counted in ones stays whole.
 */
static void add_growth(const struct points_reader *r, size_t series, size_t metric, int64_t from,
		       int64_t to, double value)
{
	const struct points *p = r->points;
	struct points_cell *cells = cells_of(r, series, metric);
	double whole = (double)(to - from);

	if (2 * (to - from) <= p->step)
		from = to - 1;
	value /= to - from > 1 ? whole : 1;
	if (!clip(p, &from, &to))
		return;
	for (int64_t at = from, next; at < to; at = next) {
		size_t i = step_at(p, at, to, &next);

		cells[i].value += value * (double)(next - at);
	}
}

/* The account was kept from FROM to TO. */
static void add_cover(const struct points_reader *r, size_t series, size_t metric, int64_t from,
		      int64_t to)
{
	const struct points *p = r->points;
	struct points_cell *cells = cells_of(r, series, metric);

	if (!clip(p, &from, &to))
		return;
	for (int64_t at = from, next; at < to; at = next) {
		size_t i = step_at(p, at, to, &next);

		cells[i].weight += (double)(next - at);
	}
}

/* Rows. */

static bool sums(const struct points_metric *m)
{
	return m->how == POINTS_SUM || m->how == POINTS_RATE;
}

/* In the older tiers counters have no row at all while nothing is added. */
static bool is_sparse(const struct points_reader *r, size_t metric)
{
	return r->tier != TIER_TICK && metrics[metric].kind == METRIC_COUNTER;
}

/*
 * Until TO it stood as it was, as long as it was recorded: rows are left out where nothing changed,
 * but for one in the heartbeat.
 */
static void hold(const struct points_reader *r, struct points_generation *g, size_t metric,
		 int64_t to)
{
	const struct points_metric *m = &r->points->metric[metric];
	bool counter = metrics[m->metric].kind == METRIC_COUNTER;
	int64_t from = g->held[metric].end;

	if (!from)
		return;
	if (to - from > r->hold && !is_sparse(r, m->metric))
		to = from + r->hold;
	for (size_t i = r->n_runs; i > 0 && from < to && r->runs[i - 1].until > from; i--) {
		int64_t begin = r->runs[i - 1].from > from ? r->runs[i - 1].from : from;
		int64_t end = r->runs[i - 1].until < to ? r->runs[i - 1].until : to;

		if (sums(m))
			add_cover(r, g->series, metric, begin, end);
		else
			add_level(r, g->series, metric, begin, end,
				  counter ? 0 : g->held[metric].value);
	}
}

static void add_counter(const struct points_reader *r, const struct points_generation *g,
			size_t metric, int64_t from, int64_t to, double value)
{
	const struct points_metric *m = &r->points->metric[metric];
	bool is_rate = r->tier != TIER_TICK && metrics[m->metric].keep == KEEP_RANGE;

	if (sums(m)) {
		add_cover(r, g->series, metric, from, to);
		add_growth(r, g->series, metric, from, to, value);
	} else if (to > from) {
		add_level(r, g->series, metric, from, to,
			  is_rate ? value : value * 1000 / (double)(to - from));
	}
}

/*
 * The row of the span FROM to TO tells VALUE: of a counter its growth; of a gauge what it is at TO,
 * or of the older tiers what it was all that time.
 */
static void add_value(const struct points_reader *r, struct points_generation *g, size_t metric,
		      int64_t from, int64_t to, double value)
{
	const struct points_metric *m = &r->points->metric[metric];

	if (metrics[m->metric].kind == METRIC_COUNTER) {
		hold(r, g, metric, from);
		add_counter(r, g, metric, from, to, value);
	} else if (r->tier == TIER_TICK) {
		hold(r, g, metric, to);
		if (m->how != POINTS_AVG)
			add_level(r, g->series, metric, to - 1, to, value);
	} else {
		hold(r, g, metric, from);
		add_level(r, g->series, metric, from, to, value);
	}
	g->held[metric].value = value;
	g->held[metric].end = to;
}

/* A row: container, the end of its span in ms, its length in ms, the metrics. */
static void add_row(const struct points_reader *r, struct points_generation *g, sqlite3_stmt *row)
{
	int64_t to = sqlite3_column_int64(row, 1), from = to - sqlite3_column_int64(row, 2);

	for (size_t i = 0; i < r->n_columns; i++) {
		int at = 3 + (int)i;

		if (sqlite3_column_type(row, at) != SQLITE_NULL)
			add_value(r, g, r->column[i], from, to, sqlite3_column_double(row, at));
	}
}

int points_fail(const struct points_reader *r, int rc, struct rbce_error *err)
{
	return schema_error(r->db, rc, "read", r->path, err);
}

static enum tier_value value_of(enum points_how how)
{
	switch (how) {
	case POINTS_MIN:
		return TIER_LEAST;
	case POINTS_MAX:
		return TIER_MOST;
	case POINTS_SUM:
	case POINTS_RATE:
	case POINTS_AVG:
		break;
	}
	return TIER_PLAIN;
}

/* ?1 and ?2 are the period, in seconds, ?3 a generation. */
static char *rows_text(const struct points_reader *r, const char *table, bool one)
{
	sqlite3_str *sql = sqlite3_str_new(r->db);
	int64_t length = tiers[r->tier].length;
	struct metric_mask have;

	if (schema_columns(r->db, &have) != SQLITE_OK) {
		sqlite3_free(sqlite3_str_finish(sql));
		return NULL;
	}
	if (r->tier == TIER_TICK)
		sqlite3_str_appendall(sql, "SELECT s.container,"
					   " CAST(t.time * 1000 + 0.5 AS INTEGER),"
					   " coalesce(s.period, t.period)");
	else
		sqlite3_str_appendf(sql,
				    "SELECT s.container, s.time * 1000 + %lld,"
				    " s.seconds * 1000",
				    (long long)length);
	for (size_t i = 0; i < r->n_columns; i++) {
		const struct points_metric *m = &r->points->metric[r->column[i]];

		if (!mask_has(&have, m->metric)) {
			sqlite3_str_appendall(sql, ", NULL");
			continue;
		}
		sqlite3_str_appendall(sql, ", ");
		tier_append_value(sql, "s", r->tier, m->metric, value_of(m->how));
	}
	/* The ticks first, so that their rows are found by the key. */
	if (r->tier == TIER_TICK)
		sqlite3_str_appendf(sql,
				    " FROM ticks t CROSS JOIN %s s ON %s"
				    " WHERE t.time > ?1 AND t.time <= ?2 ORDER BY t.time",
				    table, one ? "s.at = " TIER_AT("t.id", "?3") : TIER_OF_TICK);
	else
		sqlite3_str_appendf(sql,
				    " FROM %s s WHERE s.container = ?3 AND s.time > ?1 - %lld"
				    " AND s.time < ?2 ORDER BY s.time",
				    table, (long long)(length / 1000));
	return sqlite3_str_finish(sql);
}

static int bind_period(sqlite3_stmt *statement, int64_t from, int64_t until)
{
	int rc = schema_bind_time(statement, 1, from);

	return rc == SQLITE_OK ? schema_bind_time(statement, 2, until) : rc;
}

/* All rows of one generation. */
static int read_one(const struct points_reader *r, sqlite3_stmt *statement,
		    struct points_generation *g)
{
	int rc = sqlite3_bind_int64(statement, 3, g->id);

	while (rc == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
		add_row(r, g, statement);
		rc = SQLITE_OK;
	}
	sqlite3_reset(statement);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int read_each(const struct points_reader *r, sqlite3_stmt *statement)
{
	size_t n = HASH_COUNT(r->generations), i = 0;
	int rc = SQLITE_OK;

	for (struct points_generation *g = r->generations; g && rc == SQLITE_OK; g = g->hh.next) {
		rc = read_one(r, statement, g);
		progress_set(r->progress, r->done + r->share * (double)++i / (double)n);
	}
	return rc;
}

/* The rows of all, of which some may not be wanted. */
static int read_all(const struct points_reader *r, sqlite3_stmt *statement, int64_t from,
		    int64_t until)
{
	struct points_generation *g;
	int rc;

	while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
		sqlite3_int64 id = sqlite3_column_int64(statement, 0);
		int64_t time = sqlite3_column_int64(statement, 1);

		HASH_FIND(hh, r->generations, &id, sizeof(id), g);
		if (g)
			add_row(r, g, statement);
		progress_set(r->progress,
			     r->done + r->share * (double)(time - from) / (double)(until - from));
	}
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Where a metric is counted at all, a container without rows of it added nothing. */
static int begin_sparse(struct points_reader *r, const char *table, size_t metric, int64_t from)
{
	size_t which = r->points->metric[metric].metric;
	char sql[256];
	int64_t counted;
	int rc;

	if (!is_sparse(r, which))
		return SQLITE_OK;
	snprintf(sql, sizeof(sql), "SELECT 1 FROM %s WHERE %s IS NOT NULL LIMIT 1", table,
		 metrics[which].column);
	rc = schema_integer(r->db, sql, &counted);
	for (struct points_generation *g = r->generations; g && rc == SQLITE_OK; g = g->hh.next)
		if (!g->held[metric].end) {
			g->held[metric].value = 0;
			g->held[metric].end = g->first_seen > from ? g->first_seen : from;
		}
	return rc == SQLITE_EMPTY ? SQLITE_OK : rc;
}

static int read_table(struct points_reader *r, const char *table, int64_t from, int64_t until)
{
	bool one = r->tier != TIER_TICK || HASH_COUNT(r->generations) <= FEW;
	sqlite3_stmt *statement = NULL;
	char *sql = rows_text(r, table, one);
	int rc = sql ? sqlite3_prepare_v2(r->db, sql, -1, &statement, NULL) : SQLITE_NOMEM;

	sqlite3_free(sql);
	for (size_t i = 0; i < r->n_columns && rc == SQLITE_OK; i++)
		rc = begin_sparse(r, table, r->column[i], from);
	if (rc == SQLITE_OK)
		rc = bind_period(statement, from, until);
	if (rc == SQLITE_OK)
		rc = one ? read_each(r, statement) : read_all(r, statement, from, until);
	sqlite3_finalize(statement);
	return rc;
}

/* The metrics that are in TABLE of the tier; those that an older database lacks are in none. */
static void pick_columns(struct points_reader *r, const char *table)
{
	char name[TIER_NAME_SIZE];

	r->n_columns = 0;
	for (size_t i = 0; i < r->points->n_metrics; i++) {
		size_t metric = r->points->metric[i].metric;

		if (streq(tier_table(r->tier, metrics[metric].view, name), table) &&
		    sqlite3_table_column_metadata(r->db, NULL, table, metrics[metric].column, NULL,
						  NULL, NULL, NULL, NULL) == SQLITE_OK)
			r->column[r->n_columns++] = i;
	}
}

/* The last rows of a tier stand until it ends, or the container, or the record. */
static void hold_until(struct points_reader *r, int64_t until)
{
	for (struct points_generation *g = r->generations; g; g = g->hh.next)
		for (size_t i = 0; i < r->points->n_metrics; i++) {
			int64_t end = g->last_seen < r->end ? g->last_seen : r->end;

			end = end < until ? end : until;
			if (g->held[i].end && end - g->held[i].end > r->hold &&
			    !is_sparse(r, r->points->metric[i].metric))
				end = g->held[i].end + r->hold;
			if (end <= g->held[i].end)
				continue;
			hold(r, g, i, end);
			if (g->held[i].end)
				g->held[i].end = end;
		}
}

/* Of a tier all rows that tell of the time after FROM and until UNTIL. */
static int read_tier(struct points_reader *r, int64_t from, int64_t until)
{
	char table[TIER_NAME_SIZE], before[TIER_NAME_SIZE] = "";
	int rc = SQLITE_OK;

	r->hold = tiers[r->tier].heartbeat + (tiers[r->tier].length ?: 2 * r->interval);
	/* Several views may share a table, and then stand together. */
	for (size_t v = 0; v < VIEW_TOTAL && rc == SQLITE_OK; v++) {
		tier_table(r->tier, (enum metric_view)v, table);
		if (streq(table, before))
			continue;
		memcpy(before, table, sizeof(before));
		pick_columns(r, table);
		if (r->n_columns > 0)
			rc = read_table(r, table, from, until);
	}
	hold_until(r, until);
	return rc;
}

/*
 * The tier that fits the step, as far as it is complete; what is newer is in those before it. What
 * was there when the period begins, rows before it tell.
 */
static int read_tiers(struct points_reader *r)
{
	const struct points *p = r->points;
	int64_t from = p->from, until, begin, end = p->from + (int64_t)p->n_steps * p->step;
	enum tier tier;
	int rc = tier_pick(r->db, p->from, p->step, &tier);

	for (size_t t = tier + 1; rc == SQLITE_OK && t-- > 0 && from < end;) {
		r->tier = (enum tier)t;
		until = end;
		if (t != TIER_TICK)
			rc = tier_span(r->db, r->tier, &begin, &until);
		if (rc == SQLITE_EMPTY) {
			rc = SQLITE_OK;
			continue;
		}
		until = until < end ? until : end;
		if (rc != SQLITE_OK || until <= from)
			continue;
		r->done = (double)(from - p->from) / (double)(end - p->from);
		r->share = (double)(until - from) / (double)(end - p->from);
		rc = read_tier(r, from == p->from ? from - tiers[t].heartbeat - r->interval : from,
			       until);
		from = until;
	}
	return rc;
}

int points_read_rows(struct points_reader *r, struct rbce_error *err)
{
	int rc = read_tiers(r);

	if (rc != SQLITE_OK)
		return points_fail(r, rc, err);
	return 0;
}
