// SPDX-License-Identifier: GPL-2.0-or-later
/* stats/top: rates, tree, order, filter and selection, without a terminal. */
#include "stats/top/model.h"

#include <locale.h>
#include <math.h>

#include "harness.h"
#include "stats/top/host.h"
#include "stats/top/text.h"

static struct top_model *model;

/* A container in a tick; what is negative is not known. */
struct given {
	const char *name;
	uint64_t inode;
	bool fresh;
	double cpu; /* seconds */
	double memory;
};

static void put(const struct given *g)
{
	struct sample sample = {.name = g->name, .inode = g->inode, .fresh = g->fresh};

	if (g->cpu >= 0)
		metric_set(&sample.values, METRIC_CPU, (uint64_t)(g->cpu * 1e6));
	if (g->memory >= 0)
		metric_set(&sample.values, METRIC_MEMORY, (uint64_t)g->memory);
	ck_assert_int_eq(top_model_put(model, &sample), 0);
}

static void tick(double seconds, const struct given *given, size_t n)
{
	top_model_begin(model, seconds);
	for (size_t i = 0; i < n; i++)
		put(&given[i]);
	ck_assert_int_eq(top_model_end(model), 0);
}
#define TICK(seconds, ...)                                                                         \
	tick(seconds, (struct given[]){__VA_ARGS__},                                               \
	     sizeof((struct given[]){__VA_ARGS__}) / sizeof(struct given))

static const struct top_row *row(const char *name)
{
	const struct top_row *found = NULL;

	while ((found = top_model_next(model, found)))
		if (strcmp(found->name, name) == 0)
			return found;
	ck_abort_msg("no row '%s'", name);
	return NULL;
}

/* The lines as "/ >users >>alice*", the selected one with a star. */
static const char *shown(void)
{
	static char text[4096];
	const struct top_line *lines;
	size_t n;

	text[0] = '\0';
	lines = top_model_lines(model, &n);
	for (size_t i = 0; i < n; i++) {
		size_t length = strlen(text);

		snprintf(text + length, sizeof(text) - length, "%s%.*s%s%s", i ? " " : "",
			 (int)lines[i].depth, ">>>>>>>>", lines[i].row->name,
			 i == top_model_selected(model) ? "*" : "");
	}
	return text;
}

static void set_up(void)
{
	model = top_model_new();
	ck_assert_ptr_nonnull(model);
}

static void tear_down(void)
{
	model = top_model_free(model);
}

START_TEST(rates)
{
	set_up();
	TICK(0, {"/", 1, false, 100, 50}, {"a", 2, false, 7, -1});
	ck_assert(isnan(row("/")->value[TOP_CPU]));
	ck_assert(row("/")->value[TOP_MEMORY] == 50);
	ck_assert(isnan(row("a")->value[TOP_MEMORY]));
	/* A container that is made between two ticks began with nothing. */
	TICK(2, {"/", 1, false, 101, 60}, {"a", 2, false, 10, -1}, {"new", 3, true, 0.5, 1},
	     {"found", 4, false, 900, 1});
	ck_assert(row("/")->value[TOP_CPU] == 50);
	ck_assert(row("a")->value[TOP_CPU] == 150);
	ck_assert(row("new")->value[TOP_CPU] == 25);
	ck_assert(isnan(row("found")->value[TOP_CPU]));
	/* Another generation; a counter that began anew; one that cannot be read. */
	TICK(1, {"/", 1, false, -1, 60}, {"a", 9, true, 0.25, -1}, {"new", 3, true, 0.1, 1});
	ck_assert(isnan(row("/")->value[TOP_CPU]));
	ck_assert(row("a")->value[TOP_CPU] == 25);
	ck_assert(row("new")->value[TOP_CPU] == 10);
	ck_assert_uint_eq(top_model_count(model), 3);
	tear_down();
}
END_TEST

