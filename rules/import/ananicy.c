// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rules of ananicy and ananicy-cpp: a JSON object in each line. Types and cgroups are named in
 * lines of their own; rules match the executable's name. Rules with the same effect become one,
 * with a list.
 */
#include <json-c/json.h>
#include <limits.h>

#include "../hash.h"
#include "import.h"
#include "util.h"

/* What a rule sets, as text; "" for what it does not. */
struct effect {
	char nice[16], ioclass[32], ionice[16], sched[32], rtprio[16], oom[16], cgroup[128];
};

/* A type, or a cgroup with its quota, or a rule. */
struct item {
	char *name;
	struct effect effect;
	char *text; /* of a rule: its lines in our language */
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

	if (item)
		return item;
	item = calloc(1, sizeof(*item));
	if (item)
		item->name = strdup(name);
	if (item && item->name) {
		HASH_ADD_KEYPTR(hh, *table, item->name, strlen(item->name), item);
		if (item->hh.tbl)
			return item;
		free(item->name);
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
		free(item->name);
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
		} else if (!streq(key, "name") && !streq(key, "type")) {
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
	struct json_object *quota;
	struct item *item;

	if (!name || template_check(name, NULL) < 0 || template_uses(name, '\0') ||
	    !import_is_value(name) || strlen(name) >= sizeof(((struct effect *)NULL)->cgroup)) {
		import_warn(&a->import, "left out: a cgroup's name that no container can have");
		return;
	}
	item = obtain(a, &a->cgroups, name);
	if (item && json_object_object_get_ex(object, "CPUQuota", &quota) &&
	    json_object_get_int(quota) > 0)
		snprintf(item->effect.nice, sizeof(item->effect.nice), "%d",
			 json_object_get_int(quota));
	json_object_object_foreach (object, key, value) {
		(void)value;
		if (!streq(key, "cgroup") && !streq(key, "CPUQuota"))
			import_warn(&a->import, "left out: " QUOTED " has no counterpart", key);
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

	*ret = strtol(text, &end, 10);
	return *text && *end == '\0' && *ret >= low && *ret <= high;
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
	long priority = 1;

	if (!*e->sched)
		return;
	if (streq(e->sched, "fifo") || streq(e->sched, "rr")) {
		if (*e->rtprio && !is_number(e->rtprio, 1, 99, &priority))
			import_warn(&a->import, "left out: rtprio " QUOTED, e->rtprio);
		fprintf(out, "sched         = %s/%ld\n", e->sched, priority < 1 ? 1 : priority);
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

static void read_rule(struct ananicy *a, struct json_object *object)
{
	const char *name = member(object, "name"), *type = member(object, "type");
	const struct item *base = type ? find(a->types, type) : NULL;
	struct effect effect;
	struct item *item;
	char *text;

	if (!*name || strchr(name, '/') || !import_can_write(name)) {
		import_warn(&a->import, "left out: " QUOTED " cannot be an executable's name",
			    name);
		return;
	}
	if (type && !base)
		import_warn(&a->import, "unknown type " QUOTED, type);
	if (base)
		effect = base->effect;
	else
		memset(&effect, 0, sizeof(effect));
	read_effect(a, object, &effect);
	text = effect_text(a, &effect);
	if (!text || !*text) {
		free(text);
		import_warn(&a->import, "left out: the rule of " QUOTED " sets nothing", name);
		return;
	}
	if (find(a->rules, name))
		import_warn(&a->import, QUOTED " has a rule already: this one takes its place",
			    name);
	item = obtain(a, &a->rules, name);
	if (!item) {
		free(text);
		return;
	}
	free(item->text);
	item->text = text;
}

/* Types and cgroups come first, whatever file they are in. */
enum pass { DEFINITIONS, RULES };

/* The object that is the whole of the line; NULL for none. */
static struct json_object *parse_object(const char *line)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *object = NULL;
	size_t size = strlen(line), end;

	if (!tokener || size > INT_MAX)
		return NULL;
	object = json_tokener_parse_ex(tokener, line, (int)size);
	end = json_tokener_get_parse_end(tokener);
	if (json_tokener_get_error(tokener) != json_tokener_success ||
	    line[end + strspn(line + end, " \t\r")]) {
		json_object_put(object);
		object = NULL;
	}
	json_tokener_free(tokener);
	return object;
}

static void read_line(struct ananicy *a, const char *line, enum pass pass)
{
	struct json_object *object = parse_object(line);

	if (!object || !json_object_is_type(object, json_type_object)) {
		if (pass == DEFINITIONS)
			import_warn(&a->import, "left out: this line is no JSON object");
	} else if (member(object, "name")) {
		if (pass == RULES)
			read_rule(a, object);
	} else if (pass == DEFINITIONS) {
		if (member(object, "type"))
			read_type(a, object);
		else if (member(object, "cgroup"))
			read_cgroup(a, object);
		else
			import_warn(&a->import, "left out: no name, type or cgroup");
	}
	json_object_put(object);
}

static void read_source(struct ananicy *a, const struct import_source *source, enum pass pass)
{
	const char *at = source->text, *end = at + source->size;

	a->import.source = source;
	for (a->import.line = 1; at < end; a->import.line++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at)) ?: end;
		cleanup_free char *line = strndup(at, (size_t)(newline - at));
		const char *start;

		at = newline + 1;
		if (!line) {
			a->import.out_of_memory = true;
			return;
		}
		start = line + strspn(line, " \t\r");
		if (*start && *start != '#')
			read_line(a, start, pass);
	}
}

/* ---- writing ---- */

static int compare_item(const void *a, const void *b)
{
	const struct item *const *x = a, *const *y = b;
	int r = strcmp((*x)->text, (*y)->text);

	return r ? r : strcmp((*x)->name, (*y)->name);
}

/* The names as a list, in lines of a width that people can read. */
static void print_names(FILE *out, struct item *const *items, size_t n)
{
	size_t column = 0;

	fprintf(out, "comm          = ");
	for (size_t i = 0; i < n; i++) {
		if (i)
			fputc(',', out);
		column += strlen(items[i]->name) + 2;
		if (i && column > 80) {
			fprintf(out, "\n                ");
			column = strlen(items[i]->name);
		} else if (i) {
			fputc(' ', out);
		}
		import_pattern(out, items[i]->name, false);
	}
	fputc('\n', out);
}

/* One rule for all that have the same effect, but lines of 64 KiB are the end of a value's line. */
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

