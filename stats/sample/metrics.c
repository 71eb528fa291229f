// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The table of metrics; see metrics.h. Kernel: Documentation/admin-guide/cgroup-v1/ and
 * cgroup-v2.rst. On v1 the total_* keys of memory.stat and the *_recursive files include the
 * groups below, as v2 always does.
 */
#include "metrics.h"

#include <assert.h>

const char *const metric_tables[TABLE_TOTAL] = {
	[TABLE_SAMPLES] = "samples",
	[TABLE_DETAILS] = "details",
	[TABLE_LIMITS] = "limits",
	[TABLE_NETWORK] = "network",
};

const struct metric_view_info metric_views[VIEW_TOTAL] = {
	[VIEW_CPU] = {"cpu", TABLE_SAMPLES},
	[VIEW_MEMORY] = {"memory", TABLE_SAMPLES},
	[VIEW_IO] = {"io", TABLE_SAMPLES},
	[VIEW_PIDS] = {"pids", TABLE_SAMPLES},
	[VIEW_PRESSURE] = {"pressure", TABLE_SAMPLES},
	[VIEW_MEMORY_DETAIL] = {"memory_detail", TABLE_DETAILS},
	[VIEW_RECLAIM] = {"reclaim", TABLE_DETAILS},
	[VIEW_OTHER] = {"other", TABLE_DETAILS},
	[VIEW_LIMITS] = {"limits", TABLE_LIMITS},
	[VIEW_NETWORK] = {"network", TABLE_NETWORK},
};

/* clang-format off */

#define VALUE(f)		.file = f, .format = PARSE_VALUE
#define KEY(f, k)		.file = f, .format = PARSE_KEYS, .key = k
#define DEVICES(f, k)		.file = f, .format = PARSE_DEVICES, .key = k
#define NESTED(f, k)		.file = f, .format = PARSE_NESTED, .key = k
#define PRESSURE(f, k)		.file = f, .format = PARSE_PRESSURE, .key = k
#define SECOND(f)		.file = f, .format = PARSE_SECOND
#define SUM(f)			.file = f, .format = PARSE_SUM
#define PEAK(f)			.file = f, .format = PARSE_VALUE, .reset = true
#define FROM_NSEC		.divide = 1000
/* v1 gives them in USER_HZ, a hundredth of a second on every machine. */
#define TICK_USEC		10000
#define FROM_TICKS		.multiply = TICK_USEC

#define USEC(name)		.column = name "_usec", .shown = name "_seconds", .unit = METRIC_USEC
#define BYTES(name)		.column = name "_bytes", .unit = METRIC_BYTES
/* Of what the kernel gives in whole pages, which take less room as such. */
#define PAGES(name)		.column = name "_pages", .shown = name "_bytes", \
				.unit = METRIC_BYTES, .scale = 4096
#define NUMBER(name)		.column = name, .unit = METRIC_NUMBER
#define COUNTER			.kind = METRIC_COUNTER
#define GAUGE			.kind = METRIC_GAUGE
#define VIEW(v)			.view = VIEW_##v

#define BLKIO_BYTES		"blkio.throttle.io_service_bytes_recursive"
#define BLKIO_REQUESTS		"blkio.throttle.io_serviced_recursive"

