// SPDX-License-Identifier: LGPL-2.1-or-later
/* The facts of a process, from /proc; see rbce/task.h. */
#include <rbce/task.h>

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/stat.h>

#include "file.h"
#include "util.h"

/* linux/sched.h */
#define PF_EXITING 0x00000004UL
#define PF_KTHREAD 0x00200000UL

/* SCHED_DEADLINE there, which the C library does not have. */
enum { POLICY_DEADLINE = 6 };

/* Fields of /proc/PID/stat after the command's name. */
static int parse_stat(char *text, struct rbce_task *task)
{
	char *open = strchr(text, '('), *close = strrchr(text, ')');
	unsigned long flags;
	unsigned long long start;

	if (!open || !close || close < open)
		return -EBADMSG;
	*close = '\0';
	snprintf(task->comm, sizeof(task->comm), "%s", open + 1);
	if (sscanf(close + 1,
		   " %*c %d %d %d %d %*d %lu %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu"
		   " %*u %*d %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*d %*d %*u %d",
		   &task->ppid, &task->pgrp, &task->session, &task->tty, &flags, &start,
		   &task->policy) != 7)
		return -EBADMSG;
	task->kernel_thread = flags & PF_KTHREAD;
	task->ending = flags & PF_EXITING;
	task->start = start;
	return 0;
}

/*
 * Files of a process are written as one piece: what is less than was asked for is all of it. -E2BIG
 * for more than SIZE holds.
 */
