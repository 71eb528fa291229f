/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the rule library share. Internal.
 *
 * A text passes through them in this order:
 *   load.c      which files, and what becomes of the mistakes
 *   reader.c    lines to sections and keys (struct raw, kept by raw.c)
 *   parse.c     sections and keys to rules and containers, by tables of keys
 *   terms.c     one table row per condition; over ids.c (sets of numbers) and glob.c (patterns)
 *   ruleset.c   the finished set, which only answers
 * Beside them template.c makes containers' names and names.c knows users and groups.
 */
#ifndef RULES_INTERNAL_H
#define RULES_INTERNAL_H

#include "rules.h"

/* A piece of a rule file in a message: quoted, and short enough to leave the reason visible. */
#define QUOTED "'%.200s'"

/* ---- raw.c: what was read, before it means anything ---- */

/* One mistake; FILE is the file's place in reading order, so that the list can be sorted. */
struct mistake {
	size_t file;
	unsigned line;
	size_t number; /* the how manieth it was */
	char *text;    /* "file:line: message" */
};

struct mistakes {
	struct mistake *list;
	size_t n, room;
	bool out_of_memory;
};

/* A key as read: its value with all its continuation lines. */
struct raw_key {
	char *name;
	char *value;
	size_t size; /* of the value */
	unsigned line;
};

enum section_kind { SECTION_RULE, SECTION_CONTAINER };

struct raw_section {
	enum section_kind kind;
	char *name;
	size_t file;
	unsigned line;
	struct raw_key *keys;
	size_t n_keys, room;
	bool faulty; /* a line of it is wrong, so what seems to be missing need not be */
};

struct raw {
	char **files; /* names, in reading order */
	size_t n_files;
	struct raw_section *sections;
	size_t n_sections, room;
	struct mistakes mistakes;
};

void raw_done(struct raw *raw);

/* Notes a mistake in FILE (an index of raw->files). LINE 0 is the file as a whole. */
__attribute__((format(printf, 4, 5))) void raw_mistake(struct raw *raw, size_t file, unsigned line,
						       const char *format, ...);

/* The same in a line of SECTION, which is faulty then. */
#define raw_fault(raw, section, line, ...)                                                         \
	((section)->faulty = true, raw_mistake(raw, (section)->file, line, __VA_ARGS__))

/* These return 0 or -ENOMEM. NAME has SIZE bytes; a continuation belongs to the newest key. */
int raw_add_file(struct raw *raw, const char *name);
int raw_add_section(struct raw *raw, enum section_kind kind, const char *name, size_t size,
		    unsigned line);
int raw_add_key(struct raw_section *section, const char *name, const char *value, unsigned line);
int raw_continue_key(struct raw_section *section, const char *value);

/* ---- reader.c ---- */

/* Adds the sections of one file. Mistakes are noted; -ENOMEM is the only failure. */
int reader_read(struct raw *raw, const char *name, const char *text, size_t size);

/* ---- ids.c: sets of numbers ---- */

struct id_range {
	uint32_t low, high;
};

struct ids {
	struct id_range *ranges; /* sorted and apart from each other once sealed */
	size_t n;
};

int ids_add(struct ids *ids, uint32_t low, uint32_t high); /* 0 or -ENOMEM */
void ids_seal(struct ids *ids);
bool ids_have(const struct ids *ids, uint32_t id);
void ids_done(struct ids *ids);

/* ---- glob.c: sets of patterns ---- */

struct glob {
	enum { GLOB_EXACT, GLOB_PREFIX, GLOB_SUFFIX, GLOB_OTHER } shape;
	char *text; /* the pattern; without its star, and unescaped, for the first three */
	size_t size;
};

struct globs {
	struct glob *list; /* once sealed: the exact ones first, sorted */
	size_t n, n_exact;
};

/* 0, -ENOMEM, or -EINVAL with the reason. */
int globs_add(struct globs *globs, const char *pattern, struct rbce_error *err);
void globs_seal(struct globs *globs);
bool globs_match(const struct globs *globs, const char *text);
void globs_done(struct globs *globs);

/* ---- names.c: users and groups, and a cache of their names ---- */

struct name_cache;
struct name_cache *name_cache_new(const struct rules_names *names); /* NULL: out of memory */
struct name_cache *name_cache_free(struct name_cache *cache);

/* The id of a name, for a term; -ENOENT, -errno. The id's own name is then in the cache. */
int name_cache_user_id(struct name_cache *cache, const char *name, uint32_t *ret);
int name_cache_group_id(struct name_cache *cache, const char *name, uint32_t *ret);

/* Borrowed; the number as text for an id without a name. NULL when out of memory. */
const char *name_cache_user(struct name_cache *cache, uint32_t uid);
const char *name_cache_group(struct name_cache *cache, uint32_t gid);

/* ---- terms.c: the conditions of a rule ---- */

struct attribute;
struct term;

/* The row of KEY, NULL when it is no term. */
const struct attribute *attribute_find(const char *key);

/* All rows in order, NULL behind the last. */
const struct attribute *attribute_at(size_t index);
const char *attribute_name(const struct attribute *attribute);

/* 0, -ENOMEM, or another negative errno with the reason. */
int term_parse(const struct attribute *attribute, const char *value, struct name_cache *names,
	       struct term **ret, struct rbce_error *err);
struct term *term_free(struct term *term);
bool term_holds(const struct term *term, const struct rbce_task *task);
unsigned term_facts(const struct term *term);
const char *term_text(const struct term *term); /* "exe = VALUE" */

/* What the task has there, for people. */
void term_actual(const struct term *term, const struct rbce_task *task, char *buf, size_t size);

/* ---- template.c: containers' names with variables ---- */

struct template_values {
	const char *user, *group, *executable, *rule;
	uid_t uid;
	gid_t gid;
	pid_t pid;
};

/* 0, or -EINVAL with the reason when no good name can come of TEXT. */
int template_check(const char *text, struct rbce_error *err);

/* Has TEXT this variable ('u'), or any ('\0')? */
bool template_uses(const char *text, char variable);

/* The facts of a task that its variables are filled from. */
unsigned template_facts(const char *text);

/* 0 and a new string, -ENAMETOOLONG or -ENOMEM. */
int template_fill(const char *text, const struct template_values *values, char **ret);

/* Can TEXT give NAME? */
bool template_fits(const char *text, const char *name);

/* ---- parse.c ---- */

/* Could a line "NAME = ..." be meant as a key of such a section? NAME has SIZE bytes. */
bool parse_knows_key(enum section_kind kind, const char *name, size_t size);

/*
 * Gives set->raw its meaning: rules and container sections, checked and sorted. Mistakes are noted
 * there; -ENOMEM is the only failure.
 */
int parse_raw(struct ruleset *set, const struct rules_options *options);

/* ---- ruleset.c ---- */

/*
 * The compiled form. Rules stand in the order of matching, their index being their bit in a set of
 * rules, and each term names its attribute's row: an index per attribute over sets of rules can be
 * built from this without any other file knowing.
 */
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

#endif
