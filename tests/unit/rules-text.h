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

static inline void rules_text_actions(FILE *out, const struct rule_actions *actions)
{
	static const char *const classes[] = {"", "realtime/", "best-effort/", "idle"};
	static const char *const policies[] = {"other", "fifo/", "rr/", "batch", "", "idle"};

	if (actions->has_nice)
		fprintf(out, "nice = %d\n", actions->nice);
	if (actions->has_oom_score_adj)
		fprintf(out, "oom_score_adj = %d\n", actions->oom_score_adj);
	if (actions->has_ioprio) {
		const char *class = classes[actions->ioprio >> 13];

		fprintf(out, strchr(class, '/') ? "ioprio = %s%d\n" : "ioprio = %s\n", class,
			actions->ioprio & 7);
	}
	if (actions->has_sched) {
		const char *policy = policies[actions->policy];

		fprintf(out, strchr(policy, '/') ? "sched = %s%d\n" : "sched = %s\n", policy,
			actions->priority);
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
		if (rule->ignore)
			fprintf(out, "ignore = yes\n");
		if (rule->from_systemd)
			fprintf(out, "from-systemd = yes\n");
		rules_text_actions(out, &rule->actions);
		rules_text_terms(out, rule->terms);
	}
	if (fclose(out) != 0)
		return NULL;
	return text;
}

#endif
