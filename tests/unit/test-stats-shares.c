// SPDX-License-Identifier: GPL-2.0-or-later
/* stats/shares: what the scheduler's files say, and what weights entitle to. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "harness.h"
#include "stats/shares/judge.h"
#include "stats/shares/read.h"
#include "stats/shares/shares.h"
#include "stats/store/schema.h"

START_TEST(percpu)
{
	struct share_cpu cpus[4] = {{0}};

	ck_assert_uint_eq(share_read_percpu("1234567 8000 \n", cpus, 4), 2);
	ck_assert_uint_eq(cpus[0].ran, 1234);
	ck_assert_uint_eq(cpus[1].ran, 8);
	ck_assert_uint_eq(share_read_percpu("1 2 3 4 5 6", cpus, 4), 4);
	ck_assert_uint_eq(share_read_percpu("", cpus, 4), 0);
	ck_assert_uint_eq(share_read_percpu("-1 5", cpus, 4), 0);
	ck_assert_uint_eq(share_read_percpu("99999999999999999999999 5", cpus, 4), 0);
}
END_TEST

START_TEST(cpu_times)
{
	static const char text[] = "cpu  10 20 30 40 50 60 70 80 0 0\n"
				   "cpu0 1 2 3 4 5 6 7 8 9 10\n"
				   "cpu3 100 0 0 0 0 0 0 0 0 0\n"
				   "cpu9 1 1 1 1 1 1 1 1 1 1\n"
				   "cpu1 1 2 3\n"
				   "intr 1 2 3\n";
	struct cpu_times rows[4] = {{0}};

	ck_assert_uint_eq(share_read_stat(text, rows, 4), 4);
	ck_assert(rows[0].known && rows[3].known && !rows[1].known && !rows[2].known);
	ck_assert_uint_eq(rows[0].usec[CPU_USER], 10000);
	ck_assert_uint_eq(rows[0].usec[CPU_IDLE], 40000);
	ck_assert_uint_eq(rows[0].usec[CPU_IOWAIT], 50000);
	ck_assert_uint_eq(rows[0].usec[CPU_IRQ], 130000); /* both kinds */
	ck_assert_uint_eq(rows[0].usec[CPU_STEAL], 80000);
	ck_assert_uint_eq(rows[3].usec[CPU_USER], 1000000);
}
END_TEST

static const char debug_text[] = "cpu#0, 2000.000 MHz\n"
				 "  .nr_running                    : 2\n"
				 "\n"
				 "cfs_rq[0]:/rbce/a\n"
				 "  .left_deadline                 : 12.000001\n"
				 "  .se->exec_start                : 99.000000\n"
				 "  .se->sum_exec_runtime          : 1500.250000\n"
				 "  .wait_sum                      : 40.125000\n"
				 "  .wait_max                      : 900.000000\n"
				 "\n"
				 "cfs_rq[0]:/rbce/ab\n"
				 "  .se->sum_exec_runtime          : 7.000000\n"
				 "\n"
				 "runnable tasks:\n"
				 " S            task   PID\n"
				 "cpu#2, 2000.000 MHz\n"
				 "cfs_rq[2]:/rbce/a\n"
				 "  .se->sum_exec_runtime          : 3.000000\n"
				 "  .wait_sum                      : 1.000000\n"
				 "cfs_rq[2]:/\n"
				 "  .min_vruntime                  : 5.000000\n";

START_TEST(debug)
{
	struct share_cpu cpus[8] = {{0}};
	bool waits;

	ck_assert_uint_eq(share_read_debug(debug_text, "/rbce/a", cpus, 8, &waits), 3);
	ck_assert(waits);
	ck_assert_uint_eq(cpus[0].ran, 1500250);
	ck_assert_uint_eq(cpus[0].waited, 40125);
	ck_assert_uint_eq(cpus[1].ran, 0);
	ck_assert_uint_eq(cpus[2].ran, 3000);
	ck_assert_uint_eq(share_read_debug(debug_text, "/rbce/ab", cpus, 8, &waits), 1);
	ck_assert(!waits);
	ck_assert_uint_eq(share_read_debug(debug_text, "/rbce", cpus, 8, &waits), 0);
	ck_assert_uint_eq(share_read_debug(debug_text, "/rbce/a", cpus, 2, &waits), 1);
	ck_assert_uint_eq(share_read_debug("cfs_rq[", "/rbce/a", cpus, 8, &waits), 0);
}
END_TEST

/* The mean over all cases, one by one. */
static double by_cases(const struct competitor *c, size_t n, size_t who)
{
	double mean = 0;

	for (unsigned set = 0; set < 1U << n; set++) {
		double chance = 1, sum = c[who].weight;

		if (set & 1U << who)
			continue;
		for (size_t i = 0; i < n; i++) {
			if (i == who)
				continue;
			chance *= set & 1U << i ? c[i].runnable : 1 - c[i].runnable;
			sum += set & 1U << i ? c[i].weight : 0;
		}
		mean += chance * c[who].weight / sum;
	}
	return mean;
}

