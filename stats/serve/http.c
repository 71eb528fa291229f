// SPDX-License-Identifier: GPL-2.0-or-later
/* HTTP by libmicrohttpd; see http.h. */
#include "http.h"

#include <microhttpd.h>
#include <sys/socket.h>
#include <time.h>

#include "cli/log.h"
#include "live.h"
#include "util.h"

/* So many connections altogether, and so much memory for the headers of each. */
enum { CONNECTIONS_MOST = 512, HEADERS_MOST = 32768, SWEEP_USEC = 1000000 };

/* How often the database is looked at while somebody watches; what is said while nothing happens.
 */
enum { LOOK_USEC = 200000, COMMENT_SECONDS = 15, BLOCK_SIZE = 65536 };

/* A client that watches. */
struct watcher {
	struct http *http;
	struct MHD_Connection *connection;
	struct visit *visit;
	struct frame *frame; /* that it is sent; NULL when it waits for the next */
	size_t sent;
	bool suspended;
	struct watcher *next;
};

/* A connection. */
struct visit {
	int fd;
	int64_t since; /* seconds; when the exchange that is on began */
	bool watching;
	struct visit *next;
};

struct http {
	const struct server *server;
	struct MHD_Daemon *daemon;
	int64_t patience; /* seconds for a whole exchange, however slowly it goes on */
	sd_event_source *ready, *timeout, *look, *sweep;
	struct live live;
	struct visit *visits;
	struct watcher *watchers;
	int64_t said; /* seconds; when watchers were last sent anything */
	bool closing;
};

static int64_t seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* ---- replies ---- */

/* The same with every answer. */
static const struct {
	const char *name, *value;
} usual_headers[] = {
	{"Content-Security-Policy",
	 "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
	 "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
	 "require-trusted-types-for 'script'"},
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "DENY"},
	{"Referrer-Policy", "no-referrer"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"Permissions-Policy", "camera=(), geolocation=(), microphone=()"},
	{"Cache-Control", "no-cache"},
	{"Vary", "Accept, Accept-Encoding, Cookie"},
};

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
	if (value && *value)
		MHD_add_response_header(response, name, value);
}

static void add_headers(struct MHD_Response *response, const struct reply *reply)
{
	for (size_t i = 0; i < ARRAY_SIZE(usual_headers); i++)
		add_header(response, usual_headers[i].name, usual_headers[i].value);
	add_header(response, "Content-Type", reply->size || reply->stream ? reply->type : NULL);
	add_header(response, "Content-Encoding", reply->gzipped ? "gzip" : NULL);
	add_header(response, "ETag", reply->etag);
	add_header(response, "Allow", reply->allow);
	add_header(response, "Set-Cookie", reply->cookie);
	if (reply->status == 401)
		add_header(response, "WWW-Authenticate", "Bearer");
}

/* ---- watchers ---- */

static void set_frame(struct watcher *w, struct frame *frame)
{
	frame->references++;
	w->frame = frame;
	w->sent = 0;
	w->visit->since = seconds_now();
	if (w->suspended) {
		w->suspended = false;
		MHD_resume_connection(w->connection);
	}
}

/* Who has not taken the frame before yet misses this one, and sees that it did by its time. */
static void send_all(struct http *h, struct frame *frame)
{
	for (struct watcher *w = h->watchers; w; w = w->next)
		if (!w->frame)
			set_frame(w, frame);
	h->said = seconds_now();
	frame_free(frame);
}

static ssize_t read_frame(void *data, uint64_t position, char *buf, size_t size)
{
	struct watcher *w = data;
	size_t n;

	(void)position;
	if (w->http->closing)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (!w->frame) {
		w->suspended = true;
		MHD_suspend_connection(w->connection);
		return 0;
	}
	n = w->frame->size - w->sent;
	n = n < size ? n : size;
	memcpy(buf, w->frame->text + w->sent, n);
	w->sent += n;
	if (w->sent == w->frame->size)
		w->frame = frame_free(w->frame);
	return (ssize_t)n;
}

static void end_watcher(void *data)
{
	struct watcher *w = data, **at = &w->http->watchers;

	while (*at && *at != w)
		at = &(*at)->next;
	if (*at)
		*at = w->next;
	w->visit->watching = false;
	frame_free(w->frame);
	free(w);
}

static struct visit *visit_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static struct MHD_Response *make_stream(struct http *h, struct MHD_Connection *connection)
{
	struct watcher *w = calloc(1, sizeof(*w));
	struct MHD_Response *response = NULL;

