/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jobs that users ask for (`ulimitx run`): a container below the one that the asking process stands
 * in, where the key `jobs` of the rules lets its user. So nothing that holds there is got rid of,
 * and only keys are taken that lower what is allowed above.
 *
 * The connection is the job's leash: as long as the other side keeps it, the job is there. When it
 * says that it has ended, or is gone, what is left of the job is killed and its container removed;
 * then the daemon closes its side.
 */
#ifndef RBCED_RUN_H
#define RBCED_RUN_H

#include <json-c/json.h>

#include "engine.h"

/*
 * The container of a new job that TASK of user UID asks for, with its LIMITS ({"memory.max": "1G"};
 * NULL for none): its name, a new string. -EPERM when the rules do not let it, -EUSERS when there
 * are too many, or why a limit cannot be set; then there is no container.
 */
int run_begin(struct engine *engine, const struct rbce_task *task, uid_t uid,
	      struct json_object *limits, char **ret, struct rbce_error *err);

/* May user UID end the job in container NAME, whose leash was another daemon's? 0 or -EPERM. */
int run_check_end(const struct engine *engine, const char *name, uid_t uid, struct rbce_error *err);

/*
 * The job in container NAME lasts as long as the connection FD, which is taken, also on failure:
 * then it ends at once.
 */
int run_keep(struct engine *engine, const char *name, uid_t uid, int fd, struct rbce_error *err);

/* The daemon ends, and the jobs stay: the next one finds their containers. */
void run_close(struct engine *engine);

#endif
