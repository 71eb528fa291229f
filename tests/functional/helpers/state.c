// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a process may have when it is checkpointed: state MODE [ARGUMENT...].
 *
 *   count FILE    a byte more in FILE, 20 times a second
 *   dirty SIZE RATE FILE  SIZE MiB of memory, of which RATE MiB a second are written anew; FILE
 * grows with it, as above idle          prints a line, and waits
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int count(const char *file)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_APPEND, 0644);

	while (fd >= 0 && write(fd, ".", 1) == 1)
		usleep(50000);
	perror(file);
	return 1;
}

/* A tenth of a second's share at a time; each page has its number, and how often it was written: as
 * often as all have been, and once more where it was its turn. */
static int dirty(size_t size, size_t rate, const char *file)
{
	size_t pages = size << 8, step = (rate << 8) / 10, next = 0, times = 0;
	int fd = open(file, O_WRONLY | O_CREAT | O_APPEND, 0644);
	size_t(*m)[512] =
		mmap(NULL, size << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (fd < 0 || m == MAP_FAILED)
		return 1;
	for (size_t i = 0; i < pages; i++)
		m[i][0] = i;
	for (;;) {
		for (size_t i = 0; i < step; i++) {
			if (m[next][0] != next || m[next][1] != times)
				return 1;
			m[next][1]++;
			next = (next + 1) % pages;
			times += next == 0;
		}
		if (write(fd, ".", 1) != 1)
			return 1;
		usleep(100000);
	}
}

__attribute__((noreturn)) static void idle(void)
{
	setsid();
	printf("ready\n");
	fflush(stdout);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "count") == 0)
		return count(argv[2]);
	if (argc == 5 && strcmp(argv[1], "dirty") == 0)
		return dirty(strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10), argv[4]);
	if (argc == 2 && strcmp(argv[1], "idle") == 0)
		idle();
	fprintf(stderr, "usage: state count FILE | dirty SIZE RATE FILE | idle\n");
	return 2;
}
