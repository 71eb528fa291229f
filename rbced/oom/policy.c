// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From one step of a policy to the next: what is done when a container is short of memory, and
 * whether it helped. In the handler's thread, with its lock; nothing here allocates.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "file.h"
#include "internal.h"
#include "util.h"

#define MS UINT64_C(1000)

/*
 * How often a container is looked at that is over its memory.high: at first, and while the kernel
 * says nothing new of it, which it does when something more is taken.
 */
#define NEAR_TICK (20 * MS)
#define NEAR_SLOW (1000 * MS)
/* Until what was done shows. */
#define SETTLE (200 * MS)
/* How often it is looked whether who is asked was thawed by somebody else. */
#define ASKED_TICK (1000 * MS)
/* A victim's memory is asked back by us after so long; it counts as stuck after so long. */
#define REAP_AFTER  (100 * MS)
#define STUCK_AFTER (5000 * MS)
/* What could not be helped is the kernel's for so long. */
#define HELPLESS_TIME (10000 * MS)

#ifndef SYS_process_mrelease
#define SYS_process_mrelease 448
#endif

static const char *const reasons[] = {
	[REASON_LIMIT] = "limit",
	[REASON_PRESSURE] = "pressure",
	[REASON_ANSWER] = "answer",
	[REASON_TIME] = "no answer",
};

static const char *const stages[] = {
	[STAGE_IDLE] = "idle",   [STAGE_NEAR] = "near",     [STAGE_PREKILL] = "prekill",
	[STAGE_DYING] = "dying", [STAGE_SETTLE] = "settle", [STAGE_HOOK] = "hook",
	[STAGE_ASKED] = "asked",
};

static const char *const actions[] = {
	[ACTION_KILLED] = "killed",
	[ACTION_KILLED_ALL] = "killed-all",
	[ACTION_FROZEN] = "frozen",
	[ACTION_THAWED] = "thawed",
	[ACTION_GROWN] = "grown",
	[ACTION_SHRUNK] = "shrunk",
	[ACTION_HOOK] = "hook",
	[ACTION_PREKILL] = "prekill",
	[ACTION_KERNEL] = "kernel-killed",
	[ACTION_HELPLESS] = "helpless",
};

const char *oom_reason_name(enum oom_reason reason)
{
	return reasons[reason];
}

const char *oom_stage_name(enum oom_stage stage)
{
	return stages[stage];
}

const char *oom_action_name(enum oom_action action)
{
	return actions[action];
}

/* For the loop to log and tell. Where it does not come to that, the oldest stay. */
static void report(struct oom *oom, struct oom_slot *slot, enum oom_action action, int status)
{
	struct oom_report *r = &oom->reports[(oom->first + oom->n_reports) % OOM_REPORTS];

	slot->done[action]++;
	oom->done[action]++;
	if (oom->n_reports == OOM_REPORTS) {
		oom->lost++;
		return;
	}
	oom->n_reports++;
	memcpy(r->name, slot->name, strlen(slot->name) + 1);
	r->action = action;
	r->reason = slot->reason;
	r->victim = (struct oom_victim){0};
	if (action == ACTION_KILLED || action == ACTION_PREKILL)
		r->victim = slot->victim;
	if (files_read(slot->files.usage, &r->usage) < 0)
		r->usage = 0;
	r->limit = slot->limit;
	r->status = status;
	handler_tell(oom);
}

static void enter(struct oom_slot *slot, enum oom_stage stage, uint64_t time)
{
	uint64_t now = monotonic_usec();

	slot->stage = stage;
	slot->since = now;
	slot->until = time > OOM_UNLIMITED - now ? OOM_UNLIMITED : now + time;
}

static const struct oom_step *step_of(const struct oom_slot *slot)
{
	const struct oom_policy *policy = &slot->config->policy;

	return slot->step < policy->n ? &policy->steps[slot->step] : NULL;
}

