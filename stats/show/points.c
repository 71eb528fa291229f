// SPDX-License-Identifier: GPL-2.0-or-later
/* Series in steps; see points.h. */
#include "points-rows.h"

#include <errno.h>
#include <math.h>

#include "selection.h"
#include "stats/store/schema.h"
#include "util.h"

/* 16 bytes each; and what a step is chosen for where none is given. */
enum { CELLS_MAX = 10 << 20, STEPS_WANTED = 500 };

/* What is asked for. */

static const struct {
	const char *name;
	bool counter, gauge;
} hows[] = {
	[POINTS_SUM] = {"sum", true, false}, [POINTS_RATE] = {"rate", true, false},
	[POINTS_AVG] = {"avg", false, true}, [POINTS_MIN] = {"min", true, true},
	[POINTS_MAX] = {"max", true, true},
};

static int find_metric(const char *name, size_t length, size_t *ret)
{
	for (size_t i = 0; i < METRIC_TOTAL; i++) {
		const char *known = metric_shown(i);

		if (strlen(known) == length && memcmp(known, name, length) == 0) {
			*ret = i;
			return 0;
		}
	}
	return -ENOENT;
}

int points_parse_metric(const char *text, struct points_metric *ret)
{
	size_t length = strcspn(text, ":"), metric;
	bool counter;

	if (find_metric(text, length, &metric) < 0)
		return -ENOENT;
	counter = metrics[metric].kind == METRIC_COUNTER;
	ret->metric = metric;
	ret->how = counter ? POINTS_SUM : POINTS_AVG;
	if (!text[length])
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(hows); i++)
		if (streq(hows[i].name, text + length + 1) &&
		    (counter ? hows[i].counter : hows[i].gauge)) {
			ret->how = (enum points_how)i;
			return 0;
		}
	return -EINVAL;
}

char *points_metric_name(const struct points_metric *metric, char *buf)
{
	bool plain = metric->how == POINTS_SUM || metric->how == POINTS_AVG;

	snprintf(buf, POINTS_NAME_SIZE, "%s%s%s", metric_shown(metric->metric), plain ? "" : "_",
		 plain ? "" : hows[metric->how].name);
	return buf;
}

/* Containers. */

/* Rows come in order of names: another generation of a container follows it. */
static int add_generation(struct points_reader *r, sqlite3_stmt *row)
{
	const char *name = (const char *)sqlite3_column_text(row, 1) ?: "";
	struct points *p = r->points;
	struct points_generation *g;

	if (!selection_wants(r->wish, name))
		return SQLITE_OK;
	if (p->n_series == 0 || !streq(p->series[p->n_series - 1].container, name)) {
		struct points_series *more =
			reallocarray(p->series, p->n_series + 1, sizeof(*more));

		if (!more)
			return SQLITE_NOMEM;
		p->series = more;
		more[p->n_series] = (struct points_series){.container = strdup(name)};
		if (!more[p->n_series].container)
			return SQLITE_NOMEM;
		p->n_series++;
	}
	g = calloc(1, sizeof(*g));
	if (!g)
		return SQLITE_NOMEM;
	g->id = sqlite3_column_int64(row, 0);
	g->series = p->n_series - 1;
	g->last_seen = sqlite3_column_type(row, 2) == SQLITE_NULL ? INT64_MAX
								  : sqlite3_column_int64(row, 2);
	g->first_seen = sqlite3_column_int64(row, 3);
	HASH_ADD(hh, r->generations, id, sizeof(g->id), g);
	return SQLITE_OK;
}

