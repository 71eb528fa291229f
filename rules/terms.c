// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The conditions of a rule: one table row for each key says how its values are written, which facts
 * of a task it needs, when it holds, and what to tell a person who asks why it did not.
 *
 * A value is a list. The term holds when the task's attribute is in the list and in none of the
 * elements that begin with '!'; a list of such elements only has everything else in it.
 */
#include <ctype.h>
#include <errno.h>
#include <rbce/units.h>

#include "internal.h"
#include "util.h"

/* One side of a list; an attribute uses one of the two. */
struct values {
	struct ids ids;
	struct globs globs;
	size_t n;
};

struct attribute {
	const char *name;
	unsigned facts;
	/* Adds one element, without its '!'. */
	int (*parse)(const struct attribute *attribute, const char *element,
		     struct name_cache *names, struct values *values, struct rbce_error *err);
	bool (*within)(const struct attribute *attribute, const struct values *values,
		       const struct rbce_task *task);
	void (*print)(const struct attribute *attribute, const struct rbce_task *task, char *buf,
		      size_t size);
	/* For numbers. */
	uint32_t (*id)(const struct rbce_task *task);
	uint32_t id_max;
	const char *noun; /* what a name names; NULL where there are numbers only */
	int (*look_up)(struct name_cache *names, const char *name, uint32_t *ret);
	/* For texts, NULL when the task has none. */
	const char *(*text)(const struct rbce_task *task);
	bool is_path; /* its texts begin with '/'; else none does */
};

struct term {
	const struct attribute *attribute;
	struct values included, excluded;
	char *text;
};

/* ---- numbers, users, groups ---- */

static int parse_number(const struct attribute *attribute, const char *element, const char *digits,
			size_t size, uint32_t *ret, struct rbce_error *err)
{
	cleanup_free char *text = strndup(digits, size);
	uint64_t number;
	int r = text ? rbce_parse_number(text, 0, attribute->id_max, &number) : -ENOMEM;

	if (r == -ERANGE)
		return rbce_error_set(err, r, QUOTED " is out of range (0 to %u)", element,
				      attribute->id_max);
	if (r == -EINVAL)
		return rbce_error_set(err, r, QUOTED " is neither a number nor a range of numbers",
				      element);
	if (r == 0)
		*ret = (uint32_t)number;
	return r;
}

static int parse_name(const struct attribute *attribute, const char *name, struct name_cache *names,
		      uint32_t *ret, struct rbce_error *err)
{
	int r = attribute->look_up(names, name, ret);

	if (r == -ENOENT)
		return rbce_error_set(err, r, "unknown %s " QUOTED, attribute->noun, name);
	if (r < 0)
		return rbce_error_errno(err, r, "cannot look up %s " QUOTED, attribute->noun, name);
	return 0;
}

/* "<N" and ">N" */
static int parse_comparison(const struct attribute *attribute, const char *element,
			    struct id_range *ret, struct rbce_error *err)
{
	const char *digits = element + 1 + strspn(element + 1, " \t");
	uint32_t limit = 0;
	int r = parse_number(attribute, element, digits, strlen(digits), &limit, err);

	if (r < 0)
		return r;
	if (limit == (*element == '<' ? 0 : attribute->id_max))
		return rbce_error_set(err, -EINVAL, QUOTED " matches nothing", element);
	*ret = *element == '<' ? (struct id_range){0, limit - 1}
			       : (struct id_range){limit + 1, attribute->id_max};
	return 0;
}

/* "1000-60000", "<1000", ">999", a single number or name. */
static int parse_range(const struct attribute *attribute, const char *element,
		       struct name_cache *names, struct id_range *ret, struct rbce_error *err)
{
	size_t digits = strspn(element, "0123456789");
	const char *high = element + digits + 1;
	int r;

	if (*element == '<' || *element == '>')
		return parse_comparison(attribute, element, ret, err);
	if (digits && element[digits] == '-' && *high && !high[strspn(high, "0123456789")]) {
		r = parse_number(attribute, element, element, digits, &ret->low, err);
		if (r == 0)
			r = parse_number(attribute, element, high, strlen(high), &ret->high, err);
		if (r == 0 && ret->low > ret->high)
			r = rbce_error_set(err, -EINVAL, QUOTED " ends before it begins", element);
		return r;
	}
	if (attribute->look_up && element[digits])
		r = parse_name(attribute, element, names, &ret->low, err);
	else
		r = parse_number(attribute, element, element, strlen(element), &ret->low, err);
	ret->high = ret->low;
	return r;
}

