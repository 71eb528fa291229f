// SPDX-License-Identifier: GPL-2.0-or-later
/* What a program says, on stderr or in the journal; see log.h. */
#include "log.h"

#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>

#include "util.h"

enum { FIELDS_MAX = 16, LOG_WAITING_MAX = 1024, LOG_FLUSH_SECONDS = 1 };

static const char *program = "rbce";
static enum log_level threshold = LOG_LEVEL_INFO;

/* sd_journal_sendv(3). Loaded where the journal is: other programs start faster without it. */
static int (*send_to_journal)(const struct iovec *parts, int n);
static bool to_journal;

static const int priorities[] = {
	[LOG_LEVEL_ERROR] = LOG_ERR,
	[LOG_LEVEL_WARNING] = LOG_WARNING,
	[LOG_LEVEL_INFO] = LOG_INFO,
	[LOG_LEVEL_DEBUG] = LOG_DEBUG,
};

/* systemd.exec(5): JOURNAL_STREAM names device and inode of the stream that it gave us. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

static bool load_journal(void)
{
	void *library = dlopen("libsystemd.so.0", RTLD_NOW);

	send_to_journal =
		library ? (int (*)(const struct iovec *, int))dlsym(library, "sd_journal_sendv")
			: NULL;
	return send_to_journal;
}

void log_open(const char *name, enum log_level level)
{
	const char *slash = strrchr(name, '/');

	program = slash ? slash + 1 : name;
	threshold = level;
	to_journal = stderr_is_journal() && load_journal();
}

const char *log_program(void)
{
	return program;
}

/* One event, ready to be written: a line, or the journal's fields. */
struct entry {
	struct entry *next;
	int n;
	struct iovec parts[FIELDS_MAX + 3]; /* what they point to is owned */
};

static void free_entry(struct entry *entry)
{
	for (int i = 0; i < entry->n; i++)
		free(entry->parts[i].iov_base);
	free(entry);
}

static void add_part(struct entry *entry, char *text, size_t size)
{
	entry->parts[entry->n++] = (struct iovec){text, size};
}

/* Adds "NAME=VALUE", NAME in capitals as the journal wants it. */
static void add_field(struct entry *entry, const char *prefix, const char *name, const char *value)
{
	char *text;
	int length = asprintf(&text, "%s%s=%s", prefix, name, value);

	if (length < 0)
		return;
	for (char *p = text; *p != '='; p++)
		*p = (char)toupper((unsigned char)*p);
	add_part(entry, text, (size_t)length);
}

static void fill_for_journal(struct entry *entry, enum log_level level, const char *message,
			     const struct log_field *fields, size_t n_fields)
{
	char priority[] = {(char)('0' + priorities[level]), '\0'};

	add_field(entry, "", "MESSAGE", message);
	add_field(entry, "", "PRIORITY", priority);
	add_field(entry, "", "SYSLOG_IDENTIFIER", program);
	for (size_t i = 0; i < n_fields && i < FIELDS_MAX; i++)
		if (fields[i].value)
			add_field(entry, "RBCE_", fields[i].key, fields[i].value);
}

/* A value with a space or a quote is quoted, and nothing in it breaks the line. */
static void print_value(FILE *out, const char *value)
{
	bool quoted = !*value || strpbrk(value, " \"'=");

	if (quoted)
		fputc('"', out);
	for (const char *p = value; *p; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			fputc('?', out);
		else if (quoted && (*p == '"' || *p == '\\'))
			fprintf(out, "\\%c", *p);
		else
			fputc(*p, out);
	}
	if (quoted)
		fputc('"', out);
}

static void fill_line(struct entry *entry, const char *message, const struct log_field *fields,
		      size_t n)
{
	char *line = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&line, &length);

	if (!out)
		return;
	fprintf(out, "%s: %s", program, message);
	for (size_t i = 0; i < n; i++) {
		if (!fields[i].value)
			continue;
		fprintf(out, " %s=", fields[i].key);
		print_value(out, fields[i].value);
	}
	fputc('\n', out);
	fclose(out);
	add_part(entry, line, length);
}

