/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the rule library share. Internal. */
#ifndef RULES_INTERNAL_H
#define RULES_INTERNAL_H

#include "rules.h"

/* One mistake; FILE is the file's place in reading order, so that the list can be sorted. */
struct mistake {
	size_t file;
	unsigned line;
	char *text; /* "file:line: message" */
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
	unsigned line;
};

struct raw_section {
	char *kind; /* "rule", "container", or what else stood there */
	char *name;
	size_t file;
	unsigned line;
	struct raw_key *keys;
	size_t n_keys, room;
};

/* Everything that was read, before it means anything. */
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

/* reader.c: adds the sections of one file. Mistakes are noted; -ENOMEM is the only failure. */
int reader_read(struct raw *raw, const char *name, const char *text, size_t size);

/* Sections and keys as they come, for reader.c. */
int raw_add_section(struct raw *raw, size_t file, unsigned line, const char *kind, size_t kind_size,
		    const char *name, size_t name_size);
int raw_add_key(struct raw_section *section, const char *name, const char *value, unsigned line);
int raw_continue_key(struct raw_section *section, const char *value);

/* A condition of a rule; terms.c. */
struct term;

/* The names of all term keys, NULL-terminated order; NULL behind the last. */
const char *term_name(size_t index);

/*
 * Parses KEY = VALUE. -ENOENT when KEY is no term, -EINVAL with the reason in ERR for a bad value.
 */
int term_parse(const char *key, const char *value, const struct rules_names *names,
	       struct term **ret, struct rbce_error *err);
struct term *term_free(struct term *term);
bool term_holds(const struct term *term, const struct rbce_task *task);
unsigned term_facts(const struct term *term);
const char *term_text(const struct term *term); /* "exe = VALUE" */

/* What the task has, for people. */
void term_actual(const struct term *term, const struct rbce_task *task, char *buf, size_t size);

/* template.c: checks the template of a container's name at load. Facts that it needs, or -EINVAL.
 */
int template_check(const char *text, struct rbce_error *err);

/* Where the values of a template's variables come from. */
struct template_values {
	const char *user, *group, *executable, *rule;
	uid_t uid;
	gid_t gid;
	pid_t pid;
};
int template_fill(const char *text, const struct template_values *values, char **ret);

/* Can TEXT give NAME? */
bool template_fits(const char *text, const char *name);

/* Does it have variables at all, and this one? */
bool template_uses(const char *text, char variable);

/* names.c: id -> name, kept. */
struct name_cache;
int name_cache_new(const struct rules_names *names, struct name_cache **ret);
struct name_cache *name_cache_free(struct name_cache *cache);

/* Borrowed; the number as text for an id without a name. NULL when out of memory. */
const char *name_cache_user(struct name_cache *cache, uid_t uid);
const char *name_cache_group(struct name_cache *cache, gid_t gid);

#endif
