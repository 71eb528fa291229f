// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * spawn COUNT PROGRAM [ARGUMENT...]: starts a program COUNT times, one after the other, and waits
 * for each. Prints the median and the mean of how long that took, in microseconds.
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double now_usec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	size_t n = argc > 2 ? strtoul(argv[1], NULL, 10) : 0;
	double *times = calloc(n + 1, sizeof(*times)), sum = 0;

	if (!n || !times)
		return 2;
	for (size_t i = 0; i < n; i++) {
		double begin = now_usec();
		int status;
		pid_t pid;

		if (posix_spawn(&pid, argv[2], NULL, NULL, argv + 2, environ) != 0)
			return 1;
		waitpid(pid, &status, 0);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			return 1;
		times[i] = now_usec() - begin;
		sum += times[i];
	}
	qsort(times, n, sizeof(*times), compare);
	printf("%.1f %.1f\n", times[n / 2], sum / (double)n);
	return 0;
}
