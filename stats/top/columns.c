// SPDX-License-Identifier: GPL-2.0-or-later
/* The columns of top; see columns.h. */
#include "columns.h"

#include <math.h>
#include <rbce/units.h>

#include "util.h"

/* clang-format off */

#define SHARE(m)	.kind = TOP_SHARE, .unit = TOP_PERCENT, .metric = m
#define RATE(u, m)	.kind = TOP_RATE, .unit = u, .metric = m
#define NOW(u, m)	.kind = TOP_NOW, .unit = u, .metric = m
#define LIMIT(u, k)	.kind = TOP_LIMIT, .unit = u, .limit = k
#define STALL		.warn = 5, .alarm = 25

const struct top_column_info top_columns[TOP_COLUMNS] = {
	[TOP_CPU] = { "cpu_percent", "CPU%", "CPU time, in percent of one CPU",
		5, SHARE(METRIC_CPU), .bound = TOP_CPU_MAX, .warn = 75, .alarm = 150 },
	[TOP_THROTTLED] = { "throttled_percent", "THR%",
		"time for which its CPU limit stopped it, summed over CPUs",
		5, SHARE(METRIC_THROTTLED), .bound = TOP_THROTTLED, .warn = 1, .alarm = 25 },
	[TOP_CPU_MAX] = { "cpu_max_percent", "C.MAX", "its own hard CPU limit, percent of one CPU",
		5, LIMIT(TOP_PERCENT, "cpu.max"), .bound = TOP_CPU_MAX },
	[TOP_MEMORY] = { "memory_bytes", "MEM", "memory in use",
		5, NOW(TOP_BYTES, METRIC_MEMORY), .bound = TOP_MEMORY_MAX },
	[TOP_MEMORY_MAX] = { "memory_max_bytes", "M.MAX", "its own hard memory limit",
		5, LIMIT(TOP_BYTES, "memory.max"), .bound = TOP_MEMORY_MAX },
	[TOP_PIDS] = { "pids", "PIDS", "tasks",
		5, NOW(TOP_NUMBER, METRIC_PIDS), .bound = TOP_PIDS_MAX },
	[TOP_CPU_STALL] = { "cpu_pressure_percent", "cpu",
		"time in which some task waited for a CPU (PSI)",
		4, SHARE(METRIC_CPU_SOME), .bound = TOP_CPU_STALL, STALL },
	[TOP_MEMORY_STALL] = { "memory_pressure_percent", "mem",
		"time in which some task waited for memory (PSI)",
		4, SHARE(METRIC_MEMORY_SOME), .bound = TOP_MEMORY_STALL, STALL },
	[TOP_IO_STALL] = { "io_pressure_percent", "io",
		"time in which some task waited for IO (PSI)",
		4, SHARE(METRIC_IO_SOME), .bound = TOP_IO_STALL, STALL },
	[TOP_EXITS] = { "exits_per_second", "EXIT/s", "processes that ended, those below included",
		6, .kind = TOP_ENDED, .unit = TOP_NUMBER, .bound = TOP_EXITS, .warn = 100, .alarm = 1000 },
	[TOP_PIDS_MAX] = { "pids_max", "P.MAX", "its own limit of tasks",
		5, LIMIT(TOP_NUMBER, "pids.max"), .bound = TOP_PIDS_MAX },
	[TOP_READ] = { "read_bytes_per_second", "READ/s", "bytes read from block devices",
		6, RATE(TOP_BYTES, METRIC_IO_READ), .bound = TOP_READ },
	[TOP_WRITTEN] = { "written_bytes_per_second", "WRIT/s", "bytes written to block devices",
		6, RATE(TOP_BYTES, METRIC_IO_WRITTEN), .bound = TOP_WRITTEN },
	[TOP_SWAP] = { "swap_bytes", "SWAP", "swap in use",
		5, NOW(TOP_BYTES, METRIC_SWAP), .bound = TOP_SWAP, .warn = 1 },
	[TOP_MAJOR_FAULTS] = { "major_faults_per_second", "MAJF/s", "page faults that needed a read",
		6, RATE(TOP_NUMBER, METRIC_MAJOR_FAULTS), .bound = TOP_MAJOR_FAULTS,
		.warn = 10, .alarm = 100 },
	[TOP_OOM_KILLS] = { "oom_kills", "OOM", "processes killed for want of memory since top began",
		5, .kind = TOP_SINCE, .unit = TOP_NUMBER, .metric = METRIC_OOM_KILLS,
		.bound = TOP_OOM_KILLS, .alarm = 1 },
};
/* clang-format on */

int top_column_find(const char *key)
{
	for (int i = 0; i < TOP_COLUMNS; i++)
		if (streq(top_columns[i].key, key))
			return i;
	return -1;
}

/* Three digits, and a letter where it is large: "0.5", "12.5", "150", "1.2k", "15k", "3.4M". */
static char *format_number(double value, bool whole, char *buf)
{
	static const char letters[] = {' ', 'k', 'M', 'G', 'T'};
	size_t step = 0;

	if (value < 999.5 || (whole && value < 99999.5)) {
		snprintf(buf, TOP_CELL_SIZE, "%.*f", whole || value >= 99.95 ? 0 : 1, value);
		return buf;
	}
	for (; value >= 999.5 && step + 1 < ARRAY_SIZE(letters); step++)
		value /= 1000;
	snprintf(buf, TOP_CELL_SIZE, "%.*f%c", value < 9.95 ? 1 : 0, value, letters[step]);
	return buf;
}

char *top_column_format(enum top_column column, double value, char *buf)
{
	const struct top_column_info *info = &top_columns[column];

	if (isnan(value)) {
		snprintf(buf, TOP_CELL_SIZE, "-");
		return buf;
	}
	if (isinf(value)) {
		snprintf(buf, TOP_CELL_SIZE, "max");
		return buf;
	}
	if (info->unit == TOP_BYTES)
		return rbce_format_size(value < 1e19 ? (uint64_t)value : UINT64_MAX, buf);
	return format_number(value,
			     info->kind == TOP_NOW || info->kind == TOP_LIMIT ||
				     info->kind == TOP_SINCE,
			     buf);
}

enum top_tone top_column_tone(enum top_column column, const double values[TOP_COLUMNS])
{
	const struct top_column_info *info = &top_columns[column];
	double value = values[column], bound = values[info->bound];

	if (isnan(value) || isinf(value) || value == 0)
		return TOP_QUIET;
	if (info->bound != column && !isnan(bound) && bound > 0 && value >= 0.9 * bound)
		return TOP_ALARM;
	if (info->alarm > 0 && value >= info->alarm)
		return TOP_ALARM;
	if (info->warn > 0 && value >= info->warn)
		return TOP_WARN;
	return TOP_PLAIN;
}
