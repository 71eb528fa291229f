// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Large rule sets, close together in memory: a decision among 100,000 rules takes as long as the
 * few places it looks at take to come from memory, so that what belongs to a rule lies in one
 * place, and large tables in large pages.
 */
#include <errno.h>
#include <sys/mman.h>

#include "internal.h"
#include "util.h"

enum { LARGE_PAGE = 2 << 20, ALIGN = 8 };

void *large_calloc(size_t n, size_t size)
{
	size_t bytes = n * size;
	void *memory;

	if (bytes < LARGE_PAGE || bytes / size != n)
		return calloc(n, size);
	if (posix_memalign(&memory, LARGE_PAGE, bytes) != 0)
		return NULL;
	/* A wish: without large pages it is only slower. What does not fill one stays in small
	 * ones. */
	madvise(memory, bytes / LARGE_PAGE * LARGE_PAGE, MADV_HUGEPAGE);
	return memset(memory, 0, bytes);
}

static size_t aligned(size_t size)
{
	return (size + ALIGN - 1) / ALIGN * ALIGN;
}

static size_t values_size(const struct values *values)
{
	size_t size = aligned(values->ids.n * sizeof(*values->ids.ranges)) +
		      aligned(values->globs.n * sizeof(*values->globs.list));

	for (size_t i = 0; i < values->globs.n; i++)
		size += aligned(values->globs.list[i].size + 1);
	return size;
}

static size_t rule_size(const struct compiled *rule)
{
	size_t size = aligned(rule->n_terms * sizeof(*rule->terms));

	for (size_t i = 0; i < rule->n_terms; i++)
		size += aligned(sizeof(struct term)) + values_size(&rule->terms[i]->included) +
			values_size(&rule->terms[i]->excluded);
	return size;
}

/* Copies SIZE bytes to *AT, which moves behind them; releases the old ones. */
static void *move(char **at, void *from, size_t size)
{
	char *to = *at;

	if (size)
		memcpy(to, from, size);
	*at += aligned(size);
	free(from);
	return size ? to : NULL;
}

static void move_values(char **at, struct values *values)
{
	struct globs *globs = &values->globs;

	values->ids.ranges =
		move(at, values->ids.ranges, values->ids.n * sizeof(*values->ids.ranges));
	globs->list = move(at, globs->list, globs->n * sizeof(*globs->list));
	for (size_t i = 0; i < globs->n; i++)
		globs->list[i].text = move(at, globs->list[i].text, globs->list[i].size + 1);
}

static void move_rule(char **at, struct compiled *rule)
{
	rule->terms = move(at, rule->terms, rule->n_terms * sizeof(*rule->terms));
	for (size_t i = 0; i < rule->n_terms; i++) {
		struct term *term = move(at, rule->terms[i], sizeof(*term));

		rule->terms[i] = term;
		move_values(at, &term->included);
		move_values(at, &term->excluded);
	}
}

int ruleset_pack(struct ruleset *set)
{
	size_t size = 0;
	char *at;

	for (size_t i = 0; i < set->n_rules; i++)
		size += rule_size(&set->rules[i]);
	at = set->packed = large_calloc(size + 1, 1);
	if (!at)
		return -ENOMEM;
	for (size_t i = 0; i < set->n_rules; i++)
		move_rule(&at, &set->rules[i]);
	return 0;
}

static void unpack_globs(struct globs *globs)
{
	for (size_t i = 0; i < globs->n; i++)
		regex_free(globs->list[i].regex);
}

void term_unpack(struct term *term)
{
	unpack_globs(&term->included.globs);
	unpack_globs(&term->excluded.globs);
	free(term->text);
}
