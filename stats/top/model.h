/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `containerstats top` shows, without showing it: rows with their rates, the tree, the order,
 * the filter, the selection, and the part that is on the screen. No terminal, no clock, no files.
 */
#ifndef STATS_TOP_MODEL_H
#define STATS_TOP_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "columns.h"
#include "stats/sample/sampler.h"

enum top_action {
	TOP_ACT_NONE,
	TOP_ACT_UP,
	TOP_ACT_DOWN,
	TOP_ACT_PAGE_UP,
	TOP_ACT_PAGE_DOWN,
	TOP_ACT_FIRST,
	TOP_ACT_LAST,
	TOP_ACT_LEFT, /* columns further left, of those that do not fit */
	TOP_ACT_RIGHT,
	TOP_ACT_TREE,      /* tree or flat */
	TOP_ACT_FOLD,      /* hides what is below the selected container, or shows it again */
	TOP_ACT_SORT_LEFT, /* by the column beside */
	TOP_ACT_SORT_RIGHT,
	TOP_ACT_SORT_CPU,
	TOP_ACT_SORT_MEMORY,
	TOP_ACT_SORT_STALL,
	TOP_ACT_SORT_NAME,
	TOP_ACT_REVERSE,
	/* Those below are not the model's, but of whoever shows it. */
	TOP_ACT_FILTER,
	TOP_ACT_DETAIL,
	TOP_ACT_PAUSE,
	TOP_ACT_HELP,
	TOP_ACT_QUIT,
};

/* Sorting by name rather than by a column. */
enum { TOP_BY_NAME = -1 };

struct top_row {
	char *name;
	uint64_t inode;
	double value[TOP_COLUMNS]; /* NAN where not known */
	struct metric_values latest;
	struct metric_values before; /* of the tick before; nothing known at the first */
	struct metric_values first;
	double elapsed; /* seconds between the two, 0 at the first */

	/* Of the model alone. */
	struct top_row *above; /* the nearest container above that there is */
	size_t below, n_below; /* its children: from where on in the sorted rows, and how many */
	uint64_t exits;
	bool put, folded, wanted;
	UT_hash_handle hh;
};

/* One line on the screen. */
struct top_line {
	struct top_row *row;
	unsigned depth; /* 0 for the top, and everywhere when flat */
	uint64_t more;  /* bit N: on level N a sibling of it, or of one above it, follows */
};

struct top_model;

/* NULL when out of memory. Release with top_model_free(), which takes NULL and returns NULL. */
struct top_model *top_model_new(void);
struct top_model *top_model_free(struct top_model *m);

/*
 * A tick, SECONDS after the one before (0: the first); then every container put; then its end,
 * which takes away those that were not. -ENOMEM.
 */
void top_model_begin(struct top_model *m, double seconds);
int top_model_put(struct top_model *m, const struct sample *sample);
int top_model_end(struct top_model *m);

/* So many processes ended in CONTAINER since the tick before; to be said between begin and end. */
void top_model_exits(struct top_model *m, const char *container, uint64_t n);
/* Are exits counted at all? They are not known otherwise. */
void top_model_count_exits(struct top_model *m, bool counted);

/* A limit of a row's own group; INFINITY for none, NAN where this system has no such limit. */
void top_row_set_limit(struct top_row *row, enum top_column column, double limit);

/* The rows one after the other, in any order; NULL ends them. */
struct top_row *top_model_next(const struct top_model *m, const struct top_row *previous);
size_t top_model_count(const struct top_model *m);

/* By COLUMN, or TOP_BY_NAME; the largest first unless REVERSED, names the other way round. */
void top_model_sort(struct top_model *m, int column, bool reversed);
int top_model_sorted_by(const struct top_model *m, bool *ret_reversed);

void top_model_set_tree(struct top_model *m, bool tree);
bool top_model_tree(const struct top_model *m);

/* Only names with TEXT in them, whatever the case, and in the tree those above. "" for all.
 * -ENOMEM. */
int top_model_filter(struct top_model *m, const char *text);
const char *top_model_filtered(const struct top_model *m);

/* How many lines there are room for. */
void top_model_resize(struct top_model *m, size_t height);

void top_model_act(struct top_model *m, enum top_action action);

/* All lines, *RET_N of them; those from top_model_offset() on are on the screen. Until the next
 * call. */
const struct top_line *top_model_lines(const struct top_model *m, size_t *ret_n);
size_t top_model_offset(const struct top_model *m);
size_t top_model_selected(const struct top_model *m);

/* The first column after the name. */
int top_model_first_column(const struct top_model *m);

#endif
