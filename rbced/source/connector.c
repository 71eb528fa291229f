// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The proc connector: Linux, Documentation/driver-api/connector.rst and linux/cn_proc.h. Needs
 * CAP_NET_ADMIN and the initial pid and network namespaces.
 */
#include <core/cli/log.h>
#include <errno.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>
#include <sys/utsname.h>

#include "source.h"
#include "util.h"

/* Messages handled before other sources of the loop get their turn. */
enum { BATCH = 4096 };

struct connector {
	struct engine *engine;
	uint32_t only; /* of enum proc_cn_event, beside another source; 0 for all */
	struct nl_sock *socket;
	sd_event_source *source;
	/* The kernel numbers events for each processor: a gap tells how many were lost. */
	uint32_t *next_sequence;
	size_t n_cpus;
};

static const struct {
	uint32_t what;
	enum cause cause;
} causes[] = {
	{PROC_EVENT_FORK, CAUSE_FORK}, {PROC_EVENT_EXEC, CAUSE_EXEC}, {PROC_EVENT_UID, CAUSE_UID},
	{PROC_EVENT_GID, CAUSE_GID},   {PROC_EVENT_SID, CAUSE_SID},   {PROC_EVENT_EXIT, CAUSE_EXIT},
};

/* Events before this one that never came. The first event of a processor only sets the mark. */
static uint64_t sequence_gap(struct connector *c, uint32_t cpu, uint32_t sequence)
{
	uint32_t expected, gap;

	if (cpu >= c->n_cpus) {
		size_t n = (size_t)cpu + 1;
		uint32_t *more = reallocarray(c->next_sequence, n, sizeof(*more));

		if (!more)
			return 0;
		memset(more + c->n_cpus, 0, (n - c->n_cpus) * sizeof(*more));
		c->next_sequence = more;
		c->n_cpus = n;
	}
	expected = c->next_sequence[cpu];
	c->next_sequence[cpu] = sequence + 1;
	gap = sequence - expected;
	/* Those that were not asked for have numbers as well. */
	if (c->only)
		return 0;
	/* Processors that run backwards would be a fault of ours, not a loss. */
	return expected == 0 || gap > UINT32_MAX / 2 ? 0 : gap;
}

/* Thread ids are left out: a container holds whole processes. */
static void deliver(struct connector *c, const struct proc_event *event)
{
	const struct fork_proc_event *fork = &event->event_data.fork;
	const struct exec_proc_event *exec = &event->event_data.exec;
	uint64_t when = event->timestamp_ns / 1000;

	for (size_t i = 0; i < ARRAY_SIZE(causes); i++) {
		if (causes[i].what != (uint32_t)event->what)
			continue;
		if (causes[i].cause == CAUSE_FORK) {
			if (fork->child_pid == fork->child_tgid)
				engine_event(c->engine, CAUSE_FORK, fork->child_tgid,
					     fork->parent_tgid, when);
		} else if (causes[i].cause != CAUSE_EXIT ||
			   exec->process_pid == exec->process_tgid) {
			/* All the others begin with the same two numbers. */
			engine_event(c->engine, causes[i].cause, exec->process_tgid, 0, when);
		}
		return;
	}
}

static int receive_message(struct nl_msg *message, void *data)
{
	struct connector *c = data;
	struct nlmsghdr *header = nlmsg_hdr(message);
	size_t size = (size_t)nlmsg_datalen(header);
	struct cn_msg connector;
	struct proc_event event;
	uint64_t gap;

	if (size < sizeof(connector) + sizeof(event))
		return NL_SKIP;
	/* Copied out: in the message they are not aligned for their types. */
	memcpy(&connector, nlmsg_data(header), sizeof(connector));
	memcpy(&event, (const char *)nlmsg_data(header) + sizeof(connector), sizeof(event));
	if (connector.id.idx != CN_IDX_PROC)
		return NL_SKIP;
	/* Answers to those who begin to listen are no events, but are numbered like them. */
	gap = sequence_gap(c, event.cpu, connector.seq);
	if (gap)
		engine_lost(c->engine, gap);
	if ((uint32_t)event.what != PROC_EVENT_NONE)
		deliver(c, &event);
	return NL_SKIP;
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct connector *c = data;

	(void)source;
	(void)fd;
	(void)events;
	for (int i = 0; i < BATCH; i++) {
		int r = nl_recvmsgs_default(c->socket);

		if (r == -NLE_AGAIN)
			return 0;
		/* ENOBUFS: the gap shows with the next event, the scan need not wait for it. */
		if (r < 0)
			engine_lost(c->engine, 0);
	}
	return 0;
}

