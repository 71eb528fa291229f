// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a daemon that starts again takes over: a line for each change, "NAME guard base limit frozen
 * delayed" with tabs between, of which the last one of a container counts. The handler's thread
 * appends them, by a write(2) of a text on its stack; the loop makes the file anew now and then.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"
#include "util.h"

enum { LINE_SIZE = RBCE_NAME_MAX + 128, SLACK = 1000 };

struct journal {
	struct journal_entry *table;
	int fd;
	size_t lines;
	char *path;
};

static bool is_empty(const struct journal_entry *entry)
{
	return !entry->guard && !entry->limit && !entry->frozen && !entry->delayed;
}

struct journal_entry *journal_find(struct journal *journal, const char *name)
{
	struct journal_entry *entry;

	HASH_FIND_STR(journal->table, name, entry);
	return entry;
}

struct journal_entry *journal_obtain(struct journal *journal, const char *name)
{
	struct journal_entry *entry = journal_find(journal, name);

	if (entry)
		return entry;
	entry = memory_reserve(sizeof(*entry));
	if (!entry)
		return NULL;
	snprintf(entry->name, sizeof(entry->name), "%s", name);
	HASH_ADD_STR(journal->table, name, entry);
	return journal_find(journal, name);
}

void journal_drop(struct journal *journal, const char *name)
{
	struct journal_entry *entry = journal_find(journal, name);

	if (!entry)
		return;
	if (!is_empty(entry)) {
		entry->guard = entry->base = entry->limit = 0;
		entry->frozen = entry->delayed = false;
		journal_write(journal, entry);
	}
	HASH_DEL(journal->table, entry);
	memory_release(entry, sizeof(*entry));
}

static int format(const struct journal_entry *entry, char *buf, size_t size)
{
	return snprintf(buf, size, "%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%d\t%d\n",
			entry->name, entry->guard, entry->base, entry->limit, entry->frozen,
			entry->delayed);
}

void journal_write(struct journal *journal, const struct journal_entry *entry)
{
	char line[LINE_SIZE];
	int n = format(entry, line, sizeof(line));

	/* Without room for it the container is none the less helped. */
	if (n > 0 && (size_t)n < sizeof(line) && write(journal->fd, line, (size_t)n) == n)
		journal->lines++;
}

static void read_line(struct journal *journal, char *line)
{
	struct journal_entry *entry, read;
	char *rest = strchr(line, '\t');
	int frozen, delayed;

	if (!rest || rest - line > RBCE_NAME_MAX)
		return;
	*rest++ = '\0';
	if (sscanf(rest, "%" SCNu64 "\t%" SCNu64 "\t%" SCNu64 "\t%d\t%d", &read.guard, &read.base,
		   &read.limit, &frozen, &delayed) != 5)
		return;
	entry = journal_obtain(journal, line);
	if (!entry)
		return;
	entry->guard = read.guard;
	entry->base = read.base;
	entry->limit = read.limit;
	entry->frozen = frozen;
	entry->delayed = delayed;
}

static void read_all(struct journal *journal)
{
	cleanup_file FILE *file = fopen(journal->path, "re");
	char line[LINE_SIZE];

	while (file && fgets(line, sizeof(line), file))
		read_line(journal, line);
}

/* The new file takes the old one's place when it is complete. */
static int write_all(struct journal *journal)
{
	cleanup_free char *path = NULL;
	cleanup_close int fd = -1;
	int before = journal->fd;

	if (asprintf(&path, "%s.new", journal->path) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	journal->fd = fd;
	journal->lines = 0;
	for (struct journal_entry *e = journal->table; e; e = e->hh.next)
		if (!is_empty(e))
			journal_write(journal, e);
	if (rename(path, journal->path) < 0) {
		journal->fd = before;
		return -errno;
	}
	if (before >= 0)
		close(before);
	(void)TAKE_FD(fd);
	return 0;
}

void journal_tidy(struct journal *journal)
{
	if (journal->lines > HASH_COUNT(journal->table) + SLACK)
		write_all(journal);
}

int journal_open(const char *path, struct journal **ret)
{
	struct journal *journal = calloc(1, sizeof(*journal));
	int r;

	if (!journal)
		return -ENOMEM;
	journal->fd = -1;
	journal->path = strdup(path);
	if (journal->path)
		read_all(journal);
	r = journal->path ? write_all(journal) : -ENOMEM;
	if (r < 0)
		journal_close(journal);
	else
		*ret = journal;
	return r;
}

struct journal *journal_close(struct journal *journal)
{
	struct journal_entry *entry, *next;

	if (!journal)
		return NULL;
	if (journal->fd >= 0)
		write_all(journal);
	HASH_ITER (hh, journal->table, entry, next) {
		HASH_DEL(journal->table, entry);
		memory_release(entry, sizeof(*entry));
	}
	if (journal->fd >= 0)
		close(journal->fd);
	free(journal->path);
	free(journal);
	return NULL;
}
