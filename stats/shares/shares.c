// SPDX-License-Identifier: GPL-2.0-or-later
/* How the CPUs were shared out; see shares.h. */
#include "shares.h"

#include <assert.h>
#include <errno.h>
#include <time.h>
#include <uthash.h>

#include "read.h"
#include "stats/sample/sampler.h"
#include "stats/store/ageing.h"
#include "stats/store/schema.h"
#include "util.h"

/* What rows become when they are older. */
#define COARSE INT64_C(600000)

enum { ALL_CPUS = -1 };

/* Numbers of one container, as they were read and as they were when last stored. */
struct entry {
	char *name; /* "" for the rest */
	bool known; /* there is an earlier reading */
	uint64_t round;
	struct share_reading now, stored;
	UT_hash_handle hh;
};

/* Of one CPU, or of all: sums as last seen, and of their differences. */
struct rest {
	bool begun;
	uint64_t all, root, sum;
	int64_t carry;
};

struct shares {
	struct share_files *files;
	uint64_t interval, next, round;
	bool due; /* this tick reads */
	bool pending;
	struct entry *entries;
	struct cpu_times cpus[SHARES_CPUS_MAX], stored_cpus[SHARES_CPUS_MAX];
	size_t n_cpus;
	int64_t since, written;
	struct share_cpu scratch[SHARES_CPUS_MAX];
	struct rest rest[SHARES_CPUS_MAX + 1]; /* the last is of all */
};

static const char *const time_columns[CPU_TIMES] = {
	[CPU_USER] = "user",   [CPU_NICE] = "nice", [CPU_SYSTEM] = "system", [CPU_IRQ] = "irq",
	[CPU_STEAL] = "steal", [CPU_IDLE] = "idle", [CPU_IOWAIT] = "iowait",
};

/* ---- tables ---- */

int share_tables_create(sqlite3 *db)
{
	sqlite3_str *sql = sqlite3_str_new(db);

	sqlite3_str_appendall(
		sql, "CREATE TABLE IF NOT EXISTS share_names(id INTEGER PRIMARY KEY,"
		     " name TEXT NOT NULL UNIQUE);"
		     "CREATE TABLE IF NOT EXISTS cpu_shares(time REAL NOT NULL,"
		     " name INTEGER NOT NULL REFERENCES share_names(id), cpu INTEGER NOT NULL,"
		     " period INTEGER NOT NULL, ran INTEGER NOT NULL, waited INTEGER,"
		     " weight INTEGER, periods INTEGER, throttled_periods INTEGER,"
		     " throttled INTEGER, PRIMARY KEY(time, name, cpu)) WITHOUT ROWID;"
		     "CREATE TABLE IF NOT EXISTS cpus(time REAL NOT NULL, cpu INTEGER NOT NULL,"
		     " period INTEGER NOT NULL");
	for (size_t i = 0; i < CPU_TIMES; i++)
		sqlite3_str_appendf(sql, ", %s INTEGER NOT NULL", time_columns[i]);
	sqlite3_str_appendall(sql, ", PRIMARY KEY(time, cpu)) WITHOUT ROWID;");
	return schema_run_built(db, sql);
}

void share_tables_append_views(sqlite3_str *sql)
{
	sqlite3_str_appendall(
		sql, "DROP VIEW IF EXISTS v_cpu_shares; CREATE VIEW v_cpu_shares AS SELECT"
		     " s.time AS time, s.period / 1000.0 AS period,"
		     " nullif(n.name, '') AS container, nullif(s.cpu, -1) AS cpu,"
		     " s.ran / 1000000.0 AS ran_seconds, s.waited / 1000000.0 AS waited_seconds,"
		     " s.weight AS weight, s.periods AS periods,"
		     " s.throttled_periods AS throttled_periods,"
		     " s.throttled / 1000000.0 AS throttled_seconds"
		     " FROM cpu_shares s JOIN share_names n ON n.id = s.name;"
		     "DROP VIEW IF EXISTS v_cpus; CREATE VIEW v_cpus AS SELECT"
		     " time, period / 1000.0 AS period, cpu");
	for (size_t i = 0; i < CPU_TIMES; i++)
		sqlite3_str_appendf(sql, ", %s / 1000000.0 AS %s_seconds", time_columns[i],
				    time_columns[i]);
	sqlite3_str_appendall(sql, " FROM cpus;");
}

