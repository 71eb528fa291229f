// SPDX-License-Identifier: GPL-2.0-or-later
/* stats/show: points.c, query.c, listing.c, progress.c: series in steps, and how they are written.
 */
#include "stats/show/points.h"

#include <json-c/json.h>
#include <math.h>
#include <sys/wait.h>

#include "cli/log.h"
#include "harness.h"
#include "stats-command.h"
#include "stats-sql.h"
#include "stats/commands.h"
#include "stats/show/listing.h"
#include "stats/store/schema.h"
#include "stats/store/store.h"

#define START INT64_C(1800000000000) /* a full hour */

/* What memory is counted in, here and in the database. */
#define PAGE 4096

static char tree[PATH_MAX];
static char path[PATH_MAX + 8];

/* What container a has at a second after START; the memory is that of the times before, where 0. */
static const struct {
	int64_t time; /* ms */
	double cpu;   /* seconds so far */
	uint64_t memory;
	uint64_t kills;
} ticks[] = {
	{0, 10, 100, 5},
	{1000, 10.5, 100, 5},
	{2000, 11, 300, 5},
	{3000, 11, 300, 5}, /* idle */
	{4000, 11, 300, 6},
	{5000, 12, 100, 6},
	{6000, 12.5, 100, 6},
	/* The recorder was away. */
	{200000, 13.5, 700, 6},
	{201000, 14, 700, 6},
};

static void put(struct store *store, const char *name, uint64_t inode, double cpu, uint64_t memory,
		uint64_t kills)
{
	struct sample sample = {.name = name, .inode = inode};

	metric_set(&sample.values, METRIC_CPU, (uint64_t)(cpu * 1e6 + 0.5));
	metric_set(&sample.values, METRIC_MEMORY, memory * PAGE);
	metric_set(&sample.values, METRIC_OOM_KILLS, kills);
	ck_assert_int_eq(store_put(store, &sample), 0);
}

static void set_up(void)
{
	struct store_options options = {
		.path = path, .group = "rbce", .boot = "boot", .interval = 1000};
	struct store *store = NULL;

	snprintf(path, sizeof(path), "%s/db", harness_directory(tree));
	for (size_t i = 0; i < sizeof(ticks) / sizeof(ticks[0]); i++) {
		if (i == 0 || i == 7) {
			store_close(store);
			ck_assert_int_eq(store_new(&options, &store, NULL), 0);
		}
		store_begin(store, START + ticks[i].time);
		put(store, "a", 7, ticks[i].cpu, ticks[i].memory, ticks[i].kills);
		/* Of b there are two generations. */
		if (i < 5)
			put(store, "b\"x", i < 3 ? 8 : 9, 1 + (double)i, 50, 0);
		ck_assert_int_eq(store_commit(store, 0, false, NULL), 0);
	}
	store_close(store);
}

static void tear_down(void)
{
	harness_remove_tree(tree);
}

static struct points *read_points(int64_t from, int64_t until, int64_t step, const char *metric,
				  const char *pattern)
{
	struct points_wish wish = {.from = START + from,
				   .until = START + until,
				   .step = step,
				   .n_metrics = 1,
				   .patterns = &pattern,
				   .n_patterns = pattern != NULL};
	struct points *points = NULL;
	struct rbce_error err = {0};
	sqlite3 *db;

	ck_assert_int_eq(points_parse_metric(metric, &wish.metric[0]), 0);
	ck_assert_int_eq(schema_open_reader(path, &db, &err), 0);
	ck_assert_msg(points_read(db, path, &wish, NULL, &points, &err) == 0, "%s", err.message);
	sqlite3_close(db);
	return points;
}

/* "a: 0 0.5 - 1" */
static const char *text_of(const struct points *p)
{
	static char text[8192];
	char *at = text, *end = text + sizeof(text);

	*at = '\0';
	for (size_t s = 0; s < p->n_series; s++) {
		at += snprintf(at, (size_t)(end - at), "%s%s:", s ? "; " : "",
			       p->series[s].container);
		for (size_t i = 0; i < p->n_steps; i++) {
			double value = points_value(p, &p->series[s], 0, i);

			if (p->metric[0].metric == METRIC_MEMORY)
				value /= PAGE;
			at += snprintf(at, (size_t)(end - at), isnan(value) ? " -" : " %.6g",
				       value);
		}
	}
	return text;
}

