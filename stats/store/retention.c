// SPDX-License-Identifier: GPL-2.0-or-later
/* How long what is kept, and its removal; see retention.h. */
#include "retention.h"

#include <errno.h>
#include <ini.h>
#include <rbce/units.h>

#include "devices.h"
#include "schema.h"
#include "stats/exits/jobs.h"
#include "stats/exits/states.h"
#include "stats/exits/tables.h"
#include "stats/shares/shares.h"
#include "tiers.h"
#include "util.h"

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static const struct {
	const char *name;
	const char *about;
	int64_t keep;
} keys[RETENTION_KEYS] = {
	[KEEP_TICKS] = {"ticks", "keep what was sampled so long", DAY},
	[KEEP_MINUTES] = {"minutes", "and minutes", 30 * DAY},
	[KEEP_HOURS] = {"hours", "and hours", 731 * DAY},
	[KEEP_EVENTS] = {"events", "and events", 90 * DAY},
	[KEEP_SHARES] = {"shares", "and how the CPUs were shared", 90 * DAY},
	[KEEP_STATES] = {"states", "and states of tasks", DAY},
};

/* Ticks of the hour that is not rolled up yet stay in any case. */
enum { SLICE_MS = 30000, CONTAINERS_EACH = 50, PAGES_EACH = 64, FREE_PAGES = 256 };

const char *retention_name(enum retention_key key)
{
	return keys[key].name;
}

const char *retention_about(enum retention_key key)
{
	return keys[key].about;
}

void retention_default(struct retention *r)
{
	for (size_t i = 0; i < RETENTION_KEYS; i++)
		r->keep[i] = keys[i].keep;
}

int retention_set(struct retention *r, enum retention_key key, const char *text)
{
	uint64_t usec;
	int result = rbce_parse_duration(text, &usec);

	if (result < 0)
		return result;
	if (usec < 1000)
		return -ERANGE;
	r->keep[key] = usec == RBCE_UNLIMITED ? INT64_MAX : (int64_t)(usec / 1000);
	return 0;
}

/* ---- the file ---- */

struct reading {
	struct retention *retention;
	char first[128]; /* mistake */
};

__attribute__((format(printf, 2, 3))) static int mistake(struct reading *reading,
							 const char *format, ...)
{
	va_list args;

	if (!*reading->first) {
		va_start(args, format);
		vsnprintf(reading->first, sizeof(reading->first), format, args);
		va_end(args);
	}
	return 0;
}

static int take(void *data, const char *section, const char *name, const char *value)
{
	struct reading *reading = data;
	size_t i = 0;

	if (!streq(section, "retention"))
		return mistake(reading, "there is no section [%.40s]", section);
	while (i < RETENTION_KEYS && !streq(keys[i].name, name))
		i++;
	if (i == RETENTION_KEYS)
		return mistake(reading, "there is no key '%.40s'", name);
	if (retention_set(reading->retention, (enum retention_key)i, value) < 0)
		return mistake(reading, "cannot use '%.40s': give a duration like 7d, or max",
			       value);
	return 1;
}

int retention_read(struct retention *r, const char *path, struct rbce_error *err)
{
	struct reading reading = {.retention = r};
	FILE *file = fopen(path, "re");
	int line, result;

	retention_default(r);
	if (!file) {
		result = -errno;
		return rbce_error_errno(err, result, "cannot read '%s'", path);
	}
	line = ini_parse_file(file, take, &reading);
	fclose(file);
	if (line == 0)
		return 0;
	if (line < 0)
		return rbce_error_errno(err, -ENOMEM, "cannot read '%s'", path);
	return rbce_error_set(err, -EINVAL, "%s:%d: %s", path, line,
			      *reading.first ? reading.first : "it is neither section nor key");
}

/* ---- removal ---- */

struct sweeper {
	sqlite3 *db;
	sqlite3_int64 container; /* the next one whose minutes and hours are looked at; 0: begin */
	int64_t swept;           /* when all of them had been, ms */
	int64_t aged;            /* the minute in which the rest was looked at last */
};

struct sweeper *sweeper_new(sqlite3 *db)
{
	struct sweeper *s = calloc(1, sizeof(*s));

	if (s)
		s->db = db;
	return s;
}

struct sweeper *sweeper_free(struct sweeper *s)
{
	free(s);
	return NULL;
}

static int64_t before(const struct retention *r, enum retention_key key, int64_t now)
{
	return r->keep[key] <= 0 || r->keep[key] > now ? 0 : now - r->keep[key];
}

