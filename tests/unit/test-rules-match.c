// SPDX-License-Identifier: GPL-2.0-or-later
/* rules/terms.c, ids.c, glob.c, ruleset.c: which terms hold, which rule matches, and why. */
#include <fnmatch.h>
#include <rules/internal.h>

#include "rules-fixture.h"

static gid_t groups[] = {100, 500, 600};

/* bob, who has become root, in the group students, under make in a container. */
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
	.login = 1005,
	.tty = 34816,
	.comm = "cc1-in-the-kern",
	.exe = (char *)"/usr/lib/gcc/12/cc1",
	.args = (char *)"-O2 -o a,b main.c",
	.env = (char *)"\nHOME=/home/bob\nJOB=17\nEMPTY=\nPATH=/bin:/usr/bin a,b\n",
	.parent_exe = (char *)"/usr/bin/make",
	.pgrp_leader_exe = (char *)"/usr/bin/make",
	.session_leader_exe = (char *)"/usr/sbin/sshd",
	.container = (char *)"users/bob",
	.tag = (char *)"nightly",
};

static const struct {
	const char *term;
	bool holds;
} terms[] = {
	{"env = JOB", true},
	{"env = JOB=*", true},
	{"env = JOB=17", true},
	{"env = JOB=1*", true},
	{"env = JOB=1", false},
	{"env = JOB=7", false},
	{"env = OB=17", false},
	{"env = JOBS", false},
	{"env = EMPTY=", true},
	{"env = EMPTY=*", true},
	{"env = HOME=", false},
	{"env = NONE, HOME=/home/*", true},
	{"env = PATH=/bin:/usr/bin a\\,b", true},
	{"env = !JOB", false},
	{"env = !JOB=18", true},
	{"env = JOB, !JOB=17", false},
	{"env = re:\\nJOB=[0-9]+\\n", true},
	{"env = re:\\nJOB=[a-z]+\\n", false},
	{"user = bob", true},
	{"user = alice", false},
	{"user = alice, bob", true},
	{"user = 1001", true},
	{"user = 01001", true},
	{"user = 1001-1001", true},
	{"user = 1000-1002", true},
	{"user = 1002-2000", false},
	{"user = 0-1000,1002-4294967294", false},
	{"user = 5, 1-3, 900-1001, 2-7", true},
	{"user = <1001", false},
	{"user = <1002", true},
	{"user = > 1000", true},
	{"user = >1001", false},
	{"user = !alice", true},
	{"user = ! alice", true},
	{"user = !bob", false},
	{"user = !<1000, !>60000", true},
	{"user = !<1000, !>1000", false},
	{"user = 1000-2000, !bob", false},
	{"user = !bob, 1000-2000", false},
	{"user = 1000-2000, !alice", true},
	{"user = 2000-3000, !alice", false},
	{"user = root", false},
	{"euser = root", true},
	{"euser = bob", false},
	{"group = 100", true},
	{"group = @students", true},
	{"group = students", true},
	{"group = 101", false},
	{"group = !students", false},
	{"group = 100, !students", false},
	{"group = 600-700, !501", true},
	{"group = @600", true},
	{"egroup = 101", true},
	{"egroup = students", false},
	{"egroup = 100", false},
	{"exe = /usr/lib/gcc/12/cc1", true},
	{"exe = /usr/lib/gcc/12/cc", false},
	{"exe = /usr/lib/gcc/12/cc11", false},
	{"exe = /a, /usr/lib/gcc/12/cc1, /b, /z, /usr", true},
	{"exe = /a, /b, /usr/lib/gcc/12/c, /z", false},
	{"exe = /usr/lib/gcc*", true},
	{"exe = /usr/lib/gcc/12/cc1*", true},
	{"exe = /usr/lib/gcc/12/cc1?*", false},
	{"exe = */cc1", true},
	{"exe = */cc", false},
	{"exe = */1", false},
	{"exe = *1", true},
	{"exe = /usr/*/cc?", true},
	{"exe = /*/*/*/*/*", true},
	{"exe = /*/*/*/*/*/*", false},
	{"exe = *gcc*", true},
	{"exe = /usr/lib/gcc/[0-9]*/cc1", true},
	{"exe = /usr/lib/gcc/[!0-9]*/cc1", false},
	{"exe = [/]*", true},
	{"exe = /usr/lib/gcc/[[:digit:]]2/cc[]1[]", true},
	{"exe = \\/usr/lib/gcc/12/c\\c1", true},
	{"exe = /usr/lib/gcc/12/cc\\*", false},
	{"exe = !*/cc1", false},
	{"exe = !/bin/*", true},
	{"exe = /usr/*, !*/cc1plus, !*/as", true},
	{"exe = /a\\,b, */cc1", true},
	{"exe = *", true},
	{"exe = **", true},
	{"comm = cc1", true},
	{"comm = cc*, !cc1", false},
	{"comm = CC1", false},
	{"comm = cc1-in-the-kern", false},
	{"parent = */make", true},
	{"parent = */bash", false},
	{"parent = !*/bash", true},
	{"in = users/*", true},
	{"in = users", false},
	{"in = users/bob", true},
	{"in = !builds/*", true},
	{"pgrp = 4240", true},
	{"pgrp = 1, 2, 4200-4300", true},
	{"pgrp = !4240", false},
	{"session = 4240", false},
	{"session = 4000", true},
	{"session = >0", true},
};

