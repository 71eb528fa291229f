// SPDX-License-Identifier: LGPL-2.1-or-later
/* Amounts as people write them; see rbce/units.h. */
#include <rbce/units.h>

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util.h"

struct unit {
	const char *suffix;
	uint64_t factor;
};

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define TIB (UINT64_C(1) << 40)
#define PIB (UINT64_C(1) << 50)
#define EIB (UINT64_C(1) << 60)

/* clang-format off */
static const struct unit sizes[] = {
	{"", 1}, {"B", 1},
	{"K", KIB}, {"KB", KIB}, {"KiB", KIB},
	{"M", MIB}, {"MB", MIB}, {"MiB", MIB},
	{"G", GIB}, {"GB", GIB}, {"GiB", GIB},
	{"T", TIB}, {"TB", TIB}, {"TiB", TIB},
	{"P", PIB}, {"PB", PIB}, {"PiB", PIB},
	{"E", EIB}, {"EB", EIB}, {"EiB", EIB},
	{NULL, 0},
};

static const struct unit rates[] = {
	{"bit", 1}, {"Kbit", 1000}, {"Mbit", 1000000}, {"Gbit", 1000000000},
	{"Tbit", UINT64_C(1000000000000)},
	{NULL, 0},
};

static const struct unit durations[] = {
	{"us", 1}, {"ms", 1000}, {"s", 1000000}, {"", 1000000},
	{"min", UINT64_C(60000000)}, {"h", UINT64_C(3600000000)}, {"d", UINT64_C(86400000000)},
	{NULL, 0},
};

static const struct unit percents[] = {{"%", 1000}, {NULL, 0}};
static const struct unit numbers[] = {{"", 1}, {NULL, 0}};
/* clang-format on */

static int scale_fraction(const char *digits, size_t n, uint64_t factor, uint64_t *ret)
{
	__uint128_t value = 0, scale = 1;

	/* Eighteen decimal places tell apart every byte of an exabyte. */
	if (n == 0 || n > 18)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		value = value * 10 + (unsigned)(digits[i] - '0');
		scale *= 10;
	}
	*ret = (uint64_t)(value * factor / scale);
	return 0;
}

/* DIGITS[.DIGITS]SUFFIX, the suffix being one of UNITS, case-insensitive. */
static int parse(const char *text, const struct unit *units, uint64_t *ret)
{
	size_t whole = strspn(text, "0123456789"), decimals = 0;
	const char *suffix = text + whole, *fraction = NULL;
	uint64_t value = 0, part = 0;

	if (whole == 0)
		return -EINVAL;
	if (*suffix == '.') {
		fraction = suffix + 1;
		decimals = strspn(fraction, "0123456789");
		suffix = fraction + decimals;
	}
	while (units->suffix && strcasecmp(units->suffix, suffix) != 0)
		units++;
	if (!units->suffix || (fraction && units->factor == 1))
		return -EINVAL;
	for (size_t i = 0; i < whole; i++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
			return -ERANGE;
	if (__builtin_mul_overflow(value, units->factor, &value))
		return -ERANGE;
	if (fraction) {
		int r = scale_fraction(fraction, decimals, units->factor, &part);
		if (r < 0)
			return r;
	}
	/* The largest value is kept for "max". */
	if (__builtin_add_overflow(value, part, &value) || value == RBCE_UNLIMITED)
		return -ERANGE;
	*ret = value;
	return 0;
}

static int parse_or_max(const char *text, const struct unit *units, uint64_t *ret)
{
	if (streq(text, "max")) {
		*ret = RBCE_UNLIMITED;
		return 0;
	}
	return parse(text, units, ret);
}

int rbce_parse_size(const char *text, uint64_t *ret)
{
	return parse_or_max(text, sizes, ret);
}

int rbce_parse_percent(const char *text, uint64_t *ret)
{
	return parse_or_max(text, percents, ret);
}

int rbce_parse_rate(const char *text, uint64_t *ret)
{
	cleanup_free char *amount = strdup(text);
	size_t n = strlen(text);
	uint64_t bits;
	int r;

	if (!amount)
		return -ENOMEM;
	if (n > 2 && streq(text + n - 2, "/s"))
		amount[n - 2] = '\0';
	if (parse(amount, rates, &bits) == 0) {
		*ret = bits / 8;
		return 0;
	}
	r = parse_or_max(amount, sizes, ret);
	return r;
}

int rbce_parse_duration(const char *text, uint64_t *ret)
{
	return parse_or_max(text, durations, ret);
}

int rbce_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t value;
	int r;

	r = parse(text, numbers, &value);
	if (r < 0)
		return r;
	if (value < min || value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

/* VALUE / FACTOR with three significant digits and no zeros at its end. */
static void format_scaled(uint64_t value, uint64_t factor, const char *suffix, char *buf)
{
	double amount = (double)value / (double)factor;
	int decimals = factor == 1 || amount >= 99.95 ? 0 : amount >= 9.995 ? 1 : 2;
	char number[24];

	snprintf(number, sizeof(number), "%.*f", decimals, amount);
	if (decimals) {
		char *end = number + strlen(number);
		while (end[-1] == '0')
			*--end = '\0';
		if (end[-1] == '.')
			*--end = '\0';
	}
	snprintf(buf, RBCE_UNITS_SIZE, "%s%s", number, suffix);
}

char *rbce_format_size(uint64_t bytes, char *buf)
{
	static const struct unit steps[] = {{"E", EIB}, {"P", PIB}, {"T", TIB}, {"G", GIB},
					    {"M", MIB}, {"K", KIB}, {"B", 1}};
	const struct unit *step = steps;

	if (bytes == RBCE_UNLIMITED) {
		snprintf(buf, RBCE_UNITS_SIZE, "max");
		return buf;
	}
	/* 1023.6K would read "1024K": such a value goes to the larger unit. */
	while (step->factor > 1 && bytes < step->factor - step->factor / 2048)
		step++;
	format_scaled(bytes, step->factor, step->suffix, buf);
	return buf;
}

char *rbce_format_percent(uint64_t millipercent, char *buf)
{
	if (millipercent == RBCE_UNLIMITED)
		snprintf(buf, RBCE_UNITS_SIZE, "max");
	else
		format_scaled(millipercent, 1000, "%", buf);
	return buf;
}

char *rbce_format_duration(uint64_t usec, char *buf)
{
	static const struct unit steps[] = {{"d", UINT64_C(86400000000)},
					    {"h", UINT64_C(3600000000)},
					    {"min", UINT64_C(60000000)},
					    {"s", 1000000},
					    {"ms", 1000},
					    {"us", 1}};
	const struct unit *step = steps;

	if (usec == RBCE_UNLIMITED) {
		snprintf(buf, RBCE_UNITS_SIZE, "max");
		return buf;
	}
	if (usec == 0) {
		snprintf(buf, RBCE_UNITS_SIZE, "0s");
		return buf;
	}
	while (step->factor > 1 && usec < step->factor)
		step++;
	format_scaled(usec, step->factor, step->suffix, buf);
	return buf;
}
