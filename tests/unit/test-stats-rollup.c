// SPDX-License-Identifier: GPL-2.0-or-later
/* stats/store/rollup.c, span.c, tiers.c: minutes and hours say what their ticks said. */
#include "stats/store/rollup.h"

#include <errno.h>
#include <math.h>

#include "stats-store.h"
#include "stats/store/schema.h"
#include "stats/store/tiers.h"

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)
#define START  (INT64_C(500000) * HOUR)
#define PAGE   4096

static void put(const char *name, uint64_t inode, uint64_t cpu, uint64_t pages)
{
	struct sample sample = {.name = name, .inode = inode, .fresh = true};

	metric_set(&sample.values, METRIC_CPU, cpu);
	metric_set(&sample.values, METRIC_MEMORY, pages * PAGE);
	metric_set(&sample.values, METRIC_SCANNED, 0);
	ck_assert_int_eq(store_put(store, &sample), 0);
}

static void commit(void)
{
	struct rbce_error err = {0};

	ck_assert_msg(store_commit(store, 0, false, &err) == 0, "%s", err.message);
}

static double number(const char *sql)
{
	sqlite3_stmt *statement;
	double value = -1;
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK, "%s: %s", sql,
		      sqlite3_errmsg(db));
	if (sqlite3_step(statement) == SQLITE_ROW)
		value = sqlite3_column_double(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return value;
}

static void expect(const char *sql, double expected)
{
	double is = number(sql);

	ck_assert_msg(fabs(is - expected) < 1e-6, "%s: %.9g, expected %.9g", sql, is, expected);
}

/* On a busy machine the recorder may be behind. */
static void catch_up(int64_t now)
{
	struct rollup *rollup;
	int behind = 0;
	sqlite3 *db;

	ck_assert_int_eq(schema_open_writer(path, &db, NULL), 0);
	rollup = rollup_new(db);
	ck_assert_ptr_nonnull(rollup);
	ck_assert_int_eq(schema_run(db, "BEGIN IMMEDIATE"), SQLITE_OK);
	ck_assert_int_eq(rollup_step(rollup, now, INT64_MAX / 2, &behind), SQLITE_OK);
	ck_assert_int_eq(schema_run(db, "COMMIT"), SQLITE_OK);
	ck_assert_int_eq(behind, 0);
	rollup_free(rollup);
	sqlite3_close(db);
}

/* Two hours: one that computes in bursts, one that sleeps, one that ends. */
static void record(int64_t from, int64_t until)
{
	for (int64_t t = from; t <= until; t += 1000) {
		uint64_t s = (uint64_t)(t - START) / 1000;

		store_begin(store, t);
		put("busy", 1, s * 500000 + s / 10 * 1000, 100 + s % 2 * 50);
		put("idle", 2, 7, 40);
		if (s < 90)
			put("ends", 3, s * 1000, 10);
		commit();
	}
	catch_up(until);
}

START_TEST(sums)
{
	set_up();
	record(START + 1000, START + 2 * HOUR + 120 * 1000);
	/* The newest minute is not over before a tick after it. */
	expect("SELECT value FROM meta WHERE key = 'minute_until'",
	       (START + 2 * HOUR + MINUTE) / 1e3);
	expect("SELECT value FROM meta WHERE key = 'hour_until'", (START + 2 * HOUR) / 1e3);
	expect("SELECT count(*) FROM v_cpu_minute WHERE container = 'busy'", 121);
	expect("SELECT cpu_seconds FROM v_cpu_minute WHERE container = 'busy' ORDER BY time LIMIT "
	       "1 "
	       "OFFSET 1",
	       60 * 0.5 + 6 * 0.001);
	expect("SELECT cpu_seconds_min FROM v_cpu_minute WHERE container = 'busy' ORDER BY time "
	       "DESC",
	       0.5);
	expect("SELECT cpu_seconds_max FROM v_cpu_minute WHERE container = 'busy' ORDER BY time "
	       "DESC",
	       0.501);
	expect("SELECT period FROM v_cpu_minute WHERE container = 'busy' ORDER BY time DESC", 60);
	/* Whatever the tier, it comes to the same. */
	expect("SELECT (SELECT sum(cpu_seconds) FROM v_cpu WHERE time <= 1800007200)"
	       " - (SELECT sum(cpu_seconds) FROM v_cpu_minute WHERE time < 1800007200)",
	       0);
	expect("SELECT (SELECT sum(cpu_seconds) FROM v_cpu WHERE time <= 1800007200)"
	       " - (SELECT sum(cpu_seconds) FROM v_cpu_hour)",
	       0);
	expect("SELECT memory_bytes_min FROM v_memory_minute WHERE container = 'busy' ORDER BY "
	       "time "
	       "DESC",
	       100 * PAGE);
	expect("SELECT memory_bytes_max FROM v_memory_minute WHERE container = 'busy' ORDER BY "
	       "time "
	       "DESC",
	       150 * PAGE);
	expect("SELECT memory_bytes FROM v_memory_minute WHERE container = 'busy' ORDER BY time "
	       "DESC",
	       125 * PAGE);
	expect("SELECT memory_bytes FROM v_memory_hour WHERE container = 'busy' ORDER BY time DESC",
	       125 * PAGE);
	/* What stands still has a row an hour (and one before and after it moved), what was nothing
	 * none. */
	expect("SELECT count(*) FROM v_memory_minute WHERE container = 'idle'", 4);
	expect("SELECT count(*) FROM v_memory_hour WHERE container = 'idle'", 2);
	expect("SELECT count(*) FROM v_cpu_minute WHERE container = 'idle'", 1);
	expect("SELECT count(*) FROM v_reclaim_minute", 0);
	/* One that ended after 90 s, of which 89 are known. */
	expect("SELECT sum(cpu_seconds) FROM v_cpu_minute WHERE container = 'ends'", 0.089);
	expect("SELECT count(*) FROM v_cpu_minute WHERE container = 'ends'", 2);
	expect("SELECT period FROM v_memory_minute WHERE container = 'ends' ORDER BY time DESC",
	       29);
	expect("SELECT count(*) FROM v_cpu_hour WHERE container = 'ends'", 1);
	tear_down();
}
END_TEST

