// SPDX-License-Identifier: GPL-2.0-or-later
/* rules/reader.c, load.c, parse.c: what is read arrives whole, from text, files and directories. */
#include <rbced/key_check.h>

#include "rules-fixture.h"
#include "rules-text.h"

#define C "container = x\n"

/* Texts, and the terms of their first rule. */
static const struct {
	const char *text;
	const char *terms; /* NULL when there is no rule */
} files[] = {
	{"", NULL},
	{"\n \n\t\n", NULL},
	{"# only a comment\n; another\n   # a third", NULL},
	{"[container x]\n", NULL},
	{"[container x]\nmemory.max = 1\nio.max = a\nio.max = b\non-unsupported = error\n", NULL},
	{"[rule a]\n" C, ""},
	{"[rule a]\nignore = yes\n", ""},
	{"[rule a]\nignore = no\n" C, ""},
	{"[rule a]\nuser = alice\n" C, "user = alice"},
	{"[rule a]\n" C "exe = /bin/*\nuser = alice\n", "exe = /bin/*; user = alice"},
	/* Ends and beginnings of files and lines. */
	{"\xef\xbb\xbf[rule a]\nuser = alice\n" C, "user = alice"},
	{"[rule a]\r\nuser = alice\r\ncontainer = x\r\n", "user = alice"},
	{"[rule a]\n" C "user = alice", "user = alice"},
	{"[rule a]\n" C "user = alice\r", "user = alice"},
	{"  [rule a]  \n  " C "user=alice  \n", "user = alice"},
	{"[ rule\ta b ]\n" C "user\t=\talice\t\n", "user = alice"},
	/* Comments. */
	{"[rule a] ; why [this]\n" C "user = alice ; not bob\n", "user = alice"},
	{"[rule a];b]\n" C, ""},
	{"[rule a]\n" C "comm = a;b\n", "comm = a;b"},
	{"[rule a]\n" C "comm =;a\n  b\n", "comm = b"},
	{"[rule a]\n" C "comm = a#b,\\#c,d\\ \\;e\n", "comm = a#b,\\#c,d\\ \\;e"},
	/* Separators. */
	{"[rule a]\n" C "exe = /a=b\n", "exe = /a=b"},
	{"[rule a]\n" C "exe = /a:b\n", "exe = /a:b"},
	{"[rule a]\n" C "exe:/a=b\n", "exe = /a=b"},
	{"[rule a]\n" C "comm = = b\n", "comm = = b"},
	/* Bytes that are no UTF-8. */
	{"[rule \xff]\n" C "comm = \xc3(\xff\n", "comm = \xc3(\xff"},
	/* Only a line that is indented deeper than its key continues the value. */
	{"[rule a]\n" C "user = alice,\n  bob,\n  root\n", "user = alice, bob, root"},
	{"[rule a]\n  container = x\n  user = bob\n", "user = bob"},
	{"[rule a]\n\tcontainer = x\n\tuser = bob,\n\t\troot\n", "user = bob, root"},
	{"[rule a]\n        container = x\n\tuser = bob\n", "user = bob"},
	{"[rule a]\n    container = x\n  user = bob,\n    root\n", "user = bob, root"},
	{"[rule a]\n" C "user = bob, ; one\n  # two\n\n ; three\n  root ; four\n",
	 "user = bob, root"},
	{"[rule a]\n" C "user =\n  bob\n", "user = bob"},
	{"[rule a]\n" C "comm = a,\n  [bc]\n", "comm = a, [bc]"},
	{"[rule a]\n" C "comm = a,\n  = b\n", "comm = a, = b"},
	{"[rule a]\n" C "comm = a,\n  x = b\n", "comm = a, x = b"},
	{"[rule a]\n" C "comm = a\r\n  \xc2\xa0 b\r\n", "comm = a \xc2\xa0 b"},
	{"[container x]\nio.max = a\n  rbps=50M\n  wbps=20M\n", NULL},
	{"[rule a]\n" C "user = bob\n  [rule b]\n  ignore = yes\n", "user = bob"},
};

