// SPDX-License-Identifier: GPL-2.0-or-later
/* One request to the daemon, one reply; the protocol is described in rbced/control.h. */
#include <errno.h>
#include <inttypes.h>
#include <rbced/runtime.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "rbcectl.h"
#include "util.h"

/* PATIENCE in seconds, 0 for any time. */
static int connect_to(const char *root, int patience)
{
	const struct timeval limit = {.tv_sec = patience};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	runtime_path(root, "sock", address.sun_path, sizeof(address.sun_path));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static int receive(int fd, char **ret)
{
	cleanup_free char *text = NULL;
	size_t size = 0;

	for (;;) {
		char *more = realloc(text, size + CONTROL_PACKET + 1);
		ssize_t n;

		if (!more)
			return -ENOMEM;
		text = more;
		do
			n = recv(fd, text + size, CONTROL_PACKET, 0);
		while (n < 0 && errno == EINTR);
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		size += (size_t)n;
	}
	text[size] = '\0';
	*ret = TAKE_PTR(text);
	return 0;
}

static int send_request(const char *root, struct json_object *request, int patience, int *ret,
			struct rbce_error *err)
{
	cleanup_close int fd = connect_to(root, patience);
	const char *text;
	size_t size;

	if (fd == -ENOENT || fd == -ECONNREFUSED)
		return rbce_error_set(err, fd, "cannot reach rbced on root '%s': it is not running",
				      root);
	if (fd < 0)
		return rbce_error_errno(err, fd, "cannot reach rbced on root '%s'", root);
	text = json_object_to_json_string_length(request, JSON_C_TO_STRING_PLAIN, &size);
	if (send(fd, text, size, MSG_NOSIGNAL) < 0)
		return rbce_error_errno(err, -errno, "cannot ask rbced on root '%s'", root);
	*ret = TAKE_FD(fd);
	return 0;
}

int daemon_listen(const char *root, struct json_object *request, int *ret, struct rbce_error *err)
{
	int r = send_request(root, request, 0, ret, err);

	json_object_put(request);
	return r;
}

static int ask(const char *root, struct json_object *request_object, int patience,
	       struct json_object **ret, struct rbce_error *err)
{
	CLEANUP(json_object_put_p) struct json_object *request = request_object;
	CLEANUP(json_object_put_p) struct json_object *reply = NULL;
	cleanup_close int fd = -1;
	cleanup_free char *text = NULL;
	struct json_object *error;
	int r = send_request(root, request, patience, &fd, err);

	if (r < 0)
		return r;
	r = receive(fd, &text);
	if (r < 0)
		return rbce_error_errno(err, r, "cannot ask rbced on root '%s'", root);
	reply = json_tokener_parse(text);
	if (!reply)
		return rbce_error_set(err, -EBADMSG,
				      "cannot ask rbced on root '%s': it gave no answer", root);
	if (json_object_object_get_ex(reply, "error", &error))
		return rbce_error_set(err, -EREMOTEIO, "%s", json_object_get_string(error));
	*ret = TAKE_PTR(reply);
	return 0;
}

int daemon_ask(const char *root, struct json_object *request, struct json_object **ret,
	       struct rbce_error *err)
{
	return ask(root, request, 0, ret, err);
}

int daemon_ask_briefly(const char *root, struct json_object *request, struct json_object **ret,
		       struct rbce_error *err)
{
	return ask(root, request, DAEMON_PATIENCE, ret, err);
}

bool daemon_is_away(int r)
{
	return r == -ENOENT || r == -ECONNREFUSED || r == -EAGAIN || r == -ECONNRESET ||
	       r == -EBADMSG || r == -EPIPE;
}

struct json_object *daemon_request(const char *verb)
{
	struct json_object *request = json_object_new_object();

	json_object_object_add(request, "verb", json_object_new_string(verb));
	return request;
}

struct json_object *reply_object(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(object, key, &value);
	return value;
}

const char *reply_text(struct json_object *object, const char *key)
{
	struct json_object *value = reply_object(object, key);

	return value ? json_object_get_string(value) : "";
}

uint64_t reply_number(struct json_object *object, const char *key)
{
	return json_object_get_uint64(reply_object(object, key));
}

int reply_print(struct json_object *reply)
{
	int r = printf("%s\n", json_object_to_json_string_ext(
				       reply, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
						      JSON_C_TO_STRING_NOSLASHESCAPE));

	json_object_put(reply);
	return r > 0 && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
