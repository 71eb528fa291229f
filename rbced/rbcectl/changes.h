/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands that set values share. */
#ifndef RBCECTL_CHANGES_H
#define RBCECTL_CHANGES_H

#include <controllers/change.h>

#include "rbcectl.h"

struct change_list {
	struct change *changes;
	size_t n, room;
};

/* A new change at the end, NULL without memory; strings are the caller's, for as long as the list.
 */
struct change *change_list_add(struct change_list *list, const char *container,
			       const struct controller_key *key, const char *value);
void change_list_done(struct change_list *list);

/* What was refused and so on, on stderr. */
void change_list_say(const struct change_list *list);

/* Counts by state, and each that was neither in force nor set. */
struct json_object *change_list_json(const struct change_list *list, size_t containers);

/*
 * The value of a container where it is not the one that new groups have, a new string; else NULL.
 * All keys that this machine has, those of families too: from 0 until NULL.
 */
char *live_value(const struct controller_key *key, struct rbce_container *c);
const struct controller_key *live_key_at(size_t index);

/* "written": stable, for programs. */
const char *change_state_name(enum change_state state);

#endif
