// SPDX-License-Identifier: LGPL-2.1-or-later
/* The resources: names, what they are, units; see rbce/limits.h. */
#include <errno.h>

#include "limits-internal.h"
#include "util.h"

/* clang-format off */
static const struct {
	const char *name, *help;
	enum limits_unit unit;
} resources[RBCE_RESOURCE_COUNT] = {
	[RBCE_LIMIT_CPU] = {"cpu.max", "CPU time, in percent of one CPU", U_PERCENT},
	[RBCE_LIMIT_CPUSET] = {"cpuset.cpus", "CPUs that it may run on", U_COUNT},
	[RBCE_LIMIT_MEMORY] = {"memory.max", "memory, over which tasks are killed", U_BYTES},
	[RBCE_LIMIT_MEMORY_HIGH] = {"memory.high", "memory over which it is slowed down (v2)", U_BYTES},
	[RBCE_LIMIT_MEMORY_SOFT] = {"memory.soft", "memory that it keeps when memory is short", U_BYTES},
	[RBCE_LIMIT_SWAP] = {"swap.max", "swap", U_BYTES},
	[RBCE_LIMIT_DIRTY] = {"dirty.max", "pages not yet written (needs the patched kernel)", U_BYTES},
	[RBCE_LIMIT_PIDS] = {"pids.max", "tasks", U_COUNT},
	[RBCE_LIMIT_IO] = {"io.max", "disk bandwidth and operations, by device", U_RATE},
	[RBCE_LIMIT_HUGETLB] = {"hugetlb", "huge pages, by size", U_BYTES},
	[RBCE_LIMIT_RLIMIT + RLIMIT_CPU] = {"cpu", "CPU time of the process", U_SECONDS},
	[RBCE_LIMIT_RLIMIT + RLIMIT_FSIZE] = {"fsize", "size of a file it writes", U_BYTES},
	[RBCE_LIMIT_RLIMIT + RLIMIT_DATA] = {"data", "data segment", U_BYTES},
	[RBCE_LIMIT_RLIMIT + RLIMIT_STACK] = {"stack", "main thread's stack", U_BYTES},
	[RBCE_LIMIT_RLIMIT + RLIMIT_CORE] = {"core", "core dump", U_BYTES},
	[RBCE_LIMIT_RLIMIT + RLIMIT_RSS] = {"rss", "resident memory (Linux ignores it)", U_BYTES},
	[RBCE_LIMIT_RLIMIT + RLIMIT_NPROC] = {"nproc", "tasks of the user", U_COUNT},
	[RBCE_LIMIT_RLIMIT + RLIMIT_NOFILE] = {"nofile", "open files", U_COUNT},
	[RBCE_LIMIT_RLIMIT + RLIMIT_MEMLOCK] = {"memlock", "locked memory", U_BYTES},
	[RBCE_LIMIT_RLIMIT + RLIMIT_AS] = {"as", "address space", U_BYTES},
	[RBCE_LIMIT_RLIMIT + RLIMIT_LOCKS] = {"locks", "file locks (Linux ignores it)", U_COUNT},
	[RBCE_LIMIT_RLIMIT + RLIMIT_SIGPENDING] = {"sigpending", "queued signals of the user", U_COUNT},
	[RBCE_LIMIT_RLIMIT + RLIMIT_MSGQUEUE] = {"msgqueue", "POSIX message queues of the user", U_BYTES},
	[RBCE_LIMIT_RLIMIT + RLIMIT_NICE] = {"nice", "20 less the least nice value", U_COUNT},
	[RBCE_LIMIT_RLIMIT + RLIMIT_RTPRIO] = {"rtprio", "real-time priority", U_COUNT},
	[RBCE_LIMIT_RLIMIT + RLIMIT_RTTIME] = {"rttime", "real-time CPU time without a pause", U_USEC},
	[RBCE_LIMIT_FILES] = {"file-max", "open files of the whole system", U_COUNT},
	[RBCE_LIMIT_FILES_EACH] = {"nr_open", "the most that nofile can be", U_COUNT},
	[RBCE_LIMIT_INOTIFY_WATCHES] = {"inotify.watches", "inotify watches of the user", U_COUNT},
	[RBCE_LIMIT_INOTIFY_INSTANCES] = {"inotify.instances", "inotify instances of the user", U_COUNT},
	[RBCE_LIMIT_QUEUES] = {"mqueue.queues", "POSIX message queues of the system", U_COUNT},
	[RBCE_LIMIT_QUEUE_MESSAGES] = {"mqueue.messages", "messages in one of them", U_COUNT},
	[RBCE_LIMIT_KEYS] = {"keys", "keys of the user", U_COUNT},
	[RBCE_LIMIT_KEY_BYTES] = {"key-bytes", "what these keys hold", U_BYTES},
	[RBCE_LIMIT_THREADS] = {"threads-max", "tasks of the whole system", U_COUNT},
	[RBCE_LIMIT_PID_MAX] = {"pid_max", "process ids", U_COUNT},
	[RBCE_LIMIT_EGRESS] = {"net.egress", "what it sends to other hosts (set by rbced)", U_RATE},
	[RBCE_LIMIT_SYSV_QUEUES] = {"msg.queues", "System V message queues of the system", U_COUNT},
};

