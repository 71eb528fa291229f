// SPDX-License-Identifier: LGPL-2.1-or-later
/* A container as a tree: listing, freezing, killing, emptying, removing; see rbce/container.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <rbce/task.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/stat.h>

#include "attach.h"
#include "claim.h"
#include "container.h"
#include "file.h"
#include "own.h"
#include "util.h"

/* How long a freeze or a kill may take before it is reported as failed. */
#define PATIENCE_MS 5000

static int walk_below(int dirfd, container_walk_fn *function, void *data)
{
	cleanup_dir DIR *dir =
		take_directory(openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return errno == ENOENT || errno == ENODEV ? 0 : -errno;
	while (r >= 0 && (entry = readdir(dir))) {
		cleanup_close int child = -1;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		child = openat(dirfd, entry->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (child < 0)
			continue;
		r = walk_below(child, function, data);
		if (r >= 0)
			r = function(dirfd, entry->d_name, child, data);
	}
	return r;
}

int container_walk(int dirfd, container_walk_fn *function, void *data)
{
	int r = walk_below(dirfd, function, data);

	return r < 0 ? r : function(-1, NULL, dirfd, data);
}

struct names {
	char **list;
	size_t n, room;
};

static int add_name(struct names *names, const char *parent, const char *name)
{
	char *full;

	if (names->n + 1 >= names->room) {
		size_t room = names->room ? names->room * 2 : 64;
		char **more = realloc(names->list, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		names->list = more;
		names->room = room;
	}
	if (asprintf(&full, "%s%s%s", parent, *parent ? "/" : "", name) < 0)
		return -ENOMEM;
	names->list[names->n++] = full;
	names->list[names->n] = NULL;
	return 0;
}

static int list_below(int dirfd, const char *prefix, struct names *names)
{
	cleanup_dir DIR *dir =
		take_directory(openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return errno == ENOENT || errno == ENODEV ? 0 : -errno;
	while (r == 0 && (entry = readdir(dir))) {
		cleanup_close int child = -1;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.' ||
		    streq(entry->d_name, LEAF))
			continue;
		r = add_name(names, prefix, entry->d_name);
		child = openat(dirfd, entry->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (r == 0 && child >= 0) {
			cleanup_free char *path = strdup(names->list[names->n - 1]);
			r = path ? list_below(child, path, names) : -ENOMEM;
		}
	}
	return r;
}

/* A parent before what is below it, siblings by name: '/' sorts before every other byte. */
static int compare_name(const void *a, const void *b)
{
	const unsigned char *x = *(const unsigned char *const *)a;
	const unsigned char *y = *(const unsigned char *const *)b;
	int cx, cy;

	while (*x && *x == *y) {
		x++;
		y++;
	}
	cx = *x == '/' ? 1 : *x ? *x + 1 : 0;
	cy = *y == '/' ? 1 : *y ? *y + 1 : 0;
	return cx - cy;
}

char **rbce_names_free(char **names)
{
	for (size_t i = 0; names && names[i]; i++)
		free(names[i]);
	free(names);
	return NULL;
}

int rbce_container_list(struct rbce_hierarchy *h, char ***ret, struct rbce_error *err)
{
	struct names names = {0};
	CLEANUP(rbce_names_free_p) char **list = NULL;
	size_t kept = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < h->n_mounts; i++) {
		cleanup_close int dir =
			openat(h->mounts[i].fd, h->group, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (dir >= 0)
			r = list_below(dir, "", &names);
	}
	list = names.list ?: calloc(1, sizeof(*list));
	if (r < 0 || !list)
		return rbce_error_errno(err, r < 0 ? r : -ENOMEM, "cannot list containers of '%s'",
					h->group);
	if (names.n)
		qsort(list, names.n, sizeof(*list), compare_name);
	for (size_t i = 0; i < names.n; i++) {
		if (kept && streq(list[kept - 1], list[i]))
			free(list[i]);
		else
			list[kept++] = list[i];
	}
	list[kept] = NULL;
	*ret = TAKE_PTR(list);
	return 0;
}

int rbce_container_is_empty(struct rbce_container *c, bool *ret, struct rbce_error *err)
{
	cleanup_free pid_t *pids = NULL;
	size_t n;
	int r;

	r = rbce_container_tasks(c, true, &pids, &n, err);
	if (r == 0)
		*ret = n == 0;
	return r;
}

/* v2: the kernel says when all are frozen, by an event on cgroup.events. */
static int wait_frozen_v2(int dirfd, bool frozen, int patience_ms)
{
	cleanup_close int fd = openat(dirfd, "cgroup.events", O_RDONLY | O_CLOEXEC);
	long long deadline = monotonic_ms() + patience_ms;

	if (fd < 0)
		return -errno;
	for (;;) {
		struct pollfd event = {.fd = fd, .events = POLLPRI};
		char text[256];
		ssize_t n = file_pread(fd, text, sizeof(text));
		long long left = deadline - monotonic_ms();

		if (n < 0)
			return (int)n;
		if (strstr(text, frozen ? "frozen 1" : "frozen 0"))
			return 0;
		if (left <= 0)
			return -ETIMEDOUT;
		poll(&event, 1, (int)left);
	}
}

/* v1 has no event: asks again, less and less often. Writing once more catches late forks. */
static int freeze_v1(int dirfd, bool frozen, int patience_ms)
{
	const char *wanted = frozen ? "FROZEN" : "THAWED";
	long long deadline = monotonic_ms() + patience_ms;
	char state[32];

	for (int pause = 1;; pause = pause < 50 ? pause * 2 : 50) {
		int r = file_write_at(dirfd, "freezer.state", wanted);
		ssize_t n = r < 0 ? r : file_read_at(dirfd, "freezer.state", state, sizeof(state));

		if (n < 0)
			return (int)n;
		if (streq(state, wanted))
			return 0;
		if (monotonic_ms() >= deadline)
			return -ETIMEDOUT;
		poll(NULL, 0, pause);
	}
}

static int set_frozen(struct rbce_container *c, bool frozen, int patience_ms)
{
	int unified = hierarchy_unified_index(c->h), freezer = hierarchy_index(c->h, RBCE_FREEZER);
	int r;

	if (unified >= 0 && c->dir[unified] >= 0) {
		r = file_write_at(c->dir[unified], "cgroup.freeze", frozen ? "1" : "0");
		return r < 0 ? r : wait_frozen_v2(c->dir[unified], frozen, patience_ms);
	}
	if (freezer < 0 || c->dir[freezer] < 0)
		return -EOPNOTSUPP;
	return freeze_v1(c->dir[freezer], frozen, patience_ms);
}

int container_freeze_within(struct rbce_container *c, int patience_ms)
{
	int r = set_frozen(c, true, patience_ms);

	if (r == -ETIMEDOUT)
		set_frozen(c, false, PATIENCE_MS);
	return r;
}

void container_let_go(struct rbce_container *c)
{
	set_frozen(c, false, 0);
}

int container_freezer(const struct rbce_container *c, char *buf, size_t size)
{
	int i = hierarchy_unified_index(c->h), r, n;
	char group[PATH_MAX];

	if (i < 0)
		i = hierarchy_index(c->h, RBCE_FREEZER);
	if (i < 0)
		return -EOPNOTSUPP;
	r = container_path(c, group, sizeof(group));
	if (r < 0)
		return r;
	n = snprintf(buf, size, "%s/%s", c->h->mounts[i].path, group);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int rbce_container_freeze(struct rbce_container *c, struct rbce_error *err)
{
	int r = container_freeze_within(c, PATIENCE_MS);

	return r < 0 ? rbce_error_errno(err, r, "cannot freeze container '%s'", c->name) : 0;
}

int rbce_container_thaw(struct rbce_container *c, struct rbce_error *err)
{
	int r = set_frozen(c, false, PATIENCE_MS);

	return r < 0 ? rbce_error_errno(err, r, "cannot thaw container '%s'", c->name) : 0;
}

/* Does PID stand in the container or below it, in any hierarchy? */
static bool stands_in(const struct rbce_container *c, pid_t pid)
{
	CLEANUP(rbce_task_done) struct rbce_task task = {0};
	char group[PATH_MAX], path[PATH_MAX];
	const char *below;

	if (container_path(c, group, sizeof(group)) < 0 ||
	    rbce_task_read(c->h->root, pid, RBCE_FACT_CGROUP, &task, NULL) < 0)
		return false;
	for (size_t i = 0; i < c->h->n_mounts; i++) {
		if (rbce_hierarchy_task_path(c->h, &c->h->mounts[i], task.cgroup, path,
					     sizeof(path)) < 0)
			continue;
		below = after_prefix(path + 1, group);
		if (below && (*below == '\0' || *below == '/'))
			return true;
	}
	return false;
}

/*
 * Sends SIGKILL to those that stand in the container still, and waits a moment for the first. The
 * descriptor is opened before that look, so a pid that was taken anew meanwhile is not hit.
 */
static void kill_tasks(const struct rbce_container *c, const pid_t *pids, size_t n, int wait_ms)
{
	struct pollfd first = {.fd = -1, .events = POLLIN};

	for (size_t i = 0; i < n; i++) {
		cleanup_close int fd = pidfd_open(pids[i], 0);

		if (fd < 0 || !stands_in(c, pids[i]))
			continue;
		pidfd_send_signal(fd, SIGKILL, NULL, 0);
		if (first.fd < 0)
			first.fd = TAKE_FD(fd);
	}
	poll(&first, 1, wait_ms);
	if (first.fd >= 0)
		close(first.fd);
}

/*
 * Who may not move tasks here would only hit those that are his own. The caller goes to the top of
 * the hierarchies, so that it lives to end the others.
 */
static int prepare_kill(const struct rbce_container *c)
{
	bool inside = stands_in(c, getpid());

	for (size_t i = 0; i < c->h->n_mounts; i++) {
		if (c->dir[i] < 0)
			continue;
		if (faccessat(c->dir[i], "cgroup.procs", W_OK, AT_EACCESS) < 0 && errno != ENOENT &&
		    errno != ENODEV)
			return -errno;
		if (inside)
			file_write_at(c->h->mounts[i].fd, "cgroup.procs", "0");
	}
	return 0;
}

/* Kills all that is there now and waits for a moment; *RET is how many there were. */
static int kill_round(struct rbce_container *c, int wait_ms, size_t *ret, struct rbce_error *err)
{
	int unified = hierarchy_unified_index(c->h), freezer = hierarchy_index(c->h, RBCE_FREEZER);
	cleanup_free pid_t *pids = NULL;
	int r;

	/* In one stroke where the kernel can (5.14), so that no fork escapes. */
	if (unified >= 0 && c->dir[unified] >= 0)
		file_write_at(c->dir[unified], "cgroup.kill", "1");
	r = rbce_container_tasks(c, true, &pids, ret, err);
	if (r < 0 || *ret == 0)
		return r;
	kill_tasks(c, pids, *ret, wait_ms);
	/* A task that the v1 freezer holds dies only when it is let go. */
	if (freezer >= 0 && c->dir[freezer] >= 0)
		file_write_at(c->dir[freezer], "freezer.state", "THAWED");
	return 0;
}

int rbce_container_kill(struct rbce_container *c, struct rbce_error *err)
{
	long long deadline = 0;
	size_t fewest = SIZE_MAX, n;
	int r = prepare_kill(c);

	if (r < 0)
		return rbce_error_errno(err, r, "cannot kill container '%s'", c->name);
	for (;;) {
		r = kill_round(c, 20, &n, err);
		if (r < 0 || n == 0)
			return r;
		/* Many tasks take their time: only one in which none goes counts. */
		if (n < fewest) {
			fewest = n;
			deadline = monotonic_ms() + PATIENCE_MS;
		}
		if (monotonic_ms() >= deadline)
			return rbce_error_errno(err, -ETIMEDOUT, "cannot kill container '%s'",
						c->name);
	}
}

int rbce_container_kill_now(struct rbce_container *c, struct rbce_error *err)
{
	size_t n;
	int r = prepare_kill(c);

	if (r < 0)
		return rbce_error_errno(err, r, "cannot kill container '%s'", c->name);
	r = kill_round(c, 0, &n, err);
	return r < 0 ? r : n > 0;
}

static int remove_group(int parent, const char *name, int dirfd, void *data)
{
	(void)dirfd;
	(void)data;
	if (name && unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

/* Removed by others, and made again for others, a group is not the one that was opened. */
static bool is_still(const struct rbce_mount *m, const char *path, int dirfd)
{
	struct stat now, then;

	return fstat(dirfd, &then) == 0 && fstatat(m->fd, path, &now, 0) == 0 &&
	       then.st_ino == now.st_ino;
}

static int remove_groups(struct rbce_container *c)
{
	char path[PATH_MAX];
	int r = container_path(c, path, sizeof(path));

	for (size_t i = 0; r >= 0 && i < c->h->n_mounts; i++) {
		container_look_again(c, i);
		if (c->dir[i] < 0)
			continue;
		if (c->h->mounts[i].on_demand)
			container_drop_strays(c, i);
		r = container_walk(c->dir[i], remove_group, NULL);
		if (r >= 0 && is_still(&c->h->mounts[i], path, c->dir[i]) &&
		    unlinkat(c->h->mounts[i].fd, path, AT_REMOVEDIR) < 0 && errno != ENOENT)
			r = -errno;
	}
	return r;
}

int rbce_container_remove(struct rbce_container *c, struct rbce_error *err)
{
	struct claim claim;
	bool empty = false;
	int r = claim_remove(c->h, c->name, &claim);

	if (r == -EBUSY)
		return rbce_error_set(err, r, "cannot remove container '%s': others are at it",
				      c->name);
	if (r < 0)
		return rbce_error_errno(err, r, "cannot remove container '%s'", c->name);
	r = rbce_container_is_empty(c, &empty, err);
	if (r == 0 && !empty)
		r = rbce_error_set(err, -EBUSY, "cannot remove container '%s': it still has tasks",
				   c->name);
	else if (r == 0 && (r = remove_groups(c)) < 0)
		rbce_error_errno(err, r, "cannot remove container '%s'", c->name);
	claim_let_go(&claim);
	return r < 0 ? r : 0;
}

/* One that the v1 freezer holds does not move. */
static int let_go(int parent, const char *name, int dirfd, void *data)
{
	(void)parent;
	(void)name;
	(void)data;
	file_write_at(dirfd, "freezer.state", "THAWED");
	return 0;
}

/* ABOVE NULL: to the top of all hierarchies. */
static int move_up(struct rbce_container *c, struct rbce_container *above, pid_t pid,
		   struct rbce_error *err)
{
	char text[16];
	int first = 0;

	if (above)
		return rbce_container_attach(above, pid, err);
	snprintf(text, sizeof(text), "%d", pid);
	for (size_t i = 0; i < c->h->n_mounts; i++) {
		int r = file_write_at(c->h->mounts[i].fd, "cgroup.procs", text);

		if (r < 0 && first == 0)
			first = rbce_error_errno(err, r, "cannot move process '%d' to '%s'", pid,
						 c->h->mounts[i].path);
	}
	return first;
}

/* Tasks that fork meanwhile are met in the next round. */
static int move_all_up(struct rbce_container *c, struct rbce_container *above,
		       struct rbce_error *err)
{
	long long deadline = monotonic_ms() + PATIENCE_MS;

	for (;;) {
		cleanup_free pid_t *pids = NULL;
		int r, failed = 0;
		size_t n;

		r = rbce_container_tasks(c, true, &pids, &n, err);
		if (r < 0 || n == 0)
			return r;
		for (size_t i = 0; i < n; i++) {
			r = move_up(c, above, pids[i], err);
			if (r < 0 && r != -ESRCH)
				failed = r;
		}
		if (monotonic_ms() >= deadline)
			return failed
				       ?: rbce_error_errno(err, -ETIMEDOUT,
							   "cannot empty container '%s'", c->name);
	}
}

/* *RET is NULL for the root group. */
static int open_above(struct rbce_container *c, struct rbce_container **ret, struct rbce_error *err)
{
	const char *slash = strrchr(c->name, '/');
	cleanup_free char *name = NULL;

	*ret = NULL;
	if (!*c->name)
		return 0;
	name = strndup(c->name, slash ? (size_t)(slash - c->name) : 0);
	return name ? rbce_container_open(c->h, name, 0, ret, err) : -ENOMEM;
}

int rbce_container_empty(struct rbce_container *c, struct rbce_error *err)
{
	int freezer = hierarchy_index(c->h, RBCE_FREEZER);
	struct rbce_container *above;
	int r = open_above(c, &above, err);

	if (r < 0)
		return r;
	rbce_container_thaw(c, NULL);
	if (freezer >= 0 && c->dir[freezer] >= 0)
		container_walk(c->dir[freezer], let_go, NULL);
	r = move_all_up(c, above, err);
	rbce_container_close(above);
	return r;
}
