// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The conditions of a rule: one table row for each key. A value is a list; a task's attribute must
 * be in it, and in none of the parts that begin with '!'.
 */
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <rbce/units.h>

#include "internal.h"
#include "util.h"

struct range {
	uint64_t low, high;
};

/* A glob, with the shapes that most are told apart so that few need fnmatch(3). */
struct pattern {
	enum { PATTERN_EXACT, PATTERN_PREFIX, PATTERN_SUFFIX, PATTERN_GLOB } shape;
	char *text; /* without the star of a prefix or suffix */
	size_t size;
};

struct part {
	bool excluded; /* '!' */
	struct range range;
	struct pattern pattern;
};

enum kind { KIND_USER, KIND_GROUP, KIND_NUMBER, KIND_GLOB };

struct attribute {
	const char *name;
	enum kind kind;
	unsigned facts;
	uint64_t (*number)(const struct rbce_task *task);
	const char *(*text)(const struct rbce_task *task);
	bool supplementary; /* the task's supplementary groups count too */
};

struct term {
	const struct attribute *attribute;
	struct part *parts;
	size_t n_parts;
	bool only_excludes; /* then everything else is in it */
	char *text;
};

static uint64_t task_uid(const struct rbce_task *task)
{
	return task->uid;
}

static uint64_t task_euid(const struct rbce_task *task)
{
	return task->euid;
}

static uint64_t task_gid(const struct rbce_task *task)
{
	return task->gid;
}

static uint64_t task_egid(const struct rbce_task *task)
{
	return task->egid;
}

static uint64_t task_pgrp(const struct rbce_task *task)
{
	return (uint64_t)task->pgrp;
}

static uint64_t task_session(const struct rbce_task *task)
{
	return (uint64_t)task->session;
}

static const char *task_exe(const struct rbce_task *task)
{
	return task->exe;
}

static const char *task_parent(const struct rbce_task *task)
{
	return task->parent_exe;
}

static const char *task_container(const struct rbce_task *task)
{
	return task->container;
}

static const struct attribute attributes[] = {
	{"user", KIND_USER, RBCE_FACT_IDS, .number = task_uid},
	{"euser", KIND_USER, RBCE_FACT_IDS, .number = task_euid},
	{"group", KIND_GROUP, RBCE_FACT_IDS, .number = task_gid, .supplementary = true},
	{"egroup", KIND_GROUP, RBCE_FACT_IDS, .number = task_egid},
	{"exe", KIND_GLOB, RBCE_FACT_EXE, .text = task_exe},
	{"comm", KIND_GLOB, RBCE_FACT_EXE | RBCE_FACT_STAT, .text = rbce_task_basename},
	{"pgrp", KIND_NUMBER, RBCE_FACT_STAT, .number = task_pgrp},
	{"session", KIND_NUMBER, RBCE_FACT_STAT, .number = task_session},
	{"parent", KIND_GLOB, RBCE_FACT_PARENT, .text = task_parent},
	{"in", KIND_GLOB, RBCE_FACT_CGROUP, .text = task_container},
};

const char *term_name(size_t index)
{
	return index < ARRAY_SIZE(attributes) ? attributes[index].name : NULL;
}

static int parse_number(enum kind kind, const char *text, const struct rules_names *names,
			uint64_t *ret, struct rbce_error *err)
{
	uid_t id = 0;
	int r;

	if (isdigit((unsigned char)*text)) {
		r = rbce_parse_number(text, 0, UINT32_MAX - 1, ret);
		return r < 0 ? rbce_error_set(err, r, "'%s' is not a number", text) : 0;
	}
	switch (kind) {
	case KIND_USER:
		r = names->user(names->data, text, &id);
		if (r < 0)
			return rbce_error_set(err, r, "unknown user '%s'%s%s", text,
					      r == -ENOENT ? "" : ": ",
					      r == -ENOENT ? "" : strerror(-r));
		*ret = id;
		return 0;
	case KIND_GROUP:
		/* "@students" as in cgrules.conf. */
		text += *text == '@';
		r = names->group(names->data, text, &id);
		if (r < 0)
			return rbce_error_set(err, r, "unknown group '%s'%s%s", text,
					      r == -ENOENT ? "" : ": ",
					      r == -ENOENT ? "" : strerror(-r));
		*ret = id;
		return 0;
	case KIND_NUMBER:
	case KIND_GLOB:
		break;
	}
	return rbce_error_set(err, -EINVAL, "'%s' is not a number", text);
}

