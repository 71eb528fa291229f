// SPDX-License-Identifier: GPL-2.0-or-later
/* controllers/: which values are taken, and how they stand in files of cgroup v1 and v2. */
#include <controllers/controllers.h>
#include <controllers/internal.h>
#include <dirent.h>
#include <inttypes.h>
#include <rbce/units.h>
#include <stdbool.h>

#include "harness.h"

static const struct {
	const char *key, *value;
	int code;
	const char *message; /* a part of it; NULL for a good value */
} values[] = {
	{"cpu.weight", "1", 0, NULL},
	{"cpu.weight", "10000", 0, NULL},
	{"cpu.weight", "0", -ERANGE, "'0' is out of range (1 to 10000)"},
	{"cpu.weight", "10001", -ERANGE, "out of range"},
	{"cpu.weight", "max", -EINVAL, "'max' is not a weight (1 to 10000, default 100)"},
	{"cpu.weight", "1.5", -EINVAL, "is not a weight"},
	{"cpu.max", "150%", 0, NULL},
	{"cpu.max", "0.1%", 0, NULL},
	{"cpu.max", "33.333%", 0, NULL},
	{"cpu.max", "max", 0, NULL},
	{"cpu.max", "0.09%", -ERANGE, "'0.09%' is out of range (0.1% to"},
	{"cpu.max", "0%", -ERANGE, "out of range"},
	{"cpu.max", "10000001%", -ERANGE, "out of range"},
	{"cpu.max", "99999999999999999999%", -ERANGE, "out of range"},
	{"cpu.max", "50", -EINVAL, "'50' is not a share of one CPU (like 50%, 150% or max)"},
	{"cpu.max", "-5%", -EINVAL, "is not a share"},
	{"io.weight", "1", 0, NULL},
	{"io.weight", "10001", -ERANGE, "'10001' is out of range (1 to 10000)"},
	{"io.weight", "max", -EINVAL, "'max' is not a weight"},
	{"memory.max", "512M", 0, NULL},
	{"memory.max", "1.5G", 0, NULL},
	{"memory.max", "0", 0, NULL},
	{"memory.max", "7E", 0, NULL},
	{"memory.max", "max", 0, NULL},
	{"memory.max", "8E", -ERANGE, "'8E' is out of range (0B to 7E)"},
	{"memory.max", "99999999999G", -ERANGE, "'99999999999G' is out of range"},
	{"memory.max", "5X", -EINVAL, "'5X' is not a size (like 512M, 4G or max)"},
	{"memory.max", "", -EINVAL, "'' is not a size"},
	{"memory.max", "1G ", -EINVAL, "is not a size"},
	{"memory.max", "-1", -EINVAL, "is not a size"},
	{"memory.high", "1G", 0, NULL},
	{"memory.soft", "64K", 0, NULL},
	{"memory.soft", "0", -ERANGE, "'0' is out of range (64K to 7E)"},
	{"pids.max", "0", 0, NULL},
	{"pids.max", "4194304", 0, NULL},
	{"pids.max", "max", 0, NULL},
	{"pids.max", "4194305", -ERANGE, "out of range (0 to 4194304)"},
	{"pids.max", "many", -EINVAL, "'many' is not a number (like 500 or max)"},
	{"pids.max", "5K", -EINVAL, "is not a number"},
	{"io.max", "max", 0, NULL},
	{"io.max", "/dev/nosuch rbps=1M", -ENODEV, "device '/dev/nosuch' does not exist"},
	{"io.max", "/nosuch/dir wbps=1M", -ENODEV, "device '/nosuch/dir' does not exist"},
	{"io.max", "4095:1048575 rbps=1M", -ENODEV, "device '4095:1048575' does not exist"},
	{"io.max", "/dev/null rbps=1M", -EINVAL, "'/dev/null' is not a block device"},
	{"io.max", "sda rbps=1M", -EINVAL, "'sda' is not a device"},
	{"io.max", "8: rbps=1M", -EINVAL, "'8:' is not a device"},
	{"io.max", "8:0x rbps=1M", -EINVAL, "'8:0x' is not a device"},
	{"io.max", "/proc rbps=1M", -ENODEV,
	 "'/proc' is on a file system without a block device: proc; name a device"},
	{"io.max", "", -EINVAL, "is not a device with limits"},
	{"io.max", " \t", -EINVAL, "is not a device with limits"},
	{"cpu.max", "50ms/200ms", 0, NULL},
	{"cpu.max", "0.5s/1s", 0, NULL},
	{"cpu.max", "50ms/", -EINVAL, "'50ms/' is not a quota in each period (like 50ms/200ms)"},
	{"cpu.max", "max/100ms", -EINVAL, "is not a quota in each period"},
	{"cpu.max", "1ms/2s", -ERANGE, "is out of range (a quota of at least 1ms"},
	{"cpu.max", "1us/100ms", -ERANGE, "is out of range"},
	{"cpu.burst", "20ms", 0, NULL},
	{"cpu.burst", "max", -ERANGE, "'max' is out of range (0s to"},
	{"cpu.burst", "soon", -EINVAL, "'soon' is not a time (like 250ms or 10s)"},
	{"cpu.idle", "yes", 0, NULL},
	{"cpu.idle", "maybe", -EINVAL, "'maybe' is not yes or no"},
	{"cpu.rt", "10%", 0, NULL},
	{"cpu.rt", "50ms/500ms", 0, NULL},
	{"cpu.rt", "max", -ERANGE, "'max' is out of range (0% to 100%)"},
	{"cpu.rt", "101%", -ERANGE, "out of range"},
	{"cpu.rt", "2s/1s", -ERANGE, "a time of at most the period"},
	{"cpuset.cpus", "0-3,8", 0, NULL},
	{"cpuset.cpus", "all", 0, NULL},
	{"cpuset.cpus", "3-1", -EINVAL, "'3-1' is not a list of numbers (like 0-3,8 or all)"},
	{"cpuset.cpus", "", -EINVAL, "is not a list"},
	{"cpuset.cpus", "0,", -EINVAL, "is not a list"},
	{"cpuset.cpus", "99999", -EINVAL, "is not a list"},
	{"memset.mems", "0-1", 0, NULL},
	{"memory.min", "1G", 0, NULL},
	{"memory.oom.group", "no", 0, NULL},
	{"swap.max", "0", 0, NULL},
	{"dirty.max", "256M", 0, NULL},
	{"dirty.background", "many", -EINVAL, "is not a size"},
	{"oom.delay", "10s", 0, NULL},
	{"hugetlb.2MB.max", "64M", 0, NULL},
	{"hugetlb.1GB.max", "max", 0, NULL},
	{"hugetlb.2XB.max", "1G", -ENOENT, "unknown key"},
	{"hugetlb.SIZE.max", "1G", -ENOENT, "unknown key"},
	{"rdma.max", "mlx5_0 hca_handle=2 hca_object=2000", 0, NULL},
	{"rdma.max", "mlx5_0 2", -EINVAL, "is not DEVICE hca_handle=N hca_object=N"},
	{"rdma.max", "mlx5_0", -EINVAL, "is not DEVICE"},
	{"misc.max", "sev 10", 0, NULL},
	{"misc.max", "sev lots", -EINVAL, "'sev lots' is not NAME N"},
	{"misc.max", "sev a=1", -EINVAL, "is not NAME N"},
	{"swap.device", "ssd 0", 0, NULL},
	{"swap.device", "/var/swap/web", 0, NULL},
	{"swap.device", "/var/swap/web 256M", 0, NULL},
	{"swap.device", "/", -EINVAL, "'/' is not a path of a swap file"},
	{"swap.device", "/var/swap/", -EINVAL, "'/var/swap/' is not a path of a swap file"},
	{"swap.device", "/web max", -EINVAL, "'max' is not a size (like 512M or 4G)"},
	{"swap.device", "/web 64K", -ERANGE, "'64K' is not from 1M to 16T"},
	{"swap.device", "ssd", -EINVAL, "'ssd' is not TIER 0 | TIER max | /PATH [SIZE]"},
	{"io.latency", "max", 0, NULL},
	{"io.latency", "/dev/nosuch 75ms", -ENODEV, "device '/dev/nosuch' does not exist"},
	{"io.latency", "/", -EINVAL, "'/' is not a device and a time (like / 75ms)"},
	{"io.latency", "/ soon", -EINVAL, "'soon' is not a time (like 75ms or max)"},
	{"freeze", "yes", 0, NULL},
	{"freeze", "later", -EINVAL, "'later' is not yes or no"},
	{"device", "default", 0, NULL},
	{"device", "null, zero r, c 10:* rw, b 8:0 r", 0, NULL},
	{"device", "/dev/null rw", 0, NULL},
	{"device", "none", 0, NULL},
	{"device", "sound", -EINVAL, "'sound' is not a device (like null, default, /dev/fuse rw"},
	{"device", "null x", -EINVAL, "is not a device with letters of rwm behind it"},
	{"device", "c 10 rw", -EINVAL, "'10' is not a device"},
	{"device", "/dev/nosuch", -ENODEV, "device '/dev/nosuch' cannot be looked up"},
	{"device", "/proc", -EINVAL, "'/proc' is not a device"},
	{"device", "null,, zero", -EINVAL, "is not a device"},
	{"raw.memory.swappiness", "10", 0, NULL},
	{"raw.memory.swappiness", "", -EINVAL, "'' is nothing to write"},
	{"raw.cgroup.procs", "1", -ENOENT, "unknown key"},
	{"raw.memory.reclaim", "1G", -ENOENT, "unknown key"},
	{"raw.../x.y", "1", -ENOENT, "unknown key"},
	{"raw.nosuch.file", "1", -ENOENT, "unknown key"},
	{"net.connect", "allow 10.0.0.0/8:443, deny tcp [fd00::/8]:1-1023, deny all", 0, NULL},
	{"net.connect", "allow all", 0, NULL},
	{"net.connect", "", -EINVAL, "'' is not a rule"},
	{"net.connect", "10.0.0.0/8", -EINVAL, "'10.0.0.0/8' is not a rule"},
	{"net.connect", "deny 10.0.0.0/33", -EINVAL,
	 "the prefix of '10.0.0.0/33' is not a number up"},
	{"net.connect", "deny 10.0.0.1/8", -EINVAL, "has an address beyond its prefix (10.0.0.0/8"},
	{"net.connect", "deny fd00::/8:53", -EINVAL, "the prefix of 'fd00::/8:53' is not a number"},
	{"net.bind", "deny all:1024-1", -EINVAL, "ends before it begins"},
	{"net.bind", "deny all:70000", -ERANGE, "is not a port or a range of ports"},
	{"net.accept", "deny icmp all", -EINVAL, "is not a"},
	{"net.egress", "10Mbit", 0, NULL},
	{"net.egress", "10Mbit burst=64K", 0, NULL},
	{"net.egress", "max", 0, NULL},
	{"net.egress", "10Mbit burst=1", -ERANGE, "'burst=1' is out of range"},
	{"net.egress", "10Mbit 64K", -EINVAL, "'64K' is not a burst"},
	{"net.egress", "max burst=64K", -EINVAL, "is not a rate and its burst"},
	{"net.egress", "1", -ERANGE, "'1' is out of range"},
	{"net.egress", "fast", -EINVAL, "'fast' is not a rate"},
	{"net.priority", "1:10", 0, NULL},
	{"net.flowid", "0x10001", 0, NULL},
	{"net.flowid", "0x1000100000", -EINVAL, "is not a number of 32 bits"},
	{"no.such", "1", -ENOENT, "unknown key 'no.such' (rbce-controllers(7) has them all)"},
	{"bad\nkey", "1", -ENOENT, "unknown key 'bad?key'"},
	{"pids.max", "1\n2", -EINVAL, "'1?2' is not a number"},
};

