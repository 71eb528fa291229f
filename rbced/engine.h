/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The classification engine: what it knows, and the steps from an event to a moved task.
 *
 *   source (source/) -> engine_event()             \
 *                                                   -> classify.c: facts, rule, verdict -> place.c
 *   gate (gate/)         -> engine_classify_exec() /
 *
 * Two threads work with it, the sd-event loop of main.c and the gate's, under one lock. The loop
 * holds that while it handles an event, but for the reading of a task's facts, which is most of the
 * work; the gate's thread holds it for a decision and a move, and waits for it no longer than its
 * deadline. Rules are read by a third, which has nothing of the engine's (reload.c).
 */
#ifndef RBCED_ENGINE_H
#define RBCED_ENGINE_H

#include <pthread.h>
#include <rbce/container.h>
#include <rbce/hierarchy.h>
#include <rbce/task.h>
#include <rules/rules.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "histogram.h"

/* Why a task is looked at. */
enum cause {
	CAUSE_FORK,
	CAUSE_EXEC,
	CAUSE_UID,
	CAUSE_GID,
	CAUSE_SID,
	CAUSE_PGRP,
	CAUSE_MOVED, /* by others, into another group */
	CAUSE_EXIT,
	CAUSE_SCAN,    /* start-up, resync after a loss, or reload */
	CAUSE_REQUEST, /* rbcectl reclassify or release */
	CAUSE_MANUAL,  /* rbcectl classify or run */
	CAUSE_GATE,    /* about to execute a program */
};
enum { CAUSE_COUNT = CAUSE_GATE + 1 };
const char *cause_name(enum cause cause);

/* What came of looking at a task. */
enum outcome {
	OUTCOME_NONE,     /* no rule matches */
	OUTCOME_IGNORED,  /* a rule says to leave it alone, or it may not be moved at all */
	OUTCOME_MANUAL,   /* an administrator placed it */
	OUTCOME_FOREIGN,  /* others moved it from where it was put */
	OUTCOME_REALTIME, /* it is real-time, and its container takes no such task */
	OUTCOME_OBSERVED, /* it would be moved */
	OUTCOME_RIGHT,    /* it stands where it belongs */
	OUTCOME_MOVED,
	OUTCOME_SET,  /* it stands right; its properties were set */
	OUTCOME_HELD, /* it stands right for the program that the gate knows it will show next */
	OUTCOME_GONE, /* it ended meanwhile */
	OUTCOME_FAILED,
};
enum { OUTCOME_COUNT = OUTCOME_FAILED + 1 };
const char *outcome_name(enum outcome outcome);

struct decision {
	enum outcome outcome;
	const struct rule *rule; /* NULL: none matches, or none was asked */
	char *container;         /* where that wants the task; NULL: anywhere; owned */
	bool told;               /* OUTCOME_OBSERVED: it was so before */
	struct rbce_error why;   /* OUTCOME_FAILED */
	int pidfd; /* opened before the facts were read; -1: it is still to be made sure of the pid
		    */
};

/* Errors above are counted as none. */
enum { ERRORS = 134 };

struct counters {
	uint64_t events[CAUSE_COUNT];
	uint64_t outcomes[OUTCOME_COUNT];
	uint64_t errors[ERRORS]; /* of OUTCOME_FAILED */
	uint64_t lost;           /* events that the source missed, by its sequence numbers */
	uint64_t losses;         /* times that the source reported a loss */
	uint64_t resyncs;        /* full scans made because of it */
	uint64_t created;        /* containers */
	uint64_t removed;
	uint64_t limits_failed;
	uint64_t reloads;
	uint64_t reloads_failed;
};

/* Which programs are held until their task is placed. */
enum gate_mode {
	GATE_OFF,
	GATE_RULES, /* those that the rules name */
	GATE_ALL,   /* every one on a local file system */
	GATE_MOUNT, /* every one on the file system at a mount point */
};

struct gate_options {
	enum gate_mode mode;
	const char *mount; /* for GATE_MOUNT */
	uint64_t deadline; /* microseconds that a program may be held */
	uint64_t misses;   /* so many in a row that were held longer end the gate */
};

/* Per rule, by its index. */
struct rule_counters {
	uint64_t hits;  /* decisions that ended at this rule */
	uint64_t moves; /* tasks moved by it, or that would be (observe) */
	time_t last;    /* hit; 0 for never */
};

struct engine_options {
	const char *rules;      /* directory or file */
	const char *root;       /* name of the root group */
	bool observe;           /* move nothing, whatever the rules say */
	uint64_t linger;        /* microseconds that an empty container is kept */
	uint64_t event_buffer;  /* bytes that the source may hold back for us */
	uint64_t scan_interval; /* microseconds between looks at all tasks, where nobody tells */
	struct gate_options gate;
};

struct placed;    /* place.c: containers that are open */
struct records;   /* record.c: tasks that were moved */
struct reload;    /* reload.c: rules that are being read */
struct gate;      /* gate/gate.c */
struct stream;    /* stream.c: who listens to what is done */
struct oom;       /* oom/oom.h: who watches containers that run out of memory */
struct penalties; /* penalty.c: containers that use too much */
struct run;       /* run.c: a job that a user asked for */

