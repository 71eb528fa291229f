// SPDX-License-Identifier: GPL-2.0-or-later
/* controllers/limits.c: the lowest limit over all ancestors, on fixture trees of v1, v2, hybrid,
 * none. */
#include <controllers/limits.h>
#include <inttypes.h>
#include <rbce/units.h>
#include <stdbool.h>

#include "harness.h"

#define NONE RBCE_UNLIMITED

/* What every scenario has: a process of user 1000 and another one of that user. */
static const char rlimits[] =
	"Limit                     Soft Limit           Hard Limit           Units     \n"
	"Max cpu time              60                   unlimited            seconds   \n"
	"Max file size             unlimited            unlimited            bytes     \n"
	"Max data size             unlimited            unlimited            bytes     \n"
	"Max stack size            8388608              unlimited            bytes     \n"
	"Max core file size        0                    unlimited            bytes     \n"
	"Max resident set          unlimited            unlimited            bytes     \n"
	"Max processes             400                  500                  processes \n"
	"Max open files            1024                 1048576              files     \n"
	"Max locked memory         8388608              8388608              bytes     \n"
	"Max address space         18446744073709551614 unlimited            bytes     \n"
	"Max file locks            unlimited            unlimited            locks     \n"
	"Max pending signals       96365                96365                signals   \n"
	"Max msgqueue size         819200               819200               bytes     \n"
	"Max nice priority         0                    0                    \n"
	"Max realtime priority     0                    0                    \n"
	"Max realtime timeout      200000               unlimited            us        \n";

static const char status[] =
	"Name:\thog\nTgid:\t42\nUid:\t1000\t1000\t1000\t1000\n"
	"Gid:\t100\t100\t100\t100\nGroups:\t100 \nVmSize:\t    2048 kB\n"
	"VmLck:\t       4 kB\nVmStk:\t     132 kB\nThreads:\t3\nSigQ:\t5/96365\n"
	"CapEff:\t0000000000000000\nCpus_allowed_list:\t0-3\n";

static const struct {
	const char *path, *text;
} common[] = {
	{"proc/42/limits", rlimits},
	{"proc/42/status", status},
	{"proc/42/stat",
	 "42 (h) og) S 1 42 42 0 -1 4194304 1 0 0 0 1000 500 0 0 20 0 3 0 99 1 1 1\n"},
	{"proc/42/fd/0", ""},
	{"proc/42/fd/1", ""},
	{"proc/43/status", "Name:\tsh\nUid:\t1000\t0\t0\t0\nThreads:\t1\n"},
	{"proc/44/status", "Name:\tsh\nUid:\t0\t1000\t1000\t1000\nThreads:\t9\n"},
	{"proc/meminfo", "MemTotal:  8388608 kB\nMemFree: 1 kB\nMemAvailable:  6291456 kB\n"},
	{"proc/loadavg", "0.00 0.01 0.05 1/300 4321\n"},
	{"proc/sys/kernel/pid_max", "32768\n"},
	{"proc/sys/kernel/threads-max", "60000\n"},
	{"sys/devices/system/cpu/online", "0-3\n"},
};

struct file {
	const char *path, *text;
};

struct expected {
	const char *resource;
	uint64_t effective;
	const char *imposed_by;
	const char *used; /* "" for unknown, NULL for no matter */
	const char *left; /* the same; "N in WHERE" */
	int status;
	const char *instance;
	bool hidden;
};

struct scenario {
	const char *name;
	struct rbce_mount mounts[5];
	const char *cgroup;
	struct file files[24];
	struct expected expected[12];
};

#define V1_MOUNTS                                                                                  \
	{                                                                                          \
		{1, (char[]){"/cg/cpu"}, -1, 1U << RBCE_CPU},                                      \
			{1, (char[]){"/cg/memory"}, -1, 1U << RBCE_MEMORY},                        \
			{1, (char[]){"/cg/pids"}, -1, 1U << RBCE_PIDS},                            \
			{1, (char[]){"/cg/blkio"}, -1, 1U << RBCE_IO},                             \
		{                                                                                  \
			0                                                                          \
		}                                                                                  \
	}
