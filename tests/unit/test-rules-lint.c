// SPDX-License-Identifier: GPL-2.0-or-later
/* What lint says: that it is true, and that it is said. */
#include <rules/internal.h>

#include "rules-random.h"

static void lint_is(const char *text, const char *const *expected)
{
	struct rules_errors errors = {0}, found = {0};
	struct ruleset *set = fixture_parse(text, &errors);
	size_t n = 0;

	ck_assert_msg(set != NULL, "%s\n%s", errors.n ? errors.lines[0] : "", text);
	ck_assert_int_eq(ruleset_lint(set, &found), 0);
	for (; n < found.n && expected[n]; n++)
		ck_assert_str_eq(found.lines[n], expected[n]);
	ck_assert_msg(!expected[n], "not said: %s", expected[n]);
	ck_assert_msg(n == found.n, "said besides: %s", found.n > n ? found.lines[n] : "");
	rules_errors_done(&found);
	ruleset_free(set);
}

#define LINT(text, ...) lint_is(text, (const char *const[]){__VA_ARGS__, NULL})
#define CLEAN(text)     lint_is(text, (const char *const[]){NULL})
#define C               "container = c\n"

START_TEST(shadowed)
{
	LINT("[rule a]\n" C "[rule b]\nuser = bob\n" C,
	     "t.rules:3: rule 'b' is never reached: 'a' (t.rules:1) matches all that it does, and "
	     "is "
	     "tried before it");
	LINT("[rule a]\nexe = /usr/*\n" C "[rule b]\nexe = /usr/bin/*, /usr/lib/x\nuser = bob\n" C,
	     "t.rules:4: rule 'b' is never reached: 'a' (t.rules:1) matches all that it does, and "
	     "is "
	     "tried before it");
	LINT("[rule a]\nuser = 1000-2000, !1500\n" C "[rule b]\nuser = 1600-1700, 1000\n" C,
	     "t.rules:4: rule 'b' is never reached: 'a' (t.rules:1) matches all that it does, and "
	     "is "
	     "tried before it");
	/* The order is that of matching. */
	LINT("[rule b]\norder = 5\ncomm = gcc\n" C "[rule a]\norder = 1\ncomm = g[a-d]*, x\n" C,
	     "t.rules:1: rule 'b' is never reached: 'a' (t.rules:5) matches all that it does, and "
	     "is "
	     "tried before it");
	LINT("[rule a]\nuser = bob\n" C "[rule b]\ndepend = a\ncomm = gcc\n" C,
	     "t.rules:4: rule 'b' is never reached: 'a' (t.rules:1), on which it depends, is tried "
	     "before it");
	LINT("[rule a]\ncomm = *.exe\n" C "[rule b]\ncomm = [a-c]?x.exe\n" C,
	     "t.rules:4: rule 'b' is never reached: 'a' (t.rules:1) matches all that it does, and "
	     "is "
	     "tried before it");
	LINT("[rule a]\nargs = re:make\n" C "[rule b]\nargs = make all\n" C,
	     "t.rules:4: rule 'b' is never reached: 'a' (t.rules:1) matches all that it does, and "
	     "is "
	     "tried before it");
}
END_TEST

START_TEST(not_shadowed)
{
	/* One of them leaves alone what systemd manages, and the other does not. */
	CLEAN("[rule a]\n" C "[rule b]\nuser = bob\nfrom-systemd = yes\n" C);
	CLEAN("[rule a]\n" C "[rule b]\nuser = bob\nignore = yes\n");
	CLEAN("[rule a]\n" C "[rule b]\ndepend = a\nfrom-systemd = yes\n" C);
	LINT("[rule a]\nfrom-systemd = yes\n" C "[rule b]\nuser = bob\n" C,
	     "t.rules:4: rule 'b' is never reached: 'a' (t.rules:1) matches all that it does, and "
	     "is tried before it");
	LINT("[rule a]\nignore = yes\n[rule b]\nuser = bob\nfrom-systemd = yes\n" C,
	     "t.rules:3: rule 'b' is never reached: 'a' (t.rules:1) matches all that it does, and "
	     "is tried before it");
	CLEAN("[rule a]\nstate = off\n" C "[rule b]\nuser = bob\n" C);
	CLEAN("[rule a]\nuser = bob\n" C "[rule b]\n" C);
	CLEAN("[rule a]\nuser = 1000-2000, !1500\n" C "[rule b]\nuser = 1400-1700\n" C);
	CLEAN("[rule a]\ngroup = 5, !7\n" C "[rule b]\ngroup = 5\n" C);
	CLEAN("[rule a]\nexe = /usr/*, !*/gcc\n" C "[rule b]\nexe = /usr/bin/*\n" C);
	/* A task without an executable has none that is not gcc. */
	CLEAN("[rule a]\nexe = !/usr/bin/gcc\n" C "[rule b]\nuser = bob\n" C);
	CLEAN("[rule a]\ncomm = ?\n" C "[rule b]\ncomm = [ab]*\n" C);
	CLEAN("[rule a]\ndepend = !b\nuser = bob\n" C "[rule b]\nuser = bob\ncomm = x\n" C);
}
END_TEST

