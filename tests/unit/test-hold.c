// SPDX-License-Identifier: GPL-2.0-or-later
/* rbced/hold.c: moves by others, as a source tells of them that sees each; on real processes. */
#include <errno.h>
#include <fcntl.h>
#include <rbced/engine.h>
#include <rbced/hold.h>
#include <rbced/place.h>
#include <signal.h>
#include <sys/wait.h>

#include "live.h"

static char tree[PATH_MAX];
static struct engine engine;
static struct rule_counters rule_counters[2];

/* A process that the rule matches, by its process group. */
static pid_t start_child(void)
{
	static pid_t group;
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	ck_assert_int_eq(setpgid(pid, group), 0);
	if (!group)
		group = pid;
	return pid;
}

/* The engine without sources and sockets, under the rule that the children belong into "place". */
static void begin(pid_t group)
{
	char text[128], state[PATH_MAX + 16];
	struct rules_errors errors = {0};
	struct rbce_error err = {0};

	if (!open_live())
		harness_skip("it needs root and cgroups");
	harness_directory(tree);
	snprintf(state, sizeof(state), "%s/x.manual", tree);
	snprintf(text, sizeof(text), "[rule r]\npgrp = %d\nfrom-systemd = yes\ncontainer = place\n",
		 group);
	engine = (struct engine){.root = root, .h = h, .rule_counters = rule_counters};
	ck_assert_int_eq(ruleset_parse("t", text, strlen(text), NULL, &engine.rules, &errors), 0);
	engine.cache = rules_cache_new(engine.rules, 64);
	engine.facts = ruleset_facts(engine.rules) | RBCE_FACT_STAT | RBCE_FACT_IDS |
		       RBCE_FACT_EXE | RBCE_FACT_CGROUP;
	ck_assert_int_eq(records_open(state, root, &engine.records, &err), 0);
	ck_assert_msg(place_open(&engine, &err) == 0, "%s", err.message);
	ck_assert_int_eq(engine_lock_open(&engine), 0);
	engine_lock(&engine);
}

static void end(void)
{
	engine_unlock(&engine);
	place_close(&engine);
	engine.records = records_free(engine.records);
	engine.cache = rules_cache_free(engine.cache);
	engine.rules = ruleset_free(engine.rules);
	harness_remove_tree(tree);
	close_live();
}

static void stop_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* As others do: into the top group of one hierarchy. */
static void move_out(pid_t pid)
{
	const struct rbce_mount *mount = rbce_hierarchy_find(h, RBCE_PIDS);
	int fd = openat(mount->fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_gt(dprintf(fd, "%d", pid), 0);
	close(fd);
}

static const struct record *record_of(pid_t pid)
{
	return records_find_pid(engine.records, pid);
}

/* One that was put there, and one that stood there by itself, of which nothing was known. */
START_TEST(told_of_moves)
{
	pid_t put = start_child(), unknown = start_child();
	const struct record *record;
	struct rbce_error err;

	begin(put);
	ck_assert_int_eq(engine_classify(&engine, put, CAUSE_SCAN), OUTCOME_MOVED);
	ck_assert_int_eq(place_task(&engine, "place", unknown, &err), 0);
	ck_assert_ptr_null(record_of(unknown));
	move_out(put);
	move_out(unknown);
	engine_moved_by_other(&engine, put, 4711, "bash");
	engine_moved_by_other(&engine, unknown, 4712, "cgexec");
	record = record_of(put);
	ck_assert_int_eq(record->hold, HOLD_FOREIGN);
	ck_assert_str_eq(record->place, "place");
	ck_assert_ptr_nonnull(strchr(record->found, '/'));
	ck_assert_int_eq(record->mover, 4711);
	ck_assert_str_eq(record->mover_comm, "bash");
	ck_assert_int_eq(record_of(unknown)->hold, HOLD_FOREIGN);
	ck_assert_int_eq(record_of(unknown)->mover, 4712);
	ck_assert_int_eq(engine_classify(&engine, put, CAUSE_EXEC), OUTCOME_FOREIGN);
	/* The next one who moves it is not the one to blame. */
	engine_moved_by_other(&engine, put, 4713, "other");
	ck_assert_int_eq(record_of(put)->mover, 4711);
	ck_assert_uint_eq(engine.counters.events[CAUSE_MOVED], 3);
	stop_child(put);
	stop_child(unknown);
	end();
}
END_TEST

/* What ends well is no matter: our own moves, and one to where the task belongs. */
START_TEST(told_of_nothing)
{
	pid_t pid = start_child();

	begin(getpgid(pid));
	engine_moved_by_other(&engine, pid, getpid(), "rbced");
	ck_assert_ptr_null(record_of(pid));
	ck_assert_int_eq(engine_classify(&engine, pid, CAUSE_SCAN), OUTCOME_MOVED);
	engine_moved_by_other(&engine, pid, 4711, "bash");
	ck_assert_int_eq(record_of(pid)->hold, HOLD_NONE);
	ck_assert_int_eq(record_of(pid)->mover, 0);
	stop_child(pid);
	end();
}
END_TEST

/* A word that comes late: the task was looked at in between, and is known to have been moved. */
START_TEST(told_late)
{
	pid_t pid = start_child();

	begin(getpgid(pid));
	ck_assert_int_eq(engine_classify(&engine, pid, CAUSE_SCAN), OUTCOME_MOVED);
	move_out(pid);
	ck_assert_int_eq(engine_classify(&engine, pid, CAUSE_EXEC), OUTCOME_FOREIGN);
	ck_assert_int_eq(record_of(pid)->mover, 0);
	engine_moved_by_other(&engine, pid, 4711, "bash");
	ck_assert_int_eq(record_of(pid)->mover, 4711);
	stop_child(pid);
	end();
}
END_TEST

/* One that ends is told to stand in the top group of v1: nobody has moved it there. */
START_TEST(ending)
{
	pid_t pid = start_child();

	begin(getpgid(pid));
	ck_assert_int_eq(engine_classify(&engine, pid, CAUSE_SCAN), OUTCOME_MOVED);
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED | WNOWAIT), 0);
	engine_classify(&engine, pid, CAUSE_SCAN);
	ck_assert_int_eq(record_of(pid)->hold, HOLD_NONE);
	waitpid(pid, NULL, 0);
	end();
}
END_TEST

int main(void)
{
	return harness_run("hold", (const TTest *const[]){told_of_moves, told_of_nothing, told_late,
							  ending, NULL});
}
