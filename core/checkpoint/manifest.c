// SPDX-License-Identifier: LGPL-2.1-or-later
/* What an image says of itself, as records of text; see rbce/checkpoint.h. */
#include <ctype.h>
#include <fcntl.h>
#include <stdarg.h>

#include "digest.h"
#include "file.h"
#include "image.h"
#include "own.h"
#include "util.h"

static const char first_line[] = "rbce-checkpoint";
static const char version[] = "1";

struct record {
	char *keyword, *value;
};

struct rbce_manifest {
	struct record *records;
	size_t n, room;
};

struct rbce_manifest *rbce_manifest_new(void)
{
	return calloc(1, sizeof(struct rbce_manifest));
}

struct rbce_manifest *rbce_manifest_free(struct rbce_manifest *m)
{
	for (size_t i = 0; m && i < m->n; i++) {
		free(m->records[i].keyword);
		free(m->records[i].value);
	}
	if (m)
		free(m->records);
	free(m);
	return NULL;
}

static bool is_word(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (!isgraph((unsigned char)*s) || *s == '\\')
			return false;
	return true;
}

/* Takes both strings over, also when it fails. */
static int append(struct rbce_manifest *m, char *keyword, char *value)
{
	if (m->n == m->room) {
		size_t room = m->room ? m->room * 2 : 64;
		struct record *more = reallocarray(m->records, room, sizeof(*more));

		if (more) {
			m->records = more;
			m->room = room;
		}
	}
	if (m->n == m->room || !keyword || !value) {
		free(keyword);
		free(value);
		return -ENOMEM;
	}
	m->records[m->n++] = (struct record){keyword, value};
	return 0;
}

int rbce_manifest_add(struct rbce_manifest *m, const char *keyword, const char *format, ...)
{
	char *value;
	va_list ap;
	int n;

	if (!is_word(keyword))
		return -EINVAL;
	va_start(ap, format);
	n = vasprintf(&value, format, ap);
	va_end(ap);
	return n < 0 ? -ENOMEM : append(m, strdup(keyword), value);
}

const char *rbce_manifest_next(const struct rbce_manifest *m, const char *keyword, size_t *i)
{
	for (; *i < m->n; (*i)++)
		if (streq(m->records[*i].keyword, keyword))
			return m->records[(*i)++].value;
	return NULL;
}

const char *rbce_manifest_get(const struct rbce_manifest *m, const char *keyword)
{
	size_t i = 0;

	return rbce_manifest_next(m, keyword, &i);
}

const char *rbce_manifest_at(const struct rbce_manifest *m, size_t n, const char **ret_value)
{
	if (n >= m->n)
		return NULL;
	*ret_value = m->records[n].value;
	return m->records[n].keyword;
}

static void put_value(FILE *f, const char *value)
{
	for (; *value; value++)
		if ((unsigned char)*value < ' ' || *value == 0x7f || *value == '\\')
			fprintf(f, "\\x%02x", (unsigned char)*value);
		else
			fputc(*value, f);
}

int rbce_manifest_text(const struct rbce_manifest *m, char **ret, size_t *ret_size)
{
	cleanup_free char *text = NULL;
	char digest[DIGEST_SIZE];
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return -ENOMEM;
	fprintf(f, "%s %s\n", first_line, version);
	for (size_t i = 0; i < m->n; i++) {
		fprintf(f, "%s ", m->records[i].keyword);
		put_value(f, m->records[i].value);
		fputc('\n', f);
	}
	if (fflush(f) == 0) {
		digest_of(text, size, digest);
		fprintf(f, "end %s\n", digest);
	}
	if (ferror(f) | fclose(f))
		return -ENOMEM;
	*ret = TAKE_PTR(text);
	*ret_size = size;
	return 0;
}

/* A value in a text of its own; -EBADMSG for what no value is written as. */
static int get_value(const char *text, size_t n, char **ret)
{
	cleanup_free char *value = malloc(n + 1);
	size_t used = 0;

	if (!value)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (c == '\\') {
			char hex[3] = {0}, *end;

			if (n - i < 4 || text[i + 1] != 'x')
				return -EBADMSG;
			memcpy(hex, text + i + 2, 2);
			c = (char)strtol(hex, &end, 16);
			if (*end || !c || !isxdigit((unsigned char)hex[0]))
				return -EBADMSG;
			i += 3;
		} else if ((unsigned char)c < ' ' || c == 0x7f) {
			return -EBADMSG;
		}
		value[used++] = c;
	}
	value[used] = '\0';
	*ret = TAKE_PTR(value);
	return 0;
}