		for (run = 1;
		     i + run < n && run < NAMES_MAX && streq(items[i + run]->text, items[i]->text);)
			run++;
		snprintf(name, sizeof(name), run > 1 ? "%.100s-and-others" : "%.100s",
			 items[i]->name);
		import_rule(&a->import, name);
		print_names(a->import.out, items + i, run);
		fputs(items[i]->text, a->import.out);
		/* Its daemon asks nobody whose a program is. */
		fputs("from-systemd  = yes\n", a->import.out);
	}
}

static void print_cgroups(struct ananicy *a)
{
	for (const struct item *item = a->cgroups; item; item = item->hh.next) {
		fprintf(a->import.out, "\n[container %s]\n", item->name);
		if (*item->effect.nice)
			fprintf(a->import.out, "cpu.max = %s%%\n", item->effect.nice);
	}
}

int import_ananicy(const struct import_source *sources, size_t n, char **ret,
		   struct rules_errors *warnings, struct rules_errors *errors)
{
	struct ananicy a = {.types = NULL};
	int r = import_begin(&a.import, "ananicy", sources, n, warnings, errors);

	if (r < 0)
		return r;
	fprintf(a.import.out,
		"# Rules that do the same are one rule with a list of names. A task without a\n"
		"# container here stays where it is.\n");
	for (enum pass pass = DEFINITIONS; pass <= RULES; pass++)
		for (size_t i = 0; i < n; i++)
			read_source(&a, &sources[i], pass);
	print_cgroups(&a);
	print_rules(&a);
	release(&a.types);
	release(&a.cgroups);
	release(&a.rules);
	return import_finish(&a.import, ret);
}