#define V2_MOUNTS                                                                                  \
	{                                                                                          \
		{2, (char[]){"/cg"}, -1,                                                           \
		 1U << RBCE_CPU | 1U << RBCE_MEMORY | 1U << RBCE_PIDS | 1U << RBCE_IO},            \
		{                                                                                  \
			0                                                                          \
		}                                                                                  \
	}
#define V1_CGROUP                                                                                  \
	"4:blkio:/a/b\n3:pids:/a/b\n2:memory:/a/b\n1:cpu:/a/b\n9:name=systemd:/x\n0::/else\n"

/* clang-format off */
static const struct scenario scenarios[] = {
{
	.name = "none: rlimits, sysctls and the host",
	.cgroup = "",
	.expected = {
		{"cpu.max", 400000, "host", "", ""},
		{"memory.max", UINT64_C(8) << 30, "host", "2147483648", "6442450944 in host"},
		{"memory.high", NONE, "", .status = -EOPNOTSUPP},
		{"io.max", NONE, "", .status = -EOPNOTSUPP},
		{"pids.max", 400, "rlimit nproc soft", "4", "396 in rlimit nproc soft"},
		{"cpu", 60, "rlimit soft", "15", "45 in rlimit soft"},
		{"nofile", 1024, "rlimit soft", "2", "1022 in rlimit soft"},
		{"nproc", 400, "rlimit soft", "4"},
		{"sigpending", 96365, "rlimit soft", "5"},
		{"as", UINT64_MAX - 1, "rlimit soft", "2097152"},
		{"stack", 8388608, "rlimit soft", "135168"},
	},
}, {
	.name = "v1: the parent's limits, and the nearest of equal ones",
	.mounts = V1_MOUNTS,
	.cgroup = V1_CGROUP,
	.files = {
		{"cg/cpu/a/cpu.cfs_quota_us", "50000\n"},
		{"cg/cpu/a/cpu.cfs_period_us", "100000\n"},
		{"cg/cpu/a/b/cpu.cfs_quota_us", "-1\n"},
		{"cg/cpu/a/b/cpu.cfs_period_us", "100000\n"},
		{"cg/memory/memory.limit_in_bytes", "9223372036854771712\n"},
		{"cg/memory/a/memory.limit_in_bytes", "536870912\n"},
		{"cg/memory/a/memory.usage_in_bytes", "104857600\n"},
		{"cg/memory/a/b/memory.limit_in_bytes", "9223372036854771712\n"},
		{"cg/memory/a/b/memory.usage_in_bytes", "1048576\n"},
		{"cg/memory/a/b/memory.soft_limit_in_bytes", "268435456\n"},
		{"cg/pids/a/pids.max", "60\n"},
		{"cg/pids/a/pids.current", "20\n"},
		{"cg/pids/a/b/pids.max", "60\n"},
		{"cg/pids/a/b/pids.current", "7\n"},
		{"cg/blkio/a/blkio.throttle.read_bps_device", "8:0 1000\n"},
		{"cg/blkio/a/b/blkio.throttle.read_bps_device", ""},
		{"cg/blkio/a/b/blkio.throttle.write_bps_device", ""},
		{"cg/blkio/a/b/blkio.throttle.read_iops_device", ""},
		{"cg/blkio/a/b/blkio.throttle.write_iops_device", "8:16 50\n"},
	},
	.expected = {
		{"cpu.max", 50000, "cpu:/a cpu.cfs_quota_us", "", ""},
		{"memory.max", 536870912, "memory:/a memory.limit_in_bytes", "104857600",
		 "432013312 in memory:/a memory.limit_in_bytes"},
		{"memory.high", NONE, "", .status = -EOPNOTSUPP},
		{"memory.soft", 268435456, "memory:/a/b memory.soft_limit_in_bytes", "1048576"},
		{"pids.max", 60, "pids:/a/b pids.max", "7", "40 in pids:/a pids.max"},
		/* v1 throttles a group whatever is above it. */
		{"io.max", 50, "io:/a/b blkio.throttle.write_iops_device", "", "",
		 .instance = "8:16 wiops"},
	},
}, {
	.name = "v1: less is left above than under the lowest limit",
	.mounts = V1_MOUNTS,
	.cgroup = V1_CGROUP,
	.files = {
		{"cg/memory/a/memory.limit_in_bytes", "1073741824\n"},
		{"cg/memory/a/memory.usage_in_bytes", "1073741000\n"},
		{"cg/memory/a/b/memory.limit_in_bytes", "536870912\n"},
		{"cg/memory/a/b/memory.usage_in_bytes", "0\n"},
		{"cg/cpu/a/b/cpu.cfs_quota_us", "1000000\n"},
		{"cg/cpu/a/b/cpu.cfs_period_us", "100000\n"},
		{"cg/pids/a/b/pids.max", "10\n"},
		{"cg/pids/a/b/pids.current", "12\n"},
		{"cg/blkio/a/b/cgroup.procs", ""},
	},
	.expected = {
		{"memory.max", 536870912, "memory:/a/b memory.limit_in_bytes", "0",
		 "824 in memory:/a memory.limit_in_bytes"},
		{"cpu.max", 400000, "host", "", ""},
		{"pids.max", 10, "pids:/a/b pids.max", "12", "0 in pids:/a/b pids.max"},
		{"io.max", NONE, ""},
	},
}, {
	.name = "v2: all in one, the leaf has nothing",
	.mounts = V2_MOUNTS,
	.cgroup = "0::/a/b/leaf\n",
	.files = {
		{"cg/a/b/leaf/cpu.max", "max 100000\n"},
		{"cg/a/b/cpu.max", "20000 100000\n"},
		{"cg/a/cpu.max", "150000 100000\n"},
		{"cg/a/b/leaf/memory.max", "max\n"},
		{"cg/a/b/memory.max", "max\n"},
		{"cg/a/memory.max", "1073741824\n"},
		{"cg/a/memory.current", "4096\n"},
		{"cg/a/b/memory.high", "536870912\n"},
		{"cg/a/b/memory.current", "8192\n"},
		{"cg/a/b/leaf/pids.max", "5\n"},
		{"cg/a/b/leaf/pids.current", "5\n"},
		{"cg/a/b/leaf/io.max", "8:0 rbps=500 wbps=max riops=max wiops=max\n"},
		{"cg/a/b/io.max", ""},
		{"cg/a/io.max", "8:0 rbps=400 wbps=max riops=max wiops=7\n"},
	},
	.expected = {
		{"cpu.max", 20000, "cpu:/a/b cpu.max", "", ""},
		{"memory.max", 1073741824, "memory:/a memory.max", "4096"},
		{"memory.high", 536870912, "memory:/a/b memory.high", "8192",
		 "536862720 in memory:/a/b memory.high"},
		{"memory.soft", NONE, ""},
		{"pids.max", 5, "pids:/a/b/leaf pids.max", "5", "0 in pids:/a/b/leaf pids.max"},
		{"io.max", 400, "io:/a io.max", .instance = "8:0 rbps"},
		{"io.max", 7, "io:/a io.max", .instance = "8:0 wiops"},
	},
}, {
	.name = "v2: a group above without memory.low undoes those below",
	.mounts = V2_MOUNTS,
	.cgroup = "0::/a/b\n",
	.files = {
		{"cg/a/b/memory.low", "1048576\n"},
		{"cg/a/memory.low", "0\n"},
	},
	.expected = {{"memory.soft", 0, "memory:/a memory.low"}},
}, {
	.name = "v2: a group below without memory.low loses it",
	.mounts = V2_MOUNTS,
	.cgroup = "0::/a/b\n",
	.files = {
		{"cg/a/b/memory.low", "0\n"},
		{"cg/a/memory.low", "1048576\n"},
	},
	.expected = {{"memory.soft", 0, "memory:/a/b memory.low"}},
}, {
	.name = "v2: unless the mount shares it out",
	.mounts = V2_MOUNTS,
	.cgroup = "0::/a/b\n",
	.files = {
		{"proc/self/mountinfo",
		 "25 24 0:22 / /other rw - cgroup2 cgroup2 rw\n"
		 "26 24 0:23 / /cg rw,relatime shared:4 - cgroup2 cgroup2 "
		 "rw,nsdelegate,memory_recursiveprot\n"},
		{"cg/a/b/memory.low", "0\n"},
		{"cg/a/memory.low", "1048576\n"},
	},
	.expected = {{"memory.soft", 1048576, "memory:/a memory.low"}},
}, {
	.name = "hybrid: v1 controllers beside a v2 tree",
	.mounts = {
		{2, (char[]){"/cg/unified"}, -1, 0},
		{1, (char[]){"/cg/memory"}, -1, 1U << RBCE_MEMORY},
		{1, (char[]){"/cg/pids"}, -1, 1U << RBCE_PIDS},
		{0},
	},
	.cgroup = "2:pids:/\n1:memory:/m\n0::/u\n",
	.files = {
		{"cg/unified/u/memory.max", "1\n"},
		{"cg/memory/m/memory.limit_in_bytes", "4096\n"},
		{"cg/pids/cgroup.procs", ""},
	},
	.expected = {
		{"cpu.max", 400000, "host"},
		{"memory.max", 4096, "memory:/m memory.limit_in_bytes", ""},
		{"pids.max", 400, "rlimit nproc soft"},
		{"io.max", NONE, "", .status = -EOPNOTSUPP},
	},
}, {
	.name = "a privileged process has no limit on its user's tasks",
	.cgroup = "",
	.files = {
		{"proc/42/status", "Uid:\t1000\t0\t0\t0\nCapEff:\t000001ffffffffff\n"
				   "Threads:\t2\nCpus_allowed_list:\t0-3\n"},
	},
	.expected = {
		{"pids.max", 32768, "sysctl kernel.pid_max", "300", "32468 in sysctl kernel.pid_max"},
		{"nproc", 400, "rlimit soft (does not hold for a privileged process)", "3"},
	},
}, {
	.name = "in a user namespace nobody is privileged",
	.cgroup = "",
	.files = {
		{"proc/42/status", "Uid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\n"},
		{"proc/42/uid_map", "         0     100000      65536\n"},
	},
	.expected = {{"pids.max", 400, "rlimit nproc soft"}},
}, {
	.name = "affinity counts what is online",
	.cgroup = "",
	.files = {
		{"proc/42/status", "Uid:\t0\t0\t0\t0\nCpus_allowed_list:\t1,3-64\n"},
	},
	.expected = {{"cpu.max", 200000, "affinity or cpuset, CPUs 1,3-64"}},
}, {
	.name = "the mount shows a group below the top",
	.mounts = V1_MOUNTS,
	.cgroup = "3:pids:/docker/abc\n2:memory:/docker/abc/in\n1:cpu:/docker/abcd\n",
	.files = {
		{"proc/self/mountinfo",
		 "26 24 0:23 /docker/abc /cg/pids rw - cgroup cgroup rw,pids\n"
		 "27 24 0:24 /docker/abc /cg/memory rw - cgroup cgroup rw,memory\n"
		 "28 24 0:25 /docker/abc /cg/cpu rw - cgroup cgroup rw,cpu\n"},
		{"cg/pids/pids.max", "9\n"},
		{"cg/memory/in/memory.limit_in_bytes", "8192\n"},
		{"cg/cpu/cpu.cfs_quota_us", "1000\n"},
		{"cg/cpu/cpu.cfs_period_us", "100000\n"},
	},
	.expected = {
		{"pids.max", 9, "pids:/ pids.max", .hidden = true},
		{"memory.max", 8192, "memory:/in memory.limit_in_bytes", .hidden = true},
		/* A group beside the one at the mount point cannot be seen. */
		{"cpu.max", 400000, "host", .hidden = true},
	},
}, {
	.name = "in a cgroup namespace v1 still tells the lowest memory limit",
	.mounts = V1_MOUNTS,
	.cgroup = "3:pids:/../b\n2:memory:/\n1:cpu:/\n",
	.files = {
		{"proc/self/ns/cgroup@", "cgroup:[4026532777]"},
		{"cg/pids/pids.max", "3\n"},
		{"cg/memory/memory.limit_in_bytes", "8192\n"},
		{"cg/memory/memory.stat",
		 "cache 0\nhierarchical_memory_limit 4096\nhierarchical_memsw_limit 1\n"},
	},
	.expected = {
		{"pids.max", 400, "rlimit nproc soft", .hidden = true},
		{"memory.max", 4096, "memory:/ memory.stat (a hidden group above)", "", "",
		 .hidden = true},
		{"cpu.max", 400000, "host", .hidden = true},
		{"nofile", 1024, "rlimit soft"},
	},
}, {
	.name = "the host's own cgroup namespace hides nothing",
	.mounts = V1_MOUNTS,
	.cgroup = "2:memory:/\n",
	.files = {
		{"proc/self/ns/cgroup@", "cgroup:[4026531835]"},
		{"cg/memory/memory.limit_in_bytes", "8192\n"},
		{"cg/memory/memory.stat", "hierarchical_memory_limit 4096\n"},
	},
	.expected = {{"memory.max", 8192, "memory:/ memory.limit_in_bytes"}},
}, {
	.name = "what cannot be read is told, the rest counts",
	.mounts = V1_MOUNTS,
	.cgroup = "2:memory:/a/gone (deleted)\n1:pids:/a\n",
	.files = {
		{"cg/memory/a/memory.limit_in_bytes", "8192\n"},
		{"cg/pids/a/pids.max", "lots\n"},
	},
	.expected = {
		{"memory.max", 8192, "memory:/a memory.limit_in_bytes", .status = -ENOENT},
		{"pids.max", 400, "rlimit nproc soft", .status = -EBADMSG},
	},
},
};
/* clang-format on */

