// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * writer FILE SECONDS: writes 4 KiB every 50 ms, and prints the worst and the mean time of a write
 * in microseconds.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

int main(int argc, char **argv)
{
	static char block[4096];
	double end, sum = 0, worst = 0;
	int fd = argc > 2 ? open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1, n = 0;

	if (fd < 0)
		return 2;
	for (end = now() + strtod(argv[2], NULL) * 1e6; now() < end; n++) {
		double start = now(), took;

		if (pwrite(fd, block, sizeof(block), (off_t)n * (off_t)sizeof(block)) < 0)
			return 1;
		took = now() - start;
		sum += took;
		worst = took > worst ? took : worst;
		usleep(50000);
	}
	printf("%.0f %.0f\n", worst, sum / n);
	return 0;
}
