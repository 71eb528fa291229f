/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the value of the key penalty means. It is kept by the daemon (rbced/penalty.c). */
#ifndef CONTROLLERS_PENALTY_H
#define CONTROLLERS_PENALTY_H

#include <controllers/controllers.h>

enum penalty_resource { PENALTY_CPU, PENALTY_MEMORY, PENALTY_PIDS };

enum { PENALTY_LEVELS = 6, PENALTY_LIMITS = 4, PENALTY_VALUE = 48 };

struct penalty_limit {
	const struct controller_key *key;
	char value[PENALTY_VALUE];
};

struct penalty_level {
	size_t n;
	struct penalty_limit limits[PENALTY_LIMITS];
	uint64_t time; /* microseconds that they hold */
};

/* "cpu>80% for 10min -> cpu.max=50% for 30min, then 25% for 1h" */
struct penalty {
	enum penalty_resource resource;
	uint64_t amount; /* thousandths of a percent of one CPU, bytes, tasks */
	uint64_t time;   /* that more is used before there is a penalty, microseconds */
	size_t n;
	struct penalty_level levels[PENALTY_LEVELS];
};
int penalty_parse(const char *value, struct penalty *ret, struct rbce_error *err);

/* The lower of two values of a limit; either of them, borrowed. */
const char *penalty_lower(const struct controller_key *key, const char *a, const char *b);

#endif
