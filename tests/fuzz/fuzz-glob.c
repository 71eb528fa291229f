// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two patterns and a text, divided by newlines. A set of patterns says what fnmatch(3), or the
 * regular expression alone, says; what fits a pattern has the pieces that it is filed by, and fits
 * those that are said to cover it.
 */
#include <fnmatch.h>
#include <rules/internal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* The next line of the input, a new string; NULs end it early. */
static char *next_line(const uint8_t **data, size_t *size)
{
	const uint8_t *start = *data, *end = memchr(start, '\n', *size);
	size_t n = end ? (size_t)(end - start) : *size;

	*data += n + (end != NULL);
	*size -= n + (end != NULL);
	return strndup((const char *)start, n);
}

/* Every piece that a text must have to fit is in this one. */
static void has_literals(const struct glob *glob, const char *text)
{
	char *pieces = calloc(1, glob->size + 3), *state = NULL;

	if (!pieces)
		return;
	pieces[glob_literals(glob, '\n', pieces)] = '\0';
	for (char *piece = strtok_r(pieces, "\n\2\3", &state); piece;
	     piece = strtok_r(NULL, "\n\2\3", &state))
		must(strstr(text, piece));
	free(pieces);
}

static bool fits(const char *pattern, const char *text)
{
	struct globs globs = {0};
	bool result = false;

	if (globs_add(&globs, pattern, NULL) == 0) {
		globs_seal(&globs);
		result = globs_match(&globs, text);
		if (result)
			has_literals(&globs.list[0], text);
		if (globs.list[0].shape != GLOB_REGEX)
			must(result == (fnmatch(pattern, text, 0) == 0));
	}
	globs_done(&globs);
	return result;
}

/* Does a rule file keep the pattern as it is? */
static bool is_plain(const char *pattern)
{
	for (const char *p = pattern; *p; p++)
		if ((unsigned char)*p <= ' ' || strchr(",;#!", *p))
			return false;
	return strlen(pattern) < 450;
}

/* The same as rules, whose terms are compared. */
static bool covers(const char *a, const char *b)
{
	struct rules_errors errors = {0};
	struct ruleset *set = NULL;
	bool result = false;
	char text[2048];

	if (!is_plain(a) || !is_plain(b))
		return false;
	snprintf(text, sizeof(text),
		 "[rule a]\nargs = %s\ncontainer = c\n[rule b]\nargs = %s\ncontainer = c\n", a, b);
	if (ruleset_parse("fuzz", text, strlen(text), NULL, &set, &errors) == 0)
		result = rule_covers(&set->rules[0], &set->rules[1]);
	rules_errors_done(&errors);
	ruleset_free(set);
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *a = next_line(&data, &size), *b = next_line(&data, &size);
	char *text = next_line(&data, &size);
	bool fits_a = fits(a, text), fits_b = fits(b, text);

	must(!fits_b || fits_a || !covers(a, b));
	free(a);
	free(b);
	free(text);
	return 0;
}
