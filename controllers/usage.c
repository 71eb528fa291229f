// SPDX-License-Identifier: GPL-2.0-or-later
/* What a job used: one table of control files, v1's and v2's; see usage.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <rbce/units.h>

#include "file.h"
#include "usage.h"
#include "util.h"

enum kind { BYTES, MICROSECONDS, NANOSECONDS, COUNT };

/*
 * Where a number stands: the whole file, behind "FIELD " on a line of its own, or, with SUM, in
 * each line behind FIELD, added up. The v2 tree has its own files even without controllers.
 */
static const struct row {
	const char *title, *key;
	enum rbce_controller controller;
	struct {
		const char *file, *field;
		enum kind kind;
	} version[3];
	bool sum, unified;
} rows[] = {
	{"peak memory",
	 "memory_peak_bytes",
	 RBCE_MEMORY,
	 {{0}, {"memory.max_usage_in_bytes", NULL, BYTES}, {"memory.peak", NULL, BYTES}},
	 false,
	 false},
	{"CPU",
	 "cpu_usec",
	 RBCE_CPUACCT,
	 {{0}, {"cpuacct.usage", NULL, NANOSECONDS}, {"cpu.stat", "usage_usec", MICROSECONDS}},
	 false,
	 false},
	{"CPU user",
	 "cpu_user_usec",
	 RBCE_CPUACCT,
	 {{0}, {"cpuacct.usage_user", NULL, NANOSECONDS}, {"cpu.stat", "user_usec", MICROSECONDS}},
	 false,
	 false},
	{"CPU system",
	 "cpu_system_usec",
	 RBCE_CPUACCT,
	 {{0}, {"cpuacct.usage_sys", NULL, NANOSECONDS}, {"cpu.stat", "system_usec", MICROSECONDS}},
	 false,
	 false},
	{"throttled",
	 "throttled_usec",
	 RBCE_CPU,
	 {{0},
	  {"cpu.stat", "throttled_time", NANOSECONDS},
	  {"cpu.stat", "throttled_usec", MICROSECONDS}},
	 false,
	 false},
	{"times throttled",
	 "throttled_periods",
	 RBCE_CPU,
	 {{0}, {"cpu.stat", "nr_throttled", COUNT}, {"cpu.stat", "nr_throttled", COUNT}},
	 false,
	 false},
	{"read",
	 "io_read_bytes",
	 RBCE_IO,
	 {{0},
	  {"blkio.throttle.io_service_bytes_recursive", "Read ", BYTES},
	  {"io.stat", "rbytes=", BYTES}},
	 true,
	 false},
	{"written",
	 "io_written_bytes",
	 RBCE_IO,
	 {{0},
	  {"blkio.throttle.io_service_bytes_recursive", "Write ", BYTES},
	  {"io.stat", "wbytes=", BYTES}},
	 true,
	 false},
	{"peak tasks",
	 "pids_peak",
	 RBCE_PIDS,
	 {{0}, {"pids.peak", NULL, COUNT}, {"pids.peak", NULL, COUNT}},
	 false,
	 false},
	{"killed for memory",
	 "oom_kills",
	 RBCE_MEMORY,
	 {{0}, {"memory.oom_control", "oom_kill", COUNT}, {"memory.events", "oom_kill", COUNT}},
	 false,
	 false},
	{"waited for CPU",
	 "cpu_pressure_some_usec",
	 RBCE_CPU,
	 {{0}, {0}, {"cpu.pressure", "some total", MICROSECONDS}},
	 false,
	 true},
	{"waited for memory",
	 "memory_pressure_some_usec",
	 RBCE_CPU,
	 {{0}, {0}, {"memory.pressure", "some total", MICROSECONDS}},
	 false,
	 true},
	{"waited for IO",
	 "io_pressure_some_usec",
	 RBCE_CPU,
	 {{0}, {0}, {"io.pressure", "some total", MICROSECONDS}},
	 false,
	 true},
};

/* The number behind FIELD; "some avg10=0.00 ... total=5" of a pressure file behind its total. */
static bool find_number(const char *text, const char *field, bool sum, uint64_t *ret)
{
	bool pressure = streq(field, "some total");
	const char *wanted = pressure ? "total=" : field, *at = text;
	bool found = false;
	uint64_t value;

	*ret = 0;
	while ((at = strstr(at, wanted))) {
		bool first = at == text || at[-1] == '\n' || at[-1] == ' ';

		at += strlen(wanted);
		if (!first || sscanf(at, pressure || sum ? "%" SCNu64 : " %" SCNu64, &value) != 1)
			continue;
		*ret += value;
		found = true;
		if (!sum)
			break;
	}
	/* Of a device that nobody used there is no line. */
	return found || sum;
}

static bool read_row(struct rbce_container *c, const struct row *row, uint64_t *ret,
		     enum kind *ret_kind)
{
	int version = row->unified ? 2 : rbce_container_version(c, row->controller);
	/* v2 counts CPU time in the tree itself, whatever controllers it has. */
	bool tree = row->unified || (version == 0 && row->controller == RBCE_CPUACCT);
	const char *file = row->version[tree ? 2 : version].file;
	cleanup_close int fd = -1;
	char text[16384];

	if (tree)
		version = 2;
	if (!file)
		return false;
	fd = tree ? rbce_container_open_unified(c, file, O_RDONLY)
		  : rbce_container_open_file(c, row->controller, file, O_RDONLY);
	if (fd < 0 || file_pread(fd, text, sizeof(text)) < 0)
		return false;
	*ret_kind = row->version[version].kind;
	if (row->version[version].field)
		return find_number(text, row->version[version].field, row->sum, ret);
	return rbce_parse_number(text, 0, UINT64_MAX - 1, ret) == 0;
}

void usage_each(struct rbce_container *c, usage_fn *function, void *data)
{
	static const enum usage_unit units[] = {
		[BYTES] = USAGE_IN_BYTES,
		[MICROSECONDS] = USAGE_IN_USEC,
		[NANOSECONDS] = USAGE_IN_USEC,
		[COUNT] = USAGE_IN_PIECES,
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct usage usage = {.title = rows[i].title, .key = rows[i].key};
		enum kind kind = COUNT;

		if (!read_row(c, &rows[i], &usage.amount, &kind))
			continue;
		usage.unit = units[kind];
		if (kind == NANOSECONDS)
			usage.amount /= 1000;
		function(data, &usage);
	}
}

const char *usage_format(const struct usage *usage, char *buf)
{
	switch (usage->unit) {
	case USAGE_IN_BYTES:
		return rbce_format_size(usage->amount, buf);
	case USAGE_IN_USEC:
		return rbce_format_duration(usage->amount, buf);
	case USAGE_IN_PIECES:
		break;
	}
	snprintf(buf, RBCE_UNITS_SIZE, "%" PRIu64, usage->amount);
	return buf;
}
