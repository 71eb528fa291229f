// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The config.json of an OCI bundle (runtime specification 1.x) as keys of a container. Tables say
 * which properties there are; one that is in none is refused by its name.
 */
#include <errno.h>
#include <rbce/units.h>
#include <stdarg.h>

#include "oci.h"
#include "util.h"

struct read {
	struct space_order *order;
	struct oci_bundle *bundle;
	struct rbce_error *err;
};

/* PATH is the property's full name, for messages. */
typedef int read_fn(struct read *read, const char *path, struct json_object *value);

struct property {
	const char *name;
	read_fn *read; /* NULL: means nothing to us */
};

__attribute__((format(printf, 3, 4))) static int set(struct read *read, const char *key,
						     const char *format, ...)
{
	char *value;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vasprintf(&value, format, ap);
	va_end(ap);
	if (n < 0)
		return rbce_error_errno(read->err, -ENOMEM, "cannot set '%s'", key);
	n = space_order_set(read->order, key, value, false, read->err);
	free(value);
	return n;
}

static int refuse(struct read *read, const char *path, const char *why)
{
	return rbce_error_set(read->err, -EOPNOTSUPP, "cannot use property '%s': %s", path, why);
}

static int read_object(struct read *read, const char *path, struct json_object *object,
		       const struct property *table)
{
	if (!json_object_is_type(object, json_type_object))
		return refuse(read, path, "it is no object");
	json_object_object_foreach (object, name, value) {
		const struct property *row = table;
		char full[256];
		int r;

		snprintf(full, sizeof(full), "%s%s%s", path, *path ? "." : "", name);
		while (row->name && !streq(row->name, name))
			row++;
		if (!row->name)
			return refuse(read, full, "there is nothing like it here");
		r = row->read && value ? row->read(read, full, value) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static const char *text(struct json_object *object, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) ? json_object_get_string(value)
							      : NULL;
}

static int64_t number(struct json_object *object, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) ? json_object_get_int64(value) : 0;
}

/* Each string of a list as a value of KEY. */
static int each_text(struct read *read, const char *key, struct json_object *list)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_object_array_length(list); i++)
		r = set(read, key, "%s",
			json_object_get_string(json_object_array_get_idx(list, i)));
	return r;
}

/* ---- process ---- */

static int read_terminal(struct read *read, const char *path, struct json_object *value)
{
	return json_object_get_boolean(value) ? refuse(read, path, "only false is") : 0;
}

static int read_user(struct read *read, const char *path, struct json_object *value)
{
	static const struct property table[] = {
		{"uid", NULL}, {"gid", NULL}, {"additionalGids", NULL}, {0}};
	struct json_object *more;
	char ids[512];
	int n = snprintf(ids, sizeof(ids), "%lld:%lld", (long long)number(value, "uid"),
			 (long long)number(value, "gid"));

	if (json_object_object_get_ex(value, "additionalGids", &more))
		for (size_t i = 0; i < json_object_array_length(more) && n < 480; i++)
			n += snprintf(ids + n, sizeof(ids) - (size_t)n, ":%s",
				      json_object_get_string(json_object_array_get_idx(more, i)));
	return read_object(read, path, value, table) ?: set(read, "namespace.user", "%s", ids);
}

static int read_args(struct read *read, const char *path, struct json_object *value)
{
	size_t n = json_object_array_length(value);

	read->order->argv = calloc(n + 1, sizeof(char *));
	if (n == 0 || !read->order->argv)
		return refuse(read, path, "it is empty");
	for (size_t i = 0; i < n; i++)
		read->order->argv[i] =
			(char *)json_object_get_string(json_object_array_get_idx(value, i));
	return 0;
}

static int read_env(struct read *read, const char *path, struct json_object *value)
{
	(void)path;
	return each_text(read, "namespace.env", value);
}

static int read_cwd(struct read *read, const char *path, struct json_object *value)
{
	(void)path;
	return set(read, "namespace.cwd", "%s", json_object_get_string(value));
}

static int read_bounding(struct read *read, const char *path, struct json_object *value)
{
	char caps[2048] = "none";
	size_t n = strlen(caps);

	(void)path;
	for (size_t i = 0; i < json_object_array_length(value) && n < sizeof(caps) - 64; i++)
		n += (size_t)snprintf(caps + n, sizeof(caps) - n, ",%.40s",
				      json_object_get_string(json_object_array_get_idx(value, i)));
	return set(read, "namespace.caps", "%s", caps);
}

static int read_none(struct read *read, const char *path, struct json_object *value)
{
	return json_object_is_type(value, json_type_array) && json_object_array_length(value)
		       ? refuse(read, path, "only an empty one is")
		       : 0;
}

