// SPDX-License-Identifier: GPL-2.0-or-later
/* containerstats serve where there was no libmicrohttpd or zlib to build it with. */
#include <stdlib.h>

#include "cli/log.h"
#include "stats/commands.h"

int command_serve(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	log_error("cannot serve: this program was built without libmicrohttpd");
	return EXIT_FAILURE;
}
