// SPDX-License-Identifier: GPL-2.0-or-later
/* rules/terms.c, ruleset.c, template.c, names.c: which rule matches, why, and with which name. */
#include "rules-fixture.h"

static gid_t groups[] = {100, 500, 600};

/* bob, who has become root, in the group students, under a shell in a container. */
static const struct rbce_task bob = {
	.facts = RBCE_FACT_ALL,
	.pid = 4242,
	.ppid = 1,
	.pgrp = 4240,
	.session = 4000,
	.uid = 1001,
	.euid = 0,
	.gid = 100,
	.egid = 101,
	.groups = groups,
	.n_groups = 3,
	.comm = "cc1",
	.exe = (char *)"/usr/lib/gcc/12/cc1",
	.parent_exe = (char *)"/usr/bin/make",
	.container = (char *)"users/bob",
};

static const struct {
	const char *term;
	bool holds;
} terms[] = {
	{"user = bob", true},
	{"user = alice", false},
	{"user = alice, bob", true},
	{"user = 1001", true},
	{"user = 1000-1002", true},
	{"user = 1002-2000", false},
	{"user = <1001", false},
	{"user = <1002", true},
	{"user = > 1000", true},
	{"user = >1001", false},
	{"user = !alice", true},
	{"user = !bob", false},
	{"user = 1000-2000, !bob", false},
	{"user = 1000-2000, !alice", true},
	{"user = root", false},
	{"euser = root", true},
	{"euser = bob", false},
	{"group = 100", true},
	{"group = @students", true},
	{"group = students", true},
	{"group = 101", false},
	{"group = !students", false},
	{"group = 600-700, !501", true},
	{"egroup = 101", true},
	{"egroup = students", false},
	{"exe = /usr/lib/gcc/12/cc1", true},
	{"exe = /usr/lib/gcc/12/cc", false},
	{"exe = /usr/lib/gcc*", true},
	{"exe = */cc1", true},
	{"exe = */cc", false},
	{"exe = /usr/*/cc?", true},
	{"exe = *gcc*", true},
	{"exe = /usr/lib/gcc/[0-9]*/cc1", true},
	{"exe = !*/cc1", false},
	{"exe = !/bin/*", true},
	{"exe = /a\\,b, */cc1", true},
	{"exe = *", true},
	{"comm = cc1", true},
	{"comm = cc*, !cc1", false},
	{"comm = CC1", false},
	{"parent = */make", true},
	{"parent = */bash", false},
	{"in = users/*", true},
	{"in = users", false},
	{"pgrp = 4240", true},
	{"pgrp = 1, 2, 4200-4300", true},
	{"session = 4240", false},
	{"session = 4000", true},
};

START_TEST(each_term)
{
	for (size_t i = 0; i < sizeof(terms) / sizeof(terms[0]); i++) {
		char text[200];
		struct ruleset *set;

		snprintf(text, sizeof(text), "[rule a]\n%s\ncontainer = x\n", terms[i].term);
		set = fixture_good(text);
		ck_assert_msg((ruleset_match(set, &bob) != NULL) == terms[i].holds, "%s",
			      terms[i].term);
		ruleset_free(set);
	}
}
END_TEST

/* What a task lacks matches neither a pattern nor its opposite. */
START_TEST(missing_facts)
{
	static const char *const lines[] = {"exe = *", "exe = !/bin/*", "parent = *", "in = *",
					    "in = !a"};
	struct rbce_task bare = {.facts = RBCE_FACT_ALL, .pid = 2, .comm = "kworker"};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char text[200];
		struct ruleset *set;

		snprintf(text, sizeof(text), "[rule a]\n%s\ncontainer = x\n", lines[i]);
		set = fixture_good(text);
		ck_assert_msg(!ruleset_match(set, &bare), "%s", lines[i]);
		ruleset_free(set);
	}
}
END_TEST

