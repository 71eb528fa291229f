// SPDX-License-Identifier: LGPL-2.1-or-later
/* The lowest of all limits that hold for a process; see rbce/limits.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>

#include "file.h"
#include "limits-internal.h"
#include "util.h"

/* include/linux/proc_ns.h: the initial cgroup namespace has this number on every system. */
#define INITIAL_NAMESPACE "cgroup:[4026531835]"

/* Half a page: of a longer text the kernel may give a part. */
enum { SHORT = 2048 };

/* ---- texts ---- */

int limits_number(const char *text, uint64_t *ret)
{
	uint64_t value = 0;

	if (streq(text, "max") || streq(text, "-1")) {
		*ret = RBCE_LIMIT_NONE;
		return 0;
	}
	if (!*text)
		return -EBADMSG;
	for (; *text; text++)
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
			return -EBADMSG;
	*ret = value;
	return 0;
}

const char *limits_field(const char *text, const char *field)
{
	size_t n = strlen(field);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, field, n) == 0 && line[n] == ':')
			return line + n + 1;
	}
	return NULL;
}

bool limits_field_number(const char *text, const char *field, uint64_t *ret)
{
	const char *value = limits_field(text, field);
	char *end;

	if (!value)
		return false;
	value += strspn(value, " \t");
	if (*value < '0' || *value > '9')
		return false;
	*ret = strtoull(value, &end, 10);
	if (strncmp(end, " kB", 3) == 0)
		*ret *= 1024;
	return true;
}

int limits_open_slot(struct rbce_limits *l, int dir, const char *path, int *slot, bool watched)
{
	char link[64];
	int fd, known = *slot;

	if (known)
		return known;
	fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	/* No descriptor left is a matter of this moment. */
	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		return -errno;
	*slot = fd < 0 ? -errno : fd + 1;
	if (fd >= 0 && watched && l->watch >= 0) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		inotify_add_watch(l->watch, link, IN_MODIFY);
	}
	return *slot;
}

ssize_t limits_read_slot(struct rbce_limits *l, int dir, const char *path, int *slot, bool watched,
			 char *buf, size_t size)
{
	int r = limits_open_slot(l, dir, path, slot, watched);
	ssize_t n;

	if (r < 0)
		return r;
	/* The kernel gives so little in one piece: no second look for the end of it. */
	n = pread(r - 1, buf, size, 0);
	if (n < 0 || n >= SHORT || (size_t)n >= size)
		return file_pread(r - 1, buf, size);
	n -= n > 0 && buf[n - 1] == '\n';
	buf[n] = '\0';
	return n;
}

/* ---- one item from its bounds ---- */

static void take(struct rbce_limit *out, const struct rbce_bound *b)
{
	uint64_t left = b->usage < b->value ? b->value - b->usage : 0;

	if (b->status < 0) {
		if (out->status == 0)
			out->status = b->status;
		return;
	}
	out->has |= RBCE_HAS_LIMIT;
	if (b->value == RBCE_LIMIT_NONE)
		return;
	if (b->value < out->limit) {
		out->limit = b->value;
		out->source = b->source;
		out->level = b->level;
		out->has &= ~(uint32_t)RBCE_HAS_USAGE;
		out->has |= b->has_usage ? RBCE_HAS_USAGE : 0;
		out->usage = b->has_usage ? b->usage : 0;
	}
	if (b->has_usage && (!(out->has & RBCE_HAS_HEADROOM) || left < out->headroom)) {
		out->has |= RBCE_HAS_HEADROOM;
		out->headroom = left;
		out->left_source = b->source;
		out->left_level = b->level;
	}
}

