// SPDX-License-Identifier: GPL-2.0-or-later
/* stats/show/tally.c: what rows add up to over a period. */
#include "stats/show/tally.h"

#include "harness.h"

struct row {
	int64_t time;
	int64_t cpu;    /* -1: not known */
	int64_t memory; /* the same */
};

/* The period is from 1000 to 11000 ms, and values hold for 5 s. */
static const struct tally_period period = {.start = 1000, .end = 11000, .hold = 5000};

static const struct {
	const char *what;
	struct row rows[6];                       /* up to time 0 */
	int64_t end;                              /* of the container */
	double total, share, average, peak, last; /* -1: not known */
} cases[] = {
	{"nothing", {{0}}, 11000, -1, -1, -1, -1, -1},
	{"one moment", {{11000, 5, 70}}, 11000, 5, 5 / 1e7, 70, 70, 70},
	{"sums and averages",
	 {{2000, 100, 10}, {4000, 200, 40}, {6000, 0, 40}, {11000, 1, 8}},
	 11000,
	 301,
	 301 / 1e7,
	 (10 * 2 + 40 * 2 + 40 * 5) / 9.0,
	 40,
	 8},
	{"a row before the period tells the gauge, not the counter",
	 {{500, 1000, 90}, {3000, 1, 10}, {7000, 1, 10}},
	 11000,
	 2,
	 2 / 1e7,
	 (90 * 2 + 10 * 8) / 10.0,
	 90,
	 10},
	{"a hole is not bridged",
	 {{2000, 1, 10}, {10000, 1, 40}},
	 11000,
	 2,
	 2 / 1e7,
	 (10 * 5 + 40 * 1) / 6.0,
	 40,
	 40},
	{"a container that ended",
	 {{2000, 7, 10}, {3000, 7, 30}},
	 5000,
	 14,
	 14 / 1e7,
	 (10 * 1 + 30 * 2) / 3.0,
	 30,
	 -1},
	{"idle throughout", {{500, 1000, 90}}, 5000, 0, 0, 90, 90, -1},
	{"not known at times", {{2000, -1, -1}, {3000, 4, -1}}, 11000, 4, 4 / 1e7, -1, -1, -1},
};

static void feed(struct tally *t, const struct row *row)
{
	struct metric_values values = {0};

	if (row->cpu >= 0)
		metric_set(&values, METRIC_CPU, (uint64_t)row->cpu);
	if (row->memory >= 0)
		metric_set(&values, METRIC_MEMORY, (uint64_t)row->memory);
	tally_add(t, &period, TABLE_SAMPLES, row->time, &values);
}

static void expect(const struct tally *t, const char *what, enum metric metric,
		   enum tally_view view, double expected)
{
	double value = -1;
	bool known = tally_value(t, &period, metric, view, &value);

	ck_assert_msg(known == (expected >= 0), "%s: view %d", what, view);
	ck_assert_msg(value - expected < 1e-9 && expected - value < 1e-9, "%s: view %d gives %g",
		      what, view, value);
}

START_TEST(rows)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tally t = {0};

		for (const struct row *row = cases[i].rows; row->time; row++)
			feed(&t, row);
		tally_finish(&t, &period, cases[i].end);
		expect(&t, cases[i].what, METRIC_CPU, TALLY_TOTAL, cases[i].total);
		expect(&t, cases[i].what, METRIC_CPU, TALLY_SHARE, cases[i].share);
		expect(&t, cases[i].what, METRIC_MEMORY, TALLY_AVERAGE, cases[i].average);
		expect(&t, cases[i].what, METRIC_MEMORY, TALLY_PEAK, cases[i].peak);
		expect(&t, cases[i].what, METRIC_MEMORY, TALLY_LAST, cases[i].last);
	}
}
END_TEST

START_TEST(generations)
{
	struct tally first = {0}, second = {0};

	feed(&first, &(struct row){2000, 5, 100});
	feed(&first, &(struct row){3000, 5, 100});
	tally_finish(&first, &period, 4000);
	feed(&second, &(struct row){9000, 1, 10});
	tally_finish(&second, &period, INT64_MAX);
	tally_merge(&first, &second);
	expect(&first, "merged", METRIC_CPU, TALLY_TOTAL, 11);
	expect(&first, "merged", METRIC_MEMORY, TALLY_AVERAGE, (100 * 2 + 10 * 2) / 4.0);
	expect(&first, "merged", METRIC_MEMORY, TALLY_PEAK, 100);
	expect(&first, "merged", METRIC_MEMORY, TALLY_LAST, 10);
}
END_TEST

int main(void)
{
	return harness_run("stats-tally", (const TTest *const[]){rows, generations, NULL});
}
