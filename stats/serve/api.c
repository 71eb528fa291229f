// SPDX-License-Identifier: GPL-2.0-or-later
/* The API's questions on the record as a whole, on containers and on their limits; see api.h. */
#include "api.h"

#include <rbce/units.h>

#include "rows.h"
#include "stats/sample/metrics.h"
#include "stats/show/listing.h"
#include "stats/store/schema.h"
#include "util.h"

enum { CONTAINERS_USUAL = 1000, CONTAINERS_MOST = 10000 };

int api_fail(struct question *q, int rc)
{
	return schema_error(q->db, rc, "read", reader_path(q->server->reader), &q->err);
}

int api_number(struct question *q, const char *name, int64_t least, int64_t most, int64_t usual,
	       int64_t *ret)
{
	const char *text = request_arg(q->request, name, 0);
	uint64_t value;

	*ret = usual;
	if (!text)
		return 0;
	if (rbce_parse_number(text, (uint64_t)least, (uint64_t)most, &value) < 0)
		return rbce_error_set(&q->err, -EINVAL, "%s '%.80s' is no number from %lld to %lld",
				      name, text, (long long)least, (long long)most);
	*ret = (int64_t)value;
	return 0;
}

int api_container(struct question *q, const char **ret)
{
	const char *name = request_arg(q->request, "container", 0);
	bool known;
	int rc;

	if (!name)
		return rbce_error_set(&q->err, -EINVAL, "no container is named");
	*ret = name;
	if (!q->db)
		return rbce_error_set(&q->err, -ENOENT, "nothing has been recorded yet");
	rc = schema_has(q->db, "SELECT 1 FROM containers WHERE name = ?1 LIMIT 1", name, &known);
	if (rc != SQLITE_OK)
		return api_fail(q, rc);
	return known ? 0
		     : rbce_error_set(&q->err, -ENOENT, "the record has no container '%.200s'",
				      name);
}

/* ---- status ---- */

static void write_metrics(FILE *out)
{
	static const char *const units[] = {
		[METRIC_USEC] = "seconds", [METRIC_BYTES] = "bytes", [METRIC_NUMBER] = "number"};

	fputs(",\n\"metrics\": [", out);
	for (size_t i = 0; i < METRIC_TOTAL; i++)
		fprintf(out,
			"%s\n{\"name\": \"%s\", \"view\": \"%s\", \"kind\": \"%s\", "
			"\"unit\": \"%s\"}",
			i ? "," : "", metric_shown(i), metric_views[metrics[i].view].name,
			metrics[i].kind == METRIC_COUNTER ? "counter" : "gauge",
			units[metrics[i].unit]);
	fputs("]", out);
}

int api_status(struct question *q, FILE *out)
{
	static const char sql[] =
		"SELECT (SELECT min(started) FROM runs) / 1000.0 AS 'from',"
		" (SELECT max(last_tick) FROM runs) / 1000.0 AS last_tick,"
		" (SELECT interval FROM runs ORDER BY started DESC LIMIT 1) / 1000.0 AS interval,"
		" (SELECT sum(lost) FROM runs) AS lost_ticks,"
		" (SELECT count(*) FROM containers WHERE last_seen IS NULL) AS containers";
	sqlite3_stmt *statement = NULL;
	int rc = SQLITE_OK;

	/* Told with every answer, it is another one each second. */
	q->relative = true;
	fputs("{\"version\": \"" VERSION "\", \"now\": ", out);
	listing_number(out, (double)q->now / 1000);
	fputs(",\n\"record\": ", out);
	if (q->db)
		rc = sqlite3_prepare_v2(q->db, sql, -1, &statement, NULL);
	else
		fputs("[]", out);
	if (q->db && rc == SQLITE_OK)
		rc = rows_write(statement, out, NULL);
	write_metrics(out);
	fputs("}\n", out);
	return rc == SQLITE_OK ? 0 : api_fail(q, rc);
}

/* ---- containers ---- */

static int bind_period(struct question *q, sqlite3_stmt *statement)
{
	int rc = sqlite3_bind_int64(statement, 1, q->from);

	return rc == SQLITE_OK ? sqlite3_bind_int64(statement, 2, q->until) : rc;
}

