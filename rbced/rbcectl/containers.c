// SPDX-License-Identifier: GPL-2.0-or-later
/* rbcectl containers and ps: read from the cgroups themselves, with or without the daemon. */
#include <controllers/controllers.h>
#include <core/cli/table.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <rbce/task.h>
#include <rbce/units.h>

#include "file.h"
#include "own.h"
#include "rbcectl.h"
#include "util.h"

enum column {
	NAME,
	TASKS,
	CPU_TIME,
	CPU_MAX,
	CPU_WEIGHT,
	MEMORY,
	MEMORY_MAX,
	PIDS_MAX,
	IO_MAX,
	CPU_USEC,
	MEMORY_BYTES,
};

static const struct table_column container_columns[] = {
	[NAME] = {.title = "CONTAINER", .key = "container"},
	[TASKS] = {.title = "TASKS", .key = "tasks", .right = true, .number = true},
	[CPU_TIME] = {.title = "CPU", .key = "cpu", .right = true, .human_only = true},
	[CPU_MAX] = {.title = "CPU.MAX", .key = "cpu.max", .right = true},
	[CPU_WEIGHT] = {.title = "WEIGHT", .key = "cpu.weight", .right = true, .number = true},
	[MEMORY] = {.title = "MEMORY", .key = "memory", .right = true, .human_only = true},
	[MEMORY_MAX] = {.title = "MEMORY.MAX", .key = "memory.max", .right = true},
	[PIDS_MAX] = {.title = "PIDS.MAX", .key = "pids.max", .right = true},
	[IO_MAX] = {.title = "IO.MAX", .key = "io.max"},
	[CPU_USEC] = {.key = "cpu_usec", .number = true, .json_only = true},
	[MEMORY_BYTES] = {.key = "memory_bytes", .number = true, .json_only = true},
};

/* What the group of KEY's controller uses of it. */
static int read_usage(struct rbce_container *c, const char *key, uint64_t *ret)
{
	const struct controller_key *row = controller_key_find(key);
	enum rbce_controller controller = controller_key_controller(row);
	cleanup_close int dir = rbce_container_open_file(c, controller, ".", O_PATH | O_DIRECTORY);

	if (dir < 0)
		return dir;
	return controller_read_usage(row, dir, rbce_container_version(c, controller), ret);
}

/* Microseconds, from the v2 tree's cpu.stat (which needs no controller) or v1's cpuacct. */
static int read_cpu_time(struct rbce_container *c, uint64_t *ret)
{
	cleanup_close int fd = rbce_container_open_unified(c, "cpu.stat", O_RDONLY);
	char text[1024];

	if (fd >= 0 && file_pread(fd, text, sizeof(text)) > 0 &&
	    sscanf(text, "usage_usec %" SCNu64, ret) == 1)
		return 0;
	if (rbce_container_read(c, RBCE_CPUACCT, "cpuacct.usage", text, sizeof(text), NULL) < 0 ||
	    sscanf(text, "%" SCNu64, ret) != 1)
		return -EOPNOTSUPP;
	*ret /= 1000;
	return 0;
}

static void set_limit_cell(struct table *t, enum column column, struct rbce_container *c,
			   const char *key, bool json)
{
	const struct controller_key *row = controller_key_find(key);
	char value[4096], amount[RBCE_UNITS_SIZE];
	uint64_t bytes;

	if (!controller_supported(row, c) || controller_get(row, c, value, sizeof(value), NULL) < 0)
		return;
	if (!json && controller_key_unit(row) == CONTROLLER_BYTES &&
	    rbce_parse_size(value, &bytes) == 0)
		table_set(t, column, "%s", rbce_format_size(bytes, amount));
	else
		table_set(t, column, "%s", value);
}

static void add_container(struct table *t, struct rbce_hierarchy *h, const char *name, bool json)
{
	struct rbce_container *c;
	cleanup_free pid_t *pids = NULL;
	char amount[RBCE_UNITS_SIZE];
	uint64_t value;
	size_t n;

	/* It may have gone since it was listed. */
	if (rbce_container_open(h, name, 0, &c, NULL) < 0)
		return;
	table_row(t, -1);
	if (json)
		table_set(t, NAME, "%s", name);
	else
		table_set(t, NAME, "%s%s%s", rbce_hierarchy_group(h), *name ? "/" : "", name);
	if (rbce_container_tasks(c, false, &pids, &n, NULL) == 0)
		table_set(t, TASKS, "%zu", n);
	if (read_cpu_time(c, &value) == 0) {
		table_set(t, CPU_TIME, "%s", rbce_format_duration(value, amount));
		table_set(t, CPU_USEC, "%" PRIu64, value);
	}
	if (read_usage(c, "memory.max", &value) == 0) {
		table_set(t, MEMORY, "%s", rbce_format_size(value, amount));
		table_set(t, MEMORY_BYTES, "%" PRIu64, value);
	}
	set_limit_cell(t, CPU_MAX, c, "cpu.max", json);
	set_limit_cell(t, CPU_WEIGHT, c, "cpu.weight", json);
	set_limit_cell(t, MEMORY_MAX, c, "memory.max", json);
	set_limit_cell(t, PIDS_MAX, c, "pids.max", json);
	set_limit_cell(t, IO_MAX, c, "io.max", json);
	rbce_container_close(c);
}

