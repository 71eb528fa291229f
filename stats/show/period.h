/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The period that a command line asks for. */
#ifndef STATS_PERIOD_H
#define STATS_PERIOD_H

#include <stdint.h>

#include "cli/options.h"

/* As given; --from and --to are other words for --since and --until. */
struct period_options {
	const char *since, *until, *from, *to, *last;
};

/* The rows of a command's table of options; O is a struct period_options. */
#define PERIOD_OPTIONS(o)                                                                          \
	OPTION_TEXT("since", "TIME", "begin of the period (of the record)", &(o).since),           \
		OPTION_TEXT("until", "TIME", "end of the period (now)", &(o).until),               \
		OPTION_TEXT("last", "TIME", "so long before its end", &(o).last),                  \
		OPTION_TEXT("from", "TIME", "the same as --since", &(o).from),                     \
		OPTION_TEXT("to", "TIME", "the same as --until", &(o).to)

#define PERIOD_HELP "Times: '2026-11-23 10:00', seconds since the epoch, or how long ago ('10min')."

/* Milliseconds since the epoch. INT64_MIN / 2: no begin was asked for. */
struct period {
	int64_t from, until;
};

/* -EINVAL after saying why. */
int period_parse(const struct period_options *options, struct period *ret);

#endif
