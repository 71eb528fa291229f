// SPDX-License-Identifier: GPL-2.0-or-later
/* What is done to a container: guarded, killed, frozen, given more. Nothing here allocates. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "../lines.h"
#include "file.h"
#include "internal.h"
#include "util.h"

/* A group that forks faster than it is killed is left to the next look after so many rounds. */
enum { KILL_ROUNDS = 20 };

/* How long our kernel's OOM waits for us, microseconds. */
#define DELAY UINT64_C(10000000)

/* ---- the guard ---- */

/* What the next daemon has to know, where that is another thing than before. */
static void write_entry(struct oom *oom, struct oom_slot *slot)
{
	struct journal_entry *entry = slot->entry;
	bool grown = slot->limit > slot->base;
	uint64_t base = grown ? slot->base : 0, limit = grown ? slot->limit : 0;

	if (entry->guard == slot->guard && entry->base == base && entry->limit == limit &&
	    entry->frozen == slot->frozen && entry->delayed == slot->delayed)
		return;
	entry->guard = slot->guard;
	entry->base = base;
	entry->limit = limit;
	entry->frozen = slot->frozen;
	entry->delayed = slot->delayed;
	journal_write(oom->journal, entry);
}

/* Where our kernel can wait it is asked to, unless somebody has said for how long. */
static bool arm_delay(struct oom *oom, struct oom_slot *slot)
{
	uint64_t now;

	if (slot->files.delay < 0 || files_read(slot->files.delay, &now) < 0)
		return false;
	if (now == 0) {
		slot->delayed = true;
		write_entry(oom, slot);
		return files_write(slot->files.delay, DELAY) == 0;
	}
	return true;
}

/* memory.high below LIMIT, unless the rules or somebody else set one. */
static void set_guard(struct oom *oom, struct oom_slot *slot)
{
	uint64_t guard = slot->limit == OOM_UNLIMITED ? 0 : slot->limit - guard_band(slot->limit);
	uint64_t high;

	slot->level = guard_level(slot->limit);
	if (slot->config->has_high || files_read(slot->files.high, &high) < 0)
		return;
	if (high != OOM_UNLIMITED && high != slot->guard)
		return;
	if (guard == slot->guard && (guard ? high == guard : high == OOM_UNLIMITED))
		return;
	/* What lies there after a crash is known to be ours. */
	slot->guard = guard;
	write_entry(oom, slot);
	files_write(slot->files.high, guard ?: OOM_UNLIMITED);
}

static void guard_or_wait(struct oom *oom, struct oom_slot *slot)
{
	if (!slot->patient && !slot->delayed)
		set_guard(oom, slot);
}

void act_arm(struct oom *oom, struct oom_slot *slot)
{
	uint64_t limit;

	if (files_read(slot->files.max, &limit) == 0 && limit != slot->limit) {
		/* Somebody else set it: what has grown is no more. */
		slot->base = limit;
		slot->limit = limit;
		write_entry(oom, slot);
	}
	if (slot->files.version == 1) {
		slot->guard = 1;
		write_entry(oom, slot);
		slot->armed = file_write_fd(slot->files.events, "1", 1) == 0;
	} else {
		slot->patient = arm_delay(oom, slot);
		guard_or_wait(oom, slot);
	}
}

void act_disarm(struct oom *oom, struct oom_slot *slot)
{
	uint64_t high;

	if (slot->files.version == 1) {
		file_write_fd(slot->files.events, "0", 1);
		slot->armed = false;
	}
	if (slot->delayed)
		files_write(slot->files.delay, 0);
	if (slot->files.version == 2 && slot->guard && files_read(slot->files.high, &high) == 0 &&
	    high == slot->guard)
		files_write(slot->files.high, OOM_UNLIMITED);
	if (slot->guard || slot->delayed) {
		slot->guard = 0;
		slot->delayed = false;
		write_entry(oom, slot);
	}
}

/* ---- how short memory is ---- */

