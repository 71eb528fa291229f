// SPDX-License-Identifier: LGPL-2.1-or-later
/* A container into an image: freeze, dump, then thaw or end; see rbce/checkpoint.h. */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>

#include "container.h"
#include "engine.h"
#include "file.h"
#include "guard.h"
#include "image.h"
#include "record.h"
#include "util.h"

enum { DEADLINE = 10 * 1000000 };
#define LEAVE (RBCE_CHECKPOINT_LEAVE_RUNNING | RBCE_CHECKPOINT_LEAVE_FROZEN)

struct dump {
	struct rbce_container *c;
	const struct rbce_checkpoint_order *order;
	char ahead[32]; /* directory of the last round that copied memory ahead, or empty */
	struct image image;
	struct guard guard;
	struct record_tasks tasks;
	char freezer[PATH_MAX];
	char version[64];
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
	const struct rbce_hierarchy *h = d->c->h;
	int i = hierarchy_unified_index(h);
	char group[PATH_MAX];
	int r = container_path(d->c, group, sizeof(group)), n;

	if (i < 0)
		i = hierarchy_index(h, RBCE_FREEZER);
	if (r == 0 && i < 0)
		r = -EOPNOTSUPP;
	n = r < 0 ? 0 : snprintf(d->freezer, sizeof(d->freezer), "%s/%s", h->mounts[i].path, group);
	if (n < 0 || (size_t)n >= sizeof(d->freezer))
		r = -ENAMETOOLONG;
	return r < 0 ? rbce_error_errno(err, r, "cannot freeze container '%s'",
					rbce_container_name(d->c))
		     : 0;
}

/* Do its processes end with the checkpoint? */
static bool ends(const struct dump *d)
{
	return !(d->order->flags & LEAVE);
}

/*
 * On v1 a task that the freezer holds does not die, so where they are to end the engine freezes
 * them by itself.
 */
static bool freezes(const struct dump *d)
{
	return hierarchy_unified_index(d->c->h) >= 0 || !ends(d);
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
		{RBCE_CHECKPOINT_TCP, "tcp-established"},
		{RBCE_CHECKPOINT_LOCKS, "file-locks"},
		{RBCE_CHECKPOINT_SHELL, "shell-job"},
		{RBCE_CHECKPOINT_UNIX, "ext-unix-sk"},
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(options); i++)
		if (order->flags & options[i].flag)
			r = rbce_manifest_add(m, "option", "%s", options[i].name);
	for (size_t i = 0; r == 0 && order->external && order->external[i]; i++)
		r = rbce_manifest_add(m, "external", "%s", order->external[i]);
	return r < 0 || !order->parent ? r : rbce_manifest_add(m, "parent", "%s", order->parent);
}

static int record(struct dump *d)
{
	struct rbce_manifest *m = d->order->manifest;
	int r = rbce_manifest_add(m, "engine", "%s", d->version);

	if (r == 0)
		r = record_machine(m, rbce_hierarchy_root(d->c->h));
	if (r == 0)
		r = add_options(m, d);
	return r == 0 ? record_container(m, d->c, &d->tasks) : r;
}

/* Complete before anything ends: what cannot be written must not cost the container. */
static int reached(const char *where, void *data, struct rbce_error *err)
{
	struct dump *d = data;

	return streq(where, "post-dump") ? image_finish(&d->image, d->order->manifest, err) : 0;
}

static int dump_tree(struct dump *d, size_t nth, unsigned flags, bool finish,
		     struct rbce_error *err)
{
	cleanup_close int dir = -1;
	char name[32];
	struct engine_job job = {
		.action = ENGINE_DUMP,
		.flags = flags,
		.work = d->image.fd,
		.log = LOG_FILE,
		.timeout = (unsigned)(deadline_of(d->order) / 1000000) + 1,
		.freezer = d->freezer,
		.parent = *d->ahead ? d->ahead : d->order->parent,
		.external = d->order->external,
		.keep = d->guard.link,
		.reached = finish ? reached : NULL,
		.data = d,
	};
	int r = name_tree(&d->tasks, nth, &job.pid);

	/* Without this it would not ask which pages were written since. */
	if (job.parent)
		job.flags |= RBCE_CHECKPOINT_TRACK;
	record_tree_dir(nth, d->tasks.trees, name, sizeof(name));
	if (r == 0 && d->tasks.trees > 1 && mkdirat(d->image.fd, name, 0700) < 0)
		r = -errno;
	if (r == 0)
		dir = openat(d->image.fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r == 0 && dir < 0)
		r = -errno;
	if (r < 0)
		return rbce_error_errno(err, r, "no directory for tree %zu", nth + 1);
	job.images = dir;
	return engine_run(&job, NULL, err);
}

/*
 * One tree is ended by the engine, which keeps its connections from being closed. Of several none
 * may end before all are in the image; each engine leaves what it has, held by the freezer.
 */
