// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The keeper's side of a console. What the container writes goes into a ring; every client reads
 * from it at its own pace. Where the slowest has not read what would be written over, the container
 * waits, so that nothing is lost and memory stays bounded; a client that takes nothing for a while
 * is cut off.
 */
#include <core/namespace/ring.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>

#include "address.h"
#include "console.h"
#include "util.h"

enum { STALL_MS = 10000, LAST_WORDS_MS = 3000 };

struct client {
	int fd; /* -1: free */
	bool greeted;
	uint32_t wishes;
	uint64_t at;
	long long since; /* when it last took something, in milliseconds */
};

struct console {
	int master, listener;
	struct sockaddr_un address;
	struct ring ring;
	struct client clients[CONSOLE_CLIENTS];
	struct client *writer;
	char typed[CONSOLE_PACKET]; /* not yet taken by the container */
	size_t n_typed;
	bool ended; /* nobody inside has the terminal open */
};

int console_open(const char *root, const char *name, int master, size_t size, struct console **ret,
		 struct rbce_error *err)
{
	struct console *console = calloc(1, sizeof(*console));
	int r = console ? ring_open(&console->ring, size) : -ENOMEM;

	if (r == 0) {
		console->master = master;
		console->listener = -1;
		for (size_t i = 0; i < CONSOLE_CLIENTS; i++)
			console->clients[i].fd = -1;
		fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK);
		r = space_address(root, "console", name, &console->address);
	}
	if (r == 0)
		r = console->listener = space_listen(&console->address);
	if (r >= 0) {
		*ret = console;
		return 0;
	}
	if (console) {
		closep(&console->listener);
		ring_close(&console->ring);
	}
	free(console);
	close(master);
	return rbce_error_errno(err, r, "cannot open the console of '%s'", name);
}

/* ---- clients ---- */

