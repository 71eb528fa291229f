// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Swap files of containers; see swap-file.h. Nothing is written down: a tier's name has its
 * priority, /proc/swaps the file with that priority, and the file's label says who made it.
 */
#include "swap-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/swap.h>

#include "file.h"
#include "util.h"

#define TIERS "/sys/kernel/mm/swap/tiers"

enum { HIGHEST = 32767, LABEL_SIZE = 16, MAGIC_SIZE = 10 };

static const char label[LABEL_SIZE] = "rbce", magic[] = "SWAPSPACE2";

/* What the kernel reads at the start of swap space, where the boot block ends. */
struct header {
	char boot[1024];
	uint32_t version, last_page, bad_pages;
	unsigned char uuid[16];
	char label[LABEL_SIZE];
};

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static int read_header(int fd, struct header *ret)
{
	char end[MAGIC_SIZE];

	if (pread(fd, ret, sizeof(*ret), 0) != (ssize_t)sizeof(*ret) ||
	    pread(fd, end, MAGIC_SIZE, (off_t)page_size() - MAGIC_SIZE) != MAGIC_SIZE ||
	    memcmp(end, magic, MAGIC_SIZE) != 0)
		return -EINVAL;
	return 0;
}

static int write_header(int fd, uint64_t size)
{
	cleanup_free char *page = calloc(1, page_size());
	struct header *header = (struct header *)page;

	if (!page)
		return -ENOMEM;
	header->version = 1;
	header->last_page = (uint32_t)(size / page_size() - 1);
	memcpy(header->label, label, LABEL_SIZE);
	memcpy(page + page_size() - MAGIC_SIZE, magic, MAGIC_SIZE);
	if (pwrite(fd, page, page_size(), 0) != (ssize_t)page_size() || fsync(fd) < 0)
		return errno ? -errno : -EIO;
	return 0;
}

/* One that nobody else may read: it will have the memory of programs. */
static int make(const char *path, uint64_t size, struct rbce_error *err)
{
	cleanup_close int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return rbce_error_errno(err, -errno, "cannot make swap file '%s'", path);
	r = -posix_fallocate(fd, 0, (off_t)size);
	if (r == 0)
		r = write_header(fd, size);
	if (r < 0) {
		unlink(path);
		return rbce_error_errno(err, r, "cannot make swap file '%s'", path);
	}
	return 0;
}

/* Is it swap space that nobody else may write to? Nothing is formatted that was there before. */
static int check_old(const char *path, int fd, struct rbce_error *err)
{
	struct header header;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return rbce_error_errno(err, -errno, "cannot use swap file '%s'", path);
	if (!S_ISBLK(st.st_mode) && (!S_ISREG(st.st_mode) || st.st_uid != 0 || st.st_mode & 077))
		return rbce_error_set(err, -EPERM,
				      "cannot use swap file '%s': it is not root's alone", path);
	if (read_header(fd, &header) < 0)
		return rbce_error_set(err, -EEXIST,
				      "cannot use swap file '%s': it is there and no swap space",
				      path);
	return 0;
}

