/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Texts in a given number of columns of a terminal, by the locale's characters. */
#ifndef STATS_TOP_TEXT_H
#define STATS_TOP_TEXT_H

#include <stddef.h>

/* The columns that TEXT takes; what cannot be printed takes one. */
int top_text_width(const char *text);

/*
 * TEXT into BUF, what cannot be printed as '?'; of one that is wider than WIDTH its end, behind a
 * '~'. Returns the columns that it takes.
 */
int top_text_fit(const char *text, int width, char *buf, size_t size);

#endif
