// SPDX-License-Identifier: GPL-2.0-or-later
/* stats/store, sample/series.c: what gets into the database, whatever happens. */
#include "stats/store/store.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "stats-rows.h"
#include "stats-store.h"
#include "stats/store/backlog.h"
#include "stats/store/schema.h"
#include "stats/store/tables.h"

#define MINUTE INT64_C(60000)
#define START  (INT64_C(30000000) * MINUTE)

static struct sample sample_of(const char *name, uint64_t inode, bool fresh, uint64_t cpu,
			       uint64_t memory)
{
	struct sample sample = {.name = name, .inode = inode, .fresh = fresh};

	metric_set(&sample.values, METRIC_CPU, cpu);
	metric_set(&sample.values, METRIC_MEMORY, memory * 4096);
	return sample;
}

/* One tick with one container. */
static int tick(int64_t time, uint64_t cpu, uint64_t memory, bool final)
{
	struct sample a = sample_of("a", 7, false, cpu, memory);

	store_begin(store, time);
	ck_assert_int_eq(store_put(store, &a), 0);
	return store_commit(store, 0, final, NULL);
}

/* The rows of a query as "1|2 3|4 ", with times counted from START. */
static const char *query(const char *sql)
{
	sqlite3 *db;
	int rc;

	answer[0] = '\0';
	ck_assert_int_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
					 NULL),
			 SQLITE_OK);
	rc = sqlite3_exec(db, sql, append_row, NULL, NULL);
	ck_assert_msg(rc == SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
	return answer;
}

static const char *rows(void)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
		 "SELECT CAST(round(t.time * 1000) AS INTEGER) - %lld, container,"
		 " coalesce(s.period, t.period), cpu_usec, memory_pages"
		 " FROM samples s JOIN ticks t ON t.id = s.at >> 28 ORDER BY t.time",
		 (long long)START);
	return query(sql);
}

/* Deltas, unchanged rows left out, and a full row each minute. */
START_TEST(deltas)
{
	set_up();
	ck_assert_int_eq(tick(START, 1000, 50, false), 0);
	ck_assert_int_eq(tick(START + 1000, 1600, 50, false), 0);
	ck_assert_int_eq(tick(START + 2000, 1600, 50, false), 0); /* idle */
	ck_assert_int_eq(tick(START + 3000, 1600, 60, false), 0); /* only a gauge */
	ck_assert_int_eq(tick(START + 4000, 1700, 60, false), 0);
	ck_assert_int_eq(tick(START + 5000, 30, 60, false), 0); /* the counter began anew */
	ck_assert_str_eq(rows(), "0|1|0|0|50 1000|1|1000|600|50 3000|1|1000|0|60 "
				 "4000|1|1000|100|60 5000|1|1000|30|60 ");
	ck_assert_int_eq(tick(START + MINUTE - 1, 30, 60, false), 0);
	ck_assert_int_eq(tick(START + MINUTE, 30, 60, false), 0); /* heartbeat */
	ck_assert_int_eq(tick(START + MINUTE + 1000, 30, 60, false), 0);
	ck_assert_int_eq(tick(START + MINUTE + 2000, 30, 60, true), 0);
	ck_assert_str_eq(query("SELECT time, cpu_usec FROM samples JOIN ticks ON id = at >> 28"
			       " WHERE time > 1800000059.999"),
			 "1800000060.0|0 1800000062.0|0 ");
	ck_assert_uint_eq(store_ticks(store), 10);
	ck_assert_uint_eq(store_lost(store), 0);
	ck_assert_str_eq(query("SELECT interval, ticks, overruns, lost, last_tick - started FROM "
			       "runs"),
			 "1000|10|0|0|62000 ");
	/* The view gives seconds. */
	ck_assert_str_eq(query("SELECT time, container, period, cpu_seconds, memory_bytes FROM "
			       "usage WHERE cpu_seconds > 0 LIMIT 1"),
			 "1800000001.0|a|1.0|0.0006|204800 ");
	tear_down();
}
END_TEST