int api_containers(struct question *q, FILE *out)
{
	static const char sql[] =
		"SELECT name AS container, min(first_seen) / 1000.0 AS first_seen,"
		" CASE WHEN count(last_seen) = count(*) THEN max(last_seen) / 1000.0 END"
		" AS last_seen, count(*) AS generations FROM containers"
		" WHERE first_seen <= ?2 AND coalesce(last_seen >= ?1, 1) AND name > ?3"
		" GROUP BY name ORDER BY name LIMIT ?4";
	const char *after = request_arg(q->request, "after", 0) ?: "";
	sqlite3_stmt *statement = NULL;
	int64_t limit;
	int rc = SQLITE_OK, r;

	r = api_number(q, "limit", 1, CONTAINERS_MOST, CONTAINERS_USUAL, &limit);
	if (r < 0)
		return r;
	fputs("{\"containers\": ", out);
	if (!q->db) {
		fputs("[]}\n", out);
		return 0;
	}
	rc = sqlite3_prepare_v2(q->db, sql, -1, &statement, NULL);
	if (rc == SQLITE_OK)
		rc = bind_period(q, statement);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(statement, 3, after, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(statement, 4, limit);
	if (rc == SQLITE_OK)
		rc = rows_write(statement, out, NULL);
	fputs("}\n", out);
	return rc == SQLITE_OK ? 0 : api_fail(q, rc);
}

/* ---- limits ---- */

/* Unlimited on v1 is the largest number of whole pages. */
#define NO_LIMIT 1e18

/* What a limit is made of, and which way the stricter one lies: a soft limit is a container's own.
 */
static const struct {
	const char *name, *value;
	bool inherited;
} limit_kinds[] = {
	{"cpu_max", "nullif(cpu_quota_seconds, 0) / nullif(cpu_period_seconds, 0)", true},
	{"cpu_weight", "cpu_weight", false},
	{"memory_max", "memory_max_bytes", true},
	{"memory_high", "memory_high_bytes", true},
	{"memory_low", "memory_low_bytes", false},
	{"swap_max", "swap_max_bytes", true},
	{"pids_max", "pids_max", true},
};

enum { LIMIT_KINDS = ARRAY_SIZE(limit_kinds) };

struct limits {
	struct {
		double own, effective; /* negative: none */
		char imposed_by[1024];
	} of[LIMIT_KINDS];
};

/* The newest row of NAME before the end of the period. */
static int prepare_limits(struct question *q, const char *name, sqlite3_stmt **ret)
{
	sqlite3_str *sql = sqlite3_str_new(q->db);
	char *text;
	int rc;

	sqlite3_str_appendall(sql, "SELECT ");
	for (size_t i = 0; i < LIMIT_KINDS; i++)
		sqlite3_str_appendf(sql, "%s%s", i ? ", " : "", limit_kinds[i].value);
	/* One table row a minute at least: an hour back reaches the newest of minutes too. */
	sqlite3_str_appendf(sql,
			    " FROM (SELECT * FROM (SELECT * FROM v_limits WHERE container = ?1 AND"
			    " time <= ?2 AND time > ?2 - 3600 ORDER BY time DESC LIMIT 1)"
			    " UNION ALL SELECT * FROM (SELECT * FROM v_limits_hour WHERE"
			    " container = ?1 AND time <= ?2 ORDER BY time DESC LIMIT 1)) LIMIT 1");
	text = sqlite3_str_finish(sql);
	rc = text ? sqlite3_prepare_v2(q->db, text, -1, ret, NULL) : SQLITE_NOMEM;
	sqlite3_free(text);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(*ret, 1, name, -1, SQLITE_TRANSIENT);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_double(*ret, 2, (double)q->until / 1000);
	return rc;
}

static int add_limits(struct question *q, const char *name, bool own, struct limits *l)
{
	sqlite3_stmt *statement = NULL;
	int rc = prepare_limits(q, name, &statement);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(statement);
	for (size_t i = 0; rc == SQLITE_ROW && i < LIMIT_KINDS; i++) {
		double value = sqlite3_column_double(statement, (int)i);

		if (sqlite3_column_type(statement, (int)i) == SQLITE_NULL || value > NO_LIMIT)
			continue;
		if (own)
			l->of[i].own = value;
		if ((own || limit_kinds[i].inherited) &&
		    (l->of[i].effective < 0 || value < l->of[i].effective)) {
			l->of[i].effective = value;
			snprintf(l->of[i].imposed_by, sizeof(l->of[i].imposed_by), "%s", name);
		}
	}
	sqlite3_finalize(statement);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Itself, then what it lies in, "/" last: of equal limits the nearest counts. */
static int read_limits(struct question *q, const char *container, struct limits *l)
{
	cleanup_free char *name = strdup(container);
	char *slash;
	int rc = name ? add_limits(q, container, true, l) : SQLITE_NOMEM;

	while (rc == SQLITE_OK && (slash = strrchr(name, '/')) && slash != name) {
		*slash = '\0';
		rc = add_limits(q, name, false, l);
	}
	return rc == SQLITE_OK && !streq(container, "/") ? add_limits(q, "/", false, l) : rc;
}

static void write_limit(FILE *out, const char *key, double value)
{
	fprintf(out, ", \"%s\": ", key);
	if (value < 0)
		fputs("null", out);
	else
		listing_number(out, value);
}

int api_limits(struct question *q, FILE *out)
{
	const char *container;
	struct limits l;
	int r = api_container(q, &container), rc;

	if (r < 0)
		return r;
	for (size_t i = 0; i < LIMIT_KINDS; i++)
		l.of[i].own = l.of[i].effective = -1;
	rc = read_limits(q, container, &l);
	if (rc != SQLITE_OK)
		return api_fail(q, rc);
	fputs("{\"container\": ", out);
	listing_json_text(out, container);
	fputs(", \"limits\": [", out);
	for (size_t i = 0; i < LIMIT_KINDS; i++) {
		fprintf(out, "%s\n{\"limit\": \"%s\"", i ? "," : "", limit_kinds[i].name);
		write_limit(out, "own", l.of[i].own);
		write_limit(out, "effective", l.of[i].effective);
		fputs(", \"imposed_by\": ", out);
		if (l.of[i].effective < 0)
			fputs("null", out);
		else
			listing_json_text(out, l.of[i].imposed_by);
		fputc('}', out);
	}
	fputs("]}\n", out);
	return 0;
}