/* Tells the kernel that somebody listens, and to what; without that it sends nothing. */
static int subscribe(struct connector *c, enum proc_cn_mcast_op operation)
{
	struct {
		struct cn_msg header;
		enum proc_cn_mcast_op operation;
		uint32_t only;
	} __attribute__((packed)) request = {
		.header = {.id = {CN_IDX_PROC, CN_VAL_PROC},
			   .len = sizeof(operation) + (c->only ? sizeof(c->only) : 0)},
		.operation = operation,
		.only = c->only,
	};
	int r = nl_send_simple(c->socket, NLMSG_DONE, 0, &request,
			       sizeof(request.header) + request.header.len);

	return r < 0 ? r : 0;
}

static int connect_socket(struct connector *c)
{
	int size = (int)c->engine->options.event_buffer, r;

	c->socket = nl_socket_alloc();
	if (!c->socket)
		return -NLE_NOMEM;
	nl_socket_disable_seq_check(c->socket);
	nl_socket_disable_auto_ack(c->socket);
	/* Connector messages are of type NLMSG_DONE, which libnl hands to no later callback. */
	nl_socket_modify_cb(c->socket, NL_CB_MSG_IN, NL_CB_CUSTOM, receive_message, c);
	nl_join_groups(c->socket, CN_IDX_PROC);
	r = nl_connect(c->socket, NETLINK_CONNECTOR);
	if (r < 0)
		return r;
	if (setsockopt(nl_socket_get_fd(c->socket), SOL_SOCKET, SO_RCVBUFFORCE, &size,
		       sizeof(size)) < 0)
		nl_socket_set_buffer_size(c->socket, size, 0);
	nl_socket_set_nonblocking(c->socket);
	return subscribe(c, PROC_CN_MCAST_LISTEN);
}

static struct connector *close_connector(struct connector *c)
{
	if (!c)
		return NULL;
	sd_event_source_unref(c->source);
	if (c->socket) {
		subscribe(c, PROC_CN_MCAST_IGNORE);
		nl_socket_free(c->socket);
	}
	free(c->next_sequence);
	free(c);
	return NULL;
}

DEFINE_CLEANUP(struct connector *, close_connector)

static int open_only(struct engine *engine, uint32_t only, void **ret, struct rbce_error *err)
{
	CLEANUP(close_connector_p) struct connector *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return rbce_error_errno(err, -ENOMEM, "cannot listen to process events");
	c->engine = engine;
	c->only = only;
	if (geteuid() != 0)
		return rbce_error_set(err, -EPERM,
				      "cannot listen to process events: only root may");
	r = connect_socket(c);
	if (r < 0)
		return rbce_error_set(err, -EIO, "cannot listen to process events: %s",
				      nl_geterror(r));
	r = sd_event_add_io(engine->loop, &c->source, nl_socket_get_fd(c->socket), EPOLLIN,
			    on_readable, c);
	if (r < 0)
		return rbce_error_errno(err, r, "cannot listen to process events");
	*ret = TAKE_PTR(c);
	return 0;
}

static int open_connector(struct engine *engine, void **ret, struct rbce_error *err)
{
	return open_only(engine, 0, ret, err);
}

/* An older kernel would not answer, and send nothing. */
static bool kernel_filters(void)
{
	struct utsname name;
	unsigned major, minor;

	return uname(&name) == 0 && sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 6));
}

int connector_open_ids(struct engine *engine, void **ret, struct rbce_error *err)
{
	if (!kernel_filters())
		return rbce_error_set(err, -EOPNOTSUPP,
				      "cannot listen to some process events only: Linux is older "
				      "than 6.6");
	return open_only(engine, PROC_EVENT_UID | PROC_EVENT_GID | PROC_EVENT_SID, ret, err);
}

void connector_close(void *data)
{
	close_connector(data);
}

const struct source_kind source_connector = {
	.name = "connector",
	.about = "the kernel's proc connector",
	.open = open_connector,
	.close = connector_close,
};
