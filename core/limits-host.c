// SPDX-License-Identifier: LGPL-2.1-or-later
/* What rlimits, sysctls and the machine impose; see limits-internal.h and proc(5). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <rbce/task.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "file.h"
#include "limits-internal.h"
#include "util.h"

/* include/uapi/linux/capability.h */
enum { CAPABILITY_SYS_ADMIN = 21, CAPABILITY_SYS_RESOURCE = 24 };
enum { ONE_CPU = 100000 };

enum usage_of {
	USED_NOBODY,
	USED_FILES,
	USED_TASKS,
	USED_KEYS,
	USED_KEY_BYTES,
	USED_WATCHES,
	USED_INSTANCES,
	USED_QUEUES,
	USED_SYSV_QUEUES,
};

/* Two rows for one resource: root may have another value than the others. */
static const struct {
	int resource;
	const char *name, *path;
	enum usage_of usage;
	bool root_only, others_only;
} sysctls[] = {
	{RBCE_LIMIT_PIDS, "kernel.pid_max", "/proc/sys/kernel/pid_max", USED_TASKS, false, false},
	{RBCE_LIMIT_PIDS, "kernel.threads-max", "/proc/sys/kernel/threads-max", USED_TASKS, false,
	 false},
	{RBCE_LIMIT_FILES, "fs.file-max", "/proc/sys/fs/file-max", USED_FILES, false, false},
	{RBCE_LIMIT_FILES_EACH, "fs.nr_open", "/proc/sys/fs/nr_open", USED_NOBODY, false, false},
	{RBCE_LIMIT_INOTIFY_WATCHES, "fs.inotify.max_user_watches",
	 "/proc/sys/fs/inotify/max_user_watches", USED_WATCHES, false, false},
	{RBCE_LIMIT_INOTIFY_INSTANCES, "fs.inotify.max_user_instances",
	 "/proc/sys/fs/inotify/max_user_instances", USED_INSTANCES, false, false},
	{RBCE_LIMIT_QUEUES, "fs.mqueue.queues_max", "/proc/sys/fs/mqueue/queues_max", USED_QUEUES,
	 false, false},
	{RBCE_LIMIT_QUEUE_MESSAGES, "fs.mqueue.msg_max", "/proc/sys/fs/mqueue/msg_max", USED_NOBODY,
	 false, false},
	{RBCE_LIMIT_KEYS, "kernel.keys.root_maxkeys", "/proc/sys/kernel/keys/root_maxkeys",
	 USED_KEYS, true, false},
	{RBCE_LIMIT_KEYS, "kernel.keys.maxkeys", "/proc/sys/kernel/keys/maxkeys", USED_KEYS, false,
	 true},
	{RBCE_LIMIT_KEY_BYTES, "kernel.keys.root_maxbytes", "/proc/sys/kernel/keys/root_maxbytes",
	 USED_KEY_BYTES, true, false},
	{RBCE_LIMIT_KEY_BYTES, "kernel.keys.maxbytes", "/proc/sys/kernel/keys/maxbytes",
	 USED_KEY_BYTES, false, true},
	{RBCE_LIMIT_THREADS, "kernel.threads-max", "/proc/sys/kernel/threads-max", USED_TASKS,
	 false, false},
	{RBCE_LIMIT_PID_MAX, "kernel.pid_max", "/proc/sys/kernel/pid_max", USED_TASKS, false,
	 false},
	{RBCE_LIMIT_SYSV_QUEUES, "kernel.msgmni", "/proc/sys/kernel/msgmni", USED_SYSV_QUEUES,
	 false, false},
};
_Static_assert(ARRAY_SIZE(sysctls) <= SYSCTLS, "no room for the sysctls");

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

const char *limits_sysctl_name(int index)
{
	return sysctls[index].name;
}

static ssize_t read_host(struct rbce_limits *l, enum host_file file, char *buf, size_t size)
{
	static const char *const paths[] = {
		[HOST_MEMINFO] = "proc/meminfo",
		[HOST_ONLINE] = "sys/devices/system/cpu/online",
		[HOST_LOADAVG] = "proc/loadavg",
	};

	return limits_read_slot(l, rbce_root_fd(l->root), paths[file], &l->host[file], false, buf,
				size);
}

