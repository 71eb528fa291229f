// SPDX-License-Identifier: GPL-2.0-or-later
/* Facts of one process and of its host; see subject.h and proc(5). */
#include "subject.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <rbce/task.h>
#include <rbce/units.h>

#include "file.h"
#include "util.h"

/* include/linux/proc_ns.h: the initial cgroup namespace has this number on every system. */
#define INITIAL_NAMESPACE "cgroup:[4026531835]"

/* include/uapi/linux/capability.h */
enum { CAPABILITY_SYS_ADMIN = 21, CAPABILITY_SYS_RESOURCE = 24 };

/* What stands behind "\nFIELD:" in a text of such lines; NULL for none. */
static const char *find_field(const char *text, const char *field)
{
	size_t n = strlen(field);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, field, n) == 0 && line[n] == ':')
			return line + n + 1;
	}
	return NULL;
}

static bool parse_field(const char *text, const char *field, uint64_t *ret)
{
	const char *value = find_field(text, field);
	char unit[3] = "";

	if (!value || sscanf(value, "%" SCNu64 " %2s", ret, unit) < 1)
		return false;
	if (streq(unit, "kB"))
		*ret *= 1024;
	return true;
}

bool subject_status(const struct subject *s, const char *field, uint64_t *ret)
{
	return parse_field(s->status, field, ret);
}

static int parse_rlimit(const char *text, uint64_t *ret)
{
	if (streq(text, "unlimited")) {
		*ret = RBCE_UNLIMITED;
		return 0;
	}
	return rbce_parse_number(text, 0, UINT64_MAX - 1, ret) < 0 ? -EBADMSG : 0;
}

int subject_rlimit(const struct subject *s, const char *title, uint64_t *ret_soft,
		   uint64_t *ret_hard)
{
	const char *line = strstr(s->limits, title);
	char soft[32], hard[32];
	uint64_t value;
	int r;

	if (!line || sscanf(line + strlen(title), " %31s %31s", soft, hard) != 2)
		return -EBADMSG;
	r = parse_rlimit(soft, &value);
	if (r == 0)
		r = parse_rlimit(hard, ret_hard);
	if (r == 0)
		*ret_soft = value;
	return r;
}

/* In a user namespace of its own neither root nor a capability counts. */
static bool in_user_namespace(const struct subject *s)
{
	unsigned inside, outside, n;
	char map[128];

	return file_read_at(s->dir, "uid_map", map, sizeof(map)) > 0 &&
	       (sscanf(map, "%u %u %u", &inside, &outside, &n) != 3 || inside != 0 ||
		outside != 0 || n != UINT32_MAX);
}

bool subject_is_privileged(const struct subject *s)
{
	const uint64_t needed =
		UINT64_C(1) << CAPABILITY_SYS_ADMIN | UINT64_C(1) << CAPABILITY_SYS_RESOURCE;
	const char *capabilities = find_field(s->status, "CapEff");
	uint64_t effective = 0, uid;

	if (in_user_namespace(s))
		return false;
	if (subject_status(s, "Uid", &uid) && uid == 0)
		return true;
	return capabilities && sscanf(capabilities, "%" SCNx64, &effective) == 1 &&
	       effective & needed;
}

