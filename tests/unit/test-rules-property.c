// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The index and the cache say what a look at rule after rule says: compared on random rule sets and
 * random facts, which are made of few words so that much fits and much overlaps.
 *
 * RBCE_DECISIONS=N compares so many (10 million otherwise), RBCE_SEED=N begins elsewhere.
 */
#include <inttypes.h>

#include "rules-random.h"

enum { SETS_OF = 20000, CACHE_ENTRIES = 256 };

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

	random_state = seed * 0x9e3779b97f4a7c15 | 1;
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
	/* Who asks for more than usual has the time. */
	if (getenv("RBCE_DECISIONS"))
		setenv("CK_TIMEOUT_MULTIPLIER", "1000", 0);
	return harness_run("rules-property",
			   (const TTest *const[]){always_the_same, cache_keeps_apart,
						  cache_too_large, NULL});
}
