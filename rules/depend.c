// SPDX-License-Identifier: GPL-2.0-or-later
/* "depend = RULE": from names to rules; what cannot be is refused, with the chain named. */
#include "internal.h"
#include "util.h"

/*
 * How many rules may take part in deciding one. They may be reached by several ways, and each time
 * counts: it bounds the work.
 */
enum { WEIGHT_MAX = 256 };

/* Finds the rules meant. Unknown ones are noted and forgotten. */
static void find_rules(struct ruleset *set, struct compiled *compiled)
{
	size_t kept = 0;

	for (size_t i = 0; i < compiled->n_depends; i++) {
		struct depend depend = compiled->depends[i];
		const struct rule *rule = ruleset_find(set, depend.name);

		if (rule) {
			depend.rule = &set->rules[rule->index];
			compiled->depends[kept++] = depend;
			continue;
		}
		raw_mistake(&set->raw, compiled->section->file, depend.line, "unknown rule " QUOTED,
			    depend.name);
		free(depend.name);
	}
	compiled->n_depends = kept;
}

/* A rule on the way from the one that is looked at. */
struct step {
	struct compiled *rule;
	const struct step *before;
	unsigned depth;
};

/* "a > b > a": the way from where RULE is met for the first time. */
static void print_chain(const struct step *last, const struct compiled *rule, char *buf,
			size_t size)
{
	char below[RBCE_ERROR_SIZE];

	snprintf(buf, size, "%s", rule->rule.name);
	for (const struct step *step = last;; step = step->before) {
		snprintf(below, sizeof(below), "%s", buf);
		snprintf(buf, size, "%.64s > %.900s", step->rule->rule.name, below);
		if (step->rule == rule)
			break;
	}
}

static bool is_on_way(const struct step *step, const struct compiled *rule)
{
	for (; step; step = step->before)
		if (step->rule == rule)
			return true;
	return false;
}

/* Forgets the depends of a rule that has a bad one, so that nothing goes round in circles. */
static void cut(struct compiled *rule)
{
	for (size_t i = 0; i < rule->n_depends; i++)
		free(rule->depends[i].name);
	rule->n_depends = 0;
}

static void weigh(struct raw *raw, struct compiled *rule, const struct step *before)
{
	struct step step = {rule, before, before ? before->depth + 1 : 0};
	char chain[RBCE_ERROR_SIZE];

	if (rule->weight)
		return;
	rule->weight = 1;
	for (size_t i = 0; i < rule->n_depends; i++) {
		struct compiled *other = (struct compiled *)rule->depends[i].rule;
		unsigned line = rule->depends[i].line;

		if (is_on_way(&step, other)) {
			print_chain(&step, other, chain, sizeof(chain));
			raw_mistake(raw, rule->section->file, line,
				    "rule " QUOTED " depends on itself: %s", other->rule.name,
				    chain);
			cut(rule);
			return;
		}
		if (step.depth < WEIGHT_MAX)
			weigh(raw, other, &step);
		rule->weight += other->weight;
		if (step.depth >= WEIGHT_MAX || rule->weight > WEIGHT_MAX) {
			raw_mistake(raw, rule->section->file, line,
				    "rule " QUOTED " depends on more than %d rules",
				    rule->rule.name, WEIGHT_MAX);
			rule->weight = 1;
			cut(rule);
			return;
		}
	}
}

static unsigned facts_of(const struct compiled *rule)
{
	unsigned facts = 0;

	for (size_t i = 0; i < rule->n_terms; i++)
		facts |= rule->terms[i]->attribute->facts;
	for (size_t i = 0; i < rule->n_depends; i++)
		facts |= facts_of(rule->depends[i].rule);
	return facts;
}

int depends_resolve(struct ruleset *set)
{
	int r = ruleset_sort_names(set);

	for (size_t i = 0; r == 0 && i < set->n_rules; i++)
		find_rules(set, &set->rules[i]);
	for (size_t i = 0; r == 0 && i < set->n_rules; i++)
		weigh(&set->raw, &set->rules[i], NULL);
	for (size_t i = 0; r == 0 && i < set->n_rules; i++) {
		const struct compiled *rule = &set->rules[i];

		if (rule->rule.enabled)
			set->facts |= facts_of(rule);
		if (rule->rule.enabled && rule->rule.container)
			set->facts |= template_facts(rule->rule.container);
	}
	return r;
}
