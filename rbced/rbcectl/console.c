// SPDX-License-Identifier: GPL-2.0-or-later
/* rbcectl console: this terminal on the console of a container. */
#include "console.h"

#include <core/cli/log.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include "address.h"
#include "rbcectl.h"
#include "relay.h"
#include "util.h"

/* ^] leaves. */
enum { DETACH_KEY = 0x1d };

static int attach(const char *root, const char *name, uint32_t wishes, struct rbce_error *err)
{
	const struct console_hello hello = {wishes};
	cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;
	int r = space_address(root, "console", name, &address);

	if (r == 0 && (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		       send(fd, &hello, sizeof(hello), MSG_NOSIGNAL) < 0))
		r = -errno;
	if (r == -ENOENT || r == -ECONNREFUSED)
		return rbce_error_set(err, r, "cannot attach to '%s': it has no console", name);
	return r < 0 ? rbce_error_errno(err, r, "cannot attach to '%s'", name) : TAKE_FD(fd);
}

static void send_size(int fd)
{
	char packet[1 + sizeof(struct winsize)] = {CONSOLE_SIZE};
	struct winsize size;

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0)
		return;
	memcpy(packet + 1, &size, sizeof(size));
	send(fd, packet, sizeof(packet), MSG_NOSIGNAL);
}

/* False at the end. */
static bool show(int fd, bool terminal)
{
	char packet[CONSOLE_PACKET];
	ssize_t n = recv(fd, packet, sizeof(packet), 0);

	if (n < 0 && errno == EINTR)
		return true;
	if (n < 1 || packet[0] == CONSOLE_END)
		return false;
	if (packet[0] == CONSOLE_DATA)
		return relay_write(STDOUT_FILENO, packet + 1, (size_t)n - 1) == 0;
	if (packet[0] == CONSOLE_WRITER && n == 2 && packet[1] == '1')
		send_size(fd);
	else if (packet[0] == CONSOLE_WRITER && terminal)
		fprintf(stderr, "\r\n[somebody else types; this only shows]\r\n");
	return true;
}

/* False at the end of input, or when the key is typed that leaves. */
static bool typed(int fd, bool terminal)
{
	char packet[CONSOLE_PACKET] = {CONSOLE_DATA}, *key;
	ssize_t n = read(STDIN_FILENO, packet + 1, sizeof(packet) - 1);

	if (n < 0 && errno == EINTR)
		return true;
	if (n <= 0)
		return false;
	key = terminal ? memchr(packet + 1, DETACH_KEY, (size_t)n) : NULL;
	if (key)
		n = key - packet - 1;
	if (n > 0)
		send(fd, packet, (size_t)n + 1, MSG_NOSIGNAL);
	return !key;
}

static void relay(int fd, bool types, bool terminal)
{
	struct pollfd fds[] = {{.fd = fd, .events = POLLIN},
			       {.fd = types ? STDIN_FILENO : -1, .events = POLLIN},
			       {.fd = -1, .events = POLLIN}};
	struct signalfd_siginfo info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fds[2].fd = terminal ? signalfd(-1, &set, SFD_CLOEXEC) : -1;
	for (;;) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0)
			continue;
		if (fds[0].revents && !show(fd, terminal))
			break;
		if (fds[1].revents && !typed(fd, terminal)) {
			/* Who feeds it from a file still wants to see the answer. */
			if (terminal)
				break;
			fds[1].fd = -1;
		}
		if (fds[2].revents && read(fds[2].fd, &info, sizeof(info)) == sizeof(info))
			send_size(fd);
	}
}

int command_console(int argc, char **argv)
{
	struct common common = {.root = "rbce"};
	bool log = false, read_only = false, take = false, clear = false, terminal;
	const struct option_row options[] = {
		COMMON_OPTIONS(common),
		OPTION_FLAG("log", "show what is kept of it, and end", &log),
		OPTION_FLAG("clear", "with --log: and forget it then", &clear),
		OPTION_FLAG("read-only", "show, and do not type", &read_only),
		OPTION_FLAG("take", "type in place of whoever does", &take),
		{0},
	};
	const struct command_line line = {
		.usage = "console [--root NAME] [OPTION...] CONTAINER",
		.about = "Shows the console of a container: what is kept of it, then what comes. "
			 "One at a time may type;\nCtrl-] leaves.",
		.options = options,
	};
	int first = command_parse(&line, argc, argv, 1, 1), fd, r = 0;
	struct termios before;
	struct rbce_error err;

	fd = attach(common.root, argv[first],
		    (log ? CONSOLE_LOG : 0U) | (read_only ? CONSOLE_READ : 0U) |
			    (take ? CONSOLE_TAKE : 0U) | (clear ? CONSOLE_CLEAR : 0U),
		    &err);
	if (fd < 0)
		return command_failed(&err);
	terminal = !log && relay_is_terminal();
	if (terminal)
		r = relay_raw(&before, &err);
	if (r < 0)
		return command_failed(&err);
	relay(fd, !log && !read_only, terminal);
	if (terminal)
		relay_restore(&before);
	close(fd);
	return EXIT_SUCCESS;
}
