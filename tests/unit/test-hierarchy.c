// SPDX-License-Identifier: GPL-2.0-or-later
/* core/hierarchy.c: mounts found, and where a task stands in them. */
#include <rbce/hierarchy.h>

#include "harness.h"

#define BIT(controller) (1U << (controller))

static char tree[PATH_MAX];
static struct rbce_root *root;

static void make_tree(void)
{
	harness_directory(tree);
	harness_write_text(tree, "cg/unified/cgroup.controllers", "cpuset cpu io memory pids\n");
	harness_write_text(tree, "cg/memory/tasks", "");
	harness_write_text(tree, "cg/cpu/tasks", "");
	harness_write_text(tree, "proc/self/mounts", "proc /proc proc rw 0 0\n");
	ck_assert_int_eq(rbce_root_open(tree, &root, NULL), 0);
}

static void remove_tree(void)
{
	root = rbce_root_close(root);
	harness_remove_tree(tree);
}

static const struct rbce_mount hybrid[] = {
	{.version = 2, .path = (char *)"/cg/unified"},
	{.version = 1, .path = (char *)"/cg/memory", .controllers = BIT(RBCE_MEMORY)},
	{.version = 1, .path = (char *)"/cg/cpu", .controllers = BIT(RBCE_CPU) | BIT(RBCE_CPUACCT)},
};

START_TEST(discover_v2)
{
	struct rbce_hierarchy *h;
	struct rbce_error err;

	make_tree();
	ck_assert_int_eq(rbce_hierarchy_open(root, "rbce", &h, &err), -ENOENT);
	ck_assert_str_eq(err.message, "cannot find any cgroup hierarchy: none is mounted");
	harness_write_text(tree, "proc/self/mounts",
			   "proc /proc proc rw 0 0\ncgroup2 /cg/unified cgroup2 rw 0 0\n");
	ck_assert_int_eq(rbce_hierarchy_open(root, "rbce", &h, &err), 0);
	ck_assert_str_eq(rbce_hierarchy_layout(h), "v2");
	ck_assert_str_eq(rbce_hierarchy_find(h, RBCE_IO)->path, "/cg/unified");
	ck_assert_ptr_eq(rbce_hierarchy_find(h, RBCE_MEMORY), rbce_hierarchy_unified(h));
	ck_assert_ptr_null(rbce_hierarchy_find(h, RBCE_FREEZER));
	rbce_hierarchy_close(h);
	remove_tree();
}
END_TEST

START_TEST(given_mounts)
{
	struct rbce_hierarchy *h;
	struct rbce_error err;
	size_t n;

	make_tree();
	ck_assert_int_eq(rbce_hierarchy_open_mounts(root, "rbce", hybrid, 3, &h, &err), 0);
	ck_assert_str_eq(rbce_hierarchy_layout(h), "hybrid");
	ck_assert_str_eq(rbce_hierarchy_group(h), "rbce");
	ck_assert_str_eq(rbce_hierarchy_mounts(h, &n)[1].path, "/cg/memory");
	ck_assert_uint_eq(n, 3);
	rbce_hierarchy_close(h);
	ck_assert_int_eq(rbce_hierarchy_open_mounts(root, "rbce", hybrid + 1, 2, &h, &err), 0);
	ck_assert_str_eq(rbce_hierarchy_layout(h), "v1");
	rbce_hierarchy_close(h);
	ck_assert_int_eq(rbce_hierarchy_open_mounts(root, "../x", hybrid, 3, &h, &err), -EINVAL);
	remove_tree();
}
END_TEST

