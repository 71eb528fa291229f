// SPDX-License-Identifier: GPL-2.0-or-later
/* The lowest of all limits that hold for a process; see limits.h. */
#include "limits.h"

#include <errno.h>
#include <inttypes.h>
#include <rbce/units.h>
#include <stdarg.h>
#include <sys/resource.h>

#include "ancestors.h"
#include "file.h"
#include "internal.h"
#include "subject.h"
#include "util.h"

static const struct {
	const char *name;
	const char *title; /* in /proc/PID/limits */
	enum limit_unit unit;
	const char *help;
	const char *status; /* line of /proc/PID/status with the use, NULL for none */
} rlimits[RLIM_NLIMITS] = {
	[RLIMIT_CPU] = {"cpu", "Max cpu time", LIMIT_SECONDS, "CPU time of the process", NULL},
	[RLIMIT_FSIZE] = {"fsize", "Max file size", LIMIT_BYTES, "size of a file it writes", NULL},
	[RLIMIT_DATA] = {"data", "Max data size", LIMIT_BYTES, "data segment", "VmData"},
	[RLIMIT_STACK] = {"stack", "Max stack size", LIMIT_BYTES, "main thread's stack", "VmStk"},
	[RLIMIT_CORE] = {"core", "Max core file size", LIMIT_BYTES, "core dump", NULL},
	[RLIMIT_RSS] = {"rss", "Max resident set", LIMIT_BYTES,
			"resident memory (Linux ignores it)", "VmRSS"},
	[RLIMIT_NPROC] = {"nproc", "Max processes", LIMIT_COUNT, "tasks of the user", NULL},
	[RLIMIT_NOFILE] = {"nofile", "Max open files", LIMIT_COUNT, "open files", NULL},
	[RLIMIT_MEMLOCK] = {"memlock", "Max locked memory", LIMIT_BYTES, "locked memory", "VmLck"},
	[RLIMIT_AS] = {"as", "Max address space", LIMIT_BYTES, "address space", "VmSize"},
	[RLIMIT_LOCKS] = {"locks", "Max file locks", LIMIT_COUNT, "file locks (Linux ignores it)",
			  NULL},
	[RLIMIT_SIGPENDING] = {"sigpending", "Max pending signals", LIMIT_COUNT,
			       "queued signals of the user", "SigQ"},
	[RLIMIT_MSGQUEUE] = {"msgqueue", "Max msgqueue size", LIMIT_BYTES,
			     "POSIX message queues of the user", NULL},
	[RLIMIT_NICE] = {"nice", "Max nice priority", LIMIT_COUNT, "20 less the least nice value",
			 NULL},
	[RLIMIT_RTPRIO] = {"rtprio", "Max realtime priority", LIMIT_COUNT, "real-time priority",
			   NULL},
	[RLIMIT_RTTIME] = {"rttime", "Max realtime timeout", LIMIT_USEC,
			   "real-time CPU time without a pause", NULL},
};

static const char *const unit_names[] = {
	[LIMIT_BYTES] = "bytes",
	[LIMIT_PERCENT] = "millipercent",
	[LIMIT_COUNT] = "number",
	[LIMIT_SECONDS] = "seconds",
	[LIMIT_USEC] = "microseconds",
	[LIMIT_BYTES_PER_SECOND] = "bytes/s",
	[LIMIT_OPERATIONS_PER_SECOND] = "operations/s",
};

static const char *const source_names[] = {
	[LIMIT_BY_NOBODY] = "",           [LIMIT_BY_CONTAINER] = "container",
	[LIMIT_BY_RLIMIT] = "rlimit",     [LIMIT_BY_SYSCTL] = "sysctl",
	[LIMIT_BY_AFFINITY] = "affinity", [LIMIT_BY_HOST] = "host",
};

const char *limit_unit_name(enum limit_unit unit)
{
	return unit_names[unit];
}

const char *limit_source_name(enum limit_source source)
{
	return source_names[source];
}

/* One limit that holds: VALUE, and what is used of it where that is known. */
struct bound {
	enum limit_source source;
	uint64_t value;
	bool has_usage;
	uint64_t usage;
};

/* Takes a bound into account: it may be the lowest, or the one with the least left, or neither. */
__attribute__((format(printf, 3, 4))) static void
lower(struct limit *limit, const struct bound *bound, const char *format, ...)
{
	uint64_t left = bound->usage < bound->value ? bound->value - bound->usage : 0;
	char text[LIMIT_TEXT_SIZE];
	va_list ap;

	if (bound->value == RBCE_UNLIMITED)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (bound->value < limit->effective) {
		limit->effective = bound->value;
		limit->source = bound->source;
		limit->has_usage = bound->has_usage;
		limit->usage = bound->usage;
		memcpy(limit->imposed_by, text, sizeof(text));
	}
	if (bound->has_usage && (!limit->has_free || left < limit->free)) {
		limit->has_free = true;
		limit->free = left;
		memcpy(limit->free_by, text, sizeof(text));
	}
}