/* Killed and started again in the middle, it comes to the same; a hole is a hole. */
START_TEST(resumed)
{
	int64_t later = START + 7 * HOUR;

	set_up();
	record(START + 1000, START + 20 * MINUTE + 30 * 1000);
	store = store_close(store);
	ck_assert_int_eq(store_new(&options, &store, NULL), 0);
	record(START + 20 * MINUTE + 31 * 1000, START + 40 * MINUTE);
	expect("SELECT count(*) FROM v_cpu_minute WHERE container = 'busy'", 39);
	store = store_close(store);
	ck_assert_int_eq(store_new(&options, &store, NULL), 0);
	record(later + 1000, later + HOUR + MINUTE + 1000);
	expect("SELECT (SELECT sum(cpu_seconds) FROM v_cpu WHERE time <= 1800028800)"
	       " - (SELECT sum(cpu_seconds) FROM v_cpu_hour)",
	       0);
	expect("SELECT count(*) FROM v_cpu_hour WHERE container = 'busy'", 2);
	expect("SELECT count(*) FROM v_cpu_minute WHERE container = 'busy'", 40 + 61);
	/* The hour that was cut off knows of its 40 minutes, but for the second before its first
	 * tick. */
	expect("SELECT period FROM v_memory_hour WHERE container = 'idle' ORDER BY time", 2399);
	tear_down();
}
END_TEST

/* The clock is set back over hours that are written: all that was added is in them in the end. */
START_TEST(set_back)
{
	set_up();
	record(START + 1000, START + HOUR + 5 * MINUTE);
	for (int64_t t = START + 30 * MINUTE; t <= START + 2 * HOUR + 2000; t += 1000) {
		store_begin(store, t);
		put("busy", 1, UINT64_C(5000000000) + (uint64_t)(t - START) * 10, 7);
		commit();
	}
	catch_up(START + 2 * HOUR + 2000);
	expect("SELECT value FROM meta WHERE key = 'hour_until'", (START + 2 * HOUR) / 1e3);
	expect("SELECT (SELECT sum(cpu_seconds) FROM v_cpu WHERE time <= 1800007200)"
	       " - (SELECT sum(cpu_seconds) FROM v_cpu_hour)",
	       0);
	expect("SELECT (SELECT sum(cpu_seconds) FROM v_cpu WHERE time <= 1800007200)"
	       " - (SELECT sum(cpu_seconds) FROM v_cpu_minute WHERE time < 1800007200)",
	       0);
	tear_down();
}
END_TEST

/* Old rows of what is kept beside the samples, and young ones. */
static void record_parts(void)
{
	char sql[768];
	sqlite3 *db;

	snprintf(
		sql, sizeof(sql),
		"INSERT INTO share_names VALUES(1, 'a');"
		"INSERT INTO cpu_shares(time, name, cpu, period, ran) VALUES(%lld, 1, -1, 1000, 1),"
		" (%lld, 1, -1, 1000, 2), (%lld, 1, -1, 1000, 3), (%lld, 1, -1, 1000, 4);"
		"INSERT INTO task_states(time, container) VALUES(%lld, 'a'), (%lld, 'a')",
		(long long)START / 1000 + 1, (long long)START / 1000 + 3600,
		(long long)START / 1000 + 3601, (long long)START / 1000 + 3 * 3600,
		(long long)START / 1000 + 1, (long long)START / 1000 + 3 * 3600);
	ck_assert_int_eq(schema_open_writer(path, &db, NULL), 0);
	ck_assert_int_eq(schema_run(db, sql), SQLITE_OK);
	sqlite3_close(db);
}

