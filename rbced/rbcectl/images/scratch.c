// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Directories for images that are only on their way; see scratch.h. Each is locked by those who use
 * it. A lock goes with the last of them, also where they are killed, and then the next one that
 * needs such a directory takes it away.
 */
#include "scratch.h"

#include <core/cli/log.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "file.h"
#include "util.h"

#define PREFIX "rbcectl-image-"
#define KEPT   "rbcectl-log-"

enum { TRIES = 100 };

static const char *above(void)
{
	const char *dir = getenv("TMPDIR");

	return dir && *dir ? dir : "/var/tmp";
}

/* Another one may have taken it away between its making and its lock. */
static bool is_there(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_nlink > 0;
}

static void remove_left(int dirfd, const char *name)
{
	cleanup_close int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char path[512];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s/%s", above(), name);

	if (fd < 0 || n < 0 || (size_t)n >= sizeof(path) || fstat(fd, &st) < 0 ||
	    st.st_uid != geteuid() || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return;
	file_remove_tree(path);
}

void scratch_clean(void)
{
	cleanup_dir DIR *dir = opendir(above());
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (after_prefix(entry->d_name, PREFIX))
			remove_left(dirfd(dir), entry->d_name);
}

int scratch_make(struct scratch *ret, struct rbce_error *err)
{
	scratch_clean();
	for (int i = 0; i < TRIES; i++) {
		struct scratch made;

		snprintf(made.path, sizeof(made.path), "%s/" PREFIX "XXXXXX", above());
		if (!mkdtemp(made.path))
			return rbce_error_errno(err, -errno, "cannot make '%s'", made.path);
		made.lock = open(made.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (made.lock < 0 && errno != ENOENT)
			return rbce_error_errno(err, -errno, "cannot open '%s'", made.path);
		if (made.lock >= 0 && flock(made.lock, LOCK_EX | LOCK_NB) == 0 &&
		    is_there(made.lock)) {
			*ret = made;
			return 0;
		}
		if (made.lock >= 0)
			close(made.lock);
	}
	return rbce_error_errno(err, -EBUSY, "cannot make a directory in '%s'", above());
}

void scratch_done(struct scratch *scratch)
{
	if (!*scratch->path)
		return;
	file_remove_tree(scratch->path);
	close(scratch->lock);
	*scratch = (struct scratch){0};
}

void scratch_keep(struct scratch *scratch)
{
	char path[sizeof(scratch->path)];

	if (!*scratch->path)
		return;
	snprintf(path, sizeof(path), "%s/" KEPT "%s", above(), strrchr(scratch->path, '-') + 1);
	/* It has not even begun, or there is no place for it. */
	if (rmdir(scratch->path) == 0 || rename(scratch->path, path) < 0) {
		scratch_done(scratch);
		return;
	}
	log_info("the engine's messages are in %s", path);
	close(scratch->lock);
	*scratch = (struct scratch){0};
}
