/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a row of the controller table is made, and what its readers and writers share. Internal. */
#ifndef CONTROLLERS_INTERNAL_H
#define CONTROLLERS_INTERNAL_H

#include "controllers.h"

/* Room for an exact amount as text, and for a value quoted in a message. */
enum { AMOUNT_SIZE = 32, QUOTED_SIZE = 80 };

/* A key in one cgroup version. Directories are those of a group. */
struct key_file {
	const char *file;  /* NULL where this version has no such limit */
	const char *usage; /* file with what is used of it now, NULL where that is not counted */
	const char *unlimited; /* the kernel's word for "max" */

	/* NULL: the file holds the plain number or the word. */
	int (*read)(const struct key_file *f, int dirfd, uint64_t *ret);
	int (*write)(const struct key_file *f, int dirfd, uint64_t amount, struct rbce_error *err);
};

/*
 * A key whose value is not one amount in one file: the functions behind controller_check(), _set(),
 * _get(), _reset(), _holds() and _supported(), with what those promise.
 */
struct key_ops {
	int (*check)(const struct controller_key *key, const char *value, struct rbce_error *err);
	int (*set)(const struct controller_key *key, struct rbce_container *c, const char *value,
		   struct rbce_error *err);
	int (*get)(const struct controller_key *key, struct rbce_container *c, char *buf,
		   size_t size, struct rbce_error *err);

	/* In place of set(), where only what VALUE names is RESET; else the initial value is set.
	 */
	int (*change)(const struct controller_key *key, struct rbce_container *c, const char *value,
		      bool reset, struct rbce_error *err);

	/* 1 when VALUE is in force, 0 when not. NULL: when get() gives just that. */
	int (*holds)(const struct controller_key *key, struct rbce_container *c, const char *value,
		     struct rbce_error *err);

	/* 0, or -EOPNOTSUPP with what is missing. NULL: the file of the row says so. */
	int (*supported)(const struct controller_key *key, struct rbce_container *c,
			 struct rbce_error *err);
};

enum key_flags {
	CONTROLLER_REPEATS = 1,
	CONTROLLER_DAEMON = 2,        /* of ops only check() is there */
	CONTROLLER_FINITE = 4,        /* does not take "max" */
	CONTROLLER_PATCHED = 8,       /* v2: a file of our kernel's (controllers/kernel/) */
	CONTROLLER_FAMILY = 16,       /* stands for many keys (family.c) */
	CONTROLLER_NAMED_FIELDS = 32, /* keyed.c: amounts have names */
	CONTROLLER_FLAT_V1 = 64,      /* v1 does not let it hold for groups below */
};

/* Room for the names of a key's files. */
struct key_family_files {
	char *file[4];
	size_t size; /* of each */
};

/* How the values of the groups above and a group's own come together. */
enum key_scope {
	SCOPE_OWN,        /* not at all */
	SCOPE_LOWEST,     /* the lowest holds */
	SCOPE_PROTECTION, /* a promise, which holds as far as those above are given one too */
	SCOPE_NEAREST,    /* the nearest that is not initial */
	SCOPE_DEVICES,    /* the lowest for each device: io.max */
	SCOPE_LISTS,      /* what is in all of them: cpuset.cpus */
	SCOPE_EACH,       /* each of them must allow it: net.connect */
};

struct controller_key {
	const char *name;
	const char *help;
	const char *values;  /* NULL: those of the unit */
	const char *initial; /* what a new group has, as a value; NULL where nobody knows */
	enum rbce_controller controller;
	enum controller_unit unit;
	unsigned flags;
	enum key_scope scope;
	uint64_t min, max;          /* amounts that it takes, "max" apart */
	uint64_t grain;             /* bytes that the kernel rounds down to; 0: its pages */
	struct key_file version[3]; /* by cgroup version; the first is empty */
	const struct key_ops *ops;  /* of a row with code of its own */

	/* CONTROLLER_FAMILY: KEY is a copy with a name of its own; false when that is none of it.
	 */
	bool (*family)(struct controller_key *key, const struct key_family_files *files);
};

extern const struct controller_key controller_cpu_weight, controller_cpu_max, controller_cpu_burst,
	controller_cpu_idle;                                                       /* cpu.c */
extern const struct controller_key controller_cpu_rt;                              /* cpu-rt.c */
extern const struct controller_key controller_cpuset_cpus, controller_memset_mems; /* cpuset.c */
extern const struct controller_key controller_memory_max, controller_memory_high,
	controller_memory_oom_group, controller_swap_max; /* memory.c */
extern const struct controller_key controller_memory_soft,
	controller_memory_min; /* memory-keep.c */
extern const struct controller_key controller_dirty_max, controller_dirty_background,
	controller_oom_delay;                                                /* patched.c */
extern const struct controller_key controller_pids_max;                      /* pids.c */
extern const struct controller_key controller_io_max;                        /* io.c */
extern const struct controller_key controller_io_weight;                     /* io-weight.c */
extern const struct controller_key controller_io_latency;                    /* io-latency.c */
extern const struct controller_key controller_rdma_max, controller_misc_max; /* keyed.c */
extern const struct key_ops keyed_ops;
extern const struct controller_key controller_swap_device; /* swap-device.c */
extern const struct controller_key controller_freeze;      /* freeze.c */
extern const struct controller_key controller_device;      /* device-list.c */
extern const struct controller_key controller_hugetlb;     /* hugetlb.c */
extern const struct controller_key controller_raw;         /* raw.c */
extern const struct controller_key controller_space;       /* space.c */
extern const struct controller_key controller_net_connect, controller_net_bind,
	controller_net_accept, controller_net_egress, controller_net_priority,
	controller_net_flowid; /* net.c */
