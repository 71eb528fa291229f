// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * burn MS [ANYTHING]: uses so much CPU time, half of it in a child, and tells first thing in each
 * of the two where it stands, in lines "place PATH" of its group on v2, and last "used
 * MICROSECONDS" and "before MICROSECONDS": what its process had used when main() began. As
 * "#!burn MS" it is a script of its own.
 */
#include <fcntl.h>
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

static void tell_place(void)
{
	char text[8192], line[8300], *at;
	int fd = open("/proc/self/cgroup", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n > 0 ? n : 0] = '\0';
	at = strstr(text, "0::");
	if (!at)
		return;
	at[strcspn(at, "\n")] = '\0';
	n = snprintf(line, sizeof(line), "place %s\n", at + 3);
	if (write(STDOUT_FILENO, line, (size_t)n) != n)
		exit(1);
}

static void use_until(long usec)
{
	while (cpu_usec() < usec)
		;
}

int main(int argc, char **argv)
{
	long begin = cpu_usec(), half = argc > 1 ? strtol(argv[1], NULL, 10) * 500 : 0;
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
	printf("before %ld\n", begin);
	return 0;
}
