/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control files of a group in each layout, and what they say. */
#ifndef TESTS_UNIT_STATS_FILES_H
#define TESTS_UNIT_STATS_FILES_H

#include "stats/sample/metrics.h"

#define BIT(controller) (1U << (controller))

/* A group of each layout, and the numbers that all of them have to give. */

static const struct rbce_mount v1_mounts[] = {
	{.version = 1,
	 .path = (char *)"/cg/cpu,cpuacct",
	 .controllers = BIT(RBCE_CPU) | BIT(RBCE_CPUACCT)},
	{.version = 1, .path = (char *)"/cg/memory", .controllers = BIT(RBCE_MEMORY)},
	{.version = 1, .path = (char *)"/cg/blkio", .controllers = BIT(RBCE_IO)},
	{.version = 1, .path = (char *)"/cg/pids", .controllers = BIT(RBCE_PIDS)},
	{.version = 1,
	 .path = (char *)"/cg/hugetlb",
	 .controllers = BIT(RBCE_HUGETLB),
	 .on_demand = true},
};
static const struct rbce_mount v2_mounts[] = {
	{.version = 2,
	 .path = (char *)"/cg",
	 .controllers = BIT(RBCE_CPU) | BIT(RBCE_MEMORY) | BIT(RBCE_IO) | BIT(RBCE_PIDS)},
};
static const struct rbce_mount hybrid_mounts[] = {
	{.version = 2, .path = (char *)"/cg/unified"},
	{.version = 1, .path = (char *)"/cg/cpuacct", .controllers = BIT(RBCE_CPUACCT)},
	{.version = 1, .path = (char *)"/cg/memory", .controllers = BIT(RBCE_MEMORY)},
};

struct file {
	const char *name; /* %s: the group */
	const char *text;
};

