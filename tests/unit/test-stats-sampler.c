// SPDX-License-Identifier: GPL-2.0-or-later
/* stats/sampler.c: on trees of files in each layout, and on this machine's own cgroups. */
#include "stats/sampler.h"

#include <rbce/container.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <time.h>

#include "harness.h"
#include "stats/schema.h"
#include "stats/store.h"

#define BIT(controller) (1U << (controller))

enum { KEEP_NONE = 0, KEEP_ALL = 1 << 16, UNKNOWN = -1 };

static char tree[PATH_MAX];
static struct rbce_root *root;
static struct rbce_hierarchy *h;
static struct sampler *s;

static void open_tree(const struct rbce_mount *mounts, size_t n, int fd_limit)
{
	ck_assert_int_eq(rbce_root_open(tree, &root, NULL), 0);
	ck_assert_int_eq(rbce_hierarchy_open_mounts(root, "rbce", mounts, n, &h, NULL), 0);
	ck_assert_int_eq(sampler_open(h, fd_limit, &s, NULL), 0);
}

static void close_all(void)
{
	s = sampler_close(s);
	h = rbce_hierarchy_close(h);
	root = rbce_root_close(root);
}

static const struct sample *find(const char *name)
{
	const struct sample *sample = NULL;

	while ((sample = sampler_next(s, sample)))
		if (strcmp(sample->name, name) == 0)
			return sample;
	return NULL;
}

static int64_t value(const char *name, enum metric metric)
{
	const struct sample *sample = find(name);

	ck_assert_msg(sample, "no container '%s'", name);
	return metric_known(&sample->values, metric) ? (int64_t)sample->values.value[metric]
						     : UNKNOWN;
}

/* A group of each layout, and the numbers that all of them have to give. */

static const struct rbce_mount v1_mounts[] = {
	{.version = 1,
	 .path = (char *)"/cg/cpu,cpuacct",
	 .controllers = BIT(RBCE_CPU) | BIT(RBCE_CPUACCT)},
	{.version = 1, .path = (char *)"/cg/memory", .controllers = BIT(RBCE_MEMORY)},
	{.version = 1, .path = (char *)"/cg/blkio", .controllers = BIT(RBCE_IO)},
	{.version = 1, .path = (char *)"/cg/pids", .controllers = BIT(RBCE_PIDS)},
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
	 "nr_periods 40\nnr_throttled 9\nthrottled_time 2500000\nnr_bursts 0\nburst_time 0\n"},
	{"cg/memory/%s/memory.usage_in_bytes", "409600\n"},
	{"cg/memory/%s/memory.stat",
	 "cache 1\nrss 2\nmapped_file 3\ntotal_cache 8192\ntotal_rss 16384\ntotal_rss_huge 0\n"
	 "total_mapped_file 4096\ntotal_dirty 12288\ntotal_writeback 20480\ntotal_swap 24576\n"
	 "total_pgfault 77\ntotal_pgmajfault 5\n"},
	{"cg/memory/%s/memory.failcnt", "3\n"},
	{"cg/memory/%s/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"},
	{"cg/blkio/%s/blkio.throttle.io_service_bytes_recursive",
	 "8:0 Read 100\n8:0 Write 200\n8:0 Total 300\n8:16 Read 1\nTotal 301\n"},
	{"cg/blkio/%s/blkio.throttle.io_serviced_recursive",
	 "8:0 Read 10\n8:0 Write 20\nTotal 30\n"},
	{"cg/pids/%s/pids.current", "12\n"},
	{"cg/pids/%s/pids.events", "max 6\n"},
};
static const struct file v2_files[] = {
	{"cg/%s/cpu.stat",
	 "usage_usec 1500000\nuser_usec 1200000\nsystem_usec 300000\nnr_periods 40\n"
	 "nr_throttled 9\nthrottled_usec 2500\n"},
	{"cg/%s/memory.current", "409600\n"},
	{"cg/%s/memory.stat",
	 "anon 16384\nfile 8192\nkernel 1\nfile_mapped 4096\nfile_dirty 12288\n"
	 "file_writeback 20480\npgfault 77\npgmajfault 5\n"},
	{"cg/%s/memory.swap.current", "24576\n"},
	{"cg/%s/memory.events", "low 0\nhigh 8\nmax 3\noom 4\noom_kill 2\noom_group_kill 0\n"},
	{"cg/%s/io.stat",
	 "8:0 rbytes=100 wbytes=200 rios=10 wios=20 dbytes=0 dios=0\n8:16 rbytes=1\n"},
	{"cg/%s/pids.current", "12\n"},
	{"cg/%s/pids.events", "max 6\n"},
	{"cg/%s/cpu.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=111\n"
			       "full avg10=0.00 avg60=0.00 avg300=0.00 total=112\n"},
	{"cg/%s/memory.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=113\n"
				  "full avg10=0.00 avg60=0.00 avg300=0.00 total=114\n"},
	{"cg/%s/io.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=115\n"
			      "full avg10=0.00 avg60=0.00 avg300=0.00 total=116\n"},
};
static const struct file hybrid_files[] = {
	{"cg/unified/%s/cpu.stat", "usage_usec 9\nuser_usec 9\nsystem_usec 9\n"},
	{"cg/unified/%s/cpu.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=111\n"},
	{"cg/cpuacct/%s/cpuacct.usage", "1500000000\n"},
	{"cg/memory/%s/memory.usage_in_bytes", "409600\n"},
};

