// SPDX-License-Identifier: GPL-2.0-or-later
/* containerstats check: is the database whole, and does it agree with itself? */
#include <errno.h>

#include "cli/log.h"
#include "cli/options.h"
#include "stats/commands.h"
#include "stats/store/schema.h"
#include "stats/store/tiers.h"
#include "util.h"

/* SQLite asks so often whether to go on; that is when progress is shown. */
enum { STEPS_EACH = 1000000 };

struct check {
	const char *path;
	sqlite3 *db;
	const char *doing;
	unsigned beats;
	size_t faults;
};

static int beat(void *data)
{
	struct check *c = data;

	fprintf(stderr, "\rchecking %s %.*s", c->doing, (int)(++c->beats % 20),
		"...................");
	return 0;
}

static void say(struct check *c, const char *text)
{
	if (c->faults++ < 100)
		printf("%s: %s\n", c->doing, text);
}

/* Each row of a query is a fault; "ok" is none. */
static int ask(struct check *c, const char *doing, const char *sql)
{
	sqlite3_stmt *statement = NULL;
	int rc;

	c->doing = doing;
	rc = sqlite3_prepare_v2(c->db, sql, -1, &statement, NULL);
	while (rc == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(statement, 0);

		if (!text || !streq(text, "ok"))
			say(c, text ?: "out of memory");
		rc = SQLITE_OK;
	}
	sqlite3_finalize(statement);
	/* A page that cannot be read is what was looked for. */
	if (rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB) {
		say(c, sqlite3_errmsg(c->db));
		rc = SQLITE_DONE;
	}
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Rows that no container or no tick belongs to, which views would not show. */
static int ask_orphans(struct check *c)
{
	char table[TIER_NAME_SIZE];
	int rc = SQLITE_OK;

	for (int t = 0; t < TIER_TOTAL; t++)
		for (int v = 0; v < VIEW_TOTAL && rc == SQLITE_OK; v++) {
			sqlite3_str *sql = sqlite3_str_new(c->db);
			char *text;

			tier_table((enum tier)t, (enum metric_view)v, table);
			sqlite3_str_appendf(sql,
					    "SELECT '%s has ' || count(*) || ' rows of container '"
					    " || container || ', which there is none' FROM %s"
					    " WHERE container NOT IN (SELECT id FROM containers)",
					    table, table);
			if (t == TIER_TICK)
				sqlite3_str_appendall(sql, " OR at >> " TIER_SHIFT
							   " NOT IN (SELECT id FROM ticks)");
			sqlite3_str_appendall(sql, " GROUP BY container");
			text = sqlite3_str_finish(sql);
			rc = text ? ask(c, "rows", text) : SQLITE_NOMEM;
			sqlite3_free(text);
		}
	return rc;
}

/*
 * The CPU time of minutes is that of their ticks, where both are there from the minute's begin to
 * its end; likewise that of hours.
 */
static const char minutes_agree[] =
	"WITH whole AS (SELECT (CAST(min(time) AS INTEGER) / 60 + 1) * 60 AS start,"
	" (SELECT value FROM meta WHERE key = 'minute_until') AS until FROM ticks),"
	" m AS (SELECT container, sum(cpu_usec) AS usec FROM minute_cpu, whole"
	" WHERE time >= start AND time < until GROUP BY 1),"
	" t AS (SELECT s.container, sum(s.cpu_usec) AS usec FROM whole"
	" CROSS JOIN ticks t ON t.time > start AND t.time <= until"
	" CROSS JOIN samples s ON " TIER_OF_TICK " GROUP BY 1)"
	" SELECT 'container ' || container || ' has ' || coalesce(m.usec, 0) || ' us of CPU in its"
	" minutes, ' || t.usec || ' in their ticks' FROM t LEFT JOIN m USING(container)"
	" WHERE coalesce(m.usec, 0) <> coalesce(t.usec, 0)";

static const char hours_agree[] =
	"WITH whole AS (SELECT (max((SELECT min(time) FROM minute_cpu),"
	" (SELECT min(time) FROM hour_cpu)) + 3599) / 3600 * 3600 AS start,"
	" (SELECT value FROM meta WHERE key = 'hour_until') AS until),"
	" h AS (SELECT container, sum(cpu_usec) AS usec FROM hour_cpu, whole"
	" WHERE time >= start AND time < until GROUP BY 1),"
	" m AS (SELECT container, sum(cpu_usec) AS usec FROM minute_cpu, whole"
	" WHERE time >= start AND time < until GROUP BY 1)"
	" SELECT 'container ' || container || ' has ' || coalesce(h.usec, 0) || ' us of CPU in its"
	" hours, ' || m.usec || ' in their minutes' FROM m LEFT JOIN h USING(container)"
	" WHERE coalesce(h.usec, 0) <> coalesce(m.usec, 0)";

static int run(struct check *c)
{
	struct rbce_error err = {0};
	int r = schema_open_reader(c->path, &c->db, &err), rc;

	if (r < 0) {
		log_error("%s", err.message);
		return EXIT_FAILURE;
	}
	if (r == 1) {
		printf("ok: it is empty\n");
		return EXIT_SUCCESS;
	}
	if (isatty(STDERR_FILENO))
		sqlite3_progress_handler(c->db, STEPS_EACH, beat, c);
	rc = ask(c, "pages", "PRAGMA integrity_check");
	if (rc == SQLITE_OK && !c->faults)
		rc = ask_orphans(c);
	if (rc == SQLITE_OK && !c->faults)
		rc = ask(c, "minutes", minutes_agree);
	if (rc == SQLITE_OK && !c->faults)
		rc = ask(c, "hours", hours_agree);
	if (c->beats)
		fputc('\n', stderr);
	if (rc != SQLITE_OK) {
		schema_error(c->db, rc, "read", c->path, &err);
		log_error("%s", err.message);
		return EXIT_FAILURE;
	}
	if (c->faults)
		log_error("cannot trust '%s': %zu faults", c->path, c->faults);
	else
		printf("ok\n");
	return c->faults ? EXIT_FAILURE : EXIT_SUCCESS;
}

int command_check(int argc, char **argv)
{
	struct check c = {0};
	const struct option_row options[] = {
		{"db", 0, "FILE", "the database", .value = &c.path},
		{.name = NULL},
	};
	const struct command_line line = {
		.usage = "check --db FILE",
		.about = "Says whether the database is whole, and its tiers agree with each other.",
		.options = options,
	};
	int at = options_parse(&line, argc, argv), status;

	if (at != argc || !c.path) {
		if (at != argc)
			log_error("cannot use '%s': check takes options only", argv[at]);
		else
			log_error("cannot check: --db FILE is missing");
		return EXIT_USAGE;
	}
	status = run(&c);
	sqlite3_close(c.db);
	return status;
}