START_TEST(check_values)
{
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct rbce_error err = {0};
		int r = controller_check(values[i].key, values[i].value, &err);

		ck_assert_msg(r == values[i].code, "%s '%s': %d, %s", values[i].key,
			      values[i].value, r, err.message);
		ck_assert_int_eq(controller_check(values[i].key, values[i].value, NULL), r);
		if (!values[i].message)
			continue;
		ck_assert_msg(strstr(err.message, values[i].message), "%s '%s': %s", values[i].key,
			      values[i].value, err.message);
		ck_assert_ptr_null(strchr(err.message, '\n'));
	}
}
END_TEST

/* A device that is there, or "" on a machine without one. */
static const char *some_device(void)
{
	static char name[64];
	DIR *dir = opendir("/sys/dev/block");
	struct dirent *entry;

	while (dir && !*name && (entry = readdir(dir))) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "/sys/dev/block/%s/partition", entry->d_name);
		if (entry->d_name[0] != '.' && access(path, F_OK) < 0)
			snprintf(name, sizeof(name), "%.60s", entry->d_name);
	}
	if (dir)
		closedir(dir);
	return name;
}

static const struct {
	const char *rest;
	int code;
	const char *message;
} device_values[] = {
	{"rbps=50M wbps=20M riops=100 wiops=50", 0, NULL},
	{"\t rbps=100Mbit ", 0, NULL},
	{"wiops=max", 0, NULL},
	{"", -EINVAL, "has no limit behind it"},
	{"50M", -EINVAL, "'50M' is not a limit of a device (rbps=, wbps=, riops=, wiops=)"},
	{"speed=50M", -EINVAL, "'speed=50M' is not a limit of a device"},
	{"rbps=fast", -EINVAL, "'fast' is not a rate (like 50M, 100Mbit or max)"},
	{"rbps=", -EINVAL, "'' is not a rate"},
	{"rbps=0", -ERANGE, "'0' is out of range (at least 2)"},
	{"rbps=99999999999G", -ERANGE, "out of range"},
	{"riops=1", -ERANGE, "out of range (at least 2, at most 2147483648)"},
	{"riops=2147483649", -ERANGE, "out of range"},
	{"riops=5K", -EINVAL, "'5K' is not a number of operations (like 500 or max)"},
	{"rbps=1M rbps=2M", -EINVAL, "'rbps=2M' gives rbps a second time"},
};

