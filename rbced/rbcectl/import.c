// SPDX-License-Identifier: GPL-2.0-or-later
/* rbcectl import: rules of other programs as a rule file. Needs no daemon. */
#include <core/cli/log.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <rbce/units.h>
#include <rbced/key_check.h>
#include <rules/import.h>

#include "file.h"
#include "rbcectl.h"
#include "util.h"

static const struct kind {
	const char *name;
	import_fn *import;
	const char *suffixes[4]; /* of the files that count in a folder */
} kinds[] = {
	{"cgrules", import_cgrules, {".conf"}},
	{"cgconfig", import_cgconfig, {".conf"}},
	{"ananicy", import_ananicy, {".cgroups", ".types", ".rules"}},
};

/* Files that were read; owned. */
struct sources {
	struct import_source *list;
	size_t n;
};

static void sources_done(struct sources *sources)
{
	for (size_t i = 0; i < sources->n; i++) {
		free((char *)sources->list[i].name);
		free((char *)sources->list[i].text);
	}
	free(sources->list);
}

static int add_source(struct sources *sources, const char *path, struct rbce_error *err)
{
	struct import_source *more =
		reallocarray(sources->list, sources->n + 1, sizeof(*sources->list));
	char *text = NULL, *name = strdup(path);
	ssize_t size = more && name ? file_read_all_at(AT_FDCWD, path, &text) : -ENOMEM;

	if (more)
		sources->list = more;
	if (size < 0) {
		free(name);
		return rbce_error_errno(err, (int)size, "cannot read '%s'", path);
	}
	more[sources->n++] = (struct import_source){name, text, (size_t)size};
	return 0;
}

static bool has_suffix(const char *path, const struct kind *kind)
{
	size_t size = strlen(path);

	for (size_t i = 0; i < ARRAY_SIZE(kind->suffixes) && kind->suffixes[i]; i++) {
		size_t n = strlen(kind->suffixes[i]);

		if (size > n && streq(path + size - n, kind->suffixes[i]))
			return true;
	}
	return false;
}

static int compare(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* A file as it is; of a folder those that have one of the suffixes, in name order. */
static int add_path(struct sources *sources, char *path, const struct kind *kind,
		    struct rbce_error *err)
{
	char *const paths[] = {path, NULL};
	FTS *walk = fts_open(paths, FTS_LOGICAL | FTS_NOCHDIR, compare);
	size_t before = sources->n;
	FTSENT *entry;
	int r = walk ? 0 : rbce_error_errno(err, -errno, "cannot read '%s'", path);

	while (r == 0 && (entry = fts_read(walk))) {
		switch (entry->fts_info) {
		case FTS_F:
			if (entry->fts_level == 0 || has_suffix(entry->fts_path, kind))
				r = add_source(sources, entry->fts_path, err);
			break;
		case FTS_DNR:
		case FTS_ERR:
		case FTS_NS:
			r = rbce_error_errno(err, -entry->fts_errno, "cannot read '%s'",
					     entry->fts_path);
			break;
		}
	}
	if (walk)
		fts_close(walk);
	if (r == 0 && sources->n == before)
		r = rbce_error_set(err, -ENOENT, "cannot import '%s': it has no file of %s", path,
				   kind->name);
	return r;
}

static int run(const struct kind *kind, char **paths, size_t n,
	       const struct import_options *options)
{
	CLEANUP(sources_done) struct sources sources = {0};
	CLEANUP(rules_errors_done) struct rules_errors warnings = {0};
	CLEANUP(rules_errors_done) struct rules_errors errors = {0};
	cleanup_free char *text = NULL;
	struct rbce_error err;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_path(&sources, paths[i], kind, &err);
	if (r < 0)
		return command_failed(&err);
	r = kind->import(sources.list, sources.n, options, &text, &warnings, &errors);
	for (size_t i = 0; i < warnings.n; i++)
		log_warning("%s", warnings.lines[i]);
	for (size_t i = 0; i < errors.n; i++)
		log_error("%s", errors.lines[i]);
	if (r < 0 && !errors.n)
		log_error("cannot import: %s", strerror(-r));
	if (r < 0)
		return EXIT_FAILURE;
	if (fputs(text, stdout) == EOF || fflush(stdout) != 0) {
		log_error("cannot print the rules: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

enum { CPUS_MAX = 8192 };

int command_import(int argc, char **argv)
{
	struct common common = {.root = "rbce"};
	struct import_options import_options = {.check_key = key_check};
	const char *cpus = NULL;
	const struct option_row options[] = {
		COMMON_OPTIONS(common),
		OPTION_TEXT("cpus", "N",
			    "CPUs of the host that the rules are for (default: those of this one)",
			    &cpus),
		{0},
	};
	const struct command_line line = {
		.usage = "import [--cpus N] cgrules|cgconfig|ananicy FILE...",
		.about = "Prints rules of libcgroup or ananicy as a rule file, and warnings about "
			 "what cannot be\ncarried over. Of a folder, the files that count are read "
			 "in "
			 "name order.",
		.options = options,
	};
	int first = command_parse(&line, argc, argv, 2, -1);
	uint64_t n = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);

	if (cpus && rbce_parse_number(cpus, 1, CPUS_MAX, &n) < 0) {
		log_error("cannot use --cpus '%s': it is no number from 1 to %d", cpus, CPUS_MAX);
		return EXIT_USAGE;
	}
	import_options.cpus = (unsigned)n;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (streq(kinds[i].name, argv[first]))
			return run(&kinds[i], argv + first + 1, (size_t)(argc - first - 1),
				   &import_options);
	log_error("cannot import '%s': usage: %s %s", argv[first], log_program(), line.usage);
	return EXIT_USAGE;
}
