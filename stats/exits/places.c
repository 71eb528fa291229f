// SPDX-License-Identifier: GPL-2.0-or-later
/* Where a task stood that has ended; see places.h. */
#include "places.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <rbce/units.h>
#include <uthash.h>

#include "file.h"
#include "stats/sample/listen.h"
#include "stats/sample/sampler.h"
#include "util.h"

/*
 * A process that ended is kept for its children, whose records may come after it. And what was
 * noted just before a process began, as far as we know when that was, may be of it all the same.
 */
#define ENDED_USEC UINT64_C(3000000)
#define SLACK_USEC UINT64_C(1000000)

/* So often a task is new: at the first look it may not have executed yet what it is about to be. */
enum { NEW_LOOKS = 2 };

struct known {
	pid_t pid;
	bool ended;
	unsigned looks; /* that found it there */
	uint64_t seen;
	char *container; /* NULL outside */
	UT_hash_handle hh;
};

struct places {
	const struct rbce_hierarchy *hierarchy;
	const struct rbce_mount *mount; /* whose cgroup.procs are looked at */
	bool unified;                   /* there is a v2 tree */
	struct known *known;
	char text[65536];
};

void place_done(struct place *place)
{
	free(place->container);
	*place = (struct place){.place = PLACE_UNKNOWN};
}

/* ---- the group ---- */

/* The kernel says so behind the path of a group that was removed under a task that has ended. */
static void cut_deleted(char *text)
{
	static const char mark[] = " (deleted)";

	for (char *at = text; (at = strstr(at, mark));) {
		char *end = at + strlen(mark);

		if (*end && *end != '\n')
			at = end;
		else
			memmove(at, end, strlen(end) + 1);
	}
}

struct place places_by_group(struct places *p, pid_t pid, bool ended)
{
	struct place place = {.place = PLACE_UNKNOWN};
	char path[64], *name = NULL;
	int r;

	snprintf(path, sizeof(path), "proc/%d/cgroup", (int)pid);
	if ((ended && !p->unified) || file_read_at(rbce_root_fd(rbce_hierarchy_root(p->hierarchy)),
						   path, p->text, sizeof(p->text) - 1) <= 0)
		return place;
	cut_deleted(p->text);
	r = rbce_hierarchy_container_of(p->hierarchy, p->text, &name);
	if (r >= 0) {
		place.place = PLACE_CONTAINER;
		place.container = name;
		if (!*name) {
			free(name);
			place.container = strdup(SAMPLER_ROOT_NAME);
		}
		if (!place.container)
			place.place = PLACE_UNKNOWN;
	} else if (r == -ENOENT) {
		place.place = PLACE_OUTSIDE;
	}
	return place;
}

/* ---- the table ---- */

static struct known *find(const struct places *p, pid_t pid)
{
	struct known *known;

	HASH_FIND_INT(p->known, &pid, known);
	return known;
}

static void forget(struct places *p, struct known *known)
{
	HASH_DEL(p->known, known);
	free(known->container);
	free(known);
}

static bool is_at(const struct known *known, const char *container)
{
	return known->container && container ? streq(known->container, container)
					     : !known->container && !container;
}

int places_note(struct places *p, pid_t pid, const char *container, uint64_t now)
{
	struct known *known = find(p, pid);
	char *copy;

	if (!known) {
		known = calloc(1, sizeof(*known));
		if (!known)
			return -ENOMEM;
		known->pid = pid;
		HASH_ADD_INT(p->known, pid, known);
	}
	if (!is_at(known, container)) {
		copy = container ? strdup(container) : NULL;
		if (container && !copy) {
			forget(p, known);
			return -ENOMEM;
		}
		free(known->container);
		known->container = copy;
		known->looks = 0;
	}
	known->seen = now;
	known->ended = false;
	return 0;
}

int places_ended(struct places *p, pid_t pid, const struct place *place, uint64_t now)
{
	struct known *known;
	int r;

	if (place->place == PLACE_UNKNOWN) {
		known = find(p, pid);
		if (known)
			forget(p, known);
		return 0;
	}
	r = places_note(p, pid, place->container, now);
	if (r == 0)
		find(p, pid)->ended = true;
	return r;
}

struct place places_by_table(struct places *p, pid_t pid, uint64_t begin)
{
	struct place place = {.place = PLACE_UNKNOWN};
	const struct known *known = find(p, pid);

