/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The subcommands of containerstats. Each takes its own argv, and returns an exit status. */
#ifndef STATS_COMMANDS_H
#define STATS_COMMANDS_H

int command_export(int argc, char **argv);
int command_query(int argc, char **argv);
int command_record(int argc, char **argv);
int command_prune(int argc, char **argv);
int command_check(int argc, char **argv);
int command_fairness(int argc, char **argv);
int command_report(int argc, char **argv);
int command_serve(int argc, char **argv);
int command_top(int argc, char **argv);

#endif
