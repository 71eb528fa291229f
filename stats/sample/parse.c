// SPDX-License-Identifier: GPL-2.0-or-later
/* Numbers out of the texts of control files; see parse.h. */
#include "parse.h"

#include <string.h>

#include "util.h"

/* The number at the start of TEXT, which must end there at a space or the line's end. */
static bool number_at(const char *text, uint64_t *ret)
{
	uint64_t value = 0;

	if (*text < '0' || *text > '9')
		return false;
	for (; *text >= '0' && *text <= '9'; text++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
			return false;
	if (*text && *text != '\n' && *text != ' ')
		return false;
	*ret = value;
	return true;
}

static struct parse_field *field_of(struct parse_field *fields, size_t n, const char *key,
				    size_t length)
{
	for (size_t i = 0; i < n; i++)
		if (fields[i].length == length && memcmp(fields[i].key, key, length) == 0)
			return &fields[i];
	return NULL;
}

static void set(struct parse_field *field, const char *text)
{
	if (field && number_at(text, &field->value))
		field->found = true;
}

static void add(struct parse_field *field, const char *text)
{
	uint64_t value;

	if (field && number_at(text, &value))
		field->value += value;
}

/* Length of the word at TEXT. */
static size_t word(const char *text)
{
	return strcspn(text, " \n");
}

static void parse_keys(const char *line, struct parse_field *fields, size_t n)
{
	size_t length = word(line);

	if (line[length] == ' ')
		set(field_of(fields, n, line, length), line + length + 1);
}

static void parse_device(const char *line, struct parse_field *fields, size_t n)
{
	size_t device = word(line), length;
	const char *key = line + device + 1;

	if (line[device] != ' ')
		return;
	length = word(key);
	if (key[length] == ' ')
		add(field_of(fields, n, key, length), key + length + 1);
}

static void parse_nested(const char *line, struct parse_field *fields, size_t n)
{
	for (line += word(line); *line == ' '; line += word(line)) {
		size_t length;

		line++;
		length = strcspn(line, "= \n");
		if (line[length] == '=')
			add(field_of(fields, n, line, length), line + length + 1);
	}
}

static void parse_pressure(const char *line, struct parse_field *fields, size_t n)
{
	static const char total[] = "total=";
	struct parse_field *field = field_of(fields, n, line, word(line));

	for (line += word(line); *line == ' '; line += word(line)) {
		line++;
		if (strncmp(line, total, strlen(total)) == 0)
			set(field, line + strlen(total));
	}
}

static void parse_value(const char *line, struct parse_field *fields, size_t n)
{
	if (n > 0 && !fields[0].found)
		set(&fields[0], line);
}

static void parse_second(const char *line, struct parse_field *fields, size_t n)
{
	size_t length = word(line);

	if (n > 0 && !fields[0].found && line[length] == ' ')
		set(&fields[0], line + length + 1);
}

static void parse_sum(const char *line, struct parse_field *fields, size_t n)
{
	size_t length = word(line);

	if (n > 0 && line[length] == ' ')
		add(&fields[0], line + length + 1);
}

static const struct {
	void (*line)(const char *line, struct parse_field *fields, size_t n);
	bool sums;
} formats[] = {
	[PARSE_VALUE] = {parse_value, false},
	[PARSE_KEYS] = {parse_keys, false},
	[PARSE_DEVICES] = {parse_device, true},
	[PARSE_NESTED] = {parse_nested, true},
	[PARSE_PRESSURE] = {parse_pressure, false},
	[PARSE_SECOND] = {parse_second, false},
	[PARSE_SUM] = {parse_sum, true},
};

static void begin(enum parse_format format, struct parse_field *fields, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		fields[i].found = formats[format].sums;
		fields[i].value = 0;
	}
}

void parse_line(enum parse_format format, const char *text, struct parse_field *fields, size_t n)
{
	begin(format, fields, n);
	formats[format].line(text, fields, n);
}

void parse_text(enum parse_format format, const char *text, struct parse_field *fields, size_t n)
{
	begin(format, fields, n);
	while (*text) {
		formats[format].line(text, fields, n);
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
}
