// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The process that keeps a container with namespaces: parent of its first process, and the one that
 * takes all away in the end. It and rbcectl watch each other until the container runs: whichever is
 * killed, the other cleans up.
 */
#include <controllers/controllers.h>
#include <controllers/net.h>
#include <core/namespace/kmsg.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <rbce/units.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "address.h"
#include "console.h"
#include "oci.h"
#include "space.h"
#include "util.h"

/* How much of the name is there. */
static int look(struct space_order *order, struct rbce_error *err)
{
	struct rbce_container *c = NULL;
	char name[RBCE_NAME_MAX];

	snprintf(name, sizeof(name), "%s", order->name);
	for (;;) {
		char *slash = strrchr(name, '/');
		int r = rbce_container_open(order->all.h, name, 0, &c, err);

		rbce_container_close(c);
		c = NULL;
		*order->there = *name || r == 0 ? (int)strlen(name) : -1;
		if (r != -ENOENT || !*name)
			return r == -ENOENT ? 0 : r;
		*(slash ?: name) = '\0';
	}
}

int space_order_open(struct space_order *order, struct rbce_error *err)
{
	int r = containers_open(order->root, &order->all, err);

	order->claim.fd = -1;
	if (r == 0)
		r = rbce_container_check_name(order->name, err);
	if (r < 0)
		return r;
	order->there = mmap(NULL, sizeof(*order->there), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (order->there == MAP_FAILED) {
		order->there = NULL;
		return rbce_error_errno(err, -errno, "cannot create '%s'", order->name);
	}
	/* Nothing is made before the look. */
	*order->there = (int)strlen(order->name);
	return 0;
}

static uint64_t number_of(int fd)
{
	cleanup_close int dir = fd;
	struct stat st;

	return fstat(dir, &st) == 0 ? st.st_ino : 0;
}

/* What is known of the groups for good: numbers of groups do not come again. */
static void number(struct rbce_container *c, struct group_numbers *ret)
{
	ret->unified = number_of(rbce_container_open_unified(c, ".", O_PATH | O_DIRECTORY));
	ret->cpu = number_of(rbce_container_open_file(c, RBCE_CPU, ".", O_PATH | O_DIRECTORY));
}

/* Of a container that is being removed some groups may be gone: they tell nothing. */
static bool is_another(uint64_t known, uint64_t now)
{
	return known && now && known != now;
}

/* Ends or removes a container; -EBUSY when it is not the one with the groups KNOWN. */
static int take_away(struct rbce_hierarchy *h, const char *name, const struct group_numbers *known,
		     int (*how)(struct rbce_container *c, struct rbce_error *err),
		     struct rbce_error *err)
{
	struct group_numbers now;
	struct rbce_container *c;
	int r = rbce_container_open(h, name, 0, &c, err);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	number(c, &now);
	/* Removed by others, and made again for others, it is not ours. */
	r = is_another(known->unified, now.unified) || is_another(known->cpu, now.cpu)
		    ? -EBUSY
		    : how(c, err);
	rbce_container_close(c);
	return r;
}

/* Upwards to what was there; others may use what is above by now. */
static int take_all_away(const struct space_order *order, struct rbce_error *err)
{
	struct group_numbers known = order->groups;
	char name[RBCE_NAME_MAX];
	int r = take_away(order->all.h, order->name, &known, rbce_container_kill, err);

	snprintf(name, sizeof(name), "%s", order->name);
	while ((r == 0 || r == -ENOENT) && (int)strlen(name) > *order->there) {
		char *slash = strrchr(name, '/');

		r = take_away(order->all.h, name, &known, controller_remove, err);
		known = (struct group_numbers){0};
		/* With the root goes what the network's keys keep for it. */
		if (!*name && r == 0)
			net_forget(order->root);
		if (!*name)
			break;
		*(slash ?: name) = '\0';
	}
	return r == -EBUSY || r == -ENOENT ? 0 : r;
}

int space_order_undo(struct space_order *order, pid_t pid, struct rbce_error *err)
{
	bool killed = order->claim.fd < 0;
	int r = killed ? claim_keep(order->all.h, order->name, CLAIM_MS, &order->claim) : 0;

	if (r == 0 && killed)
		space_forget(order->root, order->name);
	if (r == 0)
		r = take_all_away(order, err);
	rbce_space_end(order->space, pid);
	claim_let_go(&order->claim);
	return r == -EBUSY ? 0 : r;
}

/*
 * What has to hold when the program begins, and may be set while the first process makes the rest:
 * the usual list of devices, which has all that it makes in /dev. It takes as long as a tenth of a
 * whole start. Not on v1: the group that has the list would be made then, and a process that joins
 * it after its cgroup namespace was made sees what is above.
 */
static bool may_follow(const struct space_limit *limit, const struct rbce_container *c)
{
	return streq(controller_key_name(limit->key), "device") && streq(limit->value, "default") &&
	       rbce_container_version(c, RBCE_DEVICES) != 1;
}

static int set_limits(const struct space_order *order, struct rbce_container *c, bool follow,
		      struct rbce_error *err)
{
	struct rbce_error why;

	for (size_t i = 0; i < order->n_limits; i++) {
		const struct space_limit *limit = &order->limits[i];
		int r = may_follow(limit, c) == follow
				? controller_set(limit->key, c, limit->value, &why)
				: 0;

		if (r < 0 && !(r == -EOPNOTSUPP && limit->may_lack))
			return rbce_error_set(err, r, "cannot set '%s' of container '%s': %s",
					      controller_key_name(limit->key), order->name,
					      why.message);
	}
	return 0;
}

void space_hold(const char *root, const char *name, pid_t pid)
{
	struct json_object *request = daemon_request("classify"), *reply = NULL;

	json_object_object_add(request, "pid", json_object_new_int(pid));
	json_object_object_add(request, "container", json_object_new_string(name));
	json_object_object_add(request, "limits", json_object_new_object());
	json_object_object_add(request, "sticky", json_object_new_boolean(true));
	/* Without one there is nobody who would move it. */
	if (daemon_ask(root, request, &reply, NULL) == 0)
		json_object_put(reply);
}

/* One at a time keeps a container of a name. */
static int claim(struct space_order *order, struct rbce_error *err)
{
	int r = claim_make(order->all.h, order->name, &order->claim);

	if (r == -EBUSY)
		return rbce_error_set(err, r, "cannot create container '%s': there is one",
				      order->name);
	return r < 0 ? rbce_error_errno(err, r, "cannot create container '%s'", order->name) : 0;
}

static int start(struct space_order *order, struct rbce_started *ret, struct rbce_error *err)
{
	unsigned flags = RBCE_SPACE_WAIT | RBCE_SPACE_GOES_ON |
			 (order->console ? RBCE_SPACE_TERMINAL : 0) |
			 (order->detach ? RBCE_SPACE_SESSION : 0);
	struct rbce_container *c = NULL;
	int r = rbce_container_open(order->all.h, order->name, RBCE_CONTAINER_CREATE, &c, err);

	if (r == 0)
		number(c, &order->groups);
	if (r == 0)
		r = set_limits(order, c, false, err);
	if (r == 0)
		r = rbce_space_start(order->space, c, order->argv, flags, ret, err);
	if (r == 0)
		r = set_limits(order, c, true, err);
	if (r == 0)
		r = rbce_space_made(ret, err);
	claim_made(&order->claim);
	if (r == 0) {
		space_hold(order->root, order->name, ret->pid);
		r = order->oci ? 0 : rbce_space_go(ret, err);
	}
	rbce_container_close(c);
	return r;
}

/* What the one who asked for the container says: let go, or it was killed. */
static void hear(const struct rbce_started *started, int link, bool detach)
{
	char byte;

	if (recv(link, &byte, sizeof(byte), 0) != 1 || !detach)
		pidfd_send_signal(started->pidfd, SIGKILL, NULL, 0);
}

enum { OWN_POLL = 3 + KMSG_POLL };

/* Of two patiences, where -1 is without end. */
static int sooner(int a, int b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* Waits until the container ends, or who asked for it does. */
static void keep(const struct rbce_started *started, int link, int signals, bool detach,
		 struct console *console, struct kmsg *kmsg)
{
	struct pollfd fds[OWN_POLL + CONSOLE_CLIENTS + 2] = {
		{.fd = started->pidfd, .events = POLLIN},
		{.fd = signals, .events = POLLIN},
		{.fd = link, .events = POLLIN},
		{.fd = -1},
		{.fd = -1},
	};
	struct signalfd_siginfo info;

	for (;;) {
		size_t n = console ? console_poll(console, fds + OWN_POLL) : 0;

		if (kmsg)
			kmsg_poll(kmsg, fds + 3);
		if (poll(fds, OWN_POLL + n,
			 sooner(console ? console_patience(console) : -1,
				kmsg ? kmsg_patience(kmsg) : -1)) < 0)
			continue;
		if (console)
			console_run(console, fds + OWN_POLL, n);
		if (kmsg)
			kmsg_run(kmsg, fds + 3);
		if (fds[0].revents)
			return;
		/* The terminal sends its own to the command as well. */
		if (fds[1].revents && read(signals, &info, sizeof(info)) == sizeof(info) &&
		    info.ssi_code != SI_KERNEL && info.ssi_signo != SIGCHLD)
			pidfd_send_signal(started->pidfd, (int)info.ssi_signo, NULL, 0);
		if (fds[2].revents) {
			hear(started, link, detach);
			fds[2].fd = -1;
		}
	}
}

static int block_signals(void)
{
	static const int handed_on[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,
					SIGUSR1, SIGUSR2, SIGCONT, SIGWINCH};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(handed_on); i++)
		sigaddset(&set, handed_on[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

bool keeper_tell(int link, int what, int value, const char *text)
{
	struct keeper_word word = {.value = value};

	word.what = (__typeof__(word.what))what;
	snprintf(word.text, sizeof(word.text), "%s", text);
	return send(link, &word, sizeof(word), MSG_NOSIGNAL) == sizeof(word);
}

/* What runs on has nothing of where it was started. */
void space_leave(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; null >= 0 && fd <= 2; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
}

static int open_kmsg(const struct space_order *order, const struct rbce_started *started,
		     struct kmsg **ret, struct rbce_error *err)
{
	const char *value = rbce_space_get(order->space, "kmsg");
	struct rbce_container *c = NULL;
	uint64_t size;
	int r;

	if (!value)
		return 0;
	rbce_parse_size(value, &size);
	r = rbce_container_open(order->all.h, order->name, 0, &c, err);
	if (r < 0)
		return r;
	r = kmsg_open(started->kmsg, started->syslog, (size_t)size, c, ret);
	rbce_container_close(c);
	return r < 0 ? rbce_error_errno(err, r, "cannot keep kernel messages") : 0;
}

void keeper_run(struct space_order *order, int link)
{
	struct rbce_started started = {.pid = 0};
	struct rbce_error err = {0}, ignored;
	int signals = block_signals(), status = 0, r;
	struct console *console = NULL;
	struct kmsg *kmsg = NULL;
	bool claimed;

	if (order->detach) {
		setsid();
		if (!order->oci)
			space_leave();
	}
	r = claim(order, &err);
	claimed = r == 0;
	if (r == 0)
		r = look(order, &err);
	if (r == 0)
		r = start(order, &started, &err);
	if (r == 0 && order->console)
		r = console_open(order->root, order->name, started.terminal, order->console_size,
				 &console, &err);
	if (r == 0)
		r = open_kmsg(order, &started, &kmsg, &err);
	if (r == 0 && order->oci) {
		r = oci_serve(order, &started, link, &err);
		pidfd_send_signal(started.pidfd, SIGKILL, NULL, 0);
	} else if (r == 0) {
		keeper_tell(link, KEEPER_RUNS, started.pid, "");
		keep(&started, link, signals, order->detach, console, kmsg);
	} else if (started.pid > 0) {
		pidfd_send_signal(started.pidfd, SIGKILL, NULL, 0);
	}
	console_close(console);
	kmsg_close(kmsg);
	while (started.pid > 0 && waitpid(started.pid, &status, 0) < 0 && errno == EINTR)
		;
	if (claimed)
		space_order_undo(order, started.pid, &ignored);
	keeper_tell(link, r < 0 ? KEEPER_FAILED : KEEPER_ENDED, r < 0 ? r : status, err.message);
	_exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}
