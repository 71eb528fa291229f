/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Image directories: made whole or not at all. Internal. */
#ifndef CORE_CHECKPOINT_IMAGE_H
#define CORE_CHECKPOINT_IMAGE_H

#include <rbce/checkpoint.h>

#define MANIFEST "manifest"
#define LOG_FILE "dump.log"

/* An image that is being made: PARTIAL lies beside DIR until it is finished. */
struct image {
	char *dir, *partial;
	int fd; /* of the directory */
	struct rbce_sink sink;
	struct follow *follow;
};

/* What the rounds that copy memory ahead have their directories named by: "pre-1". */
#define ROUND "pre-"

/*
 * Begins the image DIR: -EEXIST where there is something, -EBUSY where another is making it. What
 * one that was killed has left is taken away. SINK takes it, NULL for the directory itself.
 * Digests are made by a thread: it is begun when nothing is to be forked any more but the engine.
 */
int image_begin(const char *dir, const struct rbce_sink *sink, struct image *ret,
		struct rbce_error *err);

/* Its directory SUB, "." for its own, is where the engine will work. *RET_FD is the caller's. */
int image_open(struct image *image, const char *sub, int *ret_fd);

/* What is in its directory SUB is complete: adds it to M and gives it away. */
int image_add(struct image *image, const char *sub, struct rbce_manifest *m,
	      struct rbce_error *err);

/*
 * Adds all other files with their digests to M, writes it, and has all on the disk before it gets
 * its name, or given away.
 */
int image_finish(struct image *image, struct rbce_manifest *m, struct rbce_error *err);

/* Bytes of memory that are in the files of a directory. */
uint64_t image_pages(int dirfd);

/* Takes away what is not finished, but for the engine's messages, which DIR.log has then. */
void image_done(struct image *image);

#endif
