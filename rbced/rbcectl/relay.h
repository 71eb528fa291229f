/* SPDX-License-Identifier: GPL-2.0-or-later */
/* This terminal stands for one of a container's. */
#ifndef RBCECTL_RELAY_H
#define RBCECTL_RELAY_H

#include <rbce/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

/* Are input and output a terminal? */
bool relay_is_terminal(void);

/* Nothing typed means anything here any more; the other puts it back. */
int relay_raw(struct termios *ret_before, struct rbce_error *err);
void relay_restore(const struct termios *before);

/* The terminal behind MASTER gets the size of this one. */
void relay_size(int master);

/* All of SIZE bytes; 0 or -errno. */
int relay_write(int fd, const char *data, size_t size);

/*
 * Waits for the process of PIDFD, hands signals on to it, and, where MASTER is not negative, what
 * is typed and shown. 0, or -errno.
 */
int relay_wait(int pidfd, int master, struct rbce_error *err);

#endif
