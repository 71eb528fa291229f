/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The gate: programs are held at the door (fanotify(7), FAN_OPEN_EXEC_PERM) until their task stands
 * in its container, so that the first instruction runs there. The source of events goes on beside
 * it, for what is not held and for what only shows when the program runs.
 *
 * Three take part, and nobody waits for them longer than the deadline:
 *   gate.c       a thread that reads the events, has the engine decide and move, and answers
 *   marks.c      in the main thread: which programs are held
 *   watchdog.c   a process that answers when the daemon is stopped, stuck or gone
 *
 * Whatever fails, the daemon goes on without the gate, and log and status say why.
 */
#ifndef RBCED_GATE_GATE_H
#define RBCED_GATE_GATE_H

#include <json-c/json.h>

#include "../engine.h"

/* Opens the gate that the options ask for, as engine->gate, which stays NULL where they ask for
 * none. Called without the lock, as gate_close() is. */
void gate_open(struct engine *engine);
void gate_close(struct engine *engine);

/* engine->rules has changed; the old ones are still there, and are not used any more on return.
 * Takes NULL, as the next one does. */
void gate_rules_changed(struct gate *gate);

/* What it is doing, as fields of OBJECT. */
void gate_put_status(struct gate *gate, struct json_object *object);

#endif