static int read_capabilities(struct read *read, const char *path, struct json_object *value)
{
	static const struct property table[] = {
		{"bounding", read_bounding}, {"effective", NULL}, {"permitted", NULL},
		{"inheritable", read_none},  {"ambient", NULL},   {0}};
	struct json_object *bounding, *effective;

	/* Root inside has all of the bounding set: fewer are not to be had, nor are there more. */
	if (!json_object_object_get_ex(value, "bounding", &bounding) ||
	    !json_object_object_get_ex(value, "effective", &effective) ||
	    json_object_array_length(bounding) != json_object_array_length(effective))
		return refuse(read, path, "bounding and effective are to be the same");
	return read_object(read, path, value, table);
}

static int read_rlimits(struct read *read, const char *path, struct json_object *value)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_object_array_length(value); i++) {
		struct json_object *limit = json_object_array_get_idx(value, i);
		const char *type = text(limit, "type") ?: "";
		const char *name = after_prefix(type, "RLIMIT_");

		r = name ? set(read, "namespace.rlimit", "%s=%lld:%lld", name,
			       (long long)number(limit, "soft"), (long long)number(limit, "hard"))
			 : refuse(read, path, "a type of it is unknown");
	}
	return r;
}

static int read_no_new(struct read *read, const char *path, struct json_object *value)
{
	(void)path;
	return set(read, "namespace.no-new-privs", "%s",
		   json_object_get_boolean(value) ? "yes" : "no");
}

static int read_process(struct read *read, const char *path, struct json_object *value)
{
	static const struct property table[] = {{"terminal", read_terminal},
						{"user", read_user},
						{"args", read_args},
						{"env", read_env},
						{"cwd", read_cwd},
						{"capabilities", read_capabilities},
						{"rlimits", read_rlimits},
						{"noNewPrivileges", read_no_new},
						{0}};

	return read_object(read, path, value, table);
}

/* ---- root, mounts ---- */

static int read_root_path(struct read *read, const char *path, struct json_object *value)
{
	const char *root = json_object_get_string(value);

	(void)path;
	return *root == '/' ? set(read, "namespace.rootfs", "%s", root)
			    : set(read, "namespace.rootfs", "%s/%s", read->bundle->path, root);
}

static int read_root_readonly(struct read *read, const char *path, struct json_object *value)
{
	(void)path;
	return json_object_get_boolean(value) ? set(read, "namespace.readonly", "/") : 0;
}

static int read_root(struct read *read, const char *path, struct json_object *value)
{
	static const struct property table[] = {{"path", read_root_path},
						{"readonly", read_root_readonly},
						{0}};

	return read_object(read, path, value, table);
}

/* Options as words behind each other; those that mean what we do anyway are left out. */
static int join_options(struct read *read, const char *path, struct json_object *mount, bool memory,
			char *buf, size_t size)
{
	static const char *const kept[] = {"ro", "nosuid", "nodev", "noexec", "noatime"};
	static const char *const plain[] = {"bind",     "rbind",       "rw",      "suid",
					    "dev",      "exec",        "private", "rprivate",
					    "relatime", "strictatime", "nosuid",  "nodev"};
	struct json_object *list;
	size_t n = 0, count = json_object_object_get_ex(mount, "options", &list)
				      ? json_object_array_length(list)
				      : 0;

	*buf = '\0';
	for (size_t i = 0; i < count; i++) {
		const char *option = json_object_get_string(json_object_array_get_idx(list, i));
		bool keep = memory &&
			    (after_prefix(option, "size=") || after_prefix(option, "mode=")),
		     known = keep;

		for (size_t k = 0; k < ARRAY_SIZE(kept) && !memory; k++)
			keep |= streq(kept[k], option);
		for (size_t k = 0; k < ARRAY_SIZE(plain); k++)
			known |= streq(plain[k], option);
		if (!keep && !known)
			return rbce_error_set(
				read->err, -EOPNOTSUPP,
				"cannot use property '%s': option '%s' is unknown here", path,
				option);
		if (keep && n < size)
			n += (size_t)snprintf(buf + n, size - n, " %s", option);
	}
	return 0;
}

