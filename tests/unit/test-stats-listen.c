// SPDX-License-Identifier: GPL-2.0-or-later
/* stats/listen.c: which lines of the daemon's go into the account. */
#include <stats/listen.h>

#include "harness.h"

START_TEST(lines)
{
	struct told *told = NULL;
	const char *line = "{\"time\":1795610339.806207,\"event\":\"oom\",\"container\":\"a b\","
			   "\"action\":\"killed\",\"pid\":7}\n";

	ck_assert_int_eq(told_parse(line, &told), 1);
	ck_assert_int_eq(told->time, 1795610339806);
	ck_assert_str_eq(told->event, "oom");
	ck_assert_str_eq(told->container, "a b");
	ck_assert_str_eq(told->action, "killed");
	ck_assert_uint_eq(strlen(told->detail), strlen(line) - 1);
	told_free(told);
	ck_assert_int_eq(told_parse("{\"time\":1,\"event\":\"look\",\"tasks\":3}", &told), 0);
	ck_assert_int_eq(
		told_parse("{\"time\":1,\"event\":\"created\",\"container\":\"a\"}", &told), 0);
}
END_TEST

START_TEST(no_lines)
{
	static const char *const texts[] = {
		"",
		"{",
		"[]",
		"7",
		"{\"event\":\"oom\"}",
		"{\"event\":\"oom\",\"container\":7,\"action\":\"killed\",\"time\":1}",
		"{\"event\":\"oom\",\"container\":\"a\",\"action\":\"killed\"}",
	};
	struct told *told;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ck_assert_msg(told_parse(texts[i], &told) < 0, "'%s'", texts[i]);
	ck_assert_int_eq(told_parse("{}", &told), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {lines, no_lines, NULL};

	return harness_run("stats-listen", tests);
}
