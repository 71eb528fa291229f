/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What rbced tells of its doings (`rbcectl events`) that belongs into the account: what it did when
 * a container ran out of memory, and penalties. Without a daemon nothing comes; it is looked for
 * again at each tick.
 */
#ifndef STATS_LISTEN_H
#define STATS_LISTEN_H

#include <stdint.h>
#include <systemd/sd-event.h>

/* One event; its texts are owned. */
struct told {
	struct told *next;
	int64_t time; /* ms since the epoch */
	char *event, *container, *action;
	char *detail; /* the whole line, JSON */
};
void told_free(struct told *told);

/* A line of the stream: 1 and a new *RET, 0 for one that is not for the account, -errno. */
int told_parse(const char *line, struct told **ret);

struct listener;

/* Gets each event, which is its own from then on. */
typedef void listener_fn(void *data, struct told *told);

/* ROOT is the root group's name; nothing is done before the first listener_look(). -ENOMEM. */
int listener_new(sd_event *loop, const char *root, listener_fn *function, void *data,
		 struct listener **ret);

/* Connects, where that is not so. */
void listener_look(struct listener *listener);

/* Takes NULL; returns NULL. */
struct listener *listener_free(struct listener *listener);

#endif
