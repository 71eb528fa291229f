// SPDX-License-Identifier: GPL-2.0-or-later
/* Rows of all tiers for a report; see report.h and tiers.h. */
#include "report.h"

#include "stats/store/schema.h"
#include "stats/store/tiers.h"
#include "util.h"

int report_fail(const struct report *r, int rc, struct rbce_error *err)
{
	return schema_error(r->db, rc, "read", r->path, err);
}

/* Ticks. */

static int prepare_samples(struct report *r, enum metric_table table, sqlite3_stmt **ret)
{
	sqlite3_str *text;
	struct metric_mask have;
	char *sql;
	int rc = schema_columns(r->db, &have);

	if (rc != SQLITE_OK)
		return rc;
	text = sqlite3_str_new(r->db);
	sqlite3_str_appendall(text, "SELECT t.time, s.container");
	/* An older database may lack the newest metrics. */
	for (size_t i = 0; i < METRIC_TOTAL; i++)
		if (metric_table(i) == table) {
			sqlite3_str_appendall(text, mask_has(&have, i) ? ", " : ", NULL");
			if (mask_has(&have, i))
				tier_append_column(text, "s", TIER_TICK, i);
		}
	sqlite3_str_appendf(text,
			    " FROM ticks t CROSS JOIN %s s ON " TIER_OF_TICK
			    " WHERE t.time > ?1 AND t.time <= ?2 ORDER BY t.time",
			    metric_tables[table]);
	sql = sqlite3_str_finish(text);
	rc = sql ? sqlite3_prepare_v2(r->db, sql, -1, ret, NULL) : SQLITE_NOMEM;
	sqlite3_free(sql);
	return rc;
}

static void add_row(struct report *r, enum metric_table table, sqlite3_stmt *row)
{
	sqlite3_int64 id = sqlite3_column_int64(row, 1);
	struct metric_values values = {0};
	struct account *a;
	int column = 2;

	HASH_FIND(hh, r->accounts, &id, sizeof(id), a);
	if (!a)
		return;
	for (size_t i = 0; i < METRIC_TOTAL; i++) {
		if (metric_table(i) != table)
			continue;
		if (sqlite3_column_type(row, column) == SQLITE_INTEGER)
			metric_set(&values, i,
				   (uint64_t)sqlite3_column_int64(row, column) *
					   (metrics[i].scale ?: 1));
		column++;
	}
	tally_add(&a->tally, &r->period, table, schema_time(row, 0), &values);
}

