// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rbcectl migrate: a container to another machine, while it runs.
 *
 *   here                                    there
 *                                      <-   "ready"
 *   definition (a manifest)            ->
 *                                      <-   "accepted", or "refused WHY"
 *   memory, copied ahead; the rest     ->
 *                                      <-   "restored PID", or "failed WHY"
 *   "yours", or "back"                 ->
 *                                      <-   "runs"
 *
 * What goes over is an image as a stream. It is restored there and held still; what is here ends
 * when that is told, and then the one there goes on. Should the line break in between, it stays
 * still there, and nothing is lost, nor is anything there twice; it takes a word of somebody who
 * knows which of the two goes on.
 *
 * With --post-copy it is restored, and runs, there before its memory has come; what is here stays
 * still:
 *
 *   the rest, without memory           ->
 *                                      <-   "memory PATIENCE", in microseconds, or "failed WHY"
 *   what is asked, and memory          <->
 *                                      <-   "whole TIME" that it took to run, or "failed WHY"
 *   "gone"                             ->
 *
 * Should the line break before "whole", it ends there when PATIENCE is over, and what is here goes
 * on from where it stood, later than that: it never runs twice.
 */
#include <core/cli/log.h>
#include <errno.h>
#include <rbce/units.h>

#include "checkpoint.h"
#include "migrate.h"
#include "own.h"
#include "restore.h"
#include "util.h"

struct migration {
	const char *root, *name;
	struct peer *peer;
	struct rbce_stream stream;
	bool post_copy;
	uint64_t handed; /* when it ran there, as far as is known */
};

/* It says WORD and what follows, to REST if that is not NULL, or its reason, to ERR. */
static int hear_rest(const struct migration *m, const char *word, char *rest, size_t size,
		     struct rbce_error *err)
{
	char line[RBCE_ERROR_SIZE];
	const char *why;
	int r = peer_hear(m->peer, line, sizeof(line), err);

	if (r < 0)
		return r;
	why = after_prefix(line, word);
	if (why) {
		snprintf(rest, size, "%s", why);
		return 0;
	}
	why = after_prefix(line, "refused ") ?: after_prefix(line, "failed ") ?: line;
	return rbce_error_set(err, -ECONNREFUSED, "%s answers: %.800s", peer_name(m->peer), why);
}

static int hear(const struct migration *m, const char *word, struct rbce_error *err)
{
	return hear_rest(m, word, NULL, 0, err);
}

/* ---- before anything is done ---- */

static int send_definition(const struct migration *m, const struct checkpoint_wish *asked,
			   struct rbce_error *err)
{
	CLEANUP(containers_close) struct containers all = {0};
	CLEANUP(rbce_manifest_free_p) struct rbce_manifest *definition = rbce_manifest_new();
	CLEANUP(rbce_container_close_p) struct rbce_container *c = NULL;
	const struct rbce_checkpoint_order order = {
		.flags = checkpoint_flags(asked),
		.external = asked->external,
		.manifest = definition,
	};
	cleanup_free char *text = NULL;
	size_t size;
	int r = definition ? containers_open(m->root, &all, err)
			   : rbce_error_errno(err, -ENOMEM, "cannot describe it");

	if (r == 0)
		r = rbce_container_open(all.h, m->name, 0, &c, err);
	if (r == 0)
		r = checkpoint_describe(definition, m->root, all.h, c, err);
	if (r == 0)
		r = rbce_checkpoint_describe(c, &order, err);
	if (r < 0)
		return r;
	r = rbce_manifest_text(definition, &text, &size);
	if (r < 0)
		return rbce_error_errno(err, r, "cannot describe it");
	r = rbce_stream_put_text(&m->stream, MIGRATE_DEFINITION, text, size, err);
	return r < 0 ? r : hear(m, "accepted", err);
}

/* ---- the way that the image goes ---- */

static int put(void *data, const char *name, int fd, struct rbce_error *err)
{
	struct migration *m = data;

	/* Why it wants no more. */
	if (peer_spoke(m->peer))
		return hear(m, "nothing", err);
	return rbce_stream_put(&m->stream, name, fd, err);
}

/* It asks for memory from here on, and gives up before anything goes on here. */
static int begin_memory(struct migration *m, struct rbce_error *err)
{
	char rest[32];
	int r = hear_rest(m, "memory", rest, sizeof(rest), err);
	uint64_t patience = r < 0 ? 0 : 2 * strtoull(rest, NULL, 10);

	m->handed = monotonic_usec();
	if (patience > peer_patience_of(m->peer))
		peer_patience(m->peer, patience);
	return r;
}

/* What is here may end only when it is all there. */
static int arrive(void *data, struct rbce_error *err)
{
	struct migration *m = data;
	int r = rbce_stream_end(&m->stream, err);

	if (r < 0)
		return r;
	return m->post_copy ? begin_memory(m, err) : hear(m, "restored", err);
}

/* Of what is here nothing has to stay any more when this is done. */
static int follow(void *data, int socket, struct rbce_error *err)
{
	struct migration *m = data;
	char rest[32];
	int r = peer_relay(m->peer, socket, err);

	if (r == 0)
		r = hear_rest(m, "whole", rest, sizeof(rest), err);
	if (r == 0)
		m->handed += strtoull(rest, NULL, 10);
	return r;
}

/* It has ended here. */
static int hand_over(struct migration *m, struct rbce_error *err)
{
	int r = peer_say(m->peer, err, m->post_copy ? "gone" : "yours");

	if (r == 0 && !m->post_copy) {
		r = hear(m, "runs", err);
		m->handed = monotonic_usec();
	}
	return r;
}

