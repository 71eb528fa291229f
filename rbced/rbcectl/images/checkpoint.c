// SPDX-License-Identifier: GPL-2.0-or-later
/* rbcectl checkpoint: a container into a directory; verify: is such a directory whole? */
#include <controllers/controllers.h>
#include <core/cli/log.h>
#include <errno.h>
#include <rbce/checkpoint.h>
#include <rbce/units.h>
#include <rbced/rbcectl/changes.h>
#include <signal.h>

#include "checkpoint.h"
#include "own.h"
#include "restore.h"
#include "util.h"

/* ---- what the manifest has from here: keys and rules ---- */

static int add_values(struct rbce_manifest *m, struct rbce_container *c, const char *place)
{
	const struct controller_key *key;
	int r = 0;

	for (size_t i = 0; r == 0 && (key = live_key_at(i)); i++) {
		cleanup_free char *value = live_value(key, c);

		for (char *save, *line = value ? strtok_r(value, "\n", &save) : NULL;
		     r == 0 && line; line = strtok_r(NULL, "\n", &save))
			r = rbce_manifest_add(m, "limit", "%s %s %s", place,
					      controller_key_name(key), line);
	}
	return r;
}

/* The container itself, then those below. */
static int add_groups(struct rbce_manifest *m, struct rbce_hierarchy *h, const char *own,
		      struct rbce_error *err)
{
	CLEANUP(rbce_names_free_p) char **names = NULL;
	int r = rbce_container_list(h, &names, err);

	for (size_t i = 0; r == 0 && names[i]; i++) {
		CLEANUP(rbce_container_close_p) struct rbce_container *c = NULL;
		const char *below = after_prefix(names[i], own);
		const char *place = below && *below == '/' ? below + 1 : ".";

		if (!below || (*below && *below != '/') ||
		    rbce_container_open(h, names[i], 0, &c, NULL) < 0)
			continue;
		r = rbce_manifest_add(m, "group", "%s", place);
		if (r == 0)
			r = add_values(m, c, place);
		if (r < 0)
			rbce_error_errno(err, r, "cannot note what container '%s' has", names[i]);
	}
	return r;
}

/* What placed its first process, where a daemon knows. */
static int add_rule(struct rbce_manifest *m, const char *root, struct rbce_container *c)
{
	struct json_object *request = daemon_request("explain"), *reply = NULL;
	cleanup_free pid_t *pids = NULL;
	size_t n = 0;
	int r = 0;

	rbce_container_tasks(c, true, &pids, &n, NULL);
	json_object_object_add(request, "pid", json_object_new_int(n ? pids[0] : 0));
	if (daemon_ask(root, request, &reply, NULL) < 0)
		return 0;
	if (*reply_text(reply, "rule"))
		r = rbce_manifest_add(m, "rule", ". %s",
				      json_object_to_json_string_ext(reply,
								     JSON_C_TO_STRING_PLAIN));
	json_object_put(reply);
	return r;
}

int checkpoint_describe(struct rbce_manifest *m, const char *root, struct rbce_hierarchy *h,
			struct rbce_container *c, struct rbce_error *err)
{
	const char *name = rbce_container_name(c);
	int r = rbce_manifest_add(m, "container", "%s", name);

	if (r == 0)
		r = rbce_manifest_add(m, "root", "%s", root);
	if (r == 0)
		r = add_rule(m, root, c);
	if (r < 0)
		return rbce_error_errno(err, r, "cannot describe container '%s'", name);
	return add_groups(m, h, name, err);
}

/* ---- the command ---- */

unsigned checkpoint_flags(const struct checkpoint_wish *asked)
{
	return (asked->running ? RBCE_CHECKPOINT_LEAVE_RUNNING : 0) |
	       (asked->frozen ? RBCE_CHECKPOINT_LEAVE_FROZEN : 0) |
	       (asked->tcp ? RBCE_CHECKPOINT_TCP : 0) | (asked->locks ? RBCE_CHECKPOINT_LOCKS : 0) |
	       (asked->shell ? RBCE_CHECKPOINT_SHELL : 0) |
	       (asked->unix_sockets ? RBCE_CHECKPOINT_UNIX : 0) |
	       (asked->every ? RBCE_CHECKPOINT_TRACK : 0) |
	       (asked->post_copy ? RBCE_CHECKPOINT_POST_COPY : 0) |
	       (asked->through_swap ? RBCE_CHECKPOINT_THROUGH_SWAP : 0);
}

