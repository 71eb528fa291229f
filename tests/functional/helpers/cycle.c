// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cycle GROUP COUNT [TIERS...]: so many times makes a group with these lines in
 * memory.swap.tiers.max, starts a process in it whose memory is swapped out and read back, and
 * removes it. A cycle in which nothing was swapped is a failure.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES = 16 };

static int put(int group, const char *file, const char *text)
{
	int fd = openat(group, file, O_WRONLY | O_CLOEXEC);
	int r = fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return r;
}

static long number(int group, const char *file)
{
	char text[32] = "";
	int fd = openat(group, file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	return n > 0 ? strtol(text, NULL, 10) : -1;
}

/* In the group: 0, or what went wrong. */
static int swap(int group)
{
	size_t size = PAGES * PAGE;
	cpu_set_t here;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return 1;
	/* New pages wait on a list of their processor, which only what runs there empties. */
	CPU_ZERO(&here);
	CPU_SET((size_t)sched_getcpu(), &here);
	if (sched_setaffinity(0, sizeof(here), &here) < 0)
		return 5;
	/* Nothing that swap could leave out as zeros. */
	for (size_t i = 0; i < size; i += PAGE)
		memcpy(memory + i, &(size_t){i + 1}, sizeof(i));
	for (int i = 0; number(group, "memory.swap.current") <= 0; i++) {
		if (madvise(memory, size, MADV_PAGEOUT) < 0)
			return 2;
		if (i == 100)
			return 3;
	}
	for (size_t i = 0; i < size; i += PAGE)
		if (*(size_t *)(memory + i) != i + 1)
			return 4;
	return 0;
}

/* Started in the group: who moves there makes the kernel wait for all processors. */
static int run(int group)
{
	struct clone_args args = {.flags = CLONE_INTO_CGROUP,
				  .exit_signal = SIGCHLD,
				  .cgroup = (uint64_t)group};
	int status = 0;
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0)
		_exit(swap(group));
	if (pid < 0)
		return -errno;
	if (waitpid(pid, &status, 0) != pid || status == 0)
		return 0;
	fprintf(stderr, "cycle: the process ended with %d\n", status);
	return -ECHILD;
}

static int cycle(const char *path, char **tiers, int n)
{
	int group, r = mkdir(path, 0755) < 0 ? -errno : 0;

	group = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; r == 0 && i < n; i++)
		r = put(group, "memory.swap.tiers.max", tiers[i]);
	if (r == 0)
		r = run(group);
	close(group);
	for (int i = 0; rmdir(path) < 0; i++) {
		if (errno != EBUSY || i == 1000)
			return -errno;
		usleep(1000);
	}
	return r;
}

int main(int argc, char **argv)
{
	long count = argc > 2 ? strtol(argv[2], NULL, 10) : 0;

	for (long i = 0; i < count; i++) {
		int r = cycle(argv[1], argv + 3, argc - 3);

		if (r < 0) {
			fprintf(stderr, "cycle: %ld: %s\n", i + 1, strerror(-r));
			return 1;
		}
	}
	return 0;
}
