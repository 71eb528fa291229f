// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * entrant FOLDER FILE: spins until the control group FOLDER/PID, of its own pid, has a task, which
 * is this very process, and prints what FILE there says at that moment.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* Reads all of PATH; "" where it cannot be read. */
static void read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, size - 1);

	buf[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	char procs[4096], file[4096], text[64] = "";

	if (argc != 3)
		return 2;
	snprintf(procs, sizeof(procs), "%s/%d/cgroup.procs", argv[1], getpid());
	snprintf(file, sizeof(file), "%s/%d/%s", argv[1], getpid(), argv[2]);
	while (!*text)
		read_file(procs, text, sizeof(text));
	read_file(file, text, sizeof(text));
	fputs(text, stdout);
	return 0;
}
