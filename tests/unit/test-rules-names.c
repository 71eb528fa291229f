// SPDX-License-Identifier: GPL-2.0-or-later
/* rules/template.c, names.c: which name a container gets, and which section describes it. */
#include <rbce/container.h>
#include <rules/internal.h>

#include "rules-fixture.h"

#define TEN  "0123456789"
#define LONG TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static const struct {
	const char *template;
	uid_t uid;
	const char *exe;
	const char *name;
} expansions[] = {
	{"plain/name", 0, "/bin/sh", "plain/name"},
	{"users/%u", 1000, "/bin/sh", "users/alice"},
	{"users/%u", 4711, "/bin/sh", "users/4711"},
	{"%U-%G/%g", 1000, "/bin/sh", "1000-500/students"},
	{"%U", 4294967294, "/bin/sh", "4294967294"},
	{"%r/%P/100%%", 0, "/bin/sh", "a/4242/100%"},
	{"%%u/%u%%", 0, "/bin/sh", "%u/root%"},
	{"p/%p", 0, "/opt/a b/c d", "p/c d"},
	{"p/%p", 0, NULL, "p/task"},
	{"p/%p/%p", 0, "/bin/sh", "p/sh/sh"},
	{"jobs/%t", 0, "/bin/sh", "jobs/nightly_build"},
	/* A value is a part of one component, whatever it is. */
	{"p/%p", 0, "/opt/.hidden", "p/_hidden"},
	{"p/x%p", 0, "/opt/.hidden", "p/x_hidden"},
	{"p/%p", 0, "/opt/a\nb\tc\x7f", "p/a_b_c_"},
	{"p/%p", 0, "/opt/", "p/_"},
	{"p/%p", 0, "/opt/..", "p/_."},
	{"u/%u", 77, "/bin/sh", "u/_."},
	{"u/%u", 78, "/bin/sh", "u/a_b__c"},
	{"u/%u", 79, "/bin/sh", "u/_"},
	{"p/%p", 0, "/opt/\xc3\xa9\xff", "p/\xc3\xa9\xff"},
	/* And never means something else. */
	{"p/%p", 0, "/opt/leaf", "p/leaf_"},
	{"p/l%pf", 0, "/opt/ea", "p/lea_f"},
	{"%p/x", 0, "/opt/leaf", "leaf_/x"},
	{"p/%p", 0, "/opt/tasks", "p/tasks_"},
	{"p/%p", 0, "/opt/memory.max", "p/_memory.max"},
	{"p/mem%p", 0, "/opt/ory.max", "p/mem_ory.max"},
	{"p/%p.max", 0, "/opt/memory", "p/memory_.max"},
	{"p/%p%U", 0, "/opt/cpu.", "p/_cpu.0"},
	/* Cut to what a component has room for. */
	{"%p", 0, "/" LONG TEN TEN TEN TEN, LONG TEN TEN TEN "0123"},
	{"%p.job", 0, "/" LONG TEN TEN TEN TEN, LONG TEN TEN TEN ".job"},
	{"%p-%p", 0, "/" LONG,
	 TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
	 "012345-" TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "012345"},
	{"%p", 0, "/" LONG TEN TEN TEN "012\xc3\xa9", LONG TEN TEN TEN "012"},
	{"%p", 0, "/" LONG TEN TEN TEN "01\xc3\xa9", LONG TEN TEN TEN "01\xc3\xa9"},
};

START_TEST(templates)
{
	for (size_t i = 0; i < sizeof(expansions) / sizeof(expansions[0]); i++) {
		struct rbce_task task = {.pid = 4242,
					 .uid = expansions[i].uid,
					 .gid = 500,
					 .comm = "task",
					 .tag = (char *)"nightly/build",
					 .exe = (char *)expansions[i].exe};
		char text[200], *name = NULL;
		struct ruleset *set;
		struct rbce_error err;

		snprintf(text, sizeof(text), "[rule a]\ncontainer = %s\n[container %s]\n",
			 expansions[i].template, expansions[i].template);
		set = fixture_good(text);
		ck_assert_int_eq(ruleset_container(set, ruleset_rule(set, 0), &task, &name, &err),
				 0);
		ck_assert_str_eq(name, expansions[i].name);
		ck_assert_int_eq(rbce_container_check_name(name, NULL), 0);
		/* The section of that template is the one that describes it. */
		ck_assert_ptr_eq(ruleset_section(set, name), ruleset_container_at(set, 0));
		free(name);
		ruleset_free(set);
	}
}
END_TEST

