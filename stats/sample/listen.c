// SPDX-License-Identifier: GPL-2.0-or-later
/* What rbced tells of its doings; see listen.h. */
#include "listen.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "util.h"

/* The longest line: names have up to a kilobyte, in JSON at most six times as much. */
enum { LINE_SIZE = 65536 };

struct listener {
	sd_event *loop;
	sd_event_source *source; /* NULL while there is no connection */
	struct sockaddr_un address;
	listener_fn *function;
	void *data;
	listener_line_fn *watch;
	void *watch_data;
	char line[LINE_SIZE];
};

/* ---- lines ---- */

/* What is kept, and where its line has the container and what was done; "-" stands for the event.
 */
static const struct {
	const char *event;
	const char *container; /* NULL: it is about all of them */
	const char *action;
	const char *only; /* with this action, where not NULL */
} kept[] = {
	{"oom", "container", "action", NULL},
	{"penalty", "container", "action", NULL},
	{"decision", "to", "outcome", "moved"},
	{"decision", "to", "outcome", "failed"},
	{"created", "container", "-", NULL},
	{"removed", "container", "-", NULL},
	{"loss", NULL, "-", NULL},
	{"reload", NULL, "-", NULL},
	{"gate", NULL, "state", NULL},
	{"gate_miss", NULL, "-", NULL},
	{"missed", NULL, "-", NULL},
};

void told_free(struct told *told)
{
	free(told->event);
	free(told->container);
	free(told->action);
	free(told->detail);
	free(told);
}

const char *told_text(struct json_object *object, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) &&
			       json_object_is_type(value, json_type_string)
		       ? json_object_get_string(value)
		       : NULL;
}

static int new_told(const char *event, const char *container, const char *action, const char *line,
		    struct told **ret)
{
	struct told *told = calloc(1, sizeof(*told));

	if (!told)
		return -ENOMEM;
	told->event = strdup(event);
	told->container = strdup(container);
	told->action = strdup(action);
	told->detail = strndup(line, strcspn(line, "\n"));
	if (!told->event || !told->container || !told->action || !told->detail) {
		told_free(told);
		return -ENOMEM;
	}
	*ret = told;
	return 1;
}

/* The entry of what is kept that fits, or NULL. */
static const char *action_of(struct json_object *object, const char *event, size_t *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		const char *action;

		if (!streq(kept[i].event, event))
			continue;
		action = *kept[i].action == '-' ? event : told_text(object, kept[i].action);
		*ret = i;
		if (!kept[i].only || (action && streq(action, kept[i].only)))
			return action;
	}
	return NULL;
}

int told_parse(const char *line, struct told **ret)
{
	CLEANUP(json_object_put_p) struct json_object *object = json_tokener_parse(line);
	const char *event, *container, *action;
	struct json_object *time, *pid;
	size_t i = ARRAY_SIZE(kept);
	double seconds;
	int r;

	if (!json_object_is_type(object, json_type_object))
		return -EBADMSG;
	event = told_text(object, "event");
	action = event ? action_of(object, event, &i) : NULL;
	if (i == ARRAY_SIZE(kept) || (!action && kept[i].only))
		return 0;
	container = kept[i].container ? told_text(object, kept[i].container) : "/";
	if (!container || !action || !json_object_object_get_ex(object, "time", &time))
		return -EBADMSG;
	seconds = json_object_get_double(time);
	if (!(seconds >= 0 && seconds < 1e12))
		return -EBADMSG;
	r = new_told(event, *container ? container : "/", action, line, ret);
	if (r < 0)
		return r;
	(*ret)->time = (int64_t)(seconds * 1000 + 0.5);
	if (json_object_object_get_ex(object, "pid", &pid))
		(*ret)->pid = json_object_get_int64(pid);
	return r;
}

/* ---- the connection ---- */

static void disconnect(struct listener *listener)
{
	listener->source = sd_event_source_disable_unref(listener->source);
}

/* False when there is none. */
static bool read_line(struct listener *listener, int fd)
{
	struct told *told;
	ssize_t n = recv(fd, listener->line, sizeof(listener->line) - 1, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		disconnect(listener);
		return false;
	}
	listener->line[n] = '\0';
	if (listener->watch)
		listener->watch(listener->watch_data, listener->line);
	if (told_parse(listener->line, &told) == 1)
		listener->function(listener->data, told);
	return true;
}

static int on_line(sd_event_source *source, int fd, uint32_t events, void *data)
{
	(void)source;
	(void)events;
	read_line(data, fd);
	return 0;
}

void listener_drain(struct listener *listener)
{
	while (listener->source && read_line(listener, sd_event_source_get_io_fd(listener->source)))
		;
}

void listener_watch(struct listener *listener, listener_line_fn *function, void *data)
{
	listener->watch = function;
	listener->watch_data = data;
}

void listener_look(struct listener *listener)
{
	static const char request[] = "{\"verb\":\"events\"}";
	cleanup_close int fd = -1;

	if (listener->source)
		return;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 ||
	    connect(fd, (const struct sockaddr *)&listener->address, sizeof(listener->address)) <
		    0 ||
	    send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0)
		return;
	if (sd_event_add_io(listener->loop, &listener->source, fd, EPOLLIN, on_line, listener) < 0)
		return;
	sd_event_source_set_io_fd_own(listener->source, 1);
	(void)TAKE_FD(fd);
}

void listener_path(const char *root, const char *suffix, char *buf, size_t size)
{
	snprintf(buf, size, "/run/rbce/%s.%s", root, suffix);
	for (char *slash = buf + strlen("/run/rbce/"); (slash = strchr(slash, '/'));)
		*slash = '-';
}

int listener_new(sd_event *loop, const char *root, listener_fn *function, void *data,
		 struct listener **ret)
{
	struct listener *listener = calloc(1, sizeof(*listener));

	if (!listener)
		return -ENOMEM;
	listener->loop = loop;
	listener->function = function;
	listener->data = data;
	listener->address.sun_family = AF_UNIX;
	listener_path(root, "sock", listener->address.sun_path, sizeof(listener->address.sun_path));
	*ret = listener;
	return 0;
}

struct listener *listener_free(struct listener *listener)
{
	if (listener)
		disconnect(listener);
	free(listener);
	return NULL;
}
