/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Digests against what disks and lines do to files. Who can change an image can change its manifest
 * too, so they are fast ones. Internal.
 */
#ifndef CORE_CHECKPOINT_DIGEST_H
#define CORE_CHECKPOINT_DIGEST_H

#include <stddef.h>
#include <stdint.h>

/* "xxh3:" and 128 bits in hexadecimal. */
enum { DIGEST_SIZE = 5 + 32 + 1 };

void digest_of(const void *data, size_t size, char *ret);

/* Piece by piece: NULL for want of memory. The end releases it. */
struct digest;
struct digest *digest_begin(void);
void digest_add(struct digest *digest, const void *data, size_t size);
void digest_end(struct digest *digest, char *ret);

/*
 * Adds what can be read of FD from *AT on, which moves; at most MAX bytes, 0 for all. PIECE is room
 * for DIGEST_PIECE bytes.
 */
enum { DIGEST_PIECE = 256 << 10 };
int digest_read(struct digest *digest, int fd, uint64_t *at, uint64_t max, void *piece);

/* Of what can be read of FD from its beginning; *RET_SIZE receives how much that is. */
int digest_file(int fd, char *ret, uint64_t *ret_size);

#endif