static const int64_t v1_values[METRIC_TOTAL] = {
	[METRIC_CPU] = 1500000,         [METRIC_CPU_USER] = 1200000,
	[METRIC_CPU_SYSTEM] = 300000,   [METRIC_CPU_PERIODS] = 40,
	[METRIC_THROTTLED_PERIODS] = 9, [METRIC_THROTTLED] = 2500,
	[METRIC_MEMORY] = 409600,       [METRIC_MEMORY_ANON] = 16384,
	[METRIC_MEMORY_FILE] = 8192,    [METRIC_MEMORY_MAPPED] = 4096,
	[METRIC_MEMORY_DIRTY] = 12288,  [METRIC_MEMORY_WRITEBACK] = 20480,
	[METRIC_SWAP] = 24576,          [METRIC_PAGE_FAULTS] = 77,
	[METRIC_MAJOR_FAULTS] = 5,      [METRIC_MEMORY_HIGH] = UNKNOWN,
	[METRIC_MEMORY_MAX] = 3,        [METRIC_OOM] = UNKNOWN,
	[METRIC_OOM_KILLS] = 2,         [METRIC_IO_READ] = 101,
	[METRIC_IO_WRITTEN] = 200,      [METRIC_IO_READS] = 10,
	[METRIC_IO_WRITES] = 20,        [METRIC_PIDS] = 12,
	[METRIC_PIDS_MAX] = 6,          [METRIC_CPU_SOME] = UNKNOWN,
	[METRIC_CPU_FULL] = UNKNOWN,    [METRIC_MEMORY_SOME] = UNKNOWN,
	[METRIC_MEMORY_FULL] = UNKNOWN, [METRIC_IO_SOME] = UNKNOWN,
	[METRIC_IO_FULL] = UNKNOWN,
};

static void make_group(const struct file *files, size_t n, const char *group)
{
	char name[PATH_MAX];

	for (size_t i = 0; i < n; i++) {
		const char *rest = strstr(files[i].name, "%s");

		snprintf(name, sizeof(name), "%.*s%s%s", (int)(rest - files[i].name), files[i].name,
			 group, rest + 2);
		harness_write_text(tree, name, files[i].text);
	}
}

static void make_v2(const char *group)
{
	make_group(v2_files, sizeof(v2_files) / sizeof(v2_files[0]), group);
}

static void remove_v2(const char *group)
{
	char path[2 * PATH_MAX];

	snprintf(path, sizeof(path), "%s/cg/%s", tree, group);
	harness_remove_tree(path);
}

START_TEST(every_metric)
{
	for (int version = 1; version <= 2; version++)
		for (int limit = KEEP_NONE; limit <= KEEP_ALL; limit += KEEP_ALL) {
			harness_directory(tree);
			if (version == 1)
				make_group(v1_files, sizeof(v1_files) / sizeof(v1_files[0]),
					   "rbce/users");
			else
				make_v2("rbce/users");
			open_tree(version == 1 ? v1_mounts : v2_mounts, version == 1 ? 4 : 1,
				  limit);
			for (int tick = 0; tick < 2; tick++) {
				ck_assert_int_eq(sampler_tick(s), 0);
				for (int m = 0; m < METRIC_TOTAL; m++) {
					int64_t expected = v1_values[m];

					if (version == 2 && m >= METRIC_CPU_SOME)
						expected = 111 + m - METRIC_CPU_SOME;
					if (version == 2 && m == METRIC_MEMORY_HIGH)
						expected = 8;
					if (version == 2 && m == METRIC_OOM)
						expected = 4;
					ck_assert_msg(value("users", (enum metric)m) == expected,
						      "v%d %s: %lld", version, metrics[m].column,
						      (long long)value("users", (enum metric)m));
				}
				/* The root group has no files here: all of it is not known. */
				ck_assert_uint_eq(find("/")->values.known, 0);
			}
			close_all();
			harness_remove_tree(tree);
		}
}
END_TEST

