// SPDX-License-Identifier: GPL-2.0-or-later
/* rbcectl create: a container with namespaces of its own, from the command line or a rule file. */
#include <controllers/controllers.h>
#include <core/cli/log.h>
#include <errno.h>
#include <poll.h>
#include <rbce/units.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "space.h"
#include "util.h"

static const char prefix[] = "namespace.";

int space_order_set(struct space_order *order, const char *key, const char *value, bool may_lack,
		    struct rbce_error *err)
{
	const struct controller_key *row = controller_key_find(key);
	struct space_limit *more;
	struct rbce_error why;
	int r = controller_check(key, value, &why);

	if (r < 0)
		return rbce_error_set(err, r, "cannot set '%s': %s", key, why.message);
	if (after_prefix(key, prefix))
		return rbce_space_set(order->space, key + strlen(prefix), value, err);
	/* What the daemon does is done by it, where its rules say so. */
	if (controller_key_is_daemon(row))
		return 0;
	more = reallocarray(order->limits, order->n_limits + 1, sizeof(*more));
	if (!more)
		return rbce_error_errno(err, -ENOMEM, "cannot set '%s'", key);
	order->limits = more;
	more += order->n_limits;
	*more = (struct space_limit){row, strdup(value), may_lack};
	if (!more->value)
		return rbce_error_errno(err, -ENOMEM, "cannot set '%s'", key);
	order->n_limits++;
	return 0;
}

int space_order_read(struct space_order *order, const struct ruleset *rules, struct rbce_error *err)
{
	const struct container_section *section = ruleset_section(rules, order->name);
	int r = 0;

	for (size_t i = 0; section && r == 0 && i < section->n_keys; i++)
		r = space_order_set(order, section->keys[i].key, section->keys[i].value,
				    section->on_unsupported != UNSUPPORTED_ERROR, err);
	return r;
}

void space_order_done(struct space_order *order)
{
	order->space = rbce_space_free(order->space);
	containers_close(&order->all);
	while (order->n_limits > 0)
		free(order->limits[--order->n_limits].value);
	free(order->limits);
	order->limits = NULL;
	if (order->there)
		munmap(order->there, sizeof(*order->there));
	order->there = NULL;
}

/* KEY=VALUE operands; returns the index of the command, which "--" or the first other begins. */
static int read_keys(struct space_order *order, int argc, char **argv, int i)
{
	for (; i < argc && !streq(argv[i], "--"); i++) {
		char *equals = strchr(argv[i], '=');
		struct rbce_error err;

		if (!equals)
			return i;
		*equals = '\0';
		if (space_order_set(order, argv[i], equals + 1, false, &err) < 0) {
			log_error("%s", err.message);
			exit(EXIT_USAGE);
		}
	}
	return i < argc ? i + 1 : i;
}

/* The list of devices that the notes of /dev promise, where nothing else is said. */
static int add_devices(struct space_order *order, struct rbce_error *err)
{
	const char *dev = rbce_space_get(order->space, "dev");
	bool own = rbce_space_get(order->space, "rootfs") ||
		   rbce_space_get(order->space, "overlay") || dev;

	if (!own || (dev && streq(dev, "no")) || rbce_space_get(order->space, "device") ||
	    geteuid() != 0)
		return 0;
	for (size_t i = 0; i < order->n_limits; i++)
		if (streq(controller_key_name(order->limits[i].key), "device"))
			return 0;
	return space_order_set(order, "device", "default", true, err);
}

/* What the keeper says next; what it leaves when it was killed is cleaned up here. */
int keeper_hear(struct space_order *order, int link, struct keeper_word *word,
		struct rbce_error *err)
{
	struct rbce_error why;
	ssize_t n;

	do
		n = recv(link, word, sizeof(*word), 0);
	while (n < 0 && errno == EINTR);
	if (n != sizeof(*word)) {
		space_order_undo(order, 0, &why);
		return rbce_error_set(err, -EPIPE, "cannot keep container '%s': its keeper ended",
				      order->name);
	}
	return word->what == KEEPER_FAILED ? rbce_error_set(err, word->value, "%s", word->text) : 0;
}

