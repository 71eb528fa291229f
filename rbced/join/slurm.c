// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rbce.so, a SPANK plugin: the tasks of Slurm's steps begin in slurm/USER/job_ID/step_ID, and the
 * job's account is taken at its end. In plugstack.conf:
 *
 *   optional rbce.so [root=NAME] [rbcectl=PATH] [fail=open|closed] [memory=no] [cpus=no]
 *
 * All of it is done by `rbcectl job`, for which the daemon need not run. The limits of the job are
 * those of its request and of the rule file; what a user asks for with --rbce holds for the step,
 * so that it can only take away.
 *
 * Where Slurm has the job in control groups of its own (proctrack/cgroup, task/cgroup), a task can
 * stand in one or the other on v2: then it is Slurm's, and the plugin leaves it there.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <rbced/job.h>
#include <slurm/slurm.h>
#include <slurm/spank.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "util.h"

#ifndef RBCECTL
#define RBCECTL "/usr/bin/rbcectl"
#endif

enum { ARGUMENTS = 40, VALUE_MAX = 1024 };

/* Keys that a user may use; each of them can but make less of what the job has. */
static const char *const allowed[] = {
	"memory.max", "memory.high", "swap.max", "cpu.max",
	"cpu.weight", "pids.max",    "io.max",   "io.weight",
};

static char asked[VALUE_MAX]; /* --rbce, for the step */

struct settings {
	const char *root, *rbcectl;
	bool closed, no_memory, no_cpus;
};

static struct settings read_settings(int argc, char **argv)
{
	struct settings s = {.root = "rbce", .rbcectl = RBCECTL};

	for (int i = 0; i < argc; i++) {
		const char *root = after_prefix(argv[i], "root=");
		const char *rbcectl = after_prefix(argv[i], "rbcectl=");

		if (root)
			s.root = root;
		else if (rbcectl)
			s.rbcectl = rbcectl;
		else if (streq(argv[i], "fail=closed"))
			s.closed = true;
		else if (streq(argv[i], "memory=no"))
			s.no_memory = true;
		else if (streq(argv[i], "cpus=no"))
			s.no_cpus = true;
		else if (!streq(argv[i], "fail=open"))
			slurm_error("rbce: cannot use option '%s'", argv[i]);
	}
	return s;
}

/* ---- rbcectl ---- */

static void log_output(int fd)
{
	char text[1024], *line, *rest;
	size_t size = 0;
	ssize_t n;

	while (size < sizeof(text) - 1 && (n = read(fd, text + size, sizeof(text) - 1 - size)) > 0)
		size += (size_t)n;
	text[size] = '\0';
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		slurm_error("rbce: %s", line);
}

/* Runs it with nothing of the job's environment; what it says on stderr goes to Slurm's log. */
static int call(const char **argv)
{
	static const char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	posix_spawn_file_actions_t files;
	int ends[2], status = -1, r;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&files, ends[1], STDERR_FILENO);
	r = -posix_spawn(&pid, argv[0], &files, NULL, (char *const *)argv,
			 (char *const *)environment);
	posix_spawn_file_actions_destroy(&files);
	close(ends[1]);
	if (r == 0) {
		log_output(ends[0]);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		r = status == 0 ? 0 : -EREMOTEIO;
	} else {
		slurm_error("rbce: cannot run '%s': %s", argv[0], strerror(-r));
	}
	close(ends[0]);
	return r;
}

/* ---- the job ---- */

struct job {
	uint32_t id, step;
	char name[RBCE_NAME_MAX / 2]; /* its container */
};

/* Of this task, or in an epilog of the job alone. */
static int find_job(spank_t spank, struct job *job)
{
	struct passwd entry, *user = NULL;
	char buf[16384];
	uid_t uid;

	if (spank_get_item(spank, S_JOB_ID, &job->id) != ESPANK_SUCCESS ||
	    spank_get_item(spank, S_JOB_UID, &uid) != ESPANK_SUCCESS)
		return -ENOENT;
	if (getpwuid_r(uid, &entry, buf, sizeof(buf), &user) == 0 && user)
		snprintf(job->name, sizeof(job->name), "slurm/%s/job_%u", user->pw_name, job->id);
	else
		snprintf(job->name, sizeof(job->name), "slurm/%u/job_%u", uid, job->id);
	return 0;
}

static void name_step(const struct job *job, char *buf, size_t size)
{
	const char *word = job->step == SLURM_BATCH_SCRIPT       ? "batch"
			   : job->step == SLURM_EXTERN_CONT      ? "extern"
			   : job->step == SLURM_INTERACTIVE_STEP ? "interactive"
								 : NULL;

	if (word)
		snprintf(buf, size, "%s/step_%s", job->name, word);
	else
		snprintf(buf, size, "%s/step_%u", job->name, job->step);
}

static bool is_begun(const struct settings *s, const struct job *job)
{
	char path[JOB_PATH];

	return access(job_path(s->root, job->name, path), F_OK) == 0;
}

/* "0-3,8" has five. */
static unsigned count_cpus(const char *list)
{
	unsigned n = 0;

	while (list && *list) {
		char *end;
		unsigned long first = strtoul(list, &end, 10), last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		n += (unsigned)(last - first + 1);
		list = *end == ',' ? end + 1 : "";
	}
	return n;
}

