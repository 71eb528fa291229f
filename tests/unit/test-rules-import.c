// SPDX-License-Identifier: GPL-2.0-or-later
/* Importing cgrules.conf, cgconfig.conf and ananicy: what comes out is loaded and asked. */
#include <errno.h>
#include <rbced/key_check.h>
#include <rules/import.h>

#include "rules-fixture.h"

/* Accepts every name; the numbers of a few are known. */
static int any_id(void *data, const char *name, uint32_t *ret)
{
	if (fixture_id(data, name, ret) == 0)
		return 0;
	*ret = 900000;
	return 0;
}

static const struct rules_names names = {any_id, any_id, fixture_name, fixture_name, NULL};
/* As rbced and rbcectl do; but the devices of a test are not those of the machine. */
static struct import_options import_options = {.check_key = key_check, .cpus = 4};
static struct rules_options options = {
	.names = &names,
	.check_key = key_check,
	.key_repeats = key_check_repeats,
};

static void any_device(void)
{
	import_options.check_key = options.check_key = NULL;
}

/* What an import came to. */
struct result {
	struct ruleset *set;
	char *text;
	struct rules_errors warnings, errors;
};

static struct result import(import_fn *function, const char *text)
{
	const struct import_source source = {"t.conf", text, strlen(text)};
	struct rules_errors errors = {0};
	struct result result = {0};

	if (function(&source, 1, &import_options, &result.text, &result.warnings, &result.errors) <
	    0)
		return result;
	ck_assert_msg(ruleset_parse("out", result.text, strlen(result.text), &options, &result.set,
				    &errors) == 0,
		      "%s\n%s", errors.n ? errors.lines[0] : "", result.text);
	return result;
}

static void done(struct result *result)
{
	ruleset_free(result->set);
	rules_errors_done(&result->warnings);
	rules_errors_done(&result->errors);
	free(result->text);
}

/* The container that the imported rules give, "ignore" or "none". */
static void gives(const char *text, struct rbce_task task, const char *expected)
{
	struct result result = import(import_cgrules, text);
	const struct rule *rule;
	char *name = NULL;

	ck_assert_msg(result.set != NULL, "%s: %s", text,
		      result.errors.n ? result.errors.lines[0] : "");
	task.facts = RBCE_FACT_ALL;
	rule = ruleset_match(result.set, &task);
	if (rule && rule->container)
		ck_assert_int_eq(ruleset_container(result.set, rule, &task, &name, NULL), 0);
	ck_assert_msg(strcmp(name
				     ?: rule ? name ?: "ignore"
					     : "none",
			     expected) == 0,
		      "%s: expected %s, got %s\n%s", text, expected,
		      name
			      ?: rule ? name ?: "ignore"
				      : "none",
		      result.text);
	free(name);
	done(&result);
}

static void refuses(import_fn *function, const char *text, const char *error)
{
	struct result result = import(function, text);

	ck_assert_msg(!result.set && result.errors.n == 1, "accepted: %s", text);
	ck_assert_str_eq(result.errors.lines[0], error);
	done(&result);
}

static void warns(import_fn *function, const char *text, const char *warning)
{
	struct result result = import(function, text);

	ck_assert_msg(result.set != NULL, "%s", result.errors.n ? result.errors.lines[0] : text);
	ck_assert_msg(result.warnings.n >= 1, "no warning: %s\n%s", text, result.text);
	ck_assert_str_eq(result.warnings.lines[0], warning);
	done(&result);
}

#define TASK(...) ((struct rbce_task){__VA_ARGS__})
#define EXE(path) .exe = (char *)(path)
#define IN(name)  .container = (char *)(name)

START_TEST(users_and_groups)
{
	static gid_t groups[] = {7, 500};

	gives("alice cpu,memory people\n", TASK(.uid = 1000), "people");
	gives("alice cpu people\n", TASK(.uid = 1001), "none");
	gives("* cpu all\n", TASK(.uid = 1001), "all");
	gives("@students cpu class\n", TASK(.gid = 500), "class");
	gives("@students cpu class\n", TASK(.groups = groups, .n_groups = 2), "class");
	gives("@students cpu class\n", TASK(.groups = groups, .n_groups = 1), "none");
	gives("bob cpu a\n* cpu b\n", TASK(.uid = 1000), "b");
	gives("# comment\n\n   \nbob\tcpu\ta\n", TASK(.uid = 1001), "a");
}
END_TEST