static void check_equal(const struct ruleset *a, const struct ruleset *b)
{
	ck_assert_uint_eq(ruleset_size(a), ruleset_size(b));
	ck_assert_uint_eq(ruleset_containers(a), ruleset_containers(b));
	ck_assert_uint_eq(ruleset_facts(a), ruleset_facts(b));
	for (size_t i = 0; i < ruleset_size(a); i++) {
		const struct rule *x = ruleset_rule(a, i), *y = ruleset_rule(b, i);

		ck_assert_str_eq(x->name, y->name);
		ck_assert_str_eq(x->terms, y->terms);
		ck_assert_pstr_eq(x->container, y->container);
		ck_assert_uint_eq(x->index, i);
		ck_assert_uint_eq(y->index, i);
		ck_assert_int_eq(x->order, y->order);
		ck_assert(x->enabled == y->enabled && x->ignore == y->ignore);
		ck_assert(x->mode == y->mode);
	}
	for (size_t i = 0; i < ruleset_containers(a); i++) {
		const struct container_section *x = ruleset_container_at(a, i);
		const struct container_section *y = ruleset_container_at(b, i);

		ck_assert_str_eq(x->name, y->name);
		ck_assert_int_eq(x->on_unsupported, y->on_unsupported);
		ck_assert_uint_eq(x->n_keys, y->n_keys);
		for (size_t k = 0; k < x->n_keys; k++) {
			ck_assert_str_eq(x->keys[k].key, y->keys[k].key);
			ck_assert_str_eq(x->keys[k].value, y->keys[k].value);
		}
	}
}

/* What the set says of itself, written as a file and read again, is the same set. */
static void check_round_trip(const struct ruleset *set, const struct rules_options *options)
{
	struct rules_errors errors = {0};
	struct ruleset *again = NULL;
	char *text = rules_text(set);

	ck_assert_ptr_nonnull(text);
	ck_assert_msg(ruleset_parse("t.rules", text, strlen(text), options, &again, &errors) == 0,
		      "%s of\n%s", errors.n ? errors.lines[0] : "?", text);
	check_equal(set, again);
	ruleset_free(again);
	free(text);
}

START_TEST(accepted)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct rules_errors errors;
		struct ruleset *set = fixture_parse(files[i].text, &errors);

		ck_assert_msg(set != NULL, "%s: %s", files[i].text,
			      errors.n ? errors.lines[0] : "?");
		if (files[i].terms)
			ck_assert_str_eq(ruleset_rule(set, 0)->terms, files[i].terms);
		else
			ck_assert_uint_eq(ruleset_size(set), 0);
		check_round_trip(set, &fixture_options);
		ruleset_free(set);
	}
}
END_TEST

/* A value of any length arrives whole, whatever inih does with long lines by itself. */
START_TEST(long_lines)
{
	static const size_t lines[] = {48,  49,  50,  51,  197,  198,   199,   200,
				       201, 202, 399, 400, 5000, 65534, 65535, 65536};
	static char value[65536], text[sizeof(value) + 100], terms[sizeof(value) + 100];

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		size_t n = lines[i] - strlen("exe = ");
		struct ruleset *set;

		memset(value, 'y', n);
		value[0] = '/';
		value[n - 1] = 'z';
		value[n] = '\0';
		snprintf(text, sizeof(text), "[rule a]\ncontainer = x\nexe = %s\nuser = alice\n",
			 value);
		snprintf(terms, sizeof(terms), "exe = %s; user = alice", value);
		set = fixture_good(text);
		ck_assert_str_eq(ruleset_rule(set, 0)->terms, terms);
		ruleset_free(set);
	}
}
END_TEST

/* So do values of many lines, comments of any length between them, and long names. */
START_TEST(long_everything)
{
	enum { LINES = 3000, LONG = 200000 };
	char *text = NULL, *comment = malloc(LONG + 1), name[3001];
	size_t size = 0, expected = strlen("comm = ");
	FILE *out = open_memstream(&text, &size);
	struct ruleset *set;

	memset(comment, ';', LONG);
	comment[LONG] = '\0';
	memset(name, 'n', 3000);
	name[3000] = '\0';
	fprintf(out, "%s\n[rule %s]\ncontainer = x ;%.60000s\ncomm = a", comment, name, comment);
	for (int i = 0; i < LINES; i++)
		fprintf(out, ",\n%s   %d%s", i == 7 ? comment : "", i, i == 7 ? "\n   7" : "");
	fprintf(out, "\n");
	fclose(out);
	for (int i = 0; i < LINES; i++)
		expected += (size_t)snprintf(NULL, 0, ", %d", i);
	set = fixture_good(text);
	ck_assert_str_eq(ruleset_rule(set, 0)->name, name);
	ck_assert_uint_eq(strlen(ruleset_rule(set, 0)->terms), expected + 1);
	ruleset_free(set);
	free(text);
	free(comment);
}
END_TEST

