// SPDX-License-Identifier: GPL-2.0-or-later
/* controllers/: every key set in this machine's own cgroups, and read back from the kernel's file.
 */
#include <controllers/controllers.h>
#include <controllers/internal.h>
#include <rbce/units.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "live.h"

/* The kernel's file, by its path. */
static void read_kernel(const char *container, enum rbce_controller controller, const char *file,
			char *buf, size_t size)
{
	char path[PATH_MAX];
	FILE *in;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s/%s/%s", rbce_hierarchy_find(h, controller)->path,
		 rbce_hierarchy_group(h), container, file);
	in = fopen(path, "r");
	ck_assert_msg(in != NULL, "%s", path);
	n = fread(buf, 1, size - 1, in);
	fclose(in);
	buf[n] = '\0';
}

static void assert_kernel(const char *container, enum rbce_controller controller, const char *file,
			  const char *expected)
{
	char text[512];

	read_kernel(container, controller, file, text, sizeof(text));
	text[strcspn(text, "\n")] = '\0';
	ck_assert_msg(strcmp(text, expected) == 0, "%s: '%s', expected '%s'", file, text, expected);
}

/* What the kernel holds; "?" where that depends on the machine, and "" for no file. */
static void assert_held(const char *container, enum rbce_controller controller, const char *file,
			const char *expected)
{
	if (*file && strcmp(expected, "?") != 0)
		assert_kernel(container, controller, file, expected);
}

#define NONE "9223372036854771712"

