// SPDX-License-Identifier: GPL-2.0-or-later
/* Rows, order and selection of top; see model.h. */
#include "model.h"

#include <assert.h>
#include <errno.h>
#include <math.h>

#include "util.h"

struct top_model {
	struct top_row *rows; /* by name */
	struct top_row **sorted;
	struct top_line *lines;
	size_t room, n_lines;
	double elapsed;
	bool tree, reversed, counts_exits;
	int sort;
	char *filter;
	size_t height, offset, selected;
	int first_column;
	/* The selection keeps to a container once it was moved, before that to the first line. */
	bool follows;
	const struct top_row *kept; /* NULL when that has gone */
};

struct top_model *top_model_new(void)
{
	struct top_model *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->tree = true;
	m->sort = TOP_CPU;
	m->height = 20;
	return m;
}

static void free_row(struct top_model *m, struct top_row *row)
{
	HASH_DEL(m->rows, row);
	free(row->name);
	free(row);
}

struct top_model *top_model_free(struct top_model *m)
{
	if (!m)
		return NULL;
	while (m->rows)
		free_row(m, m->rows);
	free(m->sorted);
	free(m->lines);
	free(m->filter);
	free(m);
	return NULL;
}

static struct top_row *find(const struct top_model *m, const char *name, size_t length)
{
	struct top_row *row;

	HASH_FIND(hh, m->rows, name, length, row);
	return row;
}

struct top_row *top_model_next(const struct top_model *m, const struct top_row *previous)
{
	return previous ? previous->hh.next : m->rows;
}

size_t top_model_count(const struct top_model *m)
{
	return HASH_COUNT(m->rows);
}

/* Ticks. */

void top_model_begin(struct top_model *m, double seconds)
{
	m->elapsed = seconds;
	for (struct top_row *row = m->rows; row; row = row->hh.next) {
		row->put = false;
		row->exits = 0;
	}
}

/* What a counter grew by since THEN; one that went down began anew. False when that is not known.
 */
static bool grown(const struct top_row *row, const struct metric_values *then, enum metric metric,
		  double *ret)
{
	if (!metric_known(&row->latest, metric) || !metric_known(then, metric))
		return false;
	*ret = (double)row->latest.value[metric];
	if (row->latest.value[metric] >= then->value[metric])
		*ret = (double)(row->latest.value[metric] - then->value[metric]);
	return true;
}

static double value_of(const struct top_model *m, const struct top_row *row, enum top_column column)
{
	const struct top_column_info *info = &top_columns[column];
	double n;

	switch (info->kind) {
	case TOP_SHARE: /* microseconds in seconds, as percent */
		return row->elapsed > 0 && grown(row, &row->before, info->metric, &n)
			       ? n / row->elapsed / 1e4
			       : NAN;
	case TOP_RATE:
		return row->elapsed > 0 && grown(row, &row->before, info->metric, &n)
			       ? n / row->elapsed
			       : NAN;
	case TOP_NOW:
		return metric_known(&row->latest, info->metric)
			       ? (double)row->latest.value[info->metric]
			       : NAN;
	case TOP_SINCE:
		return grown(row, &row->first, info->metric, &n) ? n : NAN;
	case TOP_LIMIT:
		return row->value[column];
	case TOP_ENDED:
		return m->counts_exits && row->elapsed > 0 ? (double)row->exits / row->elapsed
							   : NAN;
	}
	return NAN;
}

/* A container that was made while we watched began with zeroes. */
static void begin_row(struct top_row *row, const struct sample *sample, double elapsed)
{
	row->inode = sample->inode;
	row->first = sample->values;
	if (sample->fresh && elapsed > 0)
		memset(row->first.value, 0, sizeof(row->first.value));
	row->latest = row->first;
	row->elapsed = 0;
	for (size_t i = 0; i < TOP_COLUMNS; i++)
		row->value[i] = NAN;
}

static struct top_row *add_row(struct top_model *m, const char *name)
{
	struct top_row *row = calloc(1, sizeof(*row));

	if (row)
		row->name = strdup(name);
	if (!row || !row->name) {
		free(row);
		return NULL;
	}
	HASH_ADD_KEYPTR(hh, m->rows, row->name, strlen(row->name), row);
	return row;
}

int top_model_put(struct top_model *m, const struct sample *sample)
{
	struct top_row *row = find(m, sample->name, strlen(sample->name));
	bool begins = !row || row->inode != sample->inode;

	if (!row)
		row = add_row(m, sample->name);
	if (!row)
		return -ENOMEM;
	if (begins)
		begin_row(row, sample, m->elapsed);
	row->before = row->latest;
	row->latest = sample->values;
	row->elapsed = begins && !sample->fresh ? 0 : m->elapsed;
	row->put = true;
	return 0;
}

void top_model_exits(struct top_model *m, const char *container, uint64_t n)
{
	struct top_row *row = find(m, container, strlen(container));

	if (row)
		row->exits += n;
}

