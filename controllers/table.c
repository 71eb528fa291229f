// SPDX-License-Identifier: GPL-2.0-or-later
/* The controller table: its rows, and what works the same for each; see controllers.h. */
#include <errno.h>
#include <fcntl.h>
#include <rbce/units.h>

#include "internal.h"
#include "nearest.h"
#include "util.h"

static const struct controller_key *const keys[] = {
	&controller_cpu_weight,
	&controller_cpu_max,
	&controller_cpu_burst,
	&controller_cpu_idle,
	&controller_cpu_rt,
	&controller_cpuset_cpus,
	&controller_memset_mems,
	&controller_memory_max,
	&controller_memory_high,
	&controller_memory_soft,
	&controller_memory_min,
	&controller_memory_oom_group,
	&controller_swap_max,
	&controller_swap_device,
	&controller_dirty_max,
	&controller_dirty_background,
	&controller_oom_delay,
	&controller_pids_max,
	&controller_io_max,
	&controller_io_weight,
	&controller_io_latency,
	&controller_hugetlb,
	&controller_rdma_max,
	&controller_misc_max,
	&controller_net_connect,
	&controller_net_bind,
	&controller_net_accept,
	&controller_net_egress,
	&controller_net_priority,
	&controller_net_flowid,
	&controller_device,
	&controller_freeze,
	&controller_raw,
	&controller_space,
	&controller_oom_policy,
	&controller_oom_prefer,
	&controller_oom_avoid,
	&controller_oom_prekill,
	&controller_oom_pressure,
	&controller_penalty,
	&controller_penalty_notice,
};

const struct controller_key *controller_key_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (streq(keys[i]->name, name))
			return keys[i]->flags & CONTROLLER_FAMILY ? NULL : keys[i];
	return family_find(name);
}

const struct controller_key *controller_key_at(size_t index)
{
	return index < ARRAY_SIZE(keys) ? keys[index] : NULL;
}

const char *controller_key_name(const struct controller_key *key)
{
	return key->name;
}

const char *controller_key_help(const struct controller_key *key)
{
	return key->help;
}

enum controller_unit controller_key_unit(const struct controller_key *key)
{
	return key->unit;
}

enum rbce_controller controller_key_controller(const struct controller_key *key)
{
	return key->controller;
}

const char *controller_key_values(const struct controller_key *key)
{
	return key->values ?: amount_values(key);
}

const char *controller_key_file(const struct controller_key *key, int version)
{
	return key->version[version].file;
}

bool controller_key_is_family(const struct controller_key *key)
{
	return key->flags & CONTROLLER_FAMILY;
}

bool controller_key_repeats(const struct controller_key *key)
{
	return key->flags & CONTROLLER_REPEATS;
}

bool controller_key_is_daemon(const struct controller_key *key)
{
	return key->flags & CONTROLLER_DAEMON;
}

bool controller_key_only_lowers(const struct controller_key *key)
{
	switch (key->scope) {
	case SCOPE_LOWEST:
	case SCOPE_DEVICES:
	case SCOPE_LISTS:
	case SCOPE_EACH:
		return true;
	case SCOPE_OWN:
	case SCOPE_PROTECTION:
	case SCOPE_NEAREST:
		break;
	}
	return false;
}

const char *controller_key_initial(const struct controller_key *key)
{
	return key->initial;
}

static const char *name_at(size_t index)
{
	return index < ARRAY_SIZE(keys) ? keys[index]->name : NULL;
}

static int unknown_key(const char *name, struct rbce_error *err)
{
	char quoted[QUOTED_SIZE];
	const char *near = word_nearest(name, name_at);

	amount_quote(name, quoted);
	if (near)
		return rbce_error_set(err, -ENOENT, "unknown key '%s'; did you mean '%s'?", quoted,
				      near);
	return rbce_error_set(err, -ENOENT, "unknown key '%s' (rbce-controllers(7) has them all)",
			      quoted);
}

int controller_check(const char *name, const char *value, struct rbce_error *err)
{
	const struct controller_key *key = controller_key_find(name);
	uint64_t amount;

	if (!key)
		return unknown_key(name, err);
	return key->ops ? key->ops->check(key, value, err) : amount_parse(key, value, &amount, err);
}

int key_open_directory(const struct controller_key *key, struct rbce_container *c,
		       struct rbce_error *err)
{
	const char *controller = rbce_controller_name(key->controller);
	int dir;

