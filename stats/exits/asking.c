// SPDX-License-Identifier: GPL-2.0-or-later
/* Questions to TASKSTATS; see asking.h. */
#include "asking.h"

#include <errno.h>
#include <linux/cgroupstats.h>
#include <linux/taskstats.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "util.h"

struct asking {
	struct nl_sock *socket;
	int family;
	_Alignas(struct nlmsghdr) char answer[8192];
};

int asking_open(struct asking **ret, struct rbce_error *err)
{
	struct asking *a = calloc(1, sizeof(*a));
	const struct timeval patience = {.tv_sec = 1};
	int r = -NLE_NOMEM;

	if (a)
		a->socket = nl_socket_alloc();
	if (a && a->socket) {
		nl_socket_disable_auto_ack(a->socket);
		r = genl_connect(a->socket);
	}
	/* There are questions that older kernels do not answer at all. */
	if (r >= 0 && setsockopt(nl_socket_get_fd(a->socket), SOL_SOCKET, SO_RCVTIMEO, &patience,
				 sizeof(patience)) < 0)
		r = -NLE_FAILURE;
	if (r >= 0)
		r = a->family = genl_ctrl_resolve(a->socket, TASKSTATS_GENL_NAME);
	if (r < 0) {
		asking_close(a);
		return rbce_error_set(err, r == -NLE_NOMEM ? -ENOMEM : -EOPNOTSUPP,
				      "cannot ask for tasks: %s",
				      r == -NLE_OBJ_NOTFOUND ? "this kernel has no taskstats"
							     : nl_geterror(r));
	}
	*ret = a;
	return 0;
}

struct asking *asking_close(struct asking *a)
{
	if (a)
		nl_socket_free(a->socket);
	free(a);
	return NULL;
}

/* The answer to COMMAND with one number goes to a->answer: its size, or -errno. */
static int ask(struct asking *a, uint8_t command, int attribute, uint32_t number)
{
	const struct nlmsghdr *header = (const void *)a->answer;
	struct nl_msg *question = nlmsg_alloc();
	uint32_t number_sent;
	ssize_t n;
	int r;

	if (!question)
		return -ENOMEM;
	genlmsg_put(question, NL_AUTO_PORT, NL_AUTO_SEQ, a->family, 0, 0, command,
		    TASKSTATS_GENL_VERSION);
	nla_put_u32(question, attribute, number);
	r = nl_send_auto(a->socket, question);
	number_sent = nlmsg_hdr(question)->nlmsg_seq;
	nlmsg_free(question);
	if (r < 0)
		return -EIO;
	/* One that came too late for an earlier question is none to this. */
	do
		n = recv(nl_socket_get_fd(a->socket), a->answer, sizeof(a->answer), 0);
	while ((n < 0 && errno == EINTR) ||
	       (n >= (ssize_t)sizeof(*header) && header->nlmsg_seq != number_sent));
	if (n < 0)
		return -errno;
	if ((size_t)n < sizeof(*header))
		return -EBADMSG;
	if (header->nlmsg_type != NLMSG_ERROR)
		return (int)n;
	r = (size_t)n >= sizeof(*header) + sizeof(struct nlmsgerr)
		    ? ((const struct nlmsgerr *)NLMSG_DATA(header))->error
		    : -EBADMSG;
	return r < 0 ? r : -EBADMSG;
}

static int ask_task(struct asking *a, int attribute, pid_t pid, struct task_message *ret)
{
	int n = ask(a, TASKSTATS_CMD_GET, attribute, (uint32_t)pid);

	return n < 0 ? n : taskstats_read(a->answer, (size_t)n, ret);
}

int asking_task(struct asking *a, pid_t pid, struct task_record *ret)
{
	struct task_message message;
	int r = ask_task(a, TASKSTATS_CMD_ATTR_PID, pid, &message);

	if (r == 0 && !message.has_task)
		r = -EBADMSG;
	if (r == 0)
		*ret = message.task;
	return r;
}

int asking_process(struct asking *a, pid_t pid, struct usage *ret)
{
	struct task_message message;
	int r = ask_task(a, TASKSTATS_CMD_ATTR_TGID, pid, &message);

	if (r == 0 && !message.has_group)
		r = -EBADMSG;
	if (r == 0)
		*ret = message.group.usage;
	return r;
}

int asking_group(struct asking *a, int fd, uint64_t ret[TASK_STATES])
{
	int n = ask(a, CGROUPSTATS_CMD_GET, CGROUPSTATS_CMD_ATTR_FD, (uint32_t)fd);

	return n < 0 ? n : taskstats_read_states(a->answer, (size_t)n, ret);
}
