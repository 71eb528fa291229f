// SPDX-License-Identifier: GPL-2.0-or-later
/* rules/reader.c, compile.c, load.c: what is read, and every mistake with its line. */
#include "rules-fixture.h"

#define R "[rule a]\n"
#define C "container = x\n"

/* A text and the one line that it earns; NULL for none. */
static const struct {
	const char *text;
	const char *error;
} texts[] = {
	{"", NULL},
	{"\n\n# only a comment\n; another\n", NULL},
	{R C, NULL},
	{R "user = alice\n" C, NULL},
	{R "ignore = yes\n", NULL},
	{"[container x]\n", NULL},
	{"[container x]\nmemory.max = 1\nio.max = a\nio.max = b\non-unsupported = error\n", NULL},
	{"[rule a] ; why [this]\n" C, NULL},
	{"[ rule  a b ]\n" C, NULL},
	{"\xef\xbb\xbf[rule a]\n" C, NULL},
	{"[rule a]\r\ncontainer = x\r\n", NULL},
	{"[rule a]\ncontainer = x", NULL},
	{R "  container = x\n  user = bob\n", NULL},
	{R "container: x\n", NULL},

	{"user = alice\n", "t.rules:1: 'user' stands before any section"},
	{"[rule a\n", "t.rules:1: expected ']' at the end of a section's name"},
	{"[rule a] b\n", "t.rules:1: expected ']' at the end of a section's name"},
	{"[rule]\n", "t.rules:1: this section has no name"},
	{"[rule  ]\n", "t.rules:1: this section has no name"},
	{"[class a]\n",
	 "t.rules:1: unknown section 'class': expected [rule NAME] or [container NAME]"},
	{"[]\n", "t.rules:1: unknown section '': expected [rule NAME] or [container NAME]"},
	{R C "nonsense\n", "t.rules:3: expected 'key = value' or a section in brackets"},
	{R C "nonsense", "t.rules:3: expected 'key = value' or a section in brackets"},
	{R "usr = alice\n" C, "t.rules:2: unknown key 'usr' in a rule; did you mean 'user'?"},
	{R "colour = red\n" C, "t.rules:2: unknown key 'colour' in a rule"},
	{R "memory.max = 1G\n" C, "t.rules:2: unknown key 'memory.max' in a rule"},
	{R "user =\n" C, "t.rules:2: 'user' has no value"},
	{R "user = ; alice\n" C, "t.rules:2: 'user' has no value"},
	{R "user = alice,\n" C, "t.rules:2: the list has an empty part"},
	{R "user = !\n" C, "t.rules:2: the list has an empty part"},
	{R "user = alice\nuser = bob\n" C,
	 "t.rules:3: 'user' stands in line 2 of this section already"},
	{R "user = carol\n" C, "t.rules:2: unknown user 'carol'"},
	{R "user = broken\n" C, "t.rules:2: unknown user 'broken': Input/output error"},
	{R "group = @nobody\n" C, "t.rules:2: unknown group 'nobody'"},
	{R "user = 5-x\n" C, "t.rules:2: unknown user 'x'"},
	{R "user = 9-5\n" C, "t.rules:2: '9-5' ends before it begins"},
	{R "user = 4294967295\n" C, "t.rules:2: '4294967295' is not a number"},
	{R "user = <0\n" C, "t.rules:2: '<0' matches nothing"},
	{R "pgrp = me\n" C, "t.rules:2: 'me' is not a number"},
	{R "order = -1\n" C, "t.rules:2: '-1' is not a number from 0 to 2147483647"},
	{R "state = maybe\n" C, "t.rules:2: 'maybe' is neither 'on' nor 'off'"},
	{R "mode = dry\n" C, "t.rules:2: 'dry' is neither 'enforce' nor 'observe'"},
	{R "user = alice\n", "t.rules:1: rule 'a' has neither 'container' nor 'ignore = yes'"},
	{R C "ignore = yes\n", "t.rules:1: rule 'a' has both 'container' and 'ignore = yes'"},
	{R "container = a/../b\n",
	 "t.rules:2: cannot use container name 'a/../b': '.' and '..' are "
	 "no container names"},
	{R "container = %x\n", "t.rules:2: unknown variable '%x' in '%x' (there are %u %U %g %G %p "
			       "%P %r)"},
	{R "container = a%\n", "t.rules:2: 'a%' ends with a '%' ('%%' means the sign)"},
	{R C R C, "t.rules:3: rule 'a' stands at t.rules:1 already"},
	{"[container x]\nmemry.max = 1\n", "t.rules:2: unknown key 'memry.max'"},
	{"[container x]\nmemory.max = bad\n", "t.rules:2: 'bad' is not a size"},
	{"[container x]\nmemory.max = 1\nmemory.max = 2\n",
	 "t.rules:3: 'memory.max' stands in line 2 of this section already"},
	{"[container x]\non-unsupported = cry\n",
	 "t.rules:2: 'cry' is none of warn, error and ignore"},
	{"[container /x]\n", "t.rules:1: cannot use container name '/x': it begins with '/'"},
};