static void check_all(struct competitor *c, size_t n)
{
	judge(c, n);
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(fabs(c[i].share - by_cases(c, n, i)) < 0.002,
			      "%zu of %zu: %f, and by cases %f", i, n, c[i].share,
			      by_cases(c, n, i));
}

START_TEST(shares)
{
	struct competitor one[] = {{100, 0.3, 0}};
	struct competitor two[] = {{300, 1, 0}, {100, 1, 0}};
	struct competitor idle[] = {{100, 1, 0}, {10000, 0, 0}};
	struct competitor half[] = {{100, 1, 0}, {100, 0.5, 0}};
	struct competitor far[] = {{1, 1, 0}, {10000, 0.5, 0}};
	struct competitor many[10];

	check_all(one, 1);
	ck_assert_double_eq_tol(one[0].share, 1, 0.001);
	check_all(two, 2);
	ck_assert_double_eq_tol(two[0].share, 0.75, 0.001);
	check_all(idle, 2);
	ck_assert_double_eq_tol(idle[0].share, 1, 0.001);
	check_all(half, 2);
	ck_assert_double_eq_tol(half[0].share, 0.75, 0.001);
	ck_assert_double_eq_tol(half[1].share, 0.5, 0.001);
	check_all(far, 2);
	srand(7);
	for (int round = 0; round < 50; round++) {
		for (size_t i = 0; i < 10; i++)
			many[i] = (struct competitor){1 + rand() % 500, (rand() % 101) / 100.0, 0};
		check_all(many, 10);
	}
	judge(many, 0);
}
END_TEST

#define DAY INT64_C(86400000)

static int64_t number(sqlite3 *db, const char *sql)
{
	int64_t value = -1;

	ck_assert_int_eq(schema_integer(db, sql, &value), SQLITE_OK);
	return value;
}

/* What ages is the same in sum. */
START_TEST(ages)
{
	int64_t start = 20000 * DAY, rows = 0;
	bool more = true;
	sqlite3_str *sql;
	char text[256];
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open(":memory:", &db), SQLITE_OK);
	ck_assert_int_eq(schema_run(db, "CREATE TABLE meta(key TEXT PRIMARY KEY, value)"),
			 SQLITE_OK);
	ck_assert_int_eq(share_tables_create(db), SQLITE_OK);
	sql = sqlite3_str_new(db);
	share_tables_append_views(sql);
	ck_assert_int_eq(schema_run_built(db, sql), SQLITE_OK);
	ck_assert_int_eq(schema_run(db, "INSERT INTO share_names VALUES(1, 'a'), (2, '')"),
			 SQLITE_OK);
	for (int i = 1; i <= 720; i++) {
		snprintf(
			text, sizeof(text),
			"INSERT INTO cpu_shares VALUES(%lld / 1000.0, %d, %d, 10000, 5, %s, 100, 1,"
			" 1, 2); INSERT INTO cpus VALUES(%lld / 1000.0, 0, 10000, 1, 2, 3, 4, 5,"
			" 6, 7)",
			(long long)(start + i * 10000 + 3), 1 + i % 2, i % 3 - 1,
			i % 2 ? "NULL" : "3", (long long)(start + i * 10000 + 3));
		ck_assert_int_eq(schema_run(db, text), SQLITE_OK);
	}
	while (more) {
		more = false;
		ck_assert_int_eq(share_tables_age(db, start + DAY, start - DAY, &more), SQLITE_OK);
		rows = number(db, "SELECT count(*) FROM cpu_shares");
	}
	ck_assert_int_le(rows, 13 * 6);
	ck_assert_int_eq(number(db, "SELECT min(period) FROM cpu_shares"), 600000);
	ck_assert_int_eq(number(db, "SELECT sum(ran) FROM cpu_shares"), 720 * 5);
	ck_assert_int_eq(number(db, "SELECT sum(waited) FROM cpu_shares"), 360 * 3);
	ck_assert_int_eq(number(db, "SELECT sum(throttled) FROM cpu_shares"), 720 * 2);
	ck_assert_int_eq(number(db, "SELECT count(*) FROM cpu_shares WHERE weight <> 100"), 0);
	ck_assert_int_eq(number(db, "SELECT sum(iowait) + 10 * sum(user) FROM cpus"), 720 * 17);
	/* Those of the last day are as they were; then all is too old. */
	ck_assert_int_eq(number(db, "SELECT count(*) FROM v_cpus"), 13);
	ck_assert_int_eq(schema_run(db, "INSERT INTO cpu_shares SELECT time + 8640000, name, cpu,"
					" 10000, ran, waited, weight, periods, throttled_periods,"
					" throttled FROM cpu_shares LIMIT 1"),
			 SQLITE_OK);
	ck_assert_int_eq(share_tables_age(db, start + 101 * DAY, start + 12 * DAY, &more),
			 SQLITE_OK);
	ck_assert_int_eq(number(db, "SELECT count(*) FROM v_cpu_shares"), 1);
	ck_assert_int_eq(number(db, "SELECT count(*) FROM share_names"), 1);
	sqlite3_close(db);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {percpu, cpu_times, debug, shares, ages, NULL};

	return harness_run("shares", tests);
}
