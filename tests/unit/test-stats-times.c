// SPDX-License-Identifier: GPL-2.0-or-later
/* stats/times.c: points in time as people write them; those of ticks. */
#include "stats/times.h"

#include <stdbool.h>
#include <time.h>

#include "harness.h"

#define NOW INT64_C(1795428000123)

/* The time zone of the test is two hours ahead of UTC. */
static const struct {
	const char *text;
	int result;
	int64_t ms;
} cases[] = {
	{"2026-11-23", 0, INT64_C(1795384800000)},
	{"2026-11-23 10:00", 0, INT64_C(1795420800000)},
	{"2026-11-23T10:00", 0, INT64_C(1795420800000)},
	{"2026-11-23 10:00:05", 0, INT64_C(1795420805000)},
	{"2026-11-23T10:00:05Z", 0, INT64_C(1795428005000)},
	{"2026-11-23Z", 0, INT64_C(1795392000000)},
	{"1795428000", 0, INT64_C(1795428000000)},
	{"1795428000.5", 0, INT64_C(1795428000500)},
	{"0", 0, 0},
	{"10min", 0, NOW - 600000},
	{"1.5h", 0, NOW - 5400000},
	{"250ms", 0, NOW - 250},
	{"", -EINVAL, 0},
	{"yesterday", -EINVAL, 0},
	{"2026-02-31", -EINVAL, 0},
	{"2026-13-01", -EINVAL, 0},
	{"2026-11-23 25:00", -EINVAL, 0},
	{"2026-11-23 10:00 or so", -EINVAL, 0},
	{"10 min", -EINVAL, 0},
	{"-5min", -EINVAL, 0},
	{"1.2.3", -EINVAL, 0},
	{"99999999999999999999", -ERANGE, 0},
	{"max", -ERANGE, 0},
};

START_TEST(points)
{
	setenv("TZ", "TEST-2", 1);
	tzset();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t ms = 42;
		int r = times_parse(cases[i].text, NOW, &ms);

		ck_assert_msg(r == cases[i].result, "'%s': %d", cases[i].text, r);
		ck_assert_msg(ms == (r < 0 ? 42 : cases[i].ms), "'%s': %lld", cases[i].text,
			      (long long)ms);
	}
}
END_TEST

START_TEST(print)
{
	char text[TIMES_SIZE];
	int64_t back;

	setenv("TZ", "TEST-2", 1);
	tzset();
	ck_assert_str_eq(times_format(INT64_C(1795420805999), text), "2026-11-23 10:00:05");
	ck_assert_int_eq(times_parse(text, NOW, &back), 0);
	ck_assert_int_eq(back, INT64_C(1795420805000));
}
END_TEST

/* In tenths of an interval of ten: now, what was served, what comes next. */
static const int64_t ticks[][3] = {
	{1000, 1000, 1010},                     /* done at once */
	{1007, 1000, 1010}, {1009, 1000, 1010}, /* just before the next */
	{1010, 1000, 1010}, {1011, 1000, 1010}, /* a little over it: that is still served */
	{1013, 1000, 1020},                     /* one is missed */
	{1021, 1010, 1020}, {1039, 1000, 1040}, {999, 1000, 1010}, /* the timer was early */
	{1006, 1005, 1010}, {1004, 1004, 1010}, /* the first one stood anywhere */
	{503, 1000, 510},   {5003, 1000, 5010}, /* the clock was set */
};

START_TEST(next_point)
{
	for (size_t i = 0; i < sizeof(ticks) / sizeof(ticks[0]); i++) {
		int64_t next = times_next_point(ticks[i][0], ticks[i][1], 10);

		ck_assert_msg(next == ticks[i][2], "at %lld after %lld: %lld",
			      (long long)ticks[i][0], (long long)ticks[i][1], (long long)next);
	}
}
END_TEST

int main(void)
{
	return harness_run("stats-times", (const TTest *const[]){points, print, next_point, NULL});
}
