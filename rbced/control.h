/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket: one SEQPACKET connection per request. The client sends one packet with a JSON
 * object {"verb": ..., arguments}; the reply is one JSON object, in as many packets as it needs,
 * and ends with the connection ("events" has no end: see stream.h; "run" has it with the job: see
 * run.h). A failure is {"error": "cannot ...: reason"}. Anyone may ask; only root may change, but
 * for "run".
 */
#ifndef RBCED_CONTROL_H
#define RBCED_CONTROL_H

#include <json-c/json.h>

#include "engine.h"

struct control;

/* Listens on PATH. Release with control_close(), which removes it. */
int control_open(struct engine *engine, const char *path, struct control **ret,
		 struct rbce_error *err);
struct control *control_close(struct control *control);

struct client; /* who asks */

/*
 * Carries out a request of the process PEER with effective user UID. Returns the reply, to be
 * released with json_object_put(); or NULL: control_reply() brings it later. In verbs.c.
 */
struct json_object *verbs_run(struct engine *engine, struct json_object *request, uid_t uid,
			      pid_t peer, struct client *client);

struct engine *control_engine(const struct client *client);

/*
 * A descriptor of its own for the connection of a client that gets no reply: the client goes, and
 * the connection stays. -errno. control_attach() takes that back.
 */
int control_detach(struct client *client);
void control_attach(struct client *client);

/* Sends a reply, which it takes, to a client that waits for one. */
void control_reply(struct client *client, struct json_object *reply);

#endif