int command_containers(int argc, char **argv)
{
	struct common common = {.root = "rbce"};
	const struct option_row options[] = {COMMON_OPTIONS(common), {0}};
	const struct command_line line = {
		.usage = "containers [--root NAME] [--json]",
		.about = "Shows every container with its own limits and use; a line counts what is "
			 "below it too,\nexcept for TASKS.",
		.options = options,
	};
	CLEANUP(containers_close) struct containers all = {0};
	CLEANUP(rbce_names_free_p) char **names = NULL;
	struct rbce_error err;
	struct table *t;

	command_parse(&line, argc, argv, 0, 0);
	if (containers_open(common.root, &all, &err) < 0 ||
	    rbce_container_list(all.h, &names, &err) < 0)
		return command_failed(&err);
	t = table_new("containers", container_columns, ARRAY_SIZE(container_columns), common.json);
	add_container(t, all.h, "", common.json);
	for (size_t i = 0; names[i]; i++)
		add_container(t, all.h, names[i], common.json);
	return table_finish(t) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

enum ps_column { PS_PID, PS_USER, PS_CONTAINER, PS_HELD, PS_EXE, PS_ARGS };

static const struct table_column ps_columns[] = {
	[PS_PID] = {.title = "PID", .key = "pid", .right = true, .number = true},
	[PS_USER] = {.title = "USER", .key = "user"},
	[PS_CONTAINER] = {.title = "CONTAINER", .key = "container"},
	[PS_HELD] = {.title = "HELD", .key = "held"},
	[PS_EXE] = {.title = "EXECUTABLE", .key = "exe"},
	[PS_ARGS] = {.title = "ARGUMENTS", .key = "args", .cut = true},
};

/* What the daemon knows of tasks out of the rules' hands; NULL where none runs. */
static struct json_object *ask_held(const char *root)
{
	struct json_object *reply = NULL;

	return daemon_ask(root, daemon_request("marks"), &reply, NULL) == 0 ? reply : NULL;
}

static const char *held_of(struct json_object *held, pid_t pid)
{
	struct json_object *tasks = held ? reply_object(held, "marks") : NULL;
	struct json_object *task = NULL;
	char key[16];

	snprintf(key, sizeof(key), "%d", pid);
	if (tasks)
		json_object_object_get_ex(tasks, key, &task);
	return task ? reply_text(task, "held") : "";
}

static void add_task(struct table *t, const struct containers *all, struct json_object *held,
		     const char *name, pid_t pid)
{
	CLEANUP(rbce_task_done) struct rbce_task task = {0};
	struct passwd *user;

	if (rbce_task_read(all->root, pid, RBCE_FACT_ALL & ~(RBCE_FACT_PARENT | RBCE_FACT_ENV),
			   &task, NULL) < 0)
		return;
	user = getpwuid(task.uid);
	table_row(t, -1);
	table_set(t, PS_PID, "%d", pid);
	if (user)
		table_set(t, PS_USER, "%s", user->pw_name);
	else
		table_set(t, PS_USER, "%u", task.uid);
	table_set(t, PS_CONTAINER, "%s", name);
	table_set(t, PS_HELD, "%s", held_of(held, pid));
	table_set(t, PS_EXE, "%s", task.exe ?: task.comm);
	table_set(t, PS_ARGS, "%s", task.args);
}

static int list_tasks(struct table *t, const struct containers *all, struct json_object *held,
		      const char *name, struct rbce_error *err)
{
	struct rbce_container *c;
	cleanup_free pid_t *pids = NULL;
	size_t n = 0;
	int r;

	r = rbce_container_open(all->h, name, 0, &c, err);
	if (r < 0)
		return r;
	r = rbce_container_tasks(c, false, &pids, &n, err);
	for (size_t i = 0; i < n; i++)
		add_task(t, all, held, name, pids[i]);
	rbce_container_close(c);
	return r;
}

int command_ps(int argc, char **argv)
{
	struct common common = {.root = "rbce"};
	const struct option_row options[] = {COMMON_OPTIONS(common), {0}};
	const struct command_line line = {
		.usage = "ps [--root NAME] [--json] [CONTAINER]",
		.about = "Shows the tasks of a container and of those below it, or of all, and "
			 "which of them the\nrules leave alone (where the daemon runs).",
		.options = options,
	};
	CLEANUP(containers_close) struct containers all = {0};
	CLEANUP(rbce_names_free_p) char **names = NULL;
	int first = command_parse(&line, argc, argv, 0, 1), r;
	const char *top = first < argc ? argv[first] : "";
	CLEANUP(json_object_put_p) struct json_object *held = NULL;
	struct rbce_error err;
	struct table *t;

	r = containers_open(common.root, &all, &err);
	if (r == 0)
		r = rbce_container_list(all.h, &names, &err);
	if (r < 0)
		return command_failed(&err);
	t = table_new("tasks", ps_columns, ARRAY_SIZE(ps_columns), common.json);
	held = ask_held(common.root);
	r = list_tasks(t, &all, held, top, &err);
	/* No root group means no container yet: an empty list. */
	if (r == -ENOENT && !*top)
		r = 0;
	if (r < 0) {
		table_free(t);
		return command_failed(&err);
	}
	for (size_t i = 0; names[i]; i++) {
		const char *below = after_prefix(names[i], top);

		if (!*top || (below && *below == '/'))
			list_tasks(t, &all, held, names[i], NULL);
	}
	return table_finish(t) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
