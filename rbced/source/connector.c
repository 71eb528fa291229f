// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The proc connector: Linux, Documentation/driver-api/connector.rst and linux/cn_proc.h. Needs
 * CAP_NET_ADMIN and the initial pid and network namespaces.
 *
 * Since Linux 6.6 the kernel keeps back what a listener does not ask for. What is kept back has its
 * number all the same, so that a gap tells of a loss only where nothing is; else it is the socket
 * that knows how many it had no room for. The ends of tasks are among what is kept back: they would
 * wake the daemon for every task and are of little use to it.
 */
#include <core/cli/log.h>
#include <errno.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/sock_diag.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>

#include "../put.h"
#include "batch.h"
#include "source.h"
#include "util.h"

enum {
	MESSAGE_MAX = 256, /* bytes; an event takes 80 */
	/* Batches without a look at a task, before other sources of the loop get their turn. */
	ROUNDS = 64,
	TRIES = 5,
	/* The kernel may have had no memory for an event, which then only the numbers would tell.
	 */
	DOUBT_USEC = 60000000,
};

/* After so many reads that change nothing, so long a rest is taken after each. */
enum { CALM_READS = 64, REST_USEC = 3000 };

struct connector {
	struct engine *engine;
	uint32_t only; /* of enum proc_cn_event, beside another source; 0 for all */
	struct nl_sock *socket;
	sd_event_source *rested; /* timer: events are read again */
	unsigned calm;           /* reads in a row that changed nothing */
	sd_event_source *source, *doubt;
	bool filters;   /* the kernel does */
	bool confirmed; /* a request of ours */
	struct sequence sequence;
	uint64_t missing; /* numbers of events that did not come */
	uint64_t dropped; /* events that the socket had no room for */
	uint64_t doubted; /* MISSING at the last look that was made in doubt */
	struct mmsghdr headers[BATCH_EVENTS];
	struct iovec parts[BATCH_EVENTS];
	struct sockaddr_nl senders[BATCH_EVENTS];
	_Alignas(struct nlmsghdr) char messages[BATCH_EVENTS][MESSAGE_MAX];
	struct event events[BATCH_EVENTS];
	size_t n_events;
};

static const struct {
	uint32_t what;
	enum cause cause;
	bool kept_back; /* where the kernel can */
} causes[] = {
	{PROC_EVENT_FORK, CAUSE_FORK, false}, {PROC_EVENT_EXEC, CAUSE_EXEC, false},
	{PROC_EVENT_UID, CAUSE_UID, false},   {PROC_EVENT_GID, CAUSE_GID, false},
	{PROC_EVENT_SID, CAUSE_SID, false},   {PROC_EVENT_EXIT, CAUSE_EXIT, true},
};

/* ---- events ---- */

/* Threads are left out: a container holds whole processes. */
static void add_event(struct connector *c, const struct proc_event *event)
{
	const struct fork_proc_event *fork = &event->event_data.fork;
	/* All the others begin with the same two numbers. */
	const struct exec_proc_event *exec = &event->event_data.exec;
	struct event new = {.pid = exec->process_tgid, .when = event->timestamp_ns / 1000};
	size_t i = 0;

	while (i < ARRAY_SIZE(causes) && causes[i].what != (uint32_t)event->what)
		i++;
	if (i == ARRAY_SIZE(causes))
		return;
	new.cause = causes[i].cause;
	if (new.cause == CAUSE_FORK) {
		if (fork->child_pid != fork->child_tgid)
			return;
		new.pid = fork->child_tgid;
		new.parent = fork->parent_tgid;
	} else if (new.cause == CAUSE_EXIT && exec->process_pid != exec->process_tgid) {
		return;
	}
	c->events[c->n_events++] = new;
}

