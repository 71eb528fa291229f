// SPDX-License-Identifier: LGPL-2.1-or-later
/* Which cgroup hierarchies there are, and where a task stands in them; see rbce/hierarchy.h. */
#include "hierarchy.h"

#include <errno.h>
#include <fcntl.h>
#include <libcgroup.h>
#include <limits.h>
#include <mntent.h>
#include <rbce/container.h>

#include "file.h"
#include "util.h"

#define BIT(controller) (1U << (controller))

/* Those that the controller table has keys for, and cpuacct, which v1 counts CPU time with. */
static const unsigned used_controllers =
	BIT(RBCE_CPU) | BIT(RBCE_CPUACCT) | BIT(RBCE_MEMORY) | BIT(RBCE_IO) | BIT(RBCE_PIDS);

const unsigned hierarchy_on_demand = BIT(RBCE_CPUSET) | BIT(RBCE_DEVICES) | BIT(RBCE_HUGETLB) |
				     BIT(RBCE_NET_CLS) | BIT(RBCE_NET_PRIO) | BIT(RBCE_RDMA) |
				     BIT(RBCE_MISC);

static const struct {
	const char *name;
	const char *v1; /* where it differs */
} controllers[RBCE_CONTROLLER_COUNT] = {
	[RBCE_CPU] = {"cpu", NULL},           [RBCE_CPUACCT] = {"cpuacct", NULL},
	[RBCE_CPUSET] = {"cpuset", NULL},     [RBCE_MEMORY] = {"memory", NULL},
	[RBCE_IO] = {"io", "blkio"},          [RBCE_PIDS] = {"pids", NULL},
	[RBCE_DEVICES] = {"devices", NULL},   [RBCE_FREEZER] = {"freezer", NULL},
	[RBCE_HUGETLB] = {"hugetlb", NULL},   [RBCE_NET_CLS] = {"net_cls", NULL},
	[RBCE_NET_PRIO] = {"net_prio", NULL}, [RBCE_RDMA] = {"rdma", NULL},
	[RBCE_MISC] = {"misc", NULL},
};

const char *rbce_controller_name(enum rbce_controller controller)
{
	return controllers[controller].name;
}

bool rbce_controller_on_demand(enum rbce_controller controller)
{
	return hierarchy_on_demand & BIT(controller);
}

static const char *v1_name(size_t controller)
{
	return controllers[controller].v1 ?: controllers[controller].name;
}

/* The bit of the controller whose name in hierarchies of VERSION is the first N bytes of NAME. */
static unsigned controller_bit(const char *name, size_t n, int version)
{
	for (size_t i = 0; i < RBCE_CONTROLLER_COUNT; i++) {
		const char *known = version == 1 ? v1_name(i) : controllers[i].name;
		if (strlen(known) == n && memcmp(known, name, n) == 0)
			return BIT(i);
	}
	return 0;
}

/* The controllers named in LIST, which SEPARATOR divides. */
static unsigned controller_bits(const char *list, const char *separator, int version)
{
	unsigned bits = 0;

	while (*list) {
		size_t n = strcspn(list, separator);
		bits |= controller_bit(list, n, version);
		list += n + strspn(list + n, separator);
	}
	return bits;
}

static int add_mount(struct rbce_hierarchy *h, int version, const char *path, unsigned bits,
		     struct rbce_error *err)
{
	struct rbce_mount *m = &h->mounts[h->n_mounts];

	if (h->n_mounts == RBCE_MAX_MOUNTS)
		return rbce_error_set(err, -E2BIG, "cannot use '%s': over %d cgroup hierarchies",
				      path, RBCE_MAX_MOUNTS);
	*m = (struct rbce_mount){.version = version, .controllers = bits};
	m->fd = rbce_root_openat(h->root, path, O_PATH | O_DIRECTORY);
	if (m->fd < 0)
		return rbce_error_errno(err, m->fd, "cannot open '%s'", path);
	m->path = strdup(path);
	h->n_mounts++;
	return m->path ? 0 : rbce_error_errno(err, -ENOMEM, "cannot open '%s'", path);
}

/* What is mounted: the v2 tree, which libcgroup does not tell when it has no controllers, and
 * whether there are v1 hierarchies to ask it for. */
