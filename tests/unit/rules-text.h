/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A rule set written as a rule file again, from what its accessors say. Reading that file must give
 * the same set: for unit tests and for the fuzz driver.
 */
#ifndef TESTS_UNIT_RULES_TEXT_H
#define TESTS_UNIT_RULES_TEXT_H

#include <rules/rules.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "a = b; c = d" as two lines. */
static inline void rules_text_terms(FILE *out, const char *terms)
{
	for (const char *end; *terms; terms = end) {
		end = strstr(terms, "; ");
		if (!end)
			end = terms + strlen(terms);
		fprintf(out, "%.*s\n", (int)(end - terms), terms);
		end += *end ? 2 : 0;
	}
}

/* A new string. */
static inline char *rules_text(const struct ruleset *set)
{
	static const char *const unsupported[] = {
		[UNSUPPORTED_WARN] = "warn",
		[UNSUPPORTED_ERROR] = "error",
		[UNSUPPORTED_IGNORE] = "ignore",
	};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (size_t i = 0; i < ruleset_containers(set); i++) {
		const struct container_section *section = ruleset_container_at(set, i);

		fprintf(out, "[container %s]\non-unsupported = %s\n", section->name,
			unsupported[section->on_unsupported]);
		for (size_t k = 0; k < section->n_keys; k++)
			fprintf(out, "%s = %s\n", section->keys[k].key, section->keys[k].value);
	}
	for (size_t i = 0; i < ruleset_size(set); i++) {
		const struct rule *rule = ruleset_rule(set, i);

		fprintf(out, "[rule %s]\norder = %ld\nstate = %s\nmode = %s\n", rule->name,
			rule->order, rule->enabled ? "on" : "off",
			rule->mode == RULE_OBSERVE ? "observe" : "enforce");
		if (rule->container)
			fprintf(out, "container = %s\n", rule->container);
		else
			fprintf(out, "ignore = yes\n");
		rules_text_terms(out, rule->terms);
	}
	if (fclose(out) != 0)
		return NULL;
	return text;
}

#endif
