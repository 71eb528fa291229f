// SPDX-License-Identifier: LGPL-2.1-or-later
/* A container stands still, with the trees that it has then; see dump.h. */
#include "container.h"
#include "dump.h"
#include "file.h"
#include "util.h"

/*
 * On v1 a task that the freezer holds does not die, so where they are to end the engine freezes
 * them by itself.
 */
static bool freezes(const struct dump *d)
{
	return hierarchy_unified_index(d->c->h) >= 0 || !dump_engine_ends(d);
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
	r = container_freeze_within(d->c, (int)(dump_deadline(d) / 1000));
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
		if (dump_name_tree(a, i, &one) < 0 || dump_name_tree(b, i, &other) < 0 ||
		    one != other)
			return false;
	return true;
}

int dump_find_lanes(struct dump *d, struct rbce_error *err)
{
	int r = lanes_find(d->c, &d->tasks, &d->lanes);

	return r < 0 ? rbce_error_errno(err, r, "cannot list its trees") : 0;
}

int dump_hold_lanes(struct dump *d, struct rbce_error *err)
{
	int r = lanes_hold(&d->lanes, d->c, &d->guard);

	return r < 0 ? rbce_error_errno(err, r, "it cannot be frozen") : 0;
}

/* The engines are up, and have touched nothing: from here on it stands still. */
int dump_hold_still(struct dump *d, struct rbce_error *err)
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
	r = dump_find_lanes(d, err);
	if (r < 0)
		return r;
	return same_trees(&before, &d->tasks) && lanes_same(&lanes_before, &d->lanes)
		       ? dump_hold_lanes(d, err)
		       : rbce_error_set(err, -EAGAIN, "its processes change");
}
