// SPDX-License-Identifier: GPL-2.0-or-later
/* How the elements of a term's list are written: numbers, names, ranges, words, patterns. */
#include <errno.h>
#include <rbce/units.h>

#include "internal.h"
#include "util.h"

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

int values_add_ids(const struct attribute *attribute, const char *element, struct name_cache *names,
		   struct values *values, struct rbce_error *err)
{
	struct id_range range = {0};
	int r = parse_range(attribute, element, names, &range, err);

	return r < 0 ? r : ids_add(&values->ids, range.low, range.high);
}

/* "@students", as in cgrules.conf, is the same as "students". */
int values_add_group(const struct attribute *attribute, const char *element,
		     struct name_cache *names, struct values *values, struct rbce_error *err)
{
	return values_add_ids(attribute, element + (*element == '@' && element[1]), names, values,
			      err);
}

/* Who logged in, or that nobody did. */
int values_add_login(const struct attribute *attribute, const char *element,
		     struct name_cache *names, struct values *values, struct rbce_error *err)
{
	if (streq(element, "none"))
		return ids_add(&values->ids, RBCE_NO_LOGIN, RBCE_NO_LOGIN);
	return values_add_ids(attribute, element, names, values, err);
}

int values_add_flag(const struct attribute *attribute, const char *element,
		    struct name_cache *names, struct values *values, struct rbce_error *err)
{
	static const char *const words[] = {"no", "yes"};
	int word = parse_word(element, words, ARRAY_SIZE(words), err);

	(void)attribute;
	(void)names;
	return word < 0 ? word : ids_add(&values->ids, (uint32_t)word, (uint32_t)word);
}

/* ---- patterns ---- */

int values_add_glob(const struct attribute *attribute, const char *element,
		    struct name_cache *names, struct values *values, struct rbce_error *err)
{
	bool literal = !strchr("*?[\\", *element) && !after_prefix(element, "re:");

	(void)names;
	/* The commonest mistake: a name where a path is compared, or the reverse. */
	if (literal && !attribute->any_text && attribute->is_path != (*element == '/'))
		return rbce_error_set(err, -EINVAL,
				      attribute->is_path
					      ? QUOTED " fits no path: begin it with '/' or '*/'"
					      : QUOTED " fits nothing: it begins with '/'",
				      element);
	return globs_add(&values->globs, element, err);
}
