// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What users use of the kernel's settings and the kernel tells nowhere in one place: counted over
 * all processes, or from lists; see limits-internal.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <linux/magic.h>
#include <rbce/task.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "file.h"
#include "limits-internal.h"
#include "util.h"

#ifndef MQUEUE_MAGIC
#define MQUEUE_MAGIC 0x19800202
#endif

enum { SEEN_MAX = 1024 };

/* Instances that were counted: a child has those of its parent. */
struct seen {
	struct {
		pid_t pid;
		int fd;
	} at[SEEN_MAX];
	size_t n;
	bool live; /* else there is no kernel to ask */
	bool watches;
	uint64_t sum;
};

static bool was_seen(const struct seen *seen, pid_t pid, int fd)
{
	for (size_t i = 0; seen->live && i < seen->n; i++)
		if (syscall(SYS_kcmp, pid, seen->at[i].pid, KCMP_FILE, fd, seen->at[i].fd) == 0)
			return true;
	return false;
}

static uint64_t count_watches(int dir, const char *fd)
{
	cleanup_free char *text = NULL;
	char path[NAME_MAX + 16];
	uint64_t n = 0;

	snprintf(path, sizeof(path), "fdinfo/%s", fd);
	if (file_read_all_at(dir, path, &text) < 0)
		return 0;
	for (const char *p = text; (p = strstr(p, "inotify wd:")); p++)
		n++;
	return n;
}

static void count_descriptor(struct seen *seen, int process, pid_t pid, int fds, const char *name)
{
	char target[32];
	ssize_t n = readlinkat(fds, name, target, sizeof(target) - 1);
	uint64_t fd;

	if (n < 0)
		return;
	target[n] = '\0';
	if (!streq(target, "anon_inode:inotify") || limits_number(name, &fd) < 0 ||
	    was_seen(seen, pid, (int)fd))
		return;
	seen->sum += seen->watches ? count_watches(process, name) : 1;
	if (seen->n < SEEN_MAX) {
		seen->at[seen->n].pid = pid;
		seen->at[seen->n++].fd = (int)fd;
	}
}

/* False when the descriptors of one of the user's may not be seen: then nothing is known. */
static bool count_process(const struct rbce_limits *l, struct seen *seen, pid_t pid, uint64_t uid)
{
	cleanup_close int process = -1;
	cleanup_dir DIR *dir = NULL;
	char path[64], text[4096];
	struct dirent *entry;
	uint64_t other;
	int fds;

	snprintf(path, sizeof(path), "proc/%d", pid);
	process = openat(rbce_root_fd(l->root), path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (process < 0 || file_read_at(process, "status", text, sizeof(text)) <= 0 ||
	    !limits_field_number(text, "Uid", &other) || other != uid)
		return true;
	fds = openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fds < 0)
		return errno != EACCES;
	dir = take_directory(fds);
	while (dir && (entry = readdir(dir)))
		count_descriptor(seen, process, pid, dirfd(dir), entry->d_name);
	return dir;
}

bool limits_count_inotify(struct rbce_limits *l, uint64_t uid, bool watches, uint64_t *ret)
{
	cleanup_free struct seen *seen = calloc(1, sizeof(*seen));
	cleanup_free pid_t *pids = NULL;
	bool known = true;
	size_t n = 0;

	if (!seen || rbce_task_list(l->root, &pids, &n, NULL) < 0)
		return false;
	seen->live = rbce_root_is_live(l->root);
	seen->watches = watches;
	for (size_t i = 0; i < n && known; i++)
		known = count_process(l, seen, pids[i], uid);
	*ret = seen->sum;
	return known;
}

bool limits_count_sysv_queues(struct rbce_limits *l, uint64_t *ret)
{
	cleanup_free char *text = NULL;
	uint64_t lines = 0;

	if (file_read_all_at(rbce_root_fd(l->root), "proc/sysvipc/msg", &text) <= 0)
		return false;
	for (const char *p = text; (p = strchr(p, '\n')); p++)
		lines++;
	*ret = lines ? lines - 1 : 0;
	return lines;
}

/* Where they are a file system. */
bool limits_count_queues(struct rbce_limits *l, uint64_t *ret)
{
	cleanup_dir DIR *dir =
		take_directory(rbce_root_openat(l->root, "dev/mqueue", O_RDONLY | O_DIRECTORY));
	struct dirent *entry;
	struct statfs fs;

	if (!dir || fstatfs(dirfd(dir), &fs) < 0 || fs.f_type != MQUEUE_MAGIC)
		return false;
	*ret = 0;
	while ((entry = readdir(dir)))
		*ret += *entry->d_name != '.';
	return true;
}
