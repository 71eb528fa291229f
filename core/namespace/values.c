// SPDX-License-Identifier: LGPL-2.1-or-later
/* Values of a space's keys, as text and as the kernel wants them. */
#include <inttypes.h>
#include <rbce/units.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "space.h"
#include "util.h"

int space_cut(const char *value, const char *separators, struct space_words *ret)
{
	char *rest = NULL;
	size_t n = strlen(value);

	if (n >= sizeof(ret->text))
		return -E2BIG;
	memcpy(ret->text, value, n + 1);
	ret->n = 0;
	for (char *word = strtok_r(ret->text, separators, &rest); word;
	     word = strtok_r(NULL, separators, &rest)) {
		if (ret->n == SPACE_WORDS)
			return -E2BIG;
		ret->word[ret->n++] = word;
	}
	return 0;
}

int space_parse_flags(const char *value, unsigned *ret, struct rbce_error *err)
{
	static const struct {
		const char *name;
		unsigned flag;
	} names[] = {
		{"user", CLONE_NEWUSER}, {"mount", CLONE_NEWNS},      {"pid", CLONE_NEWPID},
		{"uts", CLONE_NEWUTS},   {"ipc", CLONE_NEWIPC},       {"net", CLONE_NEWNET},
		{"time", CLONE_NEWTIME}, {"cgroup", CLONE_NEWCGROUP},
	};
	struct space_words words;
	unsigned flags = 0;

	if (space_cut(value, " \t,", &words) < 0 || words.n == 0)
		return rbce_error_set(err, -EINVAL, "'%.80s' is not a list of namespaces", value);
	for (size_t i = 0; i < words.n; i++) {
		bool all = streq(words.word[i], "all"), found = all || streq(words.word[i], "none");

		for (size_t k = 0; k < ARRAY_SIZE(names); k++)
			if (all || streq(words.word[i], names[k].name)) {
				flags |= names[k].flag;
				found = true;
			}
		if (!found)
			return rbce_error_set(err, -EINVAL,
					      "'%s' is not user, mount, pid, uts, ipc, net, "
					      "time, cgroup, all or none",
					      words.word[i]);
	}
	*ret = flags;
	return 0;
}

static int parse_id(const char *text, uint32_t *ret)
{
	uint64_t id;
	int r = rbce_parse_number(text, 0, UINT32_MAX, &id);

	if (r == 0)
		*ret = (uint32_t)id;
	return r;
}

int space_parse_map(const char *value, struct space_map *ret, struct rbce_error *err)
{
	struct space_words ranges;

	*ret = (struct space_map){.automatic = streq(value, "auto"), .self = streq(value, "self")};
	if (ret->automatic || ret->self)
		return 0;
	if (space_cut(value, ",", &ranges) < 0 || ranges.n == 0)
		return rbce_error_set(err, -EINVAL, "'%.80s' is not a list of ranges", value);
	for (size_t i = 0; i < ranges.n; i++) {
		struct space_range *range = &ret->range[ret->n++];
		struct space_words ids;

		if (space_cut(ranges.word[i], " \t", &ids) < 0 || ids.n != 3 ||
		    parse_id(ids.word[0], &range->inside) < 0 ||
		    parse_id(ids.word[1], &range->outside) < 0 ||
		    parse_id(ids.word[2], &range->count) < 0 || range->count == 0)
			return rbce_error_set(err, -EINVAL,
					      "'%s' is not INSIDE OUTSIDE COUNT, auto or self",
					      ranges.word[i]);
	}
	return 0;
}

int space_parse_offset(const char *value, int64_t *ret, struct rbce_error *err)
{
	bool minus = *value == '-';
	uint64_t time;

	/* The kernel takes no clock past half of its range. */
	if (rbce_parse_duration(value + (minus || *value == '+'), &time) < 0 ||
	    time > (uint64_t)INT64_MAX / 2000)
		return rbce_error_set(err, -EINVAL, "'%s' is not a time (like 1h or -5s)", value);
	*ret = (minus ? -1 : 1) * (int64_t)time * 1000;
	return 0;
}

