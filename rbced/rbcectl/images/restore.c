// SPDX-License-Identifier: GPL-2.0-or-later
/* rbcectl restore: a container out of the image that 'checkpoint' made. */
#include <controllers/controllers.h>
#include <core/claim.h>
#include <core/cli/log.h>
#include <errno.h>
#include <rbce/checkpoint.h>
#include <rbced/rbcectl/space.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "file.h"
#include "own.h"
#include "restore.h"
#include "util.h"

/* A record of a container: "PLACE KEY VALUE". */
struct limit {
	char place[RBCE_NAME_MAX], key[128];
	const char *value;
};

static bool split_limit(const char *record, struct limit *ret)
{
	int n = 0;

	if (sscanf(record, "%1023s %127s %n", ret->place, ret->key, &n) != 2 || n == 0)
		return false;
	ret->value = record + n;
	return true;
}

static int open_place(const struct restoration *order, const char *place,
		      struct rbce_container **ret, struct rbce_error *err)
{
	char name[2 * RBCE_NAME_MAX];

	if (streq(place, "."))
		snprintf(name, sizeof(name), "%s", order->name);
	else
		snprintf(name, sizeof(name), "%s/%s", order->name, place);
	return rbce_container_open(order->all.h, name, RBCE_CONTAINER_CREATE, ret, err);
}

/* How many processes there may be is said when those of the engine are gone. */
static bool is_late(const char *key)
{
	return after_prefix(key, "pids.") != NULL;
}

static int set_limits(const struct restoration *order, bool late, struct rbce_error *err)
{
	const char *record;
	size_t i = 0;
	int r = 0;

	while (r == 0 && (record = rbce_manifest_next(order->manifest, "limit", &i))) {
		CLEANUP(rbce_container_close_p) struct rbce_container *c = NULL;
		const struct controller_key *key;
		struct rbce_error why;
		struct limit limit;

		if (!split_limit(record, &limit))
			return rbce_error_set(err, -EBADMSG, "cannot use limit '%s' of the image",
					      record);
		if (is_late(limit.key) != late)
			continue;
		key = controller_key_find(limit.key);
		r = key ? open_place(order, limit.place, &c, &why)
			: rbce_error_set(&why, -EINVAL, "there is no such key");
		if (r == 0)
			r = controller_set(key, c, limit.value, &why);
		if (r < 0)
			rbce_error_set(err, r, "cannot set '%s' to '%s': %s", limit.key,
				       limit.value, why.message);
	}
	return r;
}

static int make_groups(const struct restoration *order, struct rbce_container **ret,
		       struct rbce_error *err)
{
	const char *place;
	size_t i = 0;
	int r = open_place(order, ".", ret, err);

	while (r == 0 && (place = rbce_manifest_next(order->manifest, "group", &i))) {
		struct rbce_container *c = NULL;

		r = open_place(order, place, &c, err);
		rbce_container_close(c);
	}
	return r == 0 ? set_limits(order, false, err) : r;
}

static int ready(struct rbce_container *c, void *data, struct rbce_error *err)
{
	(void)c;
	return set_limits(data, true, err);
}

/* What no rule has placed stays out of the hands of rules. */
static void hold(const struct restoration *order, const pid_t *pids, size_t n)
{
	bool moved = !streq(order->name, rbce_manifest_get(order->manifest, "container"));

	for (size_t i = 0; i < n && (moved || !rbce_manifest_get(order->manifest, "rule")); i++)
		space_hold(order->root, order->name, pids[i]);
}

/* ---- the keeper: parent of what is restored, and the one that takes the container away ---- */

struct kept {
	struct claim claim;
	struct rbce_container *c;
	pid_t *pids; /* of its first processes */
	size_t n;
	pid_t bringer; /* of its memory, 0 for none */
};

static int claim(const struct restoration *order, struct claim *ret, struct rbce_error *err)
{
	int r = claim_make(order->all.h, order->name, ret);

	if (r == -EBUSY)
		return rbce_error_set(err, r, "cannot restore '%s': there is one", order->name);
	return r < 0 ? rbce_error_errno(err, r, "cannot restore '%s'", order->name) : 0;
}

/* MEMORY is where it is to be asked for, 0 for an image that has it. */
static int bring_back(struct restoration *order, int memory, struct kept *kept,
		      struct rbce_error *err)
{
	const struct rbce_restore_order restore = {
		.dir = order->dir,
		.manifest = order->manifest,
		.log = order->log,
		.ready = ready,
		.data = order,
	};
	int r = make_groups(order, &kept->c, err);

	if (r == 0 && memory)
		r = rbce_restore_memory(&restore, memory, &kept->bringer, err);
	if (r == 0)
		r = rbce_restore(kept->c, &restore, &kept->pids, &kept->n, err);
	if (r == 0 && order->still) {
		r = rbce_container_freeze(kept->c, err);
		if (r < 0)
			rbce_container_kill(kept->c, NULL);
	}
	if (r == 0)
		hold(order, kept->pids, kept->n);
	if (r < 0 && kept->bringer)
		kill(kept->bringer, SIGKILL);
	return r;
}