START_TEST(unknown_values)
{
	struct sample a = {.name = "a", .inode = 7};

	set_up();
	metric_set(&a.values, METRIC_CPU, 100);
	for (int i = 0; i < 4; i++) {
		store_begin(store, START + i * 1000);
		/* Readable, not, and again: what it grew by meanwhile is not lost. */
		a.values.known = (struct metric_mask){0};
		if (i != 1)
			mask_add(&a.values.known, METRIC_CPU);
		a.values.value[METRIC_CPU] += 10;
		metric_set(&a.values, METRIC_PIDS, (uint64_t)i);
		ck_assert_int_eq(store_put(store, &a), 0);
		ck_assert_int_eq(store_commit(store, 0, false, NULL), 0);
	}
	ck_assert_str_eq(query("SELECT cpu_usec, pids, memory_pages FROM samples"),
			 "0|0|- -|1|- 20|2|- 10|3|- ");
	tear_down();
}
END_TEST

/* Containers come, go, and come again under the same name. */
START_TEST(generations)
{
	struct sample root = sample_of("/", 1, false, 1000, 5);

	set_up();
	for (int i = 0; i < 6; i++) {
		struct sample a = sample_of("a", i < 3 ? 11 : 12 + (i == 5), true,
					    i < 3 ? 500 + (uint64_t)i : 40, 9);

		store_begin(store, START + i * 1000);
		ck_assert_int_eq(store_put(store, &root), 0);
		if (i != 0 && i != 4)
			ck_assert_int_eq(store_put(store, &a), 0);
		ck_assert_int_eq(store_commit(store, 0, false, NULL), 0);
	}
	/* A fresh container's counters count from zero. */
	ck_assert_str_eq(query("SELECT name, CAST(t.time AS INTEGER) % 60 * 1000,"
			       " coalesce(s.period, t.period), cpu_usec FROM samples s"
			       " JOIN ticks t ON t.id = s.at >> 28"
			       " JOIN containers c ON c.id = container WHERE name = 'a'"),
			 "a|1000|1000|501 a|2000|1000|1 a|3000|1000|40 a|5000|1000|40 ");
	ck_assert_str_eq(query("SELECT id, name, inode, first_seen % 60000, last_seen % 60000 FROM "
			       "containers"),
			 "1|/|1|0|- 2|a|11|1000|2000 3|a|12|3000|3000 4|a|13|5000|- ");
	ck_assert_str_eq(query("SELECT container, first_seen, last_seen FROM container_list"),
			 "/|1800000000.0|1800000005.0 a|1800000001.0|1800000002.0 "
			 "a|1800000003.0|1800000003.0 a|1800000005.0|1800000005.0 ");
	tear_down();
}
END_TEST

/* The clock is set back: no row is overwritten, and none is refused. */
START_TEST(clock_set_back)
{
	set_up();
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(tick(START + 1000 * i, 100 * (uint64_t)i, 50, false), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(tick(START + 1000 * i, 300 + (uint64_t)i, 50, false), 0);
	ck_assert_str_eq(query("SELECT count(*), sum(cpu_usec), min(coalesce(s.period, t.period))"
			       " FROM samples s JOIN ticks t ON t.id = s.at >> 28"),
			 "6|302|0 ");
	tear_down();
}
END_TEST

/* The machine sleeps for an hour, and then its clock is set back: periods are of what passed. */
START_TEST(clock_skips)
{
	set_up();
	ck_assert_int_eq(tick(START, 0, 50, false), 0);
	ck_assert_int_eq(tick(START + 1000, 100, 50, false), 0);
	ck_assert_int_eq(tick(START + 2000, 100, 50, false), 0);
	store_skip(store, 60 * MINUTE);
	ck_assert_int_eq(tick(START + 60 * MINUTE + 3000, 300, 50, false), 0);
	store_skip(store, -30 * MINUTE);
	ck_assert_int_eq(tick(START + 30 * MINUTE + 4000, 350, 50, false), 0);
	ck_assert_int_eq(tick(START + 30 * MINUTE + 5000, 360, 50, true), 0);
	ck_assert_str_eq(rows(), "0|1|0|0|50 1000|1|1000|100|50 1804000|1|1000|50|50 "
				 "1805000|1|1000|10|50 3603000|1|1000|200|50 ");
	ck_assert_str_eq(query("SELECT started - 1800000000000, last_tick - 1800000000000, ticks"
			       " FROM runs"),
			 "0|2000|3 1804000|1805000|2 3603000|3603000|1 ");
	tear_down();
}
END_TEST

static void die_after(int ticks)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		for (int i = 0; i < ticks; i++) {
			struct sample a = sample_of("a", 7, true, 1000 + 100 * (uint64_t)i, 50);
			struct sample late = sample_of("late", 8, true, 10 * (uint64_t)i, 50);

			store_begin(store, START + i * 1000);
			if (store_put(store, &a) < 0 || (i > 1 && store_put(store, &late) < 0) ||
			    store_commit(store, 0, false, NULL) < 0)
				_exit(1);
		}
		raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
}

