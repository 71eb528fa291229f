/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the server gives up before it reads its first request. */
#ifndef STATS_SERVE_JAIL_H
#define STATS_SERVE_JAIL_H

#include <rbce/error.h>

/*
 * Becomes USER, where this is root; NULL: the owner of the database at PATH, or nobody where that
 * is root. All capabilities go, and whatever gives new ones.
 */
int jail_drop(const char *user, const char *path, struct rbce_error *err);

/* From now on it may read files, and talk to whoever connects; nothing else. */
int jail_close(struct rbce_error *err);

#endif
