// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rule files as INI, through inih, without losing a byte of them.
 *
 * inih asks for one line at a time and calls back for a key while that key's line is the newest, so
 * the reader below always knows file and line. It also does what inih does not: lines up to 64 KiB,
 * section names of any length (inih gets a short alias), empty and repeated sections, comments
 * behind continuation lines, and keys that are indented together with their section: only a line
 * that is indented deeper than its key continues the value.
 */
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>

#include "internal.h"
#include "util.h"

enum { LINE_SIZE_MAX = 65536, TAB_WIDTH = 8 };

/* Where a key's line stands, for a line that no key precedes. */
#define NO_KEY SIZE_MAX

/* What a line is to inih. */
enum line_kind { LINE_NOTHING, LINE_HEADER, LINE_KEY, LINE_CONTINUATION };

struct reader {
	struct raw *raw;
	size_t file;
	const char *at, *end; /* what is left of the text */
	unsigned line;        /* number of the newest line */
	enum { BEFORE_SECTIONS, IN_BAD_SECTION, IN_INCLUDE, IN_SECTION } where;
	size_t key_column; /* of the newest key's line, or NO_KEY */
	bool key_good;     /* that line gave a key */
	enum line_kind newest;
	bool awaited; /* the newest line has a key, which inih has not reported yet */
	bool failed;  /* out of memory */
	reader_include_fn *include;
	void *include_data;
};

/* A line without the white space around it and the comment behind it. */
struct line {
	const char *text;
	size_t size;
	size_t column; /* of its first character, tabs counted */
};

static bool is_space(char c)
{
	return isspace((unsigned char)c);
}

static struct raw_section *section(struct reader *reader)
{
	return &reader->raw->sections[reader->raw->n_sections - 1];
}

__attribute__((format(printf, 2, 3))) static void fault(struct reader *reader, const char *format,
							...)
{
	char text[RBCE_ERROR_SIZE];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	raw_mistake(reader->raw, reader->file, reader->line, "%s", text);
	if (reader->where == IN_SECTION)
		section(reader)->faulty = true;
}

/* Where C stands behind white space, or at the beginning; the end when it does nowhere. */
static size_t find_comment(const char *text, size_t size, char c)
{
	for (size_t i = 0; i < size; i++)
		if (text[i] == c && (i == 0 || is_space(text[i - 1])))
			return i;
	return size;
}

/* How much of a text of SIZE bytes a message shows. */
static int shown(size_t size)
{
	return size < 200 ? (int)size : 200;
}

static void strip_end(struct line *line)
{
	while (line->size && is_space(line->text[line->size - 1]))
		line->size--;
}

/* Takes the next line off the text; false at the end of it all. A comment gives an empty line. */
static bool next_line(struct reader *reader, struct line *ret)
{
	const char *text = reader->at, *end;
	size_t column = 0;

	if (text == reader->end)
		return false;
	end = memchr(text, '\n', (size_t)(reader->end - text));
	reader->at = end ? end + 1 : reader->end;
	reader->line++;
	if (!end)
		end = reader->end;
	for (; text < end && is_space(*text); text++)
		column = *text == '\t' ? (column / TAB_WIDTH + 1) * TAB_WIDTH : column + 1;
	*ret = (struct line){text, (size_t)(end - text), column};
	if (ret->size && (*text == ';' || *text == '#'))
		ret->size = 0;
	strip_end(ret);
	return true;
}

/* What no line may have. Notes it. */
static bool check_line(struct reader *reader, const struct line *line)
{
	if (line->size > LINE_SIZE_MAX) {
		fault(reader, "this line is longer than 64 KiB");
		return false;
	}
	for (size_t i = 0; i < line->size; i++) {
		unsigned char c = (unsigned char)line->text[i];

		if (c == '\0')
			fault(reader, "this line has a NUL byte");
		else if ((c < ' ' && c != '\t') || c == 0x7f)
			fault(reader, "this line has a control character (0x%02x)", c);
		else
			continue;
		return false;
	}
	return true;
}

static bool is_word(const char *text, size_t size, const char *word)
{
	return strlen(word) == size && memcmp(text, word, size) == 0;
}

/* The word at the beginning of TEXT. */
static size_t word_size(const char *text, size_t size)
{
	size_t n = 0;

	while (n < size && !is_space(text[n]))
		n++;
	return n;
}

