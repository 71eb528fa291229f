// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * where COMMAND...: does one thing to itself and then sleeps, so that a test can see where that
 * brings it: "uid N", "gid N", "groups N", "sid", "pgrp", "fork" (the child sleeps too), "into DIR"
 * (the same, but the child begins in that cgroup).
 * Prints its pid, and the child's, when it has done so.
 *
 * where wait COMMAND...: prints its pid first, and does it when a line comes in. There, "sid" is
 * the process itself, and "child-pgrp" gives its child, whose pid it prints too, a group of its
 * own.
 */
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void say_pid(void)
{
	printf("%d\n", getpid());
	fflush(stdout);
}

static void sleep_on(void)
{
	for (;;)
		pause();
}

/* The child, asleep. */
static pid_t start_child(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		say_pid();
		sleep_on();
	}
	return pid;
}

/* The same, in a cgroup of the v2 tree. */
static long start_child_in(const char *path)
{
	struct clone_args arguments = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD};
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	long pid;

	if (fd < 0)
		return -1;
	arguments.cgroup = (unsigned)fd;
	pid = syscall(SYS_clone3, &arguments, sizeof(arguments));
	if (pid == 0) {
		say_pid();
		sleep_on();
	}
	return pid;
}

int main(int argc, char **argv)
{
	bool waits = argc > 2 && strcmp(argv[1], "wait") == 0;
	char **arguments = waits ? argv + 1 : argv;
	const char *what = argc > 1 ? arguments[1] : "";
	unsigned n = argc > 2 && arguments[2] ? (unsigned)strtoul(arguments[2], NULL, 10) : 0;
	gid_t group = n;
	pid_t child = strcmp(what, "child-pgrp") == 0 ? start_child() : 0;
	int r = 0;

	if (waits) {
		say_pid();
		getchar();
	}
	if (strcmp(what, "uid") == 0)
		r = setresuid(n, n, n);
	else if (strcmp(what, "gid") == 0)
		r = setresgid(n, n, n);
	else if (strcmp(what, "groups") == 0)
		r = setgroups(1, &group) || setresgid(65534, 65534, 65534);
	else if (strcmp(what, "pgrp") == 0)
		r = setpgid(0, 0);
	else if (child > 0)
		r = setpgid(child, child);
	else if (strcmp(what, "sid") == 0 && waits)
		r = setsid() < 0;
	else if (strcmp(what, "sid") == 0)
		r = fork() == 0 ? (setsid() < 0) : (pause(), 0);
	else if (strcmp(what, "fork") == 0)
		fork();
	else if (strcmp(what, "into") == 0)
		r = start_child_in(arguments[2]) < 0;
	if (r != 0) {
		perror("where");
		return 1;
	}
	if (!waits)
		say_pid();
	sleep_on();
}