static const struct {
	const char *metric;
	const char *pattern;
	int64_t from, until, step;
	const char *points;
} series[] = {
	/* A row at T tells of the second before it. */
	{"cpu_seconds", "a", 0, 6000, 1000, "a: 0.5 0.5 0 0 1 0.5"},
	{"cpu_seconds", "a", 0, 6000, 2000, "a: 1 0 1.5"},
	{"cpu_seconds", "a", 1000, 6000, 3000, "a: 1 1.5"},
	{"cpu_seconds", "a", 0, 6000, 500, "a: 0.25 0.25 0.25 0.25 0 0 0 0 0.5 0.5 0.25 0.25"},
	{"cpu_seconds:rate", "a", 0, 6000, 2000, "a: 0.5 0 0.75"},
	{"cpu_seconds:max", "a", 0, 6000, 2000, "a: 0.5 0 1"},
	{"cpu_seconds:min", "a", 0, 6000, 3000, "a: 0 0"},
	{"oom_kills", "a", 0, 6000, 2000, "a: 0 1 0"},
	/* A gauge stands until the next row. */
	{"memory_bytes", "a", 0, 6000, 1000, "a: 100 100 300 300 300 100"},
	{"memory_bytes", "a", 0, 6000, 2000, "a: 100 300 200"},
	{"memory_bytes:max", "a", 0, 6000, 2000, "a: 300 300 300"},
	{"memory_bytes:min", "a", 0, 6000, 2000, "a: 100 300 100"},
	/*
	 * Where nothing was recorded nothing is known, but for what was used meanwhile. The first
	 * minute is rolled up already, which takes a gauge to stand for the minute.
	 */
	{"memory_bytes", "a", 0, 201000, 60000, "a: 110 - - 700"},
	{"cpu_seconds", "a", 0, 201000, 120000, "a: 3.08763 0.912371"},
	/* What begins before the period tells with what it begins. */
	{"memory_bytes", "a", 3000, 5000, 1000, "a: 300 300"},
	{"cpu_seconds", "b*", 0, 6000, 2000, "b\"x: 2 1 -"},
	{"memory_bytes", NULL, 0, 6000, 3000, "a: 166.667 233.333; b\"x: 50 50"},
	{"memory_bytes", "c", 0, 6000, 3000, ""},
	{"memory_bytes", "a", -7000, -5000, 1000, ""},
};

START_TEST(steps)
{
	set_up();
	for (size_t i = 0; i < sizeof(series) / sizeof(series[0]); i++) {
		struct points *p = read_points(series[i].from, series[i].until, series[i].step,
					       series[i].metric, series[i].pattern);

		ck_assert_msg(strcmp(text_of(p), series[i].points) == 0,
			      "%s of %s by %lld: '%s' instead of '%s'", series[i].metric,
			      series[i].pattern ?: "all", (long long)series[i].step, text_of(p),
			      series[i].points);
		points_free(p);
	}
	tear_down();
}
END_TEST

/* However it is cut into steps, the sum is the same. */
/* The clock is set back by 30 s: what was used is all there, at the rate that it was used at. */
START_TEST(clock_set_back)
{
	struct store_options options = {
		.path = path, .group = "rbce", .boot = "boot", .interval = 1000};
	struct store *store = NULL;
	struct points *p;
	double sum = 0;

	snprintf(path, sizeof(path), "%s/db", harness_directory(tree));
	ck_assert_int_eq(store_new(&options, &store, NULL), 0);
	for (int i = 0; i <= 120; i++) {
		store_begin(store, START + 1000 * (i < 60 ? i : i - 30));
		put(store, "a", 7, i * 0.5, 100, 0);
		ck_assert_int_eq(store_commit(store, 0, i == 120, NULL), 0);
	}
	store_close(store);
	p = read_points(0, 90000, 5000, "cpu_seconds:rate", "a");
	for (size_t k = 0; k < p->n_steps; k++)
		ck_assert_msg(fabs(points_value(p, &p->series[0], 0, k) - 0.5) < 0.06,
			      "step %zu: %f", k, points_value(p, &p->series[0], 0, k));
	points_free(p);
	p = read_points(0, 91000, 5000, "cpu_seconds", "a");
	for (size_t k = 0; k < p->n_steps; k++)
		if (!isnan(points_value(p, &p->series[0], 0, k)))
			sum += points_value(p, &p->series[0], 0, k);
	ck_assert_msg(fabs(sum - 60) < 1e-6, "%f", sum);
	points_free(p);
	harness_remove_tree(tree);
}
END_TEST

