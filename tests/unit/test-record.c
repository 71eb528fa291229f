// SPDX-License-Identifier: GPL-2.0-or-later
/* rbced/record.c: moves so far, and tasks placed by hand, also over a restart. */
#include <rbce/root.h>
#include <rbced/record.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>

#include "harness.h"
#include "util.h"

static char tree[PATH_MAX], state[PATH_MAX + 16];
static struct rbce_root *root;
static struct records *records;

static void reopen(void)
{
	struct rbce_error err = {0};

	records = records_free(records);
	ck_assert_msg(records_open(state, root, &records, &err) == 0, "%s", err.message);
}

static void begin(void)
{
	harness_directory(tree);
	snprintf(state, sizeof(state), "%s/root.manual", tree);
	ck_assert_int_eq(rbce_root_open(NULL, &root, NULL), 0);
	reopen();
}

static void end(void)
{
	records = records_free(records);
	root = rbce_root_close(root);
	harness_remove_tree(tree);
}

START_TEST(moves)
{
	struct rbce_task task = {.pid = 10, .start = 5, .container = (char *)"old"};
	const struct record *record;

	begin();
	ck_assert_ptr_null(records_find(records, 10, 5));
	for (int i = 0; i < RECORD_MOVES + 3; i++) {
		char to[16];

		snprintf(to, sizeof(to), "c%d", i);
		records_add_move(records, &task, CAUSE_EXEC, "rule", to);
	}
	record = records_find(records, 10, 5);
	ck_assert_uint_eq(record->n_moves, RECORD_MOVES + 3);
	ck_assert_str_eq(record->moves[(record->n_moves - 1) % RECORD_MOVES].to, "c10");
	ck_assert_str_eq(record->moves[record->n_moves % RECORD_MOVES].to, "c3");
	/* Another process that got the pid. */
	ck_assert_ptr_null(records_find(records, 10, 6));
	task.start = 6;
	records_add_move(records, &task, CAUSE_EXEC, "rule", "x");
	ck_assert_ptr_null(records_find(records, 10, 5));
	ck_assert_uint_eq(records_find(records, 10, 6)->n_moves, 1);
	records_drop(records, 10);
	ck_assert_uint_eq(records_count(records), 0);
	end();
}
END_TEST

START_TEST(observed_once)
{
	struct rbce_task task = {.pid = 10, .start = 5};

	begin();
	ck_assert(records_observe(records, &task, 1));
	ck_assert(!records_observe(records, &task, 1));
	ck_assert(records_observe(records, &task, 2));
	end();
}
END_TEST

START_TEST(prune)
{
	static const pid_t alive[] = {2, 4, 8};

	begin();
	for (pid_t pid = 1; pid < 10; pid++) {
		struct rbce_task task = {.pid = pid, .start = 1};
		records_add_move(records, &task, CAUSE_SCAN, "rule", "x");
	}
	records_prune(records, alive, 3);
	ck_assert_uint_eq(records_count(records), 3);
	ck_assert_ptr_nonnull(records_find(records, 4, 1));
	records_prune(records, NULL, 0);
	ck_assert_uint_eq(records_count(records), 0);
	end();
}
END_TEST

static pid_t start_child(uint64_t *ret_start)
{
	struct rbce_task task;
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	ck_assert_int_eq(rbce_task_read(root, pid, RBCE_FACT_STAT, &task, NULL), 0);
	*ret_start = task.start;
	rbce_task_done(&task);
	return pid;
}

/* Over a restart: who is held, why, and who has been given back. */
START_TEST(holds)
{
	enum { ALONE, TREE, CHILD, FOREIGN, FOREIGN_CHILD, BACK, BACK_CHILD, N };
	uint64_t start[N];
	pid_t pid[N];

	begin();
	for (int i = 0; i < N; i++)
		pid[i] = start_child(&start[i]);
	records_hold(records, pid[ALONE], start[ALONE], HOLD_MANUAL, "a place", NULL);
	records_hold(records, pid[TREE], start[TREE], HOLD_STICKY, "job", NULL);
	records_hold(records, pid[FOREIGN], start[FOREIGN], HOLD_FOREIGN, "users/x", "cpu:/y z");
	records_hold(records, pid[BACK], start[BACK], HOLD_STICKY, "job", NULL);
	records_hold(records, pid[BACK], start[BACK], HOLD_NONE, NULL, NULL);
	records_hold(records, 1, 999999999, HOLD_MANUAL, "gone", NULL);
	ck_assert(!records_inherit(records, root, pid[ALONE], pid[BACK_CHILD]));
	ck_assert(records_inherit(records, root, pid[TREE], pid[CHILD]));
	ck_assert(records_inherit(records, root, pid[FOREIGN], pid[FOREIGN_CHILD]));
	ck_assert(!records_inherit(records, root, pid[BACK], pid[BACK_CHILD]));
	/* The daemon is killed here, and again: only the file is left. */
	reopen();
	reopen();
	ck_assert_int_eq(records_find(records, pid[ALONE], start[ALONE])->hold, HOLD_MANUAL);
	ck_assert_str_eq(records_find(records, pid[ALONE], start[ALONE])->place, "a place");
	ck_assert_int_eq(records_find(records, pid[TREE], start[TREE])->hold, HOLD_STICKY);
	ck_assert_int_eq(records_find(records, pid[CHILD], start[CHILD])->hold, HOLD_STICKY);
	ck_assert_str_eq(records_find(records, pid[CHILD], start[CHILD])->place, "job");
	for (int i = FOREIGN; i <= FOREIGN_CHILD; i++) {
		ck_assert_int_eq(records_find(records, pid[i], start[i])->hold, HOLD_FOREIGN);
		ck_assert_str_eq(records_find(records, pid[i], start[i])->place, "users/x");
		ck_assert_str_eq(records_find(records, pid[i], start[i])->found, "cpu:/y z");
	}
	ck_assert_int_eq(records_find(records, pid[BACK], start[BACK])->hold, HOLD_NONE);
	ck_assert(records_find(records, pid[BACK], start[BACK])->released);
	ck_assert_ptr_null(records_find(records, pid[BACK_CHILD], start[BACK_CHILD]));
	ck_assert_ptr_null(records_find(records, 1, 999999999));
	for (int i = 0; i < N; i++) {
		kill(pid[i], SIGKILL);
		waitpid(pid[i], NULL, 0);
	}
	reopen();
	ck_assert_uint_eq(records_count(records), 0);
	end();
}
END_TEST

