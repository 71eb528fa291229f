// SPDX-License-Identifier: GPL-2.0-or-later
/* ulimitx run: a job in a container of its own, under limits; it ends with all that it started. */
#include <controllers/change.h>
#include <controllers/usage.h>
#include <core/cli/log.h>
#include <core/cli/options.h>
#include <errno.h>
#include <fcntl.h>
#include <rbce/units.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "ask.h"
#include "file.h"
#include "util.h"

/* Where a privileged caller's jobs are. */
#define JOBS "rbce-jobs"

enum { LIMITS_MAX = 64 };

struct job {
	struct ask ask;
	bool asked; /* the container is rbced's */
	struct rbce_root *root;
	struct rbce_hierarchy *h;
	struct rbce_container *container;
	const char *name;
	char own_name[64];
	char *given_name; /* by rbced; owned */
	struct change limits[LIMITS_MAX];
	size_t n_limits;
	bool time;
	pid_t pid;
	struct timespec started;
};

/* KEY=VALUE operands; returns the index of the command. */
static int read_limits(struct job *job, int argc, char **argv, int i)
{
	for (; i < argc && !streq(argv[i], "--"); i++) {
		char *equals = strchr(argv[i], '=');
		struct rbce_error err;

		/* The first operand that is no setting begins the command. */
		if (!equals)
			return i;
		*equals = '\0';
		if (controller_check(argv[i], equals + 1, &err) < 0) {
			log_error("cannot set '%s': %s", argv[i], err.message);
			exit(EXIT_USAGE);
		}
		if (job->n_limits == LIMITS_MAX) {
			log_error("cannot set '%s': there are over %d limits", argv[i], LIMITS_MAX);
			exit(EXIT_USAGE);
		}
		job->limits[job->n_limits++] = (struct change){
			.container = job->name,
			.key = controller_key_find(argv[i]),
			.value = equals + 1,
		};
	}
	return i + 1;
}

/* In a delegated subtree: the group that the caller stands in, in whichever hierarchy is his. */
static int own_group(const struct rbce_root *root, char *buf, size_t size)
{
	char text[16384];
	const char *best = NULL;

	if (file_read_at(rbce_root_fd(root), "proc/self/cgroup", text, sizeof(text)) < 0)
		return -ENOENT;
	for (char *save, *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		const char *path = strchr(line, ':');

		path = path ? strchr(path + 1, ':') : NULL;
		if (path && path[1] == '/' && path[2] && (!best || line[0] == '0'))
			best = path + 2;
	}
	if (!best || strlen(best) >= size)
		return -ENOENT;
	snprintf(buf, size, "%s", best);
	return 0;
}

static int make_container(struct job *job, const char *group, struct rbce_error *err)
{
	char own[RBCE_NAME_MAX];
	int r;

	if (!group)
		group = geteuid() != 0 && own_group(job->root, own, sizeof(own)) == 0 ? own : JOBS;
	r = rbce_hierarchy_open(job->root, group, &job->h, err);
	if (r == 0)
		r = rbce_container_open(job->h, job->name, RBCE_CONTAINER_CREATE, &job->container,
					err);
	return r;
}

/* Who may not make one where he stands asks rbced for it. */
static int open_job(struct job *job, const char *group, struct rbce_error *err)
{
	int r = rbce_root_open(NULL, &job->root, err);

	if (r == 0)
		r = make_container(job, group, err);
	if (geteuid() == 0 || (r != -EACCES && r != -EPERM && r != -EROFS && r != -ENOENT))
		return r;
	rbce_hierarchy_close(job->h);
	job->h = NULL;
	job->asked = true;
	return ask_open(&job->ask, group ?: "rbce", err);
}

/* The container that rbced gave, for what its files tell. */
static int open_given(struct job *job, struct rbce_error *err)
{
	int r = ask_answer(&job->ask, &job->given_name, err);

	if (r < 0)
		return r;
	job->name = job->given_name;
	if (rbce_hierarchy_open(job->root, job->ask.root, &job->h, NULL) == 0)
		rbce_container_open(job->h, job->name, 0, &job->container, NULL);
	return 0;
}

static int set_limits(struct job *job)
{
	int r = changes_apply(job->h, job->limits, job->n_limits, false);

	for (size_t i = 0; r < 0 && i < job->n_limits; i++)
		if (job->limits[i].why)
			log_error("cannot set '%s': %s", controller_key_name(job->limits[i].key),
				  job->limits[i].why);
	changes_done(job->limits, job->n_limits);
	return r;
}

