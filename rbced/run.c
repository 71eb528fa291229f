// SPDX-License-Identifier: GPL-2.0-or-later
/* Jobs that users ask for; see run.h. */
#include "run.h"

#include <controllers/change.h>
#include <controllers/controllers.h>
#include <core/cli/json.h>
#include <core/cli/log.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "place.h"
#include "put.h"
#include "util.h"

enum {
	JOBS_MAX = 1024,
	JOBS_OF_USER_MAX = 64,
	LIMITS_MAX = 64,
	/* Between two looks at whether all that was killed has gone. */
	ENDING_USEC = 10000,
};

struct run {
	struct engine *engine;
	struct run *next;
	char *name;
	uid_t uid;
	int fd;
	sd_event_source *io, *timer;
};

static struct run *run_free(struct run *run)
{
	struct run **link = &run->engine->runs;

	while (*link && *link != run)
		link = &(*link)->next;
	if (*link)
		*link = run->next;
	sd_event_source_disable_unref(run->io);
	sd_event_source_disable_unref(run->timer);
	if (run->fd >= 0)
		close(run->fd);
	free(run->name);
	free(run);
	return NULL;
}

/* ---- the beginning ---- */

static int check_room(const struct engine *engine, uid_t uid, struct rbce_error *err)
{
	size_t all = 0, own = 0;

	for (const struct run *run = engine->runs; run; run = run->next) {
		all++;
		own += run->uid == uid;
	}
	if (all >= JOBS_MAX || own >= JOBS_OF_USER_MAX)
		return rbce_error_set(err, -EUSERS, "cannot run a job: there are too many");
	return 0;
}

static int check_task(const struct engine *engine, const struct rbce_task *task, uid_t uid,
		      struct rbce_error *err)
{
	/* Whoever has the pid now: it is one of his. */
	if (task->uid != uid || task->euid != uid)
		return rbce_error_set(err, -EPERM, "cannot run a job: its process has other ids");
	if (engine->options.observe)
		return rbce_error_set(err, -EPERM, "cannot run a job: rbced only observes");
	if (!task->container || !*task->container)
		return rbce_error_set(err, -EPERM,
				      "cannot run a job: process '%d' stands in no container",
				      task->pid);
	if (!ruleset_lets_run(engine->rules, task->container, task))
		return rbce_error_set(err, -EPERM,
				      "cannot run a job: the rules of container '%s' do not let "
				      "user '%u' (key jobs)",
				      task->container, uid);
	return check_room(engine, uid, err);
}

/* What a path names is looked up with all our rights, and may keep us waiting. */
static bool is_path(const char *value)
{
	return value[0] == '/' && value[1] != '\0' && value[1] != ' ';
}

static int check_limit(const char *name, const char *value, struct rbce_error *err)
{
	const struct controller_key *key = controller_key_find(name);
	struct rbce_error why;

	if (!key)
		return rbce_error_set(err, -ENOENT, "cannot set '%s': unknown key", name);
	if (controller_key_is_daemon(key) || !controller_key_only_lowers(key))
		return rbce_error_set(err, -EPERM,
				      "cannot set '%s': a job of a user's has limits alone", name);
	if (is_path(value))
		return rbce_error_set(err, -EINVAL,
				      "cannot set '%s': name the device by its numbers", name);
	if (controller_check(name, value, &why) < 0)
		return rbce_error_set(err, why.code, "cannot set '%s': %s", name, why.message);
	return 0;
}

static int read_limits(struct json_object *limits, const char *container, struct change *changes,
		       size_t *ret_n, struct rbce_error *err)
{
	size_t n = 0;

	if (limits && !json_object_is_type(limits, json_type_object))
		return rbce_error_set(err, -EINVAL, "cannot read request: limits are no object");
	if (limits) {
		json_object_object_foreach (limits, name, value) {
			const char *text = json_object_get_string(value);
			int r = check_limit(name, text ?: "", err);

			if (r == 0 && n == LIMITS_MAX)
				r = rbce_error_set(err, -E2BIG,
						   "cannot set '%s': there are over %d limits",
						   name, LIMITS_MAX);
			if (r < 0)
				return r;
			changes[n++] = (struct change){.container = container,
						       .key = controller_key_find(name),
						       .value = text};
		}
	}
	*ret_n = n;
	return 0;
}

static int set_limits(struct engine *engine, struct change *changes, size_t n,
		      struct rbce_error *err)
{
	int r = changes_apply(engine->h, changes, n, false);

	for (size_t i = 0; r < 0 && i < n; i++)
		if (changes[i].why) {
			rbce_error_set(err, r, "cannot set '%s': %s",
				       controller_key_name(changes[i].key), changes[i].why);
			break;
		}
	changes_done(changes, n);
	return r;
}

