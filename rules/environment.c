// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Conditions on the environment. It is one text, "\nNAME=VALUE\nNAME=VALUE\n", so that a variable
 * is a piece of it, and a term is a pattern like any other's: "NAME=VALUE" is "*\nNAME=VALUE\n*".
 */
#include <ctype.h>
#include <errno.h>

#include "internal.h"
#include "util.h"

static size_t name_size(const char *text)
{
	size_t n = 0;

	if (isdigit((unsigned char)*text))
		return 0;
	while (isalnum((unsigned char)text[n]) || text[n] == '_')
		n++;
	return n;
}

/* Has the value a wildcard that is not a star at its end? */
static bool has_wildcard(const char *value)
{
	for (const char *p = value; *p; p++) {
		if (*p == '\\' && p[1])
			p++;
		else if (strchr("?[", *p) || (*p == '*' && p[1]))
			return true;
	}
	return false;
}

int values_add_env(const struct attribute *attribute, const char *element, struct name_cache *names,
		   struct values *values, struct rbce_error *err)
{
	size_t size = name_size(element);
	cleanup_free char *pattern = NULL;
	const char *value = element + size;
	bool open = !*value || value[strlen(value) - 1] == '*';

	(void)attribute;
	(void)names;
	if (after_prefix(element, "re:"))
		return globs_add(&values->globs, element, err);
	if (!size || (*value && *value != '='))
		return rbce_error_set(err, -EINVAL, QUOTED " is no NAME or NAME=VALUE", element);
	if (has_wildcard(value))
		return rbce_error_set(err, -EINVAL,
				      QUOTED " may have a '*' at its end only; 're:' takes a "
					     "regular expression",
				      element);
	if (asprintf(&pattern, "*\n%s%s%s", element, *value ? "" : "=*", open ? "" : "\n*") < 0) {
		pattern = NULL;
		return -ENOMEM;
	}
	return globs_add(&values->globs, pattern, err);
}

/* "\nNAME=" of a pattern; 0 for one that is a regular expression. */
static size_t head_size(const struct glob *glob)
{
	return glob->shape == GLOB_REGEX ? 0 : strcspn(glob->text, "=") + 1;
}

static bool is_noted(const struct ruleset *set, const char *head, size_t size)
{
	for (size_t i = 0; i < set->n_variables; i++)
		if (strlen(set->variables[i]) == size && !memcmp(set->variables[i], head, size))
			return true;
	return false;
}

void environment_forget(struct ruleset *set)
{
	while (set->n_variables)
		free(set->variables[--set->n_variables]);
	free(set->variables);
	set->variables = NULL;
}

/* 0, -ENOMEM, or -EDOM for a pattern that may be about any variable. */
static int note_globs(struct ruleset *set, const struct globs *globs)
{
	for (size_t i = 0; i < globs->n; i++) {
		size_t size = head_size(&globs->list[i]);
		char **more;

		if (!size)
			return -EDOM;
		if (is_noted(set, globs->list[i].text, size))
			continue;
		more = reallocarray(set->variables, set->n_variables + 1, sizeof(*more));
		if (!more)
			return -ENOMEM;
		set->variables = more;
		more[set->n_variables] = strndup(globs->list[i].text, size);
		if (!more[set->n_variables])
			return -ENOMEM;
		set->n_variables++;
	}
	return 0;
}

int environment_note(struct ruleset *set)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < set->n_rules; i++)
		for (size_t t = 0; r == 0 && t < set->rules[i].n_terms; t++) {
			const struct term *term = set->rules[i].terms[t];

			if (!(term->attribute->facts & RBCE_FACT_ENV))
				continue;
			r = note_globs(set, &term->included.globs);
			if (r == 0)
				r = note_globs(set, &term->excluded.globs);
		}
	if (r < 0)
		environment_forget(set);
	return r == -EDOM ? 0 : r;
}

int ruleset_trim_env(const struct ruleset *set, struct rbce_task *task)
{
	char *kept, *to;

	if (!task->env || !set->variables)
		return 0;
	kept = to = calloc(1, strlen(task->env) + 1);
	if (!kept)
		return -ENOMEM;
	*to++ = '\n';
	for (size_t i = 0; i < set->n_variables; i++) {
		const char *at = strstr(task->env, set->variables[i]);
		size_t size = at ? strcspn(at + 1, "\n") + 1 : 0;

		if (size)
			to = mempcpy(to, at + 1, size);
	}
	free(task->env);
	task->env = kept;
	return 0;
}

const char *environment_job(const struct compiled *rule, const struct rbce_task *task, char *buf,
			    size_t size)
{
	bool named = false;

	*buf = '\0';
	for (size_t t = 0; t < rule->n_terms; t++) {
		const struct globs *globs = &rule->terms[t]->included.globs;

		for (size_t i = 0; i < globs->n; i++) {
			cleanup_free char *head = NULL;
			size_t n = rule->terms[t]->attribute->facts & RBCE_FACT_ENV
					   ? head_size(&globs->list[i])
					   : 0;
			const char *at;

			named = named || n;
			head = n ? strndup(globs->list[i].text, n) : NULL;
			at = head && task->env ? strstr(task->env, head) : NULL;
			if (!at)
				continue;
			snprintf(buf, size, "%.*s", (int)strcspn(at + n, "\n"), at + n);
			return buf;
		}
	}
	return named ? buf : NULL;
}
