// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rbcectl job: what the prolog and epilog of a batch system call. A daemon that is away, or does
 * not answer, stops no job: then it is done on the cgroups themselves.
 */
#include <controllers/controllers.h>
#include <controllers/usage.h>
#include <core/cli/log.h>
#include <dirent.h>
#include <errno.h>
#include <rbce/units.h>
#include <rbced/job.h>
#include <rbced/put.h>
#include <sys/stat.h>
#include <time.h>

#include "rbcectl.h"
#include "util.h"

/* Files for a recorder that nobody runs do not pile up. */
enum { ENDED_MAX = 10000 };

struct call {
	const char *root;
	bool json;
	char **operands; /* behind the verb */
	int n;
};

static void put_time(struct json_object *object, const char *key)
{
	struct timespec now;
	char text[32];

	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(text, sizeof(text), "%lld.%06ld", (long long)now.tv_sec, now.tv_nsec / 1000);
	json_object_object_add(object, key, json_object_new_double_s(strtod(text, NULL), text));
}

/* ---- files ---- */

static int write_file(const char *path, struct json_object *object, struct rbce_error *err)
{
	char part[JOB_PATH + 8], folder[JOB_PATH];

	snprintf(folder, sizeof(folder), "%s", path);
	*strrchr(folder, '/') = '\0';
	mkdir(RUNTIME_DIR, 0755);
	mkdir(folder, 0700);
	snprintf(part, sizeof(part), "%s/.%s", folder, strrchr(path, '/') + 1);
	if (json_object_to_file(part, object) < 0 || rename(part, path) < 0)
		return rbce_error_errno(err, -errno, "cannot write '%s'", path);
	return 0;
}

/* The job whose container NAME is, or is in; NULL for none. */
static struct json_object *find_job(const char *root, const char *name)
{
	cleanup_free char *above = strdup(name);
	char path[JOB_PATH];

	while (above && *above) {
		char *slash = strrchr(above, '/');

		if (access(job_path(root, above, path), F_OK) == 0)
			return json_object_from_file(path);
		*(slash ?: above) = '\0';
	}
	return NULL;
}

static bool has_room(const char *folder)
{
	cleanup_dir DIR *dir = opendir(folder);
	size_t n = 0;

	while (dir && readdir(dir))
		n++;
	return n < ENDED_MAX;
}

/* For the recorder. */
static int hand_over(const char *root, struct json_object *account, struct rbce_error *err)
{
	char folder[JOB_PATH / 2], path[JOB_PATH], name[JOB_PATH];

	runtime_path(root, "ended", folder, sizeof(folder));
	if (!has_room(folder))
		return rbce_error_set(
			err, -ENOSPC,
			"cannot hand job '%s' over: there are %d that no recorder has "
			"taken",
			reply_text(account, "job"), ENDED_MAX);
	job_path(root, reply_text(account, "job"), name);
	snprintf(path, sizeof(path), "%s/%s.%s", folder, reply_text(account, "end"),
		 strrchr(name, '/') + 1);
	return write_file(path, account, err);
}

/* ---- limits ---- */

static int read_limits(const struct call *call, int first, struct json_object *limits,
		       struct rbce_error *err)
{
	for (int i = first; i < call->n; i++) {
		char *equals = strchr(call->operands[i], '=');
		struct rbce_error why = {0};

		if (!equals)
			return rbce_error_set(err, -EINVAL, "cannot use '%s': it is no KEY=VALUE",
					      call->operands[i]);
		*equals = '\0';
		if (controller_check(call->operands[i], equals + 1, &why) < 0)
			return rbce_error_set(err, -EINVAL, "cannot set '%s': %s",
					      call->operands[i], why.message);
		put_string(limits, call->operands[i], equals + 1);
	}
	return 0;
}

static int set_limits(struct rbce_container *c, struct json_object *limits, struct rbce_error *err)
{
	json_object_object_foreach (limits, name, value) {
		const struct controller_key *row = controller_key_find(name);
		struct rbce_error why = {0};

		if (!row || controller_key_is_daemon(row))
			return rbce_error_set(err, -EOPNOTSUPP,
					      "cannot set '%s' of job '%s': it needs rbced", name,
					      rbce_container_name(c));
		if (controller_set(row, c, json_object_get_string(value), &why) < 0)
			return rbce_error_set(err, why.code, "cannot set '%s' of job '%s': %s",
					      name, rbce_container_name(c), why.message);
	}
	return 0;
}

