// SPDX-License-Identifier: GPL-2.0-or-later
/* containerstats prune: removes what is older than is to be kept, now, and gives its room back. */
#include <errno.h>
#include <sys/stat.h>

#include "cli/log.h"
#include "cli/options.h"
#include "stats/commands.h"
#include "stats/store/retention.h"
#include "stats/store/schema.h"
#include "stats/times.h"
#include "util.h"

struct settings {
	const char *db;
	const char *config;
	const char *keep[RETENTION_KEYS];
};

static int read_settings(const struct settings *s, struct retention *ret)
{
	struct rbce_error err = {0};
	int r = retention_read(ret, s->config ?: RETENTION_FILE, &err);

	if (r < 0 && (r != -ENOENT || s->config)) {
		log_error("%s", err.message);
		return r;
	}
	for (size_t i = 0; i < RETENTION_KEYS; i++)
		if (s->keep[i] && retention_set(ret, (enum retention_key)i, s->keep[i]) < 0) {
			log_error("cannot use --%s '%s': give a duration like 7d, or max",
				  retention_name((enum retention_key)i), s->keep[i]);
			return -EINVAL;
		}
	return 0;
}

/* How much of the time that is to go has gone, for whoever watches. */
static void show_progress(sqlite3 *db, const struct retention *r, int64_t now, int64_t first)
{
	int64_t oldest = first, cut = now - r->keep[KEEP_TICKS];

	if (!isatty(STDERR_FILENO) || cut <= first ||
	    schema_integer(db, "SELECT CAST(coalesce(min(time), 0) * 1000 AS INTEGER) FROM ticks",
			   &oldest) != SQLITE_OK)
		return;
	fprintf(stderr, "\rpruning: %3d %%",
		oldest >= cut ? 100 : (int)((oldest - first) * 100 / (cut - first)));
}

/* In small transactions, so that a recorder is not kept waiting. */
static int sweep(sqlite3 *db, const struct retention *r)
{
	struct sweeper *sweeper = sweeper_new(db);
	int64_t now = times_now(), first = 0;
	bool more = true;
	int rc = sweeper ? SQLITE_OK : SQLITE_NOMEM;

	if (rc == SQLITE_OK)
		rc = schema_integer(
			db, "SELECT CAST(coalesce(min(time), 0) * 1000 AS INTEGER) FROM ticks",
			&first);
	while (rc == SQLITE_OK && more) {
		rc = schema_run(db, "BEGIN IMMEDIATE");
		if (rc == SQLITE_OK)
			rc = sweeper_step(sweeper, r, now, &more);
		if (rc == SQLITE_OK)
			rc = schema_run(db, "COMMIT");
		show_progress(db, r, now, first);
	}
	sweeper_free(sweeper);
	if (isatty(STDERR_FILENO))
		fputc('\n', stderr);
	/* What is left of free pages, and of the write-ahead log. */
	if (rc == SQLITE_OK)
		rc = schema_run(db, "PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)");
	return rc;
}

static int prune(const struct settings *s, const struct retention *r)
{
	struct rbce_error err = {0};
	struct stat before, after;
	sqlite3 *db;
	int rc;

	if (stat(s->db, &before) < 0) {
		log_error("cannot open '%s': %s", s->db, strerror(errno));
		return EXIT_FAILURE;
	}
	if (schema_open_writer(s->db, &db, &err) < 0) {
		log_error("%s", err.message);
		return EXIT_FAILURE;
	}
	sqlite3_busy_timeout(db, 5000);
	rc = sweep(db, r);
	if (rc != SQLITE_OK)
		schema_error(db, rc, "prune", s->db, &err);
	sqlite3_close(db);
	if (rc != SQLITE_OK) {
		log_error("%s", err.message);
		return EXIT_FAILURE;
	}
	if (stat(s->db, &after) == 0)
		printf("%lld kB before, %lld kB now\n", (long long)before.st_size / 1024,
		       (long long)after.st_size / 1024);
	return EXIT_SUCCESS;
}

int command_prune(int argc, char **argv)
{
	struct settings s = {0};
	struct retention retention;
	struct option_row options[RETENTION_KEYS + 3] = {
		{"db", 0, "FILE", "the database", .value = &s.db},
		{"config", 0, "FILE", "how long what is kept (" RETENTION_FILE ")",
		 .value = &s.config},
	};
	const struct command_line line = {
		.usage = "prune --db FILE [--config FILE] [--ticks TIME] [--minutes TIME]"
			 " [--hours TIME] [--events TIME] [--shares TIME] [--states TIME]",
		.about = "Removes what is older than is to be kept, as the recorder does all the "
			 "time, and gives its room back.",
		.options = options,
	};
	int at;

	for (size_t i = 0; i < RETENTION_KEYS; i++)
		options[2 + i] = (struct option_row){
			.name = retention_name((enum retention_key)i),
			.argument = "TIME",
			.help = retention_about((enum retention_key)i),
			.value = &s.keep[i],
		};
	at = options_parse(&line, argc, argv);
	if (at != argc || !s.db) {
		if (at != argc)
			log_error("cannot use '%s': prune takes options only", argv[at]);
		else
			log_error("cannot prune: --db FILE is missing");
		return EXIT_USAGE;
	}
	if (read_settings(&s, &retention) < 0)
		return EXIT_USAGE;
	return prune(&s, &retention);
}
