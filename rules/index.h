/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The index over a set's rules: what index.c builds and search.c goes through. Internal. */
#ifndef RULES_INDEX_H
#define RULES_INDEX_H

#include <string.h>

#include "internal.h"

/* Successive bytes of a text that patterns are filed by: eight where a pattern has so many, else
 * four. */
enum { GRAM_SHORT = 4, GRAM_LONG = 8 };
enum gram_size { SHORT, LONG };
enum { GRAM_SIZES = LONG + 1 };
static const size_t gram_sizes[GRAM_SIZES] = {[SHORT] = GRAM_SHORT, [LONG] = GRAM_LONG};

/* A list of rules in order; or a node over the same rules. */
struct index_bucket {
	uint32_t first, n; /* in the node's rules */
	struct index_node *node;
};

/* What a key leads to: a bucket, or the only rule itself. */
struct index_slot {
	uint64_t key; /* 0: free */
	uint32_t bucket, rule;
};
enum { NO_BUCKET = UINT32_MAX };

/*
 * What asking a rule needs, apart from all else. The GLOB, where there is one, is what a text of
 * the task must fit: a single pattern of one term, by which most rules fail that are asked in vain.
 */
struct index_rule {
	const struct glob *glob;
	struct term *const *terms;
	uint32_t n_terms;
	uint8_t attribute; /* of GLOB */
	bool depends, guarded;
};

/* A segment tree over the numbers of one attribute. */
struct index_ranges {
	uint32_t attribute;
	uint64_t *bounds; /* where the pieces begin; the tree's leaves */
	size_t n, size;
	struct index_place {
		uint32_t head; /* a bucket + 1, or 0 */
		uint32_t next; /* the next place above that has one, or 0 */
	} * tree;
};

struct index_node {
	/* Attributes that have such keys, as bits. */
	uint32_t exact, grams[GRAM_SIZES];
	struct index_slot *slots;
	uint64_t mask; /* of slots */
	struct index_filter {
		uint64_t *words; /* bits by hash: which pieces of texts there are */
		uint64_t mask;
	} filter;
	struct index_ranges *ranges;
	size_t n_ranges;
	struct index_bucket *buckets;
	size_t n_buckets;
	uint32_t *rules;
	size_t n_rules;
	uint32_t *always; /* rules that nothing leads to */
	size_t n_always;
};

struct index {
	const struct ruleset *set;
	struct index_rule *rules;
	struct index_node *top;
};

void index_node_free(struct index_node *node);

/* ---- keys: the hash of what is looked for, with the attribute in its lowest bits ---- */

enum { ATTRIBUTE_BITS = 5 };
_Static_assert(ATTRIBUTES < 1 << ATTRIBUTE_BITS, "an attribute's number fits into a key");

static inline uint64_t hash_mix(uint64_t value)
{
	value *= 0x9e3779b97f4a7c15;
	value ^= value >> 32;
	value *= 0xd6e8feb86659fd93;
	return value ^ value >> 32;
}

static inline uint64_t hash_text(const char *text, size_t size)
{
	uint64_t hash = size * 0x9e3779b97f4a7c15, word;

	for (; size >= sizeof(word); size -= sizeof(word), text += sizeof(word)) {
		memcpy(&word, text, sizeof(word));
		hash = (hash ^ word) * 0x9fb21c651e98df25;
		hash ^= hash >> 29;
	}
	word = 0;
	memcpy(&word, text, size);
	return hash_mix(hash ^ word);
}

static inline uint64_t key_of(size_t attribute, uint64_t hash)
{
	/* Never 0: attributes are counted from 1 here. */
	return (hash & ~(uint64_t)((1 << ATTRIBUTE_BITS) - 1)) | (attribute + 1);
}

static inline size_t key_attribute(uint64_t key)
{
	return (key & ((1 << ATTRIBUTE_BITS) - 1)) - 1;
}

/* VALUE is a number, or the hash of a text. */
static inline uint64_t exact_key(size_t attribute, uint64_t value)
{
	return key_of(attribute, hash_mix(value + attribute));
}

/* The bytes as a number. */
static inline uint64_t gram_at(const char *text, enum gram_size size)
{
	uint64_t gram = 0;

	/* Sizes that the compiler knows, so that each is one load. */
	if (size == LONG)
		memcpy(&gram, text, GRAM_LONG);
	else
		memcpy(&gram, text, GRAM_SHORT);
	return gram;
}

static inline uint64_t gram_key(size_t attribute, uint64_t gram, enum gram_size size)
{
	return key_of(attribute, hash_mix(gram ^ (2 * attribute + size + 1) * 0x9fb21c651e98df25));
}

/*
 * ---- the filter before the table ----
 * Sixteen bits for each piece, in words: a piece has four bits of one word (Putze, Sanders and
 * Singler, "Cache-, hash- and space-efficient Bloom filters", 2007).
 */

enum { SLOTS_MIN = 8, FILTER_BITS = 16 };

/* Of a product, only the high bits depend on all bytes of the piece; they are what says the word.
 */
static inline uint64_t filter_hash(uint64_t gram)
{
	uint64_t hash = gram * 0x9e3779b97f4a7c15;

	return hash ^ hash >> 32;
}

static inline uint64_t filter_bits(uint64_t hash)
{
	return (uint64_t)1 << (hash >> 58) | (uint64_t)1 << (hash >> 52 & 63) |
	       (uint64_t)1 << (hash >> 46 & 63) | (uint64_t)1 << (hash >> 40 & 63);
}

static inline void filter_add(struct index_filter *filter, uint64_t gram)
{
	uint64_t hash = filter_hash(gram);

	filter->words[hash & filter->mask] |= filter_bits(hash);
}

/* Most pieces of a text are gone after the first bit. */
static inline bool filter_has(struct index_filter filter, uint64_t gram)
{
	uint64_t hash = filter_hash(gram);
	uint64_t word = filter.words[hash & filter.mask];

	return word >> (hash >> 58) & 1 && !(filter_bits(hash) & ~word);
}

/* ---- the table ---- */

static inline size_t slot_of(const struct index_node *node, uint64_t key)
{
	return (key >> ATTRIBUTE_BITS) & node->mask;
}

/* The slot of a key that is not there yet. */
static inline struct index_slot *index_insert(struct index_node *node, uint64_t key)
{
	size_t slot = slot_of(node, key);

	while (node->slots[slot].key)
		slot = (slot + 1) & node->mask;
	node->slots[slot].key = key;
	return &node->slots[slot];
}

static inline const struct index_slot *index_find(const struct index_node *node, uint64_t key)
{
	for (size_t slot = slot_of(node, key); node->slots[slot].key;
	     slot = (slot + 1) & node->mask)
		if (node->slots[slot].key == key)
			return &node->slots[slot];
	return NULL;
}

/* How many bounds are not above ID, less one: the piece that it lies in; SIZE_MAX before all. */
static inline size_t index_bound(const struct index_ranges *ranges, uint64_t id)
{
	const uint64_t *low = ranges->bounds;

	/* The same steps for every ID: what is not known cannot be guessed wrong. */
	for (size_t n = ranges->n; n > 1; n -= n / 2)
		low = low[n / 2] <= id ? low + n / 2 : low;
	return *low <= id ? (size_t)(low - ranges->bounds) : SIZE_MAX;
}

#endif
