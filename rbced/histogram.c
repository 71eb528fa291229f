// SPDX-License-Identifier: GPL-2.0-or-later
/* Counts of values by size; see histogram.h. */
#include "histogram.h"

#include <stdatomic.h>

/* Values below 8 have a bucket each; then 8 for each power of two. */
static size_t bucket_of(uint64_t value)
{
	unsigned power = value < 8 ? 0 : 63 - (unsigned)__builtin_clzll(value) - 2;
	size_t bucket = power * 8 + (size_t)(value >> (power ? power - 1 : 0)) % 8;

	return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

/* The greatest value of a bucket. */
static uint64_t bound_of(size_t bucket)
{
	size_t power = bucket / 8;

	return power == 0 ? bucket : ((8 + bucket % 8 + 1) << (power - 1)) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
	atomic_fetch_add_explicit(&histogram->buckets[bucket_of(value)], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&histogram->n, 1, memory_order_relaxed);
	if (value > atomic_load_explicit(&histogram->max, memory_order_relaxed))
		atomic_store_explicit(&histogram->max, value, memory_order_relaxed);
}

uint64_t histogram_quantile(const struct histogram *histogram, double part)
{
	uint64_t n = atomic_load_explicit(&histogram->n, memory_order_relaxed);
	uint64_t max = atomic_load_explicit(&histogram->max, memory_order_relaxed), below = 0;

	/* The last bucket has no bound but the maximum. */
	for (size_t i = 0; n && i + 1 < HISTOGRAM_BUCKETS; i++) {
		below += atomic_load_explicit(&histogram->buckets[i], memory_order_relaxed);
		if ((double)below >= part * (double)n)
			return bound_of(i) < max ? bound_of(i) : max;
	}
	return max;
}
