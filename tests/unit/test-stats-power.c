// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stats/store: the power fails at any moment. SQLite's calls that reach a disk are taken here: what
 * was synced of a file is kept beside it, and a cut leaves that and, of what was written since,
 * whatever sectors chance has it.
 */
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "stats-store.h"
#include "stats/store/schema.h"

enum { TICKS = 12, CONTAINERS = 40, SECTOR = 512, CUTS = 60 };

#define START INT64_C(1800000000000)

static const char *const files[] = {"db", "db-wal"};

/* Of the process that loses its power, and seen from outside. */
static struct machine {
	long calls; /* that reached the disk */
	long cut;   /* with this one it goes out; 0: never */
	int stored; /* ticks that were said to be stored */
} * machine;
static bool powered; /* this is that process */

static void reach_disk(void)
{
	if (powered && ++machine->calls == machine->cut)
		raise(SIGKILL);
}

static size_t read_all(const char *name, char **ret)
{
	char full[2 * PATH_MAX];
	struct stat st;
	int fd;

	snprintf(full, sizeof(full), "%s/%s", tree, name);
	fd = open(full, O_RDONLY | O_CLOEXEC);
	*ret = NULL;
	if (fd < 0)
		return 0;
	ck_assert_int_eq(fstat(fd, &st), 0);
	*ret = malloc((size_t)st.st_size + 1);
	ck_assert_int_eq(read(fd, *ret, (size_t)st.st_size), st.st_size);
	close(fd);
	return (size_t)st.st_size;
}

static void write_all(const char *name, const char *data, size_t size)
{
	char full[2 * PATH_MAX];
	int fd;

	snprintf(full, sizeof(full), "%s/%s", tree, name);
	fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(syscall(SYS_write, fd, data, size), size);
	close(fd);
}

/* What is written, as SQLite's library finds it. */
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at);
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
	reach_disk();
	return syscall(SYS_pwrite64, fd, data, size, at);
}

int fdatasync(int fd)
{
	char link[64], name[PATH_MAX], kept[64], *data;
	size_t size;
	ssize_t n;

	if (!powered)
		return 0;
	reach_disk();
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, name, sizeof(name) - 1);
	if (n < 0)
		return -1;
	name[n] = '\0';
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (strcmp(strrchr(name, '/') + 1, files[i]) == 0) {
			size = read_all(files[i], &data);
			snprintf(kept, sizeof(kept), "%s.synced", files[i]);
			write_all(kept, data, size);
			free(data);
		}
	return 0;
}

int fsync(int fd)
{
	return fdatasync(fd);
}

/* A tick of as many containers, all of which do something. */
static int tick(int64_t number)
{
	char name[32];

	store_begin(store, START + number * 1000);
	for (unsigned i = 0; i < CONTAINERS; i++) {
		struct sample sample = {.name = name, .inode = i + 1, .fresh = true};

		snprintf(name, sizeof(name), "c%u", i);
		metric_set(&sample.values, METRIC_CPU, (uint64_t)number * 1000);
		if (store_put(store, &sample) < 0)
			return -1;
	}
	return store_commit(store, 0, false, NULL);
}

/* In a process of its own, until it is done or its power fails at CUT. */
static void record(long cut)
{
	pid_t pid;

	*machine = (struct machine){.cut = cut};
	pid = fork();
	if (pid == 0) {
		powered = true;
		for (int i = 1; i <= TICKS; i++) {
			if (tick(i) < 0)
				_exit(1);
			machine->stored = i;
			/* What was logged goes into the database, as it does now and then. */
			if (i % 5 == 0 && store_checkpoint(store, NULL) < 0)
				_exit(1);
		}
		raise(SIGKILL);
	}
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(waitpid(pid, &(int){0}, 0), pid);
}

/* Of what was not synced, each sector is there or not. */
static void lose(const char *name)
{
	char kept[64], *now, *synced;
	size_t size = read_all(name, &now), n;

	snprintf(kept, sizeof(kept), "%s.synced", name);
	n = read_all(kept, &synced);
	for (size_t at = 0; at < size; at += SECTOR) {
		size_t length = size - at < SECTOR ? size - at : SECTOR;

		if (rand() % 2)
			continue;
		memset(now + at, 0, length);
		if (at < n)
			memcpy(now + at, synced + at, n - at < length ? n - at : length);
	}
	/* Nor need the file have grown. */
	write_all(name, now, size > n && rand() % 2 ? n : size);
	free(synced);
	free(now);
}

static void remove_file(const char *name)
{
	char full[2 * PATH_MAX];

	snprintf(full, sizeof(full), "%s/%s", tree, name);
	unlink(full);
}

static int64_t number(const char *sql)
{
	sqlite3 *db;
	int64_t value = -1;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(schema_integer(db, sql, &value), SQLITE_OK);
	sqlite3_close(db);
	return value;
}

/* All ticks that were stored are there, whole, and the next recorder goes on. */
static void check_after(long cut)
{
	int stored = machine->stored;
	int64_t ticks, rows;

	ck_assert_msg(tick(TICKS + 1) == 0, "after a cut at %ld nothing can be stored", cut);
	store = store_close(store);
	ck_assert_int_eq(number("SELECT count(*) FROM pragma_integrity_check"
				" WHERE integrity_check = 'ok'"),
			 1);
	ticks = number("SELECT count(*) FROM ticks") - 1;
	ck_assert_msg(ticks >= stored && ticks <= stored + 1,
		      "after a cut at %ld there are %lld ticks of %d", cut, (long long)ticks,
		      stored);
	rows = number("SELECT count(*) FROM samples");
	ck_assert_int_eq(rows, (ticks + 1) * CONTAINERS);
	ck_assert_int_eq(number("SELECT sum(cpu_usec) FROM samples"),
			 (int64_t)(TICKS + 1) * 1000 * CONTAINERS);
}

START_TEST(cut)
{
	long calls;

	machine = mmap(NULL, sizeof(*machine), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	ck_assert_ptr_ne(machine, MAP_FAILED);
	set_up();
	record(0);
	calls = machine->calls;
	ck_assert_int_eq(machine->stored, TICKS);
	tear_down();
	srand(7);
	for (int i = 0; i < CUTS; i++) {
		long at = 1 + calls * i / CUTS;

		set_up();
		record(at);
		for (size_t f = 0; f < sizeof(files) / sizeof(files[0]); f++)
			lose(files[f]);
		remove_file("db-shm");
		check_after(at);
		tear_down();
	}
	munmap(machine, sizeof(*machine));
}
END_TEST

int main(void)
{
	return harness_run("stats-power", (const TTest *const[]){cut, NULL});
}
