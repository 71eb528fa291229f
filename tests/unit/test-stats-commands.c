// SPDX-License-Identifier: GPL-2.0-or-later
/* stats/record.c, report.c: the commands as a user runs them, in a child each. */
#include "stats/commands.h"

#include <json-c/json.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>

#include "cli/log.h"
#include "harness.h"
#include "stats-sql.h"
#include "stats/store/schema.h"
#include "stats/store/store.h"

enum { MAX_ARGS = 12 };

static char tree[PATH_MAX];
static char db[PATH_MAX + 16];
static char group[32];
static char out[1 << 16];
static char err[1 << 16];

static void read_output(const char *name, char *buf, size_t size)
{
	char path[PATH_MAX + 16];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", tree, name);
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	n = fread(buf, 1, size - 1, file);
	buf[n] = '\0';
	fclose(file);
}

static void redirect(const char *name, int fd)
{
	char path[PATH_MAX + 16];
	int file;

	snprintf(path, sizeof(path), "%s/%s", tree, name);
	file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (file < 0 || dup2(file, fd) < 0)
		_exit(99);
}

/* The arguments are divided by spaces; @ is the database, % the root group. */
static pid_t start(int (*command)(int, char **), const char *line)
{
	char words[4096], *argv[MAX_ARGS + 1] = {0}, *rest = words, *word;
	int argc = 0;
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	redirect("out", STDOUT_FILENO);
	redirect("err", STDERR_FILENO);
	snprintf(words, sizeof(words), "command %s", line);
	while (argc < MAX_ARGS && (word = strtok_r(rest, " ", &rest)))
		argv[argc++] = strcmp(word, "@") == 0 ? db : strcmp(word, "%") == 0 ? group : word;
	log_open("containerstats", LOG_LEVEL_INFO);
	exit(command(argc, argv));
}

static int finish(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	read_output("out", out, sizeof(out));
	read_output("err", err, sizeof(err));
	ck_assert_msg(WIFEXITED(status), "it ended by signal %d: %s", WTERMSIG(status), err);
	return WEXITSTATUS(status);
}

static void set_up(void)
{
	snprintf(db, sizeof(db), "%s/db", harness_directory(tree));
	snprintf(group, sizeof(group), "rbce-test-%d", getpid());
}

static int lines(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* Three containers, seen at 0, 1 and 2 s after a fixed moment; one of them only at first. */
static void make_database(void)
{
	struct store_options options = {
		.path = db, .group = "rbce", .boot = "boot", .interval = 1000};
	struct store *store;

	ck_assert_int_eq(store_new(&options, &store, NULL), 0);
	for (unsigned i = 0; i < 3; i++) {
		struct sample root = {.name = "/", .inode = 1};
		struct sample a = {.name = "users/o'neil \"x\"", .inode = 2};
		struct sample gone = {.name = "gone", .inode = 3};

		metric_set(&root.values, METRIC_CPU, 5000000 + 500001 * (uint64_t)i);
		metric_set(&root.values, METRIC_MEMORY, 4096 * (uint64_t)(i + 1));
		metric_set(&a.values, METRIC_CPU, 7 + 250000 * (uint64_t)i);
		metric_set(&a.values, METRIC_IO_READ, UINT64_C(9007199254740000) * i / 2);
		metric_set(&a.values, METRIC_PIDS, 3 - i);
		metric_set(&gone.values, METRIC_PIDS, 8);
		store_begin(store, INT64_C(1700000000250) + 1000 * i);
		ck_assert_int_eq(store_put(store, &root), 0);
		ck_assert_int_eq(store_put(store, &a), 0);
		if (i == 0)
			ck_assert_int_eq(store_put(store, &gone), 0);
		ck_assert_int_eq(store_commit(store, 0, false, NULL), 0);
	}
	store_close(store);
}

static json_object *container(json_object *report, const char *name)
{
	json_object *list = json_object_object_get(report, "containers");

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		json_object *c = json_object_array_get_idx(list, i);

		if (strcmp(json_object_get_string(json_object_object_get(c, "container")), name) ==
		    0)
			return c;
	}
	ck_abort_msg("no container '%s'", name);
	return NULL;
}

