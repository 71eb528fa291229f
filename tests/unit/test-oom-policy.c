// SPDX-License-Identifier: GPL-2.0-or-later
/* controllers/oom.c, controllers/penalty.c: what the keys oom.* and penalty mean. */
#include <controllers/controllers.h>
#include <controllers/oom.h>
#include <controllers/penalty.h>

#include "harness.h"

START_TEST(policies)
{
	struct oom_policy p;

	ck_assert_int_eq(oom_policy_parse("kill-largest", &p, NULL), 0);
	ck_assert_uint_eq(p.n, 1);
	ck_assert_int_eq(p.steps[0].kind, OOM_KILL_LARGEST);
	ck_assert_int_eq(oom_policy_parse("grow 64M to 1G for 30s, then freeze for 5min, then hook "
					  "/bin/h, then kill-all",
					  &p, NULL),
			 0);
	ck_assert_uint_eq(p.n, 4);
	ck_assert_int_eq(p.steps[0].kind, OOM_GROW);
	ck_assert_uint_eq(p.steps[0].by, 64 << 20);
	ck_assert_uint_eq(p.steps[0].cap, 1 << 30);
	ck_assert_uint_eq(p.steps[0].time, 30000000);
	ck_assert_uint_eq(p.steps[1].time, 300000000);
	ck_assert_str_eq(p.steps[2].path, "/bin/h");
	ck_assert_uint_eq(p.steps[2].time, 10000000);
	ck_assert(oom_policy_has(&p, OOM_FREEZE));
	ck_assert(!oom_policy_has(&p, OOM_KILL_NEWEST));
	ck_assert_int_eq(oom_policy_parse("freeze", &p, NULL), 0);
	ck_assert_uint_eq(p.steps[0].time, UINT64_MAX);
	ck_assert_int_eq(oom_policy_parse("none", &p, NULL), 0);
	ck_assert_uint_eq(p.n, 0);
}
END_TEST

/* Each with a part of what is said of it. */
static const char *const refused[][3] = {
	{"oom.policy", "", "'' is not kill-largest"},
	{"oom.policy", "kill", "'kill' is not kill-largest"},
	{"oom.policy", "kill-all now", "'now' is too much"},
	{"oom.policy", "kill-all for 1s", "'for' is too much"},
	{"oom.policy", "kill-all, then ", "'' is not kill-largest"},
	{"oom.policy", "none, then kill-all", "'none' is not"},
	{"oom.policy", "grow", "'' is not a size to grow by"},
	{"oom.policy", "grow 1M", "'to' is missing"},
	{"oom.policy", "grow 1M to", "nothing follows 'to'"},
	{"oom.policy", "grow max to 1G", "'max' is not a size to grow by"},
	{"oom.policy", "grow 1M to max", "'max' is not a size above 0"},
	{"oom.policy", "freeze for", "nothing follows 'for'"},
	{"oom.policy", "freeze for 0s", "'0s' is not a time above 0"},
	{"oom.policy", "freeze for max", "'max' is not a time above 0"},
	{"oom.policy", "hook", "the path of a program is missing"},
	{"oom.policy", "hook true", "'true' is not an absolute path"},
	{"oom.policy",
	 "freeze, then freeze, then freeze, then freeze, then freeze, then freeze, then freeze",
	 "more than 6 steps"},
	{"oom.prefer", "a, , b", "a pattern is empty"},
	{"oom.avoid", "", "a pattern is empty"},
	{"oom.prekill", "/bin/x 1s", "'1s' stands where 'for' is expected"},
	{"oom.pressure", "most 10% for 1s", "'most' is not some or full"},
	{"oom.pressure", "some 10 for 1s", "'10' is not a percentage"},
	{"oom.pressure", "some 101% for 1s", "'101%' is not a percentage"},
	{"oom.pressure", "some 10%", "'for' is missing"},
	{"oom.pressure", "full 10% for 11s", "500ms to 10s"},
	{"penalty", "cpu>80% for 10min", "'->' is missing"},
	{"penalty", "cpu 80% for 10min -> cpu.max=1% for 1s", "'cpu' is not RESOURCE>AMOUNT"},
	{"penalty", "disk>8 for 1s -> cpu.max=50% for 1s", "'disk' is not cpu, memory or pids"},
	{"penalty", "cpu>max for 1s -> cpu.max=50% for 1s", "'max' is not a percentage"},
	{"penalty", "pids>1K for 1s -> cpu.max=50% for 1s", "'1K' is not a number"},
	{"penalty", "cpu>80% -> cpu.max=50% for 1s", "'for' is missing"},
	{"penalty", "cpu>80% for 1s ->", "'for' is missing"},
	{"penalty", "cpu>80% for 1s -> for 1s", "'for' is missing"},
	{"penalty", "cpu>80% for 1s -> 50% for 1s", "'50%' is not KEY=VALUE"},
	{"penalty", "cpu>80% for 1s -> cpu.max=5x for 1s", "cpu.max: '5x' is not"},
	{"penalty", "cpu>80% for 1s -> oom.policy=none for 1s", "'oom.policy' is not a limit"},
	{"penalty", "cpu>80% for 1s -> cpu.max=50% for 1s 2", "'2' is too much"},
	{"penalty", "cpu>80% for 1s -> cpu.max=50% for 1s, then for 1s", "'for' is missing"},
	{"penalty.notice", "mail", "'mail' is not an absolute path"},
};

