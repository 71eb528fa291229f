// SPDX-License-Identifier: GPL-2.0-or-later
/* From sections and keys as read to rules and containers: meaning, checks, order. */
#include <errno.h>
#include <rbce/units.h>

#include "hash.h"
#include "internal.h"
#include "nearest.h"
#include "util.h"

/* What the parsing of one set carries along. */
struct parser {
	struct ruleset *set;
	const struct rules_options *options;
	long highest_order;                /* of the rules so far */
	struct container_section defaults; /* [defaults] */
};

/* ---- the keys of a rule ---- */

static const struct rules_key depend_key = {
	.name = "depend",
	.values = "RULES",
	.help = "All terms of that rule hold too, on or off; with '!', they do not all hold.",
	.example = "interactive, !batch",
	.is_term = true,
};

bool rules_key_at(size_t index, struct rules_key *ret)
{
	const struct attribute *attribute;

	if (index < SETTINGS) {
		const struct setting *setting = &settings[index];

		*ret = (struct rules_key){setting->name, setting->values, setting->help,
					  setting->example, false};
		return true;
	}
	index -= SETTINGS;
	if (index == ATTRIBUTES)
		*ret = depend_key;
	if (index >= ATTRIBUTES)
		return index == ATTRIBUTES;
	attribute = &attributes[index];
	*ret = (struct rules_key){attribute->name, attribute->values, attribute->help,
				  attribute->example, true};
	return true;
}

/* NULL behind the last. */
static const char *rule_key(size_t index)
{
	struct rules_key key;

	return rules_key_at(index, &key) ? key.name : NULL;
}

enum { RULE_KEYS_MAX = SETTINGS + ATTRIBUTES + 1 };

/* The place of a key in that list, -1 for an unknown one. */
static int rule_key_index(const char *name)
{
	const char *key;

	for (size_t i = 0; (key = rule_key(i)); i++)
		if (streq(key, name))
			return (int)i;
	return -1;
}

/*
 * A key of a container is told by its dot: which there are is the caller's matter. A few have none.
 */
