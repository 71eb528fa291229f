// SPDX-License-Identifier: GPL-2.0-or-later
/* core/checkpoint/digest.c: the same digest whichever way what is in a file is come by. */
#include <fcntl.h>
#include <sys/mman.h>

#include "checkpoint/digest.h"
#include "harness.h"
#include "util.h"

static const size_t sizes[] = {
	0, 1, 4095, 4096, 4097, 70001, DIGEST_PIECE, DIGEST_PIECE + 1, 3 * DIGEST_PIECE + 12345,
};

static int make_file(char *data, size_t size)
{
	int fd = memfd_create("digest", MFD_CLOEXEC);

	for (size_t i = 0; i < size; i++)
		data[i] = (char)(i * 31 + i / 251);
	ck_assert_int_eq(write(fd, data, size), (ssize_t)size);
	return fd;
}

static void compare_ways(size_t all)
{
	char *data = malloc(all + 1), wanted[DIGEST_SIZE], got[DIGEST_SIZE];
	char *piece = malloc(DIGEST_PIECE);
	int fd = make_file(data, all);
	struct digest *digest;
	uint64_t size = 1;

	digest_of(data, all, wanted);
	ck_assert_int_eq(digest_file(fd, got, &size), 0);
	ck_assert_uint_eq(size, all);
	ck_assert_str_eq(got, wanted);
	/* A part that ends within a page, then what is left. */
	digest = digest_begin();
	size = 0;
	ck_assert_int_eq(digest_read(digest, fd, &size, 5001, piece), 0);
	ck_assert_uint_eq(size, all < 5001 ? all : 5001);
	ck_assert_int_eq(digest_read(digest, fd, &size, 0, piece), 0);
	ck_assert_uint_eq(size, all);
	digest_end(digest, got);
	ck_assert_str_eq(got, wanted);
	free(piece);
	close(fd);
	free(data);
}

START_TEST(every_way)
{
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		compare_ways(sizes[i]);
}
END_TEST

START_TEST(what_cannot_be_read)
{
	int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char text[DIGEST_SIZE] = "as it was";
	uint64_t size = 17;

	ck_assert_int_eq(digest_file(fd, text, &size), -EISDIR);
	ck_assert_uint_eq(size, 17);
	ck_assert_str_eq(text, "as it was");
	close(fd);
}
END_TEST

int main(void)
{
	return harness_run("digest", (const TTest *const[]){every_way, what_cannot_be_read, NULL});
}
