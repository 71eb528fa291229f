// SPDX-License-Identifier: GPL-2.0-or-later
/* Any text as a control file: what is not found in it is left as it was, and devices add up. */
#include <stats/sample/devices.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each device is there once, and none without having done anything. */
static void read_devices(enum parse_format format, const char *text, struct parse_field *fields)
{
	static const enum metric metric[] = {METRIC_CPU, METRIC_IO_READ, METRIC_IO_READS};
	struct device_list list = {0};

	if (devices_read(&list, format, text, fields, metric, 3) < 0)
		abort();
	for (size_t i = 0; i < list.n; i++)
		for (size_t k = 0; k < i; k++)
			if (list.io[i].major == list.io[k].major &&
			    list.io[i].minor == list.io[k].minor)
				abort();
	devices_clear(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const keys[] = {"anon", "rbytes", "Read", "some", "x"};
	char *text = strndup((const char *)data, size);

	/* By format: those without keys, and those that are sums, which are always found. */
	static const bool bare[] = {
		[PARSE_VALUE] = true, [PARSE_SECOND] = true, [PARSE_SUM] = true};
	static const bool sums[] = {
		[PARSE_DEVICES] = true, [PARSE_NESTED] = true, [PARSE_SUM] = true};

	for (int format = PARSE_VALUE; text && format <= PARSE_SUM; format++) {
		struct parse_field fields[5];

		for (size_t i = 0; i < 5; i++)
			fields[i] = (struct parse_field){
				.key = bare[format] ? NULL : keys[i],
				.length = bare[format] ? 0 : strlen(keys[i]),
				.value = 12345,
			};
		parse_text((enum parse_format)format, text, fields, bare[format] ? 1 : 5);
		for (size_t i = 0; i < 5; i++)
			if (!sums[format] && !fields[i].found && fields[i].value != 12345 &&
			    fields[i].value != 0)
				abort();
		if (format == PARSE_DEVICES || format == PARSE_NESTED)
			read_devices((enum parse_format)format, text, fields);
	}
	free(text);
	return 0;
}
