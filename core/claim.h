/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who makes, keeps and removes a container at the same time as others. Internal.
 *
 * Between the making of its groups and its first task a container looks like one that nobody needs.
 * While a claim is in the making, rbce_container_remove() of the container or of one above it is
 * refused (-EBUSY), and a claim waits for a removal that has begun. A container has one claim at a
 * time: who keeps it to its end holds it, and takes away what is no other's.
 *
 * The locks are ranges of one file, /run/rbce/lock for root and /run/user/UID/rbce-lock for others,
 * so that nothing is left of any of them, however its owner ends. Where there is no such place,
 * nothing is locked.
 */
#ifndef CORE_CLAIM_H
#define CORE_CLAIM_H

#include <rbce/container.h>

struct claim {
	int fd;      /* -1 where nothing is locked */
	off_t place; /* of the container in the file */
};

/* How long who keeps a container may take to take it away, when it has ended. */
enum { CLAIM_MS = 5000 };

/* Waits so long for one who takes NAME away, then -EBUSY. In the making until claim_made(). */
int claim_make(const struct rbce_hierarchy *h, const char *name, struct claim *ret);

/* Its first task stands in it. */
void claim_made(struct claim *claim);

/* To take away what somebody left who was killed: -EBUSY where after PATIENCE ms one keeps it. */
int claim_keep(const struct rbce_hierarchy *h, const char *name, int patience_ms,
	       struct claim *ret);

/* A removal: waits for another one, and a moment for who makes it; then -EBUSY. */
int claim_remove(const struct rbce_hierarchy *h, const char *name, struct claim *ret);

void claim_let_go(struct claim *claim);

#endif
