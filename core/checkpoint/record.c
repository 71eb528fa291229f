// SPDX-License-Identifier: LGPL-2.1-or-later
/* What the manifest tells of a container and of the machine; see record.h. */
#include "record.h"

#include <fcntl.h>
#include <sys/utsname.h>

#include "attach.h"
#include "file.h"
#include "util.h"

const char *const record_namespaces[] = {"mnt",  "uts",    "ipc",  "net", "pid",
					 "user", "cgroup", "time", NULL};

/* Counters so far: the kernel begins them anew in the group that the restored tasks get. */
static const struct {
	enum rbce_controller controller;
	const char *v1, *v2;
} counters[] = {
	{RBCE_CPU, "cpu.stat", "cpu.stat"},
	{RBCE_CPUACCT, "cpuacct.usage", NULL},
	{RBCE_MEMORY, "memory.usage_in_bytes", "memory.current"},
	{RBCE_MEMORY, "memory.max_usage_in_bytes", "memory.peak"},
	{RBCE_IO, "blkio.throttle.io_service_bytes", "io.stat"},
	{RBCE_PIDS, "pids.current", "pids.current"},
};

void record_tasks_done(struct record_tasks *tasks)
{
	for (size_t i = 0; i < tasks->n; i++)
		free(tasks->list[i].place);
	free(tasks->list);
	*tasks = (struct record_tasks){0};
}

/* "users/alice/sub" is "sub" in users/alice, which is "." itself. */
static char *place_in(const struct rbce_container *c, const char *name)
{
	const char *own = rbce_container_name(c);
	const char *below = name ? after_prefix(name, own) : NULL;

	if (!below || !*below)
		return strdup(".");
	return strdup(below + (*own && *below == '/'));
}

static int look_at(struct rbce_container *c, pid_t pid, struct record_process *ret)
{
	const struct rbce_hierarchy *h = rbce_container_hierarchy(c);
	CLEANUP(rbce_task_done) struct rbce_task task = {0};
	cleanup_free char *name = NULL;
	int r = rbce_task_read(rbce_hierarchy_root(h), pid, RBCE_FACT_STAT | RBCE_FACT_CGROUP,
			       &task, NULL);

	if (r < 0)
		return r;
	rbce_hierarchy_container_of(h, task.cgroup, &name);
	*ret = (struct record_process){.pid = pid, .parent = task.ppid};
	snprintf(ret->comm, sizeof(ret->comm), "%s", task.comm);
	ret->place = place_in(c, name);
	return ret->place ? 0 : -ENOMEM;
}

int record_tasks(struct rbce_container *c, struct record_tasks *ret, struct rbce_error *err)
{
	CLEANUP(record_tasks_done) struct record_tasks tasks = {0};
	cleanup_free pid_t *pids = NULL;
	size_t n;
	int r = rbce_container_tasks(c, true, &pids, &n, err);

	if (r < 0)
		return r;
	tasks.list = calloc(n + 1, sizeof(*tasks.list));
	for (size_t i = 0; tasks.list && i < n; i++) {
		r = look_at(c, pids[i], &tasks.list[tasks.n]);
		if (r < 0 && r != -ESRCH)
			break;
		tasks.n += r == 0;
	}
	if (!tasks.list || r == -ENOMEM)
		return rbce_error_errno(err, -ENOMEM, "cannot list tasks");
	for (size_t i = 0; i < tasks.n; i++) {
		struct record_process *p = &tasks.list[i];

		p->first = !bsearch(&p->parent, pids, n, sizeof(*pids), attach_compare_pid);
		tasks.trees += p->first;
	}
	if (tasks.n == 0)
		return rbce_error_set(err, -ESRCH,
				      "cannot checkpoint container '%s': it has no process",
				      rbce_container_name(c));
	*ret = tasks;
	tasks = (struct record_tasks){0};
	return 0;
}

const char *record_tree_dir(size_t n, size_t trees, char *buf, size_t size)
{
	if (trees == 1)
		snprintf(buf, size, ".");
	else
		snprintf(buf, size, "%zu", n + 1);
	return buf;
}

char *record_cpu(const struct rbce_root *root, const char *name)
{
	cleanup_free char *text = NULL;
	char *line, *end;

	if (file_read_all_at(rbce_root_fd(root), "proc/cpuinfo", &text) < 0)
		return NULL;
	for (line = text; (line = strstr(line, name)); line++)
		if (line == text || line[-1] == '\n')
			break;
	line = line ? strchr(line, ':') : NULL;
	if (!line)
		return NULL;
	line += 1 + (line[1] == ' ');
	end = line + strcspn(line, "\n");
	return strndup(line, (size_t)(end - line));
}

