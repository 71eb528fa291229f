// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sockets, and how they fare.
 *
 *   net connect|send|bind tcp|udp ADDRESS PORT
 *       prints "done" or the name of the error; a server that says nothing for a second is "silent"
 *   net again tcp|udp ADDRESS PORT
 *       prints "ready", connects until its input ends, and how often it could and could not
 *   net serve tcp|udp ADDRESS PORT
 *       prints "ready", and answers until it, or whoever started it, is ended
 *   net sink tcp|udp ADDRESS PORT SECONDS
 *       prints "ready", and the kilobits a second that came in then, from the first byte on
 *   net flood tcp|udp ADDRESS PORT SECONDS [STREAMS]
 *       sends what it can
 *   net late tcp ADDRESS PORT
 *       opens a socket, prints "open", and connects it when a line comes on standard input
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 1000, STREAMS_MAX = 64, CHUNK = 1 << 16, DATAGRAM = 1200 };

static char data[CHUNK];

struct place {
	bool tcp;
	struct addrinfo *address;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int say(int error)
{
	puts(error == 0 ? "done" : error == EAGAIN ? "silent" : strerrorname_np(error));
	return fflush(stdout);
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static struct place place_of(const char *protocol, const char *address, const char *port)
{
	struct place place = {.tcp = strcmp(protocol, "tcp") == 0};
	struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = place.tcp ? SOCK_STREAM : SOCK_DGRAM,
	};

	if (getaddrinfo(address, port, &hints, &place.address) != 0)
		die(address);
	return place;
}

static int open_socket(const struct place *place)
{
	struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
	int yes = 1, fd = socket(place->address->ai_family, place->address->ai_socktype, 0);

	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return fd;
}

/* An answer to one byte; of a connect that was not answered the kernel says EINPROGRESS. */
static int talk(int fd)
{
	char byte = 'x';

	if (send(fd, &byte, 1, 0) < 0 || recv(fd, &byte, 1, 0) < 0)
		return errno;
	return 0;
}

static int connect_to(int fd, const struct place *place)
{
	if (connect(fd, place->address->ai_addr, place->address->ai_addrlen) < 0)
		return errno == EINPROGRESS ? EAGAIN : errno;
	return talk(fd);
}

/* Without connect(): a datagram with its address. */
static int send_to(int fd, const struct place *place)
{
	char byte = 'x';

	if (sendto(fd, &byte, 1, 0, place->address->ai_addr, place->address->ai_addrlen) < 0 ||
	    recv(fd, &byte, 1, 0) < 0)
		return errno;
	return 0;
}

static int bind_to(int fd, const struct place *place)
{
	return bind(fd, place->address->ai_addr, place->address->ai_addrlen) < 0 ? errno : 0;
}

static int again(const struct place *place)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	unsigned long passed = 0, refused = 0;

	puts("ready");
	fflush(stdout);
	while (poll(&input, 1, 0) == 0) {
		int fd = open_socket(place);

		if (connect(fd, place->address->ai_addr, place->address->ai_addrlen) == 0)
			passed++;
		else if (errno == EPERM)
			refused++;
		else
			die("connect");
		close(fd);
	}
	printf("%lu %lu\n", passed, refused);
	return fflush(stdout);
}

static int listen_at(const struct place *place)
{
	int fd = open_socket(place), error = bind_to(fd, place);

	if (error) {
		errno = error;
		die("bind");
	}
	if (place->tcp && listen(fd, STREAMS_MAX) < 0)
		die("listen");
	puts("ready");
	fflush(stdout);
	return fd;
}

static void answer(int fd, bool tcp)
{
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);
	int peer;

	if (!tcp) {
		ssize_t n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &size);

		if (n >= 0)
			sendto(fd, data, (size_t)n, 0, (struct sockaddr *)&from, size);
		return;
	}
	peer = accept(fd, NULL, NULL);
	if (peer >= 0 && recv(peer, data, 1, 0) == 1)
		send(peer, data, 1, MSG_NOSIGNAL);
	close(peer);
}

/* Takes what comes on all connections until SECONDS after the first byte. */
static void sink(int fd, bool tcp, double seconds)
{
	struct pollfd fds[STREAMS_MAX + 1] = {{.fd = fd, .events = POLLIN}};
	double start = 0, end;
	unsigned long long sum = 0;
	nfds_t n = 1;

	while (start == 0 || now() - start < seconds) {
		poll(fds, n, 20);
		for (nfds_t i = tcp ? 1 : 0; i < n; i++) {
			ssize_t got = fds[i].revents ? recv(fds[i].fd, data, sizeof(data), 0) : 0;

			if (got <= 0)
				continue;
			if (start == 0)
				start = now();
			sum += (unsigned long long)got;
		}
		if (tcp && fds[0].revents && n <= STREAMS_MAX) {
			fds[n].fd = accept(fd, NULL, NULL);
			fds[n++].events = POLLIN;
		}
	}
	end = now();
	printf("%.0f\n", (double)sum * 8 / 1000 / (end - start));
}

static void flood(const struct place *place, double seconds, int streams)
{
	struct pollfd fds[STREAMS_MAX];
	double end = now() + seconds;

	for (int i = 0; i < streams; i++) {
		fds[i] = (struct pollfd){.fd = open_socket(place), .events = POLLOUT};
		if (connect(fds[i].fd, place->address->ai_addr, place->address->ai_addrlen) < 0)
			die("connect");
	}
	while (now() < end) {
		poll(fds, (nfds_t)streams, 20);
		for (int i = 0; i < streams; i++)
			if (fds[i].revents)
				send(fds[i].fd, data, place->tcp ? sizeof(data) : DATAGRAM,
				     MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}

int main(int argc, char **argv)
{
	const char *verb = argc > 4 ? argv[1] : "";
	struct place place;

	if (argc <= 4)
		return 2;
	place = place_of(argv[2], argv[3], argv[4]);
	if (strcmp(verb, "connect") == 0)
		return say(connect_to(open_socket(&place), &place));
	if (strcmp(verb, "send") == 0)
		return say(send_to(open_socket(&place), &place));
	if (strcmp(verb, "bind") == 0)
		return say(bind_to(open_socket(&place), &place));
	if (strcmp(verb, "late") == 0) {
		int fd = open_socket(&place);

		puts("open");
		fflush(stdout);
		getchar();
		return say(connect_to(fd, &place));
	}
	if (strcmp(verb, "again") == 0)
		return again(&place);
	/* What starts it in the background is a shell, which a test ends. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (strcmp(verb, "serve") == 0)
		for (int fd = listen_at(&place);;)
			answer(fd, place.tcp);
	if (strcmp(verb, "sink") == 0 && argc > 5)
		sink(listen_at(&place), place.tcp, strtod(argv[5], NULL));
	if (strcmp(verb, "flood") == 0 && argc > 5)
		flood(&place, strtod(argv[5], NULL), argc > 6 ? (int)strtol(argv[6], NULL, 10) : 1);
	return 0;
}
