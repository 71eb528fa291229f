// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bulk --spawn ROUNDS A B: how long the programs A and B, run in turn, take from start to end.
 * bulk ROUNDS: how long rbce_limits_read() takes for twelve resources of this process, through a
 * handle that is kept. Prints medians, and of the latter the
 * fastest too, in nanoseconds.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <rbce/limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const int resources[] = {
	RBCE_LIMIT_CPU,
	RBCE_LIMIT_CPUSET,
	RBCE_LIMIT_MEMORY,
	RBCE_LIMIT_MEMORY_HIGH,
	RBCE_LIMIT_SWAP,
	RBCE_LIMIT_PIDS,
	RBCE_LIMIT_IO,
	RBCE_LIMIT_RLIMIT + RLIMIT_NOFILE,
	RBCE_LIMIT_RLIMIT + RLIMIT_NPROC,
	RBCE_LIMIT_RLIMIT + RLIMIT_STACK,
	RBCE_LIMIT_RLIMIT + RLIMIT_AS,
	RBCE_LIMIT_THREADS,
};
enum { N = sizeof(resources) / sizeof(resources[0]) };

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t run(const char *program)
{
	char *const argv[] = {(char *)program, NULL};
	posix_spawn_file_actions_t quiet;
	uint64_t began = now();
	pid_t pid;

	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&pid, program, &quiet, NULL, argv, environ) != 0 ||
	    waitpid(pid, NULL, 0) < 0)
		exit(1);
	posix_spawn_file_actions_destroy(&quiet);
	return now() - began;
}

static int in_turn(size_t rounds, const char *a, const char *b)
{
	uint64_t *took = calloc(2 * rounds, sizeof(*took));

	if (!took)
		return 1;
	for (size_t i = 0; i < rounds; i++) {
		took[i] = run(a);
		took[rounds + i] = run(b);
	}
	qsort(took, rounds, sizeof(*took), compare);
	qsort(took + rounds, rounds, sizeof(*took), compare);
	printf("%" PRIu64 " %" PRIu64 "\n", took[rounds / 2], took[rounds + rounds / 2]);
	free(took);
	return 0;
}

int main(int argc, char **argv)
{
	size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000;
	uint64_t *took = calloc(rounds, sizeof(*took));
	struct rbce_limit items[N];
	struct rbce_limits *limits;
	struct rbce_error err;

	if (argc == 5)
		return in_turn(strtoul(argv[2], NULL, 10), argv[3], argv[4]);
	for (size_t i = 0; i < N; i++)
		items[i] = (struct rbce_limit){.resource = resources[i]};
	if (!took || !rounds || rbce_limits_open(NULL, 0, 0, &limits, &err) < 0)
		return 1;
	for (size_t i = 0; i < rounds; i++) {
		uint64_t began = now();

		if (rbce_limits_read(limits, items, N) < 0)
			return 1;
		took[i] = now() - began;
	}
	qsort(took, rounds, sizeof(*took), compare);
	printf("%" PRIu64 " %" PRIu64 "\n", took[rounds / 2], took[0]);
	rbce_limits_close(limits);
	free(took);
	return 0;
}
