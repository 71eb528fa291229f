// SPDX-License-Identifier: LGPL-2.1-or-later
/* The first process of a space: reaps what is left behind, hands signals on. */
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
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
	for (;;) {
		int signal = sigwaitinfo(all, &info);

		reap(command);
		/* The terminal's have reached the command already. */
		if (signal > 0 && signal != SIGCHLD && info.si_code != SI_KERNEL)
			kill(command, signal);
	}
}

/*
 * The process that becomes the program lives in the memory of the first one until then, for copying
 * that takes longer than all the rest. It begins when the first one has closed what is nothing for
 * those inside, which in turn waits until it has gone: they share errno, too.
 */
struct command {
	int (*run)(void *of);
	void *of;
	sigset_t signals;
	uint32_t begin, there; /* futex(2); the kernel clears the second, CLONE_CHILD_CLEARTID */
};

static void wait_while(uint32_t *word, uint32_t value)
{
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == value)
		syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

static int run_command(void *arg)
{
	struct command *command = arg;

	wait_while(&command->begin, 0);
	sigprocmask(SIG_SETMASK, &command->signals, NULL);
	command->run(command->of);
	return 127;
}

int space_init(int (*run)(void *of), void *of, struct rbce_error *err)
{
	/* For what is left to do before the program: a search in PATH takes the longest path
	 * several times. */
	enum { STACK = 256 << 10 };
	struct command command = {.run = run, .of = of, .there = 1};
	char *stack = aligned_alloc(64, STACK);
	sigset_t all;
	pid_t pid;

	/* What this process was before is nothing for those inside, from their first moment. */
	prctl(PR_SET_DUMPABLE, 0);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &command.signals);
	pid = stack ? clone(run_command, stack + STACK, CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD,
			    &command, NULL, NULL, &command.there)
		    : -1;
	if (pid < 0)
		return rbce_error_errno(err, -errno, "cannot fork the command");
	close_range(3, ~0U, 0);
	__atomic_store_n(&command.begin, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, &command.begin, FUTEX_WAKE, 1, NULL, NULL, 0);
	wait_while(&command.there, 1);
	stay(pid, &all);
}