	if (!w)
		return NULL;
	w->http = h;
	w->connection = connection;
	w->visit = visit_of(connection);
	w->frame = live_comment();
	if (w->visit && w->frame)
		response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_SIZE,
							     read_frame, w, end_watcher);
	if (!response) {
		frame_free(w->frame);
		free(w);
		return NULL;
	}
	w->visit->watching = true;
	w->next = h->watchers;
	h->watchers = w;
	sd_event_source_set_enabled(h->look, SD_EVENT_ON);
	return response;
}

/* ---- requests ---- */

/* A request: what is known of it before its headers, and whether the handler has seen those. */
struct exchange {
	bool seen;
	char target[];
};

static void *note_target(void *data, const char *target, struct MHD_Connection *connection)
{
	struct visit *v = visit_of(connection);
	size_t size = strlen(target) + 1;
	struct exchange *e = malloc(sizeof(*e) + size);

	(void)data;
	if (v)
		v->since = seconds_now();
	if (e) {
		e->seen = false;
		memcpy(e->target, target, size);
	}
	return e;
}

static void end_request(void *data, struct MHD_Connection *connection, void **context,
			enum MHD_RequestTerminationCode code)
{
	struct visit *v = visit_of(connection);

	(void)data;
	(void)code;
	if (v)
		v->since = seconds_now();
	free(TAKE_PTR(*context));
}

static void make_reply(const struct http *h, struct MHD_Connection *connection, const char *target,
		       const char *method, struct reply *reply)
{
	struct request request = {.method = method};
	int r = request_parse(&request, target);

	for (size_t i = 0; i < REQUEST_HEADERS; i++)
		request.header[i] = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
								request_headers[i]);
	if (r < 0)
		answer_malformed(r, reply);
	else
		answer(h->server, &request, reply);
	request_done(&request);
}

static enum MHD_Result handle(void *data, struct MHD_Connection *connection, const char *path,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **context)
{
	struct exchange *e = *context;
	struct http *h = data;
	struct MHD_Response *response;
	struct reply reply = {0};
	enum MHD_Result result = MHD_NO;

	(void)path;
	(void)version;
	(void)upload;
	if (!e)
		return MHD_NO;
	/* An answer at the first call is taken as a refusal of the rest, and ends the connection.
	 */
	if (!e->seen && (streq(method, "GET") || streq(method, "HEAD"))) {
		e->seen = true;
		return MHD_YES;
	}
	if (*upload_size > 0) {
		*upload_size = 0;
		return MHD_YES;
	}
	make_reply(h, connection, e->target, method, &reply);
	if (reply.stream && streq(method, "GET"))
		response = make_stream(h, connection);
	else
		response = MHD_create_response_from_buffer(reply.size, reply.body,
							   reply.owned ? MHD_RESPMEM_MUST_FREE
								       : MHD_RESPMEM_PERSISTENT);
	if (response) {
		if (reply.owned)
			TAKE_PTR(reply.body);
		add_headers(response, &reply);
		result = MHD_queue_response(connection, reply.status, response);
		MHD_destroy_response(response);
	}
	reply_done(&reply);
	return result;
}

/* ---- connections ---- */

static void note_connection(void *data, struct MHD_Connection *connection, void **context,
			    enum MHD_ConnectionNotificationCode code)
{
	struct http *h = data;
	struct visit *v = *context, **at = &h->visits;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		v = calloc(1, sizeof(*v));
		*context = v;
		if (!v)
			return;
		v->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)
				->connect_fd;
		v->since = seconds_now();
		v->next = h->visits;
		h->visits = v;
		sd_event_source_set_enabled(h->sweep, SD_EVENT_ON);
		return;
	}
	while (*at && *at != v)
		at = &(*at)->next;
	if (*at)
		*at = v->next;
	free(v);
	*context = NULL;
}

/* One whose exchange takes too long is ended; a watcher only if it does not take what it is sent.
 */
static void end_slow(struct http *h, int64_t now)
{
	for (const struct watcher *w = h->watchers; w; w = w->next)
		if (w->frame && now - w->visit->since > h->patience)
			shutdown(w->visit->fd, SHUT_RDWR);
	for (const struct visit *v = h->visits; v; v = v->next)
		if (!v->watching && now - v->since > h->patience)
			shutdown(v->fd, SHUT_RDWR);
}

/* ---- the loop ---- */

