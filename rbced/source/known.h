/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the numbers stand for that the program in the kernel tells: places and programs that were
 * seen in /proc before, so that their tasks need not be looked up there again. Both threads of the
 * daemon may ask at once.
 */
#ifndef RBCED_SOURCE_KNOWN_H
#define RBCED_SOURCE_KNOWN_H

#include <rbce/task.h>
#include <stdbool.h>
#include <stdint.h>

struct known;

struct known *known_new(void);                 /* NULL: no memory */
struct known *known_free(struct known *known); /* NULL */

/* A program by the hash of its path; a copy, to be freed, or NULL. */
char *known_program(struct known *known, uint64_t hash);
void known_add_program(struct known *known, uint64_t hash, const char *path);

/* Fills in TASK's cgroup, container, split and unit. False: PLACE is not known. */
bool known_place(struct known *known, uint64_t place, struct rbce_task *task);
void known_add_place(struct known *known, uint64_t place, const struct rbce_task *task);

/*
 * The other way: the place of a text of /proc/PID/cgroup, as somebody stood there a moment ago. Of
 * a group that is made anew meanwhile the old one is told, where nobody stands.
 */
bool known_place_of(struct known *known, const char *text, uint64_t *ret);

/* A group has another name now. */
void known_forget_places(struct known *known);

#endif
