// SPDX-License-Identifier: LGPL-2.1-or-later
/* Digests of files; see digest.h. */
#include "digest.h"

#include <xxhash.h>

#include "util.h"

enum { PIECE = 1 << 20 };

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

int digest_file(int fd, char *ret, uint64_t *ret_size)
{
	cleanup_free char *piece = malloc(PIECE);
	struct digest *digest = piece ? digest_begin() : NULL;
	char text[DIGEST_SIZE];
	uint64_t size = 0;
	ssize_t n;

	if (!digest)
		return -ENOMEM;
	while ((n = pread(fd, piece, PIECE, (off_t)size)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			n = -errno;
			break;
		}
		digest_add(digest, piece, (size_t)n);
		size += (uint64_t)n;
	}
	digest_end(digest, text);
	if (n < 0)
		return (int)n;
	memcpy(ret, text, sizeof(text));
	*ret_size = size;
	return 0;
}
