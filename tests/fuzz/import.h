/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What holds for every importer: it refuses with at least one message, or gives a rule file that
 * rbced loads where every user and group is known.
 */
#ifndef TESTS_FUZZ_IMPORT_H
#define TESTS_FUZZ_IMPORT_H

#include <rbced/key_check.h>
#include <rules/import.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fuzz_id(void *data, const char *name, uint32_t *ret)
{
	(void)data;
	*ret = (uint32_t)strlen(name);
	return 0;
}

static int fuzz_name(void *data, uint32_t id, char **ret)
{
	(void)data;
	(void)id;
	*ret = strdup("name");
	return *ret ? 0 : -1;
}

static inline void fuzz_import(import_fn *import, const uint8_t *data, size_t size)
{
	static const struct rules_names names = {fuzz_id, fuzz_id, fuzz_name, fuzz_name, NULL};
	static const struct import_options import_options = {.check_key = key_check, .cpus = 4};
	const struct import_source source = {"fuzz", (const char *)data, size};
	struct rules_options options = key_check_options;
	struct rules_errors warnings, errors, mistakes = {0};
	struct ruleset *set = NULL;
	char *text = NULL;

	options.names = &names;
	if (import(&source, 1, &import_options, &text, &warnings, &errors) == 0) {
		if (ruleset_parse("out", text, strlen(text), &options, &set, &mistakes) < 0) {
			fprintf(stderr, "%s\n%s", mistakes.lines[0], text);
			abort();
		}
	} else if (!errors.n) {
		abort();
	}
	rules_errors_done(&warnings);
	rules_errors_done(&errors);
	ruleset_free(set);
	free(text);
}

#endif
