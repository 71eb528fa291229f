// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sleeper SECONDS: sleeps for 1 ms, again and again, and prints how long that took: the median, the
 * 99th percentile and the most, in microseconds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SLEEPS_A_SECOND = 1000 };

static long now_usec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

static int compare(const void *a, const void *b)
{
	long x = *(const long *)a, y = *(const long *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	const struct timespec ms = {.tv_nsec = 1000000};
	long seconds = argc > 1 ? strtol(argv[1], NULL, 10) : 10;
	long end = now_usec() + seconds * 1000000L, begin;
	size_t most = (size_t)seconds * SLEEPS_A_SECOND, n = 0;
	long *took = calloc(most ? most : 1, sizeof(*took));

	if (!took)
		return 1;
	while (n < most && (begin = now_usec()) < end) {
		clock_nanosleep(CLOCK_MONOTONIC, 0, &ms, NULL);
		took[n++] = now_usec() - begin;
	}
	if (n == 0)
		return 1;
	qsort(took, n, sizeof(*took), compare);
	printf("%ld %ld %ld\n", took[n / 2], took[n * 99 / 100], took[n - 1]);
	free(took);
	return 0;
}
