// SPDX-License-Identifier: GPL-2.0-or-later
/* controllers/limits.c on this machine: real rlimits, and limits of a group above in real cgroups.
 */
#include <controllers/controllers.h>
#include <controllers/limits.h>
#include <rbce/units.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "live.h"

static void set(struct rbce_container *c, const char *key, const char *value)
{
	struct rbce_error err = {0};

	ck_assert_msg(controller_set(controller_key_find(key), c, value, &err) == 0, "%s: %s", key,
		      err.message);
}

static pid_t start_sleeper(struct rbce_container *c)
{
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(rbce_container_attach(c, pid, NULL), 0);
	return pid;
}

static struct limit read_one(pid_t pid, const char *resource)
{
	struct limit *limits, found = {0};
	struct rbce_error err = {0};
	size_t n;

	ck_assert_msg(limits_read(root, h, pid, &limits, &n, &err) == 0, "%s", err.message);
	for (size_t i = 0; i < n; i++)
		if (strcmp(limits[i].resource, resource) == 0)
			found = limits[i];
	free(limits);
	ck_assert_ptr_nonnull(found.resource);
	return found;
}

/* The group named NAME imposes it, whatever the file is called here. */
static void assert_imposed(const struct limit *limit, uint64_t amount, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), ":/%s/%s ", rbce_hierarchy_group(h), name);
	ck_assert_msg(limit->effective == amount, "%s: %lu", limit->resource,
		      (unsigned long)limit->effective);
	ck_assert_int_eq(limit->status, 0);
	ck_assert_int_eq(limit->source, LIMIT_BY_CONTAINER);
	ck_assert_msg(strstr(limit->imposed_by, path), "%s: %s", limit->resource,
		      limit->imposed_by);
}

START_TEST(limits_of_the_parent)
{
	struct rbce_container *outer, *inner;
	struct limit limit;
	pid_t pid;

	if (!open_live())
		harness_skip("needs root and cgroups");
	outer = open_container("outer");
	inner = open_container("outer/inner");
	set(outer, "memory.max", "512M");
	set(outer, "cpu.max", "60%");
	set(outer, "pids.max", "60");
	pid = start_sleeper(inner);
	limit = read_one(pid, "memory.max");
	assert_imposed(&limit, 512 << 20, "outer");
	ck_assert(limit.has_usage && limit.has_free);
	limit = read_one(pid, "cpu.max");
	assert_imposed(&limit, 60000, "outer");
	limit = read_one(pid, "pids.max");
	assert_imposed(&limit, 60, "outer");
	ck_assert_uint_eq(limit.usage, 1);
	ck_assert_uint_eq(limit.free, 59);
	/* A lower one of its own takes over, a higher one does not. */
	set(inner, "pids.max", "5");
	limit = read_one(pid, "pids.max");
	assert_imposed(&limit, 5, "outer/inner");
	set(inner, "memory.max", "1G");
	limit = read_one(pid, "memory.max");
	assert_imposed(&limit, 512 << 20, "outer");
	/* This process stands outside. */
	limit = read_one(getpid(), "pids.max");
	ck_assert_ptr_null(strstr(limit.imposed_by, rbce_hierarchy_group(h)));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	rbce_container_close(inner);
	rbce_container_close(outer);
	close_live();
}
END_TEST

START_TEST(devices)
{
	struct rbce_container *c;
	struct limit limit;
	pid_t pid;

	if (controller_check("io.max", "/ rbps=1M", NULL) < 0)
		harness_skip("the root file system is on no block device");
	if (!open_live())
		harness_skip("needs root and cgroups");
	c = open_container("io");
	set(c, "io.max", "/ wiops=50");
	pid = start_sleeper(c);
	limit = read_one(pid, "io.max");
	assert_imposed(&limit, 50, "io");
	ck_assert_ptr_nonnull(strstr(limit.instance, " wiops"));
	ck_assert_int_eq(limit.unit, LIMIT_OPERATIONS_PER_SECOND);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	rbce_container_close(c);
	close_live();
}
END_TEST

