/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the gate share; see gate.h. Internal. */
#ifndef RBCED_GATE_INTERNAL_H
#define RBCED_GATE_INTERNAL_H

#include <stdatomic.h>
#include <sys/fanotify.h>

#include "gate.h"

enum {
	GATE_BATCH = 4096, /* bytes of events read at once */
	GATE_TICKS = 8,    /* the watchdog looks so often within a deadline */
};

/* ---- watchdog.c ---- */

/*
 * In memory that the thread and the watchdog share. An answer names an event by the number of its
 * descriptor, so the watchdog can answer from here what the thread has read.
 */
struct gate_shared {
	_Atomic uint64_t beat;    /* moves on with all that the thread does */
	_Atomic uint64_t rescued; /* programs that the watchdog let go */
	_Atomic bool dying;       /* a fatal signal came */
	_Atomic bool quit;
	/* What was read last; the first event's length is 0 when all are answered. */
	_Alignas(struct fanotify_event_metadata) char batch[GATE_BATCH];
};

struct watchdog {
	pid_t pid; /* 0: none */
	int self;  /* pidfd of the daemon: readable when it has ended */
	int bell;  /* eventfd: look now */
};

/* It rings BELL, an eventfd, when it has let something go. Descriptors that are not open are -1. */
int watchdog_start(struct watchdog *dog, struct gate_shared *shared, int group, int bell,
		   uint64_t deadline);
void watchdog_stop(struct watchdog *dog, struct gate_shared *shared);

/* ---- mounts.c: what is mounted ---- */

struct mount {
	uint64_t id; /* as in statx(2) */
	char *path;
	char type[32];
	bool local; /* no server and no process stands behind it that might not answer */
};

struct mounts {
	struct mount *list;
	size_t n;
};

/* From a file like /proc/self/mountinfo (proc(5)), open at FD; 0 or -errno. */
int mounts_read(int fd, struct mounts *ret);
void mounts_done(struct mounts *mounts);

/* Borrowed, NULL for none. The last one at PATH is the one that is seen there. */
const struct mount *mounts_at(const struct mounts *mounts, const char *path);
const struct mount *mounts_by_id(const struct mounts *mounts, uint64_t id);

/* ---- gate.c ---- */

/* What fanotify_init(2) and fanotify_mark(2) mean by their errors. */
const char *gate_reason(int error);

/* ---- marks.c ---- */

struct marks;

struct marks_status {
	size_t files, file_systems;
	const char *left_out; /* file systems that are not held, NULL for none; borrowed */
};

/*
 * Marks in the fanotify GROUP what is to be held, and keeps that up to date from the engine's loop.
 * Fails only where nothing can be held at all.
 */
int marks_open(struct engine *engine, int group, struct marks **ret, struct rbce_error *err);
struct marks *marks_close(struct marks *marks);

/* The rules have changed, or the marks were taken away. */
void marks_renew(struct marks *marks);
struct marks_status marks_status(const struct marks *marks);

/* Takes all marks of the group away, from any thread. */
void marks_flush(int group);

/* Is it named as the loader of dynamic programs is? */
bool is_loader(const char *path);

#endif
