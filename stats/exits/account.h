/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sums of what ended: threads by the process that they were of, until that ends, and processes by
 * container, program and user, until it is stored.
 */
#ifndef STATS_EXITS_ACCOUNT_H
#define STATS_EXITS_ACCOUNT_H

#include <stdbool.h>

#include "tables.h"
#include "taskstats.h"

struct account;

struct account *account_new(void);
struct account *account_free(struct account *a);

/*
 * Takes in a message. True when a process ended with it: then *RET is the record of the process, of
 * all its threads that were heard of; pid is the process's.
 */
bool account_join(struct account *a, const struct task_message *message, struct task_record *ret);

/* A process that had threads that ended and whose own end was missed: until none is left. */
bool account_orphan(struct account *a, bool (*lives)(void *data, pid_t pid), void *data,
		    struct task_record *ret);

/* Adds to the sum of KEY. Beyond a few thousand keys programs are summed as "(others)". -ENOMEM. */
int account_add(struct account *a, const struct exit_key *key, const struct usage *usage);

/* Each sum; stops at the first result other than 0, which is returned. */
int account_each(const struct account *a,
		 int (*each)(void *data, const struct exit_key *key, const struct usage *usage),
		 void *data);

/* They are stored: begins anew. Threads are kept. */
void account_reset(struct account *a);

#endif
