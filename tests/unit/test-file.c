// SPDX-License-Identifier: GPL-2.0-or-later
/* core/file.c and root.c: whole small files, wherever the root is. */
#include "file.h"

#include <rbce/root.h>

#include "harness.h"

static char tree[PATH_MAX];

START_TEST(read_bounded)
{
	char buf[6];
	int fd;

	harness_directory(tree);
	harness_write_text(tree, "five", "12345");
	harness_write_text(tree, "line", "1234\n");
	harness_write_text(tree, "six", "123456");
	harness_write_text(tree, "empty", "");
	fd = open(tree, O_PATH | O_DIRECTORY);
	ck_assert_int_eq(file_read_at(fd, "five", buf, sizeof(buf)), 5);
	ck_assert_str_eq(buf, "12345");
	ck_assert_int_eq(file_read_at(fd, "line", buf, sizeof(buf)), 4);
	ck_assert_str_eq(buf, "1234");
	ck_assert_int_eq(file_read_at(fd, "six", buf, sizeof(buf)), -E2BIG);
	ck_assert_int_eq(file_read_at(fd, "empty", buf, sizeof(buf)), 0);
	ck_assert_str_eq(buf, "");
	ck_assert_int_eq(file_read_at(fd, "none", buf, sizeof(buf)), -ENOENT);
	close(fd);
	harness_remove_tree(tree);
}
END_TEST

START_TEST(read_whole)
{
	static char big[100000];
	char *text = NULL;
	int fd;

	harness_directory(tree);
	memset(big, 'x', sizeof(big));
	harness_write(tree, "big", big, sizeof(big));
	fd = open(tree, O_PATH | O_DIRECTORY);
	ck_assert_int_eq(file_read_all_at(fd, "big", &text), sizeof(big));
	ck_assert_uint_eq(strlen(text), sizeof(big));
	free(text);
	text = NULL;
	ck_assert_int_eq(file_read_all_at(fd, ".", &text), -EISDIR);
	ck_assert_ptr_null(text);
	close(fd);
	harness_remove_tree(tree);
}
END_TEST

START_TEST(write_values)
{
	char buf[16];
	int fd;

	harness_directory(tree);
	harness_write_text(tree, "limit", "");
	fd = open(tree, O_PATH | O_DIRECTORY);
	ck_assert_int_eq(file_write_at(fd, "limit", "77"), 0);
	ck_assert_int_eq(file_read_at(fd, "limit", buf, sizeof(buf)), 2);
	/* Control files are never made by writing to them. */
	ck_assert_int_eq(file_write_at(fd, "none", "77"), -ENOENT);
	close(fd);
	fd = open("/dev/full", O_WRONLY);
	ck_assert_int_eq(file_write_fd(fd, "x", 1), -ENOSPC);
	close(fd);
	harness_remove_tree(tree);
}
END_TEST

START_TEST(roots)
{
	struct rbce_root *root;
	struct rbce_error err;
	int fd;

	harness_directory(tree);
	harness_write_text(tree, "proc/version", "none");
	ck_assert_int_eq(rbce_root_open(tree, &root, &err), 0);
	ck_assert(!rbce_root_is_live(root));
	fd = rbce_root_openat(root, "/proc/version", O_RDONLY);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	ck_assert_int_eq(rbce_root_openat(root, "proc/none", O_RDONLY), -ENOENT);
	rbce_root_close(root);
	harness_remove_tree(tree);
	ck_assert_int_eq(rbce_root_open(tree, &root, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.message, tree));
	ck_assert_int_eq(rbce_root_open("/", &root, &err), 0);
	ck_assert(rbce_root_is_live(root));
	rbce_root_close(root);
}
END_TEST

int main(void)
{
	return harness_run("file", (const TTest *const[]){read_bounded, read_whole, write_values,
							  roots, NULL});
}