/* kill -9 loses no committed tick, and the next recorder takes up the counters where it stopped. */
START_TEST(killed)
{
	struct sample a = sample_of("a", 7, false, 1750, 50);
	struct sample late = sample_of("late", 8, false, 42, 50);

	set_up();
	die_after(4);
	ck_assert_str_eq(query("SELECT name, sum(cpu_usec), max(time) % 60 * 1000 FROM samples"
			       " JOIN ticks t ON t.id = at >> 28"
			       " JOIN containers c ON c.id = container GROUP BY c.id"),
			 "a|1300|3000.0 late|30|3000.0 ");
	store_begin(store, START + 60500);
	ck_assert_int_eq(store_put(store, &a), 0);
	ck_assert_int_eq(store_put(store, &late), 0);
	ck_assert_int_eq(store_commit(store, 0, false, NULL), 0);
	ck_assert_int_eq(tick(START + 61500, 1760, 50, false), 0);
	ck_assert_str_eq(query("SELECT container, coalesce(s.period, t.period), cpu_usec"
			       " FROM samples s JOIN ticks t ON t.id = s.at >> 28"
			       " WHERE t.time > 1800000003"),
			 "1|57500|450 2|57500|12 1|1000|10 ");
	ck_assert_str_eq(query("SELECT name, last_seen % 60000 FROM containers"), "a|- late|500 ");
	ck_assert_str_eq(query("SELECT started % 60000, ticks FROM runs"), "0|4 500|2 ");
	ck_assert_str_eq(query("PRAGMA integrity_check"), "ok ");
	tear_down();
}
END_TEST

/* After a boot the same name and inode are another container, whose past is not known. */
START_TEST(rebooted)
{
	set_up();
	die_after(4);
	options.boot = "boot-2";
	store = store_close(store);
	ck_assert_int_eq(store_new(&options, &store, NULL), 0);
	ck_assert_int_eq(tick(START + 60500, 5000, 50, false), 0);
	ck_assert_str_eq(query("SELECT container, cpu_usec FROM samples JOIN ticks ON id = at >> 28"
			       " WHERE time > 1800000003"),
			 "3|0 ");
	ck_assert_str_eq(query("SELECT boot, last_seen % 60000 FROM containers"),
			 "boot-1|3000 boot-1|3000 boot-2|- ");
	ck_assert_str_eq(query("SELECT container FROM counters"), "3 ");
	options.boot = "boot-1";
	tear_down();
}
END_TEST

/* What may go wrong with a database for a while: begin the trouble, end it. */

static struct rlimit file_size;

static void limit_file_size(void)
{
	struct rlimit none;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &file_size);
	none = file_size;
	none.rlim_cur = 4096;
	setrlimit(RLIMIT_FSIZE, &none);
}

static void lift_limit(void)
{
	setrlimit(RLIMIT_FSIZE, &file_size);
}

static sqlite3 *locker;

