// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The gate's watchdog: a process beside the daemon that has the fanotify group open too.
 *
 * While the daemon is stopped, or its gate's thread is stuck, nobody would answer, and every
 * program would hang. The watchdog looks some times within each deadline; when something waits and
 * the thread has not moved since, it lets go what the thread has read, and reads and lets go what
 * comes until the thread moves again. When the daemon is gone it ends, which closes the group: then
 * the kernel lets all go.
 *
 * It is made by fork() from a program with threads, so it uses nothing but system calls.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "../priority.h"
#include "internal.h"
#include "util.h"

/* So many looks without a move of the thread, and it counts as stuck. */
enum { STALE_LOOKS = 6 };

struct guard {
	struct gate_shared *shared;
	int group, self, bell;
	int news;      /* eventfd: something was let go */
	uint64_t tick; /* microseconds */
	uint64_t beat; /* as last seen */
	int stale;
};

static void let_go(const struct guard *g, int fd)
{
	const struct fanotify_response response = {fd, FAN_ALLOW};
	const uint64_t one = 1;

	/* ENOENT: it was answered already, or its task has ended. */
	if (write(g->group, &response, sizeof(response)) != sizeof(response))
		return;
	atomic_fetch_add(&g->shared->rescued, 1);
	if (write(g->news, &one, sizeof(one)) < 0)
		return; /* it has rung often enough */
}

static void close_event(const struct fanotify_event_metadata *event)
{
	const char *end = (const char *)event + event->event_len;
	const struct fanotify_event_info_pidfd *info = (const void *)(event + 1);

	if ((const char *)(info + 1) <= end && info->pidfd >= 0)
		close(info->pidfd);
	close(event->fd);
}

static bool has_batch(const struct guard *g)
{
	const struct fanotify_event_metadata *first = (const void *)g->shared->batch;

	return *(const volatile uint32_t *)&first->event_len != 0;
}

/* Does anything wait for the thread? */
static bool is_waited_for(const struct guard *g)
{
	int size = 0;

	return has_batch(g) || (ioctl(g->group, FIONREAD, &size) == 0 && size > 0);
}

static bool is_stuck(struct guard *g)
{
	uint64_t beat = atomic_load(&g->shared->beat);

	if (atomic_load(&g->shared->dying))
		return true;
	if (beat != g->beat || !is_waited_for(g))
		g->stale = 0;
	else
		g->stale++;
	g->beat = beat;
	return g->stale >= STALE_LOOKS;
}

/*
 * What the thread has read. An event may be let go that it has answered meanwhile: that does
 * nothing, or lets another one go too early by the same number, which the asynchronous lane makes
 * good.
 */
static void let_go_what_was_read(struct guard *g)
{
	const char *batch = g->shared->batch;
	const struct fanotify_event_metadata *event = (const void *)batch;
	ssize_t left = GATE_BATCH;

	for (; FAN_EVENT_OK(event, left); event = FAN_EVENT_NEXT(event, left))
		if (event->fd >= 0)
			let_go(g, event->fd);
}

static void let_go_what_comes(struct guard *g)
{
	_Alignas(struct fanotify_event_metadata) char batch[GATE_BATCH];
	const struct fanotify_event_metadata *event = (const void *)batch;
	ssize_t n = read(g->group, batch, sizeof(batch));

	for (; n > 0 && FAN_EVENT_OK(event, n); event = FAN_EVENT_NEXT(event, n))
		if (event->fd >= 0) {
			let_go(g, event->fd);
			close_event(event);
		}
}

/*
 * Until the thread moves again, which news of what was let go makes it do as soon as it can.
 * Returns also when the daemon ends.
 */
static void take_over(struct guard *g)
{
	struct pollfd ready[] = {{g->group, POLLIN, 0}, {g->self, POLLIN, 0}};

	let_go_what_was_read(g);
	while (atomic_load(&g->shared->dying) || atomic_load(&g->shared->beat) == g->beat) {
		int n = poll(ready, ARRAY_SIZE(ready), (int)(g->tick / 1000));

		if (ready[1].revents || atomic_load(&g->shared->quit))
			return;
		if (n > 0)
			let_go_what_comes(g);
	}
	g->stale = 0;
}

