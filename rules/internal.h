/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the rule library share. Internal.
 *
 * A text passes through them in this order:
 *   load.c      which files, and what becomes of the mistakes
 *   reader.c    lines to sections and keys (struct raw, kept by raw.c)
 *   parse.c     sections and keys to rules and containers, by tables of keys
 *   attributes.c  one table row per condition; terms.c reads its values, over ids.c (sets of
 *                 numbers), glob.c and regex.c (patterns)
 *   actions.c   what a rule sets besides the container
 *   index.c     which rules may match a task, without asking each
 *   ruleset.c   the finished set, which only answers
 * Beside them template.c makes containers' names, names.c knows users and groups, cache.c keeps
 * decisions, and contain.c and lint.c look for rules that cannot match.
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

enum section_kind { SECTION_RULE, SECTION_CONTAINER, SECTION_DEFAULTS, SECTION_ENFORCE };

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

/* Releases the section's keys but for VALUE, if it is one of theirs: that is the caller's then. */
char *raw_drop_keys(struct raw_section *section, const char *value);

/* Hands the mistakes over in the order of the files, and forgets them. */
void mistakes_give(struct mistakes *mistakes, struct rules_errors *errors);

/* Notes a mistake in FILE (an index of raw->files). LINE 0 is the file as a whole. */
__attribute__((format(printf, 4, 5))) void raw_mistake(struct raw *raw, size_t file, unsigned line,
						       const char *format, ...);

/* The same in a line of SECTION, which is faulty then. */
#define raw_fault(raw, section, line, ...)                                                         \
	((section)->faulty = true, raw_mistake(raw, (section)->file, line, __VA_ARGS__))

/* These return 0 or -ENOMEM. NAME has SIZE bytes; a continuation belongs to the newest key. */
int raw_add_file(struct raw *raw, const char *name);
int raw_add_section(struct raw *raw, enum section_kind kind, size_t file, const char *name,
		    size_t size, unsigned line);
int raw_add_key(struct raw_section *section, const char *name, const char *value, unsigned line);
int raw_continue_key(struct raw_section *section, const char *value);

/* ---- reader.c ---- */

/*
 * Reads what "[include PATH]" in line LINE of FILE (an index of raw->files) names, sections and
 * mistakes into the same RAW. -ENOMEM is the only failure.
 */
typedef int reader_include_fn(void *data, size_t file, unsigned line, const char *path);

/*
 * Adds the sections of one file. Mistakes are noted; -ENOMEM is the only failure. Without INCLUDE
 * no file can be included.
 */
int reader_read(struct raw *raw, const char *name, const char *text, size_t size,
		reader_include_fn *include, void *data);

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

/* ---- regex.c: regular expressions ---- */

struct regex;
/* 0, -ENOMEM, or with the reason -EINVAL, or -EBADMSG for one that has no end. */
int regex_new(const char *pattern, struct regex **ret, struct rbce_error *err);
struct regex *regex_free(struct regex *regex);
bool regex_match(const struct regex *regex, const char *text, size_t size);

/*
 * What a text must have to fit PATTERN, which is one: runs of characters with HOLEs between them,
 * in BUF, which has room for the pattern. Returns how many bytes; fewer are known where it is hard
 * to tell.
 */
size_t regex_literals(const char *pattern, char hole, char *buf);

/* ---- glob.c: sets of patterns ---- */

struct glob {
	enum { GLOB_EXACT, GLOB_PREFIX, GLOB_SUFFIX, GLOB_INFIX, GLOB_OTHER, GLOB_REGEX } shape;
	char *text; /* the pattern; without its stars, and unescaped, for the first four */
	size_t size;
	struct regex *regex; /* of a GLOB_REGEX */
};

struct globs {
	struct glob *list; /* once sealed: the exact ones first, sorted */
	size_t n, n_exact;
};

/* 0, -ENOMEM, or with the reason -EINVAL, or -EBADMSG for a pattern that has no end. */
int globs_add(struct globs *globs, const char *pattern, struct rbce_error *err);
/* What stands behind the character, escape or wildcard at P; NULL when that has no end. */
const char *glob_behind(const char *p);

/*
 * The text of a pattern, HOLE for each wildcard and marks where it begins and ends: so many bytes
 * in BUF, which has room for two more than the pattern.
 */
enum { TEXT_BEGIN = 2, TEXT_END = 3 };
size_t glob_literals(const struct glob *glob, char hole, char *buf);

void globs_seal(struct globs *globs);
bool glob_match(const struct glob *glob, const char *text, size_t size);
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

