// SPDX-License-Identifier: GPL-2.0-or-later
/* Tables, JSON and CSV; see listing.h. */
#include "listing.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>

#include "cli/log.h"
#include "util.h"

struct listing {
	enum listing_form form;
	const struct table_column *columns;
	size_t n;
	struct table *table;
	char **cells; /* of the row that is being filled, for CSV */
	bool filled;
};

int listing_form(bool json, bool csv, enum listing_form *ret)
{
	if (json && csv) {
		log_error("cannot use --csv with --json: give one of them");
		return -EINVAL;
	}
	*ret = json ? LISTING_JSON : csv ? LISTING_CSV : LISTING_TABLE;
	return 0;
}

void listing_csv_text(FILE *out, const char *text)
{
	if (!strpbrk(text, "\",\r\n")) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

void listing_json_text(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		if ((unsigned char)*text < ' ')
			fprintf(out, "\\u%04x", (unsigned char)*text);
		else if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else
			fputc(*text, out);
	}
	fputc('"', out);
}

/* As printf(3) would, in a fraction of its time. */
void listing_number(FILE *out, double value)
{
	char digits[40], *at = digits + sizeof(digits);
	uint64_t whole, millionths;
	int places = 6;

	if (value < 0 || value >= 1e12) {
		fprintf(out, "%.*f", value == floor(value) ? 0 : 6, value);
		return;
	}
	millionths = (uint64_t)(value * 1e6 + 0.5);
	whole = millionths / 1000000;
	millionths %= 1000000;
	*--at = '\0';
	for (; places > 0 && millionths % 10 == 0; places--)
		millionths /= 10;
	for (int i = 0; i < places; i++, millionths /= 10)
		*--at = (char)('0' + millionths % 10);
	if (places > 0)
		*--at = '.';
	do {
		*--at = (char)('0' + whole % 10);
		whole /= 10;
	} while (whole);
	fputs_unlocked(at, out);
}

static void out_of_memory(void)
{
	log_error("cannot print the listing: out of memory");
	exit(EXIT_FAILURE);
}

static bool is_left_out(const struct listing *l, size_t column)
{
	return l->columns[column].human_only;
}

struct listing *listing_new(const char *name, const struct table_column *columns, size_t n,
			    enum listing_form form)
{
	struct listing *l = calloc(1, sizeof(*l));
	bool first = true;

	if (!l || !(l->cells = calloc(n, sizeof(*l->cells))))
		out_of_memory();
	l->form = form;
	l->columns = columns;
	l->n = n;
	if (form != LISTING_CSV) {
		l->table = table_new(name, columns, n, form == LISTING_JSON);
		return l;
	}
	for (size_t i = 0; i < n; i++) {
		if (is_left_out(l, i))
			continue;
		printf("%s", first ? "" : ",");
		listing_csv_text(stdout, columns[i].key);
		first = false;
	}
	printf("\n");
	return l;
}

static void write_row(struct listing *l)
{
	bool first = true;

	for (size_t i = 0; i < l->n && l->filled; i++) {
		if (is_left_out(l, i))
			continue;
		if (!first)
			putchar(',');
		if (l->cells[i])
			listing_csv_text(stdout, l->cells[i]);
		first = false;
	}
	if (l->filled)
		putchar('\n');
	for (size_t i = 0; i < l->n; i++)
		free(TAKE_PTR(l->cells[i]));
	l->filled = false;
}

void listing_row(struct listing *l)
{
	if (l->table) {
		table_row(l->table, -1);
		return;
	}
	write_row(l);
	l->filled = true;
}

void listing_set(struct listing *l, size_t column, const char *format, ...)
{
	char *text;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0)
		out_of_memory();
	if (l->table) {
		table_set(l->table, column, "%s", text);
		free(text);
	} else {
		free(l->cells[column]);
		l->cells[column] = text;
	}
}

int listing_finish(struct listing *l)
{
	int r = 0;

	if (l->table)
		r = table_finish(l->table);
	else
		write_row(l);
	if (!l->table && (fflush(stdout) != 0 || ferror(stdout)))
		r = errno ? -errno : -EIO;
	free(l->cells);
	free(l);
	return r;
}