static const struct {
	const char *name, *key, *value; /* as JSON */
} numbers[] = {
	{"/", "cpu_seconds", "1.000002"},
	{"/", "cpu_percent", "50.000"},
	{"/", "memory_bytes_avg", "6144.000"},
	{"/", "memory_bytes_peak", "12288"},
	{"/", "memory_bytes_last", "12288"},
	{"/", "pids_last", "null"},
	{"/", "from", "1700000000.250"},
	{"/", "to", "1700000002.250"},
	{"/", "last_seen", "null"},
	{"users/o'neil \"x\"", "cpu_seconds", "0.500000"},
	{"users/o'neil \"x\"", "io_read_bytes", "9007199254740000"},
	{"users/o'neil \"x\"", "pids_peak", "3"},
	{"users/o'neil \"x\"", "pids_last", "1"},
	{"users/o'neil \"x\"", "memory_bytes_avg", "null"},
	{"gone", "first_seen", "1700000000.250"},
	{"gone", "last_seen", "1700000000.250"},
	{"gone", "pids_peak", "8"},
	{"gone", "pids_last", "null"},
};

START_TEST(report_numbers)
{
	json_object *report;

	set_up();
	make_database();
	ck_assert_int_eq(finish(start(command_report, "--db @ --json")), 0);
	ck_assert_str_eq(err, "");
	report = json_tokener_parse(out);
	ck_assert_ptr_nonnull(report);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		json_object *value;

		ck_assert_msg(json_object_object_get_ex(container(report, numbers[i].name),
							numbers[i].key, &value),
			      "no '%s'", numbers[i].key);
		ck_assert_msg(strcmp(value ? json_object_get_string(value) : "null",
				     numbers[i].value) == 0,
			      "%s of %s is %s", numbers[i].key, numbers[i].name,
			      value ? json_object_get_string(value) : "null");
	}
	json_object_put(report);
	harness_remove_tree(tree);
}
END_TEST

/* Which containers and how much of them a period holds. */
static const struct {
	const char *line;
	const char *root_cpu; /* NULL: no container is listed */
	bool gone;
} periods[] = {
	{"--from 1700000000", "1.000002", true},
	{"--from 1700000000.5", "1.000002", false},
	{"--from 1700000001.5", "0.500001", false},
	{"--from 1700000000 --to 1700000002", "0.500001", true},
	{"--to 1700000002.25", "1.000002", true},
	{"--to 2023-11-14T22:13:22Z", "0.500001", true},
	{"--to 1700000002.25 --last 1s", "0.500001", false},
	{"--to 1700000000", NULL, false},
	{"--from 1700000003 --to 1900000000", NULL, false},
	{"--since 1700000000 --until 1700000002", "0.500001", true},
	{"--since 1700000000 --to 1700000002", "0.500001", true},
};

START_TEST(report_periods)
{
	char line[256];

	set_up();
	make_database();
	for (size_t i = 0; i < sizeof(periods) / sizeof(periods[0]); i++) {
		json_object *report, *list;

		snprintf(line, sizeof(line), "--db @ --json %s", periods[i].line);
		ck_assert_msg(finish(start(command_report, line)) == 0, "%s: %s", line, err);
		report = json_tokener_parse(out);
		list = json_object_object_get(report, "containers");
		ck_assert_ptr_nonnull(list);
		if (periods[i].root_cpu)
			ck_assert_msg(strcmp(json_object_get_string(json_object_object_get(
						     container(report, "/"), "cpu_seconds")),
					     periods[i].root_cpu) == 0,
				      "%s", line);
		ck_assert_msg((int)json_object_array_length(list) ==
				      (periods[i].root_cpu ? 2 + periods[i].gone : 0),
			      "%s", line);
		json_object_put(report);
		/* The same for people: a line each below the headings. */
		snprintf(line, sizeof(line), "--db @ %s", periods[i].line);
		ck_assert_int_eq(finish(start(command_report, line)), 0);
		if (periods[i].root_cpu)
			ck_assert_int_eq(lines(out), 5 + periods[i].gone);
	}
	harness_remove_tree(tree);
}
END_TEST