static void include(struct reader *reader, const char *path, size_t size)
{
	cleanup_free char *copy = strndup(path, size);

	reader->where = IN_INCLUDE;
	if (!reader->include)
		fault(reader, "no file can be included here");
	else if (!copy ||
		 reader->include(reader->include_data, reader->file, reader->line, copy) < 0)
		reader->failed = true;
}

/* Kinds of sections by the first word in their brackets. */
static const struct {
	const char *word;
	bool has_name;
	enum section_kind kind;
} headers[] = {
	{"rule", true, SECTION_RULE},
	{"container", true, SECTION_CONTAINER},
	{"defaults", false, SECTION_DEFAULTS},
	{"enforce", false, SECTION_ENFORCE},
	{"include", true, 0},
};
enum { HEADER_INCLUDE = ARRAY_SIZE(headers) - 1 };

/* The row of the word at TEXT; ARRAY_SIZE(headers) for none. */
static size_t find_header(const char *text, size_t size)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(headers) && !is_word(text, size, headers[i].word))
		i++;
	return i;
}

/* What stands in the brackets of a section's header, from TEXT to END. */
static void read_section(struct reader *reader, const char *text, const char *end)
{
	size_t size = word_size(text, (size_t)(end - text)), i = find_header(text, size);

	if (i == ARRAY_SIZE(headers)) {
		fault(reader,
		      "unknown section '%.*s': expected [rule NAME], [container NAME], [defaults], "
		      "[enforce] or [include FILE]",
		      shown(size), text);
		return;
	}
	for (text += size; text < end && is_space(*text);)
		text++;
	if (headers[i].has_name && text == end)
		fault(reader, "this section has no name");
	else if (!headers[i].has_name && text < end)
		fault(reader, "a [%s] section has no name", headers[i].word);
	else if (i == HEADER_INCLUDE)
		include(reader, text, (size_t)(end - text));
	else if (raw_add_section(reader->raw, headers[i].kind, reader->file, text,
				 (size_t)(end - text), reader->line) < 0)
		reader->failed = true;
	else
		reader->where = IN_SECTION;
}

/* "[KIND NAME]" */
static void read_header(struct reader *reader, const struct line *line)
{
	const char *text = line->text + 1, *end = line->text + line->size - 1;

	reader->where = IN_BAD_SECTION;
	reader->key_column = NO_KEY;
	if (*end != ']') {
		fault(reader, "expected ']' at the end of a section's name");
		return;
	}
	while (text < end && is_space(*text))
		text++;
	while (end > text && is_space(end[-1]))
		end--;
	read_section(reader, text, end);
}

static bool is_deeper(const struct reader *reader, const struct line *line)
{
	return reader->key_column != NO_KEY && line->column > reader->key_column;
}

/*
 * Does the line begin a section? A value may go on with a '[', but a header that is only indented
 * too far is meant as one.
 */
static bool is_header(const struct reader *reader, const struct line *line)
{
	size_t n;

	if (*line->text != '[')
		return false;
	if (!is_deeper(reader, line))
		return true;
	n = word_size(line->text + 1, line->size - 1);
	if (n && line->text[n] == ']')
		n--;
	return find_header(line->text + 1, n) < ARRAY_SIZE(headers);
}

/* A line "KEY = ..." below another key's value, indented so deep that it would go on with it. */
static bool hides_key(struct reader *reader, const struct line *line)
{
	const char *equals = memchr(line->text, '=', line->size);
	struct line name = {line->text, equals ? (size_t)(equals - line->text) : 0, 0};

	strip_end(&name);
	if (reader->where != IN_SECTION ||
	    !parse_knows_key(section(reader)->kind, name.text, name.size))
		return false;
	fault(reader, "'%.*s' is indented deeper than the key above and would go on with its value",
	      shown(name.size), name.text);
	return true;
}

static enum line_kind tell_kind(const struct reader *reader, const struct line *line)
{
	if (line->size == 0)
		return LINE_NOTHING;
	if (is_header(reader, line))
		return LINE_HEADER;
	if (reader->where == IN_BAD_SECTION)
		return LINE_NOTHING;
	return is_deeper(reader, line) ? LINE_CONTINUATION : LINE_KEY;
}

