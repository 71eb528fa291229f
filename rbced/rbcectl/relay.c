// SPDX-License-Identifier: GPL-2.0-or-later
/* This terminal stands for one of a container's; see relay.h. */
#include "relay.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>

#include "util.h"

bool relay_is_terminal(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

int relay_raw(struct termios *ret_before, struct rbce_error *err)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, ret_before) < 0)
		return rbce_error_errno(err, -errno, "cannot read the terminal's modes");
	raw = *ret_before;
	cfmakeraw(&raw);
	return tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0
		       ? rbce_error_errno(err, -errno, "cannot set the terminal's modes")
		       : 0;
}

void relay_restore(const struct termios *before)
{
	tcsetattr(STDIN_FILENO, TCSADRAIN, before);
}

void relay_size(int master)
{
	struct winsize size;

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		ioctl(master, TIOCSWINSZ, &size);
}

int relay_write(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EAGAIN)
			poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
		else if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			data += n;
			size -= (size_t)n;
		}
	}
	return 0;
}

/* What there is to read goes on; false at the end. */
static bool move(int from, int to)
{
	char buf[16384];
	ssize_t n = read(from, buf, sizeof(buf));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	return n > 0 && relay_write(to, buf, (size_t)n) == 0;
}

static int block(void)
{
	static const int handed_on[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,
					SIGUSR1, SIGUSR2, SIGWINCH};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(handed_on); i++)
		sigaddset(&set, handed_on[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void hand_on(int signals, int pidfd, int master)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH && master >= 0)
		relay_size(master);
	/* Without a terminal between, the command has got the terminal's own already. */
	else if (info.ssi_signo != SIGWINCH && (master >= 0 || info.ssi_code != SI_KERNEL))
		pidfd_send_signal(pidfd, (int)info.ssi_signo, NULL, 0);
}

int relay_wait(int pidfd, int master, struct rbce_error *err)
{
	struct pollfd fds[] = {{.fd = pidfd, .events = POLLIN},
			       {.fd = block(), .events = POLLIN},
			       {.fd = master, .events = POLLIN},
			       {.fd = master >= 0 ? STDIN_FILENO : -1, .events = POLLIN}};
	struct termios before;
	int r = master >= 0 ? relay_raw(&before, err) : 0;

	if (r < 0)
		return r;
	if (master >= 0)
		relay_size(master);
	for (;;) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0)
			continue;
		if (fds[1].revents)
			hand_on(fds[1].fd, pidfd, master);
		/* All that it said comes before its end. */
		if (fds[2].revents && !move(master, STDOUT_FILENO))
			fds[2].fd = -1;
		else if (!fds[2].revents && fds[0].revents)
			break;
		if (fds[3].revents && !move(STDIN_FILENO, master))
			fds[3].fd = -1;
	}
	if (master >= 0)
		relay_restore(&before);
	close(fds[1].fd);
	return 0;
}