struct mounted {
	char *v2;
	bool v1;
};

static int read_mounts(const struct rbce_root *root, struct mounted *ret)
{
	int fd = rbce_root_openat(root, "/proc/self/mounts", O_RDONLY);
	cleanup_file FILE *mounts = fd < 0 ? NULL : fdopen(fd, "r");
	struct mntent entry;
	char line[PATH_MAX + 512];

	if (!mounts)
		return fd < 0 ? fd : -errno;
	while (getmntent_r(mounts, &entry, line, sizeof(line)))
		if (streq(entry.mnt_type, "cgroup")) {
			ret->v1 = true;
		} else if (!ret->v2 && streq(entry.mnt_type, "cgroup2")) {
			ret->v2 = strdup(entry.mnt_dir);
			if (!ret->v2)
				return -ENOMEM;
		}
	return 0;
}

static int add_v2(struct rbce_hierarchy *h, const char *path, struct rbce_error *err)
{
	char list[512];
	ssize_t n;
	int r;

	r = add_mount(h, 2, path, 0, err);
	if (r < 0)
		return r;
	n = file_read_at(h->mounts[0].fd, "cgroup.controllers", list, sizeof(list));
	if (n < 0)
		return rbce_error_errno(err, (int)n, "cannot read '%s/cgroup.controllers'", path);
	h->mounts[0].controllers =
		controller_bits(list, " ", 2) & (used_controllers | hierarchy_on_demand);
	return 0;
}

static struct rbce_mount *mount_at(struct rbce_hierarchy *h, const char *path)
{
	for (size_t i = 0; i < h->n_mounts; i++)
		if (streq(h->mounts[i].path, path))
			return &h->mounts[i];
	return NULL;
}

/* v1 hierarchies that have no other controllers; they come last. */
static void sort_on_demand(struct rbce_hierarchy *h)
{
	size_t end = h->n_mounts;

	for (size_t i = 0; i < end;) {
		struct rbce_mount m = h->mounts[i];

		if (m.version != 1 || !m.controllers || m.controllers & ~hierarchy_on_demand) {
			i++;
			continue;
		}
		m.on_demand = true;
		memmove(&h->mounts[i], &h->mounts[i + 1], (h->n_mounts - i - 1) * sizeof(m));
		h->mounts[h->n_mounts - 1] = m;
		end--;
	}
}

/* The controllers that libcgroup finds mounted, each with its mount point. */
static int add_v1(struct rbce_hierarchy *h, struct rbce_error *err)
{
	unsigned wanted = used_controllers | hierarchy_on_demand;
	struct cgroup_mount_point found;
	void *iterator = NULL;
	int r, more;

	/* Freezing is a matter of the v2 tree where there is one. */
	if (h->n_mounts == 0)
		wanted |= BIT(RBCE_FREEZER);
	if (cgroup_init() != 0)
		return 0;
	for (more = cgroup_get_controller_begin(&iterator, &found), r = 0; more == 0 && r == 0;
	     more = cgroup_get_controller_next(&iterator, &found)) {
		unsigned bit = controller_bit(found.name, strlen(found.name), 1);
		struct rbce_mount *m = mount_at(h, found.path);

		if (!(bit & wanted) || (m && m->version == 2))
			continue;
		if (m)
			m->controllers |= bit;
		else
			r = add_mount(h, 1, found.path, bit, err);
	}
	sort_on_demand(h);
	cgroup_get_controller_end(&iterator);
	return r;
}

static int new_hierarchy(const struct rbce_root *root, const char *group,
			 struct rbce_hierarchy **ret, struct rbce_error *err)
{
	struct rbce_hierarchy *h;
	int r;

	r = rbce_container_check_name(group, err);
	if (r < 0)
		return r;
	h = calloc(1, sizeof(*h));
	if (h)
		h->group = strdup(group);
	if (!h || !h->group) {
		free(h);
		return rbce_error_errno(err, -ENOMEM, "cannot open '%s'", group);
	}
	h->root = root;
	h->systemd = systemd_runs(root);
	*ret = h;
	return 0;
}

DEFINE_CLEANUP(struct rbce_hierarchy *, rbce_hierarchy_close)