static struct ruleset *set_of(const char *term)
{
	char text[300];

	snprintf(text, sizeof(text), "[rule a]\n%s\ncontainer = x\n", term);
	return fixture_good(text);
}

START_TEST(each_term)
{
	for (size_t i = 0; i < sizeof(terms) / sizeof(terms[0]); i++) {
		struct ruleset *set = set_of(terms[i].term);
		bool holds = ruleset_match(set, &bob) != NULL;

		ck_assert_msg(holds == terms[i].holds, "%s", terms[i].term);
		ruleset_free(set);
	}
}
END_TEST

/* What a task lacks matches neither a pattern nor its opposite. */
START_TEST(lacking)
{
	static const char *const lines[] = {"exe = *",           "exe = !/bin/*", "parent = *",
					    "parent = !/bin/sh", "in = *",        "in = !a"};
	const struct rbce_task bare = {.facts = RBCE_FACT_ALL, .pid = 2, .comm = "kworker/0:1"};
	struct ruleset *set;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		set = set_of(lines[i]);
		ck_assert_msg(!ruleset_match(set, &bare), "%s", lines[i]);
		ruleset_free(set);
	}
	set = set_of("comm = kworker/*");
	ck_assert_ptr_nonnull(ruleset_match(set, &bare));
	ruleset_free(set);
	/* In the root group itself: that is a container too, and has no name. */
	set = set_of("in = *");
	ck_assert_ptr_nonnull(ruleset_match(set, &(struct rbce_task){.facts = RBCE_FACT_ALL,
								     .container = (char *)""}));
	ruleset_free(set);
}
END_TEST

/* A fact that was not read is not 0, and no rule takes the task for root's. */
START_TEST(facts_not_read)
{
	static const struct {
		const char *term;
		unsigned facts;
	} rows[] = {
		{"user = 0", RBCE_FACT_IDS},
		{"user = !7", RBCE_FACT_IDS},
		{"euser = 0", RBCE_FACT_IDS},
		{"group = 0", RBCE_FACT_IDS},
		{"egroup = 0", RBCE_FACT_IDS},
		{"exe = *", RBCE_FACT_EXE},
		{"comm = *", RBCE_FACT_EXE | RBCE_FACT_STAT},
		{"pgrp = 0", RBCE_FACT_STAT},
		{"session = 0", RBCE_FACT_STAT},
		{"parent = *", RBCE_FACT_PARENT},
		{"in = *", RBCE_FACT_CGROUP},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rbce_task task = {
			.facts = rows[i].facts,
			.exe = (char *)"/bin/sh",
			.parent_exe = (char *)"/bin/sh",
			.container = (char *)"x",
		};
		struct ruleset *set = set_of(rows[i].term);

		ck_assert_uint_eq(ruleset_facts(set), rows[i].facts);
		ck_assert_msg(ruleset_match(set, &task) != NULL, "%s", rows[i].term);
		task.facts = RBCE_FACT_ALL & ~rows[i].facts;
		ck_assert_msg(ruleset_match(set, &task) == NULL, "%s", rows[i].term);
		ruleset_free(set);
	}
}
END_TEST

