// SPDX-License-Identifier: GPL-2.0-or-later
/* The finished rule set: what it answers; see rules.h. Made in parse.c. */
#include <errno.h>
#include <limits.h>

#include "internal.h"
#include "util.h"

static void done(struct compiled *compiled)
{
	for (size_t i = 0; i < compiled->n_terms; i++)
		term_free(compiled->terms[i]);
	free(compiled->terms);
	free(compiled->terms_text);
}

struct ruleset *ruleset_free(struct ruleset *set)
{
	if (!set)
		return NULL;
	for (size_t i = 0; i < set->n_rules; i++)
		done(&set->rules[i]);
	free(set->rules);
	for (size_t i = 0; i < set->n_sections; i++)
		free((void *)set->sections[i].keys);
	free(set->sections);
	name_cache_free(set->names);
	raw_done(&set->raw);
	free(set);
	return NULL;
}

unsigned ruleset_facts(const struct ruleset *set)
{
	return set->facts;
}

size_t ruleset_size(const struct ruleset *set)
{
	return set->n_rules;
}

const struct rule *ruleset_rule(const struct ruleset *set, size_t index)
{
	return &set->rules[index].rule;
}

/* The first term of the rule that does not hold; NULL when all do. */
static const struct term *failing_term(const struct compiled *compiled,
				       const struct rbce_task *task)
{
	for (size_t i = 0; i < compiled->n_terms; i++)
		if (!term_holds(compiled->terms[i], task))
			return compiled->terms[i];
	return NULL;
}

const struct rule *ruleset_match(const struct ruleset *set, const struct rbce_task *task)
{
	for (size_t i = 0; i < set->n_rules; i++)
		if (set->rules[i].rule.enabled && !failing_term(&set->rules[i], task))
			return &set->rules[i].rule;
	return NULL;
}

void ruleset_explain(const struct ruleset *set, const struct rbce_task *task,
		     ruleset_explain_fn *function, void *data)
{
	char actual[PATH_MAX];

	for (size_t i = 0; i < set->n_rules; i++) {
		const struct compiled *compiled = &set->rules[i];
		const struct term *failed;

		if (!compiled->rule.enabled) {
			function(data, &compiled->rule, "state = on", "off");
			continue;
		}
		failed = failing_term(compiled, task);
		if (!failed) {
			function(data, &compiled->rule, NULL, NULL);
			return;
		}
		term_actual(failed, task, actual, sizeof(actual));
		function(data, &compiled->rule, term_text(failed), actual);
	}
}

int ruleset_container(struct ruleset *set, const struct rule *rule, const struct rbce_task *task,
		      char **ret, struct rbce_error *err)
{
	struct template_values values = {
		.user = "",
		.group = "",
		.executable = rbce_task_basename(task),
		.rule = rule->name,
		.uid = task->uid,
		.gid = task->gid,
		.pid = task->pid,
	};
	int r;

	if (template_uses(rule->container, 'u'))
		values.user = name_cache_user(set->names, task->uid);
	if (template_uses(rule->container, 'g'))
		values.group = name_cache_group(set->names, task->gid);
	if (values.user && values.group)
		r = template_fill(rule->container, &values, ret);
	else
		r = -ENOMEM;
	return r < 0 ? rbce_error_errno(err, r, "cannot name container " QUOTED, rule->container)
		     : 0;
}

size_t ruleset_containers(const struct ruleset *set)
{
	return set->n_sections;
}

const struct container_section *ruleset_container_at(const struct ruleset *set, size_t index)
{
	return &set->sections[index];
}

const struct container_section *ruleset_section(const struct ruleset *set, const char *name)
{
	const struct container_section *template = NULL;

	for (size_t i = 0; i < set->n_sections; i++) {
		const struct container_section *section = &set->sections[i];

		if ((template && template_uses(section->name, '\0')) ||
		    !template_fits(section->name, name))
			continue;
		if (!template_uses(section->name, '\0'))
			return section;
		template = section;
	}
	return template;
}
