/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What top shows, from this machine: the containers into the model, and the machine's own numbers.
 */
#ifndef STATS_TOP_SOURCE_H
#define STATS_TOP_SOURCE_H

#include <rbce/error.h>
#include <stdint.h>

#include "host.h"
#include "model.h"

struct top_source;

/*
 * GROUP is the root group's name. Without the right to hear of tasks that end their number is not
 * known. Release with top_source_close(), which takes NULL, returns NULL.
 */
int top_source_open(const char *group, struct top_source **ret, struct rbce_error *err);
struct top_source *top_source_close(struct top_source *s);

/*
 * Between ticks it listens: while top_source_wait() waits until UNTIL (microseconds, monotonic), or
 * in top_source_listen() when its descriptor is readable.
 */
int top_source_descriptor(const struct top_source *s);
void top_source_listen(struct top_source *s);
void top_source_wait(struct top_source *s, uint64_t until);

/* A tick of M and of HOST. -ENOMEM. */
int top_source_tick(struct top_source *s, struct top_model *m, struct top_host *host);

/* "v1", "v2" or "hybrid". */
const char *top_source_layout(const struct top_source *s);

/* Everything known of a container and all its limits, as lines of a new string. NULL: no memory. */
char *top_source_detail(struct top_source *s, const struct top_row *row);

#endif
