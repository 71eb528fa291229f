// SPDX-License-Identifier: GPL-2.0-or-later
/* The TASKSTATS messages of tasks that end; see listening.h. */
#include "listening.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/sock_diag.h>
#include <linux/taskstats.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "capability.h"
#include "file.h"
#include "util.h"

enum {
	BATCH = 64,         /* messages in one call */
	MESSAGE_MAX = 4096, /* bytes; two records take 1,200 */
	ROUNDS = 32,        /* calls before other sources of the loop get their turn */
	CPUS_MAX = 4096,
	/* A number further ahead than that is another CPU's. */
	PLAUSIBLE = 1 << 20,
};

struct ear {
	struct listening *listening;
	struct nl_sock *socket;
	sd_event_source *source;
	bool one_cpu; /* its numbers are of one CPU, and mean something */
	struct numbers numbers;
	uint32_t dropped;
	uint64_t lost; /* by the socket's own account */
};

struct listening {
	listening_fn *function;
	void *data;
	struct ear *ears;
	size_t n_ears;
	struct listening_counts counts;
	uint64_t come;
	uint64_t told_lost; /* the highest number that was told */
	struct mmsghdr headers[BATCH];
	struct iovec parts[BATCH];
	struct sockaddr_nl senders[BATCH];
	_Alignas(struct nlmsghdr) char messages[BATCH][MESSAGE_MAX];
};

/* ---- numbers ---- */

void numbers_come(struct numbers *n, uint32_t number)
{
	uint32_t ahead = number - n->next;

	n->come++;
	if (!n->begun) {
		n->begun = true;
		n->expected = 1;
		n->next = number + 1;
	} else if (ahead < PLAUSIBLE) {
		n->expected += (uint64_t)ahead + 1;
		n->next = number + 1;
	}
}

/* Since Linux 4.12; the kernel's number has 32 bits. */
static void look_for_drops(struct ear *ear)
{
	uint32_t info[SK_MEMINFO_VARS];
	socklen_t size = sizeof(info);

	if (getsockopt(nl_socket_get_fd(ear->socket), SOL_SOCKET, SO_MEMINFO, info, &size) < 0 ||
	    size <= SK_MEMINFO_DROPS * sizeof(*info))
		return;
	ear->lost += (uint32_t)(info[SK_MEMINFO_DROPS] - ear->dropped);
	ear->dropped = info[SK_MEMINFO_DROPS];
}

/*
 * The socket tells what it had no room for, the numbers also what the kernel had no memory for. A
 * number that went to another CPU's socket makes one sum too high until the next message comes.
 */
struct listening_counts listening_count(struct listening *l)
{
	uint64_t lost = 0, expected = 0, come = 0, missing;

	for (size_t i = 0; i < l->n_ears; i++) {
		struct ear *ear = &l->ears[i];

		look_for_drops(ear);
		lost += ear->lost;
		if (ear->one_cpu) {
			expected += ear->numbers.expected;
			come += ear->numbers.come;
		}
	}
	missing = expected > come ? expected - come : 0;
	if (missing > lost)
		lost = missing;
	if (lost > l->told_lost)
		l->told_lost = lost;
	l->counts.lost = l->told_lost;
	return l->counts;
}

/* ---- reading ---- */

/* A batch; how many there were, 0 when there are none, or -errno. */
static int receive(struct ear *ear)
{
	struct listening *l = ear->listening;
	int n = recvmmsg(nl_socket_get_fd(ear->socket), l->headers, BATCH, MSG_DONTWAIT, NULL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n; i++) {
		const struct nlmsghdr *header = (const void *)l->messages[i];
		struct task_message message;

		/* From nobody but the kernel. */
		if (l->senders[i].nl_pid == 0 && l->headers[i].msg_len >= sizeof(*header)) {
			if (ear->one_cpu)
				numbers_come(&ear->numbers, header->nlmsg_seq);
			if (taskstats_read(header, l->headers[i].msg_len, &message) == 0) {
				l->come++;
				l->function(l->data, &message);
			} else {
				l->counts.unreadable++;
			}
		}
		l->headers[i].msg_hdr.msg_namelen = sizeof(l->senders[i]);
	}
	return n;
}