static void read_message(struct connector *c, const struct nlmsghdr *header)
{
	const char *data = NLMSG_DATA(header);
	size_t size = header->nlmsg_len - NLMSG_HDRLEN;
	struct cn_msg connector;
	struct proc_event event;

	if (size < sizeof(connector) + sizeof(event))
		return;
	/* Copied out: in the message they are not aligned for their types. */
	memcpy(&connector, data, sizeof(connector));
	memcpy(&event, data + sizeof(connector), sizeof(event));
	if (connector.id.idx != CN_IDX_PROC || connector.id.val != CN_VAL_PROC)
		return;
	/* Answers to those who begin to listen are no events, but are numbered like them. */
	c->missing += sequence_gap(&c->sequence, event.cpu, connector.seq);
	if ((uint32_t)event.what == PROC_EVENT_NONE)
		c->confirmed |= connector.ack == (uint32_t)c->engine->self + 1;
	else
		add_event(c, &event);
}

/* A batch into c->events; how many messages it had, 0 when there are none, or -errno. */
static int receive(struct connector *c)
{
	int n;

	n = recvmmsg(nl_socket_get_fd(c->socket), c->headers, BATCH_EVENTS, MSG_DONTWAIT, NULL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	c->n_events = 0;
	for (int i = 0; i < n; i++) {
		const struct nlmsghdr *header = (const void *)c->messages[i];

		/* One event in each, and from nobody but the kernel. */
		if (c->senders[i].nl_pid == 0 && NLMSG_OK(header, c->headers[i].msg_len))
			read_message(c, header);
		c->headers[i].msg_hdr.msg_namelen = sizeof(c->senders[i]);
	}
	return n;
}

/* Since Linux 4.12. */
static uint64_t count_dropped(const struct connector *c)
{
	uint32_t info[SK_MEMINFO_VARS];
	socklen_t size = sizeof(info);

	if (getsockopt(nl_socket_get_fd(c->socket), SOL_SOCKET, SO_MEMINFO, info, &size) < 0 ||
	    size <= SK_MEMINFO_DROPS * sizeof(*info))
		return c->dropped;
	/* The kernel's number has 32 bits. */
	return c->dropped + (uint32_t)(info[SK_MEMINFO_DROPS] - (uint32_t)c->dropped);
}

/* FULL: the kernel says that there was no room. By how many events, the next one's number tells. */
static void note_loss(struct connector *c, uint64_t missing_before, bool full)
{
	uint64_t dropped = full ? count_dropped(c) : c->dropped, n;

	n = c->filters ? dropped - c->dropped : c->missing - missing_before;
	c->dropped = dropped;
	if (n || full)
		engine_lost(c->engine, n);
}

static void deliver(struct connector *c)
{
	batch_overtake(c->events, c->n_events);
	for (size_t i = 0; i < c->n_events; i++) {
		const struct event *event = &c->events[i];

		if (event->overtaken)
			engine_event_overtaken(c->engine, event->cause, event->pid, event->parent,
					       event->when);
		else
			engine_event(c->engine, event->cause, event->pid, event->parent,
				     event->when);
	}
}

/* What waits when a look at all tasks is due is worth none of its own, and is soon through. */
static int receive_all(struct connector *c)
{
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t before = c->missing;
		int n = receive(c);

		if (n == -ENOBUFS)
			note_loss(c, before, true);
		else if (n < 0)
			return n;
		else
			note_loss(c, before, false);
		if (n > 0)
			deliver(c);
		if (n >= 0 && (n < BATCH_EVENTS || !c->engine->rescan))
			break;
	}
	return 0;
}

/* Tasks that the daemon did something with so far. */
static uint64_t count_changes(const struct engine *engine)
{
	const uint64_t *outcomes = engine->counters.outcomes;

	return outcomes[OUTCOME_MOVED] + outcomes[OUTCOME_SET] + outcomes[OUTCOME_FAILED];
}

static int on_rested(sd_event_source *source, uint64_t usec, void *data)
{
	struct connector *c = data;

	(void)source;
	(void)usec;
	return sd_event_source_set_enabled(c->source, SD_EVENT_ON);
}

/*
 * Where all stand right, what comes close behind an event is left until there is more of it: most
 * of it has ended by then, and costs next to nothing. The first that changes something ends that.
 */