static int read_mount(struct read *read, const char *path, struct json_object *mount)
{
	/* What our own /proc, /sys and /dev are made of. */
	static const struct {
		const char *type, *at, *key;
	} own[] = {
		{"proc", "/proc", "namespace.proc"}, {"sysfs", "/sys", "namespace.sys"},
		{"tmpfs", "/dev", "namespace.dev"},  {"devpts", "/dev/pts", NULL},
		{"tmpfs", "/dev/shm", NULL},         {"mqueue", "/dev/mqueue", NULL},
	};
	const char *type = text(mount, "type") ?: "bind", *at = text(mount, "destination") ?: "";
	const char *source = text(mount, "source") ?: "";
	char options[512];
	int r;

	if (strpbrk(at, " \t\n") || strpbrk(source, " \t\n"))
		return refuse(read, path, "there is white space in a path of it");
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (streq(own[i].type, type) && streq(own[i].at, at))
			return own[i].key ? set(read, own[i].key, "yes") : 0;
	r = join_options(read, path, mount, streq(type, "tmpfs"), options, sizeof(options));
	if (r < 0)
		return r;
	if (streq(type, "tmpfs"))
		return set(read, "namespace.tmpfs", "%s%s", at, options);
	if (streq(type, "bind") || streq(type, "none"))
		return *source == '/' ? set(read, "namespace.bind", "%s %s%s", source, at, options)
				      : set(read, "namespace.bind", "%s/%s %s%s",
					    read->bundle->path, source, at, options);
	return rbce_error_set(read->err, -EOPNOTSUPP,
			      "cannot use property '%s': type '%s' at '%s' is unknown here", path,
			      type, at);
}

static int read_mounts(struct read *read, const char *path, struct json_object *value)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_object_array_length(value); i++)
		r = read_mount(read, path, json_object_array_get_idx(value, i));
	return r;
}

/* ---- linux ---- */

static int read_namespaces(struct read *read, const char *path, struct json_object *value)
{
	char list[256] = "none";

	for (size_t i = 0; i < json_object_array_length(value); i++) {
		struct json_object *ns = json_object_array_get_idx(value, i);
		const char *type = text(ns, "type") ?: "";
		size_t n = strlen(list);

		if (text(ns, "path"))
			return refuse(read, path, "a namespace that is there cannot be joined");
		snprintf(list + n, sizeof(list) - n, ",%s", streq(type, "network") ? "net" : type);
	}
	return set(read, "namespace.new", "%s", list);
}

static int read_map(struct read *read, const char *key, struct json_object *value)
{
	char map[1024] = "";
	size_t n = 0;

	for (size_t i = 0; i < json_object_array_length(value) && n < sizeof(map); i++) {
		struct json_object *range = json_object_array_get_idx(value, i);

		n += (size_t)snprintf(map + n, sizeof(map) - n, "%s%lld %lld %lld", i ? ", " : "",
				      (long long)number(range, "containerID"),
				      (long long)number(range, "hostID"),
				      (long long)number(range, "size"));
	}
	return n ? set(read, key, "%s", map) : 0;
}

static int read_uids(struct read *read, const char *path, struct json_object *value)
{
	(void)path;
	return read_map(read, "namespace.uids", value);
}

static int read_gids(struct read *read, const char *path, struct json_object *value)
{
	(void)path;
	return read_map(read, "namespace.gids", value);
}

static int read_sysctl(struct read *read, const char *path, struct json_object *value)
{
	int r = 0;

	(void)path;
	json_object_object_foreach (value, name, to)
		if (r == 0)
			r = set(read, "namespace.sysctl", "%s=%s", name,
				json_object_get_string(to));
	return r;
}

static int read_masked(struct read *read, const char *path, struct json_object *value)
{
	(void)path;
	return each_text(read, "namespace.mask", value);
}

static int read_readonly(struct read *read, const char *path, struct json_object *value)
{
	(void)path;
	return each_text(read, "namespace.readonly", value);
}

static int read_offsets(struct read *read, const char *path, struct json_object *value)
{
	int r = 0;

	(void)path;
	json_object_object_foreach (value, clock, offset) {
		char key[64];

		snprintf(key, sizeof(key), "namespace.time.%s", clock);
		if (r == 0)
			r = set(read, key, "%llds", (long long)number(offset, "secs"));
	}
	return r;
}

/* An amount of bytes, -1 for no limit; 0 says nothing. */
static int set_bytes(struct read *read, const char *key, int64_t amount)
{
	return amount == 0  ? 0
	       : amount < 0 ? set(read, key, "max")
			    : set(read, key, "%lld", (long long)amount);
}

static int read_memory(struct read *read, const char *path, struct json_object *value)
{
	static const struct property table[] = {
		{"limit", NULL}, {"swap", NULL}, {"reservation", NULL}, {0}};
	int64_t limit = number(value, "limit"), both = number(value, "swap");
	int r = read_object(read, path, value, table);

	/* The specification's is memory and swap together. */
	if (r == 0 && both > 0 && (limit <= 0 || both < limit))
		return refuse(read, path, "swap counts with memory, and is never below its limit");
	if (r == 0)
		r = set_bytes(read, "memory.max", limit);
	if (r == 0)
		r = set_bytes(read, "memory.soft", number(value, "reservation"));
	if (r == 0 && both)
		r = both < 0 ? set(read, "swap.max", "max")
			     : set(read, "swap.max", "%lld", (long long)(both - limit));
	return r;
}