/* The child goes into its container by itself: that is cheaper on v1 than to be moved. */
__attribute__((noreturn)) static void become(const struct job *job, char **command,
					     const sigset_t *old)
{
	struct rbce_error err;

	if (job->asked && ask_in_child(&job->ask, job->limits, job->n_limits) < 0)
		_exit(EXIT_FAILURE);
	if (!job->asked && rbce_container_join(job->container, &err) < 0) {
		log_error("%s", err.message);
		_exit(EXIT_FAILURE);
	}
	sigprocmask(SIG_SETMASK, old, NULL);
	execvp(command[0], command);
	log_error("cannot run '%s': %s", command[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static int start(struct job *job, char **command, const sigset_t *old, struct rbce_error *err)
{
	pid_t self = getpid();

	clock_gettime(CLOCK_MONOTONIC, &job->started);
	job->pid = fork();
	if (job->pid < 0)
		return rbce_error_errno(err, -errno, "cannot run '%s'", command[0]);
	if (job->pid == 0) {
		/* Whoever waits for it may have gone before it was tied to him. */
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == self)
			become(job, command, old);
		_exit(EXIT_FAILURE);
	}
	return job->asked ? open_given(job, err) : 0;
}

/* What a terminal sends goes to all of its foreground group, the job among them. */
static void pass_on(const struct job *job, const siginfo_t *info)
{
	bool terminal = info->si_code == SI_KERNEL &&
			(info->si_signo == SIGINT || info->si_signo == SIGQUIT ||
			 info->si_signo == SIGWINCH || info->si_signo == SIGHUP);

	if (!terminal)
		kill(job->pid, info->si_signo);
}

/* Until the job's first process has ended; its status as of wait(2). */
static int wait_for_end(const struct job *job, const sigset_t *signals)
{
	siginfo_t info;
	int status;

	for (;;) {
		if (sigwaitinfo(signals, &info) < 0)
			continue;
		if (info.si_signo != SIGCHLD) {
			pass_on(job, &info);
			continue;
		}
		if (waitpid(job->pid, &status, WNOHANG | WUNTRACED) != job->pid)
			continue;
		if (!WIFSTOPPED(status))
			return status;
		/* Stops with it, and goes on with it. */
		raise(SIGSTOP);
		kill(job->pid, SIGCONT);
	}
}

/* The group that jobs are in, as soon as none is: one that has others stays. */
static void remove_group(const struct rbce_hierarchy *h)
{
	size_t n;
	const struct rbce_mount *mounts = rbce_hierarchy_mounts(h, &n);

	for (size_t i = 0; i < n && streq(rbce_hierarchy_group(h), JOBS); i++)
		unlinkat(mounts[i].fd, JOBS, AT_REMOVEDIR);
}

static int remove_container(struct job *job, struct rbce_error *err)
{
	int r;

	if (job->asked)
		return job->given_name ? ask_end(&job->ask, job->name, err) : 0;
	if (!job->container)
		return 0;
	r = rbce_container_kill(job->container, err);
	return r < 0 ? r : controller_remove(job->container, err);
}

/* Kills what the job has left behind, and takes its container away. */
static void finish(struct job *job)
{
	cleanup_free pid_t *left = NULL;
	struct rbce_error err;
	size_t n = 0;

	if (job->container)
		rbce_container_tasks(job->container, true, &left, &n, NULL);
	if (n)
		log_info("%zu process%s of the job left, killed", n, n == 1 ? "" : "es");
	if (remove_container(job, &err) < 0)
		log_warning("%s", err.message);
	rbce_container_close(job->container);
	if (job->asked)
		ask_close(&job->ask);
	else if (job->h)
		remove_group(job->h);
	rbce_hierarchy_close(job->h);
	rbce_root_close(job->root);
	free(job->given_name);
}

/* Ends as the job did, by the same signal if it was one. */
static int end_like(int status, const sigset_t *old)
{
	const struct rlimit no_core = {0, 0};

	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	setrlimit(RLIMIT_CORE, &no_core);
	sigprocmask(SIG_SETMASK, old, NULL);
	signal(WTERMSIG(status), SIG_DFL);
	raise(WTERMSIG(status));
	return 128 + WTERMSIG(status);
}

static void print_amount(void *data, const struct usage *usage)
{
	char text[RBCE_UNITS_SIZE];

	(void)data;
	fprintf(stderr, "%-18s %s\n", usage->title, usage_format(usage, text));
}

static void print_usage(const struct job *job)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	print_amount(NULL,
		     &(struct usage){"elapsed", NULL, USAGE_IN_USEC,
				     (uint64_t)((now.tv_sec - job->started.tv_sec) * 1000000 +
						(now.tv_nsec - job->started.tv_nsec) / 1000)});
	if (job->container)
		usage_each(job->h, job->container, print_amount, NULL);
}

static int run(struct job *job, const char *group, char **command)
{
	static const int passed[] = {SIGCHLD, SIGHUP,  SIGINT,   SIGQUIT, SIGTERM,
				     SIGUSR1, SIGUSR2, SIGWINCH, SIGALRM};
	struct rbce_error err = {0};
	sigset_t signals, old;
	int status = 0, r;

	sigemptyset(&signals);
	for (size_t i = 0; i < ARRAY_SIZE(passed); i++)
		sigaddset(&signals, passed[i]);
	sigprocmask(SIG_BLOCK, &signals, &old);
	r = open_job(job, group, &err);
	if (r == 0 && !job->asked && set_limits(job) < 0) {
		finish(job);
		return EXIT_FAILURE;
	}
	if (r == 0)
		r = start(job, command, &old, &err);
	if (r < 0) {
		log_error("%s", err.message);
		finish(job);
		return EXIT_FAILURE;
	}
	status = wait_for_end(job, &signals);
	if (job->time)
		print_usage(job);
	finish(job);
	return end_like(status, &old);
}

int main(int argc, char **argv)
{
	struct job job = {.pid = 0};
	const char *group = NULL;
	const struct option_row options[] = {
		OPTION_TEXT("root", "NAME",
			    "group that the job's container is made in (rbce-jobs; without "
			    "privilege the caller's own, or that of rbced: rbce)",
			    &group),
		OPTION_FLAG("time", "report at the end what the job used", &job.time),
		{0},
	};
	const struct command_line line = {
		.usage = "[--root NAME] [--time] [KEY=VALUE...] -- COMMAND [ARGUMENT...]",
		.about = "Runs a command under limits, in a container that lives as long as it.",
		.options = options,
		.stop_at_operand = true,
	};
	int command;

	log_open("ulimitx run", LOG_LEVEL_INFO);
	snprintf(job.own_name, sizeof(job.own_name), "job-%d", getpid());
	job.name = job.own_name;
	command = read_limits(&job, argc, argv, options_parse(&line, argc, argv));
	if (command >= argc) {
		log_error("cannot run: it needs a command; usage: %s %s", log_program(),
			  line.usage);
		return EXIT_USAGE;
	}
	return run(&job, group, argv + command);
}
