// SPDX-License-Identifier: GPL-2.0-or-later
/* stats/exits/places.c: in which container a task stood. */
#include "stats/exits/places.h"

#include <stdbool.h>

#include "harness.h"

#define BIT(controller) (1U << (controller))
#define SECOND          UINT64_C(1000000)

static char tree[PATH_MAX];
static struct rbce_root *root;
static struct rbce_hierarchy *hierarchy;
static struct places *places;

static const struct rbce_mount hybrid[] = {
	{.version = 2, .path = (char *)"/cg/unified"},
	{.version = 1, .path = (char *)"/cg/memory", .controllers = BIT(RBCE_MEMORY)},
	{.version = 1, .path = (char *)"/cg/cpu", .controllers = BIT(RBCE_CPU) | BIT(RBCE_CPUACCT)},
};

static void set_up(const struct rbce_mount *mounts, size_t n)
{
	harness_directory(tree);
	harness_write_text(tree, "cg/unified/cgroup.controllers", "");
	harness_write_text(tree, "cg/memory/tasks", "");
	harness_write_text(tree, "cg/cpu/tasks", "");
	ck_assert_int_eq(rbce_root_open(tree, &root, NULL), 0);
	ck_assert_int_eq(rbce_hierarchy_open_mounts(root, "rbce", mounts, n, &hierarchy, NULL), 0);
	ck_assert_int_eq(places_new(hierarchy, &places), 0);
}

static void tear_down(void)
{
	places = places_free(places);
	hierarchy = rbce_hierarchy_close(hierarchy);
	root = rbce_root_close(root);
	harness_remove_tree(tree);
}

/* "outside", "unknown" or the container. */
static const char *name_of(struct place place)
{
	static char name[256];

	snprintf(name, sizeof(name), "%s",
		 place.container                  ? place.container
		 : place.place == PLACE_OUTSIDE   ? "outside"
		 : place.place == PLACE_CONTAINER ? "nameless"
						  : "unknown");
	place_done(&place);
	return name;
}

START_TEST(groups)
{
	set_up(hybrid, 3);
	harness_write_text(tree, "proc/1/cgroup", "3:cpu,cpuacct:/\n2:memory:/\n0::/rbce/a/b\n");
	harness_write_text(tree, "proc/2/cgroup", "2:memory:/\n0::/rbce/a (deleted)\n");
	harness_write_text(tree, "proc/3/cgroup", "2:memory:/\n0::/rbce\n");
	harness_write_text(tree, "proc/4/cgroup", "2:memory:/\n0::/system.slice\n");
	harness_write_text(tree, "proc/5/cgroup", "0::/rbce/a/leaf\n");
	harness_write_text(tree, "proc/6/cgroup",
			   "2:memory:/rbce/x\n3:cpu,cpuacct:/rbce/x\n0::/\n");
	harness_write_text(tree, "proc/7/cgroup", "");
	harness_write_text(tree, "proc/8/cgroup", "0::/rbce/odd (deleted) name\n");
	ck_assert_str_eq(name_of(places_by_group(places, 1, true)), "a/b");
	ck_assert_str_eq(name_of(places_by_group(places, 2, true)), "a");
	ck_assert_str_eq(name_of(places_by_group(places, 3, true)), "/");
	ck_assert_str_eq(name_of(places_by_group(places, 4, true)), "outside");
	ck_assert_str_eq(name_of(places_by_group(places, 5, true)), "a");
	ck_assert_str_eq(name_of(places_by_group(places, 6, false)), "x");
	ck_assert_str_eq(name_of(places_by_group(places, 7, true)), "unknown");
	ck_assert_str_eq(name_of(places_by_group(places, 8, true)), "odd (deleted) name");
	ck_assert_str_eq(name_of(places_by_group(places, 99, true)), "unknown");
	tear_down();
}
END_TEST

/* Where there is no v2 tree, the end of a task begins with "/" everywhere, which means nothing. */
START_TEST(groups_of_v1)
{
	set_up(hybrid + 1, 2);
	harness_write_text(tree, "proc/1/cgroup", "3:cpu,cpuacct:/\n2:memory:/\n");
	harness_write_text(tree, "proc/2/cgroup", "3:cpu,cpuacct:/rbce/a\n2:memory:/rbce/a\n");
	ck_assert_str_eq(name_of(places_by_group(places, 1, true)), "unknown");
	ck_assert_str_eq(name_of(places_by_group(places, 2, false)), "a");
	ck_assert_str_eq(name_of(places_by_group(places, 1, false)), "outside");
	tear_down();
}
END_TEST

