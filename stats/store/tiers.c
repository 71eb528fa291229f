// SPDX-License-Identifier: GPL-2.0-or-later
/* The tiers of the database; see tiers.h. */
#include "tiers.h"

#include <stdio.h>

#include "schema.h"
#include "util.h"

const struct tier_info tiers[TIER_TOTAL] = {
	[TIER_TICK] = {"tick", "", 0, SCHEMA_HEARTBEAT_MS},
	[TIER_MINUTE] = {"minute", "_minute", 60000, 3600000},
	[TIER_HOUR] = {"hour", "_hour", 3600000, 3600000},
};

const char *tier_table(enum tier tier, enum metric_view view, char *buf)
{
	const struct metric_view_info *info = &metric_views[view];

	if (tier == TIER_TICK)
		snprintf(buf, TIER_NAME_SIZE, "%s", metric_tables[info->table]);
	else
		snprintf(buf, TIER_NAME_SIZE, "%s_%s", tiers[tier].name, info->name);
	return buf;
}

size_t tier_columns(enum tier tier, size_t metric, const char *ret_suffix[3])
{
	bool range = tier != TIER_TICK && metrics[metric].keep == KEEP_RANGE;
	bool counter = metrics[metric].kind == METRIC_COUNTER;

	ret_suffix[0] = "";
	/* Those of gauges are distances from the average, which take less room. */
	ret_suffix[1] = counter ? "_least" : "_under";
	ret_suffix[2] = counter ? "_most" : "_over";
	return range ? 3 : 1;
}

int64_t tier_code(size_t metric, uint64_t value)
{
	const struct metric_info *info = &metrics[metric];

	value /= info->scale ?: 1;
	if (info->coarse && value % info->coarse == 0)
		return -(int64_t)(value / info->coarse);
	/* SQLite's integers have 63 bits. */
	return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

void tier_append_column(sqlite3_str *sql, const char *alias, enum tier tier, size_t metric)
{
	const struct metric_info *info = &metrics[metric];

	if (tier == TIER_TICK && info->coarse)
		sqlite3_str_appendf(sql, "max(%s.%s, %s.%s * -%u)", alias, info->column, alias,
				    info->column, info->coarse);
	else
		sqlite3_str_appendf(sql, "%s.%s", alias, info->column);
}

void tier_append_value(sqlite3_str *sql, const char *alias, enum tier tier, size_t metric,
		       enum tier_value value)
{
	const struct metric_info *info = &metrics[metric];
	bool counter = info->kind == METRIC_COUNTER;
	bool range = tier != TIER_TICK && info->keep == KEEP_RANGE;
	const char *name = info->column;

	if (!range || value == TIER_PLAIN)
		tier_append_column(sql, alias, tier, metric);
	else if (counter)
		sqlite3_str_appendf(sql, "%s.%s%s", alias, name,
				    value == TIER_LEAST ? "_least" : "_most");
	else if (value == TIER_LEAST)
		sqlite3_str_appendf(sql, "(%s.%s - %s.%s_under)", alias, name, alias, name);
	else
		sqlite3_str_appendf(sql, "(%s.%s + %s.%s_over)", alias, name, alias, name);
	if (info->unit == METRIC_USEC)
		sqlite3_str_appendall(sql, " / 1000000.0");
	if (info->scale)
		sqlite3_str_appendf(sql, " * %u", info->scale);
}

/* The end of what has been rolled up into TIER, in seconds; 0 for nothing. */
static int rolled_until(sqlite3 *db, enum tier tier, int64_t *ret)
{
	char sql[128];

	snprintf(sql, sizeof(sql),
		 "SELECT coalesce((SELECT value FROM meta WHERE key = '%s_until'), 0)",
		 tiers[tier].name);
	return schema_integer(db, sql, ret);
}

int tier_span(sqlite3 *db, enum tier tier, int64_t *ret_from, int64_t *ret_until)
{
	int64_t from = 0, until = 0;
	char sql[128];
	int rc;

	if (tier == TIER_TICK) {
		rc = schema_integer(db, "SELECT max(time) * 1000 FROM ticks", &until);
		if (rc == SQLITE_OK)
			rc = schema_integer(db, "SELECT min(time) * 1000 FROM ticks", &from);
	} else {
		rc = rolled_until(db, tier, &until);
		until *= 1000;
		snprintf(
			sql, sizeof(sql),
			"SELECT coalesce((SELECT value FROM meta WHERE key = '%s_from'), 0) * 1000",
			tiers[tier].name);
		if (rc == SQLITE_OK)
			rc = schema_integer(db, sql, &from);
	}
	if (rc != SQLITE_OK)
		return rc;
	if (!until)
		return SQLITE_EMPTY;
	*ret_from = from;
	*ret_until = until;
	return SQLITE_OK;
}

int tier_pick(sqlite3 *db, int64_t from, int64_t step, enum tier *ret)
{
	int64_t best_from = INT64_MAX, begin, until;
	size_t wanted = TIER_TICK;
	int rc;

	for (size_t t = 0; t < TIER_TOTAL; t++)
		if (tiers[t].length <= step)
			wanted = t;
	*ret = (enum tier)wanted;
	for (size_t t = wanted; t < TIER_TOTAL; t++) {
		rc = tier_span(db, (enum tier)t, &begin, &until);
		if (rc == SQLITE_EMPTY)
			continue;
		if (rc != SQLITE_OK)
			return rc;
		/* A minute more is no reason for a coarser one, nor that its first row begins
		 * before the record, with a whole hour. */
		if (best_from - begin > SCHEMA_HEARTBEAT_MS + tiers[t].length) {
			best_from = begin;
			*ret = (enum tier)t;
		}
		if (begin <= from + SCHEMA_HEARTBEAT_MS)
			break;
	}
	return SQLITE_OK;
}