START_TEST(check_device_values)
{
	const char *device = some_device();
	char value[256];

	if (!*device)
		harness_skip("this machine has no block device");
	for (size_t i = 0; i < sizeof(device_values) / sizeof(device_values[0]); i++) {
		struct rbce_error err = {0};
		int r;

		snprintf(value, sizeof(value), "%s %s", device, device_values[i].rest);
		r = controller_check("io.max", value, &err);
		ck_assert_msg(r == device_values[i].code, "'%s': %d, %s", value, r, err.message);
		if (device_values[i].message)
			ck_assert_msg(strstr(err.message, device_values[i].message), "'%s': %s",
				      value, err.message);
	}
	snprintf(value, sizeof(value), "%s rbps=1M\n%s wbps=2M", device, device);
	ck_assert_int_eq(controller_check("io.max", value, NULL), 0);
	snprintf(value, sizeof(value), "%s rbps=1M\n", device);
	ck_assert_int_eq(controller_check("io.max", value, NULL), -EINVAL);
}
END_TEST

/* A partition means its disk, which the kernel throttles. */
START_TEST(partition)
{
	DIR *dir = opendir("/sys/dev/block");
	unsigned device_major, device_minor;
	struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir))) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "/sys/dev/block/%s/partition", entry->d_name);
		if (entry->d_name[0] == '.' || access(path, F_OK) < 0)
			continue;
		found = true;
		ck_assert_int_eq(device_resolve(entry->d_name, &device_major, &device_minor, NULL),
				 0);
		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", device_major, device_minor);
		ck_assert_int_eq(access(path, F_OK), 0);
		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/partition", device_major,
			 device_minor);
		ck_assert_int_lt(access(path, F_OK), 0);
	}
	if (dir)
		closedir(dir);
	if (!found)
		harness_skip("this machine has no partition");
}
END_TEST