static void lock_database(void)
{
	ck_assert_int_eq(sqlite3_open(path, &locker), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(locker, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
}

static void unlock_database(void)
{
	sqlite3_close(locker);
}

static char moved[PATH_MAX + 16];

static void move_directory(void)
{
	snprintf(moved, sizeof(moved), "%s-moved", tree);
	ck_assert_int_eq(rename(tree, moved), 0);
}

static void move_back(void)
{
	ck_assert_int_eq(rename(moved, tree), 0);
}

static const struct {
	const char *what;
	void (*begin)(void);
	void (*end)(void);
	const char *message;
} troubles[] = {
	{"a full disk", limit_file_size, lift_limit, "': "},
	{"a locked database", lock_database, unlock_database, "': database is locked"},
	{"a directory moved away", move_directory, move_back, "': it was removed"},
};

START_TEST(trouble)
{
	struct sample ends = sample_of("ends", 8, true, 0, 1);

	for (size_t i = 0; i < sizeof(troubles) / sizeof(troubles[0]); i++) {
		struct rbce_error err = {0};
		int r;

		set_up();
		ck_assert_int_eq(tick(START, 0, 50, false), 0);
		ck_assert_int_eq(tick(START + 1000, 100, 50, false), 0);
		troubles[i].begin();
		for (int t = 2; t < 5; t++) {
			struct sample a = sample_of("a", 7, false, 100 * (uint64_t)t, 50);

			store_begin(store, START + 1000 * t);
			ck_assert_int_eq(store_put(store, &a), 0);
			/* One that comes and goes while nothing can be stored. */
			metric_set(&ends.values, METRIC_CPU, 33);
			if (t == 3)
				ck_assert_int_eq(store_put(store, &ends), 0);
			r = store_commit(store, 0, false, &err);
			ck_assert_msg(r < 0, "%s", troubles[i].what);
			if (t == 2)
				ck_assert_msg(strstr(err.message, troubles[i].message) &&
						      strstr(err.message, path) &&
						      !strchr(err.message, '\n'),
					      "%s: %s", troubles[i].what, err.message);
		}
		troubles[i].end();
		ck_assert_msg(tick(START + 5000, 570, 50, false) == 0, "%s", troubles[i].what);
		ck_assert_uint_eq(store_lost(store), 0);
		ck_assert_uint_eq(store_held(store), 0);
		ck_assert_str_eq(query("SELECT name, t.time, coalesce(s.period, t.period),"
				       " cpu_usec FROM samples s JOIN ticks t ON t.id = s.at >> 28"
				       " JOIN containers c ON c.id = container"
				       " WHERE t.time > 1800000001"),
				 "a|1800000002.0|1000|100 a|1800000003.0|1000|100 "
				 "ends|1800000003.0|1000|33 a|1800000004.0|1000|100 "
				 "a|1800000005.0|1000|170 ");
		ck_assert_str_eq(query("SELECT name, last_seen % 60000 FROM containers"),
				 "a|- ends|3000 ");
		ck_assert_str_eq(query("SELECT ticks, lost FROM runs"), "6|0 ");
		ck_assert_str_eq(query("PRAGMA integrity_check"), "ok ");
		tear_down();
	}
}
END_TEST

/* A long time without a disk: the ticks come in a few at a time, those of a container that ended
 * too. */
START_TEST(catching_up)
{
	set_up();
	for (int t = 0; t < 100; t++) {
		struct sample a = sample_of("a", 7, false, 10 * (uint64_t)t, 50);
		struct sample ends = sample_of("ends", 8, true, (uint64_t)t, 5);

		if (t == 10)
			move_directory();
		if (t == 80)
			move_back();
		store_begin(store, START + 1000 * t);
		ck_assert_int_eq(store_put(store, &a), 0);
		if (t < 50)
			ck_assert_int_eq(store_put(store, &ends), 0);
		ck_assert_int_eq(store_commit(store, 0, t == 99, NULL) < 0, t >= 10 && t < 80);
	}
	ck_assert_uint_eq(store_held(store), 0);
	ck_assert_uint_eq(store_lost(store), 0);
	ck_assert_str_eq(query("SELECT container, count(*), min(period), max(period),"
			       " round(sum(cpu_seconds) * 1000000) FROM v_cpu GROUP BY 1"),
			 "a|100|0.0|1.0|990.0 ends|50|0.0|1.0|49.0 ");
	ck_assert_str_eq(query("SELECT name, last_seen % 60000 FROM containers"),
			 "a|- ends|49000 ");
	tear_down();
}
END_TEST

static int count_rows(void *data, const struct backlog_row *row)
{
	size_t *n = data;

	(*n)++;
	ck_assert(metric_known(&row->values, METRIC_CPU));
	ck_assert(!metric_known(&row->values, METRIC_CPU_NICE));
	ck_assert_uint_eq(row->values.value[METRIC_CPU], UINT64_C(1) << 62);
	ck_assert_int_eq(row->period, 1000);
	return 0;
}

static int any_tick(void *data, int64_t time, int64_t usual)
{
	(void)data;
	ck_assert_int_eq(time, START);
	ck_assert_int_eq(usual, 1);
	return 0;
}

/* It has an end, and gives everything back. */
START_TEST(backlog)
{
	struct sample a = sample_of("a", 7, true, UINT64_C(1) << 62, 50);
	struct series *s = series_new(&a, START, START - 1000);
	struct backlog b;
	size_t rows = 0, found = 0;

	ck_assert_ptr_nonnull(s);
	s->latest = a.values;
	backlog_init(&b);
	while (backlog_begin(&b, START, 1) == 0)
		for (int i = 0; i < 1000; i++, rows++)
			ck_assert_int_eq(backlog_row(&b, s, TABLE_SAMPLES), 0);
	ck_assert_uint_gt(rows, 100000);
	ck_assert_uint_eq(s->held, rows);
	while (b.first) {
		ck_assert_int_eq(backlog_read(&b, any_tick, count_rows, &found), 0);
		backlog_drop(&b);
	}
	ck_assert_uint_eq(found, rows);
	ck_assert_uint_eq(s->held, 0);
	ck_assert_uint_eq(b.bytes, 0);
	ck_assert_uint_eq(b.ticks, 0);
	series_free(s);
}
END_TEST

/* Removed for good: a new database is begun, and what came since the last tick is in it. */
START_TEST(removed)
{
	char wal[PATH_MAX + 16];

	for (int exchanged = 0; exchanged < 2; exchanged++) {
		set_up();
		ck_assert_int_eq(tick(START, 0, 50, false), 0);
		ck_assert_int_eq(tick(START + 1000, 100, 50, false), 0);
		snprintf(wal, sizeof(wal), "%s-old", path);
		ck_assert_int_eq(rename(path, wal), 0);
		if (exchanged)
			harness_write(tree, "db", "", 0);
		ck_assert_int_eq(tick(START + 2000, 200, 50, false), -ESTALE);
		/* Its log, left behind, does not get into the new one. */
		snprintf(wal, sizeof(wal), "%s-wal", path);
		ck_assert_int_eq(access(wal, F_OK), 0);
		ck_assert_int_eq(tick(START + 3000, 300, 50, false), 0);
		ck_assert_str_eq(rows(), "2000|1|1000|100|50 3000|1|1000|100|50 ");
		ck_assert_str_eq(query("SELECT id, name FROM containers"), "1|a ");
		ck_assert_str_eq(query("PRAGMA integrity_check"), "ok ");
		tear_down();
	}
}
END_TEST

/* Nothing can be stored from the start; then it can, and all since the first tick is there. */
START_TEST(late_start)
{
	struct rbce_error err = {0};

	set_up();
	ck_assert_int_eq(mkdir(path, 0755), 0);
	ck_assert_int_lt(store_open(store, &err), 0);
	ck_assert_msg(strstr(err.message, "cannot open '") == err.message, "%s", err.message);
	ck_assert_int_lt(tick(START, 1000, 50, false), 0);
	ck_assert_int_lt(tick(START + 1000, 1500, 50, false), 0);
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(tick(START + 2000, 1800, 50, false), 0);
	ck_assert_str_eq(rows(), "2000|1|2000|800|50 ");
	tear_down();
}
END_TEST

/* Databases that are not for this recorder: one line each, and not a byte is changed. */
static const struct {
	const char *sql; /* applied to a new database; NULL: the file holds the text "hello ..." */
	bool ours;       /* made by the recorder before */
	const char *message;
} refused[] = {
	{NULL, false, "it is no SQLite database"},
	{"CREATE TABLE a (b)", false, "it belongs to another program"},
	{"PRAGMA application_id = 4711", false, "it belongs to another program"},
	{"PRAGMA user_version = 1", false, "it belongs to another program"},
	{"PRAGMA user_version = 999", true, "its layout has version 999"},
	{"UPDATE meta SET value = 'other' WHERE key = 'root'", true,
	 "it records root group 'other', not 'rbce'"},
};

static char *read_file(size_t *ret_size)
{
	FILE *file = fopen(path, "r");
	char *bytes = malloc(1 << 20);

	ck_assert_ptr_nonnull(file);
	*ret_size = fread(bytes, 1, 1 << 20, file);
	fclose(file);
	return bytes;
}

START_TEST(refusals)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct rbce_error err = {0};
		char *before, *after;
		size_t size, size_after;

		set_up();
		if (refused[i].ours) {
			ck_assert_int_eq(tick(START, 0, 50, false), 0);
			store = store_close(store);
			ck_assert_int_eq(store_new(&options, &store, NULL), 0);
		}
		if (refused[i].sql) {
			sqlite3 *db;

			ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
			ck_assert_int_eq(sqlite3_exec(db, refused[i].sql, NULL, NULL, NULL),
					 SQLITE_OK);
			sqlite3_close(db);
		} else {
			char text[2000];

			memset(text, 'h', sizeof(text));
			harness_write(tree, "db", text, sizeof(text));
		}
		before = read_file(&size);
		ck_assert_int_eq(store_open(store, &err), -EMEDIUMTYPE);
		ck_assert_msg(strstr(err.message, refused[i].message) && strstr(err.message, path),
			      "%s", err.message);
		ck_assert_int_lt(tick(START, 0, 50, false), 0);
		after = read_file(&size_after);
		ck_assert_uint_eq(size, size_after);
		ck_assert_mem_eq(before, after, size);
		free(before);
		free(after);
		tear_down();
	}
}
END_TEST