/* In a cgroup namespace groups above count still, but are not to be seen. */
START_TEST(namespace)
{
	struct rbce_container *outer, *inner;
	bool hidden = false;
	int status;
	pid_t pid;

	if (!open_live())
		harness_skip("needs root and cgroups");
	outer = open_container("outer");
	inner = open_container("outer/inner");
	set(outer, "pids.max", "60");
	pid = fork();
	if (pid == 0) {
		struct limit limit;

		if (rbce_container_attach(inner, getpid(), NULL) < 0)
			_exit(1);
		if (unshare(CLONE_NEWCGROUP) < 0)
			_exit(77);
		limit = read_one(getpid(), "pids.max");
		_exit(!limit.ancestors_hidden);
	}
	hidden = read_one(pid, "pids.max").ancestors_hidden;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	rbce_container_close(inner);
	rbce_container_close(outer);
	close_live();
	ck_assert(!hidden);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		harness_skip("cgroup namespaces are not allowed here");
	ck_assert_int_eq(status, 0);
}
END_TEST

static const struct {
	const char *name;
	int id;
} rlimits[] = {
	{"cpu", RLIMIT_CPU},           {"fsize", RLIMIT_FSIZE},
	{"data", RLIMIT_DATA},         {"stack", RLIMIT_STACK},
	{"core", RLIMIT_CORE},         {"rss", RLIMIT_RSS},
	{"nproc", RLIMIT_NPROC},       {"nofile", RLIMIT_NOFILE},
	{"memlock", RLIMIT_MEMLOCK},   {"as", RLIMIT_AS},
	{"locks", RLIMIT_LOCKS},       {"sigpending", RLIMIT_SIGPENDING},
	{"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
	{"rtprio", RLIMIT_RTPRIO},     {"rttime", RLIMIT_RTTIME},
};

/* The same numbers as getrlimit(2). */
START_TEST(real_rlimits)
{
	struct rlimit value = {.rlim_cur = 77, .rlim_max = 99};

	ck_assert_int_eq(rbce_root_open(NULL, &root, NULL), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &value), 0);
	for (size_t i = 0; i < sizeof(rlimits) / sizeof(rlimits[0]); i++) {
		struct limit limit = read_one(getpid(), rlimits[i].name);

		ck_assert_int_eq(getrlimit(rlimits[i].id, &value), 0);
		ck_assert_int_eq(limit.status, 0);
		ck_assert_uint_eq(limit.effective, value.rlim_cur);
		ck_assert(limit.has_hard);
		ck_assert_uint_eq(limit.hard, value.rlim_max);
	}
	ck_assert_uint_eq(read_one(getpid(), "nofile").effective, 77);
	root = rbce_root_close(root);
}
END_TEST

/* Without cgroups the host is the limit. */
START_TEST(real_host)
{
	struct limit limit;
	cpu_set_t one;

	ck_assert_int_eq(rbce_root_open(NULL, &root, NULL), 0);
	limit = read_one(getpid(), "memory.max");
	ck_assert_str_eq(limit.imposed_by, "host");
	ck_assert_uint_eq(limit.effective / sysconf(_SC_PAGESIZE),
			  (uint64_t)sysconf(_SC_PHYS_PAGES));
	limit = read_one(getpid(), "cpu.max");
	ck_assert_uint_eq(limit.effective % 100000, 0);
	/* The files are counted while its directory and the root handle are open. */
	limit = read_one(getpid(), "nofile");
	ck_assert_uint_ge(limit.usage, 3);
	ck_assert_int_eq(sched_getaffinity(0, sizeof(one), &one), 0);
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		root = rbce_root_close(root);
		harness_skip("one CPU leaves no choice of CPUs");
	}
	for (size_t i = 0, kept = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &one) && kept++)
			CPU_CLR(i, &one);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	limit = read_one(getpid(), "cpu.max");
	ck_assert_uint_eq(limit.effective, 100000);
	ck_assert_int_eq(limit.source, LIMIT_BY_AFFINITY);
	root = rbce_root_close(root);
}
END_TEST

int main(void)
{
	return harness_run("limits-live",
			   (const TTest *const[]){limits_of_the_parent, devices, namespace,
						  real_rlimits, real_host, NULL});
}