static char tree[PATH_MAX];

/* A path that ends in "@" is a link. */
static void make_file(const struct file *file)
{
	size_t n = strlen(file->path);
	char path[2 * PATH_MAX];

	if (file->path[n - 1] != '@') {
		harness_write_text(tree, file->path, file->text);
		return;
	}
	harness_write_text(tree, file->path, "");
	snprintf(path, sizeof(path), "%s/%.*s", tree, (int)n - 1, file->path);
	ck_assert_int_eq(symlink(file->text, path), 0);
}

static void make_tree(const struct scenario *s)
{
	harness_directory(tree);
	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		harness_write_text(tree, common[i].path, common[i].text);
	harness_write_text(tree, "proc/42/cgroup", s->cgroup);
	for (const struct rbce_mount *m = s->mounts; m->path; m++) {
		char path[64];

		snprintf(path, sizeof(path), "%s/cgroup.procs", m->path + 1);
		harness_write_text(tree, path, "");
	}
	for (const struct file *f = s->files; f->path; f++)
		make_file(f);
}

static void assert_amount(const struct limit *limit, bool known, uint64_t amount, const char *where,
			  const char *expected)
{
	char text[LIMIT_TEXT_SIZE + 64] = "";

	if (!expected)
		return;
	if (known)
		snprintf(text, sizeof(text), "%" PRIu64 "%s%s", amount, where ? " in " : "",
			 where ?: "");
	ck_assert_msg(strcmp(text, expected) == 0, "%s: '%s', expected '%s'", limit->resource, text,
		      expected);
}

