// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Entering the namespaces of a process, all at once through its pidfd: the kernel takes the user
 * namespace first, and either all or none. A pid namespace holds for children only, so a process
 * goes in, makes the one that stays, and ends.
 */
#include <cap-ng.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/sched.h>
#include <rbce/task.h>
#include <sched.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "attach.h"
#include "file.h"
#include "lazy.h"
#include "space.h"
#include "util.h"

struct enter {
	struct space_start s;
	struct rbce_space *space; /* how the command runs */
	char *const *argv;
	unsigned options;
	int inner;      /* the child's end of the link */
	int target;     /* pidfd */
	int root;       /* what is / to it */
	unsigned flags; /* namespaces that are not the caller's */
};

static const struct {
	const char *file;
	unsigned flag;
} namespaces[] = {
	{"user", CLONE_NEWUSER}, {"mnt", CLONE_NEWNS},        {"pid", CLONE_NEWPID},
	{"uts", CLONE_NEWUTS},   {"ipc", CLONE_NEWIPC},       {"net", CLONE_NEWNET},
	{"time", CLONE_NEWTIME}, {"cgroup", CLONE_NEWCGROUP},
};

/* Which of its namespaces are others than the caller's. */
static int find_flags(int dir, unsigned *ret)
{
	*ret = 0;
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++) {
		char theirs[32], ours[48];
		struct stat a, b;

		snprintf(theirs, sizeof(theirs), "ns/%s", namespaces[i].file);
		snprintf(ours, sizeof(ours), "/proc/self/ns/%s", namespaces[i].file);
		if (fstatat(dir, theirs, &a, 0) < 0 || stat(ours, &b) < 0)
			return -errno;
		if (a.st_ino != b.st_ino || a.st_dev != b.st_dev)
			*ret |= namespaces[i].flag;
	}
	return 0;
}

/* "NAME:\tVALUE" of a /proc/PID/status. */
static uint64_t status_value(const char *status, const char *name, int base)
{
	const char *line = strstr(status, name);

	return line ? strtoull(line + strlen(name), NULL, base) : 0;
}

/* No more than the process itself may. */
static int restrict_to(struct rbce_space *space, int dir, struct rbce_error *err)
{
	cleanup_free char *status = NULL;
	char caps[1024] = "none";
	uint64_t bound;
	size_t n = strlen(caps);
	int r = (int)file_read_all_at(dir, "status", &status);

	if (r < 0)
		return rbce_error_errno(err, r, "cannot read its status");
	bound = status_value(status, "\nCapBnd:\t", 16);
	for (unsigned cap = 0; cap < 64; cap++) {
		const char *name =
			bound & UINT64_C(1) << cap ? capng_capability_to_name(cap) : NULL;

		if (name && n < sizeof(caps))
			n += (size_t)snprintf(caps + n, sizeof(caps) - n, ",%s", name);
	}
	r = rbce_space_set(space, "caps", caps, err);
	if (r == 0)
		r = rbce_space_set(space, "no-new-privs",
				   status_value(status, "\nNoNewPrivs:\t", 10) ? "yes" : "no", err);
	if (r == 0)
		r = rbce_space_set(space, "seccomp",
				   status_value(status, "\nSeccomp:\t", 10) ? "default" : "none",
				   err);
	return r < 0 ? r : rbce_space_set(space, "init", "no", err);
}

static int copy_keys(struct rbce_space *to, const struct rbce_space *from, struct rbce_error *err)
{
	static const enum space_key keys[] = {SPACE_USER, SPACE_CWD, SPACE_ENV, SPACE_RLIMIT};
	int r = rbce_space_set(to, "new", "none", err);

	for (size_t k = 0; from && k < ARRAY_SIZE(keys); k++) {
		const char *value;
		size_t i = 0;

		while (r == 0 && (value = space_next(from, keys[k], &i)))
			r = rbce_space_set(to, rbce_space_key_at(keys[k])->name, value, err);
	}
	return r;
}

/* ---- the child ---- */

__attribute__((noreturn)) static void stay(struct enter *enter)
{
	struct rbce_error err = {0};
	int r = 0;

	if (enter->flags & CLONE_NEWUSER && space_become_root() < 0)
		r = rbce_error_errno(&err, -errno, "cannot become root of the container");
	space_tie(enter->inner);
	if (r == 0)
		space_run(enter->space, enter->inner, enter->argv, enter->options, &err);
	space_tell(enter->inner, &err);
}

static int go_in(const struct enter *enter, struct rbce_error *err)
{
	if ((enter->flags && setns(enter->target, (int)enter->flags) < 0) ||
	    (enter->flags & CLONE_NEWNS &&
	     (fchdir(enter->root) < 0 || chroot(".") < 0 || chdir("/") < 0)))
		return rbce_error_errno(err, -errno, "cannot enter the namespaces");
	return 0;
}

