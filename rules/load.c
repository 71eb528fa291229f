// SPDX-License-Identifier: GPL-2.0-or-later
/* From files to a rule set, or to the list of everything that is wrong with them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "file.h"
#include "internal.h"
#include "util.h"

void rules_errors_done(struct rules_errors *errors)
{
	for (size_t i = 0; i < errors->n; i++)
		free(errors->lines[i]);
	free(errors->lines);
	*errors = (struct rules_errors){0};
}

static int compare_mistake(const void *a, const void *b)
{
	const struct mistake *x = a, *y = b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

void mistakes_give(struct mistakes *mistakes, struct rules_errors *errors)
{
	*errors = (struct rules_errors){.lines = calloc(mistakes->n + 1, sizeof(char *))};
	if (!errors->lines)
		return;
	if (mistakes->n)
		qsort(mistakes->list, mistakes->n, sizeof(*mistakes->list), compare_mistake);
	for (size_t i = 0; i < mistakes->n; i++)
		errors->lines[errors->n++] = one_line(TAKE_PTR(mistakes->list[i].text));
	mistakes->n = 0;
}

static int single_error(struct rules_errors *errors, int code, const char *name)
{
	*errors = (struct rules_errors){.lines = calloc(1, sizeof(char *))};
	if (errors->lines &&
	    asprintf(&errors->lines[0], "%s: cannot read: %s", name, strerror(-code)) >= 0) {
		one_line(errors->lines[0]);
		errors->n = 1;
	}
	return code;
}

/* Gives what was read into SET its meaning. SET is consumed. */
static int finish(struct ruleset *set, int r, const struct rules_options *options,
		  struct ruleset **ret, struct rules_errors *errors, const char *name)
{
	static const struct rules_options defaults;
	struct mistakes *mistakes = &set->raw.mistakes;

	if (r == 0)
		r = parse_raw(set, options ?: &defaults);
	if (r == 0 && mistakes->out_of_memory)
		r = -ENOMEM;
	if (r == 0 && !mistakes->n)
		r = ruleset_pack(set);
	if (r == 0 && !mistakes->n)
		r = index_new(set, &set->index);
	if (r == 0 && mistakes->n) {
		r = -EINVAL;
		mistakes_give(mistakes, errors);
	} else if (r < 0) {
		single_error(errors, r, name);
	}
	if (r < 0)
		ruleset_free(set);
	else
		*ret = set;
	return r;
}

int ruleset_parse(const char *name, const char *text, size_t size,
		  const struct rules_options *options, struct ruleset **ret,
		  struct rules_errors *errors)
{
	struct ruleset *set = calloc(1, sizeof(*set));

	if (!set)
		return single_error(errors, -ENOMEM, name);
	return finish(set, reader_read(&set->raw, name, text, size, NULL, NULL), options, ret,
		      errors, name);
}

/* A file that is being read, and above it those that include it. */
struct loading {
	struct raw *raw;
	const struct loading *above;
	const char *path;
	struct stat st;
	unsigned depth;
};
/* Files that include others several times over would be read without an end. */
enum { DEPTH_MAX = 16, FILES_MAX = 10000 };

/* A file that cannot be read is a mistake like others, so that all of them are told. */
static int note_unreadable(struct raw *raw, const char *path, const char *why)
{
	int r = raw_add_file(raw, path);

	if (r == 0)
		raw_mistake(raw, raw->n_files - 1, 0, "cannot read: %s", why);
	return r;
}

static reader_include_fn include_file;

/* A FIFO or device could block the reader for good. */
static int read_file(struct raw *raw, const char *path)
{
	struct loading loading = {.raw = raw, .path = path};
	cleanup_free char *text = NULL;
	ssize_t n;

	if (stat(path, &loading.st) < 0)
		return note_unreadable(raw, path, strerror(errno));
	if (!S_ISREG(loading.st.st_mode))
		return note_unreadable(raw, path, "it is not a regular file");
	n = file_read_all_at(AT_FDCWD, path, &text);
	if (n < 0)
		return note_unreadable(raw, path, strerror((int)-n));
	return reader_read(raw, path, text, (size_t)n, include_file, &loading);
}