void top_model_count_exits(struct top_model *m, bool counted)
{
	m->counts_exits = counted;
}

void top_row_set_limit(struct top_row *row, enum top_column column, double limit)
{
	assert(top_columns[column].kind == TOP_LIMIT);
	row->value[column] = limit;
}

/* Order. */

static bool has_text(const char *name, const char *text)
{
	return !text || strcasestr(name, text);
}

/* The nearest container above NAME that there is; the root group is above all. */
static struct top_row *above(const struct top_model *m, const struct top_row *row)
{
	const char *slash = row->name + strlen(row->name);
	struct top_row *found;

	if (streq(row->name, SAMPLER_ROOT_NAME))
		return NULL;
	while ((slash = memrchr(row->name, '/', (size_t)(slash - row->name)))) {
		found = find(m, row->name, (size_t)(slash - row->name));
		if (found)
			return found;
	}
	return find(m, SAMPLER_ROOT_NAME, strlen(SAMPLER_ROOT_NAME));
}

/* A filter wants those with its text, and in the tree what is above them. */
static void mark_wanted(struct top_model *m)
{
	for (struct top_row *row = m->rows; row; row = row->hh.next) {
		row->above = m->tree ? above(m, row) : NULL;
		row->wanted = has_text(row->name, m->filter);
		row->n_below = 0;
	}
	for (struct top_row *row = m->rows; row; row = row->hh.next)
		for (struct top_row *up = row->above; row->wanted && up && !up->wanted;
		     up = up->above)
			up->wanted = true;
}

/* The larger first; what is not known comes last, however the order is turned. */
static int compare_values(double a, double b, bool reversed)
{
	if (isnan(a) || isnan(b))
		return (isnan(a) != 0) - (isnan(b) != 0);
	if (a == b)
		return 0;
	return (a < b) != reversed ? 1 : -1;
}

/* Rows below the same one come together, in the order that is asked for. */
static int compare_rows(const void *one, const void *other, void *data)
{
	const struct top_model *m = data;
	const struct top_row *a = *(struct top_row *const *)one;
	const struct top_row *b = *(struct top_row *const *)other;
	int order;

	if (a->above != b->above)
		return (uintptr_t)a->above < (uintptr_t)b->above ? -1 : 1;
	if (m->sort == TOP_BY_NAME)
		return m->reversed ? strcmp(b->name, a->name) : strcmp(a->name, b->name);
	order = compare_values(a->value[m->sort], b->value[m->sort], m->reversed);
	return order ?: strcmp(a->name, b->name);
}

static int make_room(struct top_model *m)
{
	size_t n = HASH_COUNT(m->rows);
	struct top_row **sorted;
	struct top_line *lines;

	if (n <= m->room)
		return 0;
	n = 2 * n + 64;
	sorted = reallocarray(m->sorted, n, sizeof(*sorted));
	if (sorted)
		m->sorted = sorted;
	lines = reallocarray(m->lines, n, sizeof(*lines));
	if (lines)
		m->lines = lines;
	if (!sorted || !lines)
		return -ENOMEM;
	m->room = n;
	return 0;
}

/* Lines of the rows from FIRST to END, which are siblings, and of those below them. */
static void add_lines(struct top_model *m, size_t first, size_t end, unsigned depth, uint64_t more)
{
	for (size_t i = first; i < end; i++) {
		struct top_row *row = m->sorted[i];
		uint64_t bit = i + 1 < end && depth < 64 ? UINT64_C(1) << depth : 0;
		/* A filter looks into what is folded. */
		bool open = !row->folded || (m->filter && *m->filter);

		m->lines[m->n_lines++] = (struct top_line){row, depth, more | bit};
		if (row->n_below > 0 && open)
			add_lines(m, row->below, row->below + row->n_below, depth + 1, more | bit);
	}
}

static void scroll(struct top_model *m)
{
	size_t last = m->n_lines > 0 ? m->n_lines - 1 : 0;

	if (m->selected > last)
		m->selected = last;
	if (m->offset > m->selected)
		m->offset = m->selected;
	if (m->selected >= m->offset + m->height)
		m->offset = m->selected - m->height + 1;
	/* No empty lines below while there are lines above. */
	if (m->offset + m->height > m->n_lines)
		m->offset = m->n_lines > m->height ? m->n_lines - m->height : 0;
}

/* Of a container that has gone it stays at its place. */
static void reselect(struct top_model *m)
{
	for (size_t i = 0; m->kept && i < m->n_lines; i++)
		if (m->lines[i].row == m->kept)
			m->selected = i;
	if (!m->follows)
		m->selected = 0;
	scroll(m);
	m->kept = m->follows && m->n_lines > 0 ? m->lines[m->selected].row : NULL;
}

