/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HTTP, by libmicrohttpd in the program's own loop: connections and their bounds. What is answered
 * stands in answer.h.
 */
#ifndef STATS_SERVE_HTTP_H
#define STATS_SERVE_HTTP_H

#include <systemd/sd-event.h>

#include "answer.h"

struct http;

struct http_options {
	const struct server *server;
	int fd;            /* listening; http_close() closes it */
	uint64_t patience; /* usec, whole seconds; an exchange that takes longer is ended */
	const char *certificate, *key; /* PEM; NULL for no TLS */
};

int http_open(sd_event *loop, const struct http_options *options, struct http **ret,
	      struct rbce_error *err);
struct http *http_close(struct http *http);

#endif