START_TEST(mistakes)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct rbce_error err = {0};
		int r = controller_check(refused[i][0], refused[i][1], &err);

		ck_assert_msg(r < 0, "%s = %s was taken", refused[i][0], refused[i][1]);
		ck_assert_msg(strstr(err.message, refused[i][2]) != NULL, "%s = %s: %s",
			      refused[i][0], refused[i][1], err.message);
	}
}
END_TEST

START_TEST(hooks_and_pressure)
{
	struct oom_prekill hook;
	struct oom_pressure pressure;

	ck_assert_int_eq(oom_prekill_parse("/bin/dump for 2s", &hook, NULL), 0);
	ck_assert_str_eq(hook.path, "/bin/dump");
	ck_assert_uint_eq(hook.time, 2000000);
	ck_assert_int_eq(oom_prekill_parse("/bin/dump", &hook, NULL), 0);
	ck_assert_uint_eq(hook.time, 5000000);
	ck_assert_int_eq(oom_pressure_parse("full 20% for 10s", &pressure, NULL), 0);
	ck_assert(pressure.full);
	ck_assert_uint_eq(pressure.window, 10000000);
	ck_assert_uint_eq(pressure.threshold, 2000000);
}
END_TEST

START_TEST(patterns)
{
	const char *list = "cc1*, /opt/batch/*,x?z ";

	ck_assert(oom_patterns_match(list, "/usr/lib/cc1plus", "other"));
	ck_assert(oom_patterns_match(list, NULL, "cc1"));
	ck_assert(oom_patterns_match(list, "/opt/batch/run", "run"));
	ck_assert(oom_patterns_match(list, "/usr/bin/python3", "xyz"));
	ck_assert(!oom_patterns_match(list, "/usr/bin/python3", "xyzz"));
	ck_assert(!oom_patterns_match(list, "/usr/opt/batch/run", "run"));
	ck_assert(!oom_patterns_match(list, NULL, "/opt/batch/x"));
	ck_assert(!oom_patterns_match("", "/bin/sh", "sh"));
	ck_assert(oom_patterns_match("*a*b*c", NULL, "xxaxbxxbc"));
	ck_assert(!oom_patterns_match("*a*b*c", NULL, "xxaxcxxb"));
	/* Names as they come: longer than the kernel's 15 bytes, with spaces. */
	ck_assert(oom_patterns_match("a-very-long-program-name", "/bin/a-very-long-program-name",
				     "a-very-long-pro"));
	ck_assert(oom_patterns_match("Web Content", "/usr/lib/firefox", "Web Content"));
}
END_TEST

START_TEST(penalties)
{
	struct penalty p;

	ck_assert_int_eq(penalty_parse("cpu>80% for 10min -> cpu.max=50% for 30min, then 25% for "
				       "1h, then cpu.max=10% pids.max=50 for 2h",
				       &p, NULL),
			 0);
	ck_assert_int_eq(p.resource, PENALTY_CPU);
	ck_assert_uint_eq(p.amount, 80000);
	ck_assert_uint_eq(p.time, 600000000);
	ck_assert_uint_eq(p.n, 3);
	ck_assert_str_eq(p.levels[1].limits[0].value, "25%");
	ck_assert_str_eq(controller_key_name(p.levels[1].limits[0].key), "cpu.max");
	ck_assert_uint_eq(p.levels[1].time, 3600000000);
	ck_assert_uint_eq(p.levels[2].n, 2);
	ck_assert_str_eq(controller_key_name(p.levels[2].limits[1].key), "pids.max");
	ck_assert_int_eq(penalty_parse("memory>2G for 1s -> memory.high=1G for 1s", &p, NULL), 0);
	ck_assert_int_eq(p.resource, PENALTY_MEMORY);
	ck_assert_uint_eq(p.amount, UINT64_C(2) << 30);
	ck_assert_int_eq(penalty_parse("pids>100 for 1s->pids.max=50 for 1s", &p, NULL), 0);
	ck_assert_uint_eq(p.amount, 100);
}
END_TEST

START_TEST(the_lower_of_two)
{
	const struct controller_key *key = controller_key_find("memory.high");

	ck_assert_str_eq(penalty_lower(key, "1G", "max"), "1G");
	ck_assert_str_eq(penalty_lower(key, "max", "512M"), "512M");
	ck_assert_str_eq(penalty_lower(controller_key_find("cpu.max"), "50%", "25%"), "25%");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {policies, mistakes,  hooks_and_pressure,
				      patterns, penalties, the_lower_of_two,
				      NULL};

	return harness_run("oom-policy", tests);
}
