// SPDX-License-Identifier: GPL-2.0-or-later
/* Asking the index of index.c: the first rule that matches, or all that may. */
#include "index.h"

/* An attribute of the task, measured when it is wanted. */
struct text {
	const char *text; /* NULL when the task has none */
	size_t size;
	uint64_t hash;
};

/* A look-up on its way through the nodes. */
struct search {
	const struct ruleset *set;
	const struct rbce_task *task;
	size_t best;        /* index of the first rule found so far; the number of rules for none */
	struct text *texts; /* by attribute */
	unsigned measured;  /* which of them, as bits */
	index_candidate_fn *function; /* then all are wanted */
	void *data;
};

static void search_node(struct search *s, const struct index_node *node);

/* A list in order: the first that matches, unless a better one was found already. */
static void search_list(struct search *s, const uint32_t *rules, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct compiled *rule = &s->set->rules[rules[i]];

		if (s->function) {
			s->function(s->data, rule);
			continue;
		}
		if (rules[i] >= s->best)
			return;
		if (compiled_holds(rule, s->task)) {
			s->best = rules[i];
			return;
		}
	}
}

static void search_bucket(struct search *s, const struct index_node *node,
			  const struct index_bucket *bucket)
{
	if (!s->function && node->rules[bucket->first] >= s->best)
		return;
	if (bucket->node)
		search_node(s, bucket->node);
	else
		search_list(s, node->rules + bucket->first, bucket->n);
}

static void search_key(struct search *s, const struct index_node *node, uint64_t key)
{
	const struct index_bucket *bucket = index_find(node, key);

	if (bucket)
		search_bucket(s, node, bucket);
}

static const struct text *measure(struct search *s, size_t attribute)
{
	struct text *text = &s->texts[attribute];

	if (s->measured & 1U << attribute)
		return text;
	s->measured |= 1U << attribute;
	text->text = attributes[attribute].text(s->task);
	text->size = text->text ? strlen(text->text) : 0;
	text->hash = text->text ? hash_text(text->text, text->size) : 0;
	return text;
}

static void search_exact(struct search *s, const struct index_node *node, size_t a)
{
	const struct rbce_task *task = s->task;

	if (attributes[a].text) {
		const struct text *text = measure(s, a);

		if (text->text)
			search_key(s, node, exact_key(a, text->hash));
		return;
	}
	search_key(s, node, exact_key(a, attributes[a].id(task)));
	for (size_t i = 0; attributes[a].has_more && i < task->n_groups; i++)
		search_key(s, node, exact_key(a, task->groups[i]));
}

static void search_gram(struct search *s, const struct index_node *node, size_t a, uint32_t gram)
{
	if (filter_has(node, gram))
		search_key(s, node, gram_key(a, gram));
}

/* Every four bytes of the text, the marks at its ends included. */
static void search_grams(struct search *s, const struct index_node *node, size_t a)
{
	const struct text *measured = measure(s, a);
	const char *text = measured->text;
	size_t n = measured->size;

	/* A text that is shorter fits no pattern that is filed by a piece. */
	if (n < GRAM - 1)
		return;
	search_gram(s, node, a, gram_at((char[]){TEXT_BEGIN, text[0], text[1], text[2]}));
	for (size_t i = 0; i + GRAM <= n; i++)
		search_gram(s, node, a, gram_at(text + i));
	search_gram(s, node, a, gram_at((char[]){text[n - 3], text[n - 2], text[n - 1], TEXT_END}));
}

/* Up the segment tree, from the piece that ID lies in. */
static void search_id(struct search *s, const struct index_node *node,
		      const struct index_ranges *ranges, uint32_t id)
{
	size_t piece = index_bound(ranges, id);

	if (piece == SIZE_MAX)
		return;
	for (size_t place = piece + ranges->size; place; place /= 2)
		if (ranges->heads[place])
			search_bucket(s, node, &node->buckets[ranges->heads[place] - 1]);
}

static void search_ranges(struct search *s, const struct index_node *node,
			  const struct index_ranges *ranges)
{
	const struct attribute *attribute = &attributes[ranges->attribute];

	search_id(s, node, ranges, attribute->id(s->task));
	for (size_t i = 0; attribute->has_more && i < s->task->n_groups; i++)
		search_id(s, node, ranges, s->task->groups[i]);
}

static void search_node(struct search *s, const struct index_node *node)
{
	for (unsigned left = node->exact; left; left &= left - 1)
		search_exact(s, node, (size_t)__builtin_ctz(left));
	for (size_t i = 0; i < node->n_ranges; i++)
		search_ranges(s, node, &node->ranges[i]);
	for (unsigned left = node->grams; left; left &= left - 1)
		search_grams(s, node, (size_t)__builtin_ctz(left));
	search_list(s, node->always, node->n_always);
}

const struct compiled *index_first(const struct index *index, const struct rbce_task *task)
{
	struct text texts[ATTRIBUTES];
	struct search s = {
		.set = index->set,
		.task = task,
		.best = index->set->n_rules,
		.texts = texts,
	};

	search_node(&s, index->top);
	return s.best < index->set->n_rules ? &index->set->rules[s.best] : NULL;
}

void index_candidates(const struct index *index, const struct rbce_task *task,
		      index_candidate_fn *function, void *data)
{
	struct text texts[ATTRIBUTES];
	struct search s = {
		.set = index->set,
		.task = task,
		.best = index->set->n_rules,
		.texts = texts,
		.function = function,
		.data = data,
	};

	search_node(&s, index->top);
}
