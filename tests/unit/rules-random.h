/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random rule sets and random tasks, made of few words so that much fits and much overlaps: for
 * tests that hold one way of answering against another.
 */
#ifndef TESTS_UNIT_RULES_RANDOM_H
#define TESTS_UNIT_RULES_RANDOM_H

#include "rules-fixture.h"

/* xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators", 2016) */
static uint64_t random_state;

static inline uint32_t random_below(uint32_t below)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (uint32_t)((random_state * 0x2545f4914f6cdd1d) >> 32) % below;
}

#define PICK(list) ((list)[random_below(sizeof(list) / sizeof((list)[0]))])

static const char *const paths[] = {
	"/usr/bin/gcc",
	"/usr/bin/gcc-12",
	"/usr/lib/gcc/cc1",
	"/usr/lib/llvm/bin/clang",
	"/bin/sh",
	"/opt/My Game/My Game.exe",
	"/usr/bin/make",
	"/home/u1/bin/x",
	"/a",
	"/usr/sbin/sshd",
	"/usr/bin/python3.11",
	"/opt/b*d/[x]",
};
static const char *const arguments[] = {
	"",    "-O2 -c a.c", "--job=123 --fast", "--job=124", "x",   "ab",
	"abc", "abcd",       "--nightly",        "-j 8 all",  "a,b",
};
static const char *const places[] = {"users/u1", "users/u2", "builds/u1", "builds", "a/b/c"};
static const char *const tags[] = {"nightly", "night", "n", "job 7"};

static const char *const path_patterns[] = {
	"/usr/bin/gcc",
	"/usr/bin/*",
	"*/cc1",
	"*/clang",
	"/usr/*/cc1",
	"*llvm*",
	"*",
	"/opt/My*",
	"/?",
	"/usr/bin/[gm]*",
	"*/sh",
	"re:gcc|clang",
	"re:^/usr/s",
	"re:/lib/gcc/.*1$",
	"re:bin.clangx?",
	"re:^/usr/(s?bin)/[gm]",
	"/opt/b\\*d/*",
	"/opt/*/\\[x]",
	"*n*n*",
	"*.exe",
	"/home/*",
	"*[0-9]",
	"/bin/sh",
	"/a",
	"/usr/sbin/sshd",
	"*python*",
	"/usr/bin/make",
};
static const char *const name_patterns[] = {
	"gcc",    "gcc*", "*.exe", "My Game.exe", "c*",         "*",     "??", "[a-m]*",
	"re:^.c", "sh",   "make",  "x",           "python3.11", "clang", "a",  "*ang",
};
static const char *const argument_patterns[] = {
	"*--job=123*",
	"*--job=*",
	"*abc*",
	"*ab*",
	"abc*",
	"*bcd",
	"abcd",
	"re:job=12[34]",
	"*nightly",
	"x",
	"*a\\,b*",
	"*O2*",
	"-j*",
	"*all",
	"re:a\\,?b",
	"*",
	"re:\\bnightly\\b",
	"re:(--)?fast$",
	"re:--job=12+4",
	"re:abc?d",
};
static const char *const place_patterns[] = {"users/*", "builds", "builds/*", "*/u1", "a/b/c", "*"};
static const char *const tag_patterns[] = {"nightly", "n*", "*7", "night", "re:t"};

static const char *const environments[] = {"\n", "\nJOB=1\n", "\nJOB=12\nQUEUE=fast\n",
					   "\nMY_JOB=1\nQUEUE=\n"};
static const char *const variables[] = {"JOB",        "JOB=1",   "JOB=1*",
					"QUEUE=fast", "QUEUE=*", "re:JOB=.2"};

static inline void add_id(FILE *out)
{
	switch (random_below(6)) {
	case 0:
		fprintf(out, "%u-%u", random_below(8), 8 + random_below(8));
		break;
	case 1:
		fprintf(out, "<%u", 1 + random_below(15));
		break;
	case 2:
		fprintf(out, ">%u", random_below(15));
		break;
	default:
		fprintf(out, "%u", random_below(16));
		break;
	}
}

/* PATTERNS is NULL for numbers. */
static inline void add_list(FILE *out, const char *const *patterns, size_t n)
{
	size_t elements = 1 + random_below(3);

	for (size_t i = 0; i < elements; i++) {
		fprintf(out, "%s%s", i ? ", " : "", random_below(5) ? "" : "!");
		if (patterns)
			fputs(patterns[random_below((uint32_t)n)], out);
		else
			add_id(out);
	}
	fputc('\n', out);
}

