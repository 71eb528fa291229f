// SPDX-License-Identifier: GPL-2.0-or-later
/* The period of a command line; see period.h. */
#include "period.h"

#include <errno.h>
#include <rbce/units.h>

#include "cli/log.h"
#include "stats/times.h"

static int parse_time(const char *option, const char *text, int64_t now, int64_t *ret)
{
	int r = text ? times_parse(text, now, ret) : 0;

	if (r < 0)
		log_error("cannot use %s '%s': give a date ('2026-11-23 10:00'), seconds since "
			  "the epoch, or how long ago ('10min')",
			  option, text);
	return r;
}

/* One word of two for the same. */
static int parse_either(const char *name, const char *text, const char *other_name,
			const char *other, int64_t now, int64_t *ret)
{
	if (text && other) {
		log_error("cannot use %s with %s: they mean the same", other_name, name);
		return -EINVAL;
	}
	return text ? parse_time(name, text, now, ret) : parse_time(other_name, other, now, ret);
}

int period_parse(const struct period_options *o, struct period *ret)
{
	int64_t now = times_now();
	struct period period = {INT64_MIN / 2, now};
	const char *begin = o->since ? "--since" : "--from";
	uint64_t last;

	if (parse_either("--since", o->since, "--from", o->from, now, &period.from) < 0 ||
	    parse_either("--until", o->until, "--to", o->to, now, &period.until) < 0)
		return -EINVAL;
	if (o->last && (o->since || o->from)) {
		log_error("cannot use --last with %s: both tell where the period begins", begin);
		return -EINVAL;
	}
	if (o->last) {
		if (rbce_parse_duration(o->last, &last) < 0 || last == RBCE_UNLIMITED) {
			log_error("cannot use --last '%s': give a duration like 10min or 1h",
				  o->last);
			return -EINVAL;
		}
		period.from = period.until - (int64_t)(last / 1000);
	}
	if (period.from > period.until) {
		log_error("cannot use that period: it ends before it begins");
		return -EINVAL;
	}
	*ret = period;
	return 0;
}