static const struct oom_step *grow_step(const struct oom_slot *slot)
{
	const struct oom_policy *policy = &slot->config->policy;

	for (size_t i = 0; i < policy->n; i++)
		if (policy->steps[i].kind == OOM_GROW)
			return &policy->steps[i];
	return NULL;
}

/* Nothing more to be done for now, but perhaps to shrink later on. */
static void rest(struct oom_slot *slot)
{
	const struct oom_step *grow = grow_step(slot);

	enter(slot, STAGE_IDLE, OOM_UNLIMITED);
	slot->reason = REASON_LIMIT;
	if (slot->limit > slot->base && grow) {
		uint64_t due = slot->grown_at + grow->time;

		slot->until = due > slot->since ? due : slot->since;
	}
	if (slot->files.version == 1 && !slot->armed)
		slot->until = slot->since + HELPLESS_TIME;
}

/* Does the slot's usage stand over where it is slowed down, or do its tasks wait? */
static bool is_near(const struct oom_slot *slot)
{
	uint64_t usage;

	if (slot->patient)
		return slot->waits;
	return slot->files.version == 2 && slot->limit != OOM_UNLIMITED &&
	       files_read(slot->files.usage, &usage) == 0 &&
	       usage > slot->limit - guard_band(slot->limit);
}

static void come_near(struct oom_slot *slot)
{
	slot->tick = NEAR_TICK;
	enter(slot, STAGE_NEAR, NEAR_TICK);
}

static void calm(struct oom_slot *slot)
{
	rest(slot);
	if (is_near(slot))
		come_near(slot);
}

static void thaw(struct oom *oom, struct oom_slot *slot)
{
	if (!slot->frozen)
		return;
	act_freeze(oom, slot, false);
	report(oom, slot, ACTION_THAWED, 0);
}

/* ---- programs ---- */

static bool start_run(struct oom *oom, struct oom_slot *slot, const char *event, const char *path,
		      uint64_t time)
{
	struct oom_run *run = run_new(oom, path);
	uint64_t usage = 0;

	if (!run)
		return false;
	files_read(slot->files.usage, &usage);
	run_env(run, "RBCE_EVENT=%s", event);
	run_env(run, "RBCE_ROOT=%s", oom->group);
	run_env(run, "RBCE_CONTAINER=%s", slot->name);
	run_env(run, "RBCE_REASON=%s", oom_reason_name(slot->reason));
	run_env(run, "RBCE_USAGE=%" PRIu64, usage);
	if (slot->limit != OOM_UNLIMITED)
		run_env(run, "RBCE_LIMIT=%" PRIu64, slot->limit);
	if (slot->victim.pid) {
		run_env(run, "RBCE_PID=%d", slot->victim.pid);
		run_env(run, "RBCE_COMM=%s", slot->victim.comm);
		run_env(run, "RBCE_SIZE=%" PRIu64, slot->victim.size);
	}
	run->owner = handler_token(slot);
	run->until = OOM_UNLIMITED;
	slot->run = (int)(run - oom->runs);
	enter(slot, streq(event, "prekill") ? STAGE_PREKILL : STAGE_HOOK, time);
	return true;
}

/* It goes on without whom it was for; when it has ended, its place is free. */
static void leave_run(struct oom *oom, struct oom_slot *slot, bool end)
{
	struct oom_run *run;

	if (slot->run < 0)
		return;
	run = &oom->runs[slot->run];
	run->owner = 0;
	if (end && run->state == RUN_RUNS)
		kill(-run->pid, SIGKILL);
	slot->run = -1;
}

/* ---- steps ---- */

static void advance(struct oom *oom, struct oom_slot *slot);

static void drop_victim(struct oom *oom, struct oom_slot *slot)
{
	if (slot->victim_fd >= 0) {
		handler_unwatch(oom, slot->victim_fd);
		close(slot->victim_fd);
	}
	slot->victim_fd = -1;
	slot->victim.pid = 0;
}

