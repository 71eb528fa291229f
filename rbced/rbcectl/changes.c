// SPDX-License-Identifier: GPL-2.0-or-later
/* What the commands that set values share: what to change, and telling what came of it. */
#include "changes.h"

#include <core/cli/log.h>
#include <errno.h>
#include <stdlib.h>

#include "util.h"

static const char *const state_names[] = {
	[CHANGE_OPEN] = "open",       [CHANGE_SAME] = "unchanged",
	[CHANGE_WRITTEN] = "written", [CHANGE_DIFFERS] = "differs",
	[CHANGE_BACK] = "put back",   [CHANGE_UNSUPPORTED] = "unsupported",
	[CHANGE_STUCK] = "stuck",     [CHANGE_REFUSED] = "refused",
};

const char *change_state_name(enum change_state state)
{
	return state_names[state];
}

struct change *change_list_add(struct change_list *list, const char *container,
			       const struct controller_key *key, const char *value)
{
	if (list->n == list->room) {
		size_t room = list->room ? list->room * 2 : 64;
		struct change *more = reallocarray(list->changes, room, sizeof(*more));

		if (!more)
			return NULL;
		list->changes = more;
		list->room = room;
	}
	list->changes[list->n] =
		(struct change){.container = container, .key = key, .value = value};
	return &list->changes[list->n++];
}

void change_list_done(struct change_list *list)
{
	changes_done(list->changes, list->n);
	free(list->changes);
	*list = (struct change_list){0};
}

/* "cannot set 'pids.max = x' of container 'a' (pids.max): WHY" */
static void say(const struct change *change, const char *verb)
{
	log_error("cannot %s '%s = %s' of container '%s'%s%s%s: %s", verb,
		  controller_key_name(change->key), change->value,
		  *change->container ? change->container : ".", change->file ? " (" : "",
		  change->file ?: "", change->file ? ")" : "", change->why ?: "out of memory");
}

void change_list_say(const struct change_list *list)
{
	size_t back = changes_count(list->changes, list->n, CHANGE_BACK);

	for (size_t i = 0; i < list->n; i++) {
		const struct change *change = &list->changes[i];

		if (change->state == CHANGE_REFUSED)
			say(change, "set");
		else if (change->state == CHANGE_STUCK)
			say(change, "take back");
		else if (change->state == CHANGE_UNSUPPORTED && change->warn)
			log_warning("cannot set '%s' of container '%s': %s",
				    controller_key_name(change->key), change->container,
				    change->why ?: "");
	}
	if (back)
		log_error("cannot set all: put %zu back to what it was", back);
}

static struct json_object *change_object(const struct change *change)
{
	const struct {
		const char *key, *value;
	} fields[] = {
		{"container", change->container}, {"key", controller_key_name(change->key)},
		{"value", change->value},         {"before", change->before},
		{"file", change->file},           {"state", state_names[change->state]},
		{"reason", change->why},
	};
	struct json_object *object = json_object_new_object();

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		json_object_object_add(object, fields[i].key,
				       fields[i].value ? json_object_new_string(fields[i].value)
						       : NULL);
	return object;
}

struct json_object *change_list_json(const struct change_list *list, size_t containers)
{
	static const struct {
		const char *name;
		enum change_state state;
	} counts[] = {
		{"unchanged", CHANGE_SAME},     {"written", CHANGE_WRITTEN},
		{"differ", CHANGE_DIFFERS},     {"unsupported", CHANGE_UNSUPPORTED},
		{"refused", CHANGE_REFUSED},    {"put_back", CHANGE_BACK},
		{"not_put_back", CHANGE_STUCK},
	};
	struct json_object *reply = json_object_new_object(), *all = json_object_new_array();

	json_object_object_add(reply, "containers", json_object_new_uint64(containers));
	json_object_object_add(reply, "keys", json_object_new_uint64(list->n));
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		json_object_object_add(reply, counts[i].name,
				       json_object_new_uint64(changes_count(list->changes, list->n,
									    counts[i].state)));
	/* Those that are as they should be are many, and nothing to look at. */
	for (size_t i = 0; i < list->n; i++)
		if (list->changes[i].state != CHANGE_SAME &&
		    list->changes[i].state != CHANGE_WRITTEN)
			json_object_array_add(all, change_object(&list->changes[i]));
	json_object_object_add(reply, "changes", all);
	return reply;
}

const struct controller_key *live_key_at(size_t index)
{
	const struct controller_key *key;
	size_t n = 0;

	for (size_t i = 0; (key = controller_key_at(i)); i++)
		if (!controller_key_is_family(key) && n++ == index)
			return key;
	return controller_key_here(index - n);
}

char *live_value(const struct controller_key *key, struct rbce_container *c)
{
	static const char idle[] = "cpu.idle", weight[] = "cpu.weight";
	const char *initial = controller_key_initial(key);
	cleanup_free char *text = malloc(CONTROLLER_TEXT_SIZE);

	/* It has a weight that nobody can give it. */
	if (streq(controller_key_name(key), weight) &&
	    controller_holds(controller_key_find(idle), c, "yes", NULL) == 1)
		return NULL;
	if (!text || !initial || controller_get(key, c, text, CONTROLLER_TEXT_SIZE, NULL) < 0 ||
	    streq(text, initial))
		return NULL;
	return strdup(text);
}

const char *container_operand(const char *operand)
{
	return streq(operand, ".") ? "" : operand;
}

const struct controller_key *key_operand(const char *name)
{
	const struct controller_key *key = controller_key_find(name);
	struct rbce_error err;

	if (key)
		return key;
	controller_check(name, "", &err);
	log_error("cannot use key '%s': %s", name, err.message);
	return NULL;
}
