/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a process is allowed: for each resource the lowest limit of all that hold for it (its
 * cgroups and all above them in every hierarchy, its rlimits, the kernel's settings, the host), who
 * imposes it, and how much is used and left.
 */
#ifndef CONTROLLERS_LIMITS_H
#define CONTROLLERS_LIMITS_H

#include <rbce/error.h>
#include <rbce/hierarchy.h>
#include <rbce/root.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum limit_unit {
	LIMIT_BYTES,
	LIMIT_PERCENT, /* thousandths of a percent of one CPU */
	LIMIT_COUNT,
	LIMIT_SECONDS,
	LIMIT_USEC,
	LIMIT_BYTES_PER_SECOND,
	LIMIT_OPERATIONS_PER_SECOND,
};

/* "bytes", "millipercent": stable, for programs. */
const char *limit_unit_name(enum limit_unit unit);

enum limit_source {
	LIMIT_BY_NOBODY,
	LIMIT_BY_CONTAINER,
	LIMIT_BY_RLIMIT,
	LIMIT_BY_SYSCTL,
	LIMIT_BY_AFFINITY,
	LIMIT_BY_HOST,
};

/* "container", "rlimit": stable, for programs; "" for nobody. */
const char *limit_source_name(enum limit_source source);

enum { LIMIT_TEXT_SIZE = 1152, LIMIT_INSTANCE_SIZE = 48 };

struct limit {
	const char *resource; /* a controller key or an rlimit: "memory.max", "nofile" */
	const char *help;     /* one line */
	enum limit_unit unit;
	char instance[LIMIT_INSTANCE_SIZE]; /* io.max: device and kind, "254:0 rbps"; else "" */

	/*
	 * 0, -EOPNOTSUPP where this system has no such limit, or why a part of it could not be
	 * read; what is below holds for the rest.
	 */
	int status;

	/* The lowest limit, RBCE_UNLIMITED for none, and who imposes it. */
	uint64_t effective;
	enum limit_source source;
	char imposed_by[LIMIT_TEXT_SIZE]; /* "memory:/rbce/users memory.max", "host"; or "" */

	/* rlimits: what the process may raise it to itself. */
	bool has_hard;
	uint64_t hard;

	/* What is used there; for an rlimit also where it is unlimited. */
	bool has_usage;
	uint64_t usage;

	/*
	 * The least that is left under any of the limits. That may be another one than the lowest:
	 * a group above has a higher limit, but less of it free.
	 */
	bool has_free;
	uint64_t free;
	char free_by[LIMIT_TEXT_SIZE];

	/* Groups above impose more perhaps: a cgroup namespace hides them from the caller. */
	bool ancestors_hidden;
};

/*
 * Reads all limits of PID into a new array (free(3)): one item for each resource, io.max with one
 * for each device and kind that is limited. H is NULL on a system without cgroups; its root group
 * need not exist. -ESRCH when the process is gone.
 */
int limits_read(const struct rbce_root *root, const struct rbce_hierarchy *h, pid_t pid,
		struct limit **ret, size_t *ret_n, struct rbce_error *err);

/* All resources in the order of limits_read(), NULL behind the last; what each is, in one line. */
const char *limits_name(size_t index);
const char *limits_help(size_t index);

#endif
