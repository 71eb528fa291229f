// SPDX-License-Identifier: GPL-2.0-or-later
/* Going on as another program of the same place; see beside.h. */
#include "beside.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "log.h"
#include "util.h"

int run_beside(const char *name, char **argv)
{
	char path[PATH_MAX], *slash;
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	path[n > 0 ? n : 0] = '\0';
	slash = strrchr(path, '/');
	if (slash && strlen(name) < sizeof(path) - (size_t)(slash + 1 - path)) {
		stpcpy(slash + 1, name);
		execv(path, argv);
	}
	log_error("cannot run '%s': %s", slash ? path : name, strerror(errno));
	return EXIT_FAILURE;
}
