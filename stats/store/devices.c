// SPDX-License-Identifier: GPL-2.0-or-later
/* What each block device did, in the database; see devices.h. */
#include "devices.h"

#include <fcntl.h>
#include <limits.h>
#include <uthash.h>

#include "ageing.h"
#include "schema.h"
#include "util.h"

enum { NAMES_MAX = 64 };

/* A container that uses devices: their numbers as they were when last stored. */
struct entry {
	char *name;
	uint64_t inode;
	const struct sample *now; /* of the tick at hand */
	struct device_io *stored;
	size_t n;
	UT_hash_handle hh;
};

struct devices {
	const struct rbce_hierarchy *hierarchy;
	struct entry *entries;
	int64_t since, written;
	bool full; /* this tick saves where all counters stand */
	sqlite3_stmt *insert, *save;
	struct {
		uint32_t major, minor;
		int64_t id;
	} names[NAMES_MAX]; /* that this tick has looked for */
	size_t n_names;
};

/* ---- tables ---- */

/* The columns of the numbers, and the end of the table. */
static void append_numbers(sqlite3_str *sql, const char *key)
{
	for (size_t m = METRIC_IO_READ; m <= METRIC_IO_DISCARDS; m++)
		sqlite3_str_appendf(sql, ", %s INTEGER NOT NULL", metrics[m].column);
	sqlite3_str_appendf(sql, ", PRIMARY KEY(%s)) WITHOUT ROWID;", key);
}

int device_tables_create(sqlite3 *db)
{
	sqlite3_str *sql = sqlite3_str_new(db);

	sqlite3_str_appendall(
		sql, "CREATE TABLE IF NOT EXISTS devices(id INTEGER PRIMARY KEY,"
		     " device TEXT NOT NULL, name TEXT NOT NULL, UNIQUE(device, name));"
		     "CREATE TABLE IF NOT EXISTS device_io(time REAL NOT NULL,"
		     " container INTEGER NOT NULL REFERENCES containers(id),"
		     " device INTEGER NOT NULL REFERENCES devices(id), period INTEGER NOT NULL");
	append_numbers(sql, "time, container, device");
	return schema_run_built(db, sql);
}

/* Where the kernel's counters of a device stand, once a minute. */
int device_counters_create(sqlite3 *db)
{
	sqlite3_str *sql = sqlite3_str_new(db);

	sqlite3_str_appendall(sql, "CREATE TABLE IF NOT EXISTS device_counters("
				   " container INTEGER NOT NULL REFERENCES containers(id),"
				   " device INTEGER NOT NULL REFERENCES devices(id),"
				   " time INTEGER NOT NULL");
	append_numbers(sql, "container, device");
	return schema_run_built(db, sql);
}

void device_tables_append_views(sqlite3_str *sql)
{
	sqlite3_str_appendall(sql,
			      "DROP VIEW IF EXISTS v_io_devices; CREATE VIEW v_io_devices AS SELECT"
			      " c.name AS container, i.time AS time, i.period / 1000.0 AS period,"
			      " d.device AS device, d.name AS name");
	for (size_t m = METRIC_IO_READ; m <= METRIC_IO_DISCARDS; m++)
		sqlite3_str_appendf(sql, ", i.%s AS %s", metrics[m].column, metric_shown(m));
	sqlite3_str_appendall(sql, ", i.container AS generation FROM device_io i"
				   " JOIN containers c ON c.id = i.container"
				   " JOIN devices d ON d.id = i.device;");
}

int device_tables_age(sqlite3 *db, int64_t fine, int64_t old, bool *more)
{
	sqlite3_str *sums = sqlite3_str_new(db), *drop = sqlite3_str_new(db);
	struct ageing table = {"device_io", "container, device", NULL, 60000};
	char *text;
	int rc;

	sqlite3_str_appendf(drop, "DELETE FROM device_io WHERE time <= %lld / 1000.0", old);
	rc = schema_run_built(db, drop);
	for (size_t m = METRIC_IO_READ; m <= METRIC_IO_DISCARDS; m++)
		sqlite3_str_appendf(sums, "%ssum(%s)", m > METRIC_IO_READ ? ", " : "",
				    metrics[m].column);
	table.sums = text = sqlite3_str_finish(sums);
	if (rc == SQLITE_OK)
		rc = text ? ageing_step(db, &table, 1, fine, more) : SQLITE_NOMEM;
	sqlite3_free(text);
	return rc;
}

/* ---- a tick ---- */

