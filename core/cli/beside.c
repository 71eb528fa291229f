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
	/* Where it is built, and where it is installed: a command by itself it is not. */
	static const char *const places[] = {"", "../libexec/rbce/"};
	char path[PATH_MAX], *end;
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	path[n > 0 ? n : 0] = '\0';
	end = strrchr(path, '/');
	for (size_t i = 0; end && i < ARRAY_SIZE(places); i++) {
		snprintf(end + 1, sizeof(path) - (size_t)(end + 1 - path), "%s%s", places[i], name);
		execv(path, argv);
	}
	log_error("cannot run '%s': %s", end ? path : name, strerror(errno));
	return EXIT_FAILURE;
}