__attribute__((noreturn)) static void begin(struct enter *enter, struct rbce_container *c,
					    bool placed)
{
	struct space_message message = {.word = SPACE_STARTED};
	struct rbce_error err = {0};
	int r;

	lazy_forbid();
	close(enter->s.link);
	space_tie(enter->inner);
	/* First: the cgroup namespace may not show where it came from. */
	r = c ? attach_self(c, placed, &err) : 0;
	if (r == 0)
		r = go_in(enter, &err);
	if (r == 0) {
		message.pid = space_clone(NULL, CLONE_PARENT, -1, NULL, &placed);
		if (message.pid == 0)
			stay(enter);
		if (message.pid < 0)
			r = rbce_error_errno(&err, message.pid, "cannot fork");
	}
	if (r < 0)
		space_tell(enter->inner, &err);
	space_say(enter->inner, &message, NULL);
	_exit(0);
}

/* ---- the caller ---- */

static int start(struct enter *enter, struct rbce_container *c, struct rbce_error *err)
{
	cleanup_close int group =
		c ? rbce_container_open_unified(c, ".", O_PATH | O_DIRECTORY) : -1;
	bool placed;
	int r;

	enter->s.pid = space_clone(NULL, 0, group, &enter->s.pidfd, &placed);
	if (enter->s.pid < 0)
		return rbce_error_errno(err, enter->s.pid, "cannot fork");
	if (enter->s.pid == 0)
		begin(enter, c, placed);
	close(TAKE_FD(enter->inner));
	r = space_start_take_over(&enter->s, err);
	return r < 0 ? r : space_start_finish(&enter->s, err);
}

static int look(struct enter *enter, pid_t pid, struct rbce_error *err)
{
	cleanup_close int dir = -1;
	char path[32];
	int r;

	snprintf(path, sizeof(path), "/proc/%d", pid);
	enter->target = pidfd_open(pid, 0);
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (enter->target < 0 || dir < 0)
		return rbce_error_errno(err, errno == ENOENT ? -ESRCH : -errno,
					"cannot enter process '%d'", pid);
	enter->root = openat(dir, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = enter->root < 0 ? -errno : find_flags(dir, &enter->flags);
	/* What was read is the pidfd's, as long as that lives. */
	if (r == 0 && pidfd_send_signal(enter->target, 0, NULL, 0) < 0)
		r = -errno;
	return r < 0 ? rbce_error_errno(err, r, "cannot enter process '%d'", pid)
		     : restrict_to(enter->space, dir, err);
}

int rbce_space_enter(pid_t pid, const struct rbce_space *space, struct rbce_container *c,
		     char *const argv[], unsigned flags, struct rbce_started *ret,
		     struct rbce_error *err)
{
	struct enter enter = {.space = rbce_space_new(),
			      .argv = argv,
			      .options = flags,
			      .target = -1,
			      .root = -1};
	int link[2], r;

	if (!enter.space || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link) < 0) {
		rbce_space_free(enter.space);
		return rbce_error_errno(err, -ENOMEM, "cannot enter process '%d'", pid);
	}
	enter.s = (struct space_start){.link = link[0], .pidfd = -1, .terminal = -1, .syslog = -1};
	enter.inner = link[1];
	r = copy_keys(enter.space, space, err);
	if (r == 0)
		r = look(&enter, pid, err);
	if (r == 0)
		r = start(&enter, c, err);
	if (r < 0)
		space_start_abort(&enter.s, err);
	close(link[0]);
	closep(&enter.inner);
	closep(&enter.target);
	closep(&enter.root);
	rbce_space_free(enter.space);
	if (r == 0)
		*ret = (struct rbce_started){enter.s.pid, enter.s.pidfd, enter.s.terminal, -1, -1,
					     -1};
	return r;
}

/* May its namespaces be entered by this process? */
static bool may_enter(const struct rbce_root *root, pid_t pid)
{
	cleanup_close int fd = -1;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
	fd = rbce_root_openat(root, path, O_RDONLY);
	return fd >= 0;
}

int rbce_space_leader(struct rbce_container *c, pid_t *ret, struct rbce_error *err)
{
	const struct rbce_root *root = rbce_hierarchy_root(rbce_container_hierarchy(c));
	cleanup_free pid_t *pids = NULL;
	uint64_t first = UINT64_MAX;
	size_t n;
	int r = rbce_container_tasks(c, true, &pids, &n, err);

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct rbce_task task = {0};

		if (rbce_task_read(root, pids[i], RBCE_FACT_STAT, &task, NULL) < 0)
			continue;
		if (task.start < first && may_enter(root, pids[i])) {
			first = task.start;
			*ret = pids[i];
		}
		rbce_task_done(&task);
	}
	if (r == 0 && first == UINT64_MAX)
		r = rbce_error_set(err, -ESRCH, "cannot enter container '%s': nothing runs there",
				   rbce_container_name(c));
	return r;
}
