/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is told of each tick to those who watch (server-sent events): made once, however many watch.
 */
#ifndef STATS_SERVE_LIVE_H
#define STATS_SERVE_LIVE_H

#include <stddef.h>

#include "answer.h"

/* Shared by those who are sent it. */
struct frame {
	unsigned references;
	size_t size;
	char *text;
};
struct frame *frame_free(struct frame *frame); /* one reference less; NULL */

/* Whoever came after another keeps where it had got to. */
struct live {
	const struct server *server;
	uint64_t version; /* of the database when it was looked at last */
	int64_t tick;     /* ms, the newest one that was told */
};

/* 1 and a new frame when there is something to tell, else 0, or -errno. */
int live_look(struct live *live, struct frame **ret);

/* What keeps a connection from looking dead; what a new one begins with. */
struct frame *live_comment(void);

#endif