/* The v1 controllers win where they are; the v2 tree adds what only it has. */
START_TEST(hybrid)
{
	harness_directory(tree);
	make_group(hybrid_files, sizeof(hybrid_files) / sizeof(hybrid_files[0]), "rbce");
	open_tree(hybrid_mounts, 3, KEEP_ALL);
	ck_assert_int_eq(sampler_tick(s), 0);
	ck_assert_uint_eq(sampler_count(s), 1);
	ck_assert_int_eq(value("/", METRIC_CPU), 1500000);
	ck_assert_int_eq(value("/", METRIC_MEMORY), 409600);
	ck_assert_int_eq(value("/", METRIC_CPU_SOME), 111);
	ck_assert_int_eq(value("/", METRIC_CPU_USER), UNKNOWN);
	ck_assert_int_eq(value("/", METRIC_PIDS), UNKNOWN);
	close_all();
	harness_remove_tree(tree);
}
END_TEST

/* Containers in the order of their tree, without the leaf and what is none. */
START_TEST(names)
{
	static const char *const expected[] = {"/", "a", "b", "a/x", "a/x/y"};
	const struct sample *sample = NULL;
	size_t found = 0;

	harness_directory(tree);
	make_v2("rbce/a/x/y");
	make_v2("rbce/a/leaf");
	make_v2("rbce/b");
	make_v2("rbce/memory.odd");
	make_v2("elsewhere");
	harness_write_text(tree, "cg/rbce/file", "");
	open_tree(v2_mounts, 1, KEEP_ALL);
	ck_assert_int_eq(sampler_tick(s), 0);
	ck_assert_uint_eq(sampler_count(s), 5);
	for (size_t i = 0; i < 5; i++)
		ck_assert_msg(find(expected[i]), "no '%s'", expected[i]);
	while ((sample = sampler_next(s, sample)))
		found += strcmp(sample->name, "a/x/y") == 0 && find("a/x");
	ck_assert_uint_eq(found, 1);
	close_all();
	harness_remove_tree(tree);
}
END_TEST

/* Groups that come, go and come again, seen at the next tick, with descriptors kept or not. */
START_TEST(come_and_go)
{
	for (int limit = KEEP_NONE; limit <= KEEP_ALL; limit += KEEP_ALL) {
		uint64_t inode;

		harness_directory(tree);
		harness_write_text(tree, "cg/other/x", "");
		open_tree(v2_mounts, 1, limit);
		ck_assert_int_eq(sampler_tick(s), 0);
		ck_assert_uint_eq(sampler_count(s), 0);
		make_v2("rbce");
		ck_assert_int_eq(sampler_tick(s), 0);
		ck_assert_uint_eq(sampler_count(s), 1);
		ck_assert(find("/")->fresh);
		make_v2("rbce/a/b");
		make_v2("rbce/c");
		ck_assert_int_eq(sampler_tick(s), 0);
		ck_assert_uint_eq(sampler_count(s), 4);
		ck_assert_int_eq(value("a/b", METRIC_PIDS), 12);
		inode = find("c")->inode;
		remove_v2("rbce/a/b");
		ck_assert_int_eq(sampler_tick(s), 0);
		ck_assert_uint_eq(sampler_count(s), 3);
		ck_assert_ptr_null(find("a/b"));
		ck_assert_uint_eq(find("c")->inode, inode);
		remove_v2("rbce");
		ck_assert_int_eq(sampler_tick(s), 0);
		ck_assert_uint_eq(sampler_count(s), 0);
		make_v2("rbce/a");
		ck_assert_int_eq(sampler_tick(s), 0);
		ck_assert_uint_eq(sampler_count(s), 2);
		close_all();
		harness_remove_tree(tree);
	}
}
END_TEST

