// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rules of ananicy and ananicy-cpp: a JSON object in each line. Types and cgroups are named in
 * lines of their own; rules match the executable's name, and perhaps words of the command line.
 * Rules with the same effect become one, with a list.
 */
#include <ctype.h>
#include <json-c/json.h>
#include <limits.h>

#include "../hash.h"
#include "import.h"
#include "util.h"

/* What a rule sets, as text; "" for what it does not. */
struct effect {
	char nice[16], ioclass[32], ionice[16], sched[32], rtprio[16], oom[16], cgroup[128];
};

/* A type, or a cgroup, or a rule. */
struct item {
	char *key;            /* the name, and behind a newline the condition on the arguments */
	const char *args;     /* that; NULL for none */
	int quota;            /* of a cgroup, percent of all CPUs; 0 for none */
	struct effect effect; /* of a type */
	char *text;           /* of a rule: its lines in our language */
	UT_hash_handle hh;
};

struct ananicy {
	struct import import;
	struct item *types, *cgroups, *rules;
};

static struct item *find(struct item *table, const char *name)
{
	struct item *item;

	HASH_FIND_STR(table, name, item);
	return item;
}

/* The item of that name, made where it is missing; NULL when memory has run out. */
static struct item *obtain(struct ananicy *a, struct item **table, const char *name)
{
	struct item *item = find(*table, name);

	if (item) {
		import_warn(&a->import, "'%.*s' stands above already: this one takes its place",
			    (int)strcspn(name, "\n"), name);
		return item;
	}
	item = calloc(1, sizeof(*item));
	if (item)
		item->key = strdup(name);
	if (item && item->key) {
		HASH_ADD_KEYPTR(hh, *table, item->key, strlen(item->key), item);
		if (item->hh.tbl)
			return item;
		free(item->key);
	}
	free(item);
	a->import.out_of_memory = true;
	return NULL;
}

static void release(struct item **table)
{
	struct item *item, *next;

	HASH_ITER (hh, *table, item, next) {
		HASH_DEL(*table, item);
		free(item->key);
		free(item->text);
		free(item);
	}
}

/* ---- reading ---- */

/* Keys that give an effect, each into its place. */
static const struct {
	const char *key;
	size_t offset, size;
} places[] = {
#define PLACE(key, field)                                                                          \
	{                                                                                          \
		key, offsetof(struct effect, field), sizeof(((struct effect *)NULL)->field)        \
	}
	PLACE("nice", nice),     PLACE("ioclass", ioclass), PLACE("ionice", ionice),
	PLACE("sched", sched),   PLACE("rtprio", rtprio),   PLACE("oom_score_adj", oom),
	PLACE("cgroup", cgroup),
#undef PLACE
};

/* Takes the values of OBJECT, over those that are there. */
static void read_effect(struct ananicy *a, struct json_object *object, struct effect *effect)
{
	json_object_object_foreach (object, key, value) {
		size_t i = 0;

		while (i < ARRAY_SIZE(places) && !streq(places[i].key, key))
			i++;
		if (i < ARRAY_SIZE(places)) {
			const char *text = value ? json_object_get_string(value) : "";

			if (strlen(text) >= places[i].size || !import_can_write(text))
				import_warn(&a->import, "left out: the value of %s", key);
			else
				snprintf((char *)effect + places[i].offset, places[i].size, "%s",
					 text);
		} else if (!streq(key, "name") && !streq(key, "type") && !streq(key, "cmdlines")) {
			import_warn(&a->import, "left out: " QUOTED " has no counterpart", key);
		}
	}
}

static const char *member(struct json_object *object, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value) ||
	    !json_object_is_type(value, json_type_string))
		return NULL;
	return json_object_get_string(value);
}

/* {"cgroup": "cpu90", "CPUQuota": 90} */
static void read_cgroup(struct ananicy *a, struct json_object *object)
{
	const char *name = member(object, "cgroup");
	struct item *item;

	if (template_check(name, NULL) < 0 || template_uses(name, '\0') || !import_is_value(name) ||
	    strlen(name) >= sizeof(((struct effect *)NULL)->cgroup)) {
		import_warn(&a->import, "left out: " QUOTED " cannot be a container's name", name);
		return;
	}
	item = obtain(a, &a->cgroups, name);
	if (!item)
		return;
	item->quota = 0;
	json_object_object_foreach (object, key, value) {
		if (streq(key, "CPUQuota"))
			item->quota = json_object_get_int(value);
		else if (!streq(key, "cgroup"))
			import_warn(&a->import, "left out: " QUOTED " has no counterpart", key);
	}
	if (item->quota < 1 || item->quota > 100) {
		import_warn(&a->import, "left out: a CPUQuota from 1 to 100 was expected");
		item->quota = 0;
	}
}

