/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rule language: files are read, checked and compiled into a rule set, which then only answers.
 *
 * A rule set never changes: a reload makes a new one. Matching is a pure function of the rule set
 * and a task's facts; it reads nothing, calls no name service and allocates nothing. rbce.rules(5)
 * describes the language.
 */
#ifndef RULES_RULES_H
#define RULES_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <rbce/error.h>
#include <rbce/task.h>

/*
 * Where names come from. The functions return 0 and set *ret, or -ENOENT for an unknown name;
 * -errno for a name service that failed. rules_nss is the system's own, for live use.
 */
struct rules_names {
	int (*user)(void *data, const char *name, uid_t *ret);
	int (*group)(void *data, const char *name, gid_t *ret);
	/* New strings, for templates. */
	int (*user_name)(void *data, uid_t uid, char **ret);
	int (*group_name)(void *data, gid_t gid, char **ret);
	void *data;
};
extern const struct rules_names rules_nss;

/* Checks one controller key of a [container] section: 0, or a negative errno with the reason. */
typedef int rules_check_key(void *data, const char *key, const char *value, struct rbce_error *err);

/* May the key stand more than once in a container? */
typedef bool rules_key_repeats(void *data, const char *key);

/* All of it may be left out, and so may a pointer to it. */
struct rules_options {
	const struct rules_names *names; /* NULL: rules_nss */
	rules_check_key *check_key;      /* NULL: any key is accepted */
	rules_key_repeats *key_repeats;  /* NULL: none */
	void *key_data;
};

/* What was wrong, as "file:line: message" lines in the order of the files; all of it, not the
 * first. */
struct rules_errors {
	char **lines;
	size_t n;
};
void rules_errors_done(struct rules_errors *errors);

struct ruleset;

/*
 * Reads every *.rules file of the directory PATH in name order, or the one file PATH. Returns 0 and
 * a rule set, or -errno with ERRORS filled (at least one line). A file that is empty is fine, and
 * so is a directory without rules: nothing matches then.
 */
int ruleset_load(const char *path, const struct rules_options *options, struct ruleset **ret,
		 struct rules_errors *errors);

/* The same from memory; NAME stands for the file in messages. For tests and fuzzing. */
int ruleset_parse(const char *name, const char *text, size_t size,
		  const struct rules_options *options, struct ruleset **ret,
		  struct rules_errors *errors);

/* Takes NULL; returns NULL. */
struct ruleset *ruleset_free(struct ruleset *set);

/* Which facts of a task (enum rbce_facts) matching with this set needs. */
unsigned ruleset_facts(const struct ruleset *set);

/*
 * May a task that was just forked belong elsewhere than its parent, which is alike in all but its
 * own pid and its parent? That is where rules ask for the parent or the current container, or name
 * containers by pid.
 */
bool ruleset_forks_matter(const struct ruleset *set);

/*
 * Do enabled rules, and those that they depend on, ask for this condition ("pgrp")? Do they name
 * containers by this variable ('U')?
 */
bool ruleset_asks(const struct ruleset *set, const char *key);
bool ruleset_names_by(const struct ruleset *set, char variable);

enum rule_mode { RULE_ENFORCE, RULE_OBSERVE };

/* What becomes of the task's main properties; those without has_ stay as they are. */
struct rule_actions {
	bool has_nice, has_ioprio, has_sched, has_oom_score_adj;
	int nice;
	int ioprio;           /* as of ioprio_set(2): class and level */
	int policy, priority; /* as of sched_setscheduler(2) */
	int oom_score_adj;
};

/* A rule as written, for listings and for the daemon; borrowed from the set. */
struct rule {
	const char *name;
	const char *file;
	unsigned line;
	size_t index; /* place in matching order, from 0 */
	long order;
	bool enabled; /* state = on */
	enum rule_mode mode;
	bool enforced;         /* would observe, but [enforce] names it */
	bool ignore;           /* leave the task alone */
	bool from_systemd;     /* also a task that stands in a unit of systemd's */
	const char *container; /* template; NULL: leave it where it stands */
	struct rule_actions actions;
	const char *terms; /* the terms in one line: "user = alice; comm = cc1" */
};

size_t ruleset_size(const struct ruleset *set);

/* The rule of that name, NULL for none. */
const struct rule *ruleset_find(const struct ruleset *set, const char *name);

/* A number that is the same for the same actions, 0 for none. */
uint64_t rule_actions_hash(const struct rule_actions *actions);
const struct rule *ruleset_rule(const struct ruleset *set, size_t index);

/*
 * Keeps of the task's environment only what the rules look at: it then is short, and what a
 * daemon that remembers it for the task needs. -ENOMEM or 0.
 */
int ruleset_trim_env(const struct ruleset *set, struct rbce_task *task);

/*
 * The first rule that TASK matches, in order; NULL for none. A task in a unit of systemd's
 * (task->unit) is matched by rules that ignore it or say from-systemd = yes.
 */
const struct rule *ruleset_match(const struct ruleset *set, const struct rbce_task *task);

/* The same, rule by rule: what ruleset_match() is checked against. */
const struct rule *ruleset_match_naive(const struct ruleset *set, const struct rbce_task *task);

