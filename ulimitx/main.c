// SPDX-License-Identifier: GPL-2.0-or-later
/* ulimitx: what am I allowed, and who says so? */
#include <core/cli/beside.h>
#include <core/cli/log.h>
#include <core/cli/options.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <rbce/task.h>
#include <rbce/units.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "show.h"
#include "util.h"

/* The letters of ulimit in shells, and the unit that these print. */
static const struct {
	char letter;
	const char *name;
	int resource;
	unsigned unit;
	const char *help;
} letters[] = {
	{'c', "core", RBCE_LIMIT_RLIMIT + RLIMIT_CORE, 1024, "core files, KiB"},
	{'d', "data", RBCE_LIMIT_RLIMIT + RLIMIT_DATA, 1024, "data segment, KiB"},
	{'e', "nice", RBCE_LIMIT_RLIMIT + RLIMIT_NICE, 1, "nice"},
	{'f', "fsize", RBCE_LIMIT_RLIMIT + RLIMIT_FSIZE, 1024, "file size, KiB"},
	{'i', "sigpending", RBCE_LIMIT_RLIMIT + RLIMIT_SIGPENDING, 1, "queued signals"},
	{'l', "memlock", RBCE_LIMIT_RLIMIT + RLIMIT_MEMLOCK, 1024, "locked memory, KiB"},
	{'m', "memory", RBCE_LIMIT_MEMORY, 1024, "memory, KiB, of all groups and the machine"},
	{'n', "nofile", RBCE_LIMIT_RLIMIT + RLIMIT_NOFILE, 1, "open files"},
	{'q', "msgqueue", RBCE_LIMIT_RLIMIT + RLIMIT_MSGQUEUE, 1, "message queues, bytes"},
	{'r', "rtprio", RBCE_LIMIT_RLIMIT + RLIMIT_RTPRIO, 1, "real-time priority"},
	{'s', "stack", RBCE_LIMIT_RLIMIT + RLIMIT_STACK, 1024, "stack, KiB"},
	{'t', "cpu", RBCE_LIMIT_RLIMIT + RLIMIT_CPU, 1, "CPU time, seconds"},
	{'u', "tasks", RBCE_LIMIT_PIDS, 1, "tasks, of all groups, the user and the machine"},
	{'v', "as", RBCE_LIMIT_RLIMIT + RLIMIT_AS, 1024, "address space, KiB"},
	{'x', "locks", RBCE_LIMIT_RLIMIT + RLIMIT_LOCKS, 1, "file locks"},
	{'R', "rttime", RBCE_LIMIT_RLIMIT + RLIMIT_RTTIME, 1, "real-time CPU time, us"},
};

struct arguments {
	struct show show;
	const char *pid, *user, *container, *root, *sysroot, *explain, *as, *watch;
	bool export, soft;
	bool letter[ARRAY_SIZE(letters)];
	char **operands;
	int n_operands;
};

/* All names of resources on one line, or each on its own with its help; NULL without memory. */
static char *resource_list(bool with_help)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (with_help)
		fprintf(out, "Resources:");
	for (int i = 0; i < RBCE_RESOURCE_COUNT; i++) {
		const char *name = rbce_resource_name((enum rbce_resource)i);

		if (with_help)
			fprintf(out, "\n  %-18s %s", name,
				rbce_resource_help((enum rbce_resource)i));
		else
			fprintf(out, "%s%s", i ? ", " : "", name);
	}
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

static void add_resource(struct show *s, int resource)
{
	for (int i = 0; i < s->n_resources; i++)
		if (s->resources[i] == resource)
			return;
	s->resources[s->n_resources++] = resource;
}

static void add_name(struct show *s, const char *name)
{
	cleanup_free char *known = NULL;
	int resource = rbce_resource_find(name);

	if (resource >= 0) {
		add_resource(s, resource);
		return;
	}
	known = resource_list(false);
	log_error("cannot show '%s': it is no resource (known: %s)", name, known ?: "");
	exit(EXIT_USAGE);
}

static pid_t parse_pid(const char *text)
{
	uint64_t pid;

	if (rbce_parse_number(text, 1, INT32_MAX, &pid) < 0) {
		log_error("cannot use process '%s': it is no process id", text);
		exit(EXIT_USAGE);
	}
	return (pid_t)pid;
}