static void read_type(struct ananicy *a, struct json_object *object)
{
	struct item *item = obtain(a, &a->types, member(object, "type"));

	if (item) {
		memset(&item->effect, 0, sizeof(item->effect));
		read_effect(a, object, &item->effect);
	}
}

/* ---- effects in our language ---- */

static bool is_number(const char *text, long low, long high, long *ret)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (!*text || *end || number < low || number > high)
		return false;
	*ret = number;
	return true;
}

static void print_ioprio(struct ananicy *a, FILE *out, const struct effect *e)
{
	long level = 4;

	if (!*e->ioclass && !*e->ionice)
		return;
	if (*e->ionice && !is_number(e->ionice, 0, 7, &level))
		import_warn(&a->import, "left out: ionice " QUOTED, e->ionice);
	else if (streq(e->ioclass, "idle"))
		fprintf(out, "ioprio        = idle\n");
	else if (!*e->ioclass || streq(e->ioclass, "best-effort"))
		fprintf(out, "ioprio        = best-effort/%ld\n", level);
	else if (streq(e->ioclass, "realtime"))
		fprintf(out, "ioprio        = realtime/%ld\n", level);
	else
		import_warn(&a->import, "left out: ioclass " QUOTED, e->ioclass);
}

static void print_sched(struct ananicy *a, FILE *out, const struct effect *e)
{
	bool realtime = streq(e->sched, "fifo") || streq(e->sched, "rr");
	long priority = 1;

	if (*e->rtprio && !realtime)
		import_warn(&a->import, "left out: rtprio without the policy fifo or rr");
	if (!*e->sched)
		return;
	if (realtime) {
		if (*e->rtprio && !is_number(e->rtprio, 1, 99, &priority))
			import_warn(&a->import, "left out: rtprio " QUOTED, e->rtprio);
		fprintf(out, "sched         = %s/%ld\n", e->sched, priority);
	} else if (streq(e->sched, "normal") || streq(e->sched, "other")) {
		fprintf(out, "sched         = other\n");
	} else if (streq(e->sched, "batch") || streq(e->sched, "idle")) {
		fprintf(out, "sched         = %s\n", e->sched);
	} else {
		import_warn(&a->import, "left out: scheduling policy " QUOTED, e->sched);
	}
}

static void print_number(struct ananicy *a, FILE *out, const char *key, const char *text, long low,
			 long high)
{
	long number;

	if (!*text)
		return;
	if (is_number(text, low, high, &number))
		fprintf(out, "%-13s = %ld\n", key, number);
	else
		import_warn(&a->import, "left out: %s " QUOTED, key, text);
}

/* A new string, NULL when out of memory. */
static char *effect_text(struct ananicy *a, const struct effect *e)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (*e->cgroup && find(a->cgroups, e->cgroup))
		fprintf(out, "container     = %s\n", e->cgroup);
	else if (*e->cgroup)
		import_warn(&a->import, "left out: unknown cgroup " QUOTED, e->cgroup);
	print_number(a, out, "nice", e->nice, -20, 19);
	print_ioprio(a, out, e);
	print_sched(a, out, e);
	print_number(a, out, "oom_score_adj", e->oom, -1000, 1000);
	return fclose(out) == 0 ? text : NULL;
}

/* ---- rules ---- */

/* WORD as a part of a regular expression in a list: it fits just that. */
static void print_word(FILE *out, const char *word)
{
	for (const char *p = word; *p; p++)
		fprintf(out, isalnum((unsigned char)*p) || *p == '_' || *p & 0x80 ? "%c" : "\\%c",
			*p);
}

/*
 * ["WORD", ...]: each of them is one of the task's arguments. A new string, the condition on them
 * as one expression; NULL with a warning when there can be none.
 */