/* The kill itself, behind the program that comes before it. */
static void kill_now(struct oom *oom, struct oom_slot *slot)
{
	bool all = slot->victim.pid == 0;
	int r = all ? act_kill_all(oom, slot) : act_kill(oom, slot, &slot->victim);

	if (r >= 0)
		report(oom, slot, all ? ACTION_KILLED_ALL : ACTION_KILLED, 0);
	thaw(oom, slot);
	if (r < 0 || all || handler_watch_victim(oom, slot, r) < 0) {
		if (r >= 0 && !all)
			close(r);
		/* It has ended meanwhile, or all do now. */
		enter(slot, STAGE_SETTLE, SETTLE);
		return;
	}
	slot->victim_fd = r;
	slot->reaped = false;
	enter(slot, STAGE_DYING, REAP_AFTER);
}

static bool choose(struct oom *oom, struct oom_slot *slot, enum oom_kind kind)
{
	const struct oom_choice choice = {
		.proc = oom->proc,
		.newest = kind == OOM_KILL_NEWEST,
		.prefer = slot->config->prefer,
		.avoid = slot->config->avoid,
		.limit = slot->limit,
		.spared = oom->spared,
		.n_spared = ARRAY_SIZE(oom->spared),
	};

	return victims_choose(&choice, slot->files.dir, &slot->victim) == 0;
}

static bool begin_kill(struct oom *oom, struct oom_slot *slot, enum oom_kind kind)
{
	const struct oom_config *config = slot->config;

	drop_victim(oom, slot);
	/* For kill-all too: with none left there is nobody to be killed. */
	if (!choose(oom, slot, kind))
		return false;
	if (kind == OOM_KILL_ALL)
		slot->victim.pid = 0;
	if (!config->has_prekill ||
	    !start_run(oom, slot, "prekill", config->prekill.path, config->prekill.time))
		kill_now(oom, slot);
	return true;
}

/* Until somebody answers, for so long. */
static void wait_for_answer(struct oom_slot *slot, uint64_t time)
{
	enter(slot, STAGE_ASKED, time);
	slot->asked_until = slot->until;
	enter(slot, STAGE_ASKED, time < ASKED_TICK ? time : ASKED_TICK);
}

static bool begin_freeze(struct oom *oom, struct oom_slot *slot, const struct oom_step *step)
{
	if (slot->frozen || act_freeze(oom, slot, true) < 0)
		return false;
	wait_for_answer(slot, step->time);
	report(oom, slot, ACTION_FROZEN, 0);
	return true;
}

static bool grow(struct oom *oom, struct oom_slot *slot, uint64_t by, uint64_t cap)
{
	uint64_t limit = slot->limit, before = slot->limit;

	if (limit == OOM_UNLIMITED || limit >= cap)
		return false;
	limit = by < cap - limit ? limit + by : cap;
	if (act_set_limit(oom, slot, limit) < 0 || slot->limit <= before)
		return false;
	slot->grown_at = monotonic_usec();
	report(oom, slot, ACTION_GROWN, 0);
	thaw(oom, slot);
	enter(slot, STAGE_SETTLE, SETTLE);
	return true;
}

static bool begin_step(struct oom *oom, struct oom_slot *slot, const struct oom_step *step)
{
	switch (step->kind) {
	case OOM_KILL_LARGEST:
	case OOM_KILL_NEWEST:
	case OOM_KILL_ALL:
		return begin_kill(oom, slot, step->kind);
	case OOM_FREEZE:
		return begin_freeze(oom, slot, step);
	case OOM_GROW:
		return grow(oom, slot, step->by, step->cap);
	case OOM_HOOK:
		return start_run(oom, slot, "oom", step->path, step->time);
	}
	return false;
}

/*
 * Then it is the kernel's: on v1 its killer comes back for a while, on v2 it was never held up, or
 * only until its delay is over.
 */
static void give_up(struct oom *oom, struct oom_slot *slot)
{
	report(oom, slot, ACTION_HELPLESS, 0);
	thaw(oom, slot);
	if (slot->files.version == 1)
		act_disarm(oom, slot);
	rest(slot);
	slot->quiet_until = slot->since + HELPLESS_TIME;
}

