/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is measured of a container: one table row per number. The schema of the database, its views
 * and tiers, the sampler and the report derive from it.
 */
#ifndef STATS_METRICS_H
#define STATS_METRICS_H

#include <rbce/hierarchy.h>
#include <stdbool.h>
#include <stdint.h>

#include "parse.h"

/* Those of one view stand together. */
enum metric {
	METRIC_CPU,
	METRIC_CPU_USER,
	METRIC_CPU_SYSTEM,
	METRIC_CPU_NICE,
	METRIC_CPU_PERIODS,
	METRIC_THROTTLED_PERIODS,
	METRIC_THROTTLED,
	METRIC_CPU_BURSTS,
	METRIC_CPU_BURST,
	METRIC_MEMORY,
	METRIC_MEMORY_PEAK,
	METRIC_MEMORY_ANON,
	METRIC_MEMORY_FILE,
	METRIC_MEMORY_SHMEM,
	METRIC_MEMORY_MAPPED,
	METRIC_MEMORY_KERNEL,
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
	METRIC_IO_DISCARDED,
	METRIC_IO_DISCARDS,
	METRIC_PIDS,
	METRIC_PIDS_MAX,
	METRIC_CPU_SOME,
	METRIC_CPU_FULL,
	METRIC_MEMORY_SOME,
	METRIC_MEMORY_FULL,
	METRIC_IO_SOME,
	METRIC_IO_FULL,
	METRIC_IRQ_FULL,
	METRIC_INACTIVE_ANON,
	METRIC_ACTIVE_ANON,
	METRIC_INACTIVE_FILE,
	METRIC_ACTIVE_FILE,
	METRIC_UNEVICTABLE,
	METRIC_SLAB_RECLAIMABLE,
	METRIC_SLAB_UNRECLAIMABLE,
	METRIC_KERNEL_STACK,
	METRIC_PAGE_TABLES,
	METRIC_SECOND_PAGE_TABLES,
	METRIC_PERCPU,
	METRIC_SOCK,
	METRIC_VMALLOC,
	METRIC_ANON_HUGE,
	METRIC_FILE_HUGE,
	METRIC_SHMEM_HUGE,
	METRIC_ZSWAP,
	METRIC_ZSWAPPED,
	METRIC_SWAP_CACHED,
	METRIC_SWAP_PEAK,
	METRIC_HUGETLB_2M,
	METRIC_HUGETLB_1G,
	METRIC_PAGES_IN,
	METRIC_PAGES_OUT,
	METRIC_REFAULT_ANON,
	METRIC_REFAULT_FILE,
	METRIC_ACTIVATE_ANON,
	METRIC_ACTIVATE_FILE,
	METRIC_RESTORE_ANON,
	METRIC_RESTORE_FILE,
	METRIC_NODE_RECLAIM,
	METRIC_SCANNED,
	METRIC_SCANNED_KSWAPD,
	METRIC_SCANNED_DIRECT,
	METRIC_SCANNED_KHUGEPAGED,
	METRIC_RECLAIMED,
	METRIC_RECLAIMED_KSWAPD,
	METRIC_RECLAIMED_DIRECT,
	METRIC_RECLAIMED_KHUGEPAGED,
	METRIC_DEMOTED_KSWAPD,
	METRIC_DEMOTED_DIRECT,
	METRIC_DEMOTED_KHUGEPAGED,
	METRIC_PROMOTED,
	METRIC_REFILLED,
	METRIC_ACTIVATED,
	METRIC_DEACTIVATED,
	METRIC_LAZY_FREE,
	METRIC_LAZY_FREED,
	METRIC_SWAP_IN_ZERO,
	METRIC_SWAP_OUT_ZERO,
	METRIC_ZSWAP_IN,
	METRIC_ZSWAP_OUT,
	METRIC_ZSWAP_WRITTEN,
	METRIC_HUGE_FAULTS,
	METRIC_HUGE_COLLAPSED,
	METRIC_HUGE_SWAPPED,
	METRIC_HUGE_SPLIT,
	METRIC_NUMA_MIGRATED,
	METRIC_NUMA_PTES,
	METRIC_NUMA_HINTS,
	METRIC_MEMORY_LOW,
	METRIC_OOM_GROUP_KILLS,
	METRIC_MEMORY_LOCAL_MAX,
	METRIC_MEMORY_LOCAL_OOM_KILLS,
	METRIC_SWAP_HIGH_HITS,
	METRIC_SWAP_MAX_HITS,
	METRIC_SWAP_FAILED,
	METRIC_HUGETLB_2M_MAX,
	METRIC_HUGETLB_1G_MAX,
	METRIC_CPU_FORCED_IDLE,
	METRIC_THROTTLED_LOCAL,
	METRIC_IO_COST_USAGE,
	METRIC_IO_COST_WAIT,
	METRIC_IO_COST_DEBT,
	METRIC_IO_COST_DELAY,
	METRIC_PIDS_PEAK,
	METRIC_FROZEN,
	METRIC_DESCENDANTS,
	METRIC_DYING,
	METRIC_MISC,
	METRIC_RDMA_HANDLES,
	METRIC_RDMA_OBJECTS,
	METRIC_LIMIT_CPU_QUOTA,
	METRIC_LIMIT_CPU_PERIOD,
	METRIC_LIMIT_CPU_WEIGHT,
	METRIC_LIMIT_MEMORY,
	METRIC_LIMIT_MEMORY_HIGH,
	METRIC_LIMIT_MEMORY_LOW,
	METRIC_LIMIT_SWAP,
	METRIC_LIMIT_PIDS,
	METRIC_NET_SENT,
	METRIC_NET_SENT_PACKETS,
	METRIC_NET_DROPPED,
	METRIC_NET_DROPPED_PACKETS,
	METRIC_NET_CONNECT_ALLOWED,
	METRIC_NET_CONNECT_DENIED,
	METRIC_NET_BIND_ALLOWED,
	METRIC_NET_BIND_DENIED,
	METRIC_NET_ACCEPT_ALLOWED,
	METRIC_NET_ACCEPT_DENIED,
};
enum { METRIC_TOTAL = METRIC_NET_ACCEPT_DENIED + 1, METRIC_WORDS = (METRIC_TOTAL + 63) / 64 };