/* Generation after generation of the container a; root uses more than all of them. */
static void make_jobs(void)
{
	struct store_options options = {
		.path = db, .group = "rbce", .boot = "boot", .interval = 1000};
	struct store *store;

	ck_assert_int_eq(store_new(&options, &store, NULL), 0);
	for (unsigned i = 0; i < 6; i++) {
		struct sample root = {.name = "/", .inode = 1};
		struct sample a = {.name = "a", .inode = 2 + i / 2};
		struct sample z = {.name = "z, the \"last\"", .inode = 9};

		metric_set(&root.values, METRIC_CPU, 3000000 * (uint64_t)i);
		metric_set(&a.values, METRIC_CPU, 1000000 * (uint64_t)i);
		metric_set(&z.values, METRIC_CPU, 1500000 * (uint64_t)i);
		store_begin(store, INT64_C(1700000000000) + 1000 * i);
		ck_assert_int_eq(store_put(store, &root), 0);
		ck_assert_int_eq(store_put(store, &a), 0);
		ck_assert_int_eq(store_put(store, &z), 0);
		ck_assert_int_eq(store_commit(store, 0, false, NULL), 0);
	}
	store_close(store);
}

static const struct {
	const char *line, *rows; /* of each container the name and the CPU time */
} shares[] = {
	{"", "/ 15.000000;a 3.000000;z, the \"last\" 7.500000;"},
	{"--by job", "/ 15.000000;a 1.000000;a 1.000000;a 1.000000;z, the \"last\" 7.500000;"},
	{"--top 2", "/ 15.000000;z, the \"last\" 7.500000;"},
	{"--top 9", "/ 15.000000;z, the \"last\" 7.500000;a 3.000000;"},
	{"--by job --top 3 --until 1700000003", "/ 9.000000;z, the \"last\" 4.500000;a 1.000000;"},
};

START_TEST(report_by_and_top)
{
	char line[256], rows[512];

	set_up();
	make_jobs();
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		json_object *report, *list;

		snprintf(line, sizeof(line), "--db @ --json %s", shares[i].line);
		ck_assert_int_eq(finish(start(command_report, line)), 0);
		report = json_tokener_parse(out);
		list = json_object_object_get(report, "containers");
		rows[0] = '\0';
		for (size_t k = 0; k < json_object_array_length(list); k++) {
			json_object *c = json_object_array_get_idx(list, k);
			size_t n = strlen(rows);

			snprintf(rows + n, sizeof(rows) - n, "%s %s;",
				 json_object_get_string(json_object_object_get(c, "container")),
				 json_object_get_string(json_object_object_get(c, "cpu_seconds")));
		}
		ck_assert_str_eq(rows, shares[i].rows);
		json_object_put(report);
	}
	/* For people a job has a begin and an end. */
	ck_assert_int_eq(finish(start(command_report, "--db @ --by job")), 0);
	ck_assert_ptr_nonnull(strstr(out, " BEGIN "));
	/* CSV has the keys of JSON, and names quoted where they must be. */
	ck_assert_int_eq(finish(start(command_report, "--db @ --csv")), 0);
	ck_assert_msg(strstr(out,
			     "container,from,to,first_seen,last_seen,cpu_percent,cpu_seconds,") ==
			      out,
		      "%s", out);
	ck_assert_msg(strstr(out, "\n\"z, the \"\"last\"\"\",1700000000.000,1700000005.000,"
				  "1700000000.000,,150.000,7.500000,"),
		      "%s", out);
	ck_assert_int_eq(lines(out), 4);
	harness_remove_tree(tree);
}
END_TEST

/* Three hours from a quarter to the hour, at a tick every 20 s, a second of CPU in each. */
#define LONG_START INT64_C(1700001900)
enum { LONG_TICKS = 3 * 180 };

static void make_long(void)
{
	struct store_options options = {
		.path = db, .group = "rbce", .boot = "boot", .interval = 20000};
	struct store *store;

	ck_assert_int_eq(store_new(&options, &store, NULL), 0);
	for (int64_t i = 0; i <= LONG_TICKS; i++) {
		struct sample a = {.name = "a", .inode = 1};
		struct sample idle = {.name = "idle", .inode = 2};

		metric_set(&a.values, METRIC_CPU, 1000000 * (uint64_t)i);
		metric_set(&a.values, METRIC_MEMORY, i % 2 ? 4096 * 40 : 4096 * 20);
		metric_set(&a.values, METRIC_PIDS, i == 200 ? 9 : 3);
		store_begin(store, (LONG_START + 20 * i) * 1000);
		metric_set(&idle.values, METRIC_CPU, 77);
		ck_assert_int_eq(store_put(store, &a), 0);
		ck_assert_int_eq(store_put(store, &idle), 0);
		ck_assert_int_eq(store_commit(store, 0, false, NULL), 0);
	}
	store_close(store);
}

