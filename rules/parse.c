// SPDX-License-Identifier: GPL-2.0-or-later
/* From sections and keys as read to rules and containers: meaning, checks, order. */
#include <errno.h>
#include <rbce/units.h>

#include "hash.h"
#include "internal.h"
#include "util.h"

/* What the parsing of one set carries along. */
struct parser {
	struct ruleset *set;
	const struct rules_options *options;
	long highest_order; /* of the rules so far */
};

/* ---- keys of a rule: settings by this table, terms by that of terms.c ---- */

struct setting {
	const char *name;
	/* The value is the rule's to point to. */
	int (*parse)(struct rule *rule, const char *value, struct rbce_error *err);
};

/* The place of VALUE among WORDS. */
static int parse_word(const char *value, const char *const *words, size_t n, struct rbce_error *err)
{
	char list[128] = "";

	for (size_t i = 0, end = 0; i < n; i++) {
		if (streq(words[i], value))
			return (int)i;
		end += (size_t)snprintf(list + end, sizeof(list) - end, "%s%s", i ? ", " : "",
					words[i]);
	}
	return rbce_error_set(err, -EINVAL, QUOTED " is not one of: %s", value, list);
}

static int parse_order(struct rule *rule, const char *value, struct rbce_error *err)
{
	uint64_t order;

	if (rbce_parse_number(value, 0, INT32_MAX, &order) < 0)
		return rbce_error_set(err, -EINVAL, QUOTED " is not a number from 0 to %d", value,
				      INT32_MAX);
	rule->order = (long)order;
	return 0;
}

static int parse_state(struct rule *rule, const char *value, struct rbce_error *err)
{
	static const char *const words[] = {"off", "on"};
	int word = parse_word(value, words, ARRAY_SIZE(words), err);

	if (word < 0)
		return word;
	rule->enabled = word;
	return 0;
}

static int parse_mode(struct rule *rule, const char *value, struct rbce_error *err)
{
	static const char *const words[] = {
		[RULE_ENFORCE] = "enforce",
		[RULE_OBSERVE] = "observe",
	};
	int word = parse_word(value, words, ARRAY_SIZE(words), err);

	if (word < 0)
		return word;
	rule->mode = (enum rule_mode)word;
	return 0;
}

static int parse_ignore(struct rule *rule, const char *value, struct rbce_error *err)
{
	static const char *const words[] = {"no", "yes"};
	int word = parse_word(value, words, ARRAY_SIZE(words), err);

	if (word < 0)
		return word;
	rule->ignore = word;
	return 0;
}

static int parse_container(struct rule *rule, const char *value, struct rbce_error *err)
{
	int r = template_check(value, err);

	if (r == 0)
		rule->container = value;
	return r;
}

static const struct setting settings[] = {
	{"order", parse_order},   {"state", parse_state},         {"mode", parse_mode},
	{"ignore", parse_ignore}, {"container", parse_container},
};

/* All keys of a rule: the settings, then the terms; NULL behind the last. */
static const char *rule_key(size_t index)
{
	const struct attribute *attribute;

	if (index < ARRAY_SIZE(settings))
		return settings[index].name;
	attribute = attribute_at(index - ARRAY_SIZE(settings));
	return attribute ? attribute_name(attribute) : NULL;
}

enum { RULE_KEYS_MAX = 64 };

/* The place of a key in that list, -1 for an unknown one. */
static int rule_key_index(const char *name)
{
	const char *key;

	for (size_t i = 0; i < RULE_KEYS_MAX && (key = rule_key(i)); i++)
		if (streq(key, name))
			return (int)i;
	return -1;
}

