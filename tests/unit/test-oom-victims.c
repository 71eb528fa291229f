// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rbced/oom/: what memory.events says, where the guard lies, who is chosen - over fixture trees,
 * and without an allocation.
 */
#include <rbced/lines.h>
#include <rbced/oom/internal.h>

#include "harness.h"

/* ---- no allocation ---- */

#ifndef __SANITIZE_ADDRESS__
/* These take the place of libc's in this program; those that it has besides are not called here. */
static _Thread_local bool forbidden;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *memory, size_t size);

static void allowed(void)
{
	static const char text[] = "memory was allocated\n";

	if (!forbidden)
		return;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) > 0)
		_exit(99);
	_exit(98);
}

void *malloc(size_t size)
{
	allowed();
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	allowed();
	return __libc_calloc(n, size);
}

void *realloc(void *memory, size_t size)
{
	allowed();
	return __libc_realloc(memory, size);
}
#define FORBID(value) (forbidden = (value))
#else
#define FORBID(value) ((void)(value))
#endif

/* ---- a tree ---- */

static char tree[PATH_MAX];
static int proc, group;

struct fake {
	int pid;
	const char *comm, *exe;
	unsigned anon, shmem, file, swap; /* KiB; ANON 0: no memory any more */
	int adj;
	unsigned start;
	const char *pending; /* NULL: nothing */
};

static void add_process(const struct fake *f, const char *dir)
{
	char name[64], text[1024], path[PATH_MAX + 64];

	snprintf(name, sizeof(name), "%s/stat", dir);
	snprintf(text, sizeof(text), "%d (%s) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 %u 0 0\n",
		 f->pid, f->comm, f->start);
	harness_write_text(tree, name, text);
	snprintf(name, sizeof(name), "%s/oom_score_adj", dir);
	snprintf(text, sizeof(text), "%d\n", f->adj);
	harness_write_text(tree, name, text);
	snprintf(name, sizeof(name), "%s/status", dir);
	snprintf(text, sizeof(text),
		 "Name:\t%s\nThreads:\t2\nSigPnd:\t0000000000000000\n"
		 "ShdPnd:\t0000000000000000\n",
		 f->comm);
	if (f->anon)
		snprintf(text, sizeof(text),
			 "Name:\t%s\nVmRSS:\t%8u kB\nRssAnon:\t%8u kB\nRssFile:\t%8u kB\n"
			 "RssShmem:\t%8u kB\nVmPTE:\t%8u kB\nVmSwap:\t%8u kB\nThreads:\t1\n"
			 "SigPnd:\t0000000000000000\nShdPnd:\t%s\n",
			 f->comm, f->anon + f->shmem + f->file, f->anon, f->file, f->shmem, 0u,
			 f->swap, f->pending ?: "0000000000000000");
	harness_write_text(tree, name, text);
	snprintf(path, sizeof(path), "%s/%s/exe", tree, dir);
	if (f->exe)
		ck_assert_int_eq(symlink(f->exe, path), 0);
}

static void add(const struct fake *f)
{
	char dir[32];

	snprintf(dir, sizeof(dir), "proc/%d", f->pid);
	add_process(f, dir);
}

static void begin(const char *pids, const char *below)
{
	char path[PATH_MAX + 16];

	harness_directory(tree);
	harness_write_text(tree, "proc/version", "");
	harness_write_text(tree, "group/cgroup.procs", pids);
	harness_write_text(tree, "group/leaf/deep/cgroup.procs", below);
	harness_write_text(tree, "group/leaf/cgroup.procs", "");
	snprintf(path, sizeof(path), "%s/proc", tree);
	proc = open(path, O_PATH | O_DIRECTORY);
	snprintf(path, sizeof(path), "%s/group", tree);
	group = open(path, O_RDONLY | O_DIRECTORY);
	ck_assert(proc >= 0 && group >= 0);
}

static void end(void)
{
	close(proc);
	close(group);
	harness_remove_tree(tree);
}

static pid_t chosen(bool newest, const char *prefer, const char *avoid)
{
	static const pid_t spared[] = {1, 2};
	const struct oom_choice choice = {
		.proc = proc,
		.newest = newest,
		.prefer = prefer,
		.avoid = avoid,
		.limit = 100 << 20,
		.spared = spared,
		.n_spared = 2,
	};
	struct oom_victim victim = {0};
	int r;

	FORBID(true);
	r = victims_choose(&choice, group, &victim);
	FORBID(false);
	ck_assert(r == 0 || r == -ESRCH);
	return r == 0 ? victim.pid : r;
}

