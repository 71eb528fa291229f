// SPDX-License-Identifier: LGPL-2.1-or-later
/* Moving tasks into a container's groups, and reading who is there; see rbce/container.h. */
#include "attach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "container.h"
#include "file.h"
#include "util.h"

/* A group that forks faster than it is emptied is given up after so many rounds. */
enum { LEAF_ROUNDS = 100 };

bool attach_has_word(const char *list, const char *word)
{
	size_t length = strlen(word);

	while (*list) {
		size_t n = strcspn(list, " ");
		if (n == length && memcmp(list, word, n) == 0)
			return true;
		list += n + (list[n] == ' ');
	}
	return false;
}

static int append_pid(struct pid_list *list, pid_t pid)
{
	if (list->n == list->room) {
		size_t room = list->room ? list->room * 2 : 64;
		pid_t *more = realloc(list->pids, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		list->pids = more;
		list->room = room;
	}
	list->pids[list->n++] = pid;
	return 0;
}

int attach_read_procs(int dirfd, struct pid_list *list)
{
	cleanup_free char *text = NULL;
	ssize_t n = file_read_all_at(dirfd, "cgroup.procs", &text);

	if (n < 0)
		return n == -ENOENT || n == -ENODEV ? 0 : (int)n;
	for (char *p = text, *end;; p = end) {
		long pid = strtol(p, &end, 10);
		int r;

		if (end == p)
			return 0;
		/* 0 stands for a process of another pid namespace, which cannot be named here. */
		r = pid > 0 ? append_pid(list, (pid_t)pid) : 0;
		if (r < 0)
			return r;
	}
}

static int write_pid(int fd, pid_t pid)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", pid);

	return file_write_fd(fd, text, (size_t)n);
}

