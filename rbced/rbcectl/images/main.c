// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rbcectl-images: the commands of rbcectl that deal with images of containers. They take the
 * library of the engine, which every other command would have to load as well; those of TLS and
 * FUSE are loaded when one is called (core/lazy.h).
 */
#include <core/cli/log.h>
#include <rbced/rbcectl/rbcectl.h>

#include "util.h"

static const struct {
	const char *name;
	command_fn *run;
} commands[] = {
	{"checkpoint", command_checkpoint},
	{"restore", command_restore},
	{"migrate", command_migrate},
	{"crfs", command_crfs},
};

int main(int argc, char **argv)
{
	log_open("rbcectl", LOG_LEVEL_INFO);
	for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(commands); i++)
		if (streq(commands[i].name, argv[1]))
			return commands[i].run(argc - 1, argv + 1);
	log_error("cannot run: this is for rbcectl to start");
	return EXIT_USAGE;
}