static int rest(struct connector *c, uint64_t changes)
{
	int r;

	if (count_changes(c->engine) != changes) {
		c->calm = 0;
		return 0;
	}
	if (++c->calm < CALM_READS)
		return 0;
	r = sd_event_source_set_time_relative(c->rested, REST_USEC);
	if (r >= 0)
		r = sd_event_source_set_enabled(c->rested, SD_EVENT_ONESHOT);
	return r < 0 ? r : sd_event_source_set_enabled(c->source, SD_EVENT_OFF);
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct connector *c = data;
	uint64_t changes = count_changes(c->engine);
	int r = receive_all(c);

	(void)source;
	(void)fd;
	(void)events;
	return r < 0 ? r : rest(c, changes);
}

/* ---- listening ---- */

/* As Linux 6.6 has it; older headers do not. Older kernels pass it over for its length. */
struct filter {
	uint32_t operation;
	uint32_t events;
};

static int failed(int r, struct rbce_error *err)
{
	return rbce_error_set(err, -EIO, "cannot listen to process events: %s", nl_geterror(r));
}

static int request(struct connector *c, const void *what, uint16_t size)
{
	struct {
		struct cn_msg header;
		struct filter body;
	} __attribute__((packed)) message = {
		.header = {.id = {CN_IDX_PROC, CN_VAL_PROC},
			   .ack = (uint32_t)c->engine->self,
			   .len = size},
	};
	int r;

	memcpy(&message.body, what, size);
	r = nl_send_simple(c->socket, NLMSG_DONE, 0, &message, sizeof(message.header) + size);
	return r < 0 ? r : 0;
}

/*
 * A request that the kernel confirms, if it takes it. What else comes is of no interest, as all
 * tasks are about to be looked at; there may be so much that the answer finds no room. 1, 0 when
 * there is no answer, or an error of libnl.
 */
static int request_confirmed(struct connector *c, const void *what, uint16_t size)
{
	int r = 0;

	for (int tries = 0; r == 0 && !c->confirmed && tries < TRIES; tries++) {
		r = request(c, what, size);
		for (int i = 0; r == 0 && !c->confirmed && i < ROUNDS && receive(c) != 0; i++)
			;
	}
	return r < 0 ? r : c->confirmed;
}

/* Tells the kernel that somebody listens; without that it sends nothing. */
static int subscribe(struct connector *c, struct rbce_error *err)
{
	const uint32_t listen = PROC_CN_MCAST_LISTEN;
	struct filter filter = {PROC_CN_MCAST_LISTEN, UINT32_MAX};
	int r = request_confirmed(c, &filter, sizeof(filter));

	c->filters = r > 0;
	if (r == 0 && c->only)
		return rbce_error_set(err, -EOPNOTSUPP,
				      "cannot listen to some process events only: Linux is older "
				      "than 6.6");
	if (r == 0)
		r = request_confirmed(c, &listen, sizeof(listen));
	if (r == 0)
		return rbce_error_set(err, -EOPNOTSUPP,
				      "cannot listen to process events: the kernel tells of them "
				      "in the initial pid and user namespaces only");
	filter.events = 0;
	for (size_t i = 0; i < ARRAY_SIZE(causes); i++)
		filter.events |= causes[i].kept_back ? 0 : causes[i].what;
	if (c->only)
		filter.events = c->only;
	if (r > 0 && c->filters)
		r = request(c, &filter, sizeof(filter));
	return r < 0 ? failed(r, err) : 0;
}

static int on_doubt(sd_event_source *source, uint64_t usec, void *data)
{
	struct connector *c = data;

	if (c->missing != c->doubted)
		engine_scan(c->engine, CAUSE_SCAN);
	c->doubted = c->missing;
	return sd_event_source_set_time(source, usec + DOUBT_USEC);
}

static int connect_socket(struct connector *c, struct rbce_error *err)
{
	int size = (int)c->engine->options.event_buffer, r;

	c->socket = nl_socket_alloc();
	if (!c->socket)
		return failed(-NLE_NOMEM, err);
	nl_join_groups(c->socket, CN_IDX_PROC);
	r = nl_connect(c->socket, NETLINK_CONNECTOR);
	if (r < 0)
		return failed(r, err);
	if (setsockopt(nl_socket_get_fd(c->socket), SOL_SOCKET, SO_RCVBUFFORCE, &size,
		       sizeof(size)) < 0)
		nl_socket_set_buffer_size(c->socket, size, 0);
	nl_socket_set_nonblocking(c->socket);
	return subscribe(c, err);
}

