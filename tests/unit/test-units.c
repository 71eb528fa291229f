// SPDX-License-Identifier: GPL-2.0-or-later
/* core/units.c: every amount that people write, and every one that is none. */
#include <rbce/units.h>

#include "harness.h"

typedef int parser(const char *text, uint64_t *ret);

struct row {
	parser *parse;
	const char *text;
	int result;
	uint64_t value;
};

static const struct row rows[] = {
	{rbce_parse_size, "0", 0, 0},
	{rbce_parse_size, "4096", 0, 4096},
	{rbce_parse_size, "4K", 0, 4096},
	{rbce_parse_size, "4kb", 0, 4096},
	{rbce_parse_size, "2GiB", 0, 2147483648},
	{rbce_parse_size, "1.5G", 0, 1610612736},
	{rbce_parse_size, "0.5K", 0, 512},
	{rbce_parse_size, "max", 0, RBCE_UNLIMITED},
	{rbce_parse_size, "15E", 0, UINT64_C(15) << 60},
	{rbce_parse_size, "18446744073709551614", 0, UINT64_MAX - 1},
	{rbce_parse_size, "18446744073709551615", -ERANGE, 0},
	{rbce_parse_size, "18446744073709551616", -ERANGE, 0},
	{rbce_parse_size, "16E", -ERANGE, 0},
	{rbce_parse_size, "99999999999999999999999", -ERANGE, 0},
	{rbce_parse_size, "15.9999999999999999999E", -EINVAL, 0},
	{rbce_parse_size, "", -EINVAL, 0},
	{rbce_parse_size, "G", -EINVAL, 0},
	{rbce_parse_size, "-1", -EINVAL, 0},
	{rbce_parse_size, "+1", -EINVAL, 0},
	{rbce_parse_size, " 1", -EINVAL, 0},
	{rbce_parse_size, "1 ", -EINVAL, 0},
	{rbce_parse_size, "1.5", -EINVAL, 0},
	{rbce_parse_size, "1.G", -EINVAL, 0},
	{rbce_parse_size, "5X", -EINVAL, 0},
	{rbce_parse_size, "0x10", -EINVAL, 0},
	{rbce_parse_size, "1e3", -EINVAL, 0},
	{rbce_parse_size, "MAX", -EINVAL, 0},
	{rbce_parse_percent, "150%", 0, 150000},
	{rbce_parse_percent, "0.5%", 0, 500},
	{rbce_parse_percent, "33.333%", 0, 33333},
	{rbce_parse_percent, "max", 0, RBCE_UNLIMITED},
	{rbce_parse_percent, "150", -EINVAL, 0},
	{rbce_parse_percent, "%", -EINVAL, 0},
	{rbce_parse_percent, "18446744073709551615%", -ERANGE, 0},
	{rbce_parse_rate, "50M", 0, 52428800},
	{rbce_parse_rate, "50MB/s", 0, 52428800},
	{rbce_parse_rate, "100Mbit", 0, 12500000},
	{rbce_parse_rate, "100Mbit/s", 0, 12500000},
	{rbce_parse_rate, "1.5Gbit", 0, 187500000},
	{rbce_parse_rate, "max", 0, RBCE_UNLIMITED},
	{rbce_parse_rate, "/s", -EINVAL, 0},
	{rbce_parse_rate, "fast", -EINVAL, 0},
	{rbce_parse_duration, "250ms", 0, 250000},
	{rbce_parse_duration, "10s", 0, 10000000},
	{rbce_parse_duration, "10", 0, 10000000},
	{rbce_parse_duration, "1.5", 0, 1500000},
	{rbce_parse_duration, "5min", 0, 300000000},
	{rbce_parse_duration, "2h", 0, UINT64_C(7200000000)},
	{rbce_parse_duration, "1d", 0, UINT64_C(86400000000)},
	{rbce_parse_duration, "40us", 0, 40},
	{rbce_parse_duration, "1.5us", -EINVAL, 0},
	{rbce_parse_duration, "1m", -EINVAL, 0},
	{rbce_parse_duration, "300000000d", -ERANGE, 0},
};

START_TEST(parse)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t value = 0xdead;
		int r = rows[i].parse(rows[i].text, &value);

		ck_assert_msg(r == rows[i].result, "'%s': %d", rows[i].text, r);
		ck_assert_msg(value == (r < 0 ? 0xdead : rows[i].value), "'%s': %lu", rows[i].text,
			      value);
	}
}
END_TEST

START_TEST(numbers)
{
	uint64_t value = 7;

	ck_assert_int_eq(rbce_parse_number("12", 1, 100, &value), 0);
	ck_assert_uint_eq(value, 12);
	ck_assert_int_eq(rbce_parse_number("101", 1, 100, &value), -ERANGE);
	ck_assert_int_eq(rbce_parse_number("0", 1, 100, &value), -ERANGE);
	ck_assert_int_eq(rbce_parse_number("max", 0, UINT64_MAX, &value), -EINVAL);
	ck_assert_int_eq(rbce_parse_number("1K", 0, UINT64_MAX, &value), -EINVAL);
	ck_assert_uint_eq(value, 12);
}
END_TEST

static const struct {
	char *(*format)(uint64_t value, char *buf);
	uint64_t value;
	const char *text;
} formats[] = {
	{rbce_format_size, 0, "0B"},
	{rbce_format_size, 1023, "1023B"},
	{rbce_format_size, 1024, "1K"},
	{rbce_format_size, 1536, "1.5K"},
	{rbce_format_size, (1 << 20) - 1, "1M"},
	{rbce_format_size, 536870912, "512M"},
	{rbce_format_size, UINT64_C(1) << 40, "1T"},
	{rbce_format_size, RBCE_UNLIMITED, "max"},
	{rbce_format_percent, 150000, "150%"},
	{rbce_format_percent, 500, "0.5%"},
	{rbce_format_percent, RBCE_UNLIMITED, "max"},
	{rbce_format_duration, 0, "0s"},
	{rbce_format_duration, 40, "40us"},
	{rbce_format_duration, 250000, "250ms"},
	{rbce_format_duration, 10000000, "10s"},
	{rbce_format_duration, UINT64_C(5400000000), "1.5h"},
};

START_TEST(format)
{
	char buf[RBCE_UNITS_SIZE];

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		ck_assert_str_eq(formats[i].format(formats[i].value, buf), formats[i].text);
}
END_TEST

int main(void)
{
	return harness_run("units", (const TTest *const[]){parse, numbers, format, NULL});
}
