// SPDX-License-Identifier: GPL-2.0-or-later
/* Rows of a query as JSON; see rows.h. */
#include "rows.h"

#include <json-c/json.h>

#include "stats/show/listing.h"
#include "util.h"

void rows_value(sqlite3_stmt *row, int column, FILE *out)
{
	switch (sqlite3_column_type(row, column)) {
	case SQLITE_NULL:
		fputs("null", out);
		break;
	case SQLITE_INTEGER:
		fprintf(out, "%lld", (long long)sqlite3_column_int64(row, column));
		break;
	case SQLITE_FLOAT:
		listing_number(out, sqlite3_column_double(row, column));
		break;
	default:
		listing_json_text(out, (const char *)sqlite3_column_text(row, column) ?: "");
		break;
	}
}

/* What the database has as JSON, if it is that; else as text. */
static void write_json(sqlite3_stmt *row, int column, FILE *out)
{
	const char *text = (const char *)sqlite3_column_text(row, column) ?: "";
	struct json_object *object = json_tokener_parse(text);

	if (object)
		fputs(json_object_to_json_string_ext(
			      object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
		      out);
	else
		listing_json_text(out, text);
	json_object_put(object);
}

static void write_row(sqlite3_stmt *row, FILE *out)
{
	bool first = true;

	fputc('{', out);
	for (int i = 0; i < sqlite3_column_count(row); i++) {
		const char *name = sqlite3_column_name(row, i);

		if (name[0] == '.')
			continue;
		fprintf(out, "%s\"%s\": ", first ? "" : ", ", name + (name[0] == '@'));
		first = false;
		if (name[0] == '@')
			write_json(row, i, out);
		else
			rows_value(row, i, out);
	}
	fputc('}', out);
}

int rows_write(sqlite3_stmt *statement, FILE *out, size_t *ret_n)
{
	size_t n = 0;
	int rc;

	fputc('[', out);
	for (; (rc = sqlite3_step(statement)) == SQLITE_ROW; n++) {
		fputs(n ? ",\n" : "\n", out);
		write_row(statement, out);
	}
	fputs("]", out);
	sqlite3_finalize(statement);
	if (ret_n)
		*ret_n = n;
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}
