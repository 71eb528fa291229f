// SPDX-License-Identifier: GPL-2.0-or-later
/* rbcectl set and reclaim: straight on the cgroups, with or without the daemon. */
#include <core/cli/log.h>
#include <errno.h>
#include <inttypes.h>
#include <rbce/units.h>
#include <stdlib.h>

#include "changes.h"
#include "util.h"

/* KEY=VALUE; ends with a usage error for what is none. */
static void add_setting(struct change_list *list, const char *container, char *operand)
{
	char *equals = strchr(operand, '=');
	const struct controller_key *key;
	struct rbce_error err;

	if (!equals) {
		log_error("cannot set '%s': it is not KEY=VALUE", operand);
		exit(EXIT_USAGE);
	}
	*equals = '\0';
	if (controller_check(operand, equals + 1, &err) < 0) {
		log_error("cannot set '%s': %s", operand, err.message);
		exit(EXIT_USAGE);
	}
	key = controller_key_find(operand);
	if (controller_key_is_daemon(key)) {
		log_error("cannot set '%s': the daemon keeps it, by its rule files", operand);
		exit(EXIT_USAGE);
	}
	if (!change_list_add(list, container, key, equals + 1)) {
		log_error("cannot set '%s': out of memory", operand);
		exit(EXIT_FAILURE);
	}
}

static int set(const char *root, const char *name, struct change_list *list, bool keep_going,
	       struct rbce_error *err)
{
	CLEANUP(containers_close) struct containers all = {0};
	struct rbce_container *c = NULL;
	int r = containers_open(root, &all, err);

	if (r == 0)
		r = rbce_container_open(all.h, name, 0, &c, err);
	rbce_container_close(c);
	if (r < 0)
		return r;
	changes_apply(all.h, list->changes, list->n, keep_going);
	return 0;
}

int command_set(int argc, char **argv)
{
	struct common common = {.root = "rbce"};
	bool keep_going = false;
	const struct option_row options[] = {
		COMMON_OPTIONS(common),
		OPTION_FLAG("keep-going", "set what can be set, and say why the rest cannot",
			    &keep_going),
		{0},
	};
	const struct command_line line = {
		.usage = "set [--root NAME] [--keep-going] CONTAINER KEY=VALUE...",
		.about = "Sets values of a container ('.' is the root group): all of them or, when "
			 "one is refused, none.\nA reload of the rules sets those of the rules "
			 "again.",
		.options = options,
	};
	int first = command_parse(&line, argc, argv, 2, -1);
	const char *name = container_operand(argv[first]);
	CLEANUP(change_list_done) struct change_list list = {0};
	struct rbce_error err;

	for (int i = first + 1; i < argc; i++)
		add_setting(&list, name, argv[i]);
	if (set(common.root, name, &list, keep_going, &err) < 0)
		return command_failed(&err);
	change_list_say(&list);
	if (common.json && reply_print(change_list_json(&list, 1)) != EXIT_SUCCESS)
		return EXIT_FAILURE;
	return changes_count(list.changes, list.n, CHANGE_REFUSED) ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int reclaim(const char *root, const char *name, uint64_t amount, uint64_t *ret,
		   struct rbce_error *err)
{
	CLEANUP(containers_close) struct containers all = {0};
	struct rbce_container *c = NULL;
	struct rbce_error why;
	int r = containers_open(root, &all, err);

	if (r == 0)
		r = rbce_container_open(all.h, name, 0, &c, err);
	if (r < 0)
		return r;
	r = controller_reclaim(c, amount, ret, &why);
	rbce_container_close(c);
	return r < 0 ? rbce_error_set(err, r, "cannot reclaim memory of container '%s': %s",
				      *name ? name : ".", why.message)
		     : 0;
}

int command_reclaim(int argc, char **argv)
{
	struct common common = {.root = "rbce"};
	const struct option_row options[] = {COMMON_OPTIONS(common), {0}};
	const struct command_line line = {
		.usage = "reclaim [--root NAME] CONTAINER AMOUNT",
		.about = "Takes memory back from a container and those below it: a size, or 'max' "
			 "for all that can\nbe had. Fails when there was not so much.",
		.options = options,
	};
	int first = command_parse(&line, argc, argv, 2, 2), r;
	const char *name = container_operand(argv[first]);
	char shown[RBCE_UNITS_SIZE];
	struct json_object *reply;
	struct rbce_error err;
	uint64_t amount, freed = 0;

	if (rbce_parse_size(argv[first + 1], &amount) < 0) {
		log_error("cannot reclaim '%s': it is not a size (like 512M or max)",
			  argv[first + 1]);
		return EXIT_USAGE;
	}
	r = reclaim(common.root, name, amount, &freed, &err);
	if (r < 0)
		command_failed(&err);
	if (common.json) {
		reply = json_object_new_object();
		json_object_object_add(reply, "container", json_object_new_string(name));
		json_object_object_add(reply, "reclaimed_bytes", json_object_new_uint64(freed));
		return reply_print(reply) == EXIT_SUCCESS && r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	}
	if (r == 0)
		printf("%s less in use\n", rbce_format_size(freed, shown));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
