// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Keys of the patch series in controllers/kernel/: dirty pages, and the time that an OOM kill
 * waits. On any other kernel they say that it has no such file.
 */
#include "internal.h"

#define EXBIBYTE (UINT64_C(1) << 60)

const struct controller_key controller_dirty_max = {
	.name = "dirty.max",
	.help = "dirty pages of files at which writers wait (256M, max; patched kernel)",
	.initial = "max",
	.controller = RBCE_MEMORY,
	.unit = CONTROLLER_BYTES,
	.scope = SCOPE_LOWEST,
	.flags = CONTROLLER_PATCHED,
	.max = 7 * EXBIBYTE,
	.version =
		{
			[2] = {.file = "memory.dirty.max",
			       .usage = "memory.dirty.current",
			       .unlimited = "max"},
		},
};

const struct controller_key controller_dirty_background = {
	.name = "dirty.background",
	.help = "dirty pages of files at which the kernel begins to write them (patched kernel)",
	.initial = "max",
	.controller = RBCE_MEMORY,
	.unit = CONTROLLER_BYTES,
	.scope = SCOPE_LOWEST,
	.flags = CONTROLLER_PATCHED,
	.max = 7 * EXBIBYTE,
	.version =
		{
			[2] = {.file = "memory.dirty.background",
			       .usage = "memory.dirty.current",
			       .unlimited = "max"},
		},
};

const struct controller_key controller_oom_delay = {
	.name = "oom.delay",
	.help = "time that tasks wait for help before one is killed for memory (patched kernel)",
	.initial = "0s",
	.controller = RBCE_MEMORY,
	.unit = CONTROLLER_TIME,
	.flags = CONTROLLER_PATCHED,
	.max = UINT64_C(1) << 53,
	.version = {[2] = {.file = "memory.oom.delay", .unlimited = "max"}},
};