START_TEST(exits_and_limits)
{
	set_up();
	TICK(0, {"/", 1, false, 0, 0}, {"a", 2, false, 0, 0});
	top_model_begin(model, 0.5);
	put(&(struct given){"/", 1, false, 0, 0});
	put(&(struct given){"a", 2, false, 0, 0});
	top_model_exits(model, "a", 3);
	top_model_exits(model, "a", 4);
	top_model_exits(model, "gone", 4);
	ck_assert_int_eq(top_model_end(model), 0);
	ck_assert(isnan(row("a")->value[TOP_EXITS]));
	top_model_count_exits(model, true);
	ck_assert_int_eq(top_model_end(model), 0);
	ck_assert(row("a")->value[TOP_EXITS] == 14);
	ck_assert(row("/")->value[TOP_EXITS] == 0);
	/* A limit stays until it is set again, and goes with the container. */
	top_row_set_limit((struct top_row *)row("a"), TOP_MEMORY_MAX, INFINITY);
	TICK(1, {"/", 1, false, 0, 0}, {"a", 2, false, 0, 0});
	ck_assert(isinf(row("a")->value[TOP_MEMORY_MAX]));
	TICK(1, {"/", 1, false, 0, 0}, {"a", 3, false, 0, 0});
	ck_assert(isnan(row("a")->value[TOP_MEMORY_MAX]));
	tear_down();
}
END_TEST

/* Two ticks a second apart: the CPU of the second is what is given, in percent. */
static void fill(void)
{
	TICK(0, {"/", 1, false, 0, 9}, {"users", 2, false, 0, 1}, {"users/bob", 3, false, 0, 4},
	     {"users/alice", 4, false, 0, 5}, {"batch", 5, false, 0, 7},
	     {"batch/x/y", 6, false, 0, -1});
	TICK(1, {"/", 1, false, 0.9, 9}, {"users", 2, false, 0.4, 1},
	     {"users/bob", 3, false, 0.3, 4}, {"users/alice", 4, false, 0.1, 5},
	     {"batch", 5, false, 0.5, 7}, {"batch/x/y", 6, false, 0.5, -1});
}

static const struct {
	bool tree;
	int sort;
	bool reversed;
	const char *filter;
	const char *lines;
} orders[] = {
	/* Of batch/x/y the group between is not there. */
	{true, TOP_CPU, false, "", "/* >batch >>batch/x/y >users >>users/bob >>users/alice"},
	{true, TOP_CPU, true, "", "/* >users >>users/alice >>users/bob >batch >>batch/x/y"},
	{true, TOP_MEMORY, false, "", "/* >batch >>batch/x/y >users >>users/alice >>users/bob"},
	{true, TOP_BY_NAME, false, "", "/* >batch >>batch/x/y >users >>users/alice >>users/bob"},
	{true, TOP_BY_NAME, true, "", "/* >users >>users/bob >>users/alice >batch >>batch/x/y"},
	{false, TOP_CPU, false, "", "/* batch batch/x/y users users/bob users/alice"},
	/* What is not known comes last in either direction. */
	{false, TOP_MEMORY, false, "", "/* batch users/alice users/bob users batch/x/y"},
	{false, TOP_MEMORY, true, "", "users* users/bob users/alice batch / batch/x/y"},
	{false, TOP_BY_NAME, false, "", "/* batch batch/x/y users users/alice users/bob"},
	{false, TOP_CPU, false, "ALI", "users/alice*"},
	{true, TOP_CPU, false, "ALI", "/* >users >>users/alice"},
	{true, TOP_CPU, false, "nobody", ""},
};

START_TEST(order)
{
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		set_up();
		top_model_set_tree(model, orders[i].tree);
		top_model_sort(model, orders[i].sort, orders[i].reversed);
		ck_assert_int_eq(top_model_filter(model, orders[i].filter), 0);
		fill();
		ck_assert_str_eq(shown(), orders[i].lines);
		tear_down();
	}
}
END_TEST

