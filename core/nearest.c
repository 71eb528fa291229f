// SPDX-License-Identifier: LGPL-2.1-or-later
/* What was probably meant by a word; see nearest.h. */
#include "nearest.h"

#include <string.h>

enum { WORD_SIZE = 32, TOO_FAR = 3 };

/* How many single-letter changes make one word of the other; TOO_FAR for long words. */
static unsigned distance_of(const char *a, const char *b)
{
	unsigned row[WORD_SIZE], n = (unsigned)strlen(b);

	if (strlen(a) >= WORD_SIZE || n >= WORD_SIZE)
		return TOO_FAR;
	for (unsigned j = 0; j <= n; j++)
		row[j] = j;
	for (unsigned i = 1; *a; a++, i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= n; j++) {
			unsigned change = diagonal + (*a != b[j - 1]);

			diagonal = row[j];
			if (change > row[j] + 1)
				change = row[j] + 1;
			if (change > row[j - 1] + 1)
				change = row[j - 1] + 1;
			row[j] = change;
		}
	}
	return row[n];
}

const char *word_nearest(const char *word, const char *(*known)(size_t index))
{
	const char *nearest = NULL, *other;
	unsigned least = TOO_FAR;

	for (size_t i = 0; (other = known(i)); i++) {
		unsigned distance = distance_of(word, other);

		if (distance < least && distance < strlen(other)) {
			least = distance;
			nearest = other;
		}
	}
	return nearest;
}