static void advance(struct oom *oom, struct oom_slot *slot)
{
	const struct oom_step *step;

	for (; (step = step_of(slot)); slot->step++)
		if (begin_step(oom, slot, step))
			return;
	give_up(oom, slot);
}

static void begin(struct oom *oom, struct oom_slot *slot, enum oom_reason reason)
{
	slot->reason = reason;
	slot->step = 0;
	advance(oom, slot);
}

/* What was done has had its time. */
static void on_settled(struct oom *oom, struct oom_slot *slot)
{
	const struct oom_step *step = step_of(slot);

	drop_victim(oom, slot);
	if (slot->reason == REASON_PRESSURE) {
		/* How long the stalls before it count is in the trigger. */
		slot->quiet_until = monotonic_usec() + slot->config->pressure.window;
		calm(slot);
	} else if (!act_is_short(slot)) {
		calm(slot);
	} else if (slot->reason == REASON_ANSWER) {
		begin(oom, slot, REASON_LIMIT);
	} else {
		/* The program says that it has helped, and that is not so. */
		if (step && step->kind == OOM_HOOK)
			slot->step++;
		advance(oom, slot);
	}
}

/* ---- what comes from outside ---- */

/* The kernel's own kills, in our place or before us. */
static void read_events(struct oom *oom, struct oom_slot *slot)
{
	struct oom_events now;
	char text[512];

	if (file_pread(slot->files.events, text, sizeof(text)) < 0)
		return;
	events_parse(text, &now);
	for (uint64_t n = slot->seen.n[EVENT_OOM_KILL]; n < now.n[EVENT_OOM_KILL]; n++)
		report(oom, slot, ACTION_KERNEL, 0);
	if (now.n[EVENT_OOM_DELAYED] != slot->seen.n[EVENT_OOM_DELAYED])
		slot->waits = true;
	slot->seen = now;
}

static void look(struct oom *oom, struct oom_slot *slot)
{
	if (slot->stage != STAGE_IDLE && slot->stage != STAGE_NEAR)
		return;
	if (act_is_short(slot) && monotonic_usec() >= slot->quiet_until)
		begin(oom, slot, REASON_LIMIT);
	else if (is_near(slot))
		come_near(slot);
}

void policy_on_memory(struct oom *oom, struct oom_slot *slot)
{
	uint64_t limit;

	read_events(oom, slot);
	/* Somebody may have set another one since. */
	if (slot->stage == STAGE_IDLE && files_read(slot->files.max, &limit) == 0 &&
	    limit != slot->limit)
		act_arm(oom, slot);
	look(oom, slot);
}

void policy_on_pressure(struct oom *oom, struct oom_slot *slot)
{
	if ((slot->stage == STAGE_IDLE || slot->stage == STAGE_NEAR) &&
	    monotonic_usec() >= slot->quiet_until)
		begin(oom, slot, REASON_PRESSURE);
}

/* Back by a step, where what cannot be reclaimed leaves the room. */
static void shrink(struct oom *oom, struct oom_slot *slot)
{
	const struct oom_step *step = grow_step(slot);
	uint64_t limit;

	if (!step || slot->limit <= slot->base || monotonic_usec() < slot->grown_at + step->time)
		return;
	limit = slot->limit - slot->base > step->by ? slot->limit - step->by : slot->base;
	slot->grown_at = monotonic_usec();
	if (act_fits(slot, limit) && act_set_limit(oom, slot, limit) == 0)
		report(oom, slot, ACTION_SHRUNK, 0);
}

static void on_dying(struct oom *oom, struct oom_slot *slot)
{
	if (!slot->reaped) {
		/* Its memory, though it may take its time to end. */
		slot->reaped = true;
		syscall(SYS_process_mrelease, slot->victim_fd, 0);
		slot->until = slot->since + STUCK_AFTER;
		return;
	}
	drop_victim(oom, slot);
	enter(slot, STAGE_SETTLE, 0);
}

