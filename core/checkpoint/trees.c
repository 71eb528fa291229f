// SPDX-License-Identifier: LGPL-2.1-or-later
/* Trees of processes into the image, in lanes, each by engines of its own; see dump.h. */
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include "dump.h"
#include "util.h"

/* It serves memory, if it is to follow, at a socket whose other end is here. */
int dump_start_engine(struct dump *d, struct worker *w, struct rbce_error *err)
{
	cleanup_close int served = -1;
	int pair[2];

	if (dump_is_followed(d)) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
			return rbce_error_errno(err, -errno, "cannot make a socket");
		if (d->pages >= 0)
			close(d->pages);
		d->pages = pair[0];
		served = pair[1];
	}
	return engine_start(d->guard.link, served > 0 ? served : 0, &w->engine, err);
}

/* ---- memory that follows ---- */

/* What the engine has to say at its socket has an end, whether it was heard or not. */
static void *follow(void *data)
{
	struct dump *d = data;
	const struct rbce_sink *sink = d->order->sink;

	if (sink->follow(sink->data, d->pages, &d->lost) == 0)
		d->lost = (struct rbce_error){0};
	shutdown(d->pages, SHUT_RDWR);
	return NULL;
}

static int begin_following(struct dump *d, struct rbce_error *err)
{
	int r = pthread_create(&d->follower, NULL, follow, d);

	d->follows = r == 0;
	return r ? rbce_error_errno(err, -r, "cannot make a thread") : 0;
}

/* The engine is done. */
static int end_following(struct dump *d, int r, struct rbce_error *err)
{
	engine_stop(&d->workers[0].engine);
	pthread_join(d->follower, NULL);
	d->follows = false;
	return r == 0 && d->lost.code < 0 ? rbce_error_set(err, d->lost.code, "%s", d->lost.message)
					  : r;
}

/*
 * "post-dump": complete before anything ends, since what cannot be written must not cost the
 * container.
 */
static int reached(const char *where, void *data, struct rbce_error *err)
{
	struct dump *d = data;

	if (streq(where, "pre-dump") && !d->still)
		return dump_hold_still(d, err);
	if (streq(where, "post-dump") && d->tasks.trees == 1 && dump_ends(d)) {
		int r = image_finish(&d->image, d->order->manifest, err);

		return r == 0 && dump_is_followed(d) ? begin_following(d, err) : r;
	}
	return 0;
}

/* ---- workers ---- */

static size_t count_workers(const struct dump *d)
{
	return d->lanes.n > WORKERS ? WORKERS : d->lanes.n ?: 1;
}

/* Is the NTH tree for the worker W? */
static bool is_for(const struct dump *d, size_t nth, const struct worker *w)
{
	size_t lane = d->lanes.n ? d->lanes.of_tree[nth] : 0;

	return &d->workers[lane % WORKERS] == w;
}

static bool is_at_work(const struct worker *w)
{
	return w->dir >= 0;
}

/* Can something come in from the network that it would have to answer? */
static bool holds_packets(const struct dump *d, pid_t first)
{
	const struct rbce_root *root = rbce_hierarchy_root(rbce_container_hierarchy(d->c));

	return d->order->flags & RBCE_CHECKPOINT_TCP || record_own_namespace(root, first, "net");
}

static int make_job(struct dump *d, struct worker *w, size_t nth, struct rbce_error *err)
{
	char name[32];
	int r;

	w->job = (struct engine_job){
		.action = ENGINE_DUMP,
		.flags = d->order->flags,
		.work = d->image.fd,
		.log = LOG_FILE,
		.timeout = (unsigned)(dump_deadline(d) / 1000000) + 1,
		.freezer = d->lanes.n ? d->lanes.list[d->lanes.of_tree[nth]].freezer : d->freezer,
		.parent = *d->ahead ? d->ahead : d->order->parent,
		.external = d->order->external,
		.reached = reached,
		.data = d,
	};
	r = dump_name_tree(&d->tasks, nth, &w->job.pid);
	w->job.holds_packets = holds_packets(d, w->job.pid);
	if (!dump_engine_ends(d))
		w->job.flags |= RBCE_CHECKPOINT_LEAVE_FROZEN;
	/* Without this it would not ask which pages were written since. */
	if (w->job.parent)
		w->job.flags |= RBCE_CHECKPOINT_TRACK;
	if (nth > 0) {
		snprintf(w->log, sizeof(w->log), "dump-%zu.log", nth + 1);
		w->job.log = w->log;
	}
	record_tree_dir(nth, d->tasks.trees, name, sizeof(name));
	if (r == 0)
		r = image_open(&d->image, name, &w->dir);
	w->job.images = w->dir;
	return r < 0 ? rbce_error_errno(err, r, "no directory for tree %zu", nth + 1) : 0;
}

