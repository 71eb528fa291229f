// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * recycle COUNT GROUP PLACED PLAIN: starts COUNT processes, some at a time, so that pids are soon
 * used again: by turns PLACED and PLAIN, which are this program under other paths. PLACED ends at
 * once; PLAIN looks at its end whether somebody has moved it to a group whose path has GROUP in it.
 * Prints how many of those there were, and how many pids were used more than once.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { AT_A_TIME = 24, PLAIN_USEC = 3000, PIDS = 1 << 22 };

static unsigned char used[PIDS];

static int look(const char *group)
{
	char text[8192];
	ssize_t n;
	int fd;

	usleep(PLAIN_USEC);
	fd = open("/proc/self/cgroup", O_RDONLY);
	n = read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	return strstr(text, group) ? 9 : 0;
}

/* Waits for one; 1 when it was where it should not be. */
static int reap(void)
{
	int status;

	return wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 9;
}

int main(int argc, char **argv)
{
	long count = argc == 5 ? strtol(argv[1], NULL, 10) : 0, wrong = 0, again = 0;

	if (argc == 1)
		return 0;
	if (argc == 2)
		return look(argv[1]);
	if (argc != 5)
		return 2;
	for (long i = 0; i < count; i++) {
		char *placed[] = {argv[3], NULL}, *plain[] = {argv[4], argv[2], NULL};
		char **command = i % 2 ? placed : plain;
		pid_t pid;

		if (i >= AT_A_TIME)
			wrong += reap();
		if (posix_spawn(&pid, command[0], NULL, NULL, command, environ) != 0) {
			perror("recycle");
			return 1;
		}
		again += used[pid] != 0;
		used[pid] = 1;
	}
	for (int i = 0; i < AT_A_TIME; i++)
		wrong += reap();
	printf("%ld wrong, %ld used again\n", wrong, again);
	return 0;
}
