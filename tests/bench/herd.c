// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * herd COUNT DIRECTORY...: makes COUNT groups in each directory of a cgroup hierarchy, and a
 * process in each: a quarter of them computes a little twice a second, a quarter every 20 s, half
 * of them sleep. Says "ready", and takes all away again at the end of its input.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Less of it where there are many, so that the herd does not take the machine. */
static unsigned turns = 200000;

static void compute(void)
{
	static volatile unsigned sum;
	char *page = malloc(1 << 18);

	for (unsigned i = 0; page && i < turns; i++)
		sum += i;
	if (page)
		memset(page, (int)sum, 1 << 18);
	free(page);
}

static struct timespec often = {.tv_nsec = 500000000};

static _Noreturn void live(int number)
{
	static const struct timespec long_one = {.tv_sec = 20};
	struct timespec offset = {.tv_nsec = number * 1000003L % 1000000000};

	nanosleep(&offset, NULL);

	for (;;) {
		if (number % 4 > 1)
			pause();
		nanosleep(number % 4 ? &long_one : &often, NULL);
		compute();
	}
}

static int enter(const char *directory, int number, pid_t pid)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/g%d", directory, number);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/g%d/cgroup.procs", directory, number);
	file = fopen(path, "we");
	if (!file)
		return -1;
	fprintf(file, "%d", (int)pid);
	return fclose(file);
}

static pid_t start(int number, int n, char **directories)
{
	pid_t parent = getpid(), pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	for (int i = 0; i < n; i++)
		if (enter(directories[i], number, getpid()) < 0)
			perror(directories[i]);
	live(number);
}

int main(int argc, char **argv)
{
	int count = argc > 2 ? (int)strtol(argv[1], NULL, 10) : 0;
	pid_t *pids = calloc((size_t)count + 1, sizeof(*pids));
	char path[4096], byte;

	if (!count || !pids)
		return 2;
	if (count > 1000) {
		turns = 2000;
		often = (struct timespec){.tv_sec = 4};
	}
	for (int i = 0; i < count; i++)
		pids[i] = start(i, argc - 2, argv + 2);
	sleep(1);
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	for (int i = 0; i < count; i++)
		if (pids[i] > 0)
			kill(pids[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	for (int d = 2; d < argc; d++)
		for (int i = 0; i < count; i++) {
			snprintf(path, sizeof(path), "%s/g%d", argv[d], i);
			rmdir(path);
		}
	free(pids);
	return 0;
}
