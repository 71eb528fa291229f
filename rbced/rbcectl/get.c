// SPDX-License-Identifier: GPL-2.0-or-later
/* rbcectl get: the values of a container, what holds for it, and which group above decides that. */
#include <controllers/effective.h>
#include <controllers/net.h>
#include <core/cli/table.h>
#include <errno.h>

#include "rbcectl.h"
#include "util.h"

enum column { KEY, OWN, EFFECTIVE, DECIDED_BY, HELP };

static const struct table_column columns[] = {
	[KEY] = {.title = "KEY", .key = "key"},
	[OWN] = {.title = "OWN", .key = "own"},
	[EFFECTIVE] = {.title = "EFFECTIVE", .key = "effective"},
	[DECIDED_BY] = {.title = "DECIDED BY", .key = "decided_by"},
	[HELP] = {.title = "MEANING", .key = "help", .cut = true},
};

/* The keys to show: those asked for, else all that this system has. */
struct wanted {
	const char *const *names;
	size_t n;
};

static const struct controller_key *wanted_at(const struct wanted *wanted, size_t i)
{
	return wanted->n ? controller_key_find(wanted->names[i]) : controller_key_at(i);
}

static struct json_object *level_object(const struct effective_level *level)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "container", json_object_new_string(level->container));
	json_object_object_add(object, "value", json_object_new_string(level->value));
	return object;
}

/* "allowed" of "connect.allowed" for net.connect; NULL for a counter of another key. */
static const char *counter_of(const struct net_counter *counter, const struct controller_key *key)
{
	const char *name = after_prefix(controller_key_name(key), "net.");
	const char *rest = name ? after_prefix(counter->name, name) : NULL;

	return rest && *rest == '.' ? rest + 1 : NULL;
}

static struct json_object *counters_object(const struct controller_key *key,
					   const struct net_counters *counters)
{
	struct json_object *object = NULL;
	const struct net_counter *counter;

	for (size_t i = 0; counters && (counter = net_counter_at(i)); i++) {
		const char *name = counter_of(counter, key);
		uint64_t value = net_counter_value(counter, counters);

		if (!name)
			continue;
		object = object ?: json_object_new_object();
		json_object_object_add(object, name, json_object_new_uint64(value));
	}
	return object;
}

/* "net.connect: 5 allowed, 2 denied", where there is anything. */
static void print_counters(const struct wanted *wanted, const struct net_counters *counters)
{
	const struct controller_key *key;
	const struct net_counter *counter;

	for (size_t i = 0; (!wanted->n || i < wanted->n) && (key = wanted_at(wanted, i)); i++) {
		const char *before = NULL;
		uint64_t sum = 0;

		for (size_t j = 0; (counter = net_counter_at(j)); j++)
			sum += counter_of(counter, key) ? net_counter_value(counter, counters) : 0;
		for (size_t j = 0; sum && (counter = net_counter_at(j)); j++) {
			if (!counter_of(counter, key))
				continue;
			printf("%s%s%" PRIu64 " %s", before ? "" : controller_key_name(key),
			       before ?: ": ", net_counter_value(counter, counters),
			       counter_of(counter, key));
			before = ", ";
		}
		if (before)
			printf("\n");
	}
}

static void add_object(struct json_object *list, const struct controller_key *key,
		       const struct effective *e, const struct net_counters *counters)
{
	struct json_object *counted = counters_object(key, counters);
	struct json_object *object = json_object_new_object(), *levels = json_object_new_array();
	const char *own = e->levels[e->n - 1].value;

	json_object_object_add(object, "key", json_object_new_string(controller_key_name(key)));
	json_object_object_add(object, "own", json_object_new_string(own));
	json_object_object_add(object, "effective", json_object_new_string(e->value));
	json_object_object_add(object, "decided_by", json_object_new_string(e->decided_by));
	for (size_t i = 0; i < e->n; i++)
		json_object_array_add(levels, level_object(&e->levels[i]));
	json_object_object_add(object, "levels", levels);
	if (counted)
		json_object_object_add(object, "counters", counted);
	json_object_array_add(list, object);
}