/* ---- reading ---- */

static void free_entry(struct shares *s, struct entry *e)
{
	HASH_DEL(s->entries, e);
	free(e->now.cpu);
	free(e->stored.cpu);
	free(e->name);
	free(e);
}

static struct entry *entry_of(struct shares *s, const char *name)
{
	struct entry *e;

	HASH_FIND_STR(s->entries, name, e);
	if (e)
		return e;
	e = calloc(1, sizeof(*e));
	if (e)
		e->name = strdup(name);
	if (!e || !e->name) {
		free(e);
		return NULL;
	}
	/* One that was not there last time began since, and at zero. */
	e->known = s->since != 0;
	e->stored.has_full = e->stored.has_waited = e->stored.has_cpu_waits = true;
	HASH_ADD_KEYPTR(hh, s->entries, e->name, strlen(e->name), e);
	return e;
}

/* FROM with CPUs of its own, as many as there are. */
static int keep(struct share_reading *to, const struct share_reading *from)
{
	struct share_cpu *cpus = to->cpu;

	if (from->n_cpus > to->n_cpus)
		cpus = realloc(cpus, from->n_cpus * sizeof(*cpus));
	if (from->n_cpus > to->n_cpus && !cpus)
		return -ENOMEM;
	*to = *from;
	to->cpu = cpus;
	if (from->n_cpus)
		memcpy(cpus, from->cpu, from->n_cpus * sizeof(*cpus));
	return 0;
}

static void take(struct shares *s, const char *name, const struct share_reading *reading)
{
	struct entry *e = entry_of(s, name);

	/* A container that was removed and made again begins at zero, which shows as less. */
	if (!e || keep(&e->now, reading) < 0)
		return;
	e->round = s->round;
}

void shares_begin(struct shares *s, bool final)
{
	uint64_t now = monotonic_usec();

	s->due = final || now >= s->next;
	if (!s->due)
		return;
	s->next += s->interval;
	if (s->next <= now)
		s->next = now + s->interval;
	s->round++;
	share_files_begin(s->files);
}

