/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of `containerstats top` share. */
#ifndef STATS_TOP_TOP_H
#define STATS_TOP_TOP_H

#include "host.h"
#include "model.h"
#include "source.h"

struct top {
	const char *group;
	const char *interval_text;
	uint64_t interval; /* microseconds */
	uint64_t count;    /* tables to print */
	bool json, colour;
	struct top_source *source;
	struct top_model *model;
	struct top_host host;
};

/* The view on the terminal, until somebody leaves it; an exit status. */
int top_watch(struct top *top);

#endif
