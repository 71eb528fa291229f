/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the numbers themselves tell of as events, whoever was the cause: a limit that is another
 * than before, processes that the kernel killed for want of memory.
 */
#ifndef STATS_NOTICE_H
#define STATS_NOTICE_H

#include "listen.h"
#include "metrics.h"

/*
 * Calls FUNCTION with each event, which is its own from then on, of container NAME between two
 * looks at it, the second at TIME (ms). -ENOMEM.
 */
int notice(const char *name, int64_t time, const struct metric_values *before,
	   const struct metric_values *now, listener_fn *function, void *data);

#endif
