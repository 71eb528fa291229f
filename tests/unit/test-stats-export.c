// SPDX-License-Identifier: GPL-2.0-or-later
/* stats/show/export.c, openmetrics.c: what is written for other programs. */
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "cli/log.h"
#include "harness.h"
#include "stats-command.h"
#include "stats/commands.h"
#include "stats/show/openmetrics.h"
#include "stats/store/store.h"

#define START INT64_C(1700000000000)

static char tree[PATH_MAX];
static char path[PATH_MAX + 8];
static char out[1 << 20], said[4096];

/* Two containers for four seconds, one of them with all that a label has to quote. */
static void set_up(void)
{
	struct store_options options = {
		.path = path, .group = "rbce", .boot = "boot", .interval = 1000};
	struct store *store;

	snprintf(path, sizeof(path), "%s/db", harness_directory(tree));
	ck_assert_int_eq(store_new(&options, &store, NULL), 0);
	for (unsigned i = 0; i < 5; i++) {
		struct sample a = {.name = "a", .inode = 1};
		struct sample odd = {.name = "o\"d\\d, x", .inode = 2};

		metric_set(&a.values, METRIC_CPU, 7000000 + 500000 * (uint64_t)i);
		metric_set(&a.values, METRIC_MEMORY, 4096 * (uint64_t)(i + 1));
		metric_set(&odd.values, METRIC_CPU, 250001 * (uint64_t)i);
		store_begin(store, START + 1000 * i);
		ck_assert_int_eq(store_put(store, &a), 0);
		ck_assert_int_eq(store_put(store, &odd), 0);
		ck_assert_int_eq(store_commit(store, 0, false, NULL), 0);
	}
	store_close(store);
}

static int export(const char *line)
{
	char words[1024];
	int status;

	snprintf(words, sizeof(words), "export %s", line);
	status = run_command(command_export, words, tree, path);
	read_printed(tree, "out", out, sizeof(out));
	read_printed(tree, "err", said, sizeof(said));
	return status;
}

START_TEST(families)
{
	set_up();
	ck_assert_msg(export("--db @ --format openmetrics --metric cpu_seconds,memory_bytes "
			     "--step 2s") == 0,
		      "%s", said);
	ck_assert_str_eq(out,
			 "# HELP container_cpu_usage_seconds cpu.stat usage_usec of cgroup v2. "
			 "cpuacct.usage of v1.\n"
			 "# TYPE container_cpu_usage_seconds counter\n"
			 "# UNIT container_cpu_usage_seconds seconds\n"
			 "container_cpu_usage_seconds_total{container=\"a\"} 1 1700000002.000\n"
			 "container_cpu_usage_seconds_total{container=\"a\"} 2 1700000004.000\n"
			 "container_cpu_usage_seconds_total{container=\"o\\\"d\\\\d, x\"} 0.500002 "
			 "1700000002.000\n"
			 "container_cpu_usage_seconds_total{container=\"o\\\"d\\\\d, x\"} 1.000004 "
			 "1700000004.000\n"
			 "# HELP container_memory_usage_bytes memory.current of cgroup v2. "
			 "memory.usage_in_bytes of v1.\n"
			 "# TYPE container_memory_usage_bytes gauge\n"
			 "# UNIT container_memory_usage_bytes bytes\n"
			 "container_memory_usage_bytes{container=\"a\"} 6144 1700000002.000\n"
			 "container_memory_usage_bytes{container=\"a\"} 14336 1700000004.000\n"
			 "# EOF\n");
	/* Metrics of which nothing is known have no family. */
	ck_assert_int_eq(export("--db @ --format openmetrics --container a"), 0);
	ck_assert_ptr_nonnull(strstr(out, "# TYPE container_memory_usage_bytes gauge\n"));
	ck_assert_ptr_null(strstr(out, "container_fs_reads"));
	ck_assert_ptr_null(strstr(out, "o\\\"d"));
	/* Of a period without anything, an empty set. */
	ck_assert_int_eq(export("--db @ --format openmetrics --until 1000"), 0);
	ck_assert_str_eq(out, "# EOF\n");
	harness_remove_tree(tree);
}
END_TEST

