/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the programs behind the keys net.* have counted for a container (controllers/net.h). */
#ifndef STATS_NETWORK_H
#define STATS_NETWORK_H

#include <rbce/hierarchy.h>

#include "metrics.h"

/* Has anybody set such a key on this system? Else there is nothing to read. */
bool network_used(void);

/* What they are before anybody has: known, so that the first that is counted is seen to be more. */
void network_zero(struct metric_values *values);

/* Sets those of VALUES, where they can be read; 1 when anything has been counted, else 0. */
int network_read(struct rbce_hierarchy *h, const char *name, struct metric_values *values);

#endif
