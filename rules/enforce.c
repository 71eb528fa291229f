// SPDX-License-Identifier: GPL-2.0-or-later
/* "[enforce]": rules that are in force, whatever their own "mode" says. */
#include <errno.h>

#include "internal.h"
#include "util.h"

/* The section as it is read. */
struct enforcing {
	struct ruleset *set;
	struct raw_section *section;
	unsigned line;
	bool look_for_unknown; /* note these, and nothing else */
};

static void note(void *data, const char *message)
{
	struct enforcing *e = data;

	raw_fault(&e->set->raw, e->section, e->line, "%s", message);
}

static int enforce_rule(void *data, const char *name, bool except, struct rbce_error *err)
{
	struct enforcing *e = data;
	const struct rule *found = ruleset_find(e->set, name);
	struct rule *rule = found ? &e->set->rules[found->index].rule : NULL;

	if (except)
		return rbce_error_set(err, -EINVAL,
				      "no '!' stands here: a rule that is not named "
				      "is not meant");
	if (e->look_for_unknown && !rule)
		return rbce_error_set(err, -ENOENT, "no rule is named " QUOTED, name);
	if (!e->look_for_unknown && rule && rule->mode == RULE_OBSERVE) {
		rule->mode = RULE_ENFORCE;
		rule->enforced = true;
	}
	return 0;
}

static int read_section(struct enforcing *e)
{
	const struct list_notes notes = {note, e};
	unsigned earlier = 0;
	int r = 0;

	for (size_t i = 0; r != -ENOMEM && i < e->section->n_keys; i++) {
		const struct raw_key *key = &e->section->keys[i];

		e->line = key->line;
		if (!streq(key->name, "rules"))
			raw_fault(&e->set->raw, e->section, key->line,
				  "unknown key " QUOTED " in [enforce]: it has 'rules = NAMES'",
				  key->name);
		else if (earlier)
			raw_fault(&e->set->raw, e->section, key->line,
				  "'rules' stands in line %u of this section already", earlier);
		else
			r = list_each(key->value, enforce_rule, e, &notes);
		earlier = key->line;
	}
	return r == -ENOMEM ? r : 0;
}

static int each_section(struct ruleset *set, bool look_for_unknown)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < set->raw.n_sections; i++) {
		struct enforcing e = {set, &set->raw.sections[i], 0, look_for_unknown};

		if (e.section->kind == SECTION_ENFORCE)
			r = read_section(&e);
	}
	return r;
}

int enforce_apply(struct ruleset *set)
{
	return each_section(set, false);
}

int enforce_lint(struct ruleset *set)
{
	return each_section(set, true);
}
