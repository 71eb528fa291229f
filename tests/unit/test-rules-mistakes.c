// SPDX-License-Identifier: GPL-2.0-or-later
/* rules/: every mistake of a rule file, with its line and its words. */
#include <rules/internal.h>

#include "rules-fixture.h"

#define R "[rule a]\n"
#define C "container = x\n"
#define X "[container x]\n"

/* A text and the one line that it earns, without the file's name. */
static const struct {
	const char *text;
	const char *error;
} mistakes[] = {
	/* Sections. */
	{"user = alice\n", "1: 'user' stands before any section"},
	{"[rule a\n" C, "1: expected ']' at the end of a section's name"},
	{"[", "1: expected ']' at the end of a section's name"},
	{"[rule a] b\n", "1: expected ']' at the end of a section's name"},
	{"[rule a] # b\n", "1: expected ']' at the end of a section's name"},
	{"[rule a ; b]\n", "1: expected ']' at the end of a section's name"},
	{"[rule]\n" C, "1: this section has no name"},
	{"[ rule  ]\n", "1: this section has no name"},
	{"[container]\n", "1: this section has no name"},
	{"[]\n", "1: unknown section '': expected [rule NAME], [container NAME], [defaults], "
		 "[enforce] or [include FILE]"},
	{"[class a]\nx\ny = z\n", "1: unknown section 'class': expected [rule NAME], [container "
				  "NAME], [defaults], [enforce] or [include FILE]"},
	{"[rules a]\n", "1: unknown section 'rules': expected [rule NAME], [container NAME], "
			"[defaults], [enforce] or [include FILE]"},
	{"[Rule a]\n", "1: unknown section 'Rule': expected [rule NAME], [container NAME], "
		       "[defaults], [enforce] or [include FILE]"},
	{R C "[rule b]\n" C R C, "5: rule 'a' stands at t.rules:1 already"},
	{X R C X, "4: container 'x' stands at t.rules:1 already"},
	{"[rule a\x1b]\n" C, "1: this line has a control character (0x1b)"},
	/* Lines. */
	{R C "nonsense\n", "3: expected 'key = value' or a section in brackets"},
	{R C "nonsense", "3: expected 'key = value' or a section in brackets"},
	{R C "nonsense ; = x\n", "3: expected 'key = value' or a section in brackets"},
	{R C "nonsense\n  that goes\n    on\n",
	 "3: expected 'key = value' or a section in brackets"},
	{R "  nonsense\n" C, "2: expected 'key = value' or a section in brackets"},
	{R C "= alice\n", "3: a key is missing before '='"},
	{R C "= alice\n  bob\n", "3: a key is missing before '='"},
	{R C "comm = a\rb\n", "3: this line has a control character (0x0d)"},
	{R C "comm = a # b\n",
	 "3: '#' begins a comment at the start of a line only; elsewhere ';' does"},
	{R C "comm =#a\n",
	 "3: '#' begins a comment at the start of a line only; elsewhere ';' does"},
	{R C "comm = a\n  b, #c\n",
	 "4: '#' begins a comment at the start of a line only; elsewhere ';' does"},
	{R "container = x # b\n  # c\n",
	 "2: '#' begins a comment at the start of a line only; elsewhere ';' does"},
	{R "container = x\n  user = bob\n",
	 "3: 'user' is indented deeper than the key above and would go on with its value"},
	{X "memory.max = 1\n\tio.max = 2\n",
	 "3: 'io.max' is indented deeper than the key above and would go on with its value"},
	{X "memory.max = 1\n on-unsupported=warn\n",
	 "3: 'on-unsupported' is indented deeper than the key above and would go on with its "
	 "value"},
	/* Keys. */
	{R "usr = alice\n" C, "2: unknown key 'usr' in a rule; did you mean 'user'?"},
	{R "contaner = x\n", "2: unknown key 'contaner' in a rule; did you mean 'container'?"},
	{R "User = alice\n" C, "2: unknown key 'User' in a rule; did you mean 'user'?"},
	{R "colour = red\n" C, "2: unknown key 'colour' in a rule"},
	{R "q = red\n" C, "2: unknown key 'q' in a rule"},
	{R "user bob = red\n" C, "2: unknown key 'user bob' in a rule"},
	{R "memory.max = 1G\n" C,
	 "2: unknown key 'memory.max' in a rule; it may belong in a [container NAME]"},
	{R "container.name = x\n",
	 "2: unknown key 'container.name' in a rule; it may belong in a [container NAME]"},
	{R C "user = alice\nuser = bob\n", "4: 'user' stands in line 3 of this section already"},
	{R C C, "3: 'container' stands in line 2 of this section already"},
	{R C "user =\n", "3: 'user' has no value"},
	{R C "user = ; alice\n", "3: 'user' has no value"},
	{R C "user =;alice\n", "3: 'user' has no value"},
	{R C "order =\n", "3: 'order' has no value"},
	{R "container =\n", "2: 'container' has no value"},
	{X "memory.max =\n", "2: 'memory.max' has no value"},
	{X "on-unsupported =\n", "2: 'on-unsupported' has no value"},
	{X "memry.max = 1\n", "2: unknown key 'memry.max'"},
	{X "user = bob\n", "2: 'user' belongs in a [rule NAME], not in a container"},
	{X "memory.max = bad\n", "2: 'bad' is not a size"},
	{X "memory.max = 1\nio.max = a\nmemory.max = 2\n",
	 "4: 'memory.max' stands in line 2 of this section already"},
	{X "on-unsupported = warn\non-unsupported = warn\n",
	 "3: 'on-unsupported' stands in line 2 of this section already"},
	{X "jobs = 5\njobs = 6\n", "3: 'jobs' stands in line 2 of this section already"},
	{X "jobs = 9-5\n", "2: '9-5' ends before it begins"},
	{"[defaults]\njobs = 5\n", "2: 'jobs' belongs in a [container NAME]"},
	{X "on-unsupported = cry\n", "2: 'cry' is not one of: warn, error, ignore"},
	/* Settings. */
	{R "user = alice\n", "1: rule 'a' has no action: 'container', 'ignore = yes', 'nice', "
			     "'ioprio', 'sched' or 'oom_score_adj'"},
	{R "ignore = no\n", "1: rule 'a' has no action: 'container', 'ignore = yes', 'nice', "
			    "'ioprio', 'sched' or 'oom_score_adj'"},
	{R C "ignore = yes\n", "1: rule 'a' has 'ignore = yes' and an action besides"},
	{R C "order = -1\n", "3: '-1' is not a number from 0 to 2147483647"},
	{R C "order = 2147483648\n", "3: '2147483648' is not a number from 0 to 2147483647"},
	{R C "order = first\n", "3: 'first' is not a number from 0 to 2147483647"},
	{R C "state = maybe\n", "3: 'maybe' is not one of: off, on"},
	{R C "state = On\n", "3: 'On' is not one of: off, on"},
	{R C "mode = dry\n", "3: 'dry' is not one of: enforce, observe"},
	{R C "ignore = 1\n", "3: '1' is not one of: no, yes"},
	/* Containers' names. */
	{R "container = a/../b\n", "2: cannot use container name 'a/../b': '.' and '..' are no "
				   "container names"},
	{R "container = /a\n", "2: cannot use container name '/a': it begins with '/'"},
	{R "container = a/leaf\n", "2: cannot use container name 'a/leaf': 'leaf' is reserved"},
	{R "container = memory.%u\n", "2: cannot use container name 'memory.x': a part of it is "
				      "named like a control file"},
	{R "container = %x\n",
	 "2: unknown variable '%x' in '%x' (known: %u %U %g %G %p %P %r %t %j %%)"},
	{R "container = a/%T\n",
	 "2: unknown variable '%T' in 'a/%T' (known: %u %U %g %G %p %P %r %t %j %%)"},
	{R "container = a%\n", "2: 'a%' ends with a '%' ('%%' means the sign)"},
	{R "container = %u%u%u%u%u%u%u%u\n",
	 "2: '%u%u%u%u%u%u%u%u' is too long: it leaves no room for its variables"},
	{"[container /x]\n", "1: cannot use container name '/x': it begins with '/'"},
	{"[container %q]\n",
	 "1: unknown variable '%q' in '%q' (known: %u %U %g %G %p %P %r %t %j %%)"},
	/* Other actions. */
	{R "nice = 20\n", "2: '20' is not a number from -20 to 19"},
	{R "nice = --1\n", "2: '--1' is not a number from -20 to 19"},
	{R "oom_score_adj = -1001\n", "2: '-1001' is not a number from -1000 to 1000"},
	{R "oom_score_adj = many\n", "2: 'many' is not a number from -1000 to 1000"},
	{R "from-systemd = maybe\n", "2: 'maybe' is not one of: no, yes"},
	{R "ioprio = idle/1\n", "2: 'idle/1' is not one of: realtime/0-7, best-effort/0-7, idle"},
	{R "ioprio = realtime/8\n",
	 "2: 'realtime/8' is not one of: realtime/0-7, best-effort/0-7, idle"},
	{R "sched = fifo\n", "2: 'fifo' is not one of: other, batch, idle, fifo/1-99, rr/1-99"},
	{R "sched = fifo/0\n", "2: 'fifo/0' is not one of: other, batch, idle, fifo/1-99, rr/1-99"},
	{R "nice = 1\nignore = yes\n", "1: rule 'a' has 'ignore = yes' and an action besides"},
	/* Dependence on other rules. */
	{R C "depend = b\n", "3: unknown rule 'b'"},
	{R C "depend = a\n", "3: rule 'a' depends on itself: a > a"},
	{R C "depend = b\n[rule b]\n" C "depend = !c\n[rule c]\n" C "depend = a\n",
	 "9: rule 'a' depends on itself: a > b > c > a"},
	{R C "depend = b,\n[rule b]\n" C, "3: the list has an empty element"},
	/* Other sections. */
	{"[defaults x]\n", "1: a [defaults] section has no name"},
	{"[defaults]\nmemry.max = 1\n", "2: unknown key 'memry.max'"},
	{"[defaults]\n[defaults]\n", "2: section 'defaults' stands at t.rules:1 already"},
	{"[enforce x]\n", "1: a [enforce] section has no name"},
	{"[enforce]\n[enforce]\n", "2: section 'enforce' stands at t.rules:1 already"},
	{"[enforce]\nrule = a\n", "2: unknown key 'rule' in [enforce]: it has 'rules = NAMES'"},
	{"[enforce]\nrules = a\nrules = b\n",
	 "3: 'rules' stands in line 2 of this section already"},
	{R C "[enforce]\nrules = a, !b\n",
	 "4: no '!' stands here: a rule that is not named is not meant"},
	{"[include]\n", "1: this section has no name"},
	{"[include x]\n", "1: no file can be included here"},
	{R C "tty = maybe\n", "3: 'maybe' is not one of: no, yes"},
	{R C "login = nobody-here\n", "3: unknown user 'nobody-here'"},
	/* Lists. */
	{R C "user = alice,\n", "3: the list has an empty element"},
	{R C "user = , alice\n", "3: the list has an empty element"},
	{R C "user = alice,, bob\n", "3: the list has an empty element"},
	{R C "user = !\n", "3: the list has an empty element"},
	{R C "user = !!alice\n", "3: an element of the list has two '!'"},
	/* Users, groups, numbers. */
	{R C "user = carol\n", "3: unknown user 'carol'"},
	{R C "user = alice, bob,\n  !carol\n", "3: unknown user 'carol'"},
	{R C "euser = carol\n", "3: unknown user 'carol'"},
	{R C "group = @carol\n", "3: unknown group 'carol'"},
	{R C "group = @\n", "3: unknown group '@'"},
	{R C "egroup = carol\n", "3: unknown group 'carol'"},
	{R C "user = broken\n", "3: cannot look up user 'broken': Input/output error"},
	{R C "user = @students\n", "3: unknown user '@students'"},
	{R C "user = 5-x\n", "3: unknown user '5-x'"},
	{R C "user = 5-\n", "3: unknown user '5-'"},
	{R C "user = -5\n", "3: unknown user '-5'"},
	{R C "user = 9-5\n", "3: '9-5' ends before it begins"},
	{R C "user = 4294967295\n", "3: '4294967295' is out of range (0 to 4294967294)"},
	{R C "user = 1-99999999999999999999\n",
	 "3: '1-99999999999999999999' is out of range (0 to 4294967294)"},
	{R C "user = <0\n", "3: '<0' matches nothing"},
	{R C "user = >4294967294\n", "3: '>4294967294' matches nothing"},
	{R C "user = <\n", "3: '<' is neither a number nor a range of numbers"},
	{R C "user = >alice\n", "3: '>alice' is neither a number nor a range of numbers"},
	{R C "pgrp = me\n", "3: 'me' is neither a number nor a range of numbers"},
	{R C "pgrp = 5-\n", "3: '5-' is neither a number nor a range of numbers"},
	{R C "pgrp = 1.5\n", "3: '1.5' is neither a number nor a range of numbers"},
	{R C "session = 2147483648\n", "3: '2147483648' is out of range (0 to 2147483647)"},
	/* Patterns. */
	{R C "exe = gcc\n", "3: 'gcc' fits no path: begin it with '/' or '*/'"},
	{R C "parent = !bin/sh\n", "3: 'bin/sh' fits no path: begin it with '/' or '*/'"},
	{R C "comm = /bin/sh\n", "3: '/bin/sh' fits nothing: it begins with '/'"},
	{R C "in = /users/*\n", "3: '/users/*' fits nothing: it begins with '/'"},
	{R C "exe = /bin/[ab\n", "3: '/bin/[ab' has a '[' without its ']'"},
	{R C "exe = /bin/[a,b]\n", "3: '/bin/[a' has a '[' without its ']'"},
	{R C "env = a b\n", "3: 'a b' is no NAME or NAME=VALUE"},
	{R "container = jobs/%j\nenv = re:A\n",
	 "1: rule 'a' names its container by '%j' and has no term 'env = NAME'"},
	{R C "env = 1A=2\n", "3: '1A=2' is no NAME or NAME=VALUE"},
	{R C "env = A=*x\n",
	 "3: 'A=*x' may have a '*' at its end only; 're:' takes a regular expression"},
	{R C "args = re:a(b\n",
	 "3: 'a(b' is no regular expression: missing closing parenthesis (at byte 3)"},
	{R C "exe = /bin/a\\\n", "3: '/bin/a\\' ends with a backslash"},
	{R C "args = re:a{1,2}\n", "3: 'a{1' ends within '{': a comma of it is written '\\,'"},
	{R C "args = re:[,], x\n", "3: '[' is no regular expression: missing terminating ] for "
				   "character class (at byte 1)"},
};

