// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daylong DATABASE CONTAINERS HOURS [live]: a record of so many hours up to now, through the store
 * of containerstats: a tick each half minute, in the last ten minutes each second; with limits,
 * events, pressure, two disks and tasks that ended. The same at each call but for the time. With
 * "live" it goes on, a tick each second, until it is ended.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "stats/exits/tables.h"
#include "stats/store/schema.h"
#include "stats/store/store.h"
#include "unsynced.h"

#define MIB  UINT64_C(1048576)
#define HOUR 3600
#define PI   3.14159265358979

enum kind { SUM, PEOPLE, BUILDS, SERVICES, BATCH };

struct container {
	char name[48];
	enum kind kind;
	struct container *parent;
	double phase, size;
	struct metric_values values;
	uint64_t limit;
	unsigned kills;
};

static struct container *all;
static unsigned n_all;

static const char *const top_names[] = {
	[PEOPLE] = "users", [BUILDS] = "builds", [SERVICES] = "services", [BATCH] = "batch"};
static const char *const leaf_names[] = {
	[PEOPLE] = "u", [BUILDS] = "job-", [SERVICES] = "unit-", [BATCH] = "run-"};

static void make_containers(unsigned n)
{
	unsigned i = 0;

	n_all = n < 9 ? 9 : n;
	all = calloc(n_all, sizeof(*all));
	if (!all)
		exit(EXIT_FAILURE);
	snprintf(all[i++].name, sizeof(all->name), "/");
	for (enum kind k = PEOPLE; k <= BATCH; k++) {
		all[i].kind = SUM;
		all[i].parent = &all[0];
		snprintf(all[i++].name, sizeof(all->name), "%s", top_names[k]);
	}
	for (; i < n_all; i++) {
		struct container *c = &all[i];

		c->kind = (enum kind)(PEOPLE + i % 4);
		c->parent = &all[c->kind];
		c->phase = (i * 37 % 100) / 100.0;
		c->size = 0.2 + (i * 61 % 100) / 100.0;
		if (i % 3 != 0 && i > 12)
			c->size *= 0.03;
		snprintf(c->name, sizeof(c->name), "%s/%s%u", top_names[c->kind],
			 leaf_names[c->kind], (c->kind == PEOPLE ? 1000 : 0) + i / 4);
	}
	for (i = 0; i < n_all; i++)
		all[i].limit = (all[i].kind == SUM ? 12000 : 1024) * MIB;
}

/* How busy it is at a time, in CPUs: people by day, builds in bursts, batch by night. */
static double load_of(const struct container *c, int64_t time)
{
	double hour = (double)(time % 86400) / HOUR, wave = sin((double)time / 97 + c->phase * 40);
	double day = 0.5 - 0.5 * cos((hour - 3 + c->phase * 3) / 24 * 2 * PI);

	switch (c->kind) {
	case SUM:
		return 0;
	case PEOPLE:
		return c->size * 0.25 * day * day * (1 + 0.6 * wave);
	case BUILDS:
		return fmod((double)time / 1800 + c->phase * 7, 3) < 1
			       ? c->size * (0.5 + 0.1 * wave)
			       : 0.002;
	case SERVICES:
		return c->size * (0.05 + 0.07 * day) * (1 + 0.2 * wave);
	case BATCH:
		return c->size * 0.6 * (1 - day) * (1 + 0.05 * wave);
	}
	return 0;
}

static void grow(struct container *c, enum metric metric, double amount)
{
	for (; c; c = c->parent)
		metric_set(&c->values, metric,
			   (metric_known(&c->values, metric) ? c->values.value[metric] : 0) +
				   (uint64_t)(amount > 0 ? amount : 0));
}

static void add(struct container *c, enum metric metric, uint64_t amount)
{
	for (; c; c = c->parent)
		metric_set(&c->values, metric,
			   (metric_known(&c->values, metric) ? c->values.value[metric] : 0) +
				   amount);
}

static void set_limits(struct container *c)
{
	metric_set(&c->values, METRIC_LIMIT_CPU_QUOTA, c->kind == SUM ? 400000 : 50000);
	metric_set(&c->values, METRIC_LIMIT_CPU_PERIOD, 100000);
	metric_set(&c->values, METRIC_LIMIT_CPU_WEIGHT, 100);
	metric_set(&c->values, METRIC_LIMIT_MEMORY, c->limit);
	metric_set(&c->values, METRIC_LIMIT_MEMORY_HIGH, c->limit / 10 * 9);
	metric_set(&c->values, METRIC_LIMIT_MEMORY_LOW, c->limit / 4);
	metric_set(&c->values, METRIC_LIMIT_PIDS, 500);
	if (c == all)
		mask_drop(&c->values.known, METRIC_LIMIT_CPU_QUOTA);
}

