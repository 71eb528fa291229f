// SPDX-License-Identifier: GPL-2.0-or-later
/* rbcectl enter: a command in the namespaces of a container, or of any process. */
#include <core/cli/log.h>
#include <errno.h>
#include <rbce/task.h>
#include <sys/wait.h>

#include "relay.h"
#include "space.h"
#include "util.h"

struct entry {
	const char *root, *name, *pid, *user, *cwd;
	char **argv;
	bool no_terminal;
};

int space_set_environment(struct rbce_space *space, struct rbce_error *err)
{
	char term[256];
	int r = rbce_space_set(space, "env",
			       "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			       err);

	snprintf(term, sizeof(term), "TERM=%s", getenv("TERM") ?: "");
	return r == 0 && getenv("TERM") ? rbce_space_set(space, "env", term, err) : r;
}

/* The container that the process stands in, NULL for none of this root. */
static int container_of(struct containers *all, pid_t pid, struct rbce_container **ret,
			struct rbce_error *err)
{
	struct rbce_task task = {0};
	cleanup_free char *name = NULL;
	int r = rbce_task_read(all->root, pid, RBCE_FACT_CGROUP, &task, err);

	*ret = NULL;
	if (r < 0)
		return r;
	if (rbce_hierarchy_container_of(all->h, task.cgroup, &name) >= 0)
		r = rbce_container_open(all->h, name, 0, ret, err);
	rbce_task_done(&task);
	return r;
}

static int find(const struct entry *entry, struct containers *all, struct rbce_container **ret,
		pid_t *ret_pid, struct rbce_error *err)
{
	int r = containers_open(entry->root, all, err);

	if (r == 0 && entry->pid) {
		*ret_pid = command_pid(entry->pid);
		return container_of(all, *ret_pid, ret, err);
	}
	if (r == 0)
		r = rbce_container_open(all->h, entry->name, 0, ret, err);
	return r < 0 ? r : rbce_space_leader(*ret, ret_pid, err);
}

static int enter(const struct entry *entry, struct rbce_space *space, struct rbce_started *ret,
		 struct rbce_error *err)
{
	CLEANUP(containers_close) struct containers all = {0};
	struct rbce_container *c = NULL;
	unsigned flags = relay_is_terminal() && !entry->no_terminal ? RBCE_SPACE_TERMINAL : 0;
	pid_t pid;
	int r = space_set_environment(space, err);

	if (r == 0 && entry->user)
		r = rbce_space_set(space, "user", entry->user, err);
	if (r == 0 && entry->cwd)
		r = rbce_space_set(space, "cwd", entry->cwd, err);
	if (r == 0)
		r = find(entry, &all, &c, &pid, err);
	if (r == 0)
		r = rbce_space_enter(pid, space, c, entry->argv, flags, ret, err);
	rbce_container_close(c);
	return r;
}

int command_enter(int argc, char **argv)
{
	struct common common = {.root = "rbce"};
	struct entry entry = {0};
	const struct option_row options[] = {
		COMMON_OPTIONS(common),
		OPTION_TEXT("pid", "PID", "the namespaces of this process, not of a container",
			    &entry.pid),
		OPTION_TEXT("user", "UID[:GID]", "who runs the command", &entry.user),
		OPTION_TEXT("cwd", "DIR", "where it begins", &entry.cwd),
		OPTION_FLAG("no-terminal", "it has this terminal, not one of the container's",
			    &entry.no_terminal),
		{0},
	};
	const struct command_line line = {
		.usage = "enter [--root NAME] [OPTION...] CONTAINER | --pid PID -- COMMAND "
			 "[ARGUMENT...]",
		.about = "Starts a command in all namespaces of a container, and in its groups, "
			 "with "
			 "no more\ncapabilities than it has. The exit status is the command's.",
		.options = options,
		.stop_at_operand = true,
	};
	struct rbce_space *space = rbce_space_new();
	struct rbce_started started;
	struct rbce_error err;
	int first = command_parse(&line, argc, argv, 1, -1), status = 0, r;

	entry.root = common.root;
	entry.name = argv[first];
	entry.argv = argv + first + (entry.pid ? 0 : 1);
	if (*entry.argv && streq(*entry.argv, "--"))
		entry.argv++;
	if (!*entry.argv) {
		log_error("cannot enter: it needs a command; usage: %s %s", log_program(),
			  line.usage);
		return EXIT_USAGE;
	}
	r = space ? enter(&entry, space, &started, &err)
		  : rbce_error_errno(&err, -ENOMEM, "cannot enter");
	rbce_space_free(space);
	if (r == 0)
		r = relay_wait(started.pidfd, started.terminal, &err);
	if (r < 0)
		return command_failed(&err);
	while (waitpid(started.pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
