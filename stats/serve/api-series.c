// SPDX-License-Identifier: GPL-2.0-or-later
/* Series of metrics for the API; see api.h. */
#include <math.h>
#include <rbce/units.h>

#include "api.h"
#include "stats/show/listing.h"
#include "stats/show/selection.h"
#include "util.h"

/* What one answer has at most; and how much the reading of it may look at. */
enum { VALUES_MOST = 1000000 };

struct asked {
	struct selection selection;
	char *escaped[SELECTION_CONTAINERS_MAX]; /* exact names as patterns */
	size_t n_escaped;
};

static int add_metrics(struct question *q, struct points_wish *wish, const char *list)
{
	cleanup_free char *copy = strdup(list);
	char *rest = copy, *word;
	int r = copy ? 0 : -ENOMEM;

	while (r == 0 && (word = strsep(&rest, ","))) {
		if (wish->n_metrics == POINTS_METRICS_MAX)
			return rbce_error_set(&q->err, -E2BIG, "more than %d metrics",
					      POINTS_METRICS_MAX);
		r = points_parse_metric(word, &wish->metric[wish->n_metrics]);
		if (r == -ENOENT)
			return rbce_error_set(&q->err, -EINVAL, "there is no metric '%.80s'", word);
		if (r == -EINVAL)
			return rbce_error_set(&q->err, -EINVAL,
					      "'%.80s': a counter has sum, rate, min and max, a "
					      "gauge avg, min and max",
					      word);
		wish->n_metrics++;
	}
	return r;
}

static int add_pattern(struct question *q, struct asked *a, const char *pattern)
{
	struct points_wish *wish = &a->selection.wish;

	if (wish->n_patterns == SELECTION_CONTAINERS_MAX)
		return rbce_error_set(&q->err, -E2BIG, "more than %d containers",
				      SELECTION_CONTAINERS_MAX);
	a->selection.patterns[wish->n_patterns++] = pattern;
	wish->patterns = a->selection.patterns;
	return 0;
}

static char *escape(const char *name)
{
	char *text = malloc(2 * strlen(name) + 1), *to = text;

	for (; text && *name; name++) {
		if (strchr("*?[]\\", *name))
			*to++ = '\\';
		*to++ = *name;
	}
	if (text)
		*to = '\0';
	return text;
}

static int add_container(struct question *q, struct asked *a, const char *name)
{
	char *text = a->n_escaped < ARRAY_SIZE(a->escaped) ? escape(name) : NULL;

	if (!text)
		return rbce_error_set(&q->err, -E2BIG, "more than %d containers",
				      SELECTION_CONTAINERS_MAX);
	a->escaped[a->n_escaped++] = text;
	return add_pattern(q, a, text);
}

static int read_step(struct question *q, struct points_wish *wish)
{
	const char *text = request_arg(q->request, "step", 0);
	uint64_t step;

	if (!text)
		return 0;
	if (rbce_parse_duration(text, &step) < 0 || step < 1000 || step % 1000 ||
	    step > UINT64_C(1) << 50)
		return rbce_error_set(&q->err, -EINVAL,
				      "step '%.80s' is no duration of whole "
				      "milliseconds",
				      text);
	wish->step = (int64_t)(step / 1000);
	return 0;
}

static int read_asked(struct question *q, struct asked *a)
{
	struct points_wish *wish = &a->selection.wish;
	const char *text;
	int r = 0;

	wish->from = q->from;
	wish->until = q->until;
	wish->cells_max = VALUES_MOST;
	for (size_t i = 0; r == 0 && (text = request_arg(q->request, "metric", i)); i++)
		r = add_metrics(q, wish, text);
	for (size_t i = 0; r == 0 && (text = request_arg(q->request, "container", i)); i++)
		r = add_container(q, a, text);
	for (size_t i = 0; r == 0 && (text = request_arg(q->request, "match", i)); i++)
		r = add_pattern(q, a, text);
	if (r == 0 && wish->n_metrics == 0)
		r = rbce_error_set(&q->err, -EINVAL, "no metric is named");
	return r == 0 ? read_step(q, wish) : r;
}

static void write_values(FILE *out, const struct points *p, const struct points_series *series,
			 size_t metric)
{
	fputc('[', out);
	for (size_t t = 0; t < p->n_steps; t++) {
		double value = points_value(p, series, metric, t);

		if (t > 0)
			fputc(',', out);
		if (isnan(value))
			fputs("null", out);
		else
			listing_number(out, value);
	}
	fputc(']', out);
}

static void write_points(FILE *out, const struct points *p)
{
	char name[POINTS_NAME_SIZE];

	fputs("{\"from\": ", out);
	listing_number(out, (double)p->from / 1000);
	fputs(", \"step\": ", out);
	listing_number(out, (double)p->step / 1000);
	fprintf(out, ", \"steps\": %zu, \"metrics\": [", p->n_steps);
	for (size_t i = 0; i < p->n_metrics; i++)
		fprintf(out, "%s\"%s\"", i ? ", " : "", points_metric_name(&p->metric[i], name));
	fputs("], \"series\": [", out);
	for (size_t s = 0; s < p->n_series; s++) {
		fprintf(out, "%s\n{\"container\": ", s ? "," : "");
		listing_json_text(out, p->series[s].container);
		fputs(", \"values\": [", out);
		for (size_t i = 0; i < p->n_metrics; i++) {
			fputs(i ? ",\n" : "", out);
			write_values(out, p, &p->series[s], i);
		}
		fputs("]}", out);
	}
	fputs("]}\n", out);
}

int api_series(struct question *q, FILE *out)
{
	struct points *points = NULL;
	struct asked *asked = calloc(1, sizeof(*asked));
	int r = asked ? read_asked(q, asked) : -ENOMEM;

	if (r == 0 && q->db)
		r = points_read(q->db, reader_path(q->server->reader), &asked->selection.wish, NULL,
				&points, &q->err);
	if (r == 0 && points)
		write_points(out, points);
	else if (r == 0)
		fputs("{\"from\": 0, \"step\": 1, \"steps\": 0, \"metrics\": [], \"series\": []}\n",
		      out);
	points_free(points);
	while (asked && asked->n_escaped > 0)
		free(asked->escaped[--asked->n_escaped]);
	free(asked);
	return r;
}