START_TEST(rows)
{
	const struct controller_key *key;
	size_t n = 0;

	for (; (key = controller_key_at(n)); n++) {
		const char *name = controller_key_name(key);

		if (controller_key_is_family(key))
			ck_assert_ptr_null(controller_key_find(name));
		else
			ck_assert_ptr_eq(controller_key_find(name), key);
		ck_assert_uint_gt(strlen(controller_key_help(key)), 10);
		ck_assert_uint_lt(strlen(controller_key_help(key)), 90);
		ck_assert_ptr_null(strchr(controller_key_help(key), '\n'));
		ck_assert_uint_gt(strlen(controller_key_values(key)), 2);
		/* What takes a key back is a value of it. */
		if (controller_key_initial(key) && !controller_key_is_family(key))
			ck_assert_msg(controller_check(name, controller_key_initial(key), NULL) ==
					      0,
				      "%s", name);
	}
	ck_assert(controller_key_repeats(controller_key_find("io.max")));
	ck_assert(!controller_key_repeats(controller_key_find("cpu.max")));
	ck_assert_uint_ge(n, 8);
	ck_assert_ptr_null(controller_key_find("cpu"));
}
END_TEST

/* A group of a fixture: version 1 or 2, everything in one hierarchy. */
struct fixture {
	char tree[PATH_MAX];
	struct rbce_root *root;
	struct rbce_hierarchy *h;
	struct rbce_container *c;
};

static void open_fixture(struct fixture *f, int version, unsigned controllers)
{
	struct rbce_mount mount = {.version = version,
				   .path = (char[]){"/cg"},
				   .controllers = controllers};

	harness_directory(f->tree);
	harness_write_text(f->tree, "cg/rbce/a/cgroup.procs", "");
	ck_assert_int_eq(rbce_root_open(f->tree, &f->root, NULL), 0);
	ck_assert_int_eq(rbce_hierarchy_open_mounts(f->root, "rbce", &mount, 1, &f->h, NULL), 0);
	ck_assert_int_eq(rbce_container_open(f->h, "a", 0, &f->c, NULL), 0);
}

static void close_fixture(struct fixture *f)
{
	rbce_container_close(f->c);
	rbce_hierarchy_close(f->h);
	rbce_root_close(f->root);
	harness_remove_tree(f->tree);
}

static void put(const struct fixture *f, const char *file, const char *text)
{
	char name[PATH_MAX];

	snprintf(name, sizeof(name), "cg/rbce/a/%s", file);
	harness_write_text(f->tree, name, text);
}

static void assert_file(const struct fixture *f, const char *file, const char *expected)
{
	char path[2 * PATH_MAX], text[256];
	FILE *in;
	size_t n;

	snprintf(path, sizeof(path), "%s/cg/rbce/a/%s", f->tree, file);
	in = fopen(path, "r");
	ck_assert_ptr_nonnull(in);
	n = fread(text, 1, sizeof(text) - 1, in);
	fclose(in);
	text[n] = '\0';
	ck_assert_str_eq(text, expected);
}

