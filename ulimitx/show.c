// SPDX-License-Identifier: GPL-2.0-or-later
/* Limits as a table, as JSON, as a chain or as one number; see show.h. */
#include "show.h"

#include <core/cli/log.h>
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
	PEAK,
	HARD,
	UNIT,
	SOURCE,
	IMPOSED_BY,
	FREE_BY,
	HIDDEN,
	AT_MOST,
	ERROR,
	HELP,
};
enum { COLUMNS = HELP + 1 };

/* Those without a title are of JSON alone. */
static const struct table_column columns[] = {
	[RESOURCE] = {.title = "RESOURCE", .key = "resource"},
	[INSTANCE] = {.key = "instance"},
	[LIMIT] = {.title = "LIMIT", .key = "limit", .right = true, .number = true},
	[USED] = {.title = "USED", .key = "used", .right = true, .number = true},
	[FREE] = {.title = "FREE", .key = "free", .right = true, .number = true},
	[PEAK] = {.title = "PEAK", .key = "peak", .right = true, .number = true},
	[HARD] = {.title = "HARD", .key = "hard", .right = true, .number = true},
	[UNIT] = {.title = "UNIT", .key = "unit"},
	[SOURCE] = {.title = "SOURCE", .key = "source"},
	[IMPOSED_BY] = {.title = "IMPOSED BY", .key = "imposed_by"},
	[FREE_BY] = {.key = "free_imposed_by"},
	[HIDDEN] = {.key = "ancestors_hidden", .number = true},
	[AT_MOST] = {.key = "at_most", .number = true},
	[ERROR] = {.key = "error"},
	[HELP] = {.title = "HELP", .key = "help"},
};
static const char usual[] = "resource,limit,used,free,imposed_by";

char *show_column_names(void)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (size_t i = 0; i < COLUMNS; i++)
		if (columns[i].title)
			fprintf(out, "%s%s", i ? ", " : "", columns[i].key);
	fclose(out);
	return text;
}

/* Is NAME, of LENGTH, one of a list with commas? */
static bool is_listed(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = list; *p; p += strcspn(p, ","), p += *p == ',')
		if (strncmp(p, name, n) == 0 && (p[n] == ',' || p[n] == '\0'))
			return true;
	return false;
}

int show_check_columns(const struct show *s)
{
	cleanup_free char *known = show_column_names();

	for (const char *p = s->columns; p && *p; p += *p == ',') {
		size_t n = strcspn(p, ","), i = 0;

		while (i < COLUMNS && !(columns[i].title && strlen(columns[i].key) == n &&
					strncmp(columns[i].key, p, n) == 0))
			i++;
		if (i == COLUMNS) {
			log_error("cannot show column '%.*s': it is none (known: %s)", (int)n, p,
				  known ?: "");
			return -EINVAL;
		}
		p += n;
	}
	return 0;
}

enum { AMOUNT_SIZE = RBCE_UNITS_SIZE + 8 };

/* For people; BUF needs AMOUNT_SIZE bytes. */
static char *format_amount(const char *unit, uint64_t amount, char *buf)
{
	char number[RBCE_UNITS_SIZE];
	const char *suffix = "";

	snprintf(number, sizeof(number), "%" PRIu64, amount);
	if (amount == RBCE_LIMIT_NONE) {
		snprintf(buf, AMOUNT_SIZE, "max");
		return buf;
	}
	if (streq(unit, "bytes") || streq(unit, "bytes/s"))
		rbce_format_size(amount, number);
	if (streq(unit, "millipercent"))
		rbce_format_percent(amount, number);
	if (streq(unit, "microseconds"))
		rbce_format_duration(amount, number);
	if (streq(unit, "seconds"))
		rbce_format_duration(
			amount < UINT64_MAX / 1000000 ? amount * 1000000 : RBCE_LIMIT_NONE, number);
	if (strstr(unit, "/s"))
		suffix = "/s";
	snprintf(buf, AMOUNT_SIZE, "%s%s", number, suffix);
	return buf;
}

/* In JSON no limit is null: an empty cell. */
static void set_amount(struct table *t, const struct show *s, enum column column, const char *unit,
		       const char *before, uint64_t amount)
{
	char buf[AMOUNT_SIZE];

	if (amount == RBCE_LIMIT_NONE && s->json)
		return;
	if ((s->json || s->raw) && amount != RBCE_LIMIT_NONE)
		table_set(t, column, "%s%" PRIu64, s->json ? "" : before, amount);
	else
		table_set(t, column, "%s%s", before, format_amount(unit, amount, buf));
}

static uint64_t limit_of(const struct show *s, const struct rbce_limit *item)
{
	return s->hard && item->has & RBCE_HAS_HARD ? item->hard : item->limit;
}