/* ---- who it is ---- */

START_TEST(the_largest)
{
	begin("10\n11\n", "12\n13\n");
	add(&(struct fake){.pid = 10, .comm = "small", .anon = 1000, .start = 5});
	/* Files of its that are mapped go without it, too. */
	add(&(struct fake){.pid = 11, .comm = "mapper", .anon = 500, .file = 90000, .start = 9});
	add(&(struct fake){.pid = 12, .comm = "swapped", .anon = 100, .swap = 3000, .start = 3});
	add(&(struct fake){.pid = 13, .comm = "shared", .anon = 600, .shmem = 1800, .start = 4});
	ck_assert_int_eq(chosen(false, "", ""), 12);
	ck_assert_int_eq(chosen(true, "", ""), 11);
	end();
}
END_TEST

START_TEST(patterns_come_first)
{
	begin("10\n11\n", "12\n");
	add(&(struct fake){.pid = 10, .comm = "sshd", .exe = "/usr/sbin/sshd", .anon = 9000});
	add(&(struct fake){.pid = 11, .comm = "job", .exe = "/opt/batch/job", .anon = 100});
	add(&(struct fake){.pid = 12, .comm = "editor", .exe = "/usr/bin/vi", .anon = 200});
	ck_assert_int_eq(chosen(false, "", ""), 10);
	ck_assert_int_eq(chosen(false, "", "sshd"), 12);
	ck_assert_int_eq(chosen(false, "/opt/batch/*", "sshd"), 11);
	/* Whoever is to be avoided is, though preferred; and killed when there is no other. */
	ck_assert_int_eq(chosen(false, "sshd", "ssh*"), 12);
	ck_assert_int_eq(chosen(false, "", "*"), 10);
	end();
}
END_TEST

START_TEST(never_these)
{
	begin("0\n1\n2\n10\n11\n12\n13\n14\n", "");
	add(&(struct fake){.pid = 1, .comm = "init", .anon = 90000});
	add(&(struct fake){.pid = 2, .comm = "rbced", .anon = 90000});
	add(&(struct fake){.pid = 10, .comm = "guarded", .anon = 90000, .adj = -1000});
	/* It was sent SIGKILL already. */
	add(&(struct fake){
		.pid = 11, .comm = "dying", .anon = 90000, .pending = "0000000000000100"});
	/* Ended, but for its parent. */
	add(&(struct fake){.pid = 12, .comm = "zombie"});
	/* 13 has gone meanwhile. */
	add(&(struct fake){.pid = 14, .comm = "one", .anon = 1});
	ck_assert_int_eq(chosen(false, "", ""), 14);
	end();
	begin("10\n", "");
	add(&(struct fake){.pid = 10, .comm = "guarded", .anon = 90000, .adj = -1000});
	ck_assert_int_eq(chosen(false, "", ""), -ESRCH);
	end();
}
END_TEST

START_TEST(the_score_counts)
{
	begin("10\n11\n", "");
	add(&(struct fake){.pid = 10, .comm = "large", .anon = 40000});
	/* 500 of 1000 of the limit of 100 MiB more. */
	add(&(struct fake){.pid = 11, .comm = "expendable", .anon = 1000, .adj = 500});
	ck_assert_int_eq(chosen(false, "", ""), 11);
	end();
}
END_TEST

/* The main thread has ended, another one has the memory. */
START_TEST(ended_main_thread)
{
	const struct fake thread = {.pid = 21, .comm = "worker", .anon = 5000};

	begin("10\n20\n", "");
	add(&(struct fake){.pid = 10, .comm = "other", .anon = 4000});
	add(&(struct fake){.pid = 20, .comm = "a) S (b"});
	add_process(&(struct fake){.pid = 20, .comm = "gone"}, "proc/20/task/20");
	add_process(&thread, "proc/20/task/21");
	ck_assert_int_eq(chosen(false, "", ""), 20);
	end();
}
END_TEST

static int count(void *data, pid_t pid)
{
	*(uint64_t *)data += (uint64_t)pid;
	return 0;
}

