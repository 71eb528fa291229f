// SPDX-License-Identifier: GPL-2.0-or-later
/* core/container.c, attach.c, tree.c: names, and containers in this machine's own cgroups. */
#include <core/claim.h>
#include <rbce/container.h>
#include <rbce/task.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "live.h"
#include "util.h"

static const struct {
	const char *name;
	const char *fault; /* NULL for a good name */
} names[] = {
	{"users/alice", NULL},
	{"a", NULL},
	{"users/O'Neil & sons", NULL},
	{"builds/...", NULL},
	{"", "it is empty"},
	{"/a", "it begins with '/'"},
	{"a/", "it has an empty part"},
	{"a//b", "it has an empty part"},
	{".", "'.' and '..' are no container names"},
	{"a/../b", "'.' and '..' are no container names"},
	{"..", "'.' and '..' are no container names"},
	{"a\nb", "it has a control character"},
	{"a\x7f", "it has a control character"},
	{"leaf", "'leaf' is reserved"},
	{"a/leaf/b", "'leaf' is reserved"},
	{"cgroup.procs", "a part of it is named like a control file"},
	{"a/memory.max", "a part of it is named like a control file"},
	{"tasks", "a part of it is named like a control file"},
};

START_TEST(check_name)
{
	char expected[256], longest[RBCE_NAME_MAX + 2];
	struct rbce_error err;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int r = rbce_container_check_name(names[i].name, &err);

		ck_assert_msg(r == (names[i].fault ? -EINVAL : 0), "'%s'", names[i].name);
		if (!names[i].fault)
			continue;
		snprintf(expected, sizeof(expected), ": %s", names[i].fault);
		ck_assert_ptr_nonnull(strstr(err.message, expected));
		ck_assert_ptr_null(strchr(err.message, '\n'));
	}
	memset(longest, 'x', sizeof(longest));
	longest[256] = '\0';
	ck_assert_int_eq(rbce_container_check_name(longest, NULL), -EINVAL);
	longest[255] = '\0';
	ck_assert_int_eq(rbce_container_check_name(longest, NULL), 0);
}
END_TEST

static pid_t start_sleeper(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	ck_assert_int_gt(pid, 0);
	return pid;
}

/* Where PID stands: the container's name, "-" outside, "?" when not the same everywhere. */
static char *place_of(pid_t pid)
{
	struct rbce_task task;
	char *name = NULL;
	int r;

	ck_assert_int_eq(rbce_task_read(root, pid, RBCE_FACT_CGROUP, &task, NULL), 0);
	r = rbce_hierarchy_container_of(h, task.cgroup, &name);
	rbce_task_done(&task);
	if (r == 0)
		return name;
	free(name);
	return strdup(r < 0 ? "-" : "?");
}

static void assert_place(pid_t pid, const char *expected)
{
	char *place = place_of(pid);

	ck_assert_str_eq(place, expected);
	free(place);
}

START_TEST(create_and_remove)
{
	struct rbce_container *c, *again;
	char **list;

	if (!open_live())
		harness_skip("needs root and cgroups");
	ck_assert_int_eq(rbce_container_open(h, "a/b", 0, &c, NULL), -ENOENT);
	c = open_container("a/b");
	again = open_container("a/b");
	ck_assert_str_eq(rbce_container_name(c), "a/b");
	rbce_container_close(open_container("a-b"));
	rbce_container_close(open_container("a/a"));
	ck_assert_int_eq(rbce_container_list(h, &list, NULL), 0);
	ck_assert_str_eq(list[0], "a");
	ck_assert_str_eq(list[1], "a/a");
	ck_assert_str_eq(list[2], "a/b");
	ck_assert_str_eq(list[3], "a-b");
	ck_assert_ptr_null(list[4]);
	rbce_names_free(list);
	ck_assert_int_eq(rbce_container_remove(c, NULL), 0);
	ck_assert_int_eq(rbce_container_remove(again, NULL), 0);
	ck_assert_int_eq(rbce_container_open(h, "a/b", 0, &c, NULL), -ENOENT);
	rbce_container_close(c);
	rbce_container_close(again);
	close_live();
}
END_TEST

