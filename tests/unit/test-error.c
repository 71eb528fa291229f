// SPDX-License-Identifier: GPL-2.0-or-later
/* core/error.c */
#include <rbce/error.h>

#include "harness.h"

START_TEST(message)
{
	struct rbce_error err = {0};

	ck_assert_int_eq(rbce_error_set(&err, -EINVAL, "cannot use '%s': odd", "x"), -EINVAL);
	ck_assert_int_eq(err.code, -EINVAL);
	ck_assert_str_eq(err.message, "cannot use 'x': odd");
	ck_assert_int_eq(rbce_error_errno(&err, -ENOENT, "cannot open '%s'", "/y"), -ENOENT);
	ck_assert_str_eq(err.message, "cannot open '/y': No such file or directory");
	/* One line, whatever is in it. */
	rbce_error_set(&err, -EINVAL, "cannot use '%s'", "a\nb\x7f");
	ck_assert_str_eq(err.message, "cannot use 'a?b?'");
	rbce_error_errno(&err, -ENOENT, "cannot open '%s'", "\t");
	ck_assert_str_eq(err.message, "cannot open '?': No such file or directory");
}
END_TEST

/* The reason stays readable behind an object of any length. */
START_TEST(long_object)
{
	char object[2 * RBCE_ERROR_SIZE];
	struct rbce_error err;

	memset(object, 'a', sizeof(object) - 1);
	object[sizeof(object) - 1] = '\0';
	rbce_error_errno(&err, -ENOENT, "cannot open '%s'", object);
	ck_assert_uint_eq(strlen(err.message), RBCE_ERROR_SIZE - 1);
	ck_assert_str_eq(strrchr(err.message, ':'), ": No such file or directory");
}
END_TEST

START_TEST(nobody_asks)
{
	ck_assert_int_eq(rbce_error_set(NULL, -EIO, "unread"), -EIO);
	ck_assert_int_eq(rbce_error_errno(NULL, -EIO, "unread"), -EIO);
}
END_TEST

int main(void)
{
	return harness_run("error",
			   (const TTest *const[]){message, long_object, nobody_asks, NULL});
}
