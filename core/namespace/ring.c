// SPDX-License-Identifier: LGPL-2.1-or-later
/* The last bytes of a stream; see ring.h. */
#include "ring.h"

#include <errno.h>
#include <stdlib.h>

int ring_open(struct ring *ring, size_t size)
{
	*ring = (struct ring){.data = malloc(size), .size = size};
	return ring->data ? 0 : -ENOMEM;
}

void ring_close(struct ring *ring)
{
	free(ring->data);
	*ring = (struct ring){0};
}

size_t ring_room(const struct ring *ring, uint64_t at)
{
	return ring->size - (size_t)(ring->end - (at < ring->begin ? ring->begin : at));
}

const char *ring_at(const struct ring *ring, uint64_t *at, size_t *ret_n)
{
	size_t offset, n;

	if (*at < ring->begin)
		*at = ring->begin;
	offset = (size_t)(*at % ring->size);
	n = (size_t)(ring->end - *at);
	*ret_n = n < ring->size - offset ? n : ring->size - offset;
	return ring->data + offset;
}

char *ring_free(struct ring *ring, size_t *ret_n)
{
	size_t offset = (size_t)(ring->end % ring->size);

	*ret_n = ring->size - offset;
	return ring->data + offset;
}

void ring_add(struct ring *ring, size_t n)
{
	ring->end += n;
	if (ring->end - ring->begin > ring->size)
		ring->begin = ring->end - ring->size;
}

void ring_clear(struct ring *ring)
{
	ring->begin = ring->end;
}
