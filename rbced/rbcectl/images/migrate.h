/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Both sides of a migration. */
#ifndef RBCECTL_MIGRATE_H
#define RBCECTL_MIGRATE_H

#include "checkpoint.h"
#include "peer.h"

/* The first file of the stream: what the container is, before its image is made. */
#define MIGRATE_DEFINITION "definition"

struct migrate_options {
	struct peer_files files;
	uint64_t patience; /* microseconds */
	bool once;
	struct checkpoint_wish wish;
};

/* Waits for containers, for ever or for one; the exit status. */
int migrate_receive(const char *root, const char *address, const struct migrate_options *options);

#endif