int record_machine(struct rbce_manifest *m, const struct rbce_root *root)
{
	cleanup_free char *cpu = record_cpu(root, "flags");
	time_t now = time(NULL);
	struct utsname name;
	struct tm utc;
	char text[32];
	int r;

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
	uname(&name);
	r = rbce_manifest_add(m, "taken", "%s", text);
	if (r == 0)
		r = rbce_manifest_add(m, "kernel", "%s %s", name.release, name.machine);
	return r < 0 || !cpu ? r : rbce_manifest_add(m, "cpu", "%s", cpu);
}

bool record_own_namespace(const struct rbce_root *root, pid_t pid, const char *kind)
{
	char theirs[64], ours[64], path[64];
	ssize_t n, k;

	snprintf(path, sizeof(path), "proc/%d/ns/%s", pid, kind);
	n = readlinkat(rbce_root_fd(root), path, theirs, sizeof(theirs));
	snprintf(path, sizeof(path), "proc/self/ns/%s", kind);
	k = readlinkat(rbce_root_fd(root), path, ours, sizeof(ours));
	return n > 0 && (n != k || memcmp(theirs, ours, (size_t)n) != 0);
}

static void add_offset(struct timespec *t, long long sec, long nsec)
{
	t->tv_sec += sec;
	t->tv_nsec += nsec;
	if (t->tv_nsec >= 1000000000) {
		t->tv_sec++;
		t->tv_nsec -= 1000000000;
	}
}

int record_clocks(const struct rbce_root *root, pid_t pid, struct timespec *ret_monotonic,
		  struct timespec *ret_boottime)
{
	char path[64], text[256];
	long long sec;
	long nsec;

	clock_gettime(CLOCK_MONOTONIC, ret_monotonic);
	clock_gettime(CLOCK_BOOTTIME, ret_boottime);
	if (!record_own_namespace(root, pid, "time"))
		return 0;
	snprintf(path, sizeof(path), "proc/%d/timens_offsets", pid);
	if (file_read_at(rbce_root_fd(root), path, text, sizeof(text)) < 0)
		return -ENODATA;
	if (sscanf(text, "monotonic %lld %ld", &sec, &nsec) == 2)
		add_offset(ret_monotonic, sec, nsec);
	if (strstr(text, "boottime") &&
	    sscanf(strstr(text, "boottime"), "boottime %lld %ld", &sec, &nsec) == 2)
		add_offset(ret_boottime, sec, nsec);
	return 0;
}

static int add_counters(struct rbce_manifest *m, struct rbce_container *c)
{
	char text[4096];
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(counters); i++) {
		const char *file = rbce_container_version(c, counters[i].controller) == 1
					   ? counters[i].v1
					   : counters[i].v2;

		if (!file || rbce_container_read(c, counters[i].controller, file, text,
						 sizeof(text), NULL) < 0)
			continue;
		for (char *save, *line = strtok_r(text, "\n", &save); r == 0 && line;
		     line = strtok_r(NULL, "\n", &save))
			r = rbce_manifest_add(m, "stat", "%s %s", file, line);
	}
	return r;
}

static int add_tasks(struct rbce_manifest *m, const struct record_tasks *tasks)
{
	size_t tree = 0;
	char dir[32];
	int r = 0;

	for (size_t i = 0; r == 0 && i < tasks->n; i++) {
		const struct record_process *p = &tasks->list[i];

		r = rbce_manifest_add(m, "process", "%d %d %s %s", p->pid, p->parent, p->place,
				      p->comm);
	}
	for (size_t i = 0; r == 0 && i < tasks->n; i++)
		if (tasks->list[i].first)
			r = rbce_manifest_add(m, "tree", "%d %s", tasks->list[i].pid,
					      record_tree_dir(tree++, tasks->trees, dir,
							      sizeof(dir)));
	return r;
}

int record_container(struct rbce_manifest *m, struct rbce_container *c,
		     const struct record_tasks *tasks)
{
	const struct rbce_hierarchy *h = rbce_container_hierarchy(c);
	const struct rbce_root *root = rbce_hierarchy_root(h);
	struct timespec monotonic, boottime;
	pid_t first = 0;
	int r;

	for (size_t i = 0; !first && i < tasks->n; i++)
		first = tasks->list[i].first ? tasks->list[i].pid : 0;
	r = record_clocks(root, first, &monotonic, &boottime);
	if (r == 0)
		r = rbce_manifest_add(m, "clock", "monotonic %lld.%09ld",
				      (long long)monotonic.tv_sec, monotonic.tv_nsec);
	if (r == 0)
		r = rbce_manifest_add(m, "clock", "boottime %lld.%09ld", (long long)boottime.tv_sec,
				      boottime.tv_nsec);
	for (size_t i = 0; r == 0 && record_namespaces[i]; i++)
		r = rbce_manifest_add(m, "namespace", "%s %s", record_namespaces[i],
				      record_own_namespace(root, first, record_namespaces[i])
					      ? "own"
					      : "host");
	if (r == 0 && !record_own_namespace(root, first, "net"))
		r = record_addresses(m, root, tasks);
	if (r == 0)
		r = add_counters(m, c);
	return r == 0 ? add_tasks(m, tasks) : r;
}