static void go_on(struct container *c, int64_t time, double seconds)
{
	double load = load_of(c, time), usec = load * seconds * 1e6,
	       over = load > 0.5 ? load - 0.5 : 0;
	uint64_t memory = (uint64_t)((0.15 + 0.75 * sqrt(load > 1 ? 1 : load)) * 900) * MIB;

	grow(c, METRIC_CPU, usec);
	grow(c, METRIC_CPU_USER, usec * 0.8);
	grow(c, METRIC_CPU_SYSTEM, usec * 0.2);
	grow(c, METRIC_CPU_PERIODS, load > 0.01 ? seconds * 10 : 0);
	grow(c, METRIC_THROTTLED_PERIODS, over > 0 ? seconds * 4 : 0);
	grow(c, METRIC_THROTTLED, over * seconds * 1e6);
	grow(c, METRIC_PAGE_FAULTS, usec / 900);
	grow(c, METRIC_IO_READ, load > 0.05 ? load * seconds * 4e6 : 0);
	grow(c, METRIC_IO_WRITTEN, load > 0.05 ? load * seconds * 9e6 : 0);
	grow(c, METRIC_IO_READS, load > 0.05 ? load * seconds * 100 : 0);
	grow(c, METRIC_IO_WRITES, load > 0.05 ? load * seconds * 130 : 0);
	grow(c, METRIC_CPU_SOME, over * seconds * 6e5 + load * seconds * 2e4);
	grow(c, METRIC_CPU_FULL, over * seconds * 2e5);
	grow(c, METRIC_MEMORY_SOME, load > 0.6 ? seconds * 3e4 : 0);
	grow(c, METRIC_MEMORY_FULL, load > 0.6 ? seconds * 1e4 : 0);
	grow(c, METRIC_IO_SOME, load * seconds * 5e4);
	grow(c, METRIC_IO_FULL, load * seconds * 2e4);
	add(c, METRIC_MEMORY, memory);
	add(c, METRIC_MEMORY_ANON, memory / 8 * 5);
	add(c, METRIC_MEMORY_FILE, memory / 4);
	add(c, METRIC_SWAP, load > 0.6 ? 20 * MIB : 0);
	add(c, METRIC_PIDS, 1 + (uint64_t)(load * 12));
	grow(c, METRIC_NET_SENT, c->kind == SERVICES ? load * seconds * 2e6 : 0);
	grow(c, METRIC_NET_CONNECT_DENIED, c->kind == SERVICES && time % 600 < 10 ? 1 : 0);
}

static void tell(struct store *store, int64_t time, const char *name, const char *event,
		 const char *action, const char *detail)
{
	struct told *told = calloc(1, sizeof(*told));

	if (!told)
		exit(EXIT_FAILURE);
	told->time = time * 1000;
	told->event = strdup(event);
	told->container = strdup(name);
	told->action = strdup(action);
	told->detail = strdup(detail);
	store_tell(store, told);
}

/* What the daemon would tell: moves by rules, and now and then something that went wrong. */
static void tell_events(struct store *store, int64_t time, int64_t seconds)
{
	struct container *c = &all[5 + time / seconds % (n_all - 5)];
	char detail[256];

	if (time / seconds % 7 == 0) {
		snprintf(detail, sizeof(detail),
			 "{\"event\":\"decision\",\"rule\":\"%s\",\"to\":\"%s\",\"outcome\":"
			 "\"moved\","
			 "\"executable\":\"/usr/bin/make\"}",
			 top_names[c->kind], c->name);
		tell(store, time, c->name, "decision", "moved", detail);
	}
	if (time % 7200 < seconds)
		tell(store, time, "builds/job-3", "oom", "kill-largest",
		     "{\"event\":\"oom\",\"victim\":\"cc1plus\",\"freed\":734003200}");
	if (time % 14400 < seconds)
		tell(store, time, "/", "reload", "reload", "{\"event\":\"reload\",\"rules\":12}");
	if (time % 21600 < seconds)
		tell(store, time, "users/u1003", "penalty", "begun",
		     "{\"event\":\"penalty\",\"rule\":\"hogs\"}");
}

/* Of two disks one does a quarter: as stats/store/devices.c would have written it. */
static int write_devices(void *data, sqlite3 *db, int64_t time)
{
	static const char disks[] = "(SELECT 1 AS id, 0.75 AS part UNION SELECT 2, 0.25)";
	char *sql = sqlite3_mprintf(
		"INSERT OR IGNORE INTO devices VALUES(1, '8:0', 'sda'), (2, '259:0', 'nvme0n1');"
		"INSERT OR REPLACE INTO device_io SELECT u.time, u.generation, d.id,"
		" CAST(u.period * 1000 AS INTEGER), CAST(io_read_bytes * part AS INTEGER),"
		" CAST(io_written_bytes * part AS INTEGER), CAST(io_reads * part AS INTEGER),"
		" CAST(io_writes * part AS INTEGER), 0, 0 FROM usage u CROSS JOIN %s d"
		" WHERE u.time = %lld / 1000.0 AND u.io_written_bytes > 0;"
		"INSERT OR REPLACE INTO device_counters SELECT k.container, d.id, k.time,"
		" CAST(io_read_bytes * part AS INTEGER), CAST(io_written_bytes * part AS INTEGER),"
		" CAST(io_reads * part AS INTEGER), CAST(io_writes * part AS INTEGER), 0, 0"
		" FROM counters k CROSS JOIN %s d WHERE k.time = %lld",
		disks, (long long)time, disks, (long long)time);
	int rc = sql ? schema_run(db, sql) : SQLITE_NOMEM;

	(void)data;
	sqlite3_free(sql);
	return rc;
}

