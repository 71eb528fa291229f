// SPDX-License-Identifier: LGPL-2.1-or-later
/* Starting a space, seen from outside; see rbce/namespace.h. */
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "attach.h"
#include "lazy.h"
#include "space.h"
#include "util.h"

struct start {
	struct space_start s;
	const struct rbce_space *space;
	struct rbce_container *container;
	char *const *argv;
	unsigned flags;
	int inner;   /* the child's end of the link */
	bool placed; /* in the v2 group already */
};

static void wait_for(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* The next word; what the child could not do is the error. */
static int hear(struct space_start *s, struct space_message *message, struct rbce_error *err)
{
	struct space_mounts given = {.n = 0};
	int r = space_hear(s->link, message, &given);

	if (r == 0 && message->word == SPACE_TERMINAL && given.n == 1)
		s->terminal = given.fd[--given.n];
	if (r == 0 && message->word == SPACE_SYSLOG && given.n == 1)
		s->syslog = given.fd[--given.n];
	space_mounts_done(&given);
	if (r == 0 && message->word == SPACE_FAILED)
		r = rbce_error_set(err, message->code < 0 ? message->code : -EIO, "%s",
				   message->text);
	return r;
}

/* Something of inside that is kept here, and no step of the start. */
static bool is_gift(enum space_word word)
{
	return word == SPACE_TERMINAL || word == SPACE_SYSLOG;
}

/* A process that was only there for a moment has made the first one, which is our child too. */
int space_start_take_over(struct space_start *s, struct rbce_error *err)
{
	struct space_message message = {.pid = 0};
	int r;

	/* The first one may be quicker with what it has to say. */
	do
		r = hear(s, &message, err);
	while (r == 0 && is_gift(message.word));
	if (r < 0)
		return r == -EPIPE ? rbce_error_errno(err, r, "cannot start the first process") : r;
	wait_for(s->pid);
	close(s->pidfd);
	s->pid = message.pid;
	s->pidfd = pidfd_open(s->pid, 0);
	return s->pidfd < 0 ? rbce_error_errno(err, -errno, "cannot open process '%d'", s->pid) : 0;
}

int space_start_finish(struct space_start *s, struct rbce_error *err)
{
	struct space_message message = {.pid = 0};
	int r;

	do
		r = hear(s, &message, err);
	while (r == 0 && is_gift(message.word));
	if (r == 0 && message.word == SPACE_READY)
		return 0;
	/* The program has closed it: it runs. */
	return r == -EPIPE ? 0 : r < 0 ? r : rbce_error_errno(err, -EPROTO, "cannot start");
}

void space_start_abort(struct space_start *s, struct rbce_error *err)
{
	struct pollfd said = {.fd = s->link, .events = POLLIN};
	struct space_message message = {0};

	/* What it could not do comes before what could not be done with it then. */
	while (poll(&said, 1, 0) > 0 && space_hear(s->link, &message, NULL) == 0)
		if (message.word == SPACE_FAILED)
			rbce_error_set(err, message.code, "%s", message.text);
	if (s->pid > 0) {
		kill(s->pid, SIGKILL);
		wait_for(s->pid);
	}
	if (s->pidfd >= 0)
		close(s->pidfd);
	if (s->terminal >= 0)
		close(s->terminal);
	if (s->syslog >= 0)
		close(s->syslog);
}

/* The child goes into its groups by itself, which costs less on v1 than to be moved. */
__attribute__((noreturn)) static void begin(struct start *start, bool clock)
{
	struct rbce_error err = {0};

	lazy_forbid();
	close(start->s.link);
	space_tie(start->inner);
	if (start->container && attach_self(start->container, start->placed, &err) < 0)
		space_tell(start->inner, &err);
	if (clock)
		space_clock_child(start->space, start->inner, start->argv, start->flags);
	space_child(start->space, start->inner, start->argv, start->flags);
}

static int first_process(struct start *start, bool clock, struct rbce_error *err)
{
	unsigned flags = space_clone_flags(start->space);
	cleanup_close int group =
		start->container
			? rbce_container_open_unified(start->container, ".", O_PATH | O_DIRECTORY)
			: -1;

	if (clock)
		flags &= CLONE_NEWUSER;
	/* A pid that was asked for is not for the one that only sets clocks. */
	start->s.pid = space_clone(clock ? NULL : start->space, flags, group, &start->s.pidfd,
				   &start->placed);
	if (start->s.pid < 0)
		return rbce_error_errno(err, start->s.pid, "cannot make namespaces");
	if (start->s.pid == 0)
		begin(start, clock);
	return 0;
}

static int say(struct start *start, enum space_word word, const struct space_mounts *mounts,
	       struct rbce_error *err)
{
	int r = space_say(start->s.link, &(struct space_message){.word = word}, mounts);

	return r < 0 ? rbce_error_errno(err, r, "cannot talk to the container") : 0;
}

static int hand_mounts(struct start *start, struct rbce_error *err)
{
	struct space_mounts mounts = {.n = 0};
	int r = space_give_mounts(start->space, start->s.pid, &mounts, err);

	if (r == 0 && space_has_user(start->space))
		r = say(start, SPACE_MAPPED, &mounts, err);
	space_mounts_done(&mounts);
	return r;
}

static int connect_network(struct start *start, struct rbce_error *err)
{
	int r = space_make_network(start->space, start->s.pid, err);

	return r < 0 ? r : say(start, SPACE_CONNECTED, NULL, err);
}

static int bring_up(struct start *start, bool clock, struct rbce_error *err)
{
	bool user = space_has_user(start->space);
	int r = user ? space_map_ids(start->space, start->s.pid, err) : 0;

	if (r == 0 && clock && user)
		r = say(start, SPACE_MAPPED, NULL, err);
	if (r == 0 && clock)
		r = space_start_take_over(&start->s, err);
	if (r == 0)
		r = hand_mounts(start, err);
	if (r == 0 && space_has_network(start->space))
		r = connect_network(start, err);
	return r < 0 || start->flags & RBCE_SPACE_GOES_ON ? r : space_start_finish(&start->s, err);
}

/* The mount is there before the first process, which has it from its maker. */
static int make_kmsg(struct rbce_space *space, int *ret_file, struct rbce_error *err)
{
	int r;

	if (!space_get(space, SPACE_KMSG_SIZE))
		return 0;
	if (!(space_flags(space) & CLONE_NEWNS) ||
	    !space_is(space, SPACE_DEV, space_has_root(space)))
		return rbce_error_set(
			err, -EINVAL,
			"cannot make '/dev/kmsg': the container has no /dev of its own");
	r = space_make_kmsg(ret_file, err);
	if (r < 0)
		return r;
	space->kmsg = r;
	return 0;
}

static int start_in(struct start *start, struct rbce_error *err)
{
	bool clock = space_sets_clock(start->space);
	int link[2], r;

	if (space_has_network(start->space))
		space_load_network();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link) < 0)
		return rbce_error_errno(err, -errno, "cannot make a socket");
	start->s = (struct space_start){.link = link[0], .pidfd = -1, .terminal = -1, .syslog = -1};
	start->inner = link[1];
	r = first_process(start, clock, err);
	close(link[1]);
	if (r == 0)
		r = bring_up(start, clock, err);
	if (r < 0)
		space_start_abort(&start->s, err);
	if (r < 0 || !(start->flags & RBCE_SPACE_WAIT))
		close(TAKE_FD(start->s.link));
	return r;
}

