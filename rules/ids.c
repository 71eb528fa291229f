// SPDX-License-Identifier: GPL-2.0-or-later
/* Sets of numbers as ranges: filled, sealed once, then asked by binary search. */
#include <errno.h>

#include "internal.h"
#include "util.h"

int ids_add(struct ids *ids, uint32_t low, uint32_t high)
{
	struct id_range *more = reallocarray(ids->ranges, ids->n + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	ids->ranges = more;
	more[ids->n++] = (struct id_range){low, high};
	return 0;
}

static int compare_low(const void *a, const void *b)
{
	const struct id_range *x = a, *y = b;

	return x->low < y->low ? -1 : x->low > y->low;
}

void ids_seal(struct ids *ids)
{
	size_t kept = 0;

	if (ids->n == 0)
		return;
	qsort(ids->ranges, ids->n, sizeof(*ids->ranges), compare_low);
	/* Ranges that overlap or touch become one. */
	for (size_t i = 1; i < ids->n; i++) {
		struct id_range *last = &ids->ranges[kept], next = ids->ranges[i];

		if (next.low > (uint64_t)last->high + 1)
			ids->ranges[++kept] = next;
		else if (next.high > last->high)
			last->high = next.high;
	}
	ids->n = kept + 1;
}

static int compare_id(const void *key, const void *element)
{
	uint32_t id = *(const uint32_t *)key;
	const struct id_range *range = element;

	return id < range->low ? -1 : id > range->high;
}

bool ids_have(const struct ids *ids, uint32_t id)
{
	if (ids->n == 1)
		return id - ids->ranges->low <= ids->ranges->high - ids->ranges->low;
	return ids->n && bsearch(&id, ids->ranges, ids->n, sizeof(*ids->ranges), compare_id);
}

void ids_done(struct ids *ids)
{
	free(ids->ranges);
	*ids = (struct ids){0};
}
