// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * core/limits.c on the trees in tests/fixtures/ulimitx. Each is one file: "@file PATH" and its text
 * ("@nonl": without the last newline), "@directory PATH", "@link PATH TARGET", and "@expect": lines
 * "RESOURCE[ INSTANCE]|LIMIT|USED|FREE[ in WHO]|IMPOSED BY[|hidden][|ERROR]", "-" for unknown; or
 * "error|MESSAGE".
 */
#include <dirent.h>
#include <inttypes.h>
#include <rbce/limits.h>

#include "harness.h"

#define FIXTURES "tests/fixtures/ulimitx"
enum { ITEMS = 256 };

struct text {
	char *data;
	size_t size;
	FILE *out;
};

static void begin(struct text *t)
{
	t->out = open_memstream(&t->data, &t->size);
	ck_assert_ptr_nonnull(t->out);
}

static void end_file(struct text *t, const char *tree, const char *path, bool newline)
{
	fclose(t->out);
	t->out = NULL;
	harness_write(tree, path, t->data, t->size - (!newline && t->size ? 1 : 0));
	free(t->data);
}

/* The directories above are made through a file, which goes again. */
static void make_above(const char *tree, const char *path, char *full, size_t size)
{
	harness_write_text(tree, path, "");
	snprintf(full, size, "%s/%s", tree, path);
	ck_assert_int_eq(unlink(full), 0);
}

static void make_other(const char *tree, const char *line)
{
	char full[2 * PATH_MAX], path[PATH_MAX], target[PATH_MAX];

	if (sscanf(line, "@directory %4095s", path) == 1) {
		make_above(tree, path, full, sizeof(full));
		ck_assert_int_eq(mkdir(full, 0755), 0);
	} else if (sscanf(line, "@link %4095s %4095[^\n]", path, target) == 2) {
		make_above(tree, path, full, sizeof(full));
		ck_assert_int_eq(symlink(target, full), 0);
	} else {
		ck_abort_msg("%s", line);
	}
}

/* Makes the tree; FILE then stands at the lines that are expected. */
static void make_tree(FILE *file, const char *tree)
{
	char line[8192], path[PATH_MAX];
	struct text text = {.out = NULL};
	bool newline = true;

	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, "@nonl", 5) == 0) {
			newline = false;
			continue;
		}
		if (line[0] == '@' && text.out) {
			end_file(&text, tree, path, newline);
			newline = true;
		}
		if (strncmp(line, "@expect", 7) == 0)
			return;
		if (sscanf(line, "@file %4095[^\n]", path) == 1)
			begin(&text);
		else if (line[0] == '@')
			make_other(tree, line);
		else if (text.out)
			fputs(line, text.out);
	}
	ck_abort_msg("a tree without @expect");
}

static void print_amount(FILE *out, const struct rbce_limit *item, unsigned has, uint64_t amount)
{
	if (!(item->has & has))
		fputs("-", out);
	else if (amount == RBCE_LIMIT_NONE)
		fputs("max", out);
	else
		fprintf(out, "%" PRIu64, amount);
}

/* The item as an expected line has it. */
static char *describe(const struct rbce_limits *l, const struct rbce_limit *item)
{
	char instance[64], by[PATH_MAX], left_by[PATH_MAX], *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	rbce_limits_instance(l, item, instance, sizeof(instance));
	rbce_limits_imposed_by(l, item, by, sizeof(by));
	rbce_limits_left_by(l, item, left_by, sizeof(left_by));
	fprintf(out, "%s%s%s|", rbce_resource_name((enum rbce_resource)item->resource),
		*instance ? " " : "", instance);
	print_amount(out, item, RBCE_HAS_LIMIT, item->limit);
	fputc('|', out);
	print_amount(out, item, RBCE_HAS_USAGE, item->usage);
	fputc('|', out);
	print_amount(out, item, RBCE_HAS_HEADROOM, item->headroom);
	if (item->has & RBCE_HAS_HEADROOM && strcmp(by, left_by) != 0)
		fprintf(out, " in %s", left_by);
	fprintf(out, "|%s", by);
	if (item->has & RBCE_HAS_HIDDEN)
		fprintf(out, "|hidden");
	if (item->status < 0)
		fprintf(out, "|%s", strerror(-item->status));
	fclose(out);
	return text;
}

