/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A directory of images, and those of its parents, which hold what did not change since. Internal.
 */
#ifndef CORE_CRFS_FOLDER_H
#define CORE_CRFS_FOLDER_H

#include "img.h"

enum { FOLDER_PARENTS_MAX = 64, FOLDER_PAGE = 4096 };

struct folder {
	char *name;                       /* of the directory, the last part of its path */
	int dirs[1 + FOLDER_PARENTS_MAX]; /* the directory itself, its parent, the parent of that */
	size_t n_dirs;
	struct img *images; /* of the directory itself, without those of pages; by name */
	size_t n;
};

int folder_open(const char *path, struct folder *ret, struct rbce_error *err);
void folder_close(struct folder *folder);

/* The image of that name, or NULL; its first message, or one without a type. */
__attribute__((format(printf, 2, 3))) const struct img *folder_find(const struct folder *folder,
								    const char *format, ...);
__attribute__((format(printf, 2, 3))) struct message folder_first(const struct folder *folder,
								  const char *format, ...);

/* The message of the file with this id, whatever kind of file it is; one without a type. */
struct message folder_file(const struct folder *folder, uint32_t id);

/* The memory that the file with this id is, if it is one of memfd_create(2). */
struct message folder_memfd(const struct folder *folder, uint32_t id);

/* The path of that file, as a process sees it, or "" where it has none; to be freed, NULL: no
 * memory. */
char *folder_path(const struct folder *folder, uint32_t id);

/* The segment of System V with this id. */
struct message folder_segment(const struct folder *folder, uint64_t id);

/* What is in that message: that of its kind. */
struct message file_inner(struct message file);

#endif
