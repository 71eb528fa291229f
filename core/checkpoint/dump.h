/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A checkpoint that is being made, for the files that do it. Internal. */
#ifndef CORE_CHECKPOINT_DUMP_H
#define CORE_CHECKPOINT_DUMP_H

#include <pthread.h>

#include "engine.h"
#include "guard.h"
#include "image.h"
#include "lanes.h"
#include "record.h"

enum { WORKERS = 8 };

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

/* In microseconds. */
uint64_t dump_deadline(const struct dump *d);

/* Do its processes end with the checkpoint? */
bool dump_ends(const struct dump *d);

/* Does their memory stay here until it has followed them? */
bool dump_is_followed(const struct dump *d);

/* Does the engine end them? It does as soon as it is done, so of several none may end before all
 * are in the image, and none before it is known that its memory has arrived. */
bool dump_engine_ends(const struct dump *d);

/* The first process of the NTH tree; -ESRCH. */
int dump_name_tree(const struct record_tasks *tasks, size_t nth, pid_t *ret);

/*
 * still.c. From here on the container stands still, all lanes by themselves; -EAGAIN where it is
 * not what the engines were told of, and then the lanes are those that it has now.
 */
int dump_hold_still(struct dump *d, struct rbce_error *err);
int dump_find_lanes(struct dump *d, struct rbce_error *err);
int dump_hold_lanes(struct dump *d, struct rbce_error *err);

/* trees.c. Engines come up, dump all trees, and are waited for. */
int dump_start_engine(struct dump *d, struct worker *w, struct rbce_error *err);
int dump_trees(struct dump *d, struct rbce_error *err);
void dump_stop_workers(struct dump *d);

#endif