/* Is that name the name service's last word? */
bool name_cache_has_user(const struct name_cache *cache, uint32_t uid);
bool name_cache_has_group(const struct name_cache *cache, uint32_t gid);

/* ---- attributes.c: what a condition may be about ---- */

/* One side of a list; an attribute uses one of the two. */
struct values {
	struct ids ids;
	struct globs globs;
	size_t n;
};

struct term;

/* A row: how a key's values are written, what they are compared with, and how that is shown. */
struct attribute {
	const char *name;
	const char *values, *help, *example; /* for people */
	unsigned facts;                      /* of a task that it needs */
	/* Adds one element, without its '!'. */
	int (*parse)(const struct attribute *attribute, const char *element,
		     struct name_cache *names, struct values *values, struct rbce_error *err);
	bool (*within)(const struct attribute *attribute, const struct values *values,
		       const struct rbce_task *task);
	void (*print)(const struct attribute *attribute, const struct rbce_task *task, char *buf,
		      size_t size);
	/* For numbers. */
	uint32_t (*id)(const struct rbce_task *task);
	uint32_t id_max;
	bool has_more;    /* the task's supplementary groups count too */
	bool is_pid;      /* which differ for every task */
	const char *noun; /* what a name names; NULL where there are numbers only */
	int (*look_up)(struct name_cache *names, const char *name, uint32_t *ret);
	/* For texts, NULL when the task has none. */
	const char *(*text)(const struct rbce_task *task);
	bool is_path; /* its texts begin with '/'; else none of them has one (ANY_TEXT: no matter)
		       */
	bool any_text;
};

/* The rows, in order: a row's place is the attribute's number. */
extern const struct attribute attributes[];
enum { ATTRIBUTES = 18 };
static inline size_t attribute_number(const struct attribute *attribute)
{
	return (size_t)(attribute - attributes);
}

/* The row of KEY, NULL when it is no term. */
const struct attribute *attribute_find(const char *key);

/* Adds one element of a list: for the rows of the table. */
int values_add_ids(const struct attribute *attribute, const char *element, struct name_cache *names,
		   struct values *values, struct rbce_error *err);
int values_add_group(const struct attribute *attribute, const char *element,
		     struct name_cache *names, struct values *values, struct rbce_error *err);
int values_add_login(const struct attribute *attribute, const char *element,
		     struct name_cache *names, struct values *values, struct rbce_error *err);
int values_add_flag(const struct attribute *attribute, const char *element,
		    struct name_cache *names, struct values *values, struct rbce_error *err);
int values_add_glob(const struct attribute *attribute, const char *element,
		    struct name_cache *names, struct values *values, struct rbce_error *err);
int values_add_env(const struct attribute *attribute, const char *element, struct name_cache *names,
		   struct values *values, struct rbce_error *err);

/* ---- terms.c: the conditions of a rule ---- */

struct term {
	const struct attribute *attribute;
	struct values included, excluded;
	char *text; /* "exe = VALUE" */
};

/*
 * Calls FUNCTION for each element of a list divided by commas, with its '!' in EXCEPT. What is
 * wrong with one goes to NOTE, and the next is read all the same; but behind one that has no end
 * (-EBADMSG) nothing is told apart. 0, -ENOMEM, or -EINVAL when something was noted.
 */
typedef int list_element_fn(void *data, const char *element, bool except, struct rbce_error *err);
struct list_notes {
	void (*note)(void *data, const char *message);
	void *data;
};
int list_each(const char *list, list_element_fn *function, void *data,
	      const struct list_notes *notes);

/* The same: what is wrong with elements is noted. */
int term_parse(const struct attribute *attribute, const char *value, struct name_cache *names,
	       struct term **ret, const struct list_notes *notes);
struct term *term_free(struct term *term);
bool term_holds(const struct term *term, const struct rbce_task *task);

/* What the task has there, for people. */
void term_actual(const struct term *term, const struct rbce_task *task, char *buf, size_t size);

/* ---- actions.c: what a rule sets besides the container ---- */

struct setting {
	const char *name;
	const char *values, *help, *example; /* for people */
	/* The value is the rule's to point to. */
	int (*parse)(struct rule *rule, const char *value, struct rbce_error *err);
};
extern const struct setting settings[];
enum { SETTINGS = 10 };

/* The place of VALUE among WORDS, or -EINVAL. */
int parse_word(const char *value, const char *const *words, size_t n, struct rbce_error *err);

/* ---- template.c: containers' names with variables ---- */