static ssize_t read_once(int dir, const char *name, char *buf, size_t size)
{
	cleanup_close int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	do
		n = read(fd, buf, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if ((size_t)n == size)
		return -E2BIG;
	buf[n] = '\0';
	return n;
}

/* The same as a new string, however long. */
static ssize_t read_text(int dir, const char *name, char **ret)
{
	char text[4096];
	ssize_t n = read_once(dir, name, text, sizeof(text));

	if (n == -E2BIG)
		return file_read_all_at(dir, name, ret);
	if (n < 0)
		return n;
	*ret = strdup(text);
	return *ret ? n : -ENOMEM;
}

static int read_stat(int dir, struct rbce_task *task)
{
	char text[1024];
	ssize_t n = read_once(dir, "stat", text, sizeof(text));

	return n < 0 ? (int)n : parse_stat(text, task);
}

static int compare_gid(const void *a, const void *b)
{
	gid_t x = *(const gid_t *)a, y = *(const gid_t *)b;

	return x < y ? -1 : x > y;
}

static int parse_groups(const char *line, struct rbce_task *task)
{
	size_t room = strlen(line) / 2 + 1;
	char *end;

	task->groups = calloc(room, sizeof(*task->groups));
	if (!task->groups)
		return -ENOMEM;
	for (;;) {
		unsigned long gid = strtoul(line, &end, 10);
		if (end == line || task->n_groups == room)
			break;
		task->groups[task->n_groups++] = (gid_t)gid;
		line = end;
	}
	qsort(task->groups, task->n_groups, sizeof(*task->groups), compare_gid);
	return 0;
}

static int read_ids(int dir, struct rbce_task *task)
{
	cleanup_free char *text = NULL;
	ssize_t n = read_text(dir, "status", &text);
	char *uids, *gids, *groups, *end;

	if (n < 0)
		return (int)n;
	uids = strstr(text, "\nUid:");
	gids = strstr(text, "\nGid:");
	groups = strstr(text, "\nGroups:");
	if (!uids || !gids || !groups ||
	    sscanf(uids, "\nUid: %u %u", &task->uid, &task->euid) != 2 ||
	    sscanf(gids, "\nGid: %u %u", &task->gid, &task->egid) != 2)
		return -EBADMSG;
	groups += strlen("\nGroups:");
	end = strchr(groups, '\n');
	if (end)
		*end = '\0';
	return parse_groups(groups, task);
}

/* A kernel thread has no executable, and another user's may not be read: then *RET stays NULL. */
static int read_exe(int dir, const char *link, char **ret)
{
	static const char deleted[] = " (deleted)";
	char path[PATH_MAX];
	ssize_t n = readlinkat(dir, link, path, sizeof(path) - 1);
	struct stat st;

	if (n < 0)
		return errno == ENOENT || errno == EACCES || errno == EPERM ? 0 : -errno;
	path[n] = '\0';
	/* The kernel marks the path of a file that has been unlinked since. */
	if (n > (ssize_t)strlen(deleted) && streq(path + n - strlen(deleted), deleted) &&
	    fstatat(dir, link, &st, 0) == 0 && st.st_nlink == 0)
		path[n - (ssize_t)strlen(deleted)] = '\0';
	*ret = strdup(path);
	return *ret ? 0 : -ENOMEM;
}

static int read_args(int dir, struct rbce_task *task)
{
	cleanup_free char *text = NULL;
	ssize_t n = file_read_all_at(dir, "cmdline", &text);
	const char *first;

	if (n < 0)
		return (int)n;
	while (n > 0 && text[n - 1] == '\0')
		n--;
	for (ssize_t i = (ssize_t)strlen(text) + 1; i < n; i++)
		if (text[i] == '\0')
			text[i] = ' ';
	first = (ssize_t)strlen(text) < n ? text + strlen(text) + 1 : "";
	task->args = strdup(first);
	return task->args ? 0 : -ENOMEM;
}

/*
 * What is another user's may not be read, and a kernel thread has none (ESRCH). A process can write
 * over it: this is how it is now.
 */
static int read_env(int dir, struct rbce_task *task)
{
	cleanup_free char *text = NULL;
	ssize_t n = file_read_all_at(dir, "environ", &text);

	if (n < 0)
		return n == -EACCES || n == -EPERM || n == -ENOENT || n == -ESRCH ? 0 : (int)n;
	task->env = malloc((size_t)n + 3);
	if (!task->env)
		return -ENOMEM;
	for (ssize_t i = 0; i < n; i++)
		text[i] = (char)(text[i] == '\n' ? ' ' : text[i] ? text[i] : '\n');
	snprintf(task->env, (size_t)n + 3, "\n%s%s", text, n && text[n - 1] != '\n' ? "\n" : "");
	return 0;
}

/* The executable of another process; none where that has gone or is no process. */
static int read_exe_of(const struct rbce_root *root, pid_t pid, char **ret)
{
	char path[64];
	cleanup_close int dir = -1;
	int r;

	if (pid == 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d", pid);
	dir = rbce_root_openat(root, path, O_PATH | O_DIRECTORY);
	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	r = read_exe(dir, "exe", ret);
	return r == -ESRCH ? 0 : r;
}

/* A kernel without audit has no such file: then the fact is not there. */
static int read_login(int dir, struct rbce_task *task)
{
	char text[32];
	ssize_t n = file_read_at(dir, "loginuid", text, sizeof(text));

	if (n < 0) {
		task->facts &= ~(unsigned)RBCE_FACT_LOGIN;
		return n == -ENOENT || n == -EINVAL ? 0 : (int)n;
	}
	return sscanf(text, "%u", &task->login) == 1 ? 0 : -EBADMSG;
}

static int read_others(const struct rbce_root *root, unsigned facts, struct rbce_task *task)
{
	int r = 0;

	if (facts & RBCE_FACT_PARENT)
		r = read_exe_of(root, task->ppid, &task->parent_exe);
	if (r == 0 && facts & RBCE_FACT_PGRP_LEADER)
		r = read_exe_of(root, task->pgrp, &task->pgrp_leader_exe);
	if (r == 0 && facts & RBCE_FACT_SESSION_LEADER)
		r = read_exe_of(root, task->session, &task->session_leader_exe);
	return r;
}

static int read_facts(const struct rbce_root *root, int dir, unsigned facts, struct rbce_task *task)
{
	int r = 0;

	if (facts & RBCE_FACT_STAT)
		r = read_stat(dir, task);
	if (r == 0 && facts & RBCE_FACT_IDS)
		r = read_ids(dir, task);
	if (r == 0 && facts & RBCE_FACT_EXE)
		r = read_exe(dir, "exe", &task->exe);
	if (r == 0 && facts & RBCE_FACT_ARGS)
		r = read_args(dir, task);
	if (r == 0 && facts & RBCE_FACT_ENV)
		r = read_env(dir, task);
	if (r == 0)
		r = read_others(root, facts, task);
	if (r == 0 && facts & RBCE_FACT_LOGIN)
		r = read_login(dir, task);
	if (r == 0 && facts & RBCE_FACT_CGROUP) {
		ssize_t n = read_text(dir, "cgroup", &task->cgroup);
		r = n < 0 ? (int)n : 0;
	}
	return r;
}

int rbce_task_open(const struct rbce_root *root, pid_t pid, struct rbce_error *err)
{
	char path[64];
	int dir = -ESRCH;

	/* Most that are gone are so without a look into /proc, which takes ten times as long. */
	if (!rbce_root_is_live(root) || kill(pid, 0) == 0 || errno != ESRCH) {
		snprintf(path, sizeof(path), "/proc/%d", pid);
		dir = rbce_root_openat(root, path, O_PATH | O_DIRECTORY);
	}
	if (dir == -ENOENT)
		dir = -ESRCH;
	return dir < 0 ? rbce_error_errno(err, dir, "cannot read process '%d'", pid) : dir;
}

int rbce_task_read_more(const struct rbce_root *root, int dir, unsigned facts,
			struct rbce_task *task, struct rbce_error *err)
{
	int r;

	if (facts & (RBCE_FACT_PARENT | RBCE_FACT_PGRP_LEADER | RBCE_FACT_SESSION_LEADER))
		facts |= RBCE_FACT_STAT;
	facts &= ~task->facts;
	task->facts |= facts;
	r = read_facts(root, dir, facts, task);
	if (r == -ENOENT)
		r = -ESRCH;
	return r < 0 ? rbce_error_errno(err, r, "cannot read process '%d'", task->pid) : 0;
}

int rbce_task_read(const struct rbce_root *root, pid_t pid, unsigned facts, struct rbce_task *ret,
		   struct rbce_error *err)
{
	CLEANUP(rbce_task_done) struct rbce_task task = {.pid = pid};
	cleanup_close int dir = rbce_task_open(root, pid, err);
	int r = dir < 0 ? dir : rbce_task_read_more(root, dir, facts, &task, err);

	if (r < 0)
		return r;
	*ret = task;
	task = (struct rbce_task){0};
	return 0;
}

void rbce_task_done(struct rbce_task *task)
{
	free(task->groups);
	free(task->exe);
	free(task->args);
	free(task->env);
	free(task->parent_exe);
	free(task->pgrp_leader_exe);
	free(task->session_leader_exe);
	free(task->cgroup);
	free(task->container);
	free(task->unit);
	free(task->tag);
	*task = (struct rbce_task){0};
}

const char *rbce_task_basename(const struct rbce_task *task)
{
	const char *slash = task->exe ? strrchr(task->exe, '/') : NULL;

	if (slash)
		return slash + 1;
	return task->exe ?: task->comm;
}

bool rbce_task_is_realtime(const struct rbce_task *task)
{
	return task->policy == SCHED_FIFO || task->policy == SCHED_RR ||
	       task->policy == POLICY_DEADLINE;
}

int rbce_task_pidfd(const struct rbce_root *root, const struct rbce_task *task)
{
	cleanup_close int fd = -1;
	struct rbce_task now;
	bool same;
	int r;

	if (!rbce_root_is_live(root))
		return -EOPNOTSUPP;
	fd = pidfd_open(task->pid, 0);
	if (fd < 0)
		return -errno;
	/* The descriptor holds the pid fast; was it still ours when it was opened? */
	r = rbce_task_read(root, task->pid, RBCE_FACT_STAT, &now, NULL);
	if (r < 0)
		return r;
	same = now.start == task->start;
	rbce_task_done(&now);
	return same ? TAKE_FD(fd) : -ESRCH;
}

static int compare_pid(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return x < y ? -1 : x > y;
}

int rbce_task_list(const struct rbce_root *root, pid_t **ret, size_t *ret_n, struct rbce_error *err)
{
	int fd = rbce_root_openat(root, "/proc", O_RDONLY | O_DIRECTORY);
	cleanup_dir DIR *dir = take_directory(fd);
	cleanup_free pid_t *pids = NULL;
	size_t n = 0, room = 0;
	struct dirent *entry;

	if (!dir)
		return rbce_error_errno(err, fd < 0 ? fd : -errno, "cannot read '/proc'");
	while ((entry = readdir(dir))) {
		char *end;
		long pid = strtol(entry->d_name, &end, 10);

		if (!isdigit(entry->d_name[0]) || *end || pid > INT_MAX)
			continue;
		if (n == room) {
			room = room ? room * 2 : 256;
			pid_t *more = realloc(pids, room * sizeof(*pids));
			if (!more)
				return rbce_error_errno(err, -ENOMEM, "cannot read '/proc'");
			pids = more;
		}
		pids[n++] = (pid_t)pid;
	}
	if (n)
		qsort(pids, n, sizeof(*pids), compare_pid);
	*ret = TAKE_PTR(pids);
	*ret_n = n;
	return 0;
}
