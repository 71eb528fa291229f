/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How much a container uses now, out of files that are kept open. */
#ifndef RBCED_USE_H
#define RBCED_USE_H

#include <controllers/penalty.h>

struct use {
	enum penalty_resource resource;
	int usage, stat; /* -1 where there is none */
	bool cpuacct;    /* USAGE has nanoseconds */
	uint64_t used;   /* CPU time at the last look, microseconds */
};
#define USE_NONE ((struct use){.usage = -1, .stat = -1})

int use_open(struct use *use, enum penalty_resource resource, struct rbce_container *c);
void use_close(struct use *use);

static inline bool use_is_open(const struct use *use)
{
	return use->usage >= 0;
}

/*
 * In the unit of a penalty's amount. The CPU is what was used since the last look, which was so
 * many microseconds before; of the first (0) nothing is known.
 */
int use_read(struct use *use, uint64_t passed, uint64_t *ret);

#endif
