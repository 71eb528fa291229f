/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program in several executables: what only some commands need of libraries would slow down the
 * start of all the others.
 */
#ifndef CORE_CLI_BESIDE_H
#define CORE_CLI_BESIDE_H

/*
 * Goes on as the program NAME that lies where this one does, or in ../libexec/rbce, with ARGV as it
 * is. Returns only where that fails, after logging why, and then EXIT_FAILURE.
 */
int run_beside(const char *name, char **argv);

#endif
