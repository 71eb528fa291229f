// SPDX-License-Identifier: GPL-2.0-or-later
/* core/cli/: command lines, listings and messages, as a person or a script sees them. */
#include <core/cli/log.h>
#include <core/cli/options.h>
#include <core/cli/table.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <sys/wait.h>

#include "harness.h"

/* What FUNCTION prints on STREAM (1 or 2) and how it ends. */
static char *output_of(void (*function)(void), int stream, int *ret_status)
{
	static char text[8192];
	size_t n = 0;
	ssize_t got;
	int pipes[2];
	pid_t pid;

	ck_assert_int_eq(pipe(pipes), 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		dup2(pipes[1], stream);
		close(pipes[0]);
		close(pipes[1]);
		function();
		fflush(NULL);
		_exit(0);
	}
	close(pipes[1]);
	while ((got = read(pipes[0], text + n, sizeof(text) - n - 1)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	close(pipes[0]);
	waitpid(pid, ret_status, 0);
	*ret_status = WEXITSTATUS(*ret_status);
	return text;
}

static const char *name = "none";
static bool flag;
static int operands;

static void parse(const char *const *words)
{
	const struct option_row options[] = {
		OPTION_TEXT("name", "WORD", "a word", &name),
		{.name = "flag", .letter = 'f', .help = "a switch", .flag = &flag},
		{0},
	};
	const struct command_line line = {.usage = "[--name WORD] [-f]",
					  .about = "About it.",
					  .options = options};
	char *argv[16] = {NULL};
	int argc = 0;

	for (; words[argc]; argc++)
		argv[argc] = (char *)words[argc];
	log_open("/usr/bin/tool", LOG_LEVEL_INFO);
	operands = argc - options_parse(&line, argc, argv);
}

#define WORDS(...) ((const char *const[]){"tool", __VA_ARGS__, NULL})

START_TEST(options_good)
{
	parse(WORDS("--name", "x", "-f", "one", "two"));
	ck_assert_str_eq(name, "x");
	ck_assert(flag);
	ck_assert_int_eq(operands, 2);
	parse(WORDS("--name=y", "--", "--flag"));
	ck_assert_str_eq(name, "y");
	ck_assert_int_eq(operands, 1);
}
END_TEST

static void unknown_option(void)
{
	parse(WORDS("--nonsense"));
}

static void missing_argument(void)
{
	parse(WORDS("--name"));
}

static void help(void)
{
	parse(WORDS("--help"));
}

START_TEST(options_bad)
{
	int status;

	ck_assert_str_eq(output_of(unknown_option, 2, &status),
			 "tool: cannot use option '--nonsense': it is not known; see --help\n");
	ck_assert_int_eq(status, EXIT_USAGE);
	ck_assert_str_eq(output_of(missing_argument, 2, &status),
			 "tool: cannot use option '--name': it needs an argument; see --help\n");
	ck_assert_int_eq(status, EXIT_USAGE);
	ck_assert_ptr_nonnull(strstr(output_of(help, 1, &status), "  --name WORD"));
	ck_assert_int_eq(status, 0);
}
END_TEST

static const struct table_column columns[] = {
	{.title = "NAME", .key = "name"},
	{.title = "N", .key = "n", .right = true, .number = true},
	{.title = "SHOWN", .key = "shown", .human_only = true},
	{.key = "exact", .json_only = true},
};

static void print_table(bool json)
{
	struct table *t = table_new("things", columns, 4, json);

	table_row(t, -1);
	table_set(t, 0, "a \"quoted\"\nname");
	table_set(t, 1, "%d", 42);
	table_set(t, 2, "pretty");
	table_set(t, 3, "precise");
	table_row(t, -1);
	table_set(t, 0, "empty");
	exit(table_finish(t));
}

static void print_text(void)
{
	print_table(false);
}

static void print_json(void)
{
	print_table(true);
}

static void print_empty_json(void)
{
	exit(table_finish(table_new("things", columns, 4, true)));
}

START_TEST(table_for_people)
{
	int status;
	const char *text = output_of(print_text, 1, &status);

	ck_assert_ptr_nonnull(strstr(text, "NAME"));
	ck_assert_ptr_nonnull(strstr(text, "pretty"));
	ck_assert_ptr_null(strstr(text, "precise"));
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(table_as_json)
{
	struct json_object *object, *things, *row, *value;
	int status;

	object = json_tokener_parse(output_of(print_json, 1, &status));
	ck_assert(json_object_object_get_ex(object, "things", &things));
	ck_assert_uint_eq(json_object_array_length(things), 2);
	row = json_object_array_get_idx(things, 0);
	ck_assert(json_object_object_get_ex(row, "name", &value));
	ck_assert_str_eq(json_object_get_string(value), "a \"quoted\"\nname");
	ck_assert(json_object_object_get_ex(row, "n", &value));
	ck_assert(json_object_is_type(value, json_type_int));
	ck_assert(!json_object_object_get_ex(row, "shown", &value));
	ck_assert(json_object_object_get_ex(row, "exact", &value));
	row = json_object_array_get_idx(things, 1);
	ck_assert(json_object_object_get_ex(row, "n", &value));
	ck_assert_ptr_null(value);
	json_object_put(object);
	object = json_tokener_parse(output_of(print_empty_json, 1, &status));
	ck_assert(json_object_object_get_ex(object, "things", &things));
	ck_assert_uint_eq(json_object_array_length(things), 0);
	json_object_put(object);
}
END_TEST

static void log_lines(void)
{
	const struct log_field fields[] = {
		{"pid", "12"}, {"exe", "/a b\n\"c\""}, {"rule", NULL}, {"empty", ""}};

	unsetenv("JOURNAL_STREAM");
	log_open("/usr/bin/tool", LOG_LEVEL_INFO);
	log_warning("odd: %d", 5);
	log_debug("unseen");
	log_event(LOG_LEVEL_INFO, "moved", fields, 4);
}

START_TEST(messages)
{
	int status;

	ck_assert_str_eq(output_of(log_lines, 2, &status),
			 "tool: odd: 5\ntool: moved pid=12 exe=\"/a b?\\\"c\\\"\" empty=\"\"\n");
}
END_TEST

int main(void)
{
	return harness_run("cli",
			   (const TTest *const[]){options_good, options_bad, table_for_people,
						  table_as_json, messages, NULL});
}
