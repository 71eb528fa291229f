// SPDX-License-Identifier: GPL-2.0-or-later
/* Metrics and containers of a command line; see selection.h. */
#include "selection.h"

#include <errno.h>
#include <fnmatch.h>
#include <rbce/units.h>

#include "cli/log.h"
#include "util.h"

static int add_metric(struct points_wish *wish, const char *text)
{
	int r = -E2BIG;

	if (wish->n_metrics < POINTS_METRICS_MAX)
		r = points_parse_metric(text, &wish->metric[wish->n_metrics]);
	if (r == 0)
		wish->n_metrics++;
	else if (r == -E2BIG)
		log_error("cannot use more than %d metrics", POINTS_METRICS_MAX);
	else if (r == -ENOENT)
		log_error("cannot use metric '%s': there is none of that name; "
			  "see containerstats(1)",
			  text);
	else
		log_error("cannot use metric '%s': a counter has sum, rate, min, max; a gauge "
			  "avg, min, max",
			  text);
	return r;
}

int selection_add_metrics(const char *argument, void *data)
{
	struct selection *s = data;
	cleanup_free char *copy = strdup(argument);
	char *rest = copy, *word;
	int r = copy ? 0 : -ENOMEM;

	while (r == 0 && (word = strsep(&rest, ",")))
		r = add_metric(&s->wish, word);
	return r;
}

int selection_add_container(const char *argument, void *data)
{
	struct selection *s = data;

	if (s->wish.n_patterns == SELECTION_CONTAINERS_MAX) {
		log_error("cannot use more than %d containers", SELECTION_CONTAINERS_MAX);
		return -E2BIG;
	}
	s->patterns[s->wish.n_patterns++] = argument;
	s->wish.patterns = s->patterns;
	return 0;
}

int selection_set_step(const char *argument, void *data)
{
	struct selection *s = data;
	uint64_t step;

	if (rbce_parse_duration(argument, &step) < 0 || step == RBCE_UNLIMITED || step < 1000 ||
	    step % 1000 != 0) {
		log_error("cannot use --step '%s': give a duration of at least 1ms, like 10s or 1h",
			  argument);
		return -EINVAL;
	}
	s->wish.step = (int64_t)(step / 1000);
	return 0;
}

bool selection_wants(const struct points_wish *wish, const char *container)
{
	for (size_t i = 0; i < wish->n_patterns; i++)
		if (fnmatch(wish->patterns[i], container, 0) == 0)
			return true;
	return wish->n_patterns == 0;
}