static const struct {
	const char *key, *value;
	const char *file[3], *text[3]; /* by cgroup version */
	const char *get;               /* NULL: like the value */
} settings[] = {
	{"cpu.weight", "1", {"", "cpu.shares", "cpu.weight"}, {"", "10", "1"}, NULL},
	{"cpu.weight", "33", {"", "cpu.shares", "cpu.weight"}, {"", "338", "33"}, NULL},
	{"cpu.weight", "10000", {"", "cpu.shares", "cpu.weight"}, {"", "102400", "10000"}, NULL},
	{"cpu.weight", "100", {"", "cpu.shares", "cpu.weight"}, {"", "1024", "100"}, NULL},
	{"cpu.max",
	 "150%",
	 {"", "cpu.cfs_quota_us", "cpu.max"},
	 {"", "150000", "150000 100000"},
	 NULL},
	{"cpu.max",
	 "0.1%",
	 {"", "cpu.cfs_quota_us", "cpu.max"},
	 {"", "1000", "1000 1000000"},
	 NULL},
	{"cpu.max",
	 "0.1%",
	 {"", "cpu.cfs_period_us", "cpu.max"},
	 {"", "1000000", "1000 1000000"},
	 NULL},
	{"cpu.max",
	 "33.333%",
	 {"", "cpu.cfs_quota_us", "cpu.max"},
	 {"", "33333", "33333 100000"},
	 NULL},
	{"cpu.max",
	 "33.333%",
	 {"", "cpu.cfs_period_us", "cpu.max"},
	 {"", "100000", "33333 100000"},
	 NULL},
	{"cpu.max", "max", {"", "cpu.cfs_quota_us", "cpu.max"}, {"", "-1", "max 100000"}, NULL},
	{"memory.max",
	 "64M",
	 {"", "memory.limit_in_bytes", "memory.max"},
	 {"", "67108864", "67108864"},
	 "67108864"},
	{"memory.max",
	 "67108865",
	 {"", "memory.limit_in_bytes", "memory.max"},
	 {"", "67108864", "67108864"},
	 "67108864"},
	{"memory.max",
	 "7E",
	 {"", "memory.limit_in_bytes", "memory.max"},
	 {"", "8070450532247928832", "8070450532247928832"},
	 "8070450532247928832"},
	{"memory.max", "max", {"", "memory.limit_in_bytes", "memory.max"}, {"", NONE, "max"}, NULL},
	{"memory.soft",
	 "48M",
	 {"", "memory.soft_limit_in_bytes", "memory.low"},
	 {"", "50331648", "50331648"},
	 "50331648"},
	{"memory.soft",
	 "max",
	 {"", "memory.soft_limit_in_bytes", "memory.low"},
	 {"", NONE, "0"},
	 NULL},
	{"memory.high", "1G", {"", NULL, "memory.high"}, {"", NULL, "1073741824"}, "1073741824"},
	{"io.weight", "20", {"", "blkio.bfq.weight", "io.weight"}, {"", "20", "default 20"}, NULL},
	{"io.weight",
	 "250",
	 {"", "blkio.bfq.weight", "io.bfq.weight"},
	 {"", "113", "default 113"},
	 "?"},
	{"cpu.max",
	 "20ms/50ms",
	 {"", "cpu.cfs_quota_us", "cpu.max"},
	 {"", "20000", "20000 50000"},
	 "20000us/50000us"},
	{"cpu.max",
	 "50ms/50ms",
	 {"", "cpu.cfs_period_us", "cpu.max"},
	 {"", "50000", "50000 50000"},
	 "50000us/50000us"},
	{"cpu.burst",
	 "10ms",
	 {"", "cpu.cfs_burst_us", "cpu.max.burst"},
	 {"", "10000", "10000"},
	 "10ms"},
	{"cpu.burst", "0s", {"", "cpu.cfs_burst_us", "cpu.max.burst"}, {"", "0", "0"}, NULL},
	{"cpu.max", "max", {"", "cpu.cfs_quota_us", "cpu.max"}, {"", "-1", "max 50000"}, NULL},
	{"cpu.idle", "yes", {"", "cpu.idle", "cpu.idle"}, {"", "1", "1"}, NULL},
	{"cpu.idle", "no", {"", "cpu.idle", "cpu.idle"}, {"", "0", "0"}, NULL},
	{"memory.min", "1M", {"", NULL, "memory.min"}, {"", NULL, "1048576"}, "1048576"},
	{"memory.oom.group", "yes", {"", NULL, "memory.oom.group"}, {"", NULL, "1"}, NULL},
	{"memory.max",
	 "64M",
	 {"", "memory.limit_in_bytes", "memory.max"},
	 {"", "67108864", "67108864"},
	 "67108864"},
	{"swap.max",
	 "32M",
	 {"", "memory.memsw.limit_in_bytes", "memory.swap.max"},
	 {"", "100663296", "33554432"},
	 "33554432"},
	/* The room for swap stays what it is. */
	{"memory.max",
	 "128M",
	 {"", "memory.memsw.limit_in_bytes", "memory.max"},
	 {"", "167772160", "134217728"},
	 "134217728"},
	{"swap.max",
	 "max",
	 {"", "memory.memsw.limit_in_bytes", "memory.swap.max"},
	 {"", NONE, "max"},
	 NULL},
	{"memory.max", "max", {"", "memory.limit_in_bytes", "memory.max"}, {"", NONE, "max"}, NULL},
	{"cpuset.cpus", "0", {"", "cpuset.cpus", "cpuset.cpus"}, {"", "0", "0"}, "?"},
	{"memset.mems", "0", {"", "cpuset.mems", "cpuset.mems"}, {"", "0", "0"}, "?"},
	{"cpuset.cpus", "all", {"", "cpuset.cpus", "cpuset.cpus"}, {"", "?", ""}, NULL},
	{"cpu.rt", "5%", {"", "cpu.rt_runtime_us", NULL}, {"", "50000", NULL}, NULL},
	{"cpu.rt",
	 "1ms/200ms",
	 {"", "cpu.rt_period_us", NULL},
	 {"", "200000", NULL},
	 "1000us/200000us"},
	{"cpu.rt", "0ms/1s", {"", "cpu.rt_runtime_us", NULL}, {"", "0", NULL}, "0%"},
	{"device", "null", {"", "devices.list", ""}, {"", "c 1:3 rwm", ""}, "c 1:3 rwm"},
	{"device", "none", {"", "devices.list", ""}, {"", "", ""}, NULL},
	{"device", "all", {"", "devices.list", ""}, {"", "a *:* rwm", ""}, NULL},
	{"raw.memory.swappiness", "10", {"", "memory.swappiness", NULL}, {"", "10", NULL}, NULL},
	{"misc.max", "max", {"", "misc.max", "misc.max"}, {"", "", "?"}, NULL},
	{"hugetlb.2MB.max",
	 "4M",
	 {"", "hugetlb.2MB.limit_in_bytes", "hugetlb.2MB.max"},
	 {"", "4194304", "4194304"},
	 "4194304"},
	{"pids.max", "77", {"", "pids.max", "pids.max"}, {"", "77", "77"}, NULL},
	{"pids.max", "4194304", {"", "pids.max", "pids.max"}, {"", "4194304", "4194304"}, NULL},
	{"pids.max", "max", {"", "pids.max", "pids.max"}, {"", "max", "max"}, NULL},
};

