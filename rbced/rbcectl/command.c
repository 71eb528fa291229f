// SPDX-License-Identifier: GPL-2.0-or-later
/* What every command does with its operands and with what went wrong. */
#include <core/cli/log.h>
#include <rbce/units.h>

#include "rbcectl.h"
#include "util.h"

int command_parse(const struct command_line *line, int argc, char **argv, int min, int max)
{
	int first = options_parse(line, argc, argv);

	if (argc - first < min || (max >= 0 && argc - first > max)) {
		log_error("cannot use %d arguments: usage: %s %s", argc - first, log_program(),
			  line->usage);
		exit(EXIT_USAGE);
	}
	return first;
}

pid_t command_pid(const char *operand)
{
	uint64_t pid;

	if (rbce_parse_number(operand, 1, INT32_MAX, &pid) < 0) {
		log_error("cannot use process '%s': it is no process id", operand);
		exit(EXIT_USAGE);
	}
	return (pid_t)pid;
}

int command_failed(const struct rbce_error *err)
{
	log_error("%s", err->message);
	return EXIT_FAILURE;
}