int rbce_space_start(const struct rbce_space *space, struct rbce_container *c, char *const argv[],
		     unsigned flags, struct rbce_started *ret, struct rbce_error *err)
{
	struct rbce_space own = *space;
	struct start start = {.space = &own, .container = c, .argv = argv, .flags = flags};
	cleanup_close int file = -1;
	int r = make_kmsg(&own, &file, err);

	if (r == 0)
		r = start_in(&start, err);
	if (own.kmsg)
		close(own.kmsg);
	if (r == 0)
		*ret = (struct rbce_started){start.s.pid,  start.s.pidfd,  start.s.terminal,
					     start.s.link, start.s.syslog, TAKE_FD(file)};
	return r;
}

int rbce_space_made(struct rbce_started *started, struct rbce_error *err)
{
	struct space_start s = {.pid = started->pid,
				.pidfd = started->pidfd,
				.link = started->link,
				.terminal = -1,
				.syslog = -1};
	int r = space_start_finish(&s, err);

	if (r < 0) {
		space_start_abort(&s, err);
		close(TAKE_FD(started->link));
		closep(&started->kmsg);
		*started = (struct rbce_started){0, -1, -1, -1, -1, -1};
		return r;
	}
	started->terminal = s.terminal;
	started->syslog = s.syslog;
	return 0;
}

int rbce_space_go(struct rbce_started *started, struct rbce_error *err)
{
	struct space_start s = {.link = started->link, .terminal = -1, .syslog = -1};
	int r = space_say(s.link, &(struct space_message){.word = SPACE_GO}, NULL);

	/* Why nobody listens is said already, or it was killed. */
	r = r == 0 || r == -EPIPE ? space_start_finish(&s, err)
				  : rbce_error_errno(err, r, "cannot talk to the container");
	close(TAKE_FD(started->link));
	return r;
}