/* What a person has to know of it, in one cell. */
static void set_remarks(struct table *t, const struct show *s, const struct rbce_limits *l,
			const struct rbce_limit *item, const char *imposed_by, const char *left_by)
{
	const char *unit = rbce_limits_unit(l, item);
	cleanup_free char *text = NULL;
	char buf[AMOUNT_SIZE];
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return;
	if (s->hard && item->has & RBCE_HAS_HARD)
		fprintf(out, "rlimit hard");
	else
		fprintf(out, "%s", imposed_by);
	if (!s->hard && item->has & RBCE_HAS_HARD && item->hard != item->limit)
		fprintf(out, ", hard %s", format_amount(unit, item->hard, buf));
	if (item->has & RBCE_HAS_HEADROOM && !streq(left_by, imposed_by))
		fprintf(out, ", least free in %s", left_by);
	if (item->status == -EOPNOTSUPP)
		fprintf(out, "this system has no such limit");
	else if (item->status < 0)
		fprintf(out, "%scannot be told in full: %s", *imposed_by ? ", " : "",
			strerror(-item->status));
	if (fclose(out) == 0)
		table_set(t, IMPOSED_BY, "%s", text);
}

static void add_json(struct table *t, const struct rbce_limits *l, const struct rbce_limit *item,
		     const char *instance, const char *imposed_by, const char *left_by)
{
	table_set(t, RESOURCE, "%s", rbce_resource_name((enum rbce_resource)item->resource));
	if (*instance)
		table_set(t, INSTANCE, "%s", instance);
	if (item->source != RBCE_BY_NOBODY)
		table_set(t, IMPOSED_BY, "%s", imposed_by);
	if (item->has & RBCE_HAS_HEADROOM)
		table_set(t, FREE_BY, "%s", left_by);
	table_set(t, HIDDEN, "%s", item->has & RBCE_HAS_HIDDEN ? "true" : "false");
	table_set(t, AT_MOST, "%s",
		  item->status < 0 && item->status != -EOPNOTSUPP ? "true" : "false");
	if (item->status < 0)
		table_set(t, ERROR, "%s", strerror(-item->status));
	(void)l;
}

static void add_limit(struct table *t, const struct show *s, const struct rbce_limits *l,
		      const struct rbce_limit *item)
{
	char instance[64], imposed_by[TEXT_MAX], left_by[TEXT_MAX];
	const char *unit = rbce_limits_unit(l, item);
	bool partly = item->status < 0 && item->has & RBCE_HAS_LIMIT;

	rbce_limits_instance(l, item, instance, sizeof(instance));
	rbce_limits_imposed_by(l, item, imposed_by, sizeof(imposed_by));
	rbce_limits_left_by(l, item, left_by, sizeof(left_by));
	table_row(t, -1);
	if (s->json) {
		add_json(t, l, item, instance, imposed_by, left_by);
	} else {
		table_set(t, RESOURCE, "%s%s%s",
			  rbce_resource_name((enum rbce_resource)item->resource),
			  *instance ? " " : "", instance);
		set_remarks(t, s, l, item, imposed_by, left_by);
	}
	table_set(t, UNIT, "%s", unit);
	if (item->source != RBCE_BY_NOBODY)
		table_set(t, SOURCE, "%s",
			  rbce_limit_source_name((enum rbce_limit_source)item->source));
	table_set(t, HELP, "%s", rbce_resource_help((enum rbce_resource)item->resource));
	/* What could not be read in full may be less than what was. */
	if (item->has & RBCE_HAS_LIMIT)
		set_amount(t, s, LIMIT, unit, partly ? "<=" : "", limit_of(s, item));
	if (item->has & RBCE_HAS_HARD)
		set_amount(t, s, HARD, unit, "", item->hard);
	if (item->has & RBCE_HAS_USAGE)
		set_amount(t, s, USED, unit, "", item->usage);
	if (item->has & RBCE_HAS_HEADROOM)
		set_amount(t, s, FREE, unit, partly ? "<=" : "", item->headroom);
	if (item->has & RBCE_HAS_PEAK)
		set_amount(t, s, PEAK, unit, "", item->peak);
}

static bool asked_for(const struct show *s, int resource)
{
	for (int i = 0; i < s->n_resources; i++)
		if (s->resources[i] == resource)
			return true;
	return s->n_resources == 0;
}

static bool is_shown(const struct show *s, const struct rbce_limit *item)
{
	return s->n_resources || s->all || s->json || item->source != RBCE_BY_NOBODY ||
	       (item->status < 0 && item->status != -EOPNOTSUPP);
}

/* The items that are asked for, read. The number, or -errno. */
static int read_items(const struct show *s, struct rbce_limits *l, struct rbce_limit *items)
{
	size_t n = rbce_limits_list(l, items, ITEMS_MAX), kept = 0;
	int r;

	for (size_t i = 0; i < n && i < ITEMS_MAX; i++)
		if (asked_for(s, items[i].resource))
			items[kept++] = items[i];
	r = rbce_limits_read(l, items, kept);
	return r < 0 ? r : (int)kept;
}

