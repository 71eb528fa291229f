// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The index and the cache say what a look at rule after rule says: compared on random rule sets and
 * random facts, which are made of few words so that much fits and much overlaps.
 *
 * RBCE_DECISIONS=N compares so many (10 million otherwise), RBCE_SEED=N begins elsewhere.
 */
#include <inttypes.h>

#include "rules-fixture.h"

enum { SETS_OF = 20000, CACHE_ENTRIES = 256 };

/* xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators", 2016) */
static uint64_t state;

static uint32_t any(uint32_t below)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)((state * 0x2545f4914f6cdd1d) >> 32) % below;
}

#define PICK(list) ((list)[any(sizeof(list) / sizeof((list)[0]))])

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
	"*--job=123*", "*--job=*", "*abc*",   "*ab*", "abc*", "*bcd", "abcd",      "re:job=12[34]",
	"*nightly",    "x",        "*a\\,b*", "*O2*", "-j*",  "*all", "re:a\\,?b", "*",
};
static const char *const place_patterns[] = {"users/*", "builds", "builds/*", "*/u1", "a/b/c", "*"};
static const char *const tag_patterns[] = {"nightly", "n*", "*7", "night", "re:t"};

static void add_id(FILE *out)
{
	switch (any(6)) {
	case 0:
		fprintf(out, "%u-%u", any(8), 8 + any(8));
		break;
	case 1:
		fprintf(out, "<%u", 1 + any(15));
		break;
	case 2:
		fprintf(out, ">%u", any(15));
		break;
	default:
		fprintf(out, "%u", any(16));
		break;
	}
}

/* PATTERNS is NULL for numbers. */
static void add_list(FILE *out, const char *const *patterns, size_t n)
{
	size_t elements = 1 + any(3);

	for (size_t i = 0; i < elements; i++) {
		fprintf(out, "%s%s", i ? ", " : "", any(5) ? "" : "!");
		if (patterns)
			fputs(patterns[any((uint32_t)n)], out);
		else
			add_id(out);
	}
	fputc('\n', out);
}

#define ADD(out, list) add_list(out, list, sizeof(list) / sizeof((list)[0]))

