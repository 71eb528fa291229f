// SPDX-License-Identifier: GPL-2.0-or-later
/* Events, losses and full scans; see engine.h. */
#include "engine.h"

#include <core/cli/log.h>

#include "record.h"
#include "util.h"

void engine_event(struct engine *engine, enum cause cause, pid_t pid, pid_t parent)
{
	engine->counters.events[cause]++;
	if (cause == CAUSE_EXIT) {
		records_drop(engine->records, pid);
		return;
	}
	if (cause == CAUSE_FORK && records_inherit(engine->records, engine->root, parent, pid))
		return;
	/* A full scan will come by here anyway. */
	if (engine->rescan)
		return;
	engine_classify(engine, pid, cause);
}

void engine_lost(struct engine *engine, uint64_t n)
{
	engine->counters.lost += n;
	engine->counters.losses++;
	engine->rescan = true;
}

void engine_scan(struct engine *engine, enum cause cause)
{
	cleanup_free pid_t *pids = NULL;
	struct rbce_error err;
	size_t n;

	/* Before the look, so that a loss during it is followed by another one. */
	engine->rescan = false;
	if (rbce_task_list(engine->root, &pids, &n, &err) < 0) {
		log_error("%s", err.message);
		return;
	}
	records_prune(engine->records, pids, n);
	for (size_t i = 0; i < n; i++)
		engine_classify(engine, pids[i], cause);
}
