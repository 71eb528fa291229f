// SPDX-License-Identifier: GPL-2.0-or-later
/* What rbced tells of its doings; see listen.h. */
#include "listen.h"

#include <errno.h>
#include <json-c/json.h>
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
	char line[LINE_SIZE];
};

/* ---- lines ---- */

static const char *const kept[] = {"oom", "penalty"};

void told_free(struct told *told)
{
	free(told->event);
	free(told->container);
	free(told->action);
	free(told->detail);
	free(told);
}

DEFINE_CLEANUP(struct json_object *, json_object_put)

static const char *text_of(struct json_object *object, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) &&
			       json_object_is_type(value, json_type_string)
		       ? json_object_get_string(value)
		       : NULL;
}

int told_parse(const char *line, struct told **ret)
{
	CLEANUP(json_object_put_p) struct json_object *object = json_tokener_parse(line);
	const char *event, *container, *action;
	struct json_object *time;
	struct told *told;
	size_t i = 0;

	if (!json_object_is_type(object, json_type_object))
		return -EBADMSG;
	event = text_of(object, "event");
	container = text_of(object, "container");
	action = text_of(object, "action");
	while (event && i < ARRAY_SIZE(kept) && !streq(kept[i], event))
		i++;
	if (!event || i == ARRAY_SIZE(kept))
		return 0;
	if (!container || !action || !json_object_object_get_ex(object, "time", &time))
		return -EBADMSG;
	told = calloc(1, sizeof(*told));
	if (!told)
		return -ENOMEM;
	told->time = (int64_t)(json_object_get_double(time) * 1000 + 0.5);
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

/* ---- the connection ---- */

static void disconnect(struct listener *listener)
{
	listener->source = sd_event_source_disable_unref(listener->source);
}

static int on_line(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct listener *listener = data;
	struct told *told;
	ssize_t n = recv(fd, listener->line, sizeof(listener->line) - 1, MSG_DONTWAIT);

	(void)source;
	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		disconnect(listener);
		return 0;
	}
	listener->line[n] = '\0';
	if (told_parse(listener->line, &told) == 1)
		listener->function(listener->data, told);
	return 0;
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

int listener_new(sd_event *loop, const char *root, listener_fn *function, void *data,
		 struct listener **ret)
{
	struct listener *listener = calloc(1, sizeof(*listener));
	char *path, *slash;

	if (!listener)
		return -ENOMEM;
	listener->loop = loop;
	listener->function = function;
	listener->data = data;
	/* As rbced has it (rbced.8): slashes of the root's name are dashes. */
	path = listener->address.sun_path;
	listener->address.sun_family = AF_UNIX;
	snprintf(path, sizeof(listener->address.sun_path), "/run/rbce/%s.sock", root);
	for (slash = path + strlen("/run/rbce/"); (slash = strchr(slash, '/'));)
		*slash = '-';
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
