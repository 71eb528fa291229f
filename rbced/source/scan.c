// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where nobody tells of tasks, as in another network or pid namespace than the initial one: a look
 * at all of them again and again.
 */
#include <errno.h>

#include "../put.h"
#include "source.h"
#include "util.h"

/* At most this part of the time is spent on looking, however many tasks there are. */
enum { SHARE = 10 };

struct scan {
	struct engine *engine;
	sd_event_source *timer;
	uint64_t looks;
	uint64_t took; /* the last one, in microseconds */
};

static int on_time(sd_event_source *source, uint64_t usec, void *data)
{
	struct scan *scan = data;
	uint64_t begin = monotonic_usec(), pause = scan->engine->options.scan_interval;

	(void)usec;
	engine_scan(scan->engine, CAUSE_SCAN);
	scan->looks++;
	scan->took = monotonic_usec() - begin;
	if (pause < scan->took * SHARE)
		pause = scan->took * SHARE;
	return sd_event_source_set_time_relative(source, pause);
}

static void close_scan(void *data)
{
	struct scan *scan = data;

	sd_event_source_disable_unref(scan->timer);
	free(scan);
}

static int open_scan(struct engine *engine, void **ret, struct rbce_error *err)
{
	struct scan *scan = calloc(1, sizeof(*scan));
	int r;

	if (!scan)
		return rbce_error_errno(err, -ENOMEM, "cannot look at tasks");
	scan->engine = engine;
	r = sd_event_add_time_relative(engine->loop, &scan->timer, CLOCK_MONOTONIC,
				       engine->options.scan_interval, 0, on_time, scan);
	if (r >= 0)
		r = sd_event_source_set_enabled(scan->timer, SD_EVENT_ON);
	if (r < 0) {
		close_scan(scan);
		return rbce_error_errno(err, r, "cannot look at tasks");
	}
	*ret = scan;
	return 0;
}

static void put_status(void *data, struct json_object *object)
{
	const struct scan *scan = data;

	put_number(object, "interval_us", scan->engine->options.scan_interval);
	put_number(object, "looks", scan->looks);
	put_number(object, "look_us", scan->took);
}

const struct source_kind source_scan = {
	.name = "scan",
	.about = "a look at all tasks, each second",
	.open = open_scan,
	.close = close_scan,
	.put_status = put_status,
};
