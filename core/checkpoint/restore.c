// SPDX-License-Identifier: LGPL-2.1-or-later
/* An image into a container: what stands in the way, then the engine; see rbce/checkpoint.h. */
#include <fcntl.h>
#include <limits.h>
#include <sys/utsname.h>

#include "attach.h"
#include "container.h"
#include "engine.h"
#include "record.h"
#include "util.h"

static const char *option_of(const struct rbce_manifest *m, const char *name)
{
	const char *value;
	size_t i = 0;

	while ((value = rbce_manifest_next(m, "option", &i)))
		if (streq(value, name))
			return value;
	return NULL;
}

static bool was_own(const struct rbce_manifest *m, const char *kind)
{
	const char *value, *rest;
	size_t i = 0;

	while ((value = rbce_manifest_next(m, "namespace", &i)))
		if ((rest = after_prefix(value, kind)) && streq(rest, " own"))
			return true;
	return false;
}

/* ---- what stands in the way ---- */

/* The engine's code for a processor goes as far as the flags of the one it was dumped on. */
static int check_cpu(const struct rbce_root *root, const struct rbce_manifest *m,
		     struct rbce_error *err)
{
	cleanup_free char *here = record_cpu(root, "flags"), *wanted = NULL;
	const char *flags = rbce_manifest_get(m, "cpu");
	char *save;

	if (!flags || !here)
		return 0;
	wanted = strdup(flags);
	if (!wanted)
		return rbce_error_errno(err, -ENOMEM, "cannot restore");
	for (char *flag = strtok_r(wanted, " ", &save); flag; flag = strtok_r(NULL, " ", &save))
		if (!attach_has_word(here, flag))
			return rbce_error_set(err, -EOPNOTSUPP,
					      "cannot restore: the image is from a processor with "
					      "'%s', which this one does not have",
					      flag);
	return 0;
}

static int check_machine(const struct rbce_manifest *m, struct rbce_error *err)
{
	const char *kernel = rbce_manifest_get(m, "kernel");
	const char *machine = kernel ? strrchr(kernel, ' ') : NULL;
	struct utsname here;

	uname(&here);
	if (machine && !streq(machine + 1, here.machine))
		return rbce_error_set(err, -EOPNOTSUPP,
				      "cannot restore: the image is from a machine of kind '%s', "
				      "this is '%s'",
				      machine + 1, here.machine);
	return 0;
}

/* Inside a pid namespace of its own all pids are free. */
static int check_pids(const struct rbce_root *root, const struct rbce_manifest *m,
		      struct rbce_error *err)
{
	const char *value;
	size_t i = 0;

	while (!was_own(m, "pid") && (value = rbce_manifest_next(m, "process", &i))) {
		CLEANUP(rbce_task_done) struct rbce_task task = {0};
		pid_t pid = (pid_t)strtol(value, NULL, 10);

		if (rbce_task_read(root, pid, RBCE_FACT_STAT | RBCE_FACT_EXE, &task, NULL) == 0)
			return rbce_error_set(err, -EEXIST,
					      "cannot restore: pid %d is taken by '%s'", pid,
					      task.exe ?: task.comm);
	}
	return 0;
}

/* Where the kernel can hold a process until memory that it asks for is there. */
static int check_userfault(const struct rbce_manifest *m, struct rbce_error *err)
{
	return !option_of(m, "post-copy") ||
			       access("/proc/sys/vm/unprivileged_userfaultfd", F_OK) == 0
		       ? 0
		       : rbce_error_set(err, -EOPNOTSUPP,
					"cannot restore: this kernel has no userfaultfd, which "
					"memory takes that is to follow");
}

int rbce_restore_check(const struct rbce_root *root, const struct rbce_manifest *m,
		       struct rbce_error *err)
{
	int r = 0;

	if (!rbce_manifest_get(m, "tree"))
		r = rbce_error_set(err, -EINVAL, "cannot restore: no process is in the image");
	if (r == 0)
		r = check_machine(m, err);
	if (r == 0)
		r = check_cpu(root, m, err);
	if (r == 0)
		r = check_userfault(m, err);
	if (r == 0)
		r = record_check_addresses(m, err);
	return r < 0 ? r : check_pids(root, m, err);
}

/* ---- the engine ---- */

struct restore {
	struct rbce_container *c;
	const struct rbce_restore_order *order;
	size_t trees, done;
};

