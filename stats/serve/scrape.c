// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /metrics: what the kernel has counted for each container that is there now. The database holds
 * what counters grew by, and once a minute where they stood: that and what followed is where they
 * stand.
 */
#include <inttypes.h>
#include <uthash.h>

#include "api.h"
#include "stats/show/openmetrics.h"
#include "stats/store/schema.h"
#include "stats/store/tiers.h"
#include "util.h"

/* Of a recorder that has been silent for so long, in ms and in intervals, nothing is current. */
enum { SILENT_MS = 60000, SILENT_INTERVALS = 5 };

struct member {
	sqlite3_int64 id;
	char *name;
	int64_t saved; /* when its counters stood as they began here */
	struct metric_values values;
	UT_hash_handle hh;
};

struct scrape {
	struct question *q;
	bool wanted[VIEW_TOTAL];
	struct member *members; /* in order of names */
	int64_t n, left_out;
	int64_t last, interval, lost; /* of the recorder, ms; 0: there was none */
	int64_t oldest;               /* `saved` of all */
};

/* ---- what is wanted ---- */

/* Those that an ordinary scrape has; the others on request, with their metrics by the dozen. */
static const enum metric_view usual_views[] = {VIEW_CPU,      VIEW_MEMORY, VIEW_IO,     VIEW_PIDS,
					       VIEW_PRESSURE, VIEW_LIMITS, VIEW_NETWORK};

static int add_view(struct scrape *s, const char *name)
{
	for (size_t v = 0; v < VIEW_TOTAL; v++)
		if (streq(metric_views[v].name, name)) {
			s->wanted[v] = true;
			return 0;
		}
	return rbce_error_set(&s->q->err, -EINVAL, "there is no view '%.80s'", name);
}

static int read_views(struct scrape *s)
{
	const char *text = request_arg(s->q->request, "view", 0);
	int r = 0;

	for (size_t i = 0; !text && i < ARRAY_SIZE(usual_views); i++)
		s->wanted[usual_views[i]] = true;
	for (size_t i = 0; r == 0 && (text = request_arg(s->q->request, "view", i)); i++)
		r = add_view(s, text);
	return r;
}

static bool wants(const struct scrape *s, size_t metric)
{
	return s->wanted[metrics[metric].view];
}

/* ---- containers ---- */