START_TEST(every_key)
{
	struct rbce_container *c;

	if (!open_live())
		harness_skip("needs root and cgroups");
	c = open_container("keys");
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		const struct controller_key *key = controller_key_find(settings[i].key);
		enum rbce_controller controller = controller_key_controller(key);
		int version = rbce_container_version(c, controller);
		struct rbce_error err = {0};
		char text[64];
		int r = controller_set(key, c, settings[i].value, &err);

		if (!settings[i].file[version]) {
			ck_assert_int_eq(r, -EOPNOTSUPP);
			continue;
		}
		/* A controller that this kernel does not have, or real-time groups. */
		if (r == -EOPNOTSUPP && (version == 0 || strcmp(settings[i].key, "cpu.rt") == 0 ||
					 strncmp(settings[i].key, "hugetlb", 7) == 0))
			continue;
		/* Linux 6.12 takes v1's soft limit and forgets it; then that is what is said. */
		if (r < 0 && version == 1 && strcmp(settings[i].key, "memory.soft") == 0) {
			ck_assert_ptr_nonnull(strstr(err.message, "the kernel holds max instead"));
			continue;
		}
		/* The kernel may lack the BFQ scheduler. */
		if (r == -EOPNOTSUPP && strcmp(settings[i].key, "io.weight") == 0)
			continue;
		ck_assert_msg(r == 0, "%s=%s: %s", settings[i].key, settings[i].value, err.message);
		ck_assert(controller_supported(key, c));
		assert_held("keys", controller, settings[i].file[version],
			    settings[i].text[version]);
		ck_assert_int_eq(controller_get(key, c, text, sizeof(text), &err), 0);
		if (!settings[i].get || strcmp(settings[i].get, "?") != 0)
			ck_assert_str_eq(text, settings[i].get ?: settings[i].value);
		ck_assert_int_eq(controller_holds(key, c, settings[i].value, &err), 1);
		ck_assert_int_eq(controller_set(key, c, text, &err), 0);
		assert_held("keys", controller, settings[i].file[version],
			    settings[i].text[version]);
	}
	rbce_container_close(c);
	close_live();
}
END_TEST

/* Each weight comes back as itself, whatever unit the kernel has. */
START_TEST(every_weight)
{
	const struct controller_key *key = controller_key_find("cpu.weight");
	struct rbce_container *c;
	char value[16], text[16];

	if (!open_live())
		harness_skip("needs root and cgroups");
	c = open_container("weights");
	for (unsigned weight = 1; weight <= 10000; weight += weight < 200 ? 1 : 97) {
		snprintf(value, sizeof(value), "%u", weight);
		ck_assert_int_eq(controller_set(key, c, value, NULL), 0);
		ck_assert_int_eq(controller_get(key, c, text, sizeof(text), NULL), 0);
		ck_assert_str_eq(text, value);
	}
	rbce_container_close(c);
	close_live();
}
END_TEST

static int set(struct rbce_container *c, const char *key, const char *value, struct rbce_error *err)
{
	return controller_set(controller_key_find(key), c, value, err);
}

static void assert_get(struct rbce_container *c, const char *key, const char *expected)
{
	struct rbce_error err = {0};
	char text[512];

	ck_assert_msg(controller_get(controller_key_find(key), c, text, sizeof(text), &err) == 0,
		      "%s", err.message);
	ck_assert_str_eq(text, expected);
}