static int read_ticks_of(struct report *r, enum metric_table table, int64_t from, int64_t until)
{
	sqlite3_stmt *statement = NULL;
	int rc = prepare_samples(r, table, &statement);

	/* The rows before it tell with what values the period begins. */
	if (rc == SQLITE_OK)
		rc = schema_bind_time(statement, 1, from);
	if (rc == SQLITE_OK)
		rc = schema_bind_time(statement, 2, until);
	while (rc == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
		add_row(r, table, statement);
		rc = SQLITE_OK;
	}
	sqlite3_finalize(statement);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int read_ticks(struct report *r, int64_t from, int64_t until)
{
	int rc = SQLITE_OK;

	/* The rows before the period tell with what values it begins. */
	if (from == r->period.start)
		from -= r->period.hold;
	for (size_t t = 0; rc == SQLITE_OK && t < TABLE_TOTAL; t++)
		rc = read_ticks_of(r, (enum metric_table)t, from, until);
	return rc;
}

/* Minutes and hours. */

/* As stored, without fractions: what the metric is, and where it is kept its highest. */
static int prepare_spans(struct report *r, enum tier tier, enum metric_view view,
			 sqlite3_stmt **ret)
{
	sqlite3_str *text = sqlite3_str_new(r->db);
	char table[TIER_NAME_SIZE], *sql;
	const char *suffix[3];
	int rc;

	tier_table(tier, view, table);
	sqlite3_str_appendall(text, "SELECT time, seconds");
	for (size_t m = 0; m < METRIC_TOTAL; m++) {
		const char *column = metrics[m].column;
		bool has = sqlite3_table_column_metadata(r->db, NULL, table, column, NULL, NULL,
							 NULL, NULL, NULL) == SQLITE_OK;

		if (metrics[m].view != view)
			continue;
		if (!has)
			sqlite3_str_appendall(text, ", NULL, NULL");
		else if (tier_columns(tier, m, suffix) == 3 && metrics[m].kind == METRIC_GAUGE)
			sqlite3_str_appendf(text, ", %s, %s + %s%s", column, column, column,
					    suffix[TIER_MOST]);
		else
			sqlite3_str_appendf(text, ", %s, NULL", column);
	}
	sqlite3_str_appendf(text,
			    " FROM %s WHERE container = ?3 AND time >= ?1 AND time < ?2"
			    " ORDER BY time",
			    table);
	sql = sqlite3_str_finish(text);
	rc = sql ? sqlite3_prepare_v2(r->db, sql, -1, ret, NULL) : SQLITE_NOMEM;
	sqlite3_free(sql);
	return rc;
}

static void take(struct metric_values *values, size_t metric, sqlite3_stmt *row, int column)
{
	if (sqlite3_column_type(row, column) == SQLITE_INTEGER)
		metric_set(values, metric,
			   (uint64_t)sqlite3_column_int64(row, column) *
				   (metrics[metric].scale ?: 1));
}

static void add_span(struct report *r, struct account *a, enum tier tier, enum metric_view view,
		     sqlite3_stmt *row, struct metric_mask *counted)
{
	struct metric_values plain = {0}, most = {0};
	int64_t to = sqlite3_column_int64(row, 0) * 1000 + tiers[tier].length;
	int column = 2;

	for (size_t m = 0; m < METRIC_TOTAL; m++) {
		if (metrics[m].view != view)
			continue;
		take(&plain, m, row, column++);
		take(&most, m, row, column++);
	}
	*counted = mask_either(*counted, plain.known);
	tally_add_span(&a->tally, &r->period, view, to - sqlite3_column_int64(row, 1) * 1000, to,
		       &plain, &most);
}

/* Where something is counted at all, a container without rows of it added nothing. */
static void add_nothing(struct report *r, const struct metric_mask *counted, int64_t from,
			int64_t until)
{
	for (struct account *a = r->accounts; a; a = a->hh.next) {
		if (a->first_seen >= until || a->last_seen <= from)
			continue;
		for (size_t m = 0; m < METRIC_TOTAL; m++)
			if (mask_has(counted, m) && metrics[m].kind == METRIC_COUNTER &&
			    !metric_known(&a->tally.total, m))
				metric_set(&a->tally.total, m, 0);
	}
}

static int read_spans_of(struct report *r, enum tier tier, enum metric_view view, int64_t from,
			 int64_t until)
{
	struct metric_mask counted = {0};
	sqlite3_stmt *statement = NULL;
	int rc = prepare_spans(r, tier, view, &statement);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(statement, 1, from / 1000);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(statement, 2, until / 1000);
	for (struct account *a = r->accounts; a && rc == SQLITE_OK; a = a->hh.next) {
		rc = sqlite3_bind_int64(statement, 3, a->id);
		while (rc == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
			add_span(r, a, tier, view, statement, &counted);
			rc = SQLITE_OK;
		}
		sqlite3_reset(statement);
		rc = rc == SQLITE_DONE ? SQLITE_OK : rc;
	}
	add_nothing(r, &counted, from, until);
	sqlite3_finalize(statement);
	return rc;
}

static int read_spans(struct report *r, enum tier tier, int64_t from, int64_t until)
{
	struct tally_period period = r->period;
	int rc = SQLITE_OK;

	/* A gauge that stands still has a row but once in a while. */
	r->period.hold = tiers[tier].heartbeat + tiers[tier].length;
	for (size_t v = 0; v < VIEW_TOTAL && rc == SQLITE_OK; v++)
		rc = read_spans_of(r, tier, (enum metric_view)v, from, until);
	for (struct account *a = r->accounts; a; a = a->hh.next)
		tally_hold(&a->tally, &r->period, a->last_seen < until ? a->last_seen : until);
	r->period = period;
	return rc;
}

/* Which tier tells of what part. */

struct part {
	enum tier tier;
	int64_t from, until;
};

/* From AT on, the coarsest tier that has all and begins there; ticks, where none does. */
static struct part next_part(const int64_t begin[TIER_TOTAL], const int64_t complete[TIER_TOTAL],
			     int64_t at, int64_t end)
{
	struct part part = {TIER_TICK, at, end};

	for (size_t t = TIER_TOTAL; t-- > TIER_TICK + 1;) {
		int64_t length = tiers[t].length, until = complete[t] < end ? complete[t] : end;
		int64_t boundary = at + length - at % length;

		until -= until % length;
		if (at % length == 0 && begin[t] <= at && until > at)
			return (struct part){(enum tier)t, at,
					     until < part.until ? until : part.until};
		/* Finer ones go only as far as this one begins. */
		if (begin[t] <= boundary && until > boundary && boundary < part.until)
			part.until = boundary;
	}
	return part;
}

/* Ticks that are no longer kept leave the minute or the hour that they were in. */
static int64_t round_down(const int64_t begin[TIER_TOTAL], int64_t start)
{
	int64_t finest = begin[TIER_TICK];

	if (start >= finest)
		return start;
	for (size_t t = TIER_TICK + 1; t < TIER_TOTAL; t++)
		if (begin[t] <= start || (begin[t] != INT64_MAX && t + 1 == TIER_TOTAL))
			return start - start % tiers[t].length;
	return start;
}

static int read_parts(struct report *r)
{
	int64_t begin[TIER_TOTAL], complete[TIER_TOTAL];
	int rc = SQLITE_OK;
	struct part part;

	for (size_t t = 0; t < TIER_TOTAL; t++) {
		begin[t] = INT64_MAX;
		complete[t] = INT64_MIN;
		rc = tier_span(r->db, (enum tier)t, &begin[t], &complete[t]);
		if (rc != SQLITE_OK && rc != SQLITE_EMPTY)
			return rc;
	}
	r->period.start = round_down(begin, r->period.start);
	rc = SQLITE_OK;
	for (int64_t at = r->period.start; at < r->period.end && rc == SQLITE_OK; at = part.until) {
		part = next_part(begin, complete, at, r->period.end);
		rc = part.tier == TIER_TICK ? read_ticks(r, part.from, part.until)
					    : read_spans(r, part.tier, part.from, part.until);
		progress_now(&r->progress, (double)(part.until - r->period.start) /
						   (double)(r->period.end - r->period.start));
	}
	/* A single moment. */
	if (r->period.start == r->period.end && rc == SQLITE_OK)
		rc = read_ticks(r, r->period.start, r->period.end);
	return rc;
}

int report_read_rows(struct report *r, struct rbce_error *err)
{
	int rc;

	progress_begin(&r->progress, "adding up");
	rc = read_parts(r);
	progress_end(&r->progress);
	for (struct account *a = r->accounts; a; a = a->hh.next)
		tally_finish(&a->tally, &r->period, a->last_seen);
	return rc == SQLITE_OK ? 0 : report_fail(r, rc, err);
}
