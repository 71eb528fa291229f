// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Does one rule match whatever another one does? The answer "yes" is a proof; "no" may also mean
 * that it was not seen.
 */
#include <fnmatch.h>

#include "internal.h"
#include "util.h"

/* ---- patterns ---- */

/* A piece of a pattern: one character, any one of some, any one, or any number of any. */
struct piece {
	enum { PIECE_CHARACTER, PIECE_BRACKET, PIECE_ONE, PIECE_MANY, PIECE_END } kind;
	const char *text; /* of a character (unescaped) or bracket */
	size_t size;
};

/* The piece at *P, which moves behind it. STAR: the glob's own at this end. */
static struct piece next_piece(const char **p)
{
	const char *start = *p, *behind;

	if (!*start)
		return (struct piece){PIECE_END, start, 0};
	behind = glob_behind(start);
	*p = behind;
	switch (*start) {
	case '*':
		return (struct piece){PIECE_MANY, start, 1};
	case '?':
		return (struct piece){PIECE_ONE, start, 1};
	case '[':
		return (struct piece){PIECE_BRACKET, start, (size_t)(behind - start)};
	case '\\':
		return (struct piece){PIECE_CHARACTER, start + 1, 1};
	default:
		return (struct piece){PIECE_CHARACTER, start, 1};
	}
}

static bool bracket_has(const struct piece *bracket, char c)
{
	char pattern[256], text[] = {c, '\0'};

	if (bracket->size >= sizeof(pattern))
		return false;
	memcpy(pattern, bracket->text, bracket->size);
	pattern[bracket->size] = '\0';
	return fnmatch(pattern, text, 0) == 0;
}

/* Has A every character that B may stand for? A is not PIECE_MANY. */
static bool piece_covers(const struct piece *a, const struct piece *b)
{
	if (b->kind == PIECE_END || b->kind == PIECE_MANY)
		return false;
	switch (a->kind) {
	case PIECE_ONE:
		return true;
	case PIECE_CHARACTER:
		return b->kind == PIECE_CHARACTER && *a->text == *b->text;
	case PIECE_BRACKET:
		if (b->kind == PIECE_CHARACTER)
			return bracket_has(a, *b->text);
		return b->kind == PIECE_BRACKET && a->size == b->size &&
		       memcmp(a->text, b->text, a->size) == 0;
	case PIECE_MANY:
	case PIECE_END:
		break;
	}
	return false;
}

/*
 * The usual way of matching a pattern with stars, but on the pieces of another pattern: a star
 * takes any of them, anything else exactly one that it covers.
 */
static bool pattern_covers(const char *a, const char *b)
{
	const char *star = NULL, *taken = NULL;

	for (;;) {
		const char *next_a = a, *next_b = b;
		struct piece x = next_piece(&next_a), y = next_piece(&next_b);

		if (x.kind == PIECE_MANY) {
			star = a = next_a;
			taken = b;
		} else if (x.kind == PIECE_END && y.kind == PIECE_END) {
			return true;
		} else if (piece_covers(&x, &y)) {
			a = next_a;
			b = next_b;
		} else if (star && *taken) {
			/* The star takes one piece more. */
			next_piece(&taken);
			a = star;
			b = taken;
		} else {
			return false;
		}
	}
}

/* The pattern as it was written, a new string. */
static char *written(const struct glob *glob)
{
	size_t room = 2 * glob->size + 3;
	char *text = malloc(room), *to = text;

	if (!text || glob->shape == GLOB_OTHER || glob->shape == GLOB_REGEX) {
		free(text);
		return strdup(glob->text);
	}
	if (glob->shape == GLOB_SUFFIX || glob->shape == GLOB_INFIX)
		*to++ = '*';
	for (const char *p = glob->text; *p; p++) {
		if (strchr("*?[\\", *p))
			*to++ = '\\';
		*to++ = *p;
	}
	if (glob->shape == GLOB_PREFIX || glob->shape == GLOB_INFIX)
		*to++ = '*';
	*to = '\0';
	return text;
}

static bool glob_covers(const struct glob *a, const struct glob *b)
{
	cleanup_free char *x = NULL, *y = NULL;

	if (a->shape == b->shape && streq(a->text, b->text))
		return true;
	if (b->shape == GLOB_EXACT)
		return glob_match(a, b->text, b->size);
	if (a->shape == GLOB_REGEX || b->shape == GLOB_REGEX)
		return false;
	x = written(a);
	y = written(b);
	return x && y && pattern_covers(x, y);
}

static bool globs_cover(const struct globs *a, const struct glob *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (glob_covers(&a->list[i], b))
			return true;
	return false;
}

/* ---- terms ---- */

/* Is every number of B in A? Both are sealed. */
static bool ids_cover(const struct ids *a, const struct ids *b)
{
	for (size_t i = 0, k = 0; i < b->n; i++) {
		while (k < a->n && a->ranges[k].high < b->ranges[i].low)
			k++;
		if (k == a->n || a->ranges[k].low > b->ranges[i].low ||
		    a->ranges[k].high < b->ranges[i].high)
			return false;
	}
	return true;
}

static bool ids_meet(const struct ids *a, const struct ids *b)
{
	for (size_t i = 0, k = 0; i < b->n; i++) {
		while (k < a->n && a->ranges[k].high < b->ranges[i].low)
			k++;
		if (k < a->n && a->ranges[k].low <= b->ranges[i].high)
			return true;
	}
	return false;
}