static int read_containers(struct points_reader *r, struct rbce_error *err)
{
	sqlite3_stmt *statement = NULL;
	int rc = sqlite3_prepare_v2(r->db,
				    "SELECT id, name, last_seen, first_seen FROM containers"
				    " WHERE first_seen <= ?2 AND coalesce(last_seen >= ?1, 1)"
				    " ORDER BY name <> '/', name, id",
				    -1, &statement, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(statement, 1, r->points->from);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(statement, 2, r->end);
	while (rc == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW)
		rc = add_generation(r, statement);
	sqlite3_finalize(statement);
	return rc == SQLITE_DONE ? 0 : points_fail(r, rc, err);
}

/* Steps. */

static int add_run(struct points_reader *r, sqlite3_stmt *row)
{
	int64_t from = sqlite3_column_int64(row, 0), until = sqlite3_column_int64(row, 1);
	int64_t interval = sqlite3_column_int64(row, 2);
	void *more = reallocarray(r->runs, r->n_runs + 1, sizeof(*r->runs));

	if (!more)
		return SQLITE_NOMEM;
	r->runs = more;
	r->runs[r->n_runs].from = from;
	r->runs[r->n_runs++].until = until;
	r->interval = interval > r->interval ? interval : r->interval;
	r->end = until > r->end ? until : r->end;
	return SQLITE_OK;
}

/* When it was recorded, and how far that goes in the period. 1 when not at all. */
static int read_record(struct points_reader *r, int64_t *ret_from, struct rbce_error *err)
{
	const struct points_wish *wish = r->wish;
	sqlite3_stmt *statement = NULL;
	int rc = sqlite3_prepare_v2(r->db,
				    "SELECT started, last_tick, interval FROM runs"
				    " WHERE last_tick >= ?1 AND started <= ?2 ORDER BY started",
				    -1, &statement, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(statement, 1, wish->from);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(statement, 2, wish->until);
	while (rc == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW)
		rc = add_run(r, statement);
	sqlite3_finalize(statement);
	if (rc != SQLITE_DONE)
		return points_fail(r, rc, err);
	if (r->n_runs == 0)
		return 1;
	*ret_from = r->runs[0].from > wish->from ? r->runs[0].from : wish->from;
	r->end = r->end < wish->until ? r->end : wish->until;
	return 0;
}

static int64_t choose_step(int64_t length)
{
	static const int64_t steps[] = {1000,   5000,    10000,   30000,    60000,   300000,
					600000, 1800000, 3600000, 21600000, 86400000};

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		if (length / steps[i] <= STEPS_WANTED)
			return steps[i];
	return steps[ARRAY_SIZE(steps) - 1];
}

static void plan_steps(struct points_reader *r, int64_t from)
{
	struct points *p = r->points;

	p->step = r->wish->step ?: choose_step(r->end - from);
	p->from = from - from % p->step;
	/* At least one: a single moment is in one. */
	p->n_steps = (size_t)((r->end - p->from + p->step - 1) / p->step) ?: 1;
}

static int make_cells(struct points_reader *r, struct rbce_error *err)
{
	struct points *p = r->points;
	size_t most = r->wish->cells_max ?: CELLS_MAX, n;

	if (__builtin_mul_overflow(p->n_steps, p->n_metrics, &n) || n > most / (p->n_series ?: 1))
		return rbce_error_set(err, -E2BIG,
				      "cannot read '%s': that were more than %zu points; give a "
				      "larger step, or fewer containers or metrics",
				      r->path, most);
	for (size_t i = 0; i < p->n_series; i++) {
		p->series[i].cell = calloc(n, sizeof(*p->series[i].cell));
		if (!p->series[i].cell)
			return rbce_error_errno(err, -ENOMEM, "cannot read '%s'", r->path);
	}
	return 0;
}

static int read_all(struct points_reader *r, struct rbce_error *err)
{
	int64_t from = 0;
	int result = read_record(r, &from, err);

	if (result != 0)
		return result;
	plan_steps(r, from);
	result = read_containers(r, err);
	if (result == 0)
		result = make_cells(r, err);
	if (result == 0)
		result = points_read_rows(r, err);
	return result;
}

int points_read(sqlite3 *db, const char *path, const struct points_wish *wish,
		struct progress *progress, struct points **ret, struct rbce_error *err)
{
	struct points_reader r = {
		.end = INT64_MIN, .db = db, .path = path, .wish = wish, .progress = progress};
	int result;

	r.points = calloc(1, sizeof(*r.points));
	if (!r.points)
		return rbce_error_errno(err, -ENOMEM, "cannot read '%s'", path);
	r.points->step = 1;
	r.points->n_metrics = wish->n_metrics;
	memcpy(r.points->metric, wish->metric, sizeof(wish->metric));
	result = read_all(&r, err);
	while (r.generations) {
		struct points_generation *g = r.generations;

		HASH_DEL(r.generations, g);
		free(g);
	}
	free(r.runs);
	if (result < 0)
		points_free(r.points);
	else
		*ret = r.points;
	return result < 0 ? result : 0;
}

struct points *points_free(struct points *p)
{
	if (!p)
		return NULL;
	for (size_t i = 0; i < p->n_series; i++) {
		free(p->series[i].container);
		free(p->series[i].cell);
	}
	free(p->series);
	free(p);
	return NULL;
}

double points_value(const struct points *p, const struct points_series *series, size_t metric,
		    size_t step)
{
	const struct points_cell *cell = &series->cell[metric * p->n_steps + step];

	if (cell->weight == 0)
		return NAN;
	switch (p->metric[metric].how) {
	case POINTS_SUM:
	case POINTS_MIN:
	case POINTS_MAX:
		return cell->value;
	case POINTS_RATE:
		return cell->value * 1000 / cell->weight;
	case POINTS_AVG:
		return cell->value / cell->weight;
	}
	return NAN;
}