static const char several[] = "[rule off]\nstate = off\ncontainer = never\n"
			      "[rule one]\nuser = alice\nexe = *\ncontainer = one\n"
			      "[rule two]\ncomm = cc1\nuser = bob\ngroup = !students\n"
			      "container = two\n"
			      "[rule three]\nuser = bob\nmode = observe\ncontainer = three\n"
			      "[rule four]\ncontainer = four\n";

START_TEST(first_match_wins)
{
	struct ruleset *set = fixture_good(several);
	const struct rule *rule = ruleset_match(set, &bob);

	ck_assert_str_eq(rule->name, "three");
	ck_assert_int_eq(rule->mode, RULE_OBSERVE);
	ck_assert_uint_eq(rule->line, 13);
	ruleset_free(set);
}
END_TEST

struct step {
	char rule[32], failed[64], actual[64];
};

static void note_step(void *data, const struct rule *rule, const char *failed, const char *actual)
{
	struct step **next = data;

	snprintf((*next)->rule, 32, "%s", rule->name);
	snprintf((*next)->failed, 64, "%s", failed ?: "-");
	snprintf((*next)->actual, 64, "%s", actual ?: "-");
	++*next;
}

START_TEST(explain)
{
	static const struct step expected[] = {
		{"off", "state = on", "off"},
		{"one", "user = alice", "1001"},
		{"two", "group = !students", "100, 100, 500, 600"},
		{"three", "-", "-"},
	};
	struct ruleset *set = fixture_good(several);
	struct step steps[8] = {0}, *next = steps;

	ruleset_explain(set, &bob, note_step, &next);
	ck_assert_int_eq(next - steps, 4);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_str_eq(steps[i].rule, expected[i].rule);
		ck_assert_str_eq(steps[i].failed, expected[i].failed);
		ck_assert_str_eq(steps[i].actual, expected[i].actual);
	}
	ruleset_free(set);
}
END_TEST

START_TEST(needed_facts)
{
	struct ruleset *set = fixture_good("[rule a]\nuser = bob\ncontainer = x\n");

	ck_assert_uint_eq(ruleset_facts(set), RBCE_FACT_IDS);
	ruleset_free(set);
	set = fixture_good("[rule a]\nparent = x\nin = y\ncontainer = %p\n");
	ck_assert_uint_eq(ruleset_facts(set), RBCE_FACT_IDS | RBCE_FACT_PARENT | RBCE_FACT_CGROUP |
						      RBCE_FACT_EXE | RBCE_FACT_STAT);
	ruleset_free(set);
}
END_TEST

static const struct {
	const char *template;
	uid_t uid;
	const char *exe;
	const char *name;
} expansions[] = {
	{"users/%u", 1000, "/bin/sh", "users/alice"},
	{"users/%u", 4711, "/bin/sh", "users/4711"},
	{"%U-%G/%g", 1000, "/bin/sh", "1000-500/students"},
	{"p/%p", 0, "/opt/a b/c d", "p/c d"},
	{"p/%p", 0, "/opt/.hidden", "p/_hidden"},
	{"p/%p", 0, "/opt/leaf", "p/_leaf"},
	{"p/%p", 0, "/opt/memory.max", "p/_memory.max"},
	{"p/%p", 0, "/opt/a\nb\tc", "p/a_b_c"},
	{"p/%p", 0, "/opt/", "p/_"},
	{"u/%u", 77, "/bin/sh", "u/_."},
	{"%r/%P/100%%", 0, "/bin/sh", "a/4242/100%"},
};

START_TEST(templates)
{
	for (size_t i = 0; i < sizeof(expansions) / sizeof(expansions[0]); i++) {
		struct rbce_task task = {.pid = 4242,
					 .uid = expansions[i].uid,
					 .gid = 500,
					 .exe = (char *)expansions[i].exe};
		char text[200], *name = NULL;
		struct ruleset *set;

		snprintf(text, sizeof(text), "[rule a]\ncontainer = %s\n", expansions[i].template);
		set = fixture_good(text);
		ck_assert_int_eq(ruleset_container(set, ruleset_rule(set, 0), &task, &name, NULL),
				 0);
		ck_assert_str_eq(name, expansions[i].name);
		free(name);
		ruleset_free(set);
	}
}
END_TEST

