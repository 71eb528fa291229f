// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * first [SECONDS]: looks first thing in main() where it stands, prints its pid and then that, and
 * stays for so long.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static char text[8192];
	int fd = open("/proc/self/cgroup", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	/* One write: many of these may write to the same file. */
	printf("%d\n%.*s", getpid(), n > 0 ? (int)n : 0, text);
	fflush(stdout);
	if (argc > 1)
		sleep((unsigned)strtoul(argv[1], NULL, 10));
	return n > 0 ? 0 : 1;
}
