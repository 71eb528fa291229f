// SPDX-License-Identifier: GPL-2.0-or-later
/* From sections and keys as read to rules and containers: meaning, checks, order. */
#include <errno.h>
#include <rbce/units.h>

#include "ruleset.h"
#include "util.h"

/* What the compilation of one set carries along. */
struct compiler {
	struct ruleset *set;
	const struct rules_options *options;
	const struct rules_names *names;
	long last_order; /* of the rules so far */
};

void compiled_done(struct compiled *compiled)
{
	for (size_t i = 0; i < compiled->n_terms; i++)
		term_free(compiled->terms[i]);
	free(compiled->terms);
	free(compiled->terms_text);
}

/* Settings of a rule that are no terms; the value is checked and stored. */
struct setting {
	const char *name;
	int (*parse)(struct rule *rule, const char *value, struct rbce_error *err);
};

static int parse_order(struct rule *rule, const char *value, struct rbce_error *err)
{
	uint64_t order;

	if (rbce_parse_number(value, 0, INT32_MAX, &order) < 0)
		return rbce_error_set(err, -EINVAL, "'%s' is not a number from 0 to %d", value,
				      INT32_MAX);
	rule->order = (long)order;
	return 0;
}

/* One of two words: 1 for the first, 0 for the second. */
static int parse_choice(const char *value, const char *first, const char *second,
			struct rbce_error *err)
{
	if (streq(value, first))
		return 1;
	if (streq(value, second))
		return 0;
	return rbce_error_set(err, -EINVAL, "'%s' is neither '%s' nor '%s'", value, first, second);
}

static int parse_state(struct rule *rule, const char *value, struct rbce_error *err)
{
	int r = parse_choice(value, "on", "off", err);

	rule->enabled = r == 1;
	return r < 0 ? r : 0;
}

static int parse_mode(struct rule *rule, const char *value, struct rbce_error *err)
{
	int r = parse_choice(value, "enforce", "observe", err);

	rule->mode = r == 1 ? RULE_ENFORCE : RULE_OBSERVE;
	return r < 0 ? r : 0;
}

static int parse_ignore(struct rule *rule, const char *value, struct rbce_error *err)
{
	int r = parse_choice(value, "yes", "no", err);

	rule->ignore = r == 1;
	return r < 0 ? r : 0;
}

static int parse_container(struct rule *rule, const char *value, struct rbce_error *err)
{
	rule->container = value;
	return template_check(value, err);
}

static const struct setting settings[] = {
	{"order", parse_order},   {"state", parse_state},         {"mode", parse_mode},
	{"ignore", parse_ignore}, {"container", parse_container},
};

/* All keys of a rule: the settings, then the terms; NULL behind the last. */
static const char *rule_key_name(size_t index)
{
	return index < ARRAY_SIZE(settings) ? settings[index].name
					    : term_name(index - ARRAY_SIZE(settings));
}

/* How many single-letter changes make one word of the other, 3 standing for more than two. */
static unsigned word_distance(const char *a, const char *b)
{
	unsigned row[32], n = (unsigned)strlen(b);

	if (strlen(a) >= ARRAY_SIZE(row) || n + 1 > ARRAY_SIZE(row))
		return 3;
	for (unsigned j = 0; j <= n; j++)
		row[j] = j;
	for (unsigned i = 1; *a; a++, i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= n; j++) {
			unsigned change = diagonal + (*a != b[j - 1]);

			diagonal = row[j];
			if (change > row[j] + 1)
				change = row[j] + 1;
			if (change > row[j - 1] + 1)
				change = row[j - 1] + 1;
			row[j] = change;
		}
	}
	return row[n];
}

/* The key of a rule that was probably meant; NULL when none is near. */
static const char *near_key(const char *key)
{
	const char *best = NULL, *name;
	unsigned least = 3;

	for (size_t i = 0; (name = rule_key_name(i)); i++) {
		unsigned distance = word_distance(key, name);

		if (distance < least) {
			least = distance;
			best = name;
		}
	}
	return least < strlen(key) ? best : NULL;
}