START_TEST(mistakes)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct rules_errors errors;
		struct ruleset *set = fixture_parse(texts[i].text, &errors);

		ck_assert_msg(errors.n == (texts[i].error ? 1 : 0), "%s: %zu errors, first: %s",
			      texts[i].text, errors.n, errors.n ? errors.lines[0] : "");
		if (texts[i].error)
			ck_assert_str_eq(errors.lines[0], texts[i].error);
		rules_errors_done(&errors);
		ruleset_free(set);
	}
}
END_TEST

START_TEST(all_mistakes_in_order)
{
	static const char text[] = "x = 1\n[rule a]\nusr = 1\nuser = carol\n" C "[container b]\n"
				   "memory.max = bad\nnothing\n";
	static const char *const lines[] = {"t.rules:1: ", "t.rules:3: ", "t.rules:4: ",
					    "t.rules:7: ", "t.rules:8: "};
	struct rules_errors errors;

	ck_assert_ptr_null(fixture_parse(text, &errors));
	ck_assert_uint_eq(errors.n, 5);
	for (size_t i = 0; i < 5; i++)
		ck_assert_ptr_eq(strstr(errors.lines[i], lines[i]), errors.lines[i]);
	rules_errors_done(&errors);
}
END_TEST

/* A value of N letters arrives as N letters, whatever the library does with long lines by itself.
 */
START_TEST(long_lines)
{
	static const size_t sizes[] = {180, 190, 191, 192, 193, 194, 195,  196,
				       197, 198, 199, 200, 201, 250, 5000, 60000};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char *text = malloc(sizes[i] + 100);
		char *end = stpcpy(text, "[rule a]\ncontainer = x\nexe = /");
		struct ruleset *set;

		memset(end, 'y', sizes[i]);
		end[sizes[i] - 1] = 'z';
		memcpy(end + sizes[i], "\nuser = alice\n", 15);
		set = fixture_good(text);
		ck_assert_uint_eq(strlen(ruleset_rule(set, 0)->terms),
				  strlen("exe = /; user = alice") + sizes[i]);
		ck_assert_ptr_nonnull(strstr(ruleset_rule(set, 0)->terms, "yz; user = alice"));
		ruleset_free(set);
		free(text);
	}
}
END_TEST

START_TEST(too_long_and_nul)
{
	static const char nul[] = "[rule a]\ncontainer = x\0y\n";
	char *text = malloc(70000);
	struct rules_errors errors;

	memset(text, 'y', 70000);
	memcpy(text, "[rule a]\nexe = ", 15);
	ck_assert_ptr_null(fixture_parse_sized(text, 70000, &errors));
	ck_assert_str_eq(errors.lines[0], "t.rules:1: rule 'a' has neither 'container' nor "
					  "'ignore = yes'");
	ck_assert_str_eq(errors.lines[1], "t.rules:2: this line is longer than 64 KiB");
	rules_errors_done(&errors);
	free(text);
	ck_assert_ptr_null(fixture_parse_sized(nul, sizeof(nul) - 1, &errors));
	ck_assert_str_eq(errors.lines[1], "t.rules:2: this line has a NUL byte");
	rules_errors_done(&errors);
}
END_TEST

START_TEST(long_names)
{
	char text[1000] = "[rule ";
	struct ruleset *set;

	memset(text + 6, 'n', 600);
	memcpy(text + 606, "]\ncontainer = x\n", 17);
	set = fixture_good(text);
	ck_assert_uint_eq(strlen(ruleset_rule(set, 0)->name), 600);
	ruleset_free(set);
}
END_TEST

