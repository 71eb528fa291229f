/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each block device did for a container: the metrics of the view "io", device by device. */
#ifndef STATS_DEVICES_H
#define STATS_DEVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metrics.h"

enum { DEVICE_METRICS = METRIC_IO_DISCARDS - METRIC_IO_READ + 1 };

struct device_io {
	uint32_t major, minor;
	bool fresh;                     /* it was not in the file when that was read first */
	uint64_t value[DEVICE_METRICS]; /* METRIC_IO_READ first */
};

/* In order of being found; begins as {0}. */
struct device_list {
	struct device_io *io;
	size_t n;
	bool read;
};

/*
 * Takes the numbers of TEXT, a file with a line for each device (PARSE_DEVICES, PARSE_NESTED). The
 * N FIELDS, which are written, are those of METRIC, of which others than the above are passed over.
 * -ENOMEM; then some devices are missing.
 */
int devices_read(struct device_list *list, enum parse_format format, const char *text,
		 struct parse_field *fields, const enum metric *metric, size_t n);

/* Forgets all of them, and that there was a file. */
void devices_clear(struct device_list *list);

#endif
