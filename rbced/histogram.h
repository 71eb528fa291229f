/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long something took, counted in buckets that are an eighth of a power of two wide. One thread
 * adds; others may read meanwhile.
 */
#ifndef RBCED_HISTOGRAM_H
#define RBCED_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum { HISTOGRAM_BUCKETS = 256 };

struct histogram {
	_Atomic uint64_t buckets[HISTOGRAM_BUCKETS];
	_Atomic uint64_t n, max;
};

void histogram_add(struct histogram *histogram, uint64_t value);

/* The bound that PART (0 to 1) of all values are not above, at most an eighth too high; 0 for none.
 */
uint64_t histogram_quantile(const struct histogram *histogram, double part);

#endif
