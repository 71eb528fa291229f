// SPDX-License-Identifier: GPL-2.0-or-later
/* See import.h. */
#include "import.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>

#include "../hash.h"
#include "util.h"

struct names {
	char *name;
	UT_hash_handle hh;
};

/* So many files are named in the first line. */
enum { NAMED_MAX = 3 };

int import_begin(struct import *import, const char *what, const struct import_source *sources,
		 size_t n, const struct import_options *options, struct rules_errors *warnings,
		 struct rules_errors *errors)
{
	*import = (struct import){
		.warnings = warnings,
		.errors = errors,
		.options = options,
		.source = sources,
	};
	*warnings = *errors = (struct rules_errors){0};
	import->out = open_memstream(&import->text, &import->size);
	if (!import->out)
		return -ENOMEM;
	fprintf(import->out, "# Imported from %s:", what);
	for (size_t i = 0; i < n && i < NAMED_MAX; i++) {
		fputc(' ', import->out);
		for (const char *p = sources[i].name; *p; p++)
			fputc(iscntrl((unsigned char)*p) ? '?' : *p, import->out);
	}
	if (n > NAMED_MAX)
		fprintf(import->out, " and %zu more", n - NAMED_MAX);
	fputc('\n', import->out);
	return 0;
}

int import_finish(struct import *import, char **ret)
{
	struct names *name, *next;
	int r = 0;

	HASH_ITER (hh, import->names, name, next) {
		HASH_DEL(import->names, name);
		free(name->name);
		free(name);
	}
	if (fclose(import->out) != 0 || import->out_of_memory)
		r = -ENOMEM;
	else if (import->errors->n)
		r = -EINVAL;
	if (r < 0)
		free(import->text);
	else
		*ret = import->text;
	return r;
}

static void add_line(struct import *import, struct rules_errors *lines, const char *format,
		     va_list ap)
{
	char **more = reallocarray(lines->lines, lines->n + 1, sizeof(*more));
	cleanup_free char *message = NULL;
	char *text;

	if (more)
		lines->lines = more;
	if (vasprintf(&message, format, ap) < 0)
		message = NULL;
	if (!more || !message ||
	    (import->line
		     ? asprintf(&text, "%s:%u: %s", import->source->name, import->line, message)
		     : asprintf(&text, "%s: %s", import->source->name, message)) < 0) {
		import->out_of_memory = true;
		return;
	}
	for (char *p = text; *p; p++)
		if (iscntrl((unsigned char)*p))
			*p = '?';
	more[lines->n++] = text;
}

void import_warn(struct import *import, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	add_line(import, import->warnings, format, ap);
	va_end(ap);
}

void import_fail(struct import *import, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	add_line(import, import->errors, format, ap);
	va_end(ap);
}

bool import_take_name(struct import *import, const char *name)
{
	struct names *entry;

	HASH_FIND_STR(import->names, name, entry);
	if (entry)
		return false;
	entry = calloc(1, sizeof(*entry));
	if (entry)
		entry->name = strdup(name);
	if (entry && entry->name) {
		HASH_ADD_KEYPTR(hh, import->names, entry->name, strlen(entry->name), entry);
		if (entry->hh.tbl)
			return true;
		free(entry->name);
	}
	free(entry);
	import->out_of_memory = true;
	return true;
}

void import_rule(struct import *import, char *name)
{
	cleanup_free char *numbered = NULL;
	const char *plain;
	size_t size = 0;

	/* Letters, digits and a few signs stay; anything else becomes one '-'. */
	for (const char *p = name; *p; p++) {
		if (isalnum((unsigned char)*p) || strchr("._@+", *p) || *p & 0x80)
			name[size++] = *p;
		else if (size && name[size - 1] != '-')
			name[size++] = '-';
	}
	while (size && name[size - 1] == '-')
		size--;
	name[size] = '\0';
	plain = size ? name : "rule";
	for (unsigned i = 2; !import_take_name(import, numbered ?: plain); i++) {
		free(numbered);
		if (asprintf(&numbered, "%s-%u", plain, i) < 0) {
			numbered = NULL;
			import->out_of_memory = true;
			break;
		}
	}
	fprintf(import->out, "\n[rule %s]\n", numbered ?: plain);
}