static int parse_ids(const struct attribute *attribute, const char *element,
		     struct name_cache *names, struct values *values, struct rbce_error *err)
{
	struct id_range range = {0};
	int r = parse_range(attribute, element, names, &range, err);

	return r < 0 ? r : ids_add(&values->ids, range.low, range.high);
}

/* "@students", as in cgrules.conf, is the same as "students". */
static int parse_groups(const struct attribute *attribute, const char *element,
			struct name_cache *names, struct values *values, struct rbce_error *err)
{
	return parse_ids(attribute, element + (*element == '@' && element[1]), names, values, err);
}

static bool id_within(const struct attribute *attribute, const struct values *values,
		      const struct rbce_task *task)
{
	return ids_have(&values->ids, attribute->id(task));
}

static void print_id(const struct attribute *attribute, const struct rbce_task *task, char *buf,
		     size_t size)
{
	snprintf(buf, size, "%u", attribute->id(task));
}

/* The real group, or any supplementary one. */
static bool groups_within(const struct attribute *attribute, const struct values *values,
			  const struct rbce_task *task)
{
	if (id_within(attribute, values, task))
		return true;
	for (size_t i = 0; i < task->n_groups; i++)
		if (ids_have(&values->ids, task->groups[i]))
			return true;
	return false;
}

static void print_groups(const struct attribute *attribute, const struct rbce_task *task, char *buf,
			 size_t size)
{
	size_t n = (size_t)snprintf(buf, size, "%u", attribute->id(task));

	for (size_t i = 0; i < task->n_groups && n < size; i++)
		if (task->groups[i] != attribute->id(task))
			n += (size_t)snprintf(buf + n, size - n, ", %u", task->groups[i]);
}

/* ---- patterns ---- */

static int parse_glob(const struct attribute *attribute, const char *element,
		      struct name_cache *names, struct values *values, struct rbce_error *err)
{
	(void)names;
	/* The commonest mistake: a name where a path is compared, or the reverse. */
	if (!strchr("*?[\\", *element) && attribute->is_path != (*element == '/'))
		return rbce_error_set(err, -EINVAL,
				      attribute->is_path
					      ? QUOTED " fits no path: begin it with '/' or '*/'"
					      : QUOTED " fits nothing: it begins with '/'",
				      element);
	return globs_add(&values->globs, element, err);
}

static bool text_within(const struct attribute *attribute, const struct values *values,
			const struct rbce_task *task)
{
	return globs_match(&values->globs, attribute->text(task));
}

static void print_text(const struct attribute *attribute, const struct rbce_task *task, char *buf,
		       size_t size)
{
	snprintf(buf, size, "%s", attribute->text(task) ?: "");
}

/* ---- the table ---- */

static uint32_t task_uid(const struct rbce_task *task)
{
	return task->uid;
}

static uint32_t task_euid(const struct rbce_task *task)
{
	return task->euid;
}

static uint32_t task_gid(const struct rbce_task *task)
{
	return task->gid;
}

static uint32_t task_egid(const struct rbce_task *task)
{
	return task->egid;
}

static uint32_t task_pgrp(const struct rbce_task *task)
{
	return (uint32_t)task->pgrp;
}

