// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * witness COUNT COPY GROUP: starts COPY, which is this program under another path, COUNT times, one
 * after the other; each looks first thing in main() whether it stands in GROUP (a part of its path
 * in the cpu hierarchy) and, if not, how long it takes to get there. Prints one line of
 * microseconds for each: 0 at once, -1 not within 500 ms.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { PATIENCE_USEC = 500000 };

/* On the line of the cpu controller, or of v2 where that has it. */
static bool stands_in(const char *group)
{
	char text[4096], *line;
	int fd = open("/proc/self/cgroup", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n > 0 ? n : 0] = '\0';
	line = strstr(text, ":cpu:");
	if (!line)
		line = strstr(text, ":cpu,");
	if (!line)
		line = strstr(text, "0::");
	if (!line)
		return false;
	line[strcspn(line, "\n")] = '\0';
	return strstr(line, group);
}

static long now_usec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

static int look(const char *group)
{
	bool at_once = stands_in(group);
	long begin = now_usec(), late = 0;

	while (!at_once && late < PATIENCE_USEC && !stands_in(group))
		late = now_usec() - begin;
	printf("%ld\n", at_once ? 0 : late >= PATIENCE_USEC ? -1 : late + 1);
	return 0;
}

int main(int argc, char **argv)
{
	char *again[] = {argc == 4 ? argv[2] : NULL, argc == 4 ? argv[3] : NULL, NULL};

	if (argc == 2)
		return look(argv[1]);
	if (argc != 4)
		return 2;
	for (long i = strtol(argv[1], NULL, 10); i > 0; i--) {
		pid_t pid;

		if (posix_spawn(&pid, again[0], NULL, NULL, again, environ) != 0)
			return 1;
		waitpid(pid, NULL, 0);
	}
	return 0;
}