/* What the kernel could still take back. */
static uint64_t page_cache(const struct oom_slot *slot)
{
	char text[OOM_TEXT];

	if (slot->files.stat < 0 || file_pread(slot->files.stat, text, sizeof(text)) < 0)
		return 0;
	if (slot->files.version == 1)
		return line_number(text, "total_inactive_file") +
		       line_number(text, "total_active_file");
	return line_number(text, "inactive_file") + line_number(text, "active_file");
}

static bool is_at_limit(int usage_fd, int max_fd)
{
	uint64_t usage, max;

	return files_read(usage_fd, &usage) == 0 && files_read(max_fd, &max) == 0 &&
	       max != OOM_UNLIMITED && usage + guard_band(max) >= max;
}

/*
 * Tasks wait for memory. The kernel says so of groups below one that has reached its limit as well:
 * that is not theirs.
 */
static bool is_short_v1(const struct oom_slot *slot)
{
	char text[256];

	return file_pread(slot->files.events, text, sizeof(text)) >= 0 &&
	       line_number(text, "under_oom") != 0 &&
	       (is_at_limit(slot->files.usage, slot->files.max) ||
		is_at_limit(slot->files.memsw_usage, slot->files.memsw_max));
}

/* What the kernel said of tasks that wait holds until there is room; page cache gives them some. */
static bool is_short_patient(struct oom_slot *slot)
{
	uint64_t usage;

	if (slot->waits && files_read(slot->files.usage, &usage) == 0 && usage < slot->limit)
		slot->waits = false;
	return slot->waits;
}

/*
 * Over memory.high, and not for what can be reclaimed. Near memory.max that does not matter any
 * more: the kernel did not get it back.
 */
static bool is_short_v2(const struct oom_slot *slot)
{
	uint64_t usage, band = guard_band(slot->limit);

	if (slot->limit == OOM_UNLIMITED || files_read(slot->files.usage, &usage) < 0 ||
	    usage < slot->level)
		return false;
	return usage >= slot->limit - band / 8 || page_cache(slot) < band;
}

bool act_is_short(struct oom_slot *slot)
{
	if (slot->patient)
		return is_short_patient(slot);
	return slot->files.version == 1 ? is_short_v1(slot) : is_short_v2(slot);
}

bool act_fits(const struct oom_slot *slot, uint64_t limit)
{
	uint64_t usage, cache = page_cache(slot);

	if (files_read(slot->files.usage, &usage) < 0)
		return false;
	return usage - (cache < usage ? cache : usage) < limit - guard_band(limit);
}

/* ---- killing ---- */

/* Does the process stand in the container, or below? Its pid may mean another one by now. */
static bool is_inside(const struct oom *oom, const struct oom_slot *slot, pid_t pid)
{
	const struct rbce_mount *mount = rbce_hierarchy_find(oom->h, RBCE_MEMORY);
	char file[32], text[OOM_TEXT], path[OOM_TEXT];
	const char *rest;

	snprintf(file, sizeof(file), "%d/cgroup", pid);
	if (!mount || file_read_at(oom->proc, file, text, sizeof(text)) < 0 ||
	    rbce_hierarchy_task_path(oom->h, mount, text, path, sizeof(path)) < 0)
		return false;
	rest = *path == '/' ? after_prefix(path + 1, oom->group) : NULL;
	if (rest && *slot->name)
		rest = *rest == '/' ? after_prefix(rest + 1, slot->name) : NULL;
	return rest && (*rest == '\0' || *rest == '/');
}

int act_kill(struct oom *oom, struct oom_slot *slot, const struct oom_victim *victim)
{
	cleanup_close int fd = pidfd_open(victim->pid, 0);
	uint64_t start;

	/* The pidfd holds one process fast; it is the one that was chosen. */
	if (fd < 0 || victims_start(oom->proc, victim->pid, &start) < 0 || start != victim->start ||
	    !is_inside(oom, slot, victim->pid))
		return -ESRCH;
	return pidfd_send_signal(fd, SIGKILL, NULL, 0) < 0 ? -errno : TAKE_FD(fd);
}