static char *bound_text(const struct rbce_limits *l, const struct rbce_limit *item, int source,
			int level, char *buf, size_t size)
{
	char path[PATH_MAX], made[64], cpus[256];
	enum limits_controller controller;
	const char *file;

	switch (source) {
	case RBCE_BY_CONTAINER:
	case RBCE_BY_HIDDEN:
		file = limits_group_file(l, item, &controller, made, sizeof(made));
		limits_group_path(limits_chain(l, controller), level, path, sizeof(path));
		if (source == RBCE_BY_HIDDEN)
			file = "memory.stat (a hidden group above)";
		snprintf(buf, size, "%s:%s %s", limits_controller_name(controller), path, file);
		break;
	case RBCE_BY_RLIMIT:
		snprintf(buf, size, "rlimit %ssoft%s",
			 item->resource == RBCE_LIMIT_PIDS ? "nproc " : "",
			 limits_is_ignored((struct rbce_limits *)l, item)
				 ? " (does not hold for a privileged process)"
				 : "");
		break;
	case RBCE_BY_SYSCTL:
		snprintf(buf, size, "sysctl %s", limits_sysctl_name(level));
		break;
	case RBCE_BY_AFFINITY:
		if (limits_cpu_list((struct rbce_limits *)l, cpus, sizeof(cpus)) < 0)
			cpus[0] = '\0';
		snprintf(buf, size, "affinity or cpuset, CPUs %s", cpus);
		break;
	case RBCE_BY_HOST:
		snprintf(buf, size, "host");
		break;
	default:
		snprintf(buf, size, "%s", "");
	}
	return one_line(buf);
}

void limits_bound(struct gather *g, const struct rbce_bound *bound)
{
	char text[PATH_MAX + 128];

	g->bounds++;
	if (g->out)
		take(g->out, bound);
	if (g->function)
		g->function(bound,
			    bound_text(g->l, g->item, bound->source, bound->level, text,
				       sizeof(text)),
			    g->data);
}

static void gather(struct gather *g)
{
	int resource = g->item->resource;

	if (limits_is_group(resource))
		limits_gather_groups(g);
	if (resource == RBCE_LIMIT_EGRESS)
		limits_gather_net(g);
	if (resource >= RBCE_LIMIT_RLIMIT && resource < RBCE_LIMIT_FILES)
		limits_read_rlimit(g);
	else
		limits_gather_host(g);
}

static void read_item(struct rbce_limits *l, struct rbce_limit *item)
{
	const struct rbce_limit what = {.resource = item->resource, .instance = item->instance};
	struct gather g = {.l = l, .item = &what, .out = item};
	bool rlimit = what.resource >= RBCE_LIMIT_RLIMIT && what.resource < RBCE_LIMIT_FILES;
	uint64_t peak = RBCE_LIMIT_NONE;

	*item = what;
	item->limit = RBCE_LIMIT_NONE;
	if (what.resource < 0 || what.resource >= RBCE_RESOURCE_COUNT) {
		item->status = -EINVAL;
		return;
	}
	gather(&g);
	if (g.bounds == 0)
		item->status = -EOPNOTSUPP;
	/* What is left elsewhere says nothing while the lowest limit's use is unknown. */
	if (!(item->has & RBCE_HAS_USAGE))
		item->has &= ~(uint32_t)RBCE_HAS_HEADROOM;
	if (rlimit)
		limits_has_peak(l, what.resource, &peak);
	else if (limits_is_group(what.resource))
		peak = limits_peak(l, item);
	if (peak != RBCE_LIMIT_NONE) {
		item->peak = peak;
		item->has |= RBCE_HAS_PEAK;
	}
}

/* ---- the handle ---- */

/* Follows the process; its place is told wrong as soon as it has ended (v1 says "/"). */
static int look_again(struct rbce_limits *l)
{
	ssize_t n;
	int r;

	l->has_status = l->has_limits = false;
	if (!l->pid)
		return 0;
	/* A kernel without cgroups has no such file. */
	n = l->cgroup < 0 ? 0 : file_pread(l->cgroup, l->cgroup_new, sizeof(l->cgroup_new));
	if (l->cgroup < 0)
		l->cgroup_new[0] = '\0';
	if (n < 0)
		return n == -ENOENT ? -ESRCH : (int)n;
	if (streq(l->cgroup_new, l->cgroup_text))
		return 0;
	r = limits_read_status(l);
	if (r < 0)
		return r;
	memcpy(l->cgroup_text, l->cgroup_new, (size_t)n + 1);
	limits_place(l, l->cgroup_text);
	return 0;
}

int rbce_limits_read(struct rbce_limits *l, struct rbce_limit *items, size_t n)
{
	int r = look_again(l);

	for (size_t i = 0; i < n && r == 0; i++)
		read_item(l, &items[i]);
	/* It may have ended meanwhile, and then what was read of it is nothing. */
	if (r == 0 && l->pid && !l->self) {
		l->has_status = false;
		r = limits_read_status(l);
	}
	return r;
}

