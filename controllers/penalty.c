// SPDX-License-Identifier: GPL-2.0-or-later
/* The keys penalty and penalty.notice; see penalty.h. */
#include "penalty.h"

#include <errno.h>
#include <rbce/units.h>

#include "clause.h"
#include "internal.h"
#include "oom.h"
#include "util.h"

static const struct {
	const char *name;
	int (*parse)(const char *text, uint64_t *ret);
	const char *amount;
} resources[] = {
	[PENALTY_CPU] = {"cpu", rbce_parse_percent, "a percentage of one CPU (like 80%)"},
	[PENALTY_MEMORY] = {"memory", rbce_parse_size, "a size (like 2G)"},
	[PENALTY_PIDS] = {"pids", NULL, "a number (like 500)"},
};

static int parse_amount(size_t resource, const char *text, uint64_t *ret)
{
	if (resources[resource].parse)
		return resources[resource].parse(text, ret);
	return rbce_parse_number(text, 1, INT32_MAX, ret);
}

/* "cpu>80% for 10min" */
static int parse_offence(char *text, struct penalty *penalty, struct rbce_error *err)
{
	char *name = clause_word(&text), *amount = name ? strchr(name, '>') : NULL;
	char quoted[QUOTED_SIZE];
	size_t i = 0;

	if (!amount)
		return rbce_error_set(err, -EINVAL, "'%s' is not RESOURCE>AMOUNT (like cpu>80%%)",
				      amount_quote(name ?: "", quoted));
	*amount++ = '\0';
	while (i < ARRAY_SIZE(resources) && !streq(resources[i].name, name))
		i++;
	if (i == ARRAY_SIZE(resources))
		return rbce_error_set(err, -EINVAL, "'%s' is not cpu, memory or pids",
				      amount_quote(name, quoted));
	penalty->resource = (enum penalty_resource)i;
	if (parse_amount(i, amount, &penalty->amount) < 0 || penalty->amount == 0 ||
	    penalty->amount == RBCE_UNLIMITED)
		return rbce_error_set(err, -EINVAL, "'%s' is not %s", amount_quote(amount, quoted),
				      resources[i].amount);
	if (clause_time(&text, "for", &penalty->time, err) < 0)
		return -EINVAL;
	return clause_end(&text, err);
}

/* "cpu.max=50%"; "25%" is for the key of the first level. */
static int parse_limit(char *word, const struct penalty *penalty, struct penalty_limit *ret,
		       struct rbce_error *err)
{
	char *value = strchr(word, '='), quoted[QUOTED_SIZE];
	struct rbce_error why;

	if (value) {
		*value++ = '\0';
		ret->key = controller_key_find(word);
	} else if (penalty->n) {
		value = word;
		ret->key = penalty->levels[0].limits[0].key;
	} else {
		return rbce_error_set(err, -EINVAL, "'%s' is not KEY=VALUE (like cpu.max=50%%)",
				      amount_quote(word, quoted));
	}
	if (!ret->key || ret->key->unit == CONTROLLER_TEXT || ret->key->unit == CONTROLLER_SWITCH)
		return rbce_error_set(err, -EINVAL, "'%s' is not a limit that can be lowered",
				      amount_quote(word, quoted));
	if (controller_check(ret->key->name, value, &why) < 0)
		return rbce_error_set(err, -EINVAL, "%s: %s", ret->key->name, why.message);
	if ((size_t)snprintf(ret->value, sizeof(ret->value), "%s", value) >= sizeof(ret->value))
		return rbce_error_set(err, -E2BIG, "the value of %s is too long", ret->key->name);
	return 0;
}

/* "cpu.max=50% memory.high=1G for 30min" */
static int parse_level(char *text, struct penalty *penalty, struct rbce_error *err)
{
	struct penalty_level *level = &penalty->levels[penalty->n];
	char *end = strstr(text, " for "), *word;
	int r;

	if (penalty->n == PENALTY_LEVELS)
		return rbce_error_set(err, -E2BIG, "more than %d levels", PENALTY_LEVELS);
	if (!end)
		return rbce_error_set(err, -EINVAL, "'for' is missing behind '%s'", text);
	*end++ = '\0';
	while ((word = clause_word(&text))) {
		if (level->n == PENALTY_LIMITS)
			return rbce_error_set(err, -E2BIG, "more than %d limits at once",
					      PENALTY_LIMITS);
		r = parse_limit(word, penalty, &level->limits[level->n++], err);
		if (r < 0)
			return r;
	}
	if (!level->n)
		return rbce_error_set(err, -EINVAL, "nothing is limited before 'for'");
	r = clause_time(&end, "for", &level->time, err);
	if (r == 0)
		r = clause_end(&end, err);
	if (r == 0)
		penalty->n++;
	return r;
}

int penalty_parse(const char *value, struct penalty *ret, struct rbce_error *err)
{
	struct penalty penalty = {0};
	char buf[CLAUSE_SIZE], *text = buf, *offence;
	int r = clause_begin(value, buf, err);

	if (r < 0)
		return r;
	offence = clause_cut(&text, "->");
	if (!text)
		return rbce_error_set(err, -EINVAL, "'->' is missing");
	r = parse_offence(offence, &penalty, err);
	while (r == 0 && text)
		r = parse_level(clause_cut(&text, ", then "), &penalty, err);
	if (r == 0)
		*ret = penalty;
	return r;
}

const char *penalty_lower(const struct controller_key *key, const char *a, const char *b)
{
	uint64_t x, y;

	if (amount_parse(key, a, &x, NULL) < 0)
		return b;
	return amount_parse(key, b, &y, NULL) < 0 || x <= y ? a : b;
}

static int check_penalty(const struct controller_key *key, const char *value,
			 struct rbce_error *err)
{
	struct penalty penalty;

	(void)key;
	return penalty_parse(value, &penalty, err);
}

static int check_notice(const struct controller_key *key, const char *value, struct rbce_error *err)
{
	char buf[CLAUSE_SIZE], path[OOM_PATH_SIZE], *text = buf;
	int r = clause_begin(value, buf, err);

	(void)key;
	if (r == 0)
		r = clause_path(&text, path, sizeof(path), err);
	return r < 0 ? r : clause_end(&text, err);
}

static const struct key_ops penalty_ops = {.check = check_penalty},
			    notice_ops = {.check = check_notice};

const struct controller_key controller_penalty = {
	.name = "penalty",
	.help = "lower limits for a time, for who uses too much for too long",
	.values = "cpu>PERCENT | memory>SIZE | pids>NUMBER for TIME -> KEY=VALUE ... for TIME "
		  "[, then ...]",
	.controller = RBCE_CPU,
	.unit = CONTROLLER_TEXT,
	.flags = CONTROLLER_DAEMON,
	.ops = &penalty_ops,
};

const struct controller_key controller_penalty_notice = {
	.name = "penalty.notice",
	.help = "a program that is run when a penalty begins, and when it ends",
	.values = "PATH",
	.controller = RBCE_CPU,
	.unit = CONTROLLER_TEXT,
	.flags = CONTROLLER_DAEMON,
	.ops = &notice_ops,
};