struct round {
	struct oom *oom;
	struct oom_slot *slot;
	size_t killed;
};

static int kill_one(void *data, pid_t pid)
{
	struct round *round = data;
	cleanup_close int fd = pidfd_open(pid, 0);

	for (size_t i = 0; i < ARRAY_SIZE(round->oom->spared); i++)
		if (pid == round->oom->spared[i])
			return 0;
	if (fd >= 0 && is_inside(round->oom, round->slot, pid) &&
	    pidfd_send_signal(fd, SIGKILL, NULL, 0) == 0)
		round->killed++;
	return 0;
}

/* Processes that were forked during a round are met by the next. */
static int kill_in_rounds(struct oom *oom, struct oom_slot *slot)
{
	size_t last = SIZE_MAX;

	for (int i = 0; i < KILL_ROUNDS; i++) {
		struct round round = {oom, slot, 0};
		int r = victims_each(slot->files.dir, kill_one, &round);

		if (r < 0)
			return r;
		/* Those that were killed are there until they have ended. */
		if (round.killed == 0 || round.killed >= last)
			return 0;
		last = round.killed;
	}
	return 0;
}

int act_kill_all(struct oom *oom, struct oom_slot *slot)
{
	if (slot->files.kill >= 0 && file_write_fd(slot->files.kill, "1", 1) == 0)
		return 0;
	return kill_in_rounds(oom, slot);
}

/* ---- freezing, growing ---- */

int act_freeze(struct oom *oom, struct oom_slot *slot, bool on)
{
	const char *text = slot->files.freezer_v1 ? (on ? "FROZEN" : "THAWED") : on ? "1" : "0";

	if (slot->files.freeze < 0)
		return -EOPNOTSUPP;
	slot->frozen = on;
	write_entry(oom, slot);
	return file_write_fd(slot->files.freeze, text, strlen(text));
}

bool act_is_frozen(const struct oom_slot *slot)
{
	char text[16];

	/* "1", or v1's "FROZEN" and "FREEZING". */
	return slot->files.freeze >= 0 && file_pread(slot->files.freeze, text, sizeof(text)) > 0 &&
	       (*text == '1' || *text == 'F');
}

/* v1 keeps memory <= memory and swap: the room for swap stays what it is. */
static int set_limit_v1(struct oom_slot *slot, uint64_t limit)
{
	uint64_t memsw = OOM_UNLIMITED;
	int r;

	if (files_read(slot->files.memsw_max, &memsw) < 0 || memsw == OOM_UNLIMITED)
		return files_write(slot->files.max, limit);
	memsw = memsw > slot->limit ? memsw - slot->limit + limit : limit;
	if (limit >= slot->limit) {
		r = files_write(slot->files.memsw_max, memsw);
		return r < 0 ? r : files_write(slot->files.max, limit);
	}
	r = files_write(slot->files.max, limit);
	return r < 0 ? r : files_write(slot->files.memsw_max, memsw);
}

int act_set_limit(struct oom *oom, struct oom_slot *slot, uint64_t limit)
{
	uint64_t before = slot->limit, now;
	int r;

	limit -= limit % (uint64_t)sysconf(_SC_PAGESIZE);
	slot->limit = limit;
	write_entry(oom, slot);
	slot->limit = before;
	if (slot->files.version == 1) {
		r = set_limit_v1(slot, limit);
	} else if (limit > before) {
		r = files_write(slot->files.max, limit);
	} else {
		slot->limit = limit;
		guard_or_wait(oom, slot);
		r = files_write(slot->files.max, limit);
	}
	slot->limit = files_read(slot->files.max, &now) == 0 ? now : limit;
	if (slot->files.version == 2)
		guard_or_wait(oom, slot);
	write_entry(oom, slot);
	return r;
}
