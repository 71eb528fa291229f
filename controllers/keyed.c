// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Limits of named things, one file with a line for each: rdma.max ("mlx5_0 hca_handle=2
 * hca_object=2000"), misc.max ("sev 10") and swap.device ("ssd 0"). What a value does not name
 * stays as it is, as with the kernel's own files; "max" alone lifts all.
 */
#include <errno.h>
#include <rbce/units.h>
#include <stdlib.h>

#include "file.h"
#include "internal.h"
#include "util.h"

enum { FIELDS_MAX = 8, WORD_MAX = 64 };

/* One line: a name, and amounts, each with a name of its own or (misc.max) one without. */
struct line {
	char name[WORD_MAX];
	size_t n;
	struct {
		char name[WORD_MAX]; /* "" for the one without */
		char amount[WORD_MAX];
	} fields[FIELDS_MAX];
};

static bool is_amount(const char *text)
{
	uint64_t number;

	return streq(text, "max") || rbce_parse_number(text, 0, UINT64_MAX - 1, &number) == 0;
}

/* "hca_handle=2", or "10" where fields have no names. */
static bool parse_field(const char *word, bool named, struct line *line)
{
	const char *equals = strchr(word, '='), *amount = equals ? equals + 1 : word;
	size_t n = equals ? (size_t)(equals - word) : 0;

	if (named != (equals != NULL) || n >= WORD_MAX || (named && n == 0) ||
	    strlen(amount) >= WORD_MAX || !is_amount(amount) || line->n == FIELDS_MAX ||
	    (!named && line->n))
		return false;
	memcpy(line->fields[line->n].name, word, n);
	line->fields[line->n].name[n] = '\0';
	snprintf(line->fields[line->n].amount, WORD_MAX, "%s", amount);
	line->n++;
	return true;
}

static bool is_named(const struct controller_key *key)
{
	return key->flags & CONTROLLER_NAMED_FIELDS;
}

/* TEXT is changed. */
static bool parse_line(char *text, bool named, struct line *ret)
{
	char *save = NULL, *word = strtok_r(text, " \t", &save);
	struct line line = {.n = 0};

	if (!word || strlen(word) >= WORD_MAX || strchr(word, '='))
		return false;
	snprintf(line.name, sizeof(line.name), "%s", word);
	while ((word = strtok_r(NULL, " \t", &save)))
		if (!parse_field(word, named, &line))
			return false;
	*ret = line;
	return line.n > 0;
}

struct lines {
	struct line *line;
	size_t n;
};

static int parse_lines(const char *text, bool named, struct lines *ret)
{
	cleanup_free char *copy = strdup(text);
	cleanup_free struct line *lines = NULL;
	size_t n = 0, room = 1;
	char *save = NULL;

	for (const char *p = text; *p; p++)
		room += *p == '\n';
	lines = calloc(room, sizeof(*lines));
	if (!copy || !lines)
		return -ENOMEM;
	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (!parse_line(line, named, &lines[n++]))
			return -EINVAL;
	ret->line = TAKE_PTR(lines);
	ret->n = n;
	return 0;
}

static int parse_value(const struct controller_key *key, const char *value, struct lines *ret,
		       struct rbce_error *err)
{
	char quoted[QUOTED_SIZE];
	int r = parse_lines(value, is_named(key), ret);

	if (r == 0 && ret->n > 0)
		return 0;
	if (r == -ENOMEM)
		return rbce_error_errno(err, r, "the value cannot be read");
	if (r == 0) {
		free(ret->line);
		ret->line = NULL;
	}
	return rbce_error_set(err, -EINVAL, "'%s' is not %s", amount_quote(value, quoted),
			      key->values);
}

static int check(const struct controller_key *key, const char *value, struct rbce_error *err)
{
	struct lines lines = {NULL, 0};
	int r = streq(value, "max") ? 0 : parse_value(key, value, &lines, err);

	free(lines.line);
	return r;
}

static int read_held(const struct controller_key *key, int dirfd, int version, struct lines *ret,
		     struct rbce_error *err)
{
	cleanup_free char *text = NULL;
	ssize_t n = file_read_all_at(dirfd, key->version[version].file, &text);
	int r = n < 0 ? (int)n : parse_lines(text, is_named(key), ret);

	return r < 0 ? rbce_error_errno(err, r, "%s cannot be read", key->version[version].file)
		     : 0;
}

/* What LINES have for that field; "max" where they have nothing. */
static const char *find_amount(const struct lines *lines, const char *name, const char *field)
{
	for (size_t i = 0; i < lines->n; i++)
		for (size_t k = 0; k < lines->line[i].n && streq(lines->line[i].name, name); k++)
			if (streq(lines->line[i].fields[k].name, field))
				return lines->line[i].fields[k].amount;
	return "max";
}

/* Does HELD have everything that ASKED names? */
static bool includes(const struct lines *held, const struct lines *asked)
{
	for (size_t i = 0; i < asked->n; i++) {
		const struct line *line = &asked->line[i];

		for (size_t k = 0; k < line->n; k++)
			if (!streq(find_amount(held, line->name, line->fields[k].name),
				   line->fields[k].amount))
				return false;
	}
	return true;
}