static int read_ear(struct ear *ear)
{
	for (int i = 0; i < ROUNDS; i++) {
		int n = receive(ear);

		if (n == -ENOBUFS)
			ear->listening->counts.overflows++;
		else if (n < 0)
			return n;
		else if (n < BATCH)
			return 0;
	}
	return 0;
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *data)
{
	(void)source;
	(void)fd;
	(void)events;
	read_ear(data);
	return 0;
}

void listening_drain(struct listening *l)
{
	for (size_t i = 0; i < l->n_ears; i++)
		read_ear(&l->ears[i]);
}

/* ---- beginning ---- */

/* "0-3,5" into SET; how many there are, or -errno. */
static int read_cpus(const struct rbce_root *root, const char *name, bool set[CPUS_MAX])
{
	char path[64], text[4096], *p = text;
	int n = 0;

	snprintf(path, sizeof(path), "sys/devices/system/cpu/%s", name);
	if (file_read_at(rbce_root_fd(root), path, text, sizeof(text)) < 0)
		return -ENOENT;
	while (*p >= '0' && *p <= '9') {
		unsigned long first = strtoul(p, &p, 10), last = first;

		if (*p == '-')
			last = strtoul(p + 1, &p, 10);
		for (; first <= last && first < CPUS_MAX; first++, n++)
			set[first] = true;
		if (*p == ',')
			p++;
	}
	return n;
}

static int failed(int r, struct rbce_error *err)
{
	return rbce_error_set(err, r == -NLE_NOMEM ? -ENOMEM : -EOPNOTSUPP,
			      "cannot account for tasks that end: %s",
			      r == -NLE_OBJ_NOTFOUND ? "this kernel has no taskstats"
			      : r == -NLE_INVAL ? "the kernel tells of them in the initial user "
						  "and pid namespaces only"
						: nl_geterror(r));
}

/* Has MESSAGES of the CPUs in MASK ("0-1") sent here. An error of libnl's, or 0. */
static int open_ear(struct listening *l, int buffer, const char *mask, bool one_cpu)
{
	struct ear *ear = &l->ears[l->n_ears];
	struct nl_msg *message;
	int r, family;

	ear->listening = l;
	ear->one_cpu = one_cpu;
	ear->socket = nl_socket_alloc();
	if (!ear->socket)
		return -NLE_NOMEM;
	l->n_ears++;
	nl_socket_disable_seq_check(ear->socket);
	r = genl_connect(ear->socket);
	if (r < 0)
		return r;
	if (setsockopt(nl_socket_get_fd(ear->socket), SOL_SOCKET, SO_RCVBUFFORCE, &buffer,
		       sizeof(buffer)) < 0)
		nl_socket_set_buffer_size(ear->socket, buffer, 0);
	family = genl_ctrl_resolve(ear->socket, TASKSTATS_GENL_NAME);
	if (family < 0)
		return family;
	message = nlmsg_alloc();
	if (!message)
		return -NLE_NOMEM;
	genlmsg_put(message, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, 0, TASKSTATS_CMD_GET,
		    TASKSTATS_GENL_VERSION);
	nla_put_string(message, TASKSTATS_CMD_ATTR_REGISTER_CPUMASK, mask);
	r = nl_send_sync(ear->socket, message);
	if (r >= 0)
		nl_socket_set_nonblocking(ear->socket);
	return r < 0 ? r : 0;
}

/* A socket for each CPU that runs, and one for those that do not yet. */
static int open_ears(struct listening *l, const struct rbce_root *root, int buffer,
		     struct rbce_error *err)
{
	static bool possible[CPUS_MAX], online[CPUS_MAX];
	cleanup_free char *rest = NULL;
	size_t length = 0;
	int r = 0, n;
	FILE *out;

