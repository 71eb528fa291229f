// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * start COUNT COMMAND...: runs a command that ends in `start stamp` so often, and prints the median
 * and the 95th percentile, in microseconds, of the time from its start to the first instruction of
 * that, and the median of the time to its end.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* Sets what it took; 0, or -1 where it printed no stamp. */
static int run(char **command, int64_t *ret_first, int64_t *ret_end)
{
	int64_t begin = now();
	char text[64] = "";
	int out[2], status;
	size_t used = 0;
	pid_t pid;

	if (pipe(out) < 0 || (pid = fork()) < 0)
		return -1;
	if (pid == 0) {
		dup2(out[1], STDOUT_FILENO);
		close(out[0]);
		close(out[1]);
		execvp(*command, command);
		_exit(127);
	}
	close(out[1]);
	for (ssize_t n; (n = read(out[0], text + used, sizeof(text) - 1 - used)) > 0;)
		used += (size_t)n;
	close(out[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	*ret_end = now() - begin;
	*ret_first = strtoll(text, NULL, 10) - begin;
	return used && status == 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
	int64_t begin = now(), *first, *end;
	long count;

	if (argc == 2 && !strcmp(argv[1], "stamp"))
		return printf("%lld\n", (long long)begin) < 0;
	count = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
	if (count < 1 || count > 100000)
		return 2;
	first = calloc((size_t)count, sizeof(*first));
	end = calloc((size_t)count, sizeof(*end));
	for (long i = 0; first && end && i < count; i++)
		if (run(argv + 2, &first[i], &end[i]) < 0) {
			fprintf(stderr, "start: cannot run '%s'\n", argv[2]);
			return 1;
		}
	if (!first || !end)
		return 1;
	qsort(first, (size_t)count, sizeof(*first), compare);
	qsort(end, (size_t)count, sizeof(*end), compare);
	printf("%lld %lld %lld\n", (long long)first[count / 2] / 1000,
	       (long long)first[count * 95 / 100] / 1000, (long long)end[count / 2] / 1000);
	free(first);
	free(end);
	return 0;
}