/* "NAME a=1 b=max"; without what is unlimited where ALL is false. Empty when nothing is left. */
static void print_line(const struct line *line, bool all, char *buf, size_t size)
{
	size_t n = (size_t)snprintf(buf, size, "%s", line->name), first = n;

	for (size_t k = 0; k < line->n && n < size; k++)
		if (all || !streq(line->fields[k].amount, "max"))
			n += (size_t)snprintf(buf + n, size - n, " %s%s%s", line->fields[k].name,
					      *line->fields[k].name ? "=" : "",
					      line->fields[k].amount);
	if (n == first)
		*buf = '\0';
}

static int write_lines(const struct controller_key *key, int dirfd, int version,
		       const struct lines *lines, struct rbce_error *err)
{
	char text[(FIELDS_MAX + 1) * 2 * WORD_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < lines->n; i++) {
		print_line(&lines->line[i], true, text, sizeof(text));
		r = amount_write(dirfd, key->version[version].file, text, err);
	}
	return r;
}

static void lift(struct lines *lines)
{
	for (size_t i = 0; i < lines->n; i++)
		for (size_t k = 0; k < lines->line[i].n; k++)
			snprintf(lines->line[i].fields[k].amount, WORD_MAX, "max");
}

/* Writes ASKED; what of it was written before a failure is taken back to OLD. */
static int put(const struct controller_key *key, int dirfd, int version, const struct lines *asked,
	       const struct lines *old, struct rbce_error *err)
{
	struct lines held = {NULL, 0};
	int r = write_lines(key, dirfd, version, asked, err);

	if (r < 0) {
		write_lines(key, dirfd, version, old, NULL);
		return r;
	}
	r = read_held(key, dirfd, version, &held, err);
	if (r == 0 && !includes(&held, asked))
		r = rbce_error_set(err, -EIO, "the kernel holds other limits in %s",
				   key->version[version].file);
	free(held.line);
	return r;
}

/* VALUE, or (when RESET) no limit for what it names. */
static int change(const struct controller_key *key, struct rbce_container *c, const char *value,
		  bool reset, struct rbce_error *err)
{
	struct lines asked = {NULL, 0}, old = {NULL, 0};
	bool all = streq(value, "max");
	int version, r;
	cleanup_close int dir = key_make_group(key, c, &version, err);

	if (dir < 0)
		return dir;
	r = read_held(key, dir, version, &old, err);
	if (r == 0)
		r = all ? read_held(key, dir, version, &asked, err)
			: parse_value(key, value, &asked, err);
	if (r == 0 && (all || reset))
		lift(&asked);
	if (r == 0)
		r = put(key, dir, version, &asked, &old, err);
	free(asked.line);
	free(old.line);
	return r;
}

static int get(const struct controller_key *key, struct rbce_container *c, char *buf, size_t size,
	       struct rbce_error *err)
{
	char text[(FIELDS_MAX + 1) * 2 * WORD_MAX];
	struct lines held = {NULL, 0};
	int version, r;
	cleanup_close int dir = key_open_group(key, c, &version, err);
	cleanup_free char *all = calloc(1, size + 1);
	size_t n = 0;

	if (dir < 0)
		return dir;
	r = all ? read_held(key, dir, version, &held, err) : -ENOMEM;
	for (size_t i = 0; r == 0 && i < held.n && n < size; i++) {
		print_line(&held.line[i], false, text, sizeof(text));
		if (*text)
			n += (size_t)snprintf(all + n, size - n, "%s%s", n ? "\n" : "", text);
	}
	free(held.line);
	if (r == 0 && n >= size)
		r = rbce_error_errno(err, -E2BIG, "%s cannot be read", key->name);
	return r < 0 ? r : key_give(key, n ? all : "max", buf, size, err);
}

static int holds(const struct controller_key *key, struct rbce_container *c, const char *value,
		 struct rbce_error *err)
{
	struct lines asked = {NULL, 0}, held = {NULL, 0};
	int version, r;
	cleanup_close int dir = key_open_group(key, c, &version, err);

	if (dir < 0)
		return dir;
	r = read_held(key, dir, version, &held, err);
	if (r == 0)
		r = streq(value, "max") ? read_held(key, dir, version, &asked, err)
					: parse_value(key, value, &asked, err);
	if (r == 0 && streq(value, "max"))
		lift(&asked);
	if (r == 0)
		r = includes(&held, &asked);
	free(asked.line);
	free(held.line);
	return r;
}

const struct key_ops keyed_ops = {.check = check, .change = change, .get = get, .holds = holds};

const struct controller_key controller_rdma_max = {
	.name = "rdma.max",
	.help = "handles and objects of an RDMA device (mlx5_0 hca_handle=2 hca_object=2000)",
	.values = "DEVICE hca_handle=N hca_object=N",
	.initial = "max",
	.controller = RBCE_RDMA,
	.unit = CONTROLLER_TEXT,
	.flags = CONTROLLER_REPEATS | CONTROLLER_NAMED_FIELDS,
	.version = {[1] = {.file = "rdma.max"}, [2] = {.file = "rdma.max"}},
	.ops = &keyed_ops,
};

const struct controller_key controller_misc_max = {
	.name = "misc.max",
	.help = "scarce things that the kernel counts by name (sev 10)",
	.values = "NAME N",
	.initial = "max",
	.controller = RBCE_MISC,
	.unit = CONTROLLER_TEXT,
	.flags = CONTROLLER_REPEATS,
	.version = {[1] = {.file = "misc.max"}, [2] = {.file = "misc.max"}},
	.ops = &keyed_ops,
};
