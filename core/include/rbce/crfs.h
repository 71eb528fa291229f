/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A checkpoint as a file system: the image directory of the engine as files that people and
 * debuggers read, mounted read-only through FUSE.
 */
#ifndef RBCE_CRFS_H
#define RBCE_CRFS_H

#include <rbce/error.h>

struct rbce_crfs;

/*
 * Reads the images in DIR, and in the parents that they build upon, and mounts them at MOUNT;
 * OTHERS: for every user, who then sees what the files' modes allow. -EOPNOTSUPP where this was
 * built without it. *RET needs rbce_crfs_close(), which also unmounts.
 */
int rbce_crfs_mount(const char *dir, const char *mount, struct rbce_crfs **ret,
		    struct rbce_error *err);

/*
 * Answers whoever reads there, until it is unmounted or SIGTERM, SIGINT or SIGHUP comes. Whoever
 * forks after the mount calls this in one of both processes only, and ends the other one with
 * _exit(2).
 */
int rbce_crfs_serve(struct rbce_crfs *crfs, struct rbce_error *err);

void rbce_crfs_close(struct rbce_crfs *crfs); /* NULL is fine */

/*
 * The other way round: a directory NAME below MOUNT that is a checkpoint of a container as of the
 * moment at which it is opened, so that a copy of it takes one. TAKE puts a checkpoint into DIR,
 * which is not there; it is called by a thread of its own, one at a time. What it made lies below
 * SCRATCH until the process that opened the directory has ended.
 */
struct rbce_crfs_live {
	const char *name;
	const char *scratch;
	int (*take)(const char *dir, void *data); /* 0 or -errno, which the reader gets */
	void *data;
};

/* Mounts it and calls READY, then serves as rbce_crfs_serve() does; all that was made is gone at
 * the end. */
int rbce_crfs_live(const struct rbce_crfs_live *live, const char *mount, void (*ready)(void),
		   struct rbce_error *err);

#endif