START_TEST(places)
{
	struct ruleset *set = fixture_good("\n# one\n[rule a]\ncontainer = x\nuser = bob,\n  root\n"
					   "\n[container x]\n\nio.max = a\n  b\nmemory.max = 1\n");
	const struct container_section *section = ruleset_container_at(set, 0);

	ck_assert_str_eq(ruleset_rule(set, 0)->file, "t.rules");
	ck_assert_uint_eq(ruleset_rule(set, 0)->line, 3);
	ck_assert_uint_eq(section->line, 8);
	ck_assert_uint_eq(section->n_keys, 2);
	ck_assert_uint_eq(section->keys[0].line, 10);
	ck_assert_str_eq(section->keys[0].value, "a b");
	ck_assert_uint_eq(section->keys[1].line, 12);
	ck_assert_str_eq(section->keys[1].file, "t.rules");
	ruleset_free(set);
}
END_TEST

START_TEST(order_of_rules)
{
	static const struct {
		const char *name;
		long order;
	} expected[] = {{"zero", 0}, {"first", 1},  {"low", 2},   {"ten", 10},
			{"tie", 10}, {"after", 11}, {"high", 50}, {"last", 51}};
	struct ruleset *set = fixture_good("[rule first]\n" C "[rule ten]\norder = 10\n" C
					   "[rule tie]\norder = 10\n" C "[rule after]\n" C
					   "[rule high]\norder = 50\n" C "[rule low]\norder = 2\n" C
					   "[rule last]\n" C "[rule zero]\norder = 0\n" C);

	ck_assert_uint_eq(ruleset_size(set), 8);
	for (size_t i = 0; i < 8; i++) {
		ck_assert_str_eq(ruleset_rule(set, i)->name, expected[i].name);
		ck_assert_int_eq(ruleset_rule(set, i)->order, expected[i].order);
		ck_assert_uint_eq(ruleset_rule(set, i)->index, i);
	}
	check_round_trip(set, &fixture_options);
	ruleset_free(set);
}
END_TEST

/* Who may have jobs: the nearest container that says something of it decides. */
START_TEST(jobs)
{
	static const struct {
		const char *container;
		uid_t uid;
		bool may;
	} cases[] = {
		{"users/a", 1000, true},     {"users/a", 1003, false}, {"users/a", 999, false},
		{"users/a/b/c", 1000, true}, {"users/b", 1000, false}, {"users/b/c", 5, true},
		{"users", 1000, false},      {"elsewhere", 0, false},
	};
	struct ruleset *set =
		fixture_good("[container users/%u]\njobs = 1000-2000, !1003\n"
			     "[container users/b]\njobs = 5 ; not others\non-unsupported = warn\n");

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct rbce_task task = {.facts = RBCE_FACT_IDS, .uid = cases[i].uid};

		ck_assert_msg(ruleset_lets_run(set, cases[i].container, &task) == cases[i].may,
			      "case %zu", i);
	}
	ruleset_free(set);
}
END_TEST

START_TEST(settings)
{
	struct ruleset *set = fixture_good("[rule a]\nstate = off\nmode = observe\nignore = yes\n"
					   "[rule b]\nstate = on\nmode = enforce\n" C "[rule c]\n" C
					   "[container x]\n"
					   "on-unsupported = ignore\n[container y]\n");

	ck_assert(!ruleset_rule(set, 0)->enabled && ruleset_rule(set, 0)->ignore);
	ck_assert_ptr_null(ruleset_rule(set, 0)->container);
	ck_assert_int_eq(ruleset_rule(set, 0)->mode, RULE_OBSERVE);
	for (size_t i = 1; i < 3; i++) {
		ck_assert(ruleset_rule(set, i)->enabled && !ruleset_rule(set, i)->ignore);
		ck_assert_int_eq(ruleset_rule(set, i)->mode, RULE_ENFORCE);
	}
	ck_assert_int_eq(ruleset_container_at(set, 0)->on_unsupported, UNSUPPORTED_IGNORE);
	ck_assert_int_eq(ruleset_container_at(set, 1)->on_unsupported, UNSUPPORTED_WARN);
	check_round_trip(set, &fixture_options);
	ruleset_free(set);
}
END_TEST

