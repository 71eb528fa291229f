// SPDX-License-Identifier: LGPL-2.1-or-later
/* What stands in the way of a checkpoint, looked for while the container runs. */
#include <fcntl.h>
#include <stdarg.h>

#include "container.h"
#include "engine.h"
#include "file.h"
#include "record.h"
#include "util.h"

struct check {
	const struct rbce_root *root;
	struct record_tasks tasks;
	unsigned flags;
	rbce_obstacle_fn *function;
	void *data;
	int found;
};

__attribute__((format(printf, 3, 4))) static void obstacle(struct check *check, pid_t pid,
							   const char *format, ...)
{
	char text[RBCE_ERROR_SIZE];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	check->function(pid, one_line(text), check->data);
	check->found++;
}

/* What an open file can be that the engine has no way to make again. */
static const struct {
	const char *begins, *what;
} unsupported[] = {
	{"anon_inode:[io_uring]", "requests through io_uring; make it use other ways"},
	{"anon_inode:[userfaultfd]", "memory that it serves itself (userfaultfd)"},
	{"anon_inode:[perf_event]", "performance counters (perf)"},
	{"anon_inode:bpf-prog", "a BPF program"},
	{"anon_inode:[pidfd]", "a pidfd"},
	{"anon_inode:[fanotify]", "a fanotify group that waits for answers"},
	{"anon_inode:kvm-vm", "a virtual machine"},
	{"/dev/kvm", "the device for virtual machines"},
	{"/dev/fuse", "a FUSE file system that it serves"},
	{"/dev/dri/", "a graphics device"},
	{"/dev/nvidia", "a graphics device"},
	{"/dev/snd/", "a sound device"},
};

/* Sockets of established connections, by inode, in /proc/PID/net/FILE. */
static bool is_connected(const struct check *check, pid_t pid, unsigned long inode)
{
	static const char *const files[] = {"tcp", "tcp6"};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		cleanup_free char *text = NULL;
		char path[64], *save;

		snprintf(path, sizeof(path), "proc/%d/net/%s", pid, files[i]);
		if (file_read_all_at(rbce_root_fd(check->root), path, &text) < 0)
			continue;
		for (char *line = strtok_r(text, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save)) {
			unsigned long found;
			unsigned state;

			if (sscanf(line, "%*s %*s %*s %x %*s %*s %*s %*s %*s %lu", &state,
				   &found) == 2 &&
			    state == 1 && found == inode)
				return true;
		}
	}
	return false;
}

static void check_file(struct check *check, pid_t pid, const char *fd, const char *target)
{
	unsigned long inode;

	for (size_t i = 0; i < ARRAY_SIZE(unsupported); i++)
		if (after_prefix(target, unsupported[i].begins))
			obstacle(check, pid, "file %s is %s: it has to be closed", fd,
				 unsupported[i].what);
	if (!(check->flags & RBCE_CHECKPOINT_SHELL) && after_prefix(target, "/dev/pts/"))
		obstacle(check, pid,
			 "file %s is the terminal %s of outside: start it without one, or use "
			 "--shell-job",
			 fd, target);
	if (!(check->flags & RBCE_CHECKPOINT_TCP) && sscanf(target, "socket:[%lu]", &inode) == 1 &&
	    is_connected(check, pid, inode))
		obstacle(check, pid, "file %s is a TCP connection: use --tcp-established", fd);
}

static void check_files(struct check *check, pid_t pid)
{
	struct dirent *entry;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "proc/%d/fd", pid);
	dir = take_directory(
		openat(rbce_root_fd(check->root), path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	while (dir && (entry = readdir(dir))) {
		char target[4096];
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);

		if (n < 0)
			continue;
		target[n] = '\0';
		check_file(check, pid, entry->d_name, target);
	}
	if (dir)
		closedir(dir);
}

static bool is_inside(const struct check *check, pid_t pid)
{
	for (size_t i = 0; i < check->tasks.n; i++)
		if (check->tasks.list[i].pid == pid)
			return true;
	return false;
}

static void check_session(struct check *check, pid_t pid)
{
	CLEANUP(rbce_task_done) struct rbce_task task = {0};

	if (check->flags & RBCE_CHECKPOINT_SHELL ||
	    rbce_task_read(check->root, pid, RBCE_FACT_STAT, &task, NULL) < 0)
		return;
	if (!is_inside(check, task.session))
		obstacle(check, pid,
			 "its session began with process %d, which is outside or gone: start it "
			 "with setsid(1), or use --shell-job",
			 task.session);
}

static void check_namespaces(struct check *check, pid_t pid)
{
	static const struct {
		const char *kind, *what;
	} kinds[] = {
		{"user", "a user namespace"},
		{"pid", "a pid namespace"},
		{"mnt", "a mount namespace"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (record_own_namespace(check->root, pid, kinds[i].kind))
			obstacle(check, pid,
				 "it is in %s of its own, which this engine may not be able to "
				 "checkpoint: create the container without",
				 kinds[i].what);
}

/* Who serves that file is outside, and the engine cannot make it again. */
static void check_kmsg(struct check *check, pid_t pid)
{
	cleanup_free char *text = NULL;
	char path[64], *save;

	snprintf(path, sizeof(path), "proc/%d/mountinfo", pid);
	if (file_read_all_at(rbce_root_fd(check->root), path, &text) < 0)
		return;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (strstr(line, " /dev/kmsg ") && strstr(line, " - fuse "))
			obstacle(check, pid,
				 "it has kernel messages of its own (namespace.kmsg): create the "
				 "container without");
}

/* "1: POSIX  ADVISORY  WRITE 4711 08:01:131 0 EOF" */
static void check_locks(struct check *check)
{
	cleanup_free char *text = NULL;
	char *save;

	if (check->flags & RBCE_CHECKPOINT_LOCKS ||
	    file_read_all_at(rbce_root_fd(check->root), "proc/locks", &text) < 0)
		return;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		int pid;

		if (sscanf(line, "%*s %*s %*s %*s %d", &pid) == 1 && is_inside(check, pid))
			obstacle(check, pid, "it has a lock on a file: use --file-locks");
	}
}

int rbce_checkpoint_check(struct rbce_container *c, unsigned flags, rbce_obstacle_fn *function,
			  void *data, struct rbce_error *err)
{
	struct check check = {
		.root = rbce_hierarchy_root(c->h),
		.flags = flags,
		.function = function,
		.data = data,
	};
	struct rbce_error why;
	int r = record_tasks(c, &check.tasks, err);

	if (r < 0)
		return r;
	if (engine_check(&why) < 0)
		obstacle(&check, 0, "%s", why.message);
	for (size_t i = 0; i < check.tasks.n; i++) {
		pid_t pid = check.tasks.list[i].pid;

		check_session(&check, pid);
		if (check.tasks.list[i].first) {
			check_namespaces(&check, pid);
			check_kmsg(&check, pid);
		}
		check_files(&check, pid);
	}
	check_locks(&check);
	record_tasks_done(&check.tasks);
	return check.found;
}
