/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The engine's image files: a magic number, then messages, some with further bytes behind them.
 * Internal.
 */
#ifndef CORE_CRFS_IMG_H
#define CORE_CRFS_IMG_H

#include <rbce/error.h>
#include <stdio.h>

#include "message.h"

/* What stands behind each message of an image. */
enum img_extra {
	EXTRA_NONE,
	EXTRA_GHOST,      /* a file, whole or in pieces */
	EXTRA_BYTES,      /* what a pipe holds: its `bytes` */
	EXTRA_LENGTH,     /* a packet: its `length` */
	EXTRA_QUEUES,     /* what a connection has received, and what it has to send */
	EXTRA_MAP,        /* keys and values */
	EXTRA_SEMAPHORES, /* 16 bits each */
	EXTRA_MESSAGES,   /* of a queue: for each its size, a message, its text */
	EXTRA_SEGMENT,    /* of shared memory */
};

struct img_type {
	const char *name; /* "CORE"; NULL ends the list */
	uint32_t magic;
	const struct message_type *first; /* of the first message */
	const struct message_type *rest;  /* of all others */
	enum img_extra extra;
};

/* The tables that describe.py makes. */
extern const struct img_type img_types[];
extern const uint32_t magic_common, magic_service;
extern const struct message_type *const message_of_queues; /* of EXTRA_MESSAGES */

struct img_entry {
	struct message message;
	struct bytes extra;
};

struct img {
	char *name;
	const struct img_type *type; /* NULL: of no known kind */
	uint8_t *data;
	size_t size;
	struct img_entry *entries; /* all that can be read */
	size_t n;
	size_t broken; /* offset of the first that cannot, or 0 */
};

/* What DATA, borrowed, of SIZE bytes holds; -ENOMEM is the only failure. */
int img_parse(struct img *image);

/*
 * The file NAME of the directory DIR: a plain file and no link, since whoever wrote the directory
 * need not be trusted. -errno.
 */
int img_read(int dir, const char *name, struct img *ret, struct rbce_error *err);
int img_open(int dir, const char *name, struct rbce_error *err);

void img_done(struct img *image);

/* The messages of EXTRA_MESSAGES, one after the other: take until false. */
struct queued {
	struct message message;
	struct bytes text;
};
bool img_take_queued(struct bytes *rest, struct queued *ret);

/* All of it for people. */
void img_print(FILE *out, const struct img *image);

#endif
