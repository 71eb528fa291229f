/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values that read like a sentence ("grow 64M to 1G for 1min, then kill-all"), cut in place. */
#ifndef CONTROLLERS_CLAUSE_H
#define CONTROLLERS_CLAUSE_H

#include <rbce/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest value; what is longer is refused. */
enum { CLAUSE_SIZE = 1024 };

/* Copies VALUE to BUF of CLAUSE_SIZE; -E2BIG. */
int clause_begin(const char *value, char *buf, struct rbce_error *err);

/* What comes before SEPARATOR, or all of it, without spaces around; *TEXT is then what is behind,
 * NULL for nothing. */
char *clause_cut(char **text, const char *separator);

/* The next word; NULL at the end. */
char *clause_word(char **text);

/* The amount behind WORD ("to 1G", "for 30s"); -EINVAL says what is missing. */
int clause_size(char **text, const char *word, uint64_t *ret, struct rbce_error *err);
int clause_time(char **text, const char *word, uint64_t *ret, struct rbce_error *err);

/* Does it end here? -EINVAL names the word that is too much. */
int clause_end(char **text, struct rbce_error *err);

/* An absolute path, to BUF of SIZE. */
int clause_path(char **text, char *buf, size_t size, struct rbce_error *err);

#endif