extern const struct controller_key controller_oom_policy, controller_oom_prefer,
	controller_oom_avoid, controller_oom_prekill, controller_oom_pressure;    /* oom.c */
extern const struct controller_key controller_penalty, controller_penalty_notice; /* penalty.c */

/* The rate in a value of net.egress, RBCE_UNLIMITED for "max". */
int net_rate(const char *value, uint64_t *ret);

/*
 * The swap files of a container and those below it, before it is removed (NULL for none); and
 * after, when RESULT is 0, what takes them down. Returns RESULT, or why that failed.
 */
struct swap_files;
struct swap_files *swap_files_find(struct rbce_container *c);
int swap_files_done(struct swap_files *files, struct rbce_container *c, int result,
		    struct rbce_error *err);

/* The container's group with KEY's controller, as a directory of the caller's; -EOPNOTSUPP. */
int key_open_directory(const struct controller_key *key, struct rbce_container *c,
		       struct rbce_error *err);

/*
 * The container's group that has KEY, as a directory of the caller's, and its cgroup version;
 * -EOPNOTSUPP with what is missing.
 */
int key_open_group(const struct controller_key *key, struct rbce_container *c, int *ret_version,
		   struct rbce_error *err);

/* The same before a write: a controller on demand is taken into use. */
int key_make_group(const struct controller_key *key, struct rbce_container *c, int *ret_version,
		   struct rbce_error *err);

/* How many groups of the suite's are above the container. */
unsigned key_depth(const struct rbce_container *c);

/* What controller_set(), _get() and _holds() do for rows without code of their own. */
int key_set_amount(const struct controller_key *key, int dirfd, int version, const char *value,
		   struct rbce_error *err);
int key_get_amount(const struct controller_key *key, int dirfd, int version, char *buf, size_t size,
		   struct rbce_error *err);
int key_holds_amount(const struct controller_key *key, int dirfd, int version, const char *value,
		     struct rbce_error *err);

/* The row of a NAME that belongs to a family, NULL for none; it stays for good. */
const struct controller_key *family_find(const char *name);

/* Copies TEXT to BUF; -E2BIG, with a message, when it does not fit. */
int key_give(const struct controller_key *key, const char *text, char *buf, size_t size,
	     struct rbce_error *err);

/* VALUE of KEY as an amount; the message says what KEY takes. Not for CONTROLLER_TEXT. */
int amount_parse(const struct controller_key *key, const char *value, uint64_t *ret,
		 struct rbce_error *err);

/* The values that the unit of KEY has, for people. */
const char *amount_values(const struct controller_key *key);

/* The exact amount as amount_parse() takes it, into BUF of AMOUNT_SIZE; returned. */
char *amount_format(const struct controller_key *key, uint64_t amount, char *buf);

/* VALUE fit for a message of one line, into BUF of QUOTED_SIZE: cut, nothing unprintable; returned.
 */
char *amount_quote(const char *value, char *buf);

/* v1's files of memory, which show "no limit" as the largest number of whole pages. */
int memory_read_bytes(const struct key_file *f, int dirfd, uint64_t *ret);

/* A file with one number, where "max" and "-1" are RBCE_UNLIMITED. */
int amount_read(int dirfd, const char *file, uint64_t *ret);

/* Writes TEXT; the message is "FILE refuses 'TEXT': reason". */
int amount_write(int dirfd, const char *file, const char *text, struct rbce_error *err);

/* The limit of F through its own functions or the plain ones above. */
int key_file_read(const struct key_file *f, int dirfd, uint64_t *ret);
int key_file_write(const struct key_file *f, int dirfd, uint64_t amount, struct rbce_error *err);

/*
 * The block device meant by TEXT ("254:0", "/dev/vda", a path on its file system); a partition, a
 * loop device and what is mapped to one device stand for the disk below, which is what the kernel
 * throttles. -ENODEV, -EINVAL with the reason.
 */
int device_resolve(const char *text, unsigned *ret_major, unsigned *ret_minor,
		   struct rbce_error *err);

/*
 * The list OWN of a group below one that has WIDE, a new string: what is in both, or WIDE where
 * that is nothing. *RET_NARROWER tells whether it is less than WIDE.
 */
int cpuset_narrow(const char *wide, const char *own, char **ret, bool *ret_narrower);

enum io_kind { IO_RBPS, IO_WBPS, IO_RIOPS, IO_WIOPS };
enum { IO_KINDS = IO_WIOPS + 1 };

/* "rbps", and the file that has it in a cgroup VERSION. */
const char *io_kind_name(enum io_kind kind);
const char *io_kind_file(enum io_kind kind, int version);

/* The limits of one device in a group. */
struct io_device {
	unsigned major, minor;
	uint64_t amount[IO_KINDS]; /* RBCE_UNLIMITED where there is none */
};

/* All of a group, in a new array; *ret_n may be 0. */
int io_read(int dirfd, int version, struct io_device **ret, size_t *ret_n);

/*
 * Values of io.max, as it gives them, come together: io_merge() lowers the N amounts in *DEVICES, a
 * growing array, to those of VALUE; io_decides() tells whether one of them is VALUE's; io_print()
 * makes a value of them, a new string.
 */
int io_merge(const char *value, struct io_device **devices, size_t *n);
bool io_decides(const char *value, const struct io_device *devices, size_t n);
int io_print(const struct io_device *devices, size_t n, char **ret);

#endif
