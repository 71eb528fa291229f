// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * io.latency, "DEVICE 75ms": when a group waits longer for the device, those beside it with a
 * larger target, or none, are slowed down. cgroup v2 only, with CONFIG_BLK_CGROUP_IOLATENCY.
 */
#include <errno.h>
#include <inttypes.h>
#include <rbce/units.h>
#include <stdlib.h>

#include "file.h"
#include "internal.h"
#include "util.h"

struct target {
	unsigned major, minor;
	uint64_t usec; /* RBCE_UNLIMITED for none */
};

/* LINE is changed. */
static int parse_line(char *line, struct target *ret, struct rbce_error *err)
{
	char *save = NULL, *device = strtok_r(line, " \t", &save);
	char *time = strtok_r(NULL, " \t", &save), quoted[QUOTED_SIZE];
	struct target target;
	int r;

	if (!device || !time || strtok_r(NULL, " \t", &save))
		return rbce_error_set(err, -EINVAL, "'%s' is not a device and a time (like / 75ms)",
				      amount_quote(device ?: "", quoted));
	time = (char *)(after_prefix(time, "target=") ?: time);
	if (rbce_parse_duration(time, &target.usec) < 0)
		return rbce_error_set(err, -EINVAL, "'%s' is not a time (like 75ms or max)",
				      amount_quote(time, quoted));
	if (target.usec == 0 || (target.usec != RBCE_UNLIMITED && target.usec > UINT32_MAX))
		return rbce_error_set(err, -ERANGE, "'%s' is out of range (1us to 1h)",
				      amount_quote(time, quoted));
	r = device_resolve(device, &target.major, &target.minor, err);
	if (r == 0)
		*ret = target;
	return r;
}

struct targets {
	struct target *target;
	size_t n;
};

static int parse_value(const char *value, struct targets *ret, struct rbce_error *err)
{
	cleanup_free char *copy = strdup(value);
	cleanup_free struct target *targets = NULL;
	size_t n = 0, room = 1;
	int r = 0;

	for (const char *p = value; *p; p++)
		room += *p == '\n';
	targets = calloc(room, sizeof(*targets));
	if (!copy || !targets)
		return rbce_error_errno(err, -ENOMEM, "the value cannot be read");
	for (char *line = copy, *next; r == 0 && line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		r = parse_line(line, &targets[n++], err);
	}
	if (r < 0)
		return r;
	ret->target = TAKE_PTR(targets);
	ret->n = n;
	return 0;
}

static int check(const struct controller_key *key, const char *value, struct rbce_error *err)
{
	struct targets targets = {NULL, 0};
	int r = streq(value, "max") ? 0 : parse_value(value, &targets, err);

	(void)key;
	free(targets.target);
	return r;
}

/* "254:0 target=75000" for each device that has one. */
static int read_held(const struct controller_key *key, int dirfd, struct targets *ret,
		     struct rbce_error *err)
{
	cleanup_free char *text = NULL;
	cleanup_free struct target *targets = NULL;
	ssize_t n = file_read_all_at(dirfd, key->version[2].file, &text);
	size_t found = 0, room = 1;
	char *save = NULL;

	for (const char *p = n < 0 ? "" : text; *p; p++)
		room += *p == '\n';
	targets = n < 0 ? NULL : calloc(room, sizeof(*targets));
	if (!targets)
		return rbce_error_errno(err, n < 0 ? (int)n : -ENOMEM, "%s cannot be read",
					key->version[2].file);
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct target *t = &targets[found];

		if (sscanf(line, "%u:%u target=%" SCNu64, &t->major, &t->minor, &t->usec) == 3)
			found++;
	}
	ret->target = TAKE_PTR(targets);
	ret->n = found;
	return 0;
}

static uint64_t find_target(const struct targets *held, const struct target *asked)
{
	for (size_t i = 0; i < held->n; i++)
		if (held->target[i].major == asked->major && held->target[i].minor == asked->minor)
			return held->target[i].usec;
	return RBCE_UNLIMITED;
}

