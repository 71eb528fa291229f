/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A request to the server as text: what it asks for, taken apart and checked. Nothing here knows of
 * sockets, so that a test can ask anything.
 */
#ifndef STATS_SERVE_REQUEST_H
#define STATS_SERVE_REQUEST_H

#include <stddef.h>

/* The headers that are looked at. */
enum request_header {
	HEADER_HOST,
	HEADER_ORIGIN,
	HEADER_AUTHORIZATION,
	HEADER_COOKIE,
	HEADER_ACCEPT,
	HEADER_ACCEPT_ENCODING,
	HEADER_IF_NONE_MATCH,
	HEADER_FETCH_SITE,
	HEADER_FETCH_MODE,
};
enum { REQUEST_HEADERS = HEADER_FETCH_MODE + 1 };
extern const char *const request_headers[REQUEST_HEADERS];

/* So many arguments, and so long a path with them. */
enum { REQUEST_ARGS_MAX = 64, REQUEST_TARGET_MAX = 8192 };

struct request_arg {
	const char *name, *value;
};

struct request {
	const char *method;                  /* the caller's, as the headers */
	const char *header[REQUEST_HEADERS]; /* NULL: not sent */
	const char *path;                    /* decoded */
	struct request_arg arg[REQUEST_ARGS_MAX];
	size_t n_args;
	char *text; /* what path and arguments lie in */
};

/*
 * Takes TARGET apart ("/api/v1/series?metric=cpu_seconds"), %XX and + decoded. -EINVAL where it is
 * malformed or has control characters or bytes that are no UTF-8, -E2BIG, -ENOMEM. Release with
 * request_done(), whatever it returned.
 */
int request_parse(struct request *r, const char *target);
void request_done(struct request *r);

/* The NTH argument of that name, or NULL. */
const char *request_arg(const struct request *r, const char *name, size_t nth);

#endif