static int read_recorder(struct scrape *s)
{
	sqlite3_stmt *statement = NULL;
	int rc = sqlite3_prepare_v2(s->q->db,
				    "SELECT last_tick, interval, (SELECT sum(lost) FROM runs),"
				    " (SELECT count(*) FROM containers WHERE last_seen IS NULL)"
				    " FROM runs ORDER BY started DESC LIMIT 1",
				    -1, &statement, NULL);

	if (rc == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
		s->last = sqlite3_column_int64(statement, 0);
		s->interval = sqlite3_column_int64(statement, 1);
		s->lost = sqlite3_column_int64(statement, 2);
		s->n = sqlite3_column_int64(statement, 3);
		rc = SQLITE_DONE;
	}
	sqlite3_finalize(statement);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int add_member(struct scrape *s, sqlite3_stmt *row)
{
	struct member *m = calloc(1, sizeof(*m));
	const char *name = (const char *)sqlite3_column_text(row, 1);
	int column = 3;

	if (m)
		m->name = strdup(name ?: "");
	if (!m || !m->name) {
		free(m);
		return SQLITE_NOMEM;
	}
	m->id = sqlite3_column_int64(row, 0);
	m->saved = sqlite3_column_int64(row, 2);
	if (m->saved < s->oldest)
		s->oldest = m->saved;
	for (size_t i = 0; i < METRIC_TOTAL; i++) {
		if (metrics[i].kind != METRIC_COUNTER || !wants(s, i))
			continue;
		if (sqlite3_column_type(row, column) != SQLITE_NULL)
			metric_set(&m->values, i, (uint64_t)sqlite3_column_int64(row, column));
		column++;
	}
	HASH_ADD(hh, s->members, id, sizeof(m->id), m);
	return SQLITE_OK;
}

static bool has_column(sqlite3 *db, const char *table, size_t metric)
{
	return sqlite3_table_column_metadata(db, NULL, table, metrics[metric].column, NULL, NULL,
					     NULL, NULL, NULL) == SQLITE_OK;
}

static int prepare_built(sqlite3 *db, sqlite3_str *sql, sqlite3_stmt **ret)
{
	char *text = sqlite3_str_finish(sql);
	int rc = text ? sqlite3_prepare_v2(db, text, -1, ret, NULL) : SQLITE_NOMEM;

	sqlite3_free(text);
	return rc;
}

static int read_members(struct scrape *s)
{
	sqlite3_str *sql = sqlite3_str_new(s->q->db);
	sqlite3_stmt *statement = NULL;
	int rc;

	sqlite3_str_appendall(sql, "SELECT c.id, c.name, k.time");
	for (size_t i = 0; i < METRIC_TOTAL; i++)
		if (metrics[i].kind == METRIC_COUNTER && wants(s, i))
			sqlite3_str_appendf(sql, ", %s",
					    has_column(s->q->db, "counters", i) ? metrics[i].column
										: "NULL");
	sqlite3_str_appendf(sql,
			    " FROM containers c JOIN counters k ON k.container = c.id"
			    " WHERE c.last_seen IS NULL ORDER BY c.name <> '/', c.name LIMIT %lld",
			    (long long)s->q->server->scrape_containers);
	rc = prepare_built(s->q->db, sql, &statement);
	while (rc == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW)
		rc = add_member(s, statement);
	sqlite3_finalize(statement);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* ---- rows since then ---- */

static void add_row(struct scrape *s, sqlite3_stmt *row, const size_t *column, size_t n)
{
	sqlite3_int64 id = sqlite3_column_int64(row, 1);
	int64_t time = schema_time(row, 0);
	struct member *m;

	HASH_FIND(hh, s->members, &id, sizeof(id), m);
	for (size_t i = 0; m && i < n; i++) {
		uint64_t value = (uint64_t)sqlite3_column_int64(row, (int)i + 2), before = 0;
		size_t metric = column[i];

		if (sqlite3_column_type(row, (int)i + 2) == SQLITE_NULL)
			continue;
		if (metrics[metric].kind == METRIC_COUNTER && metric_known(&m->values, metric))
			before = m->values.value[metric];
		if (metrics[metric].kind == METRIC_GAUGE || time > m->saved)
			metric_set(&m->values, metric, before + value);
	}
}

static int read_table(struct scrape *s, enum metric_table table)
{
	int64_t from = s->last - SCHEMA_HEARTBEAT_MS - 2 * s->interval;
	size_t column[METRIC_TOTAL], n = 0;
	sqlite3_stmt *statement = NULL;
	sqlite3_str *sql;
	int rc;

	for (size_t i = 0; i < METRIC_TOTAL; i++)
		if (metric_table(i) == table && wants(s, i) &&
		    has_column(s->q->db, metric_tables[table], i))
			column[n++] = i;
	if (n == 0)
		return SQLITE_OK;
	sql = sqlite3_str_new(s->q->db);
	sqlite3_str_appendall(sql, "SELECT t.time, s.container");
	for (size_t i = 0; i < n; i++) {
		sqlite3_str_appendall(sql, ", ");
		tier_append_column(sql, "s", TIER_TICK, column[i]);
	}
	sqlite3_str_appendf(sql,
			    " FROM ticks t CROSS JOIN %s s ON " TIER_OF_TICK
			    " WHERE t.time > ?1 ORDER BY t.time",
			    metric_tables[table]);
	rc = prepare_built(s->q->db, sql, &statement);
	if (rc == SQLITE_OK)
		rc = schema_bind_time(statement, 1, s->oldest < from ? s->oldest : from);
	while (rc == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
		add_row(s, statement, column, n);
		rc = SQLITE_OK;
	}
	sqlite3_finalize(statement);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* ---- writing ---- */

static double shown_value(size_t metric, uint64_t value)
{
	double scaled = (double)value * (metrics[metric].scale ?: 1);

	return metrics[metric].unit == METRIC_USEC ? scaled / 1e6 : scaled;
}

static void write_family(const struct scrape *s, FILE *out, size_t metric, bool classic)
{
	bool begun = false;

	for (const struct member *m = s->members; m; m = m->hh.next) {
		if (!metric_known(&m->values, metric))
			continue;
		if (!begun)
			openmetrics_family(out, metric, classic);
		begun = true;
		openmetrics_sample(out, metric, m->name,
				   shown_value(metric, m->values.value[metric]), 0);
	}
}

static void write_recorder(const struct scrape *s, FILE *out, bool up, bool classic)
{
	const struct {
		struct openmetrics_plain family;
		double value;
	} plain[] = {
		{{"rbce_recorder_up", "1 while the recorder writes ticks.", false}, up},
		{{"rbce_recorder_last_tick_timestamp_seconds", "When the newest tick was.", false},
		 (double)s->last / 1000},
		{{"rbce_recorder_interval_seconds", "From one tick to the next.", false},
		 (double)s->interval / 1000},
		{{"rbce_recorder_lost_ticks", "Ticks that could not be stored.", true},
		 (double)s->lost},
		{{"rbce_containers", "Containers that are there.", false}, (double)s->n},
		{{"rbce_containers_left_out", "Containers beyond those that are told of here.",
		  false},
		 (double)s->left_out},
	};

	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		openmetrics_plain(out, &plain[i].family, plain[i].value, classic);
}

/* ---- devices ---- */

/* So many of a container's, on the average. */
enum { DEVICES_EACH = 4 };

static const enum metric device_metrics[] = {METRIC_IO_READ, METRIC_IO_WRITTEN, METRIC_IO_READS,
					     METRIC_IO_WRITES};

/* Where one counter stands for each device of each container; NULL when out of memory. */
static char *device_text(enum metric metric)
{
	const char *column = metrics[metric].column;

	return sqlite3_mprintf(
		"WITH grown AS (SELECT i.container, i.device, sum(i.%s) AS value FROM device_io i"
		" CROSS JOIN device_counters k ON k.container = i.container"
		" AND k.device = i.device AND i.time > k.time / 1000.0"
		" WHERE i.time > (SELECT min(time) FROM device_counters) / 1000.0 GROUP BY 1, 2)"
		" SELECT c.name, coalesce(nullif(d.name, ''), d.device),"
		" k.%s + coalesce(g.value, 0) FROM device_counters k"
		" JOIN containers c ON c.id = k.container JOIN devices d ON d.id = k.device"
		" LEFT JOIN grown g ON g.container = k.container AND g.device = k.device"
		" WHERE c.last_seen IS NULL ORDER BY c.name <> '/', c.name, 2 LIMIT ?1",
		column, column);
}

static int write_devices(const struct scrape *s, FILE *out, enum metric metric, bool classic)
{
	char *text = device_text(metric);
	sqlite3_stmt *row = NULL;
	bool begun = false;
	int rc = text ? sqlite3_prepare_v2(s->q->db, text, -1, &row, NULL) : SQLITE_NOMEM;

	sqlite3_free(text);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(row, 1,
					DEVICES_EACH * (int64_t)s->q->server->scrape_containers);
	while (rc == SQLITE_OK && (rc = sqlite3_step(row)) == SQLITE_ROW) {
		if (!begun)
			openmetrics_device_family(out, metric, classic);
		begun = true;
		openmetrics_device_sample(out, metric, (const char *)sqlite3_column_text(row, 0),
					  (const char *)sqlite3_column_text(row, 1),
					  sqlite3_column_double(row, 2));
		rc = SQLITE_OK;
	}
	sqlite3_finalize(row);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int write_all_devices(const struct scrape *s, FILE *out, bool classic)
{
	bool has = false;
	int rc = schema_has(s->q->db, SCHEMA_HAS_NAME, "device_counters", &has);

	for (size_t i = 0; rc == SQLITE_OK && has && i < ARRAY_SIZE(device_metrics); i++)
		rc = write_devices(s, out, device_metrics[i], classic);
	return rc;
}

static bool is_current(const struct scrape *s)
{
	int64_t most = SILENT_INTERVALS * s->interval;

	return s->last && s->q->now - s->last < (most > SILENT_MS ? most : SILENT_MS);
}

static int read_all(struct scrape *s)
{
	int rc = read_members(s);

	for (size_t t = 0; rc == SQLITE_OK && t < TABLE_TOTAL; t++)
		rc = read_table(s, (enum metric_table)t);
	s->left_out = s->n - (int64_t)HASH_COUNT(s->members);
	return rc;
}

static void free_members(struct scrape *s)
{
	while (s->members) {
		struct member *m = s->members;

		HASH_DEL(s->members, m);
		free(m->name);
		free(m);
	}
}

static int scrape(struct question *q, FILE *out, bool classic)
{
	struct scrape s = {.q = q, .oldest = INT64_MAX};
	int r = read_views(&s), rc = SQLITE_OK;
	bool current;

	if (r < 0)
		return r;
	if (q->db)
		rc = read_recorder(&s);
	current = is_current(&s);
	if (rc == SQLITE_OK && current)
		rc = read_all(&s);
	if (rc == SQLITE_OK) {
		write_recorder(&s, out, current, classic);
		for (size_t i = 0; i < METRIC_TOTAL; i++)
			write_family(&s, out, i, classic);
		if (current && s.wanted[VIEW_IO])
			rc = write_all_devices(&s, out, classic);
		if (!classic)
			openmetrics_end(out);
	}
	free_members(&s);
	return rc == SQLITE_OK ? 0 : api_fail(q, rc);
}

int scrape_openmetrics(struct question *q, FILE *out)
{
	return scrape(q, out, false);
}

int scrape_classic(struct question *q, FILE *out)
{
	return scrape(q, out, true);
}
