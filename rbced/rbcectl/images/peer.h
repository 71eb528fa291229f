/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A peer over TLS: both sides show a certificate of an authority that both trust. */
#ifndef RBCECTL_PEER_H
#define RBCECTL_PEER_H

#include <rbce/checkpoint.h>

struct peer;

/* PEM files. */
struct peer_files {
	const char *cert, *key, *authority;
};

/* "HOST:PORT" or "[HOST]:PORT"; the host's name, or address, has to stand in its certificate. */
int peer_connect(const struct peer_files *files, const char *address, struct peer **ret,
		 struct rbce_error *err);

/* A listening socket; one of the connections to it, which is the peer's on success. */
int peer_listen(const char *address, int *ret, struct rbce_error *err);
int peer_accept(const struct peer_files *files, int fd, struct peer **ret, struct rbce_error *err);

/* The subject of its certificate, or its address while there is none. */
const char *peer_name(const struct peer *peer);

/* Nothing may take longer than that, to begin with 10 s. */
void peer_patience(struct peer *peer, uint64_t usec);
uint64_t peer_patience_of(const struct peer *peer);

struct rbce_stream peer_stream(struct peer *peer);

/* A line of text; what is heard is cut off at SIZE. */
__attribute__((format(printf, 3, 4))) int peer_say(struct peer *peer, struct rbce_error *err,
						   const char *format, ...);
int peer_hear(struct peer *peer, char *buf, size_t size, struct rbce_error *err);

/*
 * Carries what comes at the socket FD to the other side, which does the same, and what comes from
 * there to FD, until both sides have heard the ends of what is said.
 */
int peer_relay(struct peer *peer, int fd, struct rbce_error *err);

/* Has it said something that was not heard? */
bool peer_spoke(const struct peer *peer);

/* NULL for none. */
void peer_close(struct peer *peer);

#endif
