// SPDX-License-Identifier: LGPL-2.1-or-later
/* Image directories, made beside their place and put there when they are whole; see image.h. */
#include "image.h"

#include <fcntl.h>
#include <libgen.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "digest.h"
#include "file.h"
#include "follow.h"
#include "own.h"
#include "util.h"

/* "a/b/" as "a/.b.partial". */
static int name_partial(struct image *image, const char *dir)
{
	size_t n = strlen(dir);
	const char *base;

	while (n > 1 && dir[n - 1] == '/')
		n--;
	image->dir = strndup(dir, n);
	if (!image->dir)
		return -ENOMEM;
	base = strrchr(image->dir, '/');
	base = base ? base + 1 : image->dir;
	return asprintf(&image->partial, "%.*s.%s.partial", (int)(base - image->dir), image->dir,
			base) < 0
		       ? -ENOMEM
		       : 0;
}

/* The lock goes with the process that has it, so one that is not locked was left. */
static int make_partial(struct image *image)
{
	int fd = open(image->partial, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		int r = flock(fd, LOCK_EX | LOCK_NB) < 0 ? -EBUSY : 0;

		if (r == 0)
			file_remove_tree(image->partial);
		close(fd);
		if (r < 0)
			return r;
	}
	if (mkdir(image->partial, 0700) < 0)
		return errno == EEXIST ? -EBUSY : -errno;
	image->fd = open(image->partial, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return image->fd < 0 || flock(image->fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
}

/* ---- the directory as the place where it stays ---- */

static int sync_file(void *data, const char *name, int fd, struct rbce_error *err)
{
	(void)data;
	return fdatasync(fd) < 0 ? rbce_error_errno(err, -errno, "cannot write '%s'", name) : 0;
}

/* The name is on the disk when its directory is. */
static int put_in_place(void *data, struct rbce_error *err)
{
	struct image *image = data;
	cleanup_free char *path = strdup(image->dir);
	cleanup_close int above = -1;

	if (!path)
		return rbce_error_errno(err, -ENOMEM, "cannot name it");
	if (fsync(image->fd) < 0 ||
	    renameat2(AT_FDCWD, image->partial, AT_FDCWD, image->dir, RENAME_NOREPLACE) < 0)
		return rbce_error_errno(err, -errno, "cannot name it");
	above = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (above >= 0)
		fsync(above);
	free(TAKE_PTR(image->partial));
	return 0;
}

/* ---- an image from its beginning to its end ---- */

int image_begin(const char *dir, const struct rbce_sink *sink, struct image *ret,
		struct rbce_error *err)
{
	struct image image = {.fd = -1};
	struct stat st;
	int r = name_partial(&image, dir);

	if (r == 0 && lstat(image.dir, &st) == 0)
		r = -EEXIST;
	if (r == 0)
		r = make_partial(&image);
	if (r < 0) {
		if (image.fd >= 0)
			file_remove_tree(image.partial);
		free(TAKE_PTR(image.partial));
		image_done(&image);
		return r == -EBUSY
			       ? rbce_error_set(err, r,
						"cannot make image '%s': another one is at it", dir)
			       : rbce_error_errno(err, r, "cannot make image '%s'", dir);
	}
	image.sink =
		sink ? *sink
		     : (struct rbce_sink){.put = sync_file, .finish = put_in_place, .data = ret};
	image.follow = follow_start(!sink);
	*ret = image;
	return 0;
}

int image_open(struct image *image, const char *sub, int *ret_fd)
{
	int fd;

	if (!streq(sub, ".") && mkdirat(image->fd, sub, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(image->fd, sub, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	follow_watch(image->follow, fd, streq(sub, ".") ? "" : sub);
	*ret_fd = fd;
	return 0;
}

void image_done(struct image *image)
{
	cleanup_free char *from = NULL, *to = NULL;

	follow_stop(image->follow);
	if (image->partial) {
		if (asprintf(&from, "%s/" LOG_FILE, image->partial) > 0 &&
		    asprintf(&to, "%s.log", image->dir) > 0)
			rename(from, to);
		file_remove_tree(image->partial);
	}
	if (image->fd >= 0)
		close(image->fd);
	free(image->partial);
	free(image->dir);
	*image = (struct image){.fd = -1};
}

uint64_t image_pages(int dirfd)
{
	cleanup_dir DIR *dir =
		take_directory(openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *entry;
	uint64_t sum = 0;
	struct stat st;

	while (dir && (entry = readdir(dir)))
		if (after_prefix(entry->d_name, "pages-") &&
		    fstatat(dirfd, entry->d_name, &st, 0) == 0)
			sum += (uint64_t)st.st_size;
	return sum;
}

/* What the engine still writes when the image has its name, and nobody needs. */
static bool is_aside(const char *name)
{
	return after_prefix(name, "stats-") || strstr(name, ".log") || streq(name, MANIFEST);
}

/* What was not read while it was written. */
static int digest_end_of(struct image *image, const char *name, int fd, char *ret,
			 uint64_t *ret_size)
{
	struct digest *digest = follow_take(image->follow, name, ret_size);
	cleanup_free char *piece = digest ? malloc(DIGEST_PIECE) : NULL;
	int r = -ENOMEM;

	if (!digest)
		return digest_file(fd, ret, ret_size);
	if (piece)
		r = digest_read(digest, fd, ret_size, 0, piece);
	digest_end(digest, ret);
	return r;
}

static int add_file(struct image *image, struct rbce_manifest *m, const char *name, int fd,
		    struct rbce_error *err)
{
	char text[DIGEST_SIZE];
	uint64_t size = 0;
	int r = digest_end_of(image, name, fd, text, &size);

	if (r == 0)
		r = rbce_manifest_add(m, "file", "%s %llu %s", name, (unsigned long long)size,
				      text);
	return r < 0 ? rbce_error_errno(err, r, "cannot add '%s'", name)
		     : image->sink.put(image->sink.data, name, fd, err);
}

static int add_files(struct image *image, struct rbce_manifest *m, int dirfd, const char *prefix,
		     struct rbce_error *err)
{
	cleanup_dir DIR *dir =
		take_directory(openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *entry;
	int r = dir ? 0 : -errno;

	while (r == 0 && (entry = readdir(dir))) {
		cleanup_close int fd = -1;
		char name[PATH_MAX];
		struct stat st;

		if (entry->d_name[0] == '.' || is_aside(entry->d_name) ||
		    after_prefix(entry->d_name, ROUND) ||
		    fstatat(dirfd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    S_ISLNK(st.st_mode))
			continue;
		fd = openat(dirfd, entry->d_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? "/" : "", entry->d_name);
		if (fd < 0)
			r = -errno;
		else if (S_ISDIR(st.st_mode))
			r = add_files(image, m, fd, name, err);
		else
			r = add_file(image, m, name, fd, err);
		if (fd >= 0 && r < 0)
			return r;
	}
	if (r == 0 && fsync(dirfd) < 0)
		r = -errno;
	return r < 0 ? rbce_error_errno(err, r, "cannot add what is in '%s'", prefix) : 0;
}

int image_add(struct image *image, const char *sub, struct rbce_manifest *m, struct rbce_error *err)
{
	cleanup_close int fd = openat(image->fd, sub, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? rbce_error_errno(err, -errno, "cannot open '%s'", sub)
		      : add_files(image, m, fd, sub, err);
}

static int write_manifest(struct image *image, const struct rbce_manifest *m,
			  struct rbce_error *err)
{
	cleanup_close int fd =
		openat(image->fd, MANIFEST, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	cleanup_free char *text = NULL;
	size_t size, done = 0;
	int r = fd < 0 ? -errno : rbce_manifest_text(m, &text, &size);

	while (r == 0 && done < size) {
		ssize_t n = write(fd, text + done, size - done);

		if (n < 0 && errno != EINTR)
			r = -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return r < 0 ? rbce_error_errno(err, r, "cannot write the manifest")
		     : image->sink.put(image->sink.data, MANIFEST, fd, err);
}

int image_finish(struct image *image, struct rbce_manifest *m, struct rbce_error *err)
{
	struct rbce_error why = {0};
	int r = add_files(image, m, image->fd, "", &why);

	if (r == 0)
		r = write_manifest(image, m, &why);
	if (r == 0)
		r = image->sink.finish(image->sink.data, &why);
	return r < 0 ? rbce_error_set(err, r, "cannot finish image '%s': %s", image->dir,
				      why.message)
		     : 0;
}

/* ---- verify ---- */

static int verify_file(int dirfd, const char *dir, const char *record, struct rbce_error *err)
{
	cleanup_free char *name = NULL, *wanted = NULL;
	char digest[DIGEST_SIZE];
	unsigned long long size;
	cleanup_close int fd = -1;
	uint64_t found;
	int r;

	/* A name of ours has no space. */
	if (sscanf(record, "%ms %llu %ms", &name, &size, &wanted) != 3 || name[0] == '/' ||
	    strstr(name, ".."))
		return rbce_error_set(err, -EBADMSG, "cannot use image '%s': '%s' is no file of it",
				      dir, record);
	fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return rbce_error_errno(err, errno == ENOENT ? -EBADMSG : -errno,
					"cannot use image '%s': file '%s' is not there", dir, name);
	r = digest_file(fd, digest, &found);
	if (r < 0)
		return rbce_error_errno(err, r, "cannot read '%s/%s'", dir, name);
	if (found != size)
		return rbce_error_set(err, -EBADMSG,
				      "cannot use image '%s': file '%s' has %llu bytes, written "
				      "were %llu",
				      dir, name, (unsigned long long)found, size);
	if (!streq(digest, wanted))
		return rbce_error_set(err, -EBADMSG,
				      "cannot use image '%s': file '%s' is not what was written",
				      dir, name);
	return 0;
}

/* A chain of images that is longer than anybody makes one goes in a circle. */
enum { CHAIN_MAX = 1000 };

static int verify(const char *dir, int depth, struct rbce_error *err)
{
	CLEANUP(rbce_manifest_free_p) struct rbce_manifest *m = NULL;
	cleanup_free char *parent = NULL;
	cleanup_close int fd = -1;
	const char *value;
	size_t i = 0;
	int r = rbce_manifest_read(dir, &m, err);

	if (r < 0)
		return r;
	fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return rbce_error_errno(err, -errno, "cannot open image '%s'", dir);
	while (r == 0 && (value = rbce_manifest_next(m, "file", &i)))
		r = verify_file(fd, dir, value, err);
	value = rbce_manifest_get(m, "parent");
	if (r < 0 || !value)
		return r;
	if (depth >= CHAIN_MAX)
		return rbce_error_errno(err, -ELOOP, "cannot use image '%s'", dir);
	if (asprintf(&parent, "%s/%s", dir, value) < 0)
		return rbce_error_errno(err, -ENOMEM, "cannot use image '%s'", dir);
	return verify(parent, depth + 1, err);
}

int rbce_checkpoint_verify(const char *dir, struct rbce_error *err)
{
	return verify(dir, 0, err);
}
