// SPDX-License-Identifier: LGPL-2.1-or-later
/* A container into an image: freeze, dump, then thaw or end; see rbce/checkpoint.h. */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>

#include "ahead.h"
#include "container.h"
#include "dump.h"
#include "file.h"
#include "util.h"

enum { DEADLINE = 10 * 1000000 };
#define LEAVE (RBCE_CHECKPOINT_LEAVE_RUNNING | RBCE_CHECKPOINT_LEAVE_FROZEN)

uint64_t dump_deadline(const struct dump *d)
{
	return d->order->deadline ?: DEADLINE;
}

bool dump_ends(const struct dump *d)
{
	return !(d->order->flags & LEAVE);
}

bool dump_is_followed(const struct dump *d)
{
	return d->order->flags & RBCE_CHECKPOINT_POST_COPY;
}

bool dump_engine_ends(const struct dump *d)
{
	return dump_ends(d) && d->tasks.trees == 1 && !dump_is_followed(d);
}

int dump_name_tree(const struct record_tasks *tasks, size_t nth, pid_t *ret)
{
	for (size_t i = 0; i < tasks->n; i++)
		if (tasks->list[i].first && nth-- == 0) {
			*ret = tasks->list[i].pid;
			return 0;
		}
	return -ESRCH;
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

/* What the last round has and was not written since is left out. */
static int copy_by_engine(struct dump *d, int dir, struct rbce_error *err)
{
	struct engine *engine = &d->workers[0].engine;
	const char *before = *d->ahead ? d->ahead : d->order->parent;
	cleanup_free char *parent = NULL;
	struct engine_job job = {
		.action = ENGINE_PRE_DUMP,
		.flags = d->order->flags | RBCE_CHECKPOINT_TRACK,
		.images = dir,
		.work = d->image.fd,
		.log = LOG_FILE,
		.freezer = d->freezer,
		.external = d->order->external,
	};
	int r = dump_name_tree(&d->tasks, 0, &job.pid);

	if (r == 0 && before && asprintf(&parent, "../%s", before) < 0)
		r = -ENOMEM;
	if (r < 0)
		return rbce_error_errno(err, r, "cannot copy memory ahead");
	job.parent = parent;
	r = engine_ask(engine, &job, err);
	return r == 0 ? engine_hear(engine, &job, NULL, err) : r;
}

/* Memory as it is now, into a directory of the image. */
static int copy_round(struct dump *d, struct rbce_checkpoint_figures *ret, uint64_t *ret_pages,
		      struct rbce_error *err)
{
	bool by_swap = ret->rounds == 0 && d->order->flags & RBCE_CHECKPOINT_THROUGH_SWAP;
	cleanup_close int dir = -1;
	char name[sizeof(d->ahead)];
	int r;

	snprintf(name, sizeof(name), ROUND "%u", ++ret->rounds);
	r = image_open(&d->image, name, &dir);
	if (r < 0)
		return rbce_error_errno(err, r, "no directory for round %u", ret->rounds);
	r = by_swap ? ahead_copy(d->c, &d->tasks, dir, &ret->swapped, err)
		    : copy_by_engine(d, dir, err);
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
		r = copy_round(d, ret, &pages, err);
		ret->ahead += pages;
		/* Hardly less: it writes as fast as this copies. */
	} while (r == 0 && ret->rounds < d->order->rounds && pages > d->order->bound &&
		 (ret->rounds == 1 || pages < last - last / 10));
	return r;
}

static bool copies_ahead(const struct rbce_checkpoint_order *order)
{
	return order->rounds || order->flags & RBCE_CHECKPOINT_THROUGH_SWAP;
}

static int can_continue(const struct dump *d, struct rbce_error *err)
{
	size_t n = d->tasks.trees;

	if (n > 1 && (d->order->parent || copies_ahead(d->order)))
		return rbce_error_set(err, -EOPNOTSUPP,
				      "it has %zu trees of processes; only one can be continued",
				      n);
	if (n > 1 && dump_is_followed(d))
		return rbce_error_set(err, -EOPNOTSUPP,
				      "it has %zu trees of processes; the memory of only one can "
				      "follow",
				      n);
	if (n > 1 && dump_ends(d) && d->order->flags & RBCE_CHECKPOINT_TCP)
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
			r = stood ? dump_hold_lanes(d, err) : dump_find_lanes(d, err);
		if (r == 0)
			r = dump_trees(d, err);
		lanes_release(&d->lanes, d->c);
		if (r == -EAGAIN)
			dump_stop_workers(d);
	} while (r == -EAGAIN && !stood);
	several = d->tasks.trees > 1;
	if (r == 0 && several && dump_ends(d))
		r = image_finish(&d->image, d->order->manifest, err);
	if (r == 0 && dump_ends(d) && !dump_engine_ends(d))
		r = rbce_container_kill(d->c, err);
	return r;
}

/* What runs on does so before its image is on the disk. */
static int run(struct dump *d, struct rbce_checkpoint_figures *ret, struct rbce_error *err)
{
	bool stays = d->order->flags & RBCE_CHECKPOINT_LEAVE_FROZEN;
	int r = can_continue(d, err);

	*ret = (struct rbce_checkpoint_figures){0};
	if (r == 0 && copies_ahead(d->order))
		r = copy_ahead(d, ret, err);
	if (r == 0)
		r = dump(d, err);
	if (r < 0 || !stays)
		rbce_container_thaw(d->c, NULL);
	else
		r = rbce_container_freeze(d->c, err);
	ret->frozen = d->began ? monotonic_usec() - d->began : 0;
	dump_stop_workers(d);
	ret->pages = image_pages(d->image.fd);
	if (r == 0 && !dump_ends(d))
		r = image_finish(&d->image, d->order->manifest, err);
	return r;
}

/* The engine comes up while the rest is found out. */
static int prepare(struct dump *d, const char *dir, struct rbce_error *err)
{
	const struct rbce_checkpoint_order *order = d->order;
	struct worker *first = &d->workers[0];
	int r = dump_start_engine(d, first, err);

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

/* Is there somebody who carries memory that is to follow? */
static int check_order(const struct rbce_checkpoint_order *order, struct rbce_error *err)
{
	return !(order->flags & RBCE_CHECKPOINT_POST_COPY) || (order->sink && order->sink->follow)
		       ? 0
		       : rbce_error_set(err, -EINVAL,
					"cannot checkpoint: nobody carries memory that is to "
					"follow");
}

static int checkpoint(struct dump *d, const char *dir, struct rbce_checkpoint_figures *ret,
		      struct rbce_error *err)
{
	const char *name = rbce_container_name(d->c);
	struct rbce_checkpoint_figures figures;
	struct rbce_error why = {0};
	int r = check_order(d->order, err);

	if (r == 0)
		r = guard_start(d->c, &d->guard, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < WORKERS; i++)
		d->workers[i].dir = -1;
	r = prepare(d, dir, err);
	if (r == 0) {
		r = run(d, &figures, &why);
		if (r < 0)
			rbce_error_set(err, r, "cannot checkpoint container '%s': %s", name,
				       why.message);
	}
	dump_stop_workers(d);
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