static void add_row(struct table *t, const struct controller_key *key, const struct effective *e)
{
	table_row(t, -1);
	table_set(t, KEY, "%s", controller_key_name(key));
	table_set(t, OWN, "%s", e->levels[e->n - 1].value);
	table_set(t, EFFECTIVE, "%s", e->value);
	table_set(t, DECIDED_BY, "%s", e->decided_by);
	table_set(t, HELP, "%s", controller_key_help(key));
}

/* Prints each; where keys were asked for, one that is not to be had is a failure. */
static int show(struct rbce_hierarchy *h, const char *name, const struct wanted *wanted,
		const struct net_counters *counters, struct table *t, struct json_object *list,
		struct rbce_error *err)
{
	const struct controller_key *key;

	for (size_t i = 0; (!wanted->n || i < wanted->n) && (key = wanted_at(wanted, i)); i++) {
		CLEANUP(effective_done) struct effective e = {0};
		struct rbce_error why;
		int r = controller_key_is_family(key) ? -EOPNOTSUPP
						      : effective_read(key, h, name, &e, &why);

		if (r < 0 && wanted->n)
			return rbce_error_set(err, r, "cannot get '%s' of container '%s': %s",
					      controller_key_name(key), name, why.message);
		if (r < 0)
			continue;
		if (t)
			add_row(t, key, &e);
		else
			add_object(list, key, &e, counters);
	}
	return 0;
}

static int get(const char *root, const char *name, const struct wanted *wanted, bool json,
	       struct rbce_error *err)
{
	CLEANUP(containers_close) struct containers all = {0};
	struct rbce_container *c = NULL;
	struct table *t = NULL;
	struct json_object *reply = NULL, *list = NULL;
	struct net_counters counters;
	bool counted = false;
	int r = containers_open(root, &all, err);

	if (r == 0)
		r = rbce_container_open(all.h, name, 0, &c, err);
	if (r == 0)
		counted = net_counters_read(c, &counters, NULL) == 0;
	rbce_container_close(c);
	if (r < 0)
		return r;
	if (json) {
		reply = json_object_new_object();
		list = json_object_new_array();
		json_object_object_add(reply, "container",
				       json_object_new_string(*name ? name : "."));
		json_object_object_add(reply, "keys", list);
	} else {
		t = table_new("keys", columns, ARRAY_SIZE(columns), false);
	}
	r = show(all.h, name, wanted, counted ? &counters : NULL, t, list, err);
	if (r < 0) {
		json_object_put(reply);
		table_free(t);
		return r;
	}
	if (json)
		return reply_print(reply) == EXIT_SUCCESS ? 0 : -EIO;
	r = table_finish(t);
	if (r == 0 && counted)
		print_counters(wanted, &counters);
	return r;
}

int command_get(int argc, char **argv)
{
	struct common common = {.root = "rbce"};
	const struct option_row options[] = {COMMON_OPTIONS(common), {0}};
	const struct command_line line = {
		.usage = "get [--root NAME] [--json] CONTAINER [KEY...]",
		.about = "Shows the values of a container ('.' is the root group), what holds for "
			 "it, and the container\nthat decides that: its own, or one above.",
		.options = options,
	};
	int first = command_parse(&line, argc, argv, 1, -1);
	const char *name = container_operand(argv[first]);
	const struct wanted wanted = {(const char *const *)argv + first + 1,
				      (size_t)(argc - first - 1)};
	struct rbce_error err;

	for (size_t i = 0; i < wanted.n; i++)
		if (!key_operand(wanted.names[i]))
			return EXIT_USAGE;
	return get(common.root, name, &wanted, common.json, &err) < 0 ? command_failed(&err)
								      : EXIT_SUCCESS;
}
