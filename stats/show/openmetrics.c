// SPDX-License-Identifier: GPL-2.0-or-later
/* OpenMetrics; see openmetrics.h, and openmetrics.io. */
#include "openmetrics.h"

#include <inttypes.h>
#include <math.h>

#include "util.h"

/* The names of cAdvisor, docs/storage/prometheus.md there; of counters without the "_total". */
static const struct {
	const char *shown; /* in the views */
	const char *name;
} known[] = {
	{"cpu_seconds", "container_cpu_usage_seconds"},
	{"cpu_user_seconds", "container_cpu_user_seconds"},
	{"cpu_system_seconds", "container_cpu_system_seconds"},
	{"cpu_periods", "container_cpu_cfs_periods"},
	{"throttled_periods", "container_cpu_cfs_throttled_periods"},
	{"throttled_seconds", "container_cpu_cfs_throttled_seconds"},
	{"memory_bytes", "container_memory_usage_bytes"},
	{"memory_anon_bytes", "container_memory_rss"},
	{"memory_file_bytes", "container_memory_cache"},
	{"memory_mapped_bytes", "container_memory_mapped_file"},
	{"swap_bytes", "container_memory_swap"},
	{"memory_max_hits", "container_memory_failcnt"},
	{"oom_kills", "container_oom_events"},
	{"io_read_bytes", "container_fs_reads_bytes"},
	{"io_written_bytes", "container_fs_writes_bytes"},
	{"io_reads", "container_fs_reads"},
	{"io_writes", "container_fs_writes"},
	{"pids", "container_threads"},
	{"cpu_pressure_some_seconds", "container_pressure_cpu_waiting_seconds"},
	{"cpu_pressure_full_seconds", "container_pressure_cpu_stalled_seconds"},
	{"memory_pressure_some_seconds", "container_pressure_memory_waiting_seconds"},
	{"memory_pressure_full_seconds", "container_pressure_memory_stalled_seconds"},
	{"io_pressure_some_seconds", "container_pressure_io_waiting_seconds"},
	{"io_pressure_full_seconds", "container_pressure_io_stalled_seconds"},
};

char *openmetrics_name(size_t metric, char *buf)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (streq(known[i].shown, metric_shown(metric))) {
			snprintf(buf, OPENMETRICS_NAME_SIZE, "%s", known[i].name);
			return buf;
		}
	snprintf(buf, OPENMETRICS_NAME_SIZE, "rbce_container_%s", metric_shown(metric));
	return buf;
}

/* A unit may only be told where the name ends in it. */
static const char *unit_of(const char *name)
{
	static const char *const units[] = {"seconds", "bytes"};
	const char *last = strrchr(name, '_');

	for (size_t i = 0; last && i < ARRAY_SIZE(units); i++)
		if (streq(last + 1, units[i]))
			return units[i];
	return NULL;
}

static void write_head(FILE *out, const char *name, bool counter, bool classic, const char *help)
{
	const char *unit = unit_of(name), *suffix = counter && classic ? "_total" : "";

	fprintf(out, "# HELP %s%s %s\n", name, suffix, help);
	fprintf(out, "# TYPE %s%s %s\n", name, suffix, counter ? "counter" : "gauge");
	if (unit && !classic)
		fprintf(out, "# UNIT %s %s\n", name, unit);
}

static int write_source(char *buf, size_t size, const struct metric_source *source,
			const char *version)
{
	if (!source->file)
		return 0;
	return snprintf(buf, size, "%s%s%s of %s. ", source->file, source->key ? " " : "",
			source->key ?: "", version);
}

void openmetrics_family(FILE *out, size_t metric, bool classic)
{
	char name[OPENMETRICS_NAME_SIZE], help[256] = "Counted by the programs behind net.*. ";
	int n = write_source(help, sizeof(help), &metrics[metric].v2, "cgroup v2");

	write_source(help + n, sizeof(help) - (size_t)n, &metrics[metric].v1, "v1");
	help[strlen(help) - 1] = '\0';
	write_head(out, openmetrics_name(metric, name), metrics[metric].kind == METRIC_COUNTER,
		   classic, help);
}

static void write_number(FILE *out, double value)
{
	if (value == floor(value) && fabs(value) < 1e15)
		fprintf(out, " %.0f", value);
	else
		fprintf(out, " %.15g", value);
}

void openmetrics_plain(FILE *out, const struct openmetrics_plain *family, double value,
		       bool classic)
{
	write_head(out, family->name, family->counter, classic, family->help);
	fprintf(out, "%s%s", family->name, family->counter ? "_total" : "");
	write_number(out, value);
	fputc('\n', out);
}

static void write_label(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n') {
			fputs("\\n", out);
			continue;
		}
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
}

void openmetrics_sample(FILE *out, size_t metric, const char *container, double value, int64_t time)
{
	char name[OPENMETRICS_NAME_SIZE];

	fprintf(out, "%s%s{container=\"", openmetrics_name(metric, name),
		metrics[metric].kind == METRIC_COUNTER ? "_total" : "");
	write_label(out, container);
	fputs("\"}", out);
	write_number(out, value);
	if (time)
		fprintf(out, " %" PRId64 ".%03d", time / 1000, (int)(time % 1000));
	fputc('\n', out);
}

/* cAdvisor has them in the family of the sum, where whoever adds up would count them twice. */
static const char *device_name(size_t metric, char *buf)
{
	snprintf(buf, OPENMETRICS_NAME_SIZE, "rbce_container_device_%s", metric_shown(metric));
	return buf;
}

void openmetrics_device_family(FILE *out, size_t metric, bool classic)
{
	char name[OPENMETRICS_NAME_SIZE];

	write_head(out, device_name(metric, name), true, classic,
		   "That part of it which a block device did.");
}

void openmetrics_device_sample(FILE *out, size_t metric, const char *container, const char *device,
			       double value)
{
	char name[OPENMETRICS_NAME_SIZE];

	fprintf(out, "%s_total{container=\"", device_name(metric, name));
	write_label(out, container);
	fputs("\",device=\"", out);
	write_label(out, device);
	fputs("\"}", out);
	write_number(out, value);
	fputc('\n', out);
}

void openmetrics_end(FILE *out)
{
	fputs("# EOF\n", out);
}
