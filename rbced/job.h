/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jobs of a batch system: a container from `rbcectl job begin` to `rbcectl job end`, which stays
 * though it be empty meanwhile. A file in /run/rbce/ROOT.jobs says that it was begun, so that this
 * holds whether the daemon runs or not:
 *
 *   {"job": CONTAINER, "begin": SECONDS, "limits": {KEY: VALUE, ...}}
 *
 * At its end there is one in /run/rbce/ROOT.ended for the recorder: {"job", "begin", "end"} and
 * what it used, as in controllers/usage.h.
 */
#ifndef RBCED_JOB_H
#define RBCED_JOB_H

#include <limits.h>
#include <string.h>

#include "engine.h"
#include "runtime.h"

enum { JOB_PATH = PATH_MAX };

/* The file of the job in the container NAME, in a path of JOB_PATH bytes. Returns BUF. */
static inline char *job_path(const char *root, const char *name, char *buf)
{
	size_t n;

	runtime_path(root, "jobs", buf, JOB_PATH);
	n = strlen(buf);
	snprintf(buf + n, JOB_PATH - n, "/%s", name);
	/* A job's own name has none. */
	for (char *p = buf + n + 1; *p; p++)
		if (*p == '/')
			*p = '!';
	return buf;
}

/* Has such a job begun, and not ended? */
bool job_is_begun(const struct engine *engine, const char *name);

/* Is NAME such a job's container, or one in it? */
bool job_has(const struct engine *engine, const char *name);

/* Sets the limits that the job in C was begun with, over those of the rules; none for any other. */
int job_set_limits(struct engine *engine, struct rbce_container *c, struct rbce_error *err);

/* At the start: what runs in jobs stays there. */
void job_hold_all(struct engine *engine);

#endif
