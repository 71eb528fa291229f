/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What rbced tells of its doings (`rbcectl events`) that belongs into the account: moves,
 * containers made and removed, what it did when one ran out of memory, penalties, and what it
 * missed. Without a daemon nothing comes; it is looked for again at each tick.
 */
#ifndef STATS_LISTEN_H
#define STATS_LISTEN_H

#include <core/cli/json.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "util.h"

/* One event; its texts are owned. */
struct told {
	struct told *next;
	int64_t time; /* ms since the epoch */
	int64_t pid;  /* 0 where it is not about one */
	char *event, *container, *action;
	char *detail; /* the whole line, JSON */
};
void told_free(struct told *told);

/* A line of the stream: 1 and a new *RET, 0 for one that is not for the account, -errno. */
int told_parse(const char *line, struct told **ret);

/* A text of a line, NULL where it has none of that name. */
const char *told_text(struct json_object *object, const char *key);

/* Where rbced has what it shares (rbced.8): slashes of the root's name are dashes. */
void listener_path(const char *root, const char *suffix, char *buf, size_t size);

struct listener;

/* Gets each event, which is its own from then on. */
typedef void listener_fn(void *data, struct told *told);

/* ROOT is the root group's name; nothing is done before the first listener_look(). -ENOMEM. */
int listener_new(sd_event *loop, const char *root, listener_fn *function, void *data,
		 struct listener **ret);

/* Gets each line as it comes, whatever it tells. */
typedef void listener_line_fn(void *data, const char *line);
void listener_watch(struct listener *listener, listener_line_fn *function, void *data);

/* Takes what has come, without waiting. */
void listener_drain(struct listener *listener);

/* Connects, where that is not so. */
void listener_look(struct listener *listener);

/* Takes NULL; returns NULL. */
struct listener *listener_free(struct listener *listener);

#endif
