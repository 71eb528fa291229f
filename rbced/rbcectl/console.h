/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The console of a container: what its keeper and `rbcectl console` say to each other. */
#ifndef RBCECTL_CONSOLE_H
#define RBCECTL_CONSOLE_H

#include <poll.h>
#include <rbce/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first packet of a client. */
enum console_wish {
	CONSOLE_LOG = 1,   /* what is kept, and no more */
	CONSOLE_READ = 2,  /* does not type */
	CONSOLE_TAKE = 4,  /* types in place of whoever did */
	CONSOLE_CLEAR = 8, /* what is kept is forgotten, after it was sent */
};
struct console_hello {
	uint32_t wishes;
};

/* The first byte of every other packet; data follows. */
enum {
	CONSOLE_DATA = 'd',   /* either way */
	CONSOLE_SIZE = 's',   /* from the client: a struct winsize */
	CONSOLE_WRITER = 'w', /* to the client: '1' it types from now on, '0' it does not */
	CONSOLE_END = 'e',    /* to the client: the container has ended, or nothing more is kept */
};
enum { CONSOLE_PACKET = 8192, CONSOLE_CLIENTS = 16 };

/* The socket of a container's console; -ENAMETOOLONG, -ENOENT where this user has no place for it.
 */
int console_address(const char *root, const char *name, void *ret_address, size_t size);

/* ---- the keeper's ---- */

struct console;

/* Takes MASTER over; SIZE bytes are kept. */
int console_open(const char *root, const char *name, int master, size_t size, struct console **ret,
		 struct rbce_error *err);

/* Fills FDS (room for CONSOLE_CLIENTS + 2); how many. Then, after poll(2), does what is to do. */
size_t console_poll(struct console *console, struct pollfd *fds);
void console_run(struct console *console, const struct pollfd *fds, size_t n);

/* How long poll(2) may wait, in milliseconds; -1 for ever. */
int console_patience(const struct console *console);

/* The container has ended: sends what is there, and takes the socket away. Takes NULL. */
void console_close(struct console *console);

#endif
