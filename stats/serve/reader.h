/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The database as the server has it: read-only, opened anew when the file at its path is another
 * one, and never read for longer than a moment.
 */
#ifndef STATS_SERVE_READER_H
#define STATS_SERVE_READER_H

#include <rbce/error.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

struct reader;

/* PATH must outlive it. It need not exist yet. -ENOMEM. */
int reader_new(const char *path, struct reader **ret);
struct reader *reader_free(struct reader *r);
const char *reader_path(const struct reader *r);

/*
 * The database, to be read as it stands now until reader_end(): at most for a few seconds, then
 * SQLite's calls fail and reader_expired() is true. 1 when there is none yet or it is empty.
 */
int reader_begin(struct reader *r, sqlite3 **ret, struct rbce_error *err);
void reader_end(struct reader *r);
bool reader_expired(const struct reader *r);

/* Another number after each change of the database, as long as the server runs. */
uint64_t reader_version(struct reader *r);

#endif