/* source/source.h */
struct source_kind;
struct source {
	const struct source_kind *kind; /* NULL before it is open */
	void *data;
};

struct engine {
	pthread_mutex_t lock; /* of all the rest */
	pid_t self;           /* the daemon's own */
	struct engine_options options;
	sd_event *loop;
	struct rbce_root *root;
	struct rbce_hierarchy *h;
	struct ruleset *rules;
	struct rules_cache *cache; /* decisions of those rules */
	struct rule_counters *rule_counters;
	_Atomic unsigned facts; /* that a decision needs */
	bool forks_matter;      /* may a child belong elsewhere than its parent? */
	struct placed *placed;
	struct records *records;
	struct source source;
	struct reload *reload; /* NULL before the first request */
	struct gate *gate;     /* NULL for none */
	struct stream *stream;
	struct oom *oom;             /* NULL while no rule needs it */
	struct penalties *penalties; /* likewise */
	struct run *runs;            /* the first; NULL for none */
	struct counters counters;
	struct histogram decisions; /* microseconds from a look at a task to its place */
	struct histogram delays;    /* the same from the event, with the time that it waited */
	uint64_t looked_at;         /* end of the last look at all tasks; UINT64_MAX during it */
	bool rescan;                /* a loss was seen and no full scan begun since */
	sd_event_source *repair;    /* makes that scan, before the next event is heard */
	time_t started;
	time_t rules_loaded;
	char *reload_error; /* first line of the last reload that failed, NULL when it succeeded */
};

/* It hands over to the one who waits longest. engine_lock_until() is -ETIMEDOUT past that time of
 * CLOCK_MONOTONIC, in microseconds. */
int engine_lock_open(struct engine *engine);
void engine_lock(struct engine *engine);
int engine_lock_until(struct engine *engine, uint64_t until);
void engine_unlock(struct engine *engine);

/*
 * An event of a source, and when it was: monotonic_usec(). PARENT is given for CAUSE_FORK. All of
 * these are called with the lock.
 */
void engine_event(struct engine *engine, enum cause cause, pid_t pid, pid_t parent, uint64_t when);

/* One after which another of the same task is there already: that is the one to look at it. */
void engine_event_overtaken(struct engine *engine, enum cause cause, pid_t pid, pid_t parent,
			    uint64_t when);

/*
 * The process MOVER, of that name, moved a task into another group: for sources that know. From
 * others it shows when the task is looked at the next time.
 */
void engine_moved_by_other(struct engine *engine, pid_t pid, pid_t mover, const char *comm);

/* For engine->repair; 0 or -errno. */
int engine_add_repair(struct engine *engine);

/* A source lost N events (0: it does not know how many): all tasks will be looked at again. */
void engine_lost(struct engine *engine, uint64_t n);

/* Does it stand in the container NAME in every hierarchy, so that nothing is left to be done? */
static inline bool engine_stands_in(const struct rbce_task *task, const char *name)
{
	return task->container && !task->split && strcmp(task->container, name) == 0;
}

/* A login, as its session is opened; what it points to is the caller's. */
struct login {
	uid_t uid;
	gid_t gid;
	const gid_t *groups; /* supplementary; sorted */
	size_t n_groups;
	const char *shell;
	const char *tag; /* "SERVICE HOST TTY", which its session is marked with where rules look at
			    tags */
};

/*
 * Decides for the process that opens a session, as it will be when it is the user's shell. RULE and
 * CONTAINER are what the rules say, or NULL; the container is a new string.
 */
enum outcome engine_login(struct engine *engine, pid_t pid, const struct login *login,
			  const char **ret_rule, char **ret_container, struct rbce_error *err);

/* Looks at one task, because of an event at that monotonic_usec() or of none (0); or at all of
 * them. */
enum outcome engine_look(struct engine *engine, pid_t pid, enum cause cause, uint64_t when);
enum outcome engine_classify(struct engine *engine, pid_t pid, enum cause cause);
void engine_scan(struct engine *engine, enum cause cause);

/*
 * Looks at a task that is about to execute PROGRAM, which it does not show yet; its arguments and,
 * where the program changes them, its effective ids are still those from before. For a thread that
 * does not hold the lock; -ETIMEDOUT when that is not to be had until then, else an outcome. ANSWER
 * is called in between, once it stands where it belongs.
 */
int engine_classify_exec(struct engine *engine, pid_t pid, const char *program, bool changes_ids,
			 uint64_t until, void (*answer)(void *data), void *data);

/*
 * A program was executed then. Is it the one that the gate decided the task for, with nothing left
 * in doubt? If not, and it came after that, that one is no longer to be expected.
 */
bool engine_is_expected(struct engine *engine, pid_t pid, uint64_t when);

/* Carries out a rule's actions on all threads of a task (act.c); 0, -ESRCH or -errno. */
int engine_act(struct engine *engine, const struct rbce_task *task,
	       const struct rule_actions *actions, struct rbce_error *err);

/* Facts of PID for a decision, with the container that it stands in. */
int engine_read_task(struct engine *engine, pid_t pid, struct rbce_task *ret,
		     struct rbce_error *err);

#endif
