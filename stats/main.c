// SPDX-License-Identifier: GPL-2.0-or-later
/* containerstats: the account of every container, in an SQLite database. */
#include "cli/beside.h"
#include "cli/log.h"
#include "cli/options.h"
#include "commands.h"
#include "util.h"

/* Without a function it is a program of its own. */
static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{"record", command_record, "sample every container into a database"},
	{"fairness", command_fairness, "what each got of the CPUs against its weight"},
	{"report", command_report, "what each container used over a period"},
	{"prune", command_prune, "remove what is older than is to be kept"},
	{"check", command_check, "is the database whole, and does it agree with itself?"},
	{"query", command_query, "metrics of containers over time"},
	{"export", command_export, "all of it as CSV or OpenMetrics"},
	{"serve", NULL, "all of it in a browser, for programs and for Prometheus"},
	{"top", command_top, "what every container does now, on the terminal"},
};

/* The list of commands for --help, in a new string. */
static char *describe_commands(void)
{
	size_t length;
	char *text = NULL;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return NULL;
	fprintf(out, "Commands, each with a --help of its own:");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "\n  %-26s %s", commands[i].name, commands[i].help);
	fclose(out);
	return text;
}

int main(int argc, char **argv)
{
	static const struct option_row options[] = {{.name = NULL}};
	cleanup_free char *more = describe_commands();
	struct command_line line = {
		.usage = "COMMAND [OPTION...]",
		.about = "Records what every container uses, and reports it.",
		.more = more,
		.options = options,
		.stop_at_operand = true,
	};
	int at;

	log_open("containerstats", LOG_LEVEL_INFO);
	at = options_parse(&line, argc, argv);
	if (at == argc) {
		log_error("cannot do anything: no command is given; see --help");
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (streq(argv[at], commands[i].name))
			return commands[i].run ? commands[i].run(argc - at, argv + at)
					       : run_beside("containerstats-serve", argv + at - 1);
	log_error("cannot do '%s': there is no such command; see --help", argv[at]);
	return EXIT_USAGE;
}
