// SPDX-License-Identifier: LGPL-2.1-or-later
/* A container into an image: freeze, dump, then thaw or end; see rbce/checkpoint.h. */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "container.h"
#include "engine.h"
#include "file.h"
#include "guard.h"
#include "image.h"
#include "lanes.h"
#include "record.h"
#include "util.h"

enum { DEADLINE = 10 * 1000000, WORKERS = 8 };
#define LEAVE (RBCE_CHECKPOINT_LEAVE_RUNNING | RBCE_CHECKPOINT_LEAVE_FROZEN)

/* An engine, and the tree that it is at. */
struct worker {
	struct engine engine;
	struct engine_job job;
	char log[32];
	int dir;     /* of that tree's files; -1: it is at none */
	size_t next; /* the first tree that it has not looked at */
};

struct dump {
	struct rbce_container *c;
	const struct rbce_checkpoint_order *order;
	char ahead[32]; /* directory of the last round that copied memory ahead, or empty */
	struct image image;
	struct guard guard;
	struct record_tasks tasks;
	struct lanes lanes;
	char freezer[PATH_MAX];
	char version[64];
	/* One for each lane; the first is there from the beginning. */
	struct worker workers[WORKERS];
	/* Memory that follows: this end of the socket that the engine serves it at. */
	int pages;
	pthread_t follower;
	bool follows;
	struct rbce_error lost; /* why it did not */
	bool still;
	uint64_t began; /* when it was frozen */
};

static uint64_t deadline_of(const struct rbce_checkpoint_order *order)
{
	return order->deadline ?: DEADLINE;
}

/* The directory of the group that holds all tasks still, which the engine has to know of: it would
 * wait for ever for one that is held. */
static int find_freezer(struct dump *d, struct rbce_error *err)
{
	int r = container_freezer(d->c, d->freezer, sizeof(d->freezer));

	return r < 0 ? rbce_error_errno(err, r, "cannot freeze container '%s'",
					rbce_container_name(d->c))
		     : 0;
}

/* Do its processes end with the checkpoint? */
static bool ends(const struct dump *d)
{
	return !(d->order->flags & LEAVE);
}

/* Does their memory stay here until it has followed them? */
static bool is_followed(const struct dump *d)
{
	return d->order->flags & RBCE_CHECKPOINT_POST_COPY;
}

/* Does the engine end them? It does as soon as it is done, so of several none may end before all
 * are in the image, and none before it is known that its memory has arrived. */
static bool engine_ends(const struct dump *d)
{
	return ends(d) && d->tasks.trees == 1 && !is_followed(d);
}

/*
 * On v1 a task that the freezer holds does not die, so where they are to end the engine freezes
 * them by itself.
 */
static bool freezes(const struct dump *d)
{
	return hierarchy_unified_index(d->c->h) >= 0 || !engine_ends(d);
}

