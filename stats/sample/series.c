// SPDX-License-Identifier: GPL-2.0-or-later
/* What the recorder knows of one container between ticks; see series.h. */
#include "series.h"

#include "util.h"

static struct metric_mask counters(void)
{
	struct metric_mask mask = {0};

	for (size_t i = 0; i < METRIC_TOTAL; i++)
		if (metrics[i].kind == METRIC_COUNTER)
			mask_add(&mask, i);
	return mask;
}

struct series *series_new(const struct sample *sample, int64_t time, int64_t previous)
{
	struct series *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->name = strdup(sample->name);
	if (!s->name) {
		free(s);
		return NULL;
	}
	s->inode = sample->inode;
	s->first_seen = time;
	if (sample->fresh) {
		/* When we last looked it was not there, so that its counters were zero. */
		s->stored_time = previous;
	} else {
		s->stored = sample->values;
		s->stored_time = time;
	}
	s->stored.known = sample->fresh ? counters() : mask_both(s->stored.known, counters());
	return s;
}

void series_free(struct series *s)
{
	free(s->name);
	free(s);
}

void series_resume(struct series *s, int64_t time, const struct metric_values *counters)
{
	s->stored = *counters;
	s->stored_time = time;
}

bool series_column(const struct series *s, size_t metric, uint64_t *ret)
{
	uint64_t now = s->latest.value[metric], before = s->stored.value[metric];

	if (!metric_known(&s->latest, metric))
		return false;
	if (metrics[metric].kind == METRIC_GAUGE)
		*ret = now;
	else if (!metric_known(&s->stored, metric))
		*ret = 0;
	else
		*ret = now >= before ? now - before : now;
	return true;
}

bool series_changed(const struct series *s, enum metric_table table)
{
	for (size_t i = 0; i < METRIC_TOTAL; i++) {
		bool known = metric_known(&s->latest, i);

		if (metric_table(i) != table)
			continue;
		if (metrics[i].kind == METRIC_GAUGE && known != metric_known(&s->stored, i))
			return true;
		if (known && metric_known(&s->stored, i) &&
		    s->latest.value[i] != s->stored.value[i])
			return true;
	}
	return false;
}

bool series_tells(const struct series *s, enum metric_table table)
{
	for (size_t i = 0; i < METRIC_TOTAL; i++)
		if (metric_table(i) == table && metric_known(&s->latest, i) && s->latest.value[i])
			return true;
	return false;
}

void series_stored(struct series *s, int64_t time)
{
	s->stored_time = time;
	if (s->clean)
		return;
	for (size_t i = 0; i < METRIC_TOTAL; i++)
		if (metric_known(&s->latest, i))
			s->stored.value[i] = s->latest.value[i];
	/* A counter that cannot be read now grows on from where it was. */
	s->stored.known = mask_either(mask_both(s->stored.known, counters()), s->latest.known);
	s->clean = true;
}