/* v1 allows no quota over that of a group above; what was set before holds on. */
START_TEST(refused_quota)
{
	struct rbce_container *parent, *child;
	struct rbce_error err = {0};

	if (!open_live())
		harness_skip("needs root and cgroups");
	parent = open_container("p");
	child = open_container("p/c");
	if (rbce_container_version(parent, RBCE_CPU) != 1) {
		rbce_container_close(parent);
		rbce_container_close(child);
		close_live();
		harness_skip("cgroup v2 refuses no quota");
	}
	ck_assert_int_eq(set(parent, "cpu.max", "50%", &err), 0);
	ck_assert_int_eq(set(child, "cpu.max", "0.5%", &err), 0);
	ck_assert_int_eq(set(child, "cpu.max", "100%", &err), -EINVAL);
	ck_assert_str_eq(err.message, "a group above has only 50%, and cgroup v1 allows no group "
				      "more than those above it");
	assert_get(child, "cpu.max", "0.5%");
	assert_kernel("p/c", RBCE_CPU, "cpu.cfs_period_us", "1000000");
	ck_assert_int_eq(set(child, "cpu.max", "40%", &err), 0);
	ck_assert_int_eq(set(parent, "cpu.max", "30%", &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.message, "cpu.cfs_quota_us refuses 30%: a group below"));
	assert_get(parent, "cpu.max", "50%");
	ck_assert_int_eq(set(parent, "cpu.max", "max", &err), 0);
	ck_assert_int_eq(set(child, "cpu.max", "100%", &err), 0);
	rbce_container_close(parent);
	rbce_container_close(child);
	close_live();
}
END_TEST

/* With a limit on memory and swap together, the room for swap stays the same. */
START_TEST(memory_and_swap)
{
	static const struct {
		const char *max, *memsw;
	} steps[] = {
		{"32M", "67108864"}, {"128M", "167772160"}, {"256M", "301989888"},
		{"16M", "50331648"}, {"max", NONE},         {"64M", NONE},
	};
	struct rbce_container *c;
	struct rbce_error err = {0};

	if (!open_live())
		harness_skip("needs root and cgroups");
	c = open_container("swap");
	ck_assert_int_eq(set(c, "memory.max", "64M", &err), 0);
	if (rbce_container_write(c, RBCE_MEMORY, "memory.memsw.limit_in_bytes", "100663296", NULL) <
	    0) {
		rbce_container_close(c);
		close_live();
		harness_skip("this kernel has no v1 limit of memory and swap");
	}
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		ck_assert_msg(set(c, "memory.max", steps[i].max, &err) == 0, "%s", err.message);
		assert_kernel("swap", RBCE_MEMORY, "memory.memsw.limit_in_bytes", steps[i].memsw);
	}
	rbce_container_close(c);
	close_live();
}
END_TEST

/* A child in C that holds SIZE bytes; it has touched them when this returns. */
static pid_t start_eater(struct rbce_container *c, size_t size)
{
	int ready[2];
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		char *memory;

		if (rbce_container_attach(c, getpid(), NULL) < 0)
			_exit(1);
		memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			      0);
		if (memory == MAP_FAILED)
			_exit(1);
		memset(memory, 1, size);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

START_TEST(memory_in_use)
{
	struct rbce_container *c;
	struct rbce_error err = {0};
	pid_t pid;

	if (!open_live())
		harness_skip("needs root and cgroups");
	c = open_container("eater");
	if (rbce_container_version(c, RBCE_MEMORY) != 1) {
		rbce_container_close(c);
		close_live();
		harness_skip("cgroup v2 kills instead of refusing");
	}
	pid = start_eater(c, 24 << 20);
	/* No swap may help it out. */
	rbce_container_write(c, RBCE_MEMORY, "memory.swappiness", "0", NULL);
	ck_assert_int_eq(set(c, "memory.max", "4M", &err), -EBUSY);
	ck_assert_ptr_nonnull(strstr(err.message, "the group uses 24"));
	ck_assert_ptr_nonnull(strstr(err.message, "and the kernel cannot reclaim it down to 4M"));
	assert_get(c, "memory.max", "max");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	rbce_container_close(c);
	close_live();
}
END_TEST