/* A group behind which another one was put between two ticks. */
START_TEST(exchanged)
{
	char from[2 * PATH_MAX], to[2 * PATH_MAX];
	uint64_t inode;

	harness_directory(tree);
	make_v2("rbce/a/b");
	open_tree(v2_mounts, 1, KEEP_NONE);
	ck_assert_int_eq(sampler_tick(s), 0);
	inode = find("a")->inode;
	ck_assert(!find("a")->fresh);
	snprintf(from, sizeof(from), "%s/cg/rbce/a", tree);
	snprintf(to, sizeof(to), "%s/cg/gone", tree);
	ck_assert_int_eq(rename(from, to), 0);
	make_v2("rbce/a");
	harness_write_text(tree, "cg/rbce/a/pids.current", "5\n");
	ck_assert_int_eq(sampler_tick(s), 0);
	ck_assert_uint_eq(sampler_count(s), 2);
	ck_assert_uint_ne(find("a")->inode, inode);
	ck_assert(find("a")->fresh);
	ck_assert_int_eq(value("a", METRIC_PIDS), 5);
	close_all();
	harness_remove_tree(tree);
}
END_TEST

/* A group that went without a word from its files, as where none of them can be read. */
START_TEST(went_silently)
{
	char from[2 * PATH_MAX], to[2 * PATH_MAX];

	harness_directory(tree);
	make_v2("rbce/a/b");
	make_v2("rbce/c");
	open_tree(v2_mounts, 1, KEEP_ALL);
	ck_assert_int_eq(sampler_tick(s), 0);
	snprintf(from, sizeof(from), "%s/cg/rbce/a/b", tree);
	snprintf(to, sizeof(to), "%s/cg/gone", tree);
	ck_assert_int_eq(rename(from, to), 0);
	ck_assert_int_eq(sampler_tick(s), 0);
	ck_assert_ptr_null(find("a/b"));
	ck_assert_uint_eq(sampler_count(s), 3);
	close_all();
	harness_remove_tree(tree);
}
END_TEST

/* A file longer than the buffer, and one that comes later. */
START_TEST(odd_files)
{
	char *text = malloc(100000);
	size_t n = 0;

	harness_directory(tree);
	make_v2("rbce");
	for (int i = 0; n < 90000; i++)
		n += (size_t)snprintf(text + n, 100000 - n, "8:%d rbytes=2 wbytes=1\n", i);
	harness_write(tree, "cg/rbce/io.stat", text, n);
	harness_write_text(tree, "cg/rbce/memory.current", "no number\n");
	remove_v2("rbce/pids.current");
	open_tree(v2_mounts, 1, KEEP_ALL);
	ck_assert_int_eq(sampler_tick(s), 0);
	ck_assert_int_eq(value("/", METRIC_IO_READ), 2 * value("/", METRIC_IO_WRITTEN));
	ck_assert_int_gt(value("/", METRIC_IO_READ), 2 * 90000 / 30);
	ck_assert_int_eq(value("/", METRIC_MEMORY), UNKNOWN);
	ck_assert_int_eq(value("/", METRIC_PIDS), UNKNOWN);
	harness_write_text(tree, "cg/rbce/pids.current", "4\n");
	for (int i = 0; i < 60; i++)
		ck_assert_int_eq(sampler_tick(s), 0);
	ck_assert_int_eq(value("/", METRIC_PIDS), 4);
	close_all();
	harness_remove_tree(tree);
	free(text);
}
END_TEST

/* This machine. */

static bool open_live(void)
{
	char group[32];

	if (geteuid() != 0)
		return false;
	snprintf(group, sizeof(group), "rbce-test-%d", getpid());
	ck_assert_int_eq(rbce_root_open(NULL, &root, NULL), 0);
	if (rbce_hierarchy_open(root, group, &h, NULL) < 0) {
		root = rbce_root_close(root);
		return false;
	}
	ck_assert_int_eq(sampler_open(h, KEEP_ALL, &s, NULL), 0);
	return true;
}

static struct rbce_container *create(const char *name)
{
	struct rbce_container *c;
	struct rbce_error err = {0};
	int r = rbce_container_open(h, name, RBCE_CONTAINER_CREATE, &c, &err);

	ck_assert_msg(r == 0, "%s", err.message);
	return c;
}

static void destroy(const char *name)
{
	struct rbce_container *c = create(name);
	struct rbce_error err = {0};

	ck_assert_msg(rbce_container_kill(c, &err) == 0, "%s", err.message);
	ck_assert_msg(rbce_container_remove(c, &err) == 0, "%s", err.message);
	rbce_container_close(c);
}

static int count_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 4096; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