int space_parse_bind(const char *value, struct space_bind *ret, struct rbce_error *err)
{
	static const struct {
		const char *name;
		uint64_t attribute;
	} names[] = {
		{"ro", MOUNT_ATTR_RDONLY},       {"nosuid", MOUNT_ATTR_NOSUID},
		{"nodev", MOUNT_ATTR_NODEV},     {"noexec", MOUNT_ATTR_NOEXEC},
		{"noatime", MOUNT_ATTR_NOATIME}, {"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW},
	};
	size_t i = 1;

	if (space_cut(value, " \t", &ret->words) < 0 || ret->words.n == 0 ||
	    *ret->words.word[0] != '/')
		return rbce_error_set(err, -EINVAL, "'%.80s' is not SOURCE [TARGET] [OPTION ...]",
				      value);
	ret->source = ret->target = ret->words.word[0];
	ret->attributes = 0;
	ret->idmap = false;
	if (ret->words.n > 1 && *ret->words.word[1] == '/')
		ret->target = ret->words.word[i++];
	for (; i < ret->words.n; i++) {
		uint64_t found = 0;

		for (size_t k = 0; k < ARRAY_SIZE(names); k++)
			if (streq(names[k].name, ret->words.word[i]))
				found = names[k].attribute;
		if (streq(ret->words.word[i], "idmap"))
			ret->idmap = true;
		else if (!found)
			return rbce_error_set(err, -EINVAL, "'%s' is not an option of a mount",
					      ret->words.word[i]);
		ret->attributes |= found;
	}
	return 0;
}

static int parse_limit(const char *text, uint64_t *ret)
{
	if (!streq(text, "max") && !streq(text, "unlimited"))
		return rbce_parse_number(text, 0, INT64_MAX, ret);
	*ret = RLIM_INFINITY;
	return 0;
}

int space_parse_rlimit(const char *value, struct space_rlimit *ret, struct rbce_error *err)
{
	static const char *const names[] = {
		[RLIMIT_CPU] = "cpu",           [RLIMIT_FSIZE] = "fsize",
		[RLIMIT_DATA] = "data",         [RLIMIT_STACK] = "stack",
		[RLIMIT_CORE] = "core",         [RLIMIT_RSS] = "rss",
		[RLIMIT_NPROC] = "nproc",       [RLIMIT_NOFILE] = "nofile",
		[RLIMIT_MEMLOCK] = "memlock",   [RLIMIT_AS] = "as",
		[RLIMIT_LOCKS] = "locks",       [RLIMIT_SIGPENDING] = "sigpending",
		[RLIMIT_MSGQUEUE] = "msgqueue", [RLIMIT_NICE] = "nice",
		[RLIMIT_RTPRIO] = "rtprio",     [RLIMIT_RTTIME] = "rttime",
	};
	struct space_words words;

	if (space_cut(value, "=:", &words) < 0 || words.n < 2 || words.n > 3 ||
	    parse_limit(words.word[1], &ret->soft) < 0 ||
	    parse_limit(words.word[words.n - 1], &ret->hard) < 0 || ret->soft > ret->hard)
		return rbce_error_set(err, -EINVAL, "'%.80s' is not NAME=SOFT[:HARD]", value);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i] && strcasecmp(names[i], words.word[0]) == 0) {
			ret->resource = (int)i;
			return 0;
		}
	return rbce_error_set(err, -EINVAL, "'%s' is not a resource (like nofile)", words.word[0]);
}

int space_parse_user(const char *value, struct space_user *ret, struct rbce_error *err)
{
	struct space_words words;
	uint32_t id = 0;

	*ret = (struct space_user){0};
	if (space_cut(value, ":, \t", &words) < 0 || words.n == 0)
		return rbce_error_set(err, -EINVAL, "'%.80s' is not UID[:GID ...]", value);
	for (size_t i = 0; i < words.n; i++) {
		if (parse_id(words.word[i], &id) < 0 || id == UINT32_MAX)
			return rbce_error_set(err, -EINVAL, "'%s' is not a number of a user",
					      words.word[i]);
		if (i == 0)
			ret->uid = ret->gid = id;
		else if (i == 1)
			ret->gid = id;
		else
			ret->groups[ret->n_groups++] = id;
	}
	return 0;
}

int space_parse_tids(const char *value, pid_t *ret, size_t *ret_n, struct rbce_error *err)
{
	struct space_words words;

	if (space_cut(value, " \t,", &words) < 0 || words.n == 0)
		return rbce_error_set(err, -EINVAL, "'%.80s' is not a list of process ids", value);
	for (size_t i = 0; i < words.n; i++) {
		uint64_t pid;

		if (rbce_parse_number(words.word[i], 1, INT32_MAX, &pid) < 0)
			return rbce_error_set(err, -EINVAL, "'%s' is not a process id",
					      words.word[i]);
		ret[i] = (pid_t)pid;
	}
	*ret_n = words.n;
	return 0;
}