/* ---- the verbs ---- */

/* On the cgroups themselves: makes NAME with its limits, and puts PID there, if there is one. */
static int place_directly(const struct call *call, const char *name, struct json_object *limits,
			  pid_t pid, struct rbce_error *err)
{
	struct rbce_container *c = NULL;
	struct containers all;
	int r;

	r = containers_open(call->root, &all, err);
	if (r < 0)
		return r;
	r = rbce_container_open(all.h, name, RBCE_CONTAINER_CREATE, &c, err);
	if (r == 0)
		r = set_limits(c, limits, err);
	if (r == 0 && pid)
		r = rbce_container_attach(c, pid, err);
	rbce_container_close(c);
	containers_close(&all);
	return r;
}

/* By the daemon, or without one. */
static int place(const struct call *call, struct json_object *request, struct json_object *limits,
		 pid_t pid, struct rbce_error *err)
{
	cleanup_free char *name = strdup(reply_text(request, "container"));
	CLEANUP(json_object_put_p) struct json_object *reply = NULL;
	int r = daemon_ask_briefly(call->root, request, &reply, err);

	if (!daemon_is_away(r))
		return r;
	log_warning("%s: the limits of the rules are set when it is there", err->message);
	return place_directly(call, name, limits, pid, err);
}

static int begin(const struct call *call, struct rbce_error *err)
{
	CLEANUP(json_object_put_p) struct json_object *job = json_object_new_object();
	struct json_object *request = daemon_request("job"), *limits, *before;
	const char *name = call->operands[0];
	char path[JOB_PATH];
	int r = rbce_container_check_name(name, err);
	bool was_begun;

	put_string(job, "job", name);
	before = json_object_from_file(job_path(call->root, name, path));
	was_begun = before;
	if (before)
		json_object_object_add(job, "begin",
				       json_object_get(reply_object(before, "begin")));
	else
		put_time(job, "begin");
	json_object_put(before);
	limits = put_object(job, "limits");
	put_string(request, "container", name);
	if (r == 0 && strchr(name, '!'))
		r = rbce_error_set(err, -EINVAL, "cannot begin '%s': a job's name has no '!'",
				   name);
	if (r == 0)
		r = read_limits(call, 1, limits, err);
	if (r == 0)
		r = write_file(path, job, err);
	if (r < 0) {
		json_object_put(request);
		return r;
	}
	r = place(call, request, limits, 0, err);
	if (r < 0 && !was_begun)
		unlink(path);
	return r;
}

static int join(const struct call *call, struct rbce_error *err)
{
	CLEANUP(json_object_put_p) struct json_object *job = NULL;
	struct json_object *request = daemon_request("classify");
	struct json_object *limits = put_object(request, "limits");
	pid_t pid = call->n > 1 ? command_pid(call->operands[1]) : 0;
	int r = 0;

	job = find_job(call->root, call->operands[0]);
	if (!pid)
		r = rbce_error_set(err, -EINVAL, "cannot join '%s': it needs a process",
				   call->operands[0]);
	else if (!job)
		r = rbce_error_set(err, -ENOENT, "cannot join '%s': no such job has begun",
				   call->operands[0]);
	put_string(request, "container", call->operands[0]);
	put_number(request, "pid", (uint64_t)pid);
	put_bool(request, "sticky", true);
	if (r == 0)
		r = read_limits(call, 2, limits, err);
	if (r < 0) {
		json_object_put(request);
		return r;
	}
	json_object_get(limits);
	r = place(call, request, limits, pid, err);
	json_object_put(limits);
	return r;
}

static void put_amount(void *data, const struct usage *usage)
{
	put_number(data, usage->key, usage->amount);
}

static void print_amount(void *data, const struct usage *usage)
{
	char text[RBCE_UNITS_SIZE];

	(void)data;
	printf("%-18s %s\n", usage->title, usage_format(usage, text));
}

/* What it used so far, into JOB; and for people. */
static void tell(const struct call *call, struct rbce_hierarchy *h, struct rbce_container *c,
		 struct json_object *job)
{
	put_time(job, "end");
	json_object_object_del(job, "limits");
	usage_each(h, c, put_amount, job);
	if (call->json) {
		json_object_get(job);
		reply_print(job);
	} else {
		printf("%-18s %s\n", "job", rbce_container_name(c));
		usage_each(h, c, print_amount, NULL);
	}
}

