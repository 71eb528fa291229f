// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any text as /proc/self/mountinfo, /proc/self/mounts and /proc/PID/cgroup of one tree, divided by
 * lines "%%": hierarchies that are found do not overlap, and limits are what is written there.
 */
#include <ftw.h>
#include <rbce/hierarchy.h>
#include <rbce/limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PARTS = 3, LIMIT = 1 << 20 };
static const char *const parts[PARTS] = {"proc/self/mountinfo", "proc/self/mounts",
					 "proc/42/cgroup"};

static const struct {
	const char *path, *text;
} files[] = {
	{"proc/42/status", "Name:\tx\nUid:\t0\t0\t0\t0\nNSpid:\t42\n"},
	{"proc/42/stat", "42 (x) S 1 42 42 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 100 0 0\n"},
	{"v2/cgroup.controllers", "cpu memory pids\n"},
	{"v2/a/memory.max", "1048576\n"},
	{"v1/cgroup.procs", ""},
	{"v1/a/memory.limit_in_bytes", "1048576\n"},
};

static char tree[] = "/tmp/fuzz-mounts-XXXXXX";

static void put(const char *path, const void *data, size_t size)
{
	char full[256];
	FILE *file;

	snprintf(full, sizeof(full), "%s/%s", tree, path);
	for (char *p = full + sizeof(tree); (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		mkdir(full, 0755);
	}
	file = fopen(full, "w");
	if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0)
		abort();
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_tree(void)
{
	nftw(tree, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void make_tree(void)
{
	if (!mkdtemp(tree))
		abort();
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		put(files[i].path, files[i].text, strlen(files[i].text));
	atexit(remove_tree);
}

static void check_error(int r, const struct rbce_error *err)
{
	if (r > 0 || (r < 0 && (!*err->message || strchr(err->message, '\n'))))
		abort();
}

static void check_hierarchies(const struct rbce_root *root)
{
	struct rbce_error err = {0};
	struct rbce_hierarchy *h;
	unsigned seen = 0;
	size_t n;
	int r = rbce_hierarchy_open(root, "rbce", &h, &err);

	check_error(r, &err);
	if (r < 0)
		return;
	const struct rbce_mount *mounts = rbce_hierarchy_mounts(h, &n);
	for (size_t i = 0; i < n; i++) {
		if (mounts[i].controllers & seen || (mounts[i].version == 2 && i > 0))
			abort();
		seen |= mounts[i].controllers;
	}
	rbce_hierarchy_close(h);
}

static void check_limits(const struct rbce_root *root)
{
	struct rbce_limit item = {.resource = RBCE_LIMIT_MEMORY};
	struct rbce_error err = {0};
	struct rbce_limits *l;
	int r = rbce_limits_open(root, 42, 0, &l, &err);

	check_error(r, &err);
	if (r < 0)
		return;
	/* There is one limit in that tree, so nothing else can be imposed by a container. */
	if (rbce_limits_read(l, &item, 1) == 0 && item.has & RBCE_HAS_LIMIT &&
	    item.source == RBCE_BY_CONTAINER && item.limit != LIMIT)
		abort();
	rbce_limits_close(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *end = text + size;
	static struct rbce_root *root;

	if (!root) {
		make_tree();
		if (rbce_root_open(tree, &root, NULL) < 0)
			abort();
	}
	for (size_t i = 0; i < PARTS; i++) {
		const char *cut = memmem(text, (size_t)(end - text), "%%\n", 3);
		const char *stop = cut && i < PARTS - 1 ? cut : end;

		put(parts[i], text, (size_t)(stop - text));
		text = stop == cut ? stop + 3 : end;
	}
	check_hierarchies(root);
	check_limits(root);
	return 0;
}