/* Which levels have a line going on beside a row. */
START_TEST(branches)
{
	static const uint64_t more[] = {0, 2, 2, 0, 4, 0};
	const struct top_line *lines;
	size_t n;

	set_up();
	fill();
	lines = top_model_lines(model, &n);
	ck_assert_uint_eq(n, 6);
	for (size_t i = 0; i < n; i++)
		ck_assert_uint_eq(lines[i].more, more[i]);
	tear_down();
}
END_TEST

START_TEST(selection)
{
	set_up();
	fill();
	top_model_act(model, TOP_ACT_UP);
	ck_assert_str_eq(shown(), "/* >batch >>batch/x/y >users >>users/bob >>users/alice");
	for (int i = 0; i < 4; i++)
		top_model_act(model, TOP_ACT_DOWN);
	/* It goes where its container goes. */
	top_model_act(model, TOP_ACT_REVERSE);
	ck_assert_str_eq(shown(), "/ >users >>users/alice >>users/bob* >batch >>batch/x/y");
	top_model_act(model, TOP_ACT_TREE);
	ck_assert_str_eq(shown(), "users/alice users/bob* users batch batch/x/y /");
	/* Of one that has gone the next in its place is selected; at the end the last. */
	TICK(1, {"/", 1, false, 2, 9}, {"users", 2, false, 0.6, 1},
	     {"users/alice", 4, false, 0.2, 5});
	ck_assert_str_eq(shown(), "users/alice users* /");
	TICK(1, {"/", 1, false, 2, 9});
	ck_assert_str_eq(shown(), "/*");
	top_model_begin(model, 1);
	ck_assert_int_eq(top_model_end(model), 0);
	ck_assert_str_eq(shown(), "");
	top_model_act(model, TOP_ACT_DOWN);
	top_model_act(model, TOP_ACT_FOLD);
	fill();
	ck_assert_str_eq(shown(), "users/alice users/bob users batch batch/x/y /*");
	tear_down();
}
END_TEST

START_TEST(folding)
{
	set_up();
	fill();
	top_model_act(model, TOP_ACT_DOWN);
	top_model_act(model, TOP_ACT_FOLD);
	ck_assert_str_eq(shown(), "/ >batch* >users >>users/bob >>users/alice");
	ck_assert_int_eq(top_model_filter(model, "y"), 0);
	ck_assert_str_eq(shown(), "/ >batch* >>batch/x/y");
	ck_assert_int_eq(top_model_filter(model, ""), 0);
	top_model_act(model, TOP_ACT_FOLD);
	ck_assert_str_eq(shown(), "/ >batch* >>batch/x/y >users >>users/bob >>users/alice");
	tear_down();
}
END_TEST

/* The window follows the selection, and there is never room below while something is above. */
static const struct {
	enum top_action action;
	size_t height, offset, selected;
} scrolls[] = {
	{TOP_ACT_NONE, 10, 0, 0},      {TOP_ACT_LAST, 10, 90, 99}, {TOP_ACT_NONE, 30, 70, 99},
	{TOP_ACT_PAGE_UP, 30, 69, 69}, {TOP_ACT_UP, 30, 68, 68},   {TOP_ACT_DOWN, 30, 68, 69},
	{TOP_ACT_NONE, 1, 69, 69},     {TOP_ACT_NONE, 200, 0, 69}, {TOP_ACT_PAGE_DOWN, 200, 0, 99},
	{TOP_ACT_NONE, 0, 99, 99},     {TOP_ACT_FIRST, 20, 0, 0},  {TOP_ACT_PAGE_DOWN, 20, 1, 20},
};