/* Where it was put is known after a move, and for one that stood right; a hold does not lose it. */
START_TEST(places)
{
	struct rbce_task task = {.pid = 50, .start = 1};
	const struct record *record;

	begin();
	records_set_place(records, 50, 1, "a");
	record = records_find(records, 50, 1);
	ck_assert_str_eq(record->place, "a");
	records_add_move(records, &task, CAUSE_EXEC, "rule", "b");
	ck_assert_str_eq(record->place, "b");
	records_hold(records, 50, 1, HOLD_FOREIGN, record->place, "/c");
	ck_assert_str_eq(record->place, "b");
	records_set_mover(records, 50, 1, 7, "a name that is far too long");
	ck_assert_int_eq(record->mover, 7);
	ck_assert_uint_eq(strlen(record->mover_comm), 15);
	records_hold(records, 50, 1, HOLD_NONE, NULL, NULL);
	ck_assert_ptr_null(record->place);
	ck_assert_ptr_null(record->found);
	ck_assert_int_eq(record->mover, 0);
	records_set_place(records, 50, 1, "a");
	records_set_place(records, 50, 1, NULL);
	ck_assert_ptr_null(record->place);
	end();
}
END_TEST

/* Told once, until it is no longer so. */
START_TEST(refused)
{
	struct rbce_task task = {.pid = 50, .start = 1};

	begin();
	ck_assert(records_refuse(records, &task, true));
	ck_assert(!records_refuse(records, &task, true));
	ck_assert(records_refuse(records, &task, false));
	ck_assert(records_refuse(records, &task, true));
	end();
}
END_TEST

/* A tag goes to the children, and with them over a restart; where it is taken off, it is gone. */
START_TEST(tags)
{
	uint64_t parent, child;
	pid_t a, b;

	begin();
	a = start_child(&parent);
	b = start_child(&child);
	ck_assert_int_eq(records_set_tag(records, a, parent, "two words"), 0);
	ck_assert_int_eq(records_set_tag(records, 1, 999999999, "of a process that is gone"), 0);
	records_inherit(records, root, a, b);
	ck_assert_str_eq(records_find(records, b, child)->tag, "two words");
	ck_assert_int_eq(records_find(records, b, child)->hold, HOLD_NONE);
	reopen();
	ck_assert_str_eq(records_find(records, a, parent)->tag, "two words");
	ck_assert_str_eq(records_find(records, b, child)->tag, "two words");
	ck_assert_ptr_null(records_find(records, 1, 999999999));
	ck_assert_int_eq(records_set_tag(records, a, parent, "other"), 0);
	ck_assert_int_eq(records_set_tag(records, b, child, NULL), 0);
	reopen();
	ck_assert_str_eq(records_find(records, a, parent)->tag, "other");
	ck_assert(!records_find(records, b, child) || !records_find(records, b, child)->tag);
	kill(a, SIGKILL);
	kill(b, SIGKILL);
	waitpid(a, NULL, 0);
	waitpid(b, NULL, 0);
	end();
}
END_TEST

/* Once for a task, and not again for a child that has inherited what was done. */
START_TEST(actions)
{
	struct rbce_task parent = {.pid = 60, .start = 1}, child = {.pid = 0};
	pid_t pid;

	begin();
	ck_assert(records_act(records, &parent, 7));
	ck_assert(!records_act(records, &parent, 7));
	ck_assert(records_act(records, &parent, 8));
	pid = start_child(&child.start);
	child.pid = pid;
	records_inherit(records, root, 60, pid);
	ck_assert(!records_act(records, &child, 8));
	ck_assert(records_act(records, &child, 7));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	end();
}
END_TEST