static const struct limit *find(const struct limit *limits, size_t n, const char *resource,
				const char *instance)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(limits[i].resource, resource) == 0 &&
		    strcmp(limits[i].instance, instance ?: "") == 0)
			return &limits[i];
	return NULL;
}

static void assert_limit(const struct scenario *s, const struct limit *limits, size_t n,
			 const struct expected *e)
{
	const struct limit *limit = find(limits, n, e->resource, e->instance);

	ck_assert_msg(limit != NULL, "%s: no %s", s->name, e->resource);
	ck_assert_msg(limit->effective == e->effective && !strcmp(limit->imposed_by, e->imposed_by),
		      "%s: %s is %" PRIu64 " by '%s'", s->name, e->resource, limit->effective,
		      limit->imposed_by);
	ck_assert_msg(limit->status == e->status, "%s: %s: status %d", s->name, e->resource,
		      limit->status);
	ck_assert_int_eq(limit->source == LIMIT_BY_NOBODY, !*e->imposed_by);
	ck_assert_msg(limit->ancestors_hidden == e->hidden, "%s: %s", s->name, e->resource);
	assert_amount(limit, limit->has_usage, limit->usage, NULL, e->used);
	assert_amount(limit, limit->has_free, limit->free, limit->free_by, e->left);
}