START_TEST(nothing_is_lost)
{
	static const int64_t lengths[] = {1, 7, 333, 500, 999, 1000, 1001, 60000, 3600000};

	set_up();
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct points *p = read_points(0, 201000, lengths[i], "cpu_seconds", "a");
		double sum = 0;

		for (size_t k = 0; k < p->n_steps; k++)
			if (!isnan(points_value(p, &p->series[0], 0, k)))
				sum += points_value(p, &p->series[0], 0, k);
		ck_assert_msg(fabs(sum - 4) < 1e-6, "steps of %lld ms: %f", (long long)lengths[i],
			      sum);
		points_free(p);
	}
	tear_down();
}
END_TEST

/* Four hours at a tick every 20 s, of which the second is idle. */
enum { LONG_TICKS = 4 * 180 };

static void make_long(void)
{
	struct store_options options = {
		.path = path, .group = "rbce", .boot = "boot", .interval = 20000};
	struct store *store = NULL;
	double cpu = 0;

	snprintf(path, sizeof(path), "%s/db", harness_directory(tree));
	ck_assert_int_eq(store_new(&options, &store, NULL), 0);
	for (int64_t i = 0; i <= LONG_TICKS; i++) {
		bool idle = i > 180 && i <= 360;

		cpu += idle ? 0 : (double)(i % 7);
		store_begin(store, START + i * 20000);
		put(store, "a", 7, cpu, idle ? 30 : 10 + (uint64_t)(i % 5), (uint64_t)i / 100);
		put(store, "b", 8, 2 * cpu, 40, 0);
		put(store, "idle", 9, 5, 40, 0);
		ck_assert_int_eq(store_commit(store, 0, false, NULL), 0);
	}
	store_close(store);
}

static const struct {
	const char *metric;
	int64_t step;
} long_series[] = {
	{"cpu_seconds", 3600000},      {"cpu_seconds", 60000},      {"cpu_seconds:rate", 60000},
	{"cpu_seconds:max", 600000},   {"cpu_seconds:min", 600000}, {"memory_bytes", 3600000},
	{"memory_bytes:max", 7200000}, {"memory_bytes:min", 60000}, {"oom_kills", 120000},
};

/* The older tiers tell the same as the ticks do, which are no longer needed for it then. */
START_TEST(tiers_agree)
{
	make_long();
	for (size_t i = 0; i < sizeof(long_series) / sizeof(long_series[0]); i++) {
		int64_t step = long_series[i].step, hours = 4 * 3600000;
		struct points *coarse = read_points(0, hours, step, long_series[i].metric, NULL);
		/* A step that no older tier has. */
		struct points *fine = read_points(0, hours, 20000, long_series[i].metric, NULL);
		size_t ratio = (size_t)(step / 20000);
		double slack = coarse->metric[0].how == POINTS_AVG ? PAGE / 2 : 1e-9;

		ck_assert_uint_eq(coarse->n_series, 3);
		for (size_t s = 0; s < 3; s++)
			for (size_t k = 0; k < coarse->n_steps; k++) {
				double sum = 0, least = INFINITY, most = -INFINITY, got, want;

				for (size_t f = k * ratio; f < (k + 1) * ratio && f < fine->n_steps;
				     f++) {
					double v = points_value(fine, &fine->series[s], 0, f);

					ck_assert(!isnan(v));
					sum += v;
					least = v < least ? v : least;
					most = v > most ? v : most;
				}
				got = points_value(coarse, &coarse->series[s], 0, k);
				want = strstr(long_series[i].metric, ":max")   ? most
				       : strstr(long_series[i].metric, ":min") ? least
				       : coarse->metric[0].how == POINTS_SUM   ? sum
									     : sum / (double)ratio;
				/* Averages are kept in whole pages. */
				ck_assert_msg(fabs(got - want) <= 1e-6 * fabs(want) + slack,
					      "%s by %lld, step %zu: %g instead of %g",
					      long_series[i].metric, (long long)step, k, got, want);
			}
		points_free(coarse);
		points_free(fine);
	}
	tear_down();
}
END_TEST