static bool includes(const struct targets *held, const struct targets *asked)
{
	for (size_t i = 0; i < asked->n; i++)
		if (find_target(held, &asked->target[i]) != asked->target[i].usec)
			return false;
	return true;
}

static int write_target(const struct controller_key *key, int dirfd, const struct target *t,
			uint64_t usec, struct rbce_error *err)
{
	char text[96];

	snprintf(text, sizeof(text), "%u:%u target=%" PRIu64, t->major, t->minor,
		 usec == RBCE_UNLIMITED ? 0 : usec);
	return amount_write(dirfd, key->version[2].file, text, err);
}

static int put(const struct controller_key *key, int dirfd, const struct targets *asked,
	       struct rbce_error *err)
{
	struct targets old = {NULL, 0}, held = {NULL, 0};
	size_t n = 0;
	int r = read_held(key, dirfd, &old, err);

	for (; r == 0 && n < asked->n; n++)
		r = write_target(key, dirfd, &asked->target[n], asked->target[n].usec, err);
	/* All or none. */
	while (r < 0 && n-- > 0)
		write_target(key, dirfd, &asked->target[n], find_target(&old, &asked->target[n]),
			     NULL);
	if (r == 0)
		r = read_held(key, dirfd, &held, err);
	if (r == 0 && !includes(&held, asked))
		r = rbce_error_set(err, -EIO, "the kernel holds other targets");
	free(old.target);
	free(held.target);
	return r;
}

static int change(const struct controller_key *key, struct rbce_container *c, const char *value,
		  bool reset, struct rbce_error *err)
{
	bool all = streq(value, "max");
	struct targets asked = {NULL, 0};
	int version, r;
	cleanup_close int dir = key_open_group(key, c, &version, err);

	if (dir < 0)
		return dir;
	r = all ? read_held(key, dir, &asked, err) : parse_value(value, &asked, err);
	for (size_t i = 0; (all || reset) && i < asked.n; i++)
		asked.target[i].usec = RBCE_UNLIMITED;
	if (r == 0)
		r = put(key, dir, &asked, err);
	free(asked.target);
	return r;
}

static int get(const struct controller_key *key, struct rbce_container *c, char *buf, size_t size,
	       struct rbce_error *err)
{
	struct targets held = {NULL, 0};
	int version, r;
	cleanup_close int dir = key_open_group(key, c, &version, err);
	size_t n = 0;

	if (dir < 0)
		return dir;
	r = read_held(key, dir, &held, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < held.n && n < size; i++)
		if (held.target[i].usec)
			n += (size_t)snprintf(buf + n, size - n, "%s%u:%u %" PRIu64 "us",
					      n ? "\n" : "", held.target[i].major,
					      held.target[i].minor, held.target[i].usec);
	free(held.target);
	if (n >= size)
		return rbce_error_errno(err, -E2BIG, "%s cannot be read", key->name);
	return n ? 0 : key_give(key, "max", buf, size, err);
}

static int holds(const struct controller_key *key, struct rbce_container *c, const char *value,
		 struct rbce_error *err)
{
	struct targets asked = {NULL, 0}, held = {NULL, 0};
	int version, r;
	cleanup_close int dir = key_open_group(key, c, &version, err);

	if (dir < 0)
		return dir;
	r = read_held(key, dir, &held, err);
	if (r == 0 && !streq(value, "max"))
		r = parse_value(value, &asked, err);
	if (r == 0)
		r = streq(value, "max") ? held.n == 0 : includes(&held, &asked);
	free(asked.target);
	free(held.target);
	return r;
}

static const struct key_ops ops = {.check = check, .change = change, .get = get, .holds = holds};

const struct controller_key controller_io_latency = {
	.name = "io.latency",
	.help = "how long the group may wait for a device before others are slowed down (/ 75ms)",
	.values = "DEVICE TIME",
	.initial = "max",
	.controller = RBCE_IO,
	.unit = CONTROLLER_TEXT,
	.flags = CONTROLLER_REPEATS,
	.version = {[2] = {.file = "io.latency"}},
	.ops = &ops,
};
