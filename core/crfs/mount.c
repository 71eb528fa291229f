// SPDX-License-Identifier: LGPL-2.1-or-later
/* The tree through FUSE; see rbce/crfs.h. Nothing in it changes while it is mounted. */
#define FUSE_USE_VERSION 314
#include <errno.h>
#include <fuse_lowlevel.h>
#include <rbce/crfs.h>

#include "tree.h"
#include "util.h"

struct rbce_crfs {
	struct tree tree;
	struct fuse_session *session;
	bool mounted, handled;
	struct stat owner; /* whose the images are, and from when */
	struct rbce_error error;
};

static const double FOREVER = 86400;

/* The kernel only asks for what it was told of. */
static struct node *node_of(fuse_req_t req, fuse_ino_t number)
{
	struct rbce_crfs *crfs = fuse_req_userdata(req);

	return crfs->tree.nodes[number - 1];
}

static mode_t mode_of(enum node_kind kind)
{
	switch (kind) {
	case NODE_DIRECTORY:
		return S_IFDIR | 0500;
	case NODE_LINK:
		return S_IFLNK | 0777;
	case NODE_TEXT:
	case NODE_DATA:
		return S_IFREG | 0400;
	}
	return 0;
}

static int stat_of(const struct rbce_crfs *crfs, const struct node *node, struct stat *ret)
{
	int64_t size = node_size(node);

	if (size < 0)
		return (int)-size;
	*ret = (struct stat){
		.st_ino = node->number,
		.st_mode = mode_of(node->kind),
		.st_nlink = node->kind == NODE_DIRECTORY ? 2 : 1,
		.st_uid = crfs->owner.st_uid,
		.st_gid = crfs->owner.st_gid,
		.st_size = size,
		.st_blocks = (size + 511) / 512,
		.st_blksize = FOLDER_PAGE,
		.st_atim = crfs->owner.st_mtim,
		.st_mtim = crfs->owner.st_mtim,
		.st_ctim = crfs->owner.st_mtim,
	};
	return 0;
}

static void on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	const struct node *node = tree_child(node_of(req, parent), name);
	struct fuse_entry_param entry = {.attr_timeout = FOREVER, .entry_timeout = FOREVER};
	int error = node ? stat_of(fuse_req_userdata(req), node, &entry.attr) : ENOENT;

	if (error) {
		fuse_reply_err(req, error);
		return;
	}
	entry.ino = node->number;
	fuse_reply_entry(req, &entry);
}

static void on_getattr(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *file)
{
	struct stat st;
	int error = stat_of(fuse_req_userdata(req), node_of(req, number), &st);

	(void)file;
	if (error)
		fuse_reply_err(req, error);
	else
		fuse_reply_attr(req, &st, FOREVER);
}

static void on_readlink(fuse_req_t req, fuse_ino_t number)
{
	cleanup_free char *text = NULL;
	size_t size;

	if (node_text(node_of(req, number), &text, &size) < 0)
		fuse_reply_err(req, ENOMEM);
	else
		fuse_reply_readlink(req, text);
}

/* A text is written when it is opened, so that a reader has all of it from one moment. */
struct opened {
	char *text;
	size_t size;
};

static void on_open(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *file)
{
	const struct node *node = node_of(req, number);
	struct opened *opened = NULL;

	if ((file->flags & O_ACCMODE) != O_RDONLY) {
		fuse_reply_err(req, EROFS);
		return;
	}
	if (node->kind == NODE_TEXT) {
		opened = calloc(1, sizeof(*opened));
		if (!opened || node_text(node, &opened->text, &opened->size) < 0) {
			free(opened);
			fuse_reply_err(req, ENOMEM);
			return;
		}
	}
	file->fh = (uint64_t)(uintptr_t)opened;
	file->keep_cache = 1;
	if (fuse_reply_open(req, file) < 0 && opened) {
		free(opened->text);
		free(opened);
	}
}

static void on_release(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *file)
{
	struct opened *opened = (struct opened *)(uintptr_t)file->fh;

	(void)number;
	if (opened)
		free(opened->text);
	free(opened);
	fuse_reply_err(req, 0);
}

