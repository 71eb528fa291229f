/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What all unit tests share: one libcheck suite per file, fixture trees on disk, and skipping with
 * a reason where the machine lacks something.
 */
#ifndef TESTS_UNIT_HARNESS_H
#define TESTS_UNIT_HARNESS_H

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HARNESS_UNUSED __attribute__((unused))

/* Runs the suite that TESTS (a NULL-terminated array) make; the program's exit status. */
static inline HARNESS_UNUSED int harness_run(const char *name, const TTest *const *tests)
{
	Suite *suite = suite_create(name);
	TCase *cases = tcase_create(name);
	SRunner *runner;
	int failed;

	tcase_set_timeout(cases, 120);
	for (; *tests; tests++)
		tcase_add_test(cases, *tests);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Leaves the running test as passed, saying why nothing was tested; tests/check counts it. */
#define harness_skip(reason)                                                                       \
	do {                                                                                       \
		fprintf(stderr, "SKIP: %s: %s\n", __func__, reason);                               \
		return;                                                                            \
	} while (0)

/* A new empty directory; harness_remove_tree() takes it away. PATH_MAX bytes. */
static inline HARNESS_UNUSED char *harness_directory(char *path)
{
	snprintf(path, PATH_MAX, "%s/rbce-unit-XXXXXX", getenv("TMPDIR") ?: "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(path));
	return path;
}

static inline HARNESS_UNUSED int harness_unlink(const char *path, const struct stat *st, int type,
						struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline HARNESS_UNUSED void harness_remove_tree(const char *path)
{
	nftw(path, harness_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

/* Writes a file of a fixture tree; the directories above it are made. */
static inline HARNESS_UNUSED void harness_write(const char *tree, const char *name,
						const void *text, size_t size)
{
	char path[2 * PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", tree, name);
	for (char *p = path + strlen(tree) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(path, 0755);
		*p = '/';
	}
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(text, 1, size, file), size);
	ck_assert_int_eq(fclose(file), 0);
}

static inline HARNESS_UNUSED void harness_write_text(const char *tree, const char *name,
						     const char *text)
{
	harness_write(tree, name, text, strlen(text));
}

#endif