bool limits_online(struct rbce_limits *l, char *buf, size_t size)
{
	return read_host(l, HOST_ONLINE, buf, size) > 0;
}

/* "0.00 0.01 0.05 RUNNING/TASKS LASTPID" */
static bool host_tasks(struct rbce_limits *l, uint64_t *ret)
{
	char text[128];

	return read_host(l, HOST_LOADAVG, text, sizeof(text)) > 0 &&
	       sscanf(text, "%*s %*s %*s %*u/%" SCNu64, ret) == 1;
}

/* Once for each read. -ESRCH also for one that has ended and waits for its parent. */
int limits_read_status(struct rbce_limits *l)
{
	const char *state;
	ssize_t n;

	if (l->has_status)
		return 0;
	n = l->status_fd < 0 ? -ESRCH
			     : file_pread(l->status_fd, l->status_text, sizeof(l->status_text));
	if (n < 0)
		return n == -ENOENT ? -ESRCH : (int)n;
	state = limits_field(l->status_text, "State");
	if (state && strchr("ZX", state[strspn(state, " \t")]))
		return -ESRCH;
	l->has_status = true;
	return 0;
}

static bool status_number(struct rbce_limits *l, const char *field, uint64_t *ret)
{
	return l->pid && limits_read_status(l) == 0 &&
	       limits_field_number(l->status_text, field, ret);
}

/* ---- CPUs ---- */

/* Takes one range off the front of *LIST; false at its end. */
static bool next_range(const char **list, unsigned *low, unsigned *high)
{
	char *end;

	*list += **list == ',';
	if (**list < '0' || **list > '9')
		return false;
	*low = *high = (unsigned)strtoul(*list, &end, 10);
	if (*end == '-')
		*high = (unsigned)strtoul(end + 1, &end, 10);
	*list = end;
	return true;
}

unsigned limits_cpus_common(const char *list, const char *other)
{
	unsigned a, b, c, d, n = 0;

	while (next_range(&list, &a, &b))
		for (const char *rest = other; next_range(&rest, &c, &d);) {
			unsigned low = a > c ? a : c, high = b < d ? b : d;

			n += high >= low ? high - low + 1 : 0;
		}
	return n;
}

int limits_cpu_list(struct rbce_limits *l, char *buf, size_t size)
{
	const char *list;
	size_t n;

	if (!l->pid || limits_read_status(l) < 0)
		return -ENODATA;
	list = limits_field(l->status_text, "Cpus_allowed_list");
	if (!list)
		return -ENODATA;
	list += strspn(list, " \t");
	n = strcspn(list, "\n");
	if (n == 0 || n >= size)
		return n ? -E2BIG : -ENODATA;
	memcpy(buf, list, n);
	buf[n] = '\0';
	return 0;
}

static void gather_cpus(struct gather *g)
{
	struct rbce_bound affinity = {.source = RBCE_BY_AFFINITY};
	struct rbce_bound host = {.source = RBCE_BY_HOST};
	unsigned unit = g->item->resource == RBCE_LIMIT_CPU ? ONE_CPU : 1;
	char online[1024], allowed[1024];
	bool has_online = limits_online(g->l, online, sizeof(online));

	if (has_online) {
		host.value = (uint64_t)limits_cpus_common(online, online) * unit;
		limits_bound(g, &host);
	}
	if (limits_cpu_list(g->l, allowed, sizeof(allowed)) < 0)
		return;
	/* The list may name CPUs that are not there (yet). */
	affinity.value =
		(uint64_t)limits_cpus_common(allowed, has_online ? online : allowed) * unit;
	if (affinity.value)
		limits_bound(g, &affinity);
}

static void gather_memory(struct gather *g)
{
	struct rbce_bound b = {.source = RBCE_BY_HOST, .has_usage = true};
	uint64_t available;
	char text[8192];

	if (read_host(g->l, HOST_MEMINFO, text, sizeof(text)) < 0 ||
	    !limits_field_number(text, "MemTotal", &b.value) ||
	    !limits_field_number(text, "MemAvailable", &available))
		return;
	b.usage = b.value > available ? b.value - available : 0;
	limits_bound(g, &b);
}

