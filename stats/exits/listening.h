/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The TASKSTATS messages of tasks that end (Documentation/accounting/taskstats.rst), through
 * libnl-genl. The kernel numbers them for each CPU and does not say of which: each CPU has a socket
 * of its own, so that a gap in the numbers tells how many did not come. Needs CAP_NET_ADMIN and the
 * initial user, pid and network namespaces.
 */
#ifndef STATS_EXITS_LISTENING_H
#define STATS_EXITS_LISTENING_H

#include <rbce/error.h>
#include <rbce/root.h>
#include <systemd/sd-event.h>

#include "taskstats.h"

struct listening_counts {
	uint64_t lost;       /* records that did not come */
	uint64_t overflows;  /* times that a buffer was found full */
	uint64_t unreadable; /* messages that made no sense, or of too old a version */
};

struct listening;

/* Gets each message, from the loop or from listening_drain(). */
typedef void listening_fn(void *data, const struct task_message *message);

/* BUFFER: bytes for each CPU's socket. Release with listening_free(); takes and returns NULL. */
int listening_new(sd_event *loop, const struct rbce_root *root, int buffer, listening_fn *function,
		  void *data, struct listening **ret, struct rbce_error *err);
struct listening *listening_free(struct listening *l);

/* Reads what has come, without waiting. */
void listening_drain(struct listening *l);

/* So far. */
struct listening_counts listening_count(struct listening *l);

/*
 * The numbers of one CPU's messages, and how many of them did not come. A task that changes its CPU
 * at the wrong moment is sent to one with the number of another; so that what counts is how many
 * numbers there were in all and how many messages.
 */
struct numbers {
	bool begun;
	uint32_t next;
	uint64_t expected, come;
};
void numbers_come(struct numbers *n, uint32_t number);

#endif
