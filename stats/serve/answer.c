// SPDX-License-Identifier: GPL-2.0-or-later
/* Who may ask, which path is whose; see answer.h. */
#include "answer.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <rbce/units.h>

#include "api.h"
#include "page.h"
#include "stats/times.h"
#include "util.h"

#define HOUR_MS INT64_C(3600000)

/* ---- who may ask ---- */

/* "[::1]:8787", "localhost" without the port, to BUF. */
static const char *host_name(const char *host, char *buf, size_t size)
{
	size_t n = host[0] == '[' ? strcspn(host + 1, "]") : strcspn(host, ":");
	int skip = host[0] == '[';

	snprintf(buf, size, "%.*s", (int)(n < size ? n : size - 1), host + skip);
	return buf;
}

/*
 * The name in the browser's address line. Addresses and localhost are always ours; another name
 * only if it was given: a foreign site may let its own name point here.
 */
static bool is_our_host(const struct server *s, const char *host)
{
	char name[256];
	unsigned char address[16];

	if (s->any_host)
		return true;
	if (!host)
		return false;
	host_name(host, name, sizeof(name));
	if (strcasecmp(name, "localhost") == 0 || inet_pton(AF_INET, name, address) == 1 ||
	    inet_pton(AF_INET6, name, address) == 1)
		return true;
	for (size_t i = 0; i < s->n_hosts; i++)
		if (strcasecmp(s->hosts[i], name) == 0)
			return true;
	return false;
}

/* A page of another site may link to ours, and nothing else. */
static bool is_our_page(const struct server *s, const struct request *r)
{
	const char *origin = r->header[HEADER_ORIGIN], *site = r->header[HEADER_FETCH_SITE];
	const char *mode = r->header[HEADER_FETCH_MODE], *rest;

	if (origin) {
		rest = after_prefix(origin, s->tls ? "https://" : "http://");
		if (!rest || !r->header[HEADER_HOST] || !streq(rest, r->header[HEADER_HOST]))
			return false;
	}
	return !site || streq(site, "same-origin") || streq(site, "none") ||
	       (mode && streq(mode, "navigate"));
}

/* In a time that tells nothing of what is right about it. */
static bool is_same_secret(const char *secret, const char *given, size_t length)
{
	size_t n = strlen(secret);
	unsigned char differ = length != n;

	for (size_t i = 0; i < length; i++)
		differ |= (unsigned char)(given[i] ^ secret[n ? i % n : 0]);
	return !differ;
}

static bool has_token(const struct server *s, const struct request *r)
{
	const char *given = r->header[HEADER_AUTHORIZATION];

	if (given && strncasecmp(given, "Bearer ", 7) == 0)
		return is_same_secret(s->token, given + 7, strlen(given + 7));
	return false;
}

#define COOKIE "rbce_session"

static bool has_session(const struct server *s, const struct request *r)
{
	for (const char *p = r->header[HEADER_COOKIE]; p && *p; p += strcspn(p, ";")) {
		const char *value;

		p += strspn(p, "; ");
		value = after_prefix(p, COOKIE "=");
		if (value && is_same_secret(s->session, value, strcspn(value, "; ")))
			return true;
	}
	return false;
}

/* ---- what for ---- */

/* The period that is asked for; the last hour where nothing is said. */
static int read_period(struct question *q)
{
	const char *from = request_arg(q->request, "from", 0);
	const char *until = request_arg(q->request, "until", 0);
	const char *last = request_arg(q->request, "last", 0);
	const char *wrong = NULL;
	uint64_t usec = (uint64_t)HOUR_MS * 1000;

	q->until = q->now;
	q->relative = !from || !until;
	if (until && times_parse(until, q->now, &q->until) < 0)
		wrong = until;
	if (last && (rbce_parse_duration(last, &usec) < 0 || usec > UINT64_C(1) << 52))
		wrong = last;
	q->from = q->until - (int64_t)(usec / 1000);
	if (from && times_parse(from, q->now, &q->from) < 0)
		wrong = from;
	if (wrong)
		return rbce_error_set(&q->err, -EINVAL, "'%.80s' is no time", wrong);
	if (q->from >= q->until || q->from < 0 || q->until > INT64_MAX / 4)
		return rbce_error_set(&q->err, -EINVAL, "the period ends before it begins");
	return 0;
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
	hash = hash_bytes(hash, text, strlen(text));
	/* Not a byte of any text: "ab", "c" is something else than "a", "bc". */
	return hash_bytes(hash, "\xff", 1);
}

