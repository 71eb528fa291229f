/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a process is allowed: for each resource the lowest limit of all that hold for it (its
 * cgroups and all above them in every hierarchy, its rlimits, the kernel's settings, the host), who
 * imposes it, and what is used and left.
 *
 *	struct rbce_limit memory;
 *	if (rbce_limit_of(getpid(), RBCE_LIMIT_MEMORY, &memory, NULL) == 0 && memory.status == 0)
 *		printf("%llu\n", (unsigned long long)memory.limit);
 *
 * Who asks again and again keeps a struct rbce_limits: its files stay open, and
 * rbce_limits_read() allocates nothing.
 */
#ifndef RBCE_LIMITS_H
#define RBCE_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <rbce/error.h>
#include <rbce/root.h>

/* The numbers are part of the interface: new ones come at the end. */
enum rbce_resource {
	RBCE_LIMIT_CPU,         /* thousandths of a percent of one CPU */
	RBCE_LIMIT_CPUSET,      /* CPUs that it may run on */
	RBCE_LIMIT_MEMORY,      /* bytes, as all that follow until pids */
	RBCE_LIMIT_MEMORY_HIGH, /* over which it is slowed down (v2) */
	RBCE_LIMIT_MEMORY_SOFT, /* what it keeps when memory is short */
	RBCE_LIMIT_SWAP,
	RBCE_LIMIT_DIRTY, /* pages that are not written yet (patched kernel) */
	RBCE_LIMIT_PIDS,
	RBCE_LIMIT_IO,      /* one for each device and kind: see rbce_limits_list() */
	RBCE_LIMIT_HUGETLB, /* one for each size, bytes */
	/* rlimits, getrlimit(2); RBCE_LIMIT_RLIMIT + RLIMIT_NOFILE is that of open files. */
	RBCE_LIMIT_RLIMIT,
	RBCE_LIMIT_FILES = RBCE_LIMIT_RLIMIT + 16, /* open files of the whole system */
	RBCE_LIMIT_FILES_EACH,                     /* most that RLIMIT_NOFILE can be */
	RBCE_LIMIT_INOTIFY_WATCHES,                /* of the user */
	RBCE_LIMIT_INOTIFY_INSTANCES,              /* of the user */
	RBCE_LIMIT_QUEUES,                         /* POSIX message queues of the IPC namespace */
	RBCE_LIMIT_QUEUE_MESSAGES,                 /* in one of them */
	RBCE_LIMIT_KEYS,                           /* keyrings(7), of the user */
	RBCE_LIMIT_KEY_BYTES,
	RBCE_LIMIT_THREADS, /* of the whole system */
	RBCE_LIMIT_PID_MAX,
	RBCE_LIMIT_EGRESS,      /* bytes sent per second, by rbced on a v2 tree */
	RBCE_LIMIT_SYSV_QUEUES, /* System V message queues of the IPC namespace */
};
enum { RBCE_RESOURCE_COUNT = RBCE_LIMIT_SYSV_QUEUES + 1 };

/* Of a group in the v2 tree: its net.egress, a number, left by whoever sets it. */
#define RBCE_EGRESS_ATTRIBUTE "user.rbce.net.egress"

/* "memory.max", "nofile", "pid_max"; one line on what it is. */
const char *rbce_resource_name(enum rbce_resource resource);
const char *rbce_resource_help(enum rbce_resource resource);

/* The resource of that name, -ENOENT. "hugetlb.2MB.max" and "io.max" are names of all of a kind. */
int rbce_resource_find(const char *name);

enum rbce_limit_source {
	RBCE_BY_NOBODY,
	RBCE_BY_CONTAINER, /* a group; LEVEL says which */
	RBCE_BY_RLIMIT,
	RBCE_BY_SYSCTL,
	RBCE_BY_AFFINITY,
	RBCE_BY_HOST,
	RBCE_BY_HIDDEN, /* a group that a cgroup namespace hides; v1 tells its limit all the same */
};

/* "container", "rlimit": stable, for programs; "" for nobody, "container" for a hidden one too. */
const char *rbce_limit_source_name(enum rbce_limit_source source);

/* No limit. An amount that is not known has no bit in `has`. */
#define RBCE_LIMIT_NONE UINT64_MAX

enum rbce_limit_has {
	RBCE_HAS_HARD = 1,
	RBCE_HAS_USAGE = 2,
	RBCE_HAS_HEADROOM = 4,
	RBCE_HAS_PEAK = 8,
	RBCE_HAS_LIMIT = 16,  /* else nothing could be told; status says why */
	RBCE_HAS_HIDDEN = 32, /* there are groups above that the caller cannot see */
};

struct rbce_limit {
	/* Set by the caller. */
	int32_t resource;  /* enum rbce_resource */
	uint32_t instance; /* from rbce_limits_list(); 0 elsewhere */

	/*
	 * 0; -EOPNOTSUPP where this system has no such limit; or why some of those that may impose
	 * one could not be read: the limit is then at most what stands here, if anything does.
	 */
	int32_t status;
	uint32_t has;        /* bits of enum rbce_limit_has */
	uint64_t limit;      /* the lowest, RBCE_LIMIT_NONE for none */
	uint64_t hard;       /* rlimits: what the process may raise it to itself */
	uint64_t usage;      /* where that limit is imposed */
	uint64_t headroom;   /* the least left under any of the limits, also a higher one */
	uint64_t peak;       /* most that was used, where that limit is imposed */
	int32_t source;      /* enum rbce_limit_source */
	int32_t level;       /* of a container: 0 for the process's own group, 1 above it, ... */
	int32_t left_source; /* the same for the one with the least left */
	int32_t left_level;
};

struct rbce_limits;

enum rbce_limits_flags {
	/*
	 * The use of nproc and of inotify, which has to be counted: a look at all processes for
	 * each; and the use of queues. A read with it allocates.
	 */
	RBCE_LIMITS_COUNT_TASKS = 1,
};

/*
 * Whose limits: PID's (0: the caller's own). ROOT is NULL for this system and else must outlive the
 * result. -ESRCH when there is no such process or it ends. Opens files as they are needed; release
 * with rbce_limits_close(), which takes NULL and returns NULL. Not for two threads at once.
 */
int rbce_limits_open(const struct rbce_root *root, pid_t pid, unsigned flags,
		     struct rbce_limits **ret, struct rbce_error *err);
/* The same for a group and no process: PATH ("/rbce/users") in all hierarchies; no rlimits. */
int rbce_limits_open_group(const struct rbce_root *root, const char *path, struct rbce_limits **ret,
			   struct rbce_error *err);
struct rbce_limits *rbce_limits_close(struct rbce_limits *limits);

/*
 * What there is: fills at most N items with resource and instance, each io.max that is limited and
 * each size of huge pages as an item of its own. Returns how many there are.
 */
size_t rbce_limits_list(struct rbce_limits *limits, struct rbce_limit *items, size_t n);

/*
 * Reads N items, whose resource and instance are set; each has a status of its own. Allocates
 * nothing and follows the process into another group. -ESRCH when it is gone: no item holds then.
 */
int rbce_limits_read(struct rbce_limits *limits, struct rbce_limit *items, size_t n);

/* One resource of one process, without keeping anything. -ESRCH, -ENOMEM; else see status. */
int rbce_limit_of(pid_t pid, enum rbce_resource resource, struct rbce_limit *ret,
		  struct rbce_error *err);

/*
 * Who that is, for people: "memory:/rbce/users memory.max", "rlimit soft", "sysctl kernel.pid_max",
 * "host". BUF receives at most SIZE bytes; returned. The item is one that was read last.
 */
char *rbce_limits_imposed_by(const struct rbce_limits *limits, const struct rbce_limit *item,
			     char *buf, size_t size);
char *rbce_limits_left_by(const struct rbce_limits *limits, const struct rbce_limit *item,
			  char *buf, size_t size);

/* "8:0 rbps", "2MB": which of several it is; "" where there is but one. */
char *rbce_limits_instance(const struct rbce_limits *limits, const struct rbce_limit *item,
			   char *buf, size_t size);

/* "bytes", "millipercent", "number", "seconds", "microseconds", "bytes/s", "operations/s". */
const char *rbce_limits_unit(const struct rbce_limits *limits, const struct rbce_limit *item);

/* The CPUs that it may run on, as the kernel lists them ("0-3,8"). -E2BIG, -ENODATA. */
int rbce_limits_cpus(struct rbce_limits *limits, char *buf, size_t size);

/*
 * The whole chain of one item: FUNCTION is called for each that may impose a limit, the own group
 * first. VALUE is RBCE_LIMIT_NONE where it imposes none; STATUS says why it cannot be read.
 */
struct rbce_bound {
	int source; /* enum rbce_limit_source */
	int level;
	int status;
	bool has_usage;
	uint64_t value;
	uint64_t usage;
};
typedef void rbce_bound_fn(const struct rbce_bound *bound, const char *imposed_by, void *data);
int rbce_limits_explain(struct rbce_limits *limits, const struct rbce_limit *item,
			rbce_bound_fn *function, void *data);

/*
 * Change notification: a descriptor, kept by LIMITS, that becomes readable when somebody writes to
 * a control file that the items read so far depend on. rbce_limits_changed() empties it: 1 when
 * something was written, else 0. The kernel does not tell of a process that is moved, of rlimits or
 * of sysctls; the next read sees them.
 */
int rbce_limits_watch(struct rbce_limits *limits);
int rbce_limits_changed(struct rbce_limits *limits);

#endif
