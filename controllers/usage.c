// SPDX-License-Identifier: GPL-2.0-or-later
/* What a job used: one table of control files, v1's and v2's; see usage.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <rbce/units.h>

#include "file.h"
#include "own.h"
#include "usage.h"
#include "util.h"

enum kind { BYTES, MICROSECONDS, NANOSECONDS, COUNT };

/*
 * Where a number stands, for each version of cgroups: the whole file, behind "FIELD " on a line of
 * its own, or, with SUM, in each line behind FIELD, added up. The v2 tree has its own files even
 * without controllers. What v1 counts for a group ALONE is added up with those below.
 */
static const struct row {
	const char *title, *key;
	enum rbce_controller controller;
	struct place {
		const char *file, *field;
		enum kind kind;
	} version[3];
	bool sum, unified, alone;
} rows[] = {
	/* clang-format off */
	{ .title = "peak memory", .key = "memory_peak_bytes", .controller = RBCE_MEMORY,
	  .version[1] = { "memory.max_usage_in_bytes", NULL, BYTES },
	  .version[2] = { "memory.peak", NULL, BYTES } },
	{ .title = "CPU", .key = "cpu_usec", .controller = RBCE_CPUACCT,
	  .version[1] = { "cpuacct.usage", NULL, NANOSECONDS },
	  .version[2] = { "cpu.stat", "usage_usec", MICROSECONDS } },
	{ .title = "CPU user", .key = "cpu_user_usec", .controller = RBCE_CPUACCT,
	  .version[1] = { "cpuacct.usage_user", NULL, NANOSECONDS },
	  .version[2] = { "cpu.stat", "user_usec", MICROSECONDS } },
	{ .title = "CPU system", .key = "cpu_system_usec", .controller = RBCE_CPUACCT,
	  .version[1] = { "cpuacct.usage_sys", NULL, NANOSECONDS },
	  .version[2] = { "cpu.stat", "system_usec", MICROSECONDS } },
	{ .title = "throttled", .key = "throttled_usec", .controller = RBCE_CPU,
	  .version[1] = { "cpu.stat", "throttled_time", NANOSECONDS },
	  .version[2] = { "cpu.stat", "throttled_usec", MICROSECONDS } },
	{ .title = "times throttled", .key = "throttled_periods", .controller = RBCE_CPU,
	  .version[1] = { "cpu.stat", "nr_throttled", COUNT },
	  .version[2] = { "cpu.stat", "nr_throttled", COUNT } },
	{ .title = "read", .key = "io_read_bytes", .controller = RBCE_IO,
	  .version[1] = { "blkio.throttle.io_service_bytes_recursive", "Read ", BYTES },
	  .version[2] = { "io.stat", "rbytes=", BYTES }, .sum = true },
	{ .title = "written", .key = "io_written_bytes", .controller = RBCE_IO,
	  .version[1] = { "blkio.throttle.io_service_bytes_recursive", "Write ", BYTES },
	  .version[2] = { "io.stat", "wbytes=", BYTES }, .sum = true },
	{ .title = "peak tasks", .key = "pids_peak", .controller = RBCE_PIDS,
	  .version[1] = { "pids.peak", NULL, COUNT },
	  .version[2] = { "pids.peak", NULL, COUNT } },
	{ .title = "killed for memory", .key = "oom_kills", .controller = RBCE_MEMORY,
	  .version[1] = { "memory.oom_control", "oom_kill", COUNT },
	  .version[2] = { "memory.events", "oom_kill", COUNT }, .alone = true },
	{ .title = "waited for CPU", .key = "cpu_pressure_some_usec", .controller = RBCE_CPU,
	  .version[2] = { "cpu.pressure", "some total", MICROSECONDS }, .unified = true },
	{ .title = "waited for memory", .key = "memory_pressure_some_usec", .controller = RBCE_CPU,
	  .version[2] = { "memory.pressure", "some total", MICROSECONDS }, .unified = true },
	{ .title = "waited for IO", .key = "io_pressure_some_usec", .controller = RBCE_CPU,
	  .version[2] = { "io.pressure", "some total", MICROSECONDS }, .unified = true },
	/* clang-format on */
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

/* Adds what the containers below C have. */
static void add_below(struct rbce_hierarchy *h, const struct rbce_container *c,
		      const struct row *row, uint64_t *amount)
{
	CLEANUP(rbce_names_free_p) char **names = NULL;

	if (rbce_container_list(h, &names, NULL) < 0)
		return;
	for (size_t i = 0; names[i]; i++) {
		const char *rest = after_prefix(names[i], rbce_container_name(c));
		struct rbce_container *below = NULL;
		enum kind kind;
		uint64_t more;

		if (rest && *rest == '/' &&
		    rbce_container_open(h, names[i], 0, &below, NULL) == 0 &&
		    read_row(below, row, &more, &kind))
			*amount += more;
		rbce_container_close(below);
	}
}

void usage_each(struct rbce_hierarchy *h, struct rbce_container *c, usage_fn *function, void *data)
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
		if (rows[i].alone && rbce_container_version(c, rows[i].controller) == 1)
			add_below(h, c, &rows[i], &usage.amount);
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
