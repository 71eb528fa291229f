// SPDX-License-Identifier: GPL-2.0-or-later
/* Asking the index of index.c: the first rule that matches, or all that may. */
#include "index.h"

/* An attribute of the task, measured when it is wanted. */
struct text {
	const char *text; /* NULL when the task has none */
	size_t size;
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

static const struct text *measure(struct search *s, size_t attribute)
{
	struct text *text = &s->texts[attribute];

	if (s->measured & 1U << attribute)
		return text;
	s->measured |= 1U << attribute;
	text->text = attributes[attribute].text(s->task);
	text->size = text->text ? strlen(text->text) : 0;
	return text;
}

static bool matches(struct search *s, uint32_t rule)
{
	const struct index_rule *asked = &s->rules[rule];

	if (asked->guarded && s->task->unit)
		return false;
	if (asked->glob) {
		const struct text *text = measure(s, asked->attribute);

		if (!text->text || !glob_match(asked->glob, text->text, text->size))
			return false;
	}
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

/*
 * What is looked for in one node, all at once: among many rules most of the time is spent waiting
 * for memory, and waiting for several places takes no longer than for one. So keys are gathered and
 * their slots asked for; then those found, and what they lead to; and only then rules are asked.
 */
enum { WAVE = 32 };
struct wave {
	struct search *s;
	const struct index_node *node;
	size_t n_keys, n_found;
	uint64_t keys[WAVE];
	struct found {
		uint32_t bucket, rule; /* as in a slot */
	} found[WAVE];
};

/* What is needed of a rule at first: what belongs to a pattern or term lies behind it, see pack.c.
 */
static void prefetch_rule(const struct index_rule *rule)
{
	uintptr_t at = rule->glob ? (uintptr_t)rule->glob : (uintptr_t)rule->terms;

	for (size_t line = 0; line < 3; line++)
		__builtin_prefetch((const void *)(at + 64 * line));
}

static void wave_search(struct wave *wave)
{
	const struct index_node *node = wave->node;
	struct search *s = wave->s;

	for (size_t i = 0; i < wave->n_found; i++) {
		const struct found *found = &wave->found[i];

		if (found->bucket == NO_BUCKET)
			prefetch_rule(&s->rules[found->rule]);
		else
			__builtin_prefetch(node->rules + node->buckets[found->bucket].first);
	}
	for (size_t i = 0; i < wave->n_found; i++) {
		const struct found *found = &wave->found[i];

		if (found->bucket == NO_BUCKET)
			search_list(s, &found->rule, 1);
		else
			search_bucket(s, node, &node->buckets[found->bucket]);
	}
	wave->n_found = 0;
}

static void wave_find(struct wave *wave, uint32_t bucket, uint32_t rule)
{
	if (wave->n_found == WAVE)
		wave_search(wave);
	if (bucket == NO_BUCKET)
		__builtin_prefetch(&wave->s->rules[rule]);
	else
		__builtin_prefetch(&wave->node->buckets[bucket]);
	wave->found[wave->n_found++] = (struct found){bucket, rule};
}

static void wave_resolve(struct wave *wave)
{
	for (size_t i = 0; i < wave->n_keys; i++) {
		const struct index_slot *slot = index_find(wave->node, wave->keys[i]);

		if (slot)
			wave_find(wave, slot->bucket, slot->rule);
	}
	wave->n_keys = 0;
}

static __attribute__((noinline)) void wave_key(struct wave *wave, uint64_t key)
{
	if (wave->n_keys == WAVE)
		wave_resolve(wave);
	__builtin_prefetch(&wave->node->slots[slot_of(wave->node, key)]);
	wave->keys[wave->n_keys++] = key;
}

static void search_exact(struct wave *wave, size_t a)
{
	const struct rbce_task *task = wave->s->task;

	if (attributes[a].text) {
		const struct text *text = measure(wave->s, a);

		if (text->text)
			wave_key(wave, exact_key(a, hash_text(text->text, text->size)));
		return;
	}
	wave_key(wave, exact_key(a, attributes[a].id(task)));
	for (size_t i = 0; attributes[a].has_more && i < task->n_groups; i++)
		wave_key(wave, exact_key(a, task->groups[i]));
}

static inline void search_gram(struct wave *wave, struct index_filter filter, size_t a,
			       const char *text, enum gram_size size)
{
	uint64_t gram = gram_at(text, size);

	if (filter_has(filter, gram))
		wave_key(wave, gram_key(a, gram, size));
}

/* Every piece of the text, the marks at its ends included. SIZE is known to the compiler. */
static inline __attribute__((always_inline)) void search_grams(struct wave *wave, size_t a,
							       enum gram_size size)
{
	const struct index_filter filter = wave->node->filter;
	const struct text *text = measure(wave->s, a);
	size_t n = text->size, bytes = gram_sizes[size];
	char end[GRAM_LONG];

	/* A text that is shorter fits no pattern that is filed by a piece. */
	if (n < bytes - 1)
		return;
	end[0] = TEXT_BEGIN;
	memcpy(end + 1, text->text, bytes - 1);
	search_gram(wave, filter, a, end, size);
	for (size_t i = 0; i + bytes <= n; i++)
		search_gram(wave, filter, a, text->text + i, size);
	memcpy(end, text->text + n - (bytes - 1), bytes - 1);
	end[bytes - 1] = TEXT_END;
	search_gram(wave, filter, a, end, size);
}

/* Up the segment tree, from the piece that ID lies in. */
static void search_id(struct wave *wave, const struct index_ranges *ranges, uint32_t id)
{
	size_t piece = index_bound(ranges, id);

	if (piece == SIZE_MAX)
		return;
	for (size_t at = piece + ranges->size; at; at = ranges->tree[at].next)
		if (ranges->tree[at].head)
			wave_find(wave, ranges->tree[at].head - 1, 0);
}

static void search_ranges(struct wave *wave, const struct index_ranges *ranges)
{
	const struct attribute *attribute = &attributes[ranges->attribute];
	const struct rbce_task *task = wave->s->task;

	search_id(wave, ranges, attribute->id(task));
	for (size_t i = 0; attribute->has_more && i < task->n_groups; i++)
		search_id(wave, ranges, task->groups[i]);
}

static void search_node(struct search *s, const struct index_node *node)
{
	struct wave wave;

	wave.s = s;
	wave.node = node;
	wave.n_keys = wave.n_found = 0;
	for (unsigned left = node->exact; left; left &= left - 1)
		search_exact(&wave, (size_t)__builtin_ctz(left));
	for (unsigned left = node->grams[LONG]; left; left &= left - 1)
		search_grams(&wave, (size_t)__builtin_ctz(left), LONG);
	for (unsigned left = node->grams[SHORT]; left; left &= left - 1)
		search_grams(&wave, (size_t)__builtin_ctz(left), SHORT);
	wave_resolve(&wave);
	for (size_t i = 0; i < node->n_ranges; i++)
		search_ranges(&wave, &node->ranges[i]);
	wave_search(&wave);
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