START_TEST(two_recorders)
{
	struct rbce_error err = {0};
	struct store *other;

	set_up();
	ck_assert_int_eq(tick(START, 0, 50, false), 0);
	ck_assert_int_eq(store_new(&options, &other, NULL), 0);
	ck_assert_int_eq(store_open(other, &err), -EALREADY);
	ck_assert_msg(strstr(err.message, "another recorder"), "%s", err.message);
	store = store_close(store);
	ck_assert_int_eq(store_open(other, &err), 0);
	store_close(other);
	tear_down();
}
END_TEST

/* Migrations: steps in order from the version found, all or nothing. */

static int step_one(sqlite3 *db)
{
	return schema_run(db, "CREATE TABLE one (a)");
}

static int step_two(sqlite3 *db)
{
	return schema_run(db, "ALTER TABLE one ADD COLUMN b; INSERT INTO one VALUES (1, 2)");
}

static int step_bad(sqlite3 *db)
{
	return schema_run(db, "CREATE TABLE three (c); INSERT INTO nowhere VALUES (1)");
}

START_TEST(migration)
{
	static const schema_step steps[] = {step_one, step_two, step_bad};
	int64_t version, objects;
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open(":memory:", &db), SQLITE_OK);
	ck_assert_int_eq(schema_migrate(db, steps, 1), SQLITE_OK);
	ck_assert_int_eq(schema_integer(db, "PRAGMA user_version", &version), SQLITE_OK);
	ck_assert_int_eq(version, 1);
	ck_assert_int_ne(schema_migrate(db, steps, 3), SQLITE_OK);
	ck_assert_int_eq(schema_integer(db, "PRAGMA user_version", &version), SQLITE_OK);
	ck_assert_int_eq(version, 1);
	ck_assert_int_eq(schema_integer(db, "SELECT count(*) FROM sqlite_master", &objects),
			 SQLITE_OK);
	ck_assert_int_eq(objects, 1);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(schema_migrate(db, steps, 2), SQLITE_OK);
	ck_assert_int_eq(schema_integer(db, "SELECT count(*) FROM one WHERE b = 2", &objects),
			 SQLITE_OK);
	ck_assert_int_eq(objects, 1);
	sqlite3_close(db);
}
END_TEST