START_TEST(old_ticks_gone)
{
	struct points *before, *after;
	char *text;

	make_long();
	before = read_points(0, 4 * 3600000, 3600000, "cpu_seconds", "a");
	text = strdup(text_of(before));
	ck_assert_uint_eq(before->n_steps, 4);
	/* The last hour alone is left of them. */
	run_sql(path, "DELETE FROM samples WHERE at >> 28 IN"
		      " (SELECT id FROM ticks WHERE time <= 1800010800);"
		      "DELETE FROM ticks WHERE time <= 1800010800");
	after = read_points(0, 4 * 3600000, 3600000, "cpu_seconds", "a");
	ck_assert_str_eq(text_of(after), text);
	free(text);
	points_free(before);
	points_free(after);
	/* One that did nothing used nothing; what nobody counts is not known. */
	after = read_points(0, 3 * 3600000, 3600000, "cpu_seconds", "idle");
	ck_assert_str_eq(text_of(after), "idle: 0 0 0");
	points_free(after);
	after = read_points(0, 3 * 3600000, 3600000, "io_reads", "idle");
	ck_assert_str_eq(text_of(after), "idle: - - -");
	points_free(after);
	tear_down();
}
END_TEST

START_TEST(chosen_step)
{
	struct points *p;

	set_up();
	p = read_points(0, 6000, 0, "cpu_seconds", "a");
	ck_assert_int_eq(p->step, 1000);
	ck_assert_uint_eq(p->n_steps, 6);
	points_free(p);
	tear_down();
}
END_TEST

static const struct {
	const char *text;
	int result;
	const char *name;
} metric_texts[] = {
	{"cpu_seconds", 0, "cpu_seconds"},
	{"cpu_seconds:sum", 0, "cpu_seconds"},
	{"cpu_seconds:rate", 0, "cpu_seconds_rate"},
	{"memory_bytes:max", 0, "memory_bytes_max"},
	{"memory_bytes:sum", -EINVAL, NULL},
	{"cpu_seconds:avg", -EINVAL, NULL},
	{"cpu_seconds:", -EINVAL, NULL},
	{"cpu_usec", -ENOENT, NULL},
	{"cpu_second", -ENOENT, NULL},
	{"", -ENOENT, NULL},
};

START_TEST(metric_names)
{
	for (size_t i = 0; i < sizeof(metric_texts) / sizeof(metric_texts[0]); i++) {
		struct points_metric metric;
		char name[POINTS_NAME_SIZE];
		int r = points_parse_metric(metric_texts[i].text, &metric);

		ck_assert_msg(r == metric_texts[i].result, "%s: %d", metric_texts[i].text, r);
		if (r == 0)
			ck_assert_str_eq(points_metric_name(&metric, name), metric_texts[i].name);
	}
}
END_TEST

/* The command. */

static char out[1 << 16], said[4096];

static int query(const char *line)
{
	char words[1024];
	int status;

	snprintf(words, sizeof(words), "query %s", line);
	status = run_command(command_query, words, tree, path);
	read_printed(tree, "out", out, sizeof(out));
	read_printed(tree, "err", said, sizeof(said));
	return status;
}

#define PERIOD "--since 1800000000 --until 1800000006 "

START_TEST(forms)
{
	json_object *json, *list, *b, *points, *point;

	set_up();
	ck_assert_int_eq(query("--db @ --metric cpu_seconds,memory_bytes --step 3s --csv " PERIOD),
			 0);
	ck_assert_str_eq(out, "container,time,cpu_seconds,memory_bytes\n"
			      "a,1800000000,1,682666.666667\n"
			      "a,1800000003,1.5,955733.333333\n"
			      "\"b\"\"x\",1800000000,2,204800\n"
			      "\"b\"\"x\",1800000003,1,204800\n");
	ck_assert_str_eq(said, "");
	ck_assert_int_eq(query("--db @ --metric cpu_seconds:rate --metric memory_bytes --json "
			       "--step 6s --container b* " PERIOD),
			 0);
	json = json_tokener_parse(out);
	ck_assert_msg(json != NULL, "%s", out);
	list = json_object_object_get(json, "series");
	ck_assert_uint_eq(json_object_array_length(list), 1);
	b = json_object_array_get_idx(list, 0);
	ck_assert_str_eq(json_object_get_string(json_object_object_get(b, "container")), "b\"x");
	points = json_object_object_get(b, "points");
	ck_assert_uint_eq(json_object_array_length(points), 1);
	point = json_object_array_get_idx(points, 0);
	ck_assert(json_object_get_double(json_object_object_get(point, "memory_bytes")) ==
		  50 * PAGE);
	json_object_put(json);
	ck_assert_int_eq(
		query("--db @ --metric oom_kills,cpu_seconds:rate --container a --step 6s " PERIOD),
		0);
	ck_assert_msg(strstr(out, "a                 1"), "%s", out);
	tear_down();
}
END_TEST