START_TEST(templates)
{
	gives("* cpu u/%u/%U\n", TASK(.uid = 1000), "u/alice/1000");
	gives("* cpu g/%g/%G\n", TASK(.gid = 500), "g/students/500");
	gives("* cpu /p/%p/\n", TASK(EXE("/usr/bin/gcc")), "p/gcc");
	gives("* cpu p/%P\n", TASK(.pid = 42), "p/42");
	gives("* cpu a\\%u\n", TASK(.uid = 1000), "a%u");
	gives("* cpu a%x%%\n", TASK(.uid = 1000), "a%x%%");
	gives("* cpu a\\b\\\\c\\\n", TASK(.uid = 1000), "ab\\c");
	gives("* cpu //a///b//\n", TASK(.uid = 1000), "a/b");
}
END_TEST

/* The name with a star, as libcgroup means it: a beginning of the name or of the path. */
START_TEST(wildcards)
{
	gives("*:systemd cpu x\n", TASK(EXE("/bin/bash")), "none");
	gives("*:BobIsYour* cpu x\n", TASK(EXE("/bin/Linda")), "none");
	gives("*:HelloWorl* cpu x\n", TASK(EXE("/bin/HelloWorld")), "x");
	gives("*:HelloW* cpu x\n", TASK(EXE("/bin/Hello")), "none");
	gives("*:strace* cpu x\n", TASK(EXE("/bin/strace")), "x");
	gives("*:systemd-cgls cpu x\n", TASK(EXE("/bin/systemd-cgls")), "x");
	gives("*:* cpu x\n", TASK(EXE("/bin/tomcat")), "x");
	/* Never true in libcgroup 2: it compared with the whole path only. */
	gives("*:vict* cpu x\n", TASK(EXE("/x/victim")), "x");
	gives("*:/x/vict* cpu x\n", TASK(EXE("/x/victim")), "x");
	gives("*:/x/vict* cpu x\n", TASK(EXE("/y/victim")), "none");
	gives("alice:/usr/bin/cc1 cpu x\n", TASK(.uid = 1000, EXE("/usr/bin/cc1")), "x");
	gives("alice:/usr/bin/cc1 cpu x\n", TASK(.uid = 1001, EXE("/usr/bin/cc1")), "none");
	/* Letters that mean something in our patterns do not in theirs. */
	gives("*:a[b]?c, cpu x\n", TASK(EXE("/bin/a[b]?c,")), "x");
	gives("*:a[b]?c cpu x\n", TASK(EXE("/bin/abxc")), "none");
	gives("*:!x cpu x\n", TASK(EXE("/bin/!x")), "x");
	gives("*:re:x cpu x\n", TASK(EXE("/bin/re:x")), "x");
}
END_TEST

START_TEST(ignore)
{
	/* It ends at that rule; the next one would move it. */
#define NEXT "* cpu moved\n"
	gives("* cpu moved\n", TASK(IN("Simple")), "moved");
	gives("* cpuacct Simple ignore\n" NEXT, TASK(IN("Simple")), "ignore");
	gives("* cpuacct CloseButNotQuit ignore\n" NEXT, TASK(IN("CloseBut")), "moved");
	gives("* cpuacct mine ignore\n" NEXT, TASK(IN("other")), "moved");
	gives("*:kid cpuset parent/ ignore\n" NEXT,
	      TASK(EXE("/kid"), IN("parent/child/grandchild")), "ignore");
	gives("* hugetlb parent/child/ ignore\n" NEXT, TASK(IN("parent/child/grandchild")),
	      "ignore");
	gives("* hugetlb parent/child ignore\n" NEXT, TASK(IN("parent/child2")), "ignore");
	gives("* hugetlb parent/child ignore\n" NEXT, TASK(IN("parent/chil")), "moved");
	gives("* cpu mine/ ignore\n" NEXT, TASK(IN("mine")), "ignore");
	gives("* net_cls Net2 ignore\n" NEXT, TASK(IN("Net")), "moved");
	gives("* memory folder/ ignore\n" NEXT, TASK(IN("folder1")), "moved");
	gives("* freezer / ignore\n", TASK(IN("some")), "none");
	gives("*:ssh* cpuacct M ignore\n" NEXT, TASK(EXE("/sshd"), IN("M")), "ignore");
	gives("*:httpd* cpuacct A ignore\n" NEXT, TASK(EXE("/httpx"), IN("A")), "moved");
	/* Reported broken in libcgroup: one process, and all of a user's. */
	gives("root:victim cpu * ignore\n" NEXT, TASK(.uid = 0, EXE("/x/victim")), "ignore");
	gives("root:victim cpu * ignore\n" NEXT, TASK(.uid = 0, EXE("/x/other")), "moved");
	gives("root * * ignore\n" NEXT, TASK(.uid = 0), "ignore");
	gives("root * * ignore\n" NEXT, TASK(.uid = 1000), "moved");
}
END_TEST