struct template_values {
	const char *user, *group, *executable, *rule, *tag, *job;
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

/* ---- environment.c ---- */

struct compiled;

/* Finds the variables that enabled rules name, once rules are in place: 0 or -ENOMEM. */
int environment_note(struct ruleset *set);
void environment_forget(struct ruleset *set);

/*
 * The value that the task has of the variable which a term of the rule names first, in BUF: "" for
 * none. NULL when the rule has no such term.
 */
const char *environment_job(const struct compiled *rule, const struct rbce_task *task, char *buf,
			    size_t size);

/* ---- depend.c ---- */

/* Finds the rules that rules depend on, and notes mistakes; 0 or -ENOMEM. Sums up set->facts. */
int depends_resolve(struct ruleset *set);

/* ---- enforce.c ---- */

/*
 * Puts the rules that [enforce] names in force, once rules can be found. One that is not there is
 * no mistake but for enforce_lint(), which notes nothing else: with another version of the rules an
 * old name may go, and the others shall hold. 0 or -ENOMEM.
 */
int enforce_apply(struct ruleset *set);
int enforce_lint(struct ruleset *set);

/* ---- ruleset.c ---- */

struct index;

/* "depend = OTHER": all terms of that rule hold, or, EXCEPT, not all of them do. */
struct depend {
	char *name;
	unsigned line;
	bool except;
	const struct compiled *rule;
};

/* The compiled form. Rules stand in the order of matching; a rule's index is its place there. */
struct compiled {
	struct rule rule; /* what others see of it */
	struct term **terms;
	size_t n_terms;
	struct depend *depends;
	size_t n_depends;
	const struct raw_section *section;
	char *container; /* the text of rule.container; owned */
	unsigned weight; /* how many rules it takes to decide this one; 0: not known yet */
	char *terms_text;
};

struct ruleset {
	struct raw raw; /* owns every text that the rest points to */
	struct compiled *rules;
	size_t n_rules;
	struct container_section *sections;
	size_t n_sections;
	unsigned facts;
	char **variables; /* "\nNAME=" of the environment that rules name; NULL: all of it matters
			   */
	size_t n_variables;
	struct name_cache *names;
	struct index *index;
	const struct compiled **by_name;
	void *packed; /* where all terms lie, see pack.c */
};

/* Fills by_name, once rules are in place: 0 or -ENOMEM. */
int ruleset_sort_names(struct ruleset *set);

/* Do all terms hold, and those of the rules it depends on? */
bool compiled_holds(const struct compiled *compiled, const struct rbce_task *task);

/*
 * Does the rule leave units of systemd's alone? That is a matter of the rule that decides, not of
 * those it depends on. One that ignores its tasks does so anywhere.
 */
static inline bool compiled_guarded(const struct compiled *compiled)
{
	return !compiled->rule.from_systemd && !compiled->rule.ignore;
}

/* ---- pack.c ---- */

/* Moves the terms of all rules into one piece of memory, in order; 0 or -ENOMEM. */
int ruleset_pack(struct ruleset *set);

/* Releases what a packed term owns besides its place. */
void term_unpack(struct term *term);

/* Zeroed, in large pages where it is large; for free(). NULL when out of memory. */
void *large_calloc(size_t n, size_t size);

/* ---- contain.c ---- */

/* Do A's terms hold wherever B's do? True is a proof. */
bool rule_covers(const struct compiled *a, const struct compiled *b);

/* The same of all that they match: is B never reached behind A? */
bool rule_hides(const struct compiled *a, const struct compiled *b);

/* Does RULE depend on OTHER, directly or not? */
bool rule_depends(const struct compiled *rule, const struct compiled *other);

/* Can TERM not hold where RULE's terms do? True is a proof. */
bool rule_denies(const struct compiled *rule, const struct term *term);

/* Can they not hold together? True is a proof. */
bool rules_deny(const struct compiled *a, const struct compiled *b);

/* Is all excluded that it includes? True is a proof. */
bool term_is_empty(const struct term *term);

/* ---- witness.c ---- */

/* Makes up a task that RULE matches, to be released; false when none comes to mind. */
bool rule_witness(const struct compiled *rule, struct rbce_task *ret);

/* ---- index.c ---- */

/* 0 or -ENOMEM. The index keeps pointing into SET. */
int index_new(const struct ruleset *set, struct index **ret);
struct index *index_free(struct index *index);

/* The first enabled rule that matches, NULL for none. */
const struct compiled *index_first(const struct index *index, const struct rbce_task *task);

/*
 * Calls FUNCTION for enabled rules that may match, in any order and perhaps more than once: all
 * that do, and others.
 */
typedef void index_candidate_fn(void *data, const struct compiled *compiled);
void index_candidates(const struct index *index, const struct rbce_task *task,
		      index_candidate_fn *function, void *data);

#endif
