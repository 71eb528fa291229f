/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the daemon was asked for on its command line. */
#ifndef RBCED_OPTIONS_H
#define RBCED_OPTIONS_H

#include "source/source.h"

struct settings {
	struct engine_options engine;
	const struct source_kind *source; /* NULL: the best that can be had */
	bool check, foreground, verbose;
};

/* Ends the program where the command line is wrong, or asks for nothing but help. */
void settings_parse(int argc, char **argv, struct settings *ret);

#endif