static int begin(spank_t spank, const struct settings *s, const struct job *job)
{
	char memory[64], cpus[64], *cores = NULL;
	const char *argv[] = {s->rbcectl, "job", "--root", s->root, "begin",
			      job->name,  NULL,  NULL,     NULL};
	size_t n = 6;
	uint64_t mb = 0;
	uint16_t here = 0;
	unsigned all;

	if (!s->no_memory && spank_get_item(spank, S_JOB_ALLOC_MEM, &mb) == ESPANK_SUCCESS && mb) {
		snprintf(memory, sizeof(memory), "memory.max=%lluM", (unsigned long long)mb);
		argv[n++] = memory;
	}
	spank_get_item(spank, S_JOB_NCPUS, &here);
	spank_get_item(spank, S_JOB_ALLOC_CORES, &cores);
	all = count_cpus(cores);
	all = all > here ? all : here;
	if (!s->no_cpus && all) {
		snprintf(cpus, sizeof(cpus), "cpu.max=%u%%", all * 100);
		argv[n++] = cpus;
	}
	return call(argv);
}

static int join(const struct settings *s, const struct job *job)
{
	char step[RBCE_NAME_MAX], pid[16], limits[VALUE_MAX], *limit, *rest;
	const char *argv[ARGUMENTS] = {s->rbcectl, "job", "--root", s->root, "join", step, pid};
	size_t n = 7;

	name_step(job, step, sizeof(step));
	snprintf(pid, sizeof(pid), "%d", getpid());
	snprintf(limits, sizeof(limits), "%s", asked);
	for (limit = strtok_r(limits, ",", &rest); limit && n < ARGUMENTS - 1;
	     limit = strtok_r(NULL, ",", &rest))
		argv[n++] = limit;
	return call(argv);
}

/* Slurm's own group of the job, which this process stands in already. */
static bool is_slurms(const struct job *job)
{
	cleanup_close int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
	char text[16384], group[64];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0)
		return false;
	text[n] = '\0';
	snprintf(group, sizeof(group), "/job_%u/step_", job->id);
	return strstr(text, group);
}

/* ---- Slurm's side ---- */

static bool is_allowed(const char *key, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
		if (strlen(allowed[i]) == size && !strncmp(allowed[i], key, size))
			return true;
	return false;
}

/* Where the user gives it, and where the step begins. */
static int on_option(int value, const char *text, int remote)
{
	(void)value;
	(void)remote;
	if (strlen(text) >= sizeof(asked)) {
		slurm_error("rbce: --rbce is too long");
		return -1;
	}
	for (const char *at = text; *at;) {
		size_t size = strcspn(at, "=,");

		if (at[size] != '=' || !is_allowed(at, size)) {
			slurm_error(
				"rbce: cannot use --rbce '%s': it is no KEY=VALUE of a key that "
				"a job may set",
				at);
			return -1;
		}
		at += strcspn(at, ",");
		at += *at == ',';
	}
	snprintf(asked, sizeof(asked), "%s", text);
	return 0;
}

SPANK_PLUGIN(rbce, 1)

int slurm_spank_init(spank_t spank, int argc, char **argv)
{
	static struct spank_option option = {
		.name = (char *)"rbce",
		.arginfo = (char *)"KEY=VALUE[,...]",
		.usage = (char *)"limits of the step's own: memory.max=1G, pids.max=100 and the "
				 "like",
		.has_arg = 1,
		.cb = on_option,
	};

	(void)argc;
	(void)argv;
	if (spank_context() != S_CTX_LOCAL && spank_context() != S_CTX_ALLOCATOR &&
	    spank_context() != S_CTX_REMOTE)
		return 0;
	return spank_option_register(spank, &option) == ESPANK_SUCCESS ? 0 : -1;
}

/* As root, in the task itself, before it is the user's. */
int slurm_spank_task_init_privileged(spank_t spank, int argc, char **argv)
{
	const struct settings s = read_settings(argc, argv);
	struct job job = {0};
	int r = find_job(spank, &job);

	if (r == 0 && spank_get_item(spank, S_JOB_STEPID, &job.step) != ESPANK_SUCCESS)
		r = -ENOENT;
	if (r == 0 && is_slurms(&job)) {
		slurm_info("rbce: job %u is in a control group of Slurm's, and stays there",
			   job.id);
		return 0;
	}
	if (r == 0 && !is_begun(&s, &job))
		r = begin(spank, &s, &job);
	if (r == 0)
		r = join(&s, &job);
	if (r < 0)
		slurm_error("rbce: job %u %s", job.id,
			    s.closed ? "does not start: it cannot be placed"
				     : "starts where it is: it cannot be placed");
	return r < 0 && s.closed ? -1 : 0;
}

/* As root, when all of the job has ended on this node. */
int slurm_spank_job_epilog(spank_t spank, int argc, char **argv)
{
	const struct settings s = read_settings(argc, argv);
	struct job job = {0};
	const char *end[] = {s.rbcectl, "job", "--root", s.root, "end", job.name, NULL};

	if (find_job(spank, &job) < 0 || !is_begun(&s, &job))
		return 0;
	/* A node is not to be drained for that. */
	if (call(end) < 0)
		slurm_error("rbce: job %u has no account", job.id);
	return 0;
}
