// SPDX-License-Identifier: GPL-2.0-or-later
/* rbcectl migrate --receive: containers that come from other machines; see migrate.c. */
#include <controllers/controllers.h>
#include <core/cli/log.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "migrate.h"
#include "own.h"
#include "restore.h"
#include "util.h"

DEFINE_CLEANUP(struct peer *, peer_close)

/* How many come at the same time. */
enum { TOGETHER = 16 };

struct arrival {
	struct peer *peer;
	struct rbce_stream stream;
	struct restoration order;
	struct scratch scratch;
};

/* Has this machine all that limits it? Its groups are made for that, and taken away again. */
static int check_keys(struct arrival *a, struct rbce_error *err)
{
	CLEANUP(rbce_container_close_p) struct rbce_container *c = NULL;
	struct rbce_hierarchy *h = a->order.all.h;
	bool was_there = rbce_container_open(h, a->order.name, 0, &c, NULL) == 0;
	const char *record;
	size_t i = 0;
	int r = was_there ? 0
			  : rbce_container_open(h, a->order.name, RBCE_CONTAINER_CREATE, &c, err);

	if (r < 0)
		return r;
	while (r == 0 && (record = rbce_manifest_next(a->order.manifest, "limit", &i))) {
		const struct controller_key *key;
		char name[128];

		if (sscanf(record, "%*s %127s", name) != 1)
			continue;
		key = controller_key_find(name);
		if (!key || (!controller_key_is_daemon(key) && !controller_supported(key, c)))
			r = rbce_error_set(err, -EOPNOTSUPP,
					   "there is no '%s' here, which the container has", name);
	}
	if (!was_there)
		controller_remove(c, NULL);
	return r;
}

static int check_definition(struct arrival *a, struct rbce_error *err)
{
	int r = rbce_stream_get_manifest(&a->stream, MIGRATE_DEFINITION, &a->order.manifest, err);

	if (r == 0)
		r = restoration_begin(&a->order, err);
	if (r == 0)
		r = restoration_check(&a->order, NULL, err);
	return r < 0 ? r : check_keys(a, err);
}

/* Takes the image, and looks once more whether it can be restored here. */
static int take_image(struct arrival *a, struct rbce_error *err)
{
	struct rbce_manifest *definition = a->order.manifest;
	int r;

	a->order.manifest = NULL;
	a->order.dir = a->scratch.path;
	a->order.lock = a->scratch.lock;
	r = rbce_stream_receive(&a->stream, a->order.dir, &a->order.manifest, err);
	if (r < 0) {
		/* Its name is in there. */
		a->order.manifest = definition;
		return r;
	}
	rbce_manifest_free(definition);
	return restoration_check(&a->order, NULL, err);
}

/* Is it there? Of one that is not whole nothing is left, also where its keeper was killed; but for
 * the one that is there because another keeps it. */
static int find_restored(struct arrival *a, int r, struct rbce_container **ret,
			 struct rbce_error *err)
{
	if (rbce_container_open(a->order.all.h, a->order.name, 0, ret, r < 0 ? NULL : err) < 0)
		return r < 0 ? r : err->code;
	if (r < 0 && r != -EBUSY)
		rbce_container_kill(*ret, NULL);
	return r;
}

/* It has run for a moment when this is done; the one that it is made of is held still by then. */
static int restore_still(struct arrival *a, struct rbce_container **ret, pid_t *ret_pid,
			 struct rbce_error *err)
{
	int r;

	a->order.still = true;
	r = restoration_run(&a->order, ret_pid, err);
	return find_restored(a, r, ret, err);
}

/* Nobody knows whether it has ended where it came from. */
static int stay_still(const struct arrival *a, struct rbce_container *c, const char *why)
{
	rbce_container_freeze(c, NULL);
	log_error("cannot let container '%s' run: %s; it stays frozen: thaw it if it has ended at "
		  "%s, else kill it",
		  a->order.name, why, peer_name(a->peer));
	return EXIT_FAILURE;
}

static int give_back(const struct arrival *a, struct rbce_container *c)
{
	log_error("cannot take container '%s': %s takes it back", a->order.name,
		  peer_name(a->peer));
	rbce_container_kill(c, NULL);
	return EXIT_FAILURE;
}

/* Whose is it now? */
static int settle(struct arrival *a, struct rbce_container *c, pid_t pid)
{
	const char *name = a->order.name, *peer = peer_name(a->peer);
	struct rbce_error err = {0};
	char word[16];
	int r = peer_say(a->peer, &err, "restored %d", pid);

	if (r == 0)
		r = peer_hear(a->peer, word, sizeof(word), &err);
	if (r == 0 && streq(word, "yours")) {
		r = rbce_container_thaw(c, &err);
		if (r < 0)
			return command_failed(&err);
		peer_say(a->peer, NULL, "runs");
		log_info("container '%s' from %s runs", name, peer);
		return EXIT_SUCCESS;
	}
	return r == 0 ? give_back(a, c) : stay_still(a, c, err.message);
}

/* ---- memory that follows ---- */

struct relay {
	struct arrival *a;
	pthread_t thread;
	struct rbce_error err;
};

static void *run_relay(void *data)
{
	struct relay *relay = data;

	if (peer_relay(relay->a->peer, relay->a->order.memory[0], &relay->err) == 0)
		relay->err.code = 0;
	/* What asks hears the end of it. */
	shutdown(relay->a->order.memory[0], SHUT_RDWR);
	return NULL;
}

