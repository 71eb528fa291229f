// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The table of metrics; see metrics.h. Kernel: Documentation/admin-guide/cgroup-v1/ and
 * cgroup-v2.rst. On v1 the total_* keys of memory.stat and the *_recursive files include the
 * groups below, as v2 always does.
 */
#include "metrics.h"

#include <assert.h>

/* clang-format off */

#define VALUE(f)		.file = f, .format = PARSE_VALUE
#define KEY(f, k)		.file = f, .format = PARSE_KEYS, .key = k
#define DEVICES(f, k)		.file = f, .format = PARSE_DEVICES, .key = k
#define NESTED(f, k)		.file = f, .format = PARSE_NESTED, .key = k
#define PRESSURE(f, k)		.file = f, .format = PARSE_PRESSURE, .key = k
#define FROM_NSEC		.divide = 1000
/* v1 gives them in USER_HZ, a hundredth of a second on every machine. */
#define FROM_TICKS		.multiply = 10000

#define USEC(name)		.column = name "_usec", .view = name "_seconds", .unit = METRIC_USEC
#define BYTES(name)		.column = name "_bytes", .unit = METRIC_BYTES
#define NUMBER(name)		.column = name, .unit = METRIC_NUMBER
#define COUNTER			.kind = METRIC_COUNTER
#define GAUGE			.kind = METRIC_GAUGE

#define BLKIO_BYTES		"blkio.throttle.io_service_bytes_recursive"
#define BLKIO_REQUESTS		"blkio.throttle.io_serviced_recursive"

