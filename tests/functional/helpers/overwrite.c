// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Waits. At SIGUSR1 writes over its environment, as daemons do that show a title, and forks a
 * child, whose pid it prints; at SIGUSR2 executes itself anew without an environment.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv, char **envp)
{
	sigset_t both;
	int signal;

	(void)argc;
	sigemptyset(&both);
	sigaddset(&both, SIGUSR1);
	sigaddset(&both, SIGUSR2);
	sigprocmask(SIG_BLOCK, &both, NULL);
	while (sigwait(&both, &signal) == 0 && signal == SIGUSR1) {
		pid_t child;

		for (char **e = envp; *e; e++)
			memset(*e, 'x', strlen(*e));
		child = fork();
		if (child == 0)
			return pause();
		printf("%d\n", child);
		fflush(stdout);
	}
	execle("/proc/self/exe", argv[0], NULL, (char *[]){NULL});
	return 1;
}