/* The first version had one table, in milliseconds and bytes. */
static const char version_1[] =
	"PRAGMA application_id = 1380074309; PRAGMA user_version = 1;"
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
	"INSERT INTO meta VALUES ('root', 'rbce');"
	"CREATE TABLE runs(started INTEGER PRIMARY KEY, last_tick INTEGER NOT NULL,"
	" interval INTEGER NOT NULL, ticks INTEGER NOT NULL, overruns INTEGER NOT NULL,"
	" lost INTEGER NOT NULL);"
	"INSERT INTO runs VALUES (1800000000000, 1800000001000, 1000, 2, 0, 0);"
	"CREATE TABLE containers(id INTEGER PRIMARY KEY, name TEXT NOT NULL,"
	" boot TEXT NOT NULL, inode INTEGER NOT NULL, first_seen INTEGER NOT NULL,"
	" last_seen INTEGER, UNIQUE(name, boot, inode));"
	"INSERT INTO containers VALUES (1, 'a', 'boot-1', 7, 1800000000000, NULL);"
	"CREATE TABLE samples(time INTEGER NOT NULL, container INTEGER NOT NULL,"
	" period INTEGER NOT NULL, cpu_usec INTEGER, memory_bytes INTEGER,"
	" PRIMARY KEY(time, container)) WITHOUT ROWID;"
	"INSERT INTO samples VALUES (1800000000250, 1, 0, 0, 8192), (1800000001000, 1, 750, 5, "
	"NULL);"
	"CREATE TABLE counters(container INTEGER PRIMARY KEY, time INTEGER NOT NULL,"
	" cpu_usec INTEGER);"
	"INSERT INTO counters VALUES (1, 1800000000250, 100);"
	"CREATE VIEW usage AS SELECT time / 1000.0 AS time FROM samples;";

