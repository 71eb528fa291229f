// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Programs that are run with facts in their environment. The environment is written into room that
 * is there, and the child begins on a stack that is there, in our memory, until it executes the
 * program (as vfork(2) does it): posix_spawn(3) would map a stack, fork(2) copy page tables.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "internal.h"
#include "util.h"

enum { CHILD_STACK = 64 << 10 };

struct oom_run *run_new(struct oom *oom, const char *path)
{
	for (size_t i = 0; i < OOM_RUNS; i++) {
		struct oom_run *run = &oom->runs[i];

		if (run->state != RUN_FREE)
			continue;
		memset(run, 0, offsetof(struct oom_run, path));
		run->state = RUN_WAITS;
		run->fd = -1;
		snprintf(run->path, sizeof(run->path), "%s", path);
		run_env(run, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
		return run;
	}
	return NULL;
}

/* What does not fit is left out. */
void run_env(struct oom_run *run, const char *format, ...)
{
	size_t room = sizeof(run->text) - run->used;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(run->text + run->used, room, format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room || run->n_env == OOM_ENV)
		return;
	/* Whatever a task calls itself. */
	run->env[run->n_env++] = one_line(run->text + run->used);
	run->used += (size_t)n + 1;
}

struct child {
	struct oom_run *run;
	int null;
};

/* In our memory: nothing but system calls. */
static int execute(void *data)
{
	const struct child *child = data;
	struct oom_run *run = child->run;
	char *argv[] = {run->path, NULL};
	sigset_t set;

	setpgid(0, 0);
	dup2(child->null, STDIN_FILENO);
	dup2(child->null, STDOUT_FILENO);
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	execve(run->path, argv, run->env);
	_exit(127);
}

int run_start(struct oom *oom, struct oom_run *run)
{
	struct child child = {run, oom->null};
	int fd = -1;
	pid_t pid = clone(execute, oom->child_stack + CHILD_STACK,
			  CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &child, &fd);

	if (pid < 0)
		return -errno;
	run->pid = pid;
	run->fd = fd;
	run->state = RUN_RUNS;
	return 0;
}

int run_status(struct oom_run *run)
{
	siginfo_t info = {0};

	if (waitid(P_PIDFD, (id_t)run->fd, &info, WEXITED | WNOHANG) < 0)
		return -errno;
	if (info.si_pid == 0)
		return -EAGAIN;
	return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

void run_free(struct oom_run *run)
{
	if (run->fd >= 0)
		close(run->fd);
	run->fd = -1;
	run->state = RUN_FREE;
}
