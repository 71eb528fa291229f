/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the server answers to a request: who may ask, which path is whose, and the API's frame for
 * what stands in api.c. A function of the request and the database; no sockets.
 */
#ifndef STATS_SERVE_ANSWER_H
#define STATS_SERVE_ANSWER_H

#include <rbce/error.h>
#include <sqlite3.h>
#include <stdint.h>

#include "reader.h"
#include "reply.h"
#include "request.h"

enum { SESSION_SIZE = 65, TOKEN_LEAST = 16 };

struct server {
	struct reader *reader;
	uint64_t instance;          /* a number of this process, for tags that no other one gave */
	const char *const *hosts;   /* names beside localhost and addresses that it is called by */
	size_t n_hosts;             /* ... */
	bool any_host;              /* on a unix socket no page of another site can reach it */
	bool tls;                   /* it is https */
	const char *token;          /* NULL: anybody may ask */
	char session[SESSION_SIZE]; /* what a browser that showed the token sends instead */
	size_t scrape_containers;   /* so many at most in /metrics */
};

/* A question to the API while it is answered. */
struct question {
	const struct server *server;
	const struct request *request;
	sqlite3 *db; /* NULL while there is no database, or nothing in it */
	int64_t now; /* ms since the epoch, as all times */
	int64_t from, until;
	bool relative; /* the answer is another one later, though nothing was written */
	struct rbce_error err;
};

/* Always fills REPLY, which is zeroed before; release with reply_done(). */
void answer(const struct server *server, const struct request *request, struct reply *reply);

/* The answer to what could not even be parsed, RESULT being what request_parse() said. */
void answer_malformed(int result, struct reply *reply);

#endif
