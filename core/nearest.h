/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For "did you mean" in messages. */
#ifndef CORE_NEAREST_H
#define CORE_NEAREST_H

#include <stddef.h>

/*
 * The one of the KNOWN words (by index, NULL behind the last) that WORD becomes with the fewest
 * changes of a letter; NULL when none takes fewer than three.
 */
const char *word_nearest(const char *word, const char *(*known)(size_t index));

#endif