START_TEST(needed_facts)
{
	static const struct {
		const char *text;
		unsigned facts;
	} rows[] = {
		{"", 0},
		{"[rule a]\ncontainer = x\n", 0},
		{"[rule a]\nuser = bob\npgrp = 1\nignore = yes\n", RBCE_FACT_IDS | RBCE_FACT_STAT},
		{"[rule a]\nin = y\ncontainer = %r%P\n[rule b]\nparent = /x\ncontainer = x\n",
		 RBCE_FACT_PARENT | RBCE_FACT_CGROUP},
		{"[rule a]\ncontainer = %p\n", RBCE_FACT_EXE | RBCE_FACT_STAT},
		{"[rule a]\ncontainer = a/%G%%\n", RBCE_FACT_IDS},
		{"[rule a]\nstate = off\nexe = /x\ncontainer = %u\n", 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ruleset *set = fixture_good(rows[i].text);

		ck_assert_uint_eq(ruleset_facts(set), rows[i].facts);
		ruleset_free(set);
	}
}
END_TEST

static const char several[] = "[rule off]\nstate = off\ncontainer = never\n"
			      "[rule one]\nuser = alice\nexe = *\ncontainer = one\n"
			      "[rule two]\ncomm = cc1\nuser = bob\ngroup = !students\n"
			      "container = two\n"
			      "[rule in]\nin = builds/*\ncontainer = in\n"
			      "[rule three]\nuser = bob\nmode = observe\ncontainer = three\n"
			      "[rule four]\ncontainer = four\n";

START_TEST(first_match_wins)
{
	const struct rbce_task nobody = {.facts = RBCE_FACT_ALL, .uid = 65534, .comm = "x"};
	struct ruleset *set = fixture_good(several);
	const struct rule *rule = ruleset_match(set, &bob);

	ck_assert_str_eq(rule->name, "three");
	ck_assert_int_eq(rule->mode, RULE_OBSERVE);
	ck_assert_uint_eq(rule->line, 16);
	/* A rule without terms matches everything. */
	ck_assert_str_eq(ruleset_match(set, &nobody)->name, "four");
	ruleset_free(set);
	set = fixture_good("");
	ck_assert_ptr_null(ruleset_match(set, &bob));
	ruleset_free(set);
}
END_TEST

struct step {
	char rule[32], failed[64], actual[64];
};

static void note_step(void *data, const struct rule *rule, const char *failed, const char *actual)
{
	struct step **next = data;

	ck_assert((failed == NULL) == (actual == NULL));
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
		{"two", "group = !students", "100, 500, 600"},
		{"in", "in = builds/*", "users/bob"},
		{"three", "-", "-"},
	};
	struct ruleset *set = fixture_good(several);
	struct step steps[8] = {0}, *next = steps;

	ruleset_explain(set, &bob, true, note_step, &next);
	ck_assert_int_eq(next - steps, 5);
	for (size_t i = 0; i < 5; i++) {
		ck_assert_str_eq(steps[i].rule, expected[i].rule);
		ck_assert_str_eq(steps[i].failed, expected[i].failed);
		ck_assert_str_eq(steps[i].actual, expected[i].actual);
	}
	ruleset_free(set);
}
END_TEST

static void count_step(void *data, const struct rule *rule, const char *failed, const char *actual)
{
	size_t *n = data;

	(void)actual;
	/* Of the others nothing but a shared name would be of interest. */
	ck_assert_msg(!failed || strcmp(rule->name, "near") == 0, "rule '%s'", rule->name);
	++*n;
}