/* *RET_MADE tells whether it was not there. */
static int provide(const struct swap_file *f, uint64_t size, bool *ret_made, struct rbce_error *err)
{
	cleanup_close int fd = open(f->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	*ret_made = fd < 0 && errno == ENOENT;
	if (*ret_made)
		return make(f->path, f->size ?: size, err);
	if (fd < 0)
		return rbce_error_errno(err, -errno, "cannot use swap file '%s'", f->path);
	return check_old(f->path, fd, err);
}

/* A line of /proc/swaps: "/path file 1024 0 -2". */
struct swap_line {
	char path[PATH_MAX];
	uint64_t kib;
	int priority;
};

static bool parse_swap(const char *line, struct swap_line *ret)
{
	char path[PATH_MAX];
	unsigned long long kib;

	if (sscanf(line, "%4095s %*s %llu %*u %d", path, &kib, &ret->priority) != 3)
		return false;
	memcpy(ret->path, path, sizeof(path));
	ret->kib = kib;
	return true;
}

/* The line with a priority from FIRST to LAST. */
static bool find_swap(int first, int last, struct swap_line *ret)
{
	cleanup_free char *text = NULL;
	char *save = NULL;

	if (file_read_all_at(AT_FDCWD, "/proc/swaps", &text) < 0)
		return false;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (parse_swap(line, ret) && ret->priority >= first && ret->priority <= last)
			return true;
	return false;
}

int swap_file_find(struct swap_file *f)
{
	struct swap_line line;
	struct stat st;
	int priority;

	if (sscanf(f->tier, SWAP_FILE_TIER "%d", &priority) != 1 ||
	    !find_swap(priority, priority, &line))
		return -ENOENT;
	memcpy(f->path, line.path, sizeof(f->path));
	/* Of a file the kernel may use less than there is, where its blocks are small. */
	f->size = line.kib * 1024 + page_size();
	if (stat(f->path, &st) == 0 && S_ISREG(st.st_mode))
		f->size = (uint64_t)st.st_size;
	return 0;
}

/* The highest priority that begins no tier, and where a new tier gets no device of others. */
static int free_priority(void)
{
	cleanup_free char *text = NULL;
	struct swap_line used;
	char *save = NULL;

	if (file_read_all_at(AT_FDCWD, TIERS, &text) < 0)
		return -EOPNOTSUPP;
	/* "NAME FIRST LAST", the highest first. */
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		int first, last;

		if (sscanf(line, "%*s %d %d", &first, &last) == 2 && first < last && last >= 0)
			return find_swap(last, last, &used) ? -EBUSY : last;
	}
	return -ENOSPC;
}

/* Somebody else may have taken the priority meanwhile: then the next one. */
static int make_tier(struct swap_file *f, int *ret_priority, struct rbce_error *err)
{
	char text[TIER_NAME_SIZE + 32];
	int priority, r;

	do {
		r = priority = free_priority();
		if (r < 0)
			break;
		snprintf(f->tier, sizeof(f->tier), SWAP_FILE_TIER "%d", priority);
		snprintf(text, sizeof(text), "+%s:%d:private", f->tier, priority);
		r = file_write_at(AT_FDCWD, TIERS, text);
	} while (r == -EEXIST);
	if (r < 0)
		return rbce_error_errno(err, r, "cannot make a swap tier for '%s'", f->path);
	*ret_priority = priority;
	return 0;
}

static void remove_tier(const struct swap_file *f)
{
	char text[TIER_NAME_SIZE + 1];

	snprintf(text, sizeof(text), "-%s", f->tier);
	file_write_at(AT_FDCWD, TIERS, text);
}

static int turn_on(const struct swap_file *f, int priority, struct rbce_error *err)
{
	if (swapon(f->path, SWAP_FLAG_PREFER | (priority << SWAP_FLAG_PRIO_SHIFT)) < 0)
		return rbce_error_errno(err, -errno, "cannot swap to '%s'", f->path);
	return 0;
}

int swap_file_enable(struct swap_file *f, uint64_t size, struct rbce_error *err)
{
	bool made = false;
	int priority = 0, r = provide(f, size, &made, err);

	if (r < 0)
		return r;
	r = make_tier(f, &priority, err);
	if (r == 0) {
		r = turn_on(f, priority, err);
		if (r < 0)
			remove_tier(f);
	}
	if (r < 0 && made)
		unlink(f->path);
	return r;
}

static void remove_ours(const char *path)
{
	cleanup_close int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct header header;
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    read_header(fd, &header) == 0 && memcmp(header.label, label, LABEL_SIZE) == 0)
		unlink(path);
}

int swap_file_disable(const struct swap_file *f, struct rbce_error *err)
{
	if (*f->path && swapoff(f->path) < 0)
		return rbce_error_errno(err, -errno, "cannot take swap file '%s' out of use",
					f->path);
	remove_tier(f);
	if (*f->path)
		remove_ours(f->path);
	return 0;
}
