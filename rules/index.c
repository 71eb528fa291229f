// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which rules may match a task, without asking each of them.
 *
 * Every rule is filed under one of its terms, the one that fewest others share: by a hash of the
 * number or text for an exact value, in a segment tree for a range of numbers, and for a pattern
 * under eight (or four) successive bytes that a text must have to fit it. Looking a task up gives a
 * few short lists of rules in order, and each rule found is then asked in full: the index only
 * nominates, so that it must be complete but need not be exact. A list that is long is an index
 * again, over the rules' other terms.
 *
 * Bit vectors as of packet classification (Baboescu and Varghese, "Scalable packet classification",
 * SIGCOMM 2001) need a bit per rule for each value that occurs; filing by one term is the method of
 * content-based matching (Whang et al., "Indexing Boolean expressions", VLDB 2009) and needs room
 * for the rules only.
 */
#include "index.h"

#include <errno.h>

#include "util.h"

/* Lists up to this are gone through. */
enum { LIST_SHORT = 8 };

/* What the build of all nodes carries along. */
struct builder {
	const struct ruleset *set;
	struct flat *flat; /* by rule */
	size_t budget;     /* places in lists that sub-nodes may still take */
};

/* The terms of a rule with those of the rules it depends on. */
struct flat {
	struct term **terms;
	size_t n;
	bool owned;
};

/* ---- the build: what a term is filed under ---- */

/* A rule under a key, or within a range. */
struct filed {
	uint64_t key;
	uint64_t gram; /* that the key was made of; 0 for none */
	uint32_t rule;
};
struct filed_range {
	uint64_t low, end; /* END is behind it */
	uint32_t rule;
};

/* One node in the making. */
struct making {
	struct builder *builder;
	struct index_node *node;
	unsigned used; /* attributes that lead here */
	/*
	 * How often each key occurs, by some bits of its hash: a key's own count or more. Pieces of
	 * patterns apart, since some of them occur in most patterns.
	 */
	struct counts {
		uint32_t *list;
		uint64_t mask;
	} exact, grams;
	/* Where ranges begin and where they end, each in order: how many meet one is told by that.
	 */
	struct ends {
		uint32_t *lows, *highs;
		size_t n, room;
	} ends[ATTRIBUTES];
	size_t n_ranges[ATTRIBUTES]; /* that are filed */
	struct filed *filed;
	size_t n_filed, filed_room;
	struct filed_range *ranges[ATTRIBUTES];
	size_t ranges_room[ATTRIBUTES];
	uint32_t *always;
	size_t n_always;
};

static uint32_t *count_of(const struct counts *counts, uint64_t key)
{
	return &counts->list[(key >> 20) & counts->mask];
}

/* A piece of a pattern, and how many patterns have it. */
struct gram {
	uint64_t key, bytes;
	enum gram_size size;
	uint32_t count;
	bool found;
};

/* Counts the pieces of so many bytes, or finds the rarest one. */
static void each_gram(struct making *m, size_t attribute, const char *text, size_t n,
		      enum gram_size size, struct gram *rarest)
{
	size_t bytes = gram_sizes[size];

	for (size_t i = 0; i + bytes <= n; i++) {
		uint64_t gram = gram_at(text + i, size), key = gram_key(attribute, gram, size);
		uint32_t *count = count_of(&m->grams, key);

		if (memchr(text + i, '\0', bytes))
			continue;
		if (!rarest)
			++*count;
		else if (!rarest->found || *count < rarest->count)
			*rarest = (struct gram){key, gram, size, *count, true};
	}
}

static void count_glob(struct making *m, size_t attribute, const struct glob *glob)
{
	cleanup_free char *text = malloc(glob->size + 2);
	size_t n = text ? glob_literals(glob, '\0', text) : 0;

	each_gram(m, attribute, text, n, SHORT, NULL);
	each_gram(m, attribute, text, n, LONG, NULL);
}

/* A long piece where there is one. */
static struct gram rarest_gram(struct making *m, size_t attribute, const struct glob *glob)
{
	cleanup_free char *text = malloc(glob->size + 2);
	size_t n = text ? glob_literals(glob, '\0', text) : 0;
	struct gram rarest = {0};

	each_gram(m, attribute, text, n, LONG, &rarest);
	if (!rarest.found)
		each_gram(m, attribute, text, n, SHORT, &rarest);
	return rarest;
}

