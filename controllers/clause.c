// SPDX-License-Identifier: GPL-2.0-or-later
/* Values that read like a sentence; see clause.h. */
#include "clause.h"

#include <errno.h>
#include <rbce/units.h>

#include "internal.h"
#include "util.h"

int clause_begin(const char *value, char *buf, struct rbce_error *err)
{
	size_t n = strlen(value);

	if (n >= CLAUSE_SIZE)
		return rbce_error_set(err, -E2BIG, "the value has more than %d bytes",
				      CLAUSE_SIZE - 1);
	memcpy(buf, value, n + 1);
	return 0;
}

static char *trim(char *text)
{
	size_t n;

	text += strspn(text, " \t");
	n = strlen(text);
	while (n && strchr(" \t", text[n - 1]))
		text[--n] = '\0';
	return text;
}

char *clause_cut(char **text, const char *separator)
{
	char *begin = *text, *end = strstr(begin, separator);

	*text = end ? end + strlen(separator) : NULL;
	if (end)
		*end = '\0';
	return trim(begin);
}

char *clause_word(char **text)
{
	char *word = *text + strspn(*text, " \t"), *end = word + strcspn(word, " \t");

	if (!*word)
		return NULL;
	*text = *end ? end + 1 : end;
	*end = '\0';
	return word;
}

/* The word behind WORD. */
static int behind(char **text, const char *word, char **ret, struct rbce_error *err)
{
	char *first = clause_word(text), quoted[QUOTED_SIZE];

	if (!first)
		return rbce_error_set(err, -EINVAL, "'%s' is missing", word);
	if (!streq(first, word))
		return rbce_error_set(err, -EINVAL, "'%s' stands where '%s' is expected",
				      amount_quote(first, quoted), word);
	*ret = clause_word(text);
	return *ret ? 0 : rbce_error_set(err, -EINVAL, "nothing follows '%s'", word);
}

int clause_size(char **text, const char *word, uint64_t *ret, struct rbce_error *err)
{
	char *amount, quoted[QUOTED_SIZE];
	int r = behind(text, word, &amount, err);

	if (r < 0)
		return r;
	r = rbce_parse_size(amount, ret);
	if (r < 0 || *ret == 0 || *ret > INT64_MAX)
		return rbce_error_set(err, r < 0 ? r : -ERANGE,
				      "'%s' is not a size above 0 (like 512M or 4G)",
				      amount_quote(amount, quoted));
	return 0;
}

int clause_time(char **text, const char *word, uint64_t *ret, struct rbce_error *err)
{
	char *amount, quoted[QUOTED_SIZE];
	int r = behind(text, word, &amount, err);

	if (r < 0)
		return r;
	r = rbce_parse_duration(amount, ret);
	/* A hundred years, so that sums of times have room. */
	if (r < 0 || *ret == 0 || *ret > UINT64_C(3155760000000000))
		return rbce_error_set(err, r < 0 ? r : -ERANGE,
				      "'%s' is not a time above 0 (like 30s or 10min)",
				      amount_quote(amount, quoted));
	return 0;
}

int clause_end(char **text, struct rbce_error *err)
{
	char *word = clause_word(text), quoted[QUOTED_SIZE];

	if (!word)
		return 0;
	return rbce_error_set(err, -EINVAL, "'%s' is too much", amount_quote(word, quoted));
}

int clause_path(char **text, char *buf, size_t size, struct rbce_error *err)
{
	char *path = clause_word(text), quoted[QUOTED_SIZE];

	if (!path)
		return rbce_error_set(err, -EINVAL, "the path of a program is missing");
	if (*path != '/')
		return rbce_error_set(err, -EINVAL, "'%s' is not an absolute path",
				      amount_quote(path, quoted));
	if ((size_t)snprintf(buf, size, "%s", path) >= size)
		return rbce_error_set(err, -ENAMETOOLONG, "the path '%s' is too long",
				      amount_quote(path, quoted));
	return 0;
}
