// SPDX-License-Identifier: GPL-2.0-or-later
/* Any text as an amount: refused with the value untouched, or exact enough to be printed again. */
#include <rbce/units.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int (*const parsers[])(const char *text, uint64_t *ret) = {
		rbce_parse_size, rbce_parse_percent, rbce_parse_rate, rbce_parse_duration};
	static char *(*const formats[])(uint64_t value, char *buf) = {rbce_format_size,
								      rbce_format_percent,
								      rbce_format_duration};
	char *text = strndup((const char *)data, size), buf[RBCE_UNITS_SIZE];

	for (size_t i = 0; text && i < sizeof(parsers) / sizeof(parsers[0]); i++) {
		uint64_t value = 12345;

		if (parsers[i](text, &value) < 0) {
			if (value != 12345)
				abort();
			continue;
		}
		for (size_t f = 0; f < sizeof(formats) / sizeof(formats[0]); f++)
			if (strlen(formats[f](value, buf)) == 0)
				abort();
	}
	free(text);
	return 0;
}