START_TEST(scrolling)
{
	char names[100][8];

	set_up();
	top_model_set_tree(model, false);
	top_model_begin(model, 0);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(names[i], sizeof(names[i]), "c%02u", i);
		put(&(struct given){names[i], i + 1, false, 0, 0});
	}
	ck_assert_int_eq(top_model_end(model), 0);
	for (size_t i = 0; i < sizeof(scrolls) / sizeof(scrolls[0]); i++) {
		top_model_resize(model, scrolls[i].height);
		top_model_act(model, scrolls[i].action);
		ck_assert_msg(top_model_offset(model) == scrolls[i].offset &&
				      top_model_selected(model) == scrolls[i].selected,
			      "step %zu: line %zu on top, %zu selected", i, top_model_offset(model),
			      top_model_selected(model));
	}
	tear_down();
}
END_TEST

/* Sorting moves along the columns and stops at both ends; so does what is shown of them. */
START_TEST(columns_in_turn)
{
	bool reversed;

	set_up();
	fill();
	for (int i = 0; i < 3; i++)
		top_model_act(model, TOP_ACT_SORT_LEFT);
	ck_assert_int_eq(top_model_sorted_by(model, &reversed), TOP_BY_NAME);
	for (int i = 0; i < 50; i++)
		top_model_act(model, TOP_ACT_SORT_RIGHT);
	ck_assert_int_eq(top_model_sorted_by(model, &reversed), TOP_COLUMNS - 1);
	for (int i = 0; i < 50; i++)
		top_model_act(model, TOP_ACT_RIGHT);
	ck_assert_int_eq(top_model_first_column(model), TOP_COLUMNS - 1);
	for (int i = 0; i < 50; i++)
		top_model_act(model, TOP_ACT_LEFT);
	ck_assert_int_eq(top_model_first_column(model), 0);
	tear_down();
}
END_TEST

static const struct {
	enum top_column column;
	double value;
	const char *text;
} cells[] = {
	{TOP_CPU, 0, "0.0"},
	{TOP_CPU, 12.34, "12.3"},
	{TOP_CPU, 99.96, "100"},
	{TOP_CPU, 998, "998"},
	{TOP_CPU, 12800, "13k"},
	{TOP_CPU, NAN, "-"},
	{TOP_CPU_MAX, INFINITY, "max"},
	{TOP_CPU_MAX, 150, "150"},
	{TOP_MEMORY, 0, "0B"},
	{TOP_MEMORY, 1288490189, "1.2G"},
	{TOP_PIDS, 32768, "32768"},
	{TOP_PIDS_MAX, 4194304, "4.2M"},
	{TOP_EXITS, 0.5, "0.5"},
	{TOP_EXITS, 1999, "2.0k"},
	{TOP_OOM_KILLS, 3, "3"},
	{TOP_READ, 1e30, "max"},
};

START_TEST(cell_texts)
{
	char text[TOP_CELL_SIZE];

	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++)
		ck_assert_str_eq(top_column_format(cells[i].column, cells[i].value, text),
				 cells[i].text);
	/* No value is wider than its column, whatever it is, nor any title. */
	for (int c = 0; c < TOP_COLUMNS; c++) {
		ck_assert_int_le((int)strlen(top_columns[c].title), top_columns[c].width);
		for (double v = 0.01; v < 1e15; v *= 1.0173)
			ck_assert_msg((int)strlen(top_column_format(c, v, text)) <=
					      top_columns[c].width,
				      "%s: '%s' is wider than %d", top_columns[c].key, text,
				      top_columns[c].width);
		ck_assert_int_eq(top_column_find(top_columns[c].key), c);
	}
	ck_assert_int_eq(top_column_find("nothing"), -1);
}
END_TEST

