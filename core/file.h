/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Small kernel files, whole: what /proc, /sys and control groups are made of. Internal.
 */
#ifndef CORE_FILE_H
#define CORE_FILE_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Reads PATH below DIRFD into BUF, terminated, last newline taken off. Returns the length, -E2BIG
 * when it does not fit, or -errno.
 */
ssize_t file_read_at(int dirfd, const char *path, char *buf, size_t size);

/* The same into a new string of any length (at most 64 MiB), newline kept. */
ssize_t file_read_all_at(int dirfd, const char *path, char **ret);

/* The same from offset 0 of a kept descriptor, into BUF. */
ssize_t file_pread(int fd, char *buf, size_t size);

/* Writes VALUE in one write(2), as control files want it; -errno of open or write. */
int file_write_at(int dirfd, const char *path, const char *value);
int file_write_fd(int fd, const char *value, size_t size);

/* Removes a directory with all that is in it, as far as that can be removed; links are not
 * followed. */
void file_remove_tree(const char *path);

#endif