START_TEST(cgrules_options)
{
	gives("* cpu * ignore\n", TASK(.uid = 0), "ignore");
	gives("* cpu * ignore,\n", TASK(.uid = 0), "ignore");
	refuses(import_cgrules, "* cpu x ignoretypo\n", "t.conf:1: unknown option 'ignoretypo'");
	refuses(import_cgrules, "* cpu x ignore,foobar\n", "t.conf:1: unknown option 'foobar'");
	gives("* cpu x\n", TASK(.uid = 0), "x");
	refuses(import_cgrules, "* cpu x ,\n", "t.conf:1: expected an option: ignore or ignore_rt");
	gives("* cpu * ignore_rt\n" NEXT, TASK(.policy = 1), "ignore");
	gives("* cpu * ignore_rt\n" NEXT, TASK(.policy = 0), "moved");
	gives("* cpu x/ ignore_rt\n" NEXT, TASK(.policy = 2, IN("x/y")), "ignore");
	gives("* cpu x/ ignore_rt\n" NEXT, TASK(.policy = 0, IN("x/y")), "moved");
	gives("* cpu x/ ignore_rt\n" NEXT, TASK(.policy = 2, IN("y")), "moved");
	gives("* cpu * ignore,ignore_rt\n", TASK(.policy = 0), "ignore");
}
END_TEST

START_TEST(fields_and_quotes)
{
	refuses(import_cgrules, "alice\n",
		"t.conf:1: expected USER CONTROLLERS DESTINATION [OPTIONS]");
	refuses(import_cgrules, "alice cpu\n",
		"t.conf:1: expected USER CONTROLLERS DESTINATION [OPTIONS]");
	refuses(import_cgrules, "alice cpu a ignore more\n",
		"t.conf:1: expected USER CONTROLLERS DESTINATION [OPTIONS]");
	refuses(import_cgrules, "\n\"This has no end\n", "t.conf:2: a quotation mark has no end");
	refuses(import_cgrules, "a \"cpu\" x\n",
		"t.conf:1: controllers and options have no quotation marks");
	refuses(import_cgrules, ":gcc cpu x\n", "t.conf:1: the user is missing");
	refuses(import_cgrules, "\"\" cpu x\n", "t.conf:1: the user is missing");
	refuses(import_cgrules, "alice c\"p\"u x\n",
		"t.conf:1: controllers and options have no quotation marks");
	refuses(import_cgrules, "alice cpu x \"ignore\"\n",
		"t.conf:1: controllers and options have no quotation marks");
	gives("bob: cpu x\n", TASK(.uid = 1001, EXE("/bin/any")), "x");
	gives("alice:/usr/bin/homerun cpu SanFrancisco/Giants/\n",
	      TASK(.uid = 1000, EXE("/usr/bin/homerun")), "SanFrancisco/Giants");
	gives("bob freezer Chicago/WhiteSox\n", TASK(.uid = 1001), "Chicago/WhiteSox");
	gives("\"Sandy Koufax:/bin/fast ball\" memory Brooklyn/Dodgers\n",
	      TASK(.uid = 900000, EXE("/bin/fast ball")), "Brooklyn/Dodgers");
	gives("alice:/homerun/king io,memory,cpu \"Homestead Grays\"\n",
	      TASK(.uid = 1000, EXE("/homerun/king")), "Homestead Grays");
	gives("\t\talice\tcpuset\t\"Kansas City/Monarchs\"\n", TASK(.uid = 1000),
	      "Kansas City/Monarchs");
	gives("\t\t\"Roberto Clemente\"\t\tpids\t\"Pittsburgh/Pirates\"\tignore\n",
	      TASK(.uid = 900000, IN("Pittsburgh/Pirates")), "ignore");
	/* In libcgroup the user would be lost. */
	gives("bob:\"fast ball\" cpu a\n", TASK(.uid = 1001, EXE("/bin/fast ball")), "a");
	gives("bob:\"fast ball\" cpu a\n", TASK(.uid = 1000, EXE("/bin/fast ball")), "none");
	gives("\"bob\":fast*  cpu a\n", TASK(.uid = 1001, EXE("/bin/fast ball")), "a");
	/* What follows a '#' is a comment. */
	gives("bob cpu a# b\n  # bob cpu c\n", TASK(.uid = 1001), "a");
	gives("bob:\"fast\" cpu a # ignore\n", TASK(.uid = 1001, EXE("/fast")), "a");
}
END_TEST