START_TEST(claims)
{
	struct rbce_container *a, *b, *c;
	struct claim claim, other;
	struct rbce_error err;
	long long before;

	if (!open_live())
		harness_skip("needs root and cgroups");
	ck_assert_int_eq(claim_make(h, "a/b", &claim), 0);
	ck_assert_int_ge(claim.fd, 0);
	b = open_container("a/b");
	a = open_container("a");
	c = open_container("c");
	/* In the making: neither it nor what is above, but what is beside it. */
	ck_assert_int_eq(rbce_container_remove(b, &err), -EBUSY);
	ck_assert_str_eq(err.message, "cannot remove container 'a/b': others are at it");
	ck_assert_int_eq(rbce_container_remove(a, &err), -EBUSY);
	ck_assert_int_eq(rbce_container_remove(c, &err), 0);
	/* One keeps it, who may be waited for. */
	before = monotonic_ms();
	ck_assert_int_eq(claim_keep(h, "a/b", 200, &other), -EBUSY);
	ck_assert_int_ge(monotonic_ms() - before, 200);
	ck_assert_int_eq(other.fd, -1);
	ck_assert_int_eq(claim_make(h, "a/d", &other), 0);
	/* Made: two that make another one do not stand in its way. */
	claim_made(&claim);
	ck_assert_int_eq(rbce_container_remove(b, &err), 0);
	ck_assert_int_eq(rbce_container_remove(a, &err), -EBUSY);
	claim_let_go(&other);
	ck_assert_int_eq(rbce_container_remove(a, &err), 0);
	claim_let_go(&claim);
	ck_assert_int_eq(claim_keep(h, "a/b", 0, &claim), 0);
	claim_let_go(&claim);
	rbce_container_close(a);
	rbce_container_close(b);
	rbce_container_close(c);
	close_live();
}
END_TEST

/* Who has opened a container does not take along one that was made under its name since. */
START_TEST(another_of_that_name)
{
	struct rbce_container *before, *now;

	if (!open_live())
		harness_skip("needs root and cgroups");
	before = open_container("a");
	ck_assert_int_eq(rbce_container_remove(before, NULL), 0);
	now = open_container("a");
	ck_assert_int_eq(rbce_container_remove(before, NULL), 0);
	rbce_container_close(before);
	ck_assert_int_eq(rbce_container_open(h, "a", 0, &before, NULL), 0);
	rbce_container_close(before);
	rbce_container_close(now);
	close_live();
}
END_TEST

START_TEST(attach)
{
	struct rbce_container *parent, *child;
	pid_t one, two, *pids;
	struct rbce_error err;
	size_t n;

	if (!open_live())
		harness_skip("needs root and cgroups");
	parent = open_container("p");
	one = start_sleeper();
	two = start_sleeper();
	assert_place(one, "-");
	ck_assert_int_eq(rbce_container_attach(parent, one, NULL), 0);
	ck_assert_int_eq(rbce_container_attach(parent, one, NULL), 0);
	assert_place(one, "p");
	/* On v2 the child makes the parent's task move into a leaf: no difference is seen. */
	child = open_container("p/c");
	ck_assert_int_eq(rbce_container_attach(child, two, NULL), 0);
	assert_place(one, "p");
	assert_place(two, "p/c");
	ck_assert_int_eq(rbce_container_tasks(parent, false, &pids, &n, NULL), 0);
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(pids[0], one);
	free(pids);
	ck_assert_int_eq(rbce_container_tasks(parent, true, &pids, &n, NULL), 0);
	ck_assert_uint_eq(n, 2);
	free(pids);
	ck_assert_int_eq(rbce_container_attach(parent, two, NULL), 0);
	assert_place(two, "p");
	ck_assert_int_eq(rbce_container_remove(parent, &err), -EBUSY);
	ck_assert_str_eq(err.message, "cannot remove container 'p': it still has tasks");
	kill(two, SIGKILL);
	waitpid(two, NULL, 0);
	ck_assert_int_eq(rbce_container_attach(child, two, &err), -ESRCH);
	ck_assert_int_eq(rbce_container_attach(child, 0, &err), -EINVAL);
	rbce_container_close(parent);
	rbce_container_close(child);
	close_live();
	waitpid(one, NULL, 0);
}
END_TEST

/* Does the process make progress? It counts in a shared page. */
static bool makes_progress(volatile unsigned *counter)
{
	unsigned before = *counter;

	for (int i = 0; i < 200 && *counter == before; i++)
		usleep(1000);
	return *counter != before;
}

START_TEST(freeze_and_kill)
{
	volatile unsigned *counter =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct rbce_container *c, *above;
	struct rbce_error err;
	bool empty = false;
	pid_t pid;
	int status;

	if (!open_live())
		harness_skip("needs root and cgroups");
	/* What is done to the one above reaches the one below. */
	c = open_container("f/g");
	above = open_container("f");
	pid = fork();
	if (pid == 0)
		for (;;) {
			++*counter;
			usleep(100);
		}
	ck_assert_int_eq(rbce_container_attach(c, pid, NULL), 0);
	ck_assert(makes_progress(counter));
	for (int i = 0; i < 2; i++)
		ck_assert_msg(rbce_container_freeze(above, &err) == 0, "%s", err.message);
	ck_assert(!makes_progress(counter));
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(rbce_container_thaw(above, NULL), 0);
	ck_assert(makes_progress(counter));
	/* A frozen container dies all the same. */
	ck_assert_int_eq(rbce_container_freeze(above, NULL), 0);
	ck_assert_msg(rbce_container_kill(above, &err) == 0, "%s", err.message);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	ck_assert_int_eq(rbce_container_is_empty(c, &empty, NULL), 0);
	ck_assert(empty);
	rbce_container_close(c);
	rbce_container_close(above);
	close_live();
}
END_TEST