	if (rbce_container_version(c, key->controller) == 0)
		return rbce_error_set(err, -EOPNOTSUPP,
				      "%s needs the %s controller, which no cgroup hierarchy has",
				      key->name, controller);
	dir = rbce_container_open_file(c, key->controller, ".", O_PATH | O_DIRECTORY);
	if (dir == -EOPNOTSUPP)
		return rbce_error_set(err, dir, "%s needs a group of the %s controller", key->name,
				      controller);
	return dir < 0 ? rbce_error_errno(err, dir, "the group cannot be opened") : dir;
}

int key_open_group(const struct controller_key *key, struct rbce_container *c, int *ret_version,
		   struct rbce_error *err)
{
	int version = rbce_container_version(c, key->controller);
	const char *file = key->version[version].file;
	cleanup_close int dir = -1;

	if (version != 0 && !file)
		return rbce_error_set(err, -EOPNOTSUPP, "%s needs cgroup v%d", key->name,
				      version == 1 ? 2 : 1);
	dir = key_open_directory(key, c, err);
	if (dir < 0)
		return dir;
	if (faccessat(dir, file, F_OK, 0) == 0) {
		*ret_version = version;
		return TAKE_FD(dir);
	}
	if (faccessat(dir, "cgroup.procs", F_OK, 0) < 0)
		return rbce_error_set(err, -ENOENT, "the group is gone");
	if (key->flags & CONTROLLER_PATCHED)
		return rbce_error_set(err, -EOPNOTSUPP,
				      "this kernel has no %s (see controllers/kernel/README.md)",
				      file);
	return rbce_error_set(err, -EOPNOTSUPP, "%s needs '%s', which the group does not have",
			      key->name, file);
}

int key_make_group(const struct controller_key *key, struct rbce_container *c, int *ret_version,
		   struct rbce_error *err)
{
	int version = rbce_container_version(c, key->controller), r = 0;

	if (version != 0 && key->version[version].file)
		r = rbce_container_use(c, key->controller, err);
	return r < 0 ? r : key_open_group(key, c, ret_version, err);
}

unsigned key_depth(const struct rbce_container *c)
{
	const char *name = rbce_container_name(c);
	unsigned depth = *name != '\0';

	for (; *name; name++)
		depth += *name == '/';
	return depth;
}

/* A key of a controller on demand that was never asked for: the group has no file for it. */
static bool is_untouched(const struct controller_key *key, struct rbce_container *c)
{
	int version = rbce_container_version(c, key->controller);

	return rbce_controller_on_demand(key->controller) && version != 0 &&
	       key->version[version].file && key->initial &&
	       !rbce_container_uses(c, key->controller);
}

bool controller_supported(const struct controller_key *key, struct rbce_container *c)
{
	cleanup_close int dir = -1;
	int version;

	if (key->flags & CONTROLLER_DAEMON)
		return false;
	if (key->ops && key->ops->supported)
		return key->ops->supported(key, c, NULL) == 0;
	if (is_untouched(key, c))
		return true;
	dir = key_open_group(key, c, &version, NULL);
	return dir >= 0;
}

/* The kernel rounds memory down to whole pages. */
static bool holds(const struct controller_key *key, uint64_t asked, uint64_t held)
{
	uint64_t page = key->grain ?: (uint64_t)sysconf(_SC_PAGESIZE);

	if (key->unit == CONTROLLER_BYTES && asked != RBCE_UNLIMITED)
		return held == asked - asked % page;
	return held == asked;
}

int key_set_amount(const struct controller_key *key, int dirfd, int version, const char *value,
		   struct rbce_error *err)
{
	const struct key_file *f = &key->version[version];
	char asked_text[AMOUNT_SIZE], held_text[AMOUNT_SIZE];
	uint64_t before, asked, held;
	bool has_before = key_file_read(f, dirfd, &before) == 0;
	int r;

	r = amount_parse(key, value, &asked, err);
	if (r == 0)
		r = key_file_write(f, dirfd, asked, err);
	if (r < 0)
		return r;
	r = key_file_read(f, dirfd, &held);
	if (r == 0 && holds(key, asked, held))
		return 0;
	/* What the kernel has made of it is not what was asked for. */
	if (has_before)
		key_file_write(f, dirfd, before, NULL);
	if (r < 0)
		return rbce_error_errno(err, r, "%s cannot be read back", f->file);
	return rbce_error_set(err, -EIO, "the kernel holds %s instead of %s",
			      amount_format(key, held, held_text),
			      amount_format(key, asked, asked_text));
}

int controller_set(const struct controller_key *key, struct rbce_container *c, const char *value,
		   struct rbce_error *err)
{
	cleanup_close int dir = -1;
	int version;