/* Signals that are meant for the command reach it through the keeper. */
static void pass_signals(pid_t keeper, int link, int signals)
{
	struct pollfd fds[] = {{.fd = link, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
	struct signalfd_siginfo info;

	while (fds[0].revents == 0)
		if (poll(fds, ARRAY_SIZE(fds), -1) > 0 && fds[1].revents &&
		    read(signals, &info, sizeof(info)) == sizeof(info) &&
		    info.ssi_code != SI_KERNEL)
			kill(keeper, (int)info.ssi_signo);
}

static int watch_signals(void)
{
	static const int passed[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(passed); i++)
		sigaddset(&set, passed[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

int keeper_fork(struct space_order *order, pid_t *ret_pid, struct rbce_error *err)
{
	int link[2], r = space_order_open(order, err);

	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link) < 0)
		return rbce_error_errno(err, -errno, "cannot make a socket");
	*ret_pid = fork();
	if (*ret_pid < 0)
		return rbce_error_errno(err, -errno, "cannot fork");
	if (*ret_pid == 0) {
		close(link[0]);
		keeper_run(order, link[1]);
	}
	close(link[1]);
	return link[0];
}

static int create(struct space_order *order, bool json, int *ret_status, struct rbce_error *err)
{
	struct keeper_word word;
	int signals = watch_signals(), r;
	pid_t keeper;
	cleanup_close int link = keeper_fork(order, &keeper, err);

	if (link < 0)
		return link;
	r = keeper_hear(order, link, &word, err);
	if (r == 0 && (json || order->detach)) {
		struct json_object *reply = json_object_new_object();

		json_object_object_add(reply, "container", json_object_new_string(order->name));
		json_object_object_add(reply, "pid", json_object_new_int(word.value));
		if (json)
			reply_print(reply);
		else
			json_object_put(reply);
		fflush(stdout);
	}
	if (r == 0 && order->detach)
		return send(link, "", 1, MSG_NOSIGNAL) == 1
			       ? 0
			       : rbce_error_errno(err, -errno, "cannot leave the keeper");
	if (r == 0) {
		pass_signals(keeper, link, signals);
		r = keeper_hear(order, link, &word, err);
	}
	if (r == 0)
		*ret_status = WIFEXITED(word.value) ? WEXITSTATUS(word.value)
						    : 128 + WTERMSIG(word.value);
	return r;
}

struct asked {
	const char *rules, *namespaces, *rootfs, *hostname;
	bool overlay;
};

static int fill(struct space_order *order, const struct asked *asked, struct rbce_error *err)
{
	const struct {
		const char *key, *value;
	} options[] = {
		{"new", asked->namespaces},
		{"rootfs", asked->rootfs},
		{"hostname", asked->hostname},
		{"overlay", asked->overlay ? "yes" : NULL},
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(options); i++)
		if (options[i].value)
			r = rbce_space_set(order->space, options[i].key, options[i].value, err);
	return r < 0 ? r : space_set_environment(order->space, err);
}

static int parse_size(const char *text, void *data)
{
	uint64_t size;

	if (rbce_parse_size(text, &size) == 0 && size >= 4096 && size <= 64 << 20) {
		*(size_t *)data = (size_t)size;
		return 0;
	}
	log_error("cannot keep '%s' of a console: it is not a size from 4K to 64M", text);
	return -EINVAL;
}

int command_create(int argc, char **argv)
{
	struct common common = {.root = "rbce"};
	struct asked asked = {0};
	struct space_order order = {.space = rbce_space_new(), .console_size = 65536};
	const struct option_row options[] = {
		COMMON_OPTIONS(common),
		OPTION_TEXT("rules", "DIR", "take the container's section of these rules",
			    &asked.rules),
		OPTION_TEXT("namespaces", "LIST", "those that it has of its own, or all",
			    &asked.namespaces),
		OPTION_TEXT("rootfs", "DIR", "a directory that is / inside", &asked.rootfs),
		OPTION_FLAG("overlay", "changes to / stay in memory", &asked.overlay),
		OPTION_TEXT("hostname", "NAME", "the host's name inside", &asked.hostname),
		OPTION_FLAG("console", "its input and output are a console; implies --detach",
			    &order.console),
		OPTION_PARSED("console-size", "SIZE", "how much of the console is kept (64K)",
			      parse_size, &order.console_size),
		OPTION_FLAG("detach", "do not wait for its end", &order.detach),
		{0},
	};
	const struct command_line line = {
		.usage = "create [--root NAME] [OPTION...] CONTAINER [KEY=VALUE...] -- COMMAND "
			 "[ARGUMENT...]",
		.about =
			"Starts a command in a container with namespaces of its own, and takes the "
			"container away when\nit ends. The exit status is the command's.",
		.options = options,
		.stop_at_operand = true,
	};
	struct ruleset *rules = NULL;
	struct rbce_error err;
	int first = command_parse(&line, argc, argv, 2, -1), status = 0, r;

	order.root = common.root;
	order.name = argv[first];
	order.detach |= order.console;
	rules = asked.rules ? rules_read(asked.rules) : NULL;
	if (asked.rules && !rules)
		return EXIT_FAILURE;
	r = order.space ? 0 : rbce_error_errno(&err, -ENOMEM, "cannot create");
	if (r == 0 && rules)
		r = space_order_read(&order, rules, &err);
	if (r == 0)
		r = fill(&order, &asked, &err);
	if (r == 0) {
		order.argv = argv + read_keys(&order, argc, argv, first + 1);
		r = *order.argv
			    ? add_devices(&order, &err)
			    : rbce_error_set(&err, -EINVAL,
					     "cannot create '%s': it needs a command", order.name);
	}
	if (r == 0)
		r = create(&order, common.json, &status, &err);
	space_order_done(&order);
	ruleset_free(rules);
	return r < 0 ? command_failed(&err) : status;
}