static int make(struct engine *engine, const char *name, struct rbce_error *err)
{
	struct rbce_container *c;

	/* Left by a job of an earlier process with that number. */
	if (rbce_container_open(engine->h, name, 0, &c, NULL) == 0) {
		rbce_container_close(c);
		return rbce_error_errno(err, -EEXIST, "cannot create container '%s'", name);
	}
	return place_container(engine, name, &c, err);
}

int run_begin(struct engine *engine, const struct rbce_task *task, uid_t uid,
	      struct json_object *limits, char **ret, struct rbce_error *err)
{
	struct change changes[LIMITS_MAX];
	cleanup_free char *name = NULL;
	size_t n = 0;
	int r = check_task(engine, task, uid, err);

	if (r == 0 && asprintf(&name, "%s/job-%u-%d", task->container, uid, task->pid) < 0) {
		name = NULL;
		r = rbce_error_errno(err, -ENOMEM, "cannot run a job");
	}
	if (r == 0)
		r = read_limits(limits, name, changes, &n, err);
	if (r == 0)
		r = make(engine, name, err);
	if (r < 0)
		return r;
	r = set_limits(engine, changes, n, err);
	if (r < 0) {
		place_remove(engine, name, NULL);
		return r;
	}
	*ret = TAKE_PTR(name);
	return 0;
}

/* ---- the end ---- */

int run_check_end(const struct engine *engine, const char *name, uid_t uid, struct rbce_error *err)
{
	const char *last = strrchr(name, '/');
	char own[32];

	for (const struct run *run = engine->runs; run; run = run->next)
		if (streq(run->name, name))
			return rbce_error_set(err, -EPERM,
					      "cannot end job '%s': it has another leash", name);
	/* Below our root nobody else makes containers, so a name that rules do not give tells
	 * whose. */
	snprintf(own, sizeof(own), "job-%u-", uid);
	if (!last || !after_prefix(last + 1, own) || ruleset_section(engine->rules, name))
		return rbce_error_set(err, -EPERM, "cannot end job '%s': it is none of user '%u'",
				      name, uid);
	return rbce_container_check_name(name, err);
}

/* Nothing is waited for here: what was killed is looked at again a moment later. */
static int on_ending(sd_event_source *source, uint64_t usec, void *data)
{
	struct run *run = data;
	struct rbce_container *c;
	struct rbce_error err;
	int r = rbce_container_open(run->engine->h, run->name, 0, &c, &err);

	(void)usec;
	if (r == 0) {
		r = rbce_container_kill_now(c, &err);
		rbce_container_close(c);
	}
	if (r == 0)
		r = place_remove(run->engine, run->name, &err);
	/* Tasks of it, or jobs in it, that have not gone yet. */
	if (r == 1 || r == -EBUSY) {
		sd_event_source_set_time_relative(source, ENDING_USEC);
		sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
		return 0;
	}
	if (r < 0 && r != -ENOENT)
		log_warning("%s", err.message);
	run_free(run);
	return 0;
}

static int end(struct run *run)
{
	run->io = sd_event_source_disable_unref(run->io);
	return sd_event_add_time_relative(run->engine->loop, &run->timer, CLOCK_MONOTONIC, 0, 0,
					  on_ending, run);
}

/* The other side says that the job has ended, or has itself. */
static int on_leash(sd_event_source *source, int fd, uint32_t events, void *data)
{
	(void)source;
	(void)fd;
	(void)events;
	if (end(data) < 0)
		run_free(data);
	return 0;
}

static int tell_container(int fd, const char *name)
{
	CLEANUP(json_object_put_p) struct json_object *reply = json_object_new_object();
	const char *text;
	size_t size;

	put_string(reply, "container", name);
	text = json_object_to_json_string_length(reply, JSON_C_TO_STRING_PLAIN, &size);
	return send(fd, text, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int run_keep(struct engine *engine, const char *name, uid_t uid, int fd, struct rbce_error *err)
{
	struct run *run = calloc(1, sizeof(*run));
	int r = run ? 0 : -ENOMEM;

	if (r < 0) {
		close(fd);
		return rbce_error_errno(err, r, "cannot run a job");
	}
	*run = (struct run){.engine = engine, .uid = uid, .fd = fd, .name = strdup(name)};
	run->next = engine->runs;
	engine->runs = run;
	r = run->name ? sd_event_add_io(engine->loop, &run->io, fd, EPOLLIN | EPOLLRDHUP, on_leash,
					run)
		      : -ENOMEM;
	if (r >= 0)
		r = tell_container(fd, name);
	if (r >= 0)
		return 0;
	if (!run->name || end(run) < 0)
		run_free(run);
	return rbce_error_errno(err, r, "cannot run a job");
}

void run_close(struct engine *engine)
{
	while (engine->runs)
		run_free(engine->runs);
}
