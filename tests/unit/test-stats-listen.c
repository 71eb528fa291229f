// SPDX-License-Identifier: GPL-2.0-or-later
/* stats/sample/listen.c: which lines of the daemon's go into the account. */
#include <stats/sample/listen.h>

#include "harness.h"
#include "stats/sample/notice.h"

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
}
END_TEST

/* Each kind that is kept, with where its container and its action stand. */
static const struct {
	const char *line, *container, *action; /* NULL: not kept */
} kinds[] = {
	{"{\"time\":1,\"event\":\"created\",\"container\":\"a\"}", "a", "created"},
	{"{\"time\":1,\"event\":\"removed\",\"container\":\"a\"}", "a", "removed"},
	{"{\"time\":1,\"event\":\"penalty\",\"container\":\"a\",\"action\":\"begun\"}", "a",
	 "begun"},
	{"{\"time\":1,\"event\":\"decision\",\"outcome\":\"moved\",\"to\":\"b\",\"pid\":7}", "b",
	 "moved"},
	{"{\"time\":1,\"event\":\"decision\",\"outcome\":\"failed\",\"to\":\"b\",\"pid\":7}", "b",
	 "failed"},
	{"{\"time\":1,\"event\":\"decision\",\"outcome\":\"ignored\",\"to\":\"b\"}", NULL, NULL},
	{"{\"time\":1,\"event\":\"decision\",\"outcome\":\"ignored\"}", NULL, NULL},
	{"{\"time\":1,\"event\":\"loss\",\"lost\":3}", "/", "loss"},
	{"{\"time\":1,\"event\":\"gate\",\"state\":\"on\"}", "/", "on"},
	{"{\"time\":1,\"event\":\"listening\"}", NULL, NULL},
};

START_TEST(every_kind)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct told *told = NULL;

		ck_assert_msg(told_parse(kinds[i].line, &told) == (kinds[i].container != NULL),
			      "%s", kinds[i].line);
		if (!kinds[i].container)
			continue;
		ck_assert_str_eq(told->container, kinds[i].container);
		ck_assert_str_eq(told->action, kinds[i].action);
		ck_assert_int_eq(told->pid, strstr(kinds[i].line, "pid") ? 7 : 0);
		told_free(told);
	}
}
END_TEST

/* ---- what the numbers tell ---- */

static char noticed[512];

static void note(void *data, struct told *told)
{
	size_t length = strlen(noticed);

	(void)data;
	snprintf(noticed + length, sizeof(noticed) - length, "%s %s %s %s;", told->container,
		 told->event, told->action, told->detail);
	told_free(told);
}

START_TEST(numbers)
{
	struct metric_values before = {0}, now;

	metric_set(&before, METRIC_MEMORY, 8192);
	metric_set(&before, METRIC_LIMIT_MEMORY, 4096);
	metric_set(&before, METRIC_OOM_KILLS, 3);
	now = before;
	ck_assert_int_eq(notice("a", 1, &before, &now, note, NULL), 0);
	ck_assert_str_eq(noticed, "");
	metric_set(&now, METRIC_OOM_KILLS, 5);
	metric_set(&now, METRIC_LIMIT_PIDS, 7);
	mask_drop(&now.known, METRIC_LIMIT_MEMORY);
	ck_assert_int_eq(notice("a", 1, &before, &now, note, NULL), 0);
	ck_assert_str_eq(noticed,
			 "a limit changed {\"key\":\"memory_max_bytes\",\"from\":4096,\"to\":null};"
			 "a limit changed {\"key\":\"pids_max\",\"from\":null,\"to\":7};"
			 "a oom kernel-killed {\"count\":2};");
	/* A group that is going. */
	noticed[0] = '\0';
	mask_drop(&now.known, METRIC_MEMORY);
	ck_assert_int_eq(notice("a", 1, &before, &now, note, NULL), 0);
	ck_assert_str_eq(noticed, "");
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
	const TTest *const tests[] = {lines, every_kind, no_lines, numbers, NULL};

	return harness_run("stats-listen", tests);
}
