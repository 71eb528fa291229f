/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Command lines from one table: parsing and --help derive from it. Every program has --help and
 * --version of itself; exit status 0 done, 1 failed, 2 usage.
 */
#ifndef CORE_CLI_OPTIONS_H
#define CORE_CLI_OPTIONS_H

#include <stdbool.h>

enum { EXIT_USAGE = 2, EXIT_SKIP = 77 };

struct option_row {
	const char *name;     /* "rules"; NULL ends the table */
	char letter;          /* 'r', or 0 for none */
	const char *argument; /* "DIR", NULL for a switch */
	const char *help;
	/* Exactly one of these receives it. */
	const char **value;                             /* the argument, borrowed from argv */
	bool *flag;                                     /* true */
	int (*parse)(const char *argument, void *data); /* 0, or -errno after logging why */
	void *data;
};

/* Rows in one line each; the table ends with {0}. */
#define OPTION_TEXT(option, placeholder, text, variable)                                           \
	{                                                                                          \
		.name = option, .argument = placeholder, .help = text, .value = variable           \
	}
#define OPTION_FLAG(option, text, variable)                                                        \
	{                                                                                          \
		.name = option, .help = text, .flag = variable                                     \
	}
#define OPTION_PARSED(option, placeholder, text, function, variable)                               \
	{                                                                                          \
		.name = option, .argument = placeholder, .help = text, .parse = function,          \
		.data = variable                                                                   \
	}

struct command_line {
	const char *usage;    /* "[--rules DIR] --root NAME", after the program's name */
	const char *about;    /* one or two lines under it */
	const char *more;     /* lines after the options in --help, NULL for none */
	const char *features; /* behind the version: what was built in or not; NULL */
	const struct option_row *options;
	bool stop_at_operand; /* leave everything from the first operand on (for -- CMD) */
};

/*
 * Parses ARGV. Returns the index of the first operand; prints and exits for --help (0), --version
 * (0) and a mistake (2, with one line on stderr).
 */
int options_parse(const struct command_line *line, int argc, char **argv);

#endif
