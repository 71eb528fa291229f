// SPDX-License-Identifier: GPL-2.0-or-later
/* How many tasks of each container are in which state; see states.h. */
#include "states.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <uthash.h>

#include "asking.h"
#include "file.h"
#include "stats/sample/sampler.h"
#include "stats/store/schema.h"
#include "util.h"

enum { UNKNOWN = UINT32_MAX };

struct entry {
	char *name;
	uint64_t round;
	int64_t stored; /* when its last row was written, ms; 0: never */
	uint64_t now[TASK_STATES], before[TASK_STATES];
	bool pending;
	UT_hash_handle hh;
};

struct states {
	const struct rbce_hierarchy *hierarchy;
	const struct rbce_mount *mount;
	struct asking *asking;
	bool one_by_one; /* the kernel does not tell it of this hierarchy */
	uint64_t round;
	int64_t written;
	struct entry *entries;
};

static const char *const columns[TASK_STATES] = {
	[TASK_SLEEPING] = "sleeping", [TASK_RUNNING] = "running",
	[TASK_STOPPED] = "stopped",   [TASK_UNINTERRUPTIBLE] = "uninterruptible",
	[TASK_IO_WAIT] = "io_wait",
};

/* ---- tables ---- */

int state_tables_create(sqlite3 *db)
{
	sqlite3_str *sql = sqlite3_str_new(db);

	sqlite3_str_appendall(sql, "CREATE TABLE IF NOT EXISTS task_states(time REAL NOT NULL,"
				   " container TEXT NOT NULL");
	for (size_t i = 0; i < TASK_STATES; i++)
		sqlite3_str_appendf(sql, ", %s INTEGER", columns[i]);
	sqlite3_str_appendall(sql, ", PRIMARY KEY(time, container)) WITHOUT ROWID;");
	return schema_run_built(db, sql);
}

void state_tables_append_views(sqlite3_str *sql)
{
	sqlite3_str_appendall(sql, "DROP VIEW IF EXISTS v_task_states; CREATE VIEW v_task_states AS"
				   " SELECT container, time");
	for (size_t i = 0; i < TASK_STATES; i++)
		sqlite3_str_appendf(sql, ", %s", columns[i]);
	sqlite3_str_appendall(sql, " FROM task_states;");
}

int state_tables_age(sqlite3 *db, int64_t old)
{
	sqlite3_str *sql = sqlite3_str_new(db);

	sqlite3_str_appendf(sql, "DELETE FROM task_states WHERE time <= %lld / 1000.0", old);
	return schema_run_built(db, sql);
}

/* ---- looking ---- */

/* The letter behind the name, which may have any character in it. */
int states_parse(const char *stat)
{
	const char *state = strrchr(stat, ')');

	if (!state || state[1] != ' ')
		return -1;
	switch (state[2]) {
	case 'R':
		return TASK_RUNNING;
	case 'S':
		return TASK_SLEEPING;
	case 'T':
	case 't':
		return TASK_STOPPED;
	case 'D':
		return TASK_UNINTERRUPTIBLE;
	default: /* ended, or about to */
		return -1;
	}
}

static void count_task(struct states *s, int pid, uint64_t counts[TASK_STATES])
{
	char path[64], text[1024];
	int state = -1;

	snprintf(path, sizeof(path), "proc/%d/stat", pid);
	if (file_read_at(rbce_root_fd(rbce_hierarchy_root(s->hierarchy)), path, text,
			 sizeof(text)) > 0)
		state = states_parse(text);
	if (state >= 0)
		counts[state]++;
}

