// SPDX-License-Identifier: GPL-2.0-or-later
/* rbcectl oom and penalty: what the daemon does for containers that use too much. */
#include <core/cli/log.h>
#include <core/cli/table.h>
#include <rbce/units.h>

#include "rbcectl.h"
#include "util.h"

static int ask(const struct common *common, struct json_object *request, struct json_object **ret)
{
	struct rbce_error err;

	return daemon_ask(common->root, request, ret, &err) < 0 ? command_failed(&err) : 0;
}

/* ---- oom ---- */

enum { NAME, STATE, USAGE, LIMIT, BASE, KILLED, GROWN, FROZEN };

static const char *size_of(struct json_object *object, const char *key, char buf[RBCE_UNITS_SIZE])
{
	return reply_object(object, key) ? rbce_format_size(reply_number(object, key), buf) : "-";
}

static void add_watched(struct table *t, struct json_object *object)
{
	char size[RBCE_UNITS_SIZE];

	table_row(t, -1);
	table_set(t, NAME, "%s", reply_text(object, "container"));
	table_set(t, STATE, "%s", reply_text(object, "state"));
	table_set(t, USAGE, "%s", size_of(object, "usage", size));
	table_set(t, LIMIT, "%s", size_of(object, "limit", size));
	table_set(t, BASE, "%s", size_of(object, "base", size));
	table_set(t, KILLED, "%ju",
		  (uintmax_t)(reply_number(object, "killed") + reply_number(object, "killed-all")));
	table_set(t, GROWN, "%s", reply_text(object, "grown"));
	table_set(t, FROZEN, "%s", reply_text(object, "frozen"));
}

static int show_watched(const struct common *common)
{
	static const struct table_column columns[] = {
		[NAME] = {.title = "CONTAINER", .key = "container"},
		[STATE] = {.title = "STATE", .key = "state"},
		[USAGE] = {.title = "MEMORY", .key = "usage", .right = true},
		[LIMIT] = {.title = "LIMIT", .key = "limit", .right = true},
		[BASE] = {.title = "BASE", .key = "base", .right = true},
		[KILLED] = {.title = "KILLED", .key = "killed", .right = true},
		[GROWN] = {.title = "GROWN", .key = "grown", .right = true},
		[FROZEN] = {.title = "FROZEN", .key = "frozen", .right = true},
	};
	struct json_object *reply, *list;
	struct table *t;

	if (ask(common, daemon_request("oom"), &reply) != 0)
		return EXIT_FAILURE;
	if (common->json)
		return reply_print(reply);
	list = reply_object(reply, "containers");
	t = table_new("oom", columns, ARRAY_SIZE(columns), false);
	for (size_t i = 0; i < json_object_array_length(list); i++)
		add_watched(t, json_object_array_get_idx(list, i));
	json_object_put(reply);
	return table_finish(t) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int answer(const struct common *common, int n, char **operands)
{
	struct json_object *request = daemon_request("oom"), *reply;
	uint64_t by = 0;

	if (streq(operands[1], "grow") != (n == 3) ||
	    (n == 3 && (rbce_parse_size(operands[2], &by) < 0 || by == 0 || by > INT64_MAX))) {
		log_error("cannot answer '%s': grow, and only that, needs a size (like 64M)",
			  operands[1]);
		json_object_put(request);
		return EXIT_USAGE;
	}
	json_object_object_add(request, "container", json_object_new_string(operands[0]));
	json_object_object_add(request, "answer", json_object_new_string(operands[1]));
	json_object_object_add(request, "by", json_object_new_uint64(by));
	if (ask(common, request, &reply) != 0)
		return EXIT_FAILURE;
	if (common->json)
		return reply_print(reply);
	json_object_put(reply);
	return EXIT_SUCCESS;
}

int command_oom(int argc, char **argv)
{
	struct common common = {.root = "rbce"};
	const struct option_row options[] = {COMMON_OPTIONS(common), {0}};
	const struct command_line line = {
		.usage = "oom [--root NAME] [--json] [CONTAINER ANSWER [SIZE]]",
		.about = "Shows the containers with an oom.policy, or answers one that is frozen "
			 "until somebody\nsays what is to be done: kill-largest, kill-newest, "
			 "kill-all, grow SIZE or thaw.",
		.options = options,
	};
	int first = command_parse(&line, argc, argv, 0, 3);

	if (argc - first == 1) {
		log_error("cannot answer '%s': which answer? see --help", argv[first]);
		return EXIT_USAGE;
	}
	return argc == first ? show_watched(&common) : answer(&common, argc - first, argv + first);
}

/* ---- penalty ---- */

enum { OF, PHASE, LEVEL, LEFT, LIMITS, RULE };

static int show_penalties(const struct common *common)
{
	static const struct table_column columns[] = {
		[OF] = {.title = "CONTAINER", .key = "container"},
		[PHASE] = {.title = "STATE", .key = "state"},
		[LEVEL] = {.title = "LEVEL", .key = "level", .right = true, .number = true},
		[LEFT] = {.title = "LEFT", .key = "seconds", .right = true},
		[LIMITS] = {.title = "LIMITS", .key = "limits"},
		[RULE] = {.title = "RULE", .key = "rule", .cut = true},
	};
	struct json_object *reply, *list;
	struct table *t;

	if (ask(common, daemon_request("penalty"), &reply) != 0)
		return EXIT_FAILURE;
	if (common->json)
		return reply_print(reply);
	list = reply_object(reply, "containers");
	t = table_new("penalties", columns, ARRAY_SIZE(columns), false);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *object = json_object_array_get_idx(list, i);
		uint64_t left = reply_number(object, "seconds");
		char time[RBCE_UNITS_SIZE];

		table_row(t, -1);
		table_set(t, OF, "%s", reply_text(object, "container"));
		table_set(t, PHASE, "%s", reply_text(object, "state"));
		table_set(t, LEVEL, "%s", reply_text(object, "level"));
		table_set(t, LEFT, "%s", left ? rbce_format_duration(left * 1000000, time) : "-");
		table_set(t, LIMITS, "%s", reply_text(object, "limits"));
		table_set(t, RULE, "%s", reply_text(object, "rule"));
	}
	json_object_put(reply);
	return table_finish(t) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int lift(const struct common *common, const char *name)
{
	struct json_object *request = daemon_request("penalty"), *reply;

	json_object_object_add(request, "container", json_object_new_string(name));
	json_object_object_add(request, "lift", json_object_new_boolean(true));
	if (ask(common, request, &reply) != 0)
		return EXIT_FAILURE;
	if (common->json)
		return reply_print(reply);
	json_object_put(reply);
	return EXIT_SUCCESS;
}

int command_penalty(int argc, char **argv)
{
	struct common common = {.root = "rbce"};
	const char *name = NULL;
	const struct option_row options[] = {
		COMMON_OPTIONS(common),
		OPTION_TEXT("lift", "CONTAINER", "give it its own limits back, and forget what was",
			    &name),
		{0},
	};
	const struct command_line line = {
		.usage = "penalty [--root NAME] [--json] [--lift CONTAINER]",
		.about = "Shows the containers with a penalty, and where they stand.",
		.options = options,
	};

	command_parse(&line, argc, argv, 0, 0);
	return name ? lift(&common, name) : show_penalties(&common);
}