static int add_sources(struct connector *c)
{
	sd_event *loop = c->engine->loop;
	int r = sd_event_add_io(loop, &c->source, nl_socket_get_fd(c->socket), EPOLLIN, on_readable,
				c);

	if (r >= 0)
		r = sd_event_add_time_relative(loop, &c->rested, CLOCK_MONOTONIC, REST_USEC, 1,
					       on_rested, c);
	/* The other source looks after itself. */
	if (r < 0 || !c->filters || c->only)
		return r;
	r = sd_event_add_time_relative(loop, &c->doubt, CLOCK_MONOTONIC, DOUBT_USEC,
				       DOUBT_USEC / 10, on_doubt, c);
	return r < 0 ? r : sd_event_source_set_enabled(c->doubt, SD_EVENT_ON);
}

static struct connector *close_connector(struct connector *c)
{
	const uint32_t ignore = PROC_CN_MCAST_IGNORE;

	if (!c)
		return NULL;
	sd_event_source_unref(c->source);
	sd_event_source_disable_unref(c->rested);
	sd_event_source_disable_unref(c->doubt);
	if (c->socket) {
		request(c, &ignore, sizeof(ignore));
		nl_socket_free(c->socket);
	}
	sequence_done(&c->sequence);
	free(c);
	return NULL;
}

DEFINE_CLEANUP(struct connector *, close_connector)

static struct connector *new_connector(struct engine *engine)
{
	struct connector *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->engine = engine;
	for (size_t i = 0; i < BATCH_EVENTS; i++) {
		c->parts[i] = (struct iovec){c->messages[i], MESSAGE_MAX};
		c->headers[i].msg_hdr.msg_iov = &c->parts[i];
		c->headers[i].msg_hdr.msg_iovlen = 1;
		c->headers[i].msg_hdr.msg_name = &c->senders[i];
		c->headers[i].msg_hdr.msg_namelen = sizeof(c->senders[i]);
	}
	return c;
}

static int open_only(struct engine *engine, uint32_t only, void **ret, struct rbce_error *err)
{
	CLEANUP(close_connector_p) struct connector *c = new_connector(engine);
	int r;

	if (!c)
		return rbce_error_errno(err, -ENOMEM, "cannot listen to process events");
	c->only = only;
	if (geteuid() != 0)
		return rbce_error_set(err, -EPERM,
				      "cannot listen to process events: only root may");
	r = connect_socket(c, err);
	if (r < 0)
		return r;
	r = add_sources(c);
	if (r < 0)
		return rbce_error_errno(err, r, "cannot listen to process events");
	*ret = TAKE_PTR(c);
	return 0;
}

static int open_connector(struct engine *engine, void **ret, struct rbce_error *err)
{
	return open_only(engine, 0, ret, err);
}

int connector_open_ids(struct engine *engine, void **ret, struct rbce_error *err)
{
	return open_only(engine, PROC_EVENT_UID | PROC_EVENT_GID | PROC_EVENT_SID, ret, err);
}

void connector_close(void *data)
{
	close_connector(data);
}

static void put_status(void *data, struct json_object *object)
{
	struct connector *c = data;
	uint64_t kept_back = c->missing > c->dropped ? c->missing - c->dropped : 0;
	int size = 0;
	socklen_t length = sizeof(size);

	getsockopt(nl_socket_get_fd(c->socket), SOL_SOCKET, SO_RCVBUF, &size, &length);
	put_bool(object, "kernel_filters", c->filters);
	put_number(object, "kept_back", c->filters ? kept_back : 0);
	/* The kernel doubles what it is asked for. */
	put_number(object, "buffer_bytes", (uint64_t)size / 2);
}

const struct source_kind source_connector = {
	.name = "connector",
	.about = "the kernel's proc connector",
	.open = open_connector,
	.close = connector_close,
	.put_status = put_status,
};