static void free_entry(struct devices *d, struct entry *e)
{
	HASH_DEL(d->entries, e);
	free(e->stored);
	free(e->name);
	free(e);
}

static struct entry *add_entry(struct devices *d, const struct sample *sample)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (e)
		e->name = strdup(sample->name);
	if (!e || !e->name) {
		free(e);
		return NULL;
	}
	HASH_ADD_KEYPTR(hh, d->entries, e->name, strlen(e->name), e);
	return e;
}

/* Those that have been there all along begin as they are; what is fresh began at zero. */
static void begin_at(struct entry *e, const struct sample *sample)
{
	const struct device_list *list = &sample->devices;

	e->inode = sample->inode;
	e->n = 0;
	for (size_t i = 0; !sample->fresh && i < list->n && !list->io[i].fresh; i++) {
		struct device_io *more = realloc(e->stored, (i + 1) * sizeof(*more));

		if (!more)
			return;
		e->stored = more;
		more[e->n++] = list->io[i];
	}
}

void devices_begin(struct devices *d)
{
	for (struct entry *e = d->entries; e; e = e->hh.next)
		e->now = NULL;
}

void devices_note(struct devices *d, const struct sample *sample)
{
	struct entry *e;

	if (!sample->devices.n)
		return;
	HASH_FIND_STR(d->entries, sample->name, e);
	if (!e || e->inode != sample->inode) {
		if (!e)
			e = add_entry(d, sample);
		if (!e)
			return;
		begin_at(e, sample);
	}
	e->now = sample;
}

/* ---- writing ---- */

/* What people call it, or "" where it has gone; in BUF. */
static const char *name_of(const struct devices *d, const char *device, char buf[PATH_MAX])
{
	char path[64], *last;
	ssize_t n;

	snprintf(path, sizeof(path), "sys/dev/block/%s", device);
	n = readlinkat(rbce_root_fd(rbce_hierarchy_root(d->hierarchy)), path, buf, PATH_MAX - 1);
	buf[n > 0 ? n : 0] = '\0';
	last = strrchr(buf, '/');
	return last ? last + 1 : buf;
}

