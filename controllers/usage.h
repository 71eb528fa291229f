/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a job used, as its container tells. */
#ifndef CONTROLLERS_USAGE_H
#define CONTROLLERS_USAGE_H

#include <rbce/container.h>
#include <stdint.h>

enum usage_unit { USAGE_IN_BYTES, USAGE_IN_USEC, USAGE_IN_PIECES };

struct usage {
	const char *title; /* for people */
	const char *key;   /* for programs: containerstats' name of it, with the unit */
	enum usage_unit unit;
	uint64_t amount;
};

/* Calls FUNCTION for each thing that is known of C in H, those below it included. */
typedef void usage_fn(void *data, const struct usage *usage);
void usage_each(struct rbce_hierarchy *h, struct rbce_container *c, usage_fn *function, void *data);

/* The amount for people, in BUF of RBCE_UNITS_SIZE bytes. */
const char *usage_format(const struct usage *usage, char *buf);

#endif
