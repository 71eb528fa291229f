/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the values of the keys oom.* mean. They are kept by the daemon (rbced/oom/). */
#ifndef CONTROLLERS_OOM_H
#define CONTROLLERS_OOM_H

#include <rbce/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum oom_kind {
	OOM_KILL_LARGEST,
	OOM_KILL_NEWEST,
	OOM_KILL_ALL,
	OOM_FREEZE, /* and ask */
	OOM_GROW,
	OOM_HOOK,
};
enum { OOM_KIND_COUNT = OOM_HOOK + 1 };
const char *oom_kind_name(enum oom_kind kind);

enum { OOM_STEPS = 6, OOM_PATH_SIZE = 256 };

struct oom_step {
	enum oom_kind kind;
	uint64_t by, cap; /* OOM_GROW: bytes */

	/*
	 * "for TIME", microseconds: how long an answer is waited for (OOM_FREEZE), the hook may run
	 * (OOM_HOOK), a limit stays grown after it was last short (OOM_GROW).
	 */
	uint64_t time;
	char path[OOM_PATH_SIZE]; /* OOM_HOOK */
};

/* What is done when memory runs out: the first step, the next where that did not help. */
struct oom_policy {
	size_t n;
	struct oom_step steps[OOM_STEPS];
};

/* "grow 64M to 1G for 1min, then kill-largest". Of "none" N is 0. */
int oom_policy_parse(const char *value, struct oom_policy *ret, struct rbce_error *err);

/* Is one of the steps KIND? */
bool oom_policy_has(const struct oom_policy *policy, enum oom_kind kind);

/* A program that is run before something is killed. */
struct oom_prekill {
	char path[OOM_PATH_SIZE];
	uint64_t time; /* that is waited for it, microseconds */
};
int oom_prekill_parse(const char *value, struct oom_prekill *ret, struct rbce_error *err);

/* Stalls of THRESHOLD within WINDOW, microseconds: as the kernel's pressure triggers take it. */
struct oom_pressure {
	bool full; /* all tasks stall, not some */
	uint64_t threshold, window;
};
int oom_pressure_parse(const char *value, struct oom_pressure *ret, struct rbce_error *err);

/*
 * A list of patterns, "cc1*, /opt/db/bin/?erver": one with a slash is for the path of the
 * executable, which may be NULL, others for its last component and for the task's own name. '*'
 * stands for anything, '?' for one byte. Allocates nothing.
 */
bool oom_patterns_match(const char *patterns, const char *path, const char *comm);

#endif
