// SPDX-License-Identifier: GPL-2.0-or-later
/* Any text as a line of the daemon's stream: what is kept of it is whole. */
#include <stats/sample/listen.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct told *told = NULL;

	if (text && told_parse(text, &told) == 1) {
		if (!told->event || !told->container || !told->action || !told->detail ||
		    !*told->container)
			abort();
		told_free(told);
	}
	free(text);
	return 0;
}