/* What the newest line is, after looking at it; LINE_NOTHING for one that is wrong. */
static enum line_kind take_line(struct reader *reader, struct line *line)
{
	enum line_kind kind;

	if (!check_line(reader, line)) {
		reader->key_good = false;
		if (is_header(reader, line))
			reader->where = IN_BAD_SECTION;
		return LINE_NOTHING;
	}
	line->size = find_comment(line->text, line->size, ';');
	strip_end(line);
	kind = tell_kind(reader, line);
	switch (kind) {
	case LINE_NOTHING:
		return kind;
	case LINE_HEADER:
		read_header(reader, line);
		return kind;
	case LINE_KEY:
		reader->key_column = line->column;
		reader->key_good = false;
		return kind;
	case LINE_CONTINUATION:
		/* What goes on with a line that was wrong is part of that mistake. */
		if (!reader->key_good || hides_key(reader, line))
			return LINE_NOTHING;
	}
	return kind;
}

/* A line that was passed to inih as a key and came to nothing. */
static void note_unreported(struct reader *reader)
{
	if (reader->awaited)
		fault(reader, "expected 'key = value' or a section in brackets");
	reader->awaited = false;
}

/* inih's reader: a line for BUFFER, or NULL at the end. What was dealt with here becomes an empty
 * line, a section's header a short one. */
static char *read_line(char *buffer, int size, void *data)
{
	static const struct line alias = {"[section]", sizeof("[section]") - 1, 0};
	struct reader *reader = data;
	struct line line;

	note_unreported(reader);
	if (!next_line(reader, &line))
		return NULL;
	reader->newest = take_line(reader, &line);
	reader->awaited = reader->newest == LINE_KEY;
	if (reader->newest == LINE_NOTHING)
		line.size = 0;
	else if (reader->newest == LINE_HEADER)
		line = alias;
	/* White space at the beginning is what tells inih of a continuation. */
	snprintf(buffer, (size_t)size, "%s%.*s\n", reader->newest == LINE_CONTINUATION ? " " : "",
		 (int)line.size, line.text);
	return buffer;
}

/* inih's handler; the line that it speaks of is the newest. */
static int take_key(void *data, const char *name_of_section, const char *name, const char *value)
{
	struct reader *reader = data;
	int r;

	(void)name_of_section;
	reader->awaited = false;
	if (reader->where == BEFORE_SECTIONS) {
		fault(reader, QUOTED " stands before any section", name);
		return 1;
	}
	if (reader->where == IN_INCLUDE) {
		fault(reader, QUOTED " stands in an [include FILE], which has no keys", name);
		return 1;
	}
	if (!*name) {
		fault(reader, "a key is missing before '='");
		return 1;
	}
	if (value[find_comment(value, strlen(value), '#')]) {
		fault(reader,
		      "'#' begins a comment at the start of a line only; elsewhere ';' does");
		return 1;
	}
	/* A comment may also follow the '=' directly. */
	if (*value == ';')
		value = "";
	r = reader->newest == LINE_CONTINUATION
		    ? raw_continue_key(section(reader), value)
		    : raw_add_key(section(reader), name, value, reader->line);
	reader->failed |= r < 0;
	reader->key_good = true;
	return 1;
}

int reader_read(struct raw *raw, const char *name, const char *text, size_t size,
		reader_include_fn *include_file, void *data)
{
	static const char bom[] = "\xef\xbb\xbf";
	struct reader reader = {
		.raw = raw,
		.file = raw->n_files,
		.at = text,
		.end = text + size,
		.key_column = NO_KEY,
		.include = include_file,
		.include_data = data,
	};

	if (raw_add_file(raw, name) < 0)
		return -ENOMEM;
	if (size >= strlen(bom) && memcmp(text, bom, strlen(bom)) == 0)
		reader.at += strlen(bom);
	/* Settings of the library, for every user of it in this process. The line has room for a
	 * blank before it, and "\n" and "\0" behind. */
	ini_use_stack = false;
	ini_allow_realloc = false;
	ini_max_line = ini_initial_alloc = LINE_SIZE_MAX + 3;
	ini_allow_multiline = true;
	ini_allow_inline_comments = true;
	if (ini_parse_stream(read_line, &reader, take_key, &reader) == -2)
		return -ENOMEM;
	return reader.failed ? -ENOMEM : 0;
}
