// SPDX-License-Identifier: GPL-2.0-or-later
/* rbced/source/verdicts.c: the facts that a verdict is kept by. */
#include <rbced/source/verdicts.h>

#include "harness.h"

enum { SEED = 7 };

static unsigned facts_of(const char *text)
{
	struct rules_errors errors = {0};
	struct ruleset *rules;
	unsigned facts;

	ck_assert_msg(ruleset_parse("test", text, strlen(text), NULL, &rules, &errors) == 0, "%s",
		      errors.n ? errors.lines[0] : "");
	facts = verdicts_facts(rules);
	ruleset_free(rules);
	return facts;
}

START_TEST(facts_that_rules_ask_for)
{
	static const struct {
		const char *text;
		unsigned facts;
	} rows[] = {
		{"", 0},
		{"[rule a]\nuser = 7\ncontainer = a\n", VERDICT_BY_UID},
		{"[rule a]\neuser = 7\ncontainer = a/%U\n", VERDICT_BY_UID | VERDICT_BY_EUID},
		{"[rule a]\ngroup = 7\ncontainer = a\n", VERDICT_BY_GID | VERDICT_BY_GROUPS},
		{"[rule a]\negroup = 7\ncontainer = a/%G\n", VERDICT_BY_GID | VERDICT_BY_EGID},
		{"[rule a]\nlogin = none\ncontainer = a\n", VERDICT_BY_LOGIN},
		{"[rule a]\ncomm = a\ncontainer = a\n", VERDICT_BY_EXE},
		{"[rule a]\nuser = 7\ncontainer = a/%p\n", VERDICT_BY_UID | VERDICT_BY_EXE},
		{"[rule a]\nparent = /a\ncontainer = a\n", VERDICT_BY_PARENT},
		{"[rule a]\npgrp = 5\ncontainer = a\n", VERDICT_BY_PGRP},
		{"[rule a]\nsession = 5\ncontainer = a\n", VERDICT_BY_SESSION},
		{"[rule a]\npgrp-leader = /a\ncontainer = a\n", VERDICT_BY_PGRP_LEADER},
		{"[rule a]\nsession-leader = /a\ncontainer = a\n", VERDICT_BY_SESSION_LEADER},
		{"[rule a]\ntty = yes\ncontainer = a\n", VERDICT_BY_TTY},
		{"[rule a]\nrealtime = yes\ncontainer = a\n", VERDICT_BY_REALTIME},
		{"[rule a]\nin = b\ncontainer = a\n", 0},
		{"[rule a]\ntag = b\ncontainer = a\n", 0},
		{"[rule a]\nuser = 7\ncontainer = a\nstate = off\n", 0},
		{"[rule a]\nuser = 7\ncontainer = a\nstate = off\n"
		 "[rule b]\ntty = yes\ndepend = a\ncontainer = b\n",
		 VERDICT_BY_UID | VERDICT_BY_TTY},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		ck_assert_msg(facts_of(rows[i].text) == (rows[i].facts | VERDICT_KNOWN), "%s: %#x",
			      rows[i].text, facts_of(rows[i].text));
	/* What only the daemon can tell takes all. */
	ck_assert_uint_eq(facts_of("[rule a]\nuser = 7\nargs = x\ncontainer = a\n"), 0);
}
END_TEST

START_TEST(paths)
{
	static const char *const different[] = {
		"/",
		"/a",
		"/b",
		"/a/b",
		"/b/a",
		"/ab",
		"/usr/bin/a",
		"/usr/bina",
		"/usr/bin/a/b",
		"/12345678",
		"/1234567/8",
		"/123456789",
		"/12345678/",
		"/usr/bin/a (deleted)",
	};

	for (size_t i = 0; i < sizeof(different) / sizeof(*different); i++) {
		uint64_t hash = verdicts_hash_path(SEED, different[i]);

		ck_assert_uint_gt(hash, VERDICT_NO_PROGRAM);
		ck_assert_uint_ne(hash, verdicts_hash_path(SEED + 1, different[i]));
		for (size_t k = 0; k < i; k++) {
			bool same = strcmp(different[i], "/12345678/") == 0 &&
				    strcmp(different[k], "/12345678") == 0;

			ck_assert_int_eq(hash == verdicts_hash_path(SEED, different[k]), same);
		}
	}
}
END_TEST

START_TEST(groups)
{
	static const gid_t gids[] = {1, 2, 3};

	ck_assert_uint_eq(verdicts_hash_groups(SEED, gids, 2), verdicts_hash_groups(SEED, gids, 2));
	ck_assert_uint_ne(verdicts_hash_groups(SEED, gids, 2), verdicts_hash_groups(SEED, gids, 3));
	ck_assert_uint_ne(verdicts_hash_groups(SEED, gids, 2),
			  verdicts_hash_groups(SEED, gids + 1, 2));
	ck_assert_uint_gt(verdicts_hash_groups(SEED, NULL, 0), VERDICT_NO_PROGRAM);
}
END_TEST

/* A key has the facts that are asked for, and is the same whatever the others are. */
START_TEST(keys)
{
	struct rbce_task a = {.uid = 1,
			      .gid = 2,
			      .pgrp = 3,
			      .tty = 4,
			      .policy = 1,
			      .login = 5,
			      .exe = (char *)"/bin/a"};
	struct rbce_task b = a;
	struct verdict_key x, y;

	b.gid = 7;
	b.exe = (char *)"/bin/b";
	memset(&x, 0xff, sizeof(x));
	ck_assert(verdicts_key(SEED, VERDICT_KNOWN | VERDICT_BY_UID, &a, 9, &x));
	ck_assert(verdicts_key(SEED, VERDICT_KNOWN | VERDICT_BY_UID, &b, 8, &y));
	ck_assert_mem_ne(&x, &y, sizeof(x));
	ck_assert(verdicts_key(SEED, VERDICT_KNOWN | VERDICT_BY_UID, &b, 9, &y));
	ck_assert_mem_eq(&x, &y, sizeof(x));
	ck_assert_uint_eq(x.uid, 1);
	ck_assert_uint_eq(x.exe | x.gid | x.pgrp | x.flags, 0);
	ck_assert(verdicts_key(SEED, VERDICT_KNOWN | VERDICT_BY_EXE, &b, 8, &y));
	ck_assert_uint_eq(y.exe, verdicts_hash_path(SEED, "/bin/b"));
	ck_assert(verdicts_key(
		SEED, VERDICT_KNOWN | VERDICT_BY_TTY | VERDICT_BY_REALTIME | VERDICT_BY_PARENT, &b,
		8, &y));
	ck_assert_uint_eq(y.place, 8);
	ck_assert_uint_eq(y.flags, VERDICT_TTY | VERDICT_REALTIME);
	ck_assert_uint_eq(y.parent, VERDICT_NO_PROGRAM);
	/* A login that was not read is none. */
	ck_assert(verdicts_key(SEED, VERDICT_KNOWN | VERDICT_BY_LOGIN, &b, 8, &y));
	ck_assert_uint_eq(y.login, 0);
	b.facts = RBCE_FACT_LOGIN;
	ck_assert(verdicts_key(SEED, VERDICT_KNOWN | VERDICT_BY_LOGIN, &b, 8, &y));
	ck_assert_uint_eq(y.login, 5);
	/* Nothing is kept for a tagged task, or for one whose program is not known. */
	b.tag = (char *)"tag";
	ck_assert(!verdicts_key(SEED, VERDICT_KNOWN, &b, 8, &y));
	b.tag = NULL;
	b.exe = NULL;
	ck_assert(!verdicts_key(SEED, VERDICT_KNOWN, &b, 8, &y));
	ck_assert(!verdicts_key(SEED, 0, &a, 8, &y));
}
END_TEST

#define BIT(controller) (1U << (controller))

static const struct rbce_mount mounts[] = {
	{.version = 2, .path = (char *)"/cg/unified"},
	{.version = 1, .path = (char *)"/cg/memory", .controllers = BIT(RBCE_MEMORY)},
	{.version = 1, .path = (char *)"/cg/cpu", .controllers = BIT(RBCE_CPU) | BIT(RBCE_CPUACCT)},
};

/* A place is all of the groups, and another one when a group is made anew. */
START_TEST(places)
{
	static const char text[] = "3:memory:/rbce/a\n2:cpu,cpuacct:/rbce/a\n0::/rbce/a\n";
	static const char other[] = "3:memory:/rbce/b\n2:cpu,cpuacct:/rbce/a\n0::/rbce/a\n";
	char tree[PATH_MAX], path[PATH_MAX + 32];
	struct rbce_hierarchy *h;
	struct rbce_root *root;
	uint64_t a, b, again;

	harness_directory(tree);
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/rbce/a/tasks", mounts[i].path);
		harness_write_text(tree, path, "");
	}
	harness_write_text(tree, "cg/memory/rbce/b/tasks", "");
	ck_assert_int_eq(rbce_root_open(tree, &root, NULL), 0);
	ck_assert_int_eq(rbce_hierarchy_open_mounts(root, "rbce", mounts, 3, &h, NULL), 0);
	ck_assert_uint_eq(verdicts_hierarchies(h),
			  BIT(VERDICT_UNIFIED) | BIT(VERDICT_CPU) | BIT(VERDICT_MEMORY));
	ck_assert_int_eq(verdicts_place(SEED, h, text, &a), 0);
	ck_assert_int_eq(verdicts_place(SEED, h, other, &b), 0);
	ck_assert_uint_ne(a, b);
	ck_assert_int_eq(verdicts_place(SEED, h, text, &again), 0);
	ck_assert_uint_eq(a, again);
	snprintf(path, sizeof(path), "%s/cg/memory/rbce", tree);
	ck_assert_int_eq(chdir(path), 0);
	ck_assert_int_eq(rename("a", "c"), 0);
	ck_assert_int_eq(verdicts_place(SEED, h, text, &again), -ENOENT);
	ck_assert_int_eq(rename("b", "a"), 0);
	ck_assert_int_eq(verdicts_place(SEED, h, text, &again), 0);
	ck_assert_uint_eq(again, b);
	rbce_hierarchy_close(h);
	rbce_root_close(root);
	ck_assert_int_eq(chdir("/"), 0);
	harness_remove_tree(tree);
}
END_TEST

int main(void)
{
	return harness_run("verdicts", (const TTest *const[]){facts_that_rules_ask_for, paths,
							      groups, keys, places, NULL});
}