/* What is told goes in with the next tick, also into a database from before there was that. */
START_TEST(what_was_told)
{
	const char *line =
		"{\"time\":7.5,\"event\":\"oom\",\"container\":\"a\",\"action\":\"killed\"}";
	struct told *told;

	set_up();
	query(version_1);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(told_parse(line, &told), 1);
		store_tell(store, told);
	}
	/* The recorder before stopped at 105. */
	ck_assert_int_eq(tick(START + 2000, 125, 50, false), 0);
	ck_assert_str_eq(query("SELECT time, container, event, action FROM actions"),
			 "7.5|a|oom|killed 7.5|a|oom|killed ");
	ck_assert_str_eq(query("SELECT time, period, cpu_seconds, memory_bytes FROM usage"),
			 "1800000000.25|0.0|0.0|8192 1800000001.0|0.75|5.0e-06|- "
			 "1800000002.0|1.0|2.0e-05|204800 ");
	ck_assert_int_eq(tick(START + 3000, 125, 50, false), 0);
	ck_assert_str_eq(query("SELECT count(*) FROM actions"), "2 ");
	/* Whatever is left. */
	ck_assert_int_eq(told_parse(line, &told), 1);
	store_tell(store, told);
	tear_down();
}
END_TEST

static int write_part(void *data, sqlite3 *db, int64_t time)
{
	(void)db;
	*(int64_t *)data = time;
	return SQLITE_OK;
}

static void part_stored(void *data)
{
	++*(int64_t *)data;
}

/* Jobs, exits, shares, states and devices: all of them are written with a tick. */
START_TEST(parts)
{
	int64_t seen[5] = {0};

	set_up();
	for (int i = 0; i < 5; i++)
		store_add_part(store,
			       &(struct store_part){write_part, part_stored, &seen[i], NULL});
	ck_assert_int_eq(tick(START + 2000, 125, 50, false), 0);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(seen[i], START + 2001);
	tear_down();
}
END_TEST

/* A database of a program that knew fewer metrics: read as it is, completed when recorded into. */
static void tick_details(int64_t time, enum metric metric, uint64_t value)
{
	struct sample a = sample_of("a", 7, true, 5, 50);

	metric_set(&a.values, METRIC_SCANNED, (uint64_t)time);
	metric_set(&a.values, metric, value);
	store_begin(store, START + time);
	ck_assert_int_eq(store_put(store, &a), 0);
	ck_assert_int_eq(store_commit(store, 0, false, NULL), 0);
}

