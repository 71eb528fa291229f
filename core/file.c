// SPDX-License-Identifier: LGPL-2.1-or-later
/* Small kernel files, whole; see file.h. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util.h"

enum { WHOLE_FILE_MAX = 64 << 20 };

/* Fills BUF up to SIZE from offset 0 or, where the file cannot seek, from where it stands. */
static ssize_t fill(int fd, char *buf, size_t size)
{
	size_t n = 0;

	while (n < size) {
		ssize_t got = pread(fd, buf + n, size - n, (off_t)n);
		if (got < 0 && errno == ESPIPE)
			got = read(fd, buf + n, size - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	return (ssize_t)n;
}

ssize_t file_pread(int fd, char *buf, size_t size)
{
	ssize_t n = fill(fd, buf, size);

	if (n < 0)
		return n;
	if ((size_t)n == size)
		return -E2BIG;
	if (n > 0 && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return n;
}

ssize_t file_read_at(int dirfd, const char *path, char *buf, size_t size)
{
	cleanup_close int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return file_pread(fd, buf, size);
}

ssize_t file_read_all_at(int dirfd, const char *path, char **ret)
{
	cleanup_close int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	cleanup_free char *text = NULL;
	size_t size = 4096, n = 0;

	if (fd < 0)
		return -errno;
	text = malloc(size);
	for (;;) {
		ssize_t got;

		if (!text)
			return -ENOMEM;
		/* Sequential reads: seq_file texts may differ between two passes. */
		got = read(fd, text + n, size - n - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		n += (size_t)got;
		if (n + 1 < size)
			continue;
		if (size >= WHOLE_FILE_MAX)
			return -E2BIG;
		size *= 2;
		char *more = realloc(text, size);
		if (!more)
			return -ENOMEM;
		text = more;
	}
	text[n] = '\0';
	*ret = TAKE_PTR(text);
	return (ssize_t)n;
}

int file_write_fd(int fd, const char *value, size_t size)
{
	ssize_t n;

	do
		n = write(fd, value, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EIO;
}

int file_write_at(int dirfd, const char *path, const char *value)
{
	cleanup_close int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return file_write_fd(fd, value, strlen(value));
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	remove(path);
	return 0;
}

void file_remove_tree(const char *path)
{
	nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