static int parse_line(struct rbce_manifest *m, const char *line, size_t n)
{
	const char *space = memchr(line, ' ', n);
	cleanup_free char *keyword = space ? strndup(line, (size_t)(space - line)) : NULL;
	char *value;
	int r;

	if (!space || !keyword || !is_word(keyword))
		return space && !keyword ? -ENOMEM : -EBADMSG;
	r = get_value(space + 1, n - (size_t)(space + 1 - line), &value);
	return r < 0 ? r : append(m, TAKE_PTR(keyword), value);
}

/* The last line is the digest of all before it: *RET receives where it begins. */
static int check_end(const char *text, const char *name, size_t *ret, struct rbce_error *err)
{
	char digest[DIGEST_SIZE], wanted[DIGEST_SIZE + sizeof("end \n")];
	size_t size = strlen(text), at = size;

	if (size == 0 || text[size - 1] != '\n')
		return rbce_error_set(err, -EBADMSG, "cannot use manifest '%s': it is cut off",
				      name);
	for (at = size - 1; at > 0 && text[at - 1] != '\n';)
		at--;
	if (!after_prefix(text + at, "end "))
		return rbce_error_set(err, -EBADMSG, "cannot use manifest '%s': it is cut off",
				      name);
	digest_of(text, at, digest);
	snprintf(wanted, sizeof(wanted), "end %s\n", digest);
	if (!streq(text + at, wanted))
		return rbce_error_set(err, -EBADMSG,
				      "cannot use manifest '%s': it is not what was written", name);
	*ret = at;
	return 0;
}

int rbce_manifest_parse(const char *text, const char *name, struct rbce_manifest **ret,
			struct rbce_error *err)
{
	CLEANUP(rbce_manifest_free_p) struct rbce_manifest *m = rbce_manifest_new();
	const char *line = text;
	size_t end = 0;
	int r;

	if (!m)
		return rbce_error_errno(err, -ENOMEM, "cannot read manifest '%s'", name);
	r = check_end(text, name, &end, err);
	for (size_t n = 0; r == 0 && line < text + end; line += n + 1) {
		n = strcspn(line, "\n");
		r = parse_line(m, line, n);
		if (r == 0 && line == text && !streq(m->records[0].keyword, first_line))
			r = -EBADMSG;
		if (r < 0)
			return rbce_error_errno(err, r, "cannot read '%.*s' in manifest '%s'",
						(int)n, line, name);
		if (line == text && !streq(m->records[0].value, version))
			return rbce_error_set(err, -EPROTONOSUPPORT,
					      "cannot use manifest '%s': its layout is version %s, "
					      "this is for version %s",
					      name, m->records[0].value, version);
	}
	if (r < 0)
		return r;
	/* The first line is no record. */
	if (m->n) {
		free(m->records[0].keyword);
		free(m->records[0].value);
		memmove(m->records, m->records + 1, --m->n * sizeof(*m->records));
	}
	*ret = TAKE_PTR(m);
	return 0;
}

int rbce_manifest_read(const char *dir, struct rbce_manifest **ret, struct rbce_error *err)
{
	cleanup_close int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_free char *text = NULL, *name = NULL;
	ssize_t n;

	if (fd < 0)
		return rbce_error_errno(err, -errno, "cannot open image '%s'", dir);
	n = file_read_all_at(fd, MANIFEST, &text);
	if (n == -ENOENT)
		return rbce_error_set(err, -ENOENT,
				      "cannot use image '%s': it has no manifest, so it is none, "
				      "or not a whole one",
				      dir);
	if (n >= 0 && strlen(text) != (size_t)n)
		n = -EBADMSG;
	if (n < 0)
		return rbce_error_errno(err, (int)n, "cannot read manifest of '%s'", dir);
	if (asprintf(&name, "%s/%s", dir, MANIFEST) < 0)
		return rbce_error_errno(err, -ENOMEM, "cannot read manifest of '%s'", dir);
	return rbce_manifest_parse(text, name, ret, err);
}
