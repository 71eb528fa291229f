// SPDX-License-Identifier: GPL-2.0-or-later
/* The programs that rules name; see rules.h. */
#include <errno.h>

#include "internal.h"
#include "util.h"

/* The entries belong to the rules' terms. */
struct rules_programs {
	struct globs paths; /* of `exe` */
	struct globs names; /* of `comm` */
};

static int add(struct globs *globs, const struct glob *glob)
{
	struct glob *more = reallocarray(globs->list, globs->n + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	globs->list = more;
	more[globs->n++] = *glob;
	return 0;
}

/* What a rule is not for is not named by it. */
static int add_terms(struct rules_programs *programs, const struct compiled *compiled)
{
	static const char *const keys[] = {"exe", "comm"};
	struct globs *const lists[] = {&programs->paths, &programs->names};
	int r = 0;

	for (size_t t = 0; t < compiled->n_terms; t++)
		for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
			const struct globs *from = &compiled->terms[t]->included.globs;

			if (!streq(compiled->terms[t]->attribute->name, keys[k]))
				continue;
			for (size_t i = 0; r == 0 && i < from->n; i++)
				r = add(lists[k], &from->list[i]);
		}
	for (size_t i = 0; r == 0 && i < compiled->n_depends; i++)
		if (!compiled->depends[i].except)
			r = add_terms(programs, compiled->depends[i].rule);
	return r;
}

int rules_programs_new(const struct ruleset *set, struct rules_programs **ret)
{
	struct rules_programs *programs = calloc(1, sizeof(*programs));
	int r = programs ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < set->n_rules; i++) {
		const struct rule *rule = &set->rules[i].rule;

		if (rule->enabled && !rule->ignore && rule->mode == RULE_ENFORCE)
			r = add_terms(programs, &set->rules[i]);
	}
	if (r < 0) {
		rules_programs_free(programs);
		return r;
	}
	globs_seal(&programs->paths);
	globs_seal(&programs->names);
	*ret = programs;
	return 0;
}

struct rules_programs *rules_programs_free(struct rules_programs *programs)
{
	if (programs) {
		free(programs->paths.list);
		free(programs->names.list);
	}
	free(programs);
	return NULL;
}

bool rules_programs_have(const struct rules_programs *programs, const char *path)
{
	const char *slash = strrchr(path, '/');

	return globs_match(&programs->paths, path) ||
	       globs_match(&programs->names, slash ? slash + 1 : path);
}

/* The directory above the first wildcard of a pattern, as a new string; NULL for none. */
static char *fixed_directory(const struct glob *glob)
{
	const char *end = glob->text, *slash = NULL;

	if (*end != '/')
		return NULL;
	/* A prefix has no wildcards left in its text. */
	for (; *end && (glob->shape == GLOB_PREFIX || !strchr("*?[\\", *end)); end++)
		if (*end == '/')
			slash = end;
	return strndup(glob->text, slash == glob->text ? 1 : (size_t)(slash - glob->text));
}

int rules_programs_each(const struct rules_programs *programs, rules_program_fn *function,
			void *data)
{
	bool anywhere = programs->names.n > 0;

	for (size_t i = 0; i < programs->paths.n; i++) {
		const struct glob *glob = &programs->paths.list[i];
		cleanup_free char *directory = NULL;

		switch (glob->shape) {
		case GLOB_EXACT:
			function(data, PROGRAM_FILE, glob->text);
			continue;
		case GLOB_PREFIX:
		case GLOB_OTHER:
			if (*glob->text != '/')
				break;
			directory = fixed_directory(glob);
			if (!directory)
				return -ENOMEM;
			function(data, PROGRAM_BELOW, directory);
			continue;
		case GLOB_SUFFIX:
		case GLOB_INFIX:
		case GLOB_REGEX:
			break;
		}
		anywhere = true;
	}
	if (anywhere)
		function(data, PROGRAM_ANYWHERE, NULL);
	return 0;
}