int rbce_limits_explain(struct rbce_limits *l, const struct rbce_limit *item,
			rbce_bound_fn *function, void *data)
{
	struct gather g = {.l = l, .item = item, .function = function, .data = data};
	int r = look_again(l);

	if (r == 0 && (item->resource < 0 || item->resource >= RBCE_RESOURCE_COUNT))
		r = -EINVAL;
	if (r == 0)
		gather(&g);
	return r;
}

static bool in_cgroup_namespace(const struct rbce_root *root)
{
	char link[64];
	ssize_t n = readlinkat(rbce_root_fd(root), "proc/self/ns/cgroup", link, sizeof(link) - 1);

	if (n < 0)
		return false;
	link[n] = '\0';
	return !streq(link, INITIAL_NAMESPACE);
}

/* "hugepages-2048kB" in the kernel's list; its control files say "2MB". */
static void find_sizes(struct rbce_limits *l)
{
	cleanup_dir DIR *dir = take_directory(
		rbce_root_openat(l->root, "sys/kernel/mm/hugepages", O_RDONLY | O_DIRECTORY));
	static const char units[] = "KMG";
	struct dirent *entry;

	while (dir && l->n_sizes < SIZES && (entry = readdir(dir))) {
		unsigned long size;
		int unit = 0;

		if (sscanf(entry->d_name, "hugepages-%lukB", &size) != 1)
			continue;
		for (; size >= 1024 && units[unit + 1]; unit++)
			size /= 1024;
		if (size < 1024)
			snprintf(l->size[l->n_sizes++], sizeof(l->size[0]), "%u%cB",
				 (unsigned)size % 1024, units[unit]);
	}
}

DEFINE_CLEANUP(struct rbce_limits *, rbce_limits_close)

static int new_limits(const struct rbce_root *root, struct rbce_limits **ret)
{
	CLEANUP(rbce_limits_close_p) struct rbce_limits *l = calloc(1, sizeof(*l));
	int r = l ? 0 : -ENOMEM;

	if (r < 0)
		return r;
	l->dir = l->cgroup = l->status_fd = l->limits_fd = l->files = l->watch = -1;
	l->root = root;
	if (!root) {
		r = rbce_root_open(NULL, &l->own_root, NULL);
		l->root = l->own_root;
	}
	if (r == 0) {
		l->in_namespace = in_cgroup_namespace(l->root);
		find_sizes(l);
		r = limits_find_chains(l);
	}
	if (r == 0)
		*ret = TAKE_PTR(l);
	return r;
}

int rbce_limits_open(const struct rbce_root *root, pid_t pid, unsigned flags,
		     struct rbce_limits **ret, struct rbce_error *err)
{
	CLEANUP(rbce_limits_close_p) struct rbce_limits *l = NULL;
	int r = new_limits(root, &l);

	if (r == 0) {
		l->pid = pid ?: getpid();
		l->flags = flags;
		l->self = rbce_root_is_live(l->root) && l->pid == getpid();
		r = limits_open_process(l);
	}
	/* No text is like that before the first look. */
	if (r == 0) {
		l->cgroup_text[0] = '\n';
		r = look_again(l);
	}
	if (r < 0)
		return rbce_error_errno(err, r, "cannot read process '%d'", pid);
	*ret = TAKE_PTR(l);
	return 0;
}

int rbce_limits_open_group(const struct rbce_root *root, const char *path, struct rbce_limits **ret,
			   struct rbce_error *err)
{
	CLEANUP(rbce_limits_close_p) struct rbce_limits *l = NULL;
	int r = path[0] == '/' && strlen(path) < PATH_MAX ? new_limits(root, &l) : -EINVAL;
	bool found = false;

	if (r == 0) {
		limits_place_group(l, path);
		for (int i = 0; i < l->n_chains; i++)
			found |= l->chains[i].n && l->chains[i].dir[0] >= 0;
		r = found ? 0 : -ENOENT;
	}
	if (r < 0)
		return rbce_error_errno(err, r, "cannot read group '%s'", path);
	*ret = TAKE_PTR(l);
	return 0;
}