/* Of the database as it is, of the question, and of the time where that matters. */
static void make_tag(const struct question *q, char tag[64])
{
	const struct request *r = q->request;
	uint64_t hash = hash_text(HASH_BEGIN, r->path);

	for (size_t i = 0; i < r->n_args; i++)
		hash = hash_text(hash_text(hash, r->arg[i].name), r->arg[i].value);
	hash = hash_text(hash, r->header[HEADER_ACCEPT] ?: "");
	snprintf(tag, 64, "\"%" PRIx64 "-%" PRIx64 "-%" PRIx64 "-%" PRIx64 "\"",
		 q->server->instance, reader_version(q->server->reader), hash,
		 q->relative ? (uint64_t)q->now / 1000 : 0);
}

/* A list of tags, or "*". */
static bool has_tag(const struct request *r, const char *tag)
{
	const char *list = r->header[HEADER_IF_NONE_MATCH];

	return list && *tag && (streq(list, "*") || strstr(list, tag));
}

static unsigned status_of(const struct question *q, int result)
{
	if (reader_expired(q->server->reader))
		return 503;
	switch (-result) {
	case EINVAL:
	case E2BIG:
		return 400;
	case ENOENT:
		return 404;
	case EBUSY:
	case EACCES:
	case EPERM:
	case ENODATA:
		return 503;
	default:
		return 500;
	}
}

static int write_body(struct question *q, api_fn *function, const char *type, struct reply *reply)
{
	FILE *out = open_memstream(&reply->body, &reply->size);
	int result;

	if (!out)
		return -ENOMEM;
	result = function(q, out);
	if (reply_finish(reply, out, type) < 0 && result == 0)
		result = -ENOMEM;
	if (result == 0)
		make_tag(q, reply->etag);
	return result;
}

static void ask(const struct server *server, const struct request *request, api_fn *function,
		const char *type, struct reply *reply)
{
	struct question q = {.server = server, .request = request, .now = times_now()};
	int result = read_period(&q);
	char tag[64];

	if (result == 0) {
		make_tag(&q, tag);
		if (reader_version(server->reader) && has_tag(request, tag)) {
			reply->status = 304;
			snprintf(reply->etag, sizeof(reply->etag), "%s", tag);
			return;
		}
		result = reader_begin(server->reader, &q.db, &q.err);
		if (result >= 0)
			result = write_body(&q, function, type, reply);
		reader_end(server->reader);
	}
	if (result < 0)
		reply_error(reply, status_of(&q, result), "%s",
			    reader_expired(server->reader) ? "that takes too long: ask for less"
			    : q.err.message[0]             ? q.err.message
							   : strerror(-result));
}

/* ---- paths ---- */

static void answer_login(const struct server *s, const struct request *r, struct reply *reply)
{
	if (!s->token || !has_token(s, r)) {
		reply_error(reply, s->token ? 401 : 404,
			    s->token ? "that is not the token" : "no token is needed");
		return;
	}
	reply->status = 204;
	snprintf(reply->cookie, sizeof(reply->cookie),
		 COOKIE "=%s; Path=/; HttpOnly; SameSite=Strict%s", s->session,
		 s->tls ? "; Secure" : "");
}

/* Prometheus says that it takes OpenMetrics; whoever does not gets what all of them read. */
static void answer_metrics(const struct server *s, const struct request *r, struct reply *reply)
{
	const char *accept = r->header[HEADER_ACCEPT];
	bool open = accept && strstr(accept, "application/openmetrics-text");

	ask(s, r, open ? scrape_openmetrics : scrape_classic,
	    open ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
		 : "text/plain; version=0.0.4; charset=utf-8",
	    reply);
}