static unsigned flags_of(const struct rbce_manifest *m)
{
	static const struct {
		const char *name;
		unsigned flag;
	} flags[] = {
		{"tcp-established", RBCE_CHECKPOINT_TCP}, {"file-locks", RBCE_CHECKPOINT_LOCKS},
		{"shell-job", RBCE_CHECKPOINT_SHELL},     {"ext-unix-sk", RBCE_CHECKPOINT_UNIX},
		{"post-copy", RBCE_CHECKPOINT_POST_COPY},
	};
	unsigned set = 0;

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (option_of(m, flags[i].name))
			set |= flags[i].flag;
	return set;
}

/* How far the container's clock is ahead of the machine's. */
static bool clock_ahead(const struct rbce_manifest *m, const char *name, clockid_t id,
			struct timespec *ret)
{
	const char *value, *rest = NULL;
	struct timespec now;
	long long sec = 0;
	long nsec = 0;
	size_t i = 0;

	while (!rest && (value = rbce_manifest_next(m, "clock", &i)))
		rest = after_prefix(value, name);
	if (!rest || sscanf(rest, " %lld.%9ld", &sec, &nsec) != 2)
		return false;
	clock_gettime(id, &now);
	ret->tv_sec = sec - now.tv_sec - (nsec < now.tv_nsec);
	ret->tv_nsec = nsec - now.tv_nsec + (nsec < now.tv_nsec ? 1000000000 : 0);
	return true;
}

/*
 * Clocks that run since the boot of a machine go on where they stood: those of a time namespace of
 * its own are set by the engine, others are in one that the engine is started in.
 */
static void set_clocks(struct engine_job *job, const struct rbce_manifest *m)
{
	job->clock = !was_own(m, "time") && access("/proc/self/ns/time", F_OK) == 0 &&
		     clock_ahead(m, "monotonic", CLOCK_MONOTONIC, &job->monotonic) &&
		     clock_ahead(m, "boottime", CLOCK_BOOTTIME, &job->boottime);
}

/* Those of containers below go where they were; the others are there. */
static int place(struct restore *restore, struct rbce_error *err)
{
	const struct rbce_manifest *m = restore->order->manifest;
	const char *own = rbce_container_name(restore->c), *value;
	size_t i = 0;
	int r = 0;

	while (r == 0 && !was_own(m, "pid") && (value = rbce_manifest_next(m, "process", &i))) {
		struct rbce_container *below;
		char sub[RBCE_NAME_MAX], name[2 * RBCE_NAME_MAX];
		int pid, parent;

		if (sscanf(value, "%d %d %1023s", &pid, &parent, sub) != 3 || streq(sub, "."))
			continue;
		snprintf(name, sizeof(name), "%s%s%s", own, *own ? "/" : "", sub);
		r = rbce_container_open(restore->c->h, name, RBCE_CONTAINER_CREATE, &below, err);
		if (r < 0)
			break;
		r = rbce_container_attach(below, pid, err);
		/* One of a tree that is still to come, or a zombie. */
		r = r == -ESRCH ? 0 : r;
		rbce_container_close(below);
	}
	return r;
}

static int reached(const char *where, void *data, struct rbce_error *err)
{
	struct restore *restore = data;
	const struct rbce_restore_order *order = restore->order;
	int r;

	if (!streq(where, "post-restore"))
		return 0;
	r = place(restore, err);
	if (r == 0 && order->ready && restore->done + 1 == restore->trees)
		r = order->ready(restore->c, order->data, err);
	return r;
}

/* Where its tasks go, for the engine, when that is not where they were. */
struct places {
	char path[PATH_MAX];
	struct engine_group list[ENGINE_GROUPS];
	size_t n;
};

static void add_place(struct places *places, const char *controller)
{
	if (places->n < ENGINE_GROUPS)
		places->list[places->n++] = (struct engine_group){controller, places->path};
}

/* v1: of those hierarchies alone that it has a group in. */
static void add_places(struct places *places, const struct rbce_container *c)
{
	bool v1 = false;

	for (size_t i = 0; i < c->h->n_mounts; i++) {
		const struct rbce_mount *mount = &c->h->mounts[i];

		for (size_t k = 0; k < RBCE_CONTROLLER_COUNT && mount->version == 1; k++) {
			v1 = true;
			if (c->dir[i] >= 0 && mount->controllers & (1U << k))
				add_place(places, k == RBCE_IO ? "blkio" : rbce_controller_name(k));
		}
	}
	/* A v2 tree beside them is the one without a name. */
	if (hierarchy_unified_index(c->h) >= 0)
		add_place(places, v1 ? "" : NULL);
}