/* "1000-60000", "<N", ">N", or a single number or name. */
static int parse_range(enum kind kind, char *text, const struct rules_names *names,
		       struct range *ret, struct rbce_error *err)
{
	char *dash = isdigit((unsigned char)*text) ? strchr(text, '-') : NULL;
	char sign = *text == '<' || *text == '>' ? *text++ : '\0';
	uint64_t n;
	int r;

	while (sign && (*text == ' ' || *text == '\t'))
		text++;
	if (dash) {
		*dash = '\0';
		r = parse_number(kind, text, names, &ret->low, err);
		if (r == 0)
			r = parse_number(kind, dash + 1, names, &ret->high, err);
		*dash = '-';
		if (r == 0 && ret->low > ret->high)
			r = rbce_error_set(err, -EINVAL, "'%s' ends before it begins", text);
		return r;
	}
	r = parse_number(kind, text, names, &n, err);
	if (r < 0)
		return r;
	if (sign == '<' && n == 0)
		return rbce_error_set(err, -EINVAL, "'<0' matches nothing");
	ret->low = sign == '>' ? n + 1 : sign == '<' ? 0 : n;
	ret->high = sign == '>' ? UINT64_MAX : sign == '<' ? n - 1 : n;
	return 0;
}

static int parse_pattern(const char *text, struct pattern *ret)
{
	size_t n = strlen(text), special = strcspn(text, "*?[\\");

	ret->shape = PATTERN_GLOB;
	if (special == n)
		ret->shape = PATTERN_EXACT;
	else if (special == n - 1 && text[special] == '*')
		ret->shape = PATTERN_PREFIX;
	else if (*text == '*' && strcspn(text + 1, "*?[\\") == n - 1)
		ret->shape = PATTERN_SUFFIX;
	ret->text = ret->shape == PATTERN_SUFFIX   ? strdup(text + 1)
		    : ret->shape == PATTERN_PREFIX ? strndup(text, n - 1)
						   : strdup(text);
	if (!ret->text)
		return -ENOMEM;
	ret->size = strlen(ret->text);
	return 0;
}

static bool pattern_fits(const struct pattern *pattern, const char *text)
{
	size_t n;

	switch (pattern->shape) {
	case PATTERN_EXACT:
		return streq(pattern->text, text);
	case PATTERN_PREFIX:
		return strncmp(pattern->text, text, pattern->size) == 0;
	case PATTERN_SUFFIX:
		n = strlen(text);
		return n >= pattern->size && streq(text + n - pattern->size, pattern->text);
	case PATTERN_GLOB:
		break;
	}
	/* Without FNM_PATHNAME a star crosses slashes, as one expects of a rule on whole paths. */
	return fnmatch(pattern->text, text, 0) == 0;
}

static int parse_part(struct term *term, char *text, const struct rules_names *names,
		      struct rbce_error *err)
{
	struct part *more = reallocarray(term->parts, term->n_parts + 1, sizeof(*more)), *part;
	enum kind kind = term->attribute->kind;
	int r;

	if (!more)
		return -ENOMEM;
	term->parts = more;
	part = &more[term->n_parts];
	*part = (struct part){.excluded = *text == '!'};
	for (text += part->excluded; *text == ' ' || *text == '\t';)
		text++;
	if (!*text)
		return rbce_error_set(err, -EINVAL, "the list has an empty part");
	r = kind == KIND_GLOB ? parse_pattern(text, &part->pattern)
			      : parse_range(kind, text, names, &part->range, err);
	if (r < 0)
		return r;
	term->n_parts++;
	term->only_excludes &= part->excluded;
	return 0;
}