/* Details have a column for what was known once; that of others is NULL in the views. */
START_TEST(columns)
{
	static const char names[] =
		"SELECT name FROM pragma_table_info('details') LIMIT 5 OFFSET 2";

	set_up();
	ck_assert_int_eq(tick(START - 1000, 0, 50, false), 0);
	ck_assert_str_eq(query(names), "");
	tick_details(1000, METRIC_SCANNED, 1000);
	ck_assert_str_eq(query(names), "pgscan ");
	tick_details(2000, METRIC_PERCPU, 99);
	ck_assert_str_eq(query(names), "pgscan percpu_bytes ");
	store = store_close(store);
	ck_assert_int_eq(store_new(&options, &store, NULL), 0);
	tick_details(3000, METRIC_RECLAIMED, 5);
	tick_details(2 * MINUTE + 4000, METRIC_RECLAIMED, 7);
	ck_assert_str_eq(query("SELECT pgscan, pgsteal, pgrefill FROM v_reclaim"),
			 "0|-|- 1000|-|- 1000|0|- 121000|2|- ");
	ck_assert_str_eq(query("SELECT percpu_bytes FROM v_memory_detail WHERE time < 1800000003"),
			 "- 99 ");
	/* What was added later is in minutes, too. */
	ck_assert_str_eq(query("SELECT pgscan, pgsteal FROM v_reclaim_minute"), "2000|0 ");
	tear_down();
}
END_TEST

START_TEST(fewer_metrics)
{
	struct rbce_error err = {0};
	struct metric_mask have;
	sqlite3 *db;

	set_up();
	ck_assert_int_eq(tick(START, 0, 50, false), 0);
	ck_assert_int_eq(tick(START + 1000, 10, 50, true), 0);
	store = store_close(store);
	query("DROP VIEW usage; DROP VIEW v_pids; ALTER TABLE samples DROP COLUMN pids_max_hits;"
	      "ALTER TABLE counters DROP COLUMN pids_max_hits;");
	ck_assert_msg(schema_open_reader(path, &db, &err) == 0, "%s", err.message);
	ck_assert_int_eq(schema_columns(db, &have), SQLITE_OK);
	for (size_t i = 0; i < METRIC_TOTAL; i++)
		if (!tables_on_demand(i))
			ck_assert_int_eq(mask_has(&have, i), i != METRIC_PIDS_MAX);
	sqlite3_close(db);
	ck_assert_int_eq(store_new(&options, &store, NULL), 0);
	ck_assert_int_eq(tick(START + 2000, 30, 50, false), 0);
	ck_assert_str_eq(query("SELECT cpu_seconds, pids_max_hits FROM usage"),
			 "0.0|- 1.0e-05|- 2.0e-05|- ");
	tear_down();
}
END_TEST

START_TEST(readers)
{
	struct rbce_error err = {0};
	sqlite3 *db = NULL;

	set_up();
	ck_assert_int_eq(schema_open_reader(path, &db, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.message, "': No such file or directory"));
	harness_write(tree, "db", "", 0);
	ck_assert_int_eq(schema_open_reader(path, &db, &err), 1);
	ck_assert_ptr_null(db);
	ck_assert_int_eq(schema_open_reader(tree, &db, &err), -EISDIR);
	/* Beside a recorder, and after it. */
	ck_assert_int_eq(tick(START, 0, 50, false), 0);
	for (int i = 0; i < 2; i++) {
		int64_t count;

		ck_assert_msg(schema_open_reader(path, &db, &err) == 0, "%s", err.message);
		ck_assert_int_eq(schema_integer(db, "SELECT count(*) FROM usage", &count),
				 SQLITE_OK);
		ck_assert_int_eq(count, 1);
		ck_assert_int_eq(schema_run(db, "DELETE FROM samples"), SQLITE_READONLY);
		sqlite3_close(db);
		store = store_close(store);
	}
	tear_down();
}
END_TEST

int main(void)
{
	return harness_run("stats-store",
			   (const TTest *const[]){deltas,         unknown_values, generations,
						  clock_set_back, clock_skips,    killed,
						  rebooted,       trouble,        catching_up,
						  backlog,        removed,        late_start,
						  refusals,       two_recorders,  migration,
						  what_was_told,  parts,          columns,
						  fewer_metrics,  readers,        NULL});
}