/* cgroup.procs of the leaf, which is made where it is missing. */
static int open_leaf(int dirfd)
{
	int fd;

	if (mkdirat(dirfd, LEAF, 0755) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(dirfd, LEAF "/cgroup.procs", O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int attach_move_to_leaf(int dirfd)
{
	cleanup_close int procs = -1;
	int r;

	for (int round = 0; round < LEAF_ROUNDS; round++) {
		struct pid_list list = {0};
		cleanup_free pid_t *pids = NULL;

		r = attach_read_procs(dirfd, &list);
		pids = list.pids;
		if (r < 0 || list.n == 0)
			return r;
		if (procs < 0)
			procs = open_leaf(dirfd);
		if (procs < 0)
			return procs;
		for (size_t i = 0; i < list.n; i++) {
			r = write_pid(procs, pids[i]);
			if (r < 0 && r != -ESRCH)
				return r;
		}
	}
	return -EBUSY;
}

/*
 * Where a task is written to. On v1 a process with one thread may move itself as a thread, and the
 * kernel need not wait until no CPU forks, which takes milliseconds (Linux 5.5).
 */
static const char *entrance(const struct rbce_mount *m, pid_t pid)
{
	return pid == 0 && m->version == 1 ? "tasks" : "cgroup.procs";
}

static int open_procs(struct rbce_container *c, size_t mount, const char *file)
{
	int fd = openat(c->dir[mount], file, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int attach_to_leaf(struct rbce_container *c, size_t mount, pid_t pid)
{
	int fd = open_leaf(c->dir[mount]);

	if (fd < 0)
		return fd;
	close(c->procs[mount]);
	c->procs[mount] = fd;
	return write_pid(fd, pid);
}

static int attach_at(struct rbce_container *c, size_t mount, pid_t pid)
{
	const char *file = entrance(&c->h->mounts[mount], pid);
	int r;

	if (c->h->mounts[mount].on_demand && c->dir[mount] < 0) {
		cleanup_close int fd = container_open_nearest(c, mount, file);

		if (fd < 0)
			return fd == -ENOENT ? 0 : fd;
		return write_pid(fd, pid);
	}
	if (c->dir[mount] < 0)
		return 0;
	if (!streq(file, "cgroup.procs"))
		return file_write_at(c->dir[mount], file, "0");
	if (c->procs[mount] < 0) {
		c->procs[mount] = open_procs(c, mount, file);
		if (c->procs[mount] < 0)
			return c->procs[mount];
	}
	r = write_pid(c->procs[mount], pid);
	/* v2 answers EBUSY when the group hands controllers on: its tasks belong into the leaf. */
	return r == -EBUSY && c->h->mounts[mount].version == 2 ? attach_to_leaf(c, mount, pid) : r;
}

/*
 * The mount that comes N-th: the one with the cpu controller before all others, for it is the one
 * that refuses a task (EINVAL), which then stands in all of them where it stood. Those on demand
 * come last (hierarchy.c), for rbce_container_use() looks for tasks in the others.
 */
static size_t nth_mount(const struct rbce_hierarchy *h, size_t n)
{
	int cpu = hierarchy_index(h, RBCE_CPU);

	if (cpu < 0 || n > (size_t)cpu)
		return n;
	return n == 0 ? (size_t)cpu : n - 1;
}

/* A PID of 0 is the caller; BUT is a mount where it stands already, -1 for none. */
static int attach_to_all(struct rbce_container *c, pid_t pid, int but, struct rbce_error *err)
{
	int first = 0;

	for (size_t n = 0; n < c->h->n_mounts; n++) {
		size_t i = nth_mount(c->h, n);
		int r = (int)i == but ? 0 : attach_at(c, i, pid);

		if (r == -ENODEV)
			/* Somebody removed the group: a descriptor of it is of no more use. */
			r = -ENOENT;
		if (r == 0 || first < 0)
			continue;
		first = r;
		rbce_error_errno(err, r, "cannot move process '%d' to '%s/%s%s%s'", pid ?: getpid(),
				 c->h->mounts[i].path, c->h->group, *c->name ? "/" : "", c->name);
		if (r == -ESRCH || (r == -EINVAL && n == 0))
			break;
	}
	return first;
}

int rbce_container_attach(struct rbce_container *c, pid_t pid, struct rbce_error *err)
{
	/* A pid of 0 would mean the caller itself to the kernel. */
	if (pid <= 0)
		return rbce_error_set(err, -EINVAL, "cannot move process '%d': no such pid", pid);
	return attach_to_all(c, pid, -1, err);
}

int rbce_container_join(struct rbce_container *c, struct rbce_error *err)
{
	return attach_to_all(c, 0, -1, err);
}

int attach_self(struct rbce_container *c, bool placed, struct rbce_error *err)
{
	return attach_to_all(c, 0, placed ? hierarchy_unified_index(c->h) : -1, err);
}

static int collect(int parent, const char *name, int dirfd, void *data)
{
	(void)parent;
	(void)name;
	return attach_read_procs(dirfd, data);
}

int attach_compare_pid(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return x < y ? -1 : x > y;
}

static size_t sort_unique(pid_t *pids, size_t n)
{
	size_t kept = 0;

	if (n)
		qsort(pids, n, sizeof(*pids), attach_compare_pid);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || pids[kept - 1] != pids[i])
			pids[kept++] = pids[i];
	return kept;
}

static int collect_own(int dirfd, struct pid_list *list)
{
	cleanup_close int leaf = -1;
	int r;

	r = attach_read_procs(dirfd, list);
	if (r < 0)
		return r;
	leaf = openat(dirfd, LEAF, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return leaf < 0 ? 0 : attach_read_procs(leaf, list);
}

int rbce_container_tasks(struct rbce_container *c, bool recursive, pid_t **ret, size_t *ret_n,
			 struct rbce_error *err)
{
	struct pid_list list = {0};
	cleanup_free pid_t *pids = NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->h->n_mounts; i++) {
		/* One on demand may have those of containers below that have no group there. */
		if (c->dir[i] < 0 || c->h->mounts[i].on_demand)
			continue;
		r = recursive ? container_walk(c->dir[i], collect, &list)
			      : collect_own(c->dir[i], &list);
	}
	pids = list.pids;
	if (r < 0)
		return rbce_error_errno(err, r, "cannot list tasks of container '%s'", c->name);
	*ret_n = sort_unique(pids, list.n);
	*ret = TAKE_PTR(pids);
	return 0;
}
