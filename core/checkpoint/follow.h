/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A thread that reads the files of memory while the engine writes them, so that their digests are
 * there when they are. Internal.
 */
#ifndef CORE_CHECKPOINT_FOLLOW_H
#define CORE_CHECKPOINT_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

struct follow;
struct digest;

/*
 * STAYS: the files are to be on the disk at the end, so they are begun to be written there. Where
 * the engine would have to share its processor, or memory is short, there is none: NULL.
 */
struct follow *follow_start(bool stays);

/* Files of memory that will be made in the directory DIRFD, which has the name PREFIX in the image.
 */
void follow_watch(struct follow *follow, int dirfd, const char *prefix);

/*
 * What it has of the file NAME of the image, the first *RET_DONE bytes; the caller adds the rest.
 * NULL: nothing.
 */
struct digest *follow_take(struct follow *follow, const char *name, uint64_t *ret_done);

/* It takes NULL, and returns NULL. */
struct follow *follow_stop(struct follow *follow);

#endif