const struct metric_info metrics[METRIC_TOTAL] = {
	[METRIC_CPU] = {
		USEC("cpu"), COUNTER, VIEW(CPU), .controller = RBCE_CPUACCT, .keep = KEEP_RANGE,
		.v1 = { VALUE("cpuacct.usage"), FROM_NSEC },
		.v2 = { KEY("cpu.stat", "usage_usec") } },
	[METRIC_CPU_USER] = {
		USEC("cpu_user"), COUNTER, VIEW(CPU), .controller = RBCE_CPUACCT,
		.coarse = TICK_USEC,
		.v1 = { KEY("cpuacct.stat", "user"), FROM_TICKS },
		.v2 = { KEY("cpu.stat", "user_usec") } },
	[METRIC_CPU_SYSTEM] = {
		USEC("cpu_system"), COUNTER, VIEW(CPU), .controller = RBCE_CPUACCT,
		.coarse = TICK_USEC,
		.v1 = { KEY("cpuacct.stat", "system"), FROM_TICKS },
		.v2 = { KEY("cpu.stat", "system_usec") } },
	[METRIC_CPU_NICE] = {
		USEC("cpu_nice"), COUNTER, VIEW(CPU), .controller = RBCE_CPUACCT,
		.v2 = { KEY("cpu.stat", "nice_usec") } },
	[METRIC_CPU_PERIODS] = {
		NUMBER("cpu_periods"), COUNTER, VIEW(CPU), .controller = RBCE_CPU,
		.v1 = { KEY("cpu.stat", "nr_periods") },
		.v2 = { KEY("cpu.stat", "nr_periods") } },
	[METRIC_THROTTLED_PERIODS] = {
		NUMBER("throttled_periods"), COUNTER, VIEW(CPU), .controller = RBCE_CPU,
		.v1 = { KEY("cpu.stat", "nr_throttled") },
		.v2 = { KEY("cpu.stat", "nr_throttled") } },
	[METRIC_THROTTLED] = {
		USEC("throttled"), COUNTER, VIEW(CPU), .controller = RBCE_CPU,
		.v1 = { KEY("cpu.stat", "throttled_time"), FROM_NSEC },
		.v2 = { KEY("cpu.stat", "throttled_usec") } },
	[METRIC_CPU_BURSTS] = {
		NUMBER("cpu_bursts"), COUNTER, VIEW(CPU), .controller = RBCE_CPU,
		.v1 = { KEY("cpu.stat", "nr_bursts") },
		.v2 = { KEY("cpu.stat", "nr_bursts") } },
	[METRIC_CPU_BURST] = {
		USEC("cpu_burst"), COUNTER, VIEW(CPU), .controller = RBCE_CPU,
		.v1 = { KEY("cpu.stat", "burst_time"), FROM_NSEC },
		.v2 = { KEY("cpu.stat", "burst_usec") } },
	[METRIC_MEMORY] = {
		PAGES("memory"), GAUGE, VIEW(MEMORY), .controller = RBCE_MEMORY, .keep = KEEP_RANGE,
		.v1 = { VALUE("memory.usage_in_bytes") },
		.v2 = { VALUE("memory.current") } },
	[METRIC_MEMORY_PEAK] = {
		PAGES("memory_peak"), GAUGE, VIEW(MEMORY), .controller = RBCE_MEMORY, .keep = KEEP_MOST,
		.v2 = { PEAK("memory.peak") } },
	[METRIC_MEMORY_ANON] = {
		PAGES("memory_anon"), GAUGE, VIEW(MEMORY), .controller = RBCE_MEMORY, .keep = KEEP_RANGE,
		.v1 = { KEY("memory.stat", "total_rss") },
		.v2 = { KEY("memory.stat", "anon") } },
	[METRIC_MEMORY_FILE] = {
		PAGES("memory_file"), GAUGE, VIEW(MEMORY), .controller = RBCE_MEMORY,
		.v1 = { KEY("memory.stat", "total_cache") },
		.v2 = { KEY("memory.stat", "file") } },
	[METRIC_MEMORY_SHMEM] = {
		PAGES("memory_shmem"), GAUGE, VIEW(MEMORY), .controller = RBCE_MEMORY,
		.v1 = { KEY("memory.stat", "total_shmem") },
		.v2 = { KEY("memory.stat", "shmem") } },
	[METRIC_MEMORY_MAPPED] = {
		PAGES("memory_mapped"), GAUGE, VIEW(MEMORY), .controller = RBCE_MEMORY,
		.v1 = { KEY("memory.stat", "total_mapped_file") },
		.v2 = { KEY("memory.stat", "file_mapped") } },
	[METRIC_MEMORY_KERNEL] = {
		PAGES("memory_kernel"), GAUGE, VIEW(MEMORY), .controller = RBCE_MEMORY,
		.v1 = { VALUE("memory.kmem.usage_in_bytes") },
		.v2 = { KEY("memory.stat", "kernel") } },
	[METRIC_MEMORY_DIRTY] = {
		PAGES("memory_dirty"), GAUGE, VIEW(MEMORY), .controller = RBCE_MEMORY,
		.v1 = { KEY("memory.stat", "total_dirty") },
		.v2 = { KEY("memory.stat", "file_dirty") } },
	[METRIC_MEMORY_WRITEBACK] = {
		PAGES("memory_writeback"), GAUGE, VIEW(MEMORY), .controller = RBCE_MEMORY,
		.v1 = { KEY("memory.stat", "total_writeback") },
		.v2 = { KEY("memory.stat", "file_writeback") } },
	[METRIC_SWAP] = {
		PAGES("swap"), GAUGE, VIEW(MEMORY), .controller = RBCE_MEMORY, .keep = KEEP_RANGE,
		.v1 = { KEY("memory.stat", "total_swap") },
		.v2 = { VALUE("memory.swap.current") } },
	[METRIC_PAGE_FAULTS] = {
		NUMBER("page_faults"), COUNTER, VIEW(MEMORY), .controller = RBCE_MEMORY,
		.v1 = { KEY("memory.stat", "total_pgfault") },
		.v2 = { KEY("memory.stat", "pgfault") } },
	[METRIC_MAJOR_FAULTS] = {
		NUMBER("major_faults"), COUNTER, VIEW(MEMORY), .controller = RBCE_MEMORY,
		.v1 = { KEY("memory.stat", "total_pgmajfault") },
		.v2 = { KEY("memory.stat", "pgmajfault") } },
	[METRIC_MEMORY_HIGH] = {
		NUMBER("memory_high_hits"), COUNTER, VIEW(MEMORY), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.events", "high") } },
	[METRIC_MEMORY_MAX] = {
		NUMBER("memory_max_hits"), COUNTER, VIEW(MEMORY), .controller = RBCE_MEMORY,
		.v1 = { VALUE("memory.failcnt") },
		.v2 = { KEY("memory.events", "max") } },
	[METRIC_OOM] = {
		NUMBER("oom_events"), COUNTER, VIEW(MEMORY), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.events", "oom") } },
	[METRIC_OOM_KILLS] = {
		NUMBER("oom_kills"), COUNTER, VIEW(MEMORY), .controller = RBCE_MEMORY,
		.v1 = { KEY("memory.oom_control", "oom_kill") },
		.v2 = { KEY("memory.events", "oom_kill") } },
	[METRIC_IO_READ] = {
		BYTES("io_read"), COUNTER, VIEW(IO), .controller = RBCE_IO, .keep = KEEP_RANGE,
		.v1 = { DEVICES(BLKIO_BYTES, "Read") },
		.v2 = { NESTED("io.stat", "rbytes") } },
	[METRIC_IO_WRITTEN] = {
		BYTES("io_written"), COUNTER, VIEW(IO), .controller = RBCE_IO, .keep = KEEP_RANGE,
		.v1 = { DEVICES(BLKIO_BYTES, "Write") },
		.v2 = { NESTED("io.stat", "wbytes") } },
	[METRIC_IO_READS] = {
		NUMBER("io_reads"), COUNTER, VIEW(IO), .controller = RBCE_IO,
		.v1 = { DEVICES(BLKIO_REQUESTS, "Read") },
		.v2 = { NESTED("io.stat", "rios") } },
	[METRIC_IO_WRITES] = {
		NUMBER("io_writes"), COUNTER, VIEW(IO), .controller = RBCE_IO,
		.v1 = { DEVICES(BLKIO_REQUESTS, "Write") },
		.v2 = { NESTED("io.stat", "wios") } },
	[METRIC_IO_DISCARDED] = {
		BYTES("io_discarded"), COUNTER, VIEW(IO), .controller = RBCE_IO,
		.v1 = { DEVICES(BLKIO_BYTES, "Discard") },
		.v2 = { NESTED("io.stat", "dbytes") } },
	[METRIC_IO_DISCARDS] = {
		NUMBER("io_discards"), COUNTER, VIEW(IO), .controller = RBCE_IO,
		.v1 = { DEVICES(BLKIO_REQUESTS, "Discard") },
		.v2 = { NESTED("io.stat", "dios") } },
	[METRIC_PIDS] = {
		NUMBER("pids"), GAUGE, VIEW(PIDS), .controller = RBCE_PIDS, .keep = KEEP_RANGE,
		.v1 = { VALUE("pids.current") },
		.v2 = { VALUE("pids.current") } },
	[METRIC_PIDS_MAX] = {
		NUMBER("pids_max_hits"), COUNTER, VIEW(PIDS), .controller = RBCE_PIDS,
		.v1 = { KEY("pids.events", "max") },
		.v2 = { KEY("pids.events", "max") } },
	[METRIC_CPU_SOME] = {
		USEC("cpu_pressure_some"), COUNTER, VIEW(PRESSURE), .controller = RBCE_CPU,
		.v2 = { PRESSURE("cpu.pressure", "some") } },
	[METRIC_CPU_FULL] = {
		USEC("cpu_pressure_full"), COUNTER, VIEW(PRESSURE), .controller = RBCE_CPU,
		.v2 = { PRESSURE("cpu.pressure", "full") } },
	[METRIC_MEMORY_SOME] = {
		USEC("memory_pressure_some"), COUNTER, VIEW(PRESSURE), .controller = RBCE_MEMORY,
		.v2 = { PRESSURE("memory.pressure", "some") } },
	[METRIC_MEMORY_FULL] = {
		USEC("memory_pressure_full"), COUNTER, VIEW(PRESSURE), .controller = RBCE_MEMORY,
		.v2 = { PRESSURE("memory.pressure", "full") } },
	[METRIC_IO_SOME] = {
		USEC("io_pressure_some"), COUNTER, VIEW(PRESSURE), .controller = RBCE_IO,
		.v2 = { PRESSURE("io.pressure", "some") } },
	[METRIC_IO_FULL] = {
		USEC("io_pressure_full"), COUNTER, VIEW(PRESSURE), .controller = RBCE_IO,
		.v2 = { PRESSURE("io.pressure", "full") } },
	[METRIC_IRQ_FULL] = {
		USEC("irq_pressure_full"), COUNTER, VIEW(PRESSURE), .controller = RBCE_CPU,
		.v2 = { PRESSURE("irq.pressure", "full") } },
	[METRIC_INACTIVE_ANON] = {
		PAGES("inactive_anon"), GAUGE, VIEW(MEMORY_DETAIL), .controller = RBCE_MEMORY,
		.v1 = { KEY("memory.stat", "total_inactive_anon") },
		.v2 = { KEY("memory.stat", "inactive_anon") } },
	[METRIC_ACTIVE_ANON] = {
		PAGES("active_anon"), GAUGE, VIEW(MEMORY_DETAIL), .controller = RBCE_MEMORY,
		.v1 = { KEY("memory.stat", "total_active_anon") },
		.v2 = { KEY("memory.stat", "active_anon") } },
	[METRIC_INACTIVE_FILE] = {
		PAGES("inactive_file"), GAUGE, VIEW(MEMORY_DETAIL), .controller = RBCE_MEMORY,
		.v1 = { KEY("memory.stat", "total_inactive_file") },
		.v2 = { KEY("memory.stat", "inactive_file") } },
	[METRIC_ACTIVE_FILE] = {
		PAGES("active_file"), GAUGE, VIEW(MEMORY_DETAIL), .controller = RBCE_MEMORY,
		.v1 = { KEY("memory.stat", "total_active_file") },
		.v2 = { KEY("memory.stat", "active_file") } },
	[METRIC_UNEVICTABLE] = {
		PAGES("unevictable"), GAUGE, VIEW(MEMORY_DETAIL), .controller = RBCE_MEMORY,
		.v1 = { KEY("memory.stat", "total_unevictable") },
		.v2 = { KEY("memory.stat", "unevictable") } },
	[METRIC_SLAB_RECLAIMABLE] = {
		BYTES("slab_reclaimable"), GAUGE, VIEW(MEMORY_DETAIL), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "slab_reclaimable") } },
	[METRIC_SLAB_UNRECLAIMABLE] = {
		BYTES("slab_unreclaimable"), GAUGE, VIEW(MEMORY_DETAIL), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "slab_unreclaimable") } },
	[METRIC_KERNEL_STACK] = {
		PAGES("kernel_stack"), GAUGE, VIEW(MEMORY_DETAIL), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "kernel_stack") } },
	[METRIC_PAGE_TABLES] = {
		PAGES("page_tables"), GAUGE, VIEW(MEMORY_DETAIL), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "pagetables") } },
	[METRIC_SECOND_PAGE_TABLES] = {
		PAGES("second_page_tables"), GAUGE, VIEW(MEMORY_DETAIL), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "sec_pagetables") } },
	[METRIC_PERCPU] = {
		BYTES("percpu"), GAUGE, VIEW(MEMORY_DETAIL), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "percpu") } },
	[METRIC_SOCK] = {
		PAGES("sock"), GAUGE, VIEW(MEMORY_DETAIL), .controller = RBCE_MEMORY,
		.v1 = { VALUE("memory.kmem.tcp.usage_in_bytes") },
		.v2 = { KEY("memory.stat", "sock") } },
	[METRIC_VMALLOC] = {
		PAGES("vmalloc"), GAUGE, VIEW(MEMORY_DETAIL), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "vmalloc") } },
	[METRIC_ANON_HUGE] = {
		PAGES("anon_huge"), GAUGE, VIEW(MEMORY_DETAIL), .controller = RBCE_MEMORY,
		.v1 = { KEY("memory.stat", "total_rss_huge") },
		.v2 = { KEY("memory.stat", "anon_thp") } },
	[METRIC_FILE_HUGE] = {
		PAGES("file_huge"), GAUGE, VIEW(MEMORY_DETAIL), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "file_thp") } },
	[METRIC_SHMEM_HUGE] = {
		PAGES("shmem_huge"), GAUGE, VIEW(MEMORY_DETAIL), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "shmem_thp") } },
	[METRIC_ZSWAP] = {
		BYTES("zswap"), GAUGE, VIEW(MEMORY_DETAIL), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "zswap") } },
	[METRIC_ZSWAPPED] = {
		PAGES("zswapped"), GAUGE, VIEW(MEMORY_DETAIL), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "zswapped") } },
	[METRIC_SWAP_CACHED] = {
		PAGES("swap_cached"), GAUGE, VIEW(MEMORY_DETAIL), .controller = RBCE_MEMORY,
		.v1 = { KEY("memory.stat", "total_swapcached") },
		.v2 = { KEY("memory.stat", "swapcached") } },
	[METRIC_SWAP_PEAK] = {
		PAGES("swap_peak"), GAUGE, VIEW(MEMORY_DETAIL), .controller = RBCE_MEMORY, .keep = KEEP_MOST,
		.v2 = { PEAK("memory.swap.peak") } },
	[METRIC_HUGETLB_2M] = {
		PAGES("hugetlb_2m"), GAUGE, VIEW(MEMORY_DETAIL), .controller = RBCE_HUGETLB,
		.v1 = { VALUE("hugetlb.2MB.usage_in_bytes") },
		.v2 = { VALUE("hugetlb.2MB.current") } },
	[METRIC_HUGETLB_1G] = {
		PAGES("hugetlb_1g"), GAUGE, VIEW(MEMORY_DETAIL), .controller = RBCE_HUGETLB,
		.v1 = { VALUE("hugetlb.1GB.usage_in_bytes") },
		.v2 = { VALUE("hugetlb.1GB.current") } },
	[METRIC_PAGES_IN] = {
		NUMBER("pages_charged"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v1 = { KEY("memory.stat", "total_pgpgin") } },
	[METRIC_PAGES_OUT] = {
		NUMBER("pages_uncharged"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v1 = { KEY("memory.stat", "total_pgpgout") } },
	[METRIC_REFAULT_ANON] = {
		NUMBER("workingset_refault_anon"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v1 = { KEY("memory.stat", "total_workingset_refault_anon") },
		.v2 = { KEY("memory.stat", "workingset_refault_anon") } },
	[METRIC_REFAULT_FILE] = {
		NUMBER("workingset_refault_file"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v1 = { KEY("memory.stat", "total_workingset_refault_file") },
		.v2 = { KEY("memory.stat", "workingset_refault_file") } },
	[METRIC_ACTIVATE_ANON] = {
		NUMBER("workingset_activate_anon"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v1 = { KEY("memory.stat", "total_workingset_activate_anon") },
		.v2 = { KEY("memory.stat", "workingset_activate_anon") } },
	[METRIC_ACTIVATE_FILE] = {
		NUMBER("workingset_activate_file"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v1 = { KEY("memory.stat", "total_workingset_activate_file") },
		.v2 = { KEY("memory.stat", "workingset_activate_file") } },
	[METRIC_RESTORE_ANON] = {
		NUMBER("workingset_restore_anon"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v1 = { KEY("memory.stat", "total_workingset_restore_anon") },
		.v2 = { KEY("memory.stat", "workingset_restore_anon") } },
	[METRIC_RESTORE_FILE] = {
		NUMBER("workingset_restore_file"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v1 = { KEY("memory.stat", "total_workingset_restore_file") },
		.v2 = { KEY("memory.stat", "workingset_restore_file") } },
	[METRIC_NODE_RECLAIM] = {
		NUMBER("workingset_nodereclaim"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "workingset_nodereclaim") } },
	[METRIC_SCANNED] = {
		NUMBER("pgscan"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "pgscan") } },
	[METRIC_SCANNED_KSWAPD] = {
		NUMBER("pgscan_kswapd"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "pgscan_kswapd") } },
	[METRIC_SCANNED_DIRECT] = {
		NUMBER("pgscan_direct"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "pgscan_direct") } },
	[METRIC_SCANNED_KHUGEPAGED] = {
		NUMBER("pgscan_khugepaged"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "pgscan_khugepaged") } },
	[METRIC_RECLAIMED] = {
		NUMBER("pgsteal"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "pgsteal") } },
	[METRIC_RECLAIMED_KSWAPD] = {
		NUMBER("pgsteal_kswapd"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "pgsteal_kswapd") } },
	[METRIC_RECLAIMED_DIRECT] = {
		NUMBER("pgsteal_direct"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "pgsteal_direct") } },
	[METRIC_RECLAIMED_KHUGEPAGED] = {
		NUMBER("pgsteal_khugepaged"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "pgsteal_khugepaged") } },
	[METRIC_DEMOTED_KSWAPD] = {
		NUMBER("pgdemote_kswapd"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "pgdemote_kswapd") } },
	[METRIC_DEMOTED_DIRECT] = {
		NUMBER("pgdemote_direct"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "pgdemote_direct") } },
	[METRIC_DEMOTED_KHUGEPAGED] = {
		NUMBER("pgdemote_khugepaged"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "pgdemote_khugepaged") } },
	[METRIC_PROMOTED] = {
		NUMBER("pgpromote_success"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "pgpromote_success") } },
	[METRIC_REFILLED] = {
		NUMBER("pgrefill"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "pgrefill") } },
	[METRIC_ACTIVATED] = {
		NUMBER("pgactivate"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "pgactivate") } },
	[METRIC_DEACTIVATED] = {
		NUMBER("pgdeactivate"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "pgdeactivate") } },
	[METRIC_LAZY_FREE] = {
		NUMBER("pglazyfree"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "pglazyfree") } },
	[METRIC_LAZY_FREED] = {
		NUMBER("pglazyfreed"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "pglazyfreed") } },
	[METRIC_SWAP_IN_ZERO] = {
		NUMBER("swpin_zero"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "swpin_zero") } },
	[METRIC_SWAP_OUT_ZERO] = {
		NUMBER("swpout_zero"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "swpout_zero") } },
	[METRIC_ZSWAP_IN] = {
		NUMBER("zswpin"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "zswpin") } },
	[METRIC_ZSWAP_OUT] = {
		NUMBER("zswpout"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "zswpout") } },
	[METRIC_ZSWAP_WRITTEN] = {
		NUMBER("zswpwb"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "zswpwb") } },
	[METRIC_HUGE_FAULTS] = {
		NUMBER("thp_fault_alloc"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "thp_fault_alloc") } },
	[METRIC_HUGE_COLLAPSED] = {
		NUMBER("thp_collapse_alloc"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "thp_collapse_alloc") } },
	[METRIC_HUGE_SWAPPED] = {
		NUMBER("thp_swpout"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "thp_swpout") } },
	[METRIC_HUGE_SPLIT] = {
		NUMBER("thp_swpout_fallback"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "thp_swpout_fallback") } },
	[METRIC_NUMA_MIGRATED] = {
		NUMBER("numa_pages_migrated"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "numa_pages_migrated") } },
	[METRIC_NUMA_PTES] = {
		NUMBER("numa_pte_updates"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "numa_pte_updates") } },
	[METRIC_NUMA_HINTS] = {
		NUMBER("numa_hint_faults"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.stat", "numa_hint_faults") } },
	[METRIC_MEMORY_LOW] = {
		NUMBER("memory_low_hits"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.events", "low") } },
	[METRIC_OOM_GROUP_KILLS] = {
		NUMBER("oom_group_kills"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.events", "oom_group_kill") } },
	[METRIC_MEMORY_LOCAL_MAX] = {
		NUMBER("memory_local_max_hits"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.events.local", "max") } },
	[METRIC_MEMORY_LOCAL_OOM_KILLS] = {
		NUMBER("memory_local_oom_kills"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.events.local", "oom_kill") } },
	[METRIC_SWAP_HIGH_HITS] = {
		NUMBER("swap_high_hits"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.swap.events", "high") } },
	[METRIC_SWAP_MAX_HITS] = {
		NUMBER("swap_max_hits"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v1 = { VALUE("memory.memsw.failcnt") },
		.v2 = { KEY("memory.swap.events", "max") } },
	[METRIC_SWAP_FAILED] = {
		NUMBER("swap_failed"), COUNTER, VIEW(RECLAIM), .controller = RBCE_MEMORY,
		.v2 = { KEY("memory.swap.events", "fail") } },
	[METRIC_HUGETLB_2M_MAX] = {
		NUMBER("hugetlb_2m_max_hits"), COUNTER, VIEW(RECLAIM), .controller = RBCE_HUGETLB,
		.v1 = { VALUE("hugetlb.2MB.failcnt") },
		.v2 = { KEY("hugetlb.2MB.events", "max") } },
	[METRIC_HUGETLB_1G_MAX] = {
		NUMBER("hugetlb_1g_max_hits"), COUNTER, VIEW(RECLAIM), .controller = RBCE_HUGETLB,
		.v1 = { VALUE("hugetlb.1GB.failcnt") },
		.v2 = { KEY("hugetlb.1GB.events", "max") } },
	[METRIC_CPU_FORCED_IDLE] = {
		USEC("cpu_forced_idle"), COUNTER, VIEW(OTHER), .controller = RBCE_CPU,
		.v2 = { KEY("cpu.stat", "core_sched.force_idle_usec") } },
	[METRIC_THROTTLED_LOCAL] = {
		USEC("throttled_local"), COUNTER, VIEW(OTHER), .controller = RBCE_CPU,
		.v2 = { KEY("cpu.stat.local", "throttled_usec") } },
	[METRIC_IO_COST_USAGE] = {
		USEC("io_cost_usage"), COUNTER, VIEW(OTHER), .controller = RBCE_IO,
		.v2 = { NESTED("io.stat", "cost.usage") } },
	[METRIC_IO_COST_WAIT] = {
		USEC("io_cost_wait"), COUNTER, VIEW(OTHER), .controller = RBCE_IO,
		.v2 = { NESTED("io.stat", "cost.wait") } },
	[METRIC_IO_COST_DEBT] = {
		USEC("io_cost_debt"), COUNTER, VIEW(OTHER), .controller = RBCE_IO,
		.v2 = { NESTED("io.stat", "cost.indebt") } },
	[METRIC_IO_COST_DELAY] = {
		USEC("io_cost_delay"), COUNTER, VIEW(OTHER), .controller = RBCE_IO,
		.v2 = { NESTED("io.stat", "cost.indelay") } },
	[METRIC_PIDS_PEAK] = {
		NUMBER("pids_peak"), GAUGE, VIEW(OTHER), .controller = RBCE_PIDS, .keep = KEEP_MOST,
		.v1 = { VALUE("pids.peak") },
		.v2 = { VALUE("pids.peak") } },
	[METRIC_FROZEN] = {
		NUMBER("frozen"), GAUGE, VIEW(OTHER), .controller = RBCE_FREEZER,
		.v2 = { KEY("cgroup.events", "frozen") } },
	[METRIC_DESCENDANTS] = {
		NUMBER("descendants"), GAUGE, VIEW(OTHER), .controller = RBCE_FREEZER,
		.v2 = { KEY("cgroup.stat", "nr_descendants") } },
	[METRIC_DYING] = {
		NUMBER("dying"), GAUGE, VIEW(OTHER), .controller = RBCE_FREEZER,
		.v2 = { KEY("cgroup.stat", "nr_dying_descendants") } },
	[METRIC_MISC] = {
		NUMBER("misc"), GAUGE, VIEW(OTHER), .controller = RBCE_MISC,
		.v1 = { SUM("misc.current") },
		.v2 = { SUM("misc.current") } },
	[METRIC_RDMA_HANDLES] = {
		NUMBER("rdma_handles"), GAUGE, VIEW(OTHER), .controller = RBCE_RDMA,
		.v1 = { NESTED("rdma.current", "hca_handle") },
		.v2 = { NESTED("rdma.current", "hca_handle") } },
	[METRIC_RDMA_OBJECTS] = {
		NUMBER("rdma_objects"), GAUGE, VIEW(OTHER), .controller = RBCE_RDMA,
		.v1 = { NESTED("rdma.current", "hca_object") },
		.v2 = { NESTED("rdma.current", "hca_object") } },
	[METRIC_LIMIT_CPU_QUOTA] = {
		USEC("cpu_quota"), GAUGE, VIEW(LIMITS), .controller = RBCE_CPU, .keep = KEEP_MOST,
		.v1 = { VALUE("cpu.cfs_quota_us") },
		.v2 = { VALUE("cpu.max") } },
	[METRIC_LIMIT_CPU_PERIOD] = {
		USEC("cpu_period"), GAUGE, VIEW(LIMITS), .controller = RBCE_CPU, .keep = KEEP_MOST,
		.v1 = { VALUE("cpu.cfs_period_us") },
		.v2 = { SECOND("cpu.max") } },
	[METRIC_LIMIT_CPU_WEIGHT] = {
		NUMBER("cpu_weight"), GAUGE, VIEW(LIMITS), .controller = RBCE_CPU, .keep = KEEP_MOST,
		.v1 = { VALUE("cpu.shares"), .multiply = 100, .divide = 1024 },
		.v2 = { VALUE("cpu.weight") } },
	[METRIC_LIMIT_MEMORY] = {
		PAGES("memory_max"), GAUGE, VIEW(LIMITS), .controller = RBCE_MEMORY, .keep = KEEP_MOST,
		.v1 = { VALUE("memory.limit_in_bytes") },
		.v2 = { VALUE("memory.max") } },
	[METRIC_LIMIT_MEMORY_HIGH] = {
		PAGES("memory_high"), GAUGE, VIEW(LIMITS), .controller = RBCE_MEMORY, .keep = KEEP_MOST,
		.v2 = { VALUE("memory.high") } },
	[METRIC_LIMIT_MEMORY_LOW] = {
		PAGES("memory_low"), GAUGE, VIEW(LIMITS), .controller = RBCE_MEMORY, .keep = KEEP_MOST,
		.v1 = { VALUE("memory.soft_limit_in_bytes") },
		.v2 = { VALUE("memory.low") } },
	[METRIC_LIMIT_SWAP] = {
		PAGES("swap_max"), GAUGE, VIEW(LIMITS), .controller = RBCE_MEMORY, .keep = KEEP_MOST,
		.v2 = { VALUE("memory.swap.max") } },
	[METRIC_LIMIT_PIDS] = {
		NUMBER("pids_max"), GAUGE, VIEW(LIMITS), .controller = RBCE_PIDS, .keep = KEEP_MOST,
		.v1 = { VALUE("pids.max") },
		.v2 = { VALUE("pids.max") } },
	[METRIC_NET_SENT] = {
		BYTES("net_sent"), COUNTER, VIEW(NETWORK), .controller = RBCE_NET_CLS, },
	[METRIC_NET_SENT_PACKETS] = {
		NUMBER("net_sent_packets"), COUNTER, VIEW(NETWORK), .controller = RBCE_NET_CLS, },
	[METRIC_NET_DROPPED] = {
		BYTES("net_dropped"), COUNTER, VIEW(NETWORK), .controller = RBCE_NET_CLS, },
	[METRIC_NET_DROPPED_PACKETS] = {
		NUMBER("net_dropped_packets"), COUNTER, VIEW(NETWORK), .controller = RBCE_NET_CLS, },
	[METRIC_NET_CONNECT_ALLOWED] = {
		NUMBER("net_connect_allowed"), COUNTER, VIEW(NETWORK), .controller = RBCE_NET_CLS, },
	[METRIC_NET_CONNECT_DENIED] = {
		NUMBER("net_connect_denied"), COUNTER, VIEW(NETWORK), .controller = RBCE_NET_CLS, },
	[METRIC_NET_BIND_ALLOWED] = {
		NUMBER("net_bind_allowed"), COUNTER, VIEW(NETWORK), .controller = RBCE_NET_CLS, },
	[METRIC_NET_BIND_DENIED] = {
		NUMBER("net_bind_denied"), COUNTER, VIEW(NETWORK), .controller = RBCE_NET_CLS, },
	[METRIC_NET_ACCEPT_ALLOWED] = {
		NUMBER("net_accept_allowed"), COUNTER, VIEW(NETWORK), .controller = RBCE_NET_CLS, },
	[METRIC_NET_ACCEPT_DENIED] = {
		NUMBER("net_accept_denied"), COUNTER, VIEW(NETWORK), .controller = RBCE_NET_CLS, },
};
/* clang-format on */
