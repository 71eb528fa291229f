// SPDX-License-Identifier: GPL-2.0-or-later
/* Many values set at once, all or none; see change.h. */
#include "change.h"

#include <errno.h>
#include <stdlib.h>

#include "internal.h"
#include "util.h"

/* The container of the newest change: as many as there are would be too many descriptors. */
struct opened {
	struct rbce_hierarchy *h;
	struct rbce_container *c;
};

static struct rbce_container *open_for(struct opened *opened, struct change *change,
				       struct rbce_error *err)
{
	if (opened->c && streq(rbce_container_name(opened->c), change->container))
		return opened->c;
	opened->c = rbce_container_close(opened->c);
	if (rbce_container_open(opened->h, change->container, 0, &opened->c, err) < 0)
		opened->c = NULL;
	return opened->c;
}

static void note(struct change *change, enum change_state state, const struct rbce_error *err)
{
	char *why = err ? strdup(err->message) : NULL;

	free(change->why);
	change->why = why;
	change->code = err ? err->code : 0;
	change->state = state;
}

/* A failure, or what may lack. */
static void note_failure(struct change *change, const struct rbce_error *err)
{
	note(change,
	     err->code == -EOPNOTSUPP && change->may_lack ? CHANGE_UNSUPPORTED : CHANGE_REFUSED,
	     err);
}

static char *read_value(const struct controller_key *key, struct rbce_container *c)
{
	cleanup_free char *text = malloc(CONTROLLER_TEXT_SIZE);

	if (!text || controller_get(key, c, text, CONTROLLER_TEXT_SIZE, NULL) < 0)
		return NULL;
	return strdup(text);
}

static void look(struct change *change, struct rbce_container *c, struct rbce_error *err)
{
	int r = controller_holds(change->key, c, change->value, err);

	change->file =
		change->key->version[rbce_container_version(c, change->key->controller)].file;
	if (r < 0) {
		note_failure(change, err);
		return;
	}
	note(change, r ? CHANGE_SAME : CHANGE_DIFFERS, NULL);
	if (r == 0 && !change->before)
		change->before = read_value(change->key, c);
}

static void apply(struct change *change, struct rbce_container *c, struct rbce_error *err)
{
	look(change, c, err);
	if (change->state != CHANGE_DIFFERS)
		return;
	if (controller_set(change->key, c, change->value, err) < 0)
		note_failure(change, err);
	else
		note(change, CHANGE_WRITTEN, NULL);
}

/*
 * What the change did is taken back, and what was before it is set. Of a key that repeats the old
 * value does not tell of what only the change has named.
 */
static void put_back(struct change *change, struct rbce_container *c, struct rbce_error *err)
{
	int r = change->before ? 0
			       : rbce_error_set(err, -EIO, "the value before could not be read");

	if (r == 0 && change->key->flags & CONTROLLER_REPEATS && change->key->initial)
		r = controller_reset(change->key, c, change->value, err);
	if (r == 0 && !(change->key->initial && change->key->flags & CONTROLLER_REPEATS &&
			streq(change->before, change->key->initial)))
		r = controller_set(change->key, c, change->before, err);
	note(change, r < 0 ? CHANGE_STUCK : CHANGE_BACK, r < 0 ? err : NULL);
}

typedef void change_fn(struct change *change, struct rbce_container *c, struct rbce_error *err);

/* Calls FUNCTION for those of STATE, the last first when BACKWARDS; how many left that state. */
static size_t each(struct rbce_hierarchy *h, struct change *changes, size_t n,
		   enum change_state state, bool backwards, change_fn *function)
{
	struct opened opened = {.h = h};
	size_t moved = 0;

	for (size_t i = 0; i < n; i++) {
		struct change *change = &changes[backwards ? n - 1 - i : i];
		struct rbce_error err = {0};

		if (change->state != state)
			continue;
		if (open_for(&opened, change, &err))
			function(change, opened.c, &err);
		else
			note_failure(change, &err);
		moved += change->state != state;
	}
	rbce_container_close(opened.c);
	return moved;
}

size_t changes_count(const struct change *changes, size_t n, enum change_state state)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += changes[i].state == state;
	return count;
}

/* Those that cannot be done whatever else is written need no second try. */
static int first_refused(const struct change *changes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (changes[i].state == CHANGE_REFUSED)
			return changes[i].code;
	return 0;
}

int changes_apply(struct rbce_hierarchy *h, struct change *changes, size_t n, bool keep_going)
{
	int r;

	each(h, changes, n, CHANGE_OPEN, false, apply);
	while (changes_count(changes, n, CHANGE_WRITTEN) && first_refused(changes, n) < 0 &&
	       each(h, changes, n, CHANGE_REFUSED, false, apply) > 0) {}
	r = first_refused(changes, n);
	if (r == 0 || keep_going)
		return r;
	each(h, changes, n, CHANGE_WRITTEN, true, put_back);
	while (each(h, changes, n, CHANGE_STUCK, true, put_back) > 0) {}
	return r;
}

void changes_look(struct rbce_hierarchy *h, struct change *changes, size_t n)
{
	each(h, changes, n, CHANGE_OPEN, false, look);
}

void changes_done(struct change *changes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(changes[i].why);
		free(changes[i].before);
		changes[i].why = changes[i].before = NULL;
	}
}