static char *read_words(struct ananicy *a, struct json_object *words)
{
	cleanup_free char *text = NULL;
	size_t size, n = json_object_is_type(words, json_type_array)
				 ? json_object_array_length(words)
				 : 0;
	bool good = n > 0;
	FILE *out = open_memstream(&text, &size);

	if (!out) {
		a->import.out_of_memory = true;
		return NULL;
	}
	fputs("re:^", out);
	for (size_t i = 0; i < n; i++) {
		struct json_object *word = json_object_array_get_idx(words, i);
		const char *value = json_object_is_type(word, json_type_string)
					    ? json_object_get_string(word)
					    : "";

		good = good && *value && import_can_write(value);
		fputs("(?=(.* )?", out);
		print_word(out, value);
		fputs("( |$))", out);
	}
	if (fclose(out) == 0 && good && size < PATH_MAX)
		return TAKE_PTR(text);
	import_warn(&a->import, "left out: a rule whose cmdlines are no list of words");
	return NULL;
}

/* The key of a rule's item, a new string; NULL with a warning when it can be no rule. */
static char *rule_key(struct ananicy *a, struct json_object *object)
{
	const char *name = member(object, "name");
	struct json_object *words = NULL;
	cleanup_free char *args = NULL;
	char *key;

	if (!*name || strchr(name, '/') || !import_can_write(name) || strlen(name) > PATH_MAX) {
		import_warn(&a->import, "left out: " QUOTED " cannot be an executable's name",
			    name);
		return NULL;
	}
	if (json_object_object_get_ex(object, "cmdlines", &words) && words) {
		args = read_words(a, words);
		if (!args)
			return NULL;
	}
	if (asprintf(&key, "%s%s%s", name, args ? "\n" : "", args ?: "") >= 0)
		return key;
	a->import.out_of_memory = true;
	return NULL;
}

/* What a rule sets, over what its type does. */
static void rule_effect(struct ananicy *a, struct json_object *object, struct effect *ret)
{
	const char *type = member(object, "type");
	const struct item *base = type ? find(a->types, type) : NULL;

	memset(ret, 0, sizeof(*ret));
	if (base)
		*ret = base->effect;
	else if (type)
		import_warn(&a->import, "unknown type " QUOTED, type);
	else if (json_object_object_get_ex(object, "type", NULL))
		import_warn(&a->import, "left out: a type that is no text");
	read_effect(a, object, ret);
}

static void read_rule(struct ananicy *a, struct json_object *object)
{
	cleanup_free char *key = rule_key(a, object), *text = NULL;
	struct effect effect;
	struct item *item;

	if (!key)
		return;
	rule_effect(a, object, &effect);
	text = effect_text(a, &effect);
	if (!text || !*text) {
		import_warn(&a->import, "left out: the rule of " QUOTED " sets nothing",
			    member(object, "name"));
		return;
	}
	item = obtain(a, &a->rules, key);
	if (!item)
		return;
	item->args = strchr(item->key, '\n');
	free(item->text);
	item->text = TAKE_PTR(text);
}

/* Types and cgroups come first, whatever file they are in. */
enum pass { DEFINITIONS, RULES };

/* The object that the line is, NULL for none; and in *BEHIND what stands behind it. */
static struct json_object *parse_object(const char *line, const char **behind)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *object = NULL;
	size_t size = strlen(line);

	if (!tokener || size > INT_MAX)
		return NULL;
	object = json_tokener_parse_ex(tokener, line, (int)size);
	*behind = line + json_tokener_get_parse_end(tokener);
	*behind += strspn(*behind, " \t");
	if (json_tokener_get_error(tokener) != json_tokener_success) {
		json_object_put(object);
		object = NULL;
	}
	json_tokener_free(tokener);
	return object;
}

/* {"type": ...} or {"cgroup": ...} */
static void read_definition(struct ananicy *a, struct json_object *object)
{
	if (json_object_object_get_ex(object, "name", NULL))
		import_warn(&a->import, "left out: a name that is no text");
	else if (member(object, "type"))
		read_type(a, object);
	else if (member(object, "cgroup"))
		read_cgroup(a, object);
	else
		import_warn(&a->import, "left out: no name, type or cgroup");
}

static void read_line(struct ananicy *a, const char *line, enum pass pass)
{
	const char *behind = "";
	struct json_object *object = parse_object(line, &behind);
	bool good = json_object_is_type(object, json_type_object);
	bool is_rule = good && member(object, "name");

	if (pass == RULES && is_rule)
		read_rule(a, object);
	else if (pass == DEFINITIONS && !good)
		import_warn(&a->import, "left out: this line is no JSON object");
	else if (pass == DEFINITIONS && !is_rule)
		read_definition(a, object);
	/* ananicy-cpp does not look there either. */
	if (pass == DEFINITIONS && good && *behind && *behind != '#')
		import_warn(&a->import, "left out: " QUOTED " behind the object", behind);
	json_object_put(object);
}