void shares_note(struct shares *s, const char *name)
{
	struct share_reading reading = {.cpu = s->scratch};

	if (!s->due)
		return;
	share_files_read(s->files, name, &reading);
	if (reading.exists)
		take(s, name, &reading);
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* Growth since it was last seen; one that went down began anew. */
static uint64_t grown(uint64_t now, uint64_t before)
{
	return now >= before ? now - before : now;
}

/*
 * Of all tasks there are, what those ran that are not below the root group. The two are counted in
 * different ways and not read at one moment, so that a difference may be below nothing: then it is
 * taken off the next.
 */
static uint64_t add_rest(struct rest *rest, uint64_t all, uint64_t root)
{
	int64_t growth =
		rest->carry + (int64_t)grown(all, rest->all) - (int64_t)grown(root, rest->root);

	if (rest->begun) {
		rest->carry = growth < 0 ? growth : 0;
		rest->sum += growth > 0 ? (uint64_t)growth : 0;
	}
	rest->begun = true;
	rest->all = all;
	rest->root = root;
	return rest->sum;
}

static void note_rest(struct shares *s)
{
	struct share_reading all = {.cpu = s->scratch};
	const struct share_reading *below = NULL;
	struct entry *root;

	share_files_read(s->files, NULL, &all);
	HASH_FIND_STR(s->entries, SAMPLER_ROOT_NAME, root);
	if (!all.exists)
		return;
	if (root && root->round == s->round)
		below = &root->now;
	all.ran = add_rest(&s->rest[SHARES_CPUS_MAX], all.ran, below ? below->ran : 0);
	for (size_t i = 0; i < all.n_cpus; i++)
		all.cpu[i].ran = add_rest(&s->rest[i], all.cpu[i].ran,
					  below && i < below->n_cpus ? below->cpu[i].ran : 0);
	take(s, "", &all);
}

void shares_end(struct shares *s)
{
	struct entry *e, *next;

	if (!s->due)
		return;
	note_rest(s);
	s->n_cpus = share_files_cpus(s->files, s->cpus, SHARES_CPUS_MAX);
	HASH_ITER (hh, s->entries, e, next)
		if (e->round != s->round)
			free_entry(s, e);
	s->pending = true;
}

/* ---- writing ---- */

/*
 * What pressure tells of waiting, PERIOD being microseconds: for FULL of them nobody ran on the
 * CPUs in use, averaged over these. How many those were is told by RAN: at least so long is what
 * waited. Throttled tasks count there as waiting.
 */
static uint64_t waited_by_pressure(uint64_t full, uint64_t ran, uint64_t throttled, uint64_t period)
{
	uint64_t rest = period > full ? period - full : 1, waited = full;

	if (ran > rest)
		waited = (uint64_t)((double)ran * (double)full / (double)rest);
	return less(waited, throttled);
}

struct row {
	int64_t time, name, cpu, period, ran;
	int64_t values[5]; /* waited, weight, periods, throttled_periods, throttled; negative: NULL
			    */
};

static int insert_row(sqlite3 *db, const struct row *row)
{
	const int64_t fixed[] = {row->name, row->cpu, row->period, row->ran};
	sqlite3_stmt *insert = NULL;
	int rc;

	rc = sqlite3_prepare_v2(
		db, "INSERT OR REPLACE INTO cpu_shares VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", -1,
		&insert, NULL);
	if (rc == SQLITE_OK)
		rc = schema_bind_time(insert, 1, row->time);
	for (int i = 0; rc == SQLITE_OK && i < (int)ARRAY_SIZE(fixed); i++)
		rc = sqlite3_bind_int64(insert, i + 2, fixed[i]);
	for (int i = 0; rc == SQLITE_OK && i < 5; i++)
		rc = row->values[i] < 0 ? sqlite3_bind_null(insert, i + 6)
					: sqlite3_bind_int64(insert, i + 6, row->values[i]);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(insert);
	sqlite3_finalize(insert);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int find_name(sqlite3 *db, const char *name, int64_t *ret)
{
	sqlite3_stmt *find = NULL;
	int rc = sqlite3_prepare_v2(db,
				    "INSERT INTO share_names(name) VALUES(?1) ON CONFLICT(name)"
				    " DO UPDATE SET name = name RETURNING id",
				    -1, &find, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(find, 1, name, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(find);
	if (rc == SQLITE_ROW) {
		*ret = sqlite3_column_int64(find, 0);
		rc = sqlite3_step(find);
	}
	sqlite3_finalize(find);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/*
 * What of the group's waiting was on one CPU, where only the sum is known: as much as it ran there,
 * in this span or, if it did not get to run at all, in its life.
 */
static int64_t cpu_waited(const struct entry *e, size_t i, uint64_t ran, uint64_t all,
			  int64_t waited)
{
	if (e->now.has_cpu_waits && e->stored.has_cpu_waits)
		return (int64_t)grown(e->now.cpu[i].waited,
				      i < e->stored.n_cpus ? e->stored.cpu[i].waited : 0);
	if (!all) {
		ran = e->now.cpu[i].ran;
		all = e->now.ran;
	}
	if (waited <= 0 || !all)
		return waited;
	return (int64_t)((double)waited * (double)ran / (double)all);
}

static int write_entry(sqlite3 *db, const struct entry *e, int64_t time, int64_t period)
{
	const struct share_reading *now = &e->now, *before = &e->stored;
	uint64_t ran = grown(now->ran, before->ran);
	uint64_t throttled = grown(now->throttled, before->throttled);
	int64_t waited = -1;
	struct row row = {.time = time, .cpu = ALL_CPUS, .period = period};
	int rc = SQLITE_OK;

	if (now->has_waited && before->has_waited)
		waited = (int64_t)grown(now->waited, before->waited);
	else if (now->has_full && before->has_full)
		waited = (int64_t)waited_by_pressure(grown(now->full, before->full), ran, throttled,
						     (uint64_t)period * 1000);
	if (!ran && waited <= 0 && !throttled)
		return SQLITE_OK;
	row.ran = (int64_t)ran;
	row.values[0] = waited;
	row.values[1] = *e->name ? (int64_t)now->weight : -1;
	row.values[2] = (int64_t)grown(now->periods, before->periods);
	row.values[3] = (int64_t)grown(now->throttled_periods, before->throttled_periods);
	row.values[4] = (int64_t)throttled;
	rc = find_name(db, e->name, &row.name);
	if (rc == SQLITE_OK)
		rc = insert_row(db, &row);
	for (size_t i = 0; rc == SQLITE_OK && i < now->n_cpus; i++) {
		uint64_t here = grown(now->cpu[i].ran, i < before->n_cpus ? before->cpu[i].ran : 0);
		struct row one = {.time = time,
				  .name = row.name,
				  .cpu = (int64_t)i,
				  .period = period,
				  .ran = (int64_t)here,
				  .values = {cpu_waited(e, i, here, ran, waited), -1, -1, -1, -1}};

		if (here || one.values[0] > 0)
			rc = insert_row(db, &one);
	}
	return rc;
}

static int write_cpu(sqlite3 *db, const struct shares *s, size_t cpu, int64_t time, int64_t period)
{
	sqlite3_str *sql = sqlite3_str_new(db);

	sqlite3_str_appendf(sql, "INSERT OR REPLACE INTO cpus VALUES(%lld, %d, %lld", time,
			    (int)cpu, period);
	for (size_t i = 0; i < CPU_TIMES; i++)
		sqlite3_str_appendf(sql, ", %lld",
				    (long long)less(s->cpus[cpu].usec[i],
						    s->stored_cpus[cpu].usec[i]));
	sqlite3_str_appendall(sql, ")");
	return schema_run_built(db, sql);
}

static int drop_old(sqlite3 *db, int64_t old)
{
	sqlite3_str *sql = sqlite3_str_new(db);
	int rc;

	sqlite3_str_appendf(sql,
			    "DELETE FROM cpus WHERE time <= %lld / 1000.0;"
			    "DELETE FROM cpu_shares WHERE time <= %lld / 1000.0",
			    old, old);
	rc = schema_run_built(db, sql);
	if (rc != SQLITE_OK || !sqlite3_changes(db))
		return rc;
	return schema_run(db, "DELETE FROM share_names WHERE id NOT IN"
			      " (SELECT name FROM cpu_shares)");
}

int share_tables_age(sqlite3 *db, int64_t fine, int64_t old, bool *more)
{
	static const struct ageing tables[] = {
		{"cpu_shares", "name, cpu",
		 "sum(ran), sum(waited), max(weight), sum(periods), sum(throttled_periods),"
		 " sum(throttled)",
		 COARSE},
		{"cpus", "cpu",
		 "sum(user), sum(nice), sum(system), sum(irq), sum(steal), sum(idle),"
		 " sum(iowait)",
		 COARSE},
	};
	int rc = drop_old(db, old);

	return rc == SQLITE_OK ? ageing_step(db, tables, ARRAY_SIZE(tables), fine, more) : rc;
}

int shares_write(struct shares *s, sqlite3 *db, int64_t time)
{
	int64_t period = s->since && time > s->since ? time - s->since : 0;
	int rc = SQLITE_OK;

	if (!s->pending)
		return rc;
	s->written = time;
	for (const struct entry *e = s->entries; e && period && rc == SQLITE_OK; e = e->hh.next)
		if (e->known)
			rc = write_entry(db, e, time, period);
	for (size_t i = 0; i < s->n_cpus && period && rc == SQLITE_OK; i++)
		if (s->cpus[i].known && s->stored_cpus[i].known)
			rc = write_cpu(db, s, i, time, period);
	return rc;
}

void shares_stored(struct shares *s)
{
	if (!s->pending)
		return;
	s->pending = false;
	s->since = s->written;
	for (struct entry *e = s->entries; e; e = e->hh.next)
		e->known = keep(&e->stored, &e->now) == 0;
	memcpy(s->stored_cpus, s->cpus, sizeof(s->cpus));
}

void shares_skip(struct shares *s, int64_t ms)
{
	if (s->since)
		s->since += ms;
}

/* ---- begin and end ---- */

int shares_open(const struct rbce_hierarchy *h, uint64_t interval, struct shares **ret)
{
	struct shares *s = calloc(1, sizeof(*s));

	if (s)
		s->files = share_files_new(h);
	if (!s || !s->files) {
		free(s);
		return -ENOMEM;
	}
	s->interval = interval;
	s->next = monotonic_usec();
	*ret = s;
	return 0;
}

struct shares *shares_close(struct shares *s)
{
	if (!s)
		return NULL;
	while (s->entries)
		free_entry(s, s->entries);
	share_files_free(s->files);
	free(s);
	return NULL;
}