static void gather_swap(struct gather *g)
{
	struct rbce_bound b = {.source = RBCE_BY_HOST, .has_usage = true};
	uint64_t left;
	char text[8192];

	if (read_host(g->l, HOST_MEMINFO, text, sizeof(text)) < 0 ||
	    !limits_field_number(text, "SwapTotal", &b.value) ||
	    !limits_field_number(text, "SwapFree", &left))
		return;
	b.usage = b.value > left ? b.value - left : 0;
	limits_bound(g, &b);
}

/* ---- tasks and rlimits ---- */

/* In a user namespace of its own neither root nor a capability counts. */
static bool is_privileged(struct rbce_limits *l)
{
	const uint64_t needed =
		UINT64_C(1) << CAPABILITY_SYS_ADMIN | UINT64_C(1) << CAPABILITY_SYS_RESOURCE;
	uint64_t uid, effective;
	const char *capabilities;

	if (l->in_user_namespace || limits_read_status(l) < 0)
		return false;
	if (limits_field_number(l->status_text, "Uid", &uid) && uid == 0)
		return true;
	capabilities = limits_field(l->status_text, "CapEff");
	return capabilities && sscanf(capabilities, "%" SCNx64, &effective) == 1 &&
	       effective & needed;
}

/* The kernel does not hold a privileged process to it (fork(2), EAGAIN). */
bool limits_is_ignored(struct rbce_limits *l, const struct rbce_limit *item)
{
	return item->resource == RBCE_LIMIT_RLIMIT + RLIMIT_NPROC && is_privileged(l);
}

/* Each thread counts for the user. A look at all processes, so it is made on request only. */
static bool count_user_tasks(struct rbce_limits *l, uint64_t *ret)
{
	cleanup_free pid_t *pids = NULL;
	uint64_t uid, other, threads, sum = 0;
	size_t n = 0;

	if (!(l->flags & RBCE_LIMITS_COUNT_TASKS) || !status_number(l, "Uid", &uid) ||
	    rbce_task_list(l->root, &pids, &n, NULL) < 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		char path[64], text[4096];

		snprintf(path, sizeof(path), "proc/%d/status", pids[i]);
		/* It may have ended since. */
		if (file_read_at(rbce_root_fd(l->root), path, text, sizeof(text)) > 0 &&
		    limits_field_number(text, "Uid", &other) && other == uid &&
		    limits_field_number(text, "Threads", &threads))
			sum += threads;
	}
	*ret = sum;
	return true;
}

static int parse_rlimit(const char *text, uint64_t *ret)
{
	if (streq(text, "unlimited")) {
		*ret = RBCE_LIMIT_NONE;
		return 0;
	}
	return limits_number(text, ret);
}

static int read_rlimit(struct rbce_limits *l, int rlimit, uint64_t *ret_soft, uint64_t *ret_hard)
{
	const char *title = limits_rlimit_title(rlimit), *line;
	char soft[32], hard[32];
	struct rlimit64 value;
	ssize_t n;

	if (l->self && prlimit64(0, rlimit, NULL, &value) == 0) {
		*ret_soft = value.rlim_cur;
		*ret_hard = value.rlim_max;
		return 0;
	}
	if (!l->has_limits) {
		n = l->limits_fd < 0
			    ? l->limits_fd
			    : file_pread(l->limits_fd, l->limits_text, sizeof(l->limits_text));
		if (n < 0)
			return (int)n;
		l->has_limits = true;
	}
	line = strstr(l->limits_text, title);
	if (!line || sscanf(line + strlen(title), " %31s %31s", soft, hard) != 2 ||
	    parse_rlimit(soft, ret_soft) < 0 || parse_rlimit(hard, ret_hard) < 0)
		return -EBADMSG;
	return 0;
}

/* The descriptors that this handle itself has open are none of the caller's use. */
static uint64_t own_files(const struct rbce_limits *l)
{
	uint64_t n = (l->dir >= 0) + (l->cgroup >= 0) + (l->status_fd >= 0) + (l->limits_fd >= 0) +
		     (l->files >= 0) + (l->watch >= 0) + (l->own_root ? 1U : 0U);

	for (int i = 0; i < l->n_chains; i++) {
		const struct chain *c = &l->chains[i];

		n++;
		for (int level = 0; level < c->n; level++) {
			n += c->dir[level] >= 0;
			for (int slot = 0; slot < SLOTS; slot++)
				n += c->file[level][slot] > 0;
		}
	}
	for (int i = 0; i < HOST_FILES; i++)
		n += l->host[i] > 0;
	for (int i = 0; i < SYSCTLS; i++)
		n += l->sysctl[i] > 0;
	return n;
}

