// SPDX-License-Identifier: GPL-2.0-or-later
/* In place of peer.c where this is built without GnuTLS. */
#include <errno.h>

#include "peer.h"

static int none(struct rbce_error *err)
{
	return rbce_error_set(err, -EOPNOTSUPP, "this is built without TLS");
}

int peer_connect(const struct peer_files *files, const char *address, struct peer **ret,
		 struct rbce_error *err)
{
	(void)files;
	(void)address;
	(void)ret;
	return none(err);
}

int peer_listen(const char *address, int *ret, struct rbce_error *err)
{
	(void)address;
	(void)ret;
	return none(err);
}

int peer_accept(const struct peer_files *files, int fd, struct peer **ret, struct rbce_error *err)
{
	(void)files;
	(void)fd;
	(void)ret;
	return none(err);
}

const char *peer_name(const struct peer *peer)
{
	(void)peer;
	return "";
}

void peer_patience(struct peer *peer, uint64_t usec)
{
	(void)peer;
	(void)usec;
}

struct rbce_stream peer_stream(struct peer *peer)
{
	return (struct rbce_stream){.data = peer};
}

int peer_say(struct peer *peer, struct rbce_error *err, const char *format, ...)
{
	(void)peer;
	(void)format;
	return none(err);
}

int peer_hear(struct peer *peer, char *buf, size_t size, struct rbce_error *err)
{
	(void)peer;
	(void)buf;
	(void)size;
	return none(err);
}

void peer_close(struct peer *peer)
{
	(void)peer;
}

bool peer_spoke(const struct peer *peer)
{
	(void)peer;
	return false;
}
