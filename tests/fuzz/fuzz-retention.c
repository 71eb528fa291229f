// SPDX-License-Identifier: GPL-2.0-or-later
/* Any text as stats.conf: read whole, or refused with the line of its first mistake. */
#include <errno.h>
#include <stats/store/retention.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rbce_error err = {0};
	struct retention retention;
	char path[64];
	int fd = memfd_create("stats.conf", MFD_CLOEXEC), r;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = retention_read(&retention, path, &err);
	close(fd);
	if (r != 0 && (r != -EINVAL || strncmp(err.message, path, strlen(path)) != 0))
		abort();
	for (int i = 0; r == 0 && i < RETENTION_KEYS; i++)
		if (retention.keep[i] < 1)
			abort();
	return 0;
}