START_TEST(directory)
{
	struct rules_errors errors = {0};
	struct ruleset *set = NULL;
	char tree[PATH_MAX], slashed[PATH_MAX + 1], file[2 * PATH_MAX];

	harness_directory(tree);
	ck_assert_int_eq(ruleset_load(tree, &fixture_options, &set, &errors), 0);
	ck_assert_uint_eq(ruleset_size(set), 0);
	ruleset_free(set);
	harness_write_text(tree, "20.rules", "[rule second]\n" C);
	harness_write_text(tree, "10.rules", "[rule first]\n" C);
	harness_write_text(tree, "15.rules", "");
	harness_write_text(tree, "30.rules~", "garbage");
	harness_write_text(tree, ".hidden.rules", "garbage");
	harness_write_text(tree, "README", "garbage");
	snprintf(slashed, sizeof(slashed), "%s/", tree);
	ck_assert_int_eq(ruleset_load(slashed, &fixture_options, &set, &errors), 0);
	ck_assert_uint_eq(ruleset_size(set), 2);
	ck_assert_str_eq(ruleset_rule(set, 0)->name, "first");
	snprintf(file, sizeof(file), "%s/20.rules", tree);
	ck_assert_str_eq(ruleset_rule(set, 1)->file, file);
	ruleset_free(set);
	/* One file by its name, whatever that is. */
	harness_write_text(tree, "one", "[rule only]\n" C);
	snprintf(file, sizeof(file), "%s/one", tree);
	ck_assert_int_eq(ruleset_load(file, &fixture_options, &set, &errors), 0);
	ck_assert_str_eq(ruleset_rule(set, 0)->name, "only");
	ruleset_free(set);
	harness_remove_tree(tree);
}
END_TEST

/* Files that include the next one ten times each: 10^12 files, were they all read. */
START_TEST(includes)
{
	enum { LEVELS = 12, TIMES = 10 };
	struct rules_errors errors = {0};
	struct ruleset *set = NULL;
	char tree[PATH_MAX], name[32], text[TIMES * 32] = "";
	size_t told = 0;

	harness_directory(tree);
	for (int i = 0; i < LEVELS; i++) {
		size_t size = 0;

		for (int k = 0; k < TIMES; k++)
			size += (size_t)snprintf(text + size, sizeof(text) - size,
						 "[include sub/../%d.part]\n", i + 1);
		snprintf(name, sizeof(name), i ? "%d.part" : "0.rules", i);
		harness_write_text(tree, name, text);
	}
	harness_write_text(tree, "sub/x", "");
	harness_write_text(tree, "12.part", "[rule a]\n" C);
	ck_assert_int_eq(ruleset_load(tree, &fixture_options, &set, &errors), -EINVAL);
	for (size_t i = 0; i < errors.n; i++)
		told += strstr(errors.lines[i], "more than 10000 files are read") != NULL;
	ck_assert_uint_gt(told, 0);
	rules_errors_done(&errors);
	/* Once it is good, and a name with blanks too. */
	harness_write_text(tree, "0.rules", "[include a part]\n[include 12.part]\n");
	harness_write_text(tree, "a part", "[rule b]\n" C);
	ck_assert_int_eq(ruleset_load(tree, &fixture_options, &set, &errors), 0);
	ck_assert_str_eq(ruleset_rule(set, 0)->name, "b");
	ck_assert_str_eq(ruleset_rule(set, 1)->name, "a");
	ruleset_free(set);
	harness_remove_tree(tree);
}
END_TEST

/* What cannot be read is told with the rest, and nothing is loaded. */
START_TEST(unreadable)
{
	static const char *const expected[] = {
		"10.rules:2: unknown user 'carol'",
		"20.rules: cannot read: it is not a regular file",
		"25.rules: cannot read: No such file or directory",
		"27.rules: cannot read: it is not a regular file",
	};
	struct rules_errors errors = {0};
	struct ruleset *set = NULL;
	char tree[PATH_MAX], file[2 * PATH_MAX], line[4 * PATH_MAX];

	harness_directory(tree);
	harness_write_text(tree, "10.rules", "[rule a]\nuser = carol\n" C);
	harness_write_text(tree, "20.rules/x", "");
	snprintf(file, sizeof(file), "%s/25.rules", tree);
	ck_assert_int_eq(symlink("nowhere", file), 0);
	snprintf(file, sizeof(file), "%s/27.rules", tree);
	ck_assert_int_eq(mkfifo(file, 0600), 0);
	harness_write_text(tree, "30.rules", "[rule a]\n" C);
	ck_assert_int_eq(ruleset_load(tree, &fixture_options, &set, &errors), -EINVAL);
	ck_assert_ptr_null(set);
	ck_assert_uint_eq(errors.n, 5);
	for (size_t i = 0; i < 4; i++) {
		snprintf(line, sizeof(line), "%s/%s", tree, expected[i]);
		ck_assert_str_eq(errors.lines[i], line);
	}
	snprintf(line, sizeof(line), "%s/30.rules:1: rule 'a' stands at %s/10.rules:1 already",
		 tree, tree);
	ck_assert_str_eq(errors.lines[4], line);
	rules_errors_done(&errors);
	harness_remove_tree(tree);
	ck_assert_int_eq(ruleset_load(tree, &fixture_options, &set, &errors), -ENOENT);
	ck_assert_uint_eq(errors.n, 1);
	snprintf(line, sizeof(line), "%s: cannot read: No such file or directory", tree);
	ck_assert_str_eq(errors.lines[0], line);
	rules_errors_done(&errors);
}
END_TEST