static void read_source(struct ananicy *a, const struct import_source *source, enum pass pass)
{
	const char *at = source->text;
	char *line;

	a->import.source = source;
	a->import.line = 0;
	while (import_line(&a->import, &at, &line)) {
		if (line && *line && *line != '#')
			read_line(a, line, pass);
		free(line);
	}
}

/* ---- writing ---- */

/* Rules that look at the arguments come first: the others match more. */
static int compare_item(const void *a, const void *b)
{
	const struct item *const *x = a, *const *y = b;
	int r = (*x)->args || (*y)->args ? !(*x)->args - !(*y)->args
					 : strcmp((*x)->text, (*y)->text);

	return r ? r : strcmp((*x)->key, (*y)->key);
}

static size_t name_size(const struct item *item)
{
	return strcspn(item->key, "\n");
}

/* The names as a list, in lines of a width that people can read. */
static void print_names(FILE *out, struct item *const *items, size_t n)
{
	size_t column = 0;

	fprintf(out, "comm          = ");
	for (size_t i = 0; i < n; i++) {
		cleanup_free char *name = strndup(items[i]->key, name_size(items[i]));

		if (i)
			fputc(',', out);
		column += name_size(items[i]) + 2;
		if (i && column > 80) {
			fprintf(out, "\n                ");
			column = name_size(items[i]);
		} else if (i) {
			fputc(' ', out);
		}
		import_pattern(out, name ?: "", false);
	}
	fputc('\n', out);
}

/* One rule for all that have the same effect, up to a list that can still be read. */
enum { NAMES_MAX = 1000 };

static void print_rules(struct ananicy *a)
{
	size_t n = HASH_COUNT(a->rules), taken = 0;
	cleanup_free struct item **items = calloc(n + 1, sizeof(*items));

	if (!items) {
		a->import.out_of_memory = true;
		return;
	}
	for (struct item *item = a->rules; item; item = item->hh.next)
		items[taken++] = item;
	if (n)
		qsort(items, n, sizeof(*items), compare_item);
	for (size_t i = 0, run; i < n; i += run) {
		char name[128];

		for (run = 1; !items[i]->args && i + run < n && run < NAMES_MAX &&
			      streq(items[i + run]->text, items[i]->text);)
			run++;
		snprintf(name, sizeof(name), "%.*s%s",
			 (int)(name_size(items[i]) < 100 ? name_size(items[i]) : 100),
			 items[i]->key, run > 1 ? "-and-others" : "");
		import_rule(&a->import, name);
		print_names(a->import.out, items + i, run);
		if (items[i]->args)
			fprintf(a->import.out, "args          = %s\n", items[i]->args + 1);
		fputs(items[i]->text, a->import.out);
		/* Its daemon asks nobody whose a program is. */
		fputs("from-systemd  = yes\n", a->import.out);
	}
}

/* There the quota is a share of all CPUs, and of their time when they are short. */
static void print_cgroups(struct ananicy *a)
{
	a->import.line = 0;
	if (a->cgroups)
		fprintf(a->import.out, "\n# Of all CPUs of a host with %u.",
			a->import.options->cpus);
	for (const struct item *item = a->cgroups; item; item = item->hh.next) {
		char value[32];

		fprintf(a->import.out, "\n[container %s]\n", item->key);
		if (!item->quota)
			continue;
		snprintf(value, sizeof(value), "%d", item->quota);
		import_key(&a->import, "cpu.weight", value);
		snprintf(value, sizeof(value), "%u%%",
			 (unsigned)item->quota * a->import.options->cpus);
		import_key(&a->import, "cpu.max", value);
	}
}

int import_ananicy(const struct import_source *sources, size_t n,
		   const struct import_options *options, char **ret, struct rules_errors *warnings,
		   struct rules_errors *errors)
{
	struct ananicy a = {.types = NULL};
	int r = import_begin(&a.import, "ananicy", sources, n, options, warnings, errors);

	if (r < 0)
		return r;
	fprintf(a.import.out,
		"# Rules that do the same are one rule with a list of names. A task without a\n"
		"# container here stays where it is.\n");
	for (enum pass pass = DEFINITIONS; pass <= RULES && !errors->n; pass++)
		for (size_t i = 0; i < n; i++)
			read_source(&a, &sources[i], pass);
	print_cgroups(&a);
	print_rules(&a);
	release(&a.types);
	release(&a.cgroups);
	release(&a.rules);
	return import_finish(&a.import, ret);
}