static void stored_devices(void *data)
{
	(void)data;
}

/* SECONDS after the one before. */
static int tick(struct store *store, int64_t time, int64_t seconds)
{
	static const enum metric anew[] = {METRIC_MEMORY, METRIC_MEMORY_ANON, METRIC_MEMORY_FILE,
					   METRIC_SWAP, METRIC_PIDS};
	struct rbce_error err = {0};

	store_begin(store, time * 1000);
	for (unsigned i = 0; i < n_all; i++)
		for (size_t k = 0; k < sizeof(anew) / sizeof(anew[0]); k++)
			metric_set(&all[i].values, anew[k], 0);
	for (unsigned i = 5; i < n_all; i++)
		go_on(&all[i], time, (double)seconds);
	tell_events(store, time, seconds);
	for (unsigned i = 0; i < n_all; i++) {
		struct sample sample = {.name = all[i].name, .inode = i + 1};

		set_limits(&all[i]);
		sample.values = all[i].values;
		if (store_put(store, &sample) < 0)
			return -ENOMEM;
	}
	if (store_commit(store, 0, false, &err) == 0)
		return 0;
	fprintf(stderr, "daylong: %s\n", err.message);
	return -EIO;
}

/* Tasks that ended, of a few programs, each ten minutes. */
static int add_exits(const char *path, int64_t begin, int64_t end)
{
	static const char *const programs[] = {"/usr/bin/make", "/usr/lib/gcc/cc1",
					       "/usr/bin/python3", "/usr/bin/rsync", "/bin/sh"};
	sqlite3 *db = NULL;
	int rc = schema_open_writer(path, &db, NULL) < 0 ? SQLITE_ERROR : schema_run(db, "BEGIN");

	for (int64_t at = begin; at < end && rc == SQLITE_OK; at += 600)
		for (unsigned i = 5; i < n_all && i < 40 && rc == SQLITE_OK; i++) {
			unsigned p = (unsigned)((at / 600 + i) % 5);
			struct exit_key key = {.container = all[i].name,
					       .path = programs[p],
					       .comm = strrchr(programs[p], '/') + 1,
					       .uid = 1000 + i,
					       .place = PLACE_CONTAINER};
			struct usage u = {0};
			uint64_t busy = (uint64_t)(load_of(&all[i], at) * 1e6);

			u.value[USAGE_EXITS] = 3 + i % 5;
			u.value[USAGE_FAILED] = i % 9 == 0;
			u.value[USAGE_ELAPSED] = busy * 300;
			u.value[USAGE_CPU_USER] = busy * 200;
			u.value[USAGE_CPU_SYSTEM] = busy * 50;
			u.value[USAGE_RSS] = 80 * MIB;
			u.value[USAGE_CPU_DELAY] = busy * 20;
			u.value[USAGE_BLOCK_DELAY] = busy * 9;
			u.value[USAGE_RECLAIM_DELAY] = busy;
			rc = exit_tables_add(db, at * 1000, 600000, &key, &u);
		}
	if (rc == SQLITE_OK)
		rc = schema_run(db, "COMMIT");
	sqlite3_close(db);
	return rc == SQLITE_OK ? 0 : -EIO;
}

static int go_on_live(struct store *store, int64_t last)
{
	struct timespec second = {.tv_sec = 1};
	int64_t now;
	int r = 0;

	while (r == 0) {
		nanosleep(&second, NULL);
		now = time(NULL);
		if (now > last)
			r = tick(store, now, now - last);
		last = now;
	}
	return r;
}

int main(int argc, char **argv)
{
	unsigned n = argc >= 4 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	int64_t hours = argc >= 4 ? strtol(argv[3], NULL, 10) : 0;
	struct store_options options = {
		.path = argv[1], .group = "rbce", .boot = "boot", .interval = 1000};
	int64_t end = time(NULL), begin = end - hours * HOUR, at, last = 0;
	const struct store_part devices = {.write = write_devices, .stored = stored_devices};
	struct store *store = NULL;
	int r = 0;

	if (n == 0 || hours <= 0 || store_new(&options, &store, NULL) < 0) {
		fprintf(stderr, "usage: daylong DATABASE CONTAINERS HOURS [live]\n");
		return 2;
	}
	store_add_part(store, &devices);
	make_containers(n);
	for (at = begin - begin % 30; at < end - 600 && r == 0; at += 30)
		r = tick(store, last = at, 30);
	for (; at <= end && r == 0; at++) {
		r = tick(store, at, at - last);
		last = at;
	}
	if (r == 0)
		r = add_exits(argv[1], begin, end);
	if (r == 0 && argc == 5 && strcmp(argv[4], "live") == 0)
		r = go_on_live(store, last);
	store_close(store);
	free(all);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
