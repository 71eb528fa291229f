// SPDX-License-Identifier: LGPL-2.1-or-later
/* In place of engine.c where CRIU's library was not there at build. */
#include "engine.h"

#include <errno.h>

int engine_find(char *buf, size_t size, struct rbce_error *err)
{
	(void)buf;
	(void)size;
	return rbce_error_set(err, -EOPNOTSUPP,
			      "cannot checkpoint or restore: this was built without CRIU");
}

int engine_start(int keep, int pages, struct engine *ret, struct rbce_error *err)
{
	(void)keep;
	(void)pages;
	*ret = (struct engine){0};
	return engine_find(NULL, 0, err);
}

int engine_version(struct engine *e, char *buf, size_t size, struct rbce_error *err)
{
	(void)e;
	return engine_find(buf, size, err);
}

int engine_ask(struct engine *e, const struct engine_job *job, struct rbce_error *err)
{
	(void)e;
	(void)job;
	return engine_find(NULL, 0, err);
}

int engine_hear(struct engine *e, const struct engine_job *job, pid_t *ret_pid,
		struct rbce_error *err)
{
	(void)ret_pid;
	return engine_ask(e, job, err);
}

void engine_stop(struct engine *e)
{
	(void)e;
}

int engine_restore(const struct engine_job *job, pid_t *ret_pid, struct rbce_error *err)
{
	(void)job;
	(void)ret_pid;
	return engine_find(NULL, 0, err);
}

int engine_bring(const char *dir, const char *work, int socket, pid_t *ret_pid,
		 struct rbce_error *err)
{
	(void)dir;
	(void)work;
	(void)socket;
	(void)ret_pid;
	return engine_find(NULL, 0, err);
}

int engine_check(struct rbce_error *err)
{
	return engine_find(NULL, 0, err);
}
