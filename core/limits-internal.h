/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files behind rbce/limits.h share. Internal. */
#ifndef CORE_LIMITS_INTERNAL_H
#define CORE_LIMITS_INTERNAL_H

#include <limits.h>
#include <rbce/limits.h>
#include <sys/resource.h>

enum {
	LEVELS = 48,  /* groups from a process to the top */
	CHAINS = 16,  /* hierarchies */
	DEVICES = 64, /* that io.max limits, a kind each */
	SIZES = 8,    /* of huge pages */
	SLOTS = 64,   /* control files of a group */
};

/* Controllers that a resource has its limit from. */
enum limits_controller { L_CPU, L_CPUSET, L_MEMORY, L_IO, L_PIDS, L_HUGETLB };
enum { L_CONTROLLERS = L_HUGETLB + 1 };
/* What is no controller of the kernel's, and is done on the v2 tree. */
#define L_NET ((enum limits_controller)L_CONTROLLERS)

/* "io", whatever v1 calls it. */
const char *limits_controller_name(enum limits_controller controller);

/* One hierarchy, and where the process stands in it. */
struct chain {
	int version;
	unsigned controllers; /* bits of enum limits_controller */
	bool recursive;       /* v2 mounted with memory_recursiveprot */
	int mount;            /* O_PATH descriptor of the mount point */
	char *point;          /* owned */
	char *top;            /* the group at the mount point; owned */

	/* What follows is made anew when the process moves. */
	int status;  /* why nothing is known here */
	bool hidden; /* there are groups above that cannot be seen */
	int n;       /* groups, own one first */
	char path[PATH_MAX];
	unsigned short end[LEVELS]; /* of each one's path */
	int dir[LEVELS];            /* O_PATH descriptor, or -errno */
	int file[LEVELS][SLOTS];    /* descriptor + 1, -errno, 0 when not opened yet */
};

struct io_instance {
	unsigned major, minor, kind;
};

enum host_file { HOST_MEMINFO, HOST_ONLINE, HOST_LOADAVG, HOST_FILES };
enum { SYSCTLS = 16, TEXT_SIZE = 16384 };

struct rbce_limits {
	const struct rbce_root *root;
	struct rbce_root *own_root; /* where the caller gave none */
	pid_t pid;                  /* 0: a group, no process */
	bool self;                  /* the caller itself, on a live system */
	unsigned flags;
	int dir; /* its directory in /proc; -1 */
	int cgroup, status_fd, limits_fd, files;
	bool in_namespace, in_user_namespace;
	int watch; /* inotify; -1 */
	struct chain *chains;
	int n_chains;
	int host[HOST_FILES]; /* as chain.file */
	int sysctl[SYSCTLS];
	struct io_instance io[DEVICES];
	unsigned n_io;
	char size[SIZES][8]; /* "2MB" */
	unsigned n_sizes;
	char cgroup_text[TEXT_SIZE], cgroup_new[TEXT_SIZE];
	/* Texts of this read. */
	bool has_status, has_limits;
	char status_text[8192], limits_text[4096];
};

/* Where bounds go while one item is read or explained. */
struct gather {
	struct rbce_limits *l;
	const struct rbce_limit *item; /* resource and instance */
	struct rbce_limit *out;        /* NULL when explained */
	rbce_bound_fn *function;
	void *data;
	int bounds; /* that were given */
};
void limits_bound(struct gather *g, const struct rbce_bound *bound);

/* A digit string, "max" or "-1"; -EBADMSG. */
int limits_number(const char *text, uint64_t *ret);

/* What stands behind "\nFIELD:" in a text of such lines; the number there, times 1024 for "kB". */
const char *limits_field(const char *text, const char *field);
bool limits_field_number(const char *text, const char *field, uint64_t *ret);

/* Descriptor + 1 of PATH below DIR, kept in *SLOT, or -errno. */
int limits_open_slot(struct rbce_limits *l, int dir, const char *path, int *slot, bool watched);
/* Its text in BUF: the length, or -errno. */
ssize_t limits_read_slot(struct rbce_limits *l, int dir, const char *path, int *slot, bool watched,
			 char *buf, size_t size);

/* limits-chain.c: the hierarchies; 0 or -errno. */
int limits_find_chains(struct rbce_limits *l);
/* Puts the process where the text of /proc/PID/cgroup says. */
void limits_place(struct rbce_limits *l, const char *text);
void limits_place_group(struct rbce_limits *l, const char *path);
void limits_close_chains(struct rbce_limits *l);
/* The chain with CONTROLLER, NULL for none. */
struct chain *limits_chain(const struct rbce_limits *l, enum limits_controller controller);
/* "/rbce/users" of a level, into BUF. */
char *limits_group_path(const struct chain *c, int level, char *buf, size_t size);

/* limits-group.c: all that groups impose; the file's name for people. */
bool limits_is_group(int resource);
void limits_gather_groups(struct gather *g);
const char *limits_group_file(const struct rbce_limits *l, const struct rbce_limit *item,
			      enum limits_controller *ret, char *buf, size_t size);
uint64_t limits_peak(struct rbce_limits *l, const struct rbce_limit *item);
void limits_find_devices(struct rbce_limits *l);
const char *limits_io_kind(unsigned kind);

/* limits-host.c: all that rlimits, sysctls and the machine impose. */
void limits_gather_host(struct gather *g);
int limits_open_process(struct rbce_limits *l);
int limits_read_status(struct rbce_limits *l);
void limits_read_rlimit(struct gather *g);
bool limits_is_ignored(struct rbce_limits *l, const struct rbce_limit *item);
int limits_cpu_list(struct rbce_limits *l, char *buf, size_t size);
unsigned limits_cpus_common(const char *list, const char *other);
bool limits_online(struct rbce_limits *l, char *buf, size_t size);
const char *limits_sysctl_name(int index);
bool limits_has_peak(struct rbce_limits *l, int resource, uint64_t *ret);

/* limits-net.c: the rate noted on each group. */
void limits_gather_net(struct gather *g);

/* limits-usage.c: what is used, in *RET; false where it cannot be told. */
bool limits_count_inotify(struct rbce_limits *l, uint64_t uid, bool watches, uint64_t *ret);
bool limits_count_sysv_queues(struct rbce_limits *l, uint64_t *ret);
bool limits_count_queues(struct rbce_limits *l, uint64_t *ret);

/* Names, helps and units: limits-table.c. */
enum limits_unit { U_PERCENT, U_COUNT, U_BYTES, U_SECONDS, U_USEC, U_RATE };
enum limits_unit limits_unit_of(int resource);
const char *limits_rlimit_title(int rlimit); /* in /proc/PID/limits */
const char *limits_rlimit_field(int rlimit); /* line of /proc/PID/status with the use, NULL */
const char *limits_rlimit_peak(int rlimit);  /* with the peak, NULL */

#endif
