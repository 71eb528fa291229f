// SPDX-License-Identifier: GPL-2.0-or-later
/* core/limits.c on this machine: real rlimits, and limits of a group above in real cgroups.
 */
#include <controllers/controllers.h>
#include <poll.h>
#include <rbce/limits.h>
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

/* One item as it was read, with its text. */
struct one {
	struct rbce_limit item;
	char imposed_by[1024], instance[64];
};

static struct one read_one(pid_t pid, int resource)
{
	struct rbce_limit items[256];
	struct rbce_error err = {0};
	struct rbce_limits *l;
	struct one one = {.item = {.resource = -1}};
	size_t n;

	ck_assert_msg(rbce_limits_open(root, pid, 0, &l, &err) == 0, "%s", err.message);
	n = rbce_limits_list(l, items, 256);
	ck_assert_int_eq(rbce_limits_read(l, items, n), 0);
	for (size_t i = 0; i < n && one.item.resource < 0; i++)
		if (items[i].resource == resource)
			one.item = items[i];
	ck_assert_int_eq(one.item.resource, resource);
	rbce_limits_imposed_by(l, &one.item, one.imposed_by, sizeof(one.imposed_by));
	rbce_limits_instance(l, &one.item, one.instance, sizeof(one.instance));
	rbce_limits_close(l);
	return one;
}

/* The group named NAME imposes it, whatever the file is called here. */
static void assert_imposed(const struct one *one, uint64_t amount, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), ":/%s/%s ", rbce_hierarchy_group(h), name);
	ck_assert_msg(one->item.limit == amount, "%s: %lu", one->imposed_by,
		      (unsigned long)one->item.limit);
	ck_assert_int_eq(one->item.status, 0);
	ck_assert_int_eq(one->item.source, RBCE_BY_CONTAINER);
	ck_assert_msg(strstr(one->imposed_by, path), "%s", one->imposed_by);
}

START_TEST(limits_of_the_parent)
{
	struct rbce_container *outer, *inner;
	struct one limit;
	pid_t pid;

	if (!open_live())
		harness_skip("needs root and cgroups");
	outer = open_container("outer");
	inner = open_container("outer/inner");
	set(outer, "memory.max", "512M");
	set(outer, "cpu.max", "60%");
	set(outer, "pids.max", "60");
	pid = start_sleeper(inner);
	limit = read_one(pid, RBCE_LIMIT_MEMORY);
	assert_imposed(&limit, 512 << 20, "outer");
	ck_assert(limit.item.has & RBCE_HAS_USAGE && limit.item.has & RBCE_HAS_HEADROOM);
	limit = read_one(pid, RBCE_LIMIT_CPU);
	assert_imposed(&limit, 60000, "outer");
	limit = read_one(pid, RBCE_LIMIT_PIDS);
	assert_imposed(&limit, 60, "outer");
	ck_assert_uint_eq(limit.item.usage, 1);
	ck_assert_uint_eq(limit.item.headroom, 59);
	/* A lower one of its own takes over, a higher one does not. */
	set(inner, "pids.max", "5");
	limit = read_one(pid, RBCE_LIMIT_PIDS);
	assert_imposed(&limit, 5, "outer/inner");
	set(inner, "memory.max", "1G");
	limit = read_one(pid, RBCE_LIMIT_MEMORY);
	assert_imposed(&limit, 512 << 20, "outer");
	/* This process stands outside. */
	limit = read_one(getpid(), RBCE_LIMIT_PIDS);
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
	struct one limit;
	pid_t pid;

	if (controller_check("io.max", "/ rbps=1M", NULL) < 0)
		harness_skip("the root file system is on no block device");
	if (!open_live())
		harness_skip("needs root and cgroups");
	c = open_container("io");
	set(c, "io.max", "/ wiops=50");
	pid = start_sleeper(c);
	limit = read_one(pid, RBCE_LIMIT_IO);
	assert_imposed(&limit, 50, "io");
	ck_assert_ptr_nonnull(strstr(limit.instance, " wiops"));
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
	int status, seen[2];
	bool hidden = false;
	pid_t pid;
	char none;

	if (!open_live())
		harness_skip("needs root and cgroups");
	outer = open_container("outer");
	inner = open_container("outer/inner");
	set(outer, "pids.max", "60");
	ck_assert_int_eq(pipe(seen), 0);
	pid = fork();
	if (pid == 0) {
		struct one limit;

		close(seen[1]);
		if (rbce_container_attach(inner, getpid(), NULL) < 0)
			_exit(1);
		if (unshare(CLONE_NEWCGROUP) < 0)
			_exit(77);
		limit = read_one(getpid(), RBCE_LIMIT_PIDS);
		/* It is there until it has been looked at from outside. */
		_exit(read(seen[0], &none, 1) != 0 || !(limit.item.has & RBCE_HAS_HIDDEN));
	}
	close(seen[0]);
	hidden = read_one(pid, RBCE_LIMIT_PIDS).item.has & RBCE_HAS_HIDDEN;
	close(seen[1]);
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

/* The same numbers as getrlimit(2). */
START_TEST(real_rlimits)
{
	struct rlimit value = {.rlim_cur = 77, .rlim_max = 99};

	ck_assert_int_eq(rbce_root_open(NULL, &root, NULL), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &value), 0);
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		struct one limit = read_one(getpid(), RBCE_LIMIT_RLIMIT + i);

		ck_assert_int_eq(getrlimit(i, &value), 0);
		ck_assert_int_eq(limit.item.status, 0);
		ck_assert_uint_eq(limit.item.limit, value.rlim_cur);
		ck_assert(limit.item.has & RBCE_HAS_HARD);
		ck_assert_uint_eq(limit.item.hard, value.rlim_max);
	}
	ck_assert_uint_eq(read_one(getpid(), RBCE_LIMIT_RLIMIT + RLIMIT_NOFILE).item.limit, 77);
	root = rbce_root_close(root);
}
END_TEST