/* *RET is the row of a device, which is made where there is none. */
static int find_device(struct devices *d, sqlite3 *db, const struct device_io *io, int64_t *ret)
{
	char device[32], buf[PATH_MAX];
	sqlite3_stmt *find = NULL;
	int rc;

	for (size_t i = 0; i < d->n_names; i++)
		if (d->names[i].major == io->major && d->names[i].minor == io->minor) {
			*ret = d->names[i].id;
			return SQLITE_OK;
		}
	snprintf(device, sizeof(device), "%u:%u", io->major, io->minor);
	rc = sqlite3_prepare_v2(db,
				"INSERT INTO devices(device, name) VALUES(?1, ?2) ON CONFLICT"
				" DO UPDATE SET name = name RETURNING id",
				-1, &find, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(find, 1, device, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(find, 2, name_of(d, device, buf), -1, SQLITE_STATIC);
	if (rc == SQLITE_OK && (rc = sqlite3_step(find)) == SQLITE_ROW) {
		*ret = sqlite3_column_int64(find, 0);
		rc = sqlite3_step(find);
	}
	sqlite3_finalize(find);
	if (rc == SQLITE_DONE && d->n_names < NAMES_MAX) {
		d->names[d->n_names].major = io->major;
		d->names[d->n_names].minor = io->minor;
		d->names[d->n_names++].id = *ret;
	}
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* NULL where it was not there then. */
static const struct device_io *stored_of(const struct entry *e, const struct device_io *io)
{
	for (size_t i = 0; i < e->n; i++)
		if (e->stored[i].major == io->major && e->stored[i].minor == io->minor)
			return &e->stored[i];
	return NULL;
}

/* Into TABLE: the newest container of that name is the one that is there. */
static int prepare(sqlite3 *db, const char *table, const char *values, sqlite3_stmt **ret)
{
	sqlite3_str *sql = sqlite3_str_new(db);
	char *text;
	int rc;

	sqlite3_str_appendf(sql, "INSERT OR REPLACE INTO %s VALUES(%s", table, values);
	for (int i = 0; i < DEVICE_METRICS; i++)
		sqlite3_str_appendf(sql, ", ?%d", i + 5);
	sqlite3_str_appendall(sql, ")");
	text = sqlite3_str_finish(sql);
	rc = text ? sqlite3_prepare_v2(db, text, -1, ret, NULL) : SQLITE_NOMEM;
	sqlite3_free(text);
	return rc;
}

#define CONTAINER "(SELECT max(id) FROM containers WHERE name = ?2)"

static int prepare_both(struct devices *d, sqlite3 *db)
{
	int rc = prepare(db, "device_io", "?1, " CONTAINER ", ?3, ?4", &d->insert);

	return rc == SQLITE_OK ? prepare(db, "device_counters", CONTAINER ", ?3, ?1", &d->save)
			       : rc;
}

/* Runs either: what its numbers grew by since BEFORE, or where they stand without it. */
static int write_row(sqlite3_stmt *row, const char *name, int64_t id, const struct device_io *io,
		     const struct device_io *before)
{
	int rc = sqlite3_bind_text(row, 2, name, -1, SQLITE_STATIC);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(row, 3, id);
	for (int i = 0; rc == SQLITE_OK && i < DEVICE_METRICS; i++) {
		uint64_t value = io->value[i];

		if (before && value >= before->value[i])
			value -= before->value[i];
		rc = sqlite3_bind_int64(row, i + 5, (int64_t)value);
	}
	if (rc == SQLITE_OK)
		rc = sqlite3_step(row);
	sqlite3_reset(row);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int write_device(struct devices *d, sqlite3 *db, const struct entry *e,
			const struct device_io *io, int64_t time)
{
	static const struct device_io none;
	const struct device_io *before = stored_of(e, io);
	bool grew = memcmp(io->value, (before ?: &none)->value, sizeof(io->value)) != 0;
	int64_t id = 0;
	int rc = SQLITE_OK;

	if (!grew && !d->full)
		return SQLITE_OK;
	rc = find_device(d, db, io, &id);
	if (rc == SQLITE_OK && !d->insert)
		rc = prepare_both(d, db);
	if (rc == SQLITE_OK)
		rc = schema_bind_time(d->insert, 1, time);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(d->insert, 4, time - d->since);
	if (rc == SQLITE_OK && grew)
		rc = write_row(d->insert, e->name, id, io, before ?: &none);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(d->save, 1, time);
	return rc == SQLITE_OK && (d->full || !before) ? write_row(d->save, e->name, id, io, NULL)
						       : rc;
}

/* Those that were saved before and are not now have gone, or their container has. */
static int drop_gone(sqlite3 *db, int64_t time)
{
	char sql[96];

	snprintf(sql, sizeof(sql), "DELETE FROM device_counters WHERE time <> %lld",
		 (long long)time);
	return schema_run(db, sql);
}

int devices_write(struct devices *d, sqlite3 *db, int64_t time)
{
	int rc = SQLITE_OK;

	d->full = !d->since || time / SCHEMA_HEARTBEAT_MS != d->since / SCHEMA_HEARTBEAT_MS;
	if (!d->since || d->since > time)
		d->since = time;
	d->written = time;
	d->n_names = 0;
	for (const struct entry *e = d->entries; e && rc == SQLITE_OK; e = e->hh.next)
		for (size_t i = 0; e->now && i < e->now->devices.n && rc == SQLITE_OK; i++)
			rc = write_device(d, db, e, &e->now->devices.io[i], time);
	sqlite3_finalize(d->insert);
	sqlite3_finalize(d->save);
	d->insert = d->save = NULL;
	return rc == SQLITE_OK && d->full ? drop_gone(db, time) : rc;
}

void devices_stored(struct devices *d)
{
	struct entry *e, *next;

	d->since = d->written;
	HASH_ITER (hh, d->entries, e, next) {
		const struct device_list *list = e->now ? &e->now->devices : NULL;
		struct device_io *more =
			list ? realloc(e->stored, list->n * sizeof(*e->stored)) : NULL;

		if (!more) {
			free_entry(d, e);
			continue;
		}
		e->stored = more;
		e->n = list->n;
		memcpy(e->stored, list->io, list->n * sizeof(*e->stored));
	}
}

void devices_skip(struct devices *d, int64_t ms)
{
	if (d->since)
		d->since += ms;
}

/* ---- begin and end ---- */

struct devices *devices_new(const struct rbce_hierarchy *h)
{
	struct devices *d = calloc(1, sizeof(*d));

	if (d)
		d->hierarchy = h;
	return d;
}

struct devices *devices_free(struct devices *d)
{
	while (d && d->entries)
		free_entry(d, d->entries);
	free(d);
	return NULL;
}