static int run(struct http *h)
{
	MHD_UNSIGNED_LONG_LONG ms;
	uint64_t now, after = 1000000;

	MHD_run(h->daemon);
	if (MHD_get_timeout(h->daemon, &ms) == MHD_YES && ms < 1000)
		after = ms * 1000;
	sd_event_now(sd_event_source_get_event(h->timeout), CLOCK_MONOTONIC, &now);
	sd_event_source_set_time(h->timeout, now + after);
	sd_event_source_set_enabled(h->timeout, SD_EVENT_ONESHOT);
	return 0;
}

static int on_ready(sd_event_source *source, int fd, uint32_t events, void *data)
{
	(void)source;
	(void)fd;
	(void)events;
	return run(data);
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *data)
{
	(void)source;
	(void)usec;
	return run(data);
}

/* Not with the timeout, which every byte puts off. */
static int on_sweep(sd_event_source *source, uint64_t usec, void *data)
{
	struct http *h = data;

	if (!h->visits)
		return sd_event_source_set_enabled(source, SD_EVENT_OFF);
	end_slow(h, seconds_now());
	sd_event_source_set_time(source, usec + SWEEP_USEC);
	return run(h);
}

static int on_look(sd_event_source *source, uint64_t usec, void *data)
{
	struct http *h = data;
	struct frame *frame = NULL;

	if (!h->watchers)
		return sd_event_source_set_enabled(source, SD_EVENT_OFF);
	if (live_look(&h->live, &frame) == 1)
		send_all(h, frame);
	else if (seconds_now() - h->said >= COMMENT_SECONDS && (frame = live_comment()))
		send_all(h, frame);
	sd_event_source_set_time(source, usec + LOOK_USEC);
	return run(h);
}

/* ---- begin and end ---- */

static int start(struct http *h, const struct http_options *o, struct rbce_error *err)
{
	struct MHD_OptionItem tls[] = {
		{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)o->certificate},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)o->key},
		{MHD_OPTION_HTTPS_PRIORITIES, 0,
		 (void *)"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
		{MHD_OPTION_END, 0, NULL},
	};

	if (!o->certificate)
		tls[0].option = MHD_OPTION_END;
	h->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (o->certificate ? MHD_USE_TLS : 0), 0,
		NULL, NULL, handle, h, MHD_OPTION_LISTEN_SOCKET, o->fd, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)CONNECTIONS_MOST, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)HEADERS_MOST, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)h->patience,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK, note_target, h,
		MHD_OPTION_NOTIFY_COMPLETED, end_request, h, MHD_OPTION_NOTIFY_CONNECTION,
		note_connection, h, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
	if (!h->daemon)
		return rbce_error_set(err, -EINVAL, "cannot serve: %s",
				      o->certificate ? "certificate and key do not fit"
						     : "libmicrohttpd does not start");
	return 0;
}

static int add_to_loop(struct http *h, sd_event *loop)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	int r = info ? sd_event_add_io(loop, &h->ready, info->epoll_fd, EPOLLIN, on_ready, h)
		     : -EINVAL;

	if (r >= 0)
		r = sd_event_add_time(loop, &h->timeout, CLOCK_MONOTONIC, 0, 0, on_timeout, h);
	if (r >= 0)
		r = sd_event_add_time_relative(loop, &h->look, CLOCK_MONOTONIC, LOOK_USEC, 10000,
					       on_look, h);
	if (r >= 0)
		r = sd_event_add_time_relative(loop, &h->sweep, CLOCK_MONOTONIC, SWEEP_USEC, 0,
					       on_sweep, h);
	return r;
}

int http_open(sd_event *loop, const struct http_options *options, struct http **ret,
	      struct rbce_error *err)
{
	struct http *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return rbce_error_errno(err, -ENOMEM, "cannot serve");
	h->server = h->live.server = options->server;
	h->patience = (int64_t)(options->patience / 1000000);
	r = start(h, options, err);
	if (r == 0) {
		r = add_to_loop(h, loop);
		if (r < 0)
			rbce_error_errno(err, r, "cannot serve");
	}
	if (r < 0) {
		http_close(h);
		return r;
	}
	*ret = h;
	return 0;
}

struct http *http_close(struct http *h)
{
	if (!h)
		return NULL;
	h->closing = true;
	/* A connection that is suspended would never end. */
	for (struct watcher *w = h->watchers; w; w = w->next)
		if (w->suspended) {
			w->suspended = false;
			MHD_resume_connection(w->connection);
		}
	if (h->daemon)
		MHD_stop_daemon(h->daemon);
	sd_event_source_unref(h->ready);
	sd_event_source_unref(h->timeout);
	sd_event_source_unref(h->look);
	sd_event_source_unref(h->sweep);
	free(h);
	return NULL;
}
