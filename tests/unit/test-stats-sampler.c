// SPDX-License-Identifier: GPL-2.0-or-later
/* stats/sample/sampler.c: on trees of files in each layout, and on this machine's own cgroups. */
#include "stats/sample/sampler.h"

#include <rbce/container.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <time.h>

#include "harness.h"
#include "stats-files.h"
#include "stats/store/schema.h"
#include "stats/store/store.h"

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
			open_tree(version == 1 ? v1_mounts : v2_mounts, version == 1 ? 5 : 1,
				  limit);
			for (int tick = 0; tick < 2; tick++) {
				ck_assert_int_eq(sampler_tick(s), 0);
				for (int m = 0; m < METRIC_TOTAL; m++) {
					bool net = metrics[m].view == VIEW_NETWORK && version == 2;
					int64_t wanted = expected[m][version - 1];
					int64_t is = value("users", (enum metric)m);

					if (!wanted && !net)
						wanted = UNKNOWN;

					ck_assert_msg(is == wanted, "v%d %s: %lld", version,
						      metrics[m].column, (long long)is);
				}
				ck_assert_uint_eq(find("users")->devices.n, 2);
				ck_assert_uint_eq(find("users")->devices.io[0].value[0], 100);
				/* The root group has no files here: all of it is not known. */
				for (int m = 0; m < METRIC_NET_SENT; m++)
					ck_assert_int_eq(value("/", (enum metric)m), UNKNOWN);
			}
			close_all();
			harness_remove_tree(tree);
		}
}
END_TEST

/* One that does nothing is not read whole at each tick; once it does something, it is. */
START_TEST(idle)
{
	int ticks = 0;

	harness_directory(tree);
	make_v2("rbce/a");
	open_tree(v2_mounts, 1, KEEP_ALL);
	ck_assert_int_eq(sampler_tick(s), 0);
	ck_assert_int_eq(sampler_tick(s), 0);
	/* By the kernel, say, which writes its dirty pages. */
	harness_write_text(tree, "cg/rbce/a/io.stat", "8:0 rbytes=100 wbytes=999\n");
	harness_write_text(tree, "cg/rbce/a/pids.max", "77\n");
	do {
		ck_assert_int_eq(sampler_tick(s), 0);
		ck_assert_int_eq(value("a", METRIC_CPU), 1500000);
		ck_assert_int_eq(value("a", METRIC_MEMORY_ANON), 16384);
	} while (value("a", METRIC_IO_WRITTEN) != 999 && ++ticks < 20);
	ck_assert_int_lt(ticks, 10);
	ck_assert_int_eq(value("a", METRIC_LIMIT_PIDS), 77);
	/* Each of what is always looked at tells that there is more to see. */
	harness_write_text(tree, "cg/rbce/a/io.stat", "8:0 rbytes=100 wbytes=1001\n");
	harness_write_text(tree, "cg/rbce/a/cpu.stat", "usage_usec 1500001\nuser_usec 1200001\n");
	ck_assert_int_eq(sampler_tick(s), 0);
	ck_assert_int_eq(value("a", METRIC_IO_WRITTEN), 1001);
	harness_write_text(tree, "cg/rbce/a/io.stat", "8:0 rbytes=100 wbytes=1002\n");
	harness_write_text(tree, "cg/rbce/a/io.pressure", "some avg10=0.00 total=222\n");
	ck_assert_int_eq(sampler_tick(s), 0);
	ck_assert_int_eq(value("a", METRIC_IO_WRITTEN), 1002);
	harness_write_text(tree, "cg/rbce/a/io.stat", "8:0 rbytes=100 wbytes=1003\n");
	harness_write_text(tree, "cg/rbce/a/memory.current", "4096\n");
	ck_assert_int_eq(sampler_tick(s), 0);
	ck_assert_int_eq(value("a", METRIC_IO_WRITTEN), 1003);
	close_all();
	harness_remove_tree(tree);
}
END_TEST

static int count_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 4096; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Ticks until a's METRIC is WANTED. */
static int ticks_until(enum metric metric, int64_t wanted)
{
	int ticks = 0;

	do
		ck_assert_int_eq(sampler_tick(s), 0);
	while (++ticks < 100 && value("a", metric) != wanted);
	return ticks;
}

/* Where descriptors are short, one that sleeps keeps two and is looked at less; it still wakes at
 * once, and nothing of it is missed. */
START_TEST(dozes)
{
	int begin;

	harness_directory(tree);
	make_v2("rbce/a");
	open_tree(v2_mounts, 1, 60);
	begin = count_descriptors();
	ck_assert_int_eq(sampler_tick(s), 0);
	ck_assert_int_gt(count_descriptors(), begin + 10);
	for (int i = 0; i < 15; i++)
		ck_assert_int_eq(sampler_tick(s), 0);
	ck_assert(find("a")->same);
	/* And the directory of the root group. */
	ck_assert_int_eq(count_descriptors(), begin + 3);
	harness_write_text(tree, "cg/rbce/a/memory.current", "4096\n");
	ck_assert_int_le(ticks_until(METRIC_MEMORY, 4096), 10);
	ck_assert(!find("a")->same);
	for (int i = 0; i < 15; i++)
		ck_assert_int_eq(sampler_tick(s), 0);
	harness_write_text(tree, "cg/rbce/a/pids.max", "77\n");
	ck_assert_int_le(ticks_until(METRIC_LIMIT_PIDS, 77), 60);
	for (int i = 0; i < 15; i++)
		ck_assert_int_eq(sampler_tick(s), 0);
	harness_write_text(tree, "cg/rbce/a/io.stat", "8:0 rbytes=100 wbytes=1001\n");
	harness_write_text(tree, "cg/rbce/a/cpu.stat", "usage_usec 1500001\nuser_usec 1200001\n");
	ck_assert_int_eq(ticks_until(METRIC_CPU, 1500001), 1);
	ck_assert_int_eq(value("a", METRIC_IO_WRITTEN), 1001);
	close_all();
	harness_remove_tree(tree);
}
END_TEST

/* A file that very many do not have is looked for now and then, until one has it. */
START_TEST(rare_files)
{
	char name[64];
	int ticks = 0;

	harness_directory(tree);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "cg/rbce/g%d/cpu.stat", i);
		harness_write_text(tree, name, "usage_usec 1\n");
	}
	open_tree(v2_mounts, 1, KEEP_ALL);
	ck_assert_int_eq(sampler_tick(s), 0);
	harness_write_text(tree, "cg/rbce/g98/memory.current", "4096\n");
	do
		ck_assert_int_eq(sampler_tick(s), 0);
	while (++ticks < 100 && value("g98", METRIC_MEMORY) != 4096);
	ck_assert_int_le(ticks, 60);
	harness_write_text(tree, "cg/rbce/new/memory.current", "8192\n");
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(sampler_tick(s), 0);
	ck_assert_int_eq(value("new", METRIC_MEMORY), 8192);
	close_all();
	harness_remove_tree(tree);
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
	static const char *const wanted[] = {"/", "a", "b", "a/x", "a/x/y"};
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
		ck_assert_msg(find(wanted[i]), "no '%s'", wanted[i]);
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
			   (const TTest *const[]){every_metric, idle, dozes, rare_files, hybrid,
						  names, come_and_go, exchanged, went_silently,
						  odd_files, live_groups, live_hog, NULL});
}
