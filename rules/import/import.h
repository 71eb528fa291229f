/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the importers share: messages, sections of the new file, and how texts are written there. */
#ifndef RULES_IMPORT_IMPORT_H
#define RULES_IMPORT_IMPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "../import.h"
#include "../internal.h"

struct names; /* those of rules that have been given */

struct import {
	FILE *out;
	char *text; /* of OUT, once that is closed */
	size_t size;
	struct rules_errors *warnings, *errors;
	const struct import_options *options;
	const struct import_source *source; /* that is read */
	unsigned line;                      /* 0: all of it */
	struct names *names;
	bool out_of_memory;
};

/* Begins with a comment that says what was imported. 0 or -ENOMEM. */
int import_begin(struct import *import, const char *what, const struct import_source *sources,
		 size_t n, const struct import_options *options, struct rules_errors *warnings,
		 struct rules_errors *errors);

/* The result as of import_fn. */
int import_finish(struct import *import, char **ret);

/* "file:line: message" about the line that is read. */
__attribute__((format(printf, 2, 3))) void import_warn(struct import *import, const char *format,
						       ...);
__attribute__((format(printf, 2, 3))) void import_fail(struct import *import, const char *format,
						       ...);

/* "[rule NAME]", made readable and different from all before. NAME is changed. */
void import_rule(struct import *import, char *name);

/* A text as an element of a list of patterns that only fits this very text; STAR: and longer ones.
 */
void import_pattern(FILE *out, const char *text, bool star);

/* "KEY = VALUE" of a container; a warning where that cannot be. */
void import_key(struct import *import, const char *key, const char *value);

/* Can the text stand in a rule file at all? */
bool import_can_write(const char *text);

/* Does it read the same there as a whole value: nothing in it that begins a comment? */
bool import_is_value(const char *text);

/*
 * The next line of the source from *AT on, which moves behind it, without the white space at its
 * ends: a new string in *RET, NULL for a line that cannot be text. False at the end.
 */
bool import_line(struct import *import, const char **at, char **ret);

/*
 * A path of libcgroup's as a container's name, a new string; NULL with a warning when there can be
 * none. VARIABLES: its "%u" and the like are variables, and a backslash takes that from a '%'.
 */
char *import_path(struct import *import, const char *path, bool variables);

/* True when NAME was not there before. */
bool import_take_name(struct import *import, const char *name);

#endif
