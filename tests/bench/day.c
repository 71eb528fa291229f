// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * day DATABASE CONTAINERS VERSION SECONDS: a tick each second up to now through the store of
 * containerstats, with all that cgroup v1 (beside a v2 tree) or v2 tells. Of four containers one is
 * busy, and every third of those reads and writes; one does a little every few seconds; two sleep.
 * Prints how long a tick took.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "stats/store/store.h"
#include "unsynced.h"

struct container {
	char name[32];
	struct metric_values values;
};

static uint64_t some(uint64_t limit)
{
	return (uint64_t)random() % limit;
}

/* Is it told of a group, where controllers are of VERSION? */
static bool is_told(enum metric metric, int version)
{
	return metrics[metric].view != VIEW_NETWORK &&
	       ((version == 1 && metrics[metric].v1.file) ||
		(metrics[metric].v2.file &&
		 (version == 2 || metrics[metric].view == VIEW_PRESSURE ||
		  metrics[metric].controller == RBCE_FREEZER)));
}

/* What a second of work makes of a metric. Swap, huge pages, limits that were hit and the like are
 * rare, and do not move here. */
static void work(struct metric_values *values, enum metric metric, int version)
{
	uint64_t *value = &values->value[metric];

	switch (metric) {
	case METRIC_CPU:
		*value += 200000 + some(600000);
		break;
	case METRIC_CPU_USER:
	case METRIC_CPU_SYSTEM:
		/* v1 tells hundredths of a second. */
		*value += version == 1 ? 10000 * (10 + some(30)) : 100000 + some(300000);
		break;
	case METRIC_CPU_SOME:
	case METRIC_CPU_FULL:
		*value += some(50000);
		break;
	case METRIC_IO_READ:
	case METRIC_IO_WRITTEN:
		*value += 4096 * some(500);
		break;
	case METRIC_IO_READS:
	case METRIC_IO_WRITES:
	case METRIC_IO_SOME:
		*value += some(100);
		break;
	case METRIC_PAGE_FAULTS:
	case METRIC_PAGES_IN:
	case METRIC_PAGES_OUT:
		*value += some(3000);
		break;
	case METRIC_PIDS:
		*value = 5 + some(4);
		break;
	case METRIC_MEMORY:
	case METRIC_MEMORY_ANON:
	case METRIC_MEMORY_FILE:
	case METRIC_MEMORY_KERNEL:
	case METRIC_MEMORY_DIRTY:
	case METRIC_INACTIVE_ANON:
	case METRIC_ACTIVE_ANON:
	case METRIC_INACTIVE_FILE:
	case METRIC_ACTIVE_FILE:
	case METRIC_SLAB_RECLAIMABLE:
	case METRIC_SLAB_UNRECLAIMABLE:
	case METRIC_KERNEL_STACK:
	case METRIC_PAGE_TABLES:
		*value = (20000 + some(2000)) * 4096;
		break;
	default: /* the rare ones */
		break;
	}
}

/* Does container NUMBER move that metric in a second in which it does something? */
static bool does(unsigned number, enum metric metric)
{
	enum metric_view view = metrics[metric].view;

	if (view == VIEW_IO || metric == METRIC_IO_SOME)
		return number % 12 == 0;
	return number % 4 == 0 || view == VIEW_CPU || view == VIEW_MEMORY || view == VIEW_RECLAIM;
}

static int tick(struct store *store, struct container *all, unsigned n, int version, int64_t time)
{
	struct rbce_error err = {0};

	store_begin(store, time * 1000);
	for (unsigned i = 0; i < n; i++) {
		struct sample sample = {.name = all[i].name, .inode = i + 1};

		sample.same = i % 4 > 1 || (i % 4 == 1 && some(5) > 0);
		for (size_t m = 0; m < METRIC_TOTAL && !sample.same; m++)
			if (does(i, (enum metric)m))
				work(&all[i].values, (enum metric)m, version);
		sample.values = all[i].values;
		if (store_put(store, &sample) < 0)
			return -1;
	}
	if (store_commit(store, 0, false, &err) == 0)
		return 0;
	fprintf(stderr, "day: %s\n", err.message);
	return -1;
}

static struct container *make_containers(unsigned n, int version)
{
	struct container *all = n > 0 ? calloc(n, sizeof(*all)) : NULL;

	for (unsigned i = 0; all && i < n; i++) {
		snprintf(all[i].name, sizeof(all[i].name), "group%u/job%u", i / 20, i);
		for (size_t m = 0; m < METRIC_TOTAL; m++)
			if (is_told((enum metric)m, version))
				metric_set(&all[i].values, m, 0);
	}
	return all;
}

int main(int argc, char **argv)
{
	unsigned n = argc == 5 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	int version = argc == 5 ? (int)strtol(argv[3], NULL, 10) : 0;
	int64_t seconds = argc == 5 ? strtol(argv[4], NULL, 10) : 0, end = time(NULL);
	struct store_options options = {
		.path = argv[1], .group = "rbce", .boot = "boot", .interval = 1000};
	struct container *all = make_containers(n, version);
	struct store *store = NULL;
	int r = 0;

	if (!all || store_new(&options, &store, NULL) < 0) {
		fprintf(stderr, "usage: day DATABASE CONTAINERS VERSION SECONDS\n");
		return 2;
	}
	for (int64_t at = end - seconds; at <= end && r == 0; at++)
		r = tick(store, all, n, version, at);
	store_close(store);
	free(all);
	if (r == 0)
		printf("%.2f ms of CPU for a tick\n",
		       (double)clock() * 1e3 / CLOCKS_PER_SEC / (double)(seconds ?: 1));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
