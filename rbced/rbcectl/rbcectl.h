/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands of rbcectl share. */
#ifndef RBCECTL_RBCECTL_H
#define RBCECTL_RBCECTL_H

#include <core/cli/json.h>
#include <core/cli/options.h>
#include <rbce/container.h>
#include <rbce/error.h>
#include <rules/rules.h>
#include <stdbool.h>

#include "util.h"

/* Options that every command has. */
struct common {
	const char *root;
	bool json;
};
#define COMMON_OPTIONS(common)                                                                     \
	OPTION_TEXT("root", "NAME", "root group of all containers (default rbce)",                 \
		    &(common).root),                                                               \
		OPTION_FLAG("json", "print JSON", &(common).json)

/*
 * A command: gets its own name and arguments, returns the exit status. Its one-line help stands in
 * the table of main.c.
 */
typedef int command_fn(int argc, char **argv);
command_fn command_rules, command_explain, command_classify, command_release, command_reclassify,
	command_tag, command_reload;                                           /* daemon.c */
command_fn command_status;                                                     /* status.c */
command_fn command_events;                                                     /* events.c */
command_fn command_containers, command_ps;                                     /* containers.c */
command_fn command_kill, command_dissolve, command_freeze, command_thaw;       /* control.c */
command_fn command_simulate;                                                   /* simulate.c */
command_fn command_import;                                                     /* import.c */
command_fn command_enforce;                                                    /* enforce.c */
command_fn command_lint;                                                       /* lint.c */
command_fn command_keys;                                                       /* keys.c */
command_fn command_run;                                                        /* run.c */
command_fn command_get;                                                        /* get.c */
command_fn command_set, command_reclaim;                                       /* set.c */
command_fn command_apply, command_diff;                                        /* apply.c */
command_fn command_snapshot;                                                   /* snapshot.c */
command_fn command_oom, command_penalty;                                       /* oom.c */
command_fn command_create;                                                     /* create.c */
command_fn command_enter;                                                      /* enter.c */
command_fn command_console;                                                    /* console.c */
command_fn command_oci;                                                        /* oci.c */
command_fn command_job;                                                        /* job.c */
command_fn command_checkpoint, command_restore, command_migrate, command_crfs; /* images/ */

/* Parses the command line and checks the number of operands; returns the first operand's index. */
int command_parse(const struct command_line *line, int argc, char **argv, int min, int max);

/* A pid from an operand; ends the program with a usage error when it is none. */
pid_t command_pid(const char *operand);

/* A container from an operand: "." is the root group. */
const char *container_operand(const char *operand);

/* A key from an operand; says so and returns NULL for an unknown one. */
struct controller_key;
const struct controller_key *key_operand(const char *name);

/* Says why on stderr; returns EXIT_FAILURE. */
int command_failed(const struct rbce_error *err);

/*
 * Asks the daemon of ROOT. REQUEST is released. On success *RET is the reply, of the caller's; an
 * answer that is an error comes back as one.
 */
int daemon_ask(const char *root, struct json_object *request, struct json_object **ret,
	       struct rbce_error *err);

/* The same, but a daemon that does not answer in time (-EAGAIN) is not waited for. */
enum { DAEMON_PATIENCE = 5 }; /* seconds */
int daemon_ask_briefly(const char *root, struct json_object *request, struct json_object **ret,
		       struct rbce_error *err);

/* Is it an answer of none, rather than that of a daemon? */
bool daemon_is_away(int r);

/* The same where lines follow without end: *RET is the connection, of the caller's. */
int daemon_listen(const char *root, struct json_object *request, int *ret, struct rbce_error *err);

/* {"verb": NAME} */
struct json_object *daemon_request(const char *verb);

/* The containers of a root, without the daemon. */
struct containers {
	struct rbce_root *root;
	struct rbce_hierarchy *h;
};
int containers_open(const char *root, struct containers *ret, struct rbce_error *err);
void containers_close(struct containers *c);

/* Values of a reply for people: "" where there is none. */
const char *reply_text(struct json_object *object, const char *key);
uint64_t reply_number(struct json_object *object, const char *key);
struct json_object *reply_object(struct json_object *object, const char *key);

/* Steps of an explanation, limits of a container, for people. */
void print_steps(struct json_object *steps);
void print_limits(struct json_object *limits, const char *container);

/* Reads rules, or says what is wrong with them and returns NULL. */
struct ruleset *rules_read(const char *path);

DEFINE_CLEANUP(struct ruleset *, ruleset_free)

/* Which rules a question is about. */
typedef bool rule_filter_fn(void *data, const struct rule *rule);

/* Shows every task that these rules would move, were they in force; an exit status. */
int simulate_moves(struct ruleset *set, const char *root, rule_filter_fn *filter, void *data);

/* Prints a reply as JSON and releases it. */
int reply_print(struct json_object *reply);

#endif
