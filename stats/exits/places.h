/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * In which container a task stood that has ended. Its record does not say; these are asked, and the
 * first that knows is right:
 *
 *   group   its own /proc/PID/cgroup, until its parent has taken note of its end: the path in the
 * v2 tree stays true so long (those of v1 hierarchies are "/" from the beginning of the end); table
 * where it was put, or seen, before: rbced's decisions, and cgroup.procs in turn; parent  where its
 * parent stands: a child begins there, and most never leave.
 *
 * The kernel's own word comes before the table, which may be as old as the last look. Init is no
 * parent in this sense: it gets the children of others.
 */
#ifndef STATS_EXITS_PLACES_H
#define STATS_EXITS_PLACES_H

#include <rbce/hierarchy.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tables.h"

/* PLACE_UNKNOWN with no container: nobody could tell. */
struct place {
	enum exit_place place;
	char *container; /* owned; "/" for the root group; NULL outside */
};

void place_done(struct place *place);

struct places;

/* H must outlive it. -ENOMEM. Release with places_free(), which takes NULL and returns NULL. */
int places_new(const struct rbce_hierarchy *h, struct places **ret);
struct places *places_free(struct places *p);

/* By its own group; of a task that has ended, only where there is a v2 tree. */
struct place places_by_group(struct places *p, pid_t pid, bool ended);

/* By the table: what was noted of PID since BEGIN, or of a process that has it or just had it (0).
 */
struct place places_by_table(struct places *p, pid_t pid, uint64_t begin);

/* At NOW (CLOCK_MONOTONIC, microseconds) it stood in CONTAINER, NULL for outside. -ENOMEM. */
int places_note(struct places *p, pid_t pid, const char *container, uint64_t now);

/* It has ended there; that is kept a while, for its children. */
int places_ended(struct places *p, pid_t pid, const struct place *place, uint64_t now);

/* A line of rbced's events; those that tell of no move are passed over. *PROGRAM is a new string
 * with the program's path, or NULL. The pid, or 0. */
pid_t places_told(struct places *p, const char *line, uint64_t now, char **program);

/*
 * The processes of the container NAME ("/" for the root group). FOUND is called for those that
 * have not been there for long.
 */
int places_look(struct places *p, const char *name, uint64_t now,
		void (*found)(void *data, pid_t pid), void *data);

/* Each process that was noted in a container at SINCE or later and has not ended. */
void places_each(struct places *p, uint64_t since,
		 void (*each)(void *data, pid_t pid, const char *container), void *data);

/* Forgets what is older than KEEP, microseconds, and those that ended. */
void places_age(struct places *p, uint64_t now, uint64_t keep);

#endif
