// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who is to be killed: the processes of a group and of those below it, by what they use.
 *
 * Nothing here allocates: directories are read by getdents64(2) into the stack, and files of /proc
 * likewise.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "internal.h"
#include "util.h"

enum { DEPTH_MAX = 32, CHUNK = 4096, SCORE_MIN = -1000 };

/* ---- the processes of a group ---- */

/* The pids of an open cgroup.procs, in parts: a number may lie across two of them. */
static int each_pid(int fd, victims_fn *function, void *data)
{
	char chunk[CHUNK];
	pid_t pid = 0;
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			int r;

			if (chunk[i] >= '0' && chunk[i] <= '9') {
				pid = pid * 10 + (chunk[i] - '0');
				continue;
			}
			/* 0 stands for a process of another pid namespace. */
			r = pid > 0 ? function(data, pid) : 0;
			pid = 0;
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int each_below(int dirfd, int depth, victims_fn *function, void *data);

/* The groups that getdents64() told of. */
static int each_child(int dirfd, const char *entries, ssize_t n, int depth, victims_fn *function,
		      void *data)
{
	int r = 0;

	for (ssize_t at = 0; r == 0 && at < n;) {
		const struct dirent64 *entry = (const void *)(entries + at);
		cleanup_close int child = -1;

		at += entry->d_reclen;
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		child = openat(dirfd, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (child >= 0)
			r = each_below(child, depth + 1, function, data);
	}
	return r;
}

static int each_below(int dirfd, int depth, victims_fn *function, void *data)
{
	_Alignas(struct dirent64) char entries[CHUNK];
	cleanup_close int procs = openat(dirfd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	ssize_t n;
	int r = procs < 0 ? 0 : each_pid(procs, function, data);

	if (r < 0 || depth >= DEPTH_MAX)
		return r;
	if (lseek(dirfd, 0, SEEK_SET) < 0)
		return -errno;
	while (r == 0 && (n = getdents64(dirfd, entries, sizeof(entries))) > 0)
		r = each_child(dirfd, entries, n, depth, function, data);
	return r;
}

int victims_each(int dirfd, victims_fn *function, void *data)
{
	return each_below(dirfd, 0, function, data);
}

/* ---- one process ---- */

/* The number behind "NAME:" at the beginning of a line; false where there is none. */
static bool status_number(const char *text, const char *name, int base, uint64_t *ret)
{
	size_t n = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, n) == 0 && line[n] == ':') {
			*ret = strtoull(line + n + 1, NULL, base);
			return true;
		}
	}
	return false;
}

/* Bytes that the end of the process gives back; false where it has no memory any more. */
static bool read_size(const char *status, uint64_t *ret)
{
	static const char *const parts[] = {"RssAnon", "RssShmem", "VmSwap", "VmPTE"};
	uint64_t sum = 0, kib;

	if (!status_number(status, "VmRSS", 10, &kib))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (status_number(status, parts[i], 10, &kib))
			sum += kib << 10;
	*ret = sum;
	return true;
}

/*
 * The main thread of a process may have ended while others go on: it shows no memory then, and one
 * of those does.
 */
static bool read_size_of_threads(int process, char *text, size_t size, uint64_t *ret)
{
	_Alignas(struct dirent64) char entries[CHUNK];
	cleanup_close int tasks = openat(process, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char path[32];
	ssize_t n;

	while (tasks >= 0 && (n = getdents64(tasks, entries, sizeof(entries))) > 0) {
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *entry = (const void *)(entries + at);

			at += entry->d_reclen;
			if (snprintf(path, sizeof(path), "%.16s/status", entry->d_name) > 0 &&
			    entry->d_name[0] != '.' && file_read_at(tasks, path, text, size) > 0 &&
			    read_size(text, ret))
				return true;
		}
	}
	return false;
}

/* SIGKILL waits for it: it will end, and needs no second one. */
static bool is_dying(const char *status)
{
	const uint64_t bit = UINT64_C(1) << (SIGKILL - 1);
	uint64_t own = 0, shared = 0;

	status_number(status, "SigPnd", 16, &own);
	status_number(status, "ShdPnd", 16, &shared);
	return (own | shared) & bit;
}