static const struct {
	const char *text;
	int result;
	const char *container; /* NULL where there is none */
} places[] = {
	{"0::/rbce/a\n4:memory:/rbce/a\n1:cpu,cpuacct:/rbce/a\n", 0, "a"},
	{"0::/rbce/a/b/leaf\n4:memory:/rbce/a/b\n1:cpuacct,cpu:/rbce/a/b\n", 0, "a/b"},
	{"0::/rbce/leaf\n4:memory:/rbce\n1:cpu,cpuacct:/rbce\n", 0, ""},
	{"0::/rbce/a\n4:memory:/\n1:cpu,cpuacct:/rbce/a\n", 1, "a"},
	{"0::/\n4:memory:/rbce/b\n1:cpu,cpuacct:/rbce/a\n", 1, "b"},
	{"0::/rbce/a\n", 1, "a"},
	{"0::/\n4:memory:/\n1:cpu,cpuacct:/\n", -ENOENT, NULL},
	{"0::/rbcex/a\n4:memory:/rbcex\n1:cpu,cpuacct:/x/rbce\n", -ENOENT, NULL},
	{"9:name=systemd:/rbce/a\n", -ENOENT, NULL},
	/* A group whose name is made of our separators. */
	{"0::/rbce/x:y\n4:memory:/rbce/x:y\n1:cpu,cpuacct:/rbce/x:y\n", 0, "x:y"},
	{"", -ENOENT, NULL},
	{"0:\n:::\nx", -ENOENT, NULL},
};

START_TEST(container_of)
{
	struct rbce_hierarchy *h;

	make_tree();
	ck_assert_int_eq(rbce_hierarchy_open_mounts(root, "rbce", hybrid, 3, &h, NULL), 0);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char *name = NULL;
		int r = rbce_hierarchy_container_of(h, places[i].text, &name);

		ck_assert_msg(r == places[i].result, "row %zu: %d", i, r);
		ck_assert_pstr_eq(name, places[i].container);
		free(name);
	}
	rbce_hierarchy_close(h);
	remove_tree();
}
END_TEST

static const struct {
	const char *text;
	const char *found; /* NULL where it stands in "a/b" */
	size_t mount;
} strays[] = {
	{"0::/rbce/a/b/leaf\n4:memory:/rbce/a/b\n1:cpu,cpuacct:/rbce/a/b\n", NULL, 0},
	{"0::/rbce/a/b\n4:memory:/rbce/a/b\n1:cpu,cpuacct:/rbce/a\n", "cpu,cpuacct:/rbce/a", 2},
	{"0::/rbce/a/leaf\n4:memory:/rbce/a/b\n1:cpu,cpuacct:/\n", "/rbce/a/leaf", 0},
	{"0::/rbce/a/b\n4:memory:/\n1:cpu,cpuacct:/\n", "memory:/", 1},
	{"0::/rbce/a/b\n1:cpu,cpuacct:/rbce/a/b\n", "memory:", 1},
	{"", "", 0},
};

START_TEST(stray_of)
{
	const struct rbce_mount *mount, *mounts;
	struct rbce_hierarchy *h;
	char found[64];
	size_t n;

	make_tree();
	ck_assert_int_eq(rbce_hierarchy_open_mounts(root, "rbce", hybrid, 3, &h, NULL), 0);
	mounts = rbce_hierarchy_mounts(h, &n);
	for (size_t i = 0; i < sizeof(strays) / sizeof(strays[0]); i++) {
		int r = rbce_hierarchy_stray_of(h, strays[i].text, "a/b", &mount, found,
						sizeof(found));

		ck_assert_msg(r == (strays[i].found ? 0 : -ENOENT), "row %zu: %d", i, r);
		if (r < 0)
			continue;
		ck_assert_str_eq(found, strays[i].found);
		ck_assert_ptr_eq(mount, &mounts[strays[i].mount]);
	}
	ck_assert_int_eq(rbce_hierarchy_stray_of(h, strays[1].text, "a/b", &mount, found, 16),
			 -ENAMETOOLONG);
	rbce_hierarchy_close(h);
	remove_tree();
}
END_TEST