/* Without cgroups the host is the limit. */
START_TEST(real_host)
{
	struct one limit;
	cpu_set_t one;

	ck_assert_int_eq(rbce_root_open(NULL, &root, NULL), 0);
	limit = read_one(getpid(), RBCE_LIMIT_MEMORY);
	ck_assert_str_eq(limit.imposed_by, "host");
	ck_assert_uint_eq(limit.item.limit / sysconf(_SC_PAGESIZE),
			  (uint64_t)sysconf(_SC_PHYS_PAGES));
	limit = read_one(getpid(), RBCE_LIMIT_CPU);
	ck_assert_uint_eq(limit.item.limit % 100000, 0);
	limit = read_one(getpid(), RBCE_LIMIT_RLIMIT + RLIMIT_NOFILE);
	ck_assert_uint_ge(limit.item.usage, 3);
	ck_assert_int_eq(sched_getaffinity(0, sizeof(one), &one), 0);
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		root = rbce_root_close(root);
		harness_skip("one CPU leaves no choice of CPUs");
	}
	for (size_t i = 0, kept = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &one) && kept++)
			CPU_CLR(i, &one);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	limit = read_one(getpid(), RBCE_LIMIT_CPU);
	ck_assert_uint_eq(limit.item.limit, 100000);
	ck_assert_int_eq(limit.item.source, RBCE_BY_AFFINITY);
	root = rbce_root_close(root);
}
END_TEST

/* A kept handle follows the process, and its descriptor tells of a limit that is written. */
START_TEST(kept_handle)
{
	struct rbce_limit item = {.resource = RBCE_LIMIT_PIDS};
	struct rbce_container *outer, *inner, *other;
	struct pollfd wait = {.events = POLLIN};
	struct rbce_limits *l;
	pid_t pid;

	if (!open_live())
		harness_skip("needs root and cgroups");
	outer = open_container("outer");
	inner = open_container("outer/inner");
	other = open_container("other");
	set(outer, "pids.max", "60");
	set(other, "pids.max", "8");
	pid = start_sleeper(inner);
	ck_assert_int_eq(rbce_limits_open(NULL, pid, 0, &l, NULL), 0);
	wait.fd = rbce_limits_watch(l);
	ck_assert_int_ge(wait.fd, 0);
	ck_assert_int_eq(rbce_limits_read(l, &item, 1), 0);
	ck_assert_uint_eq(item.limit, 60);
	ck_assert_int_eq(item.level, 1);
	ck_assert_int_eq(poll(&wait, 1, 0), 0);
	set(outer, "pids.max", "50");
	ck_assert_int_eq(poll(&wait, 1, 10000), 1);
	ck_assert_int_eq(rbce_limits_changed(l), 1);
	ck_assert_int_eq(rbce_limits_changed(l), 0);
	ck_assert_int_eq(rbce_limits_read(l, &item, 1), 0);
	ck_assert_uint_eq(item.limit, 50);
	ck_assert_int_eq(rbce_container_attach(other, pid, NULL), 0);
	ck_assert_int_eq(rbce_limits_read(l, &item, 1), 0);
	ck_assert_uint_eq(item.limit, 8);
	kill(pid, SIGKILL);
	/* Ended and not yet waited for: v1 says that it stands in the top group. */
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED | WNOWAIT), 0);
	ck_assert_int_eq(rbce_limits_read(l, &item, 1), -ESRCH);
	waitpid(pid, NULL, 0);
	ck_assert_int_eq(rbce_limits_read(l, &item, 1), -ESRCH);
	rbce_limits_close(l);
	rbce_container_close(other);
	rbce_container_close(inner);
	rbce_container_close(outer);
	close_live();
}
END_TEST

/* A group and no process: limits of those above it too, and no rlimits. */
START_TEST(group_alone)
{
	struct rbce_limit item = {.resource = RBCE_LIMIT_PIDS};
	struct rbce_limit rlimit = {.resource = RBCE_LIMIT_RLIMIT + RLIMIT_NOFILE};
	struct rbce_container *outer, *inner;
	struct rbce_limits *l;
	char path[128];

	if (!open_live())
		harness_skip("needs root and cgroups");
	outer = open_container("outer");
	inner = open_container("outer/inner");
	set(outer, "pids.max", "60");
	snprintf(path, sizeof(path), "/%s/outer/inner", rbce_hierarchy_group(h));
	ck_assert_int_eq(rbce_limits_open_group(NULL, path, &l, NULL), 0);
	ck_assert_int_eq(rbce_limits_read(l, &item, 1), 0);
	ck_assert_uint_eq(item.limit, 60);
	ck_assert_int_eq(rbce_limits_read(l, &rlimit, 1), 0);
	ck_assert_int_eq(rlimit.status, -EOPNOTSUPP);
	rbce_limits_close(l);
	ck_assert_int_eq(rbce_limits_open_group(NULL, "/rbce-no/such", &l, NULL), -ENOENT);
	ck_assert_int_eq(rbce_limits_open_group(NULL, "relative", &l, NULL), -EINVAL);
	rbce_container_close(inner);
	rbce_container_close(outer);
	close_live();
}
END_TEST

int main(void)
{
	return harness_run("limits-live", (const TTest *const[]){limits_of_the_parent, devices,
								 namespace, real_rlimits, real_host,
								 kept_handle, group_alone, NULL});
}