/*
 * One write for the whole line, so that programs sharing a terminal do not mix; and none by stdio,
 * whose lock would keep a program from ending whose log is not read.
 */
static void write_entry(const struct entry *entry)
{
	const char *text = entry->n ? entry->parts[0].iov_base : NULL;
	size_t left = text ? entry->parts[0].iov_len : 0;

	if (to_journal) {
		send_to_journal(entry->parts, entry->n);
		return;
	}
	while (left) {
		ssize_t n = write(STDERR_FILENO, text, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		text += n;
		left -= (size_t)n;
	}
}

/* ---- in the background ---- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t more, done;
	struct entry *first, **end;
	size_t n;      /* that wait, with the one that is being written */
	uint64_t lost; /* that found no room since the last that did */
	bool on;
	_Atomic uint64_t all_lost;
} queue = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.more = PTHREAD_COND_INITIALIZER,
	.done = PTHREAD_COND_INITIALIZER,
	.end = &queue.first,
};

/* False when there is no room: the entry is then still the caller's. */
static bool put(struct entry *entry)
{
	bool room;

	pthread_mutex_lock(&queue.lock);
	room = queue.n < LOG_WAITING_MAX;
	if (room) {
		*queue.end = entry;
		queue.end = &entry->next;
		queue.n++;
		pthread_cond_signal(&queue.more);
	} else {
		queue.lost++;
		queue.all_lost++;
	}
	pthread_mutex_unlock(&queue.lock);
	return room;
}

static struct entry *new_entry(enum log_level level, const char *message,
			       const struct log_field *fields, size_t n)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (entry && to_journal)
		fill_for_journal(entry, level, message, fields, n);
	else if (entry)
		fill_line(entry, message, fields, n);
	return entry;
}

static void say_lost(uint64_t lost)
{
	struct entry *entry;
	char text[64];

	snprintf(text, sizeof(text), "%" PRIu64 " messages were lost: the log was full", lost);
	entry = new_entry(LOG_LEVEL_WARNING, text, NULL, 0);
	if (entry) {
		write_entry(entry);
		free_entry(entry);
	}
}

static void *write_queue(void *data)
{
	pthread_mutex_lock(&queue.lock);
	for (;;) {
		struct entry *entry = queue.first;
		uint64_t lost = queue.lost;

		if (!entry) {
			pthread_cond_wait(&queue.more, &queue.lock);
			continue;
		}
		queue.first = entry->next;
		if (!queue.first)
			queue.end = &queue.first;
		queue.lost = 0;
		pthread_mutex_unlock(&queue.lock);
		write_entry(entry);
		free_entry(entry);
		if (lost)
			say_lost(lost);
		pthread_mutex_lock(&queue.lock);
		if (--queue.n == 0)
			pthread_cond_broadcast(&queue.done);
	}
	return data;
}

int log_in_background(void)
{
	pthread_t thread;
	int r = pthread_create(&thread, NULL, write_queue, NULL);

	if (r != 0)
		return -r;
	pthread_detach(thread);
	queue.on = true;
	return 0;
}

uint64_t log_lost(void)
{
	return queue.all_lost;
}

void log_flush(void)
{
	struct timespec until;
	int r = 0;

	if (!queue.on)
		return;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LOG_FLUSH_SECONDS;
	pthread_mutex_lock(&queue.lock);
	while (queue.n && r == 0)
		r = pthread_cond_timedwait(&queue.done, &queue.lock, &until);
	pthread_mutex_unlock(&queue.lock);
}

void log_event(enum log_level level, const char *message, const struct log_field *fields, size_t n)
{
	struct entry *entry;

	if (level > threshold)
		return;
	entry = new_entry(level, message, fields, n);
	if (!entry || (queue.on && put(entry)))
		return;
	if (!queue.on)
		write_entry(entry);
	free_entry(entry);
}

void log_message(enum log_level level, const char *format, ...)
{
	cleanup_free char *message = NULL;
	va_list ap;
	int n;

	if (level > threshold)
		return;
	va_start(ap, format);
	n = vasprintf(&message, format, ap);
	va_end(ap);
	if (n < 0)
		message = NULL;
	else
		log_event(level, one_line(message), NULL, 0);
}
