// SPDX-License-Identifier: GPL-2.0-or-later
/* Adds up the rows of one container over a period; see tally.h. */
#include "tally.h"

#include <string.h>

static int64_t later_of(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void raise_peak(struct tally *t, size_t metric, uint64_t value)
{
	if (!metric_known(&t->peak, metric) || value > t->peak.value[metric])
		metric_set(&t->peak, metric, value);
}

/* The gauges of VIEW stayed as they were until TIME. */
static void hold(struct tally *t, const struct tally_period *period, size_t view, int64_t time)
{
	int64_t held = t->held_time[view], from = later_of(held, period->start);
	int64_t until = time - held > period->hold ? held + period->hold : time;

	if (until <= from)
		return;
	for (size_t i = 0; i < METRIC_TOTAL; i++) {
		if (metrics[i].kind != METRIC_GAUGE || metrics[i].view != view ||
		    !metric_known(&t->held, i))
			continue;
		t->area[i] += (double)t->held.value[i] * (double)(until - from);
		t->time[i] += (double)(until - from);
		raise_peak(t, i, t->held.value[i]);
	}
	t->held_time[view] = until;
}

static void hold_one(struct tally *t, const struct metric_values *row, size_t metric)
{
	if (metric_known(row, metric))
		metric_set(&t->held, metric, row->value[metric]);
	else
		mask_drop(&t->held.known, metric);
}

void tally_add(struct tally *t, const struct tally_period *period, enum metric_table table,
	       int64_t time, const struct metric_values *row)
{
	for (size_t v = 0; v < VIEW_TOTAL; v++)
		if (metric_views[v].table == table) {
			hold(t, period, v, time);
			t->held_time[v] = time;
		}
	for (size_t i = 0; i < METRIC_TOTAL; i++) {
		uint64_t grown = time > period->start ? row->value[i] : 0;

		if (metric_table(i) != table)
			continue;
		hold_one(t, row, i);
		if (!metric_known(row, i))
			continue;
		if (metrics[i].kind == METRIC_COUNTER)
			metric_set(&t->total, i, t->total.value[i] + grown);
		else if (time >= period->start)
			raise_peak(t, i, row->value[i]);
	}
}

void tally_add_span(struct tally *t, const struct tally_period *period, enum metric_view view,
		    int64_t from, int64_t to, const struct metric_values *plain,
		    const struct metric_values *most)
{
	hold(t, period, view, from);
	t->held_time[view] = to;
	for (size_t i = 0; i < METRIC_TOTAL; i++) {
		if (metrics[i].view != view)
			continue;
		hold_one(t, plain, i);
		if (!metric_known(plain, i))
			continue;
		if (metrics[i].kind == METRIC_COUNTER) {
			metric_set(&t->total, i, t->total.value[i] + plain->value[i]);
			continue;
		}
		t->area[i] += (double)plain->value[i] * (double)(to - from);
		t->time[i] += (double)(to - from);
		raise_peak(t, i, metric_known(most, i) ? most->value[i] : plain->value[i]);
	}
}

void tally_hold(struct tally *t, const struct tally_period *period, int64_t time)
{
	for (size_t v = 0; v < VIEW_TOTAL; v++)
		hold(t, period, v, time);
}

void tally_finish(struct tally *t, const struct tally_period *period, int64_t end)
{
	tally_hold(t, period, end < period->end ? end : period->end);
	if (end < period->end)
		t->held.known = (struct metric_mask){0};
}

void tally_merge(struct tally *t, const struct tally *later)
{
	for (size_t i = 0; i < METRIC_TOTAL; i++) {
		if (metric_known(&later->total, i))
			metric_set(&t->total, i, t->total.value[i] + later->total.value[i]);
		if (metric_known(&later->peak, i))
			raise_peak(t, i, later->peak.value[i]);
		t->area[i] += later->area[i];
		t->time[i] += later->time[i];
	}
	t->held = later->held;
	memcpy(t->held_time, later->held_time, sizeof(t->held_time));
}

static bool average(const struct tally *t, enum metric metric, double *ret)
{
	if (t->time[metric] > 0) {
		*ret = t->area[metric] / t->time[metric];
		return true;
	}
	/* A single moment is its own average. */
	if (metric_known(&t->peak, metric))
		*ret = (double)t->peak.value[metric];
	return metric_known(&t->peak, metric);
}

static bool number(const struct metric_values *values, enum metric metric, double scale,
		   double *ret)
{
	if (metric_known(values, metric))
		*ret = (double)values->value[metric] * scale;
	return metric_known(values, metric);
}

bool tally_value(const struct tally *t, const struct tally_period *period, enum metric metric,
		 enum tally_view view, double *ret)
{
	double usec = (double)(period->end - period->start) * 1000;

	switch (view) {
	case TALLY_TOTAL:
		return number(&t->total, metric, 1, ret);
	case TALLY_SHARE:
		return usec > 0 && number(&t->total, metric, 1 / usec, ret);
	case TALLY_AVERAGE:
		return average(t, metric, ret);
	case TALLY_PEAK:
		return number(&t->peak, metric, 1, ret);
	case TALLY_LAST:
		return number(&t->held, metric, 1, ret);
	}
	return false;
}
