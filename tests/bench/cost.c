// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cost fault|write|swap COUNT ROUNDS [FILE]: touches so many new pages, writes so many of 4 KiB to
 * a new FILE, or has so many swapped out, and prints the nanoseconds for each of the best round.
 * Where the clock counts instructions (tests/bench/cost) these are instructions.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096 };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* New pages with something that swap could not leave out as zeros. */
static char *touch(size_t count)
{
	char *memory = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);

	if (memory == MAP_FAILED || madvise(memory, count * PAGE, MADV_NOHUGEPAGE) < 0)
		return NULL;
	for (size_t i = 0; i < count; i++)
		memcpy(memory + i * PAGE, &(size_t){i + 1}, sizeof(i));
	return memory;
}

static double fault(size_t count)
{
	double start = now();
	char *memory = touch(count);

	return memory && munmap(memory, count * PAGE) == 0 ? now() - start : -1;
}

/* Told to, for what reclaim looks at before it finds these pages differs from run to run. */
static double swap_out(size_t count)
{
	char *memory = touch(count);
	unsigned char *there = malloc(count);
	size_t left = 0;
	double start, took;

	if (!memory || !there)
		return -1;
	start = now();
	if (madvise(memory, count * PAGE, MADV_PAGEOUT) < 0)
		return -1;
	took = now() - start;
	if (mincore(memory, count * PAGE, there) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		left += there[i] & 1;
	free(there);
	munmap(memory, count * PAGE);
	return left * 20 < count ? took : -1;
}

static double write_file(size_t count, const char *path)
{
	static char page[PAGE];
	double start = now();
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	for (size_t i = 0; i < count; i++)
		if (write(fd, page, PAGE) != PAGE)
			return -1;
	close(fd);
	return unlink(path) < 0 ? -1 : now() - start;
}

int main(int argc, char **argv)
{
	size_t count = argc > 3 ? strtoul(argv[2], NULL, 10) : 0;
	long rounds = argc > 3 ? strtol(argv[3], NULL, 10) : 0;
	double best = -1;

	for (long i = 0; count > 0 && i < rounds; i++) {
		double took = strcmp(argv[1], "swap") == 0 ? swap_out(count)
			      : argc > 4                   ? write_file(count, argv[4])
							   : fault(count);

		if (took < 0)
			return 1;
		took /= (double)count;
		if (best < 0 || took < best)
			best = took;
	}
	printf("%.1f\n", best);
	return best < 0;
}