int rbce_hierarchy_open(const struct rbce_root *root, const char *group,
			struct rbce_hierarchy **ret, struct rbce_error *err)
{
	CLEANUP(rbce_hierarchy_close_p) struct rbce_hierarchy *h = NULL;
	struct mounted mounted = {0};
	int r;

	r = new_hierarchy(root, group, &h, err);
	if (r < 0)
		return r;
	r = read_mounts(root, &mounted);
	if (r < 0)
		r = rbce_error_errno(err, r, "cannot read '/proc/self/mounts'");
	if (r == 0 && mounted.v2)
		r = add_v2(h, mounted.v2, err);
	free(mounted.v2);
	/* libcgroup has tables of half a megabyte, which each process made from then on would copy.
	 */
	if (r == 0 && mounted.v1 && rbce_root_is_live(root))
		r = add_v1(h, err);
	if (r < 0)
		return r;
	if (h->n_mounts == 0)
		return rbce_error_set(err, -ENOENT,
				      "cannot find any cgroup hierarchy: none is mounted");
	*ret = TAKE_PTR(h);
	return 0;
}

int rbce_hierarchy_open_mounts(const struct rbce_root *root, const char *group,
			       const struct rbce_mount *mounts, size_t n_mounts,
			       struct rbce_hierarchy **ret, struct rbce_error *err)
{
	CLEANUP(rbce_hierarchy_close_p) struct rbce_hierarchy *h = NULL;
	int r;

	r = new_hierarchy(root, group, &h, err);
	for (size_t i = 0; r == 0 && i < n_mounts; i++)
		r = add_mount(h, mounts[i].version, mounts[i].path, mounts[i].controllers, err);
	if (r < 0)
		return r;
	sort_on_demand(h);
	*ret = TAKE_PTR(h);
	return 0;
}

struct rbce_hierarchy *rbce_hierarchy_close(struct rbce_hierarchy *h)
{
	if (!h)
		return NULL;
	for (size_t i = 0; i < h->n_mounts; i++) {
		close(h->mounts[i].fd);
		free(h->mounts[i].path);
	}
	free(h->group);
	free(h);
	return NULL;
}

const struct rbce_root *rbce_hierarchy_root(const struct rbce_hierarchy *h)
{
	return h->root;
}

const char *rbce_hierarchy_group(const struct rbce_hierarchy *h)
{
	return h->group;
}

const struct rbce_mount *rbce_hierarchy_mounts(const struct rbce_hierarchy *h, size_t *ret_n)
{
	*ret_n = h->n_mounts;
	return h->mounts;
}

int hierarchy_index(const struct rbce_hierarchy *h, enum rbce_controller controller)
{
	for (size_t i = 0; i < h->n_mounts; i++)
		if (h->mounts[i].controllers & BIT(controller))
			return (int)i;
	return -1;
}

int hierarchy_unified_index(const struct rbce_hierarchy *h)
{
	for (size_t i = 0; i < h->n_mounts; i++)
		if (h->mounts[i].version == 2)
			return (int)i;
	return -1;
}

const struct rbce_mount *rbce_hierarchy_find(const struct rbce_hierarchy *h,
					     enum rbce_controller controller)
{
	int i = hierarchy_index(h, controller);

	return i < 0 ? NULL : &h->mounts[i];
}

const struct rbce_mount *rbce_hierarchy_unified(const struct rbce_hierarchy *h)
{
	int i = hierarchy_unified_index(h);

	return i < 0 ? NULL : &h->mounts[i];
}

const char *rbce_hierarchy_layout(const struct rbce_hierarchy *h)
{
	const struct rbce_mount *unified = rbce_hierarchy_unified(h);

	if (!unified)
		return "v1";
	return h->n_mounts == 1 ? "v2" : "hybrid";
}

/* Does the line "ID:CONTROLLERS:PATH" belong to MOUNT? Then *RET_PATH is its path and length. */
static bool line_of_mount(const char *line, size_t length, const struct rbce_mount *mount,
			  const char **ret_path, size_t *ret_length)
{
	const char *end = line + length;
	const char *list = memchr(line, ':', length);
	const char *path = list ? memchr(list + 1, ':', (size_t)(end - list - 1)) : NULL;

	if (!path)
		return false;
	list++;
	if (mount->version == 2) {
		if (path != list || line[0] != '0')
			return false;
	} else {
		unsigned bits = 0;
		for (const char *p = list; p < path;) {
			size_t n = strcspn(p, ",:");
			bits |= controller_bit(p, n, 1);
			p += n + 1;
		}
		if (!(bits & mount->controllers))
			return false;
	}
	*ret_path = path + 1;
	*ret_length = (size_t)(end - path - 1);
	return true;
}