START_TEST(nothing_fits)
{
	LINT("[rule a]\nuser = bob, !1000-2000\n" C,
	     "t.rules:1: 'user = bob, !1000-2000' holds for no task: all of it is excluded");
	LINT("[rule a]\ncomm = gcc, !g*\n" C,
	     "t.rules:1: 'comm = gcc, !g*' holds for no task: all of it is excluded");
	LINT("[rule a]\ncomm = */gcc\n" C,
	     "t.rules:1: a pattern of 'comm = */gcc' fits nothing: a name has no '/'");
	LINT("[rule a]\nexe = /usr//bin/gcc\n" C,
	     "t.rules:1: a pattern of 'exe = /usr//bin/gcc' fits nothing: no such text has '//'");
	LINT("[rule a]\nexe = /usr/../bin/gcc\n" C,
	     "t.rules:1: a pattern of 'exe = /usr/../bin/gcc' fits nothing: a path has no '.' or "
	     "'..' "
	     "in it");
	LINT("[rule a]\nexe = /usr/bin/\n" C,
	     "t.rules:1: a pattern of 'exe = /usr/bin/' fits nothing: it ends with '/'");
	LINT("[rule a]\ndepend = b\nuser = alice\n" C "[rule b]\nstate = off\nuser = bob\n",
	     "t.rules:2: rule 'a' matches nothing: 'user = alice' cannot hold together with the "
	     "terms "
	     "of 'b'");
	LINT("[rule a]\ndepend = !b\nuser = alice\n" C "[rule b]\nuser = 1000-2000\n" C,
	     "t.rules:2: rule 'a' matches nothing: 'b' matches all that it could");
	CLEAN("[rule a]\nargs = a//b\nuser = bob, !alice\n" C);
}
END_TEST

#define FITS_NOTHING(term, why)                                                                    \
	LINT("[rule a]\n" term "\n" C, "t.rules:1: a pattern of '" term "' fits nothing: " why)
#define HOLDS_NEVER(term)                                                                          \
	LINT("[rule a]\n" term "\n" C,                                                             \
	     "t.rules:1: '" term "' holds for no task: all of it is excluded")

START_TEST(patterns_that_fit_nothing)
{
	FITS_NOTHING("exe = /usr/bin/..", "a path has no '.' or '..' in it");
	FITS_NOTHING("exe = */.", "a path has no '.' or '..' in it");
	FITS_NOTHING("exe = /a?/./b*", "a path has no '.' or '..' in it");
	FITS_NOTHING("parent = !*//sh", "no such text has '//'");
	FITS_NOTHING("in = a/../b", "a path has no '.' or '..' in it");
	FITS_NOTHING("in = users/", "it ends with '/'");
	FITS_NOTHING("comm = ..", "'.' and '..' are no names");
	FITS_NOTHING("comm = a[/]b", "a bracket expression of it fits no character");
	FITS_NOTHING("exe = /bin/[z-a]*", "a bracket expression of it fits no character");
	FITS_NOTHING("args = [[:nonsense:]]", "a bracket expression of it fits no character");
	/* A slash in brackets is one of several characters, and a tag may be anything. */
	CLEAN("[rule a]\ncomm = [!/]x, ..x\n" C);
	CLEAN("[rule a]\nexe = /a[//]b, /a[/./]b, */.x, /a/..?, /a*/*..*\n" C);
	CLEAN("[rule a]\ntag = http://x/../y/\n" C);
}
END_TEST

