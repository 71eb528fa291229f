// SPDX-License-Identifier: GPL-2.0-or-later
/* What a rule sets of a task besides its container: on all its threads, the later ones inherit. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "engine.h"
#include "file.h"
#include "util.h"

/* 0 or -errno; -ESRCH for a thread that has ended. */
static int set_thread(pid_t tid, const struct rule_actions *actions, const char **ret_what)
{
	const struct sched_param param = {.sched_priority = actions->priority};

	*ret_what = "sched";
	if (actions->has_sched && sched_setscheduler(tid, actions->policy, &param) < 0)
		return -errno;
	*ret_what = "nice";
	if (actions->has_nice && setpriority(PRIO_PROCESS, (id_t)tid, actions->nice) < 0)
		return -errno;
	*ret_what = "ioprio";
	if (actions->has_ioprio &&
	    syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, tid, actions->ioprio) < 0)
		return -errno;
	return 0;
}

/* A thread that begins meanwhile has its settings from the one that started it. */
static int set_threads(int process, const struct rule_actions *actions, const char **ret_what)
{
	cleanup_dir DIR *dir =
		take_directory(openat(process, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	const struct dirent *entry;
	int r = 0;

	if (!dir)
		return -errno;
	while (r == 0 && (entry = readdir(dir))) {
		pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);

		r = tid > 0 ? set_thread(tid, actions, ret_what) : 0;
		if (r == -ESRCH)
			r = 0;
	}
	return r;
}

static int set_oom_score_adj(int process, int value)
{
	char text[16];
	cleanup_close int fd = openat(process, "oom_score_adj", O_WRONLY | O_CLOEXEC);
	int n = snprintf(text, sizeof(text), "%d", value);

	return fd < 0 || write(fd, text, (size_t)n) != n ? -errno : 0;
}

int engine_act(struct engine *engine, const struct rbce_task *task,
	       const struct rule_actions *actions, struct rbce_error *err)
{
	char path[64];
	cleanup_close int process = -1;
	/* Holds the pid fast, so that it means no other process meanwhile. */
	cleanup_close int pidfd = rbce_task_pidfd(engine->root, task);
	const char *what = "oom_score_adj";
	int r = pidfd < 0 ? pidfd : 0;

	snprintf(path, sizeof(path), "/proc/%d", task->pid);
	if (r == 0) {
		process = rbce_root_openat(engine->root, path, O_PATH | O_DIRECTORY);
		r = process < 0 ? process : 0;
	}
	if (r == 0 && actions->has_oom_score_adj)
		r = set_oom_score_adj(process, actions->oom_score_adj);
	if (r == 0 && (actions->has_nice || actions->has_ioprio || actions->has_sched))
		r = set_threads(process, actions, &what);
	if (r == -ENOENT)
		r = -ESRCH;
	return r < 0 ? rbce_error_errno(err, r, "cannot set '%s' of process '%d'", what, task->pid)
		     : 0;
}