/* What is left of the tiers does not change what they tell, but for where the period begins. */
static const struct {
	const char *sql;
	const char *line;
	double from, cpu, peak;
} kept[] = {
	{"SELECT 1", "--db @ --json", LONG_START, LONG_TICKS, 9},
	{"SELECT 1", "--db @ --json --since 1700002010 --until 1700010130", 1700002010, 406, 9},
	/* The peak is in the second hour. */
	{"SELECT 1", "--db @ --json --since 1700002010 --until 1700005910", 1700002010, 195, 9},
	{"SELECT 1", "--db @ --json --since 1700006410 --until 1700012690", 1700006410, 314, 3},
	{"DELETE FROM samples WHERE at >> 28 IN (SELECT id FROM ticks WHERE time < 1700010000);"
	 "DELETE FROM ticks WHERE time < 1700010000",
	 "--db @ --json", 1700001900, LONG_TICKS, 9},
	{"SELECT 1", "--db @ --json --since 1700002010", 1700001960, 537, 9},
	/* Nothing but hours. */
	{"SELECT 1", "--db @ --json --since 1700002800 --until 1700006400", 1700002800, 180, 9},
};

START_TEST(report_over_tiers)
{
	set_up();
	make_long();
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		json_object *report, *a;

		run_sql(db, kept[i].sql);
		ck_assert_msg(finish(start(command_report, kept[i].line)) == 0, "%s", err);
		report = json_tokener_parse(out);
		a = container(report, "a");
		ck_assert_msg(
			json_object_get_double(json_object_object_get(a, "from")) == kept[i].from &&
				json_object_get_double(json_object_object_get(a, "cpu_seconds")) ==
					kept[i].cpu &&
				json_object_get_double(json_object_object_get(a, "pids_peak")) ==
					kept[i].peak,
			"%zu: %s", i, out);
		ck_assert_msg(json_object_get_double(
				      json_object_object_get(a, "memory_bytes_peak")) == 4096 * 40,
			      "%zu: %s", i, out);
		ck_assert_str_eq(json_object_get_string(json_object_object_get(
					 container(report, "idle"), "cpu_seconds")),
				 "0.000000");
		/* Averages of minutes are kept in whole pages. */
		ck_assert_msg(json_object_get_double(
				      json_object_object_get(a, "memory_bytes_avg")) > 4096 * 29 &&
				      json_object_get_double(json_object_object_get(
					      a, "memory_bytes_avg")) < 4096 * 31,
			      "%zu: %s", i, out);
		json_object_put(report);
	}
	harness_remove_tree(tree);
}
END_TEST

/* The columns that the report cannot do without, and some that it takes as they come. */
static const char exits_sql[] =
	"DROP VIEW IF EXISTS v_exits;"
	"CREATE VIEW v_exits(time, period, place, container, user, executable, comm, path, exits,"
	" failed, cpu_user_seconds, cpu_system_seconds, rss_peak_bytes) AS VALUES"
	" (1700000000.0, 0, 'container', 'a', 4711, '/bin/first', 'first', NULL, 1, 0, 0, 0, 7),"
	" (1700000001.0, 1, 'container', 'a', 4711, '/bin/cc', 'cc', '/bin/cc', 5, 1, 1.5, 0.5, "
	"900),"
	" (1700000002.0, 1, 'container', 'a', 4711, '/bin/ld', 'ld', '/bin/ld', 2, 0, 0.25, 0, "
	"800),"
	" (1700000002.0, 1, 'container', '/', 0, '/bin/cc', 'cc', '/bin/cc', 1, 0, 0.125, 0, 950),"
	" (1700000002.0, 1, 'outside', NULL, 0, 'init', 'init', NULL, 7, 0, 9, 9, 1),"
	" (1700000003.0, 1, 'unknown', NULL, 4711, 'x', 'x', NULL, 3, 0, 9, 9, 1),"
	" (1700000009.0, 1, 'container', 'a', 4711, '/bin/late', 'late', NULL, 1, 0, 9, 9, 1)";

