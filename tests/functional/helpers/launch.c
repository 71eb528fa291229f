// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * launch HOW PROGRAM [ARGUMENT...]: executes a program in one of the ways there are beside
 * execve(): execveat   by a descriptor, without a path memfd      a copy of it that lies in memory
 * only thread     from a thread that is not the first chroot     as "/" and its name, with its
 * directory as root
 */
#include <fcntl.h>
#include <libgen.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

static void exec_at(int fd, char **argv)
{
	syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
}

static void exec_copy(char **argv)
{
	int from = open(argv[0], O_RDONLY), to = memfd_create("copy", MFD_CLOEXEC);
	struct stat st;

	if (fstat(from, &st) == 0 && sendfile(to, from, NULL, (size_t)st.st_size) == st.st_size)
		exec_at(to, argv);
}

static void *exec_in_thread(void *data)
{
	char **argv = data;

	execv(argv[0], argv);
	return NULL;
}

static void exec_in_chroot(char **argv)
{
	char *directory = strdup(argv[0]), *name = strdup(argv[0]), path[256];

	snprintf(path, sizeof(path), "/%s", basename(name));
	if (chroot(dirname(directory)) == 0 && chdir("/") == 0)
		execv(path, argv);
}

int main(int argc, char **argv)
{
	const char *how = argc > 2 ? argv[1] : "";
	pthread_t thread;

	if (strcmp(how, "execveat") == 0)
		exec_at(open(argv[2], O_PATH | O_CLOEXEC), argv + 2);
	else if (strcmp(how, "memfd") == 0)
		exec_copy(argv + 2);
	else if (strcmp(how, "chroot") == 0)
		exec_in_chroot(argv + 2);
	else if (strcmp(how, "thread") == 0 &&
		 pthread_create(&thread, NULL, exec_in_thread, argv + 2) == 0)
		pthread_join(thread, NULL);
	perror("launch");
	return 127;
}