static void compare(const char *name, const struct rbce_limits *l, const struct rbce_limit *items,
		    size_t n, const char *expected)
{
	size_t length = strcspn(expected, "|");
	bool found = false;

	for (size_t i = 0; i < n; i++) {
		char *text = describe(l, &items[i]);

		if (strncmp(text, expected, length + 1) == 0) {
			found = true;
			ck_assert_msg(strcmp(text, expected) == 0, "%s:\n  %s\nexpected\n  %s",
				      name, text, expected);
		}
		free(text);
	}
	ck_assert_msg(found, "%s: there is no item for '%s'", name, expected);
}

static void run_tree(const char *name)
{
	char tree[PATH_MAX], path[PATH_MAX], line[8192];
	struct rbce_limit items[ITEMS];
	struct rbce_limits *l = NULL;
	struct rbce_error err = {0};
	struct rbce_root *root;
	size_t n = 0, lines = 0;
	FILE *file;
	int r;

	snprintf(path, sizeof(path), FIXTURES "/%s", name);
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	make_tree(file, harness_directory(tree));
	ck_assert_int_eq(rbce_root_open(tree, &root, NULL), 0);
	r = rbce_limits_open(root, 42, 0, &l, &err);
	if (r == 0) {
		n = rbce_limits_list(l, items, ITEMS);
		ck_assert_int_eq(rbce_limits_read(l, items, n), 0);
	}
	for (; fgets(line, sizeof(line), file); lines++) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "error|", 6) == 0) {
			ck_assert_int_lt(r, 0);
			ck_assert_str_eq(err.message, line + 6);
		} else {
			ck_assert_msg(r == 0, "%s: %s", name, err.message);
			compare(name, l, items, n, line);
		}
	}
	ck_assert_msg(lines > 0, "%s expects nothing", name);
	fclose(file);
	rbce_limits_close(l);
	rbce_root_close(root);
	harness_remove_tree(tree);
}

START_TEST(trees)
{
	DIR *dir = opendir(FIXTURES);
	const struct dirent *entry;
	unsigned n = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)))
		if (strstr(entry->d_name, ".tree")) {
			run_tree(entry->d_name);
			n++;
		}
	closedir(dir);
	ck_assert_uint_ge(n, 60);
}
END_TEST

START_TEST(names)
{
	for (int i = 0; i < RBCE_RESOURCE_COUNT; i++) {
		const char *name = rbce_resource_name((enum rbce_resource)i);

		ck_assert_ptr_nonnull(name);
		ck_assert_int_eq(rbce_resource_find(name), i);
		ck_assert_ptr_nonnull(rbce_resource_help((enum rbce_resource)i));
	}
	ck_assert_int_eq(rbce_resource_find("nonsense"), -ENOENT);
}
END_TEST

/* What a caller asks for wrongly is an item's own failure. */
START_TEST(wrong_resource)
{
	struct rbce_limit items[] = {{.resource = 4711}, {.resource = RBCE_LIMIT_CPU}};
	struct rbce_limits *l;

	ck_assert_int_eq(rbce_limits_open(NULL, 0, 0, &l, NULL), 0);
	ck_assert_int_eq(rbce_limits_read(l, items, 2), 0);
	ck_assert_int_eq(items[0].status, -EINVAL);
	ck_assert_int_eq(items[1].status, 0);
	rbce_limits_close(l);
}
END_TEST

int main(void)
{
	return harness_run("limits", (const TTest *const[]){trees, names, wrong_resource, NULL});
}
