// SPDX-License-Identifier: GPL-2.0-or-later
/* rbced/histogram.c: how long something took, to an eighth. */
#include <rbced/histogram.h>

#include "harness.h"

static struct histogram h;

static void begin(void)
{
	memset(&h, 0, sizeof(h));
}

/* Never below the value, and no more than an eighth above it. */
static void check_bound(uint64_t value, uint64_t bound)
{
	ck_assert_msg(bound >= value && bound - value <= value / 8, "%llu shown as %llu",
		      (unsigned long long)value, (unsigned long long)bound);
}

START_TEST(nothing)
{
	begin();
	ck_assert_uint_eq(histogram_quantile(&h, 0.5), 0);
	ck_assert_uint_eq(histogram_quantile(&h, 1), 0);
}
END_TEST

/* A greater one beside it, so that the bound is the bucket's and not the maximum. */
START_TEST(every_size)
{
	for (unsigned power = 0; power < 33; power++)
		for (uint64_t step = 0; step < 64; step++) {
			uint64_t value = ((uint64_t)1 << power) + step;

			begin();
			histogram_add(&h, value);
			histogram_add(&h, UINT32_MAX * (uint64_t)16);
			check_bound(value, histogram_quantile(&h, 0.5));
		}
}
END_TEST

START_TEST(alone)
{
	static const uint64_t values[] = {0, 1, 7, 8, 9, 1000, 123456789, UINT64_MAX};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		begin();
		histogram_add(&h, values[i]);
		ck_assert_uint_eq(histogram_quantile(&h, 0.5), values[i]);
		ck_assert_uint_eq(histogram_quantile(&h, 0.99), values[i]);
		ck_assert_uint_eq(h.max, values[i]);
	}
}
END_TEST

START_TEST(parts)
{
	begin();
	for (uint64_t i = 1; i <= 1000; i++)
		histogram_add(&h, i);
	ck_assert_uint_eq(h.n, 1000);
	check_bound(500, histogram_quantile(&h, 0.5));
	check_bound(990, histogram_quantile(&h, 0.99));
	ck_assert_uint_eq(histogram_quantile(&h, 1), 1000);
	ck_assert_uint_eq(histogram_quantile(&h, 0), 0);
	/* One that took long does not move the middle. */
	histogram_add(&h, 1000000);
	check_bound(501, histogram_quantile(&h, 0.5));
	ck_assert_uint_eq(h.max, 1000000);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {nothing, every_size, alone, parts, NULL};

	return harness_run("histogram", tests);
}
