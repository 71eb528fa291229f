// SPDX-License-Identifier: GPL-2.0-or-later
/* The database as the server has it; see reader.h. */
#include "reader.h"

#include <sys/stat.h>

#include "stats/store/schema.h"
#include "util.h"

/* So long may an answer take, in ms; looked at after so many steps of SQLite's machine. */
enum { ANSWER_MS = 5000, LOOK_STEPS = 20000 };

struct reader {
	const char *path;
	sqlite3 *db;
	struct stat file; /* that was opened */
	bool still;       /* nobody wrote it then, and SQLite believes that it stays so */
	uint64_t opened;  /* how often */
	int64_t deadline;
	bool expired;
};

int reader_new(const char *path, struct reader **ret)
{
	struct reader *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->path = path;
	*ret = r;
	return 0;
}

static void close_database(struct reader *r)
{
	sqlite3_close(TAKE_PTR(r->db));
}

struct reader *reader_free(struct reader *r)
{
	if (r)
		close_database(r);
	free(r);
	return NULL;
}

const char *reader_path(const struct reader *r)
{
	return r->path;
}

static bool has_log(const struct reader *r)
{
	cleanup_free char *wal = NULL;

	if (asprintf(&wal, "%s-wal", r->path) < 0) {
		wal = NULL;
		return true;
	}
	return access(wal, F_OK) == 0;
}

/* Has the file at the path become another since it was opened? */
static bool is_other(const struct reader *r)
{
	struct stat now;

	if (stat(r->path, &now) < 0)
		return true;
	if (now.st_ino != r->file.st_ino || now.st_dev != r->file.st_dev)
		return true;
	return r->still && (has_log(r) || now.st_size != r->file.st_size ||
			    now.st_mtim.tv_sec != r->file.st_mtim.tv_sec ||
			    now.st_mtim.tv_nsec != r->file.st_mtim.tv_nsec);
}

static int past_deadline(void *data)
{
	struct reader *r = data;

	r->expired = monotonic_ms() > r->deadline;
	return r->expired;
}

static int open_database(struct reader *r, struct rbce_error *err)
{
	struct stat file;
	int result;

	if (stat(r->path, &file) < 0 && errno == ENOENT)
		return 1;
	result = schema_open_reader(r->path, &r->db, err);
	if (result != 0)
		return result;
	r->file = file;
	r->still = sqlite3_uri_boolean(sqlite3_db_filename(r->db, "main"), "immutable", 0);
	r->opened++;
	/* A sort that does not fit into memory has no place here: nothing is written. */
	if (schema_run(r->db, "PRAGMA temp_store = MEMORY; PRAGMA query_only = ON") != SQLITE_OK) {
		close_database(r);
		return rbce_error_errno(err, -EIO, "cannot read '%s'", r->path);
	}
	sqlite3_progress_handler(r->db, LOOK_STEPS, past_deadline, r);
	return 0;
}

int reader_begin(struct reader *r, sqlite3 **ret, struct rbce_error *err)
{
	int result = 0, rc;

	r->deadline = monotonic_ms() + ANSWER_MS;
	r->expired = false;
	if (r->db && is_other(r))
		close_database(r);
	if (!r->db)
		result = open_database(r, err);
	if (result != 0)
		return result;
	rc = schema_run(r->db, "BEGIN");
	if (rc != SQLITE_OK) {
		result = schema_error(r->db, rc, "read", r->path, err);
		close_database(r);
		return result;
	}
	*ret = r->db;
	return 0;
}

void reader_end(struct reader *r)
{
	r->deadline = INT64_MAX;
	if (r->db)
		schema_run(r->db, "ROLLBACK");
}

bool reader_expired(const struct reader *r)
{
	return r->expired;
}

uint64_t reader_version(struct reader *r)
{
	int64_t version = 0;

	if (r->db && !is_other(r))
		schema_integer(r->db, "PRAGMA data_version", &version);
	else
		return 0;
	return r->opened << 40 | (uint64_t)version;
}
