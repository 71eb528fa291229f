// SPDX-License-Identifier: GPL-2.0-or-later
/* Texts that fit; see text.h. */
#include "text.h"

#include <wchar.h>

#include "util.h"

/* Bytes of the first character of TEXT, and the columns it takes; *PRINTS whether it can be shown.
 */
static size_t character(const char *text, int *width, bool *prints)
{
	mbstate_t state = {0};
	wchar_t wide;
	size_t n = mbrtowc(&wide, text, strlen(text), &state);

	*width = 1;
	*prints = false;
	if (n == (size_t)-1 || n == (size_t)-2 || n == 0)
		return 1;
	if (wcwidth(wide) < 0)
		return n;
	*width = wcwidth(wide);
	*prints = true;
	return n;
}

int top_text_width(const char *text)
{
	int total = 0, width;
	bool prints;

	while (*text) {
		text += character(text, &width, &prints);
		total += width;
	}
	return total;
}

int top_text_fit(const char *text, int width, char *buf, size_t size)
{
	int total = top_text_width(text), taken = 0, w;
	size_t used = 0, n;
	bool prints, cut = total > width;

	while (cut && *text && total > width - 1) {
		text += character(text, &w, &prints);
		total -= w;
	}
	if (cut && width > 0 && size > 1) {
		buf[used++] = '~';
		taken++;
	}
	for (; *text && taken < width; text += n, taken += w) {
		n = character(text, &w, &prints);
		if (used + (prints ? n : 1) >= size)
			break;
		memcpy(buf + used, prints ? text : "?", prints ? n : 1);
		used += prints ? n : 1;
	}
	if (size > 0)
		buf[used] = '\0';
	return taken;
}
