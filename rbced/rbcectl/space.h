/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `create` asks for, and the process that keeps a container with namespaces. */
#ifndef RBCECTL_SPACE_H
#define RBCECTL_SPACE_H

#include <core/claim.h>
#include <rbce/namespace.h>

#include "rbcectl.h"

struct space_limit {
	const struct controller_key *key;
	char *value; /* the order's own */
	bool may_lack;
};

struct space_order {
	const char *root, *name;
	struct rbce_space *space;
	struct space_limit *limits;
	size_t n_limits;
	char **argv;
	bool detach, console, oci;
	size_t console_size;

	struct containers all; /* since space_order_open(), in the keeper too */
	/*
	 * How many bytes of NAME were there before, -1 where the root group was not: the rest goes.
	 * Shared with the keeper, who looks when nobody else can take any of it away.
	 */
	int *there;
	struct group_numbers {
		uint64_t unified, cpu; /* 0 for unknown */
	} groups;                      /* the keeper's: which groups they are */
	struct claim claim;            /* the keeper's */
};

/* Limits and keys of a [container] section, or of the command line: 0, or why not. */
int space_order_set(struct space_order *order, const char *key, const char *value, bool may_lack,
		    struct rbce_error *err);
int space_order_read(struct space_order *order, const struct ruleset *rules,
		     struct rbce_error *err);
void space_order_done(struct space_order *order);

/* What a command inside knows of the caller's environment: where programs are, and its terminal. */
int space_set_environment(struct rbce_space *space, struct rbce_error *err);

/* Before the keeper is forked. */
int space_order_open(struct space_order *order, struct rbce_error *err);

/*
 * Ends what stands in the container, and takes away what was made for it, unless others keep one of
 * that name. PID was its first process, 0 where nobody knows, as the keeper was killed.
 */
int space_order_undo(struct space_order *order, pid_t pid, struct rbce_error *err);

/*
 * Where a daemon runs, the process PID that was placed in the container NAME is out of the hands of
 * its rules, with all that it starts.
 */
void space_hold(const char *root, const char *name, pid_t pid);

/* What the keeper tells: that it runs, or that it does not, or how it ended. */
struct keeper_word {
	enum { KEEPER_RUNS, KEEPER_FAILED, KEEPER_ENDED } what;
	int value; /* pid, -errno, wait status */
	char text[RBCE_ERROR_SIZE];
};

/* Is there anybody who hears it? */
bool keeper_tell(int link, int what, int value, const char *text);

/* The keeper's: gives up input and output of where it was started. */
void space_leave(void);

/* Forks the keeper; the link to it, and its pid. Then what it says. */
int keeper_fork(struct space_order *order, pid_t *ret_pid, struct rbce_error *err);
int keeper_hear(struct space_order *order, int link, struct keeper_word *word,
		struct rbce_error *err);

/* In a process of its own: starts the order, keeps it to its end, cleans up; talks over LINK. */
__attribute__((noreturn)) void keeper_run(struct space_order *order, int link);

#endif