static const struct {
	const char *key, *value, *file, *text, *get;
} written_v2[] = {
	{"cpu.weight", "250", "cpu.weight", "250", "250"},
	{"cpu.max", "150%", "cpu.max", "150000 100000", "150%"},
	{"cpu.max", "33.333%", "cpu.max", "33333 100000", "33.333%"},
	{"cpu.max", "0.5%", "cpu.max", "5000 1000000", "0.5%"},
	{"cpu.max", "1.05%", "cpu.max", "1050 100000", "1.05%"},
	{"memory.max", "512M", "memory.max", "536870912", "536870912"},
	{"memory.max", "max", "memory.max", "max", "max"},
	{"memory.high", "1G", "memory.high", "1073741824", "1073741824"},
	{"memory.soft", "64K", "memory.low", "65536", "65536"},
	{"memory.soft", "max", "memory.low", "0", "max"},
	{"cpu.max", "50ms/200ms", "cpu.max", "50000 200000", "50000us/200000us"},
	{"cpu.burst", "20ms", "cpu.max.burst", "20000", "20ms"},
	{"cpu.idle", "yes", "cpu.idle", "1", "yes"},
	{"cpu.idle", "0", "cpu.idle", "0", "no"},
	{"memory.min", "64M", "memory.min", "67108864", "67108864"},
	{"memory.oom.group", "yes", "memory.oom.group", "1", "yes"},
	{"swap.max", "1G", "memory.swap.max", "1073741824", "1073741824"},
	{"swap.max", "0", "memory.swap.max", "0", "0"},
	{"dirty.max", "256M", "memory.dirty.max", "268435456", "268435456"},
	{"dirty.background", "max", "memory.dirty.background", "max", "max"},
	{"oom.delay", "10s", "memory.oom.delay", "10000000", "10s"},
	{"swap.device", "ssd 0", "memory.swap.tiers.max", "ssd 0", "ssd 0"},
	{"raw.memory.zswap.max", "4096", "memory.zswap.max", "4096", "4096"},
	{"pids.max", "17", "pids.max", "17", "17"},
	{"pids.max", "max", "pids.max", "max", "max"},
};

START_TEST(files_of_v2)
{
	struct fixture f;

	open_fixture(&f, 2, 1U << RBCE_CPU | 1U << RBCE_MEMORY | 1U << RBCE_PIDS);
	for (size_t i = 0; i < sizeof(written_v2) / sizeof(written_v2[0]); i++) {
		const struct controller_key *key = controller_key_find(written_v2[i].key);
		/* What these were is passed up too. */
		bool passed_up = key == &controller_memory_soft || key == &controller_memory_min;
		struct rbce_error err = {0};
		char text[64];

		/* A file does not end where a shorter text was written over a longer one. */
		put(&f, written_v2[i].file, passed_up ? "0" : "");
		ck_assert_msg(controller_set(key, f.c, written_v2[i].value, &err) == 0, "%s: %s",
			      written_v2[i].key, err.message);
		assert_file(&f, written_v2[i].file, written_v2[i].text);
		ck_assert_int_eq(controller_get(key, f.c, text, sizeof(text), &err), 0);
		ck_assert_str_eq(text, written_v2[i].get);
		ck_assert_int_eq(controller_check(written_v2[i].key, text, NULL), 0);
		ck_assert_int_eq(controller_holds(key, f.c, text, &err), 1);
		ck_assert_int_eq(controller_holds(key, f.c, written_v2[i].value, &err), 1);
	}
	close_fixture(&f);
}
END_TEST

/* The same weight in every file that has it, and what each gives back. */
static const struct {
	int version;
	const char *file, *value, *text, *get;
} io_weights[] = {
	{2, "io.weight", "100", "default 100", "100"},
	{2, "io.weight", "10000", "default 10000", "10000"},
	{2, "io.bfq.weight", "1", "default 1", "1"},
	{2, "io.bfq.weight", "100", "default 100", "100"},
	{2, "io.bfq.weight", "111", "default 101", "111"},
	{2, "io.bfq.weight", "250", "default 113", "243"},
	{2, "io.bfq.weight", "10000", "default 1000", "10000"},
	{1, "blkio.bfq.weight", "20", "20", "20"},
	{1, "blkio.bfq.weight", "250", "113", "243"},
	{1, "blkio.bfq.weight", "10000", "1000", "10000"},
	{1, "blkio.weight", "1", "10", "2"},
	{1, "blkio.weight", "100", "500", "100"},
	{1, "blkio.weight", "10000", "1000", "200"},
};

START_TEST(io_weight)
{
	const struct controller_key *key = controller_key_find("io.weight");

	for (size_t i = 0; i < sizeof(io_weights) / sizeof(io_weights[0]); i++) {
		struct rbce_error err = {0};
		struct fixture f;
		char text[64];

		open_fixture(&f, io_weights[i].version, 1U << RBCE_IO);
		ck_assert_int_eq(controller_set(key, f.c, io_weights[i].value, &err), -EOPNOTSUPP);
		ck_assert_ptr_nonnull(strstr(err.message, "which the group does not have"));
		ck_assert(!controller_supported(key, f.c));
		/* As long as what is written, for a file does not end there. */
		put(&f, io_weights[i].file, io_weights[i].text);
		ck_assert_msg(controller_set(key, f.c, io_weights[i].value, &err) == 0, "%s",
			      err.message);
		assert_file(&f, io_weights[i].file, io_weights[i].text);
		ck_assert_int_eq(controller_holds(key, f.c, io_weights[i].value, &err), 1);
		ck_assert_int_eq(controller_holds(key, f.c, "77", &err), 0);
		ck_assert_int_eq(controller_get(key, f.c, text, sizeof(text), &err), 0);
		ck_assert_str_eq(text, io_weights[i].get);
		ck_assert_int_eq(controller_set(key, f.c, text, &err), 0);
		assert_file(&f, io_weights[i].file, io_weights[i].text);
		close_fixture(&f);
	}
}
END_TEST