static struct table *new_table(const struct show *s, struct table_column *made)
{
	memcpy(made, columns, sizeof(columns));
	for (size_t i = 0; i < COLUMNS; i++)
		made[i].json_only = !made[i].title || !is_listed(s->columns ?: usual, made[i].key);
	return table_new("limits", made, COLUMNS, s->json);
}

int show_limits(const struct show *s, struct rbce_limits *limits)
{
	struct rbce_limit items[ITEMS_MAX];
	struct table_column made[COLUMNS];
	int n = read_items(s, limits, items), r;
	bool hidden = false;
	struct table *t;

	if (n < 0)
		return n;
	t = new_table(s, made);
	for (int i = 0; i < n; i++) {
		if (!is_shown(s, &items[i]))
			continue;
		add_limit(t, s, limits, &items[i]);
		hidden |= items[i].has & RBCE_HAS_HIDDEN;
	}
	r = table_finish(t);
	if (r == 0 && hidden && !s->json)
		printf("A cgroup namespace hides the groups above: a lower limit may hold "
		       "there.\n");
	return r;
}

/* ---- the chain of one ---- */

enum chain_column { C_INSTANCE, C_LIMIT, C_USED, C_BY, C_DECIDES, C_ERROR };

static const struct table_column chain_columns[] = {
	[C_INSTANCE] = {.title = "RESOURCE", .key = "resource"},
	[C_LIMIT] = {.title = "LIMIT", .key = "limit", .right = true, .number = true},
	[C_USED] = {.title = "USED", .key = "used", .right = true, .number = true},
	[C_BY] = {.title = "BY", .key = "by"},
	[C_DECIDES] = {.title = "", .key = "decides", .number = true},
	[C_ERROR] = {.key = "error", .json_only = true},
};

struct chain {
	const struct show *s;
	struct table *t;
	const char *unit, *name;
	const struct rbce_limit *item;
	bool decided;
};

static void add_bound(const struct rbce_bound *b, const char *by, void *data)
{
	struct chain *chain = data;
	bool decides = !chain->decided && b->status == 0 && b->source == chain->item->source &&
		       b->level == chain->item->level && b->value == chain->item->limit;

	table_row(chain->t, -1);
	table_set(chain->t, C_INSTANCE, "%s", chain->name);
	table_set(chain->t, C_BY, "%s%s%s", by, b->status < 0 && !chain->s->json ? ": " : "",
		  b->status < 0 && !chain->s->json ? strerror(-b->status) : "");
	if (b->status < 0)
		table_set(chain->t, C_ERROR, "%s", strerror(-b->status));
	else
		set_amount(chain->t, chain->s, (enum column)C_LIMIT, chain->unit, "", b->value);
	if (b->has_usage)
		set_amount(chain->t, chain->s, (enum column)C_USED, chain->unit, "", b->usage);
	if (chain->s->json)
		table_set(chain->t, C_DECIDES, "%s", decides ? "true" : "false");
	else if (decides)
		table_set(chain->t, C_DECIDES, "<- holds");
	chain->decided |= decides;
}

int show_chain(const struct show *s, struct rbce_limits *limits)
{
	struct rbce_limit items[ITEMS_MAX];
	int n = read_items(s, limits, items), r = 0;
	bool hidden = false;
	struct chain chain = {.s = s};

	if (n < 0)
		return n;
	chain.t = table_new("chain", chain_columns, ARRAY_SIZE(chain_columns), s->json);
	for (int i = 0; i < n && r == 0; i++) {
		char instance[64], name[128];

		rbce_limits_instance(limits, &items[i], instance, sizeof(instance));
		snprintf(name, sizeof(name), "%s%s%s",
			 rbce_resource_name((enum rbce_resource)items[i].resource),
			 *instance ? " " : "", instance);
		chain.name = name;
		chain.item = &items[i];
		chain.unit = rbce_limits_unit(limits, &items[i]);
		chain.decided = false;
		hidden |= items[i].has & RBCE_HAS_HIDDEN;
		r = rbce_limits_explain(limits, &items[i], add_bound, &chain);
	}
	if (r < 0) {
		table_free(chain.t);
		return r;
	}
	r = table_finish(chain.t);
	if (r == 0 && hidden && !s->json)
		printf("A cgroup namespace hides the groups above: a lower limit may hold "
		       "there.\n");
	return r;
}

int show_number(const struct show *s, struct rbce_limits *limits, unsigned unit)
{
	struct rbce_limit items[ITEMS_MAX];
	int n = read_items(s, limits, items);
	uint64_t limit;

	if (n < 0)
		return n;
	limit = limit_of(s, &items[0]);
	if (!(items[0].has & RBCE_HAS_LIMIT))
		return items[0].status;
	if (limit == RBCE_LIMIT_NONE)
		printf("unlimited\n");
	else
		printf("%" PRIu64 "\n", limit / unit);
	return fflush(stdout) == 0 ? 0 : -errno;
}
