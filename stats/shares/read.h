/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the scheduler tells of a group of tasks and of the CPUs: how long it ran and where, how long
 * it waited while it could have run, its weight and what throttled it.
 *
 * Ran on each CPU: v1's cpuacct.usage_percpu; on v2, which has no such file, the debug file of the
 * scheduler (debugfs, CONFIG_SCHED_DEBUG). Waited: the scheduler's own sums
 * (kernel.sched_schedstats) in that file or in v1's cpu.stat; else what pressure (PSI) tells, less
 * what was throttling.
 */
#ifndef STATS_SHARES_READ_H
#define STATS_SHARES_READ_H

#include <rbce/hierarchy.h>
#include <stdbool.h>
#include <stdint.h>

/* All times are sums since the group began, microseconds. */
struct share_cpu {
	uint64_t ran;
	uint64_t waited;
};

struct share_reading {
	bool exists;
	size_t n_cpus;         /* 0: not known for single ones */
	struct share_cpu *cpu; /* owned by the caller's array, SHARES_CPUS_MAX long */
	uint64_t ran;
	bool has_waited;    /* `waited` is the scheduler's sum */
	bool has_cpu_waits; /* and those of the CPUs are */
	uint64_t waited;
	bool has_full;
	uint64_t full;   /* tasks could have run and none did, averaged over the CPUs in use */
	uint64_t weight; /* as cpu.weight has it, 100 being usual */
	uint64_t periods, throttled_periods, throttled;
};

enum { SHARES_CPUS_MAX = 1024 };

struct share_files;

/* H must outlive it. NULL when out of memory. */
struct share_files *share_files_new(const struct rbce_hierarchy *h);
struct share_files *share_files_free(struct share_files *f);

/* Begins a round of readings: what is read once for all groups is read anew. */
void share_files_begin(struct share_files *f);

/* The container NAME; "/" the root group; NULL: the top of the hierarchies, with all tasks in it.
 */
void share_files_read(struct share_files *f, const char *name, struct share_reading *ret);

/* The times of each CPU, as /proc/stat has them. Returns how many CPUs there are in ROWS. */
enum cpu_time { CPU_USER, CPU_NICE, CPU_SYSTEM, CPU_IRQ, CPU_STEAL, CPU_IDLE, CPU_IOWAIT };
enum { CPU_TIMES = CPU_IOWAIT + 1 };
struct cpu_times {
	bool known;
	uint64_t usec[CPU_TIMES];
};
size_t share_read_stat(const char *text, struct cpu_times *rows, size_t n);
size_t share_files_cpus(struct share_files *f, struct cpu_times *rows, size_t n);

/*
 * Out of the text of the scheduler's debug file: of the group PATH, what each CPU gave and how long
 * it waited. Returns the number of the highest CPU and one, 0 when the group is not in it. *WAITS
 * tells whether waits were counted.
 */
size_t share_read_debug(const char *text, const char *path, struct share_cpu *cpus, size_t n,
			bool *waits);

/* "1234 5678 " in nanoseconds. Returns how many there were. */
size_t share_read_percpu(const char *text, struct share_cpu *cpus, size_t n);

#endif