/* A second file that does not take it: the first has what it had. */
START_TEST(io_weight_is_all_or_none)
{
	const struct controller_key *key = controller_key_find("io.weight");
	struct rbce_error err = {0};
	struct fixture f;

	open_fixture(&f, 2, 1U << RBCE_IO);
	put(&f, "io.weight", "default 100\n8:0 300\n");
	put(&f, "io.bfq.weight", "default 1000");
	ck_assert_int_eq(controller_set(key, f.c, "200", &err), -EIO);
	ck_assert_str_eq(err.message, "the kernel holds 1090 instead of 109 in io.bfq.weight");
	assert_file(&f, "io.weight", "default 100\n8:0 300\n");
	close_fixture(&f);
}
END_TEST

/* What kernels hold, as one reads it. */
static const struct {
	int version;
	const char *key, *file, *text, *get;
} held[] = {
	{1, "cpu.weight", "cpu.shares", "1024\n", "100"},
	{1, "cpu.weight", "cpu.shares", "2\n", "1"},
	{1, "cpu.weight", "cpu.shares", "262144\n", "10000"},
	{1, "memory.max", "memory.limit_in_bytes", "9223372036854771712\n", "max"},
	{1, "memory.max", "memory.limit_in_bytes", "9223372036854710272\n", "max"},
	{1, "memory.max", "memory.limit_in_bytes", "4096\n", "4096"},
	{1, "memory.soft", "memory.soft_limit_in_bytes", "9223372036854771712\n", "max"},
	{1, "pids.max", "pids.max", "max\n", "max"},
	{2, "cpu.max", "cpu.max", "max 100000\n", "max"},
	{2, "cpu.max", "cpu.max", "7500 30000\n", "7500us/30000us"},
	{2, "cpu.max", "cpu.max", "25000 100000\n", "25%"},
	{2, "cpu.max", "cpu.max", "max 50000\n", "max"},
	{1, "swap.max", "memory.memsw.limit_in_bytes", "9223372036854771712\n", "max"},
	{2, "cpuset.cpus", "cpuset.cpus", "\n", "all"},
	{2, "cpuset.cpus", "cpuset.cpus", "0-3,8\n", "0-3,8"},
	{2, "memset.mems", "cpuset.mems", "0-1\n", "0-1"},
	{1, "cpu.rt", "cpu.rt_runtime_us", "950000\n", "95%"},
	{1, "cpu.rt", "cpu.rt_runtime_us", "0\n", "0%"},
	{2, "misc.max", "misc.max", "sev max\nsev_es 10\n", "sev_es 10"},
	{2, "misc.max", "misc.max", "", "max"},
	{1, "rdma.max", "rdma.max",
	 "mlx5_0 hca_handle=2 hca_object=max\nmlx5_1 hca_handle=max hca_object=max\n",
	 "mlx5_0 hca_handle=2"},
	{2, "swap.device", "memory.swap.tiers.max", "ssd 0\nhdd max\n", "ssd 0"},
	{2, "io.latency", "io.latency", "8:0 target=75000\n8:16 target=20\n",
	 "8:0 75000us\n8:16 20us"},
	{2, "hugetlb.2MB.max", "hugetlb.2MB.max", "4194304\n", "4194304"},
	{1, "hugetlb.1GB.max", "hugetlb.1GB.limit_in_bytes", "9223372036854771712\n", "max"},
	{2, "hugetlb.2MB.max", "hugetlb.2MB.max", "9223372036854771712\n", "max"},
	{2, "hugetlb.2MB.max", "hugetlb.2MB.max", "max\n", "max"},
	{1, "device", "devices.list", "a *:* rwm\n", "all"},
	{1, "net.flowid", "net_cls.classid", "65552\n", "1:10"},
	{1, "net.priority", "net_prio.ifpriomap", "lo 0\neth0 5\n", "5"},
	{1, "device", "devices.list", "c 1:3 rwm\nb 8:* r\nc 1:5 rw\n",
	 "b 8:* r, c 1:3 rwm, c 1:5 rw"},
	{1, "device", "devices.list", "", "none"},
	{1, "raw.memory.swappiness", "memory.swappiness", "60\n", "60"},
	{2, "memory.oom.group", "memory.oom.group", "1\n", "yes"},
	{2, "oom.delay", "memory.oom.delay", "1500000\n", "1500ms"},
	{2, "memory.soft", "memory.low", "max\n", "max"},
	{2, "io.max", "io.max", "", "max"},
	{2, "io.max", "io.max", "8:0 rbps=max wbps=max riops=max wiops=max\n", "max"},
	{2, "io.max", "io.max",
	 "8:0 rbps=1048576 wbps=max riops=max wiops=5\n8:16 rbps=max wbps=2 riops=3 wiops=max\n",
	 "8:0 rbps=1048576 wiops=5\n8:16 wbps=2 riops=3"},
};