/* The end of as much as SLICE_MS of what is in TABLE and older than CUT; 0 for nothing. */
static int next_slice(sqlite3 *db, const char *table, int64_t cut, int64_t *ret, bool *more)
{
	int64_t oldest = 0;
	char sql[96];
	int rc;

	snprintf(sql, sizeof(sql), "SELECT CAST(coalesce(min(time), 0) * 1000 AS INTEGER) FROM %s",
		 table);
	rc = schema_integer(db, sql, &oldest);
	*ret = 0;
	if (rc != SQLITE_OK || !oldest || oldest >= cut)
		return rc;
	*ret = oldest + SLICE_MS < cut ? oldest + SLICE_MS : cut;
	*more |= *ret < cut;
	return rc;
}

static int sweep_events(struct sweeper *s, int64_t cut, bool *more)
{
	int64_t until;
	char sql[96];
	int rc = next_slice(s->db, "events", cut, &until, more);

	if (rc != SQLITE_OK || !until)
		return rc;
	snprintf(sql, sizeof(sql), "DELETE FROM events WHERE time < %lld.%03d",
		 (long long)(until / 1000), (int)(until % 1000));
	return schema_run(s->db, sql);
}

/* The rows of ticks from number FIRST to LAST, and those. */
static void append_sweep(sqlite3_str *sql, int64_t first, int64_t last)
{
	for (size_t i = 0; i < TABLE_TOTAL; i++)
		sqlite3_str_appendf(sql, "DELETE FROM %s WHERE at >= %lld AND at < %lld;",
				    metric_tables[i], (long long)first << TIER_CONTAINER_BITS,
				    (long long)(last + 1) << TIER_CONTAINER_BITS);
	sqlite3_str_appendf(sql, "DELETE FROM ticks WHERE id BETWEEN %lld AND %lld;",
			    (long long)first, (long long)last);
}

/* Ticks are numbered as they come: their numbers have holes where the clock was set back. */
static int sweep_until(struct sweeper *s, int64_t until)
{
	sqlite3_str *sql = sqlite3_str_new(s->db);
	int64_t first = 0, last = 0, id;
	sqlite3_stmt *find = NULL;
	int rc = sqlite3_prepare_v2(s->db, "SELECT id FROM ticks WHERE time < ?1 ORDER BY id", -1,
				    &find, NULL);

	if (rc == SQLITE_OK)
		rc = schema_bind_time(find, 1, until);
	while (rc == SQLITE_OK && (rc = sqlite3_step(find)) == SQLITE_ROW) {
		id = sqlite3_column_int64(find, 0);
		if (first && id != last + 1)
			append_sweep(sql, first, last);
		if (!first || id != last + 1)
			first = id;
		last = id;
		rc = SQLITE_OK;
	}
	sqlite3_finalize(find);
	if (first)
		append_sweep(sql, first, last);
	if (rc == SQLITE_DONE)
		return schema_run_built(s->db, sql);
	sqlite3_free(sqlite3_str_finish(sql));
	return rc;
}

static int sweep_ticks(struct sweeper *s, int64_t cut, bool *more)
{
	int64_t rolled = 0, until;
	int rc = schema_integer(s->db,
				"SELECT coalesce((SELECT value FROM meta"
				" WHERE key = 'hour_until'), 0) * 1000",
				&rolled);

	/* The gauges of the hour at hand begin with the minute before it. */
	rolled -= SCHEMA_HEARTBEAT_MS;
	if (rc != SQLITE_OK || rolled <= 0)
		return rc;
	rc = next_slice(s->db, "ticks", cut < rolled ? cut : rolled, &until, more);
	return rc == SQLITE_OK && until ? sweep_until(s, until) : rc;
}

static int sweep_container(struct sweeper *s, const int64_t *cuts)
{
	sqlite3_str *sql = sqlite3_str_new(s->db);
	char table[TIER_NAME_SIZE];

	for (int t = TIER_MINUTE; t < TIER_TOTAL; t++)
		for (int v = 0; v < VIEW_TOTAL; v++)
			sqlite3_str_appendf(
				sql, "DELETE FROM %s WHERE container = %lld AND time < %lld;",
				tier_table((enum tier)t, (enum metric_view)v, table), s->container,
				(long long)cuts[t] / 1000);
	return schema_run_built(s->db, sql);
}

/* Containers of which nothing is left, and runs. */
static int sweep_rest(struct sweeper *s, int64_t cut)
{
	sqlite3_str *sql = sqlite3_str_new(s->db);

	sqlite3_str_appendf(sql,
			    "DELETE FROM counters WHERE container IN (SELECT id FROM containers"
			    " WHERE last_seen < %lld);"
			    "DELETE FROM containers WHERE last_seen < %lld;"
			    "DELETE FROM runs WHERE last_tick < %lld",
			    (long long)cut, (long long)cut, (long long)cut);
	return schema_run_built(s->db, sql);
}

