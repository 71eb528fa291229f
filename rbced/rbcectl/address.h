/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets of the processes that keep containers. */
#ifndef RBCECTL_ADDRESS_H
#define RBCECTL_ADDRESS_H

#include <sys/un.h>

/*
 * The socket of KIND ("console") for the container NAME; -ENAMETOOLONG, -ENOENT where this user has
 * no place for it.
 */
int space_address(const char *root, const char *kind, const char *name, struct sockaddr_un *ret);

/* Listens there, in a directory that only this user may enter: a descriptor, or -errno. */
int space_listen(const struct sockaddr_un *address);
void space_unlisten(const struct sockaddr_un *address);

/* Those of the container NAME, whose keeper was killed. */
void space_forget(const char *root, const char *name);

/* Is the other side root or this user? */
int space_peer_may(int fd);

#endif
