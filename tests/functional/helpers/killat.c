// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * killat N first|second PROGRAM [ARGUMENT...]: SIGKILL to the program, or to the first process that
 * it forks, at its N-th system call, or the next that has nothing to do with a process that it
 * traces: what that one is in the midst of then, nobody can take back. Prints how many calls there
 * were until the end or until then.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define SYSCALL_STOP (SIGTRAP | 0x80)

/* Without the last, the program would be sent a signal when it begins. */
static long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC;

/* Goes on up to the next stop that is not a signal, which the process gets. False at its end. */
static bool next(pid_t pid, int request, int *status)
{
	long signal = 0;

	for (;;) {
		if (ptrace(request, pid, NULL, signal) < 0 || waitpid(pid, status, __WALL) < 0 ||
		    !WIFSTOPPED(*status))
			return false;
		signal = WSTOPSIG(*status);
		if (signal == SYSCALL_STOP || *status >> 16)
			return true;
	}
}

/* The first process that PID forks, which is traced then; PID no more. */
static pid_t forked(pid_t pid)
{
	unsigned long child;
	int status;

	do
		if (!next(pid, PTRACE_CONT, &status))
			return -1;
	while (status >> 16 != PTRACE_EVENT_FORK);
	ptrace(PTRACE_GETEVENTMSG, pid, NULL, &child);
	waitpid((pid_t)child, &status, __WALL);
	ptrace(PTRACE_SETOPTIONS, (pid_t)child, NULL, PTRACE_O_TRACESYSGOOD);
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
	return (pid_t)child;
}

static bool traces(pid_t pid)
{
	struct __ptrace_syscall_info info = {0};

	ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info);
	return info.entry.nr == SYS_ptrace || info.entry.nr == SYS_wait4;
}

int main(int argc, char **argv)
{
	long at = argc > 3 ? strtol(argv[1], NULL, 10) : 0, calls = 0;
	bool second = argc > 3 && !strcmp(argv[2], "second"), entry = false;
	pid_t pid = fork(), first = pid;
	int status;

	if (argc < 4 || pid < 0)
		return 2;
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		execvp(argv[3], argv + 3);
		return 127;
	}
	waitpid(pid, &status, 0);
	if (second)
		options |= PTRACE_O_TRACEFORK;
	ptrace(PTRACE_SETOPTIONS, pid, NULL, options);
	if (second)
		pid = forked(pid);
	while (pid > 0 && next(pid, PTRACE_SYSCALL, &status)) {
		if (WSTOPSIG(status) != SYSCALL_STOP)
			continue;
		entry = !entry;
		if (entry && ++calls >= at && at > 0 && !traces(pid))
			kill(pid, SIGKILL);
	}
	printf("%ld\n", calls);
	fflush(stdout);
	while (waitpid(first, &status, 0) < 0 && errno == EINTR)
		;
	return 0;
}