static const struct {
	const char *line, *csv;
} ended[] = {
	{"--by executable", "executable,cpu_seconds,exits,failed,cpu_user_seconds,"
			    "cpu_system_seconds,rss_peak_bytes\n"
			    "/bin/cc,2.125000,6,1,1.625000,0.500000,950\n"
			    "/bin/ld,0.250000,2,0,0.250000,0.000000,800\n"
			    "/bin/first,0.000000,1,0,0.000000,0.000000,7\n"},
	{"--by executable --top 1", "executable,cpu_seconds,exits,failed,cpu_user_seconds,"
				    "cpu_system_seconds,rss_peak_bytes\n"
				    "/bin/cc,2.125000,6,1,1.625000,0.500000,950\n"},
	{"--by user", "user,uid,cpu_seconds,exits,failed,cpu_user_seconds,"
		      "cpu_system_seconds,rss_peak_bytes\n"
		      "4711,4711,2.250000,8,1,1.750000,0.500000,900\n"
		      "root,0,0.125000,1,0,0.125000,0.000000,950\n"},
	{"--by user --since 1700000001", "user,uid,cpu_seconds,exits,failed,cpu_user_seconds,"
					 "cpu_system_seconds,rss_peak_bytes\n"
					 "4711,4711,0.250000,2,0,0.250000,0.000000,800\n"
					 "root,0,0.125000,1,0,0.125000,0.000000,950\n"},
};

START_TEST(report_of_those_that_ended)
{
	char line[256];

	set_up();
	make_jobs();
	run_sql(db, "DROP VIEW IF EXISTS v_exits");
	ck_assert_int_eq(finish(start(command_report, "--db @ --by user")), 1);
	ck_assert_ptr_nonnull(strstr(err, "the recorder did not note them"));
	run_sql(db, exits_sql);
	for (size_t i = 0; i < sizeof(ended) / sizeof(ended[0]); i++) {
		snprintf(line, sizeof(line), "--db @ --csv %s", ended[i].line);
		ck_assert_msg(finish(start(command_report, line)) == 0, "%s", err);
		ck_assert_str_eq(out, ended[i].csv);
	}
	ck_assert_int_eq(finish(start(command_report, "--db @ --by user --json")), 0);
	ck_assert_ptr_nonnull(strstr(out, "\"exits\": ["));
	ck_assert_int_eq(finish(start(command_report, "--db @ --by executable")), 0);
	ck_assert_msg(strstr(out, "/bin/cc"), "%s", out);
	ck_assert_msg(strstr(out, "7 more ended outside of all containers, 3 nobody knows where."),
		      "%s", out);
	harness_remove_tree(tree);
}
END_TEST

static const struct {
	int (*command)(int, char **);
	const char *line;
	int status;
	const char *message;
} mistakes[] = {
	{command_report, "", 2, "--db FILE is missing"},
	{command_report, "--db @ x", 2, "'x'"},
	{command_report, "--db @ --from yesterday", 2, "--from 'yesterday'"},
	{command_report, "--db @ --to 2026-02-31", 2, "--to '2026-02-31'"},
	{command_report, "--db @ --last x", 2, "--last 'x'"},
	{command_report, "--db @ --last 1h --from 2h", 2, "--last with --from"},
	{command_report, "--db @ --from 1min --to 1h", 2, "ends before it begins"},
	{command_report, "--db @ --since x", 2, "--since 'x'"},
	{command_report, "--db @ --last 1h --since 2h", 2, "--last with --since"},
	{command_report, "--db @ --from 1 --since 1", 2, "--from with --since"},
	{command_report, "--db @ --by color", 2, "by 'color'"},
	{command_report, "--db @ --top 0", 2, "--top '0'"},
	{command_report, "--db @ --csv --json", 2, "--csv with --json"},
	{command_report, "--db @", 1, "': No such file or directory"},
	{command_record, "", 2, "--db FILE is missing"},
	{command_record, "--db @ x", 2, "'x'"},
	{command_record, "--db @ --interval never", 2, "--interval 'never'"},
	{command_record, "--db @ --interval 0s", 2, "--interval '0s'"},
	{command_record, "--db @ --interval 2h", 2, "--interval '2h'"},
	{command_record, "--db @ --duration soon", 2, "--duration 'soon'"},
	{command_record, "--db @ --root ../x", 1, "'../x'"},
	{command_record, "--db /dev/null", 1, "'/dev/null': it is not a regular file"},
};