START_TEST(tones)
{
	double values[TOP_COLUMNS];

	for (size_t i = 0; i < TOP_COLUMNS; i++)
		values[i] = NAN;
	ck_assert_int_eq(top_column_tone(TOP_CPU, values), TOP_QUIET);
	values[TOP_CPU] = 40;
	ck_assert_int_eq(top_column_tone(TOP_CPU, values), TOP_PLAIN);
	values[TOP_CPU_MAX] = 44;
	ck_assert_int_eq(top_column_tone(TOP_CPU, values), TOP_ALARM);
	values[TOP_CPU_MAX] = INFINITY;
	ck_assert_int_eq(top_column_tone(TOP_CPU, values), TOP_PLAIN);
	values[TOP_MEMORY] = 900;
	values[TOP_MEMORY_MAX] = 1000;
	ck_assert_int_eq(top_column_tone(TOP_MEMORY, values), TOP_ALARM);
	values[TOP_IO_STALL] = 6;
	ck_assert_int_eq(top_column_tone(TOP_IO_STALL, values), TOP_WARN);
	values[TOP_IO_STALL] = 60;
	ck_assert_int_eq(top_column_tone(TOP_IO_STALL, values), TOP_ALARM);
}
END_TEST

static const struct {
	const char *text;
	int width;
	const char *fits;
} names[] = {
	{"alice", 10, "alice"},
	{"alice", 5, "alice"},
	{"alice", 4, "~ice"},
	{"alice", 1, "~"},
	{"alice", 0, ""},
	{"", 5, ""},
	{"jürgen", 6, "jürgen"},
	{"jürgen", 5, "~rgen"},
	{"日本語", 6, "日本語"},
	{"日本語", 5, "~本語"},
	{"日本語", 4, "~語"}, /* half a character is none */
	{"a\xff"
	 "b",
	 3, "a?b"},
	{"a\tb", 3, "a?b"},
};

START_TEST(texts_that_fit)
{
	char text[32];

	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		harness_skip("there is no locale C.UTF-8");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int taken = top_text_fit(names[i].text, names[i].width, text, sizeof(text));

		ck_assert_str_eq(text, names[i].fits);
		ck_assert_int_eq(taken, top_text_width(names[i].fits));
	}
	/* No character is cut where the room for bytes ends. */
	top_text_fit("ööö", 9, text, 4);
	ck_assert_str_eq(text, "ö");
}
END_TEST

START_TEST(host_numbers)
{
	struct top_host host = {0};

	top_host_read_stat(&host, "cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1\ncpu1 1\nintr 5\n");
	ck_assert(isnan(host.cpu));
	ck_assert_uint_eq(host.cpus, 2);
	top_host_read_stat(&host, "cpu  130 5 60 840 60 1 2 2 9 0\ncpu0 1\ncpu1 1\n");
	ck_assert(host.cpu == 0.5);
	top_host_read_stat(&host, "cpu  130 5 60 840 60 1 2 2 9 0\ncpu0 1\ncpu1 1\n");
	ck_assert(isnan(host.cpu));
	top_host_read_stat(&host, "");
	ck_assert_uint_eq(host.cpus, 2);
	top_host_read_memory(&host, "MemTotal:  1000 kB\nMemFree: 1 kB\nMemAvailable: 400 kB\n"
				    "SwapTotal: 7 kB\nSwapFree: 0 kB\n");
	ck_assert_uint_eq(host.memory, 1024000);
	ck_assert_uint_eq(host.memory_available, 409600);
	ck_assert_uint_eq(host.swap, 7168);
	top_host_read_memory(&host, "");
	ck_assert_uint_eq(host.memory, 0);
	top_host_read_load(&host, "0.50 1.25 12.00 1/200 4711\n");
	ck_assert_str_eq(host.load, "0.50 1.25 12.00");
	top_host_read_load(&host, "nonsense");
	ck_assert_str_eq(host.load, "");
	top_host_read_stall(&host, TOP_STALL_IO, "some avg10=12.50 avg60=1.00 total=5\n");
	ck_assert(host.stall[TOP_STALL_IO] == 12.5);
	top_host_read_stall(&host, TOP_STALL_IO, "");
	ck_assert(isnan(host.stall[TOP_STALL_IO]));
}
END_TEST

int main(void)
{
	return harness_run("stats-top",
			   (const TTest *const[]){rates, exits_and_limits, order, branches,
						  selection, folding, scrolling, columns_in_turn,
						  cell_texts, tones, texts_that_fit, host_numbers,
						  NULL});
}