bool parse_knows_key(enum section_kind kind, const char *name, size_t size)
{
	cleanup_free char *key = strndup(name, size);

	if (!key)
		return false;
	switch (kind) {
	case SECTION_RULE:
		return rule_key_index(key) >= 0;
	case SECTION_ENFORCE:
		return streq(key, "rules");
	case SECTION_CONTAINER:
	case SECTION_DEFAULTS:
		break;
	}
	return streq(key, "on-unsupported") || streq(key, "jobs") || streq(key, "device") ||
	       streq(key, "freeze") || streq(key, "penalty") ||
	       (strchr(key, '.') &&
		key[strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789._-")] == '\0');
}

/* ---- unknown keys ---- */

static void note_unknown_key(struct parser *p, struct raw_section *section,
			     const struct raw_key *key)
{
	const char *near = word_nearest(key->name, rule_key);

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

/* Adds "KEY = VALUE" to what people see of the terms. */
static int add_text(struct compiled *compiled, const char *text)
{
	char *joined;

	if (asprintf(&joined, "%s%s%s", compiled->terms_text ?: "",
		     compiled->terms_text ? "; " : "", text) < 0)
		return -ENOMEM;
	free(compiled->terms_text);
	compiled->terms_text = joined;
	return 0;
}

static int add_term(struct compiled *compiled, struct term *term)
{
	struct term **more = reallocarray(compiled->terms, compiled->n_terms + 1, sizeof(*more));

	if (!more) {
		term_free(term);
		return -ENOMEM;
	}
	compiled->terms = more;
	more[compiled->n_terms++] = term;
	return add_text(compiled, term->text);
}

static int add_depend(void *data, const char *name, bool except, struct rbce_error *err)
{
	struct compiled *compiled = data;
	struct depend *more =
		reallocarray(compiled->depends, compiled->n_depends + 1, sizeof(*more));

	(void)err;
	if (!more)
		return -ENOMEM;
	compiled->depends = more;
	more += compiled->n_depends++;
	*more = (struct depend){.name = strdup(name), .except = except};
	return more->name ? 0 : -ENOMEM;
}

static int parse_depend(struct compiled *compiled, const struct raw_key *key,
			const struct list_notes *notes)
{
	cleanup_free char *text = NULL;
	int r = list_each(key->value, add_depend, compiled, notes);

	for (size_t i = 0; i < compiled->n_depends; i++)
		compiled->depends[i].line = key->line;
	if (r == 0 && asprintf(&text, "%s = %s", key->name, key->value) < 0) {
		text = NULL;
		r = -ENOMEM;
	}
	return r == 0 ? add_text(compiled, text) : r;
}

/* The line that is read, for what is wrong with it. */
struct place_in_rule {
	struct raw *raw;
	struct raw_section *section;
	unsigned line;
};

static void note_element(void *data, const char *message)
{
	const struct place_in_rule *place = data;

	raw_fault(place->raw, place->section, place->line, "%s", message);
}

/* A key of a rule, whose place in the list of keys is INDEX. -ENOMEM is the only failure. */
static int parse_rule_key(struct parser *p, struct compiled *compiled, struct raw_section *section,
			  const struct raw_key *key, size_t index)
{
	struct place_in_rule place = {&p->set->raw, section, key->line};
	const struct list_notes notes = {note_element, &place};
	struct rbce_error err = {0};
	struct term *term = NULL;
	int r;

	if (index < SETTINGS) {
		r = settings[index].parse(&compiled->rule, key->value, &err);
		if (r < 0)
			note_element(&place, err.message);
		return 0;
	}
	r = index < SETTINGS + ATTRIBUTES ? term_parse(&attributes[index - SETTINGS], key->value,
						       p->set->names, &term, &notes)
					  : parse_depend(compiled, key, &notes);
	if (r == -ENOMEM)
		return r;
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

/* Something is to be done with the task. A rule with a bad line may lack it for that reason. */
static void check_action(struct parser *p, struct raw_section *section, const struct rule *rule)
{
	const struct rule_actions *a = &rule->actions;
	bool acts = rule->container || a->has_nice || a->has_ioprio || a->has_sched ||
		    a->has_oom_score_adj;

	if (rule->ignore && acts)
		raw_fault(&p->set->raw, section, section->line,
			  "rule " QUOTED " has 'ignore = yes' and an action besides", rule->name);
	if (!rule->ignore && !acts && rule->enabled && !section->faulty)
		raw_fault(&p->set->raw, section, section->line,
			  "rule " QUOTED " has no action: 'container', 'ignore = yes', 'nice', "
			  "'ioprio', 'sched' or 'oom_score_adj'",
			  rule->name);
}

/* "%j" is the value of a variable that the rule itself asks for. */
static void check_job(struct parser *p, struct raw_section *section,
		      const struct compiled *compiled)
{
	const struct rbce_task none = {0};
	char job[2];

	if (compiled->rule.container && template_uses(compiled->rule.container, 'j') &&
	    !environment_job(compiled, &none, job, sizeof(job)) && !section->faulty)
		raw_fault(&p->set->raw, section, section->line,
			  "rule " QUOTED " names its container by '%%j' and has no term 'env = "
			  "NAME'",
			  compiled->rule.name);
}

static int parse_rule(struct parser *p, struct raw_section *section)
{
	struct compiled *compiled = &p->set->rules[p->set->n_rules++];
	struct rule *rule = &compiled->rule;

	compiled->section = section;
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
	check_job(p, section, compiled);
	/* Without an order of its own a rule comes after all those before it. */
	if (rule->order < 0)
		rule->order = p->highest_order + 1;
	if (rule->order > p->highest_order)
		p->highest_order = rule->order;
	rule->terms = compiled->terms_text ?: "";
	/* The rest of what was read has served; it is most of the memory of a large set. */
	compiled->container = raw_drop_keys(section, rule->container);
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
	container->says_unsupported = true;
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

static int parse_jobs(struct parser *p, struct container_section *container,
		      struct raw_section *section, const struct raw_key *key)
{
	struct place_in_rule place = {&p->set->raw, section, key->line};
	const struct list_notes notes = {note_element, &place};
	int r;

	if (section->kind == SECTION_DEFAULTS) {
		note_element(&place, "'jobs' belongs in a [container NAME]");
		return 0;
	}
	r = term_parse(attribute_find("user"), key->value, p->set->names, &container->jobs, &notes);
	return r == -ENOMEM ? r : 0;
}

/*
 * The keys that are no controller's. 1 when KEY is none of them, -ENOMEM. LINES has where they
 * stood before.
 */
enum { OWN_KEYS = 2 };
static int parse_own_key(struct parser *p, struct container_section *container,
			 struct raw_section *section, const struct raw_key *key, unsigned *lines)
{
	bool jobs = streq(key->name, "jobs");
	struct rbce_error err = {0};

	if (!jobs && !streq(key->name, "on-unsupported"))
		return 1;
	if (!check_key(p, section, key, lines[jobs]))
		return 0;
	lines[jobs] = key->line;
	if (jobs)
		return parse_jobs(p, container, section, key);
	if (parse_unsupported(container, key->value, &err) < 0)
		raw_fault(&p->set->raw, section, key->line, "%s", err.message);
	return 0;
}

static int parse_section(struct parser *p, struct raw_section *section)
{
	bool defaults = section->kind == SECTION_DEFAULTS;
	struct container_section *container =
		defaults ? &p->defaults : &p->set->sections[p->set->n_sections++];
	struct container_key *keys = calloc(section->n_keys + 1, sizeof(*keys));
	unsigned lines[OWN_KEYS] = {0};
	struct rbce_error err = {0};
	int r = 0;

	if (defaults)
		free((void *)container->keys);

	*container = (struct container_section){
		.name = section->name,
		.file = p->set->raw.files[section->file],
		.line = section->line,
		.keys = keys,
	};
	if (!keys)
		return -ENOMEM;
	if (!defaults && template_check(section->name, &err) < 0)
		raw_fault(&p->set->raw, section, section->line, "%s", err.message);
	for (size_t i = 0; i < section->n_keys && r >= 0; i++) {
		r = parse_own_key(p, container, section, &section->keys[i], lines);
		if (r == 1)
			parse_container_key(p, section, container, keys, &section->keys[i]);
	}
	return r < 0 ? r : 0;
}

/* Gives a container the keys of [defaults] that it does not have. */
static int add_defaults(const struct container_section *defaults,
			struct container_section *container)
{
	size_t own = container->n_keys;
	struct container_key *keys =
		reallocarray((void *)container->keys, own + defaults->n_keys + 1, sizeof(*keys));

	if (!keys)
		return -ENOMEM;
	container->keys = keys;
	if (!container->says_unsupported)
		container->on_unsupported = defaults->on_unsupported;
	for (size_t i = 0; i < defaults->n_keys; i++) {
		size_t k = 0;

		while (k < own && !streq(keys[k].key, defaults->keys[i].key))
			k++;
		if (k == own)
			keys[container->n_keys++] = defaults->keys[i];
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
	struct known *tables[] = {
		[SECTION_RULE] = NULL,
		[SECTION_CONTAINER] = NULL,
		[SECTION_DEFAULTS] = NULL,
		[SECTION_ENFORCE] = NULL,
	};
	static const char *const kinds[] = {
		[SECTION_RULE] = "rule",
		[SECTION_CONTAINER] = "container",
		[SECTION_DEFAULTS] = "section",
		[SECTION_ENFORCE] = "section",
	};
	int r = all ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < raw->n_sections; i++) {
		struct raw_section *section = &raw->sections[i];
		struct known **table = &tables[section->kind], *earlier;

		HASH_FIND_STR(*table, section->name, earlier);
		if (earlier) {
			raw_fault(raw, section, section->line,
				  "%s " QUOTED " stands at %s:%u already", kinds[section->kind],
				  *section->name                     ? section->name
				  : section->kind == SECTION_ENFORCE ? "enforce"
								     : "defaults",
				  raw->files[earlier->section->file], earlier->section->line);
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

static int parse_sections(struct parser *p)
{
	struct raw *raw = &p->set->raw;
	int r = 0;

	for (size_t i = 0; r == 0 && i < raw->n_sections; i++) {
		struct raw_section *section = &raw->sections[i];

		switch (section->kind) {
		case SECTION_RULE:
			r = parse_rule(p, section);
			break;
		case SECTION_CONTAINER:
		case SECTION_DEFAULTS:
			r = parse_section(p, section);
			break;
		case SECTION_ENFORCE:
			break;
		}
	}
	for (size_t i = 0; r == 0 && i < p->set->n_sections; i++)
		r = add_defaults(&p->defaults, &p->set->sections[i]);
	free((void *)p->defaults.keys);
	return r;
}

int parse_raw(struct ruleset *set, const struct rules_options *options)
{
	struct parser p = {.set = set, .options = options};
	struct raw *raw = &set->raw;
	int r;

	set->rules = calloc(raw->n_sections + 1, sizeof(*set->rules));
	set->sections = calloc(raw->n_sections + 1, sizeof(*set->sections));
	set->names = name_cache_new(options->names ?: &rules_nss);
	if (!set->rules || !set->sections || !set->names)
		return -ENOMEM;
	r = parse_sections(&p);
	if (r == 0)
		r = check_names(raw);
	sort_rules(set);
	if (r == 0)
		r = depends_resolve(set);
	if (r == 0)
		r = enforce_apply(set);
	return r == 0 ? environment_note(set) : r;
}