/* The value of whatever variable of the rule's the task has. */
START_TEST(job_of_the_environment)
{
	static const struct {
		const char *env, *name;
	} rows[] = {
		{"\nBATCH=12\nHOME=/\n", "jobs/12"},
		{"\nHOME=/\nPBS_ID=3.host\n", "jobs/3.host"},
		{"\nBATCH=../up\n", "jobs/_._up"},
		{"\nBATCH=\n", "jobs/_"},
		{NULL, "jobs/_"},
	};
	struct ruleset *set =
		fixture_good("[rule a]\nenv = BATCH, PBS_ID=*\ncontainer = jobs/%j\n");

	ck_assert(ruleset_facts(set) & RBCE_FACT_ENV);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rbce_task task = {.pid = 1};
		struct rbce_error err;
		char *name = NULL;

		task.env = rows[i].env ? strdup(rows[i].env) : NULL;
		ck_assert_int_eq(ruleset_trim_env(set, &task), 0);
		ck_assert(!task.env || !strstr(task.env, "HOME"));
		ck_assert_int_eq(ruleset_container(set, ruleset_rule(set, 0), &task, &name, &err),
				 0);
		ck_assert_str_eq(name, rows[i].name);
		free(name);
		rbce_task_done(&task);
	}
	ruleset_free(set);
}
END_TEST

START_TEST(too_long)
{
	struct rbce_task task = {.pid = 1, .exe = (char *)"/" LONG};
	struct ruleset *set = fixture_good("[rule a]\ncontainer = %p/%p/%p/%p/%p\n");
	char *name = NULL;
	struct rbce_error err;

	ck_assert_int_eq(ruleset_container(set, ruleset_rule(set, 0), &task, &name, &err),
			 -ENAMETOOLONG);
	ck_assert_ptr_null(name);
	ck_assert_str_eq(err.message, "cannot name container '%p/%p/%p/%p/%p': File name too long");
	ruleset_free(set);
}
END_TEST

/* Any values in any of these: a good name that fits its template. */
START_TEST(any_values)
{
	static const char *const shapes[] = {"%u",        "l%uf",    "%u/%p",   "mem%u.%p",
					     "%u%p%r",    "%r.max",  "a/%p-%u", "tas%pks",
					     "%%%u%%/%p", "cgroup%u"};
	static const char *const pieces[] = {"leaf",  "l", "ea",   "f",     "memory",
					     "ory.",  ".", "/",    "\n",    "max",
					     "tasks", "k", "cpu.", ".procs"};

	srandom(3);
	for (int round = 0; round < 20000; round++) {
		const char *template = shapes[random() % 10];
		char texts[3][64] = {"", "", ""}, *name = NULL;
		struct template_values values = {.user = texts[0],
						 .executable = texts[1],
						 .rule = texts[2]};

		for (int i = 0; i < 3; i++)
			for (long n = random() % 5; n > 0; n--)
				strncat(texts[i], pieces[random() % 14], 10);
		ck_assert_int_eq(template_fill(template, &values, &name), 0);
		ck_assert_msg(rbce_container_check_name(name, NULL) == 0, "%s", name);
		ck_assert_msg(template_fits(template, name), "'%s' and '%s'", template, name);
		free(name);
	}
}
END_TEST

