/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points in time as people write them on a command line. */
#ifndef STATS_TIMES_H
#define STATS_TIMES_H

#include <stdint.h>

/*
 * "2026-11-23", "2026-11-23 10:00", "2026-11-23T10:00:05" (local time, or UTC with a Z behind),
 * seconds since the epoch ("1795428000.5"), or how long before NOW ("10min"). Milliseconds since
 * the epoch. -EINVAL, -ERANGE.
 */
int times_parse(const char *text, int64_t now, int64_t *ret);

/* Milliseconds since the epoch now, by the system's clock. */
int64_t times_now(void);

/*
 * Of the grid of INTERVAL, the point to be served after SERVED, NOW: the first that is not more
 * than a quarter of the interval ago. All in one unit.
 */
int64_t times_next_point(int64_t now, int64_t served, int64_t interval);

/* "2026-11-23 10:00:05" in local time. BUF needs TIMES_SIZE bytes; returned for convenience. */
#define TIMES_SIZE 32
char *times_format(int64_t ms, char *buf);

#endif
