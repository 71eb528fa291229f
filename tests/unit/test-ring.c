// SPDX-License-Identifier: GPL-2.0-or-later
/* The last bytes of a stream. */
#include <core/namespace/ring.h>

#include "harness.h"

static void put(struct ring *ring, const char *text)
{
	while (*text) {
		size_t n;
		char *to = ring_free(ring, &n);

		n = n < strlen(text) ? n : strlen(text);
		memcpy(to, text, n);
		ring_add(ring, n);
		text += n;
	}
}

static char *all(struct ring *ring, uint64_t at, char *buf)
{
	size_t n, used = 0;
	const char *data;

	while ((data = ring_at(ring, &at, &n)), n) {
		memcpy(buf + used, data, n);
		used += n;
		at += n;
	}
	buf[used] = '\0';
	return buf;
}

START_TEST(last_bytes)
{
	struct ring ring;
	char buf[16];

	ck_assert_int_eq(ring_open(&ring, 8), 0);
	ck_assert_str_eq(all(&ring, 0, buf), "");
	put(&ring, "abc");
	ck_assert_str_eq(all(&ring, 0, buf), "abc");
	ck_assert_str_eq(all(&ring, 2, buf), "c");
	put(&ring, "defgh");
	ck_assert_str_eq(all(&ring, 0, buf), "abcdefgh");
	put(&ring, "ij");
	ck_assert_str_eq(all(&ring, 0, buf), "cdefghij");
	ck_assert_str_eq(all(&ring, 9, buf), "j");
	put(&ring, "0123456789012345678901");
	ck_assert_str_eq(all(&ring, 0, buf), "45678901");
	ring_clear(&ring);
	ck_assert_str_eq(all(&ring, 0, buf), "");
	put(&ring, "xy");
	ck_assert_str_eq(all(&ring, 0, buf), "xy");
	ring_close(&ring);
}
END_TEST

START_TEST(room)
{
	struct ring ring;

	ck_assert_int_eq(ring_open(&ring, 8), 0);
	put(&ring, "abc");
	ck_assert_uint_eq(ring_room(&ring, 0), 5);
	ck_assert_uint_eq(ring_room(&ring, 3), 8);
	put(&ring, "defghijk");
	/* What is lost waits for nobody. */
	ck_assert_uint_eq(ring_room(&ring, 0), 0);
	ck_assert_uint_eq(ring_room(&ring, 9), 6);
	ring_close(&ring);
}
END_TEST

int main(void)
{
	return harness_run("ring", (const TTest *const[]){last_bytes, room, NULL});
}
