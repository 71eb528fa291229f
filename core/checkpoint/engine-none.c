// SPDX-License-Identifier: LGPL-2.1-or-later
/* In place of engine.c where CRIU's library was not there at build. */
#include "engine.h"

#include <errno.h>

int engine_version(char *buf, size_t size, struct rbce_error *err)
{
	(void)buf;
	(void)size;
	return rbce_error_set(err, -EOPNOTSUPP,
			      "cannot checkpoint or restore: this was built without CRIU");
}

int engine_run(const struct engine_job *job, pid_t *ret_pid, struct rbce_error *err)
{
	(void)job;
	(void)ret_pid;
	return engine_version(NULL, 0, err);
}

int engine_check(struct rbce_error *err)
{
	return engine_version(NULL, 0, err);
}