START_TEST(one_mistake)
{
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct rules_errors errors;
		struct ruleset *set = fixture_parse(mistakes[i].text, &errors);
		char expected[300];

		ck_assert_msg(set == NULL, "accepted: %s", mistakes[i].text);
		ck_assert_msg(errors.n == 1, "%s: %zu errors, second: %s", mistakes[i].text,
			      errors.n, errors.lines[1]);
		snprintf(expected, sizeof(expected), "t.rules:%s", mistakes[i].error);
		ck_assert_str_eq(errors.lines[0], expected);
		rules_errors_done(&errors);
	}
}
END_TEST

START_TEST(all_in_order)
{
	static const char text[] =
		"x = 1\n[rule a]\nusr = 1\nuser = carol,dave\n" C "[container b]\n"
		"memory.max = bad\nnothing\n[rule a]\ngroup = 3-1\n= 5\n[huh]\n";
	static const char *const lines[] = {
		"t.rules:1: 'x' stands before any section",
		"t.rules:3: unknown key 'usr' in a rule; did you mean 'user'?",
		"t.rules:4: unknown user 'carol'",
		"t.rules:4: unknown user 'dave'",
		"t.rules:7: 'bad' is not a size",
		"t.rules:8: expected 'key = value' or a section in brackets",
		"t.rules:9: rule 'a' stands at t.rules:2 already",
		"t.rules:10: '3-1' ends before it begins",
		"t.rules:11: a key is missing before '='",
		"t.rules:12: unknown section 'huh': expected [rule NAME], [container NAME], "
		"[defaults], [enforce] or [include FILE]",
	};
	struct rules_errors errors;

	ck_assert_ptr_null(fixture_parse(text, &errors));
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		ck_assert_str_eq(errors.lines[i], lines[i]);
	ck_assert_uint_eq(errors.n, sizeof(lines) / sizeof(lines[0]));
	rules_errors_done(&errors);
}
END_TEST