START_TEST(continuation)
{
	gives("alice cpu a\n% memory a\nbob cpu b\n", TASK(.uid = 1000), "a");
	gives("alice cpu a\n% memory a\nbob cpu b\n", TASK(.uid = 1001), "b");
	gives("alice cpu a/\n% memory /a\n", TASK(.uid = 1000), "a");
	warns(import_cgrules, "alice cpu a\n% memory a ignore\n",
	      "t.conf:2: left out: options of a line '%' mean nothing");
	warns(import_cgrules, "alice cpu * ignore\n% memory b\n",
	      "t.conf:2: left out: so was the line above, or it moves nothing");
	warns(import_cgrules, "alice cpu a\n% memory b\n",
	      "t.conf:2: left out: other controllers of the same task would stand in 'b'; a "
	      "container "
	      "has one name for all controllers");
	refuses(import_cgrules, "% memory b\n", "t.conf:1: '%' has no line above to go on with");
}
END_TEST

START_TEST(cgrules_warnings)
{
	warns(import_cgrules, "* cpu ../x\n",
	      "t.conf:1: left out: cannot use container name '../x': '.' and '..' are no container "
	      "names");
	warns(import_cgrules, "a,b cpu x\n",
	      "t.conf:1: left out: 'a,b' cannot be the name of a user");
	warns(import_cgrules, "bob: cpu x\n", "t.conf:1: no process behind ':': any is meant");
	warns(import_cgrules, "* cpu / ignore\n",
	      "t.conf:1: left out: what stands in no container cannot be matched; it stays there "
	      "while no rule matches it");
	warns(import_cgrules, "* cpu a/ ignore\n",
	      "t.conf:1: 'ignore' holds for containers under the root of rbced; groups outside it "
	      "are "
	      "left alone unless a rule matches");
}
END_TEST

START_TEST(odd_sources)
{
	static const char nul[] = "bob cpu a\nbob c\0pu b\nbob memory c\n";
	const struct import_source source = {"t.conf", nul, sizeof(nul) - 1};
	import_fn *const functions[] = {import_cgrules, import_cgconfig, import_ananicy};
	static char text[40000];

	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		struct result result = {0};

		ck_assert_int_eq(functions[i](&source, 1, &import_options, &result.text,
					      &result.warnings, &result.errors),
				 -EINVAL);
		ck_assert_str_eq(result.errors.lines[0], "t.conf:2: this line has a NUL byte");
		done(&result);
	}
	/* Names that are longer than any: what comes out can be loaded. */
	snprintf(text, sizeof(text), "*:%010000d cpu a\n%0300d cpu b\n* cpu %010000d ignore\n", 1,
		 1, 1);
	warns(import_cgrules, text,
	      "t.conf:1: left out: no process can have this name: "
	      "'00000000000000000000000000000000000000000000000000000000000000"
	      "0000000000000000000000000000000000000000000000000000000000000000"
	      "0000000000000000000000000000000000000000000000000000000000000000"
	      "0000000000'");
}
END_TEST

/* The value of a key of a container, NULL for none. */
static const char *value_of(const struct ruleset *set, const char *container, const char *key)
{
	const struct container_section *section = ruleset_section(set, container);

	for (size_t i = 0; section && i < section->n_keys; i++)
		if (strcmp(section->keys[i].key, key) == 0)
			return section->keys[i].value;
	return NULL;
}