static bool values_cover(const struct values *a, const struct values *b)
{
	for (size_t i = 0; i < b->globs.n; i++)
		if (!globs_cover(&a->globs, &b->globs.list[i]))
			return false;
	return ids_cover(&a->ids, &b->ids);
}

/* Nothing that B includes is what A excludes. */
static bool is_apart(const struct term *a, const struct term *b)
{
	if (!b->included.n)
		return false;
	/* One group may be in B's list and another one in A's. */
	if (a->attribute->has_more || ids_meet(&a->excluded.ids, &b->included.ids))
		return false;
	for (size_t i = 0; i < b->included.globs.n; i++) {
		const struct glob *glob = &b->included.globs.list[i];

		if (a->excluded.globs.n &&
		    (glob->shape != GLOB_EXACT || globs_match(&a->excluded.globs, glob->text)))
			return false;
	}
	return true;
}

/* Does every text of the attribute fit? */
static bool glob_is_all(const struct attribute *attribute, const struct glob *glob)
{
	switch (glob->shape) {
	case GLOB_SUFFIX:
	case GLOB_INFIX:
		return glob->size == 0;
	case GLOB_OTHER:
		return strspn(glob->text, "*") == glob->size;
	case GLOB_PREFIX:
		return attribute->is_path && streq(glob->text, "/");
	case GLOB_EXACT:
	case GLOB_REGEX:
		break;
	}
	return false;
}

/* Do the values have every number or text that there may be? */
static bool values_are_all(const struct attribute *attribute, const struct values *values)
{
	struct id_range all = {0, attribute->facts == RBCE_FACT_LOGIN ? RBCE_NO_LOGIN
								      : attribute->id_max};

	for (size_t i = 0; i < values->globs.n; i++)
		if (glob_is_all(attribute, &values->globs.list[i]))
			return true;
	return attribute->id && ids_cover(&values->ids, &(struct ids){&all, 1});
}

bool term_is_empty(const struct term *term)
{
	if (term->included.n)
		return term->excluded.n && values_cover(&term->excluded, &term->included);
	return values_are_all(term->attribute, &term->excluded);
}

/* Does A hold wherever B does? */
static bool term_covers(const struct term *a, const struct term *b)
{
	if (a->attribute != b->attribute)
		return false;
	if (a->included.n && !(b->included.n && values_cover(&a->included, &b->included)))
		return false;
	return !a->excluded.n || values_cover(&b->excluded, &a->excluded) || is_apart(a, b);
}

/* Nothing that A includes is what B includes: both cannot hold. */
static bool term_denies(const struct term *a, const struct term *b)
{
	if (a->attribute != b->attribute || a->attribute->has_more || !a->included.n ||
	    !b->included.n || ids_meet(&a->included.ids, &b->included.ids))
		return false;
	for (size_t i = 0; i < a->included.globs.n; i++) {
		const struct glob *glob = &a->included.globs.list[i];

		if (glob->shape != GLOB_EXACT || globs_match(&b->included.globs, glob->text))
			return false;
	}
	return true;
}

/* ---- rules ---- */

/* Does a term of RULE, or of those it depends on, speak for A? */
static bool rule_has(const struct compiled *rule, const struct term *a)
{
	for (size_t i = 0; i < rule->n_terms; i++)
		if (term_covers(a, rule->terms[i]))
			return true;
	for (size_t i = 0; i < rule->n_depends; i++)
		if (!rule->depends[i].except && rule_has(rule->depends[i].rule, a))
			return true;
	return false;
}

static bool rule_excepts(const struct compiled *rule, const struct compiled *other)
{
	for (size_t i = 0; i < rule->n_depends; i++) {
		const struct depend *depend = &rule->depends[i];

		if (depend->except ? depend->rule == other : rule_excepts(depend->rule, other))
			return true;
	}
	return false;
}

bool rule_depends(const struct compiled *rule, const struct compiled *other)
{
	for (size_t i = 0; i < rule->n_depends; i++) {
		const struct depend *depend = &rule->depends[i];

		if (!depend->except && (depend->rule == other || rule_depends(depend->rule, other)))
			return true;
	}
	return false;
}

bool rule_covers(const struct compiled *a, const struct compiled *b)
{
	if (a == b || rule_depends(b, a))
		return true;
	for (size_t i = 0; i < a->n_terms; i++)
		if (!rule_has(b, a->terms[i]))
			return false;
	for (size_t i = 0; i < a->n_depends; i++) {
		const struct depend *depend = &a->depends[i];

		if (depend->except ? !rule_excepts(b, depend->rule) : !rule_covers(depend->rule, b))
			return false;
	}
	return true;
}

bool rule_hides(const struct compiled *a, const struct compiled *b)
{
	return (!compiled_guarded(a) || compiled_guarded(b)) && rule_covers(a, b);
}

bool rule_denies(const struct compiled *rule, const struct term *term)
{
	for (size_t i = 0; i < rule->n_terms; i++)
		if (term_denies(rule->terms[i], term) || term_denies(term, rule->terms[i]))
			return true;
	for (size_t i = 0; i < rule->n_depends; i++)
		if (!rule->depends[i].except && rule_denies(rule->depends[i].rule, term))
			return true;
	return false;
}

bool rules_deny(const struct compiled *a, const struct compiled *b)
{
	for (size_t i = 0; i < b->n_terms; i++)
		if (rule_denies(a, b->terms[i]))
			return true;
	for (size_t i = 0; i < b->n_depends; i++)
		if (!b->depends[i].except && rules_deny(a, b->depends[i].rule))
			return true;
	return false;
}