/* Is the file of ST being read already? The chain from there, "a.rules > b.rules". */
static bool is_loading(const struct loading *loading, const struct stat *st, char *chain,
		       size_t size)
{
	for (const struct loading *l = loading; l; l = l->above) {
		char below[1024];

		snprintf(below, sizeof(below), "%s", chain);
		snprintf(chain, size, "%.300s > %.700s", l->path, below);
		if (l->st.st_dev == st->st_dev && l->st.st_ino == st->st_ino)
			return true;
	}
	return false;
}

/* PATH as seen from the folder of the file FROM; a new string. */
static char *path_from(const char *from, const char *path)
{
	const char *slash = strrchr(from, '/');
	char *joined;

	if (*path == '/' || !slash)
		return strdup(path);
	return asprintf(&joined, "%.*s/%s", (int)(slash - from), from, path) < 0 ? NULL : joined;
}

static int include_file(void *data, size_t file, unsigned line, const char *name)
{
	const struct loading *above = data;
	cleanup_free char *path = path_from(above->path, name), *text = NULL;
	struct loading loading = {above->raw, above, path, {0}, above->depth + 1};
	const char *why = NULL;
	char chain[1024];
	ssize_t n = 0;

	if (!path)
		return -ENOMEM;
	snprintf(chain, sizeof(chain), "%s", path);
	if (stat(path, &loading.st) < 0)
		why = strerror(errno);
	else if (!S_ISREG(loading.st.st_mode))
		why = "it is not a regular file";
	else if (loading.depth > DEPTH_MAX)
		why = "more than 16 files include each other";
	else if (above->raw->n_files >= FILES_MAX)
		why = "more than 10000 files are read";
	else if (!is_loading(above, &loading.st, chain, sizeof(chain)))
		n = file_read_all_at(AT_FDCWD, path, &text);
	else
		why = chain;
	if (n < 0)
		why = strerror((int)-n);
	if (!why)
		return reader_read(above->raw, path, text, (size_t)n, include_file, &loading);
	raw_mistake(above->raw, file, line,
		    why == chain ? "cannot include " QUOTED ": it would include itself: %s"
				 : "cannot include " QUOTED ": %s",
		    name, why);
	return 0;
}

static int is_rule_file(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return entry->d_name[0] != '.' && n > strlen(".rules") &&
	       streq(entry->d_name + n - strlen(".rules"), ".rules");
}

static int compare_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_directory(struct raw *raw, const char *path)
{
	const char *slash = *path && path[strlen(path) - 1] == '/' ? "" : "/";
	struct dirent **entries = NULL;
	int n = scandir(path, &entries, is_rule_file, compare_bytes), r = n < 0 ? -errno : 0;

	for (int i = 0; i < n; i++) {
		cleanup_free char *file = NULL;

		if (asprintf(&file, "%s%s%s", path, slash, entries[i]->d_name) < 0) {
			file = NULL;
			r = -ENOMEM;
		}
		if (r == 0)
			r = read_file(raw, file);
		free(entries[i]);
	}
	free(entries);
	return r;
}

int ruleset_load(const char *path, const struct rules_options *options, struct ruleset **ret,
		 struct rules_errors *errors)
{
	struct ruleset *set;
	struct stat st;
	int r;

	if (stat(path, &st) < 0)
		return single_error(errors, -errno, path);
	set = calloc(1, sizeof(*set));
	if (!set)
		return single_error(errors, -ENOMEM, path);
	r = S_ISDIR(st.st_mode) ? read_directory(&set->raw, path) : read_file(&set->raw, path);
	return finish(set, r, options, ret, errors, path);
}