/* Without allocation, so no opendir(3). Linux 6.2 tells it as the size of the directory. */
static bool count_files(struct rbce_limits *l, uint64_t *ret)
{
	char buf[8192];
	struct stat st;
	uint64_t n = 0;
	long got;

	if (l->files < 0)
		return false;
	if (rbce_root_is_live(l->root) && fstat(l->files, &st) == 0 && st.st_size > 0) {
		*ret = (uint64_t)st.st_size;
		return true;
	}
	if (lseek(l->files, 0, SEEK_SET) < 0)
		return false;
	while ((got = syscall(SYS_getdents64, l->files, buf, sizeof(buf))) > 0)
		for (char *p = buf; p < buf + got;) {
			const struct dirent64 *entry = (const void *)p;

			n += entry->d_name[0] != '.';
			p += entry->d_reclen;
		}
	*ret = n;
	return got == 0;
}

static bool cpu_seconds(struct rbce_limits *l, uint64_t *ret)
{
	char text[1024], *close;
	uint64_t user, system;

	if (l->dir < 0 || file_read_at(l->dir, "stat", text, sizeof(text)) < 0)
		return false;
	/* The name may have spaces and parentheses. */
	close = strrchr(text, ')');
	if (!close ||
	    sscanf(close + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64,
		   &user, &system) != 2)
		return false;
	*ret = (user + system) / (uint64_t)sysconf(_SC_CLK_TCK);
	return true;
}

static bool rlimit_usage(struct rbce_limits *l, int rlimit, uint64_t *ret)
{
	switch (rlimit) {
	case RLIMIT_CPU:
		return cpu_seconds(l, ret);
	case RLIMIT_NOFILE:
		if (!count_files(l, ret))
			return false;
		*ret -= l->self ? least(own_files(l), *ret) : 0;
		return true;
	case RLIMIT_NPROC:
		return count_user_tasks(l, ret);
	default:
		return limits_rlimit_field(rlimit) &&
		       status_number(l, limits_rlimit_field(rlimit), ret);
	}
}

void limits_read_rlimit(struct gather *g)
{
	struct rbce_bound b = {.source = RBCE_BY_RLIMIT};
	int rlimit = g->item->resource - RBCE_LIMIT_RLIMIT;
	uint64_t hard;

	if (!g->l->pid)
		return;
	b.status = read_rlimit(g->l, rlimit, &b.value, &hard);
	b.has_usage = b.status == 0 && rlimit_usage(g->l, rlimit, &b.usage);
	limits_bound(g, &b);
	if (b.status < 0 || !g->out)
		return;
	g->out->has |= RBCE_HAS_HARD;
	g->out->hard = hard;
	/* Also where there is no limit. */
	if (b.has_usage) {
		g->out->has |= RBCE_HAS_USAGE;
		g->out->usage = b.usage;
	}
}

bool limits_has_peak(struct rbce_limits *l, int resource, uint64_t *ret)
{
	const char *field = limits_rlimit_peak(resource - RBCE_LIMIT_RLIMIT);

	return field && status_number(l, field, ret);
}

static void gather_user_tasks(struct gather *g)
{
	struct rbce_bound user = {.source = RBCE_BY_RLIMIT};
	uint64_t hard;

	if (!g->l->pid || read_rlimit(g->l, RLIMIT_NPROC, &user.value, &hard) < 0 ||
	    is_privileged(g->l))
		return;
	user.has_usage = count_user_tasks(g->l, &user.usage);
	limits_bound(g, &user);
}

/* ---- sysctls ---- */

/* "  1000:     9 8/8 3/1000000 40/25000000": what is behind the others is KEYS/MAX BYTES/MAX. */
static bool key_usage(struct rbce_limits *l, uint64_t uid, bool bytes, uint64_t *ret)
{
	cleanup_close int fd = rbce_root_openat(l->root, "proc/key-users", O_RDONLY);
	uint64_t user, n, size;
	char text[8192];

	if (fd < 0 || file_pread(fd, text, sizeof(text)) < 0)
		return false;
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (sscanf(line, "%" SCNu64 ": %*u %*u/%*u %" SCNu64 "/%*u %" SCNu64, &user, &n,
			   &size) == 3 &&
		    user == uid) {
			*ret = bytes ? size : n;
			return true;
		}
	}
	return false;
}

