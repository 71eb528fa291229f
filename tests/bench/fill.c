// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fill DATABASE CONTAINERS: a record of a month up to now, through the store of containerstats: a
 * tick each ten minutes, and in the last hour one each second. Of four containers one is busy, one
 * does little, two are idle. Prints how many rows the newest tier and the hours have.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "stats/store/schema.h"
#include "stats/store/store.h"
#include "unsynced.h"

#define HOUR  INT64_C(3600)
#define MONTH (30 * 24 * HOUR)

struct container {
	char name[32];
	uint64_t cpu, memory, read, faults, stall;
};

/* What it has used SECONDS later. */
static void go_on(struct container *c, unsigned i, uint64_t seconds)
{
	uint64_t some = (uint64_t)random() % 1000;

	if (i % 4 > 1 || (i % 4 == 1 && some < 700))
		return;
	c->cpu += seconds * (i % 4 ? 2000 : 400000) + some;
	c->memory = 64 * 1048576 + some * 4096 * (i % 4 ? 1 : 50);
	c->read += i % 4 ? 0 : seconds * 4096 * some;
	c->faults += seconds * some;
	c->stall += seconds * some * 10;
}

static int tick(struct store *store, struct container *all, unsigned n, int64_t time,
		uint64_t seconds)
{
	struct rbce_error err = {0};

	store_begin(store, time * 1000);
	for (unsigned i = 0; i < n; i++) {
		struct container *c = &all[i];
		struct sample sample = {.name = c->name, .inode = i + 1};

		go_on(c, i, seconds);
		metric_set(&sample.values, METRIC_CPU, c->cpu);
		metric_set(&sample.values, METRIC_CPU_USER, c->cpu / 3 * 2);
		metric_set(&sample.values, METRIC_CPU_SYSTEM, c->cpu / 3);
		metric_set(&sample.values, METRIC_MEMORY, c->memory);
		metric_set(&sample.values, METRIC_MEMORY_ANON, c->memory / 2);
		metric_set(&sample.values, METRIC_MEMORY_FILE, c->memory / 4);
		metric_set(&sample.values, METRIC_PAGE_FAULTS, c->faults);
		metric_set(&sample.values, METRIC_IO_READ, c->read);
		metric_set(&sample.values, METRIC_IO_READS, c->read / 65536);
		metric_set(&sample.values, METRIC_PIDS, 1 + c->memory / 4096 % 7);
		metric_set(&sample.values, METRIC_CPU_SOME, c->stall);
		metric_set(&sample.values, METRIC_MEMORY_SOME, c->stall / 10);
		if (store_put(store, &sample) < 0)
			return -ENOMEM;
	}
	if (store_commit(store, 0, false, &err) == 0)
		return 0;
	fprintf(stderr, "fill: %s\n", err.message);
	return -EIO;
}

static int say_rows(const char *path)
{
	int64_t ticks = 0, hours = 0;
	sqlite3 *db;

	if (schema_open_reader(path, &db, NULL) != 0)
		return EXIT_FAILURE;
	schema_integer(db, "SELECT count(*) FROM samples", &ticks);
	schema_integer(db, "SELECT count(*) FROM hour_cpu", &hours);
	sqlite3_close(db);
	printf("%lld rows of ticks, %lld of hours of CPU\n", (long long)ticks, (long long)hours);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	unsigned n = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	struct store_options options = {
		.path = argv[1], .group = "rbce", .boot = "boot", .interval = 1000};
	struct container *all = n > 0 ? calloc(n, sizeof(*all)) : NULL;
	int64_t end = time(NULL), begin = end - MONTH, at;
	struct store *store = NULL;
	int r = 0;

	if (!all || store_new(&options, &store, NULL) < 0) {
		fprintf(stderr, "usage: fill DATABASE CONTAINERS\n");
		return 2;
	}
	for (unsigned i = 0; i < n; i++)
		snprintf(all[i].name, sizeof(all[i].name), "group%u/job%u", i / 20, i);
	for (at = begin - begin % 1800; at < end - HOUR && r == 0; at += 1800)
		r = tick(store, all, n, at, 1800);
	for (at = end - HOUR; at <= end && r == 0; at++)
		r = tick(store, all, n, at, 1);
	store_close(store);
	free(all);
	return r < 0 ? EXIT_FAILURE : say_rows(argv[1]);
}