/* What is older than is to be kept goes, tier by tier, and the pages with it. */
START_TEST(swept)
{
	set_up();
	store = store_close(store);
	options.retention = (struct retention){.keep = {[KEEP_TICKS] = 10 * MINUTE,
							[KEEP_MINUTES] = 70 * MINUTE,
							[KEEP_SHARES] = 2 * HOUR + 5 * MINUTE,
							[KEEP_STATES] = HOUR}};
	ck_assert_int_eq(store_new(&options, &store, NULL), 0);
	ck_assert_int_eq(store_open(store, NULL), 0);
	record_parts();
	record(START + 1000, START + 3 * HOUR + 2 * MINUTE);
	/* Not those of the hour that is not written, nor the minute before it. */
	expect("SELECT min(time) FROM ticks", (START + 3 * HOUR - 10 * MINUTE + 2 * MINUTE) / 1e3);
	expect("SELECT min(at) >> 28 = (SELECT min(id) FROM ticks) FROM samples", 1);
	expect("SELECT min(time) FROM v_cpu_minute", (START + 3 * HOUR - 70 * MINUTE) / 1e3);
	expect("SELECT min(time) FROM v_cpu_hour", START / 1e3);
	/* Shares as they were, by ten minutes, and gone. */
	expect("SELECT sum(ran) FROM cpu_shares", 9);
	expect("SELECT group_concat(ran, 0) FROM cpu_shares WHERE period = 600000", 203);
	expect("SELECT ran FROM cpu_shares WHERE period = 1000", 4);
	expect("SELECT count(*) FROM task_states", 1);
	expect("SELECT (SELECT freelist_count FROM pragma_freelist_count) < 300", 1);
	options.retention = (struct retention){{0}};
	tear_down();
}
END_TEST

static const struct {
	const char *text;
	int64_t ticks; /* -1: a mistake */
	const char *message;
} files[] = {
	{"", 86400000, NULL},
	{"[retention]\nticks = 2h ; and more\nhours = max\n", 7200000, NULL},
	{"[retention]\nticks = 3h\nshares = 1d\nstates = 1h\n", 10800000, NULL},
	{"[retention]\nticks = 0\n", -1, ":2: cannot use '0'"},
	{"[retention]\n\nticks = soon\n", -1, ":3: cannot use 'soon'"},
	{"[retention]\nyears = 1d\n", -1, ":2: there is no key 'years'"},
	{"[kept]\nticks = 1d\n", -1, ":2: there is no section [kept]"},
	{"[retention]\nnonsense\n", -1, ":2: "},
};

START_TEST(configuration)
{
	struct retention r;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct rbce_error err = {0};
		int result;

		harness_directory(tree);
		snprintf(path, sizeof(path), "%s/conf", tree);
		harness_write_text(tree, "conf", files[i].text);
		result = retention_read(&r, path, &err);
		ck_assert_int_eq(result, files[i].ticks < 0 ? -EINVAL : 0);
		if (files[i].message)
			ck_assert_msg(strstr(err.message, files[i].message), "%s", err.message);
		else
			ck_assert_int_eq(r.keep[KEEP_TICKS], files[i].ticks);
		harness_remove_tree(tree);
	}
	ck_assert_int_eq(retention_read(&r, path, NULL), -ENOENT);
	ck_assert_int_eq(r.keep[KEEP_TICKS], 86400000);
}
END_TEST

static const struct {
	int64_t from, step;
	enum tier tier;
} picks[] = {
	{START, 1000, TIER_TICK},
	{START, MINUTE - 1, TIER_TICK},
	{START, MINUTE, TIER_MINUTE},
	{START, 10 * HOUR, TIER_HOUR},
	{START - 100 * HOUR, 1000, TIER_TICK},
};

START_TEST(picked)
{
	char buf[TIER_NAME_SIZE];
	int64_t from, until;
	enum tier tier;
	sqlite3 *db;

	set_up();
	record(START + 1000, START + 61 * MINUTE + 1000);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	for (size_t i = 0; i < sizeof(picks) / sizeof(picks[0]); i++) {
		ck_assert_int_eq(tier_pick(db, picks[i].from, picks[i].step, &tier), SQLITE_OK);
		ck_assert_msg(tier == picks[i].tier, "%zu: %d", i, tier);
	}
	/* Where the ticks of then are gone, a minute is what there is. */
	ck_assert_int_eq(schema_run(db, "DELETE FROM ticks WHERE time < 1800001800"), SQLITE_OK);
	ck_assert_int_eq(tier_pick(db, START, 1000, &tier), SQLITE_OK);
	ck_assert_int_eq(tier, TIER_MINUTE);
	ck_assert_int_eq(tier_span(db, TIER_MINUTE, &from, &until), SQLITE_OK);
	ck_assert_int_eq(from, START);
	ck_assert_int_eq(until, START + 61 * MINUTE);
	ck_assert_str_eq(tier_table(TIER_HOUR, VIEW_IO, buf), "hour_io");
	ck_assert_str_eq(tier_table(TIER_TICK, VIEW_RECLAIM, buf), "details");
	sqlite3_close(db);
	tear_down();
}
END_TEST

int main(void)
{
	return harness_run("stats-rollup", (const TTest *const[]){sums, resumed, set_back, swept,
								  configuration, picked, NULL});
}