/* No two metrics have one name, and each is one that OpenMetrics allows. */
START_TEST(names)
{
	static char name[METRIC_TOTAL][OPENMETRICS_NAME_SIZE];

	for (size_t i = 0; i < METRIC_TOTAL; i++) {
		openmetrics_name(i, name[i]);
		ck_assert_uint_eq(strspn(name[i], "abcdefghijklmnopqrstuvwxyz0123456789_"),
				  strlen(name[i]));
		ck_assert_msg(!strstr(name[i], "_total"), "%s", name[i]);
		for (size_t k = 0; k < i; k++)
			ck_assert_msg(strcmp(name[i], name[k]) != 0, "%s", name[i]);
	}
	ck_assert_str_eq(name[METRIC_CPU], "container_cpu_usage_seconds");
	ck_assert_str_eq(name[METRIC_MEMORY_DIRTY], "rbce_container_memory_dirty_bytes");
}
END_TEST

static int lines(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

START_TEST(views)
{
	set_up();
	ck_assert_msg(export("--db @ --since 1700000001 --until 1700000003") == 0, "%s", said);
	ck_assert_int_eq(lines(out), 1 + 2 * 2);
	ck_assert_msg(strstr(out, "time,container,generation,period,cpu_seconds,") == out, "%s",
		      out);
	ck_assert_msg(strstr(out, "\n1700000002,a,1,1,0.5,") != NULL, "%s", out);
	ck_assert_msg(strstr(out, "\n1700000003,\"o\"\"d\\d, x\",2,1,0.250001,") != NULL, "%s",
		      out);
	ck_assert_int_eq(export("--db @ --container o* --view v_cpu"), 0);
	ck_assert_int_eq(lines(out), 1 + 5);
	ck_assert_msg(strstr(out, "container,time,period,cpu_seconds,") == out, "%s", out);
	/* One without a time; one without rows. */
	ck_assert_int_eq(export("--db @ --view container_list"), 0);
	ck_assert_int_eq(lines(out), 1 + 2);
	ck_assert_int_eq(export("--db @ --view v_events"), 0);
	ck_assert_int_eq(lines(out), 1);
	harness_remove_tree(tree);
}
END_TEST

static const struct {
	const char *line;
	int status;
	const char *message;
} mistakes[] = {
	{"", 2, "--db FILE is missing"},
	{"--db @ --format xml", 2, "--format 'xml'"},
	{"--db @ --format openmetrics --view usage", 2, "--view with"},
	{"--db @ --metric pids", 2, "--metric or --step"},
	{"--db @ --step 1s", 2, "--metric or --step"},
	{"--db @ --until x", 2, "--until 'x'"},
	{"--db @ x", 2, "'x'"},
	{"--db @ --view nothing", 1, "view 'nothing'"},
	{"--db @ --view containers", 1, "view 'containers'"},
	{"--db @ --view x\"y", 1, "view 'x\"y'"},
	{"--db /none", 1, "'/none'"},
};

START_TEST(mistakes_one_line)
{
	set_up();
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		int status = export(mistakes[i].line);

		ck_assert_msg(status == mistakes[i].status, "%s: %d", mistakes[i].line, status);
		ck_assert_msg(strstr(said, "containerstats: cannot ") == said &&
				      strstr(said, mistakes[i].message) && lines(said) == 1,
			      "%s: %s", mistakes[i].line, said);
		ck_assert_str_eq(out, "");
	}
	harness_remove_tree(tree);
}
END_TEST

int main(void)
{
	return harness_run("stats-export",
			   (const TTest *const[]){families, names, views, mistakes_one_line, NULL});
}
