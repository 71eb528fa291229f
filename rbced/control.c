// SPDX-License-Identifier: GPL-2.0-or-later
/* The control socket; see control.h. */
#include "control.h"

#include <core/cli/log.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "put.h"
#include "reload.h"
#include "runtime.h"
#include "util.h"

enum {
	REQUEST_MAX = 65536,
	CLIENTS_MAX = 64,
	/* A client that neither asks nor reads for so long is dropped. */
	PATIENCE_USEC = 10000000,
};

struct client {
	struct control *control;
	struct client *next;
	sd_event_source *io, *timer;
	int fd;
	bool waits;                /* asked, and not yet answered */
	bool detached;             /* somebody else has the connection */
	struct json_object *reply; /* owns TEXT */
	const char *text;
	size_t size, sent;
};

struct control {
	struct engine *engine;
	char *path;
	int fd;
	sd_event_source *source;
	struct client *clients;
	size_t n_clients;
};

static void drop_client(struct client *client)
{
	struct client **link = &client->control->clients;

	while (*link != client)
		link = &(*link)->next;
	*link = client->next;
	client->control->n_clients--;
	reload_forget(client->control->engine, client);
	sd_event_source_disable_unref(client->io);
	sd_event_source_disable_unref(client->timer);
	close(client->fd);
	json_object_put(client->reply);
	free(client);
}

/* As much of the reply as the socket takes now; the connection's end ends the reply. */
static void send_reply(struct client *client)
{
	while (client->sent < client->size) {
		size_t n = client->size - client->sent;

		if (n > CONTROL_PACKET)
			n = CONTROL_PACKET;
		if (send(client->fd, client->text + client->sent, n, MSG_DONTWAIT | MSG_NOSIGNAL) <
		    0) {
			if (errno == EAGAIN) {
				sd_event_source_set_io_events(client->io, EPOLLOUT);
				return;
			}
			break;
		}
		client->sent += n;
	}
	drop_client(client);
}

static struct json_object *failure(const char *message)
{
	struct json_object *reply = json_object_new_object();

	put_string(reply, "error", message);
	return reply;
}

static struct json_object *answer(struct client *client, const char *text)
{
	struct json_object *request = json_tokener_parse(text), *reply;
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (!json_object_is_type(request, json_type_object))
		reply = failure("cannot read request: it is no JSON object");
	else if (getsockopt(client->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		reply = failure("cannot read request: it is not known whose it is");
	else
		reply = verbs_run(client->control->engine, request, peer.uid, peer.pid, client);
	json_object_put(request);
	return reply;
}

struct engine *control_engine(const struct client *client)
{
	return client->control->engine;
}

int control_detach(struct client *client)
{
	int fd = fcntl(client->fd, F_DUPFD_CLOEXEC, 3);

	client->detached = fd >= 0;
	return fd < 0 ? -errno : fd;
}

void control_attach(struct client *client)
{
	client->detached = false;
}

void control_reply(struct client *client, struct json_object *reply)
{
	client->reply = reply;
	client->text =
		json_object_to_json_string_length(reply, JSON_C_TO_STRING_PLAIN, &client->size);
	sd_event_source_set_enabled(client->timer, SD_EVENT_ONESHOT);
	send_reply(client);
}

/* It waits for us, and not we for it. */
static void keep_waiting(struct client *client)
{
	client->waits = true;
	sd_event_source_set_enabled(client->timer, SD_EVENT_OFF);
}

static int on_client(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct client *client = data;
	struct json_object *reply;
	char request[REQUEST_MAX];
	ssize_t n;

	(void)source;
	(void)events;
	if (client->reply) {
		send_reply(client);
		return 0;
	}
	n = recv(fd, request, sizeof(request) - 1, MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0) {
		drop_client(client);
		return 0;
	}
	/* One request for each connection. */
	if (client->waits)
		return 0;
	if ((size_t)n >= sizeof(request)) {
		reply = failure("cannot read request: it is too long");
	} else {
		request[n] = '\0';
		reply = answer(client, request);
	}
	if (reply)
		control_reply(client, reply);
	else if (client->detached)
		drop_client(client);
	else
		keep_waiting(client);
	return 0;
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *data)
{
	(void)source;
	(void)usec;
	drop_client(data);
	return 0;
}

/* Takes FD over, also when it fails. */
static void add_client(struct control *control, int fd)
{
	struct client *client = calloc(1, sizeof(*client));
	sd_event *loop = control->engine->loop;
	int r;

	if (!client) {
		close(fd);
		return;
	}
	client->control = control;
	client->fd = fd;
	client->next = control->clients;
	control->clients = client;
	control->n_clients++;
	r = sd_event_add_io(loop, &client->io, fd, EPOLLIN, on_client, client);
	if (r >= 0)
		r = sd_event_add_time_relative(loop, &client->timer, CLOCK_MONOTONIC, PATIENCE_USEC,
					       0, on_timeout, client);
	if (r < 0)
		drop_client(client);
}

static int on_connection(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct control *control = data;
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)source;
	(void)events;
	if (client < 0)
		return 0;
	if (control->n_clients < CLIENTS_MAX)
		add_client(control, client);
	else
		close(client);
	return 0;
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	/* What lies there was left by a daemon that was killed: the lock says that none lives. */
	unlink(path);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    chmod(path, 0666) < 0 || listen(fd, CLIENTS_MAX) < 0)
		return -errno;
	return TAKE_FD(fd);
}

DEFINE_CLEANUP(struct control *, control_close)

int control_open(struct engine *engine, const char *path, struct control **ret,
		 struct rbce_error *err)
{
	CLEANUP(control_close_p) struct control *control = calloc(1, sizeof(*control));
	int r;

	if (!control)
		return rbce_error_errno(err, -ENOMEM, "cannot listen on '%s'", path);
	control->engine = engine;
	control->fd = listen_at(path);
	if (control->fd < 0)
		return rbce_error_errno(err, control->fd, "cannot listen on '%s'", path);
	control->path = strdup(path);
	r = sd_event_add_io(engine->loop, &control->source, control->fd, EPOLLIN, on_connection,
			    control);
	if (r < 0)
		return rbce_error_errno(err, r, "cannot listen on '%s'", path);
	*ret = TAKE_PTR(control);
	return 0;
}

struct control *control_close(struct control *control)
{
	if (!control)
		return NULL;
	while (control->clients)
		drop_client(control->clients);
	sd_event_source_disable_unref(control->source);
	if (control->fd >= 0)
		close(control->fd);
	if (control->path)
		unlink(control->path);
	free(control->path);
	free(control);
	return NULL;
}