/* Can the term be filed at all? A list is filed under each of its elements. */
static bool is_fileable(const struct making *m, const struct term *term)
{
	return term->included.n && !(m->used & 1U << attribute_number(term->attribute));
}

static int count_range(struct ends *ends, struct id_range range)
{
	if (ends->n == ends->room) {
		size_t room = ends->room ? 2 * ends->room : 16;
		uint32_t *lows = reallocarray(ends->lows, room, sizeof(*lows));
		uint32_t *highs = lows ? reallocarray(ends->highs, room, sizeof(*highs)) : NULL;

		ends->lows = lows ?: ends->lows;
		ends->highs = highs ?: ends->highs;
		if (!highs)
			return -ENOMEM;
		ends->room = room;
	}
	ends->lows[ends->n] = range.low;
	ends->highs[ends->n++] = range.high;
	return 0;
}

/* How many of the numbers, which are in order, are below LIMIT. */
static size_t count_below(const uint32_t *numbers, size_t n, uint64_t limit)
{
	size_t low = 0;

	while (low < n) {
		size_t middle = low + (n - low) / 2;

		if (numbers[middle] < limit)
			low = middle + 1;
		else
			n = middle;
	}
	return low;
}

/* How many of the ranges meet this one, which is one of them. */
static size_t count_meeting(const struct ends *ends, struct id_range range)
{
	return count_below(ends->lows, ends->n, (uint64_t)range.high + 1) -
	       count_below(ends->highs, ends->n, range.low);
}

static int count_term(struct making *m, const struct term *term)
{
	size_t a = attribute_number(term->attribute);
	const struct ids *ids = &term->included.ids;
	const struct globs *globs = &term->included.globs;

	int r = 0;

	for (size_t i = 0; r == 0 && i < ids->n; i++) {
		if (ids->ranges[i].low == ids->ranges[i].high)
			++*count_of(&m->exact, exact_key(a, ids->ranges[i].low));
		else
			r = count_range(&m->ends[a], ids->ranges[i]);
	}
	for (size_t i = 0; i < globs->n; i++) {
		const struct glob *glob = &globs->list[i];

		if (glob->shape == GLOB_EXACT)
			++*count_of(&m->exact, exact_key(a, hash_text(glob->text, glob->size)));
		else
			count_glob(m, a, glob);
	}
	return r;
}

/*
 * A command line may be long, and one rule that is filed by it is enough to have it looked through:
 * as long as asking many rules takes.
 */
enum { COST_ANY_TEXT = 32 };

/* How many rules share the places of this term, about; UINT64_MAX when it cannot be filed. */
static uint64_t term_cost(struct making *m, const struct term *term)
{
	size_t a = attribute_number(term->attribute);
	const struct ids *ids = &term->included.ids;
	const struct globs *globs = &term->included.globs;
	uint64_t cost = 0;

	for (size_t i = 0; i < ids->n; i++)
		cost += ids->ranges[i].low == ids->ranges[i].high
				? *count_of(&m->exact, exact_key(a, ids->ranges[i].low))
				: count_meeting(&m->ends[a], ids->ranges[i]);
	for (size_t i = 0; i < globs->n; i++) {
		const struct glob *glob = &globs->list[i];
		struct gram rarest;

		if (glob->shape == GLOB_EXACT) {
			cost += *count_of(&m->exact,
					  exact_key(a, hash_text(glob->text, glob->size)));
			continue;
		}
		rarest = rarest_gram(m, a, glob);
		if (!rarest.found)
			return UINT64_MAX;
		cost += rarest.count + 1 + (term->attribute->any_text ? COST_ANY_TEXT : 0);
	}
	return cost;
}

