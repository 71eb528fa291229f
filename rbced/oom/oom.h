/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is done when a container runs out of memory: the keys oom.* of its section.
 *
 *   v1   The kernel's own killer is off in the group (memory.oom_control); its tasks wait until
 *        there is memory again, and an eventfd tells of them.
 *   v2   Nothing holds the kernel's kill up. So memory.high is set a little below memory.max: from
 *        there on the kernel reclaims and, where that does not help, slows the tasks down, which
 *        leaves the time to act before memory.max is reached. memory.events tells of it.
 *   both Pressure (PSI) triggers, where the container has an oom.pressure.
 *
 * A thread of its own does it (handler.c). It takes no lock but its own, which nobody holds for
 * long, and allocates nothing: what it works with (containers, reports, programs to be run, its
 * stack) is reserved and locked before (memory.c), files that it reads and writes in a group are
 * kept open, what is read of processes goes to its stack. The loop is told what was done, and logs
 * and tells it.
 *
 * Grown limits, frozen containers and guards are kept in a file as well (journal.c), for a daemon
 * that starts again. All functions are called with the engine's lock.
 */
#ifndef RBCED_OOM_OOM_H
#define RBCED_OOM_OOM_H

#include <json-c/json.h>
#include <rbce/container.h>

#include "../engine.h"

struct oom;

/*
 * Opens engine->oom when rules or what a daemon before it left need it, and it is not there. In the
 * loop's thread, like the ones for the loop below; the others are for any. What is missing is
 * logged. Release with oom_close().
 */
void oom_open(struct engine *engine);

/* Gives the kernel back what is its own; limits that have grown and what is frozen stay. */
void oom_close(struct engine *engine);

/* By the rules in force: begins, changes or ends the watch over a container. */
void oom_watch(struct engine *engine, struct rbce_container *c);

/* The container is removed. */
void oom_forget(struct engine *engine, const char *name);

/*
 * Is another value than the rules' VALUE in force for the key, because the limit has grown? Then
 * VALUE is what it shrinks back to, and is not to be set now.
 */
bool oom_keeps(struct engine *engine, struct rbce_container *c, const char *key, const char *value);

/*
 * What a container that is frozen waits for: "kill-largest", "kill-newest", "kill-all", "grow" with
 * BY bytes, or "thaw".
 */
int oom_answer(struct engine *engine, const char *name, const char *answer, uint64_t by,
	       struct rbce_error *err);

/*
 * Runs PATH with the environment ENV ("NAME=VALUE"), a list that NULL ends, and waits for nothing.
 * False where too much runs already.
 */
bool oom_run(struct engine *engine, const char *path, const char *const *env);

/* What was done so far; the containers that are watched, one object each. */
void oom_put_status(const struct engine *engine, struct json_object *object);
void oom_put_containers(const struct engine *engine, struct json_object *array);

#endif