#define ADD(out, list) add_list(out, list, sizeof(list) / sizeof((list)[0]))

static inline void add_term(FILE *out, unsigned key)
{
	static const char *const numbers[] = {"user",  "euser", "group",  "egroup",
					      "login", "pgrp",  "session"};
	static const char *const texts[] = {"exe",  "parent", "pgrp-leader", "session-leader",
					    "comm", "args",   "in",          "tag",
					    "env"};
	enum { NUMBERS = 7, TEXTS = 9, FLAGS = 2 };

	if (key < NUMBERS) {
		fprintf(out, "%s = ", numbers[key]);
		add_list(out, NULL, 0);
		return;
	}
	key -= NUMBERS;
	if (key >= TEXTS) {
		fprintf(out, "%s = %s\n", key == TEXTS ? "tty" : "realtime",
			random_below(2) ? "yes" : "no");
		return;
	}
	fprintf(out, "%s = ", texts[key]);
	if (key < 4)
		ADD(out, path_patterns);
	else if (key == 4)
		ADD(out, name_patterns);
	else if (key == 5)
		ADD(out, argument_patterns);
	else if (key == 6)
		ADD(out, place_patterns);
	else if (key == 7)
		ADD(out, tag_patterns);
	else
		ADD(out, variables);
}

enum { KEYS = 18 };

/* A rule depends on earlier ones only, so that there is no circle. COMMON makes terms the same. */
static inline void add_rule(FILE *out, unsigned i, unsigned common)
{
	unsigned taken = 0, terms = random_below(10) ? 1 + random_below(3) : random_below(2);

	fprintf(out, "[rule r%u]\n%s\n", i, random_below(8) ? "container = c" : "ignore = yes");
	if (random_below(3) == 0)
		fprintf(out, "from-systemd = %s\n", random_below(4) ? "yes" : "no");
	if (random_below(10) == 0)
		fprintf(out, "order = %u\n", random_below(50));
	if (random_below(20) == 0)
		fprintf(out, "state = off\n");
	for (unsigned t = 0; t < terms; t++) {
		unsigned key = random_below(2) ? common % KEYS : random_below(KEYS);

		if (!(taken & 1U << key))
			add_term(out, key);
		taken |= 1U << key;
	}
	if (i > 0 && random_below(8) == 0) {
		fprintf(out, "depend = %sr%u", random_below(3) ? "" : "!", random_below(i));
		if (random_below(2))
			fprintf(out, ", %sr%u", random_below(3) ? "" : "!", random_below(i));
		fputc('\n', out);
	}
}

/* NULL when a set of rules depends on too many. */
static inline struct ruleset *random_set(void)
{
	static const unsigned sizes[] = {1, 3, 10, 30, 100, 400};
	unsigned n = PICK(sizes), common = random_below(KEYS);
	struct rules_errors errors = {0};
	struct ruleset *set;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (unsigned i = 0; i < n; i++)
		add_rule(out, i, common);
	fclose(out);
	set = fixture_parse(text, &errors);
	ck_assert_msg(set || strstr(errors.lines[0], "depends on more than"), "%s\n%s",
		      set ? "" : errors.lines[0], text);
	rules_errors_done(&errors);
	free(text);
	return set;
}

#define MAYBE(list) (char *)(random_below(8) ? PICK(list) : NULL)

static inline void random_task(struct rbce_task *task, gid_t *groups)
{
	*task = (struct rbce_task){
		.facts = random_below(50) ? RBCE_FACT_ALL : random_below(RBCE_FACT_ALL + 1),
		.pid = 1,
		.pgrp = (pid_t)random_below(16),
		.session = (pid_t)random_below(16),
		.tty = (int)random_below(2),
		.policy = (int)random_below(3),
		.uid = random_below(16),
		.euid = random_below(16),
		.gid = random_below(16),
		.egid = random_below(16),
		.login = random_below(4) ? random_below(16) : RBCE_NO_LOGIN,
		.groups = groups,
		.n_groups = random_below(4),
		.exe = MAYBE(paths),
		.args = MAYBE(arguments),
		.env = MAYBE(environments),
		.parent_exe = MAYBE(paths),
		.pgrp_leader_exe = MAYBE(paths),
		.session_leader_exe = MAYBE(paths),
		.container = MAYBE(places),
		.tag = MAYBE(tags),
		.unit = random_below(4) ? NULL : (char *)"some.service",
	};
	snprintf(task->comm, sizeof(task->comm), "%s", random_below(2) ? "sh" : "kworker");
	for (size_t i = 0; i < task->n_groups; i++)
		groups[i] = random_below(16);
}

#endif
