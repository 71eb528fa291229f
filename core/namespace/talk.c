// SPDX-License-Identifier: LGPL-2.1-or-later
/* What who starts a space and its first process say to each other. */
#include <sys/socket.h>

#include "space.h"
#include "util.h"

int space_say(int link, const struct space_message *message, const struct space_mounts *mounts)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int) * SPACE_MOUNTS)];
	} control = {0};
	struct iovec iov = {(void *)message, sizeof(*message)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (mounts && mounts->n) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * mounts->n);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int) * mounts->n);
		memcpy(CMSG_DATA(&control.header), mounts->fd, sizeof(int) * mounts->n);
	}
	return sendmsg(link, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int space_hear(int link, struct space_message *ret, struct space_mounts *ret_mounts)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int) * SPACE_MOUNTS)];
	} control;
	struct iovec iov = {ret, sizeof(*ret)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	ssize_t n;

	do
		n = recvmsg(link, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n != sizeof(*ret))
		return n < 0 ? -errno : -EPIPE;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); ret_mounts && c; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		ret_mounts->n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(ret_mounts->fd, CMSG_DATA(c), ret_mounts->n * sizeof(int));
	}
	return 0;
}
