// SPDX-License-Identifier: GPL-2.0-or-later
/* core/task.c: facts from a fixture /proc, and of real processes. */
#include <rbce/task.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "harness.h"

static char tree[PATH_MAX];
static struct rbce_root *root;

/* pid 42: a name with a parenthesis and a space, as an attacker would choose it. */
static void make_fixture(void)
{
	char link[PATH_MAX + 32];

	harness_directory(tree);
	harness_write_text(tree, "proc/42/stat",
			   "42 (a) b) S 7 40 39 34816 42 4194304 1 0 0 0 0 0 0 0 20 0 1 0 987654 "
			   "1 1 1 0 0 0 0 0 0 0 0 0 0 0 0 17 1 0 2 0 0 0\n");
	harness_write_text(tree, "proc/42/loginuid", "1005");
	harness_write_text(tree, "proc/42/status",
			   "Name:\ta) b\nUid:\t1000\t1001\t1000\t1000\nGid:\t100\t101\t100\t100\n"
			   "Groups:\t300 5 100 \nVmPeak:\t1 kB\n");
	harness_write(tree, "proc/42/cmdline", "make\0-j 8\0all\0", 15);
	harness_write_text(tree, "proc/42/cgroup", "0::/rbce/users/alice\n");
	harness_write_text(tree, "proc/7/cmdline", "");
	snprintf(link, sizeof(link), "%s/proc/42/exe", tree);
	ck_assert_int_eq(symlink("/usr/bin/gnu make", link), 0);
	snprintf(link, sizeof(link), "%s/proc/7/exe", tree);
	ck_assert_int_eq(symlink("/usr/bin/sh", link), 0);
	harness_write_text(tree, "proc/39/cmdline", "");
	snprintf(link, sizeof(link), "%s/proc/39/exe", tree);
	ck_assert_int_eq(symlink("/usr/sbin/sshd", link), 0);
	harness_write_text(tree, "proc/meminfo", "");
	ck_assert_int_eq(rbce_root_open(tree, &root, NULL), 0);
}

static void remove_fixture(void)
{
	root = rbce_root_close(root);
	harness_remove_tree(tree);
}

START_TEST(fixture)
{
	struct rbce_task t;
	struct rbce_error err;

	make_fixture();
	ck_assert_int_eq(rbce_task_read(root, 42, RBCE_FACT_ALL, &t, &err), 0);
	ck_assert_str_eq(t.comm, "a) b");
	ck_assert_int_eq(t.ppid, 7);
	ck_assert_int_eq(t.pgrp, 40);
	ck_assert_int_eq(t.session, 39);
	ck_assert_int_eq(t.tty, 34816);
	ck_assert_uint_eq(t.start, 987654);
	ck_assert_int_eq(t.policy, 2);
	ck_assert_uint_eq(t.login, 1005);
	ck_assert_str_eq(t.session_leader_exe, "/usr/sbin/sshd");
	ck_assert_ptr_null(t.pgrp_leader_exe);
	ck_assert(!t.kernel_thread);
	ck_assert_uint_eq(t.uid, 1000);
	ck_assert_uint_eq(t.euid, 1001);
	ck_assert_uint_eq(t.gid, 100);
	ck_assert_uint_eq(t.egid, 101);
	ck_assert_uint_eq(t.n_groups, 3);
	ck_assert_uint_eq(t.groups[0], 5);
	ck_assert_uint_eq(t.groups[2], 300);
	ck_assert_str_eq(t.exe, "/usr/bin/gnu make");
	ck_assert_str_eq(rbce_task_basename(&t), "gnu make");
	ck_assert_str_eq(t.args, "-j 8 all");
	ck_assert_str_eq(t.parent_exe, "/usr/bin/sh");
	ck_assert_str_eq(t.cgroup, "0::/rbce/users/alice\n");
	rbce_task_done(&t);
	rbce_task_done(&t);
	remove_fixture();
}
END_TEST

/* In steps it is the same task, and what is not asked for is not read. */
START_TEST(in_steps)
{
	struct rbce_task t = {.pid = 42};
	struct rbce_error err;
	int dir;

	make_fixture();
	dir = rbce_task_open(root, 42, &err);
	ck_assert_int_ge(dir, 0);
	ck_assert_int_eq(rbce_task_read_more(root, dir, RBCE_FACT_EXE, &t, &err), 0);
	ck_assert_str_eq(t.exe, "/usr/bin/gnu make");
	ck_assert_uint_eq(t.facts, RBCE_FACT_EXE);
	ck_assert_uint_eq(t.start, 0);
	ck_assert_int_eq(rbce_task_read_more(root, dir, RBCE_FACT_EXE | RBCE_FACT_PARENT, &t, &err),
			 0);
	ck_assert_uint_eq(t.facts, RBCE_FACT_EXE | RBCE_FACT_PARENT | RBCE_FACT_STAT);
	ck_assert_str_eq(t.parent_exe, "/usr/bin/sh");
	ck_assert_uint_eq(t.start, 987654);
	close(dir);
	rbce_task_done(&t);
	ck_assert_int_eq(rbce_task_open(root, 43, &err), -ESRCH);
	ck_assert_str_eq(err.message, "cannot read process '43': No such process");
	remove_fixture();
}
END_TEST