static int find_places(const struct restore *restore, struct places *ret)
{
	const struct rbce_manifest *m = restore->order->manifest;
	const struct rbce_container *c = restore->c;
	const char *name = rbce_manifest_get(m, "container"), *root = rbce_manifest_get(m, "root");
	int unified = hierarchy_unified_index(c->h), n;
	char group[RBCE_NAME_MAX * 2];
	bool leaf;

	ret->n = 0;
	if (name && root && streq(name, c->name) && streq(root, c->h->group))
		return 0;
	if (container_path(c, group, sizeof(group)) < 0)
		return -ENAMETOOLONG;
	leaf = unified >= 0 && c->dir[unified] >= 0 &&
	       faccessat(c->dir[unified], LEAF, F_OK, 0) == 0;
	n = snprintf(ret->path, sizeof(ret->path), "/%s%s", group, leaf ? "/" LEAF : "");
	add_places(ret, c);
	return n < 0 || (size_t)n >= sizeof(ret->path) ? -ENAMETOOLONG : 0;
}

static int restore_tree(struct restore *restore, int dir, const char *tree,
			const struct places *places, pid_t *ret_pid, struct rbce_error *err)
{
	const struct rbce_restore_order *order = restore->order;
	struct engine_job job = {
		.action = ENGINE_RESTORE,
		.flags = flags_of(order->manifest),
		.log = "restore.log",
		.groups = places->list,
		.n_groups = places->n,
		.reached = reached,
		.data = restore,
	};
	const char *external[256], *value, *name = strchr(tree, ' ');
	cleanup_close int images =
		name ? openat(dir, name + 1, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	cleanup_close int work = open(order->log, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t n = 0, i = 0;

	if (images < 0 || work < 0)
		return rbce_error_errno(err, -errno, "cannot open the image's directory");
	while (n + 1 < ARRAY_SIZE(external) &&
	       (value = rbce_manifest_next(order->manifest, "external", &i)))
		external[n++] = value;
	external[n] = NULL;
	job.external = external;
	job.images = images;
	job.work = work;
	set_clocks(&job, order->manifest);
	return engine_restore(&job, ret_pid, err);
}

static size_t count_trees(const struct rbce_manifest *m)
{
	size_t n = 0, i = 0;

	while (rbce_manifest_next(m, "tree", &i))
		n++;
	return n;
}

int rbce_restore(struct rbce_container *c, const struct rbce_restore_order *order, pid_t **ret_pids,
		 size_t *ret_n, struct rbce_error *err)
{
	struct restore restore = {.c = c, .order = order, .trees = count_trees(order->manifest)};
	cleanup_close int dir = open(order->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_free pid_t *pids = calloc(restore.trees + 1, sizeof(*pids));
	struct rbce_error why = {0};
	const char *tree = NULL;
	struct places places;
	size_t i = 0;
	int r = pids ? 0 : -ENOMEM;

	if (dir < 0)
		r = -errno;
	if (r == 0)
		r = find_places(&restore, &places);
	if (r < 0)
		return rbce_error_errno(err, r, "cannot restore image '%s'", order->dir);
	while (r == 0 && (tree = rbce_manifest_next(order->manifest, "tree", &i))) {
		r = restore_tree(&restore, dir, tree, &places, &pids[restore.done], &why);
		restore.done += r == 0;
	}
	if (r < 0) {
		rbce_container_kill(c, NULL);
		return rbce_error_set(err, r, "cannot restore image '%s': %s", order->dir,
				      why.message);
	}
	*ret_pids = TAKE_PTR(pids);
	*ret_n = restore.done;
	return 0;
}

int rbce_restore_memory(const struct rbce_restore_order *order, int socket, pid_t *ret_pid,
			struct rbce_error *err)
{
	const char *tree = rbce_manifest_get(order->manifest, "tree");
	const char *sub = tree ? strchr(tree, ' ') : NULL;
	cleanup_free char *dir = NULL;

	if (!sub || asprintf(&dir, "%s/%s", order->dir, sub + 1) < 0) {
		dir = NULL;
		return rbce_error_set(err, -EINVAL, "cannot bring memory of image '%s'",
				      order->dir);
	}
	return engine_bring(dir, order->log, socket, ret_pid, err);
}

int rbce_checkpoint_available(struct rbce_error *err)
{
	char version[64];

	return engine_find(version, sizeof(version), err);
}