/* It serves memory, if it is to follow, at a socket whose other end is here. */
static int start_engine(struct dump *d, struct worker *w, struct rbce_error *err)
{
	cleanup_close int served = -1;
	int pair[2];

	if (is_followed(d)) {
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

static int name_tree(const struct record_tasks *tasks, size_t nth, pid_t *ret)
{
	for (size_t i = 0; i < tasks->n; i++)
		if (tasks->list[i].first && nth-- == 0) {
			*ret = tasks->list[i].pid;
			return 0;
		}
	return -ESRCH;
}

static int add_options(struct rbce_manifest *m, const struct dump *d)
{
	const struct rbce_checkpoint_order *order = d->order;
	static const struct {
		unsigned flag;
		const char *name;
	} options[] = {
		{RBCE_CHECKPOINT_TCP, "tcp-established"}, {RBCE_CHECKPOINT_LOCKS, "file-locks"},
		{RBCE_CHECKPOINT_SHELL, "shell-job"},     {RBCE_CHECKPOINT_UNIX, "ext-unix-sk"},
		{RBCE_CHECKPOINT_POST_COPY, "post-copy"},
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(options); i++)
		if (order->flags & options[i].flag)
			r = rbce_manifest_add(m, "option", "%s", options[i].name);
	for (size_t i = 0; r == 0 && order->external && order->external[i]; i++)
		r = rbce_manifest_add(m, "external", "%s", order->external[i]);
	return r < 0 || !order->parent ? r : rbce_manifest_add(m, "parent", "%s", order->parent);
}

static int cannot_describe(const struct dump *d, int r, struct rbce_error *err)
{
	return r < 0 ? rbce_error_errno(err, r, "cannot describe container '%s'",
					rbce_container_name(d->c))
		     : 0;
}

/* What does not change while it runs. */
static int record_before(struct dump *d, struct rbce_error *err)
{
	struct rbce_manifest *m = d->order->manifest;
	int r = record_machine(m, rbce_hierarchy_root(d->c->h));

	return cannot_describe(d, r == 0 ? add_options(m, d) : r, err);
}

static int record_engine(struct dump *d, struct rbce_error *err)
{
	return cannot_describe(d, rbce_manifest_add(d->order->manifest, "engine", "%s", d->version),
			       err);
}

/* ---- copying ahead ---- */

/* Memory as it is now, into a directory of the image; what the last round has and did not change
 * since is left out. */
static int copy_round(struct dump *d, unsigned nth, uint64_t *ret_pages, struct rbce_error *err)
{
	cleanup_free char *parent = NULL;
	cleanup_close int dir = -1;
	char name[sizeof(d->ahead)];
	struct engine_job job = {
		.action = ENGINE_PRE_DUMP,
		.flags = d->order->flags | RBCE_CHECKPOINT_TRACK,
		.work = d->image.fd,
		.log = LOG_FILE,
		.freezer = d->freezer,
		.external = d->order->external,
	};
	struct engine *engine = &d->workers[0].engine;
	const char *before = *d->ahead ? d->ahead : d->order->parent;
	int r = name_tree(&d->tasks, 0, &job.pid);

	snprintf(name, sizeof(name), ROUND "%u", nth);
	if (r == 0 && before && asprintf(&parent, "../%s", before) < 0)
		r = -ENOMEM;
	if (r == 0)
		r = image_open(&d->image, name, &dir);
	if (r < 0)
		return rbce_error_errno(err, r, "no directory for round %u", nth);
	job.images = dir;
	job.parent = parent;
	r = engine_ask(engine, &job, err);
	if (r == 0)
		r = engine_hear(engine, &job, NULL, err);
	if (r < 0)
		return r;
	*ret_pages = image_pages(dir);
	snprintf(d->ahead, sizeof(d->ahead), "%s", name);
	r = rbce_manifest_add(d->order->manifest, "round", "%s %llu", name,
			      (unsigned long long)*ret_pages);
	return r < 0 ? rbce_error_errno(err, r, "no manifest")
		     : image_add(&d->image, name, d->order->manifest, err);
}

static int copy_ahead(struct dump *d, struct rbce_checkpoint_figures *ret, struct rbce_error *err)
{
	uint64_t pages = 0, last;
	int r = 0;

	do {
		last = pages;
		r = copy_round(d, ++ret->rounds, &pages, err);
		ret->ahead += pages;
		/* Hardly less: it writes as fast as this copies. */
	} while (r == 0 && ret->rounds < d->order->rounds && pages > d->order->bound &&
		 (ret->rounds == 1 || pages < last - last / 10));
	return r;
}

/* Those that the kernel waits for are in the midst of something that cannot be cut short. */
static int cannot_freeze(struct rbce_container *c, struct rbce_error *err)
{
	const struct rbce_root *root = rbce_hierarchy_root(c->h);
	CLEANUP(record_tasks_done) struct record_tasks tasks = {0};

	record_tasks(c, &tasks, NULL);
	for (size_t i = 0; i < tasks.n; i++) {
		char path[64], text[512], *state;

		snprintf(path, sizeof(path), "proc/%d/stat", tasks.list[i].pid);
		if (file_read_at(rbce_root_fd(root), path, text, sizeof(text)) < 0)
			continue;
		state = strrchr(text, ')');
		if (state && after_prefix(state, ") D"))
			return rbce_error_set(err, -ETIMEDOUT,
					      "process %d (%s) does not stop: it waits for a disk "
					      "or a server",
					      tasks.list[i].pid, tasks.list[i].comm);
	}
	return rbce_error_set(err, -ETIMEDOUT, "its processes do not stop in time");
}

static int freeze(struct dump *d, struct rbce_error *err)
{
	int r;

	d->began = monotonic_usec();
	if (!freezes(d))
		return 0;
	r = container_freeze_within(d->c, (int)(deadline_of(d->order) / 1000));
	if (r == -ETIMEDOUT)
		return cannot_freeze(d->c, err);
	return r < 0 ? rbce_error_errno(err, r, "it cannot be frozen") : 0;
}

/* Are the first processes of the trees those that the engines were told of? */
static bool same_trees(const struct record_tasks *a, const struct record_tasks *b)
{
	pid_t one = 0, other = 0;

	if (a->trees != b->trees)
		return false;
	for (size_t i = 0; i < a->trees; i++)
		if (name_tree(a, i, &one) < 0 || name_tree(b, i, &other) < 0 || one != other)
			return false;
	return true;
}

static int find_lanes(struct dump *d, struct rbce_error *err)
{
	int r = lanes_find(d->c, &d->tasks, &d->lanes);

	return r < 0 ? rbce_error_errno(err, r, "cannot list its trees") : 0;
}

static int hold_lanes(struct dump *d, struct rbce_error *err)
{
	int r = lanes_hold(&d->lanes, d->c, &d->guard);

	return r < 0 ? rbce_error_errno(err, r, "it cannot be frozen") : 0;
}

/* The engines are up, and have touched nothing: from here on it stands still. */
static int hold_still(struct dump *d, struct rbce_error *err)
{
	CLEANUP(record_tasks_done) struct record_tasks before = d->tasks;
	CLEANUP(lanes_done) struct lanes lanes_before = d->lanes;
	int r = freeze(d, err);

	d->tasks = (struct record_tasks){0};
	d->lanes = (struct lanes){0};
	/* What has come and gone until now is in no list. */
	if (r == 0)
		r = record_tasks(d->c, &d->tasks, err);
	if (r < 0)
		return r;
	d->still = true;
	r = record_container(d->order->manifest, d->c, &d->tasks);
	if (r < 0)
		return rbce_error_errno(err, r, "no manifest");
	r = find_lanes(d, err);
	if (r < 0)
		return r;
	return same_trees(&before, &d->tasks) && lanes_same(&lanes_before, &d->lanes)
		       ? hold_lanes(d, err)
		       : rbce_error_set(err, -EAGAIN, "its processes change");
}

/*
 * "post-dump": complete before anything ends, since what cannot be written must not cost the
 * container.
 */
static int reached(const char *where, void *data, struct rbce_error *err)
{
	struct dump *d = data;

	if (streq(where, "pre-dump") && !d->still)
		return hold_still(d, err);
	if (streq(where, "post-dump") && d->tasks.trees == 1 && ends(d)) {
		int r = image_finish(&d->image, d->order->manifest, err);

		return r == 0 && is_followed(d) ? begin_following(d, err) : r;
	}
	return 0;
}

/* ---- trees ---- */

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

static int make_job(struct dump *d, struct worker *w, size_t nth, struct rbce_error *err)
{
	char name[32];
	int r;

	w->job = (struct engine_job){
		.action = ENGINE_DUMP,
		.flags = d->order->flags,
		.work = d->image.fd,
		.log = LOG_FILE,
		.timeout = (unsigned)(deadline_of(d->order) / 1000000) + 1,
		.freezer = d->lanes.n ? d->lanes.list[d->lanes.of_tree[nth]].freezer : d->freezer,
		.parent = *d->ahead ? d->ahead : d->order->parent,
		.external = d->order->external,
		.reached = reached,
		.data = d,
	};
	r = name_tree(&d->tasks, nth, &w->job.pid);
	if (!engine_ends(d))
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
		r = start_engine(d, w, err);
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
static int dump_trees(struct dump *d, struct rbce_error *err)
{
	size_t n = count_workers(d);
	struct rbce_error ignored;
	bool ready[WORKERS];
	int r = 0;

	for (size_t i = 0; i < WORKERS; i++)
		d->workers[i].next = 0;
	for (size_t i = 1; r == 0 && i < n; i++)
		if (!d->workers[i].engine.pid)
			r = start_engine(d, &d->workers[i], err);
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

static void stop_workers(struct dump *d)
{
	for (size_t i = 0; i < WORKERS; i++)
		engine_stop(&d->workers[i].engine);
}

static int can_continue(const struct dump *d, struct rbce_error *err)
{
	size_t n = d->tasks.trees;

	if (n > 1 && (d->order->parent || d->order->rounds))
		return rbce_error_set(err, -EOPNOTSUPP,
				      "it has %zu trees of processes; only one can be continued",
				      n);
	if (n > 1 && is_followed(d))
		return rbce_error_set(err, -EOPNOTSUPP,
				      "it has %zu trees of processes; the memory of only one can "
				      "follow",
				      n);
	if (n > 1 && ends(d) && d->order->flags & RBCE_CHECKPOINT_TCP)
		return rbce_error_set(err, -EOPNOTSUPP,
				      "its %zu trees of processes cannot end together without "
				      "closing their connections; leave it running or frozen",
				      n);
	return 0;
}

/*
 * One tree is ended by the engine, which keeps its connections from being closed; of several each
 * engine leaves what it has, held by the freezer. Where a tree has come or gone until it stood
 * still, all is begun again, with what it has then.
 */
static int dump(struct dump *d, struct rbce_error *err)
{
	bool stood, several;
	int r;

	do {
		stood = d->still;
		r = can_continue(d, err);
		if (r == 0)
			r = stood ? hold_lanes(d, err) : find_lanes(d, err);
		if (r == 0)
			r = dump_trees(d, err);
		if (r == -EAGAIN)
			stop_workers(d);
	} while (r == -EAGAIN && !stood);
	several = d->tasks.trees > 1;
	if (r == 0 && several && ends(d))
		r = image_finish(&d->image, d->order->manifest, err);
	if (r == 0 && ends(d) && !engine_ends(d))
		r = rbce_container_kill(d->c, err);
	return r;
}

/* What runs on does so before its image is on the disk. */
static int run(struct dump *d, struct rbce_checkpoint_figures *ret, struct rbce_error *err)
{
	bool stays = d->order->flags & RBCE_CHECKPOINT_LEAVE_FROZEN;
	int r = can_continue(d, err);

	*ret = (struct rbce_checkpoint_figures){0};
	if (r == 0 && d->order->rounds)
		r = copy_ahead(d, ret, err);
	if (r == 0)
		r = dump(d, err);
	if (r < 0 || !stays)
		rbce_container_thaw(d->c, NULL);
	else
		r = rbce_container_freeze(d->c, err);
	lanes_let_go(&d->lanes);
	ret->frozen = d->began ? monotonic_usec() - d->began : 0;
	stop_workers(d);
	ret->pages = image_pages(d->image.fd);
	if (r == 0 && !ends(d))
		r = image_finish(&d->image, d->order->manifest, err);
	return r;
}

/* The engine comes up while the rest is found out. */
static int prepare(struct dump *d, const char *dir, struct rbce_error *err)
{
	const struct rbce_checkpoint_order *order = d->order;
	struct worker *first = &d->workers[0];
	int r = start_engine(d, first, err);

	if (r == 0 && order->describe)
		r = order->describe(order->manifest, order->data, err);
	if (r == 0)
		r = find_freezer(d, err);
	if (r == 0)
		r = record_tasks(d->c, &d->tasks, err);
	if (r == 0)
		r = record_before(d, err);
	if (r == 0)
		r = engine_version(&first->engine, d->version, sizeof(d->version), err);
	if (r == 0)
		r = record_engine(d, err);
	return r == 0 ? image_begin(dir, order->sink, &d->image, err) : r;
}

static int checkpoint(struct dump *d, const char *dir, struct rbce_checkpoint_figures *ret,
		      struct rbce_error *err)
{
	for (size_t i = 0; i < WORKERS; i++)
		d->workers[i].dir = -1;
	const char *name = rbce_container_name(d->c);
	struct rbce_checkpoint_figures figures;
	struct rbce_error why = {0};
	int r = guard_start(d->c, &d->guard, err);

	if (r < 0)
		return r;
	r = prepare(d, dir, err);
	if (r == 0) {
		r = run(d, &figures, &why);
		if (r < 0)
			rbce_error_set(err, r, "cannot checkpoint container '%s': %s", name,
				       why.message);
	}
	stop_workers(d);
	guard_stop(&d->guard);
	if (d->pages >= 0)
		close(d->pages);
	image_done(&d->image);
	record_tasks_done(&d->tasks);
	lanes_done(&d->lanes);
	if (r == 0 && ret)
		*ret = figures;
	return r;
}

int rbce_checkpoint(struct rbce_container *c, const char *dir,
		    const struct rbce_checkpoint_order *order, struct rbce_checkpoint_figures *ret,
		    struct rbce_error *err)
{
	struct dump d = {.c = c, .order = order, .image.fd = -1, .pages = -1};

	return checkpoint(&d, dir, ret, err);
}

int rbce_checkpoint_describe(struct rbce_container *c, const struct rbce_checkpoint_order *order,
			     struct rbce_error *err)
{
	struct dump d = {.c = c, .order = order, .image.fd = -1, .pages = -1};
	int r = engine_find(d.version, sizeof(d.version), err);

	if (r == 0)
		r = record_tasks(c, &d.tasks, err);
	if (r == 0)
		r = record_engine(&d, err);
	if (r == 0)
		r = record_before(&d, err);
	if (r == 0)
		r = cannot_describe(&d, record_container(order->manifest, c, &d.tasks), err);
	record_tasks_done(&d.tasks);
	return r;
}
