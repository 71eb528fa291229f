/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The index over a set's rules: what index.c builds and search.c goes through. Internal. */
#ifndef RULES_INDEX_H
#define RULES_INDEX_H

#include <string.h>

#include "internal.h"

/* A list of rules in order; or a node over the same rules. */
struct index_bucket {
	uint32_t first, n; /* in the node's rules */
	struct index_node *node;
};

struct index_slot {
	uint64_t key; /* 0: free */
	uint32_t bucket;
};

/* A segment tree over the numbers of one attribute. */
struct index_ranges {
	uint32_t attribute;
	uint64_t *bounds; /* where the pieces begin; the tree's leaves */
	size_t n, size;
	uint32_t *heads; /* for each place of the tree a bucket + 1, or 0 */
};

struct index_node {
	uint32_t exact, grams; /* attributes that have such keys, as bits */
	struct index_slot *slots;
	uint64_t mask;    /* of slots */
	uint64_t *filter; /* bits by hash: which four-byte pieces there are */
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
	struct index_node *top;
};

void index_node_free(struct index_node *node);

/* ---- keys: the hash of what is looked for, with the attribute in its lowest bits ---- */

enum { ATTRIBUTE_BITS = 5 };
_Static_assert(ATTRIBUTES < 1 << ATTRIBUTE_BITS, "an attribute's number fits into a key");

/* Four successive bytes of a text, and the marks that stand before and behind it. */
enum { GRAM = 4, TEXT_BEGIN = 2, TEXT_END = 3 };

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

static inline uint32_t gram_at(const char *text)
{
	uint32_t gram;

	memcpy(&gram, text, GRAM);
	return gram;
}

static inline uint64_t gram_key(size_t attribute, uint32_t gram)
{
	return key_of(attribute, hash_mix((uint64_t)gram << 32 | (attribute + 1)));
}

/* ---- the filter before the table: eight bits for each slot ---- */

enum { SLOTS_MIN = 8 };
#define FILTER_WORDS(slots) ((slots)*8 / 64)

static inline size_t filter_bit(const struct index_node *node, uint32_t gram)
{
	return (gram * 0x9e3779b1U >> 3) & (node->mask << 3 | 7);
}

static inline void filter_add(struct index_node *node, uint32_t gram)
{
	size_t bit = filter_bit(node, gram);

	node->filter[bit / 64] |= (uint64_t)1 << bit % 64;
}

static inline bool filter_has(const struct index_node *node, uint32_t gram)
{
	size_t bit = filter_bit(node, gram);

	return node->filter[bit / 64] >> bit % 64 & 1;
}

/* ---- the table ---- */

static inline size_t slot_of(const struct index_node *node, uint64_t key)
{
	return (key >> ATTRIBUTE_BITS) & node->mask;
}

static inline void index_insert(struct index_node *node, uint64_t key, uint32_t bucket)
{
	size_t slot = slot_of(node, key);

	while (node->slots[slot].key)
		slot = (slot + 1) & node->mask;
	node->slots[slot] = (struct index_slot){key, bucket};
}

static inline const struct index_bucket *index_find(const struct index_node *node, uint64_t key)
{
	for (size_t slot = slot_of(node, key); node->slots[slot].key;
	     slot = (slot + 1) & node->mask)
		if (node->slots[slot].key == key)
			return &node->buckets[node->slots[slot].bucket];
	return NULL;
}

/* How many bounds are not above ID, less one: the piece that it lies in; SIZE_MAX before all. */
static inline size_t index_bound(const struct index_ranges *ranges, uint64_t id)
{
	size_t low = 0, high = ranges->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ranges->bounds[middle] <= id)
			low = middle + 1;
		else
			high = middle;
	}
	return low - 1;
}

#endif
