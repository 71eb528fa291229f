// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * burn MS [ANYTHING]: uses so much CPU time, half of it in a child, and tells first thing in each
 * of the two where it stands, in lines "place PATH" of its group on v2, and last "used
 * MICROSECONDS", which both have used since main() began, and "before MICROSECONDS": what that
 * group had used by then, or where it does not tell, its process. As "#!burn MS" it is a script of
 * its own.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long cpu_usec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static bool read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, text, size - 1);

	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* Of its group on v2, in TEXT; NULL for none. */
static const char *find_place(char *text, size_t size)
{
	char *at = read_text("/proc/self/cgroup", text, size) ? strstr(text, "0::") : NULL;

	if (!at)
		return NULL;
	at[strcspn(at, "\n")] = '\0';
	return at + 3;
}

static void tell_place(void)
{
	char text[8192], line[8300];
	const char *place = find_place(text, sizeof(text));
	int n;

	if (!place)
		return;
	n = snprintf(line, sizeof(line), "place %s\n", place);
	if (write(STDOUT_FILENO, line, (size_t)n) != n)
		exit(1);
}

static long used_before(void)
{
	char text[8192], path[8300], stat[4096];
	const char *place = find_place(text, sizeof(text));
	long usec = cpu_usec();

	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/cpu.stat", place ? place : "");
	if (place && read_text(path, stat, sizeof(stat)))
		sscanf(stat, "usage_usec %ld", &usec);
	return usec;
}

static void use_until(long usec)
{
	while (cpu_usec() < usec)
		;
}

int main(int argc, char **argv)
{
	long before = used_before(), begin = cpu_usec();
	long half = argc > 1 ? strtol(argv[1], NULL, 10) * 500 : 0;
	struct rusage child;
	pid_t pid;

	tell_place();
	pid = fork();
	if (pid == 0) {
		tell_place();
		use_until(half);
		return 0;
	}
	use_until(begin + half);
	if (wait4(pid, NULL, 0, &child) != pid)
		return 1;
	printf("used %ld\n", cpu_usec() - begin +
				     (child.ru_utime.tv_sec + child.ru_stime.tv_sec) * 1000000L +
				     child.ru_utime.tv_usec + child.ru_stime.tv_usec);
	printf("before %ld\n", before);
	return 0;
}
