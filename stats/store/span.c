// SPDX-License-Identifier: GPL-2.0-or-later
/* A minute or an hour of one container; see span.h. */
#include "span.h"

#include "tiers.h"
#include "util.h"

/* The place of a metric's range, or -1. */
static int range_of(size_t metric)
{
	static int place[METRIC_TOTAL];
	static bool known;
	int n = 0;

	for (size_t i = 0; !known && i < METRIC_TOTAL; i++)
		place[i] = metrics[i].keep != KEEP_ONE && n < SPAN_RANGES ? n++ : -1;
	known = true;
	return place[metric];
}

static void widen(struct span *s, size_t metric, uint64_t value)
{
	int at = range_of(metric);

	if (at < 0)
		return;
	if (!mask_has(&s->known, metric) || value < s->range[at].least)
		s->range[at].least = value;
	if (!mask_has(&s->known, metric) || value > s->range[at].most)
		s->range[at].most = value;
}

void span_grow(struct span *s, size_t metric, uint64_t value, int64_t period)
{
	/* What grew over many ticks is not told apart: it is taken to have grown evenly. */
	if (period > 0)
		widen(s, metric, (uint64_t)((double)value * 1000 / (double)period));
	if (!mask_has(&s->known, metric))
		s->total[metric].sum = 0;
	if (period > 0 || !mask_has(&s->known, metric))
		mask_add(&s->known, metric);
	s->total[metric].sum += value;
	s->moved[metrics[metric].view] |= value > 0;
}

void span_hold(struct span *s, size_t metric, uint64_t value, int64_t ms)
{
	widen(s, metric, value);
	if (!mask_has(&s->known, metric)) {
		s->total[metric].area = 0;
		s->time[metric] = 0;
	}
	mask_add(&s->known, metric);
	if (ms > 0) {
		s->total[metric].area += (double)value * (double)ms;
		s->time[metric] += (uint32_t)ms;
	}
}

bool span_empty(const struct span *s, enum metric_view view)
{
	for (size_t i = 0; i < METRIC_TOTAL; i++)
		if (metrics[i].view == view && mask_has(&s->known, i) &&
		    (metrics[i].kind == METRIC_GAUGE || s->total[i].sum > 0))
			return false;
	return true;
}

static int bind(sqlite3_stmt *row, int at, uint64_t value)
{
	return sqlite3_bind_int64(row, at, value > INT64_MAX ? INT64_MAX : (sqlite3_int64)value);
}

static int bind_counter(const struct span *s, size_t metric, size_t n, int64_t ms,
			sqlite3_stmt *row, int at)
{
	int range = range_of(metric), rc = bind(row, at, s->total[metric].sum);
	/* Ticks without a row are ticks in which nothing was added. */
	bool pauses = s->covered + 999 < ms;

	if (rc != SQLITE_OK || n == 1)
		return rc;
	rc = bind(row, at + 1, pauses ? 0 : s->range[range].least);
	return rc == SQLITE_OK ? bind(row, at + 2, s->range[range].most) : rc;
}

static int bind_gauge(const struct span *s, size_t metric, size_t n, sqlite3_stmt *row, int at)
{
	uint64_t scale = metrics[metric].scale ?: 1, average, least, most;
	int range = range_of(metric), rc;

	least = range < 0 ? 0 : s->range[range].least / scale;
	most = range < 0 ? 0 : s->range[range].most / scale;
	if (metrics[metric].keep == KEEP_MOST)
		return bind(row, at, most);
	/* A moment is its own average. */
	average =
		s->time[metric]
			? (uint64_t)(s->total[metric].area / s->time[metric] / (double)scale + 0.5)
			: least;
	rc = bind(row, at, average);
	if (rc != SQLITE_OK || n == 1)
		return rc;
	rc = bind(row, at + 1, average > least ? average - least : 0);
	return rc == SQLITE_OK ? bind(row, at + 2, most > average ? most - average : 0) : rc;
}

int span_bind(const struct span *s, enum metric_view view, const struct metric_mask *have,
	      int64_t ms, sqlite3_stmt *row, int at)
{
	const char *suffix[3];
	int rc = SQLITE_OK;

	for (size_t i = 0; i < METRIC_TOTAL && rc == SQLITE_OK; i++) {
		size_t n;

		if (metrics[i].view != view || !mask_has(have, i))
			continue;
		n = tier_columns(TIER_MINUTE, i, suffix);
		if (!mask_has(&s->known, i))
			for (size_t k = 0; k < n && rc == SQLITE_OK; k++)
				rc = sqlite3_bind_null(row, at + (int)k);
		else if (metrics[i].kind == METRIC_COUNTER)
			rc = bind_counter(s, i, n, ms, row, at);
		else
			rc = bind_gauge(s, i, n, row, at);
		at += (int)n;
	}
	return rc;
}
