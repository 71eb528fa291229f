// SPDX-License-Identifier: GPL-2.0-or-later
/* stats/store/tables.c, tiers.c, retention.c: how rows of ticks lie in the database. */
#include <errno.h>
#include <stdio.h>

#include "stats-rows.h"
#include "stats-store.h"
#include "stats/store/schema.h"
#include "stats/store/tiers.h"

#define MINUTE INT64_C(60000)
#define START  (INT64_C(30000000) * MINUTE)

static const char *query(const char *sql)
{
	sqlite3 *db;
	int rc;

	answer[0] = '\0';
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	rc = sqlite3_exec(db, sql, append_row, NULL, NULL);
	ck_assert_msg(rc == SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
	return answer;
}

static void put(const char *name, uint64_t inode, uint64_t cpu, uint64_t user)
{
	struct sample sample = {.name = name, .inode = inode, .fresh = true};

	metric_set(&sample.values, METRIC_CPU, cpu);
	metric_set(&sample.values, METRIC_CPU_USER, user);
	metric_set(&sample.values, METRIC_SCANNED, cpu);
	ck_assert_int_eq(store_put(store, &sample), 0);
}

static void tick(int64_t time, uint64_t cpu, uint64_t user)
{
	store_begin(store, START + time);
	put("a", 7, cpu, user);
	ck_assert_int_eq(store_commit(store, 0, false, NULL), 0);
}

static void start_again(void)
{
	store = store_close(store);
	ck_assert_int_eq(store_new(&options, &store, NULL), 0);
}

/* What v1 tells in hundredths of a second takes less room, and is the same for all who ask. */
START_TEST(coarse)
{
	set_up();
	tick(0, 0, 0);
	tick(1000, 40000, 30000);
	tick(2000, 50000, 45678);
	tick(3000, 80000, 65678);
	ck_assert_str_eq(query("SELECT cpu_user_usec FROM samples"), "0 -3 15678 -2 ");
	/* A recorder that was killed did not say where its counters stood. */
	start_again();
	tick(4000, 90000, 66678);
	tick(2 * MINUTE + 1000, 90000, 66678);
	ck_assert_str_eq(query("SELECT cpu_user_usec FROM samples"), "0 -3 15678 -2 1000 0 ");
	ck_assert_str_eq(query("SELECT CAST(round(sum(cpu_user_seconds) * 1e6) AS INTEGER),"
			       " min(cpu_user_seconds) FROM v_cpu"),
			 "66678|0.0 ");
	ck_assert_str_eq(query("SELECT cpu_user_seconds FROM v_cpu_minute WHERE time = 1800000000"),
			 "0.066678 ");
	tear_down();
}
END_TEST

/* The greatest there is, and what is next to a whole step. */
START_TEST(coded)
{
	static const struct {
		size_t metric;
		uint64_t value;
		int64_t code;
	} codes[] = {
		{METRIC_CPU_USER, 0, 0},
		{METRIC_CPU_USER, 9999, 9999},
		{METRIC_CPU_USER, 10000, -1},
		{METRIC_CPU_USER, UINT64_MAX, INT64_MAX},
		{METRIC_CPU_SYSTEM, UINT64_C(18446744073709550000), -INT64_C(1844674407370955)},
		{METRIC_CPU, 10000, 10000},
		{METRIC_MEMORY, 8192, 2},
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		ck_assert_int_eq(tier_code(codes[i].metric, codes[i].value), codes[i].code);
}
END_TEST

/* Pages are full, also when a recorder finds its containers in another order than their numbers'.
 */
START_TEST(packed)
{
	enum { CONTAINERS = 150, TICKS = 200 };

	set_up();
	for (int i = 0; i < TICKS; i++) {
		if (i == TICKS / 4)
			start_again();
		store_begin(store, START + i * 1000);
		for (int k = 0; k < CONTAINERS; k++) {
			int number = i < TICKS / 4 ? k : CONTAINERS - k;
			uint64_t cpu = (uint64_t)(i * 200001 + number);
			char name[16];

			snprintf(name, sizeof(name), "c%d", number);
			put(name, (uint64_t)number + 1, cpu, cpu / 2);
		}
		ck_assert_int_eq(store_commit(store, 0, false, NULL), 0);
	}
	ck_assert_str_eq(query("SELECT count(*) FROM samples"), "30000 ");
	query("SELECT sum(unused) * 100 / sum(pgsize) FROM dbstat WHERE name = 'samples'");
	ck_assert_msg(strtol(answer, NULL, 10) < 4, "%s %% of the pages are free", answer);
	tear_down();
}
END_TEST

/* The clock was set back by an hour: numbers of ticks are no longer in the order of their times. */
START_TEST(swept_after_set_back)
{
	const struct retention keep = {.keep = {[KEEP_TICKS] = 10 * MINUTE,
						[KEEP_MINUTES] = 60 * 24 * MINUTE,
						[KEEP_HOURS] = 60 * 24 * MINUTE,
						[KEEP_EVENTS] = 60 * 24 * MINUTE}};
	struct sweeper *sweeper;
	bool more = true;
	sqlite3 *db;

	set_up();
	for (int i = 0; i < 10; i++)
		tick(90 * MINUTE + i * 10000, (uint64_t)i * 10, 0);
	for (int i = 0; i < 10; i++)
		tick(30 * MINUTE + i * 10000, 100 + (uint64_t)i * 10, 0);
	for (int i = 0; i < 10; i++)
		tick(31 * MINUTE + 40000 + i * 6 * MINUTE, 200 + (uint64_t)i * 10, 0);
	store = store_close(store);
	ck_assert_int_eq(schema_open_writer(path, &db, NULL), 0);
	ck_assert_int_eq(schema_run(db, "INSERT OR REPLACE INTO meta VALUES('hour_until',"
					" 1800007200)"),
			 SQLITE_OK);
	sweeper = sweeper_new(db);
	while (more)
		ck_assert_int_eq(sweeper_step(sweeper, &keep, START + 99 * MINUTE, &more),
				 SQLITE_OK);
	sweeper_free(sweeper);
	sqlite3_close(db);
	ck_assert_int_eq(store_new(&options, &store, NULL), 0);
	ck_assert_str_eq(query("SELECT count(*), min(time) >= 1800005340 FROM ticks"), "10|1 ");
	ck_assert_str_eq(query("SELECT count(*) FROM samples"), "10 ");
	ck_assert_str_eq(query("SELECT count(*) FROM v_cpu"), "10 ");
	tear_down();
}
END_TEST

/* Version 9 had its rows keyed by time and container, and ticks without numbers. */
static const char to_version_9[] =
	"CREATE TABLE s(time REAL NOT NULL, container INTEGER NOT NULL, period INTEGER,"
	" cpu_usec INTEGER, cpu_user_usec INTEGER, memory_pages INTEGER, pids INTEGER,"
	" PRIMARY KEY(time, container)) WITHOUT ROWID;"
	"INSERT INTO s SELECT t.time, s.container, s.period, cpu_usec,"
	" max(cpu_user_usec, cpu_user_usec * -10000), 5, 1 FROM samples s"
	" JOIN ticks t ON t.id = s.at >> 28;"
	"CREATE TABLE d(time REAL NOT NULL, container INTEGER NOT NULL, period INTEGER,"
	" pgscan INTEGER, PRIMARY KEY(time, container)) WITHOUT ROWID;"
	"INSERT INTO d SELECT t.time, s.container, s.period, pgscan FROM details s"
	" JOIN ticks t ON t.id = s.at >> 28;"
	"DROP TABLE samples; ALTER TABLE s RENAME TO samples;"
	"DROP TABLE details; ALTER TABLE d RENAME TO details;"
	"CREATE TABLE l(time REAL NOT NULL, container INTEGER NOT NULL, period INTEGER,"
	" pids_limit INTEGER, PRIMARY KEY(time, container)) WITHOUT ROWID;"
	"DROP TABLE limits; ALTER TABLE l RENAME TO limits;"
	"CREATE TABLE n(time REAL NOT NULL, container INTEGER NOT NULL, period INTEGER,"
	" PRIMARY KEY(time, container)) WITHOUT ROWID;"
	"DROP TABLE network; ALTER TABLE n RENAME TO network;"
	"CREATE TABLE k(time REAL PRIMARY KEY, period INTEGER) WITHOUT ROWID;"
	"INSERT INTO k SELECT time, period FROM ticks;"
	"DROP TABLE ticks; ALTER TABLE k RENAME TO ticks; PRAGMA user_version = 9";

START_TEST(version_9)
{
	struct rbce_error err = {0};
	sqlite3 *db;

	set_up();
	for (int i = 0; i < 5; i++) {
		store_begin(store, START + i * 1000);
		put("b", 8, 5 * (uint64_t)i, 0);
		put("a", 7, 100 * (uint64_t)i, 10000 * (uint64_t)i);
		ck_assert_int_eq(store_commit(store, 0, false, NULL), 0);
	}
	store = store_close(store);
	query("PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE type = 'view'");
	query(to_version_9);
	ck_assert_int_eq(schema_open_reader(path, &db, &err), -EMEDIUMTYPE);
	ck_assert_ptr_nonnull(strstr(err.message, "version 9, which the next"));
	ck_assert_int_eq(store_new(&options, &store, NULL), 0);
	store_begin(store, START + 5000);
	put("b", 8, 21, 0);
	put("a", 7, 500, 41234);
	ck_assert_msg(store_commit(store, 0, false, &err) == 0, "%s", err.message);
	ck_assert_str_eq(query("PRAGMA user_version"), "10 ");
	ck_assert_str_eq(
		query("SELECT time % 60, container, CAST(cpu_seconds * 1e6 + 0.5 AS INTEGER),"
		      " CAST(cpu_user_seconds * 1e6 + 0.5 AS INTEGER), memory_bytes,"
		      " pids FROM usage WHERE container = 'a' ORDER BY time"),
		"0.0|a|0|0|20480|1 1.0|a|100|10000|20480|1 2.0|a|100|10000|20480|1 "
		"3.0|a|100|10000|20480|1 4.0|a|100|10000|20480|1 5.0|a|100|1234|-|- ");
	ck_assert_str_eq(query("SELECT sum(pgscan), count(*) FROM v_reclaim"), "521|10 ");
	ck_assert_str_eq(
		query("SELECT count(*) FROM sqlite_schema WHERE name LIKE '%!_9' ESCAPE '!'"),
		"0 ");
	ck_assert_str_eq(query("PRAGMA integrity_check"), "ok ");
	tear_down();
}
END_TEST

int main(void)
{
	return harness_run("stats-layout",
			   (const TTest *const[]){coarse, coded, packed, swept_after_set_back,
						  version_9, NULL});
}