static void take_away(struct kept *kept)
{
	claim_made(&kept->claim);
	if (kept->c)
		controller_remove(kept->c, NULL);
	claim_let_go(&kept->claim);
}

/* Its memory was brought, or not: then it is nothing to run on. */
static void brought(struct rbce_container *c, int status, int link)
{
	bool whole = WIFEXITED(status) && WEXITSTATUS(status) == 0;

	if (!whole)
		rbce_container_kill(c, NULL);
	keeper_tell(link, whole ? KEEPER_RUNS : KEEPER_FAILED, whole ? 0 : -EIO,
		    whole ? "" : "its memory did not follow");
	close(link);
}

static void keep(struct kept *kept, int link)
{
	int status = 0;
	pid_t pid;

	claim_made(&kept->claim);
	space_leave();
	do {
		pid = wait(&status);
		if (pid > 0 && pid == kept->bringer)
			brought(kept->c, status, link);
	} while (pid > 0 || errno == EINTR);
}

__attribute__((noreturn)) static void keeper(struct restoration *order, int link)
{
	struct kept kept = {.claim.fd = -1};
	struct rbce_error err = {0};
	int memory = order->memory[1], r;

	setsid();
	if (order->link)
		close(order->link);
	if (order->memory[0])
		close(order->memory[0]);
	r = claim(order, &kept.claim, &err);
	if (r == 0)
		r = bring_back(order, memory, &kept, &err);
	if (memory)
		close(memory);
	/* Who has asked for one that is held still, and is gone, has told nobody of it. */
	if (!keeper_tell(link, r < 0 ? KEEPER_FAILED : KEEPER_RUNS, r < 0 ? r : kept.pids[0],
			 err.message) &&
	    (order->still || memory) && r == 0)
		rbce_container_kill(kept.c, NULL);
	if (!kept.bringer)
		close(link);
	if (order->lock)
		close(order->lock);
	if (r == 0)
		keep(&kept, link);
	take_away(&kept);
	_exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

static int hear_keeper(const struct restoration *order, int *ret, struct rbce_error *err)
{
	struct keeper_word word;
	ssize_t n;

	do
		n = recv(order->keeper, &word, sizeof(word), 0);
	while (n < 0 && errno == EINTR);
	if (n != sizeof(word))
		return rbce_error_set(err, -EPIPE,
				      "cannot restore container '%s': its keeper ended",
				      order->name);
	*ret = word.value;
	return word.what == KEEPER_FAILED ? rbce_error_set(err, word.value, "%s", word.text) : 0;
}

static int start_keeper(struct restoration *order, struct rbce_error *err)
{
	int link[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link) < 0)
		return rbce_error_errno(err, -errno, "cannot make a socket");
	pid = fork();
	if (pid == 0) {
		close(link[0]);
		keeper(order, link[1]);
	}
	close(link[1]);
	order->keeper = link[0];
	if (order->memory[1]) {
		close(order->memory[1]);
		order->memory[1] = 0;
	}
	return pid < 0 ? rbce_error_errno(err, -errno, "cannot fork") : 0;
}

/* ---- from an image to a container ---- */

int restoration_begin(struct restoration *order, struct rbce_error *err)
{
	int r = rbce_checkpoint_available(err);

	return r < 0 ? r : containers_open(order->root, &order->all, err);
}

/* Nothing may be there that would be mixed with what is restored. */
static int check_name(struct restoration *order, struct rbce_error *err)
{
	CLEANUP(rbce_container_close_p) struct rbce_container *c = NULL;
	bool empty = true;
	int r = rbce_container_open(order->all.h, order->name, 0, &c, err);

	if (r == 0)
		r = rbce_container_is_empty(c, &empty, err);
	if (r == 0 && !empty)
		return rbce_error_set(
			err, -EBUSY,
			"cannot restore '%s': that container has processes; end them, "
			"or use --as",
			order->name);
	return r == -ENOENT ? 0 : r;
}

int restoration_check(struct restoration *order, const char *as, struct rbce_error *err)
{
	int r;

	order->name = as ?: rbce_manifest_get(order->manifest, "container");
	if (!order->name)
		return rbce_error_set(err, -EBADMSG, "cannot restore: the image has no container");
	r = check_name(order, err);
	return r < 0 ? r : rbce_restore_check(order->all.root, order->manifest, err);
}

/* What the engine has said is kept where something went wrong. */
static void messages_done(const struct restoration *order, int r)
{
	if (r == 0)
		file_remove_tree(order->log);
	else
		log_info("the engine's messages are in %s", order->log);
}

