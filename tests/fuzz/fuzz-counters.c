// SPDX-License-Identifier: GPL-2.0-or-later
/* Any text as a control file: what is not found in it is left as it was. */
#include <stats/parse.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const keys[] = {"anon", "rbytes", "Read", "some", "x"};
	char *text = strndup((const char *)data, size);

	for (int format = PARSE_VALUE; text && format <= PARSE_PRESSURE; format++) {
		struct parse_field fields[5];

		for (size_t i = 0; i < 5; i++)
			fields[i] = (struct parse_field){
				.key = format == PARSE_VALUE ? NULL : keys[i],
				.length = format == PARSE_VALUE ? 0 : strlen(keys[i]),
				.value = 12345,
			};
		parse_text((enum parse_format)format, text, fields, format == PARSE_VALUE ? 1 : 5);
		for (size_t i = 0; i < 5; i++)
			if (format != PARSE_DEVICES && format != PARSE_NESTED && !fields[i].found &&
			    fields[i].value != 12345 && fields[i].value != 0)
				abort();
	}
	free(text);
	return 0;
}
