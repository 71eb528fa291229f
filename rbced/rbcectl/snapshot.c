// SPDX-License-Identifier: GPL-2.0-or-later
/* rbcectl snapshot: the containers, with all values that were set, as a rule file. */
#include <errno.h>
#include <stdlib.h>

#include "changes.h"
#include "own.h"
#include "util.h"

/* A name that a section cannot have: of its ends and what is a comment nothing would be left. */
static bool can_be_section(const char *name)
{
	size_t n = strlen(name);

	return n && !strchr(" ;", name[0]) && !strstr(name, " ;") && name[n - 1] != ' ';
}

/* '%' begins a variable in a section's name. */
static void print_name(const char *name)
{
	for (; *name; name++)
		printf(*name == '%' ? "%%%%" : "%c", *name);
}

/* One line for each value: a key that repeats has as many. */
static void print_value(const struct controller_key *key, char *value, const char *before)
{
	for (char *save, *line = strtok_r(value, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		printf("%s%s = %s\n", before, controller_key_name(key), line);
}

static void print_container(struct rbce_container *c)
{
	const char *name = rbce_container_name(c);
	const char *before = can_be_section(name) ? "" : "# ";
	const struct controller_key *key;

	if (*before)
		printf("\n# The container '%s', for which there is no section:\n", name);
	else {
		printf("\n[container ");
		print_name(name);
		printf("]\n");
	}
	for (size_t i = 0; (key = live_key_at(i)); i++) {
		cleanup_free char *value = live_value(key, c);

		if (value)
			print_value(key, value, before);
	}
}

/* The root group has no section; what was set there is told by the command that sets it. */
static void print_root(struct rbce_container *c)
{
	const struct controller_key *key;

	for (size_t i = 0; (key = live_key_at(i)); i++) {
		cleanup_free char *value = live_value(key, c);

		for (char *save, *line = value ? strtok_r(value, "\n", &save) : NULL; line;
		     line = strtok_r(NULL, "\n", &save))
			printf("# rbcectl set . '%s=%s'\n", controller_key_name(key), line);
	}
}

static struct json_object *container_object(struct rbce_container *c)
{
	struct json_object *object = json_object_new_object(), *keys = json_object_new_object();
	const struct controller_key *key;

	json_object_object_add(object, "container", json_object_new_string(rbce_container_name(c)));
	json_object_object_add(object, "keys", keys);
	for (size_t i = 0; (key = live_key_at(i)); i++) {
		cleanup_free char *value = live_value(key, c);

		if (value)
			json_object_object_add(keys, controller_key_name(key),
					       json_object_new_string(value));
	}
	return object;
}

/* LIST: JSON, else text. */
static void show(struct rbce_hierarchy *h, char **names, struct json_object *list)
{
	struct rbce_container *top;

	if (!list && rbce_container_open(h, "", 0, &top, NULL) == 0) {
		print_root(top);
		rbce_container_close(top);
	}
	for (size_t i = 0; names[i]; i++) {
		struct rbce_container *c;

		/* It may have gone since it was listed. */
		if (rbce_container_open(h, names[i], 0, &c, NULL) < 0)
			continue;
		if (list)
			json_object_array_add(list, container_object(c));
		else
			print_container(c);
		rbce_container_close(c);
	}
}

int command_snapshot(int argc, char **argv)
{
	struct common common = {.root = "rbce"};
	const struct option_row options[] = {COMMON_OPTIONS(common), {0}};
	const struct command_line line = {
		.usage = "snapshot [--root NAME] [--json]",
		.about = "Prints all containers, with the values that are not those of a new "
			 "group, as a rule file that\n'apply' and the daemon read.",
		.options = options,
	};
	CLEANUP(containers_close) struct containers all = {0};
	CLEANUP(rbce_names_free_p) char **names = NULL;
	struct json_object *reply, *list;
	struct rbce_error err;

	command_parse(&line, argc, argv, 0, 0);
	if (containers_open(common.root, &all, &err) < 0 ||
	    rbce_container_list(all.h, &names, &err) < 0)
		return command_failed(&err);
	if (!common.json) {
		printf("# The containers below '%s', as they are.\n", common.root);
		show(all.h, names, NULL);
		return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	}
	reply = json_object_new_object();
	list = json_object_new_array();
	json_object_object_add(reply, "containers", list);
	show(all.h, names, list);
	return reply_print(reply);
}
