// SPDX-License-Identifier: GPL-2.0-or-later
/* "depend = RULE": from names to rules; what cannot be is refused, with the chain named. */
#include <errno.h>

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

/* Forgets the depends of a rule that has a bad one, so that nothing goes round in circles. */
static void cut(struct compiled *rule)
{
	for (size_t i = 0; i < rule->n_depends; i++)
		free(rule->depends[i].name);
	rule->n_depends = 0;
}

/* ---- circles ---- */

/* A rule on the way from the one that is looked at; the step behind it is one of its depends. */
struct step {
	struct compiled *rule;
	size_t next; /* depend to follow */
};

enum visit { NEW, ON_WAY, DONE };

/* Not by recursion: there may be as many steps as rules. */
struct search {
	struct raw *raw;
	struct step *way;
	size_t n;
	unsigned char *visits; /* of the rules, by index */
};

/* Of a longer circle as many links are named at its beginning and at its end. */
enum { LINKS_SHOWN = 4, NAME_SHOWN = 64 };
enum { CHAIN_MAX = (2 * LINKS_SHOWN + 1) * (NAME_SHOWN + 3) + 40 };

/* "a > b > a", or "a > b > c > d > (92 more) > w > x > y > z > a". */
static void print_chain(const struct step *circle, size_t n, char buf[CHAIN_MAX])
{
	size_t used = 0;

	for (size_t i = 0; i <= n; i++) {
		if (i == LINKS_SHOWN && n > 2 * LINKS_SHOWN) {
			used += (size_t)snprintf(buf + used, CHAIN_MAX - used, " > (%zu more)",
						 n - 2 * LINKS_SHOWN);
			i = n - LINKS_SHOWN;
		}
		used += (size_t)snprintf(buf + used, CHAIN_MAX - used, "%s%.*s", i ? " > " : "",
					 NAME_SHOWN, circle[i % n].rule->rule.name);
	}
}

/* The last rule on the way depends on FIRST, which is on it as well. */
static void refuse_circle(struct search *s, const struct compiled *first, unsigned line)
{
	struct compiled *last = s->way[s->n - 1].rule;
	char chain[CHAIN_MAX];
	size_t n = 1;

	while (s->way[s->n - n].rule != first)
		n++;
	print_chain(&s->way[s->n - n], n, chain);
	raw_mistake(s->raw, last->section->file, line, "rule " QUOTED " depends on itself: %s",
		    first->rule.name, chain);
	cut(last);
	/* Cut once, a long one would still be a chain of too many rules. */
	for (; n > WEIGHT_MAX; n--)
		cut(s->way[s->n - n].rule);
}

static void enter(struct search *s, struct compiled *rule)
{
	s->visits[rule->rule.index] = ON_WAY;
	s->way[s->n++] = (struct step){rule, 0};
}

static void search_from(struct search *s, struct compiled *rule)
{
	enter(s, rule);
	while (s->n) {
		struct step *last = &s->way[s->n - 1];
		const struct depend *depend;
		struct compiled *other;

		if (last->next >= last->rule->n_depends) {
			s->visits[last->rule->rule.index] = DONE;
			s->n--;
			continue;
		}
		depend = &last->rule->depends[last->next++];
		other = (struct compiled *)depend->rule;
		if (s->visits[other->rule.index] == ON_WAY)
			refuse_circle(s, other, depend->line);
		else if (s->visits[other->rule.index] == NEW)
			enter(s, other);
	}
}

static int refuse_circles(struct ruleset *set)
{
	cleanup_free struct step *way = calloc(set->n_rules + 1, sizeof(*way));
	cleanup_free unsigned char *visits = calloc(set->n_rules + 1, sizeof(*visits));
	struct search search = {.raw = &set->raw, .way = way, .visits = visits};

	if (!way || !visits)
		return -ENOMEM;
	for (size_t i = 0; i < set->n_rules; i++)
		if (visits[i] == NEW)
			search_from(&search, &set->rules[i]);
	return 0;
}

/* ---- weights ---- */

/* Of rules that have no circles. */
static void weigh(struct raw *raw, struct compiled *rule, unsigned depth)
{
	if (rule->weight)
		return;
	rule->weight = 1;
	for (size_t i = 0; i < rule->n_depends; i++) {
		struct compiled *other = (struct compiled *)rule->depends[i].rule;

		if (depth < WEIGHT_MAX)
			weigh(raw, other, depth + 1);
		rule->weight += other->weight;
		if (depth >= WEIGHT_MAX || rule->weight > WEIGHT_MAX) {
			raw_mistake(raw, rule->section->file, rule->depends[i].line,
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
	if (r == 0)
		r = refuse_circles(set);
	for (size_t i = 0; r == 0 && i < set->n_rules; i++)
		weigh(&set->raw, &set->rules[i], 0);
	for (size_t i = 0; r == 0 && i < set->n_rules; i++) {
		const struct compiled *rule = &set->rules[i];

		if (rule->rule.enabled)
			set->facts |= facts_of(rule);
		if (rule->rule.enabled && rule->rule.container)
			set->facts |= template_facts(rule->rule.container);
	}
	return r;
}