/* What a fork tells, before anything was read: its start shows whether it is that process. */
START_TEST(forked)
{
	struct timespec boot;
	uint64_t now, start;

	begin();
	clock_gettime(CLOCK_BOOTTIME, &boot);
	start = (uint64_t)boot.tv_sec * (uint64_t)sysconf(_SC_CLK_TCK) +
		(uint64_t)boot.tv_nsec / (1000000000 / (uint64_t)sysconf(_SC_CLK_TCK));
	now = monotonic_usec();
	records_expect_in(records, 10, now, "place");
	ck_assert(records_find_pid(records, 10)->unread);
	ck_assert_ptr_null(records_find(records, 10, start - 100));
	ck_assert_ptr_null(records_find(records, 10, start + 100));
	ck_assert_ptr_nonnull(records_find(records, 10, start));
	ck_assert(!records_find_pid(records, 10)->unread);
	ck_assert_str_eq(records_find(records, 10, start)->place, "place");
	/* One that is known better stays. */
	records_expect_in(records, 10, now, "other");
	ck_assert_str_eq(records_find(records, 10, start)->place, "place");
	/* Another one of that pid. */
	records_expect_in(records, 11, now, "place");
	records_set_place(records, 11, start - 100, "there");
	ck_assert_str_eq(records_find(records, 11, start - 100)->place, "there");
	end();
}
END_TEST

/* A new process ends the record of the one before, but not its own. */
START_TEST(begun)
{
	const struct rbce_task task = {.pid = 10, .start = 5};
	uint64_t before, after;

	begin();
	before = monotonic_usec();
	usleep(2);
	records_observe(records, &task, 1);
	usleep(2);
	after = monotonic_usec();
	records_begin(records, root, 10, before);
	ck_assert_ptr_nonnull(records_find(records, 10, 5));
	records_begin(records, root, 10, after);
	ck_assert_ptr_null(records_find(records, 10, 5));
	/* Those that ended without a word do not pile up. */
	for (pid_t pid = 1 << 23; pid < (1 << 23) + 5000; pid++) {
		records_begin(records, root, pid, monotonic_usec());
		records_expect_in(records, pid, monotonic_usec(), "place");
	}
	ck_assert_uint_le(records_count(records), 1100);
	end();
}
END_TEST

static enum record_interest interests[64];
static unsigned told;

static void on_interest(void *data, pid_t pid, enum record_interest interest)
{
	ck_assert_ptr_eq(data, interests);
	interests[pid] = interest;
	told++;
}

/* A watcher hears of what there is, of what comes and goes, and of nothing twice. */
START_TEST(watching)
{
	struct rbce_task a = {.pid = 60, .start = 1}, b = {.pid = 61, .start = 1};

	begin();
	records_add_move(records, &a, CAUSE_EXEC, "rule", "x");
	records_watch(records, on_interest, interests);
	ck_assert_int_eq(interests[60], RECORD_END);
	records_add_move(records, &a, CAUSE_EXEC, "rule", "y");
	ck_assert_uint_eq(told, 1);
	records_hold(records, 61, 1, HOLD_STICKY, NULL, NULL);
	ck_assert_int_eq(interests[61], RECORD_CLOSELY);
	records_hold(records, 61, 1, HOLD_NONE, NULL, NULL);
	ck_assert_int_eq(interests[61], RECORD_END);
	records_set_tag(records, 60, 1, "tag");
	ck_assert_int_eq(interests[60], RECORD_CLOSELY);
	records_set_tag(records, 60, 1, NULL);
	ck_assert_int_eq(interests[60], RECORD_END);
	records_act(records, &b, 7);
	ck_assert_int_eq(interests[61], RECORD_CLOSELY);
	records_drop(records, 61);
	ck_assert_int_eq(interests[61], RECORD_NONE);
	/* Another process that got the pid. */
	a.start = 2;
	records_set_tag(records, 60, 1, "tag");
	records_add_move(records, &a, CAUSE_EXEC, "rule", "x");
	ck_assert_int_eq(interests[60], RECORD_END);
	records_watch(records, NULL, NULL);
	ck_assert_int_eq(interests[60], RECORD_NONE);
	told = 0;
	records_drop(records, 60);
	ck_assert_uint_eq(told, 0);
	end();
}
END_TEST

START_TEST(garbage_in_the_file)
{
	begin();
	harness_write_text(tree, "root.manual",
			   "x\n-\n- -\n1\n99999999999999 1\n\n-5 5\n!7\n=9 9\n+ 1 1 x\t\ty\n");
	reopen();
	ck_assert_uint_eq(records_count(records), 0);
	end();
}
END_TEST

int main(void)
{
	return harness_run("record",
			   (const TTest *const[]){moves, observed_once, prune, holds, places,
						  refused, tags, actions, forked, watching, begun,
						  garbage_in_the_file, NULL});
}