static void answer_stream(const struct server *s, const struct request *r, struct reply *reply)
{
	(void)s;
	(void)r;
	reply->status = 200;
	reply->type = "text/event-stream";
	reply->stream = true;
}

static const struct {
	const char *path;
	api_fn *api; /* or: */
	void (*answer)(const struct server *s, const struct request *r, struct reply *reply);
	bool post; /* is to be posted, and needs no session */
} routes[] = {
	{"/api/v1/status", .api = api_status},
	{"/api/v1/now", .api = api_now},
	{"/api/v1/containers", .api = api_containers},
	{"/api/v1/series", .api = api_series},
	{"/api/v1/events", .api = api_events},
	{"/api/v1/events/counts", .api = api_event_counts},
	{"/api/v1/exits", .api = api_exits},
	{"/api/v1/devices", .api = api_devices},
	{"/api/v1/rules", .api = api_rules},
	{"/api/v1/limits", .api = api_limits},
	{"/api/v1/live", .answer = answer_stream},
	{"/api/v1/login", .answer = answer_login, .post = true},
	{"/metrics", .answer = answer_metrics},
};

static void answer_page(const struct request *r, struct reply *reply)
{
	const struct page_file *file = page_find(r->path);

	if (!file && page_count == 0 && streq(r->path, "/")) {
		reply_error(reply, 404,
			    "this program was built without the page; the API is there");
		return;
	}
	if (!file) {
		reply_error(reply, 404, "there is no '%.100s' here", r->path);
		return;
	}
	reply->status = 200;
	reply->type = file->type;
	snprintf(reply->etag, sizeof(reply->etag), "%s", file->etag);
	reply->body = (char *)file->begin;
	reply->size = (size_t)(file->end - file->begin);
	reply->gzipped = true;
	if (has_tag(r, reply->etag))
		reply->status = 304;
}

static bool is_method(const struct request *r, bool post)
{
	return post ? streq(r->method, "POST")
		    : streq(r->method, "GET") || streq(r->method, "HEAD");
}

static void route(const struct server *s, const struct request *r, struct reply *reply)
{
	bool post = false;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(routes) && !streq(routes[i].path, r->path); i++)
		;
	if (i < ARRAY_SIZE(routes))
		post = routes[i].post;
	if (!is_method(r, post)) {
		reply_error(reply, 405, "%s is asked with %s", r->path, post ? "POST" : "GET");
		reply->allow = post ? "POST" : "GET, HEAD";
	} else if (i == ARRAY_SIZE(routes)) {
		answer_page(r, reply);
	} else if (s->token && !post && !has_token(s, r) && !has_session(s, r)) {
		reply_error(reply, 401, "the token is missing, or it is not the right one");
	} else if (routes[i].api) {
		ask(s, r, routes[i].api, TYPE_JSON, reply);
	} else {
		routes[i].answer(s, r, reply);
	}
}

static bool takes_gzip(const struct request *r)
{
	const char *accept = r->header[HEADER_ACCEPT_ENCODING];
	const char *at = accept ? strstr(accept, "gzip") : NULL;

	return at && !after_prefix(at, "gzip;q=0,") && !streq(at, "gzip;q=0");
}

void answer(const struct server *server, const struct request *request, struct reply *reply)
{
	if (!is_our_host(server, request->header[HEADER_HOST]))
		reply_error(reply, 421, "this server is not called that: see --host");
	else if (!is_our_page(server, request))
		reply_error(reply, 403, "pages of other sites may not ask here");
	else
		route(server, request, reply);
	if (takes_gzip(request))
		reply_gzip(reply);
	else if (reply->gzipped)
		reply_error(reply, 406, "the page is there packed with gzip only");
}

void answer_malformed(int result, struct reply *reply)
{
	if (result == -E2BIG)
		reply_error(reply, 414, "that address is too long");
	else if (result == -ENOMEM)
		reply_error(reply, 503, "out of memory");
	else
		reply_error(reply, 400, "that is no address");
}
