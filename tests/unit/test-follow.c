// SPDX-License-Identifier: GPL-2.0-or-later
/* core/checkpoint/follow.c: digests of files that are still written. */
#include <limits.h>
#include <sched.h>

#include "checkpoint/digest.h"
#include "checkpoint/follow.h"
#include "harness.h"
#include "util.h"

enum { PIECE = 100000, PIECES = 40, WAIT_MS = 20000 };

static char dir[PATH_MAX];

static bool one_processor(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) == 1;
}

/* PIECES, with something else in each, of a file in the directory. */
static void write_pieces(int fd, int from)
{
	static char piece[PIECE];

	for (int i = from; i < from + PIECES; i++) {
		memset(piece, i, sizeof(piece));
		ck_assert_int_eq(write(fd, piece, sizeof(piece)), PIECE);
	}
}

/* What it has of NAME, when it has begun with it. */
static struct digest *take(struct follow *follow, const char *name, uint64_t *ret_done)
{
	for (int i = 0; i < WAIT_MS; i++) {
		struct digest *digest = follow_take(follow, name, ret_done);

		if (digest)
			return digest;
		usleep(1000);
	}
	return NULL;
}

START_TEST(while_it_grows)
{
	char whole[DIGEST_SIZE], parts[DIGEST_SIZE], *piece = malloc(DIGEST_PIECE);
	int dirfd = open(harness_directory(dir), O_RDONLY | O_DIRECTORY), fd, other;
	struct follow *follow = follow_start(true);
	uint64_t done = 0, size = 0;
	struct digest *digest;

	if (!follow) {
		ck_assert(one_processor());
		free(piece);
		close(dirfd);
		harness_remove_tree(dir);
		harness_skip("there is one processor, which the engine has");
	}
	follow_watch(follow, dirfd, "pre-1");
	follow_watch(follow, dirfd, "pre-1");
	other = openat(dirfd, "core-1.img", O_RDWR | O_CREAT, 0600);
	fd = openat(dirfd, "pages-1.img", O_RDWR | O_CREAT, 0600);
	write_pieces(fd, 0);
	usleep(200000);
	digest = take(follow, "pre-1/pages-1.img", &done);
	ck_assert_ptr_nonnull(digest);
	/* Once only, and no other file. */
	ck_assert_ptr_null(follow_take(follow, "pre-1/pages-1.img", &size));
	ck_assert_ptr_null(follow_take(follow, "pre-1/core-1.img", &size));
	ck_assert_uint_gt(done, 0);
	ck_assert_uint_le(done, (uint64_t)PIECE * PIECES);
	write_pieces(fd, 1);
	ck_assert_int_eq(digest_read(digest, fd, &done, 0, piece), 0);
	digest_end(digest, parts);
	ck_assert_int_eq(digest_file(fd, whole, &size), 0);
	ck_assert_uint_eq(done, size);
	ck_assert_str_eq(parts, whole);
	/* What nobody takes goes with it. */
	write_pieces(openat(dirfd, "pages-2.img", O_RDWR | O_CREAT, 0600), 2);
	ck_assert_ptr_null(follow_stop(follow));
	close(other);
	close(fd);
	close(dirfd);
	free(piece);
	harness_remove_tree(dir);
}
END_TEST

START_TEST(nobody_follows)
{
	uint64_t done;

	follow_watch(NULL, -1, "");
	ck_assert_ptr_null(follow_take(NULL, "pages-1.img", &done));
	ck_assert_ptr_null(follow_stop(NULL));
}
END_TEST

int main(void)
{
	return harness_run("follow", (const TTest *const[]){while_it_grows, nobody_follows, NULL});
}
