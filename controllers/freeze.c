// SPDX-License-Identifier: GPL-2.0-or-later
/* Stopping a container and what is below it: freeze, in the v2 tree or by v1's freezer. */
#include <errno.h>
#include <fcntl.h>

#include "file.h"
#include "internal.h"
#include "util.h"

/* Reads what was asked of this very group: one above it may be frozen besides. */
static int read_state(const struct controller_key *key, struct rbce_container *c, uint64_t *ret,
		      struct rbce_error *err)
{
	cleanup_close int fd = rbce_container_open_unified(c, "cgroup.freeze", O_RDONLY);
	char text[16];
	ssize_t n;

	if (fd == -EOPNOTSUPP)
		fd = rbce_container_open_file(c, RBCE_FREEZER, "freezer.self_freezing", O_RDONLY);
	if (fd == -EOPNOTSUPP || fd == -ENOENT)
		return rbce_error_set(err, -EOPNOTSUPP,
				      "%s needs a cgroup v2 tree or the freezer of cgroup v1",
				      key->name);
	n = fd < 0 ? fd : file_pread(fd, text, sizeof(text));
	if (n < 0)
		return rbce_error_errno(err, (int)n, "the state cannot be read");
	*ret = streq(text, "1");
	return 0;
}

static int check(const struct controller_key *key, const char *value, struct rbce_error *err)
{
	uint64_t on;

	return amount_parse(key, value, &on, err);
}

static int set(const struct controller_key *key, struct rbce_container *c, const char *value,
	       struct rbce_error *err)
{
	uint64_t on = 0, now;
	int r = amount_parse(key, value, &on, err);

	if (r == 0)
		r = read_state(key, c, &now, err);
	if (r < 0)
		return r;
	return on ? rbce_container_freeze(c, err) : rbce_container_thaw(c, err);
}

static int get(const struct controller_key *key, struct rbce_container *c, char *buf, size_t size,
	       struct rbce_error *err)
{
	char text[AMOUNT_SIZE];
	uint64_t on = 0;
	int r = read_state(key, c, &on, err);

	return r < 0 ? r : key_give(key, amount_format(key, on, text), buf, size, err);
}

static int holds(const struct controller_key *key, struct rbce_container *c, const char *value,
		 struct rbce_error *err)
{
	uint64_t asked, on = 0;
	int r = amount_parse(key, value, &asked, err);

	if (r == 0)
		r = read_state(key, c, &on, err);
	return r < 0 ? r : asked == on;
}

static int supported(const struct controller_key *key, struct rbce_container *c,
		     struct rbce_error *err)
{
	uint64_t on;

	return read_state(key, c, &on, err);
}

static const struct key_ops ops = {
	.check = check, .set = set, .get = get, .holds = holds, .supported = supported};

const struct controller_key controller_freeze = {
	.name = "freeze",
	.help = "stops every task of the group and of those below it",
	.initial = "no",
	.controller = RBCE_FREEZER,
	.unit = CONTROLLER_SWITCH,
	.scope = SCOPE_NEAREST,
	.max = 1,
	.ops = &ops,
};
