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
	const struct import_source *source; /* that is read */
	unsigned line;
	struct names *names;
	bool out_of_memory;
};

/* Begins with a comment that says what was imported. 0 or -ENOMEM. */
int import_begin(struct import *import, const char *what, const struct import_source *sources,
		 size_t n, struct rules_errors *warnings, struct rules_errors *errors);

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

/* Can the text stand in a rule file at all? */
bool import_can_write(const char *text);

/* Does it read the same there as a whole value: nothing in it that begins a comment? */
bool import_is_value(const char *text);

/* True when NAME was not there before. */
bool import_take_name(struct import *import, const char *name);

#endif
