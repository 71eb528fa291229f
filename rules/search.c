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
	const struct index_rule *rules;
	const struct rbce_task *task;
	size_t best;        /* index of the first rule found so far; the number of rules for none */
	struct text *texts; /* by attribute */
	unsigned measured;  /* which of them, as bits */
	index_candidate_fn *function; /* then all are wanted */
	void *data;
};

static void search_node(struct search *s, const struct index_node *node);

static bool matches(const struct search *s, uint32_t rule)
{
	const struct index_rule *asked = &s->rules[rule];

	if (asked->guarded && s->task->unit)
		return false;
	for (uint32_t i = 0; i < asked->n_terms; i++)
		if (!term_holds(asked->terms[i], s->task))
			return false;
	return !asked->depends || compiled_holds(&s->set->rules[rule], s->task);
}

/* A list in order: the first that matches, unless a better one was found already. */
static void search_list(struct search *s, const uint32_t *rules, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s->function) {
			s->function(s->data, &s->set->rules[rules[i]]);
			continue;
		}
		if (rules[i] >= s->best)
			return;
		if (matches(s, rules[i])) {
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
	const struct index_slot *slot = index_find(node, key);

	if (slot && slot->bucket == NO_BUCKET)
		search_list(s, &slot->rule, 1);
	else if (slot)
		search_bucket(s, node, &node->buckets[slot->bucket]);
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

static inline void search_gram(struct search *s, const struct index_node *node, size_t a,
			       const char *text, enum gram_size size)
{
	uint64_t gram = gram_at(text, size);

	if (filter_has(node, gram))
		search_key(s, node, gram_key(a, gram, size));
}

/* Every piece of the text, the marks at its ends included. */
static inline void search_grams(struct search *s, const struct index_node *node, size_t a,
				enum gram_size size)
{
	const struct text *text = measure(s, a);
	size_t n = text->size, bytes = gram_sizes[size];
	char end[GRAM_LONG];

	/* A text that is shorter fits no pattern that is filed by a piece. */
	if (n < bytes - 1)
		return;
	end[0] = TEXT_BEGIN;
	memcpy(end + 1, text->text, bytes - 1);
	search_gram(s, node, a, end, size);
	for (size_t i = 0; i + bytes <= n; i++)
		search_gram(s, node, a, text->text + i, size);
	memcpy(end, text->text + n - (bytes - 1), bytes - 1);
	end[bytes - 1] = TEXT_END;
	search_gram(s, node, a, end, size);
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
	for (unsigned left = node->grams[LONG]; left; left &= left - 1)
		search_grams(s, node, (size_t)__builtin_ctz(left), LONG);
	for (unsigned left = node->grams[SHORT]; left; left &= left - 1)
		search_grams(s, node, (size_t)__builtin_ctz(left), SHORT);
	search_list(s, node->always, node->n_always);
}

const struct compiled *index_first(const struct index *index, const struct rbce_task *task)
{
	struct text texts[ATTRIBUTES];
	struct search s = {
		.set = index->set,
		.rules = index->rules,
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
		.rules = index->rules,
		.task = task,
		.best = index->set->n_rules,
		.texts = texts,
		.function = function,
		.data = data,
	};

	search_node(&s, index->top);
}
