/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The last bytes of a stream, for several readers at places of their own. A place is how many bytes
 * of the stream came before it. Internal.
 */
#ifndef CORE_NAMESPACE_RING_H
#define CORE_NAMESPACE_RING_H

#include <stddef.h>
#include <stdint.h>

struct ring {
	char *data;
	size_t size;
	uint64_t begin, end; /* places of the first byte that is kept and of the next to come */
};

/* 0 or -ENOMEM. */
int ring_open(struct ring *ring, size_t size);
void ring_close(struct ring *ring);

/* Bytes that may come until the one at place AT is lost. */
size_t ring_room(const struct ring *ring, uint64_t at);

/* What lies together at AT: *RET_N bytes, 0 at the end. A place that is lost becomes the first. */
const char *ring_at(const struct ring *ring, uint64_t *at, size_t *ret_n);

/* Where the next bytes go: at most *RET_N together; then N of them count. */
char *ring_free(struct ring *ring, size_t *ret_n);
void ring_add(struct ring *ring, size_t n);

/* What is kept is forgotten. */
void ring_clear(struct ring *ring);

#endif