START_TEST(texts_of_kernels)
{
	for (size_t i = 0; i < sizeof(held) / sizeof(held[0]); i++) {
		const struct controller_key *key = controller_key_find(held[i].key);
		struct rbce_error err = {0};
		struct fixture f;
		char text[256];

		open_fixture(&f, held[i].version, 1U << controller_key_controller(key));
		/* What the group has besides. */
		put(&f, "memory.limit_in_bytes", "1073741824\n");
		put(&f, "cpu.rt_period_us", "1000000\n");
		put(&f, "cgroup.controllers", "cpuset misc hugetlb rdma\n");
		put(&f, held[i].file, held[i].text);
		ck_assert_msg(controller_get(key, f.c, text, sizeof(text), &err) == 0, "%s: %s",
			      held[i].key, err.message);
		ck_assert_str_eq(text, held[i].get);
		ck_assert_int_eq(controller_get(key, f.c, text, strlen(held[i].get), &err), -E2BIG);
		close_fixture(&f);
	}
}
END_TEST

static const struct {
	int version;
	const char *key, *file, *text;
} broken[] = {
	{1, "cpu.weight", "cpu.shares", "\n"},
	{1, "memory.max", "memory.limit_in_bytes", "lots\n"},
	{2, "cpu.max", "cpu.max", "100\n"},
	{2, "cpu.max", "cpu.max", "100 0\n"},
	{2, "cpu.max", "cpu.max", "x 100000\n"},
	{2, "io.max", "io.max", "sda rbps=1\n"},
	{2, "io.max", "io.max", "8:0 rbps=fast\n"},
};

START_TEST(broken_texts)
{
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		const struct controller_key *key = controller_key_find(broken[i].key);
		struct fixture f;
		char text[64];

		open_fixture(&f, broken[i].version, 1U << controller_key_controller(key));
		put(&f, broken[i].file, broken[i].text);
		ck_assert_msg(controller_get(key, f.c, text, sizeof(text), NULL) == -EBADMSG,
			      "'%s'", broken[i].text);
		close_fixture(&f);
	}
}
END_TEST

START_TEST(another_value_is_held)
{
	struct rbce_error err;
	struct fixture f;

	open_fixture(&f, 2, 1U << RBCE_PIDS | 1U << RBCE_CPU);
	/* The new text overwrites the first digits only, like a kernel that knows better. */
	put(&f, "pids.max", "999");
	ck_assert_int_eq(controller_set(controller_key_find("pids.max"), f.c, "17", &err), -EIO);
	ck_assert_str_eq(err.message, "the kernel holds 179 instead of 17");
	assert_file(&f, "pids.max", "999");
	put(&f, "cpu.max", "999999 1000000");
	ck_assert_int_eq(controller_set(controller_key_find("cpu.max"), f.c, "50%", &err), -EIO);
	ck_assert_str_eq(err.message, "the kernel holds 0.5% instead of 50%");
	close_fixture(&f);
}
END_TEST

START_TEST(unsupported)
{
	const struct controller_key *high = controller_key_find("memory.high");
	const struct controller_key *pids = controller_key_find("pids.max");
	struct rbce_error err;
	struct fixture f;
	uint64_t amount;
	char path[2 * PATH_MAX];

	open_fixture(&f, 1, 1U << RBCE_MEMORY | 1U << RBCE_CPU);
	ck_assert(!controller_supported(high, f.c));
	ck_assert_int_eq(controller_set(high, f.c, "1G", &err), -EOPNOTSUPP);
	ck_assert_str_eq(err.message, "memory.high needs cgroup v2");
	ck_assert_int_eq(controller_set(pids, f.c, "10", &err), -EOPNOTSUPP);
	ck_assert_str_eq(err.message,
			 "pids.max needs the pids controller, which no cgroup hierarchy has");
	/* A kernel without CONFIG_CFS_BANDWIDTH. */
	ck_assert_int_eq(controller_set(controller_key_find("cpu.max"), f.c, "5%", &err),
			 -EOPNOTSUPP);
	ck_assert_str_eq(err.message,
			 "cpu.max needs 'cpu.cfs_quota_us', which the group does not have");
	ck_assert_int_eq(controller_read_amount(high, AT_FDCWD, 1, &amount), -EOPNOTSUPP);
	ck_assert_int_eq(controller_read_usage(controller_key_find("cpu.max"), AT_FDCWD, 1,
					       &amount),
			 -EOPNOTSUPP);
	ck_assert_int_eq(controller_read_amount(controller_key_find("io.max"), AT_FDCWD, 1,
						&amount),
			 -EINVAL);
	snprintf(path, sizeof(path), "%s/cg/rbce/a", f.tree);
	harness_remove_tree(path);
	ck_assert_int_eq(controller_set(controller_key_find("cpu.max"), f.c, "5%", &err), -ENOENT);
	ck_assert_str_eq(err.message, "the group is gone");
	close_fixture(&f);
}
END_TEST