/* The oldest process of a user that lives: what it is allowed its children are. */
static pid_t process_of_user(const struct rbce_root *root, const char *name)
{
	const struct passwd *user = getpwnam(name);
	cleanup_free pid_t *pids = NULL;
	uint64_t uid;
	size_t n;

	if (user)
		uid = user->pw_uid;
	else if (rbce_parse_number(name, 0, UINT32_MAX - 1, &uid) < 0) {
		log_error("cannot use user '%s': there is no such user", name);
		exit(EXIT_USAGE);
	}
	if (rbce_task_list(root, &pids, &n, NULL) < 0)
		n = 0;
	for (size_t i = 0; i < n; i++) {
		char path[64];
		struct stat st;

		snprintf(path, sizeof(path), "proc/%d", pids[i]);
		if (fstatat(rbce_root_fd(root), path, &st, 0) == 0 && st.st_uid == uid)
			return pids[i];
	}
	log_error("cannot read user '%s': it has no process", name);
	exit(EXIT_FAILURE);
}

/* What a user has of these is found by a look at every process: only where somebody asks for it. */
static unsigned flags_for(const struct arguments *a)
{
	static const int counted[] = {
		RBCE_LIMIT_RLIMIT + RLIMIT_NPROC, RBCE_LIMIT_PIDS,   RBCE_LIMIT_INOTIFY_WATCHES,
		RBCE_LIMIT_INOTIFY_INSTANCES,     RBCE_LIMIT_QUEUES, RBCE_LIMIT_SYSV_QUEUES};

	for (int i = 0; i < a->show.n_resources; i++)
		for (size_t k = 0; k < ARRAY_SIZE(counted); k++)
			if (a->show.resources[i] == counted[k])
				return RBCE_LIMITS_COUNT_TASKS;
	return a->show.all || a->show.json ? RBCE_LIMITS_COUNT_TASKS : 0;
}

static int open_limits(const struct arguments *a, const struct rbce_root *root,
		       struct rbce_limits **ret, struct rbce_error *err)
{
	char path[PATH_MAX];
	pid_t pid = 0;

	if (a->container) {
		if (a->container[0] == '/')
			snprintf(path, sizeof(path), "%s", a->container);
		else
			snprintf(path, sizeof(path), "/%s%s%s", a->root, *a->container ? "/" : "",
				 a->container);
		return rbce_limits_open_group(root, path, ret, err);
	}
	if (a->pid)
		pid = parse_pid(a->pid);
	else if (a->user)
		pid = process_of_user(root, a->user);
	return rbce_limits_open(root, pid ?: getpid(), flags_for(a), ret, err);
}

/* One letter alone prints as the shells do. */
static int lone_letter(const struct arguments *a)
{
	int found = -1;

	for (size_t i = 0; i < ARRAY_SIZE(letters); i++)
		if (a->letter[i]) {
			if (found >= 0)
				return -1;
			found = (int)i;
		}
	return a->n_operands || a->show.json || a->show.columns || a->show.all ? -1 : found;
}

static int print(const struct arguments *a, struct rbce_limits *limits)
{
	int letter = lone_letter(a);

	if (a->as)
		return as_show(a->as, a->show.json, limits);
	if (a->export)
		return export_print(a->operands, a->n_operands, limits);
	if (a->explain)
		return show_chain(&a->show, limits);
	if (letter >= 0)
		return show_number(&a->show, limits, letters[letter].unit);
	return show_limits(&a->show, limits);
}

/* Again when a control file was written, and at the latest after the pause. */
static int print_again(const struct arguments *a, struct rbce_limits *limits)
{
	uint64_t usec = 0;
	int fd = rbce_limits_watch(limits), r;

	if (rbce_parse_duration(a->watch, &usec) < 0 || usec < 1000 || usec > INT32_MAX) {
		log_error("cannot watch every '%s': it is no time (like 2s or 500ms)", a->watch);
		exit(EXIT_USAGE);
	}
	while ((r = print(a, limits)) == 0) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};

		poll(&wait, 1, (int)(usec / 1000));
		rbce_limits_changed(limits);
		if (!a->show.json)
			printf(isatty(STDOUT_FILENO) ? "\033[H\033[J" : "\n");
	}
	return r;
}