static const struct {
	const char *template, *name;
	bool fits;
} fits[] = {
	{"a", "a", true},
	{"a", "b", false},
	{"a", "ab", false},
	{"ab", "a", false},
	{"%u", "a", true},
	{"%u", "abc", true},
	{"%u", "", false},
	{"%u", "a/b", false},
	{"%u/%u", "a/b", true},
	{"%u/%u", "a/", false},
	{"%u/%u", "/b", false},
	{"%u/%u", "a/b/c", false},
	{"%u%u", "a", false},
	{"%u%u", "ab", true},
	{"%u-%g", "a-b-c", true},
	{"%u-%g", "a-", false},
	{"%u-%g", "--", false},
	{"%u-%g", "---", true},
	{"%uab", "aabab", true},
	{"%uab", "ab", false},
	{"%ua%ub", "xaab", true},
	{"%ua/b", "aa/b", true},
	{"%ua/b", "a/b", false},
	{"%u/a%u", "x/ab", true},
	{"%u%u/a", "x/a", false},
	{"x%%%u", "x%y", true},
	{"x%%%u", "x%%y", true},
	{"%%", "%", true},
	{"%%u", "%u", true},
	{"%%u", "x", false},
	{"%u%u%u%u%u%u%u%ub", LONG, false},
};

START_TEST(fitting)
{
	for (size_t i = 0; i < sizeof(fits) / sizeof(fits[0]); i++)
		ck_assert_msg(template_fits(fits[i].template, fits[i].name) == fits[i].fits,
			      "'%s' and '%s'", fits[i].template, fits[i].name);
}
END_TEST

static const struct {
	const char *name;
	const char *section; /* NULL for none */
} sections[] = {
	{"users", "users"},
	{"users/alice", "users/%u"},
	{"users/root", "users/root"},
	{"users/a/b", NULL},
	{"users/", NULL},
	{"users/%u", "users/%u"},
	{"builds/x-1", "builds/%p-%P"},
	{"builds/-1", NULL},
	{"builds/x-", NULL},
	{"other", NULL},
	{"half/50%", "half/50%%"},
	{"half/50%%", NULL},
};

START_TEST(section_of_a_container)
{
	struct ruleset *set = fixture_good("[container users]\n[container users/%u]\n"
					   "memory.max = 1G\n[container users/%U]\n"
					   "[container users/root]\n"
					   "[container builds/%p-%P]\n[container half/50%%]\n");

	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		const struct container_section *s = ruleset_section(set, sections[i].name);

		ck_assert_msg((s != NULL) == (sections[i].section != NULL), "%s", sections[i].name);
		if (s)
			ck_assert_str_eq(s->name, sections[i].section);
	}
	ck_assert_uint_eq(ruleset_containers(set), 6);
	ruleset_free(set);
}
END_TEST

/* Counts the questions of one set. */
static struct ruleset *counting_set(const char *text, int *look_ups)
{
	struct rules_names counting = fixture_service;
	struct rules_options options = {.names = &counting};
	struct rules_errors errors = {0};
	struct ruleset *set = NULL;

	counting.data = look_ups;
	ck_assert_int_eq(ruleset_parse("t", text, strlen(text), &options, &set, &errors), 0);
	return set;
}

static void check_name(struct ruleset *set, uid_t uid, const char *expected)
{
	struct rbce_task task = {.pid = 1, .uid = uid, .gid = 500};
	char *name = NULL;

	ck_assert_int_eq(ruleset_container(set, ruleset_rule(set, 0), &task, &name, NULL), 0);
	ck_assert_str_eq(name, expected);
	free(name);
}

/* Names of the rules are known when they are read; others, and those unknown, are asked once. */
static void note_limit(void *data, const char *container, const struct container_key *key)
{
	char *text = data;
	size_t size = strlen(text);

	snprintf(text + size, 512 - size, "%s: %s = %s (%u)\n", container, key->key, key->value,
		 key->line);
}

