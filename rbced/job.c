// SPDX-License-Identifier: GPL-2.0-or-later
/* Jobs of a batch system; see job.h. */
#include "job.h"

#include <controllers/controllers.h>
#include <core/cli/log.h>
#include <dirent.h>
#include <errno.h>
#include <json-c/json.h>

#include "record.h"
#include "util.h"

bool job_is_begun(const struct engine *engine, const char *name)
{
	char path[JOB_PATH];

	return access(job_path(engine->options.root, name, path), F_OK) == 0;
}

bool job_has(const struct engine *engine, const char *name)
{
	char job[RBCE_NAME_MAX], *slash;

	snprintf(job, sizeof(job), "%s", name);
	while (!job_is_begun(engine, job)) {
		slash = strrchr(job, '/');
		if (!slash)
			return false;
		*slash = '\0';
	}
	return true;
}

int job_set_limits(struct engine *engine, struct rbce_container *c, struct rbce_error *err)
{
	char path[JOB_PATH];
	struct json_object *job =
		json_object_from_file(job_path(engine->options.root, rbce_container_name(c), path));
	struct json_object *limits;
	int r = 0;

	if (json_object_object_get_ex(job, "limits", &limits)) {
		json_object_object_foreach (limits, name, value) {
			const struct controller_key *row = controller_key_find(name);
			struct rbce_error why;

			r = row ? controller_set(row, c, json_object_get_string(value), &why)
				: rbce_error_set(&why, -ENOENT, "unknown key");
			if (r < 0)
				r = rbce_error_set(err, r, "cannot set '%s' of job '%s': %s", name,
						   rbce_container_name(c), why.message);
			if (r < 0)
				break;
		}
	}
	json_object_put(job);
	return r;
}

static void hold(struct engine *engine, const char *name)
{
	struct rbce_container *c = NULL;
	cleanup_free pid_t *pids = NULL;
	size_t n = 0;

	if (rbce_container_open(engine->h, name, 0, &c, NULL) == 0)
		rbce_container_tasks(c, true, &pids, &n, NULL);
	rbce_container_close(c);
	for (size_t i = 0; i < n; i++) {
		CLEANUP(rbce_task_done) struct rbce_task task = {0};

		if (rbce_task_read(engine->root, pids[i], RBCE_FACT_STAT | RBCE_FACT_CGROUP, &task,
				   NULL) == 0 &&
		    rbce_hierarchy_place(engine->h, &task) == 0 && task.container)
			records_hold(engine->records, task.pid, task.start, HOLD_STICKY,
				     task.container, NULL);
	}
}

void job_hold_all(struct engine *engine)
{
	char path[JOB_PATH];
	cleanup_dir DIR *dir =
		opendir(runtime_path(engine->options.root, "jobs", path, sizeof(path)));
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (*entry->d_name == '.')
			continue;
		for (char *p = entry->d_name; *p; p++)
			if (*p == '!')
				*p = '/';
		hold(engine, entry->d_name);
	}
}
