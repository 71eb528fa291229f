// SPDX-License-Identifier: GPL-2.0-or-later
/* Any text as a point in time: refused with the value untouched, or one that can be printed. */
#include <stats/times.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size), buf[TIMES_SIZE];
	int64_t time = 12345;

	if (text && times_parse(text, INT64_C(1795428000000), &time) < 0) {
		if (time != 12345)
			abort();
	} else if (text && (*times_format(time, buf) == '\0' || strlen(buf) >= sizeof(buf))) {
		abort();
	}
	free(text);
	return 0;
}
