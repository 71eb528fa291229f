// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a process of a container can see and do: inside clock | queue NAME | handle PATH | ptrace
 * PID | signal PID | setns PATH | device PATH MAJOR MINOR | type. Prints the answer, or the name of
 * the error; the exit status is 0 either way.
 */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

static unsigned number(const char *text)
{
	return (unsigned)strtoul(text, NULL, 10);
}

static void answer(long result)
{
	puts(result < 0 ? strerrorname_np(errno) : "done");
}

static void clocks(void)
{
	struct timespec monotonic, boot;

	clock_gettime(CLOCK_MONOTONIC, &monotonic);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	printf("%ld %ld\n", (long)monotonic.tv_sec, (long)boot.tv_sec);
}

static void handle(const char *path)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} file = {.handle.handle_bytes = MAX_HANDLE_SZ};
	int mount, dir = open("/", O_RDONLY | O_DIRECTORY);

	if (name_to_handle_at(AT_FDCWD, path, &file.handle, &mount, 0) < 0) {
		/* Any handle will do: the question is whether it may be tried. */
		file.handle.handle_bytes = 8;
		file.handle.handle_type = 1;
	}
	answer(open_by_handle_at(dir, &file.handle, O_RDONLY));
}

static long device(char **argv)
{
	unlink(argv[2]);
	return mknod(argv[2], S_IFCHR | 0600, makedev(number(argv[3]), number(argv[4])));
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	char byte = 'x';

	if (!strcmp(what, "clock"))
		clocks();
	else if (!strcmp(what, "queue") && argc > 2)
		answer(mq_open(argv[2], O_RDWR | O_CREAT, 0600, NULL));
	else if (!strcmp(what, "handle") && argc > 2)
		handle(argv[2]);
	else if (!strcmp(what, "ptrace") && argc > 2)
		answer(ptrace(PTRACE_SEIZE, (pid_t)number(argv[2]), NULL, NULL));
	else if (!strcmp(what, "signal") && argc > 2)
		answer(kill((pid_t)number(argv[2]), SIGKILL));
	else if (!strcmp(what, "setns") && argc > 2)
		answer(setns(open(argv[2], O_RDONLY), 0));
	else if (!strcmp(what, "device") && argc > 4)
		answer(device(argv));
	else if (!strcmp(what, "type"))
		answer(ioctl(0, TIOCSTI, &byte));
	else
		return 2;
	return 0;
}