static int open_process(int proc, pid_t pid)
{
	char name[16];
	int fd;

	snprintf(name, sizeof(name), "%d", pid);
	fd = openat(proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -ESRCH : fd;
}

/* Name and beginning out of /proc/PID/stat, whose name may have any bytes. */
static int read_stat(int process, char *comm, size_t size, uint64_t *ret_start)
{
	char text[1024], *open, *close;

	if (file_read_at(process, "stat", text, sizeof(text)) < 0)
		return -ESRCH;
	open = strchr(text, '(');
	close = strrchr(text, ')');
	if (!open || !close)
		return -ESRCH;
	*close = '\0';
	if (comm)
		snprintf(comm, size, "%s", open + 1);
	/* The 22nd; the state behind the name is the third. */
	for (int field = 3; field <= 22 && close; field++)
		close = strchr(close + 1, ' ');
	if (!close)
		return -ESRCH;
	*ret_start = strtoull(close, NULL, 10);
	return 0;
}

int victims_start(int proc, pid_t pid, uint64_t *ret)
{
	cleanup_close int process = open_process(proc, pid);

	return process < 0 ? process : read_stat(process, NULL, 0, ret);
}

static int read_rank(const struct oom_choice *choice, int process, const char *comm)
{
	char path[1024];
	ssize_t n = -1;

	if (!*choice->prefer && !*choice->avoid)
		return 0;
	n = readlinkat(process, "exe", path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	if (oom_patterns_match(choice->avoid, n > 0 ? path : NULL, comm))
		return -1;
	return oom_patterns_match(choice->prefer, n > 0 ? path : NULL, comm);
}

int victims_read(const struct oom_choice *choice, pid_t pid, struct oom_victim *ret)
{
	struct oom_victim victim = {.pid = pid};
	cleanup_close int process = open_process(choice->proc, pid);
	uint64_t threads = 1;
	/* A process of many groups has a long one. */
	char text[OOM_TEXT];
	long adj;

	if (process < 0 || read_stat(process, victim.comm, sizeof(victim.comm), &victim.start) < 0)
		return -ESRCH;
	if (file_read_at(process, "oom_score_adj", text, sizeof(text)) <= 0)
		return -ESRCH;
	adj = strtol(text, NULL, 10);
	if (adj <= SCORE_MIN)
		return -EPERM;
	if (file_read_at(process, "status", text, sizeof(text)) <= 0 || is_dying(text))
		return -ESRCH;
	status_number(text, "Threads", 10, &threads);
	if (!read_size(text, &victim.size) &&
	    (threads < 2 || !read_size_of_threads(process, text, sizeof(text), &victim.size)))
		return -ESRCH;
	victim.badness = (int64_t)victim.size;
	if (choice->limit != OOM_UNLIMITED)
		victim.badness += adj * (int64_t)(choice->limit / 1000);
	victim.rank = read_rank(choice, process, victim.comm);
	*ret = victim;
	return 0;
}

/* ---- the choice ---- */

struct search {
	const struct oom_choice *choice;
	struct oom_victim best; /* pid 0: none yet */
};

/* Preferred ones first; then, of two, the larger or the newer; of two that are alike, the later. */
static bool is_worse(const struct oom_choice *choice, const struct oom_victim *a,
		     const struct oom_victim *b)
{
	if (a->rank != b->rank)
		return a->rank > b->rank;
	if (choice->newest && a->start != b->start)
		return a->start > b->start;
	if (!choice->newest && a->badness != b->badness)
		return a->badness > b->badness;
	return a->start != b->start ? a->start > b->start : a->pid > b->pid;
}

static int consider(void *data, pid_t pid)
{
	struct search *search = data;
	struct oom_victim victim;

	for (size_t i = 0; i < search->choice->n_spared; i++)
		if (pid == search->choice->spared[i])
			return 0;
	if (victims_read(search->choice, pid, &victim) == 0 &&
	    (!search->best.pid || is_worse(search->choice, &victim, &search->best)))
		search->best = victim;
	return 0;
}

int victims_choose(const struct oom_choice *choice, int dirfd, struct oom_victim *ret)
{
	struct search search = {.choice = choice};
	int r = victims_each(dirfd, consider, &search);

	if (r < 0)
		return r;
	if (!search.best.pid)
		return -ESRCH;
	*ret = search.best;
	return 0;
}
