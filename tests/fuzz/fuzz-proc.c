// SPDX-License-Identifier: GPL-2.0-or-later
/* Any text as the files of a process in /proc: what comes out of them keeps what task.h says. */
#include <errno.h>
#include <fcntl.h>
#include <rbce/task.h>
#include <stats/exits/states.h>
#include <stats/exits/taskstats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char top[] = "/tmp/rbce-fuzz-XXXXXX";
static const char *const names[] = {"stat", "status", "cmdline", "environ", "cgroup", "loginuid"};
enum { NAMES = sizeof(names) / sizeof(names[0]), PID = 7 };
static int first = -1; /* all of them are this one file */

static const char *path_of(const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s%s%s", top, *name ? "/" : "", name);
	return path;
}

static void remove_files(void)
{
	char name[32];

	for (size_t i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "proc/%d/%s", PID, names[i]);
		unlink(path_of(name));
	}
	rmdir(path_of("proc/7"));
	rmdir(path_of("proc"));
	rmdir(path_of(""));
}

static struct rbce_root *make_files(void)
{
	struct rbce_root *root;
	char from[64], name[32];

	if (!mkdtemp(top) || mkdir(path_of("proc"), 0755) < 0 || mkdir(path_of("proc/7"), 0755) < 0)
		abort();
	snprintf(from, sizeof(from), "%s", path_of("proc/7/stat"));
	first = open(from, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	for (size_t i = 1; i < NAMES; i++) {
		snprintf(name, sizeof(name), "proc/%d/%s", PID, names[i]);
		if (link(from, path_of(name)) < 0)
			abort();
	}
	if (first < 0 || atexit(remove_files) != 0 || rbce_root_open(top, &root, NULL) < 0)
		abort();
	return root;
}

static void check_task(const struct rbce_task *task)
{
	if (!memchr(task->comm, '\0', sizeof(task->comm)))
		abort();
	for (size_t i = 1; i < task->n_groups; i++)
		if (task->groups[i - 1] > task->groups[i])
			abort();
	if (task->env && (task->env[0] != '\n' || task->env[strlen(task->env) - 1] != '\n'))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rbce_root *root;
	char *text = strndup((const char *)data, size);
	int state = text ? states_parse(text) : -1;

	if (!root)
		root = make_files();
	if (state < -1 || state >= TASK_IO_WAIT || (state >= 0 && !strstr(text, ") ")))
		abort();
	free(text);
	if (ftruncate(first, 0) < 0 || pwrite(first, data, size, 0) != (ssize_t)size)
		abort();
	/* Each by itself, too, as all of them together is refused by the first. */
	for (unsigned facts = 1; facts <= RBCE_FACT_ALL + 1; facts <<= 1) {
		struct rbce_task task;
		int r = rbce_task_read(root, PID, facts > RBCE_FACT_ALL ? RBCE_FACT_ALL : facts,
				       &task, NULL);

		if (r < 0 && r != -EBADMSG && r != -E2BIG && r != -ESRCH)
			abort();
		if (r < 0)
			continue;
		check_task(&task);
		rbce_task_done(&task);
	}
	return 0;
}
