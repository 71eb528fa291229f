// SPDX-License-Identifier: GPL-2.0-or-later
/* A container from rbced; see ask.h, and rbced/control.h for the protocol. */
#include "ask.h"

#include <core/cli/json.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "util.h"

enum {
	ANSWER_MAX = 8192,
	/* Seconds: the daemon waits for no one, but it may have much to do. */
	PATIENCE = 30,
};

static int new_socket(void)
{
	const struct timeval patience = {.tv_sec = PATIENCE};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

int ask_open(struct ask *ask, const char *root, struct rbce_error *err)
{
	*ask = (struct ask){.root = root, .leash = new_socket(), .answer = {-1, -1}};
	if (ask->leash < 0)
		return rbce_error_errno(err, ask->leash, "cannot ask rbced");
	if (pipe2(ask->answer, O_CLOEXEC) < 0)
		return rbce_error_errno(err, -errno, "cannot ask rbced");
	return 0;
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void ask_close(struct ask *ask)
{
	close_one(&ask->leash);
	close_one(&ask->answer[0]);
	close_one(&ask->answer[1]);
}

static int connect_to(int fd, const char *root)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int n = snprintf(address.sun_path, sizeof(address.sun_path), "/run/rbce/%s.sock", root);

	if (n < 0 || (size_t)n >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	for (char *p = address.sun_path + strlen("/run/rbce/"); *p; p++)
		if (*p == '/')
			*p = '-';
	return connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
}

/* Sends {"verb": "run", KEY: VALUE}, which it takes, and puts the answer into BUF, as text. */
static int exchange(int fd, const char *root, const char *key, struct json_object *value, char *buf)
{
	CLEANUP(json_object_put_p) struct json_object *request = json_object_new_object();
	const char *text;
	size_t size;
	ssize_t n;
	int r;

	json_object_object_add(request, "verb", json_object_new_string("run"));
	json_object_object_add(request, key, value);
	text = json_object_to_json_string_length(request, JSON_C_TO_STRING_PLAIN, &size);
	r = connect_to(fd, root);
	if (r < 0)
		return r;
	if (send(fd, text, size, MSG_NOSIGNAL) < 0)
		return -errno;
	n = recv(fd, buf, ANSWER_MAX - 1, 0);
	if (n <= 0)
		return n < 0 ? -errno : -ECONNRESET;
	buf[n] = '\0';
	return 0;
}

/* The value of "container" in an answer, as a new string. */
static int read_answer(const char *text, char **ret, struct rbce_error *err)
{
	CLEANUP(json_object_put_p) struct json_object *answer = json_tokener_parse(text);
	struct json_object *value;

	if (json_object_object_get_ex(answer, "error", &value))
		return rbce_error_set(err, -EREMOTEIO, "%s", json_object_get_string(value));
	if (!json_object_object_get_ex(answer, "container", &value))
		return rbce_error_set(err, -EBADMSG, "cannot ask rbced: it gave no answer");
	*ret = strdup(json_object_get_string(value));
	return *ret ? 0 : rbce_error_errno(err, -ENOMEM, "cannot ask rbced");
}

static void write_failure(char *buf, const char *root, int r)
{
	CLEANUP(json_object_put_p) struct json_object *answer = json_object_new_object();
	char text[256];

	if (r == -ENOENT || r == -ECONNREFUSED)
		snprintf(text, sizeof(text), "cannot reach rbced on root '%s': it is not running",
			 root);
	else
		snprintf(text, sizeof(text), "cannot ask rbced on root '%s': %s", root,
			 strerror(-r));
	json_object_object_add(answer, "error", json_object_new_string(text));
	snprintf(buf, ANSWER_MAX, "%s", json_object_to_json_string(answer));
}

int ask_in_child(const struct ask *ask, const struct change *limits, size_t n)
{
	struct json_object *object = json_object_new_object();
	cleanup_free char *container = NULL;
	char text[ANSWER_MAX];
	int r;

	for (size_t i = 0; i < n; i++)
		json_object_object_add(object, controller_key_name(limits[i].key),
				       json_object_new_string(limits[i].value));
	r = exchange(ask->leash, ask->root, "limits", object, text);
	if (r < 0)
		write_failure(text, ask->root, r);
	if (write(ask->answer[1], text, strlen(text)) < 0)
		return -errno;
	return r < 0 ? r : read_answer(text, &container, &(struct rbce_error){0});
}

int ask_answer(struct ask *ask, char **ret, struct rbce_error *err)
{
	char text[ANSWER_MAX];
	ssize_t n;

	close_one(&ask->answer[1]);
	do
		n = read(ask->answer[0], text, sizeof(text) - 1);
	while (n < 0 && errno == EINTR);
	text[n > 0 ? n : 0] = '\0';
	return read_answer(text, ret, err);
}

/* Until the daemon closes its side. */
static int wait_for_removal(int fd)
{
	char text[ANSWER_MAX];
	ssize_t n;

	if (shutdown(fd, SHUT_WR) < 0)
		return -errno;
	do
		n = recv(fd, text, sizeof(text), 0);
	while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? -errno : 0;
}

/* The daemon that was asked has gone: has the one that is there now end it? */
static bool is_lost(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno != EAGAIN);
}

int ask_end(struct ask *ask, const char *container, struct rbce_error *err)
{
	char text[ANSWER_MAX];
	int r = 0;

	if (is_lost(ask->leash)) {
		close_one(&ask->leash);
		ask->leash = new_socket();
		r = ask->leash < 0 ? ask->leash
				   : exchange(ask->leash, ask->root, "end",
					      json_object_new_string(container), text);
	}
	if (r == 0)
		r = wait_for_removal(ask->leash);
	return r < 0 ? rbce_error_errno(err, r, "cannot end job '%s'", container) : 0;
}
