/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine's own numbers, for the head of top: pure functions of the texts of /proc. */
#ifndef STATS_TOP_HOST_H
#define STATS_TOP_HOST_H

#include <stdbool.h>
#include <stdint.h>

enum top_stall { TOP_STALL_CPU, TOP_STALL_MEMORY, TOP_STALL_IO };
enum { TOP_STALLS = TOP_STALL_IO + 1 };

struct top_host {
	uint64_t busy, idle; /* clock ticks since boot, over all CPUs */
	unsigned cpus;       /* 0: nothing is known of them */
	double cpu;          /* busy since the tick before, of all CPUs, 0 to 1; NAN at the first */
	uint64_t memory, memory_available; /* bytes, 0 where not known */
	uint64_t swap, swap_free;
	char load[32];            /* "0.50 0.40 0.30" */
	double stall[TOP_STALLS]; /* some, percent over ten seconds; NAN where not counted */
};

/* From /proc/stat: *cpu by the difference to what HOST held before. */
void top_host_read_stat(struct top_host *host, const char *text);
void top_host_read_memory(struct top_host *host, const char *text); /* /proc/meminfo */
void top_host_read_load(struct top_host *host, const char *text);   /* /proc/loadavg */
void top_host_read_stall(struct top_host *host, enum top_stall stall,
			 const char *text); /* /proc/pressure/ */

#endif