START_TEST(cgconfig)
{
	static const char text[] =
		"# comment\n"
		"group students {\n"
		"  memory { memory.limit_in_bytes = 2G; memory.soft_limit_in_bytes = 1073741824; "
		"}\n"
		"  cpu { cpu.shares = 512; cpu.cfs_quota_us = 50000; cpu.cfs_period_us = 100000; "
		"}\n"
		"  pids { pids.max = 100; }\n"
		"}\n"
		"template users/%u { cpu { cpu.max = \"200000 100000\"; } memory { memory.max = "
		"-1; } }\n"
		"group \"plain name\" { cpu { cpu.weight = 20; cpu.cfs_quota_us = -1; } }\n"
		"group empty { cpuacct { } }\n";
	struct result result = import(import_cgconfig, text);

	ck_assert_msg(result.set != NULL, "%s", result.errors.n ? result.errors.lines[0] : "");
	ck_assert_uint_eq(result.warnings.n, 0);
	ck_assert_str_eq(value_of(result.set, "students", "memory.max"), "2G");
	ck_assert_str_eq(value_of(result.set, "students", "memory.soft"), "1G");
	ck_assert_str_eq(value_of(result.set, "students", "cpu.weight"), "50");
	ck_assert_str_eq(value_of(result.set, "students", "cpu.max"), "50%");
	ck_assert_str_eq(value_of(result.set, "students", "pids.max"), "100");
	ck_assert_str_eq(value_of(result.set, "users/alice", "cpu.max"), "200%");
	ck_assert_str_eq(value_of(result.set, "users/alice", "memory.max"), "max");
	ck_assert_str_eq(value_of(result.set, "plain name", "cpu.weight"), "20");
	ck_assert_str_eq(value_of(result.set, "plain name", "cpu.max"), "max");
	ck_assert_ptr_nonnull(ruleset_section(result.set, "empty"));
	done(&result);
}
END_TEST

START_TEST(cgconfig_devices)
{
	static const char text[] = "group a { blkio {\n"
				   "  blkio.throttle.read_bps_device = \"8:0 1048576\";\n"
				   "  blkio.throttle.write_bps_device = \"8:0 2097152\";\n"
				   "  blkio.throttle.read_iops_device = \"8:16 100\";\n"
				   "  blkio.throttle.write_iops_device = \"8:16 0\"; } }\n"
				   "group b { io { io.max = \"8:0 rbps=5 wbps=max\"; io.max = "
				   "\"8:16  riops=7\"; } }\n";
	struct result result;

	any_device();
	result = import(import_cgconfig, text);
	ck_assert_uint_eq(result.warnings.n, 0);
	ck_assert_ptr_nonnull(strstr(result.text, "[container a]\n"
						  "io.max = 8:0 rbps=1048576 wbps=2097152\n"
						  "io.max = 8:16 riops=100 wiops=max\n"));
	ck_assert_ptr_nonnull(strstr(result.text, "[container b]\n"
						  "io.max = 8:0 rbps=5 wbps=max\n"
						  "io.max = 8:16 riops=7\n"));
	done(&result);
	warns(import_cgconfig,
	      "group b { blkio { blkio.throttle.read_bps_device = \"8:0 1\"; } io { io.max = \"8:0 "
	      "rbps=2\"; } }\n",
	      "t.conf:1: left out: rbps of device 8:0 is set already");
	warns(import_cgconfig, "group b { io { io.max = \"8:0 latency=2\"; } }\n",
	      "t.conf:1: left out: 'latency' is not a limit of a device");
	warns(import_cgconfig, "group b { io { io.max = \"sda rbps=2\"; } }\n",
	      "t.conf:1: left out: 'sda' is no device, MAJOR:MINOR");
	warns(import_cgconfig, "group b { io { io.max = \"8:0 rbps=-2\"; } }\n",
	      "t.conf:1: left out: '-2' is not a number of rbps");
	warns(import_cgconfig, "group b { io { io.max = \" \"; } }\n",
	      "t.conf:1: left out: io.max without a device");
	warns(import_cgconfig,
	      "group b { blkio { blkio.throttle.read_bps_device = \"8:0 1 2\"; } }\n",
	      "t.conf:1: left out: expected \"MAJOR:MINOR NUMBER\"");
}
END_TEST

