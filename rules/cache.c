// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Decisions kept, by the facts that the rules of a set can tell apart. A task that has been seen in
 * another process of the same user and program is decided without a look at the rules.
 *
 * Facts are written one behind the other into a key, and keys are compared whole: a hash alone
 * could be made to collide by those whom the rules are to hold. Process ids, which all differ, go
 * in as the range of numbers between two that rules name.
 */
#include "index.h"

#include <errno.h>

#include "util.h"

/* Keys longer than this (a long command line, where rules look at arguments) are not kept. */
enum { KEY_MAX = 488, WAYS = 4 };

struct place {
	uint64_t hash;
	uint32_t size; /* of the key; 0 when free */
	uint32_t rule; /* index; the number of rules for none */
	uint64_t used; /* when, in look-ups */
	char key[KEY_MAX];
};

/* The numbers at which terms on a process id begin or end to hold, in order. */
struct steps {
	uint32_t *at;
	size_t n, room;
};

struct rules_cache {
	const struct ruleset *set;
	unsigned used; /* attributes, as bits */
	unsigned facts;
	struct steps steps[ATTRIBUTES];
	struct place *places;
	size_t mask; /* of groups of WAYS places */
	uint64_t clock;
	struct rules_cache_counters counters;
};

/* ---- what the rules look at ---- */

static int add_step(struct steps *steps, uint64_t at)
{
	if (at == 0 || at > UINT32_MAX)
		return 0;
	if (steps->n == steps->room) {
		size_t room = steps->room ? 2 * steps->room : 16;
		uint32_t *more = reallocarray(steps->at, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		steps->at = more;
		steps->room = room;
	}
	steps->at[steps->n++] = (uint32_t)at;
	return 0;
}

static int add_steps(struct steps *steps, const struct ids *ids)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ids->n; i++) {
		r = add_step(steps, ids->ranges[i].low);
		if (r == 0)
			r = add_step(steps, (uint64_t)ids->ranges[i].high + 1);
	}
	return r;
}

static int note_rule(struct rules_cache *cache, const struct compiled *rule)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < rule->n_terms; i++) {
		const struct term *term = rule->terms[i];
		size_t a = attribute_number(term->attribute);

		cache->used |= 1U << a;
		cache->facts |= term->attribute->facts;
		if (!term->attribute->is_pid)
			continue;
		r = add_steps(&cache->steps[a], &term->included.ids);
		if (r == 0)
			r = add_steps(&cache->steps[a], &term->excluded.ids);
	}
	for (size_t i = 0; r == 0 && i < rule->n_depends; i++)
		r = note_rule(cache, rule->depends[i].rule);
	return r;
}

static int compare_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int note_rules(struct rules_cache *cache)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < cache->set->n_rules; i++)
		if (cache->set->rules[i].rule.enabled)
			r = note_rule(cache, &cache->set->rules[i]);
	for (size_t a = 0; a < ATTRIBUTES; a++)
		if (cache->steps[a].n)
			qsort(cache->steps[a].at, cache->steps[a].n, sizeof(uint32_t),
			      compare_number);
	return r;
}

struct rules_cache *rules_cache_new(const struct ruleset *set, size_t entries)
{
	struct rules_cache *cache = calloc(1, sizeof(*cache));
	size_t size = WAYS;

	if (!cache)
		return NULL;
	while (size < entries)
		size *= 2;
	cache->set = set;
	cache->mask = size / WAYS - 1;
	cache->places = calloc(size, sizeof(*cache->places));
	if (!cache->places || note_rules(cache) < 0)
		return rules_cache_free(cache);
	return cache;
}

struct rules_cache *rules_cache_free(struct rules_cache *cache)
{
	if (!cache)
		return NULL;
	for (size_t a = 0; a < ATTRIBUTES; a++)
		free(cache->steps[a].at);
	free(cache->places);
	free(cache);
	return NULL;
}

/* ---- the key ---- */

struct key {
	size_t size; /* may grow beyond the room, and is useless then */
	char bytes[KEY_MAX];
};

static void put(struct key *key, const void *bytes, size_t size)
{
	if (size && size <= KEY_MAX && key->size <= KEY_MAX - size)
		memcpy(key->bytes + key->size, bytes, size);
	key->size += size;
}

static void put_number(struct key *key, uint32_t number)
{
	put(key, &number, sizeof(number));
}

/* How many steps are not above ID. */
static uint32_t step_of(const struct steps *steps, uint32_t id)
{
	size_t low = 0, high = steps->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (steps->at[middle] <= id)
			low = middle + 1;
		else
			high = middle;
	}
	return (uint32_t)low;
}

static void put_attribute(const struct rules_cache *cache, struct key *key, size_t a,
			  const struct rbce_task *task)
{
	const struct attribute *attribute = &attributes[a];

	if (attribute->text) {
		const char *text = attribute->text(task);

		put(key, text ? "+" : "-", 1);
		if (text)
			put(key, text, strlen(text) + 1);
		return;
	}
	if (attribute->is_pid)
		put_number(key, step_of(&cache->steps[a], attribute->id(task)));
	else
		put_number(key, attribute->id(task));
	if (attribute->has_more) {
		put_number(key, (uint32_t)task->n_groups);
		put(key, task->groups, task->n_groups * sizeof(*task->groups));
	}
}

static void make_key(const struct rules_cache *cache, struct key *key, const struct rbce_task *task)
{
	key->size = 0;
	/* Facts that were not read make terms fail. */
	put_number(key, task->facts & cache->facts);
	/* Whichever it is. */
	put(key, task->unit ? "u" : "-", 1);
	for (unsigned left = cache->used; left; left &= left - 1)
		put_attribute(cache, key, (size_t)__builtin_ctz(left), task);
}

/* ---- looking up ---- */

static const struct rule *rule_of(const struct rules_cache *cache, const struct place *place)
{
	return place->rule < cache->set->n_rules ? &cache->set->rules[place->rule].rule : NULL;
}

static struct place *oldest(struct place *group)
{
	struct place *place = group;

	for (size_t i = 1; i < WAYS; i++)
		if (group[i].used < place->used)
			place = &group[i];
	return place;
}

const struct rule *rules_cache_match(struct rules_cache *cache, const struct rbce_task *task)
{
	const struct rule *rule;
	struct place *group, *place;
	struct key key;
	uint64_t hash;

	make_key(cache, &key, task);
	if (key.size > KEY_MAX) {
		cache->counters.too_large++;
		return ruleset_match(cache->set, task);
	}
	hash = hash_text(key.bytes, key.size);
	group = &cache->places[(hash & cache->mask) * WAYS];
	for (place = group; place < group + WAYS; place++)
		if (place->hash == hash && place->size == key.size &&
		    memcmp(place->key, key.bytes, key.size) == 0) {
			cache->counters.hits++;
			place->used = ++cache->clock;
			return rule_of(cache, place);
		}
	cache->counters.misses++;
	rule = ruleset_match(cache->set, task);
	place = oldest(group);
	place->hash = hash;
	place->size = (uint32_t)key.size;
	place->rule = (uint32_t)(rule ? rule->index : cache->set->n_rules);
	place->used = ++cache->clock;
	memcpy(place->key, key.bytes, key.size);
	return rule;
}

struct rules_cache_counters rules_cache_counters(const struct rules_cache *cache)
{
	return cache->counters;
}
