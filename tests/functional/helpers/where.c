// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * where COMMAND...: does one thing to itself and then sleeps, so that a test can see where that
 * brings it: "uid N", "gid N", "groups N", "sid", "fork" (the child sleeps too).
 * Prints its pid, and the child's, when it has done so.
 */
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	unsigned n = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	gid_t group = n;
	int r = 0;

	if (strcmp(what, "uid") == 0)
		r = setresuid(n, n, n);
	else if (strcmp(what, "gid") == 0)
		r = setresgid(n, n, n);
	else if (strcmp(what, "groups") == 0)
		r = setgroups(1, &group) || setresgid(65534, 65534, 65534);
	else if (strcmp(what, "sid") == 0)
		r = fork() == 0 ? (setsid() < 0) : (pause(), 0);
	else if (strcmp(what, "fork") == 0)
		fork();
	if (r != 0) {
		perror("where");
		return 1;
	}
	printf("%d\n", getpid());
	fflush(stdout);
	for (;;)
		pause();
}