static int file_under(struct making *m, uint64_t key, uint64_t gram, uint32_t rule)
{
	if (m->n_filed == m->filed_room) {
		size_t room = m->filed_room ? 2 * m->filed_room : 64;
		struct filed *more = reallocarray(m->filed, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		m->filed = more;
		m->filed_room = room;
	}
	m->filed[m->n_filed++] = (struct filed){key, gram, rule};
	return 0;
}

static int file_range(struct making *m, size_t attribute, struct id_range range, uint32_t rule)
{
	size_t n = m->n_ranges[attribute];
	struct filed_range **list = &m->ranges[attribute];

	if (n == m->ranges_room[attribute]) {
		size_t room = n ? 2 * n : 16;
		struct filed_range *more = reallocarray(*list, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		*list = more;
		m->ranges_room[attribute] = room;
	}
	(*list)[n] = (struct filed_range){range.low, (uint64_t)range.high + 1, rule};
	m->n_ranges[attribute] = n + 1;
	return 0;
}

static int file_glob(struct making *m, size_t attribute, const struct glob *glob, uint32_t rule)
{
	struct gram rarest;

	if (glob->shape == GLOB_EXACT) {
		m->node->exact |= 1U << attribute;
		return file_under(m, exact_key(attribute, hash_text(glob->text, glob->size)), 0,
				  rule);
	}
	rarest = rarest_gram(m, attribute, glob);
	/* Not found only when memory has run out meanwhile. */
	if (!rarest.found)
		return -ENOMEM;
	m->node->grams[rarest.size] |= 1U << attribute;
	return file_under(m, rarest.key, rarest.bytes, rule);
}

static int file_term(struct making *m, const struct term *term, uint32_t rule)
{
	size_t a = attribute_number(term->attribute);
	const struct ids *ids = &term->included.ids;
	const struct globs *globs = &term->included.globs;
	int r = 0;

	for (size_t i = 0; r == 0 && i < ids->n; i++) {
		if (ids->ranges[i].low != ids->ranges[i].high) {
			r = file_range(m, a, ids->ranges[i], rule);
			continue;
		}
		m->node->exact |= 1U << a;
		r = file_under(m, exact_key(a, ids->ranges[i].low), 0, rule);
	}
	for (size_t i = 0; r == 0 && i < globs->n; i++)
		r = file_glob(m, a, &globs->list[i], rule);
	return r;
}

/* The cheapest term; NULL when none can be filed. */
static const struct term *choose_term(struct making *m, const struct flat *flat)
{
	const struct term *best = NULL;
	uint64_t least = UINT64_MAX;

	for (size_t i = 0; i < flat->n; i++) {
		uint64_t cost =
			is_fileable(m, flat->terms[i]) ? term_cost(m, flat->terms[i]) : UINT64_MAX;

		if (cost < least) {
			least = cost;
			best = flat->terms[i];
		}
	}
	return best;
}

/* ---- the build: nodes ---- */

static int compare_filed(const void *a, const void *b)
{
	const struct filed *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->rule < y->rule ? -1 : x->rule > y->rule;
}

static int node_new(struct builder *builder, const uint32_t *rules, size_t n, unsigned used,
		    struct index_node **ret);

/* A list of N rules as the next bucket of the node; a long one becomes a node below. */
static int add_bucket(struct making *m, const struct filed *filed, size_t n, unsigned used)
{
	struct index_node *node = m->node;
	struct index_bucket *bucket = &node->buckets[node->n_buckets++];

	*bucket = (struct index_bucket){.first = (uint32_t)node->n_rules};
	for (size_t i = 0; i < n; i++)
		if (i == 0 || filed[i].rule != filed[i - 1].rule)
			node->rules[node->n_rules++] = filed[i].rule;
	bucket->n = (uint32_t)(node->n_rules - bucket->first);
	if (bucket->n <= LIST_SHORT || m->builder->budget < bucket->n)
		return 0;
	return node_new(m->builder, node->rules + bucket->first, bucket->n, used, &bucket->node);
}

/* How many of the same key stand at the beginning. */
static size_t run_of(const struct filed *filed, size_t n)
{
	size_t run = 1;

	while (run < n && filed[run].key == filed[0].key)
		run++;
	return run;
}

/* A hash table with a bucket for each key. */
static int make_table(struct making *m)
{
	struct index_node *node = m->node;
	size_t keys = 0, grams = 0, size = SLOTS_MIN, words = 1;

	if (m->n_filed)
		qsort(m->filed, m->n_filed, sizeof(*m->filed), compare_filed);
	for (size_t i = 0; i < m->n_filed; i += run_of(m->filed + i, m->n_filed - i)) {
		keys++;
		grams += m->filed[i].gram != 0;
	}
	while (size < 2 * keys)
		size *= 2;
	while (64 * words < FILTER_BITS * grams)
		words *= 2;
	node->slots = large_calloc(size, sizeof(*node->slots));
	node->filter.words = large_calloc(words, sizeof(*node->filter.words));
	node->filter.mask = words - 1;
	if (!node->slots || !node->filter.words)
		return -ENOMEM;
	node->mask = size - 1;
	for (size_t i = 0, run; i < m->n_filed; i += run) {
		uint64_t key = m->filed[i].key;
		struct index_slot *slot;
		int r;

		run = run_of(m->filed + i, m->n_filed - i);
		slot = index_insert(node, key);
		if (m->filed[i].gram)
			filter_add(&node->filter, m->filed[i].gram);
		*slot = (struct index_slot){key, NO_BUCKET, m->filed[i].rule};
		if (run == 1)
			continue;
		slot->bucket = (uint32_t)node->n_buckets;
		r = add_bucket(m, m->filed + i, run, m->used | 1U << key_attribute(key));
		if (r < 0)
			return r;
	}
	return 0;
}

static int compare_bound(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The places where a range of the list begins, or one has ended. */
static int make_bounds(const struct filed_range *list, size_t n, struct index_ranges *ranges)
{
	size_t kept = 0;

	ranges->bounds = calloc(2 * n, sizeof(*ranges->bounds));
	if (!ranges->bounds)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		ranges->bounds[2 * i] = list[i].low;
		ranges->bounds[2 * i + 1] = list[i].end;
	}
	qsort(ranges->bounds, 2 * n, sizeof(*ranges->bounds), compare_bound);
	for (size_t i = 0; i < 2 * n; i++)
		if (i == 0 || ranges->bounds[i] != ranges->bounds[kept - 1])
			ranges->bounds[kept++] = ranges->bounds[i];
	ranges->n = kept;
	for (ranges->size = 1; ranges->size < kept;)
		ranges->size *= 2;
	ranges->tree = calloc(2 * ranges->size, sizeof(*ranges->tree));
	return ranges->tree ? 0 : -ENOMEM;
}

/* Files a range under the few nodes of the segment tree that cover it. */
static int cover(struct making *m, const struct index_ranges *ranges,
		 const struct filed_range *range)
{
	size_t left = index_bound(ranges, range->low) + ranges->size;
	size_t right = index_bound(ranges, range->end) + ranges->size;
	int r = 0;

	for (; r == 0 && left < right; left /= 2, right /= 2) {
		if (left & 1)
			r = file_under(m, left++, 0, range->rule);
		if (r == 0 && right & 1)
			r = file_under(m, --right, 0, range->rule);
	}
	return r;
}

static int make_ranges(struct making *m, size_t attribute)
{
	struct index_node *node = m->node;
	struct index_ranges *ranges = &node->ranges[node->n_ranges++];
	int r = make_bounds(m->ranges[attribute], m->n_ranges[attribute], ranges);

	ranges->attribute = (uint32_t)attribute;
	m->n_filed = 0;
	for (size_t i = 0; r == 0 && i < m->n_ranges[attribute]; i++)
		r = cover(m, ranges, &m->ranges[attribute][i]);
	if (r == 0 && m->n_filed)
		qsort(m->filed, m->n_filed, sizeof(*m->filed), compare_filed);
	for (size_t i = 0, run; r == 0 && i < m->n_filed; i += run) {
		run = run_of(m->filed + i, m->n_filed - i);
		/* 0 is for none. */
		ranges->tree[m->filed[i].key].head = (uint32_t)node->n_buckets + 1;
		r = add_bucket(m, m->filed + i, run, m->used | 1U << attribute);
	}
	for (size_t i = 2; r == 0 && i < 2 * ranges->size; i++)
		ranges->tree[i].next =
			ranges->tree[i / 2].head ? (uint32_t)(i / 2) : ranges->tree[i / 2].next;
	return r;
}

/* At the most so many places do the ranges take: two for each level of the tree. */
static size_t range_places(size_t n)
{
	size_t levels = 2;

	for (size_t size = 1; size < 2 * n; size *= 2)
		levels++;
	return 2 * n * levels;
}

/* Room in the node for what was filed. */
static int make_room(struct making *m)
{
	struct index_node *node = m->node;
	size_t places = m->n_filed, lists = 0;

	for (size_t a = 0; a < ATTRIBUTES; a++) {
		if (!m->ranges[a])
			continue;
		places += range_places(m->n_ranges[a]);
		lists++;
	}
	node->rules = calloc(places + 1, sizeof(*node->rules));
	node->buckets = calloc(places + 1, sizeof(*node->buckets));
	node->ranges = calloc(lists + 1, sizeof(*node->ranges));
	return node->rules && node->buckets && node->ranges ? 0 : -ENOMEM;
}

/* Gives back what make_room() took too much. */
static void trim(struct index_node *node)
{
	node->rules =
		reallocarray(node->rules, node->n_rules + 1, sizeof(*node->rules)) ?: node->rules;
	node->buckets = reallocarray(node->buckets, node->n_buckets + 1, sizeof(*node->buckets))
				?: node->buckets;
}

static int compare_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int counts_new(struct counts *counts, uint64_t wanted)
{
	uint64_t size = 256;

	while (size < wanted && size < 1 << 23)
		size *= 2;
	counts->mask = size - 1;
	counts->list = calloc(size, sizeof(*counts->list));
	return counts->list ? 0 : -ENOMEM;
}

static int count_rules(struct making *m, const uint32_t *rules, size_t n)
{
	int r = counts_new(&m->exact, 8 * n);

	if (r == 0)
		r = counts_new(&m->grams, 64 * n);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct flat *flat = &m->builder->flat[rules[i]];

		for (size_t t = 0; r == 0 && t < flat->n; t++)
			if (is_fileable(m, flat->terms[t]))
				r = count_term(m, flat->terms[t]);
	}
	for (size_t a = 0; a < ATTRIBUTES; a++) {
		struct ends *ends = &m->ends[a];

		if (!ends->n)
			continue;
		qsort(ends->lows, ends->n, sizeof(*ends->lows), compare_number);
		qsort(ends->highs, ends->n, sizeof(*ends->highs), compare_number);
	}
	return r;
}

static int file_rules(struct making *m, const uint32_t *rules, size_t n)
{
	cleanup_free const struct term **chosen = calloc(n, sizeof(*chosen));
	int r = 0;

	m->always = calloc(n, sizeof(*m->always));
	if (!chosen || !m->always)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		chosen[i] = choose_term(m, &m->builder->flat[rules[i]]);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (chosen[i])
			r = file_term(m, chosen[i], rules[i]);
		else
			m->always[m->n_always++] = rules[i];
	}
	return r;
}

