// SPDX-License-Identifier: GPL-2.0-or-later
/* Limits as a table or as JSON; see show.h. */
#include "show.h"

#include <core/cli/table.h>
#include <errno.h>
#include <inttypes.h>
#include <rbce/units.h>

#include "util.h"

enum column {
	RESOURCE,
	INSTANCE,
	LIMIT,
	USED,
	FREE,
	HARD,
	UNIT,
	SOURCE,
	IMPOSED_BY,
	FREE_BY,
	HIDDEN,
	ERROR,
};

static const struct table_column columns[] = {
	[RESOURCE] = {.title = "RESOURCE", .key = "resource"},
	[INSTANCE] = {.key = "instance", .json_only = true},
	[LIMIT] = {.title = "LIMIT", .key = "limit", .right = true, .number = true},
	[USED] = {.title = "USED", .key = "used", .right = true, .number = true},
	[FREE] = {.title = "FREE", .key = "free", .right = true, .number = true},
	[HARD] = {.key = "hard", .number = true, .json_only = true},
	[UNIT] = {.key = "unit", .json_only = true},
	[SOURCE] = {.key = "source", .json_only = true},
	[IMPOSED_BY] = {.title = "IMPOSED BY", .key = "imposed_by"},
	[FREE_BY] = {.key = "free_imposed_by", .json_only = true},
	[HIDDEN] = {.key = "ancestors_hidden", .number = true, .json_only = true},
	[ERROR] = {.key = "error", .json_only = true},
};

enum { AMOUNT_SIZE = RBCE_UNITS_SIZE + 4 };

static char *format_seconds(uint64_t seconds, char *buf)
{
	uint64_t usec;

	if (__builtin_mul_overflow(seconds, 1000000, &usec))
		usec = RBCE_UNLIMITED;
	return rbce_format_duration(usec, buf);
}

/* For people; BUF needs AMOUNT_SIZE bytes. */
static char *format_amount(enum limit_unit unit, uint64_t amount, char *buf)
{
	char number[RBCE_UNITS_SIZE];
	const char *suffix = "";

	snprintf(number, sizeof(number), "%" PRIu64, amount);
	switch (unit) {
	case LIMIT_BYTES:
		rbce_format_size(amount, number);
		break;
	case LIMIT_PERCENT:
		rbce_format_percent(amount, number);
		break;
	case LIMIT_COUNT:
		break;
	case LIMIT_SECONDS:
		format_seconds(amount, number);
		break;
	case LIMIT_USEC:
		rbce_format_duration(amount, number);
		break;
	case LIMIT_BYTES_PER_SECOND:
		rbce_format_size(amount, number);
		suffix = "/s";
		break;
	case LIMIT_OPERATIONS_PER_SECOND:
		suffix = "/s";
		break;
	}
	if (amount == RBCE_UNLIMITED)
		snprintf(buf, AMOUNT_SIZE, "max");
	else
		snprintf(buf, AMOUNT_SIZE, "%s%s", number, suffix);
	return buf;
}

/* In JSON no limit is null: an empty cell. */
static void set_amount(struct table *t, const struct show *s, enum column column,
		       enum limit_unit unit, uint64_t amount)
{
	char buf[AMOUNT_SIZE];

	if (amount == RBCE_UNLIMITED && s->json)
		return;
	if ((s->json || s->raw) && amount != RBCE_UNLIMITED)
		table_set(t, column, "%" PRIu64, amount);
	else
		table_set(t, column, "%s", format_amount(unit, amount, buf));
}

static bool is_missing(const struct limit *limit)
{
	return limit->status < 0 && limit->source == LIMIT_BY_NOBODY;
}

/* What a person has to know of it, in one cell. */
static void set_remarks(struct table *t, const struct limit *limit)
{
	cleanup_free char *text = NULL;
	char buf[AMOUNT_SIZE];
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return;
	fprintf(out, "%s", limit->imposed_by);
	if (limit->has_hard && limit->hard != limit->effective)
		fprintf(out, ", hard %s", format_amount(limit->unit, limit->hard, buf));
	if (limit->has_free && !streq(limit->free_by, limit->imposed_by))
		fprintf(out, ", least free in %s", limit->free_by);
	if (is_missing(limit) && limit->status == -EOPNOTSUPP)
		fprintf(out, "this system has no such limit");
	else if (limit->status < 0)
		fprintf(out, "%scannot be told in full: %s", *limit->imposed_by ? ", " : "",
			strerror(-limit->status));
	if (fclose(out) == 0)
		table_set(t, IMPOSED_BY, "%s", text);
}

static void add_json(struct table *t, const struct show *s, const struct limit *limit)
{
	table_set(t, RESOURCE, "%s", limit->resource);
	if (*limit->instance)
		table_set(t, INSTANCE, "%s", limit->instance);
	if (limit->has_hard)
		set_amount(t, s, HARD, limit->unit, limit->hard);
	table_set(t, UNIT, "%s", limit_unit_name(limit->unit));
	if (limit->source != LIMIT_BY_NOBODY) {
		table_set(t, SOURCE, "%s", limit_source_name(limit->source));
		table_set(t, IMPOSED_BY, "%s", limit->imposed_by);
	}
	if (limit->has_free)
		table_set(t, FREE_BY, "%s", limit->free_by);
	table_set(t, HIDDEN, "%s", limit->ancestors_hidden ? "true" : "false");
	if (limit->status < 0)
		table_set(t, ERROR, "%s", strerror(-limit->status));
}

static void add_limit(struct table *t, const struct show *s, const struct limit *limit)
{
	table_row(t, -1);
	if (s->json) {
		add_json(t, s, limit);
	} else {
		table_set(t, RESOURCE, "%s%s%s", limit->resource, *limit->instance ? " " : "",
			  limit->instance);
		set_remarks(t, limit);
	}
	if (!is_missing(limit))
		set_amount(t, s, LIMIT, limit->unit, limit->effective);
	if (limit->has_usage)
		set_amount(t, s, USED, limit->unit, limit->usage);
	if (limit->has_free)
		set_amount(t, s, FREE, limit->unit, limit->free);
}

bool show_wants(const struct show *s, const struct limit *limit)
{
	for (int i = 0; i < s->n_names; i++)
		if (streq(s->names[i], limit->resource))
			return true;
	return s->n_names == 0 && (s->all || s->json || limit->source != LIMIT_BY_NOBODY);
}

int show_limits(const struct show *s, const struct limit *limits, size_t n)
{
	struct table *t = table_new("limits", columns, ARRAY_SIZE(columns), s->json);
	bool hidden = false;
	int r;

	for (size_t i = 0; i < n; i++) {
		if (!show_wants(s, &limits[i]))
			continue;
		add_limit(t, s, &limits[i]);
		hidden |= limits[i].ancestors_hidden;
	}
	r = table_finish(t);
	if (r == 0 && hidden && !s->json)
		printf("A cgroup namespace hides the groups above: a lower limit may hold "
		       "there.\n");
	return r;
}