/* Keys of our kernel's on another one; on v1; real-time bandwidth where the kernel has none. */
START_TEST(unsupported_by_the_kernel)
{
	struct rbce_error err;
	struct fixture f;

	open_fixture(&f, 2, 1U << RBCE_MEMORY | 1U << RBCE_CPU);
	ck_assert_int_eq(controller_set(controller_key_find("dirty.max"), f.c, "1G", &err),
			 -EOPNOTSUPP);
	ck_assert_str_eq(err.message,
			 "this kernel has no memory.dirty.max (see controllers/kernel/README.md)");
	ck_assert_int_eq(controller_set(controller_key_find("swap.device"), f.c, "ssd 0", &err),
			 -EOPNOTSUPP);
	ck_assert_str_eq(
		err.message,
		"this kernel has no memory.swap.tiers.max (see controllers/kernel/README.md)");
	ck_assert_int_eq(controller_set(controller_key_find("cpu.rt"), f.c, "10%", &err),
			 -EOPNOTSUPP);
	ck_assert_str_eq(err.message, "cpu.rt needs cgroup v1");
	close_fixture(&f);
	open_fixture(&f, 1, 1U << RBCE_MEMORY | 1U << RBCE_CPU);
	ck_assert_int_eq(controller_set(controller_key_find("oom.delay"), f.c, "1s", &err),
			 -EOPNOTSUPP);
	ck_assert_str_eq(err.message, "oom.delay needs cgroup v2");
	ck_assert_int_eq(controller_set(controller_key_find("cpu.rt"), f.c, "10%", &err),
			 -EOPNOTSUPP);
	ck_assert_str_eq(err.message, "cpu.rt needs a kernel with CONFIG_RT_GROUP_SCHED: this one "
				      "has none of cpu.rt_runtime_us");
	close_fixture(&f);
}
END_TEST

/* memory.max and swap.max become v1's two limits, of memory and of both together, and back. */
START_TEST(swap_on_v1)
{
	const struct controller_key *swap = controller_key_find("swap.max");
	struct rbce_error err;
	struct fixture f;
	char text[64];

	open_fixture(&f, 1, 1U << RBCE_MEMORY);
	put(&f, "memory.limit_in_bytes", "9223372036854771712");
	put(&f, "memory.memsw.limit_in_bytes", "9223372036854771712");
	ck_assert_int_eq(controller_set(swap, f.c, "1G", &err), -EINVAL);
	ck_assert_str_eq(err.message,
			 "cgroup v1 limits memory and swap together: swap.max needs a memory.max");
	put(&f, "memory.limit_in_bytes", "1073741824");
	put(&f, "memory.memsw.limit_in_bytes", "");
	ck_assert_msg(controller_set(swap, f.c, "512M", &err) == 0, "%s", err.message);
	assert_file(&f, "memory.memsw.limit_in_bytes", "1610612736");
	ck_assert_int_eq(controller_get(swap, f.c, text, sizeof(text), &err), 0);
	ck_assert_str_eq(text, "536870912");
	put(&f, "memory.memsw.limit_in_bytes", "");
	ck_assert_msg(controller_set(swap, f.c, "0", &err) == 0, "%s", err.message);
	assert_file(&f, "memory.memsw.limit_in_bytes", "1073741824");
	ck_assert_int_eq(controller_holds(swap, f.c, "0", &err), 1);
	close_fixture(&f);
}
END_TEST

/* Where nothing was asked of a controller on demand, a container has what is new to all. */
START_TEST(untouched)
{
	const struct controller_key *cpus = controller_key_find("cpuset.cpus");
	struct rbce_error err;
	struct fixture f;
	char text[64];

	open_fixture(&f, 2, 1U << RBCE_CPUSET);
	put(&f, "cgroup.controllers", "pids\n");
	ck_assert(controller_supported(cpus, f.c));
	ck_assert_int_eq(controller_get(cpus, f.c, text, sizeof(text), &err), 0);
	ck_assert_str_eq(text, "all");
	ck_assert_int_eq(controller_holds(cpus, f.c, "all", &err), 1);
	ck_assert_int_eq(controller_holds(cpus, f.c, "0", &err), 0);
	ck_assert_int_eq(controller_reset(cpus, f.c, "0", &err), 0);
	close_fixture(&f);
}
END_TEST

int main(void)
{
	return harness_run("controllers",
			   (const TTest *const[]){check_values, check_device_values, partition,
						  rows, files_of_v2, io_weight,
						  io_weight_is_all_or_none, texts_of_kernels,
						  broken_texts, another_value_is_held, unsupported,
						  unsupported_by_the_kernel, swap_on_v1, untouched,
						  NULL});
}