/* Runs FUNCTION in a process that stands in C, as user UID; returns its exit status. */
static int run_inside(struct rbce_container *c, uid_t uid, int (*function)(struct rbce_container *))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		bool ready = rbce_container_attach(c, getpid(), NULL) == 0 &&
			     setresuid(uid, uid, uid) == 0;

		_exit(ready ? -function(c) : 255);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int kill_it(struct rbce_container *c)
{
	return rbce_container_kill(c, NULL);
}

START_TEST(kill_from_inside)
{
	struct rbce_container *c;
	pid_t pid;
	int status;

	if (!open_live())
		harness_skip("needs root and cgroups");
	c = open_container("k");
	pid = start_sleeper();
	ck_assert_int_eq(rbce_container_attach(c, pid, NULL), 0);
	/* Whom the container is not, kills nothing, not even himself. */
	ck_assert_int_eq(run_inside(c, 65534, kill_it), EACCES);
	ck_assert_int_eq(waitpid(pid, &status, WNOHANG), 0);
	/* Root kills all but itself. */
	ck_assert_int_eq(run_inside(c, 0, kill_it), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(rbce_container_remove(c, NULL), 0);
	rbce_container_close(c);
	close_live();
}
END_TEST

START_TEST(control_files)
{
	struct rbce_container *c;
	struct rbce_error err;
	char text[256], tiny[1];

	if (!open_live())
		harness_skip("needs root and cgroups");
	c = open_container("x");
	ck_assert_int_gt(rbce_container_version(c, RBCE_PIDS), 0);
	ck_assert_int_eq(rbce_container_write(c, RBCE_PIDS, "pids.max", "77", &err), 0);
	ck_assert_int_eq(rbce_container_read(c, RBCE_PIDS, "pids.max", text, sizeof(text), &err),
			 0);
	ck_assert_str_eq(text, "77");
	ck_assert_int_eq(rbce_container_read(c, RBCE_PIDS, "pids.max", tiny, sizeof(tiny), &err),
			 -E2BIG);
	ck_assert_int_eq(rbce_container_read(c, RBCE_PIDS, "pids.no", text, sizeof(text), &err),
			 -ENOENT);
	ck_assert_int_lt(rbce_container_write(c, RBCE_PIDS, "pids.max", "many", &err), 0);
	ck_assert_int_eq(rbce_container_read(c, RBCE_NET_PRIO, "net_prio.x", text, sizeof(text),
					     &err),
			 -EOPNOTSUPP);
	rbce_container_close(c);
	close_live();
}
END_TEST

/* Where PID stands in the hierarchy with CONTROLLER. */
static void assert_path(pid_t pid, enum rbce_controller controller, const char *below)
{
	char path[PATH_MAX], expected[PATH_MAX];
	struct rbce_task task;

	ck_assert_int_eq(rbce_task_read(root, pid, RBCE_FACT_CGROUP, &task, NULL), 0);
	ck_assert_int_eq(rbce_hierarchy_task_path(h, rbce_hierarchy_find(h, controller),
						  task.cgroup, path, sizeof(path)),
			 0);
	rbce_task_done(&task);
	snprintf(expected, sizeof(expected), "/%s%s", rbce_hierarchy_group(h), below);
	ck_assert_str_eq(path, expected);
}

/* A controller that few need, and whose new groups no task may enter on v1. */
START_TEST(on_demand)
{
	struct rbce_container *a, *below, *b;
	struct rbce_error err;
	pid_t one, two;
	bool v1;

	if (!open_live())
		harness_skip("needs root and cgroups");
	a = open_container("a");
	v1 = rbce_container_version(a, RBCE_CPUSET) == 1;
	if (rbce_container_version(a, RBCE_CPUSET) == 0) {
		rbce_container_close(a);
		close_live();
		harness_skip("no hierarchy has the cpuset controller");
	}
	one = start_sleeper();
	two = start_sleeper();
	below = open_container("a/below");
	b = open_container("b");
	ck_assert_int_eq(rbce_container_attach(below, one, NULL), 0);
	ck_assert(!rbce_container_uses(a, RBCE_CPUSET));
	ck_assert_int_eq(rbce_container_use(a, RBCE_PIDS, &err), 0);
	ck_assert_msg(rbce_container_use(a, RBCE_CPUSET, &err) == 0, "%s", err.message);
	ck_assert_int_eq(rbce_container_use(a, RBCE_CPUSET, &err), 0);
	ck_assert(rbce_container_uses(a, RBCE_CPUSET));
	ck_assert(!rbce_container_uses(below, RBCE_CPUSET));
	assert_place(one, "a/below");
	if (v1)
		assert_path(one, RBCE_CPUSET, "/a");
	/* One that comes later, one that goes where no such group is. */
	ck_assert_int_eq(rbce_container_attach(below, two, NULL), 0);
	ck_assert_int_eq(rbce_container_attach(b, one, NULL), 0);
	assert_place(two, "a/below");
	assert_place(one, "b");
	if (v1) {
		assert_path(two, RBCE_CPUSET, "/a");
		assert_path(one, RBCE_CPUSET, "");
	}
	/* Only its own tasks, not those of the one below that stand in its group. */
	ck_assert_msg(rbce_container_use(below, RBCE_CPUSET, &err) == 0, "%s", err.message);
	if (v1)
		assert_path(two, RBCE_CPUSET, "/a/below");
	ck_assert_msg(rbce_container_kill(a, &err) == 0, "%s", err.message);
	ck_assert_int_eq(waitpid(two, NULL, 0), two);
	ck_assert_msg(rbce_container_remove(a, &err) == 0, "%s", err.message);
	rbce_container_close(a);
	rbce_container_close(below);
	rbce_container_close(b);
	close_live();
	ck_assert_int_eq(waitpid(one, NULL, 0), one);
}
END_TEST

/* A task that somebody took out of the container leaves its groups on demand when that is removed.
 */
START_TEST(on_demand_strays)
{
	char path[PATH_MAX], text[16];
	struct rbce_container *c;
	struct rbce_error err;
	size_t n;
	const struct rbce_mount *mounts;
	pid_t pid;

	if (!open_live())
		harness_skip("needs root and cgroups");
	c = open_container("s");
	if (rbce_container_version(c, RBCE_CPUSET) != 1) {
		rbce_container_close(c);
		close_live();
		harness_skip("there is no cpuset hierarchy of cgroup v1");
	}
	pid = start_sleeper();
	snprintf(text, sizeof(text), "%d", pid);
	ck_assert_int_eq(rbce_container_use(c, RBCE_CPUSET, &err), 0);
	ck_assert_int_eq(rbce_container_attach(c, pid, NULL), 0);
	assert_path(pid, RBCE_CPUSET, "/s");
	mounts = rbce_hierarchy_mounts(h, &n);
	for (size_t i = 0; i < n; i++) {
		FILE *out;

		if (mounts[i].on_demand)
			continue;
		snprintf(path, sizeof(path), "%s/cgroup.procs", mounts[i].path);
		out = fopen(path, "w");
		ck_assert_ptr_nonnull(out);
		fputs(text, out);
		ck_assert_int_eq(fclose(out), 0);
	}
	ck_assert_msg(rbce_container_remove(c, &err) == 0, "%s", err.message);
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	rbce_container_close(c);
	close_live();
}
END_TEST

/* A child that moves itself stands in all groups too, where those on demand are, and in a leaf. */
START_TEST(join)
{
	struct rbce_container *parent, *child;
	struct rbce_error err;
	int ready[2];
	char byte;
	pid_t pid;

	if (!open_live())
		harness_skip("needs root and cgroups");
	parent = open_container("j");
	rbce_container_use(parent, RBCE_DEVICES, NULL);
	child = open_container("j/c");
	for (int i = 0; i < 2; i++) {
		struct rbce_container *c = i == 0 ? child : parent;

		ck_assert_int_eq(pipe(ready), 0);
		pid = fork();
		if (pid == 0) {
			byte = (char)rbce_container_join(c, &err);
			ck_assert_int_eq(write(ready[1], &byte, 1), 1);
			pause();
		}
		ck_assert_int_eq(read(ready[0], &byte, 1), 1);
		ck_assert_int_eq(byte, 0);
		assert_place(pid, i == 0 ? "j/c" : "j");
		if (rbce_container_version(c, RBCE_DEVICES) == 1)
			assert_path(pid, RBCE_DEVICES, "/j");
		close(ready[0]);
		close(ready[1]);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	rbce_container_close(parent);
	rbce_container_close(child);
	close_live();
}
END_TEST

int main(void)
{
	return harness_run("container",
			   (const TTest *const[]){check_name, create_and_remove, claims,
						  another_of_that_name, attach, freeze_and_kill,
						  kill_from_inside, control_files, on_demand,
						  on_demand_strays, join, NULL});
}
