/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a command of containerstats lists: for people, as JSON, or as CSV (RFC 4180) with the keys
 * of JSON as its first line. Rows in CSV are written as they come.
 */
#ifndef STATS_LISTING_H
#define STATS_LISTING_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/table.h"

enum listing_form { LISTING_TABLE, LISTING_JSON, LISTING_CSV };

/* The form that two switches ask for; -EINVAL, after saying so, for both. */
int listing_form(bool json, bool csv, enum listing_form *ret);

struct listing;

/* As table_new(). */
struct listing *listing_new(const char *name, const struct table_column *columns, size_t n,
			    enum listing_form form);
void listing_row(struct listing *l);
__attribute__((format(printf, 3, 4))) void listing_set(struct listing *l, size_t column,
						       const char *format, ...);

/* Writes what is left and releases. 0 or -errno. */
int listing_finish(struct listing *l);

/* A text as a field of CSV, quoted where it must be; as a string of JSON. */
void listing_csv_text(FILE *out, const char *text);
void listing_json_text(FILE *out, const char *text);

/* Whole numbers whole, others to a millionth. */
void listing_number(FILE *out, double value);

#endif
