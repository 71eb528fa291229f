// SPDX-License-Identifier: LGPL-2.1-or-later
/* Controllers that a container has only where a limit asks for them; see rbce/container.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>

#include "attach.h"
#include "container.h"
#include "file.h"
#include "util.h"

/* A container that forks faster than its tasks are moved is given up after so many rounds. */
enum { ROUNDS = 100 };

void container_look_again(struct rbce_container *c, size_t mount)
{
	const struct rbce_mount *m = &c->h->mounts[mount];
	char path[PATH_MAX];

	if (m->on_demand && c->dir[mount] < 0 && container_path(c, path, sizeof(path)) == 0)
		c->dir[mount] = openat(m->fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int container_open_nearest(struct rbce_container *c, size_t mount, const char *file)
{
	int top = c->h->mounts[mount].fd, r;
	char path[PATH_MAX], full[PATH_MAX + 16], *slash;

	/* Mostly there is none at all. */
	if (faccessat(top, c->h->group, F_OK, 0) < 0)
		return -errno;
	r = container_path(c, path, sizeof(path));
	while (r == 0) {
		int fd;

		snprintf(full, sizeof(full), "%s/%s", path, file);
		fd = openat(top, full, O_WRONLY | O_CLOEXEC);
		if (fd >= 0)
			return fd;
		slash = strrchr(path, '/');
		if (errno != ENOENT || !slash)
			return -errno;
		*slash = '\0';
	}
	return r;
}

static int collect(int parent, const char *name, int dirfd, void *data)
{
	(void)parent;
	(void)name;
	return attach_read_procs(dirfd, data);
}

static int write_pids(int dirfd, const struct pid_list *pids)
{
	cleanup_close int procs = openat(dirfd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	int first = procs < 0 ? -errno : 0;

	for (size_t i = 0; procs >= 0 && i < pids->n; i++) {
		char text[16];
		int n = snprintf(text, sizeof(text), "%d", pids->pids[i]);
		int r = file_write_fd(procs, text, (size_t)n);

		/* It may have ended. */
		if (r < 0 && r != -ESRCH && first == 0)
			first = r;
	}
	return first;
}

int container_drop_strays(struct rbce_container *c, size_t mount)
{
	struct pid_list strays = {0};
	cleanup_free pid_t *pids = NULL;
	int r = container_walk(c->dir[mount], collect, &strays);

	pids = strays.pids;
	return r < 0 ? r : write_pids(c->h->mounts[mount].fd, &strays);
}

/* Those of ALL that do not stand in the groups of MOUNT, into *RET; its pids are the caller's. */
static int find_missing(struct rbce_container *c, size_t mount, const struct pid_list *all,
			struct pid_list *ret)
{
	struct pid_list there = {0};
	cleanup_free pid_t *pids = NULL;
	int r = container_walk(c->dir[mount], collect, &there);

	pids = there.pids;
	*ret = (struct pid_list){.pids = calloc(all->n + 1, sizeof(pid_t))};
	if (r < 0 || !ret->pids)
		return r < 0 ? r : -ENOMEM;
	if (there.n)
		qsort(pids, there.n, sizeof(*pids), attach_compare_pid);
	for (size_t i = 0; i < all->n; i++)
		if (!there.n ||
		    !bsearch(&all->pids[i], pids, there.n, sizeof(*pids), attach_compare_pid))
			ret->pids[ret->n++] = all->pids[i];
	return 0;
}

/* Those that forked meanwhile are found in the next round. */
static int move_tasks(struct rbce_container *c, size_t mount, struct rbce_error *err)
{
	int r = 0;

	for (int round = 0; r == 0 && round < ROUNDS; round++) {
		cleanup_free pid_t *tasks = NULL, *pids = NULL;
		struct pid_list all = {0}, missing = {0};

		r = rbce_container_tasks(c, true, &tasks, &all.n, err);
		if (r < 0)
			return r;
		all.pids = tasks;
		r = find_missing(c, mount, &all, &missing);
		pids = missing.pids;
		if (r == 0 && missing.n == 0)
			return 0;
		if (r == 0)
			r = write_pids(c->dir[mount], &missing);
	}
	return rbce_error_errno(err, r < 0 ? r : -EBUSY, "cannot move the tasks of container '%s'",
				c->name);
}

static int use_v1(struct rbce_container *c, size_t mount, struct rbce_error *err)
{
	const struct rbce_mount *m = &c->h->mounts[mount];
	char path[PATH_MAX];
	size_t made = 0;
	int r;

	container_look_again(c, mount);
	if (c->dir[mount] >= 0)
		return 0;
	r = container_path(c, path, sizeof(path));
	if (r == 0)
		r = container_make_groups(m, path, &made);
	if (r < 0) {
		container_unmake_groups(m, path, made);
		return rbce_error_errno(err, r, "cannot create '%s/%s'", m->path, path);
	}
	container_look_again(c, mount);
	return c->dir[mount] < 0 ? -ENOENT : move_tasks(c, mount, err);
}

static int use_v2(struct rbce_container *c, size_t mount, enum rbce_controller controller,
		  struct rbce_error *err)
{
	const struct rbce_mount *m = &c->h->mounts[mount];
	char path[PATH_MAX];
	int r;

	if (rbce_container_uses(c, controller))
		return 0;
	r = container_path(c, path, sizeof(path));
	if (r == 0)
		r = container_enable(m, path, 1U << controller);
	return r < 0 ? rbce_error_errno(err, r, "cannot enable the %s controller of '%s/%s'",
					rbce_controller_name(controller), m->path, path)
		     : 0;
}

int rbce_container_use(struct rbce_container *c, enum rbce_controller controller,
		       struct rbce_error *err)
{
	int mount = hierarchy_index(c->h, controller);

	if (mount < 0)
		return rbce_error_set(err, -EOPNOTSUPP, "no cgroup hierarchy has the %s controller",
				      rbce_controller_name(controller));
	if (c->h->mounts[mount].on_demand)
		return use_v1(c, (size_t)mount, err);
	if (c->h->mounts[mount].version == 2 && hierarchy_on_demand & (1U << controller))
		return use_v2(c, (size_t)mount, controller, err);
	return 0;
}

bool rbce_container_uses(struct rbce_container *c, enum rbce_controller controller)
{
	int mount = hierarchy_index(c->h, controller);
	char list[512];

	if (mount < 0)
		return false;
	container_look_again(c, (size_t)mount);
	if (c->dir[mount] < 0)
		return false;
	if (c->h->mounts[mount].version == 1 || !(hierarchy_on_demand & (1U << controller)))
		return true;
	return file_read_at(c->dir[mount], "cgroup.controllers", list, sizeof(list)) >= 0 &&
	       attach_has_word(list, rbce_controller_name(controller));
}
