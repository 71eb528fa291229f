// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What holds for a container; see effective.h. How values on the way down come together is said by
 * the row: the lowest counts, or the nearest that is set, or any; or each group's is its own.
 */
#include "effective.h"

#include <errno.h>
#include <inttypes.h>
#include <rbce/units.h>
#include <stdlib.h>

#include "internal.h"
#include "util.h"

static int add_level(struct effective *e, const char *container, const char *value)
{
	struct effective_level *more = reallocarray(e->levels, e->n + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	e->levels = more;
	more += e->n;
	more->container = strdup(container);
	more->value = strdup(value);
	e->n++;
	return more->container && more->value ? 0 : -ENOMEM;
}

/* The topmost group has limits where it is not really the topmost: in a cgroup namespace. */
static int add_top(const struct controller_key *key, struct rbce_hierarchy *h, struct effective *e)
{
	const struct rbce_mount *mount = rbce_hierarchy_find(h, key->controller);
	char text[AMOUNT_SIZE];
	uint64_t amount;

	if (!mount || controller_read_amount(key, mount->fd, mount->version, &amount) < 0)
		return 0;
	return add_level(e, "/", amount_format(key, amount, text));
}

/* A promise passed up from below is none of the group's own, but there. */
static int read_passed(const struct controller_key *key, struct rbce_container *c, char *text)
{
	int version;
	cleanup_close int dir = key_open_group(key, c, &version, NULL);

	return dir < 0 ? dir : key_get_amount(key, dir, version, text, CONTROLLER_TEXT_SIZE, NULL);
}

static int add_container(const struct controller_key *key, struct rbce_hierarchy *h,
			 const char *name, struct effective *e, struct rbce_error *err)
{
	cleanup_free char *text = malloc(CONTROLLER_TEXT_SIZE);
	struct rbce_container *c = NULL;
	int r = text ? rbce_container_open(h, name, 0, &c, err) : -ENOMEM;

	if (r == 0)
		r = !err && key->scope == SCOPE_PROTECTION
			    ? read_passed(key, c, text)
			    : controller_get(key, c, text, CONTROLLER_TEXT_SIZE, err);
	rbce_container_close(c);
	return r < 0 ? r : add_level(e, *name ? name : ".", text);
}

/* From the top; a group above that cannot be read is passed over. */
static int read_levels(const struct controller_key *key, struct rbce_hierarchy *h, const char *name,
		       struct effective *e, struct rbce_error *err)
{
	cleanup_free char *above = strdup(name);
	int r = above ? add_top(key, h, e) : -ENOMEM;

	if (r == 0 && *name && add_container(key, h, "", e, NULL) == -ENOMEM)
		r = -ENOMEM;
	for (char *slash = above ? strchr(above, '/') : NULL; r == 0 && slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (add_container(key, h, above, e, NULL) == -ENOMEM)
			r = -ENOMEM;
		*slash = '/';
	}
	if (r < 0)
		return rbce_error_errno(err, r, "cannot read '%s'", key->name);
	return add_container(key, h, name, e, err);
}

/* The amount of a level; a quota in each period counts as the share that it is. */
static bool level_amount(const struct controller_key *key, const struct effective_level *level,
			 uint64_t *ret)
{
	uint64_t quota, period;
	int used = 0;

	if (key->unit == CONTROLLER_TEXT)
		return net_rate(level->value, ret) == 0;
	if (amount_parse(key, level->value, ret, NULL) == 0)
		return true;
	if (sscanf(level->value, "%" SCNu64 "us/%" SCNu64 "us%n", &quota, &period, &used) != 2 ||
	    !used || period == 0)
		return false;
	*ret = quota * 100000 / period;
	return true;
}

/* The level with the lowest amount, the nearest of those that are alike. */
static size_t find_lowest(const struct controller_key *key, const struct effective *e)
{
	size_t found = e->n - 1;
	uint64_t lowest = RBCE_UNLIMITED;

	for (size_t i = e->n; i-- > 0;) {
		uint64_t amount;

		if (!level_amount(key, &e->levels[i], &amount))
			continue;
		/* A promise of memory that is not made is none at all. */
		if (key->scope == SCOPE_PROTECTION && amount == RBCE_UNLIMITED)
			amount = 0;
		if (amount < lowest) {
			lowest = amount;
			found = i;
		}
	}
	return found;
}

static size_t find_set(const struct controller_key *key, const struct effective *e)
{
	for (size_t i = e->n; i-- > 0;)
		if (!streq(e->levels[i].value, key->initial))
			return i;
	return e->n - 1;
}

/* The value of a level holds; one that nobody has set is nobody's decision. */
static int give_level(const struct controller_key *key, struct effective *e, size_t i)
{
	bool set = !key->initial || !streq(e->levels[i].value, key->initial);

	e->value = strdup(e->levels[i].value);
	e->decided_by = strdup(set ? e->levels[i].container : "");
	return e->value && e->decided_by ? 0 : -ENOMEM;
}

static int append(char **text, const char *separator, const char *more)
{
	char *joined;

	if (asprintf(&joined, "%s%s%s", *text, **text ? separator : "", more) < 0)
		return -ENOMEM;
	free(*text);
	*text = joined;
	return 0;
}

/* The lines of a key with a line for each device: the lowest of each amount, and whose it is. */
static int merge_devices(struct effective *e)
{
	struct io_device *devices = NULL;
	cleanup_free char *seen = calloc(e->n + 1, 1);
	size_t n = 0;
	int r = seen ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < e->n; i++)
		r = io_merge(e->levels[i].value, &devices, &n);
	for (size_t i = 0; r == 0 && i < e->n; i++)
		seen[i] = io_decides(e->levels[i].value, devices, n);
	if (r == 0)
		r = io_print(devices, n, &e->value);
	free(devices);
	if (r < 0)
		return r;
	e->decided_by = strdup("");
	r = e->decided_by ? 0 : -ENOMEM;
	for (size_t i = 0; r == 0 && i < e->n; i++)
		if (seen[i])
			r = append(&e->decided_by, ",", e->levels[i].container);
	return r;
}

