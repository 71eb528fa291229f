// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libulimitx-preload.so: programs that know no cgroups see what they are allowed.
 *
 *	LD_PRELOAD=libulimitx-preload.so nproc
 *
 * Counts of CPUs, sysinfo(2), getrlimit(2) and reads of /proc/meminfo and /proc/cpuinfo give the
 * effective values. Whatever cannot be told is left as the system says it. A thread of a program
 * that is static, or makes system calls itself, is not reached.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <rbce/limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>

#include "util.h"

#define PUBLIC __attribute__((visibility("default")))

enum { ONE_CPU = 100000 };

/* What the next one in the chain of libraries has under that name. */
#define NEXT(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

static __thread bool busy; /* this library's own reads are not answered by it */

/* One read of one resource; false where nothing can be told. */
static bool effective(enum rbce_resource resource, struct rbce_limit *ret)
{
	int error = errno;
	bool ok;

	if (busy)
		return false;
	busy = true;
	ok = rbce_limit_of(0, resource, ret, NULL) == 0 && ret->has & RBCE_HAS_LIMIT &&
	     ret->limit != RBCE_LIMIT_NONE;
	busy = false;
	errno = error;
	return ok;
}

/* Whole CPUs, at least one: 1.5 CPUs are one that runs all the time. */
static unsigned cpus(void)
{
	struct rbce_limit cpu;

	if (!effective(RBCE_LIMIT_CPU, &cpu))
		return 0;
	return cpu.limit < ONE_CPU ? 1 : (unsigned)(cpu.limit / ONE_CPU);
}

struct memory {
	uint64_t total, available, swap, swap_free;
	bool has_available;
};

static bool read_memory(struct memory *ret)
{
	struct rbce_limit memory, swap;

	if (!effective(RBCE_LIMIT_MEMORY, &memory))
		return false;
	*ret = (struct memory){.total = memory.limit};
	ret->has_available = memory.has & RBCE_HAS_HEADROOM;
	ret->available = memory.headroom;
	if (effective(RBCE_LIMIT_SWAP, &swap)) {
		ret->swap = swap.limit;
		ret->swap_free = swap.has & RBCE_HAS_HEADROOM ? swap.headroom : swap.limit;
	}
	return true;
}

/* ---- counts of CPUs ---- */

PUBLIC int get_nprocs(void)
{
	unsigned n = cpus();

	return n ? (int)n : NEXT(get_nprocs)();
}

PUBLIC int get_nprocs_conf(void)
{
	unsigned n = cpus();

	return n ? (int)n : NEXT(get_nprocs_conf)();
}

PUBLIC long sysconf(int name)
{
	struct memory memory;
	unsigned n;

	switch (name) {
	case _SC_NPROCESSORS_ONLN:
	case _SC_NPROCESSORS_CONF:
		n = busy ? 0 : cpus();
		if (n)
			return n;
		break;
	case _SC_PHYS_PAGES:
		if (!busy && read_memory(&memory))
			return (long)(memory.total / (uint64_t)NEXT(sysconf)(_SC_PAGESIZE));
		break;
	case _SC_AVPHYS_PAGES:
		if (!busy && read_memory(&memory) && memory.has_available)
			return (long)(memory.available / (uint64_t)NEXT(sysconf)(_SC_PAGESIZE));
		break;
	}
	return NEXT(sysconf)(name);
}

/* The caller's own set, cut to as many as it may use; of others it stays what it is. */
PUBLIC int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
	int r = NEXT(sched_getaffinity)(pid, size, set);
	unsigned n = r == 0 && (pid == 0 || pid == getpid()) ? cpus() : 0;

	for (size_t cpu = 0, kept = 0; n && cpu < size * 8; cpu++)
		if (CPU_ISSET_S(cpu, size, set) && kept++ >= n)
			CPU_CLR_S(cpu, size, set);
	return r;
}

/* ---- memory and rlimits ---- */

PUBLIC int sysinfo(struct sysinfo *info)
{
	int r = NEXT(sysinfo)(info);
	uint64_t unit = info->mem_unit ?: 1;
	struct memory memory;

	if (r < 0 || !read_memory(&memory))
		return r;
	if (memory.total / unit < info->totalram) {
		info->totalram = memory.total / unit;
		info->sharedram = info->bufferram = 0;
	}
	if (memory.has_available && memory.available / unit < info->freeram)
		info->freeram = memory.available / unit;
	if (memory.swap / unit < info->totalswap)
		info->totalswap = memory.swap / unit;
	if (memory.swap_free / unit < info->freeswap)
		info->freeswap = memory.swap_free / unit;
	return r;
}

/* Tasks and memory are limited by groups too; the lower one is what holds. */
static void lower_rlimit(int resource, struct rlimit *limit)
{
	struct rbce_limit item;
	bool tasks = resource == RLIMIT_NPROC;

	if (!tasks && resource != RLIMIT_AS && resource != RLIMIT_RSS)
		return;
	if (effective(tasks ? RBCE_LIMIT_PIDS : RBCE_LIMIT_MEMORY, &item) &&
	    item.source == RBCE_BY_CONTAINER && item.limit < limit->rlim_cur)
		limit->rlim_cur = item.limit;
}