static int arrange(struct top_model *m)
{
	size_t n = 0, top = 0;

	m->n_lines = 0;
	if (make_room(m) < 0)
		return -ENOMEM;
	mark_wanted(m);
	for (struct top_row *row = m->rows; row; row = row->hh.next)
		if (row->wanted)
			m->sorted[n++] = row;
	if (n > 1)
		qsort_r(m->sorted, n, sizeof(m->sorted[0]), compare_rows, m);
	for (size_t i = 0; i < n; i++) {
		struct top_row *up = m->sorted[i]->above;

		if (up && up->n_below++ == 0)
			up->below = i;
	}
	/* NULL is the least pointer of all: those without one above come first. */
	while (top < n && !m->sorted[top]->above)
		top++;
	add_lines(m, 0, top, 0, 0);
	reselect(m);
	return 0;
}

int top_model_end(struct top_model *m)
{
	struct top_row *row, *next;

	for (row = m->rows; row; row = next) {
		next = row->hh.next;
		if (row->put)
			continue;
		if (row == m->kept)
			m->kept = NULL;
		free_row(m, row);
	}
	for (row = m->rows; row; row = row->hh.next)
		for (size_t i = 0; i < TOP_COLUMNS; i++)
			row->value[i] = value_of(m, row, i);
	return arrange(m);
}

void top_model_sort(struct top_model *m, int column, bool reversed)
{
	m->sort = column;
	m->reversed = reversed;
	arrange(m);
}

int top_model_sorted_by(const struct top_model *m, bool *ret_reversed)
{
	*ret_reversed = m->reversed;
	return m->sort;
}

void top_model_set_tree(struct top_model *m, bool tree)
{
	m->tree = tree;
	arrange(m);
}

bool top_model_tree(const struct top_model *m)
{
	return m->tree;
}

int top_model_filter(struct top_model *m, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	free(m->filter);
	m->filter = copy;
	return arrange(m);
}

const char *top_model_filtered(const struct top_model *m)
{
	return m->filter ?: "";
}

/* The screen. */

void top_model_resize(struct top_model *m, size_t height)
{
	m->height = height > 0 ? height : 1;
	scroll(m);
}

static void move(struct top_model *m, bool down, size_t by)
{
	if (down)
		m->selected += by;
	else
		m->selected -= m->selected < by ? m->selected : by;
	scroll(m);
	m->follows = true;
	m->kept = m->n_lines > 0 ? m->lines[m->selected].row : NULL;
}

static void sort_beside(struct top_model *m, int step)
{
	int column = m->sort + step;

	if (column >= TOP_BY_NAME && column < TOP_COLUMNS)
		top_model_sort(m, column, m->reversed);
}

static void fold(struct top_model *m)
{
	struct top_row *row = m->n_lines > 0 ? m->lines[m->selected].row : NULL;

	if (!row || !m->tree)
		return;
	row->folded = !row->folded;
	m->follows = true;
	m->kept = row;
	arrange(m);
}

void top_model_act(struct top_model *m, enum top_action action)
{
	switch (action) {
	case TOP_ACT_UP:
		return move(m, false, 1);
	case TOP_ACT_DOWN:
		return move(m, true, 1);
	case TOP_ACT_PAGE_UP:
		return move(m, false, m->height);
	case TOP_ACT_PAGE_DOWN:
		return move(m, true, m->height);
	case TOP_ACT_FIRST:
		m->follows = false;
		return reselect(m);
	case TOP_ACT_LAST:
		return move(m, true, m->n_lines);
	case TOP_ACT_LEFT:
		m->first_column -= m->first_column > 0;
		return;
	case TOP_ACT_RIGHT:
		m->first_column += m->first_column + 1 < TOP_COLUMNS;
		return;
	case TOP_ACT_TREE:
		return top_model_set_tree(m, !m->tree);
	case TOP_ACT_FOLD:
		return fold(m);
	case TOP_ACT_SORT_LEFT:
		return sort_beside(m, -1);
	case TOP_ACT_SORT_RIGHT:
		return sort_beside(m, 1);
	case TOP_ACT_SORT_CPU:
		return top_model_sort(m, TOP_CPU, false);
	case TOP_ACT_SORT_MEMORY:
		return top_model_sort(m, TOP_MEMORY, false);
	case TOP_ACT_SORT_STALL:
		return top_model_sort(m, TOP_CPU_STALL, false);
	case TOP_ACT_SORT_NAME:
		return top_model_sort(m, TOP_BY_NAME, false);
	case TOP_ACT_REVERSE:
		return top_model_sort(m, m->sort, !m->reversed);
	case TOP_ACT_NONE:
	case TOP_ACT_FILTER:
	case TOP_ACT_DETAIL:
	case TOP_ACT_PAUSE:
	case TOP_ACT_HELP:
	case TOP_ACT_QUIT:
		return;
	}
}

const struct top_line *top_model_lines(const struct top_model *m, size_t *ret_n)
{
	*ret_n = m->n_lines;
	return m->lines;
}

size_t top_model_offset(const struct top_model *m)
{
	return m->offset;
}

size_t top_model_selected(const struct top_model *m)
{
	return m->selected;
}

int top_model_first_column(const struct top_model *m)
{
	return m->first_column;
}