static const struct file v1_files[] = {
	{"cg/cpu,cpuacct/%s/cpuacct.usage", "1500000999\n"},
	{"cg/cpu,cpuacct/%s/cpuacct.stat", "user 120\nsystem 30\n"},
	{"cg/cpu,cpuacct/%s/cpu.stat",
	 "nr_periods 40\nnr_throttled 9\nthrottled_time 2500000\nnr_bursts 2\nburst_time 33999\n"},
	{"cg/cpu,cpuacct/%s/cpu.cfs_quota_us", "150000\n"},
	{"cg/cpu,cpuacct/%s/cpu.cfs_period_us", "100000\n"},
	{"cg/cpu,cpuacct/%s/cpu.shares", "2048\n"},
	{"cg/memory/%s/memory.usage_in_bytes", "409600\n"},
	{"cg/memory/%s/memory.limit_in_bytes", "819200\n"},
	{"cg/memory/%s/memory.soft_limit_in_bytes", "9223372036854771712\n"},
	{"cg/memory/%s/memory.memsw.failcnt", "16\n"},
	{"cg/memory/%s/memory.stat",
	 "cache 1\nrss 2\nmapped_file 3\n"
	 "total_rss 16384\ntotal_cache 8192\ntotal_mapped_file 4096\ntotal_dirty 12288\n"
	 "total_writeback 20480\ntotal_pgfault 77\ntotal_pgmajfault 5\n"
	 "total_shmem 409600\ntotal_inactive_anon 417792\ntotal_active_anon 421888\n"
	 "total_inactive_file 425984\ntotal_active_file 430080\n"
	 "total_unevictable 434176\ntotal_rss_huge 471040\ntotal_swapcached 491520\n"
	 "total_pgpgin 495616\ntotal_pgpgout 499712\n"
	 "total_workingset_refault_anon 503808\ntotal_workingset_refault_file 507904\n"
	 "total_workingset_activate_anon 512000\ntotal_workingset_activate_file 516096\n"
	 "total_workingset_restore_anon 520192\ntotal_workingset_restore_file 524288\n"
	 "total_swap 24576\n"},
	{"cg/memory/%s/memory.failcnt", "3\n"},
	{"cg/memory/%s/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"},
	{"cg/hugetlb/%s/hugetlb.2MB.usage_in_bytes", "2097152\n"},
	{"cg/hugetlb/%s/hugetlb.2MB.failcnt", "18\n"},
	{"cg/blkio/%s/blkio.throttle.io_service_bytes_recursive",
	 "8:0 Read 100\n8:0 Write 200\n8:0 Discard 5\n8:0 Total 300\n8:16 Read 1\nTotal 301\n"},
	{"cg/blkio/%s/blkio.throttle.io_serviced_recursive",
	 "8:0 Read 10\n8:0 Write 20\n8:0 Discard 1\nTotal 30\n"},
	{"cg/pids/%s/pids.current", "12\n"},
	{"cg/pids/%s/pids.events", "max 6\n"},
	{"cg/pids/%s/pids.peak", "25\n"},
	{"cg/pids/%s/pids.max", "99\n"},
};
static const struct file v2_files[] = {
	{"cg/%s/cpu.stat",
	 "usage_usec 1500000\nuser_usec 1200000\nsystem_usec 300000\nnice_usec 123\n"
	 "core_sched.force_idle_usec 19\nnr_periods 40\nnr_throttled 9\nthrottled_usec 2500\n"
	 "nr_bursts 2\nburst_usec 33\n"},
	{"cg/%s/cpu.stat.local", "throttled_usec 20\n"},
	{"cg/%s/cpu.max", "150000 100000\n"},
	{"cg/%s/cpu.weight", "200\n"},
	{"cg/%s/memory.current", "409600\n"},
	{"cg/%s/memory.max", "819200\n"},
	{"cg/%s/memory.high", "max\n"},
	{"cg/%s/memory.low", "max\n"},
	{"cg/%s/memory.stat",
	 "anon 16384\nfile 8192\nfile_mapped 4096\nfile_dirty 12288\n"
	 "file_writeback 20480\npgfault 77\npgmajfault 5\nshmem 409600\nkernel 413696\n"
	 "inactive_anon 417792\nactive_anon 421888\ninactive_file 425984\n"
	 "active_file 430080\nunevictable 434176\nslab_reclaimable 438272\n"
	 "slab_unreclaimable 442368\nkernel_stack 446464\npagetables 450560\n"
	 "sec_pagetables 454656\npercpu 458752\nsock 462848\nvmalloc 466944\n"
	 "anon_thp 471040\nfile_thp 475136\nshmem_thp 479232\nzswap 483328\n"
	 "zswapped 487424\nswapcached 491520\nworkingset_refault_anon 503808\n"
	 "workingset_refault_file 507904\nworkingset_activate_anon 512000\n"
	 "workingset_activate_file 516096\nworkingset_restore_anon 520192\n"
	 "workingset_restore_file 524288\nworkingset_nodereclaim 528384\npgscan 532480\n"
	 "pgscan_kswapd 536576\npgscan_direct 540672\npgscan_khugepaged 544768\n"
	 "pgsteal 548864\npgsteal_kswapd 552960\npgsteal_direct 557056\n"
	 "pgsteal_khugepaged 561152\npgdemote_kswapd 565248\npgdemote_direct 569344\n"
	 "pgdemote_khugepaged 573440\npgpromote_success 577536\npgrefill 581632\n"
	 "pgactivate 585728\npgdeactivate 589824\npglazyfree 593920\n"
	 "pglazyfreed 598016\nswpin_zero 602112\nswpout_zero 606208\nzswpin 610304\n"
	 "zswpout 614400\nzswpwb 618496\nthp_fault_alloc 622592\n"
	 "thp_collapse_alloc 626688\nthp_swpout 630784\nthp_swpout_fallback 634880\n"
	 "numa_pages_migrated 638976\nnuma_pte_updates 643072\nnuma_hint_faults 647168\n"},
	{"cg/%s/memory.swap.current", "24576\n"},
	{"cg/%s/memory.swap.events", "high 15\nmax 16\nfail 17\n"},
	{"cg/%s/memory.swap.max", "max\n"},
	{"cg/%s/memory.events", "low 1\nhigh 8\nmax 3\noom 4\noom_kill 2\noom_group_kill 7\n"},
	{"cg/%s/memory.events.local", "low 0\nmax 13\noom_kill 14\n"},
	{"cg/%s/hugetlb.2MB.current", "2097152\n"},
	{"cg/%s/hugetlb.2MB.events", "max 18\n"},
	{"cg/%s/io.stat",
	 "8:0 rbytes=100 wbytes=200 rios=10 wios=20 dbytes=5 dios=1 cost.usage=21 cost.wait=22 "
	 "cost.indebt=23 cost.indelay=24\n8:16 rbytes=1\n"},
	{"cg/%s/misc.current", "sev 20\nsev_es 9\n"},
	{"cg/%s/rdma.current", "mlx4_0 hca_handle=30 hca_object=31\n"},
	{"cg/%s/cgroup.events", "populated 1\nfrozen 1\n"},
	{"cg/%s/cgroup.stat", "nr_descendants 26\nnr_dying_descendants 27\n"},
	{"cg/%s/pids.current", "12\n"},
	{"cg/%s/pids.events", "max 6\n"},
	{"cg/%s/pids.peak", "25\n"},
	{"cg/%s/pids.max", "99\n"},
	{"cg/%s/cpu.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=111\n"
			       "full avg10=0.00 avg60=0.00 avg300=0.00 total=112\n"},
	{"cg/%s/memory.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=113\n"
				  "full avg10=0.00 avg60=0.00 avg300=0.00 total=114\n"},
	{"cg/%s/io.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=115\n"
			      "full avg10=0.00 avg60=0.00 avg300=0.00 total=116\n"},
	{"cg/%s/irq.pressure", "full avg10=0.00 avg60=0.00 avg300=0.00 total=117\n"},
};
static const struct file hybrid_files[] = {
	{"cg/unified/%s/cpu.stat", "usage_usec 9\nuser_usec 9\nsystem_usec 9\n"},
	{"cg/unified/%s/cpu.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=111\n"},
	{"cg/cpuacct/%s/cpuacct.usage", "1500000000\n"},
	{"cg/memory/%s/memory.usage_in_bytes", "409600\n"},
};