static const struct {
	const char *text;
	const char *container, *unit;
} placed[] = {
	{"0::/system.slice/ssh.service\n", NULL, "ssh.service"},
	{"0::/user.slice/user-1.slice/session-3.scope\n", NULL, "session-3.scope"},
	{"0::/user.slice/user-1.slice/user@1.service/app.slice/x.service\n", NULL, "x.service"},
	/* What a unit makes of the groups that it was given. */
	{"0::/machine.slice/a.scope/container/b\n", NULL, "a.scope"},
	{"0::/init.scope\n", NULL, "init.scope"},
	{"0::/\n", NULL, NULL},
	{"0::/user.slice\n", NULL, NULL},
	{"0::/mine/.service/x.slice\n", NULL, NULL},
	/* Ours, although it reads like a unit. */
	{"0::/rbce/ssh.service\n", "ssh.service", NULL},
	/* v1 has a hierarchy of systemd's own; what stands in a container is taken already. */
	{"5:name=systemd:/system.slice/a.service\n4:memory:/\n0::/b.scope\n", NULL, "a.service"},
	{"5:name=systemd:/system.slice/a.service\n4:memory:/rbce/x\n0::/b.scope\n", "x", NULL},
	{"4:memory:/system.slice/a.service\n", NULL, NULL},
};

static void check_placed(const struct rbce_hierarchy *h, bool systemd)
{
	for (size_t i = 0; i < sizeof(placed) / sizeof(placed[0]); i++) {
		struct rbce_task task = {.cgroup = strdup(placed[i].text)};

		ck_assert_int_eq(rbce_hierarchy_place(h, &task), 0);
		ck_assert_pstr_eq(task.container, placed[i].container);
		ck_assert_pstr_eq(task.unit, systemd ? placed[i].unit : NULL);
		rbce_task_done(&task);
	}
}

START_TEST(place)
{
	struct rbce_hierarchy *h;
	char *unit = NULL;

	make_tree();
	ck_assert_int_eq(rbce_hierarchy_open_mounts(root, "rbce", hybrid, 3, &h, NULL), 0);
	check_placed(h, false);
	ck_assert_int_eq(rbce_hierarchy_unit_of_path(h, "/a/b.service", &unit), -ENOENT);
	rbce_hierarchy_close(h);
	harness_write_text(tree, "run/systemd/system/x", "");
	ck_assert_int_eq(rbce_hierarchy_open_mounts(root, "rbce", hybrid, 3, &h, NULL), 0);
	check_placed(h, true);
	ck_assert_int_eq(rbce_hierarchy_unit_of_path(h, "/a/b.service", &unit), 0);
	ck_assert_str_eq(unit, "b.service");
	free(unit);
	rbce_hierarchy_close(h);
	remove_tree();
}
END_TEST

START_TEST(task_path)
{
	static const char text[] = "4:memory:/a/b\n0::/c\n";
	struct rbce_hierarchy *h;
	const struct rbce_mount *mounts;
	char path[16];
	size_t n;

	make_tree();
	ck_assert_int_eq(rbce_hierarchy_open_mounts(root, "rbce", hybrid, 3, &h, NULL), 0);
	mounts = rbce_hierarchy_mounts(h, &n);
	ck_assert_int_eq(rbce_hierarchy_task_path(h, &mounts[0], text, path, sizeof(path)), 0);
	ck_assert_str_eq(path, "/c");
	ck_assert_int_eq(rbce_hierarchy_task_path(h, &mounts[1], text, path, sizeof(path)), 0);
	ck_assert_str_eq(path, "/a/b");
	ck_assert_int_eq(rbce_hierarchy_task_path(h, &mounts[1], text, path, 4), -ENAMETOOLONG);
	ck_assert_int_eq(rbce_hierarchy_task_path(h, &mounts[2], text, path, 16), -ENOENT);
	rbce_hierarchy_close(h);
	remove_tree();
}
END_TEST

START_TEST(live)
{
	struct rbce_root *here;
	struct rbce_hierarchy *h;
	struct rbce_error err;

	ck_assert_int_eq(rbce_root_open(NULL, &here, NULL), 0);
	if (rbce_hierarchy_open(here, "rbce-unit", &h, &err) == -ENOENT)
		harness_skip("no cgroup hierarchy is mounted");
	ck_assert_ptr_nonnull(rbce_hierarchy_find(h, RBCE_MEMORY));
	ck_assert_ptr_nonnull(rbce_hierarchy_find(h, RBCE_CPU));
	rbce_hierarchy_close(h);
	rbce_root_close(here);
}
END_TEST

int main(void)
{
	return harness_run("hierarchy",
			   (const TTest *const[]){discover_v2, given_mounts, container_of, stray_of,
						  place, task_path, live, NULL});
}