static uint32_t task_session(const struct rbce_task *task)
{
	return (uint32_t)task->session;
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

#define USER                                                                                       \
	.facts = RBCE_FACT_IDS, .parse = parse_ids, .within = id_within, .print = print_id,        \
	.id_max = UINT32_MAX - 1, .noun = "user", .look_up = name_cache_user_id
#define GROUP                                                                                      \
	.facts = RBCE_FACT_IDS, .parse = parse_groups, .id_max = UINT32_MAX - 1, .noun = "group",  \
	.look_up = name_cache_group_id
#define NUMBER                                                                                     \
	.facts = RBCE_FACT_STAT, .parse = parse_ids, .within = id_within, .print = print_id,       \
	.id_max = INT32_MAX
#define GLOB .parse = parse_glob, .within = text_within, .print = print_text

static const struct attribute attributes[] = {
	{"user", USER, .id = task_uid},
	{"euser", USER, .id = task_euid},
	{"group", GROUP, .id = task_gid, .within = groups_within, .print = print_groups},
	{"egroup", GROUP, .id = task_egid, .within = id_within, .print = print_id},
	{"exe", RBCE_FACT_EXE, GLOB, .text = task_exe, .is_path = true},
	{"comm", RBCE_FACT_EXE | RBCE_FACT_STAT, GLOB, .text = rbce_task_basename},
	{"pgrp", NUMBER, .id = task_pgrp},
	{"session", NUMBER, .id = task_session},
	{"parent", RBCE_FACT_PARENT, GLOB, .text = task_parent, .is_path = true},
	{"in", RBCE_FACT_CGROUP, GLOB, .text = task_container},
};

const struct attribute *attribute_at(size_t index)
{
	return index < ARRAY_SIZE(attributes) ? &attributes[index] : NULL;
}

const struct attribute *attribute_find(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++)
		if (streq(attributes[i].name, key))
			return &attributes[i];
	return NULL;
}

const char *attribute_name(const struct attribute *attribute)
{
	return attribute->name;
}

/* ---- terms ---- */

/* Ends the element that begins at TEXT, at a comma without a backslash; the next one or NULL. */
static char *end_element(char *text)
{
	char *end = text, *next;

	while (*end && *end != ',')
		end += end[0] == '\\' && end[1] ? 2 : 1;
	next = *end ? end + 1 : NULL;
	while (end > text && isspace((unsigned char)end[-1]))
		end--;
	*end = '\0';
	return next;
}

static int parse_element(struct term *term, const char *element, struct name_cache *names,
			 struct rbce_error *err)
{
	struct values *values = *element == '!' ? &term->excluded : &term->included;

	if (*element == '!') {
		element++;
		element += strspn(element, " \t");
		if (*element == '!')
			return rbce_error_set(err, -EINVAL, "an element of the list has two '!'");
	}
	if (!*element)
		return rbce_error_set(err, -EINVAL, "the list has an empty element");
	values->n++;
	return term->attribute->parse(term->attribute, element, names, values, err);
}

DEFINE_CLEANUP(struct term *, term_free)

int term_parse(const struct attribute *attribute, const char *value, struct name_cache *names,
	       struct term **ret, struct rbce_error *err)
{
	CLEANUP(term_free_p) struct term *term = calloc(1, sizeof(*term));
	cleanup_free char *copy = NULL;
	int r = 0;

	if (!term)
		return -ENOMEM;
	term->attribute = attribute;
	if (asprintf(&term->text, "%s = %s", attribute->name, value) < 0)
		term->text = NULL;
	copy = strdup(value);
	if (!term->text || !copy)
		return -ENOMEM;
	for (char *element = copy, *next; r == 0 && element; element = next) {
		element += strspn(element, " \t");
		next = end_element(element);
		r = parse_element(term, element, names, err);
	}
	if (r < 0)
		return r;
	ids_seal(&term->included.ids);
	ids_seal(&term->excluded.ids);
	globs_seal(&term->included.globs);
	globs_seal(&term->excluded.globs);
	*ret = TAKE_PTR(term);
	return 0;
}

struct term *term_free(struct term *term)
{
	if (!term)
		return NULL;
	ids_done(&term->included.ids);
	ids_done(&term->excluded.ids);
	globs_done(&term->included.globs);
	globs_done(&term->excluded.globs);
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

/* A fact that was not read says nothing, least of all that it is 0. */
static bool is_read(const struct attribute *attribute, const struct rbce_task *task)
{
	return (task->facts & attribute->facts) == attribute->facts;
}

bool term_holds(const struct term *term, const struct rbce_task *task)
{
	const struct attribute *attribute = term->attribute;

	/* A task without an executable, a parent or a container has none that could fit. */
	if (!is_read(attribute, task) || (attribute->text && !attribute->text(task)))
		return false;
	return (!term->included.n || attribute->within(attribute, &term->included, task)) &&
	       (!term->excluded.n || !attribute->within(attribute, &term->excluded, task));
}

void term_actual(const struct term *term, const struct rbce_task *task, char *buf, size_t size)
{
	if (is_read(term->attribute, task))
		term->attribute->print(term->attribute, task, buf, size);
	else
		snprintf(buf, size, "not read");
}
