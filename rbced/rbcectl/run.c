// SPDX-License-Identifier: GPL-2.0-or-later
/* rbcectl run: becomes the command after the daemon has placed this process. */
#include <controllers/controllers.h>
#include <core/cli/log.h>
#include <errno.h>

#include "rbcectl.h"
#include "util.h"

/* KEY=VALUE operands before the command; returns the index behind them. */
static int read_limits(int argc, char **argv, int i, struct json_object *limits)
{
	for (; i < argc && !streq(argv[i], "--"); i++) {
		char *equals = strchr(argv[i], '=');
		struct rbce_error err;

		/* The first operand that is no setting begins the command. */
		if (!equals)
			break;
		*equals = '\0';
		if (controller_check(argv[i], equals + 1, &err) < 0) {
			log_error("cannot set '%s': %s", argv[i], err.message);
			exit(EXIT_USAGE);
		}
		json_object_object_add(limits, argv[i], json_object_new_string(equals + 1));
	}
	return i < argc && streq(argv[i], "--") ? i + 1 : i;
}

int command_run(int argc, char **argv)
{
	struct common common = {.root = "rbce"};
	bool alone = false;
	const struct option_row options[] = {
		COMMON_OPTIONS(common),
		OPTION_FLAG("no-sticky", "let the rules decide for what it starts", &alone),
		{0},
	};
	const struct command_line line = {
		.usage = "run [--root NAME] [--no-sticky] CONTAINER [KEY=VALUE...] -- COMMAND "
			 "[ARGUMENT...]",
		.about = "Starts a command in a container, with limits of its own if given. It and "
			 "what it starts\nstay there.",
		.options = options,
		.stop_at_operand = true,
	};
	struct json_object *request = daemon_request("classify"), *reply;
	struct json_object *limits = json_object_new_object();
	struct rbce_error err;
	int first = command_parse(&line, argc, argv, 2, -1);
	int command = read_limits(argc, argv, first + 1, limits);

	if (command >= argc) {
		log_error("cannot run: it needs a command; usage: %s %s", log_program(),
			  line.usage);
		return EXIT_USAGE;
	}
	json_object_object_add(request, "pid", json_object_new_int(getpid()));
	json_object_object_add(request, "container", json_object_new_string(argv[first]));
	json_object_object_add(request, "limits", limits);
	json_object_object_add(request, "sticky", json_object_new_boolean(!alone));
	if (daemon_ask(common.root, request, &reply, &err) < 0)
		return command_failed(&err);
	if (common.json)
		reply_print(reply);
	else
		json_object_put(reply);
	execvp(argv[command], argv + command);
	rbce_error_errno(&err, -errno, "cannot run '%s'", argv[command]);
	return command_failed(&err);
}
