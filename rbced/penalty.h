/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Penalties: a container that uses more than its section's `penalty` allows, for long enough, gets
 * lower limits for a time. When that is over it has its own limits back and is on probation for as
 * long again: using too much once more in that time brings it to the next level, and without that
 * it falls back by one. Time over the limit counts up, time under it counts down.
 *
 * All is done in the engine's loop, with its lock. What there is is kept in a file, so that a
 * daemon that starts again goes on with it.
 */
#ifndef RBCED_PENALTY_H
#define RBCED_PENALTY_H

#include <controllers/penalty.h>
#include <json-c/json.h>
#include <rbce/container.h>

#include "engine.h"

enum penalty_phase { PENALTY_FREE, PENALTY_HELD, PENALTY_PROBATION };

/* Where a container stands; times of CLOCK_BOOTTIME in microseconds. */
struct penalty_state {
	enum penalty_phase phase;
	size_t level; /* from 1; 0 while it is free */
	uint64_t until;
	uint64_t over; /* time over the limit */
	uint64_t last; /* look; 0 before the first */
};

enum penalty_change { PENALTY_SAME, PENALTY_RAISED, PENALTY_LIFTED, PENALTY_DECAYED };

/* So much was used since the last look. */
enum penalty_change penalty_step(const struct penalty *penalty, struct penalty_state *state,
				 uint64_t now, uint64_t use);

/* Opens engine->penalties when rules need it; what is wrong is logged. Not for the gate's thread.
 */
void penalty_open(struct engine *engine);
void penalty_close(struct engine *engine);

/* By the rules in force: begins, changes or ends the watch over a container. */
void penalty_watch(struct engine *engine, struct rbce_container *c);
void penalty_forget(struct engine *engine, const char *name);

/* Is another value than VALUE in force? Then that is what it goes back to, and not to be set now.
 */
bool penalty_keeps(struct engine *engine, const char *name, const char *key, const char *value);

/* Sets a container free. */
int penalty_lift(struct engine *engine, const char *name, struct rbce_error *err);

void penalty_put_status(const struct engine *engine, struct json_object *object);
void penalty_put_containers(const struct engine *engine, struct json_object *array);

#endif