static int add_term(struct compiled *compiled, struct term *term)
{
	struct term **more = reallocarray(compiled->terms, compiled->n_terms + 1, sizeof(*more));
	char *text;

	if (!more) {
		term_free(term);
		return -ENOMEM;
	}
	compiled->terms = more;
	compiled->terms[compiled->n_terms++] = term;
	if (asprintf(&text, "%s%s%s", compiled->terms_text ?: "", compiled->terms_text ? "; " : "",
		     term_text(term)) < 0)
		return -ENOMEM;
	free(compiled->terms_text);
	compiled->terms_text = text;
	return 0;
}

/* One key of a rule. What is wrong with it is noted; -ENOMEM is the only failure. */
static int compile_rule_key(struct compiler *c, struct compiled *compiled,
			    const struct raw_section *section, const struct raw_key *key)
{
	struct rbce_error err = {0};
	struct term *term = NULL;
	const char *near;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		if (!streq(settings[i].name, key->name))
			continue;
		if (settings[i].parse(&compiled->rule, key->value, &err) < 0)
			raw_mistake(&c->set->raw, section->file, key->line, "%s", err.message);
		return 0;
	}
	r = term_parse(key->name, key->value, c->names, &term, &err);
	if (r == 0)
		return add_term(compiled, term);
	if (err.code == 0 && r == -ENOMEM)
		return r;
	near = err.code == 0 ? near_key(key->name) : NULL;
	if (err.code)
		raw_mistake(&c->set->raw, section->file, key->line, "%s", err.message);
	else if (near)
		raw_mistake(&c->set->raw, section->file, key->line,
			    "unknown key '%s' in a rule; did you mean '%s'?", key->name, near);
	else
		raw_mistake(&c->set->raw, section->file, key->line, "unknown key '%s' in a rule",
			    key->name);
	return 0;
}

/* A key that stands in the section before; NULL for none. */
static const struct raw_key *earlier_key(const struct raw_section *section, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (streq(section->keys[i].name, section->keys[index].name))
			return &section->keys[i];
	return NULL;
}

/* Empty values and keys that stand twice; true when the key may be looked at further. */
static bool check_key_form(struct compiler *c, const struct raw_section *section, size_t index,
			   bool repeats)
{
	const struct raw_key *key = &section->keys[index];
	const struct raw_key *earlier = repeats ? NULL : earlier_key(section, index);

	if (!*key->value) {
		raw_mistake(&c->set->raw, section->file, key->line, "'%s' has no value", key->name);
		return false;
	}
	if (earlier) {
		raw_mistake(&c->set->raw, section->file, key->line,
			    "'%s' stands in line %u of this section already", key->name,
			    earlier->line);
		return false;
	}
	return true;
}

static int compile_rule(struct compiler *c, const struct raw_section *section)
{
	struct compiled *compiled = &c->set->rules[c->set->n_rules++];
	struct rule *rule = &compiled->rule;

	*compiled = (struct compiled){
		.rule = {.name = section->name,
			 .file = c->set->raw.files[section->file],
			 .line = section->line,
			 .order = -1,
			 .enabled = true,
			 .mode = RULE_ENFORCE},
	};
	for (size_t i = 0; i < section->n_keys; i++) {
		if (!check_key_form(c, section, i, false))
			continue;
		if (compile_rule_key(c, compiled, section, &section->keys[i]) < 0)
			return -ENOMEM;
	}
	if (rule->ignore && rule->container)
		raw_mistake(&c->set->raw, section->file, section->line,
			    "rule '%s' has both 'container' and 'ignore = yes'", rule->name);
	if (!rule->ignore && !rule->container)
		raw_mistake(&c->set->raw, section->file, section->line,
			    "rule '%s' has neither 'container' nor 'ignore = yes'", rule->name);
	/* Without an order of its own a rule comes after all those before it. */
	if (rule->order < 0)
		rule->order = c->last_order + 1;
	if (rule->order > c->last_order)
		c->last_order = rule->order;
	rule->terms = compiled->terms_text ?: "";
	for (size_t i = 0; i < compiled->n_terms; i++)
		c->set->facts |= term_facts(compiled->terms[i]);
	if (rule->container && template_uses(rule->container, 'p'))
		c->set->facts |= RBCE_FACT_EXE | RBCE_FACT_STAT;
	return 0;
}