static int make_node(struct making *m)
{
	struct index_node *node = m->node;
	int r = make_room(m);

	if (r == 0)
		r = make_table(m);
	for (size_t a = 0; r == 0 && a < ATTRIBUTES; a++)
		if (m->ranges[a])
			r = make_ranges(m, a);
	if (r < 0)
		return r;
	trim(node);
	node->always = TAKE_PTR(m->always);
	node->n_always = m->n_always;
	return 0;
}

static void making_done(struct making *m)
{
	free(m->exact.list);
	free(m->grams.list);
	free(m->filed);
	free(m->always);
	for (size_t a = 0; a < ATTRIBUTES; a++) {
		free(m->ranges[a]);
		free(m->ends[a].lows);
		free(m->ends[a].highs);
	}
}

/* *RET stays NULL when no rule can be filed: then the list is as good. */
static int node_new(struct builder *builder, const uint32_t *rules, size_t n, unsigned used,
		    struct index_node **ret)
{
	CLEANUP(making_done) struct making m = {.builder = builder, .used = used};
	int r;

	m.node = calloc(1, sizeof(*m.node));
	if (!m.node)
		return -ENOMEM;
	builder->budget -= n < builder->budget ? n : builder->budget;
	r = count_rules(&m, rules, n);
	if (r == 0)
		r = file_rules(&m, rules, n);
	if (r == 0 && used && m.n_always == n) {
		index_node_free(m.node);
		return 0;
	}
	if (r == 0)
		r = make_node(&m);
	if (r < 0)
		index_node_free(m.node);
	else
		*ret = m.node;
	return r;
}