/* Only a line that is indented deeper than its key continues the value. */
START_TEST(continuation)
{
	struct ruleset *set = fixture_good("[rule a]\n"
					   "    user = alice,\n"
					   "    # between\n"
					   "\n"
					   "        bob,    ; and\n"
					   "\t\t\t\t\t!1005\n"
					   "    container = x\n"
					   "  [rule b]\n"
					   "  exe = /a\n"
					   "   = b\n"
					   "  container = y\n");

	ck_assert_uint_eq(ruleset_size(set), 2);
	ck_assert_str_eq(ruleset_rule(set, 0)->terms, "user = alice, bob, !1005");
	ck_assert_str_eq(ruleset_rule(set, 0)->container, "x");
	ck_assert_str_eq(ruleset_rule(set, 1)->terms, "exe = /a = b");
	ck_assert_uint_eq(ruleset_rule(set, 1)->line, 8);
	ruleset_free(set);
}
END_TEST

START_TEST(order_of_rules)
{
	static const char *const names[] = {"low", "first", "tie", "after", "high", "last"};
	struct ruleset *set = fixture_good(
		"[rule first]\norder = 10\n" C "[rule tie]\norder = 10\n" C "[rule after]\n" C
		"[rule high]\norder = 50\n" C "[rule low]\norder = 1\n" C "[rule last]\n" C);

	for (size_t i = 0; i < 6; i++) {
		ck_assert_str_eq(ruleset_rule(set, i)->name, names[i]);
		ck_assert_uint_eq(ruleset_rule(set, i)->index, i);
	}
	ck_assert_int_eq(ruleset_rule(set, 3)->order, 11);
	ck_assert_int_eq(ruleset_rule(set, 5)->order, 51);
	ruleset_free(set);
}
END_TEST

START_TEST(directory)
{
	struct rules_errors errors = {0};
	struct ruleset *set = NULL;
	char tree[PATH_MAX], expected[2 * PATH_MAX + 100];

	harness_directory(tree);
	ck_assert_int_eq(ruleset_load(tree, &fixture_options, &set, &errors), 0);
	ck_assert_uint_eq(ruleset_size(set), 0);
	ruleset_free(set);
	harness_write_text(tree, "20.rules", "[rule second]\n" C);
	harness_write_text(tree, "10.rules", "[rule first]\n" C);
	harness_write_text(tree, "30.rules~", "garbage");
	harness_write_text(tree, ".hidden.rules", "garbage");
	harness_write_text(tree, "README", "garbage");
	ck_assert_int_eq(ruleset_load(tree, &fixture_options, &set, &errors), 0);
	ck_assert_uint_eq(ruleset_size(set), 2);
	ck_assert_str_eq(ruleset_rule(set, 0)->name, "first");
	ruleset_free(set);
	/* A rule of the same name in another file. */
	harness_write_text(tree, "30.rules", "[rule first]\n" C);
	ck_assert_int_lt(ruleset_load(tree, &fixture_options, &set, &errors), 0);
	snprintf(expected, sizeof(expected),
		 "%s/30.rules:1: rule 'first' stands at %s/10.rules:1 already", tree, tree);
	ck_assert_uint_eq(errors.n, 1);
	ck_assert_str_eq(errors.lines[0], expected);
	rules_errors_done(&errors);
	/* What cannot be read is told with the rest. */
	harness_write_text(tree, "40.rules/x", "");
	ck_assert_int_lt(ruleset_load(tree, &fixture_options, &set, &errors), 0);
	ck_assert_uint_eq(errors.n, 2);
	snprintf(expected, sizeof(expected), "%s/40.rules: cannot read: Is a directory", tree);
	ck_assert_str_eq(errors.lines[1], expected);
	rules_errors_done(&errors);
	harness_remove_tree(tree);
	ck_assert_int_eq(ruleset_load(tree, &fixture_options, &set, &errors), -ENOENT);
	snprintf(expected, sizeof(expected), "%s: cannot read: No such file or directory", tree);
	ck_assert_str_eq(errors.lines[0], expected);
	rules_errors_done(&errors);
}
END_TEST

/* The rule files that come with the suite are good. */
START_TEST(shipped_sets)
{
	struct rules_errors errors = {0};
	struct ruleset *set = NULL;

	ck_assert_msg(ruleset_load("rules/sets", NULL, &set, &errors) < 0 || set != NULL, "no set");
	ck_assert_msg(set != NULL, "%s", errors.n ? errors.lines[0] : "?");
	ck_assert_uint_gt(ruleset_size(set), 0);
	ruleset_free(set);
}
END_TEST

int main(void)
{
	return harness_run("rules-read",
			   (const TTest *const[]){mistakes, all_mistakes_in_order, long_lines,
						  too_long_and_nul, long_names, continuation,
						  order_of_rules, directory, shipped_sets, NULL});
}
