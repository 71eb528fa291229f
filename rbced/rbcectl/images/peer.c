// SPDX-License-Identifier: GPL-2.0-or-later
/* A peer over TLS; see peer.h. */
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/socket.h>

#include "peer.h"
#include "util.h"

enum { BACKLOG = 16, PATIENCE = 10 * 1000000 };

/* Not before TLS 1.2, and what Debian takes for normal. */
static const char priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";

struct peer {
	int fd;
	uint64_t patience;
	gnutls_certificate_credentials_t own;
	gnutls_session_t session;
	bool talks; /* both sides have been seen */
	char name[256];
};

const char *peer_name(const struct peer *peer)
{
	return peer->name;
}

/* ---- addresses ---- */

static int look_up(const char *text, int flags, char *host, size_t size, struct addrinfo **ret,
		   struct rbce_error *err)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				       .ai_flags = AI_NUMERICSERV | flags};
	const char *colon = strrchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : 0;
	bool bracket = n > 2 && text[0] == '[' && text[n - 1] == ']';
	int r;

	if (n == 0 || n >= size || !colon[1] || (!bracket && memchr(text, ':', n)))
		return rbce_error_set(err, -EINVAL,
				      "cannot use '%s': give HOST:PORT or [ADDRESS]:PORT", text);
	snprintf(host, size, "%.*s", (int)(n - 2 * bracket), text + bracket);
	r = getaddrinfo(host, colon + 1, &hints, ret);
	return r == 0 ? 0
		      : rbce_error_set(err, -EHOSTUNREACH, "cannot find '%s': %s", text,
				       gai_strerror(r));
}

static void set_patience(int fd, uint64_t usec)
{
	const struct timeval time = {(time_t)(usec / 1000000), (suseconds_t)(usec % 1000000)};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time));
}

void peer_patience(struct peer *peer, uint64_t usec)
{
	peer->patience = usec;
	set_patience(peer->fd, usec);
}

uint64_t peer_patience_of(const struct peer *peer)
{
	return peer->patience;
}

int peer_listen(const char *address, int *ret, struct rbce_error *err)
{
	cleanup_close int fd = -1;
	struct addrinfo *info;
	char host[256];
	int r = look_up(address, AI_PASSIVE, host, sizeof(host), &info, err), on = 1;

	if (r < 0)
		return r;
	fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, info->ai_addr, info->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
		r = rbce_error_errno(err, -errno, "cannot listen on '%s'", address);
	freeaddrinfo(info);
	if (r == 0)
		*ret = TAKE_FD(fd);
	return r;
}

static int connect_to(const char *address, char *host, size_t size, int *ret,
		      struct rbce_error *err)
{
	struct addrinfo *info, *at;
	int r = look_up(address, 0, host, size, &info, err), fd = -1;

	if (r < 0)
		return r;
	r = -EHOSTUNREACH;
	for (at = info; at; at = at->ai_next) {
		fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd >= 0)
			set_patience(fd, PATIENCE);
		if (fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen) == 0)
			break;
		r = -errno;
		if (fd >= 0)
			close(fd);
	}
	freeaddrinfo(info);
	if (!at)
		return rbce_error_errno(err, r, "cannot reach '%s'", address);
	*ret = fd;
	return 0;
}

/* ---- TLS ---- */

void peer_close(struct peer *peer)
{
	if (!peer)
		return;
	if (peer->session) {
		if (peer->talks)
			gnutls_bye(peer->session, GNUTLS_SHUT_WR);
		gnutls_deinit(peer->session);
	}
	if (peer->own)
		gnutls_certificate_free_credentials(peer->own);
	/* Whoever has a copy of it: it ends here. */
	shutdown(peer->fd, SHUT_RDWR);
	close(peer->fd);
	free(peer);
}

DEFINE_CLEANUP(struct peer *, peer_close)

static int failed(const struct peer *peer, int code, const char *verb, struct rbce_error *err)
{
	if (code == GNUTLS_E_FATAL_ALERT_RECEIVED)
		return rbce_error_set(err, -ECONNREFUSED, "cannot %s %s: it answers '%s'", verb,
				      peer->name,
				      gnutls_alert_get_name(gnutls_alert_get(peer->session))
					      ?: "no");
	if (code == GNUTLS_E_AGAIN)
		return rbce_error_set(err, -ETIMEDOUT, "cannot %s %s: it does not answer in time",
				      verb, peer->name);
	return rbce_error_set(err, -ECONNABORTED, "cannot %s %s: %s", verb, peer->name,
			      gnutls_strerror(code));
}