/* Names of groups are what they are; those of templates have variables and escapes. */
START_TEST(cgconfig_names)
{
	struct result result =
		import(import_cgconfig, "* a comment\n # and another\n*\n"
					"group 50%u/a\\b { cpu { cpu.shares = 1024; } }\n"
					"template x/\\%u-%u%x { cpu { cpu.shares = 2048; } }\n"
					"group \"/two words//c/\" { cpu { cpu.shares = 512; } }\n"
					"group default { }\n");

	ck_assert_ptr_nonnull(result.set);
	ck_assert_uint_eq(result.warnings.n, 0);
	ck_assert_str_eq(value_of(result.set, "50%u/a\\b", "cpu.weight"), "100");
	ck_assert_str_eq(value_of(result.set, "x/%u-alice%x", "cpu.weight"), "200");
	ck_assert_str_eq(value_of(result.set, "two words/c", "cpu.weight"), "50");
	ck_assert_ptr_nonnull(ruleset_section(result.set, "default"));
	done(&result);
	warns(import_cgconfig, "group . { cpu { cpu.shares = 512; } }\n",
	      "t.conf:1: left out: the group at the top; its limits are the host's");
	warns(import_cgconfig, "group / { cpu { cpu.shares = 512; } }\n",
	      "t.conf:1: left out: the group at the top; its limits are the host's");
	warns(import_cgconfig, "group a { }\ngroup a/ { }\n",
	      "t.conf:2: left out: group 'a' stands above already");
}
END_TEST