static int merge_lists(struct effective *e)
{
	const char *decides = "";
	char *list = strdup("all");
	int r = list ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < e->n; i++) {
		bool narrower;
		char *next;

		r = cpuset_narrow(list, e->levels[i].value, &next, &narrower);
		if (r < 0)
			break;
		if (narrower)
			decides = e->levels[i].container;
		free(list);
		list = next;
	}
	if (r < 0) {
		free(list);
		return r;
	}
	e->value = list;
	e->decided_by = strdup(decides);
	return e->decided_by ? 0 : -ENOMEM;
}

/* The lists that were set, all of which hold, and whose they are. */
static int join_set(const struct controller_key *key, struct effective *e)
{
	int r;

	e->value = strdup("");
	e->decided_by = strdup("");
	r = e->value && e->decided_by ? 0 : -ENOMEM;
	for (size_t i = 0; r == 0 && i < e->n; i++) {
		if (streq(e->levels[i].value, key->initial))
			continue;
		r = append(&e->value, "; ", e->levels[i].value);
		if (r == 0)
			r = append(&e->decided_by, ",", e->levels[i].container);
	}
	return r == 0 && !*e->value ? append(&e->value, "", key->initial) : r;
}

static int decide(const struct controller_key *key, int version, struct effective *e)
{
	/* v1 has no hierarchy for some of them: what a group above has is no limit for this one. */
	bool alone = version == 1 && key->scope != SCOPE_OWN && key->flags & CONTROLLER_FLAT_V1;

	switch (alone ? SCOPE_OWN : key->scope) {
	case SCOPE_OWN:
		return give_level(key, e, e->n - 1);
	case SCOPE_LOWEST:
	case SCOPE_PROTECTION:
		return give_level(key, e, find_lowest(key, e));
	case SCOPE_NEAREST:
		return give_level(key, e, find_set(key, e));
	case SCOPE_DEVICES:
		return merge_devices(e);
	case SCOPE_LISTS:
		return merge_lists(e);
	case SCOPE_EACH:
		return join_set(key, e);
	}
	return -EINVAL;
}

int effective_read(const struct controller_key *key, struct rbce_hierarchy *h, const char *name,
		   struct effective *ret, struct rbce_error *err)
{
	const struct rbce_mount *mount = rbce_hierarchy_find(h, key->controller);
	struct effective e = {0};
	int r = read_levels(key, h, name, &e, err);

	if (r == 0) {
		r = decide(key, mount ? mount->version : 0, &e);
		if (r < 0)
			rbce_error_errno(err, r, "cannot read '%s'", key->name);
	}
	if (r < 0)
		effective_done(&e);
	else
		*ret = e;
	return r;
}

void effective_done(struct effective *e)
{
	for (size_t i = 0; i < e->n; i++) {
		free(e->levels[i].container);
		free(e->levels[i].value);
	}
	free(e->levels);
	free(e->value);
	free(e->decided_by);
	*e = (struct effective){0};
}