/* ---- the build: rules ---- */

static size_t count_terms(const struct compiled *rule)
{
	size_t n = rule->n_terms;

	for (size_t i = 0; i < rule->n_depends; i++)
		if (!rule->depends[i].except)
			n += count_terms(rule->depends[i].rule);
	return n;
}

static void gather_terms(const struct compiled *rule, struct flat *flat)
{
	for (size_t i = 0; i < rule->n_terms; i++)
		flat->terms[flat->n++] = rule->terms[i];
	for (size_t i = 0; i < rule->n_depends; i++)
		if (!rule->depends[i].except)
			gather_terms(rule->depends[i].rule, flat);
}

static int flatten(const struct compiled *rule, struct flat *ret)
{
	if (!rule->n_depends) {
		*ret = (struct flat){rule->terms, rule->n_terms, false};
		return 0;
	}
	*ret = (struct flat){calloc(count_terms(rule) + 1, sizeof(*ret->terms)), 0, true};
	if (!ret->terms)
		return -ENOMEM;
	gather_terms(rule, ret);
	return 0;
}

static void builder_done(struct builder *builder)
{
	for (size_t i = 0; builder->flat && i < builder->set->n_rules; i++)
		if (builder->flat[i].owned)
			free(builder->flat[i].terms);
	free(builder->flat);
}