static int parse_unsupported(const char *value, enum on_unsupported *ret, struct rbce_error *err)
{
	static const char *const words[] = {
		[UNSUPPORTED_WARN] = "warn",
		[UNSUPPORTED_ERROR] = "error",
		[UNSUPPORTED_IGNORE] = "ignore",
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (streq(words[i], value)) {
			*ret = (enum on_unsupported)i;
			return 0;
		}
	return rbce_error_set(err, -EINVAL, "'%s' is none of warn, error and ignore", value);
}

static int compile_container(struct compiler *c, const struct raw_section *section)
{
	struct container_section *made = &c->set->sections[c->set->n_sections++];
	struct container_key *keys = calloc(section->n_keys + 1, sizeof(*keys));
	const struct rules_options *options = c->options;
	struct rbce_error err;

	*made = (struct container_section){
		.name = section->name,
		.file = c->set->raw.files[section->file],
		.line = section->line,
		.keys = keys,
	};
	if (!keys)
		return -ENOMEM;
	if (template_check(section->name, &err) < 0)
		raw_mistake(&c->set->raw, section->file, section->line, "%s", err.message);
	for (size_t i = 0; i < section->n_keys; i++) {
		const struct raw_key *key = &section->keys[i];
		bool repeats =
			options->key_repeats && options->key_repeats(options->key_data, key->name);
		int r = 0;

		if (!check_key_form(c, section, i, repeats))
			continue;
		if (streq(key->name, "on-unsupported"))
			r = parse_unsupported(key->value, &made->on_unsupported, &err);
		else if (options->check_key)
			r = options->check_key(options->key_data, key->name, key->value, &err);
		if (r < 0)
			raw_mistake(&c->set->raw, section->file, key->line, "%s", err.message);
		else if (!streq(key->name, "on-unsupported"))
			keys[made->n_keys++] = (struct container_key){key->name, key->value,
								      made->file, key->line};
	}
	return 0;
}

static void check_names(struct compiler *c)
{
	struct raw *raw = &c->set->raw;

	for (size_t i = 0; i < raw->n_sections; i++) {
		const struct raw_section *section = &raw->sections[i];

		for (size_t j = 0; j < i; j++) {
			const struct raw_section *earlier = &raw->sections[j];

			if (!streq(earlier->name, section->name) ||
			    !streq(earlier->kind, section->kind))
				continue;
			raw_mistake(raw, section->file, section->line,
				    "%s '%s' stands at %s:%u already", section->kind, section->name,
				    raw->files[earlier->file], earlier->line);
			break;
		}
	}
}

static int compare_order(const void *a, const void *b)
{
	const struct compiled *x = a, *y = b;

	if (x->rule.order != y->rule.order)
		return x->rule.order < y->rule.order ? -1 : 1;
	return x->rule.index < y->rule.index ? -1 : x->rule.index > y->rule.index;
}

static void sort_rules(struct ruleset *set)
{
	for (size_t i = 0; i < set->n_rules; i++)
		set->rules[i].rule.index = i;
	if (set->n_rules)
		qsort(set->rules, set->n_rules, sizeof(*set->rules), compare_order);
	for (size_t i = 0; i < set->n_rules; i++)
		set->rules[i].rule.index = i;
}

int compile(struct ruleset *set, const struct rules_options *options)
{
	struct compiler c = {
		.set = set,
		.options = options,
		.names = options->names ?: &rules_nss,
	};
	struct raw *raw = &set->raw;
	int r;

	set->rules = calloc(raw->n_sections + 1, sizeof(*set->rules));
	set->sections = calloc(raw->n_sections + 1, sizeof(*set->sections));
	if (!set->rules || !set->sections)
		return -ENOMEM;
	r = name_cache_new(c.names, &set->names);
	for (size_t i = 0; r == 0 && i < raw->n_sections; i++) {
		const struct raw_section *section = &raw->sections[i];

		r = streq(section->kind, "rule") ? compile_rule(&c, section)
						 : compile_container(&c, section);
	}
	if (r < 0)
		return r;
	check_names(&c);
	sort_rules(set);
	set->facts |= RBCE_FACT_IDS;
	return 0;
}