static void reply_data(fuse_req_t req, const struct node *node, size_t size, uint64_t offset)
{
	cleanup_free char *buf = malloc(size ? size : 1);
	size_t done = 0;

	/* A reader is told of the end by what is missing, so less is given at the end alone. */
	while (buf && done < size) {
		ssize_t n = node->read(node, offset + done, buf + done, size - done);

		if (n < 0 && done == 0) {
			fuse_reply_err(req, (int)-n);
			return;
		}
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (buf)
		fuse_reply_buf(req, buf, done);
	else
		fuse_reply_err(req, ENOMEM);
}

static void on_read(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset,
		    struct fuse_file_info *file)
{
	const struct opened *opened = (struct opened *)(uintptr_t)file->fh;
	size_t left;

	if (!opened) {
		reply_data(req, node_of(req, number), size, (uint64_t)offset);
		return;
	}
	left = (size_t)offset < opened->size ? opened->size - (size_t)offset : 0;
	fuse_reply_buf(req, opened->text + (left ? offset : 0), left < size ? left : size);
}

/* The N-th entry: itself, the one above, its files. */
static const struct node *next_entry(const struct node *directory, off_t n, const struct node *last)
{
	if (n == 0)
		return directory;
	if (n == 1)
		return directory->parent ? directory->parent : directory;
	return n == 2 ? directory->children : last->next;
}

static void on_readdir(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset,
		       struct fuse_file_info *file)
{
	static const char *const above[] = {".", ".."};
	const struct node *directory = node_of(req, number), *node = NULL;
	cleanup_free char *buf = malloc(size);
	size_t done = 0;

	(void)file;
	for (off_t n = 0; buf; n++) {
		struct stat st = {0};
		size_t length;

		node = next_entry(directory, n, node);
		if (!node)
			break;
		if (n < offset)
			continue;
		st.st_ino = node->number;
		st.st_mode = mode_of(node->kind);
		length = fuse_add_direntry(req, buf + done, size - done,
					   n < 2 ? above[n] : node->name, &st, n + 1);
		if (length > size - done)
			break;
		done += length;
	}
	if (buf)
		fuse_reply_buf(req, buf, done);
	else
		fuse_reply_err(req, ENOMEM);
}

static const struct fuse_lowlevel_ops operations = {
	.lookup = on_lookup,
	.getattr = on_getattr,
	.readlink = on_readlink,
	.open = on_open,
	.read = on_read,
	.release = on_release,
	.readdir = on_readdir,
};

/* The library says what went wrong on standard error only: that is kept for whoever called. */
static struct rbce_error *said;

static void keep_message(enum fuse_log_level level, const char *format, va_list ap)
{
	(void)level;
	if (said && !*said->message)
		vsnprintf(said->message, sizeof(said->message), format, ap);
}

static int mount_tree(struct rbce_crfs *crfs, const char *mount, struct rbce_error *err)
{
	char *argv[] = {(char[]){"crfs"}, (char[]){"-oro,nosuid,nodev,fsname=crfs,subtype=rbce"},
			NULL};
	struct fuse_args args = FUSE_ARGS_INIT(2, argv);

	said = &crfs->error;
	fuse_set_log_func(keep_message);
	crfs->session = fuse_session_new(&args, &operations, sizeof(operations), crfs);
	crfs->mounted = crfs->session && fuse_session_mount(crfs->session, mount) == 0;
	crfs->handled = crfs->mounted && fuse_set_signal_handlers(crfs->session) == 0;
	said = NULL;
	fuse_opt_free_args(&args);
	if (crfs->handled)
		return 0;
	crfs->error.message[strcspn(crfs->error.message, "\n")] = '\0';
	return rbce_error_set(err, -EIO, "cannot mount '%s': %s", mount,
			      *crfs->error.message ? crfs->error.message : "FUSE refused it");
}

int rbce_crfs_mount(const char *dir, const char *mount, struct rbce_crfs **ret,
		    struct rbce_error *err)
{
	struct rbce_crfs *crfs = calloc(1, sizeof(*crfs));
	int r = 0;

	if (!crfs)
		return rbce_error_errno(err, -ENOMEM, "cannot mount '%s'", mount);
	if (stat(dir, &crfs->owner) < 0)
		r = rbce_error_errno(err, -errno, "cannot open '%s'", dir);
	if (r == 0)
		r = tree_open(dir, &crfs->tree, err);
	if (r == 0)
		r = mount_tree(crfs, mount, err);
	if (r < 0) {
		rbce_crfs_close(crfs);
		return r;
	}
	*ret = crfs;
	return 0;
}

int rbce_crfs_serve(struct rbce_crfs *crfs, struct rbce_error *err)
{
	int r = fuse_session_loop(crfs->session);

	/* A signal that ends it is a number above 0. */
	return r < 0 ? rbce_error_errno(err, r, "cannot answer who reads the checkpoint") : 0;
}

void rbce_crfs_close(struct rbce_crfs *crfs)
{
	if (!crfs)
		return;
	if (crfs->handled)
		fuse_remove_signal_handlers(crfs->session);
	if (crfs->mounted)
		fuse_session_unmount(crfs->session);
	if (crfs->session)
		fuse_session_destroy(crfs->session);
	tree_close(&crfs->tree);
	free(crfs);
}
