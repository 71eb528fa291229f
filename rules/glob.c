// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sets of patterns: globs as of glob(7), but with a star that crosses slashes, and "re:EXPRESSION".
 *
 * Most patterns are a whole text, or have stars at the ends only. These are told apart when they
 * are added, so that few need fnmatch(3). That neither allocates nor takes more than polynomial
 * time in the C locale, and no program of the suite sets another.
 */
#include <errno.h>
#include <fnmatch.h>

#include "internal.h"
#include "util.h"

/* What stands behind the bracket expression at P; NULL when it has no end. */
static const char *behind_bracket(const char *p)
{
	const char *first;

	p++;
	if (*p == '!' || *p == '^')
		p++;
	/* A closing bracket that comes first is one of the characters. */
	for (first = p; *p; p++) {
		if (*p == ']' && p != first)
			return p + 1;
		if (*p == '\\' && p[1]) {
			p++;
		} else if (*p == '[' && p[1] && strchr(":.=", p[1])) {
			const char end[] = {p[1], ']', '\0'};
			const char *class_end = strstr(p + 2, end);

			p = class_end ? class_end + 1 : p;
		}
	}
	return NULL;
}

const char *glob_behind(const char *p)
{
	if (*p == '\\')
		return p[1] ? p + 2 : NULL;
	return *p == '[' ? behind_bracket(p) : p + 1;
}

size_t glob_literals(const struct glob *glob, char hole, char *buf)
{
	char *to = buf;
	const char *next;

	if (glob->shape == GLOB_REGEX)
		return regex_literals(glob->text, hole, buf);
	*to++ = glob->shape == GLOB_SUFFIX || glob->shape == GLOB_INFIX ? hole : TEXT_BEGIN;
	if (glob->shape == GLOB_OTHER) {
		for (const char *p = glob->text; *p; p = next) {
			next = glob_behind(p);
			*to++ = strchr("*?[", *p) ? hole : p[*p == '\\'];
		}
	} else {
		memcpy(to, glob->text, glob->size);
		to += glob->size;
	}
	*to++ = glob->shape == GLOB_PREFIX || glob->shape == GLOB_INFIX ? hole : TEXT_END;
	return (size_t)(to - buf);
}

/* The literal text of SIZE bytes of a pattern without wildcards, as a new string. */
static char *unescape(const char *pattern, size_t size)
{
	char *text = malloc(size + 1), *to = text;

	for (size_t i = 0; text && i < size; i++) {
		i += pattern[i] == '\\';
		*to++ = pattern[i];
	}
	if (text)
		*to = '\0';
	return text;
}

/* "\\," is a comma of the expression: the list's own commas have no backslash. */
static int parse_regex(const char *pattern, struct glob *ret, struct rbce_error *err)
{
	char *text = strdup(pattern), *to = text;
	int r;

	if (!text)
		return -ENOMEM;
	for (const char *p = text; *p; p++) {
		if (p[0] == '\\' && p[1] == ',')
			p++;
		else if (p[0] == '\\' && p[1])
			*to++ = *p++;
		*to++ = *p;
	}
	*to = '\0';
	*ret = (struct glob){.shape = GLOB_REGEX, .text = text, .size = (size_t)(to - text)};
	r = regex_new(text, &ret->regex, err);
	if (r < 0)
		free(text);
	return r;
}

static int parse(const char *pattern, struct glob *ret, struct rbce_error *err)
{
	const char *wildcard = NULL;
	size_t wildcards = 0, size;
	bool first;

	*ret = (struct glob){0};
	if (after_prefix(pattern, "re:"))
		return parse_regex(after_prefix(pattern, "re:"), ret, err);
	for (const char *p = pattern, *next; *p; p = next) {
		next = glob_behind(p);
		if (!next)
			return rbce_error_set(err, -EBADMSG,
					      *p == '[' ? QUOTED " has a '[' without its ']'"
							: QUOTED " ends with a backslash",
					      pattern);
		if (strchr("*?[", *p)) {
			wildcard = p;
			wildcards++;
		}
	}
	size = strlen(pattern);
	first = *pattern == '*';
	ret->shape = GLOB_OTHER;
	if (wildcards == 0)
		ret->shape = GLOB_EXACT;
	else if (wildcards == 1 && first)
		ret->shape = GLOB_SUFFIX;
	else if (*wildcard == '*' && wildcard[1] == '\0' && wildcards <= 1 + (size_t)first)
		ret->shape = first ? GLOB_INFIX : GLOB_PREFIX;
	if (ret->shape == GLOB_OTHER)
		ret->text = strdup(pattern);
	else
		ret->text = unescape(pattern + first, size - wildcards);
	if (!ret->text)
		return -ENOMEM;
	ret->size = strlen(ret->text);
	return 0;
}

int globs_add(struct globs *globs, const char *pattern, struct rbce_error *err)
{
	struct glob *more = reallocarray(globs->list, globs->n + 1, sizeof(*more));
	int r;

	if (!more)
		return -ENOMEM;
	globs->list = more;
	r = parse(pattern, &more[globs->n], err);
	if (r == 0)
		globs->n++;
	return r;
}

static int compare_glob(const void *a, const void *b)
{
	const struct glob *x = a, *y = b;

	if (x->shape != y->shape)
		return x->shape < y->shape ? -1 : 1;
	return strcmp(x->text, y->text);
}

void globs_seal(struct globs *globs)
{
	if (globs->n)
		qsort(globs->list, globs->n, sizeof(*globs->list), compare_glob);
	while (globs->n_exact < globs->n && globs->list[globs->n_exact].shape == GLOB_EXACT)
		globs->n_exact++;
}

bool glob_match(const struct glob *glob, const char *text, size_t size)
{
	switch (glob->shape) {
	case GLOB_EXACT:
		return streq(glob->text, text);
	case GLOB_PREFIX:
		return strncmp(glob->text, text, glob->size) == 0;
	case GLOB_SUFFIX:
		return size >= glob->size && streq(text + size - glob->size, glob->text);
	case GLOB_INFIX:
		return strstr(text, glob->text) != NULL;
	case GLOB_REGEX:
		return regex_match(glob->regex, text, size);
	case GLOB_OTHER:
		break;
	}
	return fnmatch(glob->text, text, 0) == 0;
}

static int compare_text(const void *key, const void *element)
{
	return strcmp(key, ((const struct glob *)element)->text);
}

bool globs_match(const struct globs *globs, const char *text)
{
	size_t size = strlen(text);

	if (globs->n_exact &&
	    bsearch(text, globs->list, globs->n_exact, sizeof(*globs->list), compare_text))
		return true;
	for (size_t i = globs->n_exact; i < globs->n; i++)
		if (glob_match(&globs->list[i], text, size))
			return true;
	return false;
}

void globs_done(struct globs *globs)
{
	for (size_t i = 0; i < globs->n; i++) {
		regex_free(globs->list[i].regex);
		free(globs->list[i].text);
	}
	free(globs->list);
	*globs = (struct globs){0};
}