static int read_pids(struct read *read, const char *path, struct json_object *value)
{
	static const struct property table[] = {{"limit", NULL}, {0}};
	int64_t limit = number(value, "limit");
	int r = read_object(read, path, value, table);

	return r < 0        ? r
	       : limit <= 0 ? set(read, "pids.max", "max")
			    : set(read, "pids.max", "%lld", (long long)limit);
}

static int read_cpu(struct read *read, const char *path, struct json_object *value)
{
	static const struct property table[] = {{"quota", NULL}, {"period", NULL}, {"shares", NULL},
						{"cpus", NULL},  {"mems", NULL},   {0}};
	int64_t shares = number(value, "shares");
	int64_t quota = number(value, "quota"), period = number(value, "period") ?: 100000;
	const char *cpus = text(value, "cpus"), *mems = text(value, "mems");
	int r = read_object(read, path, value, table);

	if (r == 0 && quota > 0)
		r = set(read, "cpu.max", "%.3f%%", (double)quota * 100 / (double)period);
	/* 1024 is what a group has by itself, as a weight of 100. */
	if (r == 0 && shares > 0)
		r = set(read, "cpu.weight", "%lld",
			(long long)(shares <= 10      ? 1
				    : shares > 102400 ? 10000
						      : shares * 100 / 1024));
	if (r == 0 && cpus && *cpus)
		r = set(read, "cpuset.cpus", "%s", cpus);
	if (r == 0 && mems && *mems)
		r = set(read, "memset.mems", "%s", mems);
	return r;
}

/* Nothing but a ban of all: those of our /dev are allowed behind it. */
static int read_device_rules(struct read *read, const char *path, struct json_object *value)
{
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		struct json_object *rule = json_object_array_get_idx(value, i);

		if (number(rule, "allow") || text(rule, "type"))
			return refuse(read, path, "only a ban of all is");
	}
	return set(read, "device", "default");
}

static int read_resources(struct read *read, const char *path, struct json_object *value)
{
	static const struct property table[] = {{"memory", read_memory},
						{"pids", read_pids},
						{"cpu", read_cpu},
						{"devices", read_device_rules},
						{0}};

	return read_object(read, path, value, table);
}

static int read_linux(struct read *read, const char *path, struct json_object *value)
{
	static const struct property table[] = {
		{"namespaces", read_namespaces}, {"uidMappings", read_uids},
		{"gidMappings", read_gids},      {"sysctl", read_sysctl},
		{"maskedPaths", read_masked},    {"readonlyPaths", read_readonly},
		{"timeOffsets", read_offsets},   {"resources", read_resources},
		{"devices", read_none},          {0}};

	return read_object(read, path, value, table);
}

/* ---- the whole ---- */

static int read_version(struct read *read, const char *path, struct json_object *value)
{
	return after_prefix(json_object_get_string(value), "1.")
		       ? 0
		       : refuse(read, path, "only version 1 is known here");
}

static int read_hostname(struct read *read, const char *path, struct json_object *value)
{
	(void)path;
	return set(read, "namespace.hostname", "%s", json_object_get_string(value));
}

static int read_domainname(struct read *read, const char *path, struct json_object *value)
{
	(void)path;
	return set(read, "namespace.domainname", "%s", json_object_get_string(value));
}

int oci_read(struct space_order *order, struct oci_bundle *bundle, struct rbce_error *err)
{
	static const struct property table[] = {{"ociVersion", read_version},
						{"process", read_process},
						{"root", read_root},
						{"mounts", read_mounts},
						{"hostname", read_hostname},
						{"domainname", read_domainname},
						{"linux", read_linux},
						{"annotations", NULL},
						{0}};
	/* What is not said is not there. */
	static const char *const before[][2] = {
		{"namespace.new", "none"},        {"namespace.proc", "no"},
		{"namespace.sys", "no"},          {"namespace.dev", "no"},
		{"namespace.seccomp", "none"},    {"namespace.caps", "none"},
		{"namespace.no-new-privs", "no"}, {"namespace.init", "no"},
	};
	struct read read = {order, bundle, err};
	char path[4096];
	int r = 0;

	snprintf(path, sizeof(path), "%s/config.json", bundle->path);
	bundle->config = json_object_from_file(path);
	if (!bundle->config)
		return rbce_error_set(err, -EINVAL, "cannot read '%s': %s", path,
				      json_util_get_last_err());
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(before); i++)
		r = set(&read, before[i][0], "%s", before[i][1]);
	if (r == 0)
		r = read_object(&read, "", bundle->config, table);
	if (r == 0 && (!order->argv || !rbce_space_get(order->space, "rootfs")))
		r = rbce_error_set(err, -EINVAL, "cannot use '%s': it has no process or no root",
				   path);
	return r;
}