	if (!known || (begin && (known->ended || known->seen + SLACK_USEC < begin)))
		return place;
	place.container = known->container ? strdup(known->container) : NULL;
	if (place.container)
		place.place = PLACE_CONTAINER;
	else if (!known->container)
		place.place = PLACE_OUTSIDE;
	return place;
}

void places_age(struct places *p, uint64_t now, uint64_t keep)
{
	struct known *known, *next;

	HASH_ITER (hh, p->known, known, next)
		if (now - known->seen > (known->ended ? ENDED_USEC : keep))
			forget(p, known);
}

void places_each(struct places *p, uint64_t since,
		 void (*each)(void *data, pid_t pid, const char *container), void *data)
{
	for (struct known *known = p->known; known; known = known->hh.next)
		if (!known->ended && known->container && known->seen >= since)
			each(data, known->pid, known->container);
}

/* ---- who tells it ---- */

pid_t places_told(struct places *p, const char *line, uint64_t now, char **program)
{
	CLEANUP(json_object_put_p) struct json_object *object = NULL;
	const char *outcome, *to, *exe;
	struct json_object *value;
	int64_t pid;

	*program = NULL;
	/* Most lines are of something else; to read them all as JSON would cost more than the rest.
	 */
	if (!strstr(line, "\"moved\""))
		return 0;
	object = json_tokener_parse(line);
	if (!json_object_is_type(object, json_type_object))
		return 0;
	outcome = told_text(object, "outcome");
	to = told_text(object, "to");
	if (!outcome || !streq(outcome, "moved") || !to ||
	    !json_object_object_get_ex(object, "pid", &value))
		return 0;
	pid = json_object_get_int64(value);
	if (pid <= 0 || pid > INT_MAX ||
	    places_note(p, (pid_t)pid, *to ? to : SAMPLER_ROOT_NAME, now) < 0)
		return 0;
	exe = told_text(object, "exe");
	if (exe && *exe == '/')
		*program = strdup(exe);
	return (pid_t)pid;
}

static int look_at(struct places *p, const char *name, const char *path, uint64_t now,
		   void (*found)(void *data, pid_t pid), void *data)
{
	cleanup_close int fd = openat(p->mount->fd, path, O_RDONLY | O_CLOEXEC);
	cleanup_file FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	int pid, r = 0;

	if (!file)
		return errno == ENOENT || errno == ENODEV ? 0 : -errno;
	(void)TAKE_FD(fd);
	while (r == 0 && fscanf(file, "%d", &pid) == 1) {
		/* Those of another pid namespace are 0. */
		if (pid <= 0)
			continue;
		r = places_note(p, pid, name, now);
		if (r == 0 && find(p, pid)->looks++ < NEW_LOOKS)
			found(data, pid);
	}
	return r;
}

int places_look(struct places *p, const char *name, uint64_t now,
		void (*found)(void *data, pid_t pid), void *data)
{
	static const char *const files[] = {"cgroup.procs", "leaf/cgroup.procs"};
	const char *root = rbce_hierarchy_group(p->hierarchy);
	bool top = streq(name, SAMPLER_ROOT_NAME);
	char path[PATH_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < (p->mount->version == 2 ? 2 : 1); i++) {
		int n = snprintf(path, sizeof(path), "%s%s%s/%s", root, top ? "" : "/",
				 top ? "" : name, files[i]);

		if (n > 0 && (size_t)n < sizeof(path))
			r = look_at(p, name, path, now, found, data);
	}
	return r;
}

/* ---- begin and end ---- */

int places_new(const struct rbce_hierarchy *h, struct places **ret)
{
	struct places *p = calloc(1, sizeof(*p));
	size_t n;

	if (!p)
		return -ENOMEM;
	p->hierarchy = h;
	p->mount = rbce_hierarchy_unified(h);
	p->unified = p->mount;
	if (!p->mount)
		p->mount = rbce_hierarchy_find(h, RBCE_CPUACCT);
	if (!p->mount)
		p->mount = rbce_hierarchy_mounts(h, &n);
	*ret = p;
	return 0;
}

struct places *places_free(struct places *p)
{
	struct known *known, *next;

	if (!p)
		return NULL;
	HASH_ITER (hh, p->known, known, next)
		forget(p, known);
	free(p);
	return NULL;
}
