// SPDX-License-Identifier: GPL-2.0-or-later
/* rbced/source/known.c: what the numbers of places and programs stand for. */
#include <rbced/source/known.h>

#include "harness.h"

static void program_is(struct known *known, uint64_t hash, const char *path)
{
	char *found = known_program(known, hash);

	ck_assert_pstr_eq(found, path);
	free(found);
}

START_TEST(programs)
{
	struct known *known = known_new();

	ck_assert_ptr_nonnull(known);
	program_is(known, 77, NULL);
	known_add_program(known, 77, "/bin/a");
	known_add_program(known, 78, "/bin/b");
	program_is(known, 77, "/bin/a");
	program_is(known, 78, "/bin/b");
	known_add_program(known, 77, "/bin/a");
	program_is(known, 77, "/bin/a");
	known_free(known);
}
END_TEST

/* One goes for the other; neither is taken for it. */
START_TEST(programs_of_one_slot)
{
	const uint64_t hash = 5, same_slot = hash + (1U << 20);
	struct known *known = known_new();

	ck_assert_ptr_nonnull(known);
	known_add_program(known, hash, "/bin/a");
	program_is(known, same_slot, NULL);
	known_add_program(known, same_slot, "/bin/b");
	program_is(known, hash, NULL);
	program_is(known, same_slot, "/bin/b");
	known_free(known);
}
END_TEST

static void add_place(struct known *known, uint64_t number, const char *text, const char *container,
		      const char *unit, bool split)
{
	const struct rbce_task task = {
		.cgroup = (char *)text,
		.container = (char *)container,
		.unit = (char *)unit,
		.split = split,
	};

	known_add_place(known, number, &task);
}

static void place_is(struct known *known, uint64_t number, const char *text, const char *container,
		     const char *unit, bool split)
{
	struct rbce_task task = {0};

	ck_assert(known_place(known, number, &task));
	ck_assert_str_eq(task.cgroup, text);
	ck_assert_pstr_eq(task.container, container);
	ck_assert_pstr_eq(task.unit, unit);
	ck_assert(task.split == split);
	rbce_task_done(&task);
}

START_TEST(places)
{
	struct known *known = known_new();
	struct rbce_task task = {0};

	ck_assert_ptr_nonnull(known);
	ck_assert(!known_place(known, 9, &task));
	add_place(known, 9, "0::/rbce/a\n", "a", NULL, false);
	add_place(known, 10, "0::/ssh.service\n", NULL, "ssh.service", false);
	add_place(known, 11, "0::/rbce/b\n", "b", NULL, true);
	place_is(known, 9, "0::/rbce/a\n", "a", NULL, false);
	place_is(known, 10, "0::/ssh.service\n", NULL, "ssh.service", false);
	place_is(known, 11, "0::/rbce/b\n", "b", NULL, true);
	ck_assert(!known_place(known, 9 + (1U << 20), &task));
	known_forget_places(known);
	ck_assert(!known_place(known, 9, &task));
	ck_assert(!task.cgroup && !task.container);
	known_free(known);
}
END_TEST

/* Of the last one only: it is a look at one text. */
START_TEST(places_by_their_text)
{
	struct known *known = known_new();
	uint64_t number = 0;

	ck_assert_ptr_nonnull(known);
	ck_assert(!known_place_of(known, "0::/a\n", &number));
	add_place(known, 9, "0::/a\n", "a", NULL, false);
	ck_assert(known_place_of(known, "0::/a\n", &number));
	ck_assert_uint_eq(number, 9);
	ck_assert(!known_place_of(known, "0::/b\n", &number));
	add_place(known, 10, "0::/b\n", "b", NULL, false);
	ck_assert(known_place_of(known, "0::/b\n", &number));
	ck_assert_uint_eq(number, 10);
	place_is(known, 9, "0::/a\n", "a", NULL, false);
	ck_assert(known_place_of(known, "0::/a\n", &number));
	ck_assert_uint_eq(number, 9);
	known_free(known);
}
END_TEST

int main(void)
{
	return harness_run("known", (const TTest *const[]){programs, programs_of_one_slot, places,
							   places_by_their_text, NULL});
}