START_TEST(missing)
{
	struct rbce_task t;
	struct rbce_error err;

	make_fixture();
	ck_assert_int_eq(rbce_task_read(root, 43, RBCE_FACT_ALL, &t, &err), -ESRCH);
	ck_assert_str_eq(err.message, "cannot read process '43': No such process");
	/* A parent without files that can be read is no error of the child's. */
	ck_assert_int_eq(rbce_task_read(root, 7, RBCE_FACT_EXE | RBCE_FACT_ARGS, &t, &err), 0);
	ck_assert_str_eq(t.args, "");
	rbce_task_done(&t);
	remove_fixture();
}
END_TEST

START_TEST(broken_files)
{
	static const char *const stats[] = {"", "42", "42 (a", "42 a) S 1", "42 (a) S 1 2\n"};
	struct rbce_task t;

	make_fixture();
	for (size_t i = 0; i < sizeof(stats) / sizeof(stats[0]); i++) {
		harness_write_text(tree, "proc/42/stat", stats[i]);
		ck_assert_int_eq(rbce_task_read(root, 42, RBCE_FACT_STAT, &t, NULL), -EBADMSG);
	}
	harness_write_text(tree, "proc/42/status", "Uid:\t1\n");
	ck_assert_int_eq(rbce_task_read(root, 42, RBCE_FACT_IDS, &t, NULL), -EBADMSG);
	remove_fixture();
}
END_TEST

START_TEST(list)
{
	pid_t *pids;
	size_t n;

	make_fixture();
	ck_assert_int_eq(rbce_task_list(root, &pids, &n, NULL), 0);
	ck_assert_uint_eq(n, 3);
	ck_assert_int_eq(pids[0], 7);
	ck_assert_int_eq(pids[2], 42);
	free(pids);
	remove_fixture();
}
END_TEST

START_TEST(real_process)
{
	struct rbce_root *live;
	struct rbce_task t;
	pid_t child;
	int fd;

	ck_assert_int_eq(rbce_root_open(NULL, &live, NULL), 0);
	child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	ck_assert_int_eq(rbce_task_read(live, child, RBCE_FACT_ALL, &t, NULL), 0);
	ck_assert_int_eq(t.ppid, getpid());
	ck_assert_uint_eq(t.uid, getuid());
	ck_assert_str_eq(t.exe, t.parent_exe);
	ck_assert_ptr_nonnull(strchr(t.cgroup, '\n'));
	fd = rbce_task_pidfd(live, &t);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pidfd_send_signal(fd, SIGKILL, NULL, 0), 0);
	close(fd);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_int_eq(rbce_task_pidfd(live, &t), -ESRCH);
	/* Another process that has the pid now: told apart by its start. */
	t.pid = getpid();
	t.start = 1;
	ck_assert_int_eq(rbce_task_pidfd(live, &t), -ESRCH);
	rbce_task_done(&t);
	rbce_root_close(live);
}
END_TEST

/* The executable's path is told without the mark that the kernel gives to an unlinked file. */
START_TEST(deleted_executable)
{
	char path[PATH_MAX + 16];
	struct rbce_root *live;
	struct rbce_task t;
	pid_t child;
	int status;

	harness_directory(tree);
	snprintf(path, sizeof(path), "%s/sleeper", tree);
	child = fork();
	if (child == 0) {
		execlp("cp", "cp", "/bin/sleep", path, NULL);
		_exit(1);
	}
	waitpid(child, &status, 0);
	ck_assert_int_eq(status, 0);
	child = fork();
	if (child == 0) {
		execl(path, path, "100", NULL);
		_exit(1);
	}
	ck_assert_int_eq(rbce_root_open(NULL, &live, NULL), 0);
	do
		ck_assert_int_eq(rbce_task_read(live, child, RBCE_FACT_EXE, &t, NULL), 0);
	while (strcmp(t.exe, path) != 0 && (rbce_task_done(&t), usleep(1000), true));
	rbce_task_done(&t);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rbce_task_read(live, child, RBCE_FACT_EXE, &t, NULL), 0);
	ck_assert_str_eq(t.exe, path);
	rbce_task_done(&t);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	rbce_root_close(live);
	harness_remove_tree(tree);
}
END_TEST

START_TEST(kernel_thread)
{
	struct rbce_root *live;
	struct rbce_task t;

	ck_assert_int_eq(rbce_root_open(NULL, &live, NULL), 0);
	if (rbce_task_read(live, 2, RBCE_FACT_ALL, &t, NULL) < 0 || strcmp(t.comm, "kthreadd") != 0)
		harness_skip("process 2 is not kthreadd here (a pid namespace)");
	ck_assert(t.kernel_thread);
	ck_assert_ptr_null(t.exe);
	ck_assert_str_eq(rbce_task_basename(&t), "kthreadd");
	rbce_task_done(&t);
	rbce_root_close(live);
}
END_TEST

/* Policies by their numbers, as /proc shows them: sched(7). */
START_TEST(realtime)
{
	static const bool expected[] = {false, true, true, false, false, false, true, false};

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		const struct rbce_task t = {.policy = (int)i};

		ck_assert_msg(rbce_task_is_realtime(&t) == expected[i], "policy %zu", i);
	}
}
END_TEST

int main(void)
{
	return harness_run("task", (const TTest *const[]){fixture, in_steps, missing, broken_files,
							  list, real_process, deleted_executable,
							  kernel_thread, realtime, NULL});
}
