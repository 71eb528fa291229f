/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A container's own swap file, made and enabled in a swap tier that it has for itself. Internal. */
#ifndef CONTROLLERS_SWAP_FILE_H
#define CONTROLLERS_SWAP_FILE_H

#include <limits.h>
#include <stdint.h>

#include <rbce/error.h>

/* Room for a tier's name with its end; what the names of such tiers begin with. */
enum { TIER_NAME_SIZE = 32 };
#define SWAP_FILE_TIER "file."

struct swap_file {
	char path[PATH_MAX];
	uint64_t size; /* bytes; asked for: 0 for what is there, or the default */
	char tier[TIER_NAME_SIZE];
};

/*
 * Enables F->path, and gives it a private tier, whose name goes to F->tier. A file that is not
 * there is made, of F->size or else of SIZE bytes; one that is must be swap space already.
 */
int swap_file_enable(struct swap_file *f, uint64_t size, struct rbce_error *err);

/*
 * Takes it out of use (what is in it is read back), removes the tier, and the file too if
 * swap_file_enable() made it.
 */
int swap_file_disable(const struct swap_file *f, struct rbce_error *err);

/* What is enabled in F->tier: path and size; -ENOENT for nothing. */
int swap_file_find(struct swap_file *f);

#endif
