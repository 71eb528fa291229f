// SPDX-License-Identifier: GPL-2.0-or-later
/* What is allowed in rules and yet hardly meant: what is said here is proved, not guessed. */
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdarg.h>

#include "internal.h"
#include "util.h"

struct lint {
	struct ruleset *set;
	const struct compiled *rule, *shadow; /* looked at; the first that covers it */
};

__attribute__((format(printf, 4, 5))) static void
note(struct lint *lint, const struct raw_section *section, unsigned line, const char *format, ...)
{
	char text[RBCE_ERROR_SIZE];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	raw_mistake(&lint->set->raw, section->file, line, "%s", text);
}

/* ---- rules that never come to be ---- */

/* Is the rule covered by this one, which comes earlier? */
static void check_shadow(void *data, const struct compiled *other)
{
	struct lint *lint = data;

	if (other->rule.index < lint->rule->rule.index &&
	    (!lint->shadow || other->rule.index < lint->shadow->rule.index) &&
	    rule_hides(other, lint->rule))
		lint->shadow = other;
}

/*
 * A rule that covers this one matches every task that this one does, so also the one made up here:
 * the index leads to it. Where no such task comes to mind all rules are asked.
 */
static void find_shadow(struct lint *lint)
{
	CLEANUP(rbce_task_done) struct rbce_task task = {0};
	const struct ruleset *set = lint->set;

	lint->shadow = NULL;
	if (rule_witness(lint->rule, &task)) {
		index_candidates(set->index, &task, check_shadow, lint);
		return;
	}
	for (size_t i = 0; i < lint->rule->rule.index && !lint->shadow; i++)
		if (set->rules[i].rule.enabled)
			check_shadow(lint, &set->rules[i]);
}

static void check_reach(struct lint *lint)
{
	const struct compiled *rule = lint->rule, *shadow;

	find_shadow(lint);
	shadow = lint->shadow;
	if (!shadow)
		return;
	if (rule_depends(rule, shadow))
		note(lint, rule->section, rule->rule.line,
		     "rule " QUOTED " is never reached: " QUOTED
		     " (%s:%u), on which it depends, is "
		     "tried before it",
		     rule->rule.name, shadow->rule.name, shadow->rule.file, shadow->rule.line);
	else
		note(lint, rule->section, rule->rule.line,
		     "rule " QUOTED " is never reached: " QUOTED
		     " (%s:%u) matches all that it does, "
		     "and is tried before it",
		     rule->rule.name, shadow->rule.name, shadow->rule.file, shadow->rule.line);
}

/* ---- terms that cannot hold ---- */

/* Is there a character, but for NOT, that the bracket expression of SIZE bytes has? */
static bool bracket_is_empty(const char *bracket, size_t size, char not )
{
	cleanup_free char *pattern = strndup(bracket, size);

	for (unsigned c = 1; pattern && c <= UCHAR_MAX; c++)
		if ((char)c != not &&fnmatch(pattern, (char[]){(char)c, '\0'}, 0) == 0)
			return false;
	return pattern;
}

static bool has_empty_bracket(const struct glob *glob, char not )
{
	const char *next;

	for (const char *p = glob->text; glob->shape == GLOB_OTHER && *p; p = next) {
		next = glob_behind(p);
		if (*p == '[' && bracket_is_empty(p, (size_t)(next - p), not ))
			return true;
	}
	return false;
}

/* What no text of a kind has: with the marks of glob_literals() at its ends. */
static const struct impossible {
	const char *part, *why;
	bool in_names, in_paths, in_containers;
} impossible[] = {
	{"/", "a name has no '/'", .in_names = true},
	{"//", "no such text has '//'", .in_paths = true, .in_containers = true},
	{"/./", "a path has no '.' or '..' in it", .in_paths = true, .in_containers = true},
	{"/../", "a path has no '.' or '..' in it", .in_paths = true, .in_containers = true},
	{"/.\3", "a path has no '.' or '..' in it", .in_paths = true, .in_containers = true},
	{"/..\3", "a path has no '.' or '..' in it", .in_paths = true, .in_containers = true},
	{"\2.\3", "'.' and '..' are no names", .in_names = true, .in_containers = true},
	{"\2..\3", "'.' and '..' are no names", .in_names = true, .in_containers = true},
	{"/\3", "it ends with '/'", .in_paths = true, .in_containers = true},
};
_Static_assert(TEXT_BEGIN == 2 && TEXT_END == 3, "the marks in the table");

/* Why nothing fits the glob; NULL when something may. */
static const char *impossible_part(const struct attribute *attribute, const struct glob *glob)
{
	bool name = streq(attribute->name, "comm"), container = streq(attribute->name, "in");
	cleanup_free char *text = glob->shape == GLOB_REGEX ? NULL : calloc(1, glob->size + 3);

	if (!text)
		return NULL;
	if (has_empty_bracket(glob, name ? '/' : '\0'))
		return "a bracket expression of it fits no character";
	glob_literals(glob, '*', text);
	for (size_t i = 0; i < ARRAY_SIZE(impossible); i++) {
		const struct impossible *row = &impossible[i];

		if ((name        ? row->in_names
		     : container ? row->in_containers
				 : attribute->is_path && row->in_paths) &&
		    strstr(text, row->part))
			return row->why;
	}
	return NULL;
}

