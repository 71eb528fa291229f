// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rule files as INI, through inih, without losing a byte of them.
 *
 * inih asks for one line at a time and calls back for each key while that line is the newest, so
 * the reader below always knows file and line. It also does what inih does not: section names of
 * any length (it hands on a short alias), empty sections, lines up to 64 KiB, keys that are
 * indented together with their section (only a deeper indentation continues a value), and lines
 * that are neither.
 */
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <limits.h>

#include "internal.h"
#include "util.h"

enum { LINE_MAX_SIZE = 65536 };

struct reader {
	struct raw *raw;
	size_t file;
	const char *at, *end; /* what is left of the text */
	unsigned line;        /* number of the newest line */
	size_t indent;        /* of the newest line */
	size_t key_indent;    /* of the newest key, SIZE_MAX before a section's first */
	bool has_section;
	bool continues; /* the newest line continues a value */
	bool expected;  /* the newest line has a key, which inih has not reported yet */
	bool failed;    /* out of memory */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* A line that was passed to inih as a key and came to nothing. */
static void note_unreported(struct reader *reader)
{
	if (reader->expected)
		raw_mistake(reader->raw, reader->file, reader->line,
			    "expected 'key = value' or a section in brackets");
	reader->expected = false;
}

static bool is_word(const char *text, size_t size, const char *word)
{
	return strlen(word) == size && memcmp(text, word, size) == 0;
}

/* "[KIND NAME]" without its brackets. */
static void read_header(struct reader *reader, const char *text, const char *end)
{
	const char *close = memrchr(text, ']', (size_t)(end - text));
	const char *kind = text + 1, *name, *rest;
	size_t kind_size;

	reader->has_section = false;
	for (rest = close ? close + 1 : end; close && rest < end && is_blank(*rest);)
		rest++;
	/* "[a] ; see [b]": the last bracket stands in the comment. */
	if (close) {
		const char *comment = memchr(text, ';', (size_t)(end - text));
		if (comment && comment < close)
			close = memrchr(text, ']', (size_t)(comment - text));
		rest = close ? close + 1 : end;
		while (close && rest < end && is_blank(*rest))
			rest++;
	}
	if (!close || (rest < end && *rest != ';' && *rest != '#')) {
		raw_mistake(reader->raw, reader->file, reader->line,
			    "expected ']' at the end of a section's name");
		return;
	}
	while (kind < close && is_blank(*kind))
		kind++;
	for (name = kind; name < close && !is_blank(*name);)
		name++;
	kind_size = (size_t)(name - kind);
	while (name < close && is_blank(*name))
		name++;
	while (close > name && is_blank(close[-1]))
		close--;
	if (!is_word(kind, kind_size, "rule") && !is_word(kind, kind_size, "container")) {
		raw_mistake(reader->raw, reader->file, reader->line,
			    "unknown section '%.*s': expected [rule NAME] or [container NAME]",
			    (int)kind_size, kind);
		return;
	}
	if (name == close) {
		raw_mistake(reader->raw, reader->file, reader->line, "this section has no name");
		return;
	}
	reader->failed |= raw_add_section(reader->raw, reader->file, reader->line, kind, kind_size,
					  name, (size_t)(close - name)) < 0;
	reader->has_section = true;
}

static bool begins_section(const char *text, const char *end)
{
	static const char *const headers[] = {"[rule", "[container"};

	for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
		if ((size_t)(end - text) > strlen(headers[i]) &&
		    memcmp(text, headers[i], strlen(headers[i])) == 0)
			return true;
	return false;
}

/* Takes the next line off the text, without its end; false at the end of it all. */
static bool next_line(struct reader *reader, const char **ret, const char **ret_end)
{
	const char *end;

	if (reader->at == reader->end)
		return false;
	*ret = reader->at;
	end = memchr(reader->at, '\n', (size_t)(reader->end - reader->at));
	reader->at = end ? end + 1 : reader->end;
	if (!end)
		end = reader->end;
	if (end > *ret && end[-1] == '\r')
		end--;
	*ret_end = end;
	reader->line++;
	return true;
}

static char *deliver(char *buffer, int size, const char *prefix, const char *text, size_t length)
{
	snprintf(buffer, (size_t)size, "%s%.*s\n", prefix, (int)length, text);
	return buffer;
}

/* Where an inline comment begins; inih cuts it off keys' own lines, not off continuations. */
static const char *cut_comment(const char *text, const char *end)
{
	for (const char *p = text + 1; p < end; p++)
		if (*p == ';' && is_blank(p[-1]))
			return p;
	return end;
}

/* inih's reader: a line for BUFFER, or NULL at the end. What is dealt with here becomes an empty
 * line. */
static char *read_line(char *buffer, int size, void *data)
{
	struct reader *reader = data;
	const char *line, *end, *text;

	note_unreported(reader);
	if (!next_line(reader, &line, &end))
		return NULL;
	reader->continues = false;
	for (text = line; text < end && is_blank(*text);)
		text++;
	while (end > text && is_blank(end[-1]))
		end--;
	reader->indent = (size_t)(text - line);
	if (text == end || *text == '#' || *text == ';')
		return deliver(buffer, size, "", "", 0);
	if (end - text >= LINE_MAX_SIZE || memchr(text, '\0', (size_t)(end - text))) {
		raw_mistake(reader->raw, reader->file, reader->line,
			    end - text >= LINE_MAX_SIZE ? "this line is longer than 64 KiB"
							: "this line has a NUL byte");
		return deliver(buffer, size, "", "", 0);
	}
	if (begins_section(text, end) || (*text == '[' && reader->indent <= reader->key_indent)) {
		read_header(reader, text, end);
		reader->key_indent = SIZE_MAX;
		/* The alias only makes inih forget the key before. */
		return deliver(buffer, size, "", "[-]", 3);
	}
	reader->expected = true;
	if (reader->key_indent != SIZE_MAX && reader->indent > reader->key_indent) {
		reader->continues = true;
		end = cut_comment(text, end);
		return deliver(buffer, size, " ", text, (size_t)(end - text));
	}
	return deliver(buffer, size, "", text, (size_t)(end - text));
}

/* inih's handler; the line that it speaks of is the newest. */
static int take_key(void *data, const char *section, const char *name, const char *value)
{
	struct reader *reader = data;
	struct raw *raw = reader->raw;
	struct raw_section *last;

	(void)section;
	reader->expected = false;
	if (!reader->continues)
		reader->key_indent = reader->indent;
	if (!reader->has_section) {
		if (raw->n_sections == 0 || raw->sections[raw->n_sections - 1].file != reader->file)
			raw_mistake(raw, reader->file, reader->line,
				    "'%s' stands before any section", name);
		return 1;
	}
	last = &raw->sections[raw->n_sections - 1];
	if (reader->continues)
		reader->failed |= raw_continue_key(last, value) < 0;
	else
		reader->failed |= raw_add_key(last, name, value, reader->line) < 0;
	return 1;
}

int reader_read(struct raw *raw, const char *name, const char *text, size_t size)
{
	static const char bom[] = "\xef\xbb\xbf";
	struct reader reader = {
		.raw = raw,
		.file = raw->n_files,
		.at = text,
		.end = text + size,
		.key_indent = SIZE_MAX,
	};
	char **files = reallocarray(raw->files, raw->n_files + 1, sizeof(*files));

	if (!files)
		return -ENOMEM;
	raw->files = files;
	files[raw->n_files] = strdup(name);
	if (!files[raw->n_files])
		return -ENOMEM;
	raw->n_files++;
	if (size >= 3 && memcmp(text, bom, 3) == 0)
		reader.at += 3;
	/* Settings of the library, the same for every user of it in this process. */
	ini_use_stack = false;
	ini_allow_realloc = false;
	ini_max_line = ini_initial_alloc = LINE_MAX_SIZE + 8;
	ini_allow_multiline = true;
	ini_allow_inline_comments = true;
	if (ini_parse_stream(read_line, &reader, take_key, &reader) == -2)
		return -ENOMEM;
	note_unreported(&reader);
	return reader.failed ? -ENOMEM : 0;
}