int checkpoint_end_line(const struct rbce_checkpoint_figures *figures)
{
	char pages[RBCE_UNITS_SIZE], ahead[RBCE_UNITS_SIZE], swapped[RBCE_UNITS_SIZE];

	printf(", %s of memory", rbce_format_size(figures->pages, pages));
	if (figures->rounds)
		printf(", %s ahead in %u rounds", rbce_format_size(figures->ahead, ahead),
		       figures->rounds);
	if (figures->swapped)
		printf(", %s of it from swap", rbce_format_size(figures->swapped, swapped));
	printf("\n");
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int checkpoint_end_reply(struct json_object *reply, const struct rbce_checkpoint_figures *figures)
{
	json_object_object_add(reply, "memory_bytes", json_object_new_uint64(figures->pages));
	json_object_object_add(reply, "ahead_bytes", json_object_new_uint64(figures->ahead));
	json_object_object_add(reply, "swapped_bytes", json_object_new_uint64(figures->swapped));
	json_object_object_add(reply, "rounds", json_object_new_uint64(figures->rounds));
	return reply_print(reply);
}

int checkpoint_print(const char *name, const char *dir, bool json,
		     const struct rbce_checkpoint_figures *figures)
{
	char frozen[RBCE_UNITS_SIZE];
	struct json_object *reply;

	if (!json) {
		printf("container '%s' is in '%s': frozen for %s", name, dir,
		       rbce_format_duration(figures->frozen, frozen));
		return checkpoint_end_line(figures);
	}
	reply = json_object_new_object();
	json_object_object_add(reply, "container", json_object_new_string(name));
	json_object_object_add(reply, "image", json_object_new_string(dir));
	json_object_object_add(reply, "frozen_us", json_object_new_uint64(figures->frozen));
	return checkpoint_end_reply(reply, figures);
}

struct described {
	const char *root;
	struct rbce_hierarchy *h;
	struct rbce_container *c;
};

static int describe(struct rbce_manifest *m, void *data, struct rbce_error *err)
{
	const struct described *it = data;

	return checkpoint_describe(m, it->root, it->h, it->c, err);
}

int checkpoint_make(const char *root, const char *name, const char *dir,
		    const struct checkpoint_wish *asked, struct rbce_checkpoint_figures *ret,
		    struct rbce_error *err)
{
	CLEANUP(containers_close) struct containers all = {0};
	CLEANUP(rbce_manifest_free_p) struct rbce_manifest *m = rbce_manifest_new();
	CLEANUP(rbce_container_close_p) struct rbce_container *c = NULL;
	struct described described;
	const struct rbce_checkpoint_order order = {
		.flags = checkpoint_flags(asked),
		.external = asked->external,
		.deadline = asked->deadline,
		.parent = asked->parent,
		.rounds = asked->ahead ? (unsigned)asked->rounds : 0,
		.bound = asked->bound,
		.manifest = m,
		.describe = describe,
		.data = &described,
		.sink = asked->sink,
	};
	int r = m ? containers_open(root, &all, err)
		  : rbce_error_errno(err, -ENOMEM, "cannot checkpoint '%s'", name);

	if (r == 0)
		r = rbce_container_open(all.h, name, 0, &c, err);
	described = (struct described){root, all.h, c};
	if (r == 0)
		r = rbce_checkpoint(c, dir, &order, ret, err);
	/* What has no process any more is not kept; the image has what it takes to make it again.
	 */
	if (r == 0 && !asked->running && !asked->frozen)
		controller_remove(c, NULL);
	return r;
}

int checkpoint_take(const char *root, const char *name, const char *dir, struct rbce_error *err)
{
	const struct checkpoint_wish wish = {.running = true};
	struct rbce_checkpoint_figures figures;

	return checkpoint_make(root, name, dir, &wish, &figures, err);
}

/* ---- what stands in the way ---- */

static void list_obstacle(pid_t pid, const char *what, void *data)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "pid", json_object_new_int(pid));
	json_object_object_add(object, "what", json_object_new_string(what));
	json_object_array_add(data, object);
}