enum metric_kind {
	METRIC_COUNTER, /* only grows; the database holds what it grew by */
	METRIC_GAUGE,   /* goes up and down; the database holds it as it is */
};

enum metric_unit { METRIC_USEC, METRIC_BYTES, METRIC_NUMBER };

/*
 * Tables of the newest tier, which has a row for each tick in which something changed: what changes
 * with nearly every second that a container runs, and what seldom does.
 */
enum metric_table { TABLE_SAMPLES, TABLE_DETAILS, TABLE_LIMITS, TABLE_NETWORK };
enum { TABLE_TOTAL = TABLE_NETWORK + 1 };
extern const char *const metric_tables[TABLE_TOTAL];

/* What users look at together: a view "v_NAME", and a table for each of the older tiers. */
enum metric_view {
	VIEW_CPU,
	VIEW_MEMORY,
	VIEW_IO,
	VIEW_PIDS,
	VIEW_PRESSURE,
	VIEW_MEMORY_DETAIL,
	VIEW_RECLAIM,
	VIEW_OTHER,
	VIEW_LIMITS,
	VIEW_NETWORK,
};
enum { VIEW_TOTAL = VIEW_NETWORK + 1 };

struct metric_view_info {
	const char *name;
	enum metric_table table; /* of the newest tier */
};
extern const struct metric_view_info metric_views[VIEW_TOTAL];

/* What a minute and an hour keep of it. */
enum metric_keep {
	KEEP_ONE,   /* a counter's growth; a gauge's average */
	KEEP_RANGE, /* and the lowest and highest: of a counter, its growth per second */
	KEEP_MOST,  /* of a gauge the highest alone */
};

/* Where the number stands; it is multiplied, then divided, to get the unit (0 meaning 1). */
struct metric_source {
	const char *file; /* NULL: this version has none */
	const char *key;
	enum parse_format format;
	unsigned multiply;
	unsigned divide;
	bool reset; /* a write sets the peak back, for this descriptor alone (Linux 6.12) */
};

/*
 * The v1 source counts where CONTROLLER is mounted as v1 and has one; else the v2 source, in the v2
 * tree whatever controllers that has (pressure is there even in a hybrid system's empty tree). A
 * metric without sources is not read from a file.
 */
struct metric_info {
	const char *column; /* of its tables, unit included: "cpu_usec" */
	const char *shown;  /* in views, where those have another unit: "cpu_seconds" */
	enum metric_view view;
	enum metric_kind kind;
	enum metric_unit unit;
	enum metric_keep keep;
	unsigned scale;  /* what is stored is divided by it (0 meaning 1): pages instead of bytes */
	unsigned coarse; /* v1 tells whole multiples of this: see tier_code() */
	enum rbce_controller controller;
	struct metric_source v1;
	struct metric_source v2;
};

extern const struct metric_info metrics[METRIC_TOTAL];

static inline enum metric_table metric_table(size_t metric)
{
	return metric_views[metrics[metric].view].table;
}

static inline const char *metric_shown(size_t metric)
{
	return metrics[metric].shown ?: metrics[metric].column;
}

/* Some of the metrics. */
struct metric_mask {
	uint64_t word[METRIC_WORDS];
};

static inline bool mask_has(const struct metric_mask *mask, size_t metric)
{
	return mask->word[metric / 64] >> metric % 64 & 1;
}

static inline void mask_add(struct metric_mask *mask, size_t metric)
{
	mask->word[metric / 64] |= UINT64_C(1) << metric % 64;
}

static inline void mask_drop(struct metric_mask *mask, size_t metric)
{
	mask->word[metric / 64] &= ~(UINT64_C(1) << metric % 64);
}

static inline struct metric_mask mask_both(struct metric_mask a, struct metric_mask b)
{
	for (size_t i = 0; i < METRIC_WORDS; i++)
		a.word[i] &= b.word[i];
	return a;
}

static inline struct metric_mask mask_either(struct metric_mask a, struct metric_mask b)
{
	for (size_t i = 0; i < METRIC_WORDS; i++)
		a.word[i] |= b.word[i];
	return a;
}

/* The numbers of one container at one moment. */
struct metric_values {
	struct metric_mask known;
	uint64_t value[METRIC_TOTAL];
};

static inline bool metric_known(const struct metric_values *values, size_t metric)
{
	return mask_has(&values->known, metric);
}

static inline void metric_set(struct metric_values *values, size_t metric, uint64_t value)
{
	mask_add(&values->known, metric);
	values->value[metric] = value;
}

#endif