/* Among hundreds of rules, those that have to do with the task. */
/* A task in a unit of systemd's is for rules that say so, and for those that ignore their tasks. */
START_TEST(from_systemd)
{
	struct ruleset *set = fixture_good("[rule mere]\nuser = bob\ncontainer = c\n"
					   "[rule off]\nfrom-systemd = no\ncontainer = c\n"
					   "[rule user]\nstate = off\nuser = bob\n"
					   "[rule root]\nignore = yes\nuser = root\n"
					   "[rule taken]\ndepend = user\nfrom-systemd = yes\n"
					   "container = d\n");
	struct rules_cache *cache = rules_cache_new(set, 64);
	struct step steps[8] = {0}, *next = steps;
	struct rbce_task task = bob;

	ck_assert_str_eq(ruleset_match(set, &task)->name, "mere");
	ck_assert_str_eq(rules_cache_match(cache, &task)->name, "mere");
	task.unit = (char *)"ssh.service";
	ck_assert_str_eq(ruleset_match(set, &task)->name, "taken");
	ck_assert_str_eq(ruleset_match_naive(set, &task)->name, "taken");
	ck_assert_str_eq(rules_cache_match(cache, &task)->name, "taken");
	ruleset_explain(set, &task, true, note_step, &next);
	ck_assert_int_eq(next - steps, 5);
	ck_assert_str_eq(steps[0].failed, "from-systemd = no");
	ck_assert_str_eq(steps[0].actual, "unit ssh.service is systemd's");
	ck_assert_str_eq(steps[1].failed, "from-systemd = no");
	task.uid = 0;
	ck_assert_str_eq(ruleset_match(set, &task)->name, "root");
	task.uid = 7;
	ck_assert_ptr_null(ruleset_match(set, &task));
	ck_assert_ptr_null(rules_cache_match(cache, &task));
	/* Behind a rule that matches everything else there is still something to come. */
	ck_assert(!ruleset_rule(set, 0)->from_systemd && ruleset_rule(set, 4)->from_systemd);
	rules_cache_free(cache);
	ruleset_free(set);
}
END_TEST

START_TEST(explain_what_matters)
{
	char text[32768];
	size_t size = 0, n = 0;
	struct ruleset *set;

	for (int i = 0; i < 200; i++)
		size += (size_t)snprintf(text + size, sizeof(text) - size,
					 "[rule r%d]\ncomm = other%d\ncontainer = c\n", i, i);
	snprintf(text + size, sizeof(text) - size,
		 "[rule near]\ncomm = cc1\nuser = alice\ncontainer = c\n"
		 "[rule end]\ncomm = cc1\ncontainer = c\n[rule behind]\ncontainer = c\n");
	set = fixture_good(text);
	ck_assert_uint_eq(ruleset_explain(set, &bob, false, count_step, &n), 200);
	ck_assert_uint_eq(n, 2);
	ruleset_free(set);
}
END_TEST

/* What a task has is told for every term, also by one that has nothing or was not read. */
START_TEST(actual_values)
{
	static const struct {
		const char *term, *bob, *bare;
	} rows[] = {
		{"user = 7", "1001", "0"},
		{"euser = 7", "0", "0"},
		{"group = 7", "100, 500, 600", "0"},
		{"egroup = 7", "101", "0"},
		{"login = 7", "1005", "0"},
		{"exe = /7", "/usr/lib/gcc/12/cc1", ""},
		{"comm = 7", "cc1", "me"},
		{"args = 7", "-O2 -o a,b main.c", ""},
		{"env = JOB=7", "not shown", ""},
		{"pgrp = 7", "4240", "0"},
		{"session = 7", "4000", "0"},
		{"pgrp-leader = /7", "/usr/bin/make", ""},
		{"session-leader = /7", "/usr/sbin/sshd", ""},
		{"tty = no", "yes", "-"},
		{"realtime = yes", "no", "no"},
		{"parent = /7", "/usr/bin/make", ""},
		{"in = 7", "users/bob", ""},
		{"tag = 7", "nightly", ""},
	};
	const struct rbce_task bare = {.facts = RBCE_FACT_ALL, .comm = "me"}, unread = {.pid = 1};

	ck_assert_uint_eq(sizeof(rows) / sizeof(rows[0]), ATTRIBUTES);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ruleset *set = set_of(rows[i].term);
		struct step steps[3] = {0}, *next = steps;

		ruleset_explain(set, &bob, true, note_step, &next);
		ruleset_explain(set, &bare, true, note_step, &next);
		ruleset_explain(set, &unread, true, note_step, &next);
		ck_assert_int_eq(next - steps, 3);
		ck_assert_str_eq(steps[0].failed, rows[i].term);
		ck_assert_str_eq(steps[0].actual, rows[i].bob);
		ck_assert_str_eq(steps[1].actual, rows[i].bare);
		/* A tag is not read but given. */
		ck_assert_str_eq(steps[2].actual, strstr(rows[i].term, "tag") ? "" : "not read");
		ruleset_free(set);
	}
}
END_TEST

