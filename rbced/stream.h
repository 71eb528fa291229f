/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the daemon does, as it does it: lines of JSON for those who listen (`rbcectl events`).
 * Nobody is waited for. A listener that does not read misses lines, and is told how many.
 *
 * Every line has "time", in seconds since 1970, and "event":
 *   listening  the first one: "root", "source", "rules"
 *   decision   "outcome", "cause", "pid", "exe", "rule", "from", "to", "latency_us"; "why", "errno"
 *   loss       "lost", "total"           look      "cause", "tasks", "took_us"
 *   reload     "rules", or "error"       created, removed    "container"
 *   gate_miss  "pid", "program", "held_us"                   gate      "state"
 *   oom        "container", "action", "reason", "usage", "limit"; "pid", "comm", "size"; "status"
 *   penalty    "container", "action", "level", "limits", "seconds"
 *   missed     "lines" that this listener did not get
 */
#ifndef RBCED_STREAM_H
#define RBCED_STREAM_H

#include <json-c/json.h>

#include "engine.h"

/* Opens engine->stream. Release with stream_close(). */
int stream_open(struct engine *engine, struct rbce_error *err);
void stream_close(struct engine *engine);

/*
 * Another listener at the end of the connection FD, which is taken when 0 is returned; UID is its
 * user's. -EUSERS when there are too many.
 */
int stream_add(struct engine *engine, int fd, uid_t uid, struct rbce_error *err);

size_t stream_listeners(const struct engine *engine);

/* Those below may be called in any thread. Without it there is no use in making up a line. */
bool stream_is_heard(const struct engine *engine);

/* Sends FIELDS, an object that it takes. */
void stream_tell(struct engine *engine, const char *event, struct json_object *fields);

/* What came of a look at a task, where that is news. With the engine's lock. */
void stream_decision(struct engine *engine, const struct rbce_task *task, enum cause cause,
		     const struct decision *decision, uint64_t latency);

/* An event with one field; VALUE may be NULL. */
void stream_tell_text(struct engine *engine, const char *event, const char *key, const char *value);
void stream_tell_number(struct engine *engine, const char *event, const char *key, uint64_t value);

#endif