static void run_scenario(const struct scenario *s)
{
	struct rbce_hierarchy *h = NULL;
	struct rbce_root *root;
	struct rbce_error err = {0};
	struct limit *limits;
	size_t n_mounts = 0, n;

	make_tree(s);
	while (s->mounts[n_mounts].path)
		n_mounts++;
	ck_assert_int_eq(rbce_root_open(tree, &root, NULL), 0);
	if (n_mounts)
		ck_assert_int_eq(
			rbce_hierarchy_open_mounts(root, "rbce", s->mounts, n_mounts, &h, &err), 0);
	ck_assert_msg(limits_read(root, h, 42, &limits, &n, &err) == 0, "%s", err.message);
	for (const struct expected *e = s->expected; e->resource; e++)
		assert_limit(s, limits, n, e);
	free(limits);
	rbce_hierarchy_close(h);
	rbce_root_close(root);
	harness_remove_tree(tree);
}

START_TEST(fixtures)
{
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		run_scenario(&scenarios[i]);
}
END_TEST

START_TEST(names)
{
	struct rbce_root *root;
	struct limit *limits;
	size_t n, i;

	make_tree(&scenarios[0]);
	ck_assert_int_eq(rbce_root_open(tree, &root, NULL), 0);
	ck_assert_int_eq(limits_read(root, NULL, 42, &limits, &n, NULL), 0);
	for (i = 0; limits_name(i); i++) {
		ck_assert_str_eq(limits[i].resource, limits_name(i));
		ck_assert_str_eq(limits[i].help, limits_help(i));
		ck_assert_uint_gt(strlen(limit_unit_name(limits[i].unit)), 0);
	}
	/* Six keys and every rlimit. */
	ck_assert_uint_eq(i, 6 + 16);
	ck_assert_uint_eq(n, i);
	ck_assert_ptr_null(limits_help(i));
	ck_assert(find(limits, n, "nofile", NULL)->has_hard);
	ck_assert_uint_eq(find(limits, n, "nofile", NULL)->hard, 1048576);
	ck_assert_uint_eq(find(limits, n, "cpu", NULL)->hard, RBCE_UNLIMITED);
	ck_assert(!find(limits, n, "memory.max", NULL)->has_hard);
	free(limits);
	rbce_root_close(root);
	harness_remove_tree(tree);
}
END_TEST

