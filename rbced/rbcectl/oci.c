// SPDX-License-Identifier: GPL-2.0-or-later
/* rbcectl oci: the operations of the OCI runtime specification. */
#include "oci.h"

#include <core/cli/log.h>
#include <errno.h>
#include <rbce/units.h>
#include <signal.h>
#include <sys/socket.h>

#include "util.h"

struct call {
	const char *root, *bundle, *pid_file;
	bool force;
	char **operands; /* behind the operation */
	int n;
};

static int write_pid(const char *path, int pid, struct rbce_error *err)
{
	FILE *file = path ? fopen(path, "we") : NULL;

	if (!path)
		return 0;
	if (!file || fprintf(file, "%d", pid) < 0 || fclose(file) != 0)
		return rbce_error_errno(err, -errno, "cannot write '%s'", path);
	return 0;
}

/* The keeper goes on by itself from here. */
static int begin(struct space_order *order, const struct call *call, struct rbce_error *err)
{
	struct keeper_word word = {.value = 0};
	pid_t keeper;
	cleanup_close int link = keeper_fork(order, &keeper, err);
	int r = link;

	if (r >= 0)
		r = keeper_hear(order, link, &word, err);
	if (r == 0)
		r = write_pid(call->pid_file, word.value, err);
	if (r == 0 && send(link, "", 1, MSG_NOSIGNAL) != 1)
		r = rbce_error_errno(err, -errno, "cannot leave the keeper");
	return r;
}

static int create(const struct call *call, struct rbce_error *err)
{
	struct space_order order = {.root = call->root,
				    .name = call->operands[0],
				    .space = rbce_space_new(),
				    .detach = true,
				    .oci = true};
	struct oci_bundle bundle = {.path = realpath(call->bundle ?: ".", NULL)};
	int r = bundle.path ? 0 : -errno;
	struct json_object *state = NULL;

	if (r < 0 || !order.space)
		return rbce_error_errno(err, r ?: -ENOMEM, "cannot open bundle '%s'",
					call->bundle ?: ".");
	if (oci_ask(call->root, order.name, daemon_request("state"), &state, NULL) == 0)
		r = rbce_error_set(err, -EEXIST, "cannot create '%s': it is there already",
				   order.name);
	json_object_put(state);
	if (r == 0)
		r = oci_read(&order, &bundle, err);
	if (r == 0)
		r = begin(&order, call, err);
	space_order_done(&order);
	json_object_put(bundle.config);
	free(order.argv);
	free(bundle.path);
	return r;
}

static int ask(const struct call *call, struct json_object *request, struct rbce_error *err)
{
	struct json_object *reply = NULL;
	int r = oci_ask(call->root, call->operands[0], request, &reply, err);

	json_object_put(reply);
	return r;
}

static int start(const struct call *call, struct rbce_error *err)
{
	return ask(call, daemon_request("start"), err);
}

static int state(const struct call *call, struct rbce_error *err)
{
	struct json_object *reply = NULL;
	int r = oci_ask(call->root, call->operands[0], daemon_request("state"), &reply, err);

	if (r == 0) {
		json_object_object_add(reply, "ociVersion", json_object_new_string("1.0.2"));
		json_object_object_add(reply, "id", json_object_new_string(call->operands[0]));
		reply_print(reply);
		return 0;
	}
	json_object_put(reply);
	return r;
}

/* "TERM", "SIGTERM", "15". */
static int signal_number(const char *text)
{
	uint64_t number;

	if (strncmp(text, "SIG", 3) == 0)
		text += 3;
	if (rbce_parse_number(text, 1, SIGRTMAX, &number) == 0)
		return (int)number;
	for (int i = 1; i < NSIG; i++)
		if (sigabbrev_np(i) && streq(sigabbrev_np(i), text))
			return i;
	return -EINVAL;
}

static int send_signal(const struct call *call, struct rbce_error *err)
{
	const char *text = call->n > 1 ? call->operands[1] : "TERM";
	struct json_object *request;
	int number = signal_number(text);

	if (number < 0)
		return rbce_error_set(err, number, "cannot send '%s': it is no signal", text);
	request = daemon_request("kill");
	json_object_object_add(request, "signal", json_object_new_int(number));
	return ask(call, request, err);
}

static int delete (const struct call *call, struct rbce_error *err)
{
	struct json_object *request = daemon_request("delete");

	json_object_object_add(request, "force", json_object_new_int(call->force));
	return ask(call, request, err);
}

static const struct {
	const char *name;
	int most; /* operands */
	int (*run)(const struct call *call, struct rbce_error *err);
} operations[] = {
	{"create", 1, create},    {"start", 1, start},   {"state", 1, state},
	{"kill", 2, send_signal}, {"delete", 1, delete},
};

int command_oci(int argc, char **argv)
{
	struct common common = {.root = "rbce"};
	struct call call = {0};
	const struct option_row options[] = {
		COMMON_OPTIONS(common),
		OPTION_TEXT("bundle", "DIR", "create: where config.json is (default .)",
			    &call.bundle),
		OPTION_TEXT("pid-file", "FILE", "create: receives the process id", &call.pid_file),
		OPTION_FLAG("force", "delete: end it before", &call.force),
		{0},
	};
	const struct command_line line = {
		.usage = "oci [--root NAME] [OPTION...] create|start|state|kill|delete ID [SIGNAL]",
		.about = "The operations of the OCI runtime specification. A property of "
			 "config.json "
			 "that is not\nsupported is refused by its name.",
		.options = options,
	};
	int first = command_parse(&line, argc, argv, 2, 3);
	struct rbce_error err;

	call.root = common.root;
	call.operands = argv + first + 1;
	call.n = argc - first - 1;
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
		if (streq(operations[i].name, argv[first]) && call.n <= operations[i].most)
			return operations[i].run(&call, &err) < 0 ? command_failed(&err)
								  : EXIT_SUCCESS;
	log_error("cannot do '%s': usage: %s %s", argv[first], log_program(), line.usage);
	return EXIT_USAGE;
}