/* A value of any length leaves a component that the kernel takes. */
START_TEST(long_value)
{
	char exe[3000], *name = NULL;
	struct rbce_task task = {.pid = 1, .exe = exe};
	struct ruleset *set = fixture_good("[rule a]\ncontainer = programs/%p.job\n");

	memset(exe, 'e', sizeof(exe));
	exe[0] = '/';
	exe[sizeof(exe) - 1] = '\0';
	ck_assert_int_eq(ruleset_container(set, ruleset_rule(set, 0), &task, &name, NULL), 0);
	ck_assert_uint_le(strlen(strchr(name, '/') + 1), 255);
	free(name);
	ruleset_free(set);
}
END_TEST

START_TEST(names_are_looked_up_once)
{
	int look_ups = 0;
	struct rules_names counting = fixture_service;
	struct rules_options options = {.names = &counting};
	static const char text[] = "[rule a]\ncontainer = %u\n";
	struct rules_errors errors = {0};
	struct ruleset *set = NULL;

	counting.data = &look_ups;
	ck_assert_int_eq(ruleset_parse("t", text, sizeof(text) - 1, &options, &set, &errors), 0);
	for (int i = 0; i < 5; i++) {
		char *name = NULL;

		ck_assert_int_eq(ruleset_container(set, ruleset_rule(set, 0), &bob, &name, NULL),
				 0);
		ck_assert_str_eq(name, "bob");
		free(name);
	}
	ck_assert_int_eq(look_ups, 1);
	ruleset_free(set);
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
	{"builds/x-1", "builds/%p-%P"},
	{"builds/-1", NULL},
	{"builds/x-", NULL},
	{"other", NULL},
	{"half/50%", "half/50%%"},
};

START_TEST(section_of_a_container)
{
	struct ruleset *set = fixture_good("[container users]\n[container users/%u]\n"
					   "memory.max = 1G\n[container users/root]\n"
					   "[container builds/%p-%P]\n[container half/50%%]\n");

	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		const struct container_section *s = ruleset_section(set, sections[i].name);

		ck_assert_msg((s != NULL) == (sections[i].section != NULL), "%s", sections[i].name);
		if (s)
			ck_assert_str_eq(s->name, sections[i].section);
	}
	ck_assert_uint_eq(ruleset_containers(set), 5);
	ck_assert_uint_eq(ruleset_container_at(set, 1)->n_keys, 1);
	ck_assert_str_eq(ruleset_container_at(set, 1)->keys[0].value, "1G");
	ck_assert_uint_eq(ruleset_container_at(set, 1)->keys[0].line, 3);
	ruleset_free(set);
}
END_TEST

START_TEST(system_names)
{
	struct rules_errors errors = {0};
	struct ruleset *set = NULL;
	static const char text[] = "[rule a]\nuser = root\ngroup = root\ncontainer = %u/%g\n";
	struct rbce_task root = {.pid = 1};
	char *name = NULL;

	ck_assert_int_eq(ruleset_parse("t", text, sizeof(text) - 1, &(struct rules_options){0},
				       &set, &errors),
			 0);
	ck_assert_ptr_nonnull(ruleset_match(set, &root));
	ck_assert_int_eq(ruleset_container(set, ruleset_rule(set, 0), &root, &name, NULL), 0);
	ck_assert_str_eq(name, "root/root");
	free(name);
	ruleset_free(set);
}
END_TEST

int main(void)
{
	return harness_run("rules-match",
			   (const TTest *const[]){each_term, missing_facts, first_match_wins,
						  explain, needed_facts, templates, long_value,
						  names_are_looked_up_once, section_of_a_container,
						  system_names, NULL});
}
