// SPDX-License-Identifier: GPL-2.0-or-later
/* Sockets of the processes that keep containers; see address.h. */
#include "address.h"

#include <errno.h>
#include <rbced/runtime.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "util.h"

int space_address(const char *root, const char *kind, const char *name, struct sockaddr_un *ret)
{
	const char *dir = geteuid() == 0 ? RUNTIME_DIR : getenv("XDG_RUNTIME_DIR");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char *file;
	int n;

	if (!dir)
		return -ENOENT;
	n = snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s.%s/%s", dir, root, kind,
		     name);
	if (n < 0 || (size_t)n >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	file = address.sun_path + n - strlen(name);
	for (char *p = address.sun_path + strlen(dir) + 1; *p; p++)
		if (*p == '/' && p != file - 1)
			*p = '-';
	*ret = address;
	return 0;
}

static char *directory_of(const struct sockaddr_un *address, char *buf)
{
	snprintf(buf, sizeof(address->sun_path), "%s", address->sun_path);
	*strrchr(buf, '/') = '\0';
	return buf;
}

/* Who ends another container of that root takes the directory away while it is empty. */
static int bind_in_directory(int fd, const struct sockaddr_un *address)
{
	char dir[sizeof(address->sun_path)];

	directory_of(address, dir);
	for (;;) {
		if (mkdir(dir, 0700) < 0 && errno != EEXIST)
			return -errno;
		if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
			return 0;
		if (errno != ENOENT)
			return -errno;
	}
}

int space_listen(const struct sockaddr_un *address)
{
	const struct sockaddr *generic = (const struct sockaddr *)address;
	cleanup_close int probe = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r;

	if (fd < 0 || (geteuid() == 0 && mkdir(RUNTIME_DIR, 0755) < 0 && errno != EEXIST))
		return -errno;
	/* Left by a keeper that was killed. */
	if (connect(probe, generic, sizeof(*address)) < 0 && errno == ECONNREFUSED)
		unlink(address->sun_path);
	r = bind_in_directory(fd, address);
	if (r < 0)
		return r;
	return listen(fd, SOMAXCONN) < 0 ? -errno : TAKE_FD(fd);
}

void space_unlisten(const struct sockaddr_un *address)
{
	char dir[sizeof(address->sun_path)];

	unlink(address->sun_path);
	rmdir(directory_of(address, dir));
}

void space_forget(const char *root, const char *name)
{
	static const char *const kinds[] = {"console", "oci"};
	struct sockaddr_un address;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (space_address(root, kinds[i], name, &address) == 0)
			space_unlisten(&address);
}

int space_peer_may(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	return peer.uid == 0 || peer.uid == geteuid() ? 0 : -EPERM;
}