static bool sysctl_usage(struct rbce_limits *l, enum usage_of usage, uint64_t *ret)
{
	uint64_t uid;

	switch (usage) {
	case USED_NOBODY:
		return false;
	case USED_WATCHES:
	case USED_INSTANCES:
		return l->flags & RBCE_LIMITS_COUNT_TASKS && status_number(l, "Uid", &uid) &&
		       limits_count_inotify(l, uid, usage == USED_WATCHES, ret);
	case USED_QUEUES:
		return l->flags & RBCE_LIMITS_COUNT_TASKS && limits_count_queues(l, ret);
	case USED_SYSV_QUEUES:
		return l->flags & RBCE_LIMITS_COUNT_TASKS && limits_count_sysv_queues(l, ret);
	case USED_FILES: {
		cleanup_close int fd = rbce_root_openat(l->root, "proc/sys/fs/file-nr", O_RDONLY);
		char text[128];

		return fd >= 0 && file_pread(fd, text, sizeof(text)) > 0 &&
		       sscanf(text, "%" SCNu64, ret) == 1;
	}
	case USED_TASKS:
		return host_tasks(l, ret);
	case USED_KEYS:
	case USED_KEY_BYTES:
		return status_number(l, "Uid", &uid) &&
		       key_usage(l, uid, usage == USED_KEY_BYTES, ret);
	}
	return false;
}

static void gather_sysctls(struct gather *g)
{
	for (size_t i = 0; i < ARRAY_SIZE(sysctls); i++) {
		struct rbce_bound b = {.source = RBCE_BY_SYSCTL, .level = (int)i};
		uint64_t uid = 1;
		char text[64];
		ssize_t n;

		if (sysctls[i].resource != g->item->resource)
			continue;
		if (sysctls[i].root_only || sysctls[i].others_only) {
			status_number(g->l, "Uid", &uid);
			if (uid == 0 ? sysctls[i].others_only : sysctls[i].root_only)
				continue;
		}
		n = limits_read_slot(g->l, rbce_root_fd(g->l->root), sysctls[i].path + 1,
				     &g->l->sysctl[i], false, text, sizeof(text));
		if (n == -ENOENT)
			continue;
		b.status = n < 0 ? (int)n : limits_number(text, &b.value);
		if (b.status == 0)
			b.has_usage = sysctl_usage(g->l, sysctls[i].usage, &b.usage);
		limits_bound(g, &b);
	}
}

void limits_gather_host(struct gather *g)
{
	switch (g->item->resource) {
	case RBCE_LIMIT_CPU:
	case RBCE_LIMIT_CPUSET:
		gather_cpus(g);
		return;
	case RBCE_LIMIT_MEMORY:
		gather_memory(g);
		return;
	case RBCE_LIMIT_SWAP:
		gather_swap(g);
		return;
	case RBCE_LIMIT_PIDS:
		gather_user_tasks(g);
		break;
	}
	gather_sysctls(g);
}

static bool in_user_namespace(int dir)
{
	unsigned inside, outside, n;
	char map[128];

	return file_read_at(dir, "uid_map", map, sizeof(map)) > 0 &&
	       (sscanf(map, "%u %u %u", &inside, &outside, &n) != 3 || inside != 0 ||
		outside != 0 || n != UINT32_MAX);
}

/* Files below the directory's descriptor are this very process's, or gone with it. */
int limits_open_process(struct rbce_limits *l)
{
	char path[64];

	snprintf(path, sizeof(path), "proc/%d", l->pid);
	l->dir = openat(rbce_root_fd(l->root), path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (l->dir < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	l->status_fd = openat(l->dir, "status", O_RDONLY | O_CLOEXEC);
	if (l->status_fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	l->cgroup = openat(l->dir, "cgroup", O_RDONLY | O_CLOEXEC);
	l->limits_fd = l->self ? -EBADF : openat(l->dir, "limits", O_RDONLY | O_CLOEXEC);
	if (l->limits_fd < 0 && !l->self)
		l->limits_fd = -errno;
	l->files = openat(l->dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	l->in_user_namespace = in_user_namespace(l->dir);
	return 0;
}
