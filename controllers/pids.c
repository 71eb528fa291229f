// SPDX-License-Identifier: GPL-2.0-or-later
/* The number of tasks (processes and their threads) that a group may have: pids.max. */
#include "internal.h"

/* The kernel's own ceiling, PID_MAX_LIMIT on 64-bit machines. */
enum { PIDS_MAX = 4 << 20 };

const struct controller_key controller_pids_max = {
	.name = "pids.max",
	.help = "number of tasks (processes and threads), or max",
	.controller = RBCE_PIDS,
	.initial = "max",
	.unit = CONTROLLER_COUNT,
	.scope = SCOPE_LOWEST,
	.max = PIDS_MAX,
	.version =
		{
			[1] = {.file = "pids.max", .usage = "pids.current", .unlimited = "max"},
			[2] = {.file = "pids.max", .usage = "pids.current", .unlimited = "max"},
		},
};