static int dump_trees(struct dump *d, struct rbce_error *err)
{
	unsigned flags = d->order->flags;
	size_t n = d->tasks.trees;
	bool end = ends(d);
	int r = 0;

	if (n > 1 && (d->order->parent || *d->ahead))
		return rbce_error_set(err, -EOPNOTSUPP,
				      "it has %zu trees of processes; only one can be continued",
				      n);
	if (n > 1 && end && flags & RBCE_CHECKPOINT_TCP)
		return rbce_error_set(err, -EOPNOTSUPP,
				      "its %zu trees of processes cannot end together without "
				      "closing their connections; leave it running or frozen",
				      n);
	if (n > 1)
		flags |= RBCE_CHECKPOINT_LEAVE_FROZEN;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = dump_tree(d, i, flags, end && n == 1, err);
	if (r == 0 && end && n > 1)
		r = image_finish(&d->image, d->order->manifest, err);
	if (r == 0 && end && n > 1)
		r = rbce_container_kill(d->c, err);
	return r;
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
		.keep = d->guard.link,
	};
	const char *before = *d->ahead ? d->ahead : d->order->parent;
	int r = name_tree(&d->tasks, 0, &job.pid);

	snprintf(name, sizeof(name), ROUND "%u", nth);
	if (r == 0 && mkdirat(d->image.fd, name, 0700) < 0)
		r = -errno;
	if (r == 0 && before && asprintf(&parent, "../%s", before) < 0)
		r = -ENOMEM;
	dir = r < 0 ? -1 : openat(d->image.fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r == 0 && dir < 0)
		r = -errno;
	if (r < 0)
		return rbce_error_errno(err, r, "no directory for round %u", nth);
	job.images = dir;
	job.parent = parent;
	r = engine_run(&job, NULL, err);
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

static int dump_frozen(struct dump *d, struct rbce_error *err)
{
	int r;

	/* What has come and gone until now is in no list. */
	record_tasks_done(&d->tasks);
	r = record_tasks(d->c, &d->tasks, err);
	if (r < 0)
		return r;
	r = record(d);
	return r < 0 ? rbce_error_errno(err, r, "no manifest") : dump_trees(d, err);
}

/* What runs on does so before its image is on the disk. */
static int run(struct dump *d, struct rbce_checkpoint_figures *ret, struct rbce_error *err)
{
	bool stays = d->order->flags & RBCE_CHECKPOINT_LEAVE_FROZEN;
	int r;

	*ret = (struct rbce_checkpoint_figures){0};
	r = d->order->rounds ? copy_ahead(d, ret, err) : 0;
	if (r == 0)
		r = freeze(d, err);
	if (r == 0)
		r = dump_frozen(d, err);
	if (r < 0 || !stays)
		rbce_container_thaw(d->c, NULL);
	else
		r = rbce_container_freeze(d->c, err);
	ret->frozen = d->began ? monotonic_usec() - d->began : 0;
	ret->pages = image_pages(d->image.fd);
	if (r == 0 && !ends(d))
		r = image_finish(&d->image, d->order->manifest, err);
	return r;
}

static int checkpoint(struct dump *d, const char *dir, struct rbce_checkpoint_figures *ret,
		      struct rbce_error *err)
{
	const char *name = rbce_container_name(d->c);
	struct rbce_checkpoint_figures figures;
	struct rbce_error why = {0};
	int r = engine_version(d->version, sizeof(d->version), err);

	if (r == 0)
		r = find_freezer(d, err);
	if (r == 0)
		r = record_tasks(d->c, &d->tasks, err);
	if (r == 0)
		r = image_begin(dir, d->order->sink, &d->image, err);
	if (r < 0)
		return r;
	r = guard_start(d->c, &d->guard, &why);
	if (r == 0) {
		r = run(d, &figures, &why);
		guard_stop(&d->guard);
	}
	image_done(&d->image);
	record_tasks_done(&d->tasks);
	if (r < 0)
		return rbce_error_set(err, r, "cannot checkpoint container '%s': %s", name,
				      why.message);
	if (ret)
		*ret = figures;
	return 0;
}

int rbce_checkpoint(struct rbce_container *c, const char *dir,
		    const struct rbce_checkpoint_order *order, struct rbce_checkpoint_figures *ret,
		    struct rbce_error *err)
{
	struct dump d = {.c = c, .order = order, .image.fd = -1};

	return checkpoint(&d, dir, ret, err);
}

int rbce_checkpoint_describe(struct rbce_container *c, const struct rbce_checkpoint_order *order,
			     struct rbce_error *err)
{
	struct dump d = {.c = c, .order = order, .image.fd = -1};
	int r = engine_version(d.version, sizeof(d.version), err);

	if (r == 0)
		r = record_tasks(c, &d.tasks, err);
	if (r < 0)
		return r;
	r = record(&d);
	record_tasks_done(&d.tasks);
	return r < 0 ? rbce_error_errno(err, r, "cannot describe container '%s'",
					rbce_container_name(c))
		     : 0;
}