/* What a group uses: tasks and memory. */
START_TEST(usage)
{
	struct rbce_container *c;
	const struct controller_key *pids = controller_key_find("pids.max");
	const struct controller_key *memory = controller_key_find("memory.max");
	uint64_t amount;
	pid_t pid;
	int dir;

	if (!open_live())
		harness_skip("needs root and cgroups");
	c = open_container("user");
	pid = start_eater(c, 8 << 20);
	dir = rbce_container_open_file(c, RBCE_PIDS, ".", O_PATH | O_DIRECTORY);
	ck_assert_int_eq(
		controller_read_usage(pids, dir, rbce_container_version(c, RBCE_PIDS), &amount), 0);
	ck_assert_uint_eq(amount, 1);
	close(dir);
	dir = rbce_container_open_file(c, RBCE_MEMORY, ".", O_PATH | O_DIRECTORY);
	ck_assert_int_eq(controller_read_usage(memory, dir, rbce_container_version(c, RBCE_MEMORY),
					       &amount),
			 0);
	ck_assert_uint_ge(amount, 8 << 20);
	close(dir);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	rbce_container_close(c);
	close_live();
}
END_TEST

/* The number of the disk below "/", "" where that lies on none. */
static void find_disk(char *buf, size_t size)
{
	unsigned device_major, device_minor;

	*buf = '\0';
	if (device_resolve("/", &device_major, &device_minor, NULL) == 0)
		snprintf(buf, size, "%u:%u", device_major, device_minor);
}

START_TEST(devices)
{
	struct rbce_container *c;
	struct rbce_error err = {0};
	char disk[32], value[128], expected[256];

	find_disk(disk, sizeof(disk));
	if (!*disk)
		harness_skip("the root file system is on no block device");
	if (!open_live())
		harness_skip("needs root and cgroups");
	c = open_container("io");
	assert_get(c, "io.max", "max");
	ck_assert_msg(set(c, "io.max", "/ rbps=50M wiops=100", &err) == 0, "%s", err.message);
	snprintf(expected, sizeof(expected), "%s rbps=52428800 wiops=100", disk);
	assert_get(c, "io.max", expected);
	if (rbce_container_version(c, RBCE_IO) == 1) {
		snprintf(expected, sizeof(expected), "%s 52428800", disk);
		assert_kernel("io", RBCE_IO, "blkio.throttle.read_bps_device", expected);
		snprintf(expected, sizeof(expected), "%s 100", disk);
		assert_kernel("io", RBCE_IO, "blkio.throttle.write_iops_device", expected);
	} else {
		snprintf(expected, sizeof(expected),
			 "%s rbps=52428800 wbps=max riops=max wiops=100", disk);
		assert_kernel("io", RBCE_IO, "io.max", expected);
	}
	/* What is not named stays. */
	snprintf(value, sizeof(value), "%s wbps=18446744073709551614 riops=2147483648", disk);
	ck_assert_msg(set(c, "io.max", value, &err) == 0, "%s", err.message);
	snprintf(expected, sizeof(expected),
		 "%s rbps=52428800 wbps=18446744073709551614 riops=2147483648 wiops=100", disk);
	assert_get(c, "io.max", expected);
	ck_assert_int_eq(set(c, "io.max", expected, &err), 0);
	ck_assert_int_eq(set(c, "io.max", "/ rbps=max wbps=max riops=max", &err), 0);
	snprintf(expected, sizeof(expected), "%s wiops=100", disk);
	assert_get(c, "io.max", expected);
	ck_assert_int_eq(set(c, "io.max", "/dev/nosuch rbps=1M", &err), -ENODEV);
	ck_assert_int_eq(set(c, "io.max", "max", &err), 0);
	assert_get(c, "io.max", "max");
	rbce_container_close(c);
	close_live();
}
END_TEST

int main(void)
{
	return harness_run("controllers-live",
			   (const TTest *const[]){every_key, every_weight, refused_quota,
						  memory_and_swap, memory_in_use, usage, devices,
						  NULL});
}