/* Rules that are named there are in force, others do as they say. */
START_TEST(enforced)
{
	struct ruleset *set = fixture_good("[enforce]\nrules = c, gone, a\n"
					   "[rule a]\nmode = observe\nignore = yes\n"
					   "[rule b]\nmode = observe\nignore = yes\n"
					   "[rule c]\nignore = yes\n"
					   "[rule d]\nignore = yes\n");
	static const enum rule_mode modes[] = {RULE_ENFORCE, RULE_OBSERVE, RULE_ENFORCE,
					       RULE_ENFORCE};
	struct rules_errors found;

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		ck_assert_int_eq(ruleset_rule(set, i)->mode, modes[i]);
	ck_assert_int_eq(ruleset_lint(set, &found), 0);
	ck_assert_uint_gt(found.n, 0);
	ck_assert_str_eq(found.lines[0], "t.rules:2: no rule is named 'gone'");
	rules_errors_done(&found);
	ruleset_free(set);
}
END_TEST

/* The rule files that come with the suite are good, limits and all; the first one only observes. */
START_TEST(shipped_sets)
{
	static const char *const sets[] = {"default", "login-node", "build-farm", "workstation",
					   "backup"};

	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		struct rules_errors errors = {0};
		struct ruleset *set = NULL;
		char path[64];

		snprintf(path, sizeof(path), "rules/sets/%s.rules", sets[i]);
		ck_assert_msg(ruleset_load(path, &key_check_options, &set, &errors) == 0, "%s",
			      errors.n ? errors.lines[0] : "?");
		ck_assert_uint_gt(ruleset_size(set), 0);
		for (size_t n = 0; i == 0 && n < ruleset_size(set); n++)
			ck_assert_int_eq(ruleset_rule(set, n)->mode, RULE_OBSERVE);
		check_round_trip(set, &key_check_options);
		ruleset_free(set);
	}
}
END_TEST

static int any_account(void *data, const char *name, uint32_t *ret)
{
	(void)data;
	(void)name;
	*ret = 2000;
	return 0;
}

/* Every example of the manual and of --help can be written so. */
START_TEST(examples)
{
	static const struct rules_names names = {any_account, any_account, fixture_name,
						 fixture_name, NULL};
	static const struct rules_options options = {.names = &names};
	struct rules_key key;

	for (size_t i = 0; rules_key_at(i, &key); i++) {
		struct rules_errors errors = {0};
		struct ruleset *set = NULL;
		char text[512];

		snprintf(text, sizeof(text),
			 "[rule a]\n%s = %s\n%s[rule interactive]\nignore = yes\n"
			 "[rule batch]\nignore = yes\n",
			 key.name, key.example,
			 key.is_term || strcmp(key.name, "order") == 0 ||
					 strcmp(key.name, "mode") == 0 ||
					 strcmp(key.name, "from-systemd") == 0
				 ? "container = c\n"
				 : "");
		ck_assert_msg(ruleset_parse("t.rules", text, strlen(text), &options, &set,
					    &errors) == 0,
			      "%s", errors.n ? errors.lines[0] : text);
		ruleset_free(set);
	}
}
END_TEST

int main(void)
{
	return harness_run("rules-read",
			   (const TTest *const[]){accepted, long_lines, long_everything, places,
						  order_of_rules, jobs, settings, directory,
						  includes, enforced, unreadable, shipped_sets,
						  examples, NULL});
}
