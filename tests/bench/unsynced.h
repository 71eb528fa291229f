/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For programs that write a month in a minute, and keep nothing: the disk is not waited for. */
#ifndef TESTS_BENCH_UNSYNCED_H
#define TESTS_BENCH_UNSYNCED_H

#include <unistd.h>

/* As SQLite's library finds it. */
int fdatasync(int fd)
{
	(void)fd;
	return 0;
}

#endif