void import_key(struct import *import, const char *key, const char *value)
{
	const struct import_options *options = import->options;
	struct rbce_error err;

	if (!import_is_value(value))
		import_warn(import, "left out: " QUOTED " cannot be a value of %s", value, key);
	else if (options->check_key && options->check_key(options->key_data, key, value, &err) < 0)
		import_warn(import, "left out: %s = %.200s: %s", key, value, err.message);
	else
		fprintf(import->out, "%s = %s\n", key, value);
}

void import_pattern(FILE *out, const char *text, bool star)
{
	size_t size = strlen(text);

	for (size_t i = 0; i < size; i++) {
		bool edge = i == 0 || (i + 1 == size && !star);

		/* A '=' might make a key of it, at the beginning of a line of the list. In brackets
		 * where a backslash would not help: a blank at an end of the list's
		 * element, what begins a comment, what begins an expression. */
		if ((text[i] == ' ' && edge) ||
		    (strchr(";#", text[i]) && (i == 0 || text[i - 1] == ' ')) ||
		    (i == 0 && strncmp(text, "re:", 3) == 0))
			fprintf(out, "[%c]", text[i]);
		else
			fprintf(out,
				strchr("*?[\\,=", text[i]) || (i == 0 && *text == '!') ? "\\%c"
										       : "%c",
				text[i]);
	}
	if (star)
		fputc('*', out);
}

bool import_can_write(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

bool import_is_value(const char *text)
{
	size_t size = strlen(text);

	if (!import_can_write(text) || !size || size > PATH_MAX || text[0] == ' ' ||
	    text[size - 1] == ' ')
		return false;
	for (size_t i = 0; i < size; i++)
		if (strchr(";#", text[i]) && (i == 0 || text[i - 1] == ' '))
			return false;
	return true;
}

bool import_line(struct import *import, const char **at, char **ret)
{
	const char *start = *at, *end = import->source->text + import->source->size;
	const char *newline = start < end ? memchr(start, '\n', (size_t)(end - start)) : NULL;

	*ret = NULL;
	if (start >= end)
		return false;
	import->line++;
	*at = newline ? newline + 1 : end;
	if (newline)
		end = newline;
	if (memchr(start, '\0', (size_t)(end - start))) {
		import_fail(import, "this line has a NUL byte");
		return true;
	}
	while (start < end && isspace((unsigned char)*start))
		start++;
	while (start < end && isspace((unsigned char)end[-1]))
		end--;
	*ret = strndup(start, (size_t)(end - start));
	import->out_of_memory |= !*ret;
	return true;
}

/* Writes PATH as import_path() reads it. */
static void write_path(FILE *out, const char *path, bool variables)
{
	while (*path == '/')
		path++;
	for (const char *p = path; *p; p++) {
		bool escaped = variables && *p == '\\';

		if (escaped && !*++p)
			return;
		if (*p == '%' && (escaped || !variables || !p[1] || !strchr("uUgGpP", p[1])))
			fputs("%%", out);
		else if (*p != '/' || p[strspn(p, "/")])
			fputc(*p, out);
		if (*p == '/')
			p += strspn(p, "/") - 1;
	}
}

char *import_path(struct import *import, const char *path, bool variables)
{
	cleanup_free char *text = NULL;
	struct rbce_error err;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out) {
		import->out_of_memory = true;
		return NULL;
	}
	write_path(out, path, variables);
	if (fclose(out) != 0 || !text)
		import->out_of_memory = true;
	else if (template_check(text, &err) < 0)
		import_warn(import, "left out: %s", err.message);
	else if (!import_is_value(text))
		import_warn(import, "left out: " QUOTED " cannot stand in a rule file", text);
	else
		return TAKE_PTR(text);
	return NULL;
}