static _Noreturn void guard(struct guard *g)
{
	struct pollfd ready[] = {{g->self, POLLIN, 0}, {g->bell, POLLIN, 0}};

	for (;;) {
		uint64_t rings;

		if (poll(ready, ARRAY_SIZE(ready), (int)(g->tick / 1000)) > 0) {
			if (ready[0].revents || atomic_load(&g->shared->quit))
				_exit(EXIT_SUCCESS);
			if (ready[1].revents && read(g->bell, &rings, sizeof(rings)) < 0)
				ready[1].fd = -1;
		}
		if (is_stuck(g))
			take_over(g);
	}
}

/* Closes every descriptor but those: sockets and locks are the daemon's alone. */
static void close_others(const struct guard *g)
{
	int keep[] = {g->group, g->self, g->bell, g->news};
	unsigned next = 0;

	for (size_t i = 0; i < ARRAY_SIZE(keep); i++)
		for (size_t j = i + 1; j < ARRAY_SIZE(keep); j++)
			if (keep[i] > keep[j]) {
				int other = keep[i];

				keep[i] = keep[j];
				keep[j] = other;
			}
	for (size_t i = 0; i < ARRAY_SIZE(keep); i++) {
		if ((unsigned)keep[i] > next)
			close_range(next, (unsigned)keep[i] - 1, 0);
		next = (unsigned)keep[i] + 1;
	}
	close_range(next, ~0U, 0);
}

/* ---- fatal signals ---- */

static struct {
	struct gate_shared *shared;
	int group, bell;
} fatal;

/* What follows may take long: a core dump goes through a program that has to be executed. */
static void on_fatal(int signal_number)
{
	const uint64_t one = 1;

	atomic_store(&fatal.shared->dying, true);
	if (write(fatal.bell, &one, sizeof(one)) < 0)
		close(fatal.group);
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

/* From now on a fatal signal opens the gate before it ends the daemon. */
static void catch_fatal_signals(const struct watchdog *dog, struct gate_shared *shared, int group)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS};

	fatal.shared = shared;
	fatal.group = group;
	fatal.bell = dog->bell;
#ifndef __SANITIZE_ADDRESS__ /* which reports them itself, and then ends the program */
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		signal(signals[i], on_fatal);
#else
	(void)signals;
	(void)on_fatal;
#endif
}

int watchdog_start(struct watchdog *dog, struct gate_shared *shared, int group, int bell,
		   uint64_t deadline)
{
	struct guard g = {
		.shared = shared,
		.group = group,
		.news = bell,
		.tick = deadline / GATE_TICKS,
	};
	sigset_t all;
	pid_t pid;

	dog->self = g.self = pidfd_open(getpid(), 0);
	dog->bell = g.bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pid = dog->self < 0 || dog->bell < 0 ? -1 : fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		/* What stops or ends the daemon, from a terminal say, must leave this one alone. */
		sigfillset(&all);
		sigprocmask(SIG_SETMASK, &all, NULL);
		setsid();
		priority_raise();
		prctl(PR_SET_NAME, "rbced-watchdog");
		close_others(&g);
		guard(&g);
	}
	dog->pid = pid;
	catch_fatal_signals(dog, shared, group);
	return 0;
}

void watchdog_stop(struct watchdog *dog, struct gate_shared *shared)
{
	const uint64_t one = 1;

	if (dog->pid > 0) {
		atomic_store(&shared->quit, true);
		if (write(dog->bell, &one, sizeof(one)) < 0)
			kill(dog->pid, SIGKILL);
		waitpid(dog->pid, NULL, 0);
	}
	dog->pid = 0;
	closep(&dog->self);
	closep(&dog->bell);
}
