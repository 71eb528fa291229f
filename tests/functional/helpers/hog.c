// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hog SECONDS [WHEN]: uses as much of a CPU as it gets for so long, from the second WHEN after the
 * epoch on if given, then prints the CPU milliseconds that it had in that time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	const struct timespec when = {.tv_sec = argc > 2 ? strtol(argv[2], NULL, 10) : 0};
	double end, before;

	clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &when, NULL);
	before = seconds(CLOCK_PROCESS_CPUTIME_ID);
	end = seconds(CLOCK_MONOTONIC) + (argc > 1 ? strtod(argv[1], NULL) : 1);
	while (seconds(CLOCK_MONOTONIC) < end)
		;
	printf("%.0f\n", (seconds(CLOCK_PROCESS_CPUTIME_ID) - before) * 1000);
	return 0;
}
