// SPDX-License-Identifier: GPL-2.0-or-later
/* What is mounted, and which of it may be held; see internal.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>

#include "internal.h"
#include "util.h"

/*
 * File systems whose programs may be held. The kernel opens a program for the gate's thread before
 * that can decide: where a server or another process must answer first, the thread could hang, and
 * where it may not read the file, the program would be forbidden.
 */
static const char *const local_types[] = {
	"bcachefs", "btrfs", "erofs", "exfat",    "ext2",  "ext3",    "ext4",  "f2fs",
	"iso9660",  "jfs",   "msdos", "nilfs2",   "ntfs3", "overlay", "ramfs", "reiserfs",
	"tmpfs",    "udf",   "vfat",  "squashfs", "xfs",   "zfs",
};

static bool is_local(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(local_types); i++)
		if (streq(local_types[i], type))
			return true;
	return false;
}

/* Blanks and the like are written as "\040". */
static void unescape(char *text)
{
	char *to = text;

	while (*text) {
		if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] && text[3]) {
			*to++ = (char)((text[1] - '0') * 64 + (text[2] - '0') * 8 + text[3] - '0');
			text += 4;
		} else {
			*to++ = *text++;
		}
	}
	*to = '\0';
}

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw" */
static int parse_line(const char *line, struct mount *ret)
{
	const char *behind = strstr(line, " - ");
	char path[PATH_MAX];

	if (!behind || sscanf(line, "%" SCNu64 " %*u %*s %*s %4095s", &ret->id, path) != 2 ||
	    sscanf(behind, " - %31s", ret->type) != 1)
		return -EBADMSG;
	unescape(path);
	ret->path = strdup(path);
	ret->local = is_local(ret->type);
	return ret->path ? 0 : -ENOMEM;
}

int mounts_read(int fd, struct mounts *ret)
{
	cleanup_close int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	cleanup_file FILE *file = copy < 0 ? NULL : fdopen(copy, "r");
	CLEANUP(mounts_done) struct mounts mounts = {0};
	cleanup_free char *line = NULL;
	size_t room = 0;

	if (!file)
		return -errno;
	(void)TAKE_FD(copy);
	/* Both descriptors share the place in the file. */
	rewind(file);
	while (getline(&line, &room, file) > 0) {
		struct mount mount, *more;
		int r = parse_line(line, &mount);

		if (r == -EBADMSG)
			continue;
		more = r < 0 ? NULL : reallocarray(mounts.list, mounts.n + 1, sizeof(*more));
		if (!more) {
			free(mount.path);
			return -ENOMEM;
		}
		mounts.list = more;
		mounts.list[mounts.n++] = mount;
	}
	*ret = mounts;
	mounts = (struct mounts){0};
	return 0;
}

void mounts_done(struct mounts *mounts)
{
	for (size_t i = 0; i < mounts->n; i++)
		free(mounts->list[i].path);
	free(mounts->list);
	*mounts = (struct mounts){0};
}

const struct mount *mounts_at(const struct mounts *mounts, const char *path)
{
	for (size_t i = mounts->n; i-- > 0;)
		if (streq(mounts->list[i].path, path))
			return &mounts->list[i];
	return NULL;
}

const struct mount *mounts_by_id(const struct mounts *mounts, uint64_t id)
{
	for (size_t i = 0; i < mounts->n; i++)
		if (mounts->list[i].id == id)
			return &mounts->list[i];
	return NULL;
}