static void add_term(FILE *out, unsigned key)
{
	static const char *const numbers[] = {"user",  "euser", "group",  "egroup",
					      "login", "pgrp",  "session"};
	static const char *const texts[] = {"exe",  "parent", "pgrp-leader", "session-leader",
					    "comm", "args",   "in",          "tag"};
	enum { NUMBERS = 7, TEXTS = 8, FLAGS = 2 };

	if (key < NUMBERS) {
		fprintf(out, "%s = ", numbers[key]);
		add_list(out, NULL, 0);
		return;
	}
	key -= NUMBERS;
	if (key >= TEXTS) {
		fprintf(out, "%s = %s\n", key == TEXTS ? "tty" : "realtime", any(2) ? "yes" : "no");
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
	else
		ADD(out, tag_patterns);
}

enum { KEYS = 17 };

/* A rule depends on earlier ones only, so that there is no circle. COMMON makes terms the same. */
static void add_rule(FILE *out, unsigned i, unsigned common)
{
	unsigned taken = 0, terms = any(10) ? 1 + any(3) : any(2);

	fprintf(out, "[rule r%u]\ncontainer = c\n", i);
	if (any(10) == 0)
		fprintf(out, "order = %u\n", any(50));
	if (any(20) == 0)
		fprintf(out, "state = off\n");
	for (unsigned t = 0; t < terms; t++) {
		unsigned key = any(2) ? common % KEYS : any(KEYS);

		if (!(taken & 1U << key))
			add_term(out, key);
		taken |= 1U << key;
	}
	if (i > 0 && any(8) == 0) {
		fprintf(out, "depend = %sr%u", any(3) ? "" : "!", any(i));
		if (any(2))
			fprintf(out, ", %sr%u", any(3) ? "" : "!", any(i));
		fputc('\n', out);
	}
}

/* NULL when a set of rules depends on too many. */
static struct ruleset *random_set(void)
{
	static const unsigned sizes[] = {1, 3, 10, 30, 100, 400};
	unsigned n = PICK(sizes), common = any(KEYS);
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

#define MAYBE(list) (char *)(any(8) ? PICK(list) : NULL)

static void random_task(struct rbce_task *task, gid_t *groups)
{
	*task = (struct rbce_task){
		.facts = any(50) ? RBCE_FACT_ALL : any(RBCE_FACT_ALL + 1),
		.pid = 1,
		.pgrp = (pid_t)any(16),
		.session = (pid_t)any(16),
		.tty = (int)any(2),
		.policy = (int)any(3),
		.uid = any(16),
		.euid = any(16),
		.gid = any(16),
		.egid = any(16),
		.login = any(4) ? any(16) : RBCE_NO_LOGIN,
		.groups = groups,
		.n_groups = any(4),
		.exe = MAYBE(paths),
		.args = MAYBE(arguments),
		.parent_exe = MAYBE(paths),
		.pgrp_leader_exe = MAYBE(paths),
		.session_leader_exe = MAYBE(paths),
		.container = MAYBE(places),
		.tag = MAYBE(tags),
	};
	snprintf(task->comm, sizeof(task->comm), "%s", any(2) ? "sh" : "kworker");
	for (size_t i = 0; i < task->n_groups; i++)
		groups[i] = any(16);
}

/* How many of the decisions found a rule. */
static size_t compare(const struct ruleset *set, struct rules_cache *cache, size_t n)
{
	struct rbce_task task;
	gid_t groups[4];
	size_t found = 0;

	for (size_t i = 0; i < n; i++) {
		const struct rule *naive, *indexed, *cached;

		random_task(&task, groups);
		naive = ruleset_match_naive(set, &task);
		indexed = ruleset_match(set, &task);
		cached = rules_cache_match(cache, &task);
		if (naive != indexed || naive != cached)
			ck_abort_msg("rule by rule: %s, by index: %s, by cache: %s",
				     naive ? naive->name : "none", indexed ? indexed->name : "none",
				     cached ? cached->name : "none");
		found += naive != NULL;
	}
	return found;
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *value = getenv(name);

	return value ? strtoull(value, NULL, 10) : otherwise;
}

START_TEST(always_the_same)
{
	uint64_t seed = setting("RBCE_SEED", 1), found = 0, done = 0;
#ifdef __SANITIZE_ADDRESS__
	uint64_t wanted = setting("RBCE_DECISIONS", 1000000);
#else
	uint64_t wanted = setting("RBCE_DECISIONS", 10000000);
#endif

	state = seed * 0x9e3779b97f4a7c15 | 1;
	while (done < wanted) {
		struct ruleset *set = random_set();
		struct rules_cache *cache = set ? rules_cache_new(set, CACHE_ENTRIES) : NULL;

		if (set)
			found += compare(set, cache, SETS_OF);
		done += set ? SETS_OF : 0;
		rules_cache_free(cache);
		ruleset_free(set);
	}
	printf("%" PRIu64 " decisions, %" PRIu64 " found a rule (seed %" PRIu64 ")\n", done, found,
	       seed);
	/* Neither all nor none: else it would show little. */
	ck_assert(found > done / 4 && found < done);
}
END_TEST

/* Tasks that differ in nothing that rules look at are one to the cache; others are not. */
START_TEST(cache_keeps_apart)
{
	struct rules_errors errors = {0};
	struct ruleset *set = fixture_parse("[rule a]\npgrp = 100-200\ncontainer = c\n"
					    "[rule b]\nuser = alice\ncontainer = d\n",
					    &errors);
	struct rules_cache *cache = rules_cache_new(set, 64);
	struct rbce_task task = {.facts = RBCE_FACT_ALL, .uid = 1000};
	struct rules_cache_counters counters;

	for (task.pgrp = 1; task.pgrp < 1000; task.pgrp++) {
		const char *expected = task.pgrp >= 100 && task.pgrp <= 200 ? "a" : "b";

		task.session = task.pid = task.pgrp;
		ck_assert_str_eq(rules_cache_match(cache, &task)->name, expected);
	}
	counters = rules_cache_counters(cache);
	ck_assert_uint_eq(counters.misses, 3);
	ck_assert_uint_eq(counters.hits, 996);
	rules_cache_free(cache);
	ruleset_free(set);
}
END_TEST

/* What is longer than a place of the cache is decided all the same. */
START_TEST(cache_too_large)
{
	struct rules_errors errors = {0};
	struct ruleset *set = fixture_parse("[rule a]\nargs = *end\ncontainer = c\n", &errors);
	struct rules_cache *cache = rules_cache_new(set, 64);
	static char args[100000];
	struct rbce_task task = {.facts = RBCE_FACT_ALL, .args = args};

	memset(args, 'x', sizeof(args) - 1);
	ck_assert_ptr_null(rules_cache_match(cache, &task));
	memcpy(args + sizeof(args) - 4, "end", 3);
	ck_assert_ptr_nonnull(rules_cache_match(cache, &task));
	ck_assert_uint_eq(rules_cache_counters(cache).too_large, 2);
	rules_cache_free(cache);
	ruleset_free(set);
}
END_TEST

int main(void)
{
	return harness_run("rules-property",
			   (const TTest *const[]){always_the_same, cache_keeps_apart,
						  cache_too_large, NULL});
}