/*
 * Decisions of a set, kept by those facts of a task that its rules can tell apart: for one thread,
 * which gives it up together with the set. ENTRIES bounds it (a power of two; about 0.5 KB each).
 * NULL: out of memory.
 */
struct rules_cache;
struct rules_cache *rules_cache_new(const struct ruleset *set, size_t entries);
struct rules_cache *rules_cache_free(struct rules_cache *cache);

/* What ruleset_match() says. */
const struct rule *rules_cache_match(struct rules_cache *cache, const struct rbce_task *task);

struct rules_cache_counters {
	uint64_t hits, misses;
	uint64_t too_large; /* looked up without the cache: the facts are longer than a place of it
			     */
};
struct rules_cache_counters rules_cache_counters(const struct rules_cache *cache);

/*
 * The name of the container that RULE gives to TASK: the template with its variables filled
 * in from real uid and gid, each made safe as a path component. New string. Names come from the
 * set's own cache, filled when it was loaded; a name that is not in it is looked up once and kept.
 */
int ruleset_container(struct ruleset *set, const struct rule *rule, const struct rbce_task *task,
		      char **ret, struct rbce_error *err);

/*
 * Will every task with the same facts be given the same container by RULE, for as long as the set
 * is in force? Not where it is named by process or tag, nor where the name service has not yet said
 * who the task's user or group is.
 */
bool ruleset_container_lasts(const struct ruleset *set, const struct rule *rule,
			     const struct rbce_task *task);

/*
 * Why: calls FUNCTION for each rule in order up to and with the one that matches. FAILED is NULL
 * for that one, else the term that did not hold, "exe = /usr/bin/gcc*", and ACTUAL what the task
 * has.
 */
typedef void ruleset_explain_fn(void *data, const struct rule *rule, const char *failed,
				const char *actual);

/*
 * ALL: every rule. Else, where more than 50 come before the end, only those of which at least one
 * term holds. Returns how many were left out.
 */
size_t ruleset_explain(const struct ruleset *set, const struct rbce_task *task, bool all,
		       ruleset_explain_fn *function, void *data);

/*
 * What is allowed and yet hardly meant: rules that are never reached, with the one before them that
 * matches all they do; terms and patterns that nothing fits; containers that no rule uses. RET gets
 * a line for each, "file:line: what"; 0 or -ENOMEM. Unknown users and groups do not get so far:
 * they are mistakes.
 */
int ruleset_lint(struct ruleset *set, struct rules_errors *ret);

/*
 * The programs that enabled, enforced rules name by `exe` and `comm`: for who wants to meet just
 * those. It points into SET, and is freed before it. 0 or -ENOMEM.
 */
struct rules_programs;
int rules_programs_new(const struct ruleset *set, struct rules_programs **ret);
struct rules_programs *rules_programs_free(struct rules_programs *programs);

/* Does a rule name the program of this path? */
bool rules_programs_have(const struct rules_programs *programs, const char *path);

/* Where to look for them: one file, all below a directory, or wherever programs are (PATH NULL). */
enum rules_program_place { PROGRAM_FILE, PROGRAM_BELOW, PROGRAM_ANYWHERE };
typedef void rules_program_fn(void *data, enum rules_program_place place, const char *path);
int rules_programs_each(const struct rules_programs *programs, rules_program_fn *function,
			void *data);

/* The keys that a rule may have, for help texts; false behind the last. */
struct rules_key {
	const char *name;
	const char *values, *help, *example;
	bool is_term; /* a condition; else what is done */
};
bool rules_key_at(size_t index, struct rules_key *ret);

/* A key of a container, as written. */
struct container_key {
	const char *key;
	const char *value;
	const char *file;
	unsigned line;
};

enum on_unsupported { UNSUPPORTED_WARN, UNSUPPORTED_ERROR, UNSUPPORTED_IGNORE };

/* A [container NAME] section; borrowed from the set. */
struct container_section {
	const char *name; /* literal name or template */
	const char *file;
	unsigned line;
	enum on_unsupported on_unsupported;
	bool says_unsupported;            /* by itself, not by [defaults] */
	const struct container_key *keys; /* its own first, then those of [defaults] */
	size_t n_keys;
	struct term *jobs; /* whose tasks may have jobs in it; NULL: it does not say */
};

size_t ruleset_containers(const struct ruleset *set);
const struct container_section *ruleset_container_at(const struct ruleset *set, size_t index);

/* The name that a section without variables gives, a new string; -EINVAL for a template. */
int ruleset_literal(const struct container_section *section, char **ret);

/*
 * The section that describes the container NAME: the one with that very name, else the first whose
 * template fits (each %x stands for a part of one component that is not empty); NULL for none.
 */
const struct container_section *ruleset_section(const struct ruleset *set, const char *name);

/*
 * May TASK, which stands in the container NAME, have a job in it? The nearest container that has
 * the key "jobs" decides, from NAME upwards; none lets nobody.
 */
bool ruleset_lets_run(const struct ruleset *set, const char *name, const struct rbce_task *task);

/*
 * The limits that hold for the container NAME by these rules: calls FUNCTION for each key of each
 * container above it, from the top, and then for its own. 0 or -ENOMEM.
 */
typedef void ruleset_limit_fn(void *data, const char *container, const struct container_key *key);
int ruleset_limits(const struct ruleset *set, const char *name, ruleset_limit_fn *function,
		   void *data);

#endif
