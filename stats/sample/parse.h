/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers out of the texts of control files: a pure function of the text, without allocation. */
#ifndef STATS_PARSE_H
#define STATS_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum parse_format {
	PARSE_VALUE,    /* the whole file is one number */
	PARSE_KEYS,     /* lines "KEY 123" */
	PARSE_DEVICES,  /* lines "8:0 KEY 123" (v1 blkio), summed over the devices */
	PARSE_NESTED,   /* lines "8:0 KEY=123 KEY=456" (v2 io.stat), summed over the devices */
	PARSE_PRESSURE, /* lines "KEY avg10=0.00 ... total=123" (PSI), the total */
	PARSE_SECOND,   /* a line "123 456", the second number */
	PARSE_SUM,      /* lines "KEY 123" (misc.current), summed over all keys */
};

/* One wanted number; FOUND and VALUE are written. */
struct parse_field {
	const char *key; /* NULL for those that have none */
	size_t length;   /* of the key */
	bool found;
	uint64_t value;
};

/*
 * Looks for FIELDS in TEXT. A number that is none or does not fit is not found. Per-device files
 * list only devices that were used: there a number that is missing is a zero.
 */
void parse_text(enum parse_format format, const char *text, struct parse_field *fields, size_t n);

/* The same of the line at TEXT alone. */
void parse_line(enum parse_format format, const char *text, struct parse_field *fields, size_t n);

#endif