/* Bytes that no string literal can have, and lines that are too long. */
START_TEST(bytes_and_length)
{
	static const char nul[] = "[rule a]\ncontainer = x\0y\n# \0 in a comment\n";
	static char text[70000] = "[rule a]\ncontainer = x\nexe = /";
	size_t begin = strlen(text) - strlen("exe = /");
	struct rules_errors errors;

	ck_assert_ptr_null(fixture_parse_sized(nul, sizeof(nul) - 1, &errors));
	ck_assert_uint_eq(errors.n, 1);
	ck_assert_str_eq(errors.lines[0], "t.rules:2: this line has a NUL byte");
	rules_errors_done(&errors);
	memset(text + strlen(text), 'y', begin + 65537 - strlen(text));
	memcpy(text + begin + 65537, "\nuser = carol\n", 15);
	ck_assert_ptr_null(fixture_parse(text, &errors));
	ck_assert_uint_eq(errors.n, 2);
	ck_assert_str_eq(errors.lines[0], "t.rules:3: this line is longer than 64 KiB");
	ck_assert_str_eq(errors.lines[1], "t.rules:4: unknown user 'carol'");
	rules_errors_done(&errors);
}
END_TEST

/* A long text is shown at its beginning, and the reason stays visible. */
START_TEST(long_texts)
{
	static const struct {
		const char *before, *after, *reason;
	} rows[] = {
		{R C, " = 1\n", "' in a rule"},
		{R C "user = ", "\n", "unknown user 'yyyy"},
		{R C "pgrp = ", "\n", "' is neither a number nor a range of numbers"},
		{R C "mode = ", "\n", "' is not one of: enforce, observe"},
		{X "memory.max = 1\n  a.", " = 1\n", "would go on with its value"},
		{"[", " a]\n",
		 "': expected [rule NAME], [container NAME], [defaults], [enforce] or [include "
		 "FILE]"},
		{R "container = %", "\n", "unknown variable '%y'"},
	};
	static char text[10000];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = strlen(rows[i].before);
		struct rules_errors errors;

		memcpy(text, rows[i].before, n);
		memset(text + n, 'y', 5000);
		memcpy(text + n + 5000, rows[i].after, strlen(rows[i].after) + 1);
		ck_assert_ptr_null(fixture_parse(text, &errors));
		ck_assert_uint_eq(errors.n, 1);
		ck_assert_msg(strstr(errors.lines[0], rows[i].reason) != NULL, "%s",
			      errors.lines[0]);
		ck_assert_ptr_nonnull(strstr(errors.lines[0],
					     "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"
					     "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"));
		ck_assert_uint_lt(strlen(errors.lines[0]), 400);
		rules_errors_done(&errors);
	}
}
END_TEST