START_TEST(live_groups)
{
	struct rbce_container *c;
	uint64_t inode;
	int before, with;

	if (!open_live())
		harness_skip("needs root and cgroups");
	ck_assert_int_eq(sampler_tick(s), 0);
	ck_assert_uint_eq(sampler_count(s), 0);
	before = count_descriptors();
	c = rbce_container_close(create("users/alice"));
	ck_assert_ptr_null(c);
	ck_assert_int_eq(sampler_tick(s), 0);
	ck_assert_uint_eq(sampler_count(s), 3);
	ck_assert(find("users/alice")->fresh);
	ck_assert_int_eq(value("users/alice", METRIC_PIDS), 0);
	ck_assert_int_ge(value("users/alice", METRIC_CPU), 0);
	ck_assert_int_ge(value("users/alice", METRIC_MEMORY), 0);
	with = count_descriptors();
	ck_assert_int_gt(with, before + 3);

	/* Removed and made again between two ticks. */
	inode = find("users/alice")->inode;
	destroy("users/alice");
	rbce_container_close(create("users/alice"));
	ck_assert_int_eq(sampler_tick(s), 0);
	ck_assert_uint_eq(sampler_count(s), 3);
	ck_assert_uint_ne(find("users/alice")->inode, inode);
	ck_assert_int_eq(value("users/alice", METRIC_PIDS), 0);
	ck_assert_int_eq(count_descriptors(), with);

	destroy("");
	ck_assert_int_eq(sampler_tick(s), 0);
	ck_assert_uint_eq(sampler_count(s), 0);
	ck_assert_int_eq(count_descriptors(), before);
	close_all();
}
END_TEST

/* Burns MS milliseconds of CPU time in C, from its first instruction on. */
static void burn(struct rbce_container *c, long ms)
{
	struct timespec used;
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (rbce_container_attach(c, getpid(), NULL) < 0)
			_exit(1);
		do
			clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
		while (used.tv_sec * 1000 + used.tv_nsec / 1000000 < ms);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void store_tick(struct store *store, int64_t time)
{
	const struct sample *sample = NULL;
	struct rbce_error err = {0};

	store_begin(store, time);
	ck_assert_int_eq(sampler_tick(s), 0);
	while ((sample = sampler_next(s, sample)))
		ck_assert_int_eq(store_put(store, sample), 0);
	ck_assert_msg(store_commit(store, 0, false, &err) == 0, "%s", err.message);
}

/* What the database says a container used is what the kernel says. */
START_TEST(live_hog)
{
	char path[PATH_MAX + 8], text[64];
	struct store_options options = {.path = path, .boot = "boot", .interval = 1000};
	struct rbce_container *c, *below;
	struct store *store;
	int64_t stored, kernel;
	sqlite3 *db;

	if (!open_live())
		harness_skip("needs root and cgroups");
	snprintf(path, sizeof(path), "%s/db", harness_directory(tree));
	options.group = rbce_hierarchy_group(h);
	ck_assert_int_eq(store_new(&options, &store, NULL), 0);
	store_tick(store, 1000);
	c = create("hog");
	burn(c, 100);
	store_tick(store, 2000);
	below = create("hog/below");
	burn(below, 50);
	store_tick(store, 3000);
	burn(below, 50);
	store_tick(store, 4000);
	store_tick(store, 5000);

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(schema_integer(db,
					"SELECT sum(cpu_usec) FROM samples JOIN containers ON id = "
					"container WHERE name = 'hog'",
					&stored),
			 SQLITE_OK);
	sqlite3_close(db);
	ck_assert_int_ge(stored, 190000);
	if (rbce_container_version(c, RBCE_CPUACCT) == 1) {
		ck_assert_int_eq(rbce_container_read(c, RBCE_CPUACCT, "cpuacct.usage", text,
						     sizeof(text), NULL),
				 0);
		kernel = strtoll(text, NULL, 10) / 1000;
		ck_assert_msg(llabs(kernel - stored) < 1000, "%lld us stored, %lld used",
			      (long long)stored, (long long)kernel);
	}
	rbce_container_close(below);
	rbce_container_close(c);
	destroy("");
	store_close(store);
	close_all();
	harness_remove_tree(tree);
}
END_TEST

int main(void)
{
	return harness_run("stats-sampler",
			   (const TTest *const[]){every_metric, hybrid, names, come_and_go,
						  exchanged, went_silently, odd_files, live_groups,
						  live_hog, NULL});
}