static void on_asked(struct oom *oom, struct oom_slot *slot)
{
	uint64_t now = monotonic_usec();

	if (!act_is_frozen(slot)) {
		/* That is an answer too. */
		slot->frozen = false;
		rest(slot);
		look(oom, slot);
	} else if (now >= slot->asked_until) {
		slot->reason = REASON_TIME;
		slot->step++;
		advance(oom, slot);
	} else {
		slot->until =
			slot->asked_until - now < ASKED_TICK ? slot->asked_until : now + ASKED_TICK;
	}
}

static void on_near(struct oom *oom, struct oom_slot *slot)
{
	uint64_t tick = slot->tick < NEAR_SLOW / 2 ? 2 * slot->tick : NEAR_SLOW;

	rest(slot);
	look(oom, slot);
	if (slot->stage != STAGE_NEAR)
		return;
	slot->tick = tick;
	enter(slot, STAGE_NEAR, tick);
}

void policy_on_time(struct oom *oom, struct oom_slot *slot)
{
	switch (slot->stage) {
	case STAGE_IDLE:
		if (slot->files.version == 1 && !slot->armed)
			act_arm(oom, slot);
		shrink(oom, slot);
		rest(slot);
		look(oom, slot);
		break;
	case STAGE_NEAR:
		on_near(oom, slot);
		break;
	case STAGE_PREKILL:
		leave_run(oom, slot, true);
		report(oom, slot, ACTION_PREKILL, -ETIMEDOUT);
		kill_now(oom, slot);
		break;
	case STAGE_DYING:
		on_dying(oom, slot);
		break;
	case STAGE_SETTLE:
		on_settled(oom, slot);
		break;
	case STAGE_HOOK:
		leave_run(oom, slot, true);
		report(oom, slot, ACTION_HOOK, -ETIMEDOUT);
		slot->step++;
		advance(oom, slot);
		break;
	case STAGE_ASKED:
		on_asked(oom, slot);
		break;
	}
}

void policy_on_victim(struct oom *oom, struct oom_slot *slot)
{
	if (slot->stage != STAGE_DYING)
		return;
	drop_victim(oom, slot);
	/* Who waited for its memory has to come around first. */
	enter(slot, STAGE_SETTLE, NEAR_TICK);
}

void policy_on_run(struct oom *oom, struct oom_slot *slot, int status)
{
	slot->run = -1;
	if (slot->stage == STAGE_PREKILL) {
		report(oom, slot, ACTION_PREKILL, status);
		kill_now(oom, slot);
	} else if (slot->stage == STAGE_HOOK) {
		report(oom, slot, ACTION_HOOK, status);
		if (status == 0) {
			thaw(oom, slot);
			enter(slot, STAGE_SETTLE, SETTLE);
			return;
		}
		slot->step++;
		advance(oom, slot);
	}
}

void policy_on_answer(struct oom *oom, struct oom_slot *slot)
{
	int answer = slot->answer;

	slot->answer = ANSWER_NONE;
	if (slot->stage != STAGE_ASKED || answer == ANSWER_NONE)
		return;
	slot->reason = REASON_ANSWER;
	if (answer == OOM_GROW && grow(oom, slot, slot->answer_by, INT64_MAX))
		return;
	if (answer >= 0 && answer != OOM_GROW && begin_kill(oom, slot, (enum oom_kind)answer))
		return;
	thaw(oom, slot);
	/* Those who wait for memory are not told of again. */
	enter(slot, STAGE_SETTLE, SETTLE);
}

void policy_begin(struct oom *oom, struct oom_slot *slot)
{
	rest(slot);
	/* What ran out before is not told of again. */
	look(oom, slot);
}

void policy_ask(struct oom_slot *slot)
{
	const struct oom_policy *policy = &slot->config->policy;

	for (slot->step = 0; slot->step < policy->n; slot->step++)
		if (policy->steps[slot->step].kind == OOM_FREEZE) {
			wait_for_answer(slot, policy->steps[slot->step].time);
			return;
		}
	rest(slot);
}

void policy_end(struct oom *oom, struct oom_slot *slot)
{
	leave_run(oom, slot, false);
	drop_victim(oom, slot);
}
