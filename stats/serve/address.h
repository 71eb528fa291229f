/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the server listens: "127.0.0.1:8787", "[::1]:8787", "unix:/run/rbce/stats.sock". */
#ifndef STATS_SERVE_ADDRESS_H
#define STATS_SERVE_ADDRESS_H

#include <rbce/error.h>
#include <stdbool.h>

struct address {
	int fd;          /* listening, non-blocking */
	bool local;      /* nobody from another machine gets there */
	bool path;       /* a socket in the file system */
	char shown[128]; /* "127.0.0.1:8787", with the port that it got */
};

/* -EINVAL for what is no address; else why it cannot listen there. Close the descriptor. */
int address_listen(const char *text, struct address *ret, struct rbce_error *err);

/* The one that systemd listens on for us (sd_listen_fds(3)): 1, or 0 where there is none. */
int address_inherit(struct address *ret, struct rbce_error *err);

#endif