static void say(struct client *client, char kind, char value)
{
	const char packet[] = {kind, value};

	send(client->fd, packet, sizeof(packet), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void drop(struct console *console, struct client *client)
{
	if (console->writer == client)
		console->writer = NULL;
	close(client->fd);
	*client = (struct client){.fd = -1};
}

static void accept_client(struct console *console)
{
	int fd = accept4(console->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	for (size_t i = 0; i < CONSOLE_CLIENTS; i++) {
		struct client *client = &console->clients[i];

		if (client->fd >= 0 || space_peer_may(fd) < 0)
			continue;
		*client = (struct client){.fd = fd,
					  .at = console->ring.begin,
					  .since = monotonic_ms()};
		return;
	}
	close(fd);
}

static void greet(struct console *console, struct client *client)
{
	bool types = !(client->wishes & (CONSOLE_LOG | CONSOLE_READ)) &&
		     (!console->writer || client->wishes & CONSOLE_TAKE);

	client->greeted = true;
	if (types && console->writer)
		say(console->writer, CONSOLE_WRITER, '0');
	if (types)
		console->writer = client;
	say(client, CONSOLE_WRITER, types ? '1' : '0');
}

/* What the writer types, as far as the container takes it. */
static void type(struct console *console)
{
	ssize_t n = write(console->master, console->typed, console->n_typed);

	if (n > 0) {
		console->n_typed -= (size_t)n;
		memmove(console->typed, console->typed + n, console->n_typed);
	}
}

static void hear(struct console *console, struct client *client)
{
	char packet[CONSOLE_PACKET];
	ssize_t n = recv(client->fd, packet, sizeof(packet), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		drop(console, client);
	} else if (!client->greeted && n == sizeof(struct console_hello)) {
		memcpy(&client->wishes, packet, sizeof(client->wishes));
		greet(console, client);
	} else if (client == console->writer && packet[0] == CONSOLE_DATA) {
		memcpy(console->typed, packet + 1, (size_t)n - 1);
		console->n_typed = (size_t)n - 1;
		type(console);
	} else if (client == console->writer && packet[0] == CONSOLE_SIZE &&
		   n == 1 + sizeof(struct winsize)) {
		ioctl(console->master, TIOCSWINSZ, packet + 1);
	}
}

/* As much as it takes. */
static void feed(struct console *console, struct client *client)
{
	char packet[CONSOLE_PACKET];

	for (;;) {
		size_t n;
		const char *data = ring_at(&console->ring, &client->at, &n);

		if (n == 0)
			break;
		if (n > sizeof(packet) - 1)
			n = sizeof(packet) - 1;
		packet[0] = CONSOLE_DATA;
		memcpy(packet + 1, data, n);
		if (send(client->fd, packet, n + 1, MSG_NOSIGNAL) < 0) {
			if (errno != EAGAIN || monotonic_ms() - client->since > STALL_MS)
				drop(console, client);
			return;
		}
		client->at += n;
		client->since = monotonic_ms();
	}
	client->since = monotonic_ms();
	if (client->wishes & CONSOLE_LOG) {
		if (client->wishes & CONSOLE_CLEAR)
			ring_clear(&console->ring);
		say(client, CONSOLE_END, '0');
		drop(console, client);
	}
}

/* ---- the container ---- */

static size_t room(const struct console *console)
{
	size_t least = console->ring.size;

	for (size_t i = 0; i < CONSOLE_CLIENTS; i++) {
		const struct client *client = &console->clients[i];

		if (client->fd < 0 || !client->greeted)
			continue;
		size_t n = ring_room(&console->ring, client->at);
		least = n < least ? n : least;
	}
	return least;
}

static bool take(struct console *console)
{
	size_t n, may = room(console);
	char *to = ring_free(&console->ring, &n);
	ssize_t got = read(console->master, to, n < may ? n : may);

	if (got > 0)
		ring_add(&console->ring, (size_t)got);
	/* EIO: nobody has it open; somebody may again. */
	console->ended = got < 0 && errno == EIO;
	return got > 0;
}

static bool is_behind(const struct console *console, const struct client *client)
{
	return client->fd >= 0 && client->greeted && client->at < console->ring.end;
}

size_t console_poll(struct console *console, struct pollfd *fds)
{
	short master = (short)((room(console) && !console->ended ? POLLIN : 0) |
			       (console->n_typed ? POLLOUT : 0));
	size_t n = 0;

	/* Where there is nothing to wait for, not even its hangup is to be heard. */
	fds[n++] = (struct pollfd){.fd = master ? console->master : -1, .events = master};
	fds[n++] = (struct pollfd){.fd = console->listener, .events = POLLIN};
	for (size_t i = 0; i < CONSOLE_CLIENTS; i++) {
		struct client *client = &console->clients[i];
		bool waits = client == console->writer && console->n_typed;

		fds[n++] = (struct pollfd){.fd = client->fd,
					   .events = (short)((waits ? 0 : POLLIN) |
							     (is_behind(console, client) ? POLLOUT
											 : 0))};
	}
	return n;
}

int console_patience(const struct console *console)
{
	/* Also for a terminal that nobody has open now. */
	if (console->ended)
		return 100;
	for (size_t i = 0; i < CONSOLE_CLIENTS; i++)
		if (is_behind(console, &console->clients[i]))
			return STALL_MS / 10;
	return -1;
}

void console_run(struct console *console, const struct pollfd *fds, size_t n)
{
	if (console->n_typed)
		type(console);
	if (room(console))
		take(console);
	if (n > 1 && fds[1].revents)
		accept_client(console);
	for (size_t i = 0; i < CONSOLE_CLIENTS && i + 2 < n; i++) {
		struct client *client = &console->clients[i];

		if (client->fd == fds[i + 2].fd && client->fd >= 0 &&
		    fds[i + 2].revents & (POLLIN | POLLHUP | POLLERR))
			hear(console, client);
		if (client->fd >= 0 && client->greeted)
			feed(console, client);
	}
}

void console_close(struct console *console)
{
	long long end = monotonic_ms() + LAST_WORDS_MS;
	bool more = true;

	if (!console)
		return;
	while (more && monotonic_ms() < end) {
		more = room(console) && take(console);
		for (size_t i = 0; i < CONSOLE_CLIENTS; i++) {
			struct client *client = &console->clients[i];

			if (client->fd >= 0 && client->greeted)
				feed(console, client);
			more |= is_behind(console, client);
		}
		if (more && !room(console))
			poll(NULL, 0, 1);
	}
	for (size_t i = 0; i < CONSOLE_CLIENTS; i++)
		if (console->clients[i].fd >= 0) {
			say(&console->clients[i], CONSOLE_END, '1');
			drop(console, &console->clients[i]);
		}
	space_unlisten(&console->address);
	close(console->listener);
	close(console->master);
	ring_close(&console->ring);
	free(console);
}