static void print_obstacle(pid_t pid, const char *what, void *data)
{
	(void)data;
	if (pid)
		printf("process %d: ", pid);
	printf("%s\n", what);
}

static int check(const struct common *common, const char *name, const struct checkpoint_wish *asked)
{
	CLEANUP(containers_close) struct containers all = {0};
	CLEANUP(rbce_container_close_p) struct rbce_container *c = NULL;
	struct json_object *list = common->json ? json_object_new_array() : NULL, *reply;
	struct rbce_error err;
	int r = containers_open(common->root, &all, &err);

	if (r == 0)
		r = rbce_container_open(all.h, name, 0, &c, &err);
	if (r == 0)
		r = rbce_checkpoint_check(c, checkpoint_flags(asked),
					  list ? list_obstacle : print_obstacle, list, &err);
	if (r < 0)
		return command_failed(&err);
	if (list) {
		reply = json_object_new_object();
		json_object_object_add(reply, "container", json_object_new_string(name));
		json_object_object_add(reply, "obstacles", list);
		reply_print(reply);
	} else if (r == 0) {
		printf("nothing stands in the way\n");
	}
	return r ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int verify(const char *dir, bool json)
{
	struct json_object *reply;
	struct rbce_error err;

	if (rbce_checkpoint_verify(dir, &err) < 0)
		return command_failed(&err);
	if (!json)
		return EXIT_SUCCESS;
	reply = json_object_new_object();
	json_object_object_add(reply, "image", json_object_new_string(dir));
	json_object_object_add(reply, "state", json_object_new_string("whole"));
	return reply_print(reply);
}

/* ---- to somewhere else ---- */

int checkpoint_send(const char *root, const char *name, const struct checkpoint_wish *wish,
		    struct scratch *scratch, struct rbce_checkpoint_figures *ret,
		    struct rbce_error *err)
{
	cleanup_free char *dir = NULL;
	int r = scratch_make(scratch, err);

	if (r < 0)
		return r;
	r = asprintf(&dir, "%s/image", scratch->path) < 0
		    ? rbce_error_errno(err, -ENOMEM, "cannot checkpoint '%s'", name)
		    : checkpoint_make(root, name, dir, wish, ret, err);
	if (r < 0)
		scratch_keep(scratch);
	return r;
}

static int stream_out(const char *root, const char *name, const struct checkpoint_wish *asked)
{
	CLEANUP(scratch_done) struct scratch scratch = {0};
	struct checkpoint_wish wish = *asked;
	int fds[2] = {-1, STDOUT_FILENO};
	struct rbce_stream stream = rbce_stream_fds(fds);
	const struct rbce_sink sink = {
		.put = rbce_stream_put,
		.finish = rbce_stream_end,
		.data = &stream,
	};
	struct rbce_checkpoint_figures figures;
	struct rbce_error err;

	if (isatty(STDOUT_FILENO)) {
		log_error("cannot checkpoint '%s': an image is nothing for a terminal", name);
		return EXIT_USAGE;
	}
	/* Nobody reads any more: that is an error as others are. */
	signal(SIGPIPE, SIG_IGN);
	wish.sink = &sink;
	return checkpoint_send(root, name, &wish, &scratch, &figures, &err) < 0
		       ? command_failed(&err)
		       : EXIT_SUCCESS;
}

static int add_external(const char *argument, void *data)
{
	struct checkpoint_wish *asked = data;

	if (asked->n_external + 1 >= ARRAY_SIZE(asked->external)) {
		log_error("cannot use '%s': there are too many of --external", argument);
		return -E2BIG;
	}
	asked->external[asked->n_external++] = argument;
	return 0;
}

static int parse_time(const char *argument, void *data)
{
	if (rbce_parse_duration(argument, data) == 0 && *(uint64_t *)data > 0)
		return 0;
	log_error("cannot use '%s': it is no time", argument);
	return -EINVAL;
}

static int parse_bytes(const char *argument, void *data)
{
	if (rbce_parse_size(argument, data) == 0)
		return 0;
	log_error("cannot use '%s': it is no size", argument);
	return -EINVAL;
}

static int parse_count(const char *argument, void *data)
{
	if (rbce_parse_number(argument, 1, 1000, data) == 0)
		return 0;
	log_error("cannot use '%s': it is no number from 1 to 1000", argument);
	return -EINVAL;
}

int command_checkpoint(int argc, char **argv)
{
	struct common common = {.root = "rbce"};
	struct checkpoint_wish asked = {.bound = 4 << 20, .rounds = 5, .keep = 6};
	const struct option_row options[] = {
		COMMON_OPTIONS(common),
		OPTION_FLAG("check", "say what stands in the way, and do nothing", &asked.check),
		OPTION_FLAG("leave-running", "let it run on", &asked.running),
		OPTION_FLAG("leave-frozen", "keep it frozen; 'thaw' lets it go on", &asked.frozen),
		OPTION_FLAG("tcp-established", "with its connections", &asked.tcp),
		OPTION_FLAG("file-locks", "with its locks on files", &asked.locks),
		OPTION_FLAG("shell-job", "with a terminal or session of outside", &asked.shell),
		OPTION_FLAG("ext-unix-sk", "with connections to unix sockets outside",
			    &asked.unix_sockets),
		OPTION_PARSED("external", "WHAT",
			      "take this as outside, as criu(8) names it; may be repeated",
			      add_external, &asked),
		OPTION_PARSED("deadline", "TIME", "to freeze it, and to dump it (default 10s)",
			      parse_time, &asked.deadline),
		OPTION_FLAG("pre-dump", "copy memory ahead, while it runs", &asked.ahead),
		OPTION_FLAG("through-swap", "push memory out, and copy it from swap, while it runs",
			    &asked.through_swap),
		OPTION_PARSED("rounds", "N", "how often at most (default 5)", parse_count,
			      &asked.rounds),
		OPTION_PARSED("until", "SIZE", "until there is so little to copy (default 4M)",
			      parse_bytes, &asked.bound),
		OPTION_PARSED("every", "TIME",
			      "again and again, images of their own in DIR; it runs on", parse_time,
			      &asked.every),
		OPTION_TEXT("to", "-", "the image goes to standard output", &asked.to),
		OPTION_PARSED("keep", "N", "how many of these to keep (default 6)", parse_count,
			      &asked.keep),
		{0},
	};
	const struct command_line line = {
		.usage = "checkpoint [OPTION...] CONTAINER DIR | --to - CONTAINER | --check "
			 "CONTAINER | verify DIR",
		.about = "Puts a container with all its processes into the directory DIR, and ends "
			 "them. Or says whether\nDIR has a whole one.",
		.options = options,
	};
	struct rbce_checkpoint_figures figures;
	struct rbce_error err;
	int first = command_parse(&line, argc, argv, 1, 2);
	const char *name = argv[first], *dir = argv[first + 1];

	if (asked.check)
		return check(&common, container_operand(name), &asked);
	if (!dir == !asked.to || (asked.to && !streq(asked.to, "-"))) {
		log_error("cannot checkpoint '%s': it takes a directory, or '--to -'", name);
		return EXIT_USAGE;
	}
	if (dir && streq(name, "verify"))
		return verify(dir, common.json);
	if ((asked.running && asked.frozen) || (asked.every && (asked.to || asked.through_swap))) {
		log_error("cannot checkpoint '%s': of --leave-running and --leave-frozen, and of "
			  "--every and --to or --through-swap, it takes one",
			  name);
		return EXIT_USAGE;
	}
	if (asked.to)
		return stream_out(common.root, container_operand(name), &asked);
	if (asked.every)
		return checkpoint_every(common.root, container_operand(name), dir, &asked,
					common.json);
	if (checkpoint_make(common.root, container_operand(name), dir, &asked, &figures, &err) < 0)
		return command_failed(&err);
	return checkpoint_print(name, dir, common.json, &figures);
}
