// SPDX-License-Identifier: GPL-2.0-or-later
/* The keeper of a container from a bundle: it answers until the container is deleted. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/socket.h>

#include "address.h"
#include "oci.h"
#include "util.h"

enum { REQUEST_SIZE = 4096 };

struct keeper {
	struct rbce_started *started;
	enum { CREATED, RUNNING, STOPPED } state;
	bool deleted;
};

static const char *const states[] = {
	[CREATED] = "created", [RUNNING] = "running", [STOPPED] = "stopped"};

static int start(struct keeper *keeper, struct rbce_error *err)
{
	int r;

	if (keeper->state != CREATED)
		return rbce_error_set(err, -EINVAL, "cannot start it: it is %s",
				      states[keeper->state]);
	r = rbce_space_go(keeper->started, err);
	keeper->state = r < 0 ? STOPPED : RUNNING;
	return r;
}

static int send_signal(struct keeper *keeper, int number, struct rbce_error *err)
{
	if (keeper->state == STOPPED)
		return rbce_error_set(err, -ESRCH, "cannot signal it: it is stopped");
	return pidfd_send_signal(keeper->started->pidfd, number, NULL, 0) < 0
		       ? rbce_error_errno(err, -errno, "cannot signal it")
		       : 0;
}

static int delete (struct keeper *keeper, bool force, struct rbce_error *err)
{
	if (keeper->state != STOPPED && !force)
		return rbce_error_set(err, -EBUSY, "cannot delete it: it is %s",
				      states[keeper->state]);
	keeper->deleted = true;
	return 0;
}

static void answer(struct keeper *keeper, int fd, struct json_object *request)
{
	const char *verb = reply_text(request, "verb");
	struct json_object *reply = json_object_new_object();
	struct rbce_error err;
	const char *text;
	int r = 0;

	if (streq(verb, "start"))
		r = start(keeper, &err);
	else if (streq(verb, "kill"))
		r = send_signal(keeper, (int)reply_number(request, "signal"), &err);
	else if (streq(verb, "delete"))
		r = delete (keeper, reply_number(request, "force"), &err);
	else if (!streq(verb, "state"))
		r = rbce_error_set(&err, -EINVAL, "cannot do '%s'", verb);
	if (r < 0)
		json_object_object_add(reply, "error", json_object_new_string(err.message));
	json_object_object_add(reply, "status", json_object_new_string(states[keeper->state]));
	if (keeper->state != STOPPED)
		json_object_object_add(reply, "pid", json_object_new_int(keeper->started->pid));
	text = json_object_to_json_string(reply);
	send(fd, text, strlen(text), MSG_NOSIGNAL);
	json_object_put(reply);
}

static void serve_one(struct keeper *keeper, int listener)
{
	cleanup_close int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	char text[REQUEST_SIZE];
	const struct timeval patience = {.tv_sec = 5};
	struct json_object *request;
	ssize_t n;

	if (fd < 0 || space_peer_may(fd) < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	n = recv(fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	request = json_tokener_parse(text);
	if (request)
		answer(keeper, fd, request);
	json_object_put(request);
}

int oci_serve(const struct space_order *order, struct rbce_started *started, int link,
	      struct rbce_error *err)
{
	struct keeper keeper = {.started = started};
	cleanup_close int listener = -1;
	struct sockaddr_un address;
	char byte;
	int r = space_address(order->root, "oci", order->name, &address);

	if (r == 0)
		r = listener = space_listen(&address);
	if (r < 0)
		return rbce_error_errno(err, r, "cannot keep '%s'", order->name);
	keeper_tell(link, KEEPER_RUNS, started->pid, "");
	/* Who asked for it lets it go, or was killed: then it goes. */
	if (recv(link, &byte, sizeof(byte), 0) != 1)
		keeper.deleted = true;
	space_leave();
	while (!keeper.deleted) {
		struct pollfd fds[] = {{.fd = listener, .events = POLLIN},
				       {.fd = keeper.state == STOPPED ? -1 : started->pidfd,
					.events = POLLIN}};

		if (poll(fds, ARRAY_SIZE(fds), -1) < 0)
			continue;
		if (fds[1].revents)
			keeper.state = STOPPED;
		if (fds[0].revents)
			serve_one(&keeper, listener);
	}
	space_unlisten(&address);
	return 0;
}

int oci_ask(const char *root, const char *name, struct json_object *request,
	    struct json_object **ret, struct rbce_error *err)
{
	cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	const char *text = json_object_to_json_string(request);
	struct sockaddr_un address;
	char buf[REQUEST_SIZE];
	ssize_t n = -1;
	int r = space_address(root, "oci", name, &address);

	if (r == 0 && (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
		       send(fd, text, strlen(text), MSG_NOSIGNAL) < 0 ||
		       (n = recv(fd, buf, sizeof(buf) - 1, 0)) < 0))
		r = -errno;
	json_object_put(request);
	if (r == -ENOENT || r == -ECONNREFUSED)
		return rbce_error_set(err, r, "cannot find container '%s': there is none", name);
	if (r < 0)
		return rbce_error_errno(err, r, "cannot ask the keeper of '%s'", name);
	buf[n] = '\0';
	*ret = json_tokener_parse(buf);
	if (!*ret)
		return rbce_error_set(err, -EPROTO, "cannot ask the keeper of '%s'", name);
	if (*reply_text(*ret, "error"))
		return rbce_error_set(err, -EIO, "%s", reply_text(*ret, "error"));
	return 0;
}
