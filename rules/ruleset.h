/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The compiled form of a rule set. Internal. */
#ifndef RULES_RULESET_H
#define RULES_RULESET_H

#include "internal.h"

struct compiled {
	struct rule rule; /* what others see of it */
	struct term **terms;
	size_t n_terms;
	char *terms_text;
};

struct ruleset {
	struct raw raw; /* owns every text that the rest points to */
	struct compiled *rules;
	size_t n_rules;
	struct container_section *sections;
	size_t n_sections;
	unsigned facts;
	struct name_cache *names;
};

void compiled_done(struct compiled *compiled);

/*
 * Gives set->raw its meaning: rules and container sections, sorted and checked. Mistakes are noted
 * there; -ENOMEM is the only failure.
 */
int compile(struct ruleset *set, const struct rules_options *options);

#endif
