// SPDX-License-Identifier: GPL-2.0-or-later
/* From files to a rule set, or to the list of everything that is wrong with them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "file.h"
#include "ruleset.h"
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
	return x->line < y->line ? -1 : x->line > y->line;
}

/* Hands the mistakes over, in the order of the files. */
static void give_errors(struct mistakes *mistakes, struct rules_errors *errors)
{
	*errors = (struct rules_errors){.lines = calloc(mistakes->n + 1, sizeof(char *))};
	if (!errors->lines)
		return;
	if (mistakes->n)
		qsort(mistakes->list, mistakes->n, sizeof(*mistakes->list), compare_mistake);
	for (size_t i = 0; i < mistakes->n; i++)
		errors->lines[errors->n++] = TAKE_PTR(mistakes->list[i].text);
}

static int single_error(struct rules_errors *errors, int code, const char *name)
{
	*errors = (struct rules_errors){.lines = calloc(1, sizeof(char *))};
	if (errors->lines &&
	    asprintf(&errors->lines[0], "%s: cannot read: %s", name, strerror(-code)) >= 0)
		errors->n = 1;
	return code;
}

/* Compiles what was read into SET, which is consumed. */
static int finish(struct ruleset *set, int r, const struct rules_options *options,
		  struct ruleset **ret, struct rules_errors *errors, const char *name)
{
	static const struct rules_options defaults;
	struct mistakes *mistakes = &set->raw.mistakes;

	if (r == 0)
		r = compile(set, options ?: &defaults);
	if (r == 0 && mistakes->out_of_memory)
		r = -ENOMEM;
	if (r == 0 && mistakes->n) {
		r = -EINVAL;
		give_errors(mistakes, errors);
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
	return finish(set, reader_read(&set->raw, name, text, size), options, ret, errors, name);
}

/* A file that cannot be read is a mistake like others, so that all of them are told. */
static int read_file(struct raw *raw, const char *path)
{
	cleanup_free char *text = NULL;
	ssize_t n = file_read_all_at(AT_FDCWD, path, &text);
	int r;

	if (n >= 0)
		return reader_read(raw, path, text, (size_t)n);
	r = reader_read(raw, path, "", 0);
	if (r == 0)
		raw_mistake(raw, raw->n_files - 1, 0, "cannot read: %s", strerror((int)-n));
	return r;
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
	struct dirent **entries = NULL;
	int n = scandir(path, &entries, is_rule_file, compare_bytes), r = n < 0 ? -errno : 0;

	for (int i = 0; i < n; i++) {
		cleanup_free char *file = NULL;

		if (r == 0 && asprintf(&file, "%s/%s", path, entries[i]->d_name) < 0)
			r = -ENOMEM;
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