/* On v1 and on v2; 0: not known there. */
static const int64_t expected[METRIC_TOTAL][2] = {
	[METRIC_MEMORY_ANON] = {16384, 16384},
	[METRIC_MEMORY_FILE] = {8192, 8192},
	[METRIC_MEMORY_MAPPED] = {4096, 4096},
	[METRIC_MEMORY_DIRTY] = {12288, 12288},
	[METRIC_MEMORY_WRITEBACK] = {20480, 20480},
	[METRIC_PAGE_FAULTS] = {77, 77},
	[METRIC_MAJOR_FAULTS] = {5, 5},
	[METRIC_MEMORY_SHMEM] = {409600, 409600},
	[METRIC_MEMORY_KERNEL] = {0, 413696},
	[METRIC_INACTIVE_ANON] = {417792, 417792},
	[METRIC_ACTIVE_ANON] = {421888, 421888},
	[METRIC_INACTIVE_FILE] = {425984, 425984},
	[METRIC_ACTIVE_FILE] = {430080, 430080},
	[METRIC_UNEVICTABLE] = {434176, 434176},
	[METRIC_SLAB_RECLAIMABLE] = {0, 438272},
	[METRIC_SLAB_UNRECLAIMABLE] = {0, 442368},
	[METRIC_KERNEL_STACK] = {0, 446464},
	[METRIC_PAGE_TABLES] = {0, 450560},
	[METRIC_SECOND_PAGE_TABLES] = {0, 454656},
	[METRIC_PERCPU] = {0, 458752},
	[METRIC_SOCK] = {0, 462848},
	[METRIC_VMALLOC] = {0, 466944},
	[METRIC_ANON_HUGE] = {471040, 471040},
	[METRIC_FILE_HUGE] = {0, 475136},
	[METRIC_SHMEM_HUGE] = {0, 479232},
	[METRIC_ZSWAP] = {0, 483328},
	[METRIC_ZSWAPPED] = {0, 487424},
	[METRIC_SWAP_CACHED] = {491520, 491520},
	[METRIC_PAGES_IN] = {495616, 0},
	[METRIC_PAGES_OUT] = {499712, 0},
	[METRIC_REFAULT_ANON] = {503808, 503808},
	[METRIC_REFAULT_FILE] = {507904, 507904},
	[METRIC_ACTIVATE_ANON] = {512000, 512000},
	[METRIC_ACTIVATE_FILE] = {516096, 516096},
	[METRIC_RESTORE_ANON] = {520192, 520192},
	[METRIC_RESTORE_FILE] = {524288, 524288},
	[METRIC_NODE_RECLAIM] = {0, 528384},
	[METRIC_SCANNED] = {0, 532480},
	[METRIC_SCANNED_KSWAPD] = {0, 536576},
	[METRIC_SCANNED_DIRECT] = {0, 540672},
	[METRIC_SCANNED_KHUGEPAGED] = {0, 544768},
	[METRIC_RECLAIMED] = {0, 548864},
	[METRIC_RECLAIMED_KSWAPD] = {0, 552960},
	[METRIC_RECLAIMED_DIRECT] = {0, 557056},
	[METRIC_RECLAIMED_KHUGEPAGED] = {0, 561152},
	[METRIC_DEMOTED_KSWAPD] = {0, 565248},
	[METRIC_DEMOTED_DIRECT] = {0, 569344},
	[METRIC_DEMOTED_KHUGEPAGED] = {0, 573440},
	[METRIC_PROMOTED] = {0, 577536},
	[METRIC_REFILLED] = {0, 581632},
	[METRIC_ACTIVATED] = {0, 585728},
	[METRIC_DEACTIVATED] = {0, 589824},
	[METRIC_LAZY_FREE] = {0, 593920},
	[METRIC_LAZY_FREED] = {0, 598016},
	[METRIC_SWAP_IN_ZERO] = {0, 602112},
	[METRIC_SWAP_OUT_ZERO] = {0, 606208},
	[METRIC_ZSWAP_IN] = {0, 610304},
	[METRIC_ZSWAP_OUT] = {0, 614400},
	[METRIC_ZSWAP_WRITTEN] = {0, 618496},
	[METRIC_HUGE_FAULTS] = {0, 622592},
	[METRIC_HUGE_COLLAPSED] = {0, 626688},
	[METRIC_HUGE_SWAPPED] = {0, 630784},
	[METRIC_HUGE_SPLIT] = {0, 634880},
	[METRIC_NUMA_MIGRATED] = {0, 638976},
	[METRIC_NUMA_PTES] = {0, 643072},
	[METRIC_NUMA_HINTS] = {0, 647168},
	[METRIC_CPU] = {1500000, 1500000},
	[METRIC_CPU_USER] = {1200000, 1200000},
	[METRIC_CPU_SYSTEM] = {300000, 300000},
	[METRIC_CPU_NICE] = {0, 123},
	[METRIC_CPU_PERIODS] = {40, 40},
	[METRIC_THROTTLED_PERIODS] = {9, 9},
	[METRIC_THROTTLED] = {2500, 2500},
	[METRIC_CPU_BURSTS] = {2, 2},
	[METRIC_CPU_BURST] = {33, 33},
	[METRIC_MEMORY] = {409600, 409600},
	[METRIC_SWAP] = {24576, 24576},
	[METRIC_MEMORY_HIGH] = {0, 8},
	[METRIC_MEMORY_MAX] = {3, 3},
	[METRIC_OOM] = {0, 4},
	[METRIC_OOM_KILLS] = {2, 2},
	[METRIC_IO_READ] = {101, 101},
	[METRIC_IO_WRITTEN] = {200, 200},
	[METRIC_IO_READS] = {10, 10},
	[METRIC_IO_WRITES] = {20, 20},
	[METRIC_IO_DISCARDED] = {5, 5},
	[METRIC_IO_DISCARDS] = {1, 1},
	[METRIC_PIDS] = {12, 12},
	[METRIC_PIDS_MAX] = {6, 6},
	[METRIC_CPU_SOME] = {0, 111},
	[METRIC_CPU_FULL] = {0, 112},
	[METRIC_MEMORY_SOME] = {0, 113},
	[METRIC_MEMORY_FULL] = {0, 114},
	[METRIC_IO_SOME] = {0, 115},
	[METRIC_IO_FULL] = {0, 116},
	[METRIC_IRQ_FULL] = {0, 117},
	[METRIC_HUGETLB_2M] = {2097152, 2097152},
	[METRIC_MEMORY_LOW] = {0, 1},
	[METRIC_OOM_GROUP_KILLS] = {0, 7},
	[METRIC_MEMORY_LOCAL_MAX] = {0, 13},
	[METRIC_MEMORY_LOCAL_OOM_KILLS] = {0, 14},
	[METRIC_SWAP_HIGH_HITS] = {0, 15},
	[METRIC_SWAP_MAX_HITS] = {16, 16},
	[METRIC_SWAP_FAILED] = {0, 17},
	[METRIC_HUGETLB_2M_MAX] = {18, 18},
	[METRIC_CPU_FORCED_IDLE] = {0, 19},
	[METRIC_THROTTLED_LOCAL] = {0, 20},
	[METRIC_IO_COST_USAGE] = {0, 21},
	[METRIC_IO_COST_WAIT] = {0, 22},
	[METRIC_IO_COST_DEBT] = {0, 23},
	[METRIC_IO_COST_DELAY] = {0, 24},
	[METRIC_PIDS_PEAK] = {25, 25},
	[METRIC_FROZEN] = {0, 1},
	[METRIC_DESCENDANTS] = {0, 26},
	[METRIC_DYING] = {0, 27},
	[METRIC_MISC] = {0, 29},
	[METRIC_RDMA_HANDLES] = {0, 30},
	[METRIC_RDMA_OBJECTS] = {0, 31},
	[METRIC_LIMIT_CPU_QUOTA] = {150000, 150000},
	[METRIC_LIMIT_CPU_PERIOD] = {100000, 100000},
	[METRIC_LIMIT_CPU_WEIGHT] = {200, 200},
	[METRIC_LIMIT_MEMORY] = {819200, 819200},
	[METRIC_LIMIT_MEMORY_HIGH] = {0, 0},
	[METRIC_LIMIT_SWAP] = {0, 0},
	[METRIC_LIMIT_PIDS] = {99, 99},
};

#endif