START_TEST(terms_that_hold_never)
{
	HOLDS_NEVER("user = !<1000, !>999");
	HOLDS_NEVER("group = !0-4294967294");
	HOLDS_NEVER("login = !0-4294967294, !none");
	HOLDS_NEVER("tty = !yes, !no");
	HOLDS_NEVER("comm = !*");
	HOLDS_NEVER("exe = !***");
	HOLDS_NEVER("parent = !/*");
	HOLDS_NEVER("exe = /bin/*, *sh, !*");
	HOLDS_NEVER("exe = /bin/b*, !/bin/*");
	CLEAN("[rule a]\nlogin = !0-4294967294\n" C);
	CLEAN("[rule a]\nuser = !<1000, !>1000\n" C);
	CLEAN("[rule a]\nexe = !*\\*, !/*a, !?*\n" C);
	LINT("[rule a]\ndepend = b, !d, c\n" C "[rule b]\nstate = off\ndepend = e\n"
	     "[rule c]\nstate = off\nuser = alice\n[rule d]\nstate = off\ncomm = x\n"
	     "[rule e]\nstate = off\nuser = bob\n",
	     "t.rules:2: rule 'a' matches nothing: the terms of 'b' and of 'c' cannot hold "
	     "together");
}
END_TEST

START_TEST(unused_containers)
{
	LINT("[rule a]\ncontainer = users/%u\n[container users]\n[container users/%u]\n"
	     "[container users/alice]\n[container other]\n[container users/a/b]\n",
	     "t.rules:6: no rule puts a task into container 'other'",
	     "t.rules:7: no rule puts a task into container 'users/a/b'");
	LINT("[rule a]\ncontainer = a/x-%u\n[rule b]\nuser = bob\nstate = off\ncontainer = a/%p\n"
	     "[container a/%p]\n[container a/x-%u]\n[container a/x-bob]\n",
	     "t.rules:8: container 'a/x-%u' is hidden by 'a/%p' (t.rules:7), which fits too and "
	     "comes "
	     "first");
	LINT("[rule a]\nstate = off\n" C "[container c]\n",
	     "t.rules:4: no rule puts a task into container 'c'");
	CLEAN("[rule a]\ncontainer = a/b/c\n[container a/%p]\n[container %u]\n[container a/b/c]\n");
}
END_TEST

/* On random rules: a task that one matches is matched by those that are said to cover it. */
START_TEST(covers_is_true)
{
	size_t proofs = 0, witnesses = 0;

	random_state = 3;
	for (size_t round = 0; round < 300; round++) {
		struct ruleset *set = random_set();
		size_t n = set ? set->n_rules : 0;

		for (size_t b = 0; b < n && b < 40; b++) {
			struct rbce_task witness = {0}, task;
			bool has_witness = rule_witness(&set->rules[b], &witness);
			gid_t groups[4];

			witnesses += has_witness;
			ck_assert(!has_witness || compiled_holds(&set->rules[b], &witness));
			for (size_t a = 0; a < n && a < 40; a++) {
				bool covers = rule_covers(&set->rules[a], &set->rules[b]);

				proofs += covers && a != b;
				for (size_t i = 0; covers && i < 100; i++) {
					random_task(&task, groups);
					ck_assert(!compiled_holds(&set->rules[b], &task) ||
						  compiled_holds(&set->rules[a], &task));
				}
				ck_assert(!covers || !has_witness ||
					  compiled_holds(&set->rules[a], &witness));
			}
			rbce_task_done(&witness);
		}
		ruleset_free(set);
	}
	ck_assert_uint_gt(proofs, 1000);
	ck_assert_uint_gt(witnesses, 1000);
}
END_TEST

/* The index leads to every rule before this one that covers it. */
static const struct compiled *first_cover(const struct ruleset *set, const struct compiled *rule)
{
	for (size_t i = 0; i < rule->rule.index; i++)
		if (set->rules[i].rule.enabled && rule_hides(&set->rules[i], rule))
			return &set->rules[i];
	return NULL;
}

START_TEST(finds_every_shadow)
{
	size_t shadows = 0;

	random_state = 5;
	for (size_t round = 0; round < 300; round++) {
		struct ruleset *set = random_set();
		struct rules_errors found = {0};
		size_t said = 0, true_ones = 0;

		if (!set)
			continue;
		ck_assert_int_eq(ruleset_lint(set, &found), 0);
		for (size_t i = 0; i < found.n; i++)
			said += strstr(found.lines[i], "is never reached") != NULL;
		for (size_t i = 0; i < set->n_rules; i++)
			true_ones += set->rules[i].rule.enabled && first_cover(set, &set->rules[i]);
		ck_assert_uint_eq(said, true_ones);
		shadows += said;
		rules_errors_done(&found);
		ruleset_free(set);
	}
	ck_assert_uint_gt(shadows, 1000);
}
END_TEST

int main(void)
{
	return harness_run("rules-lint",
			   (const TTest *const[]){shadowed, not_shadowed, nothing_fits,
						  patterns_that_fit_nothing, terms_that_hold_never,
						  unused_containers, covers_is_true,
						  finds_every_shadow, NULL});
}
