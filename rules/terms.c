// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The conditions of a rule. A value is a list: the term holds when the task's attribute is in the
 * list and in none of the elements that begin with '!'; a list of such elements only has everything
 * else in it.
 */
#include <ctype.h>
#include <errno.h>

#include "internal.h"
#include "util.h"

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

static int pass_element(const char *element, list_element_fn *function, void *data,
			struct rbce_error *err)
{
	bool except = *element == '!';

	if (except) {
		element++;
		element += strspn(element, " \t");
		if (*element == '!')
			return rbce_error_set(err, -EINVAL, "an element of the list has two '!'");
	}
	if (!*element)
		return rbce_error_set(err, -EINVAL, "the list has an empty element");
	return function(data, element, except, err);
}

int list_each(const char *list, list_element_fn *function, void *data,
	      const struct list_notes *notes)
{
	cleanup_free char *copy = strdup(list);
	struct rbce_error last = {0};

	if (!copy)
		return -ENOMEM;
	for (char *element = copy, *next; element && last.code != -EBADMSG; element = next) {
		struct rbce_error err = {0};
		int r;

		element += strspn(element, " \t");
		next = end_element(element);
		r = pass_element(element, function, data, &err);
		if (r < 0 && !err.code)
			return r;
		if (r == 0 || streq(err.message, last.message))
			continue;
		notes->note(notes->data, err.message);
		last = err;
	}
	return last.code ? -EINVAL : 0;
}

/* A term in the making. */
struct making {
	struct term *term;
	struct name_cache *names;
};

static int add_element(void *data, const char *element, bool except, struct rbce_error *err)
{
	struct making *making = data;
	const struct attribute *attribute = making->term->attribute;
	struct values *values = except ? &making->term->excluded : &making->term->included;

	values->n++;
	return attribute->parse(attribute, element, making->names, values, err);
}

DEFINE_CLEANUP(struct term *, term_free)

int term_parse(const struct attribute *attribute, const char *value, struct name_cache *names,
	       struct term **ret, const struct list_notes *notes)
{
	CLEANUP(term_free_p) struct term *term = calloc(1, sizeof(*term));
	struct making making = {term, names};
	int r;

	if (!term)
		return -ENOMEM;
	term->attribute = attribute;
	if (asprintf(&term->text, "%s = %s", attribute->name, value) < 0) {
		term->text = NULL;
		return -ENOMEM;
	}
	r = list_each(value, add_element, &making, notes);
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