/* Numbers lie across the parts in which the list is read. */
START_TEST(many)
{
	uint64_t sum = 0, expected = 0;
	char *text = NULL;
	size_t size;
	int r;
	FILE *file = open_memstream(&text, &size);

	for (uint64_t pid = 100; pid < 30000; pid += 7) {
		fprintf(file, "%ju\n", (uintmax_t)pid);
		expected += pid;
	}
	fclose(file);
	begin(text, "5\n");
	FORBID(true);
	r = victims_each(group, count, &sum);
	FORBID(false);
	ck_assert_int_eq(r, 0);
	ck_assert_uint_eq(sum, expected + 5);
	/* And again from the beginning. */
	ck_assert_int_eq(victims_each(group, count, &sum), 0);
	ck_assert_uint_eq(sum, 2 * (expected + 5));
	end();
	free(text);
}
END_TEST

/* ---- files ---- */

START_TEST(events)
{
	struct oom_events e;

	events_parse("low 0\nhigh 12\nmax 3\noom 2\noom_kill 1\noom_group_kill 7\n", &e);
	ck_assert_uint_eq(e.n[EVENT_HIGH], 12);
	ck_assert_uint_eq(e.n[EVENT_MAX], 3);
	ck_assert_uint_eq(e.n[EVENT_OOM], 2);
	ck_assert_uint_eq(e.n[EVENT_OOM_KILL], 1);
	ck_assert_uint_eq(e.n[EVENT_OOM_DELAYED], 0);
	events_parse("", &e);
	ck_assert_uint_eq(e.n[EVENT_HIGH], 0);
	/* v1's */
	events_parse("oom_kill_disable 1\nunder_oom 0\noom_kill 5\n", &e);
	ck_assert_uint_eq(e.n[EVENT_OOM_KILL], 5);
	ck_assert_uint_eq(e.n[EVENT_OOM], 0);
	ck_assert_uint_eq(line_number("under_oom 1", "under_oom"), 1);
}
END_TEST

START_TEST(guards)
{
	static const uint64_t limits[] = {1 << 20, 4 << 20, 32 << 20, UINT64_C(4) << 30,
					  UINT64_C(1) << 40};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		uint64_t band = guard_band(limits[i]), level = guard_level(limits[i]);

		ck_assert_uint_gt(band, 0);
		ck_assert_uint_lt(band, limits[i]);
		ck_assert_uint_gt(level, limits[i] - band);
		ck_assert_uint_lt(level, limits[i]);
		ck_assert_uint_eq(band % 4096, 0);
	}
	ck_assert_uint_eq(guard_band(32 << 20), 4 << 20);
	ck_assert_uint_eq(guard_band(UINT64_C(1) << 40), 128 << 20);
	ck_assert_uint_eq(guard_level(OOM_UNLIMITED), OOM_UNLIMITED);
}
END_TEST

START_TEST(a_journal)
{
	struct journal *journal;
	struct journal_entry *entry;
	char path[PATH_MAX + 16];

	harness_directory(tree);
	snprintf(path, sizeof(path), "%s/oom", tree);
	ck_assert_int_eq(journal_open(path, &journal), 0);
	entry = journal_obtain(journal, "users/with a space");
	entry->guard = 100;
	journal_write(journal, entry);
	entry->base = 5;
	entry->limit = 9;
	entry->frozen = true;
	FORBID(true);
	journal_write(journal, entry);
	FORBID(false);
	entry = journal_obtain(journal, "gone");
	entry->guard = 7;
	journal_write(journal, entry);
	journal_drop(journal, "gone");
	journal_close(journal);
	ck_assert_int_eq(journal_open(path, &journal), 0);
	ck_assert_ptr_null(journal_find(journal, "nobody"));
	entry = journal_find(journal, "users/with a space");
	ck_assert_ptr_nonnull(entry);
	ck_assert_uint_eq(entry->guard, 100);
	ck_assert_uint_eq(entry->base, 5);
	ck_assert_uint_eq(entry->limit, 9);
	ck_assert(entry->frozen);
	entry = journal_find(journal, "gone");
	ck_assert(!entry || !entry->guard);
	journal_close(journal);
	harness_remove_tree(tree);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_largest,
		patterns_come_first,
		never_these,
		the_score_counts,
		ended_main_thread,
		many,
		events,
		guards,
		a_journal,
		NULL,
	};

	return harness_run("oom-victims", tests);
}