START_TEST(mistakes_one_line)
{
	set_up();
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		int status = finish(start(mistakes[i].command, mistakes[i].line));

		ck_assert_msg(status == mistakes[i].status, "%s: %d", mistakes[i].line, status);
		ck_assert_msg(lines(err) == 1 && strstr(err, "containerstats: cannot ") == err &&
				      strstr(err, mistakes[i].message),
			      "%s: %s", mistakes[i].line, err);
		ck_assert_str_eq(out, "");
		ck_assert_int_lt(access(db, F_OK), 0);
	}
	harness_remove_tree(tree);
}
END_TEST

/* A log that was left behind is brought in by whoever opens it first; others wait for it. */
static int64_t integer(const char *sql)
{
	int64_t value;
	sqlite3 *handle;

	ck_assert_int_eq(sqlite3_open_v2(db, &handle, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_busy_timeout(handle, 10000), SQLITE_OK);
	ck_assert_int_eq(schema_integer(handle, sql, &value), SQLITE_OK);
	sqlite3_close(handle);
	return value;
}

/* The root group does not exist: said once, and waited for; an empty report all the same. */
START_TEST(record_waits)
{
	const char *said;

	set_up();
	ck_assert_msg(finish(start(command_record,
				   "--db @ --root % --interval 50ms --duration 220ms")) == 0,
		      "%s", err);
	said = strstr(err, "waiting for root group");
	ck_assert_ptr_nonnull(said);
	ck_assert_ptr_null(strstr(said + 1, "waiting"));
	/* At once, at the end, and at the four or five points between, or they came too late. */
	ck_assert_int_ge(integer("SELECT ticks + overruns FROM runs"), 5);
	ck_assert_int_le(integer("SELECT ticks FROM runs"), 7);
	ck_assert_int_eq(integer("SELECT count(*) FROM samples"), 0);
	ck_assert_int_eq(finish(start(command_report, "--db @ --json")), 0);
	ck_assert_ptr_nonnull(strstr(out, "\"containers\": []"));
	harness_remove_tree(tree);
}
END_TEST

static bool has_ticks(void)
{
	int64_t ticks = 0;
	sqlite3 *handle;

	if (sqlite3_open_v2(db, &handle, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK)
		schema_integer(handle, "SELECT max(ticks) FROM runs", &ticks);
	sqlite3_close(handle);
	return ticks > 1;
}

/* SIGTERM and SIGINT bring the log in and leave one file; SIGKILL loses nothing. */
START_TEST(record_stops)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGKILL, SIGTERM};
	char wal[PATH_MAX + 32];

	set_up();
	snprintf(wal, sizeof(wal), "%s-wal", db);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		int64_t before = access(db, F_OK) == 0 ? integer("SELECT sum(ticks) FROM runs") : 0;
		pid_t pid = start(command_record, "--db @ --root % --interval 20ms");
		int status;

		/* Each run is a row of its own; wait for some ticks of this one. */
		while (!has_ticks() || integer("SELECT count(*) FROM runs") <= (int64_t)i ||
		       integer("SELECT sum(ticks) FROM runs") < before + 2)
			ck_assert_int_eq(waitpid(pid, &status, WNOHANG), 0);
		before = integer("SELECT sum(ticks) FROM runs");
		kill(pid, signals[i]);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		if (signals[i] == SIGKILL) {
			ck_assert(WIFSIGNALED(status));
		} else {
			ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
			ck_assert_int_lt(access(wal, F_OK), 0);
		}
		ck_assert_int_ge(integer("SELECT sum(ticks) FROM runs"), before);
	}
	harness_remove_tree(tree);
}
END_TEST

int main(void)
{
	return harness_run("stats-commands",
			   (const TTest *const[]){report_numbers, report_periods, report_by_and_top,
						  report_over_tiers, report_of_those_that_ended,
						  mistakes_one_line, record_waits, record_stops,
						  NULL});
}