	memset(possible, 0, sizeof(possible));
	memset(online, 0, sizeof(online));
	n = read_cpus(root, "online", online);
	if (n <= 0 || read_cpus(root, "possible", possible) <= 0)
		return rbce_error_errno(err, -ENOENT, "cannot find the CPUs of this machine");
	l->ears = calloc((size_t)n + 1, sizeof(*l->ears));
	out = open_memstream(&rest, &length);
	if (!l->ears || !out) {
		if (out)
			fclose(out);
		return rbce_error_errno(err, -ENOMEM, "cannot account for tasks that end");
	}
	for (int cpu = 0; cpu < CPUS_MAX; cpu++) {
		char mask[16];

		snprintf(mask, sizeof(mask), "%d", cpu);
		if (online[cpu] && r == 0)
			r = open_ear(l, buffer, mask, true);
		else if (possible[cpu])
			fprintf(out, "%s%d", ftell(out) ? "," : "", cpu);
	}
	fclose(out);
	if (r == 0 && length)
		r = open_ear(l, buffer, rest, false);
	return r < 0 ? failed(r, err) : 0;
}

/*
 * Messages are sent to sockets of the initial network namespace; in others one waits in vain, with
 * no error. So a task ends here: its record has been sent when its end can be waited for.
 */
static int check_that_they_come(struct listening *l, struct rbce_error *err)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	if (pid < 0)
		return rbce_error_errno(err, -errno, "cannot account for tasks that end");
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	listening_drain(l);
	if (l->come)
		return 0;
	if (l->counts.unreadable)
		return rbce_error_set(
			err, -EPROTONOSUPPORT,
			"cannot account for tasks that end: Linux is older than 5.19");
	return rbce_error_set(err, -EOPNOTSUPP,
			      "cannot account for tasks that end: the kernel tells of them in the "
			      "initial network namespace only");
}

static void prepare_batch(struct listening *l)
{
	for (size_t i = 0; i < BATCH; i++) {
		l->parts[i] = (struct iovec){l->messages[i], MESSAGE_MAX};
		l->headers[i].msg_hdr.msg_iov = &l->parts[i];
		l->headers[i].msg_hdr.msg_iovlen = 1;
		l->headers[i].msg_hdr.msg_name = &l->senders[i];
		l->headers[i].msg_hdr.msg_namelen = sizeof(l->senders[i]);
	}
}

int listening_new(sd_event *loop, const struct rbce_root *root, int buffer, listening_fn *function,
		  void *data, struct listening **ret, struct rbce_error *err)
{
	struct listening *l;
	int r;

	if (!has_capability(CAP_NET_ADMIN))
		return rbce_error_set(
			err, -EPERM, "cannot account for tasks that end: CAP_NET_ADMIN is missing");
	l = calloc(1, sizeof(*l));
	if (!l)
		return rbce_error_errno(err, -ENOMEM, "cannot account for tasks that end");
	l->function = function;
	l->data = data;
	prepare_batch(l);
	r = open_ears(l, root, buffer, err);
	if (r == 0)
		r = check_that_they_come(l, err);
	for (size_t i = 0; r >= 0 && i < l->n_ears; i++) {
		r = sd_event_add_io(loop, &l->ears[i].source, nl_socket_get_fd(l->ears[i].socket),
				    EPOLLIN, on_readable, &l->ears[i]);
		if (r < 0)
			rbce_error_errno(err, r, "cannot account for tasks that end");
	}
	if (r < 0) {
		listening_free(l);
		return r;
	}
	*ret = l;
	return 0;
}

struct listening *listening_free(struct listening *l)
{
	if (!l)
		return NULL;
	for (size_t i = 0; i < l->n_ears; i++) {
		sd_event_source_disable_unref(l->ears[i].source);
		nl_socket_free(l->ears[i].socket);
	}
	free(l->ears);
	free(l);
	return NULL;
}
