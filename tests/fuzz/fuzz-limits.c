// SPDX-License-Identifier: GPL-2.0-or-later
/* "KEY VALUE" as a limit: accepted, or refused with a reason in one line. */
#include <controllers/controllers.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *key = strndup((const char *)data, size), *value = key ? strchr(key, ' ') : NULL;
	struct rbce_error err = {0};

	if (value) {
		*value++ = '\0';
		if (controller_check(key, value, &err) < 0 &&
		    (!*err.message || err.code >= 0 || strchr(err.message, '\n')))
			abort();
	}
	free(key);
	return 0;
}
