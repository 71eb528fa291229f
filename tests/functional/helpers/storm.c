// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * storm COUNT COMMAND [ARGUMENT...]: starts COUNT processes of a command as fast as it can, prints
 * "ready" when all are started, and waits until its standard input ends; then ends them.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	long count = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
	pid_t *pids = calloc((size_t)count + 1, sizeof(*pids));
	char byte;

	if (argc < 3 || !pids)
		return 2;
	for (long i = 0; i < count; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			execv(argv[2], argv + 2);
			_exit(127);
		}
		if (pids[i] < 0) {
			perror("storm: cannot fork");
			break;
		}
	}
	printf("ready\n");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	for (long i = 0; i < count; i++)
		if (pids[i] > 0)
			kill(pids[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	return 0;
}