int restoration_start(struct restoration *order, struct rbce_error *err)
{
	snprintf(order->log, sizeof(order->log), "/tmp/rbcectl-restore-XXXXXX");
	if (!mkdtemp(order->log))
		return rbce_error_errno(err, -errno, "cannot make '%s'", order->log);
	return start_keeper(order, err);
}

int restoration_hear(struct restoration *order, pid_t *ret_pid, struct rbce_error *err)
{
	int r = hear_keeper(order, ret_pid, err);

	if (r < 0 || !order->memory[0])
		messages_done(order, r);
	return r;
}

int restoration_run(struct restoration *order, pid_t *ret_pid, struct rbce_error *err)
{
	int r = restoration_start(order, err);

	return r == 0 ? restoration_hear(order, ret_pid, err) : r;
}

bool restoration_is_followed(const struct restoration *order)
{
	const char *option;
	size_t i = 0;

	while ((option = rbce_manifest_next(order->manifest, "option", &i)))
		if (streq(option, "post-copy"))
			return true;
	return false;
}

int restoration_wait(struct restoration *order, struct rbce_error *err)
{
	int nothing, r = hear_keeper(order, &nothing, err);

	messages_done(order, r);
	return r;
}

void restoration_done(struct restoration *order)
{
	if (order->keeper)
		close(order->keeper);
	for (size_t i = 0; i < ARRAY_SIZE(order->memory); i++)
		if (order->memory[i])
			close(order->memory[i]);
	rbce_manifest_free(order->manifest);
	containers_close(&order->all);
}

/* ---- the command ---- */

static int from_directory(struct restoration *order, struct rbce_error *err)
{
	int r = rbce_checkpoint_verify(order->dir, err);

	return r < 0 ? r : rbce_manifest_read(order->dir, &order->manifest, err);
}

static int from_stream(struct restoration *order, struct rbce_error *err)
{
	int fds[2] = {STDIN_FILENO, -1};
	const struct rbce_stream stream = rbce_stream_fds(fds);
	struct rbce_error why = {0};
	int r = rbce_stream_receive(&stream, order->dir, &order->manifest, &why);

	return r < 0 ? rbce_error_set(err, r, "cannot restore from the stream: %s", why.message)
		     : 0;
}

static int restore(struct restoration *order, bool stream, const char *name, const char *as,
		   pid_t *ret_pid, struct rbce_error *err)
{
	const char *own;
	int r = restoration_begin(order, err);

	if (r == 0)
		r = stream ? from_stream(order, err) : from_directory(order, err);
	if (r < 0)
		return r;
	own = rbce_manifest_get(order->manifest, "container");
	if (!own || !streq(own, name))
		return rbce_error_set(err, -EINVAL,
				      "cannot restore '%s': the image is of container '%s'; --as "
				      "gives it another name",
				      name, own ?: "");
	r = restoration_check(order, as, err);
	return r < 0 ? r : restoration_run(order, ret_pid, err);
}

/* What is restored from a stream has all of it in its memory then. */
static int restore_stream(struct restoration *order, const char *name, const char *as,
			  pid_t *ret_pid, struct rbce_error *err)
{
	CLEANUP(scratch_done) struct scratch scratch = {0};
	int r = scratch_make(&scratch, err);

	if (r < 0)
		return r;
	order->dir = scratch.path;
	order->lock = scratch.lock;
	return restore(order, true, name, as, ret_pid, err);
}

int command_restore(int argc, char **argv)
{
	struct common common = {.root = "rbce"};
	const char *as = NULL, *from = NULL;
	const struct option_row options[] = {
		COMMON_OPTIONS(common),
		OPTION_TEXT("as", "CONTAINER", "restore it into a container of another name", &as),
		OPTION_TEXT("from", "-", "the image comes on standard input", &from),
		{0},
	};
	const struct command_line line = {
		.usage = "restore [--root NAME] [--as CONTAINER] CONTAINER DIR | --from - "
			 "CONTAINER",
		.about = "Restores a container from the image that 'checkpoint' made: its "
			 "limits first, then its\nprocesses, with their pids.",
		.options = options,
	};
	struct restoration order = {0};
	struct rbce_error err;
	pid_t pid = 0;
	int first = command_parse(&line, argc, argv, 1, 2), r;
	const char *name = argv[first];

	order.root = common.root;
	order.dir = argv[first + 1];
	if (!from == !order.dir || (from && !streq(from, "-"))) {
		log_error("cannot restore '%s': it takes a directory, or '--from -'", name);
		return EXIT_USAGE;
	}
	r = from ? restore_stream(&order, container_operand(name), as, &pid, &err)
		 : restore(&order, false, container_operand(name), as, &pid, &err);
	if (r == 0 && common.json) {
		struct json_object *reply = json_object_new_object();

		json_object_object_add(reply, "container", json_object_new_string(order.name));
		json_object_object_add(reply, "pid", json_object_new_int(pid));
		reply_print(reply);
	}
	restoration_done(&order);
	return r < 0 ? command_failed(&err) : EXIT_SUCCESS;
}