/* Limits hold from above: its own come last, and what [defaults] say where a section is silent. */
START_TEST(limits_from_above)
{
	struct ruleset *set =
		fixture_good("[defaults]\nmemory.soft = 1G\n"
			     "[container users]\nmemory.max = 8G\n"
			     "[container users/%u]\nmemory.max = 2G\nmemory.soft = 500M\n"
			     "[container users/%u/jobs]\n"
			     "[rule a]\ncontainer = users/%u/jobs/1\n");
	char text[512] = "";

	ck_assert_int_eq(ruleset_limits(set, "users/alice/jobs/1", note_limit, text), 0);
	ck_assert_str_eq(text, "users: memory.max = 8G (4)\nusers: memory.soft = 1G (2)\n"
			       "users/alice: memory.max = 2G (6)\n"
			       "users/alice: memory.soft = 500M (7)\n"
			       "users/alice/jobs: memory.soft = 1G (2)\n");
	*text = '\0';
	ck_assert_int_eq(ruleset_limits(set, "other", note_limit, text), 0);
	ck_assert_str_eq(text, "");
	ruleset_free(set);
}
END_TEST

START_TEST(names_are_looked_up_once)
{
	int look_ups = 0;
	struct ruleset *set =
		counting_set("[rule a]\nuser = alice\ngroup = @students\ncontainer = %u\n",
			     &look_ups);

	ck_assert_int_eq(look_ups, 2);
	for (int i = 0; i < 3; i++) {
		check_name(set, 1000, "alice");
		ck_assert_int_eq(look_ups, 2 + 2 * (i > 0));
		check_name(set, 1001, "bob");
		check_name(set, 4711, "4711");
		ck_assert_int_eq(look_ups, 4);
	}
	ruleset_free(set);
	look_ups = 0;
	set = counting_set("[rule a]\nuser = 1000, 1001\ngroup = 5-6\ncontainer = %U\n", &look_ups);
	check_name(set, 1000, "1000");
	ck_assert_int_eq(look_ups, 0);
	ruleset_free(set);
}
END_TEST

/* A name that is no one's own, like a second name of root, is not kept for its number. */
START_TEST(second_names)
{
	struct ruleset *set = fixture_good("[rule a]\nuser = toor\ncontainer = %u\n");

	check_name(set, 0, "root");
	ruleset_free(set);
}
END_TEST

START_TEST(system_names)
{
	static const char text[] = "[rule a]\nuser = root\ngroup = root\ncontainer = %u/%g\n";
	static const char unknown[] = "[rule a]\nuser = no such user\ngroup = no such group\n"
				      "container = x\n";
	struct rules_errors errors = {0};
	struct ruleset *set = NULL;
	struct rbce_task root = {.facts = RBCE_FACT_ALL, .pid = 1};
	char *name = NULL;

	ck_assert_int_eq(ruleset_parse("t", text, strlen(text), NULL, &set, &errors), 0);
	ck_assert_ptr_nonnull(ruleset_match(set, &root));
	ck_assert_int_eq(ruleset_container(set, ruleset_rule(set, 0), &root, &name, NULL), 0);
	ck_assert_str_eq(name, "root/root");
	free(name);
	/* Nobody has the highest number. */
	root.uid = root.gid = UINT32_MAX - 1;
	ck_assert_int_eq(ruleset_container(set, ruleset_rule(set, 0), &root, &name, NULL), 0);
	ck_assert_str_eq(name, "4294967294/4294967294");
	free(name);
	ruleset_free(set);
	set = NULL;
	ck_assert_int_lt(ruleset_parse("t", unknown, strlen(unknown), NULL, &set, &errors), 0);
	ck_assert_ptr_null(set);
	ck_assert_uint_eq(errors.n, 2);
	ck_assert_str_eq(errors.lines[0], "t:2: unknown user 'no such user'");
	ck_assert_str_eq(errors.lines[1], "t:3: unknown group 'no such group'");
	rules_errors_done(&errors);
}
END_TEST

int main(void)
{
	return harness_run("rules-names",
			   (const TTest *const[]){templates, job_of_the_environment, too_long,
						  any_values, fitting, section_of_a_container,
						  limits_from_above, names_are_looked_up_once,
						  second_names, system_names, NULL});
}