/* r0 depends on r1, that on r2 and so on; the last one on LAST, if that is given. */
static struct ruleset *parse_chain(unsigned n, const char *last, struct rules_errors *errors)
{
	struct ruleset *set;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (unsigned i = 0; i + 1 < n; i++)
		fprintf(out, "[rule r%u]\n" C "depend = r%u\n", i, i + 1);
	fprintf(out, "[rule r%u]\n" C "%s%s\n", n - 1, last ? "depend = " : "", last ?: "");
	fclose(out);
	set = fixture_parse(text, errors);
	free(text);
	return set;
}

/* However long a circle is, its ends are named, and nothing else is said of its rules. */
START_TEST(circles)
{
	static const struct {
		unsigned n;
		const char *last, *error;
	} rows[] = {
		{8, "r0",
		 "24: rule 'r0' depends on itself: r0 > r1 > r2 > r3 > r4 > r5 > r6 > r7 > r0"},
		{9, "r0",
		 "27: rule 'r0' depends on itself: r0 > r1 > r2 > r3 > (1 more) > r5 > r6 > r7 > "
		 "r8 > r0"},
		{256, "!r0",
		 "768: rule 'r0' depends on itself: r0 > r1 > r2 > r3 > (248 more) > r252 > r253 "
		 "> r254 > r255 > r0"},
		{300, "r20",
		 "900: rule 'r20' depends on itself: r20 > r21 > r22 > r23 > (272 more) > r296 > "
		 "r297 > r298 > r299 > r20"},
		{100000, "r0",
		 "300000: rule 'r0' depends on itself: r0 > r1 > r2 > r3 > (99992 more) > r99996 "
		 "> r99997 > r99998 > r99999 > r0"},
	};
	struct rules_errors errors;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char expected[300];

		ck_assert_ptr_null(parse_chain(rows[i].n, rows[i].last, &errors));
		snprintf(expected, sizeof(expected), "t.rules:%s", rows[i].error);
		ck_assert_str_eq(errors.lines[0], expected);
		ck_assert_uint_eq(errors.n, 1);
		rules_errors_done(&errors);
	}
	ck_assert_ptr_null(parse_chain(300, NULL, &errors));
	ck_assert_str_eq(errors.lines[0], "t.rules:3: rule 'r0' depends on more than 256 rules");
	rules_errors_done(&errors);
}
END_TEST