static void check_term(struct lint *lint, const struct raw_section *section,
		       const struct term *term)
{
	const struct values *const sides[] = {&term->included, &term->excluded};

	if (term_is_empty(term))
		note(lint, section, section->line,
		     "'%.200s' holds for no task: all of it is excluded", term->text);
	for (size_t side = 0; side < ARRAY_SIZE(sides); side++)
		for (size_t i = 0; i < sides[side]->globs.n; i++) {
			const struct glob *glob = &sides[side]->globs.list[i];
			const char *why = impossible_part(term->attribute, glob);

			if (why)
				note(lint, section, section->line,
				     "a pattern of '%.200s' fits nothing: %s", term->text, why);
		}
}

/* Terms of a rule and of one that it depends on, or of two of those, that exclude each other. */
static void check_terms_of(struct lint *lint, const struct compiled *rule, size_t number)
{
	const struct depend *depend = &rule->depends[number];

	for (size_t t = 0; t < rule->n_terms; t++)
		if (rule_denies(depend->rule, rule->terms[t]))
			note(lint, rule->section, depend->line,
			     "rule " QUOTED " matches nothing: '%.200s' cannot hold together with "
			     "the terms of " QUOTED,
			     rule->rule.name, rule->terms[t]->text, depend->name);
	for (size_t i = 0; i < number; i++)
		if (!rule->depends[i].except && rules_deny(rule->depends[i].rule, depend->rule))
			note(lint, rule->section, depend->line,
			     "rule " QUOTED " matches nothing: the terms of " QUOTED
			     " and of " QUOTED " cannot hold together",
			     rule->rule.name, rule->depends[i].name, depend->name);
}

static void check_depends(struct lint *lint, const struct compiled *rule)
{
	for (size_t i = 0; i < rule->n_depends; i++) {
		const struct depend *depend = &rule->depends[i];

		if (!depend->except)
			check_terms_of(lint, rule, i);
		else if (rule_covers(depend->rule, rule))
			note(lint, rule->section, depend->line,
			     "rule " QUOTED " matches nothing: " QUOTED
			     " matches all that it could",
			     rule->rule.name, depend->name);
	}
}

/* ---- containers ---- */

/* Are containers of the section, or any below it, among those that the template gives? */
static bool gives(const char *template, const char *section)
{
	cleanup_free char *name = NULL;
	static const struct template_values values = {"~", "~", "~", "~", "~", "~", 1, 1, 1};

	if (template_fits(template, section) || template_fill(template, &values, &name) < 0)
		return true;
	for (char *end = name + strlen(name); end; end = strrchr(name, '/')) {
		*end = '\0';
		if (template_fits(section, name))
			return true;
	}
	return false;
}

/* The same for a section like "builds" or "builds/alice" and the template "builds/%u". */
static bool gives_part(const char *template, const char *section)
{
	cleanup_free char *start = NULL;

	/* Most have no variables, and there may be thousands of each. */
	if (!strchr(template, '%') && !strchr(section, '%')) {
		const char *behind = after_prefix(template, section);

		return behind && (!*behind || *behind == '/');
	}
	start = strdup(template);
	if (!start || gives(template, section))
		return true;
	for (char *end; (end = strrchr(start, '/'));) {
		*end = '\0';
		if (template_fits(start, section))
			return true;
	}
	return false;
}

static void check_section(struct lint *lint, const struct raw_section *section)
{
	const struct ruleset *set = lint->set;

	for (size_t i = 0; i < set->n_rules; i++)
		if (set->rules[i].rule.enabled && set->rules[i].rule.container &&
		    gives_part(set->rules[i].rule.container, section->name))
			return;
	note(lint, section, section->line, "no rule puts a task into container " QUOTED,
	     section->name);
}

/* The first section whose variables fit is taken: does an earlier one fit all that this one does?
 */
static void check_hidden(struct lint *lint, const struct raw_section *section)
{
	static const struct template_values values = {"~", "~", "~", "~", "~", "~", 1, 1, 1};
	const struct raw *raw = &lint->set->raw;
	cleanup_free char *name = NULL;

	if (!template_uses(section->name, '\0') || template_fill(section->name, &values, &name) < 0)
		return;
	for (const struct raw_section *s = raw->sections; s < section; s++)
		if (s->kind == SECTION_CONTAINER && template_uses(s->name, '\0') &&
		    template_fits(s->name, name)) {
			note(lint, section, section->line,
			     "container " QUOTED " is hidden by " QUOTED
			     " (%s:%u), which fits too and "
			     "comes first",
			     section->name, s->name, raw->files[s->file], s->line);
			return;
		}
}

int ruleset_lint(struct ruleset *set, struct rules_errors *ret)
{
	struct lint lint = {.set = set};
	int r;

	for (size_t i = 0; i < set->n_rules; i++) {
		const struct compiled *rule = &set->rules[i];

		for (size_t t = 0; t < rule->n_terms; t++)
			check_term(&lint, rule->section, rule->terms[t]);
		check_depends(&lint, rule);
		lint.rule = rule;
		if (rule->rule.enabled)
			check_reach(&lint);
	}
	for (size_t i = 0; i < set->raw.n_sections; i++)
		if (set->raw.sections[i].kind == SECTION_CONTAINER) {
			check_section(&lint, &set->raw.sections[i]);
			check_hidden(&lint, &set->raw.sections[i]);
		}
	r = enforce_lint(set);
	if (set->raw.mistakes.out_of_memory)
		r = -ENOMEM;
	mistakes_give(&set->raw.mistakes, ret);
	return r;
}
