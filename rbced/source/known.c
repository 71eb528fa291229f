// SPDX-License-Identifier: GPL-2.0-or-later
/* Places and programs by their numbers; see known.h. */
#include "known.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../engine.h"
#include "util.h"

/* Each number has one slot, and the last one that came keeps it: what is lost is read again. */
enum { PLACES = 1024, PROGRAMS = 4096 };

/* How long it is believed what a place is, once nobody was seen there. */
enum { PLACE_USEC = 100000 };

struct place {
	uint64_t number; /* 0 for none */
	uint64_t until;
	bool split;
	char *text, *container, *unit;
};

struct program {
	uint64_t hash;
	char *path;
};

struct known {
	pthread_mutex_t lock;
	struct place places[PLACES];
	struct program programs[PROGRAMS];
	size_t last; /* place that was asked for or seen: the next task often stands there too */
};

struct known *known_new(void)
{
	struct known *known = calloc(1, sizeof(*known));

	if (known)
		pthread_mutex_init(&known->lock, NULL);
	return known;
}

static void clear(struct place *place)
{
	free(place->text);
	free(place->container);
	free(place->unit);
	*place = (struct place){0};
}

struct known *known_free(struct known *known)
{
	if (!known)
		return NULL;
	for (size_t i = 0; i < PLACES; i++)
		clear(&known->places[i]);
	for (size_t i = 0; i < PROGRAMS; i++)
		free(known->programs[i].path);
	pthread_mutex_destroy(&known->lock);
	free(known);
	return NULL;
}

/* ---- programs ---- */

char *known_program(struct known *known, uint64_t hash)
{
	const struct program *program = &known->programs[hash % PROGRAMS];
	char *path = NULL;

	pthread_mutex_lock(&known->lock);
	if (program->hash == hash && program->path)
		path = strdup(program->path);
	pthread_mutex_unlock(&known->lock);
	return path;
}

void known_add_program(struct known *known, uint64_t hash, const char *path)
{
	struct program *program = &known->programs[hash % PROGRAMS];

	pthread_mutex_lock(&known->lock);
	if (program->hash != hash || !program->path) {
		free(program->path);
		*program = (struct program){hash, strdup(path)};
	}
	pthread_mutex_unlock(&known->lock);
}

/* ---- places ---- */

/* False without memory. */
static bool copy(const char *from, char **to)
{
	*to = from ? strdup(from) : NULL;
	return *to || !from;
}

bool known_place(struct known *known, uint64_t number, struct rbce_task *task)
{
	struct place *place = &known->places[number % PLACES];
	bool found;

	pthread_mutex_lock(&known->lock);
	found = place->text && place->number == number;
	if (found) {
		place->until = monotonic_usec() + PLACE_USEC;
		known->last = number % PLACES;
		task->split = place->split;
		found = copy(place->text, &task->cgroup) &&
			copy(place->container, &task->container) && copy(place->unit, &task->unit);
	}
	pthread_mutex_unlock(&known->lock);
	return found;
}

void known_add_place(struct known *known, uint64_t number, const struct rbce_task *task)
{
	struct place *place = &known->places[number % PLACES];

	pthread_mutex_lock(&known->lock);
	clear(place);
	place->number = number;
	place->until = monotonic_usec() + PLACE_USEC;
	place->split = task->split;
	known->last = number % PLACES;
	if (!copy(task->cgroup, &place->text) || !copy(task->container, &place->container) ||
	    !copy(task->unit, &place->unit))
		clear(place);
	pthread_mutex_unlock(&known->lock);
}

bool known_place_of(struct known *known, const char *text, uint64_t *ret)
{
	const struct place *place;
	bool found;

	pthread_mutex_lock(&known->lock);
	place = &known->places[known->last];
	found = place->text && monotonic_usec() <= place->until && streq(place->text, text);
	if (found)
		*ret = place->number;
	pthread_mutex_unlock(&known->lock);
	return found;
}

void known_forget_places(struct known *known)
{
	pthread_mutex_lock(&known->lock);
	for (size_t i = 0; i < PLACES; i++)
		clear(&known->places[i]);
	pthread_mutex_unlock(&known->lock);
}