static int load(struct peer *peer, const struct peer_files *files, struct rbce_error *err)
{
	int r = gnutls_certificate_allocate_credentials(&peer->own);

	if (r == 0) {
		r = gnutls_certificate_set_x509_trust_file(peer->own, files->authority,
							   GNUTLS_X509_FMT_PEM);
		if (r <= 0)
			return rbce_error_set(err, -EINVAL, "cannot use authority '%s': %s",
					      files->authority,
					      r < 0 ? gnutls_strerror(r) : "it has no certificate");
		r = gnutls_certificate_set_x509_key_file(peer->own, files->cert, files->key,
							 GNUTLS_X509_FMT_PEM);
	}
	return r < 0 ? rbce_error_set(err, -EINVAL, "cannot use certificate '%s' with key '%s': %s",
				      files->cert, files->key, gnutls_strerror(r))
		     : 0;
}

/* What the other side showed was no good, in words. */
static int distrusted(const struct peer *peer, struct rbce_error *err)
{
	unsigned status = gnutls_session_get_verify_cert_status(peer->session);
	gnutls_datum_t text;
	int r;

	if (status == 0 ||
	    gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) < 0)
		return rbce_error_set(err, -EACCES, "cannot trust %s: it showed no certificate",
				      peer->name);
	r = rbce_error_set(err, -EACCES, "cannot trust %s: %s", peer->name,
			   one_line((char *)text.data));
	/* As gnutls_free does, which is data: it would want the library from the start. */
	free(text.data);
	return r;
}

static int shake_hands(struct peer *peer, struct rbce_error *err)
{
	int r;

	do
		r = gnutls_handshake(peer->session);
	while (r < 0 && r != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(r));
	if (r < 0)
		gnutls_alert_send_appropriate(peer->session, r);
	if (r == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR || r == GNUTLS_E_CERTIFICATE_ERROR ||
	    r == GNUTLS_E_NO_CERTIFICATE_FOUND || r == GNUTLS_E_CERTIFICATE_REQUIRED)
		return distrusted(peer, err);
	if (r < 0)
		return failed(peer, r, "talk to", err);
	peer->talks = true;
	return 0;
}

/* From here on it is the subject that is spoken of. */
static void learn_name(struct peer *peer)
{
	const gnutls_datum_t *list = gnutls_certificate_get_peers(peer->session, NULL);
	gnutls_x509_crt_t cert;
	char name[sizeof(peer->name)];
	size_t size = sizeof(name);

	if (!list || gnutls_x509_crt_init(&cert) < 0)
		return;
	if (gnutls_x509_crt_import(cert, list, GNUTLS_X509_FMT_DER) == 0 &&
	    gnutls_x509_crt_get_dn(cert, name, &size) == 0)
		snprintf(peer->name, sizeof(peer->name), "%s", one_line(name));
	gnutls_x509_crt_deinit(cert);
}

/* HOST is what a server's certificate has to be for, NULL where this is the server. */
static int begin(int fd, const struct peer_files *files, const char *host, const char *name,
		 struct peer **ret, struct rbce_error *err)
{
	CLEANUP(peer_close_p) struct peer *peer = calloc(1, sizeof(*peer));
	int r, on = 1;

	if (!peer) {
		close(fd);
		return rbce_error_errno(err, -ENOMEM, "cannot talk to '%s'", name);
	}
	peer->fd = fd;
	snprintf(peer->name, sizeof(peer->name), "'%s'", name);
	peer_patience(peer, PATIENCE);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	r = load(peer, files, err);
	if (r < 0)
		return r;
	r = gnutls_init(&peer->session, (host ? GNUTLS_CLIENT : GNUTLS_SERVER) | GNUTLS_NO_SIGNAL |
						GNUTLS_NO_TICKETS);
	if (r == 0)
		r = gnutls_priority_set_direct(peer->session, priorities, NULL);
	if (r == 0)
		r = gnutls_credentials_set(peer->session, GNUTLS_CRD_CERTIFICATE, peer->own);
	if (r < 0)
		return failed(peer, r, "talk to", err);
	gnutls_certificate_server_set_request(peer->session, GNUTLS_CERT_REQUIRE);
	gnutls_session_set_verify_cert(peer->session, host, 0);
	gnutls_transport_set_int(peer->session, fd);
	r = shake_hands(peer, err);
	if (r < 0)
		return r;
	learn_name(peer);
	*ret = TAKE_PTR(peer);
	return 0;
}

int peer_connect(const struct peer_files *files, const char *address, struct peer **ret,
		 struct rbce_error *err)
{
	char host[256];
	int fd = -1, r = connect_to(address, host, sizeof(host), &fd, err);

	return r < 0 ? r : begin(fd, files, host, address, ret, err);
}

int peer_accept(const struct peer_files *files, int fd, struct peer **ret, struct rbce_error *err)
{
	char host[128] = "somebody", port[16] = "";
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);

	if (getpeername(fd, (struct sockaddr *)&from, &size) == 0)
		getnameinfo((struct sockaddr *)&from, size, host, sizeof(host), port, sizeof(port),
			    NI_NUMERICHOST | NI_NUMERICSERV);
	return begin(fd, files, NULL, host, ret, err);
}

/* ---- bytes and lines ---- */

