// SPDX-License-Identifier: LGPL-2.1-or-later
/* The first process of a space: reaps what is left behind, hands signals on. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "space.h"
#include "util.h"

/* All that have ended; ends too when COMMAND has. */
static void reap(pid_t command)
{
	int status;

	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
		if (pid == command)
			_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

__attribute__((noreturn)) static void stay(pid_t command, const sigset_t *all)
{
	siginfo_t info;

	prctl(PR_SET_NAME, "init");
	close_range(3, ~0U, 0);
	for (;;) {
		int signal = sigwaitinfo(all, &info);

		reap(command);
		/* The terminal's have reached the command already. */
		if (signal > 0 && signal != SIGCHLD && info.si_code != SI_KERNEL)
			kill(command, signal);
	}
}

int space_init(struct rbce_error *err)
{
	sigset_t all, before;
	pid_t command;

	/* What this process was before is nothing for those inside, from their first moment. */
	prctl(PR_SET_DUMPABLE, 0);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	command = fork();
	if (command < 0)
		return rbce_error_errno(err, -errno, "cannot fork the command");
	if (command > 0)
		stay(command, &all);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return 0;
}