/* A key of a container is told by its dot: which there are is the caller's matter. */
bool parse_knows_key(enum section_kind kind, const char *name, size_t size)
{
	cleanup_free char *key = strndup(name, size);

	if (!key)
		return false;
	switch (kind) {
	case SECTION_RULE:
		return rule_key_index(key) >= 0;
	case SECTION_CONTAINER:
		break;
	}
	return streq(key, "on-unsupported") ||
	       (strchr(key, '.') &&
		key[strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789._-")] == '\0');
}

/* ---- unknown keys ---- */

enum { WORD_SIZE = 32, TOO_FAR = 3 };

/* How many single-letter changes make one word of the other; TOO_FAR for long words. */
static unsigned word_distance(const char *a, const char *b)
{
	unsigned row[WORD_SIZE], n = (unsigned)strlen(b);

	if (strlen(a) >= WORD_SIZE || n >= WORD_SIZE)
		return TOO_FAR;
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
static const char *near_key(const char *name)
{
	const char *nearest = NULL, *key;
	unsigned least = TOO_FAR;

	for (size_t i = 0; (key = rule_key(i)); i++) {
		unsigned distance = word_distance(name, key);

		if (distance < least && distance < strlen(key)) {
			least = distance;
			nearest = key;
		}
	}
	return nearest;
}

static void note_unknown_key(struct parser *p, struct raw_section *section,
			     const struct raw_key *key)
{
	const char *near = near_key(key->name);

	if (near)
		raw_fault(&p->set->raw, section, key->line,
			  "unknown key " QUOTED " in a rule; did you mean '%s'?", key->name, near);
	else if (parse_knows_key(SECTION_CONTAINER, key->name, strlen(key->name)))
		raw_fault(&p->set->raw, section, key->line,
			  "unknown key " QUOTED " in a rule; it may belong in a [container NAME]",
			  key->name);
	else
		raw_fault(&p->set->raw, section, key->line, "unknown key " QUOTED " in a rule",
			  key->name);
}

/* Notes an empty value, or a key that stands in line EARLIER (0 for none) already. */
static bool check_key(struct parser *p, struct raw_section *section, const struct raw_key *key,
		      unsigned earlier)
{
	if (earlier)
		raw_fault(&p->set->raw, section, key->line,
			  QUOTED " stands in line %u of this section already", key->name, earlier);
	else if (!key->size)
		raw_fault(&p->set->raw, section, key->line, QUOTED " has no value", key->name);
	return !earlier && key->size;
}

/* ---- rules ---- */

static int add_term(struct compiled *compiled, struct term *term)
{
	struct term **more = reallocarray(compiled->terms, compiled->n_terms + 1, sizeof(*more));
	char *text;

	if (!more) {
		term_free(term);
		return -ENOMEM;
	}
	compiled->terms = more;
	more[compiled->n_terms++] = term;
	if (asprintf(&text, "%s%s%s", compiled->terms_text ?: "", compiled->terms_text ? "; " : "",
		     term_text(term)) < 0)
		return -ENOMEM;
	free(compiled->terms_text);
	compiled->terms_text = text;
	return 0;
}

/* A key of a rule, whose place in the list of keys is INDEX. */
static int parse_rule_key(struct parser *p, struct compiled *compiled, struct raw_section *section,
			  const struct raw_key *key, size_t index)
{
	struct rbce_error err = {0};
	struct term *term = NULL;
	int r;

	if (index < ARRAY_SIZE(settings))
		r = settings[index].parse(&compiled->rule, key->value, &err);
	else
		r = term_parse(attribute_find(key->name), key->value, p->set->names, &term, &err);
	if (r < 0 && err.code == 0)
		return r;
	if (r < 0)
		raw_fault(&p->set->raw, section, key->line, "%s", err.message);
	return term ? add_term(compiled, term) : 0;
}

static int parse_rule_keys(struct parser *p, struct compiled *compiled, struct raw_section *section)
{
	unsigned lines[RULE_KEYS_MAX] = {0};

	for (size_t i = 0; i < section->n_keys; i++) {
		const struct raw_key *key = &section->keys[i];
		int index = rule_key_index(key->name);

		if (index < 0) {
			note_unknown_key(p, section, key);
			continue;
		}
		if (!check_key(p, section, key, lines[index]))
			continue;
		lines[index] = key->line;
		if (parse_rule_key(p, compiled, section, key, (size_t)index) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* One action, no more. A rule with a bad line may lack it for that reason. */
static void check_action(struct parser *p, struct raw_section *section, const struct rule *rule)
{
	if (rule->ignore && rule->container)
		raw_fault(&p->set->raw, section, section->line,
			  "rule " QUOTED " has both 'container' and 'ignore = yes'", rule->name);
	if (!rule->ignore && !rule->container && !section->faulty)
		raw_fault(&p->set->raw, section, section->line,
			  "rule " QUOTED " has neither 'container' nor 'ignore = yes'", rule->name);
}

static int parse_rule(struct parser *p, struct raw_section *section)
{
	struct compiled *compiled = &p->set->rules[p->set->n_rules++];
	struct rule *rule = &compiled->rule;

	*rule = (struct rule){
		.name = section->name,
		.file = p->set->raw.files[section->file],
		.line = section->line,
		.order = -1,
		.enabled = true,
		.mode = RULE_ENFORCE,
	};
	if (parse_rule_keys(p, compiled, section) < 0)
		return -ENOMEM;
	check_action(p, section, rule);
	/* Without an order of its own a rule comes after all those before it. */
	if (rule->order < 0)
		rule->order = p->highest_order + 1;
	if (rule->order > p->highest_order)
		p->highest_order = rule->order;
	rule->terms = compiled->terms_text ?: "";
	for (size_t i = 0; rule->enabled && i < compiled->n_terms; i++)
		p->set->facts |= term_facts(compiled->terms[i]);
	if (rule->enabled && rule->container)
		p->set->facts |= template_facts(rule->container);
	return 0;
}

/* ---- containers ---- */

static int parse_unsupported(struct container_section *container, const char *value,
			     struct rbce_error *err)
{
	static const char *const words[] = {
		[UNSUPPORTED_WARN] = "warn",
		[UNSUPPORTED_ERROR] = "error",
		[UNSUPPORTED_IGNORE] = "ignore",
	};
	int word = parse_word(value, words, ARRAY_SIZE(words), err);

	if (word < 0)
		return word;
	container->on_unsupported = (enum on_unsupported)word;
	return 0;
}

/* The line of a key that was taken already, 0 for none. */
static unsigned earlier_line(const struct container_section *container, const char *key)
{
	for (size_t i = 0; i < container->n_keys; i++)
		if (streq(container->keys[i].key, key))
			return container->keys[i].line;
	return 0;
}

/* One controller key, into KEYS, where there is room. */
static void parse_container_key(struct parser *p, struct raw_section *section,
				struct container_section *container, struct container_key *keys,
				const struct raw_key *key)
{
	const struct rules_options *options = p->options;
	bool repeats = options->key_repeats && options->key_repeats(options->key_data, key->name);
	struct rbce_error err = {0};

	if (!check_key(p, section, key, repeats ? 0 : earlier_line(container, key->name)))
		return;
	if (!options->check_key ||
	    options->check_key(options->key_data, key->name, key->value, &err) >= 0)
		keys[container->n_keys++] =
			(struct container_key){key->name, key->value, container->file, key->line};
	else if (rule_key_index(key->name) >= 0)
		raw_fault(&p->set->raw, section, key->line,
			  QUOTED " belongs in a [rule NAME], not in a container", key->name);
	else
		raw_fault(&p->set->raw, section, key->line, "%s", err.message);
}

static int parse_section(struct parser *p, struct raw_section *section)
{
	struct container_section *container = &p->set->sections[p->set->n_sections++];
	struct container_key *keys = calloc(section->n_keys + 1, sizeof(*keys));
	unsigned unsupported_line = 0;
	struct rbce_error err = {0};

	*container = (struct container_section){
		.name = section->name,
		.file = p->set->raw.files[section->file],
		.line = section->line,
		.keys = keys,
	};
	if (!keys)
		return -ENOMEM;
	if (template_check(section->name, &err) < 0)
		raw_fault(&p->set->raw, section, section->line, "%s", err.message);
	for (size_t i = 0; i < section->n_keys; i++) {
		const struct raw_key *key = &section->keys[i];

		if (!streq(key->name, "on-unsupported")) {
			parse_container_key(p, section, container, keys, key);
			continue;
		}
		if (!check_key(p, section, key, unsupported_line))
			continue;
		unsupported_line = key->line;
		if (parse_unsupported(container, key->value, &err) < 0)
			raw_fault(&p->set->raw, section, key->line, "%s", err.message);
	}
	return 0;
}

/* ---- the whole ---- */

struct known {
	const struct raw_section *section;
	UT_hash_handle hh;
};

/* Notes sections that stand twice. */
static int check_names(struct raw *raw)
{
	cleanup_free struct known *all = calloc(raw->n_sections + 1, sizeof(*all));
	struct known *tables[] = {[SECTION_RULE] = NULL, [SECTION_CONTAINER] = NULL};
	static const char *const kinds[] = {
		[SECTION_RULE] = "rule",
		[SECTION_CONTAINER] = "container",
	};
	int r = all ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < raw->n_sections; i++) {
		struct raw_section *section = &raw->sections[i];
		struct known **table = &tables[section->kind], *earlier;

		HASH_FIND_STR(*table, section->name, earlier);
		if (earlier) {
			raw_fault(raw, section, section->line,
				  "%s " QUOTED " stands at %s:%u already", kinds[section->kind],
				  section->name, raw->files[earlier->section->file],
				  earlier->section->line);
			continue;
		}
		all[i].section = section;
		HASH_ADD_KEYPTR(hh, *table, section->name, strlen(section->name), &all[i]);
		if (!all[i].hh.tbl)
			r = -ENOMEM;
	}
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		HASH_CLEAR(hh, tables[i]);
	return r;
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

int parse_raw(struct ruleset *set, const struct rules_options *options)
{
	struct parser p = {.set = set, .options = options};
	struct raw *raw = &set->raw;
	int r = 0;

	set->rules = calloc(raw->n_sections + 1, sizeof(*set->rules));
	set->sections = calloc(raw->n_sections + 1, sizeof(*set->sections));
	set->names = name_cache_new(options->names ?: &rules_nss);
	if (!set->rules || !set->sections || !set->names)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < raw->n_sections; i++) {
		struct raw_section *section = &raw->sections[i];

		switch (section->kind) {
		case SECTION_RULE:
			r = parse_rule(&p, section);
			break;
		case SECTION_CONTAINER:
			r = parse_section(&p, section);
			break;
		}
	}
	if (r == 0)
		r = check_names(raw);
	sort_rules(set);
	return r;
}
