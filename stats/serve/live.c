// SPDX-License-Identifier: GPL-2.0-or-later
/* Frames of server-sent events; see live.h. */
#include "live.h"

#include <inttypes.h>

#include "api.h"
#include "rows.h"
#include "stats/show/listing.h"
#include "stats/store/schema.h"
#include "stats/store/tiers.h"
#include "util.h"

/* What charts show of a container as it goes on, as the views call it. */
#define LIVE_METRICS                                                                               \
	"cpu_seconds, cpu_user_seconds, cpu_system_seconds, throttled_seconds,"                    \
	" memory_bytes, memory_anon_bytes, memory_file_bytes, swap_bytes, io_read_bytes,"          \
	" io_written_bytes, io_reads, io_writes, pids, cpu_pressure_some_seconds,"                 \
	" cpu_pressure_full_seconds, memory_pressure_some_seconds,"                                \
	" memory_pressure_full_seconds, io_pressure_some_seconds, io_pressure_full_seconds"

enum { EVENTS_MOST = 100 };

struct frame *frame_free(struct frame *frame)
{
	if (frame && --frame->references == 0) {
		free(frame->text);
		free(frame);
	}
	return NULL;
}

static struct frame *frame_new(void)
{
	struct frame *frame = calloc(1, sizeof(*frame));

	if (frame)
		frame->references = 1;
	return frame;
}

struct frame *live_comment(void)
{
	struct frame *frame = frame_new();

	if (frame)
		frame->text = strdup(":\n\n");
	if (!frame || !frame->text)
		return frame_free(frame);
	frame->size = strlen(frame->text);
	return frame;
}

