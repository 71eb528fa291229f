// SPDX-License-Identifier: GPL-2.0-or-later
/* rbced/penalty.c: when a container gets to which level, by a clock of the test's. */
#include <rbced/penalty.h>

#include "harness.h"

#define MIN UINT64_C(60000000)

static struct penalty penalty;
static struct penalty_state state;
static uint64_t now;

static void begin(const char *text)
{
	ck_assert_int_eq(penalty_parse(text, &penalty, NULL), 0);
	memset(&state, 0, sizeof(state));
	now = 1000 * MIN;
	ck_assert_int_eq(penalty_step(&penalty, &state, now, 0), PENALTY_SAME);
}

/* Looks each minute at a USE of so much; what came of the last, and nothing of those before. */
static enum penalty_change use(uint64_t amount, int minutes)
{
	enum penalty_change change = PENALTY_SAME;

	while (minutes-- > 0) {
		ck_assert_int_eq(change, PENALTY_SAME);
		now += MIN;
		change = penalty_step(&penalty, &state, now, amount);
	}
	return change;
}

static void stands(enum penalty_phase phase, size_t level)
{
	ck_assert_int_eq(state.phase, phase);
	ck_assert_uint_eq(state.level, level);
}

START_TEST(up_and_down_again)
{
	begin("cpu>80% for 10min -> cpu.max=50% for 30min, then 25% for 1h");
	ck_assert_int_eq(use(100000, 9), PENALTY_SAME);
	ck_assert_int_eq(use(100000, 1), PENALTY_RAISED);
	stands(PENALTY_HELD, 1);
	ck_assert_int_eq(use(50000, 29), PENALTY_SAME);
	ck_assert_int_eq(use(50000, 1), PENALTY_LIFTED);
	stands(PENALTY_PROBATION, 1);
	/* Once more while it is on probation. */
	ck_assert_int_eq(use(100000, 9), PENALTY_SAME);
	ck_assert_int_eq(use(100000, 1), PENALTY_RAISED);
	stands(PENALTY_HELD, 2);
	ck_assert_int_eq(use(25000, 59), PENALTY_SAME);
	ck_assert_int_eq(use(25000, 1), PENALTY_LIFTED);
	stands(PENALTY_PROBATION, 2);
	ck_assert_int_eq(use(10000, 59), PENALTY_SAME);
	ck_assert_int_eq(use(10000, 1), PENALTY_DECAYED);
	stands(PENALTY_PROBATION, 1);
	ck_assert_int_eq(use(10000, 30), PENALTY_DECAYED);
	stands(PENALTY_FREE, 0);
	ck_assert_int_eq(use(10000, 100), PENALTY_SAME);
}
END_TEST

START_TEST(the_last_level_is_the_last)
{
	begin("cpu>80% for 1min -> cpu.max=50% for 2min");
	ck_assert_int_eq(use(90000, 1), PENALTY_RAISED);
	stands(PENALTY_HELD, 1);
	/* A limit that leaves it over the threshold: its time begins anew. */
	ck_assert_int_eq(use(90000, 1), PENALTY_RAISED);
	stands(PENALTY_HELD, 1);
	ck_assert_int_eq(use(0, 1), PENALTY_SAME);
	ck_assert_int_eq(use(0, 1), PENALTY_LIFTED);
}
END_TEST

START_TEST(a_short_dip_delays_it)
{
	begin("cpu>80% for 10min -> cpu.max=50% for 30min");
	ck_assert_int_eq(use(100000, 8), PENALTY_SAME);
	ck_assert_int_eq(use(0, 2), PENALTY_SAME);
	ck_assert_int_eq(use(100000, 3), PENALTY_SAME);
	ck_assert_int_eq(use(100000, 1), PENALTY_RAISED);
}
END_TEST

START_TEST(who_rests_half_the_time_goes_free)
{
	begin("cpu>80% for 10min -> cpu.max=50% for 30min");
	for (int i = 0; i < 50; i++) {
		ck_assert_int_eq(use(100000, 5), PENALTY_SAME);
		ck_assert_int_eq(use(0, 5), PENALTY_SAME);
	}
	stands(PENALTY_FREE, 0);
	/* Just that much is allowed. */
	ck_assert_int_eq(use(80000, 100), PENALTY_SAME);
}
END_TEST

/* A daemon that starts again has the state, and no last look; what passed meanwhile passed. */
START_TEST(over_a_restart)
{
	begin("pids>100 for 1min -> pids.max=50 for 10min");
	ck_assert_int_eq(use(101, 1), PENALTY_RAISED);
	now += 9 * MIN;
	state.last = 0;
	ck_assert_int_eq(penalty_step(&penalty, &state, now, 101), PENALTY_SAME);
	ck_assert_uint_eq(state.over, 0);
	now += MIN;
	ck_assert_int_eq(penalty_step(&penalty, &state, now, 50), PENALTY_LIFTED);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		up_and_down_again,     the_last_level_is_the_last,
		a_short_dip_delays_it, who_rests_half_the_time_goes_free,
		over_a_restart,        NULL,
	};

	return harness_run("penalty", tests);
}
