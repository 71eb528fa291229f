// SPDX-License-Identifier: LGPL-2.1-or-later
/* Containers: names, groups made and opened, control files; see rbce/container.h. */
#include "container.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "attach.h"
#include "file.h"
#include "own.h"
#include "util.h"

/* Control files live beside the groups: a group of such a name would hide or clash with one. */
static bool like_control_file(const char *component, size_t n)
{
	static const char *const prefixes[] = {"cgroup.",   "cpu.",     "cpuacct.", "cpuset.",
					       "memory.",   "io.",      "blkio.",   "pids.",
					       "freezer.",  "hugetlb.", "devices.", "net_cls.",
					       "net_prio.", "rdma.",    "misc."};
	static const char *const files[] = {"tasks", "notify_on_release", "release_agent"};

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (strncmp(component, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (n == strlen(files[i]) && memcmp(component, files[i], n) == 0)
			return true;
	return false;
}

static const char *component_fault(const char *component, size_t n)
{
	if (n == 0)
		return "it has an empty part";
	if (n > NAME_MAX)
		return "a part of it is over 255 bytes";
	if ((n == 1 && component[0] == '.') || (n == 2 && memcmp(component, "..", 2) == 0))
		return "'.' and '..' are no container names";
	if (n == strlen(LEAF) && memcmp(component, LEAF, n) == 0)
		return "'" LEAF "' is reserved";
	if (like_control_file(component, n))
		return "a part of it is named like a control file";
	return NULL;
}

static const char *name_fault(const char *name)
{
	size_t length = strlen(name);

	if (length == 0)
		return "it is empty";
	if (length >= RBCE_NAME_MAX)
		return "it is too long";
	if (name[0] == '/')
		return "it begins with '/'";
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return "it has a control character";
	for (const char *p = name;;) {
		size_t n = strcspn(p, "/");
		const char *fault = component_fault(p, n);

		if (fault || p[n] == '\0')
			return fault;
		p += n + 1;
	}
}

int rbce_container_check_name(const char *name, struct rbce_error *err)
{
	const char *fault = name_fault(name);
	char shown[128];
	size_t i;

	if (!fault)
		return 0;
	/* One line, whatever is in the name. */
	for (i = 0; i < sizeof(shown) - 1 && name[i]; i++)
		shown[i] = (unsigned char)name[i] < ' ' || name[i] == 0x7f ? '?' : name[i];
	shown[i] = '\0';
	return rbce_error_set(err, -EINVAL, "cannot use container name '%s': %s", shown, fault);
}

int container_path(const struct rbce_container *c, char *buf, size_t size)
{
	int n = snprintf(buf, size, "%s%s%s", c->h->group, *c->name ? "/" : "", c->name);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

enum { ENABLE_ROUNDS = 5 };

/*
 * On v2 the group at PATH must hand its controllers on before a group below can be limited. Its own
 * tasks go into the leaf first: with the cpu controller alone the kernel would not refuse, but make
 * it the root of a threaded subtree, where no memory can be limited (cgroup-v2.rst, "Threads").
 */
static int enable_controllers(const struct rbce_mount *m, const char *path, unsigned bits)
{
	static const char file[] = "cgroup.subtree_control";
	char have[512], wanted[512] = "";
	cleanup_close int dir = -1;
	size_t used = 0;
	ssize_t n;
	int r = 0;

	dir = openat(m->fd, *path ? path : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	n = file_read_at(dir, file, have, sizeof(have));
	if (n < 0)
		return (int)n;
	for (size_t i = 0; i < RBCE_CONTROLLER_COUNT; i++) {
		const char *name = rbce_controller_name((enum rbce_controller)i);

		if (bits & (1U << i) && !attach_has_word(have, name))
			used += (size_t)snprintf(wanted + used, sizeof(wanted) - used, " +%s",
						 name);
	}
	if (!used)
		return 0;
	/* Busy again where a task of the group has forked meanwhile. */
	for (int round = 0; round < ENABLE_ROUNDS; round++) {
		if (*path)
			r = attach_move_to_leaf(dir);
		if (r == 0)
			r = file_write_at(dir, file, wanted);
		if (r != -EBUSY)
			break;
	}
	return r;
}

/* v1: a new cpuset has no CPUs and no memory, and no task may enter it. */
static int fill_cpuset(const struct rbce_mount *m, const char *path)
{
	static const char *const files[] = {"cpuset.cpus", "cpuset.mems"};
	cleanup_close int dir = openat(m->fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char text[4096];
	int r = dir < 0 ? -errno : 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(files); i++) {
		char above[32];
		ssize_t n = file_read_at(dir, files[i], text, sizeof(text));

		if (n != 0) {
			r = n < 0 ? (int)n : 0;
			continue;
		}
		snprintf(above, sizeof(above), "../%s", files[i]);
		n = file_read_at(dir, above, text, sizeof(text));
		r = n < 0 ? (int)n : file_write_at(dir, files[i], text);
	}
	return r;
}

static int make_group(const struct rbce_mount *m, const char *path, size_t *made)
{
	int r = 0;

	if (mkdirat(m->fd, path, 0755) < 0)
		return errno == EEXIST ? 0 : -errno;
	(*made)++;
	if (m->version == 1 && m->controllers & (1U << RBCE_CPUSET))
		r = fill_cpuset(m, path);
	return r;
}

int container_make_groups(const struct rbce_mount *m, char *path, size_t *made)
{
	unsigned bits = m->controllers & ~hierarchy_on_demand;

	for (char *p = path;;) {
		char *slash = strchr(p, '/'), *last;
		int r = 0;

		if (slash)
			*slash = '\0';
		if (m->version == 2 && bits) {
			last = strrchr(path, '/');
			if (last)
				*last = '\0';
			r = enable_controllers(m, last ? path : "", bits);
			if (last)
				*last = '/';
		}
		if (r == 0)
			r = make_group(m, path, made);
		if (slash)
			*slash = '/';
		if (r < 0 || !slash)
			return r;
		p = slash + 1;
	}
}

int container_enable(const struct rbce_mount *m, char *path, unsigned bits)
{
	int r = enable_controllers(m, "", bits);

	/* From the top: a group hands on what it has got. The last part is the group itself. */
	for (char *slash = strchr(path, '/'); r == 0 && slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		r = enable_controllers(m, path, bits);
		*slash = '/';
	}
	return r;
}

void container_unmake_groups(const struct rbce_mount *m, const char *path, size_t n)
{
	cleanup_free char *left = strdup(path);
	char *slash;

	for (; left && n > 0; n--) {
		unlinkat(m->fd, left, AT_REMOVEDIR);
		slash = strrchr(left, '/');
		if (slash)
			*slash = '\0';
	}
}

static int create_groups(struct rbce_container *c, char *path, struct rbce_error *err)
{
	size_t made[RBCE_MAX_MOUNTS] = {0}, i;
	int r = 0;

	for (i = 0; r == 0 && i < c->h->n_mounts; i++) {
		if (c->h->mounts[i].on_demand)
			continue;
		r = container_make_groups(&c->h->mounts[i], path, &made[i]);
		if (r < 0)
			rbce_error_errno(err, r, "cannot create '%s/%s'", c->h->mounts[i].path,
					 path);
	}
	while (r < 0 && i-- > 0)
		container_unmake_groups(&c->h->mounts[i], path, made[i]);
	return r;
}

static int open_groups(struct rbce_container *c, const char *path, struct rbce_error *err)
{
	bool found = false;

	for (size_t i = 0; i < c->h->n_mounts; i++) {
		c->dir[i] = openat(c->h->mounts[i].fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (c->dir[i] < 0 && errno != ENOENT)
			return rbce_error_errno(err, -errno, "cannot open '%s/%s'",
						c->h->mounts[i].path, path);
		found |= c->dir[i] >= 0;
	}
	if (!found)
		return rbce_error_set(err, -ENOENT, "cannot open container '%s': there is none",
				      *c->name ? c->name : c->h->group);
	return 0;
}

int rbce_container_open(struct rbce_hierarchy *h, const char *name, unsigned flags,
			struct rbce_container **ret, struct rbce_error *err)
{
	CLEANUP(rbce_container_close_p) struct rbce_container *c = NULL;
	char path[PATH_MAX];
	int r;

	if (*name) {
		r = rbce_container_check_name(name, err);
		if (r < 0)
			return r;
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		return rbce_error_errno(err, -ENOMEM, "cannot open container '%s'", name);
	c->h = h;
	for (size_t i = 0; i < RBCE_MAX_MOUNTS; i++)
		c->dir[i] = c->procs[i] = -1;
	c->name = strdup(name);
	r = c->name ? container_path(c, path, sizeof(path)) : -ENOMEM;
	if (r < 0)
		return rbce_error_errno(err, r, "cannot open container '%s'", name);
	if (flags & RBCE_CONTAINER_CREATE)
		r = create_groups(c, path, err);
	if (r == 0)
		r = open_groups(c, path, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(c);
	return 0;
}

struct rbce_container *rbce_container_close(struct rbce_container *c)
{
	if (!c)
		return NULL;
	for (size_t i = 0; i < RBCE_MAX_MOUNTS; i++) {
		if (c->dir[i] >= 0)
			close(c->dir[i]);
		if (c->procs[i] >= 0)
			close(c->procs[i]);
	}
	free(c->name);
	free(c);
	return NULL;
}

const char *rbce_container_name(const struct rbce_container *c)
{
	return c->name;
}

const struct rbce_hierarchy *rbce_container_hierarchy(const struct rbce_container *c)
{
	return c->h;
}

int rbce_container_version(const struct rbce_container *c, enum rbce_controller controller)
{
	int i = hierarchy_index(c->h, controller);

	return i < 0 ? 0 : c->h->mounts[i].version;
}

static int open_at_mount(struct rbce_container *c, int index, const char *file, int flags)
{
	int fd;

	if (index >= 0)
		container_look_again(c, (size_t)index);
	if (index < 0 || c->dir[index] < 0)
		return -EOPNOTSUPP;
	fd = openat(c->dir[index], file, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int rbce_container_open_file(struct rbce_container *c, enum rbce_controller controller,
			     const char *file, int flags)
{
	return open_at_mount(c, hierarchy_index(c->h, controller), file, flags);
}

int rbce_container_open_unified(struct rbce_container *c, const char *file, int flags)
{
	return open_at_mount(c, hierarchy_unified_index(c->h), file, flags);
}

int rbce_container_read(struct rbce_container *c, enum rbce_controller controller, const char *file,
			char *buf, size_t size, struct rbce_error *err)
{
	cleanup_close int fd = rbce_container_open_file(c, controller, file, O_RDONLY);
	ssize_t n = fd < 0 ? fd : file_pread(fd, buf, size);

	if (n < 0)
		return rbce_error_errno(err, (int)n, "cannot read '%s' of container '%s'", file,
					c->name);
	return 0;
}

int rbce_container_write(struct rbce_container *c, enum rbce_controller controller,
			 const char *file, const char *value, struct rbce_error *err)
{
	cleanup_close int fd = rbce_container_open_file(c, controller, file, O_WRONLY);
	int r = fd < 0 ? fd : file_write_fd(fd, value, strlen(value));

	if (r < 0)
		return rbce_error_errno(err, r, "cannot write '%s' to '%s' of container '%s'",
					value, file, c->name);
	return 0;
}