struct limit_list {
	struct limit *limits;
	size_t n;
};

static struct limit *add_limit(struct limit_list *list, const char *resource, const char *help,
			       enum limit_unit unit)
{
	struct limit *more = realloc(list->limits, (list->n + 1) * sizeof(*more));

	if (!more)
		return NULL;
	list->limits = more;
	more += list->n++;
	*more = (struct limit){
		.resource = resource, .help = help, .unit = unit, .effective = RBCE_UNLIMITED};
	return more;
}

/* What the walk over the groups of one key gathers. */
struct key_walk {
	const struct controller_key *key;
	struct limit *limit;
	char unprotected[LIMIT_TEXT_SIZE]; /* v2: a group without memory.low that undoes the rest */
};

/*
 * On v2 memory.soft is memory.low, which protects no more than the groups above it protect: one
 * without it undoes those below. One below loses it too, unless the hierarchy is mounted to share
 * the rest out among children.
 */
static void note_unprotected(struct key_walk *walk, const struct ancestor *group)
{
	bool protected_below = walk->limit->effective != RBCE_UNLIMITED;

	if (!*walk->unprotected && (protected_below || !group->recursive))
		snprintf(walk->unprotected, sizeof(walk->unprotected), "%s:%s %s",
			 rbce_controller_name(walk->key->controller), group->path,
			 walk->key->version[group->version].file);
}

static void lower_by_group(const struct ancestor *group, void *data)
{
	struct key_walk *walk = data;
	const struct controller_key *key = walk->key;
	struct bound bound = {.source = LIMIT_BY_CONTAINER};
	int r;

	r = controller_read_amount(key, group->dir, group->version, &bound.value);
	/* The topmost group of a hierarchy has no limits. */
	if (r < 0) {
		if (r != -ENOENT && r != -EOPNOTSUPP && walk->limit->status == 0)
			walk->limit->status = r;
		return;
	}
	if (key == &controller_memory_soft && group->version == 2 && bound.value == RBCE_UNLIMITED)
		note_unprotected(walk, group);
	bound.has_usage = controller_read_usage(key, group->dir, group->version, &bound.usage) == 0;
	lower(walk->limit, &bound, "%s:%s %s", rbce_controller_name(key->controller), group->path,
	      key->version[group->version].file);
}

static void lower_by_groups(const struct subject *s, struct key_walk *walk)
{
	const struct rbce_mount *mount =
		s->h ? rbce_hierarchy_find(s->h, walk->key->controller) : NULL;
	const struct bound nothing = {.source = LIMIT_BY_CONTAINER};
	int r;

	r = ancestors_walk(s, walk->key->controller, lower_by_group, walk,
			   &walk->limit->ancestors_hidden);
	if (r == 0 && mount && !walk->key->version[mount->version].file)
		r = -EOPNOTSUPP;
	if (walk->limit->status == 0)
		walk->limit->status = r;
	if (*walk->unprotected && walk->limit->effective != RBCE_UNLIMITED)
		lower(walk->limit, &nothing, "%s", walk->unprotected);
}

/* v1 tells the lowest limit of all groups above, also of those that a namespace hides. */
static void lower_by_hidden(const struct ancestor *group, void *data)
{
	struct bound bound = {.source = LIMIT_BY_CONTAINER};
	static const char field[] = "hierarchical_memory_limit ";
	cleanup_free char *text = NULL;
	const char *line;

	if (!group->own || group->version != 1 ||
	    file_read_all_at(group->dir, "memory.stat", &text) < 0)
		return;
	line = strstr(text, field);
	if (line && sscanf(line + strlen(field), "%" SCNu64, &bound.value) == 1 &&
	    bound.value <= controller_memory_max.max)
		lower(data, &bound, "memory:%s memory.stat (a hidden group above)", group->path);
}

static void lower_by_host_memory(const struct subject *s, struct limit *limit)
{
	struct bound bound = {.source = LIMIT_BY_HOST, .has_usage = true};
	bool hidden;

	if (limit->ancestors_hidden)
		ancestors_walk(s, RBCE_MEMORY, lower_by_hidden, limit, &hidden);
	if (host_memory(s->root, &bound.value, &bound.usage))
		lower(limit, &bound, "host");
}