/* The columns after the first as a list of names, and each row as a list. */
static int write_rows(sqlite3_stmt *statement, FILE *out)
{
	bool first = true;
	int rc;

	fputs("\"metrics\": [", out);
	for (int i = 1; i < sqlite3_column_count(statement); i++)
		fprintf(out, "%s\"%s\"", i > 1 ? "," : "", sqlite3_column_name(statement, i));
	fputs("], \"rows\": [", out);
	for (; (rc = sqlite3_step(statement)) == SQLITE_ROW; first = false) {
		fputs(first ? "[" : ",[", out);
		for (int i = 0; i < sqlite3_column_count(statement); i++) {
			if (i > 0)
				fputc(',', out);
			rows_value(statement, i, out);
		}
		fputc(']', out);
	}
	fputs("]", out);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int write_usage(sqlite3 *db, int64_t tick, FILE *out)
{
	sqlite3_stmt *statement = NULL;
	int rc = sqlite3_prepare_v2(db,
				    "SELECT container, period, " LIVE_METRICS
				    " FROM usage WHERE time = ?1",
				    -1, &statement, NULL);

	if (rc == SQLITE_OK)
		rc = schema_bind_time(statement, 1, tick);
	if (rc == SQLITE_OK)
		rc = write_rows(statement, out);
	sqlite3_finalize(statement);
	return rc;
}

/* Those since the tick before. */
static int write_events(sqlite3 *db, int64_t from, int64_t tick, FILE *out)
{
	sqlite3_stmt *statement = NULL;
	int rc = sqlite3_prepare_v2(db,
				    "SELECT time, container, event, action FROM events WHERE"
				    " time > ?1 AND time <= ?2 ORDER BY time DESC LIMIT ?3",
				    -1, &statement, NULL);

	if (rc == SQLITE_OK)
		rc = schema_bind_time(statement, 1, from);
	if (rc == SQLITE_OK)
		rc = schema_bind_time(statement, 2, tick);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int(statement, 3, EVENTS_MOST);
	fputs(", \"events\": ", out);
	if (rc == SQLITE_OK)
		return rows_write(statement, out, NULL);
	sqlite3_finalize(statement);
	return rc;
}

/* What each disk did since the tick before, of the containers that it did anything for. */
static int write_devices(sqlite3 *db, int64_t tick, FILE *out)
{
	sqlite3_stmt *statement = NULL;
	int rc = sqlite3_prepare_v2(db,
				    "SELECT container, device, name, period, io_read_bytes,"
				    " io_written_bytes FROM v_io_devices WHERE time = ?1",
				    -1, &statement, NULL);

	if (rc == SQLITE_OK)
		rc = schema_bind_time(statement, 1, tick);
	fputs(", \"devices\": ", out);
	if (rc == SQLITE_OK)
		return rows_write(statement, out, NULL);
	sqlite3_finalize(statement);
	return rc;
}

static int write_frame(struct live *live, sqlite3 *db, int64_t tick, FILE *out)
{
	int rc;

	fprintf(out, "id: %" PRId64 "\nevent: tick\ndata: {\"time\": ", tick);
	listing_number(out, (double)tick / 1000);
	fputs(", ", out);
	rc = write_usage(db, tick, out);
	if (rc == SQLITE_OK)
		rc = write_events(db, live->tick ?: tick - 1, tick, out);
	if (rc == SQLITE_OK)
		rc = write_devices(db, tick, out);
	fputs("}\n\n", out);
	return rc;
}

/* Lines end a field of the stream: rows are divided by some. */
static void join_lines(char *text)
{
	char *data = strstr(text, "data: ");

	for (char *p = data; p && p[0] && p[1] && p[2]; p++)
		if (*p == '\n')
			*p = ' ';
}

static int make_frame(struct live *live, sqlite3 *db, int64_t tick, struct frame **ret)
{
	struct frame *frame = frame_new();
	FILE *out = frame ? open_memstream(&frame->text, &frame->size) : NULL;
	int rc;

	if (!out) {
		frame_free(frame);
		return -ENOMEM;
	}
	rc = write_frame(live, db, tick, out);
	if (fclose(out) != 0 || rc != SQLITE_OK) {
		frame_free(frame);
		return -EIO;
	}
	join_lines(frame->text);
	*ret = frame;
	return 1;
}

/* Each minute has a tick with a row of all that are there: no older ones need to be looked at. */
static int write_newest(struct question *q, int64_t tick, FILE *out)
{
	sqlite3_stmt *statement = NULL;
	int rc = sqlite3_prepare_v2(
		q->db,
		"SELECT u.container, u.time, u.period, " LIVE_METRICS " FROM containers c"
		" JOIN usage u ON u.generation = c.id AND u.time ="
		" (SELECT t.time FROM ticks t CROSS JOIN samples s"
		" ON s.at = " TIER_AT(
			"t.id", "c.id") " WHERE t.time > ?1 AND t.time <= ?2"
					" ORDER BY t.time DESC LIMIT 1) WHERE c.last_seen IS NULL",
		-1, &statement, NULL);

	if (rc == SQLITE_OK)
		rc = schema_bind_time(statement, 1, tick - 2 * SCHEMA_HEARTBEAT_MS);
	if (rc == SQLITE_OK)
		rc = schema_bind_time(statement, 2, tick);
	if (rc == SQLITE_OK)
		rc = write_rows(statement, out);
	sqlite3_finalize(statement);
	return rc;
}

int api_now(struct question *q, FILE *out)
{
	int64_t tick = 0;
	int rc =
		q->db ? schema_integer(q->db, "SELECT max(last_tick) FROM runs", &tick) : SQLITE_OK;

	fputs("{\"time\": ", out);
	listing_number(out, (double)tick / 1000);
	fputs(", ", out);
	if (!q->db)
		fputs("\"metrics\": [], \"rows\": []", out);
	else if (rc == SQLITE_OK)
		rc = write_newest(q, tick, out);
	fputs("}\n", out);
	return rc == SQLITE_OK ? 0 : api_fail(q, rc);
}

int live_look(struct live *live, struct frame **ret)
{
	uint64_t version = reader_version(live->server->reader);
	int64_t tick = 0;
	sqlite3 *db = NULL;
	int r;

	if (version && version == live->version)
		return 0;
	r = reader_begin(live->server->reader, &db, NULL);
	if (r == 0 && schema_integer(db, "SELECT max(last_tick) FROM runs", &tick) != SQLITE_OK)
		r = -EIO;
	live->version = r == 0 ? reader_version(live->server->reader) : 0;
	if (r == 0 && tick > live->tick) {
		r = make_frame(live, db, tick, ret);
		live->tick = tick;
	}
	reader_end(live->server->reader);
	return r == 1 && !db ? 0 : r;
}
