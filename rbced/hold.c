// SPDX-License-Identifier: GPL-2.0-or-later
/* Tasks that are out of the rules' hands; see hold.h. */
#include "hold.h"

#include <core/cli/log.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <sys/stat.h>

#include "job.h"
#include "util.h"

/* "memory:/users/bob" */
enum { FOUND_MAX = PATH_MAX + 256 };

enum whereabouts {
	IN_PLACE,
	ENDING,   /* not to be told any more */
	LEFT_OUT, /* its container is gone, and it stands in a group above: it went up with it */
	UNIT,     /* in a unit: systemd put it there, and from-systemd says what rules may do */
	ELSEWHERE,
};

/* The container PLACE has no group in the hierarchy, and PATH is one above where it was. */
static bool went_up(const struct engine *engine, const struct rbce_mount *mount, const char *place,
		    const char *path)
{
	cleanup_free char *group = NULL;
	const char *below;
	struct stat st;

	if (asprintf(&group, "/%s/%s", rbce_hierarchy_group(engine->h), place) < 0) {
		group = NULL;
		return false;
	}
	if (fstatat(mount->fd, group + 1, &st, 0) == 0)
		return false;
	below = after_prefix(group, path);
	return below && (*below == '/' || streq(path, "/"));
}

/*
 * Read anew, with the lock: moves of our own that came after the facts were read do not deceive.
 * FOUND has FOUND_MAX bytes, and is set for ELSEWHERE.
 */
static enum whereabouts look_for(struct engine *engine, const struct record *record, char *found)
{
	CLEANUP(rbce_task_done) struct rbce_task where = {0}, now = {0};
	const struct rbce_mount *mount;
	cleanup_free char *unit = NULL;
	int r;

	/* In this order: a task that ends stands in the root group, as far as v1 tells. */
	if (rbce_task_read(engine->root, record->pid, RBCE_FACT_CGROUP, &where, NULL) < 0 ||
	    rbce_task_read(engine->root, record->pid, RBCE_FACT_STAT, &now, NULL) < 0 ||
	    records_find(engine->records, record->pid, now.start) != record || now.ending)
		return ENDING;
	r = rbce_hierarchy_stray_of(engine->h, where.cgroup, record->place, &mount, found,
				    FOUND_MAX);
	if (r < 0)
		return IN_PLACE;
	if (rbce_hierarchy_unit_of_path(engine->h, strchrnul(found, '/'), &unit) == 0)
		return UNIT;
	return went_up(engine, mount, record->place, strchrnul(found, '/')) ? LEFT_OUT : ELSEWHERE;
}

static void hold_foreign(struct engine *engine, const struct record *record, const char *found)
{
	log_info("process %d was put into '%s', and others moved it to '%s': it is left alone "
		 "until it is released",
		 record->pid, record->place, found);
	records_hold(engine->records, record->pid, record->start, HOLD_FOREIGN, record->place,
		     found);
}

/* True when the task is not to be moved; then *RET is set. */
static bool check_place(struct engine *engine, const struct record *record, enum outcome *ret)
{
	char found[FOUND_MAX];

	switch (look_for(engine, record, found)) {
	case IN_PLACE:
		return false;
	case ENDING:
		*ret = OUTCOME_GONE;
		return true;
	case LEFT_OUT:
	case UNIT:
		records_set_place(engine->records, record->pid, record->start, NULL);
		return false;
	case ELSEWHERE:
		break;
	}
	hold_foreign(engine, record, found);
	*ret = OUTCOME_FOREIGN;
	return true;
}

/* Does the task stand where its held parent does? */
static bool stands_with(const struct engine *engine, const struct rbce_task *task,
			const struct record *parent)
{
	const struct rbce_mount *mount;
	char found[FOUND_MAX];

	if (!parent->place)
		return false;
	if (parent->hold == HOLD_STICKY)
		return engine_stands_in(task, parent->place);
	return parent->hold == HOLD_FOREIGN && parent->found &&
	       rbce_hierarchy_stray_of(engine->h, task->cgroup, parent->place, &mount, found,
				       sizeof(found)) == 0 &&
	       streq(found, parent->found);
}