/* More groups than a line of text has room for. */
START_TEST(many_groups)
{
	enum { MANY = 65536 };
	struct rbce_task task = bob;
	struct step steps[2] = {0}, *next = steps;
	struct ruleset *set = set_of("group = 3000000000");

	task.groups = calloc(MANY, sizeof(gid_t));
	task.n_groups = MANY;
	for (size_t i = 0; i < MANY; i++)
		task.groups[i] = 2000000000 + (gid_t)i;
	ruleset_explain(set, &task, true, note_step, &next);
	ck_assert_ptr_eq(strstr(steps[0].actual, "100, 2000000000, 2000000001"), steps[0].actual);
	task.groups[MANY - 1] = 3000000000;
	ck_assert_ptr_nonnull(ruleset_match(set, &task));
	free(task.groups);
	ruleset_free(set);
}
END_TEST

/* Ranges in any order, against the plain definition of what they have. */
START_TEST(sets_of_ids)
{
	srandom(1);
	for (int round = 0; round < 500; round++) {
		struct ids ids = {0};
		bool has[64] = {false};

		for (long n = random() % 12; n > 0; n--) {
			uint32_t low = (uint32_t)random() % 60;
			uint32_t high = low + (uint32_t)random() % (63 - low) % 8;

			ck_assert_int_eq(ids_add(&ids, low, high), 0);
			memset(has + low, true, high - low + 1);
		}
		ids_seal(&ids);
		for (uint32_t id = 0; id < 64; id++)
			ck_assert_int_eq(ids_have(&ids, id), has[id]);
		for (size_t i = 1; i < ids.n; i++)
			ck_assert_uint_gt(ids.ranges[i].low, ids.ranges[i - 1].high + 1);
		ids_done(&ids);
	}
}
END_TEST

START_TEST(ends_of_ids)
{
	struct ids ids = {0};

	ck_assert(!ids_have(&ids, 0));
	ck_assert_int_eq(ids_add(&ids, 5, UINT32_MAX), 0);
	ck_assert_int_eq(ids_add(&ids, UINT32_MAX, UINT32_MAX), 0);
	ck_assert_int_eq(ids_add(&ids, 0, 0), 0);
	ids_seal(&ids);
	ck_assert_uint_eq(ids.n, 2);
	ck_assert(ids_have(&ids, 0) && !ids_have(&ids, 1) && !ids_have(&ids, 4));
	ck_assert(ids_have(&ids, 5) && ids_have(&ids, UINT32_MAX));
	ids_done(&ids);
}
END_TEST