START_TEST(table)
{
	struct place ended = {.place = PLACE_CONTAINER, .container = (char *)"b"};
	struct place unknown = {.place = PLACE_UNKNOWN};

	set_up(hybrid, 3);
	ck_assert_str_eq(name_of(places_by_table(places, 5, 1)), "unknown");
	ck_assert_int_eq(places_note(places, 5, "a", 100 * SECOND), 0);
	ck_assert_str_eq(name_of(places_by_table(places, 5, 99 * SECOND)), "a");
	/* It began after that was noted: another process has the pid. */
	ck_assert_str_eq(name_of(places_by_table(places, 5, 102 * SECOND)), "unknown");
	ck_assert_int_eq(places_note(places, 5, NULL, 103 * SECOND), 0);
	ck_assert_str_eq(name_of(places_by_table(places, 5, 102 * SECOND)), "outside");
	/* What has ended is known as a parent only, and not for long. */
	ck_assert_int_eq(places_ended(places, 5, &ended, 104 * SECOND), 0);
	ck_assert_str_eq(name_of(places_by_table(places, 5, 104 * SECOND)), "unknown");
	ck_assert_str_eq(name_of(places_by_table(places, 5, 0)), "b");
	ck_assert_int_eq(places_note(places, 6, "c", 104 * SECOND), 0);
	places_age(places, 110 * SECOND, 60 * SECOND);
	ck_assert_str_eq(name_of(places_by_table(places, 5, 0)), "unknown");
	ck_assert_str_eq(name_of(places_by_table(places, 6, 0)), "c");
	places_age(places, 200 * SECOND, 60 * SECOND);
	ck_assert_str_eq(name_of(places_by_table(places, 6, 0)), "unknown");
	ck_assert_int_eq(places_note(places, 6, "c", 200 * SECOND), 0);
	ck_assert_int_eq(places_ended(places, 6, &unknown, 200 * SECOND), 0);
	ck_assert_str_eq(name_of(places_by_table(places, 6, 0)), "unknown");
	tear_down();
}
END_TEST

START_TEST(told)
{
	static const char *const useless[] = {
		"",
		"{",
		"\"moved\"",
		"{\"outcome\":\"moved\"}",
		"{\"outcome\":\"moved\",\"pid\":-5,\"to\":\"a\"}",
		"{\"outcome\":\"moved\",\"pid\":5000000000,\"to\":\"a\"}",
		"{\"outcome\":\"moved\",\"pid\":7,\"to\":null}",
		"{\"outcome\":\"set\",\"cause\":\"moved\",\"pid\":7,\"to\":\"a\"}",
	};
	char *program;

	set_up(hybrid, 3);
	for (size_t i = 0; i < sizeof(useless) / sizeof(useless[0]); i++) {
		ck_assert_int_eq(places_told(places, useless[i], SECOND, &program), 0);
		ck_assert_ptr_null(program);
	}
	ck_assert_str_eq(name_of(places_by_table(places, 7, 1)), "unknown");
	ck_assert_int_eq(places_told(places,
				     "{\"event\":\"decision\",\"outcome\":\"moved\",\"pid\":7,"
				     "\"exe\":\"/bin/x\",\"from\":null,\"to\":\"it's \\\"a\\\"\"}",
				     SECOND, &program),
			 7);
	ck_assert_str_eq(program, "/bin/x");
	free(program);
	ck_assert_str_eq(name_of(places_by_table(places, 7, SECOND)), "it's \"a\"");
	ck_assert_int_eq(places_told(places,
				     "{\"outcome\":\"moved\",\"pid\":8,\"exe\":\"name\",\"to\":"
				     "\"\"}",
				     SECOND, &program),
			 8);
	ck_assert_ptr_null(program);
	ck_assert_str_eq(name_of(places_by_table(places, 8, SECOND)), "/");
	tear_down();
}
END_TEST

static void add_found(void *data, pid_t pid)
{
	*(long *)data += pid;
}

START_TEST(looks)
{
	long found = 0;

	set_up(hybrid, 3);
	harness_write_text(tree, "cg/unified/rbce/a/cgroup.procs", "5\n0\n7\n");
	harness_write_text(tree, "cg/unified/rbce/a/leaf/cgroup.procs", "9\n");
	harness_write_text(tree, "cg/unified/rbce/cgroup.procs", "11\n");
	ck_assert_int_eq(places_look(places, "a", SECOND, add_found, &found), 0);
	ck_assert_int_eq(found, 5 + 7 + 9);
	ck_assert_int_eq(places_look(places, "/", SECOND, add_found, &found), 0);
	ck_assert_int_eq(places_look(places, "gone", SECOND, add_found, &found), 0);
	ck_assert_str_eq(name_of(places_by_table(places, 9, SECOND)), "a");
	ck_assert_str_eq(name_of(places_by_table(places, 11, SECOND)), "/");
	ck_assert_str_eq(name_of(places_by_table(places, 0, SECOND)), "unknown");
	/* After the second look they are new no more. */
	ck_assert_int_eq(places_look(places, "a", SECOND, add_found, &found), 0);
	found = 0;
	ck_assert_int_eq(places_look(places, "a", SECOND, add_found, &found), 0);
	ck_assert_int_eq(found, 0);
	tear_down();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {groups, groups_of_v1, table, told, looks, NULL};

	return harness_run("places", tests);
}
