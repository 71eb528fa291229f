// SPDX-License-Identifier: GPL-2.0-or-later
/* Command lines from one table; see options.h. */
#include "options.h"

#include <errno.h>
#include <getopt.h>

#include "log.h"
#include "util.h"

enum { ROWS_MAX = 40, HELP_CODE = 1000, VERSION_CODE, FIRST_ROW_CODE };

static void print_option(char letter, const char *name, const char *argument, const char *help)
{
	char left[64];

	snprintf(left, sizeof(left), "%s--%s%s%s", letter ? (char[]){'-', letter, ',', ' ', 0} : "",
		 name, argument ? " " : "", argument ?: "");
	printf("  %-26s %s\n", left, help);
}

static void print_help(const struct command_line *line)
{
	printf("Usage: %s %s\n", log_program(), line->usage);
	if (line->about)
		printf("%s\n", line->about);
	printf("\nOptions:\n");
	for (const struct option_row *row = line->options; row->name; row++)
		print_option(row->letter, row->name, row->argument, row->help);
	print_option(0, "help", NULL, "print this and exit");
	print_option(0, "version", NULL, "print the version and exit");
	if (line->more)
		printf("\n%s\n", line->more);
}

static void accept(const struct option_row *row, const char *argument)
{
	if (row->value)
		*row->value = argument;
	if (row->flag)
		*row->flag = true;
	if (row->parse && row->parse(argument, row->data) < 0)
		exit(EXIT_USAGE);
}

/* getopt_long(3)'s tables, made from ours. */
static void make_tables(const struct command_line *line, struct option *longs, char *shorts)
{
	size_t n = 0;

	if (line->stop_at_operand)
		*shorts++ = '+';
	*shorts++ = ':';
	for (const struct option_row *row = line->options; row->name && n < ROWS_MAX; row++, n++) {
		longs[n] = (struct option){row->name, row->argument ? 1 : 0, NULL,
					   FIRST_ROW_CODE + (int)n};
		if (row->letter) {
			*shorts++ = row->letter;
			if (row->argument)
				*shorts++ = ':';
		}
	}
	*shorts = '\0';
	longs[n++] = (struct option){"help", 0, NULL, HELP_CODE};
	longs[n++] = (struct option){"version", 0, NULL, VERSION_CODE};
	longs[n] = (struct option){0};
}

static const struct option_row *row_of(const struct command_line *line, int code)
{
	if (code >= FIRST_ROW_CODE)
		return &line->options[code - FIRST_ROW_CODE];
	for (const struct option_row *row = line->options; row->name; row++)
		if (row->letter == code)
			return row;
	return NULL;
}

int options_parse(const struct command_line *line, int argc, char **argv)
{
	struct option longs[ROWS_MAX + 3];
	char shorts[2 * ROWS_MAX + 3];
	int code;

	make_tables(line, longs, shorts);
	optind = 0;
	opterr = 0;
	while ((code = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (code == HELP_CODE) {
			print_help(line);
			exit(fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
		} else if (code == VERSION_CODE) {
			printf("%s %s%s%s\n", log_program(), VERSION, line->features ? " " : "",
			       line->features ?: "");
			exit(EXIT_SUCCESS);
		} else if (code == '?' || code == ':') {
			log_error("cannot use option '%s': %s; see --help",
				  argv[optind > 1 ? optind - 1 : 1],
				  code == ':' ? "it needs an argument" : "it is not known");
			exit(EXIT_USAGE);
		} else {
			accept(row_of(line, code), optarg);
		}
	}
	return optind;
}