static int count_procs(struct states *s, int directory, uint64_t counts[TASK_STATES])
{
	cleanup_close int fd = openat(directory, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	cleanup_file FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	int pid;

	if (!file)
		return -errno;
	(void)TAKE_FD(fd);
	while (fscanf(file, "%d", &pid) == 1)
		count_task(s, pid, counts);
	counts[TASK_IO_WAIT] = UNKNOWN;
	return 0;
}

/*
 * Since Linux 6.1 most that sleep have a mark beside their state, that they may be frozen so, and
 * the kernel's count, which compares the whole, leaves them out: they are the rest of all tasks
 * there are.
 */
static void complete_sleeping(const struct states *s, int directory, uint64_t counts[TASK_STATES])
{
	const char *name = s->mount->version == 2 ? "cgroup.threads" : "tasks";
	cleanup_free char *text = NULL;
	uint64_t tasks = 0, others = 0;

	if (file_read_all_at(directory, name, &text) < 0)
		return;
	for (const char *p = text; (p = strchr(p, '\n')); p++)
		tasks++;
	for (size_t i = 0; i < TASK_STATES; i++)
		others += i == TASK_SLEEPING ? 0 : counts[i];
	if (tasks > others + counts[TASK_SLEEPING])
		counts[TASK_SLEEPING] = tasks - others;
}

/* Adds the tasks of the group at PATH; -ENOENT when there is none. */
static int count_group(struct states *s, const char *path, uint64_t counts[TASK_STATES])
{
	cleanup_close int fd = openat(s->mount->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t found[TASK_STATES] = {0};
	int r;

	if (fd < 0)
		return -errno;
	r = s->one_by_one ? -EINVAL : asking_group(s->asking, fd, found);
	/* A group that has just gone is refused likewise. */
	if (r == -EINVAL && s->mount->version == 2 && faccessat(fd, "cgroup.procs", F_OK, 0) == 0)
		s->one_by_one = true;
	if (s->one_by_one)
		r = count_procs(s, fd, found);
	else if (r == 0)
		complete_sleeping(s, fd, found);
	for (size_t i = 0; r == 0 && i < TASK_STATES; i++)
		counts[i] = found[i] == UNKNOWN ? UNKNOWN : counts[i] + found[i];
	return r;
}

void states_note(struct states *s, const char *name)
{
	bool top = streq(name, SAMPLER_ROOT_NAME);
	uint64_t counts[TASK_STATES] = {0};
	char path[PATH_MAX];
	struct entry *e;
	int n = snprintf(path, sizeof(path) - 8, "%s%s%s", rbce_hierarchy_group(s->hierarchy),
			 top ? "" : "/", top ? "" : name);

	if (n < 0 || (size_t)n >= sizeof(path) - 8 || count_group(s, path, counts) < 0)
		return;
	/* Where a container on v2 has its tasks when there are others below it. */
	snprintf(path + n, sizeof(path) - (size_t)n, "/leaf");
	if (s->mount->version == 2)
		count_group(s, path, counts);
	HASH_FIND_STR(s->entries, name, e);
	if (!e) {
		e = calloc(1, sizeof(*e));
		if (e)
			e->name = strdup(name);
		if (!e || !e->name) {
			free(e);
			return;
		}
		HASH_ADD_KEYPTR(hh, s->entries, e->name, strlen(e->name), e);
	}
	memcpy(e->now, counts, sizeof(e->now));
	e->round = s->round;
}

/* ---- writing ---- */

static int write_entry(sqlite3 *db, const struct entry *e, int64_t time)
{
	sqlite3_stmt *insert = NULL;
	int rc =
		sqlite3_prepare_v2(db,
				   "INSERT OR REPLACE INTO task_states VALUES(?, ?, ?, ?, ?, ?, ?)",
				   -1, &insert, NULL);

	if (rc == SQLITE_OK)
		rc = schema_bind_time(insert, 1, time);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(insert, 2, e->name, -1, SQLITE_STATIC);
	for (int i = 0; rc == SQLITE_OK && i < TASK_STATES; i++)
		rc = e->now[i] == UNKNOWN ? sqlite3_bind_null(insert, i + 3)
					  : sqlite3_bind_int64(insert, i + 3, (int64_t)e->now[i]);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(insert);
	sqlite3_finalize(insert);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int states_write(struct states *s, sqlite3 *db, int64_t time)
{
	int rc = SQLITE_OK;

	s->written = time;
	for (struct entry *e = s->entries; e && rc == SQLITE_OK; e = e->hh.next) {
		e->pending = e->round == s->round &&
			     (memcmp(e->now, e->before, sizeof(e->now)) != 0 || !e->stored ||
			      time / SCHEMA_HEARTBEAT_MS != e->stored / SCHEMA_HEARTBEAT_MS);
		if (e->pending)
			rc = write_entry(db, e, time);
	}
	return rc;
}

static void free_entry(struct states *s, struct entry *e)
{
	HASH_DEL(s->entries, e);
	free(e->name);
	free(e);
}

void states_stored(struct states *s)
{
	struct entry *e, *next;

	HASH_ITER (hh, s->entries, e, next) {
		if (e->round != s->round) {
			free_entry(s, e);
			continue;
		}
		if (e->pending)
			e->stored = s->written;
		memcpy(e->before, e->now, sizeof(e->before));
	}
	s->round++;
}

/* ---- begin and end ---- */

int states_open(const struct rbce_hierarchy *h, struct states **ret, struct rbce_error *err)
{
	struct states *s = calloc(1, sizeof(*s));
	size_t n;
	int r = -ENOMEM;

	if (s)
		r = asking_open(&s->asking, err);
	else
		rbce_error_errno(err, r, "cannot ask for tasks");
	if (r < 0) {
		free(s);
		return r;
	}
	s->hierarchy = h;
	s->mount = rbce_hierarchy_find(h, RBCE_CPU);
	if (!s->mount)
		s->mount = rbce_hierarchy_unified(h);
	if (!s->mount)
		s->mount = rbce_hierarchy_mounts(h, &n);
	*ret = s;
	return 0;
}

struct states *states_close(struct states *s)
{
	if (!s)
		return NULL;
	while (s->entries)
		free_entry(s, s->entries);
	asking_close(s->asking);
	free(s);
	return NULL;
}
