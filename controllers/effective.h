/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What holds for a container, by its own value and those of the groups above it. */
#ifndef CONTROLLERS_EFFECTIVE_H
#define CONTROLLERS_EFFECTIVE_H

#include "controllers.h"

/* One group on the way down to the container, which is the last. */
struct effective_level {
	char *container; /* "." the suite's root group, "/" the top of the hierarchy */
	char *value;     /* its own */
};

struct effective {
	struct effective_level *levels;
	size_t n;
	char *value;      /* what holds */
	char *decided_by; /* the container whose value that is, several for io.max; "" for none */
};

/*
 * Reads KEY for the container NAME and all above it. 0, -EOPNOTSUPP and the like as
 * controller_get() of the container itself; release with effective_done(), which takes an empty
 * one.
 */
int effective_read(const struct controller_key *key, struct rbce_hierarchy *h, const char *name,
		   struct effective *ret, struct rbce_error *err);
void effective_done(struct effective *e);

#endif
