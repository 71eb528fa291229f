/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the numbers of every container under the root group, and finds containers that come and go.
 *
 * Control files stay open between ticks (reading one again costs a tenth of opening it), as long as
 * descriptors last; beyond that, containers that do nothing keep two each. New groups are found by
 * the link count of the directory above, which cgroup file systems keep at two plus the number of
 * groups below; so an unchanged tree costs one fstat(2) per group, and changes made from another
 * mount or cgroup namespace are seen, which inotify(7) would miss. Groups that went answer reads
 * with ENODEV.
 *
 * A container that does nothing is not read whole: while its CPU time, memory, tasks and pressure
 * stand still, the rest is looked at every tenth tick. Where descriptors do not suffice for all
 * files of all containers, of one that has slept for ten ticks only the CPU time is looked at at
 * every tick, the others of these at every tenth, and the rest once in sixty.
 */
#ifndef STATS_SAMPLER_H
#define STATS_SAMPLER_H

#include <rbce/hierarchy.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devices.h"
#include "metrics.h"

/* The name under which the root group itself is recorded; no container's begins with a slash. */
#define SAMPLER_ROOT_NAME "/"

struct sample {
	const char *name;
	uint64_t inode; /* another one: the container was removed and made again */
	bool fresh;     /* it was made while we watched, so that its counters began at zero */
	bool same;      /* all values are those of the tick before */
	struct metric_values values;
	struct device_list devices;
};

struct sampler;

/*
 * H must outlive it. Descriptors below FD_LIMIT may be kept. The root group need not exist yet.
 * Release with sampler_close(), which takes NULL and returns NULL.
 */
int sampler_open(struct rbce_hierarchy *h, int fd_limit, struct sampler **ret,
		 struct rbce_error *err);
struct sampler *sampler_close(struct sampler *s);

/* Reads everything. -ENOMEM; then some containers keep their former values. */
int sampler_tick(struct sampler *s);

/*
 * The containers of the last tick, those above before those below; NULL after the last. Start with
 * NULL. What is returned holds until the next tick.
 */
const struct sample *sampler_next(const struct sampler *s, const struct sample *previous);

size_t sampler_count(const struct sampler *s);

#endif
