/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the server answers: a status, headers, a body. */
#ifndef STATS_SERVE_REPLY_H
#define STATS_SERVE_REPLY_H

#include <stdbool.h>
#include <stdio.h>

/* The text that a stream (server-sent events) tells of each tick is made elsewhere: stream.h. */
struct reply {
	unsigned status;
	const char *type;
	char *body; /* of `size` bytes; freed with the reply if `owned` */
	size_t size;
	bool owned, gzipped, stream;
	char etag[64]; /* "" for none, else with its quotes */
	const char *allow;
	char cookie[128];
};

#define TYPE_JSON "application/json"

/* The whole of what FILE, from open_memstream() on BODY and SIZE, got: closes it. */
int reply_finish(struct reply *r, FILE *file, const char *type);

/* {"error": "..."} */
__attribute__((format(printf, 3, 4))) void reply_error(struct reply *r, unsigned status,
						       const char *format, ...);

/* Packs the body, where that makes it smaller. */
void reply_gzip(struct reply *r);

void reply_done(struct reply *r);

#endif
