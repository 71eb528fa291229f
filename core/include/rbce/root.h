/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The directory under which /proc and /sys are looked up: "/" on a live system, a fixture tree in
 * tests. Every read of the library goes through one.
 */
#ifndef RBCE_ROOT_H
#define RBCE_ROOT_H

#include <stdbool.h>
#include <stddef.h>

#include <rbce/error.h>

struct rbce_root;

/* PREFIX is a directory, NULL for "/". Release with rbce_root_close(). */
int rbce_root_open(const char *prefix, struct rbce_root **ret, struct rbce_error *err);

/* Takes NULL; returns NULL. */
struct rbce_root *rbce_root_close(struct rbce_root *root);

/* True when the prefix is "/", so that system calls on pids and mounts mean the same tasks. */
bool rbce_root_is_live(const struct rbce_root *root);

/*
 * Opens PATH ("/proc/1/stat"), a leading slash meaning the root handle. O_CLOEXEC is added.
 * Returns a file descriptor of the caller's, or -errno.
 */
int rbce_root_openat(const struct rbce_root *root, const char *path, int flags);

/* Descriptor of the prefix directory, borrowed. */
int rbce_root_fd(const struct rbce_root *root);

#endif
