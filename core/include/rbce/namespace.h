/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Spaces: a container whose processes have namespaces of their own (namespaces(7)), made from keys
 * as rule files have them ("namespace.hostname"), and entering the namespaces of a process.
 *
 * A space is made by its keys, started in a container, and ends with its first process. Nothing of
 * it is kept in the file system: when its processes are gone, so are its mounts and its network.
 */
#ifndef RBCE_NAMESPACE_H
#define RBCE_NAMESPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <rbce/container.h>
#include <rbce/error.h>

struct rbce_space;

/* The keys, from 0 until NULL; names are without "namespace.". */
struct rbce_space_key {
	const char *name;
	const char *values; /* for people: "LIST | all" */
	const char *help;   /* one line */
	bool repeats;       /* may be given more than once */
	int (*check)(const char *value, struct rbce_error *err);
};
const struct rbce_space_key *rbce_space_key_at(size_t index);
const struct rbce_space_key *rbce_space_key_find(const char *name);

/* NULL: out of memory. Release with rbce_space_free(), which takes NULL and returns NULL. */
struct rbce_space *rbce_space_new(void);
struct rbce_space *rbce_space_free(struct rbce_space *space);

/*
 * Gives KEY a value; the last one holds, or all of them for a key that repeats. -ENOENT for an
 * unknown key, -EINVAL for a value that is none.
 */
int rbce_space_set(struct rbce_space *space, const char *key, const char *value,
		   struct rbce_error *err);

/* The value of KEY, of which there is one, NULL for none; borrowed. */
const char *rbce_space_get(const struct rbce_space *space, const char *key);

enum rbce_space_flags {
	RBCE_SPACE_TERMINAL = 1, /* it has a terminal of its own, from its own /dev/pts */
	RBCE_SPACE_WAIT = 2,     /* all is made, and rbce_space_go() lets the program run */
	RBCE_SPACE_SESSION = 4,  /* it begins a session; a checkpoint needs the leader of each */
	RBCE_SPACE_GOES_ON = 8,  /* with WAIT: it is still being made, until rbce_space_made() */
};

struct rbce_started {
	pid_t pid;    /* the first process; a child of the caller's, who waits for it */
	int pidfd;    /* of the caller's */
	int terminal; /* of the caller's: the other end of its terminal; -1 for none */
	int link;     /* of the caller's: RBCE_SPACE_WAIT, until rbce_space_go(); else -1 */
	/* With the key "kmsg", and of the caller's, who has to answer: -1 without. */
	int syslog; /* hears the calls of syslog(2) inside, seccomp_unotify(2) */
	int kmsg;   /* the other end of its /dev/kmsg, fuse(4) */
};

/*
 * Starts ARGV in the space and in the container C (NULL: where the caller stands), with the
 * caller's standard input, output and error or a terminal, no other descriptor, and the environment
 * of the key "env" alone. Returns when the program runs. On failure nothing of it is left, and the
 * message says what was refused. The space is killed when the calling thread ends.
 */
int rbce_space_start(const struct rbce_space *space, struct rbce_container *c, char *const argv[],
		     unsigned flags, struct rbce_started *ret, struct rbce_error *err);

/*
 * Waits until all is made that rbce_space_start() with RBCE_SPACE_GOES_ON has begun, and sets the
 * descriptors that come from inside. Returns as rbce_space_start(); on failure there is no process
 * any more, and PID is 0.
 */
int rbce_space_made(struct rbce_started *started, struct rbce_error *err);

/* Lets the program run that waits; the link is closed. Returns as rbce_space_start(). */
int rbce_space_go(struct rbce_started *started, struct rbce_error *err);

/*
 * When the last process of the space is gone, of which PID (0: nobody knows) was the first: takes a
 * bridge away that was made for it, unless others are on it. Nothing else is left to take away.
 */
void rbce_space_end(const struct rbce_space *space, pid_t pid);

/*
 * Starts ARGV in all namespaces of the process PID that are not the caller's, in the container C
 * (NULL: where the caller stands), with no more capabilities than PID may get, and without new
 * privileges and with the usual filter of system calls where it has such. Of the keys of SPACE
 * those count that say how a command runs: user, cwd, env, rlimit. Otherwise as rbce_space_start().
 * -ESRCH when PID is gone.
 */
int rbce_space_enter(pid_t pid, const struct rbce_space *space, struct rbce_container *c,
		     char *const argv[], unsigned flags, struct rbce_started *ret,
		     struct rbce_error *err);

/*
 * The process that stands for the container C when it is entered: the first one, that the caller
 * may look into. -ESRCH when there is none.
 */
int rbce_space_leader(struct rbce_container *c, pid_t *ret, struct rbce_error *err);

#endif
