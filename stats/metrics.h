/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is measured of a container: one table row per number. The schema of the database, the
 * sampler and the report derive from it.
 */
#ifndef STATS_METRICS_H
#define STATS_METRICS_H

#include <rbce/hierarchy.h>
#include <stdbool.h>
#include <stdint.h>

#include "parse.h"

enum metric {
	METRIC_CPU,
	METRIC_CPU_USER,
	METRIC_CPU_SYSTEM,
	METRIC_CPU_PERIODS,
	METRIC_THROTTLED_PERIODS,
	METRIC_THROTTLED,
	METRIC_MEMORY,
	METRIC_MEMORY_ANON,
	METRIC_MEMORY_FILE,
	METRIC_MEMORY_MAPPED,
	METRIC_MEMORY_DIRTY,
	METRIC_MEMORY_WRITEBACK,
	METRIC_SWAP,
	METRIC_PAGE_FAULTS,
	METRIC_MAJOR_FAULTS,
	METRIC_MEMORY_HIGH,
	METRIC_MEMORY_MAX,
	METRIC_OOM,
	METRIC_OOM_KILLS,
	METRIC_IO_READ,
	METRIC_IO_WRITTEN,
	METRIC_IO_READS,
	METRIC_IO_WRITES,
	METRIC_PIDS,
	METRIC_PIDS_MAX,
	METRIC_CPU_SOME,
	METRIC_CPU_FULL,
	METRIC_MEMORY_SOME,
	METRIC_MEMORY_FULL,
	METRIC_IO_SOME,
	METRIC_IO_FULL,
};
enum { METRIC_TOTAL = METRIC_IO_FULL + 1 };

enum metric_kind {
	METRIC_COUNTER, /* only grows; the database holds what it grew by */
	METRIC_GAUGE,   /* goes up and down; the database holds it as it is */
};

enum metric_unit { METRIC_USEC, METRIC_BYTES, METRIC_NUMBER };

/* Where the number stands; it is multiplied, then divided, to get the unit (0 meaning 1). */
struct metric_source {
	const char *file; /* NULL: this version has none */
	const char *key;
	enum parse_format format;
	unsigned multiply;
	unsigned divide;
};

/*
 * The v1 source counts where CONTROLLER is mounted as v1 and has one; else the v2 source, in the v2
 * tree whatever controllers that has (pressure is there even in a hybrid system's empty tree).
 */
struct metric_info {
	const char *column; /* of table samples, unit included: "cpu_usec" */
	const char *view;   /* of view usage, where that has another unit: "cpu_seconds" */
	enum metric_kind kind;
	enum metric_unit unit;
	enum rbce_controller controller;
	struct metric_source v1;
	struct metric_source v2;
};

extern const struct metric_info metrics[METRIC_TOTAL];

/* The numbers of one container at one moment; bit 1 << metric tells which are known. */
struct metric_values {
	uint64_t known;
	uint64_t value[METRIC_TOTAL];
};

static inline bool metric_known(const struct metric_values *values, size_t metric)
{
	return values->known >> metric & 1;
}

static inline void metric_set(struct metric_values *values, size_t metric, uint64_t value)
{
	values->known |= UINT64_C(1) << metric;
	values->value[metric] = value;
}

#endif