static int leave_tree(struct dump *d, struct worker *w, int r)
{
	close(TAKE_FD(w->dir));
	/* What the messages of the first one are for. */
	if (r < 0 && !streq(w->job.log, LOG_FILE))
		renameat(d->image.fd, w->job.log, d->image.fd, LOG_FILE);
	return r;
}

/* The next tree of its lanes, if there is one. An engine is for one dump. */
static int begin_tree(struct dump *d, struct worker *w, struct rbce_error *err)
{
	bool first = w->next == 0;
	int r;

	while (w->next < d->tasks.trees && !is_for(d, w->next, w))
		w->next++;
	if (w->next == d->tasks.trees)
		return 0;
	r = make_job(d, w, w->next++, err);
	if (r < 0)
		return r;
	if (!first)
		engine_stop(&w->engine);
	if (!w->engine.pid)
		r = dump_start_engine(d, w, err);
	if (r == 0)
		r = engine_ask(&w->engine, &w->job, err);
	return r < 0 ? leave_tree(d, w, r) : 0;
}

static int hear_worker(struct dump *d, struct worker *w, struct rbce_error *err)
{
	int r = engine_hear(&w->engine, &w->job, NULL, err);

	if (r > 0)
		return 0;
	if (d->follows)
		r = end_following(d, r, err);
	return leave_tree(d, w, r);
}

/* Waits for a word of one at least; false when none is at work. */
static bool wait_for_workers(struct dump *d, bool ready[static WORKERS])
{
	struct pollfd fds[WORKERS];
	bool some = false;

	for (size_t i = 0; i < WORKERS; i++) {
		fds[i] = (struct pollfd){-1, POLLIN, 0};
		if (is_at_work(&d->workers[i]))
			fds[i].fd = d->workers[i].engine.link;
		some |= fds[i].fd >= 0;
	}
	if (some)
		while (poll(fds, WORKERS, -1) < 0 && errno == EINTR)
			;
	for (size_t i = 0; i < WORKERS; i++)
		ready[i] = some && fds[i].revents;
	return some;
}

/*
 * The first worker's tree is what all is frozen for, and the others begin when that is done. Should
 * one fail nothing is begun any more, and those that are at work are waited for: they have hold of
 * tasks.
 */
int dump_trees(struct dump *d, struct rbce_error *err)
{
	size_t n = count_workers(d);
	struct rbce_error ignored;
	bool ready[WORKERS];
	int r = 0;

	for (size_t i = 0; i < WORKERS; i++)
		d->workers[i].next = 0;
	for (size_t i = 1; r == 0 && i < n; i++)
		if (!d->workers[i].engine.pid)
			r = dump_start_engine(d, &d->workers[i], err);
	for (;;) {
		for (size_t i = 0; r == 0 && i < (d->still ? n : 1); i++)
			if (!is_at_work(&d->workers[i]))
				r = begin_tree(d, &d->workers[i], err);
		if (!wait_for_workers(d, ready))
			return r;
		for (size_t i = 0; i < n; i++) {
			int one = ready[i] ? hear_worker(d, &d->workers[i], r < 0 ? &ignored : err)
					   : 0;

			r = r < 0 ? r : one;
		}
	}
}

void dump_stop_workers(struct dump *d)
{
	for (size_t i = 0; i < WORKERS; i++)
		engine_stop(&d->workers[i].engine);
}
