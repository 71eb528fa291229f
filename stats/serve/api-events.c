// SPDX-License-Identifier: GPL-2.0-or-later
/* Events, hits of rules, tasks that ended and devices for the API; see api.h. */
#include <inttypes.h>
#include <stdarg.h>

#include "api.h"
#include "rows.h"
#include "stats/exits/usage.h"
#include "stats/show/listing.h"
#include "stats/store/schema.h"
#include "util.h"

enum { EVENTS_USUAL = 200, EVENTS_MOST = 1000, EXITS_USUAL = 50, EXITS_MOST = 1000 };

/* Of the container that is named alone, or with below=1 of those in it as well; of all. */
#define OF_CONTAINER                                                                               \
	"(?3 IS NULL OR container = ?3 OR (?4 AND (?3 = '/' OR substr(container, 1, length(?3) + " \
	"1) = ?3 || '/')))"

/* Prepares what FORMAT makes, binding period, container and what of it, and the kind of event. */
__attribute__((format(printf, 3, 4))) static int prepare(struct question *q, sqlite3_stmt **ret,
							 const char *format, ...)
{
	const char *container = request_arg(q->request, "container", 0);
	const char *event = request_arg(q->request, "event", 0);
	const char *below = request_arg(q->request, "below", 0);
	va_list ap;
	char *sql;
	int rc;

	va_start(ap, format);
	sql = sqlite3_vmprintf(format, ap);
	va_end(ap);
	rc = sql ? sqlite3_prepare_v2(q->db, sql, -1, ret, NULL) : SQLITE_NOMEM;
	sqlite3_free(sql);
	if (rc == SQLITE_OK)
		rc = schema_bind_time(*ret, 1, q->from);
	if (rc == SQLITE_OK)
		rc = schema_bind_time(*ret, 2, q->until);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(*ret, 3, container, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int(*ret, 4, below && streq(below, "1"));
	/* Not all of them ask for that. */
	if (rc == SQLITE_OK && sqlite3_bind_parameter_count(*ret) >= 5)
		rc = sqlite3_bind_text(*ret, 5, event, -1, SQLITE_STATIC);
	return rc;
}

/* ---- events ---- */

/* "TIME.ROW" in ms, of the last event of the page before; else beyond all. */
static int read_cursor(struct question *q, int64_t *time, int64_t *row)
{
	const char *text = request_arg(q->request, "after", 0);
	char end;

	*time = *row = INT64_MAX;
	if (text && sscanf(text, "%" SCNd64 ".%" SCNd64 "%c", time, row, &end) != 2)
		return rbce_error_set(&q->err, -EINVAL, "'%.80s' is not what 'next' said", text);
	return 0;
}

static int write_events(struct question *q, FILE *out, int64_t limit, int64_t time, int64_t row)
{
	sqlite3_stmt *statement = NULL;
	size_t n = 0;
	int rc;

	rc = prepare(q, &statement,
		     "SELECT time, container, event, action, pid, detail AS '@detail',"
		     " CAST(round(time * 1000) AS INTEGER) || '.' || rowid AS cursor FROM events"
		     " WHERE time > ?1 AND time <= ?2 AND " OF_CONTAINER
		     " AND (?5 IS NULL OR event = ?5) AND (time, rowid) < (?6, ?7)"
		     " ORDER BY time DESC, rowid DESC LIMIT ?8");
	if (rc == SQLITE_OK)
		rc = schema_bind_time(statement, 6, time);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(statement, 7, row);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(statement, 8, limit);
	if (rc != SQLITE_OK) {
		sqlite3_finalize(statement);
		return rc;
	}
	rc = rows_write(statement, out, &n);
	/* Its cursor is the next page's `after`; a page that is not full is the last one. */
	fprintf(out, ", \"more\": %s", (int64_t)n == limit ? "true" : "false");
	return rc;
}

int api_events(struct question *q, FILE *out)
{
	int64_t limit, time, row;
	int r = api_number(q, "limit", 1, EVENTS_MOST, EVENTS_USUAL, &limit), rc;

	if (r == 0)
		r = read_cursor(q, &time, &row);
	if (r < 0)
		return r;
	fputs("{\"events\": ", out);
	if (!q->db) {
		fputs("[], \"more\": false}\n", out);
		return 0;
	}
	rc = write_events(q, out, limit, time, row);
	fputs("}\n", out);
	return rc == SQLITE_OK ? 0 : api_fail(q, rc);
}

/* Runs what was prepared, RC telling how that went, as {"NAME": [...]}. */
static int write_answer(struct question *q, FILE *out, const char *name, sqlite3_stmt *statement,
			int rc)
{
	if (rc != SQLITE_OK) {
		sqlite3_finalize(statement);
		return api_fail(q, rc);
	}
	fprintf(out, "{\"%s\": ", name);
	if (statement)
		rc = rows_write(statement, out, NULL);
	else
		fputs("[]", out);
	fputs("}\n", out);
	return rc == SQLITE_OK ? 0 : api_fail(q, rc);
}

/* So many of each kind in each step: what a timeline shows, however many there are. */
int api_event_counts(struct question *q, FILE *out)
{
	sqlite3_stmt *statement = NULL;
	int64_t step;
	int r = api_number(q, "step", 1, 86400 * 366, (q->until - q->from) / 100000 ?: 1, &step);
	int rc = SQLITE_OK;

	if (r < 0)
		return r;
	if ((q->until - q->from) / 1000 / step > EVENTS_MOST)
		return rbce_error_set(&q->err, -E2BIG, "that are more than %d steps", EVENTS_MOST);
	if (q->db)
		rc = prepare(
			q, &statement,
			"SELECT CAST(time AS INTEGER) / %lld * %lld AS time, event, action,"
			" count(*) AS count FROM events"
			" WHERE time > ?1 AND time <= ?2 AND " OF_CONTAINER
			" AND (?5 IS NULL OR event = ?5) GROUP BY 1, 2, 3 ORDER BY 1 LIMIT 20000",
			(long long)step, (long long)step);
	return write_answer(q, out, "counts", statement, rc);
}

/* What rules have put there, by what the daemon told when it did. */
int api_rules(struct question *q, FILE *out)
{
	sqlite3_stmt *statement = NULL;
	int rc = SQLITE_OK;

	if (q->db)
		rc = prepare(q, &statement,
			     "SELECT json_extract(detail, '$.rule') AS rule, count(*) AS hits,"
			     " min(time) AS first, max(time) AS last FROM events"
			     " WHERE time > ?1 AND time <= ?2 AND " OF_CONTAINER
			     " AND event = 'decision' AND json_valid(detail)"
			     " GROUP BY rule HAVING rule IS NOT NULL ORDER BY hits DESC, rule"
			     " LIMIT 1000");
	return write_answer(q, out, "rules", statement, rc);
}

/* ---- exits ---- */

/* What they are put together by. */
static const struct {
	const char *name, *column;
} groups[] = {
	{"executable", "executable"},
	{"user", "user"},
	{"container", "container"},
	{"time", NULL}, /* steps */
};

static int find_group(struct question *q, size_t *ret)
{
	const char *by = request_arg(q->request, "by", 0) ?: groups[0].name;

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if (streq(groups[i].name, by)) {
			*ret = i;
			return 0;
		}
	return rbce_error_set(&q->err, -EINVAL,
			      "by '%.80s': it is executable, user, container or time", by);
}

/* ", sum(exits) AS exits, ...", to be freed with sqlite3_free(). */
static char *sums(void)
{
	sqlite3_str *sql = sqlite3_str_new(NULL);

	for (size_t i = 0; i < USAGE_COUNT; i++)
		sqlite3_str_appendf(sql, ", %s(%s) AS %s", usage_fields[i].highest ? "max" : "sum",
				    usage_fields[i].view, usage_fields[i].view);
	return sqlite3_str_finish(sql);
}

/* A database whose recorder did not note them has no such view. */
static bool has_view(sqlite3 *db, const char *name)
{
	bool has = false;

	return db && schema_has(db, SCHEMA_HAS_NAME, name, &has) == SQLITE_OK && has;
}

int api_exits(struct question *q, FILE *out)
{
	sqlite3_stmt *statement = NULL;
	int64_t limit, skip, step;
	char *columns, key[128];
	size_t by = 0;
	int r = find_group(q, &by), rc = SQLITE_OK;

	if (r == 0)
		r = api_number(q, "limit", 1, EXITS_MOST, EXITS_USUAL, &limit);
	if (r == 0)
		r = api_number(q, "skip", 0, 1000000, 0, &skip);
	if (r == 0)
		r = api_number(q, "step", 1, 86400 * 366, 60, &step);
	if (r < 0)
		return r;
	if (groups[by].column)
		snprintf(key, sizeof(key), "%s", groups[by].column);
	else
		snprintf(key, sizeof(key), "CAST(time AS INTEGER) / %lld * %lld", (long long)step,
			 (long long)step);
	columns = sums();
	if (has_view(q->db, "v_exits"))
		rc = prepare(q, &statement,
			     "SELECT %s AS '%s'%s FROM v_exits WHERE place = 'container'"
			     " AND time > ?1 AND time <= ?2 AND " OF_CONTAINER
			     " GROUP BY 1 ORDER BY %s LIMIT %lld OFFSET %lld",
			     key, groups[by].name, columns,
			     groups[by].column
				     ? "sum(cpu_user_seconds + cpu_system_seconds) DESC, 1"
				     : "1",
			     (long long)limit, (long long)skip);
	sqlite3_free(columns);
	return write_answer(q, out, "exits", statement, rc);
}

/* ---- devices ---- */

/* What each did in each step that it did anything in; at a step's end is what was done in it. */
int api_devices(struct question *q, FILE *out)
{
	sqlite3_stmt *statement = NULL;
	int64_t step;
	int r = api_number(q, "step", 1, 86400 * 366, (q->until - q->from) / 300000 ?: 1, &step);
	int rc = SQLITE_OK;

	if (r < 0)
		return r;
	if (has_view(q->db, "v_io_devices"))
		rc = prepare(
			q, &statement,
			"SELECT CAST(time - 0.001 AS INTEGER) / %lld * %lld AS time, device, name,"
			" sum(io_read_bytes) AS io_read_bytes,"
			" sum(io_written_bytes) AS io_written_bytes,"
			" sum(io_reads) AS io_reads, sum(io_writes) AS io_writes"
			" FROM v_io_devices"
			" WHERE time > ?1 AND time <= ?2 AND " OF_CONTAINER
			" GROUP BY 1, 2, 3 ORDER BY 1, 2 LIMIT 20000",
			(long long)step, (long long)step);
	return write_answer(q, out, "devices", statement, rc);
}