const struct metric_info metrics[METRIC_TOTAL] = {
	[METRIC_CPU] = {
		USEC("cpu"), COUNTER, .controller = RBCE_CPUACCT,
		.v1 = { VALUE("cpuacct.usage"), FROM_NSEC },
		.v2 = { KEY("cpu.stat", "usage_usec") } },
	[METRIC_CPU_USER] = {
		USEC("cpu_user"), COUNTER, .controller = RBCE_CPUACCT,
		.v1 = { KEY("cpuacct.stat", "user"), FROM_TICKS },
		.v2 = { KEY("cpu.stat", "user_usec") } },
	[METRIC_CPU_SYSTEM] = {
		USEC("cpu_system"), COUNTER, .controller = RBCE_CPUACCT,
		.v1 = { KEY("cpuacct.stat", "system"), FROM_TICKS },
		.v2 = { KEY("cpu.stat", "system_usec") } },
	[METRIC_CPU_PERIODS] = {
		NUMBER("cpu_periods"), COUNTER, .controller = RBCE_CPU,
		.v1 = { KEY("cpu.stat", "nr_periods") },
		.v2 = { KEY("cpu.stat", "nr_periods") } },
	[METRIC_THROTTLED_PERIODS] = {
		NUMBER("throttled_periods"), COUNTER, .controller = RBCE_CPU,
		.v1 = { KEY("cpu.stat", "nr_throttled") },
		.v2 = { KEY("cpu.stat", "nr_throttled") } },
	[METRIC_THROTTLED] = {
		USEC("throttled"), COUNTER, .controller = RBCE_CPU,
		.v1 = { KEY("cpu.stat", "throttled_time"), FROM_NSEC },
		.v2 = { KEY("cpu.stat", "throttled_usec") } },

	[METRIC_MEMORY] = {
		BYTES("memory"), GAUGE, .controller = RBCE_MEMORY,
		.v1 = { VALUE("memory.usage_in_bytes") },
		.v2 = { VALUE("memory.current") } },
	[METRIC_MEMORY_ANON] = {
		BYTES("memory_anon"), GAUGE, .controller = RBCE_MEMORY,
		.v1 = { KEY("memory.stat", "total_rss") },
		.v2 = { KEY("memory.stat", "anon") } },
	[METRIC_MEMORY_FILE] = {
		BYTES("memory_file"), GAUGE, .controller = RBCE_MEMORY,
		.v1 = { KEY("memory.stat", "total_cache") },
		.v2 = { KEY("memory.stat", "file") } },
	[METRIC_MEMORY_MAPPED] = {
		BYTES("memory_mapped"), GAUGE, .controller = RBCE_MEMORY,
		.v1 = { KEY("memory.stat", "total_mapped_file") },
		.v2 = { KEY("memory.stat", "file_mapped") } },
	[METRIC_MEMORY_DIRTY] = {
		BYTES("memory_dirty"), GAUGE, .controller = RBCE_MEMORY,
		.v1 = { KEY("memory.stat", "total_dirty") },
		.v2 = { KEY("memory.stat", "file_dirty") } },
	[METRIC_MEMORY_WRITEBACK] = {
		BYTES("memory_writeback"), GAUGE, .controller = RBCE_MEMORY,
		.v1 = { KEY("memory.stat", "total_writeback") },
		.v2 = { KEY("memory.stat", "file_writeback") } },
	[METRIC_SWAP] = {
		BYTES("swap"), GAUGE, .controller = RBCE_MEMORY,
		.v1 = { KEY("memory.stat", "total_swap") },
		.v2 = { VALUE("memory.swap.current") } },
	[METRIC_PAGE_FAULTS] = {
		NUMBER("page_faults"), COUNTER, .controller = RBCE_MEMORY,
		.v1 = { KEY("memory.stat", "total_pgfault") },
		.v2 = { KEY("memory.stat", "pgfault") } },
	[METRIC_MAJOR_FAULTS] = {
		NUMBER("major_faults"), COUNTER, .controller = RBCE_MEMORY,
		.v1 = { KEY("memory.stat", "total_pgmajfault") },
		.v2 = { KEY("memory.stat", "pgmajfault") } },
	[METRIC_MEMORY_HIGH] = {
		NUMBER("memory_high_hits"), COUNTER, .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.events", "high") } },
	[METRIC_MEMORY_MAX] = {
		NUMBER("memory_max_hits"), COUNTER, .controller = RBCE_MEMORY,
		.v1 = { VALUE("memory.failcnt") },
		.v2 = { KEY("memory.events", "max") } },
	[METRIC_OOM] = {
		NUMBER("oom_events"), COUNTER, .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.events", "oom") } },
	[METRIC_OOM_KILLS] = {
		NUMBER("oom_kills"), COUNTER, .controller = RBCE_MEMORY,
		.v1 = { KEY("memory.oom_control", "oom_kill") },
		.v2 = { KEY("memory.events", "oom_kill") } },

	[METRIC_IO_READ] = {
		BYTES("io_read"), COUNTER, .controller = RBCE_IO,
		.v1 = { DEVICES(BLKIO_BYTES, "Read") },
		.v2 = { NESTED("io.stat", "rbytes") } },
	[METRIC_IO_WRITTEN] = {
		BYTES("io_written"), COUNTER, .controller = RBCE_IO,
		.v1 = { DEVICES(BLKIO_BYTES, "Write") },
		.v2 = { NESTED("io.stat", "wbytes") } },
	[METRIC_IO_READS] = {
		NUMBER("io_reads"), COUNTER, .controller = RBCE_IO,
		.v1 = { DEVICES(BLKIO_REQUESTS, "Read") },
		.v2 = { NESTED("io.stat", "rios") } },
	[METRIC_IO_WRITES] = {
		NUMBER("io_writes"), COUNTER, .controller = RBCE_IO,
		.v1 = { DEVICES(BLKIO_REQUESTS, "Write") },
		.v2 = { NESTED("io.stat", "wios") } },

	[METRIC_PIDS] = {
		NUMBER("pids"), GAUGE, .controller = RBCE_PIDS,
		.v1 = { VALUE("pids.current") },
		.v2 = { VALUE("pids.current") } },
	[METRIC_PIDS_MAX] = {
		NUMBER("pids_max_hits"), COUNTER, .controller = RBCE_PIDS,
		.v1 = { KEY("pids.events", "max") },
		.v2 = { KEY("pids.events", "max") } },

	[METRIC_CPU_SOME] = {
		USEC("cpu_pressure_some"), COUNTER, .controller = RBCE_CPU,
		.v2 = { PRESSURE("cpu.pressure", "some") } },
	[METRIC_CPU_FULL] = {
		USEC("cpu_pressure_full"), COUNTER, .controller = RBCE_CPU,
		.v2 = { PRESSURE("cpu.pressure", "full") } },
	[METRIC_MEMORY_SOME] = {
		USEC("memory_pressure_some"), COUNTER, .controller = RBCE_MEMORY,
		.v2 = { PRESSURE("memory.pressure", "some") } },
	[METRIC_MEMORY_FULL] = {
		USEC("memory_pressure_full"), COUNTER, .controller = RBCE_MEMORY,
		.v2 = { PRESSURE("memory.pressure", "full") } },
	[METRIC_IO_SOME] = {
		USEC("io_pressure_some"), COUNTER, .controller = RBCE_IO,
		.v2 = { PRESSURE("io.pressure", "some") } },
	[METRIC_IO_FULL] = {
		USEC("io_pressure_full"), COUNTER, .controller = RBCE_IO,
		.v2 = { PRESSURE("io.pressure", "full") } },
};
/* clang-format on */

static_assert(METRIC_TOTAL <= 64, "struct metric_values has one bit for each");
