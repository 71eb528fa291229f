/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A name service of our own and rule sets from text, for the tests of rules/. */
#ifndef TESTS_UNIT_RULES_FIXTURE_H
#define TESTS_UNIT_RULES_FIXTURE_H

#include <rules/rules.h>

#include "harness.h"

/* "toor" is a second name of root; the last ones are no good names for files. */
static const struct {
	const char *name;
	uint32_t id;
} fixture_names[] = {
	{"root", 0},       {"toor", 0}, {"alice", 1000},  {"bob", 1001},
	{"students", 500}, {"..", 77},  {"a/b\n\tc", 78}, {"", 79},
};

static inline int fixture_id(void *data, const char *name, uint32_t *ret)
{
	(void)data;
	if (strcmp(name, "broken") == 0)
		return -EIO;
	for (size_t i = 0; i < sizeof(fixture_names) / sizeof(fixture_names[0]); i++)
		if (strcmp(fixture_names[i].name, name) == 0) {
			*ret = fixture_names[i].id;
			return 0;
		}
	return -ENOENT;
}

/* DATA counts the look-ups. */
static inline int fixture_name(void *data, uint32_t id, char **ret)
{
	if (data)
		++*(int *)data;
	for (size_t i = 0; i < sizeof(fixture_names) / sizeof(fixture_names[0]); i++)
		if (fixture_names[i].id == id) {
			*ret = strdup(fixture_names[i].name);
			return 0;
		}
	return -ENOENT;
}

/* Knows the keys that begin with "memory." and a value "bad" of them; io.max may repeat. */
static inline int fixture_check(void *data, const char *key, const char *value,
				struct rbce_error *err)
{
	(void)data;
	if (strncmp(key, "memory.", 7) != 0 && strcmp(key, "io.max") != 0)
		return rbce_error_set(err, -ENOENT, "unknown key '%s'", key);
	if (strcmp(value, "bad") == 0)
		return rbce_error_set(err, -EINVAL, "'%s' is not a size", value);
	return 0;
}

static inline bool fixture_repeats(void *data, const char *key)
{
	(void)data;
	return strcmp(key, "io.max") == 0;
}

static const struct rules_names fixture_service = {
	.user = fixture_id,
	.group = fixture_id,
	.user_name = fixture_name,
	.group_name = fixture_name,
};

static const struct rules_options fixture_options = {
	.names = &fixture_service,
	.check_key = fixture_check,
	.key_repeats = fixture_repeats,
};

/* The set, or NULL with *RET_ERRORS filled (to be released either way). */
static inline struct ruleset *fixture_parse_sized(const char *text, size_t size,
						  struct rules_errors *ret_errors)
{
	struct ruleset *set = NULL;
	int r;

	*ret_errors = (struct rules_errors){0};
	r = ruleset_parse("t.rules", text, size, &fixture_options, &set, ret_errors);
	ck_assert_msg((r == 0) == (set != NULL), "a set without success, or the reverse");
	ck_assert_msg((r == 0) == (ret_errors->n == 0), "%d with %zu errors", r, ret_errors->n);
	return set;
}

static inline struct ruleset *fixture_parse(const char *text, struct rules_errors *ret_errors)
{
	return fixture_parse_sized(text, strlen(text), ret_errors);
}

/* A set that must be good. */
static inline struct ruleset *fixture_good(const char *text)
{
	struct rules_errors errors;
	struct ruleset *set = fixture_parse(text, &errors);

	ck_assert_msg(set != NULL, "%s", errors.n ? errors.lines[0] : "?");
	rules_errors_done(&errors);
	return set;
}

#endif