static int print(const struct migration *m, uint64_t pause, bool json,
		 const struct rbce_checkpoint_figures *figures)
{
	char paused[RBCE_UNITS_SIZE];
	struct json_object *reply;

	if (!json) {
		printf("container '%s' runs at %s: it stood still for %s", m->name,
		       peer_name(m->peer), rbce_format_duration(pause, paused));
		return checkpoint_end_line(figures);
	}
	reply = json_object_new_object();
	json_object_object_add(reply, "container", json_object_new_string(m->name));
	json_object_object_add(reply, "peer", json_object_new_string(peer_name(m->peer)));
	json_object_object_add(reply, "paused_us", json_object_new_uint64(pause));
	return checkpoint_end_reply(reply, figures);
}

static int send_image(struct migration *m, struct checkpoint_wish wish, uint64_t *ret_pause,
		      struct rbce_checkpoint_figures *ret, struct rbce_error *err)
{
	CLEANUP(scratch_done) struct scratch scratch = {0};
	const struct rbce_sink sink = {.put = put, .finish = arrive, .follow = follow, .data = m};
	uint64_t ended;
	int r;

	wish.sink = &sink;
	r = checkpoint_send(m->root, m->name, &wish, &scratch, ret, err);
	ended = monotonic_usec();
	if (r < 0) {
		peer_say(m->peer, NULL, "back");
		return r;
	}
	r = hand_over(m, err);
	*ret_pause = ret->frozen + m->handed - ended;
	return r;
}

static int migrate(struct migration *m, const struct migrate_options *options, const char *address,
		   bool json)
{
	struct rbce_checkpoint_figures figures;
	struct rbce_error err;
	uint64_t pause = 0;
	int r = peer_connect(&options->files, address, &m->peer, &err);

	if (r == 0) {
		peer_patience(m->peer, options->patience);
		m->stream = peer_stream(m->peer);
		r = hear(m, "ready", &err);
	}
	if (r == 0)
		r = send_definition(m, &options->wish, &err);
	if (r < 0) {
		log_error("cannot migrate container '%s': %s", m->name, err.message);
		peer_close(m->peer);
		return EXIT_FAILURE;
	}
	r = send_image(m, options->wish, &pause, &figures, &err);
	r = r < 0 ? command_failed(&err) : print(m, pause, json, &figures);
	peer_close(m->peer);
	return r;
}

/* ---- the command ---- */

static int parse_time(const char *argument, void *data)
{
	if (rbce_parse_duration(argument, data) == 0 && *(uint64_t *)data > 0)
		return 0;
	log_error("cannot use '%s': it is no time", argument);
	return -EINVAL;
}

int command_migrate(int argc, char **argv)
{
	struct common common = {.root = "rbce"};
	struct migrate_options asked = {
		.patience = 300 * 1000000ULL,
		.wish = {.ahead = true, .rounds = 5, .bound = 4 << 20},
	};
	bool receive = false, direct = false, post_copy = false;
	const struct option_row options[] = {
		COMMON_OPTIONS(common),
		OPTION_FLAG("receive", "wait for containers, at ADDRESS:PORT", &receive),
		OPTION_TEXT("cert", "FILE", "this side's certificate", &asked.files.cert),
		OPTION_TEXT("key", "FILE", "its key", &asked.files.key),
		OPTION_TEXT("authority", "FILE", "who the other side's has to be signed by",
			    &asked.files.authority),
		OPTION_FLAG("once", "with --receive: only the first one", &asked.once),
		OPTION_FLAG("direct", "copy no memory ahead", &direct),
		OPTION_FLAG("post-copy", "let it run there at once; its memory follows",
			    &post_copy),
		OPTION_FLAG("tcp-established", "with its connections", &asked.wish.tcp),
		OPTION_FLAG("file-locks", "with its locks on files", &asked.wish.locks),
		OPTION_PARSED("patience", "TIME",
			      "how long the other side may take to answer (default 5min)",
			      parse_time, &asked.patience),
		{0},
	};
	const struct command_line line = {
		.usage = "migrate [OPTION...] CONTAINER HOST:PORT | --receive [OPTION...] "
			 "ADDRESS:PORT",
		.about = "Takes a container to another machine, where 'migrate --receive' waits "
			 "for it. Both show a\ncertificate. Whatever fails, it runs on here.",
		.options = options,
	};
	int first = command_parse(&line, argc, argv, 1, 2);
	struct migration m = {.root = common.root};

	if (!asked.files.cert || !asked.files.key || !asked.files.authority) {
		log_error("cannot migrate: it takes --cert, --key and --authority");
		return EXIT_USAGE;
	}
	if (receive != !argv[first + 1]) {
		log_error("cannot migrate '%s': it takes a container and HOST:PORT, or --receive "
			  "and ADDRESS:PORT",
			  argv[first]);
		return EXIT_USAGE;
	}
	if (receive)
		return migrate_receive(common.root, argv[first], &asked);
	if (post_copy && asked.wish.tcp) {
		log_error("cannot migrate '%s': of --post-copy and --tcp-established it takes one",
			  argv[first]);
		return EXIT_USAGE;
	}
	asked.wish.ahead = !direct && !post_copy;
	asked.wish.post_copy = m.post_copy = post_copy;
	m.name = container_operand(argv[first]);
	return migrate(&m, &asked, argv[first + 1], common.json);
}