static void lower_by_cpus(const struct subject *s, struct limit *limit)
{
	struct bound affinity = {.source = LIMIT_BY_AFFINITY}, host = {.source = LIMIT_BY_HOST};
	bool has_online, has_allowed;
	char online[4096], allowed[4096];
	unsigned n;

	has_online = host_cpus(s->root, online, sizeof(online));
	has_allowed = subject_cpus(s, allowed, sizeof(allowed));
	if (has_online) {
		host.value = cpus_common(online, online) * UINT64_C(100000);
		lower(limit, &host, "host");
	}
	/* The list may name CPUs that are not there (yet). */
	n = has_allowed ? cpus_common(allowed, has_online ? online : allowed) : 0;
	affinity.value = n * UINT64_C(100000);
	if (n)
		lower(limit, &affinity, "affinity or cpuset, CPUs %s", allowed);
}

/* Tasks are limited for the user and for the whole system too. */
static void lower_by_task_limits(const struct subject *s, struct limit *limit)
{
	static const char *const sysctls[] = {"pid_max", "threads-max"};
	struct bound user = {.source = LIMIT_BY_RLIMIT,
			     .has_usage = s->has_user_tasks,
			     .usage = s->user_tasks};
	struct bound system = {.source = LIMIT_BY_SYSCTL};
	uint64_t hard;

	if (subject_rlimit(s, rlimits[RLIMIT_NPROC].title, &user.value, &hard) == 0 &&
	    !subject_is_privileged(s))
		lower(limit, &user, "rlimit nproc soft");
	system.has_usage = host_tasks(s->root, &system.usage);
	for (size_t i = 0; i < ARRAY_SIZE(sysctls); i++) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/sys/kernel/%s", sysctls[i]);
		if (host_number(s->root, path, &system.value) == 0)
			lower(limit, &system, "sysctl kernel.%s", sysctls[i]);
	}
}

/* Keys with one amount: the lowest over all ancestors, and what else limits the same. */
static const struct {
	const struct controller_key *key;
	enum limit_unit unit;
	void (*others)(const struct subject *s, struct limit *limit);
} keys[] = {
	{&controller_cpu_max, LIMIT_PERCENT, lower_by_cpus},
	{&controller_memory_max, LIMIT_BYTES, lower_by_host_memory},
	{&controller_memory_high, LIMIT_BYTES, NULL},
	{&controller_memory_soft, LIMIT_BYTES, NULL},
	{&controller_pids_max, LIMIT_COUNT, lower_by_task_limits},
};

const char *limits_name(size_t index)
{
	if (index < ARRAY_SIZE(keys))
		return keys[index].key->name;
	index -= ARRAY_SIZE(keys);
	if (index == 0)
		return controller_io_max.name;
	return --index < ARRAY_SIZE(rlimits) ? rlimits[index].name : NULL;
}

const char *limits_help(size_t index)
{
	if (index < ARRAY_SIZE(keys))
		return keys[index].key->help;
	index -= ARRAY_SIZE(keys);
	if (index == 0)
		return controller_io_max.help;
	return --index < ARRAY_SIZE(rlimits) ? rlimits[index].help : NULL;
}

static int read_keys(const struct subject *s, struct limit_list *list)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct controller_key *key = keys[i].key;
		struct key_walk walk = {.key = key};

		walk.limit = add_limit(list, key->name, key->help, keys[i].unit);
		if (!walk.limit)
			return -ENOMEM;
		lower_by_groups(s, &walk);
		if (keys[i].others)
			keys[i].others(s, walk.limit);
		/* Where others limit it, it is not missing. */
		if (walk.limit->status == -EOPNOTSUPP && keys[i].others)
			walk.limit->status = 0;
		/* What is left elsewhere says nothing while the lowest limit's use is unknown. */
		walk.limit->has_free &= walk.limit->has_usage;
	}
	return 0;
}

struct io_walk {
	struct limit_list *list;
	size_t first; /* of its items in the list */
	int status;
	bool failed; /* no memory */
};

static struct limit *find_instance(struct io_walk *walk, const char *instance, enum io_kind kind)
{
	bool bytes = kind == IO_RBPS || kind == IO_WBPS;
	struct limit *limit;

	for (size_t i = walk->first; i < walk->list->n; i++)
		if (streq(walk->list->limits[i].instance, instance))
			return &walk->list->limits[i];
	limit = add_limit(walk->list, controller_io_max.name, controller_io_max.help,
			  bytes ? LIMIT_BYTES_PER_SECOND : LIMIT_OPERATIONS_PER_SECOND);
	if (limit)
		snprintf(limit->instance, sizeof(limit->instance), "%s", instance);
	return limit;
}