static const struct {
	const char *title, *field, *peak;
} rlimits[RLIM_NLIMITS] = {
	[RLIMIT_CPU] = {"Max cpu time", NULL, NULL},
	[RLIMIT_FSIZE] = {"Max file size", NULL, NULL},
	[RLIMIT_DATA] = {"Max data size", "VmData", NULL},
	[RLIMIT_STACK] = {"Max stack size", "VmStk", NULL},
	[RLIMIT_CORE] = {"Max core file size", NULL, NULL},
	[RLIMIT_RSS] = {"Max resident set", "VmRSS", "VmHWM"},
	[RLIMIT_NPROC] = {"Max processes", NULL, NULL},
	[RLIMIT_NOFILE] = {"Max open files", NULL, NULL},
	[RLIMIT_MEMLOCK] = {"Max locked memory", "VmLck", NULL},
	[RLIMIT_AS] = {"Max address space", "VmSize", "VmPeak"},
	[RLIMIT_LOCKS] = {"Max file locks", NULL, NULL},
	[RLIMIT_SIGPENDING] = {"Max pending signals", "SigQ", NULL},
	[RLIMIT_MSGQUEUE] = {"Max msgqueue size", NULL, NULL},
	[RLIMIT_NICE] = {"Max nice priority", NULL, NULL},
	[RLIMIT_RTPRIO] = {"Max realtime priority", NULL, NULL},
	[RLIMIT_RTTIME] = {"Max realtime timeout", NULL, NULL},
};
/* clang-format on */

static const char *const sources[] = {
	[RBCE_BY_NOBODY] = "",           [RBCE_BY_CONTAINER] = "container",
	[RBCE_BY_RLIMIT] = "rlimit",     [RBCE_BY_SYSCTL] = "sysctl",
	[RBCE_BY_AFFINITY] = "affinity", [RBCE_BY_HOST] = "host",
	[RBCE_BY_HIDDEN] = "container",
};

const char *rbce_resource_name(enum rbce_resource resource)
{
	return resources[resource].name;
}

const char *rbce_resource_help(enum rbce_resource resource)
{
	return resources[resource].help;
}

int rbce_resource_find(const char *name)
{
	for (int i = 0; i < RBCE_RESOURCE_COUNT; i++)
		if (streq(resources[i].name, name))
			return i;
	return -ENOENT;
}

enum limits_unit limits_unit_of(int resource)
{
	return resources[resource].unit;
}

const char *rbce_limit_source_name(enum rbce_limit_source source)
{
	return sources[source];
}

const char *limits_rlimit_title(int rlimit)
{
	return rlimits[rlimit].title;
}

const char *limits_rlimit_field(int rlimit)
{
	return rlimits[rlimit].field;
}

const char *limits_rlimit_peak(int rlimit)
{
	return rlimits[rlimit].peak;
}