bool subject_files(const struct subject *s, uint64_t *ret)
{
	cleanup_dir DIR *dir =
		take_directory(openat(s->dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	const struct dirent *entry;
	uint64_t n = 0;

	if (!dir)
		return false;
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	*ret = n;
	return true;
}

bool subject_cpu_seconds(const struct subject *s, uint64_t *ret)
{
	char text[1024], *close;
	uint64_t user, system;

	if (file_read_at(s->dir, "stat", text, sizeof(text)) < 0)
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

bool subject_cpus(const struct subject *s, char *buf, size_t size)
{
	const char *list = find_field(s->status, "Cpus_allowed_list");
	size_t n;

	if (!list)
		return false;
	list += strspn(list, " \t");
	n = strcspn(list, "\n");
	if (n == 0 || n >= size)
		return false;
	memcpy(buf, list, n);
	buf[n] = '\0';
	return true;
}

struct range {
	unsigned low, high;
};

/* Takes one range off the front of *LIST; false at its end. */
static bool next_range(const char **list, struct range *ret)
{
	int used = 0;

	*list += **list == ',';
	if (sscanf(*list, "%u%n", &ret->low, &used) != 1)
		return false;
	*list += used;
	ret->high = ret->low;
	if (**list == '-' && sscanf(*list + 1, "%u%n", &ret->high, &used) == 1)
		*list += 1 + used;
	return true;
}

unsigned cpus_common(const char *list, const char *other)
{
	struct range a, b;
	unsigned n = 0;

	while (next_range(&list, &a))
		for (const char *rest = other; next_range(&rest, &b);) {
			unsigned low = a.low > b.low ? a.low : b.low;
			unsigned high = a.high < b.high ? a.high : b.high;

			n += high >= low ? high - low + 1 : 0;
		}
	return n;
}

/* PATH below the root handle; the text without its last newline. */
static ssize_t read_host(const struct rbce_root *root, const char *path, char *buf, size_t size)
{
	cleanup_close int fd = rbce_root_openat(root, path, O_RDONLY);

	return fd < 0 ? fd : file_pread(fd, buf, size);
}

int host_number(const struct rbce_root *root, const char *path, uint64_t *ret)
{
	char text[64];
	ssize_t n = read_host(root, path, text, sizeof(text));

	return n < 0 ? (int)n : rbce_parse_number(text, 0, UINT64_MAX - 1, ret);
}

bool host_cpus(const struct rbce_root *root, char *buf, size_t size)
{
	return read_host(root, "/sys/devices/system/cpu/online", buf, size) > 0;
}

bool host_memory(const struct rbce_root *root, uint64_t *ret_total, uint64_t *ret_used)
{
	uint64_t total, available;
	char text[8192];

	if (read_host(root, "/proc/meminfo", text, sizeof(text)) < 0 ||
	    !parse_field(text, "MemTotal", &total) ||
	    !parse_field(text, "MemAvailable", &available))
		return false;
	*ret_total = total;
	*ret_used = total > available ? total - available : 0;
	return true;
}

bool host_tasks(const struct rbce_root *root, uint64_t *ret)
{
	char text[128];

	/* "0.00 0.01 0.05 RUNNING/TASKS LASTPID" */
	return read_host(root, "/proc/loadavg", text, sizeof(text)) > 0 &&
	       sscanf(text, "%*s %*s %*s %*u/%" SCNu64, ret) == 1;
}

/* Each thread counts for the user, as in RLIMIT_NPROC. */
static bool count_user_tasks(const struct subject *s, uint64_t *ret)
{
	cleanup_free pid_t *pids = NULL;
	uint64_t uid, other, threads, sum = 0;
	size_t n = 0;

	if (!subject_status(s, "Uid", &uid) || rbce_task_list(s->root, &pids, &n, NULL) < 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		cleanup_free char *text = NULL;
		char path[64];

		snprintf(path, sizeof(path), "proc/%d/status", pids[i]);
		/* It may have ended since. */
		if (file_read_all_at(rbce_root_fd(s->root), path, &text) > 0 &&
		    parse_field(text, "Uid", &other) && other == uid &&
		    parse_field(text, "Threads", &threads))
			sum += threads;
	}
	*ret = sum;
	return true;
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

static int read_files(struct subject *s)
{
	const struct {
		const char *name;
		char **text;
	} files[] = {{"cgroup", &s->cgroup}, {"limits", &s->limits}, {"status", &s->status}};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		ssize_t n = file_read_all_at(s->dir, files[i].name, files[i].text);

		/* A kernel without cgroups has no such file. */
		if (n == -ENOENT && files[i].text == &s->cgroup) {
			s->cgroup = strdup("");
			n = s->cgroup ? 0 : -ENOMEM;
		}
		if (n < 0)
			return n == -ENOENT ? -ESRCH : (int)n;
	}
	return 0;
}

int subject_read(const struct rbce_root *root, const struct rbce_hierarchy *h, pid_t pid,
		 struct subject *ret, struct rbce_error *err)
{
	CLEANUP(subject_done) struct subject s = {.root = root, .h = h, .dir = -1};
	char path[64];
	int r;

	/* Files below the directory's descriptor are this very process's, or gone with it. */
	snprintf(path, sizeof(path), "/proc/%d", pid);
	s.dir = rbce_root_openat(root, path, O_PATH | O_DIRECTORY);
	r = s.dir == -ENOENT ? -ESRCH : s.dir;
	if (r >= 0)
		r = read_files(&s);
	if (r < 0)
		return rbce_error_errno(err, r, "cannot read process '%d'", pid);
	s.in_namespace = in_cgroup_namespace(root);
	s.has_user_tasks = count_user_tasks(&s, &s.user_tasks);
	*ret = s;
	s = (struct subject){.dir = -1};
	return 0;
}

void subject_done(struct subject *s)
{
	if (s->dir >= 0)
		close(s->dir);
	free(s->cgroup);
	free(s->limits);
	free(s->status);
	*s = (struct subject){.dir = -1};
}