static void lower_by_device(struct io_walk *walk, const struct ancestor *group,
			    const struct io_device *device, enum io_kind kind)
{
	struct bound bound = {.source = LIMIT_BY_CONTAINER, .value = device->amount[kind]};
	char instance[LIMIT_INSTANCE_SIZE];
	struct limit *limit;

	if (bound.value == RBCE_UNLIMITED)
		return;
	snprintf(instance, sizeof(instance), "%u:%u %s", device->major, device->minor,
		 io_kind_name(kind));
	limit = find_instance(walk, instance, kind);
	if (limit)
		lower(limit, &bound, "io:%s %s", group->path, io_kind_file(kind, group->version));
	else
		walk->failed = true;
}

static void lower_by_devices(const struct ancestor *group, void *data)
{
	struct io_walk *walk = data;
	cleanup_free struct io_device *devices = NULL;
	size_t n = 0;
	int r;

	/* v1 throttles each group on its own, whatever stands above it. */
	if (group->version == 1 && !group->own)
		return;
	r = io_read(group->dir, group->version, &devices, &n);
	if (r < 0 && r != -ENOENT && walk->status == 0)
		walk->status = r;
	for (size_t i = 0; i < n; i++)
		for (size_t kind = 0; kind < IO_KINDS; kind++)
			lower_by_device(walk, group, &devices[i], (enum io_kind)kind);
}

static int read_io(const struct subject *s, struct limit_list *list)
{
	struct io_walk walk = {.list = list, .first = list->n};
	bool hidden;
	int r;

	r = ancestors_walk(s, RBCE_IO, lower_by_devices, &walk, &hidden);
	if (walk.status == 0)
		walk.status = r;
	if (list->n == walk.first && !add_limit(list, controller_io_max.name,
						controller_io_max.help, LIMIT_BYTES_PER_SECOND))
		walk.failed = true;
	for (size_t i = walk.first; i < list->n; i++) {
		list->limits[i].ancestors_hidden = hidden;
		list->limits[i].status = walk.status;
	}
	return walk.failed ? -ENOMEM : 0;
}

static void read_rlimit_usage(const struct subject *s, size_t index, struct limit *limit)
{
	switch (index) {
	case RLIMIT_CPU:
		limit->has_usage = subject_cpu_seconds(s, &limit->usage);
		break;
	case RLIMIT_NOFILE:
		limit->has_usage = subject_files(s, &limit->usage);
		break;
	case RLIMIT_NPROC:
		limit->has_usage = s->has_user_tasks;
		limit->usage = s->user_tasks;
		break;
	default:
		limit->has_usage = rlimits[index].status &&
				   subject_status(s, rlimits[index].status, &limit->usage);
	}
}

static int read_rlimits(const struct subject *s, struct limit_list *list)
{
	for (size_t i = 0; i < ARRAY_SIZE(rlimits); i++) {
		struct limit *limit =
			add_limit(list, rlimits[i].name, rlimits[i].help, rlimits[i].unit);
		struct bound soft = {.source = LIMIT_BY_RLIMIT};
		bool ignored;

		if (!limit)
			return -ENOMEM;
		limit->status = subject_rlimit(s, rlimits[i].title, &soft.value, &limit->hard);
		if (limit->status < 0)
			continue;
		limit->has_hard = true;
		read_rlimit_usage(s, i, limit);
		soft.has_usage = limit->has_usage;
		soft.usage = limit->usage;
		ignored = i == RLIMIT_NPROC && subject_is_privileged(s);
		lower(limit, &soft, "rlimit soft%s",
		      ignored ? " (does not hold for a privileged process)" : "");
	}
	return 0;
}

int limits_read(const struct rbce_root *root, const struct rbce_hierarchy *h, pid_t pid,
		struct limit **ret, size_t *ret_n, struct rbce_error *err)
{
	CLEANUP(subject_done) struct subject s = {.dir = -1};
	struct limit_list list = {0};
	int r;

	r = subject_read(root, h, pid, &s, err);
	if (r < 0)
		return r;
	r = read_keys(&s, &list);
	if (r == 0)
		r = read_io(&s, &list);
	if (r == 0)
		r = read_rlimits(&s, &list);
	if (r < 0) {
		free(list.limits);
		return rbce_error_errno(err, r, "cannot read process '%d'", pid);
	}
	*ret = list.limits;
	*ret_n = list.n;
	return 0;
}