PUBLIC int getrlimit(__rlimit_resource_t resource, struct rlimit *limit)
{
	int r = NEXT(getrlimit)(resource, limit);

	if (r == 0)
		lower_rlimit((int)resource, limit);
	return r;
}

PUBLIC int getrlimit64(__rlimit_resource_t resource, struct rlimit64 *limit)
{
	return getrlimit(resource, (struct rlimit *)limit);
}

/* ---- /proc/meminfo and /proc/cpuinfo ---- */

/* Lines of meminfo that the effective values replace; the rest goes through, cut to the total. */
static void print_meminfo(FILE *out, FILE *in)
{
	struct memory m;
	bool known = read_memory(&m);
	char line[256], name[64];
	unsigned long long kib, total;

	while (fgets(line, sizeof(line), in)) {
		if (!known || sscanf(line, "%63[^:]: %llu kB", name, &kib) != 2 ||
		    !strstr(line, " kB")) {
			fputs(line, out);
			continue;
		}
		total = m.total / 1024;
		if (streq(name, "MemTotal"))
			kib = total;
		else if ((streq(name, "MemFree") || streq(name, "MemAvailable")) && m.has_available)
			kib = m.available / 1024;
		else if (streq(name, "SwapTotal"))
			kib = m.swap / 1024;
		else if (streq(name, "SwapFree"))
			kib = m.swap_free / 1024;
		/* What other groups have cached is none of this one's. */
		else if (m.has_available &&
			 (streq(name, "Cached") || streq(name, "Buffers") ||
			  streq(name, "SReclaimable") || streq(name, "Shmem")) &&
			 kib > total - m.available / 1024)
			kib = 0;
		fprintf(out, "%s:%*llu kB\n", name, (int)(23 - strlen(name)), kib);
	}
}

/* As many processors as it may use, from the first on. */
static void print_cpuinfo(FILE *out, FILE *in)
{
	unsigned n = cpus(), seen = 0;
	char line[4096];

	while (fgets(line, sizeof(line), in)) {
		seen += strncmp(line, "processor\t", 10) == 0;
		if (!n || seen <= n)
			fputs(line, out);
	}
}

/* A descriptor of the text that PATH would have here; -1 where it is none of these. */
static int replace(const char *path)
{
	bool meminfo, cpuinfo;
	int fd = -1, error = errno;
	FILE *in = NULL, *out = NULL;

	if (busy || !path)
		return -1;
	meminfo = streq(path, "/proc/meminfo");
	cpuinfo = streq(path, "/proc/cpuinfo");
	if (!meminfo && !cpuinfo)
		return -1;
	busy = true;
	in = NEXT(fopen)(path, "re");
	fd = in ? memfd_create("ulimitx", MFD_CLOEXEC) : -1;
	out = fd >= 0 ? fdopen(dup(fd), "w") : NULL;
	busy = false;
	if (out && meminfo)
		print_meminfo(out, in);
	else if (out)
		print_cpuinfo(out, in);
	if (in)
		fclose(in);
	if (fd >= 0 && (!out || fclose(out) != 0 || lseek(fd, 0, SEEK_SET) < 0)) {
		close(fd);
		fd = -1;
	}
	errno = error;
	return fd;
}

static mode_t mode_of(int flags, va_list ap)
{
	return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(ap, mode_t) : 0;
}

#define DEFINE_OPEN(name)                                                                          \
	PUBLIC int name(const char *path, int flags, ...)                                          \
	{                                                                                          \
		int fd = replace(path);                                                            \
		mode_t mode;                                                                       \
		va_list ap;                                                                        \
                                                                                                   \
		va_start(ap, flags);                                                               \
		mode = mode_of(flags, ap);                                                         \
		va_end(ap);                                                                        \
		return fd >= 0 ? fd : NEXT(name)(path, flags, mode);                               \
	}
DEFINE_OPEN(open)
DEFINE_OPEN(open64)

#define DEFINE_OPENAT(name)                                                                        \
	PUBLIC int name(int dir, const char *path, int flags, ...)                                 \
	{                                                                                          \
		int fd = replace(path);                                                            \
		mode_t mode;                                                                       \
		va_list ap;                                                                        \
                                                                                                   \
		va_start(ap, flags);                                                               \
		mode = mode_of(flags, ap);                                                         \
		va_end(ap);                                                                        \
		return fd >= 0 ? fd : NEXT(name)(dir, path, flags, mode);                          \
	}
DEFINE_OPENAT(openat)
DEFINE_OPENAT(openat64)

#define DEFINE_FOPEN(name)                                                                         \
	PUBLIC FILE *name(const char *path, const char *mode)                                      \
	{                                                                                          \
		int fd = replace(path);                                                            \
                                                                                                   \
		return fd >= 0 ? fdopen(fd, "r") : NEXT(name)(path, mode);                         \
	}
DEFINE_FOPEN(fopen)
DEFINE_FOPEN(fopen64)
