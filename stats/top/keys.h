/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys of top: one table row each; the help on the screen derives from it. */
#ifndef STATS_TOP_KEYS_H
#define STATS_TOP_KEYS_H

#include <stddef.h>

#include "model.h"

/* What curses' KEY means. */
enum top_action top_key_action(int key);

/* The line below the rows: the most used keys, "F1Help  F4Filter ...". */
size_t top_key_hint(size_t i, const char **key, const char **text); /* 0 after the last */

/* The help, a new string; NULL when out of memory. */
char *top_key_help(void);

#endif