/* Ends the part that begins at TEXT, at a comma without a backslash before; the next one or NULL.
 */
static char *end_part(char *text)
{
	char *next = NULL, *to = text, *from;

	for (from = text; *from; from++) {
		if (*from == ',') {
			next = from + 1;
			break;
		}
		if (from[0] == '\\' && from[1] == ',')
			from++;
		*to++ = *from;
	}
	while (to > text && (to[-1] == ' ' || to[-1] == '\t'))
		to--;
	*to = '\0';
	return next;
}

DEFINE_CLEANUP(struct term *, term_free)

int term_parse(const char *key, const char *value, const struct rules_names *names,
	       struct term **ret, struct rbce_error *err)
{
	CLEANUP(term_free_p) struct term *term = NULL;
	cleanup_free char *copy = strdup(value);
	const struct attribute *attribute = attributes;
	int r = 0;

	while (attribute < attributes + ARRAY_SIZE(attributes) && !streq(attribute->name, key))
		attribute++;
	if (attribute == attributes + ARRAY_SIZE(attributes))
		return -ENOENT;
	term = calloc(1, sizeof(*term));
	if (!term || !copy || asprintf(&term->text, "%s = %s", key, value) < 0)
		return -ENOMEM;
	term->attribute = attribute;
	term->only_excludes = true;
	for (char *part = copy, *next; r == 0 && part; part = next) {
		part += strspn(part, " \t");
		next = end_part(part);
		r = parse_part(term, part, names, err);
	}
	if (r < 0)
		return r;
	*ret = TAKE_PTR(term);
	return 0;
}

struct term *term_free(struct term *term)
{
	if (!term)
		return NULL;
	for (size_t i = 0; i < term->n_parts; i++)
		free(term->parts[i].pattern.text);
	free(term->parts);
	free(term->text);
	free(term);
	return NULL;
}

unsigned term_facts(const struct term *term)
{
	return term->attribute->facts;
}

const char *term_text(const struct term *term)
{
	return term->text;
}

static bool in_range(const struct range *range, uint64_t n)
{
	return n >= range->low && n <= range->high;
}

/* Is the task's attribute, or one of them, in this part? */
static bool part_fits(const struct term *term, const struct part *part,
		      const struct rbce_task *task)
{
	const struct attribute *attribute = term->attribute;

	if (attribute->kind == KIND_GLOB)
		return pattern_fits(&part->pattern, attribute->text(task));
	if (in_range(&part->range, attribute->number(task)))
		return true;
	for (size_t i = 0; attribute->supplementary && i < task->n_groups; i++)
		if (in_range(&part->range, task->groups[i]))
			return true;
	return false;
}

bool term_holds(const struct term *term, const struct rbce_task *task)
{
	bool held = term->only_excludes;

	/* A task without an executable, a parent or a container has none that could match. */
	if (term->attribute->kind == KIND_GLOB && !term->attribute->text(task))
		return false;
	for (size_t i = 0; i < term->n_parts; i++) {
		const struct part *part = &term->parts[i];

		if (held && !part->excluded)
			continue;
		if (!part_fits(term, part, task))
			continue;
		if (part->excluded)
			return false;
		held = true;
	}
	return held;
}

void term_actual(const struct term *term, const struct rbce_task *task, char *buf, size_t size)
{
	const struct attribute *attribute = term->attribute;
	int n;

	if (attribute->kind == KIND_GLOB) {
		snprintf(buf, size, "%s", attribute->text(task) ?: "");
		return;
	}
	n = snprintf(buf, size, "%" PRIu64, attribute->number(task));
	for (size_t i = 0; attribute->supplementary && i < task->n_groups; i++)
		if (n > 0 && (size_t)n < size)
			n += snprintf(buf + n, size - (size_t)n, ", %u", task->groups[i]);
}