	if (key->flags & CONTROLLER_DAEMON)
		return key->ops->check(key, value, err);
	if (key->ops && key->ops->change)
		return key->ops->change(key, c, value, false, err);
	if (key->ops)
		return key->ops->set(key, c, value, err);
	dir = key_make_group(key, c, &version, err);
	return dir < 0 ? dir : key_set_amount(key, dir, version, value, err);
}

int key_holds_amount(const struct controller_key *key, int dirfd, int version, const char *value,
		     struct rbce_error *err)
{
	uint64_t asked, held;
	int r = amount_parse(key, value, &asked, err);

	if (r < 0)
		return r;
	r = key_file_read(&key->version[version], dirfd, &held);
	if (r < 0)
		return rbce_error_errno(err, r, "%s cannot be read", key->version[version].file);
	return holds(key, asked, held);
}

int controller_holds(const struct controller_key *key, struct rbce_container *c, const char *value,
		     struct rbce_error *err)
{
	cleanup_free char *text = NULL;
	cleanup_close int dir = -1;
	int version, r;

	if (key->flags & CONTROLLER_DAEMON)
		return rbce_error_set(err, -EOPNOTSUPP, "%s is kept by the daemon", key->name);
	if (is_untouched(key, c)) {
		r = controller_check(key->name, value, err);
		return r < 0 ? r : streq(value, key->initial);
	}
	if (key->ops && key->ops->holds)
		return key->ops->holds(key, c, value, err);
	if (key->ops) {
		text = malloc(CONTROLLER_TEXT_SIZE);
		if (!text)
			return rbce_error_errno(err, -ENOMEM, "%s cannot be read", key->name);
		r = controller_get(key, c, text, CONTROLLER_TEXT_SIZE, err);
		return r < 0 ? r : streq(text, value);
	}
	dir = key_open_group(key, c, &version, err);
	return dir < 0 ? dir : key_holds_amount(key, dir, version, value, err);
}

int controller_reset(const struct controller_key *key, struct rbce_container *c, const char *value,
		     struct rbce_error *err)
{
	if ((key->flags & CONTROLLER_DAEMON) || is_untouched(key, c))
		return 0;
	if (key->ops && key->ops->change)
		return key->ops->change(key, c, value, true, err);
	if (!key->initial)
		return rbce_error_set(err, -EOPNOTSUPP, "what %s was before is not known",
				      key->name);
	return controller_set(key, c, key->initial, err);
}

int key_give(const struct controller_key *key, const char *text, char *buf, size_t size,
	     struct rbce_error *err)
{
	int n = snprintf(buf, size, "%s", text);

	return (size_t)n < size ? 0 : rbce_error_errno(err, -E2BIG, "%s cannot be read", key->name);
}

int key_get_amount(const struct controller_key *key, int dirfd, int version, char *buf, size_t size,
		   struct rbce_error *err)
{
	char text[AMOUNT_SIZE];
	uint64_t amount;
	int r = key_file_read(&key->version[version], dirfd, &amount);

	if (r < 0)
		return rbce_error_errno(err, r, "%s cannot be read", key->version[version].file);
	return key_give(key, amount_format(key, amount, text), buf, size, err);
}

int controller_get(const struct controller_key *key, struct rbce_container *c, char *buf,
		   size_t size, struct rbce_error *err)
{
	cleanup_close int dir = -1;
	int version;

	if (key->flags & CONTROLLER_DAEMON)
		return rbce_error_set(err, -EOPNOTSUPP, "%s is kept by the daemon", key->name);
	if (is_untouched(key, c))
		return key_give(key, key->initial, buf, size, err);
	if (key->ops)
		return key->ops->get(key, c, buf, size, err);
	dir = key_open_group(key, c, &version, err);
	return dir < 0 ? dir : key_get_amount(key, dir, version, buf, size, err);
}

static bool has_version(const struct controller_key *key, int version)
{
	return (version == 1 || version == 2) && key->version[version].file;
}

int controller_read_amount(const struct controller_key *key, int dirfd, int version, uint64_t *ret)
{
	if (key->unit == CONTROLLER_TEXT ||
	    (key->ops && !has_version(key, 1) && !has_version(key, 2)))
		return -EINVAL;
	if (!has_version(key, version))
		return -EOPNOTSUPP;
	return key_file_read(&key->version[version], dirfd, ret);
}

int controller_read_usage(const struct controller_key *key, int dirfd, int version, uint64_t *ret)
{
	if (!has_version(key, version) || !key->version[version].usage)
		return -EOPNOTSUPP;
	return amount_read(dirfd, key->version[version].usage, ret);
}