START_TEST(shapes_of_globs)
{
	static const struct {
		const char *pattern;
		int shape;
		const char *text;
	} rows[] = {
		{"", GLOB_EXACT, ""},           {"abc", GLOB_EXACT, "abc"},
		{"a\\*c", GLOB_EXACT, "a*c"},   {"abc*", GLOB_PREFIX, "abc"},
		{"*abc", GLOB_SUFFIX, "abc"},   {"*", GLOB_SUFFIX, ""},
		{"a\\\\*", GLOB_PREFIX, "a\\"}, {"a\\**", GLOB_PREFIX, "a*"},
		{"*\\*", GLOB_SUFFIX, "*"},     {"**", GLOB_INFIX, ""},
		{"*a*", GLOB_INFIX, "a"},       {"a*b", GLOB_OTHER, "a*b"},
		{"ab?", GLOB_OTHER, "ab?"},     {"[a]", GLOB_OTHER, "[a]"},
		{"]a", GLOB_EXACT, "]a"},       {"\\[a", GLOB_EXACT, "[a"},
		{"[*]", GLOB_OTHER, "[*]"},     {"[\\]]*", GLOB_OTHER, "[\\]]*"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct globs globs = {0};

		ck_assert_int_eq(globs_add(&globs, rows[i].pattern, NULL), 0);
		ck_assert_int_eq(globs.list[0].shape, rows[i].shape);
		ck_assert_str_eq(globs.list[0].text, rows[i].text);
		globs_done(&globs);
	}
}
END_TEST

/* The shapes are only faster: they match what fnmatch(3) matches. */
START_TEST(globs_as_fnmatch)
{
	static const char letters[] = "aab/*?\\";

	srandom(2);
	for (int round = 0; round < 20000; round++) {
		char pattern[8] = "", text[8] = "";
		struct globs globs = {0};

		for (long i = 0, n = random() % 6; i < n; i++)
			pattern[i] = letters[random() % (long)strlen(letters)];
		for (long i = 0, n = random() % 6; i < n; i++)
			text[i] = letters[random() % (long)strlen(letters)];
		if (globs_add(&globs, "zzz", NULL) < 0 || globs_add(&globs, pattern, NULL) < 0) {
			globs_done(&globs);
			continue;
		}
		globs_seal(&globs);
		ck_assert_msg(globs_match(&globs, text) == (fnmatch(pattern, text, 0) == 0),
			      "'%s' and '%s'", pattern, text);
		globs_done(&globs);
	}
}
END_TEST

/* What must be in a text that fits a regular expression, '~' between the pieces. */
START_TEST(literals_of_expressions)
{
	static const struct {
		const char *pattern, *literals;
	} rows[] = {
		{"make", "make"},
		{"\\bmake\\b", "~make~"},
		{"^/usr/.*x$", "~/usr/~~x~"},
		{"ab*cd?e+f", "a~~c~~e~f"},
		{"\\.so\\.[0-9]+$", ".so.~~~"},
		{"x(a|b)y(c)*z", "x~y~~z"},
		{"a{2,3}b{x}c", "~~~~x}c"},
		{"[]a]b[^]a]c[a\\]b]d", "~b~c~d"},
		{"((a)[)](b\\)))c", "~c"},
		{"(?:a)b(?=c)d(?<!e)f", "~b~d~f"},
		/* It is hard to tell. */
		{"a|b", ""},
		{"(?i)abc", ""},
		{"a(?x: b)c", ""},
		{"(*UTF)abc", ""},
		{"a\\x41b", ""},
		{"a\\Q(\\Eb", ""},
		{"(a)\\1b", ""},
		{"a[[:digit:]]b", ""},
		{"a(b[[.x]c)d", ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char buf[64];
		size_t n = regex_literals(rows[i].pattern, '~', buf);

		ck_assert_uint_le(n, strlen(rows[i].pattern));
		buf[n] = '\0';
		ck_assert_msg(strcmp(buf, rows[i].literals) == 0, "%s: %s", rows[i].pattern, buf);
	}
}
END_TEST

int main(void)
{
	return harness_run("rules-match",
			   (const TTest *const[]){each_term, lacking, facts_not_read, needed_facts,
						  first_match_wins, explain, from_systemd,
						  explain_what_matters, actual_values, many_groups,
						  sets_of_ids, ends_of_ids, shapes_of_globs,
						  globs_as_fnmatch, literals_of_expressions, NULL});
}
