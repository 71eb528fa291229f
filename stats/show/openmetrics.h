/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Metrics as OpenMetrics 1.0 has them. Names are those of cAdvisor where it has the same number,
 * else "rbce_container_" and the name in the views.
 */
#ifndef STATS_OPENMETRICS_H
#define STATS_OPENMETRICS_H

#include <stdbool.h>
#include <stdio.h>

#include "stats/sample/metrics.h"

/* The name of the family: "container_cpu_usage_seconds". Returned for convenience. */
#define OPENMETRICS_NAME_SIZE 96
char *openmetrics_name(size_t metric, char *buf);

/* The lines that a family begins with; CLASSIC: in the older format, which all readers take. */
void openmetrics_family(FILE *out, size_t metric, bool classic);

/* A sample of it, in both formats; TIME in ms since the epoch, 0 for now. */
void openmetrics_sample(FILE *out, size_t metric, const char *container, double value,
			int64_t time);

/* The same of each device of a container: a family beside that of their sum. */
void openmetrics_device_family(FILE *out, size_t metric, bool classic);
void openmetrics_device_sample(FILE *out, size_t metric, const char *container, const char *device,
			       double value);

/* A number that is no metric of a container, in a family of its own. */
struct openmetrics_plain {
	const char *name; /* without "_total" */
	const char *help;
	bool counter;
};
void openmetrics_plain(FILE *out, const struct openmetrics_plain *family, double value,
		       bool classic);

/* What the text ends with. */
void openmetrics_end(FILE *out);

#endif