/* Values that the same key of ours cannot have. */
START_TEST(cgconfig_values)
{
	static const struct {
		const char *setting, *warning;
	} rows[] = {
		{"cpu.cfs_quota_us = 0", "cpu.max = 0%: '0%' is out of range (0.1% to 10000000%)"},
		{"cpu.cfs_quota_us = -2", "'-2' is not a number of microseconds"},
		{"cpu.cfs_quota_us = 5; cpu.cfs_period_us = 0",
		 "'0' is not a number of microseconds"},
		{"cpu.cfs_period_us = 100000", "cpu.cfs_period_us without a quota"},
		{"cpu.max = \"\"", "'' is not a quota and a period"},
		{"cpu.max = \"1 2 3\"", "'1 2 3' is not a quota and a period"},
		{"cpu.max = \"-1 100000\"", "'-1' is not a number of microseconds"},
		{"cpu.max = \"1000 0\"", "'0' is not a number of microseconds"},
		{"cpu.weight = 0", "'0' is not a number of weight"},
		{"pids.max = many", "pids.max = many: 'many' is not a number (like 500 or max)"},
		{"pids.max = \"5 ; 6\"", "'5 ; 6' cannot be a value of pids.max"},
		{"memory.low = 0", "memory.soft = 0: '0' is out of range (64K to 7E)"},
		{"memory.max = -5", "'-5' is not a size"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[256], warning[256];

		snprintf(text, sizeof(text), "group a { c { %s; } }\n", rows[i].setting);
		snprintf(warning, sizeof(warning), "t.conf:1: left out: %s", rows[i].warning);
		warns(import_cgconfig, text, warning);
	}
}
END_TEST

START_TEST(cgconfig_messages)
{
	warns(import_cgconfig, "mount { cpu = /cgroup/cpu; memory = /cgroup/memory; }\n",
	      "t.conf:1: left out: mounts; the hierarchies that are mounted are found");
	warns(import_cgconfig, "namespace { cpu = daemons; }\n",
	      "t.conf:1: left out: namespaces; write their paths before the names of the "
	      "containers");
	warns(import_cgconfig, "default { perm { task { uid = a; } admin { gid = b; } } }\n",
	      "t.conf:1: left out: default permissions; rbced owns its groups");
	warns(import_cgconfig, "systemd {\n slice = a; scope = b;\n}\n",
	      "t.conf:1: left out: slices; run rbced as a unit with Delegate=yes");
	warns(import_cgconfig,
	      "group a { perm { task { uid = root; gid = root; fperm = 770; }\n admin { uid = "
	      "root; "
	      "dperm = 775; } } cpu { } }\n",
	      "t.conf:1: left out: permissions; rbced owns its groups, and 'rbcectl' is for those "
	      "who "
	      "may change them");
	warns(import_cgconfig, "group a {\n memory {\n  memory.swappiness = 10; } }\n",
	      "t.conf:3: left out: memory.swappiness = 10 has no counterpart");
	warns(import_cgconfig, "group a { cpu { cpu.shares = many; } }\n",
	      "t.conf:1: left out: 'many' is not a number of shares");
	warns(import_cgconfig,
	      "group a { memory { memory.max = 1; memory.limit_in_bytes = 2; } }\n",
	      "t.conf:1: left out: memory.max of this group is set already");
	warns(import_cgconfig, "group ../a { cpu { cpu.shares = 5; } }\n",
	      "t.conf:1: left out: cannot use container name '../a': '.' and '..' are no container "
	      "names");
	refuses(import_cgconfig, "group a {\n cpu { cpu.shares 5; }\n}\n",
		"t.conf:2: expected '=' behind a setting's name");
	refuses(import_cgconfig, "group a { cpu { cpu.shares = 5 } }\n",
		"t.conf:1: expected ';' behind a value");
	refuses(import_cgconfig, "group a {\n", "t.conf:2: expected '}' or a controller");
	refuses(import_cgconfig, "grup a { }\n",
		"t.conf:1: expected group, template, default, mount, namespace or systemd");
}
END_TEST

START_TEST(ananicy)
{
	static const char text[] =
		"# games\n"
		"{\"type\": \"Game\", \"nice\": -5, \"ioclass\": \"best-effort\", \"ionice\": 2}\n"
		"{\"type\": \"BG\", \"nice\": 19, \"sched\": \"idle\", \"ioclass\": \"idle\", "
		"\"cgroup\": "
		"\"cpu90\"}\n"
		"{\"cgroup\": \"cpu90\", \"CPUQuota\": 90}\n"
		"{\"name\": \"My Game, the first.exe\", \"type\": \"Game\"}\n"
		"{\"name\": \"quake\", \"type\": \"Game\"}\n"
		"{\"name\": \"updatedb\", \"type\": \"BG\", \"oom_score_adj\": 900}\n"
		"{\"name\": \"jack\", \"sched\": \"fifo\", \"rtprio\": 50}\n"
		"{\"name\": \"#odd ;name\", \"nice\": 1}\n";
	struct result result = import(import_ananicy, text);
	const struct rule *rule;
	struct rbce_task task = {.facts = RBCE_FACT_ALL};

	ck_assert_ptr_nonnull(result.set);
	ck_assert_uint_eq(result.warnings.n, 0);
	ck_assert_str_eq(value_of(result.set, "cpu90", "cpu.max"), "360%");
	ck_assert_str_eq(value_of(result.set, "cpu90", "cpu.weight"), "90");
	ck_assert_uint_eq(ruleset_size(result.set), 4);
	task.exe = (char *)"/opt/My Game, the first.exe";
	rule = ruleset_match(result.set, &task);
	ck_assert(rule && rule->actions.nice == -5 && !rule->container);
	ck_assert_int_eq(rule->actions.ioprio, 2 << 13 | 2);
	task.exe = (char *)"/usr/bin/quake";
	ck_assert_ptr_eq(ruleset_match(result.set, &task), rule);
	task.exe = (char *)"/usr/bin/updatedb";
	rule = ruleset_match(result.set, &task);
	ck_assert_str_eq(rule->container, "cpu90");
	ck_assert(rule->actions.nice == 19 && rule->actions.oom_score_adj == 900);
	task.exe = (char *)"/usr/bin/jack";
	rule = ruleset_match(result.set, &task);
	ck_assert(rule->actions.policy == 1 && rule->actions.priority == 50);
	task.exe = (char *)"/usr/bin/#odd ;name";
	ck_assert_ptr_nonnull(ruleset_match(result.set, &task));
	task.exe = (char *)"/usr/bin/My Game";
	ck_assert_ptr_null(ruleset_match(result.set, &task));
	done(&result);
}
END_TEST

/* Words that the arguments must have; a comment behind a line. */
START_TEST(ananicy_arguments)
{
	struct result result =
		import(import_ananicy,
		       "{\"name\": \"java\", \"nice\": 5} # all others\n"
		       "{\"name\": \"java\", \"cmdlines\": [\"a.b, c\", \"-jar\"], \"nice\": 9}\n"
		       "{\"name\": \"user=1\", \"nice\": 1}\n"
		       "{\"name\": \"[rule x]\", \"nice\": 1}\n");
	struct rbce_task task = {.facts = RBCE_FACT_ALL, EXE("/usr/bin/java")};
	static const struct {
		const char *args;
		int nice;
	} rows[] = {
		{"", 5},
		{"-jar a.b, c", 9},
		{"-x a.b, c -y -jar", 9},
		{"-jar axb, c", 5},
		{"-jarx a.b, c", 5},
		{"x-jar a.b, c", 5},
	};

	ck_assert_ptr_nonnull(result.set);
	ck_assert_uint_eq(result.warnings.n, 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		task.args = (char *)rows[i].args;
		ck_assert_int_eq(ruleset_match(result.set, &task)->actions.nice, rows[i].nice);
	}
	task.exe = (char *)"/bin/user=1";
	ck_assert_int_eq(ruleset_match(result.set, &task)->actions.nice, 1);
	done(&result);
	warns(import_ananicy, "{\"name\": \"a\", \"cmdlines\": \"x\", \"nice\": 1}\n",
	      "t.conf:1: left out: a rule whose cmdlines are no list of words");
	warns(import_ananicy, "{\"name\": \"a\", \"cmdlines\": [1], \"nice\": 1}\n",
	      "t.conf:1: left out: a rule whose cmdlines are no list of words");
}
END_TEST

START_TEST(ananicy_messages)
{
	warns(import_ananicy, "{\"name\": \"a\", \"nice\": 1\n",
	      "t.conf:1: left out: this line is no JSON object");
	warns(import_ananicy, "[1]\n", "t.conf:1: left out: this line is no JSON object");
	warns(import_ananicy, "{\"name\": \"a\", \"nice\": 1}+\n",
	      "t.conf:1: left out: '+' behind the object");
	warns(import_ananicy, "\n{\"name\": \"a\", \"type\": \"None\", \"nice\": 3}\n",
	      "t.conf:2: unknown type 'None'");
	warns(import_ananicy, "{\"name\": \"a\", \"nice\": 1, \"latency_nice\": 3}\n",
	      "t.conf:1: left out: 'latency_nice' has no counterpart");
	warns(import_ananicy, "{\"name\": \"a\", \"nice\": 1}\n{\"name\": \"a\", \"nice\": 2}\n",
	      "t.conf:2: 'a' stands above already: this one takes its place");
	warns(import_ananicy, "{\"name\": \"a\"}\n",
	      "t.conf:1: left out: the rule of 'a' sets nothing");
	warns(import_ananicy, "{\"name\": \"a\", \"nice\": 50}\n", "t.conf:1: left out: nice '50'");
	warns(import_ananicy, "{\"name\": \"a\", \"nice\": 5, \"cgroup\": \"x\"}\n",
	      "t.conf:1: left out: unknown cgroup 'x'");
	warns(import_ananicy, "{\"name\": \"a/b\", \"nice\": 5}\n",
	      "t.conf:1: left out: 'a/b' cannot be an executable's name");
	warns(import_ananicy, "{\"name\": 5, \"type\": \"x\", \"nice\": 1}\n",
	      "t.conf:1: left out: a name that is no text");
	warns(import_ananicy, "{\"name\": \"a\", \"type\": 5, \"nice\": 1}\n",
	      "t.conf:1: left out: a type that is no text");
	warns(import_ananicy, "{\"name\": \"a\", \"nice\": 1, \"rtprio\": 5}\n",
	      "t.conf:1: left out: rtprio without the policy fifo or rr");
	warns(import_ananicy, "{\"name\": \"a\", \"sched\": \"rr\", \"rtprio\": 100}\n",
	      "t.conf:1: left out: rtprio '100'");
	warns(import_ananicy, "{\"type\": \"a\"}\n{\"type\": \"a\", \"nice\": 1}\n",
	      "t.conf:2: 'a' stands above already: this one takes its place");
	warns(import_ananicy, "{\"cgroup\": \"a\", \"CPUQuota\": \"x\"}\n",
	      "t.conf:1: left out: a CPUQuota from 1 to 100 was expected");
	warns(import_ananicy, "{\"cgroup\": \"../a\", \"CPUQuota\": 5}\n",
	      "t.conf:1: left out: '../a' cannot be a container's name");
	warns(import_ananicy, "{\"name\": \"a\", \"nice\": 5, \"sched\": \"iso\"}\n",
	      "t.conf:1: left out: scheduling policy 'iso'");
}
END_TEST

int main(void)
{
	return harness_run("rules-import",
			   (const TTest *const[]){users_and_groups, templates, wildcards, ignore,
						  cgrules_options, fields_and_quotes, continuation,
						  cgrules_warnings, odd_sources, cgconfig,
						  cgconfig_devices, cgconfig_names, cgconfig_values,
						  cgconfig_messages, ananicy, ananicy_arguments,
						  ananicy_messages, NULL});
}