/*
 * A task of which nothing is known has its parent's hold, if the event of its fork was lost; and
 * one in a job is held there: it joined while this did not answer, or its parent has ended.
 */
static bool adopt(struct engine *engine, const struct rbce_task *task)
{
	const struct record *parent = records_find_pid(engine->records, task->ppid);

	if (!parent || !stands_with(engine, task, parent)) {
		if (!task->container || !job_has(engine, task->container))
			return false;
		records_hold(engine->records, task->pid, task->start, HOLD_STICKY, task->container,
			     NULL);
		return true;
	}
	records_hold(engine->records, task->pid, task->start, parent->hold, parent->place,
		     parent->found);
	return true;
}

/* Who moved it did so to remove its container, as a source that tells of moves sees it. */
static bool is_removed(const struct engine *engine, const struct rbce_task *task,
		       const struct record *record)
{
	const struct rbce_mount *mount;
	char found[FOUND_MAX];

	return record->place &&
	       rbce_hierarchy_stray_of(engine->h, task->cgroup, record->place, &mount, found,
				       sizeof(found)) == 0 &&
	       went_up(engine, mount, record->place, strchrnul(found, '/'));
}

bool hold_applies(struct engine *engine, const struct rbce_task *task, const struct record *record,
		  enum outcome *ret)
{
	if (!record) {
		if (!adopt(engine, task))
			return false;
		record = records_find(engine->records, task->pid, task->start);
		if (!record)
			return false;
	}
	switch (record->hold) {
	case HOLD_MANUAL:
	case HOLD_STICKY:
		*ret = OUTCOME_MANUAL;
		return true;
	case HOLD_FOREIGN:
		if (!is_removed(engine, task, record)) {
			*ret = OUTCOME_FOREIGN;
			return true;
		}
		records_hold(engine->records, task->pid, task->start, HOLD_NONE, NULL, NULL);
		return false;
	case HOLD_NONE:
		break;
	}
	return record->place && !engine_stands_in(task, record->place) &&
	       check_place(engine, record, ret);
}

/* Does it stand where others moved its parent to, before it began? Both are held then. */
static bool moved_with_parent(struct engine *engine, const struct rbce_task *task)
{
	const struct record *own = records_find(engine->records, task->pid, task->start);
	const struct record *parent = records_find_pid(engine->records, task->ppid);
	enum outcome outcome;

	if ((own && (own->place || own->released)) || !parent || parent->hold != HOLD_NONE ||
	    !parent->place || engine_stands_in(task, parent->place))
		return false;
	return check_place(engine, parent, &outcome) && outcome == OUTCOME_FOREIGN &&
	       adopt(engine, task);
}

/*
 * It stood in PLACE where it belongs, though nobody told of it: a source that knows what is right
 * tells of moves only.
 */
static bool moved_from(struct engine *engine, const struct rbce_task *task, const char *place)
{
	const struct record *record;
	enum outcome outcome;

	records_set_place(engine->records, task->pid, task->start, place);
	record = records_find(engine->records, task->pid, task->start);
	return record && check_place(engine, record, &outcome);
}

bool hold_before_move(struct engine *engine, const struct rbce_task *task, const char *name,
		      enum cause cause)
{
	return cause == CAUSE_MOVED ? moved_from(engine, task, name)
				    : moved_with_parent(engine, task);
}

struct removal {
	struct engine *engine;
	const char *name;
};

static void check_removed(void *data, const struct record *record)
{
	const struct removal *removal = data;
	enum outcome outcome;

	if (!record->place || !streq(record->place, removal->name))
		return;
	if (record->hold == HOLD_NONE)
		check_place(removal->engine, record, &outcome);
	/* From now on it does not say anything that the container is gone. */
	if (record->hold == HOLD_FOREIGN)
		records_set_place(removal->engine->records, record->pid, record->start, NULL);
}

void hold_before_removal(struct engine *engine, const char *name)
{
	struct removal removal = {engine, name};

	records_each(engine->records, check_removed, &removal);
}

