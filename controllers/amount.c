// SPDX-License-Identifier: GPL-2.0-or-later
/* Amounts of keys: as text of the user, as text of the kernel; see internal.h. */
#include <errno.h>
#include <inttypes.h>
#include <rbce/units.h>

#include "file.h"
#include "internal.h"
#include "util.h"

static int parse_count(const char *text, uint64_t *ret)
{
	if (streq(text, "max")) {
		*ret = RBCE_UNLIMITED;
		return 0;
	}
	return rbce_parse_number(text, 0, UINT64_MAX - 1, ret);
}

static int parse_weight(const char *text, uint64_t *ret)
{
	return rbce_parse_number(text, 0, UINT64_MAX - 1, ret);
}

static int parse_switch(const char *text, uint64_t *ret)
{
	bool on = streq(text, "yes") || streq(text, "1");

	if (!on && !streq(text, "no") && !streq(text, "0"))
		return -EINVAL;
	*ret = on;
	return 0;
}

static char *format_switch(uint64_t amount, char *buf)
{
	snprintf(buf, RBCE_UNITS_SIZE, "%s", amount ? "yes" : "no");
	return buf;
}

static char *format_count(uint64_t amount, char *buf)
{
	snprintf(buf, RBCE_UNITS_SIZE, "%" PRIu64, amount);
	return buf;
}

static const struct {
	int (*parse)(const char *text, uint64_t *ret);
	char *(*format)(uint64_t amount, char *buf); /* for people */
	const char *what;
	const char *values;
} units[] = {
	[CONTROLLER_BYTES] = {rbce_parse_size, rbce_format_size, "a size (like 512M, 4G or max)",
			      "SIZE"},
	[CONTROLLER_PERCENT] = {rbce_parse_percent, rbce_format_percent,
				"a share of one CPU (like 50%, 150% or max)", "PERCENT"},
	[CONTROLLER_COUNT] = {parse_count, format_count, "a number (like 500 or max)", "NUMBER"},
	[CONTROLLER_WEIGHT] = {parse_weight, format_count, "a weight (1 to 10000, default 100)",
			       "1-10000"},
	[CONTROLLER_TIME] = {rbce_parse_duration, rbce_format_duration,
			     "a time (like 250ms or 10s)", "TIME"},
	[CONTROLLER_SWITCH] = {parse_switch, format_switch, "yes or no", "yes | no"},
	/* Rows of this one have their own words for everything. */
	[CONTROLLER_TEXT] = {NULL, NULL, NULL, "TEXT"},
};

const char *amount_values(const struct controller_key *key)
{
	return units[key->unit].values;
}

/* An exact amount, in the largest unit that has it whole. */
static void format_time(uint64_t usec, char *buf)
{
	if (usec % 1000000 == 0)
		snprintf(buf, AMOUNT_SIZE, "%" PRIu64 "s", usec / 1000000);
	else if (usec % 1000 == 0)
		snprintf(buf, AMOUNT_SIZE, "%" PRIu64 "ms", usec / 1000);
	else
		snprintf(buf, AMOUNT_SIZE, "%" PRIu64 "us", usec);
}

int amount_parse(const struct controller_key *key, const char *value, uint64_t *ret,
		 struct rbce_error *err)
{
	char low[RBCE_UNITS_SIZE], high[RBCE_UNITS_SIZE], quoted[QUOTED_SIZE];
	uint64_t amount;
	int r;

	r = units[key->unit].parse(value, &amount);
	if (r == 0 && amount == RBCE_UNLIMITED && key->flags & CONTROLLER_FINITE)
		r = -ERANGE;
	if (r == 0 && amount != RBCE_UNLIMITED && (amount < key->min || amount > key->max))
		r = -ERANGE;
	if (r == -ERANGE)
		return rbce_error_set(err, r, "'%s' is out of range (%s to %s)",
				      amount_quote(value, quoted),
				      units[key->unit].format(key->min, low),
				      units[key->unit].format(key->max, high));
	if (r < 0)
		return rbce_error_set(err, r, "'%s' is not %s", amount_quote(value, quoted),
				      units[key->unit].what);
	*ret = amount;
	return 0;
}

char *amount_format(const struct controller_key *key, uint64_t amount, char *buf)
{
	int decimals = 3;
	uint64_t part;

	if (amount == RBCE_UNLIMITED) {
		snprintf(buf, AMOUNT_SIZE, "max");
		return buf;
	}
	if (key->unit == CONTROLLER_SWITCH)
		return format_switch(amount, buf);
	if (key->unit == CONTROLLER_TIME) {
		format_time(amount, buf);
		return buf;
	}
	if (key->unit != CONTROLLER_PERCENT) {
		snprintf(buf, AMOUNT_SIZE, "%" PRIu64, amount);
		return buf;
	}
	part = amount % 1000;
	if (part == 0) {
		snprintf(buf, AMOUNT_SIZE, "%" PRIu64 "%%", amount / 1000);
		return buf;
	}
	for (; part % 10 == 0; part /= 10)
		decimals--;
	snprintf(buf, AMOUNT_SIZE, "%" PRIu64 ".%0*" PRIu64 "%%", amount / 1000, decimals, part);
	return buf;
}

char *amount_quote(const char *value, char *buf)
{
	size_t n = strnlen(value, QUOTED_SIZE);
	bool cut = n == QUOTED_SIZE;

	if (cut)
		n = QUOTED_SIZE - sizeof("...");
	for (size_t i = 0; i < n; i++)
		buf[i] = (unsigned char)value[i] < ' ' || value[i] == 0x7f ? '?' : value[i];
	snprintf(buf + n, QUOTED_SIZE - n, "%s", cut ? "..." : "");
	return buf;
}

int amount_read(int dirfd, const char *file, uint64_t *ret)
{
	char text[64];
	ssize_t n = file_read_at(dirfd, file, text, sizeof(text));

	if (n < 0)
		return (int)n;
	if (streq(text, "max") || streq(text, "-1")) {
		*ret = RBCE_UNLIMITED;
		return 0;
	}
	return rbce_parse_number(text, 0, UINT64_MAX - 1, ret) < 0 ? -EBADMSG : 0;
}

int amount_write(int dirfd, const char *file, const char *text, struct rbce_error *err)
{
	int r = file_write_at(dirfd, file, text);

	return r < 0 ? rbce_error_errno(err, r, "%s refuses '%s'", file, text) : 0;
}

int key_file_read(const struct key_file *f, int dirfd, uint64_t *ret)
{
	return f->read ? f->read(f, dirfd, ret) : amount_read(dirfd, f->file, ret);
}

int key_file_write(const struct key_file *f, int dirfd, uint64_t amount, struct rbce_error *err)
{
	char text[AMOUNT_SIZE];

	if (f->write)
		return f->write(f, dirfd, amount, err);
	snprintf(text, sizeof(text), "%" PRIu64, amount);
	return amount_write(dirfd, f->file, amount == RBCE_UNLIMITED ? f->unlimited : text, err);
}
