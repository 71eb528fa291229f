// SPDX-License-Identifier: GPL-2.0-or-later
/* core/limits.c: a bulk read allocates nothing, as this program's own malloc() and so on see it. */
#include <rbce/limits.h>
#include <stdbool.h>

#include "harness.h"

enum { ITEMS = 256 };

#ifndef __SANITIZE_ADDRESS__
extern void *__libc_malloc(size_t size), *__libc_calloc(size_t n, size_t size),
	*__libc_realloc(void *old, size_t size), *__libc_memalign(size_t alignment, size_t size);

static bool counts;
static size_t count;

void *malloc(size_t size)
{
	count += counts;
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	count += counts;
	return __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
	count += counts;
	return __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	count += counts;
	return __libc_memalign(alignment, size);
}

/* How often something was allocated since the last call. */
static size_t allocations(void)
{
	size_t n = count;

	count = 0;
	return n;
}

START_TEST(none)
{
	static struct rbce_limit items[ITEMS];
	struct rbce_limits *l;
	size_t n;

	counts = true;
	ck_assert_int_eq(rbce_limits_open(NULL, 0, 0, &l, NULL), 0);
	ck_assert_uint_gt(allocations(), 0);
	n = rbce_limits_list(l, items, ITEMS);
	ck_assert_uint_gt(n, 12);
	ck_assert_uint_le(n, ITEMS);
	/* The first one opens what the others keep. */
	for (int round = 0; round < 3; round++) {
		int r;

		allocations();
		r = rbce_limits_read(l, items, n);
		ck_assert_uint_eq(allocations(), 0);
		ck_assert_int_eq(r, 0);
	}
	counts = false;
	rbce_limits_close(l);
}
END_TEST
#else
START_TEST(none)
{
	harness_skip("AddressSanitizer has its own malloc()");
}
END_TEST
#endif

int main(void)
{
	return harness_run("limits-alloc", (const TTest *const[]){none, NULL});
}