/* The cheapest to ask: not an expression, if there is another. */
static const struct term *single_pattern(const struct compiled *rule)
{
	const struct term *found = NULL;

	for (size_t i = 0; i < rule->n_terms; i++) {
		const struct globs *globs = &rule->terms[i]->included.globs;

		if (globs->n == 1 && (!found || globs->list[0].shape != GLOB_REGEX)) {
			found = rule->terms[i];
			if (globs->list[0].shape != GLOB_REGEX)
				break;
		}
	}
	return found;
}

static int list_rules(const struct ruleset *set, struct index *index)
{
	index->rules = large_calloc(set->n_rules + 1, sizeof(*index->rules));
	if (!index->rules)
		return -ENOMEM;
	for (size_t i = 0; i < set->n_rules; i++) {
		const struct compiled *rule = &set->rules[i];
		const struct term *single = single_pattern(rule);

		index->rules[i] = (struct index_rule){
			.glob = single ? single->included.globs.list : NULL,
			.attribute = single ? (uint8_t)attribute_number(single->attribute) : 0,
			.terms = rule->terms,
			.n_terms = (uint32_t)rule->n_terms,
			.depends = rule->n_depends > 0,
			.guarded = compiled_guarded(rule),
		};
	}
	return 0;
}

int index_new(const struct ruleset *set, struct index **ret)
{
	CLEANUP(builder_done)
	struct builder builder = {
		.set = set,
		.flat = calloc(set->n_rules + 1, sizeof(*builder.flat)),
		.budget = 65536 + 8 * set->n_rules,
	};
	cleanup_free uint32_t *rules = calloc(set->n_rules + 1, sizeof(*rules));
	struct index *index = calloc(1, sizeof(*index));
	int r = builder.flat && rules && index ? 0 : -ENOMEM;
	size_t n = 0;

	for (size_t i = 0; r == 0 && i < set->n_rules; i++) {
		const struct compiled *rule = &set->rules[i];

		if (!rule->rule.enabled)
			continue;
		rules[n++] = (uint32_t)i;
		r = flatten(rule, &builder.flat[i]);
		/* None comes behind one that always matches. */
		if (!rule->n_terms && !rule->n_depends && !compiled_guarded(rule))
			break;
	}
	if (r == 0)
		r = node_new(&builder, rules, n, 0, &index->top);
	if (r == 0)
		r = list_rules(set, index);
	if (r < 0) {
		index_free(index);
		return r;
	}
	index->set = set;
	*ret = index;
	return 0;
}

void index_node_free(struct index_node *node)
{
	if (!node)
		return;
	for (size_t i = 0; i < node->n_buckets; i++)
		index_node_free(node->buckets[i].node);
	for (size_t i = 0; i < node->n_ranges; i++) {
		free(node->ranges[i].bounds);
		free(node->ranges[i].tree);
	}
	free(node->ranges);
	free(node->buckets);
	free(node->rules);
	free(node->always);
	free(node->slots);
	free(node->filter.words);
	free(node);
}

struct index *index_free(struct index *index)
{
	if (!index)
		return NULL;
	index_node_free(index->top);
	free(index->rules);
	free(index);
	return NULL;
}