static int write_peer(void *data, const void *bytes, size_t size, struct rbce_error *err)
{
	struct peer *peer = data;
	const char *at = bytes;

	while (size > 0) {
		ssize_t n = gnutls_record_send(peer->session, at, size);

		if (n == GNUTLS_E_INTERRUPTED)
			continue;
		if (n < 0)
			return failed(peer, (int)n, "send to", err);
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

static ssize_t read_peer(void *data, void *bytes, size_t size, struct rbce_error *err)
{
	struct peer *peer = data;
	ssize_t n;

	do
		n = gnutls_record_recv(peer->session, bytes, size);
	while (n == GNUTLS_E_INTERRUPTED || n == GNUTLS_E_REHANDSHAKE);
	return n < 0 ? failed(peer, (int)n, "receive from", err) : n;
}

struct rbce_stream peer_stream(struct peer *peer)
{
	return (struct rbce_stream){write_peer, read_peer, peer};
}

int peer_say(struct peer *peer, struct rbce_error *err, const char *format, ...)
{
	char line[RBCE_ERROR_SIZE + 2];
	va_list ap;
	size_t n;

	va_start(ap, format);
	vsnprintf(line, sizeof(line) - 1, format, ap);
	va_end(ap);
	n = strlen(one_line(line));
	line[n] = '\n';
	return write_peer(peer, line, n + 1, err);
}

int peer_hear(struct peer *peer, char *buf, size_t size, struct rbce_error *err)
{
	size_t n = 0;
	char c;

	for (;;) {
		ssize_t r = read_peer(peer, &c, 1, err);

		if (r < 0)
			return (int)r;
		if (r == 0)
			return rbce_error_set(err, -ECONNRESET, "%s has gone away", peer->name);
		if (c == '\n')
			break;
		if (n + 1 < size)
			buf[n++] = c;
	}
	buf[n] = '\0';
	one_line(buf);
	return 0;
}

/* ---- a socket that is carried over ---- */

/* Pieces, each after its length in four bytes, highest first; an empty one is the end. */
enum { PIECE = 64 << 10 };

static int read_all(struct peer *peer, void *bytes, size_t size, struct rbce_error *err)
{
	char *at = bytes;

	while (size > 0) {
		ssize_t n = read_peer(peer, at, size, err);

		if (n < 0)
			return (int)n;
		if (n == 0)
			return rbce_error_set(err, -ECONNRESET, "%s has gone away", peer->name);
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

/* 1, and 0 after the last one. Who does not listen at FD any more has heard all it wants. */
static int carry_in(struct peer *peer, int fd, char *piece, struct rbce_error *err)
{
	uint32_t length;
	size_t done = 0;
	int r = read_all(peer, &length, sizeof(length), err);

	length = ntohl(length);
	if (r == 0 && length > PIECE)
		r = rbce_error_set(err, -EPROTO, "%s says what is nothing of memory", peer->name);
	if (r == 0)
		r = read_all(peer, piece, length, err);
	if (r < 0)
		return r;
	if (length == 0) {
		shutdown(fd, SHUT_WR);
		return 0;
	}
	while (done < length) {
		ssize_t n = send(fd, piece + done, length - done, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			break;
		done += n > 0 ? (size_t)n : 0;
	}
	return 1;
}

static int carry_out(struct peer *peer, int fd, char *piece, struct rbce_error *err)
{
	ssize_t n = read(fd, piece + sizeof(uint32_t), PIECE);
	uint32_t length = htonl(n > 0 ? (uint32_t)n : 0);
	int r;

	if (n < 0 && errno == EINTR)
		return 1;
	memcpy(piece, &length, sizeof(length));
	r = write_peer(peer, piece, sizeof(length) + ntohl(length), err);
	return r < 0 ? r : n > 0;
}

int peer_relay(struct peer *peer, int fd, struct rbce_error *err)
{
	cleanup_free char *piece = malloc(sizeof(uint32_t) + PIECE);
	int in = piece ? 1 : -ENOMEM, out = 1, r;

	if (in < 0)
		return rbce_error_errno(err, in, "cannot carry memory");
	while (in || out) {
		struct pollfd fds[] = {{in ? peer->fd : -1, POLLIN, 0}, {out ? fd : -1, POLLIN, 0}};
		bool waits = in && gnutls_record_check_pending(peer->session) > 0;

		r = poll(fds, 2, waits ? 0 : (int)(peer->patience / 1000));
		if (r < 0 && errno == EINTR)
			continue;
		if (r == 0 && !waits)
			return failed(peer, GNUTLS_E_AGAIN, "receive from", err);
		if (waits || fds[0].revents)
			in = carry_in(peer, fd, piece, err);
		if (in >= 0 && fds[1].revents)
			out = carry_out(peer, fd, piece, err);
		if (in < 0 || out < 0)
			return in < 0 ? in : out;
	}
	return 0;
}

bool peer_spoke(const struct peer *peer)
{
	struct pollfd ready = {.fd = peer->fd, .events = POLLIN};

	return gnutls_record_check_pending(peer->session) > 0 || poll(&ready, 1, 0) > 0;
}
