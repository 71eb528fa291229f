/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The questions of the JSON API (docs/API.md). Each writes its answer to OUT. -EINVAL, -E2BIG for a
 * question that is wrong, -ENOENT for what is not there; the error says which.
 */
#ifndef STATS_SERVE_API_H
#define STATS_SERVE_API_H

#include "answer.h"

typedef int api_fn(struct question *q, FILE *out);

api_fn api_status;
api_fn api_now;
api_fn api_containers;
api_fn api_series;
api_fn api_events;
api_fn api_event_counts;
api_fn api_exits;
api_fn api_devices;
api_fn api_rules;
api_fn api_limits;

/* /metrics, as OpenMetrics or in the classic format of Prometheus. */
api_fn scrape_openmetrics;
api_fn scrape_classic;

/* Arguments, for these. All say what is wrong. */
int api_number(struct question *q, const char *name, int64_t least, int64_t most, int64_t usual,
	       int64_t *ret);
/* The container that is asked for; -EINVAL without one, -ENOENT where the record has none such. */
int api_container(struct question *q, const char **ret);

/* -errno of a failure of SQLite. */
int api_fail(struct question *q, int rc);

#endif
