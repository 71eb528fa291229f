/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which metrics of which containers a command line asks for, and in what steps. */
#ifndef STATS_SELECTION_H
#define STATS_SELECTION_H

#include "points.h"

enum { SELECTION_CONTAINERS_MAX = 256 };

struct selection {
	struct points_wish wish;
	const char *patterns[SELECTION_CONTAINERS_MAX];
};

/* For tables of options (options.h), with a struct selection; they say what is wrong. */
int selection_add_metrics(const char *argument, void *data); /* "cpu_seconds,memory_bytes:max" */
int selection_add_container(const char *argument, void *data);
int selection_set_step(const char *argument, void *data);

/* Is the container one of them? All are, where none was named. */
bool selection_wants(const struct points_wish *wish, const char *container);

#endif