START_TEST(no_process)
{
	struct rbce_error err;
	struct rbce_root *root;
	struct limit *limits;
	size_t n;

	make_tree(&scenarios[0]);
	ck_assert_int_eq(rbce_root_open(tree, &root, NULL), 0);
	ck_assert_int_eq(limits_read(root, NULL, 123, &limits, &n, &err), -ESRCH);
	ck_assert_str_eq(err.message, "cannot read process '123': No such process");
	/* One that ends meanwhile has some of its files only. */
	harness_write_text(tree, "proc/123/cgroup", "");
	ck_assert_int_eq(limits_read(root, NULL, 123, &limits, &n, &err), -ESRCH);
	rbce_root_close(root);
	harness_remove_tree(tree);
}
END_TEST

/* What a kernel would not write makes an item fail, no more. */
START_TEST(broken_rlimits)
{
	static const char *const texts[] = {"", "Max open files",
					    "Max open files   many   5 files\n",
					    "Max open files 99999999999999999999999 5 files\n"};
	struct rbce_root *root;
	struct limit *limits;
	size_t n;

	make_tree(&scenarios[0]);
	ck_assert_int_eq(rbce_root_open(tree, &root, NULL), 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		harness_write_text(tree, "proc/42/limits", texts[i]);
		ck_assert_int_eq(limits_read(root, NULL, 42, &limits, &n, NULL), 0);
		ck_assert_int_eq(find(limits, n, "nofile", NULL)->status, -EBADMSG);
		ck_assert_uint_eq(find(limits, n, "cpu.max", NULL)->effective, 400000);
		free(limits);
	}
	rbce_root_close(root);
	harness_remove_tree(tree);
}
END_TEST

int main(void)
{
	return harness_run("limits", (const TTest *const[]){fixtures, names, no_process,
							    broken_rlimits, NULL});
}