/* Until it has its memory, or has none. */
static int wait_for_memory(struct arrival *a, uint64_t *ret_time, struct rbce_error *err)
{
	uint64_t began = monotonic_usec();
	pid_t pid;
	int r = restoration_hear(&a->order, &pid, err);

	*ret_time = monotonic_usec() - began;
	if (r == 0) {
		log_info("container '%s' from %s runs", a->order.name, peer_name(a->peer));
		r = restoration_wait(&a->order, err);
	}
	if (r < 0)
		shutdown(a->order.memory[0], SHUT_RDWR);
	return r;
}

/* Runs, and has its memory, when this is done. */
static int restore_running(struct arrival *a, struct rbce_container **ret, uint64_t *ret_time,
			   struct rbce_error *err)
{
	struct relay relay = {.a = a};
	struct rbce_error why;
	int r, started;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, a->order.memory) < 0)
		return rbce_error_errno(err, -errno, "cannot make a socket");
	r = restoration_start(&a->order, err);
	if (r < 0)
		return r;
	r = peer_say(a->peer, err, "memory %llu", (unsigned long long)peer_patience_of(a->peer));
	/* Nothing else may be said until it ends. */
	if (r == 0) {
		started = -pthread_create(&relay.thread, NULL, run_relay, &relay);
		if (started < 0)
			r = rbce_error_errno(err, started, "cannot make a thread");
	}
	if (r < 0) {
		shutdown(a->order.memory[0], SHUT_RDWR);
		wait_for_memory(a, ret_time, &why);
		return find_restored(a, r, ret, err);
	}
	r = wait_for_memory(a, ret_time, err);
	pthread_join(relay.thread, NULL);
	/* It is the reason of what went wrong here. */
	if (relay.err.code < 0)
		r = rbce_error_set(err, relay.err.code, "%s", relay.err.message);
	return find_restored(a, r, ret, err);
}

static int settle_running(struct arrival *a, struct rbce_container *c, uint64_t time)
{
	struct rbce_error err = {0};
	char word[16];
	int r = peer_say(a->peer, &err, "whole %llu", (unsigned long long)time);

	if (r == 0)
		r = peer_hear(a->peer, word, sizeof(word), &err);
	if (r < 0)
		return stay_still(a, c, err.message);
	if (!streq(word, "gone"))
		return give_back(a, c);
	log_info("container '%s' from %s has its memory", a->order.name, peer_name(a->peer));
	return EXIT_SUCCESS;
}

/* What is still on its way is taken, or the answer would be lost with the connection. */
static void hear_out(struct arrival *a)
{
	char rest[4096];

	while (a->stream.read(a->peer, rest, sizeof(rest), NULL) > 0)
		;
}

static int take(struct arrival *a)
{
	CLEANUP(rbce_container_close_p) struct rbce_container *c = NULL;
	struct rbce_error err = {0};
	uint64_t time = 0;
	bool followed;
	pid_t pid = 0;
	int r = check_definition(a, &err);

	if (r < 0) {
		peer_say(a->peer, NULL, "refused %.900s", err.message);
		log_error("cannot take a container from %s: %s", peer_name(a->peer), err.message);
		return EXIT_FAILURE;
	}
	r = peer_say(a->peer, &err, "accepted");
	if (r == 0)
		r = take_image(a, &err);
	followed = r == 0 && restoration_is_followed(&a->order);
	if (r == 0)
		r = followed ? restore_running(a, &c, &time, &err)
			     : restore_still(a, &c, &pid, &err);
	if (r == 0)
		return followed ? settle_running(a, c, time) : settle(a, c, pid);
	peer_say(a->peer, NULL, "failed %.900s", err.message);
	hear_out(a);
	log_error("cannot take container '%s' from %s: %s", a->order.name ?: "?",
		  peer_name(a->peer), err.message);
	return EXIT_FAILURE;
}

static int receive(const char *root, int fd, const struct migrate_options *options)
{
	CLEANUP(peer_close_p) struct peer *peer = NULL;
	struct arrival a = {.order = {.root = root, .link = fd}};
	struct rbce_error err = {0};
	int r = peer_accept(&options->files, fd, &peer, &err);

	if (r == 0)
		r = scratch_make(&a.scratch, &err);
	if (r < 0)
		return command_failed(&err);
	peer_patience(peer, options->patience);
	a.peer = peer;
	a.stream = peer_stream(peer);
	r = peer_say(peer, &err, "ready");
	r = r < 0 ? command_failed(&err) : take(&a);
	restoration_done(&a.order);
	scratch_done(&a.scratch);
	return r;
}

/* Each in a process of its own: what goes wrong with one is nothing to the others. */
static int serve(const char *root, int listener, const struct migrate_options *options)
{
	unsigned n = 0;

	for (;;) {
		int fd, status = 0;
		pid_t pid;

		while (n > 0 && waitpid(-1, &status, n < TOGETHER ? WNOHANG : 0) > 0)
			n--;
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0 && errno == EINTR)
			continue;
		if (fd < 0) {
			log_error("cannot take a connection: %s", strerror(errno));
			return EXIT_FAILURE;
		}
		pid = fork();
		if (pid == 0) {
			close(listener);
			exit(receive(root, fd, options));
		}
		close(fd);
		if (pid < 0)
			log_error("cannot take a container: %s", strerror(errno));
		else
			n++;
		if (options->once && pid > 0) {
			waitpid(pid, &status, 0);
			return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
		}
	}
}

int migrate_receive(const char *root, const char *address, const struct migrate_options *options)
{
	struct rbce_error err;
	int listener, r;

	r = peer_listen(address, &listener, &err);
	if (r < 0)
		return command_failed(&err);
	scratch_clean();
	log_info("containers are taken at %s", address);
	r = serve(root, listener, options);
	close(listener);
	return r;
}
