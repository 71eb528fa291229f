// SPDX-License-Identifier: GPL-2.0-or-later
/* What a program says, on stderr or in the journal; see log.h. */
#include "log.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <systemd/sd-journal.h>

#include "util.h"

enum { FIELDS_MAX = 16 };

static const char *program = "rbce";
static enum log_level threshold = LOG_LEVEL_INFO;
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

void log_open(const char *name, enum log_level level)
{
	const char *slash = strrchr(name, '/');

	program = slash ? slash + 1 : name;
	threshold = level;
	to_journal = stderr_is_journal();
}

const char *log_program(void)
{
	return program;
}

/* Adds "NAME=VALUE", NAME in capitals as the journal wants it. */
static void add_field(struct iovec *vector, int *n, const char *prefix, const char *name,
		      const char *value)
{
	char *text;
	int length = asprintf(&text, "%s%s=%s", prefix, name, value);

	if (length < 0)
		return;
	for (char *p = text; *p != '='; p++)
		*p = (char)toupper((unsigned char)*p);
	vector[*n].iov_base = text;
	vector[(*n)++].iov_len = (size_t)length;
}

static void send_to_journal(enum log_level level, const char *message,
			    const struct log_field *fields, size_t n_fields)
{
	struct iovec vector[FIELDS_MAX + 3];
	char priority[] = {(char)('0' + priorities[level]), '\0'};
	int n = 0;

	add_field(vector, &n, "", "MESSAGE", message);
	add_field(vector, &n, "", "PRIORITY", priority);
	add_field(vector, &n, "", "SYSLOG_IDENTIFIER", program);
	for (size_t i = 0; i < n_fields && i < FIELDS_MAX; i++)
		if (fields[i].value)
			add_field(vector, &n, "RBCE_", fields[i].key, fields[i].value);
	sd_journal_sendv(vector, n);
	while (n > 0)
		free(vector[--n].iov_base);
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

void log_event(enum log_level level, const char *message, const struct log_field *fields, size_t n)
{
	cleanup_free char *line = NULL;
	size_t length = 0;
	FILE *out;

	if (level > threshold)
		return;
	if (to_journal) {
		send_to_journal(level, message, fields, n);
		return;
	}
	/* One write for the whole line, so that programs sharing a terminal do not mix. */
	out = open_memstream(&line, &length);
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
	fwrite(line, 1, length, stderr);
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
		log_event(level, message, NULL, 0);
}