static int run(const struct arguments *a)
{
	struct rbce_limits *limits = NULL;
	struct rbce_root *root = NULL;
	struct rbce_error err;
	int r = rbce_root_open(a->sysroot, &root, &err);

	if (r == 0)
		r = open_limits(a, root, &limits, &err);
	if (r < 0) {
		log_error("%s", err.message);
		rbce_root_close(root);
		return EXIT_FAILURE;
	}
	r = a->watch ? print_again(a, limits) : print(a, limits);
	if (r == -ESRCH)
		log_error("cannot read process '%s': it has ended", a->pid ?: "of the user");
	else if (r < 0)
		log_error("cannot print: %s", strerror(-r));
	rbce_limits_close(limits);
	rbce_root_close(root);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void check(struct arguments *a)
{
	if ((a->pid != NULL) + (a->user != NULL) + (a->container != NULL) > 1) {
		log_error("cannot show: --pid, --user and --container exclude each other");
		exit(EXIT_USAGE);
	}
	if (show_check_columns(&a->show) < 0 || (a->as && as_check(a->as) < 0) ||
	    (a->export && export_check(a->operands, a->n_operands) < 0))
		exit(EXIT_USAGE);
	if (a->explain)
		add_name(&a->show, a->explain);
	for (size_t i = 0; i < ARRAY_SIZE(letters); i++)
		if (a->letter[i])
			add_resource(&a->show, letters[i].resource);
	for (int i = 0; i < a->n_operands && !a->export; i++)
		add_name(&a->show, a->operands[i]);
}

static int parse(struct arguments *a, int argc, char **argv)
{
	struct option_row options[20 + ARRAY_SIZE(letters)] = {
		{.name = "all",
		 .letter = 'a',
		 .help = "show what is unlimited too",
		 .flag = &a->show.all},
		OPTION_TEXT("pid", "PID",
			    "of this process (default: ulimitx itself, which has the shell's)",
			    &a->pid),
		OPTION_TEXT("user", "USER", "of the oldest process of this user", &a->user),
		OPTION_TEXT("container", "NAME", "of this container, or /GROUP", &a->container),
		OPTION_TEXT("root", "NAME", "root group of the containers (rbce)", &a->root),
		OPTION_TEXT("sysroot", "DIR", "look up /proc and /sys there", &a->sysroot),
		OPTION_TEXT("columns", "LIST", "these columns", &a->show.columns),
		OPTION_FLAG("json", "print JSON: every resource, exact amounts", &a->show.json),
		OPTION_FLAG("raw", "print exact amounts", &a->show.raw),
		OPTION_TEXT("watch", "TIME", "again when a limit changes, and after this time",
			    &a->watch),
		{.name = "hard", .letter = 'H', .help = "hard rlimits", .flag = &a->show.hard},
		{.name = "soft", .letter = 'S', .help = "soft rlimits (default)", .flag = &a->soft},
		OPTION_TEXT("explain", "KEY", "all that may limit it, and what does", &a->explain),
		OPTION_TEXT("as", "RUNTIME", "what that runtime computes here", &a->as),
		OPTION_FLAG("export", "variables for a shell, those named or all", &a->export),
	};
	size_t at = 0;
	cleanup_free char *resources = resource_list(true);
	const struct command_line line = {
		.usage = "[OPTION...] [RESOURCE...] | run [OPTION...] KEY=VALUE... -- COMMAND",
		.about = "Shows the limit of each resource that is in force, and who imposes it.",
		.more = resources,
		.options = options,
	};
	while (options[at].name)
		at++;
	for (size_t i = 0; i < ARRAY_SIZE(letters); i++)
		options[at++] = (struct option_row){.name = letters[i].name,
						    .letter = letters[i].letter,
						    .help = letters[i].help,
						    .flag = &a->letter[i]};
	return options_parse(&line, argc, argv);
}

int main(int argc, char **argv)
{
	struct arguments a = {.root = "rbce"};
	int first;

	log_open(argv[0], LOG_LEVEL_INFO);
	if (argc > 1 && streq(argv[1], "run"))
		/* It needs libraries that would slow down all the rest. */
		return run_beside("ulimitx-run", argv + 1);
	first = parse(&a, argc, argv);
	a.operands = argv + first;
	a.n_operands = argc - first;
	check(&a);
	return run(&a);
}
