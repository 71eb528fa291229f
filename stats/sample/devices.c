// SPDX-License-Identifier: GPL-2.0-or-later
/* What each block device did; see devices.h. */
#include "devices.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The device at the start of LINE. */
static bool device_at(const char *line, uint32_t *ret_major, uint32_t *ret_minor)
{
	unsigned long long major, minor;
	char *end;

	if (*line < '0' || *line > '9')
		return false;
	major = strtoull(line, &end, 10);
	if (*end != ':' || end[1] < '0' || end[1] > '9')
		return false;
	minor = strtoull(end + 1, &end, 10);
	if (*end != ' ' || major > UINT32_MAX || minor > UINT32_MAX)
		return false;
	*ret_major = (uint32_t)major;
	*ret_minor = (uint32_t)minor;
	return true;
}

static struct device_io *entry_of(struct device_list *list, uint32_t major, uint32_t minor)
{
	struct device_io *more;

	for (size_t i = 0; i < list->n; i++)
		if (list->io[i].major == major && list->io[i].minor == minor)
			return &list->io[i];
	more = realloc(list->io, (list->n + 1) * sizeof(*more));
	if (!more)
		return NULL;
	list->io = more;
	more[list->n] = (struct device_io){.major = major, .minor = minor, .fresh = list->read};
	return &more[list->n++];
}

/* A device that was not used yet has no numbers. */
static bool any_found(const struct parse_field *fields, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fields[i].value)
			return true;
	return false;
}

/* v1 has a line for each number of a device, so that only what this line has is taken. */
static int read_line(struct device_list *list, enum parse_format format, const char *line,
		     struct parse_field *fields, const enum metric *metric, size_t n)
{
	struct device_io *io;
	uint32_t major, minor;

	if (!device_at(line, &major, &minor))
		return 0;
	parse_line(format, line, fields, n);
	if (!any_found(fields, n))
		return 0;
	io = entry_of(list, major, minor);
	if (!io)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (metric[i] >= METRIC_IO_READ && metric[i] <= METRIC_IO_DISCARDS &&
		    fields[i].value)
			io->value[metric[i] - METRIC_IO_READ] = fields[i].value;
	return 0;
}

int devices_read(struct device_list *list, enum parse_format format, const char *text,
		 struct parse_field *fields, const enum metric *metric, size_t n)
{
	int r = 0;

	while (*text && r == 0) {
		r = read_line(list, format, text, fields, metric, n);
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return r;
}

void devices_clear(struct device_list *list)
{
	free(list->io);
	*list = (struct device_list){0};
}