static int earliest(sqlite3 *db, const int64_t *cuts, int64_t *ret)
{
	int64_t tick = 0;
	int rc = schema_integer(db,
				"SELECT CAST(coalesce(min(time), 0) * 1000 AS INTEGER) FROM ticks",
				&tick);

	*ret = cuts[TIER_MINUTE] < cuts[TIER_HOUR] ? cuts[TIER_MINUTE] : cuts[TIER_HOUR];
	if (tick < *ret)
		*ret = tick;
	return rc;
}

/* The older tiers, container by container, once in an hour. */
static int sweep_tiers(struct sweeper *s, const int64_t *cuts, int64_t now, bool *more)
{
	int64_t id = 0, rest;
	int rc = SQLITE_OK;

	if (s->swept / HOUR == now / HOUR)
		return rc;
	for (int i = 0; i < CONTAINERS_EACH && rc == SQLITE_OK; i++) {
		char sql[96];

		snprintf(sql, sizeof(sql),
			 "SELECT coalesce(min(id), 0) FROM containers WHERE id > %lld",
			 (long long)s->container);
		rc = schema_integer(s->db, sql, &id);
		if (rc != SQLITE_OK || !id)
			break;
		s->container = id;
		rc = sweep_container(s, cuts);
	}
	*more |= id != 0;
	if (rc != SQLITE_OK || id)
		return rc;
	s->swept = now;
	s->container = 0;
	rc = earliest(s->db, cuts, &rest);
	return rc == SQLITE_OK ? sweep_rest(s, rest) : rc;
}

static int64_t kept(const struct retention *r, enum retention_key key, int64_t now)
{
	return now - before(r, key, now);
}

/* What is kept beside the samples, once in a minute. */
static int sweep_parts(struct sweeper *s, const struct retention *r, int64_t now, bool *more)
{
	const struct exit_retention exits = {
		.ticks = kept(r, KEEP_TICKS, now),
		.minutes = kept(r, KEEP_MINUTES, now),
		.hours = kept(r, KEEP_HOURS, now),
	};
	bool some = false;
	int rc;

	if (s->aged == now / MINUTE)
		return SQLITE_OK;
	rc = exit_tables_age(s->db, now, &exits, &some);
	if (rc == SQLITE_OK)
		rc = share_tables_age(s->db, before(r, KEEP_TICKS, now),
				      before(r, KEEP_SHARES, now), &some);
	if (rc == SQLITE_OK)
		rc = state_tables_age(s->db, before(r, KEEP_STATES, now));
	if (rc == SQLITE_OK)
		rc = job_tables_age(s->db, before(r, KEEP_HOURS, now));
	if (rc == SQLITE_OK)
		rc = device_tables_age(s->db, before(r, KEEP_TICKS, now),
				       before(r, KEEP_MINUTES, now), &some);
	if (!some)
		s->aged = now / MINUTE;
	*more |= some;
	return rc;
}

/* Pages that are free are used again; only what is far more than that is given back. */
static int give_back(struct sweeper *s, bool *more)
{
	int64_t unused = 0, pages = 0;
	char sql[64];
	int rc = schema_integer(s->db, "PRAGMA freelist_count", &unused);

	if (rc == SQLITE_OK)
		rc = schema_integer(s->db, "PRAGMA page_count", &pages);
	if (rc != SQLITE_OK || unused < FREE_PAGES || unused < pages / 10)
		return rc;
	*more = true;
	snprintf(sql, sizeof(sql), "PRAGMA incremental_vacuum(%d)", PAGES_EACH);
	return schema_run(s->db, sql);
}

int sweeper_step(struct sweeper *s, const struct retention *r, int64_t now, bool *ret_more)
{
	int64_t cuts[TIER_TOTAL] = {before(r, KEEP_TICKS, now), before(r, KEEP_MINUTES, now),
				    before(r, KEEP_HOURS, now)};
	bool more = false;
	int rc = sweep_ticks(s, cuts[TIER_TICK], &more);

	if (rc == SQLITE_OK)
		rc = sweep_events(s, before(r, KEEP_EVENTS, now), &more);
	if (rc == SQLITE_OK)
		rc = sweep_tiers(s, cuts, now, &more);
	if (rc == SQLITE_OK)
		rc = sweep_parts(s, r, now, &more);
	if (rc == SQLITE_OK)
		rc = give_back(s, &more);
	*ret_more = more;
	return rc;
}