void engine_moved_by_other(struct engine *engine, pid_t pid, pid_t mover, const char *comm)
{
	const struct record *record;

	engine->counters.events[CAUSE_MOVED]++;
	if (mover == getpid())
		return;
	engine_classify(engine, pid, CAUSE_MOVED);
	record = records_find_pid(engine->records, pid);
	if (record && record->hold == HOLD_FOREIGN && !record->mover)
		records_set_mover(engine->records, pid, record->start, mover, comm);
}

bool hold_is_realtime(struct engine *engine, pid_t pid)
{
	char path[64];
	int policy = 0;
	cleanup_dir DIR *dir = NULL;
	const struct dirent *entry;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = take_directory(rbce_root_openat(engine->root, path, O_RDONLY | O_DIRECTORY));
	while (dir && policy != SCHED_FIFO && policy != SCHED_RR && (entry = readdir(dir))) {
		pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (tid > 0)
			policy = sched_getscheduler(tid) & ~SCHED_RESET_ON_FORK;
	}
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

/* ---- giving back ---- */

struct kin {
	pid_t pid, ppid;
	uint64_t start;
	bool descends;
};

/* The tasks that there are now, with their parents, in a new array. */
static int list_kin(struct engine *engine, struct kin **ret, size_t *ret_n)
{
	cleanup_free pid_t *pids = NULL;
	struct kin *kin;
	size_t n, kept = 0;
	int r = rbce_task_list(engine->root, &pids, &n, NULL);

	if (r < 0)
		return r;
	kin = calloc(n + 1, sizeof(*kin));
	if (!kin)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct rbce_task task;

		if (rbce_task_read(engine->root, pids[i], RBCE_FACT_STAT, &task, NULL) < 0)
			continue;
		kin[kept++] = (struct kin){task.pid, task.ppid, task.start, false};
		rbce_task_done(&task);
	}
	*ret = kin;
	*ret_n = kept;
	return 0;
}

/* Sorted by pid, as listed. */
static struct kin *find_kin(struct kin *kin, size_t n, pid_t pid)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (kin[middle].pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && kin[low].pid == pid ? &kin[low] : NULL;
}

/* Those that descend from PID, and it. A child may have a lower pid than its parent. */
static void mark_kin(struct kin *kin, size_t n, pid_t pid)
{
	struct kin *first = find_kin(kin, n, pid);
	bool more = first != NULL;

	if (first)
		first->descends = true;
	while (more) {
		more = false;
		for (size_t i = 0; i < n; i++) {
			const struct kin *parent = find_kin(kin, n, kin[i].ppid);

			if (kin[i].descends || !parent || !parent->descends)
				continue;
			kin[i].descends = more = true;
		}
	}
}

static bool is_held(struct engine *engine, pid_t pid, uint64_t start)
{
	const struct record *record = records_find(engine->records, pid, start);

	return record && record->hold != HOLD_NONE;
}

int hold_release(struct engine *engine, const struct rbce_task *task, bool tree, pid_t **ret,
		 size_t *ret_n)
{
	cleanup_free struct kin *kin = NULL;
	cleanup_free pid_t *pids = NULL;
	size_t n = 0, released = 0;
	int r = tree ? list_kin(engine, &kin, &n) : 0;

	pids = calloc(n + 1, sizeof(*pids));
	if (r < 0 || !pids)
		return r < 0 ? r : -ENOMEM;
	mark_kin(kin, n, task->pid);
	for (size_t i = 0; i < n; i++) {
		if (!kin[i].descends || kin[i].pid == task->pid ||
		    !is_held(engine, kin[i].pid, kin[i].start))
			continue;
		records_hold(engine->records, kin[i].pid, kin[i].start, HOLD_NONE, NULL, NULL);
		pids[released++] = kin[i].pid;
	}
	/* Also where it is not held: what was done to its parent counts no more for it. */
	records_hold(engine->records, task->pid, task->start, HOLD_NONE, NULL, NULL);
	*ret = TAKE_PTR(pids);
	*ret_n = released;
	return 0;
}
