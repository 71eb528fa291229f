// SPDX-License-Identifier: LGPL-2.1-or-later
/* Trees of processes that can be dumped at once; see lanes.h. */
#include "lanes.h"

#include "container.h"
#include "util.h"

enum { PATIENCE_MS = 10000 };

void lanes_done(struct lanes *lanes)
{
	for (size_t i = 0; i < lanes->n; i++) {
		free(lanes->list[i].place);
		rbce_container_close(lanes->list[i].c);
	}
	free(lanes->list);
	free(lanes->of_tree);
	*lanes = (struct lanes){0};
}

/* The process that begins the tree of P; itself where that is not in the list any more. */
static const struct record_process *first_of(const struct record_tasks *tasks,
					     const struct record_process *p)
{
	for (size_t i = 0; i < tasks->n && !p->first; i++)
		if (tasks->list[i].pid == p->parent) {
			p = &tasks->list[i];
			i = (size_t)-1;
		}
	return p;
}

static bool same_part(const char *a, const char *b)
{
	size_t n = strcspn(a, "/");

	return n == strcspn(b, "/") && strncmp(a, b, n) == 0;
}

/* A tree that is in several, or in the container itself, shares with all. */
static bool separable(const struct record_tasks *tasks)
{
	for (size_t i = 0; i < tasks->n; i++) {
		const struct record_process *p = &tasks->list[i];

		if (streq(p->place, ".") || !same_part(p->place, first_of(tasks, p)->place))
			return false;
	}
	return tasks->trees > 1;
}

static int open_lane(struct lane *lane, const struct rbce_container *c)
{
	const char *own = rbce_container_name(c);
	cleanup_free char *name = NULL;
	int r;

	if (asprintf(&name, "%s%s%s", own, *own ? "/" : "", lane->place) < 0) {
		name = NULL;
		return -ENOMEM;
	}
	r = rbce_container_open(c->h, name, 0, &lane->c, NULL);
	return r < 0 ? r : container_freezer(lane->c, lane->freezer, sizeof(lane->freezer));
}

/* Where PLACE is: in one that is known, or a new one. */
static int find_lane(struct lanes *lanes, const struct rbce_container *c, const char *place,
		     size_t *ret)
{
	struct lane *lane;

	for (*ret = 0; *ret < lanes->n; ++*ret)
		if (same_part(lanes->list[*ret].place, place))
			return 0;
	lane = &lanes->list[lanes->n];
	lane->place = strndup(place, strcspn(place, "/"));
	if (!lane->place)
		return -ENOMEM;
	lanes->n++;
	return open_lane(lane, c);
}

int lanes_find(const struct rbce_container *c, const struct record_tasks *tasks, struct lanes *ret)
{
	struct lanes lanes = {0};
	int r = 0;

	*ret = lanes;
	if (!separable(tasks))
		return 0;
	lanes.list = calloc(tasks->trees, sizeof(*lanes.list));
	lanes.of_tree = calloc(tasks->trees, sizeof(*lanes.of_tree));
	if (!lanes.list || !lanes.of_tree)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < tasks->n; i++)
		if (tasks->list[i].first)
			r = find_lane(&lanes, c, tasks->list[i].place,
				      &lanes.of_tree[lanes.trees++]);
	if (r < 0 || lanes.n == 1)
		lanes_done(&lanes);
	*ret = lanes;
	return r == -ENOMEM ? r : 0;
}

bool lanes_same(const struct lanes *a, const struct lanes *b)
{
	if (a->n != b->n || a->trees != b->trees)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!streq(a->list[i].place, b->list[i].place))
			return false;
	for (size_t i = 0; i < a->trees; i++)
		if (a->of_tree[i] != b->of_tree[i])
			return false;
	return true;
}

int lanes_hold(struct lanes *lanes, struct rbce_container *c, struct guard *guard)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < lanes->n; i++) {
		lanes->held = true;
		r = guard_add(guard, rbce_container_name(lanes->list[i].c));
		if (r == 0)
			r = container_freeze_within(lanes->list[i].c, PATIENCE_MS);
	}
	return r == 0 && lanes->held ? rbce_container_thaw(c, NULL) : r;
}

void lanes_release(struct lanes *lanes, struct rbce_container *c)
{
	if (!lanes->held)
		return;
	rbce_container_freeze(c, NULL);
	for (size_t i = 0; i < lanes->n; i++)
		container_let_go(lanes->list[i].c);
	lanes->held = false;
}