int rbce_hierarchy_task_path(const struct rbce_hierarchy *h, const struct rbce_mount *mount,
			     const char *proc_cgroup, char *buf, size_t size)
{
	const char *path;
	size_t n;

	(void)h;
	for (const char *line = proc_cgroup; *line;) {
		size_t length = strcspn(line, "\n");
		if (line_of_mount(line, length, mount, &path, &n)) {
			if (n >= size)
				return -ENAMETOOLONG;
			memcpy(buf, path, n);
			buf[n] = '\0';
			return 0;
		}
		line += length + (line[length] == '\n');
	}
	return -ENOENT;
}

/* The part of PATH below the root group, "" for the group itself; NULL outside. Cuts off the leaf.
 */
static const char *below_group(const struct rbce_hierarchy *h, char *path, int version)
{
	size_t n = strlen(h->group), length;
	char *name = path + 1 + n;

	if (path[0] != '/' || strncmp(path + 1, h->group, n) != 0 || (*name && *name != '/'))
		return NULL;
	if (*name == '/')
		name++;
	length = strlen(name);
	if (version != 2)
		return name;
	if (streq(name, LEAF))
		*name = '\0';
	else if (length > sizeof(LEAF) && streq(name + length - sizeof(LEAF), "/" LEAF))
		name[length - sizeof(LEAF)] = '\0';
	return name;
}

int rbce_hierarchy_container_of(const struct rbce_hierarchy *h, const char *proc_cgroup,
				char **ret_name)
{
	cleanup_free char *found = NULL;
	bool differ = false;

	for (size_t i = 0; i < h->n_mounts; i++) {
		char path[PATH_MAX];
		const char *name = NULL;
		int r;

		if (h->mounts[i].on_demand)
			continue;
		r = rbce_hierarchy_task_path(h, &h->mounts[i], proc_cgroup, path, sizeof(path));
		if (r < 0 && r != -ENOENT)
			return r;
		if (r == 0)
			name = below_group(h, path, h->mounts[i].version);
		if (!name) {
			differ = true;
			continue;
		}
		if (found) {
			differ |= !streq(found, name);
			continue;
		}
		found = strdup(name);
		if (!found)
			return -ENOMEM;
	}
	if (!found)
		return -ENOENT;
	*ret_name = TAKE_PTR(found);
	return differ;
}

/* "cpu,cpuacct:", nothing for v2. Returns the length, SIZE or more when it does not fit. */
static size_t print_controllers(const struct rbce_mount *mount, char *buf, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; mount->version == 1 && i < RBCE_CONTROLLER_COUNT; i++)
		if (mount->controllers & BIT(i) && n < size)
			n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? "," : "", v1_name(i));
	if (n && n < size)
		n += (size_t)snprintf(buf + n, size - n, ":");
	return n;
}

int rbce_hierarchy_stray_of(const struct rbce_hierarchy *h, const char *proc_cgroup,
			    const char *name, const struct rbce_mount **ret_mount, char *buf,
			    size_t size)
{
	for (size_t i = 0; i < h->n_mounts; i++) {
		const struct rbce_mount *mount = &h->mounts[i];
		cleanup_free char *path = NULL;
		const char *now;
		size_t n;
		int r;

		if (mount->on_demand)
			continue;
		n = print_controllers(mount, buf, size);
		r = n >= size ? -ENAMETOOLONG
			      : rbce_hierarchy_task_path(h, mount, proc_cgroup, buf + n, size - n);
		if (r == -ENOENT)
			buf[n] = '\0';
		else if (r < 0)
			return r;
		path = strdup(buf + n);
		if (!path)
			return -ENOMEM;
		now = below_group(h, path, mount->version);
		if (now && streq(now, name))
			continue;
		*ret_mount = mount;
		return 0;
	}
	return -ENOENT;
}