struct rbce_limits *rbce_limits_close(struct rbce_limits *l)
{
	if (!l)
		return NULL;
	limits_close_chains(l);
	for (size_t i = 0; i < HOST_FILES; i++)
		if (l->host[i] > 0)
			close(l->host[i] - 1);
	for (size_t i = 0; i < SYSCTLS; i++)
		if (l->sysctl[i] > 0)
			close(l->sysctl[i] - 1);
	for (const int *fd = (const int[]){l->dir, l->cgroup, l->status_fd, l->limits_fd, l->files,
					   l->watch, INT_MIN};
	     *fd != INT_MIN; fd++)
		if (*fd >= 0)
			close(*fd);
	rbce_root_close(l->own_root);
	free(l);
	return NULL;
}

static void list_item(struct rbce_limit *items, size_t n, size_t *at, int resource,
		      unsigned instance)
{
	if (*at < n)
		items[*at] = (struct rbce_limit){.resource = resource, .instance = instance};
	(*at)++;
}

size_t rbce_limits_list(struct rbce_limits *l, struct rbce_limit *items, size_t n)
{
	size_t at = 0;

	limits_find_devices(l);
	for (int resource = 0; resource < RBCE_RESOURCE_COUNT; resource++) {
		bool rlimit = resource >= RBCE_LIMIT_RLIMIT && resource < RBCE_LIMIT_FILES;
		unsigned many = resource == RBCE_LIMIT_IO        ? l->n_io
				: resource == RBCE_LIMIT_HUGETLB ? l->n_sizes
								 : 1;

		if (rlimit && !l->pid)
			continue;
		for (unsigned i = 0; i < (many ? many : 1); i++)
			list_item(items, n, &at, resource, i);
	}
	return at;
}

int rbce_limit_of(pid_t pid, enum rbce_resource resource, struct rbce_limit *ret,
		  struct rbce_error *err)
{
	CLEANUP(rbce_limits_close_p) struct rbce_limits *l = NULL;
	struct rbce_limit item = {.resource = (int32_t)resource};
	int r = rbce_limits_open(NULL, pid, 0, &l, err);

	if (r < 0)
		return r;
	r = rbce_limits_read(l, &item, 1);
	if (r < 0)
		return rbce_error_errno(err, r, "cannot read process '%d'", pid);
	*ret = item;
	return 0;
}

char *rbce_limits_imposed_by(const struct rbce_limits *l, const struct rbce_limit *item, char *buf,
			     size_t size)
{
	return bound_text(l, item, item->source, item->level, buf, size);
}

char *rbce_limits_left_by(const struct rbce_limits *l, const struct rbce_limit *item, char *buf,
			  size_t size)
{
	return bound_text(l, item, item->left_source, item->left_level, buf, size);
}

char *rbce_limits_instance(const struct rbce_limits *l, const struct rbce_limit *item, char *buf,
			   size_t size)
{
	buf[0] = '\0';
	if (item->resource == RBCE_LIMIT_IO && item->instance < l->n_io)
		snprintf(buf, size, "%u:%u %s", l->io[item->instance].major,
			 l->io[item->instance].minor, limits_io_kind(l->io[item->instance].kind));
	else if (item->resource == RBCE_LIMIT_HUGETLB && item->instance < l->n_sizes)
		snprintf(buf, size, "%s", l->size[item->instance]);
	return buf;
}

const char *rbce_limits_unit(const struct rbce_limits *l, const struct rbce_limit *item)
{
	switch (limits_unit_of(item->resource)) {
	case U_PERCENT:
		return "millipercent";
	case U_COUNT:
		return "number";
	case U_BYTES:
		return "bytes";
	case U_SECONDS:
		return "seconds";
	case U_USEC:
		return "microseconds";
	case U_RATE:
		return item->resource == RBCE_LIMIT_IO && item->instance < l->n_io &&
				       l->io[item->instance].kind > 1
			       ? "operations/s"
			       : "bytes/s";
	}
	return "";
}

int rbce_limits_cpus(struct rbce_limits *l, char *buf, size_t size)
{
	return limits_cpu_list(l, buf, size);
}

/* ---- notification ---- */

int rbce_limits_watch(struct rbce_limits *l)
{
	if (l->watch >= 0)
		return l->watch;
	l->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (l->watch < 0)
		return -errno;
	/* Files that are open already are opened anew, and watched from then on. */
	l->cgroup_text[0] = '\n';
	return l->watch;
}

int rbce_limits_changed(struct rbce_limits *l)
{
	char buf[4096];
	int changed = 0;

	while (l->watch >= 0 && read(l->watch, buf, sizeof(buf)) > 0)
		changed = 1;
	return changed;
}
