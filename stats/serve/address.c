// SPDX-License-Identifier: GPL-2.0-or-later
/* Where the server listens; see address.h. */
#include "address.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include "util.h"

enum { BACKLOG = 128 };

/* A socket that a server before us has left; not one that somebody listens on. */
static void remove_left(const struct sockaddr_un *address)
{
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;

	if (fd < 0 || lstat(address->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 &&
	    errno == ECONNREFUSED)
		unlink(address->sun_path);
}

static int listen_path(const char *path, struct address *ret, struct rbce_error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	cleanup_close int fd = -1;

	if (*path != '/' || strlen(path) >= sizeof(address.sun_path))
		return rbce_error_set(err, -EINVAL,
				      "cannot listen on 'unix:%s': give an absolute path of at "
				      "most %zu bytes",
				      path, sizeof(address.sun_path) - 1);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	remove_left(&address);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, BACKLOG) < 0)
		return rbce_error_errno(err, -errno, "cannot listen on 'unix:%s'", path);
	ret->local = ret->path = true;
	snprintf(ret->shown, sizeof(ret->shown), "unix:%s", path);
	ret->fd = TAKE_FD(fd);
	return 0;
}

static bool is_loopback(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == 127;
	return address->sa_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

/* "[::1]:80", "host:80" into its two parts. */
static int divide(const char *text, char *host, size_t size, const char **ret_port)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : 0;

	if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	} else if (memchr(text, ':', n)) {
		return -EINVAL;
	}
	if (n == 0 || n >= size || !colon[1])
		return -EINVAL;
	snprintf(host, size, "%.*s", (int)n, text);
	*ret_port = colon + 1;
	return 0;
}

static void show(struct address *a)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	char host[64] = "?", port[8] = "?";

	if (getsockname(a->fd, (struct sockaddr *)&address, &length) == 0)
		getnameinfo((struct sockaddr *)&address, length, host, sizeof(host), port,
			    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
	if (strchr(host, ':'))
		snprintf(a->shown, sizeof(a->shown), "[%s]:%s", host, port);
	else
		snprintf(a->shown, sizeof(a->shown), "%s:%s", host, port);
}

static int listen_at(const struct addrinfo *info, struct address *ret)
{
	cleanup_close int fd =
		socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, info->ai_addr, info->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	ret->local = is_loopback(info->ai_addr);
	ret->path = false;
	ret->fd = TAKE_FD(fd);
	return 0;
}

int address_listen(const char *text, struct address *ret, struct rbce_error *err)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				       .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	const char *path = after_prefix(text, "unix:"), *port;
	struct addrinfo *info = NULL;
	char host[256];
	int r;

	if (path)
		return listen_path(path, ret, err);
	if (divide(text, host, sizeof(host), &port) < 0)
		return rbce_error_set(err, -EINVAL,
				      "cannot listen on '%s': give ADDRESS:PORT, [ADDRESS]:PORT or "
				      "unix:PATH",
				      text);
	r = getaddrinfo(host, port, &hints, &info);
	if (r != 0)
		return rbce_error_set(err, -EINVAL, "cannot listen on '%s': %s", text,
				      gai_strerror(r));
	r = listen_at(info, ret);
	freeaddrinfo(info);
	if (r < 0)
		return rbce_error_errno(err, r, "cannot listen on '%s'", text);
	show(ret);
	return 0;
}

static void describe(struct address *a)
{
	struct sockaddr_storage address = {0};
	const struct sockaddr_un *name = (const struct sockaddr_un *)&address;
	socklen_t length = sizeof(address);

	if (getsockname(a->fd, (struct sockaddr *)&address, &length) < 0)
		return;
	a->path = address.ss_family == AF_UNIX;
	a->local = a->path || is_loopback((const struct sockaddr *)&address);
	if (a->path)
		snprintf(a->shown, sizeof(a->shown), "unix:%.*s", (int)sizeof(name->sun_path),
			 name->sun_path);
	else
		show(a);
}

int address_inherit(struct address *ret, struct rbce_error *err)
{
	int n = sd_listen_fds(true), flags;

	if (n == 0)
		return 0;
	if (n != 1 || sd_is_socket(SD_LISTEN_FDS_START, AF_UNSPEC, SOCK_STREAM, true) <= 0)
		return rbce_error_set(err, -EINVAL,
				      "cannot serve: of systemd it takes one stream socket that "
				      "listens");
	flags = fcntl(SD_LISTEN_FDS_START, F_GETFL);
	if (flags < 0 || fcntl(SD_LISTEN_FDS_START, F_SETFL, flags | O_NONBLOCK) < 0)
		return rbce_error_errno(err, -errno, "cannot serve");
	ret->fd = SD_LISTEN_FDS_START;
	describe(ret);
	return 1;
}
