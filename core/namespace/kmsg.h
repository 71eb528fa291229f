/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Kernel messages of a space's own: what its tasks write to /dev/kmsg, and what happens to them.
 * They read it back there, or by syslog(2), and never the machine's. /dev/kmsg is a file by FUSE,
 * so that each who opens it reads at a place of his own, a record at a time; syslog(2) comes as
 * notifications of seccomp. Internal.
 */
#ifndef CORE_NAMESPACE_KMSG_H
#define CORE_NAMESPACE_KMSG_H

#include <poll.h>
#include <rbce/container.h>
#include <stddef.h>
#include <stdint.h>

struct kmsg;

/*
 * Keeps SIZE bytes of text. FILE is the other end of /dev/kmsg, LISTENER hears system calls (-1 for
 * none); both are taken, also on failure. C is whose tasks are watched, borrowed. 0 or -ENOMEM.
 */
int kmsg_open(int file, int listener, size_t size, struct rbce_container *c, struct kmsg **ret);

/* Whoever waits for an answer gets a failure. NULL is fine. */
void kmsg_close(struct kmsg *kmsg);

/* What to wait for, and for how many milliseconds at most (-1: any time); then the work. */
enum { KMSG_POLL = 2 };
void kmsg_poll(const struct kmsg *kmsg, struct pollfd fds[KMSG_POLL]);
int kmsg_patience(const struct kmsg *kmsg);
void kmsg_run(struct kmsg *kmsg, const struct pollfd fds[KMSG_POLL]);

/* ---- between kmsg.c and kmsg-file.c ---- */

enum { KMSG_RECORDS = 1024, KMSG_LINE = 1024, KMSG_HANDLES = 64, KMSG_WAITING = 16 };

struct kmsg_record {
	uint64_t usec; /* since boot */
	unsigned priority;
	char *text; /* one line, without its end */
};

/* Who has /dev/kmsg open. */
struct kmsg_handle {
	bool used, placed; /* placed: by lseek(2), where its offset does not tell */
	uint64_t at;       /* next record */
	uint64_t waits;    /* the request that waits for one, 0 for none */
	bool polls;
	uint64_t poll;
};

/* A syslog(2) that waits for a record. */
struct kmsg_call {
	uint64_t id;
	pid_t pid;
	uint64_t buffer;
	size_t size;
};

struct kmsg {
	int file, listener;
	size_t size, bytes;
	uint64_t first, next, cleared, unread; /* records, by their numbers */
	struct kmsg_record records[KMSG_RECORDS];
	struct kmsg_handle handles[KMSG_HANDLES];
	struct kmsg_call calls[KMSG_WAITING];
	size_t n_calls;
	int events; /* the file that counts kills for memory; -1 */
	uint64_t kills;
};

/* Takes what a task has written, N bytes of TEXT, "<6>" before it or not. */
void kmsg_add(struct kmsg *kmsg, const char *text, size_t n);

/* Notes what has happened to tasks since. */
void kmsg_look(struct kmsg *kmsg);

/* The record AT as /dev/kmsg has it, in BUF of KMSG_LINE + 64 bytes: its length. */
size_t kmsg_format(const struct kmsg *kmsg, uint64_t at, char *buf, size_t size);

/* One request of the file; and those that wait, when there is something new. */
void kmsg_file_serve(struct kmsg *kmsg);
void kmsg_file_wake(struct kmsg *kmsg);

#endif
