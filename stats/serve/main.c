// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * containerstats-serve: the command `serve` of containerstats, which takes the libraries of an HTTP
 * server and of TLS; every other command would have to load them as well.
 */
#include "cli/log.h"
#include "cli/options.h"
#include "stats/commands.h"
#include "util.h"

int main(int argc, char **argv)
{
	log_open("containerstats", LOG_LEVEL_INFO);
	if (argc > 1 && streq(argv[1], "serve"))
		return command_serve(argc - 1, argv + 1);
	log_error("cannot run: this is for containerstats to start");
	return EXIT_USAGE;
}
