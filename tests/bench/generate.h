/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rule sets and tasks for measurements: always the same ones, from a fixed seed. */
#ifndef TESTS_BENCH_GENERATE_H
#define TESTS_BENCH_GENERATE_H

#include <rbce/task.h>
#include <stddef.h>

/*
 * N rules, each for one executable's name, as in the largest public collection: all different, 46 %
 * longer than 15 bytes, 16 % with blanks. A new string.
 */
char *generate_names(size_t n);

/* The same as lines of cgrules.conf, and N lines for groups that generate_groups() has. */
char *generate_names_cgrules(size_t n);
char *generate_groups_cgrules(size_t n);
char *generate_groups_rules(size_t n);

/* N lines of group(5), each group with one member. */
char *generate_groups(size_t n);

/* N rules on users, ranges, groups, executables by path and pattern, arguments; one to three terms.
 */
char *generate_mixed(size_t n);

/*
 * N tasks for such a set of SIZE rules: half of them fit a rule somewhere in it, half fit none.
 * Release with tasks_free().
 */
struct rbce_task *generate_named_tasks(size_t size, size_t n);
struct rbce_task *generate_mixed_tasks(size_t size, size_t n);
void tasks_free(struct rbce_task *tasks, size_t n);

#endif
