// SPDX-License-Identifier: GPL-2.0-or-later
/* Points in time as people write them; see times.h. */
#include "times.h"

#include <errno.h>
#include <rbce/units.h>
#include <time.h>

#include "util.h"

/* All of DATE, TIME in local time or, with a Z, in UTC. */
static int parse_date(const char *text, int64_t *ret)
{
	static const char *const formats[] = {
		"%Y-%m-%d",          "%Y-%m-%d %H:%M",    "%Y-%m-%dT%H:%M",
		"%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S",
	};

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		struct tm tm = {.tm_isdst = -1}, given;
		const char *rest = strptime(text, formats[i], &tm);
		bool utc = rest && streq(rest, "Z");
		time_t seconds;

		if (!rest || (*rest && !utc))
			continue;
		given = tm;
		seconds = utc ? timegm(&tm) : mktime(&tm);
		/* The 31st of a month that has none would become the first of the next. */
		if (tm.tm_mday != given.tm_mday || tm.tm_mon != given.tm_mon)
			return -EINVAL;
		return __builtin_mul_overflow(seconds, 1000, ret) ? -ERANGE : 0;
	}
	return -EINVAL;
}

int times_parse(const char *text, int64_t now, int64_t *ret)
{
	bool plain = *text && text[strspn(text, "0123456789.")] == '\0';
	uint64_t usec;
	int r;

	if (parse_date(text, ret) == 0)
		return 0;
	r = rbce_parse_duration(text, &usec);
	if (r < 0)
		return r;
	if (usec == RBCE_UNLIMITED)
		return -ERANGE;
	/* A bare number is a duration in seconds: here one that began with the epoch. */
	*ret = plain ? (int64_t)(usec / 1000) : now - (int64_t)(usec / 1000);
	return 0;
}

int64_t times_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

char *times_format(int64_t ms, char *buf)
{
	time_t seconds = ms / 1000;
	struct tm tm;

	if (!localtime_r(&seconds, &tm) || strftime(buf, TIMES_SIZE, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		snprintf(buf, TIMES_SIZE, "%lld", (long long)seconds);
	return buf;
}

int64_t times_next_point(int64_t now, int64_t served, int64_t interval)
{
	int64_t late = interval / 4, point = ((now - late) / interval + 1) * interval;
	int64_t away = point > served ? point - served : served - point;

	/* After a step of the clock what was served is anywhere, and says nothing. */
	return away < late ? point + interval : point;
}
