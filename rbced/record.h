/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the daemon remembers of single tasks: the moves so far, where it was put, its tag, and
 * whether it is out of the rules' hands. The latter two are kept in a file as well, so that a
 * daemon that starts again leaves those tasks where they are.
 */
#ifndef RBCED_RECORD_H
#define RBCED_RECORD_H

#include <rbce/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "engine.h"

enum { RECORD_MOVES = 8 };

/* Who says where a task stands, if not the rules. */
enum hold {
	HOLD_NONE,
	HOLD_MANUAL,  /* an administrator placed it, and it alone */
	HOLD_STICKY,  /* the same, with what it starts from then on */
	HOLD_FOREIGN, /* others moved it from where it was put; with what it starts */
};
enum { HOLD_COUNT = HOLD_FOREIGN + 1 };
const char *hold_name(enum hold hold);

struct move {
	time_t when;
	enum cause cause;
	char *rule; /* name, NULL for a manual one */
	char *from; /* container, NULL for outside */
	char *to;
};

struct record {
	pid_t pid;
	uint64_t start;  /* as in struct rbce_task */
	bool unread;     /* START is not known, nor anything but PLACE */
	uint64_t forked; /* then: when, in microseconds since boot */
	uint64_t made;   /* the record, monotonic_usec() */
	enum hold hold;
	bool released; /* from a hold that its parent may still have */
	char *place;   /* container that it was put, or found right, in; NULL: none is known */
	char *found;   /* HOLD_FOREIGN: the group where it was found instead */
	pid_t mover;   /* HOLD_FOREIGN: who did it, 0 where that is not known */
	char mover_comm[16];
	bool refused; /* a container would not take it: it is real-time */
	char *tag;    /* NULL for none */
	char *env;    /* what rules look at of the environment that it was executed with; NULL */
	uint64_t actions;  /* hash of those that a rule last had carried out on it, 0 for none */
	uint64_t observed; /* what records_observe() was last told, 0 for nothing */
	char *program;     /* that the gate let through and that may not show yet; NULL */
	uint64_t program_until; /* monotonic_usec(); later it counts as not executed */
	bool doubted;           /* to be looked at again once it shows */
	uint64_t moved_at;      /* monotonic_usec() of the last move, 0 for none */
	uint64_t n_moves;
	struct move *moves; /* the newest RECORD_MOVES; move I is at I % RECORD_MOVES */
};

/* STATE_FILE keeps those held; read now where it exists. Release with records_free(). */
int records_open(const char *state_file, const struct rbce_root *root, struct records **ret,
		 struct rbce_error *err);
struct records *records_free(struct records *records);

/*
 * Whoever must not miss what becomes of tasks that have a record: calls FUNCTION for each there is,
 * and again when that changes. RECORD_CLOSELY: what the task does matters, whatever its facts.
 */
enum record_interest { RECORD_NONE, RECORD_END, RECORD_CLOSELY };
typedef void records_watch_fn(void *data, pid_t pid, enum record_interest interest);
void records_watch(struct records *records, records_watch_fn *function, void *data);

size_t records_count(const struct records *records);

/* Calls FUNCTION for each; it may hold and place them, but not drop any. */
typedef void records_fn(void *data, const struct record *record);
void records_each(const struct records *records, records_fn *function, void *data);

/* The record of the very process (pid, start), NULL for none; borrowed. */
const struct record *records_find(struct records *records, pid_t pid, uint64_t start);

/* The same without knowing when it began: of the process that was last heard of by that pid. */
const struct record *records_find_pid(const struct records *records, pid_t pid);

void records_add_move(struct records *records, const struct rbce_task *task, enum cause cause,
		      const char *rule, const char *to);

/* A rule, named by KEY, would have moved it; true when that was not so at the look before. */
bool records_observe(struct records *records, const struct rbce_task *task, uint64_t key);

/*
 * The task is let through the gate to execute PROGRAM, and is decided for that; NULL: no more. With
 * records_doubt() that decision is not the last word.
 */
void records_expect(struct records *records, pid_t pid, uint64_t start, const char *program,
		    uint64_t until);
void records_doubt(struct records *records, pid_t pid, uint64_t start);

/* The task stands in PLACE, by a move of ours or by itself; NULL: it is not known where. */
void records_set_place(struct records *records, pid_t pid, uint64_t start, const char *place);

/*
 * Takes a task out of the rules' hands: it was put in PLACE; FOUND is of HOLD_FOREIGN. HOLD_NONE
 * gives it back.
 */
void records_hold(struct records *records, pid_t pid, uint64_t start, enum hold hold,
		  const char *place, const char *found);

/* Who moved it. */
void records_set_mover(struct records *records, pid_t pid, uint64_t start, pid_t mover,
		       const char *comm);

/* A container does not take it, or does again; true when that was not so before. */
bool records_refuse(struct records *records, const struct rbce_task *task, bool refused);

/* Longer tags are refused where they come in. */
enum { TAG_MAX = 255 };

/* TAG is NULL for none. 0 or -ENOMEM. */
int records_set_tag(struct records *records, pid_t pid, uint64_t start, const char *tag);

/* Keeps what rules look at of its environment: a process can write over it. NULL forgets. */
void records_set_env(struct records *records, pid_t pid, uint64_t start, const char *env);
/* It is executed anew; 0: whatever was kept, of all. */
void records_forget_env(struct records *records, pid_t pid);

/* Notes that a rule's actions, named by a hash, are carried out; true when they were not before. */
bool records_act(struct records *records, const struct rbce_task *task, uint64_t actions);

/*
 * A child gets its PARENT's tag, environment and what actions were carried out, and its hold where
 * that is for the children as well. True when that is so.
 */
bool records_inherit(struct records *records, const struct rbce_root *root, pid_t parent,
		     pid_t child);

/*
 * A process begins, at that monotonic_usec(): whoever had its pid is gone, though nobody may have
 * told so. Now and then others that are gone are dropped as well.
 */
void records_begin(struct records *records, const struct rbce_root *root, pid_t pid, uint64_t when);

/*
 * A process was forked at that monotonic_usec() by one that stands in PLACE, and nothing was read
 * of it: a task that does as its parent does needs no more. One that has a record keeps that.
 */
void records_expect_in(struct records *records, pid_t pid, uint64_t when, const char *place);

/* The process has ended. */
void records_drop(struct records *records, pid_t pid);

/* Drops those whose process is not in the sorted array any more (an exit may have been lost). */
void records_prune(struct records *records, const pid_t *pids, size_t n);

#endif
