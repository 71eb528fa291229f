// SPDX-License-Identifier: GPL-2.0-or-later
/* Events that the numbers tell of; see notice.h. */
#include "notice.h"

#include <errno.h>
#include <json-c/json.h>

#include "util.h"

/* A number as it is, or null for a limit that is none. */
static void put_number(struct json_object *object, const char *key,
		       const struct metric_values *values, size_t metric)
{
	json_object_object_add(object, key,
			       metric_known(values, metric)
				       ? json_object_new_int64((int64_t)values->value[metric])
				       : NULL);
}

static int tell(const char *name, int64_t time, const char *event, const char *action,
		struct json_object *detail, listener_fn *function, void *data)
{
	struct told *told = calloc(1, sizeof(*told));

	if (!told)
		return -ENOMEM;
	told->time = time;
	told->event = strdup(event);
	told->container = strdup(name);
	told->action = strdup(action);
	told->detail = strdup(json_object_to_json_string_ext(detail, JSON_C_TO_STRING_PLAIN));
	if (!told->event || !told->container || !told->action || !told->detail) {
		told_free(told);
		return -ENOMEM;
	}
	function(data, told);
	return 0;
}

static int tell_limit(const char *name, int64_t time, size_t metric,
		      const struct metric_values *before, const struct metric_values *now,
		      listener_fn *function, void *data)
{
	CLEANUP(json_object_put_p) struct json_object *detail = json_object_new_object();

	json_object_object_add(detail, "key", json_object_new_string(metric_shown(metric)));
	put_number(detail, "from", before, metric);
	put_number(detail, "to", now, metric);
	return tell(name, time, "limit", "changed", detail, function, data);
}

static int tell_kills(const char *name, int64_t time, uint64_t count, listener_fn *function,
		      void *data)
{
	CLEANUP(json_object_put_p) struct json_object *detail = json_object_new_object();

	json_object_object_add(detail, "count", json_object_new_int64((int64_t)count));
	return tell(name, time, "oom", "kernel-killed", detail, function, data);
}

/* A group that is just being removed loses its files one by one: that is no change of limits. */
static bool whole(const struct metric_values *before, const struct metric_values *now)
{
	static const enum metric always[] = {METRIC_CPU, METRIC_MEMORY, METRIC_PIDS};

	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		if (metric_known(before, always[i]) != metric_known(now, always[i]))
			return false;
	return true;
}

int notice(const char *name, int64_t time, const struct metric_values *before,
	   const struct metric_values *now, listener_fn *function, void *data)
{
	uint64_t kills = now->value[METRIC_OOM_KILLS] - before->value[METRIC_OOM_KILLS];
	int r = 0;

	if (!whole(before, now))
		return 0;
	for (size_t m = 0; m < METRIC_TOTAL && r == 0; m++)
		if (metrics[m].view == VIEW_LIMITS &&
		    (metric_known(before, m) != metric_known(now, m) ||
		     (metric_known(now, m) && before->value[m] != now->value[m])))
			r = tell_limit(name, time, m, before, now, function, data);
	if (r == 0 && metric_known(before, METRIC_OOM_KILLS) &&
	    metric_known(now, METRIC_OOM_KILLS) && kills && kills < INT64_MAX)
		r = tell_kills(name, time, kills, function, data);
	return r;
}
