// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Regular expressions of rules (pcre2pattern(3)): compiled when rules are read, asked without the
 * heap and by any thread, and bounded in their work, since a task chooses the text.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <ctype.h>
#include <errno.h>
#include <pcre2.h>
#include <stdalign.h>
#include <stddef.h>

#include "internal.h"
#include "util.h"

/*
 * Steps of one match. An expression that would need more (nested repeats on a text made for it)
 * does not match; a plain one on a command line of 128 KiB stays far below.
 */
enum { STEPS_MAX = 1000000, DEPTH_MAX = 1000 };

struct regex {
	pcre2_code *code;
	pcre2_match_context *limits;
};

/* What a match needs comes from the caller's stack; from the heap where that is not enough. */
struct arena {
	size_t used;
	alignas(max_align_t) char bytes[1024];
};

static void *arena_allocate(size_t size, void *data)
{
	struct arena *arena = data;
	size_t start = (arena->used + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);

	if (start > sizeof(arena->bytes) || size > sizeof(arena->bytes) - start)
		return malloc(size);
	arena->used = start + size;
	return arena->bytes + start;
}

static void arena_release(void *memory, void *data)
{
	struct arena *arena = data;
	const char *p = memory;

	if (p < arena->bytes || p >= arena->bytes + sizeof(arena->bytes))
		free(memory);
}

struct regex *regex_free(struct regex *regex)
{
	if (!regex)
		return NULL;
	pcre2_match_context_free(regex->limits);
	pcre2_code_free(regex->code);
	free(regex);
	return NULL;
}

/* Does it end in the middle of "{1,2}", as one does that a list has divided at the comma? */
static bool ends_in_repeat(const char *pattern)
{
	const char *brace = strrchr(pattern, '{');
	size_t backslashes = 0;

	if (!brace || !brace[1] || brace[1 + strspn(brace + 1, "0123456789")])
		return false;
	while (brace - backslashes > pattern && *(brace - backslashes - 1) == '\\')
		backslashes++;
	return backslashes % 2 == 0;
}

/* Of a pattern that CODE says is wrong: has it no end? */
static bool lacks_end(int code)
{
	return code == PCRE2_ERROR_MISSING_SQUARE_BRACKET ||
	       code == PCRE2_ERROR_MISSING_CLOSING_PARENTHESIS;
}

int regex_new(const char *pattern, struct regex **ret, struct rbce_error *err)
{
	struct regex *regex;
	PCRE2_SIZE offset = 0;
	char why[128];
	int code = 0;

	if (ends_in_repeat(pattern))
		return rbce_error_set(err, -EBADMSG,
				      QUOTED " ends within '{': a comma of it is written '\\,'",
				      pattern);
	regex = calloc(1, sizeof(*regex));
	if (!regex)
		return -ENOMEM;
	regex->code =
		pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, 0, &code, &offset, NULL);
	regex->limits = pcre2_match_context_create(NULL);
	if (!regex->code || !regex->limits) {
		regex_free(regex);
		if (!code || code == PCRE2_ERROR_HEAP_FAILED)
			return -ENOMEM;
		pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof(why));
		return rbce_error_set(err, lacks_end(code) ? -EBADMSG : -EINVAL,
				      QUOTED " is no regular expression: %s (at byte %zu)", pattern,
				      why, (size_t)offset);
	}
	pcre2_set_match_limit(regex->limits, STEPS_MAX);
	pcre2_set_depth_limit(regex->limits, DEPTH_MAX);
	/* Where the compiler is not to be had, the interpreter does the same, slower. */
	pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE);
	*ret = regex;
	return 0;
}

/* ---- what must be in a text ---- */

/* Behind the class "[...]" at P; NULL when it is not seen where it ends. */
static const char *behind_class(const char *p)
{
	const char *first = p + 1 + (p[1] == '^');

	for (p = first; *p; p++) {
		if (*p == ']' && p != first)
			return p + 1;
		/* "[:alpha:]", or only a '[' */
		if (*p == '[' && strchr(":.=", p[1] ?: 'x'))
			return NULL;
		p += *p == '\\' && p[1];
	}
	return NULL;
}

/* Behind the group at P, whatever is in it; NULL when it may change what follows. */
static const char *behind_group(const char *p)
{
	size_t depth = 0;

	while (*p) {
		if (*p == '(' && (p[1] == '*' || (p[1] == '?' && !strchr(":=!<>|", p[2] ?: 'x'))))
			return NULL;
		if (*p == '[') {
			p = behind_class(p);
			if (!p)
				return NULL;
			continue;
		}
		depth += *p == '(';
		depth -= *p == ')';
		p += *p == '\\' && p[1];
		p++;
		if (!depth)
			return p;
	}
	return NULL;
}

/* Behind the "{1,2}" at P, or behind the brace of something else. */
static const char *behind_brace(const char *p)
{
	size_t n = strspn(p + 1, "0123456789, ");

	return p[1 + n] == '}' ? p + n + 2 : p + 1;
}

/* Escapes that stand for a place or for one of some characters, and take nothing behind them. */
static const char simple_escapes[] = "bBAZzGdDwWsShHvVRXtnrfea";

/* The piece at P, which gives one byte in *RET; behind it, or NULL for one that is not understood.
 */
static const char *next_piece(const char *p, char hole, char *ret)
{
	*ret = hole;
	switch (*p) {
	case '(':
		return behind_group(p);
	case '[':
		return behind_class(p);
	case '{':
		return behind_brace(p);
	case '|':
	case ')':
		return NULL;
	case '.':
	case '^':
	case '$':
	case '*':
	case '+':
	case '?':
		return p + 1;
	case '\\':
		if (!isalnum((unsigned char)p[1]) && p[1])
			*ret = p[1];
		else if (!p[1] || !strchr(simple_escapes, p[1]))
			return NULL;
		return p + 2;
	default:
		*ret = *p;
		return p + 1;
	}
}

size_t regex_literals(const char *pattern, char hole, char *buf)
{
	size_t n = 0;

	/* Quoting stops brackets from meaning anything. */
	if (strstr(pattern, "\\Q"))
		return 0;
	for (const char *p = pattern, *next; *p; p = next) {
		next = next_piece(p, hole, &buf[n]);
		if (!next)
			return 0;
		/* What may be there no time at all. */
		if (n && strchr("*?{", *p))
			buf[n - 1] = hole;
		n++;
	}
	return n;
}

bool regex_match(const struct regex *regex, const char *text, size_t size)
{
	struct arena arena;
	pcre2_general_context *memory;
	pcre2_match_data *data;
	int r = PCRE2_ERROR_NOMEMORY;

	arena.used = 0;
	memory = pcre2_general_context_create(arena_allocate, arena_release, &arena);
	data = memory ? pcre2_match_data_create(1, memory) : NULL;
	if (data)
		r = pcre2_match(regex->code, (PCRE2_SPTR)text, size, 0, 0, data, regex->limits);
	pcre2_match_data_free(data);
	pcre2_general_context_free(memory);
	return r >= 0;
}