static int finish(const struct call *call, struct rbce_hierarchy *h, struct rbce_container *c,
		  struct json_object *job, struct rbce_error *err)
{
	struct rbce_error why = {0};
	char path[JOB_PATH];
	int r = rbce_container_kill(c, err);

	if (r < 0)
		return r;
	tell(call, h, c, job);
	if (hand_over(call->root, job, &why) < 0)
		log_warning("%s", why.message);
	unlink(job_path(call->root, rbce_container_name(c), path));
	return controller_remove(c, err);
}

static int with_job(const struct call *call, const char *name,
		    int (*run)(const struct call *call, struct rbce_hierarchy *h,
			       struct rbce_container *c, struct json_object *job,
			       struct rbce_error *err),
		    struct rbce_error *err)
{
	CLEANUP(json_object_put_p) struct json_object *job = NULL;
	struct rbce_container *c = NULL;
	struct containers all;
	char path[JOB_PATH];
	int r;

	job = json_object_from_file(job_path(call->root, name, path));
	if (!job)
		return rbce_error_set(err, -ENOENT, "cannot find job '%s': none has begun", name);
	r = containers_open(call->root, &all, err);
	if (r < 0)
		return r;
	r = rbce_container_open(all.h, name, 0, &c, err);
	if (r == 0)
		r = run(call, all.h, c, job, err);
	else if (r == -ENOENT)
		/* Somebody removed it: then there is nothing to end. */
		unlink(path);
	rbce_container_close(c);
	containers_close(&all);
	return r;
}

static int end(const struct call *call, struct rbce_error *err)
{
	return with_job(call, call->operands[0], finish, err);
}

static int so_far(const struct call *call, struct rbce_hierarchy *h, struct rbce_container *c,
		  struct json_object *job, struct rbce_error *err)
{
	(void)err;
	tell(call, h, c, job);
	return 0;
}

/* One, or each. */
static int report(const struct call *call, struct rbce_error *err)
{
	char path[JOB_PATH];
	cleanup_dir DIR *dir = NULL;
	struct dirent *entry;

	if (call->n)
		return with_job(call, call->operands[0], so_far, err);
	dir = opendir(runtime_path(call->root, "jobs", path, sizeof(path)));
	while (dir && (entry = readdir(dir))) {
		struct rbce_error why;

		if (*entry->d_name == '.')
			continue;
		for (char *p = entry->d_name; *p; p++)
			if (*p == '!')
				*p = '/';
		if (with_job(call, entry->d_name, so_far, &why) < 0)
			log_warning("%s", why.message);
	}
	return 0;
}

static const struct {
	const char *name;
	int least, most; /* operands */
	int (*run)(const struct call *call, struct rbce_error *err);
} verbs[] = {
	{"begin", 1, INT_MAX, begin},
	{"join", 2, INT_MAX, join},
	{"end", 1, 1, end},
	{"report", 0, 1, report},
};

int command_job(int argc, char **argv)
{
	struct common common = {.root = "rbce"};
	const struct option_row options[] = {COMMON_OPTIONS(common), {0}};
	const struct command_line line = {
		.usage = "job [--root NAME] [--json] begin JOB [KEY=VALUE...]\n"
			 "       join CONTAINER PID [KEY=VALUE...] | end JOB | report [JOB]",
		.about = "A job of a batch system is a container from its begin to its end. A "
			 "process joins it, or a\ncontainer in it, with what it starts; at the "
			 "end what is left is killed, and its account is\nprinted and kept.",
		.options = options,
	};
	int first = command_parse(&line, argc, argv, 1, -1);
	struct call call = {common.root, common.json, argv + first + 1, argc - first - 1};
	struct rbce_error err = {0};

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (streq(verbs[i].name, argv[first]) && call.n >= verbs[i].least &&
		    call.n <= verbs[i].most)
			return verbs[i].run(&call, &err) < 0 ? command_failed(&err) : EXIT_SUCCESS;
	log_error("cannot do '%s': usage: %s %s", argv[first], log_program(), line.usage);
	return EXIT_USAGE;
}
