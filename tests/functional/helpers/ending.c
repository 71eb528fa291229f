// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ending COUNT RATE [COMMAND [ARGUMENT...]]: starts COUNT processes, RATE in a second (0: as fast
 * as it can), each of which executes the command or ends at once, and takes note of each end.
 * Prints how many there were, and over how many milliseconds.
 *
 * ending -t THREADS BYTES: so many threads that end before the process does, each of which writes
 * so many bytes to /dev/null.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long now_usec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

static void *write_some(void *data)
{
	static const char block[4096];
	long left = *(const long *)data;
	int fd = open("/dev/null", O_WRONLY);

	while (left > 0) {
		ssize_t n =
			write(fd, block, left < (long)sizeof(block) ? (size_t)left : sizeof(block));

		if (n <= 0)
			break;
		left -= n;
	}
	close(fd);
	return NULL;
}

static int run_threads(int n, long bytes)
{
	for (int i = 0; i < n; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, write_some, &bytes) != 0)
			return 1;
		pthread_join(thread, NULL);
	}
	return 0;
}

int main(int argc, char **argv)
{
	long count, rate, begin = now_usec();

	if (argc == 4 && strcmp(argv[1], "-t") == 0)
		return run_threads((int)strtol(argv[2], NULL, 10), strtol(argv[3], NULL, 10));
	if (argc < 3)
		return 2;
	count = strtol(argv[1], NULL, 10);
	rate = strtol(argv[2], NULL, 10);
	for (long i = 0; i < count; i++) {
		long due = rate ? begin + i * 1000000 / rate : 0, now = now_usec();
		pid_t pid;

		if (due > now)
			usleep((useconds_t)(due - now));
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		pid = fork();
		if (pid == 0) {
			if (argc > 3)
				execv(argv[3], argv + 3);
			_exit(argc > 3 ? 127 : 0);
		}
		if (pid < 0) {
			perror("ending: cannot fork");
			return 1;
		}
		/* Without a rate, one after the other. */
		if (!rate)
			waitpid(pid, NULL, 0);
	}
	while (wait(NULL) > 0 || errno == EINTR)
		;
	printf("%ld %ld\n", count, (now_usec() - begin) / 1000);
	return 0;
}