#define PIDS_8 "pids,pids,pids,pids,pids,pids,pids,pids"

static const struct {
	const char *line;
	int status;
	const char *message;
} mistakes[] = {
	{"", 2, "--db FILE is missing"},
	{"--db @", 2, "--metric METRIC is missing"},
	{"--db @ --metric cpu", 2, "metric 'cpu'"},
	{"--db @ --metric cpu_seconds:avg", 2, "metric 'cpu_seconds:avg'"},
	{"--db @ --metric cpu_seconds --step 0", 2, "--step '0'"},
	{"--db @ --metric cpu_seconds --step max", 2, "--step 'max'"},
	{"--db @ --metric cpu_seconds --csv --json", 2, "--csv with --json"},
	{"--db @ --metric cpu_seconds --since x", 2, "--since 'x'"},
	{"--db @ --metric cpu_seconds --since 1 --from 2", 2, "--from with --since"},
	{"--db @ --metric cpu_seconds x", 2, "'x'"},
	{"--db /none --metric cpu_seconds", 1, "'/none'"},
	{"--db @ --metric cpu_seconds --step 1us", 2, "--step '1us'"},
	{"--db @ --step 1ms --since 1800000000 --until 1800300000 --metric " PIDS_8 "," PIDS_8
	 "," PIDS_8 "," PIDS_8,
	 1, "more than 10485760 points"},
	{"--db @ --metric pids," PIDS_8 "," PIDS_8 "," PIDS_8 "," PIDS_8, 2, "more than 32"},
};

START_TEST(mistakes_one_line)
{
	set_up();
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		int status = query(mistakes[i].line);

		ck_assert_msg(status == mistakes[i].status, "%s: %d", mistakes[i].line, status);
		ck_assert_msg(strstr(said, "containerstats: cannot ") == said &&
				      strstr(said, mistakes[i].message) &&
				      strchr(said, '\n') == said + strlen(said) - 1,
			      "%s: %s", mistakes[i].line, said);
		ck_assert_str_eq(out, "");
	}
	tear_down();
}
END_TEST

START_TEST(bars)
{
	char text[256];

	ck_assert_str_eq(progress_format("reading", 0.5, 27, text, sizeof(text)),
			 "reading [#####     ]  50%");
	ck_assert_str_eq(progress_format("reading", -1, 27, text, sizeof(text)),
			 "reading [          ]   0%");
	ck_assert_str_eq(progress_format("reading", 7, 27, text, sizeof(text)),
			 "reading [##########] 100%");
	ck_assert_str_eq(progress_format("reading", 1, 5, text, sizeof(text)), "reading [] 100%");
	for (int width = 0; width < 2000; width += 7)
		ck_assert_uint_lt(strlen(progress_format("x", 0.99, width, text, sizeof(text))),
				  sizeof(text));
}
END_TEST

static const struct {
	const char *text, *csv, *json;
} texts[] = {
	{"users/alice", "users/alice", "\"users/alice\""},
	{"a\"b", "\"a\"\"b\"", "\"a\\\"b\""},
	{"a,b", "\"a,b\"", "\"a,b\""},
	{"a\nb", "\"a\nb\"", "\"a\\u000ab\""},
	{"a\\b", "a\\b", "\"a\\\\b\""},
	{"ö", "ö", "\"ö\""},
	{"", "", "\"\""},
};

START_TEST(quoting)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char *text = NULL;
		size_t size;
		FILE *file = open_memstream(&text, &size);

		listing_csv_text(file, texts[i].text);
		fflush(file);
		ck_assert_str_eq(text, texts[i].csv);
		rewind(file);
		fclose(file);
		free(text);
		file = open_memstream(&text, &size);
		listing_json_text(file, texts[i].text);
		fclose(file);
		ck_assert_str_eq(text, texts[i].json);
		free(text);
	}
}
END_TEST

int main(void)
{
	return harness_run("stats-points",
			   (const TTest *const[]){steps, clock_set_back, nothing_is_lost,
						  tiers_agree, old_ticks_gone, chosen_step,
						  metric_names, forms, mistakes_one_line, bars,
						  quoting, NULL});
}
