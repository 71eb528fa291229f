// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A frozen container has to be thawed, also when the process that froze it and the engine are
 * killed; see guard.h.
 */
#include "guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "container.h"
#include "file.h"
#include "util.h"

/* A group that goes meanwhile needs it no more. */
enum { THAW_TRIES = 100, THAW_PAUSE_MS = 50 };

void guard_stand_apart(void)
{
	static const int asked[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

	setsid();
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++)
		signal(asked[i], SIG_IGN);
	file_write_at(AT_FDCWD, "/proc/self/oom_score_adj", "-1000");
}

static void thaw(struct rbce_container *c)
{
	struct rbce_error err = {0};

	for (int i = 0; i < THAW_TRIES; i++) {
		if (rbce_container_thaw(c, &err) == 0 || err.code != -ETIMEDOUT)
			break;
		poll(NULL, 0, THAW_PAUSE_MS);
	}
}

static void thaw_below(const struct rbce_container *c, const char *name)
{
	struct rbce_container *below;

	if (rbce_container_open(c->h, name, 0, &below, NULL) == 0) {
		container_let_go(below);
		rbce_container_close(below);
	}
}

/* Each message is a name, and an empty one the end. */
__attribute__((noreturn)) static void watch(struct rbce_container *c, int link)
{
	char *names = NULL, name[RBCE_NAME_MAX];
	size_t size = 0;
	FILE *list = open_memstream(&names, &size);
	ssize_t n;

	guard_stand_apart();
	do {
		n = recv(link, name, sizeof(name), 0);
		if (n > 1 && list)
			fwrite(name, (size_t)n, 1, list);
	} while (n > 1 || (n < 0 && errno == EINTR));
	if (n == 1)
		_exit(0);
	if (list)
		fclose(list);
	for (char *at = names; names && at < names + size; at += strlen(at) + 1)
		thaw_below(c, at);
	thaw(c);
	_exit(0);
}

int guard_add(struct guard *guard, const char *name)
{
	return send(guard->link, name, strlen(name) + 1, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int guard_start(struct rbce_container *c, struct guard *ret, struct rbce_error *err)
{
	int link[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link) < 0)
		return rbce_error_errno(err, -errno, "cannot make a socket");
	*ret = (struct guard){.pid = fork(), .link = link[0]};
	if (ret->pid == 0) {
		close(link[0]);
		watch(c, link[1]);
	}
	close(link[1]);
	if (ret->pid < 0) {
		close(link[0]);
		return rbce_error_errno(err, -errno, "cannot fork");
	}
	return 0;
}

void guard_stop(struct guard *guard)
{
	send(guard->link, "", 1, MSG_NOSIGNAL);
	close(guard->link);
	while (waitpid(guard->pid, NULL, 0) < 0 && errno == EINTR)
		;
}