/* Names as long as they may be do not push the end of the chain out. */
START_TEST(a_circle_of_long_names)
{
	struct rules_errors errors;
	char *text, name[201], expected[80];
	size_t size;
	FILE *out = open_memstream(&text, &size);

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (unsigned i = 10; i < 30; i++)
		fprintf(out, "[rule %u%s]\n" C "depend = %u%s\n", i, name, i < 29 ? i + 1 : 10,
			name);
	fclose(out);
	ck_assert_ptr_null(fixture_parse(text, &errors));
	ck_assert_uint_eq(errors.n, 1);
	ck_assert_ptr_nonnull(strstr(errors.lines[0], " > (12 more) > 26n"));
	snprintf(expected, sizeof(expected), " 10%.62s", name);
	ck_assert_str_eq(strrchr(errors.lines[0], ' '), expected);
	free(text);
	rules_errors_done(&errors);
}
END_TEST

/* A message is one line, whatever the file has. */
START_TEST(one_line_each)
{
	struct rules_errors errors;

	ck_assert_ptr_null(fixture_parse(R C "a\tb = c\n", &errors));
	ck_assert_str_eq(errors.lines[0], "t.rules:3: unknown key 'a?b' in a rule");
	rules_errors_done(&errors);
}
END_TEST

/* Every term of the table has its place in the manual. */
START_TEST(manual)
{
	static char text[100000];
	struct rules_key key;
	FILE *page = fopen("man/rbce.rules.5", "r");

	ck_assert_msg(page != NULL, "run this from the top of the source tree");
	text[fread(text, 1, sizeof(text) - 1, page)] = '\0';
	fclose(page);
	for (size_t i = 0; rules_key_at(i, &key); i++) {
		char item[64];

		snprintf(item, sizeof(item), "\n.It Ic %s = ", key.name);
		ck_assert_msg(strstr(text, item) != NULL, "not in the manual: %s", key.name);
	}
}
END_TEST

int main(void)
{
	return harness_run("rules-mistakes",
			   (const TTest *const[]){one_mistake, all_in_order, bytes_and_length,
						  long_texts, circles, a_circle_of_long_names,
						  one_line_each, manual, NULL});
}
