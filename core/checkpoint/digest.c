// SPDX-License-Identifier: LGPL-2.1-or-later
/* Digests of files; see digest.h. */
#include "digest.h"

/*
 * Without vector registers, and built for that (core/build.mk): on a processor it is as fast as the
 * library with its 128 bits, which is bound by memory, and on one that is emulated ten times
 * faster.
 */
#define XXH_INLINE_ALL
#define XXH_VECTOR XXH_SCALAR
#include <xxhash.h>

#include "util.h"

static void print(XXH128_hash_t hash, char *ret)
{
	snprintf(ret, DIGEST_SIZE, "xxh3:%016llx%016llx", (unsigned long long)hash.high64,
		 (unsigned long long)hash.low64);
}

void digest_of(const void *data, size_t size, char *ret)
{
	print(XXH3_128bits(data, size), ret);
}

struct digest {
	XXH3_state_t *state;
};

struct digest *digest_begin(void)
{
	struct digest *digest = malloc(sizeof(*digest));

	if (digest && !(digest->state = XXH3_createState())) {
		free(digest);
		return NULL;
	}
	if (digest)
		XXH3_128bits_reset(digest->state);
	return digest;
}

void digest_add(struct digest *digest, const void *data, size_t size)
{
	XXH3_128bits_update(digest->state, data, size);
}

void digest_end(struct digest *digest, char *ret)
{
	print(XXH3_128bits_digest(digest->state), ret);
	XXH3_freeState(digest->state);
	free(digest);
}

int digest_read(struct digest *digest, int fd, uint64_t *at, uint64_t max, void *piece)
{
	uint64_t end = max ? *at + max : UINT64_MAX;

	while (*at < end) {
		size_t room = end - *at < DIGEST_PIECE ? (size_t)(end - *at) : DIGEST_PIECE;
		ssize_t n = pread(fd, piece, room, (off_t)*at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		digest_add(digest, piece, (size_t)n);
		*at += (uint64_t)n;
	}
	return 0;
}

int digest_file(int fd, char *ret, uint64_t *ret_size)
{
	cleanup_free char *piece = malloc(DIGEST_PIECE);
	struct digest *digest = piece ? digest_begin() : NULL;
	char text[DIGEST_SIZE];
	uint64_t size = 0;
	int r;

	if (!digest)
		return -ENOMEM;
	r = digest_read(digest, fd, &size, 0, piece);
	digest_end(digest, text);
	if (r < 0)
		return r;
	memcpy(ret, text, sizeof(text));
	*ret_size = size;
	return 0;
}
