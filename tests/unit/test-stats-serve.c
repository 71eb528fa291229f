// SPDX-License-Identifier: GPL-2.0-or-later
/* stats/serve: requests as text, who may ask, and what the API answers. */
#include <json-c/json.h>
#include <limits.h>

#include "harness.h"
#include "stats/serve/answer.h"
#include "stats/store/store.h"
#include "stats/times.h"
#include "util.h"

static char directory[PATH_MAX];
static char path[PATH_MAX + 8];
static struct server server;

/* Two containers, one in the other, for ten seconds up to now; the one above has the lower limit.
 */
static void set_up(void)
{
	struct store_options options = {
		.path = path, .group = "rbce", .boot = "boot", .interval = 1000};
	int64_t now = times_now() / 1000 * 1000;
	struct store *store = NULL;

	snprintf(path, sizeof(path), "%s/db", harness_directory(directory));
	ck_assert_int_eq(store_new(&options, &store, NULL), 0);
	for (int i = 0; i <= 10; i++) {
		static const char *const names[] = {"a", "a/b", "odd *[\"name"};

		store_begin(store, now - 10000 + i * 1000);
		for (size_t n = 0; n < ARRAY_SIZE(names); n++) {
			struct sample sample = {.name = names[n], .inode = n + 1};

			metric_set(&sample.values, METRIC_CPU, 7000000 + (uint64_t)i * 500000);
			metric_set(&sample.values, METRIC_MEMORY, 4096 * 100);
			metric_set(&sample.values, METRIC_PIDS, 3);
			metric_set(&sample.values, METRIC_LIMIT_MEMORY, n ? 8 << 20 : 4 << 20);
			ck_assert_int_eq(store_put(store, &sample), 0);
		}
		ck_assert_int_eq(store_commit(store, 0, false, NULL), 0);
	}
	store_close(store);
	server = (struct server){.instance = 1, .scrape_containers = 2, .session = "s"};
	ck_assert_int_eq(reader_new(path, &server.reader), 0);
}

static void tear_down(void)
{
	reader_free(server.reader);
	harness_remove_tree(directory);
}

static struct request request;

/* The status; REPLY is to be released. */
static unsigned ask(const char *method, const char *target, struct reply *reply)
{
	int r;

	memset(reply, 0, sizeof(*reply));
	request.method = method;
	if (!request.header[HEADER_HOST])
		request.header[HEADER_HOST] = "localhost:8787";
	r = request_parse(&request, target);
	if (r < 0)
		answer_malformed(r, reply);
	else
		answer(&server, &request, reply);
	request_done(&request);
	return reply->status;
}

static unsigned status_of(const char *method, const char *target)
{
	struct reply reply;
	unsigned status = ask(method, target, &reply);

	reply_done(&reply);
	return status;
}

START_TEST(targets)
{
	static const struct {
		const char *target;
		unsigned status;
	} rows[] = {
		{"/api/v1/status", 200},
		{"/api/v1/status?", 200},
		{"/api/v1/st%61tus", 200},
		{"/api/v1/status/", 404},
		{"/API/v1/status", 404},
		{"/../../etc/passwd", 404},
		{"/%2e%2e/%2e%2e/etc/passwd", 404},
		{"//etc/passwd", 404},
		{"/api/v1/status%00", 400},
		{"/api/v1/status%0d%0aSet-Cookie:x", 400},
		{"/%zz", 400},
		{"/%f", 400},
		{"/%ff", 400},
		{"/%c0%ae", 400},
		{"/%ed%a0%80", 400},
		{"api", 400},
		{"*", 400},
		{"", 400},
		{"http://localhost/api/v1/status", 400},
		{"/api/v1/series", 400},
		{"/api/v1/series?metric=none", 400},
		{"/api/v1/series?metric=cpu_seconds:avg", 400},
		{"/api/v1/series?metric=cpu_seconds", 200},
		{"/api/v1/series?metric=cpu_seconds&step=0", 400},
		{"/api/v1/series?metric=cpu_seconds&step=1ms&from=0", 200},
		{"/api/v1/series?metric=cpu_seconds&from=5&until=5", 400},
		{"/api/v1/series?metric=cpu_seconds&from=now", 400},
		{"/api/v1/series?metric=cpu_seconds&last=99999999999999999999s", 400},
		{"/api/v1/series?metric=cpu_seconds&container=none", 200},
		{"/api/v1/limits", 400},
		{"/api/v1/limits?container=none", 404},
		{"/api/v1/limits?container=a", 200},
		{"/api/v1/events?limit=0", 400},
		{"/api/v1/events?limit=100000", 400},
		{"/api/v1/events?after=x", 400},
		{"/api/v1/events?after=5.5", 200},
		{"/api/v1/events/counts?step=1&last=1d", 400},
		{"/api/v1/exits?by=moon", 400},
		{"/api/v1/exits?by=time&step=60", 200},
		{"/metrics?view=none", 400},
		{"/metrics?view=reclaim", 200},
		{"/api/v1/login", 405},
	};

	set_up();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		unsigned status = status_of("GET", rows[i].target);

		ck_assert_msg(status == rows[i].status, "%s: %u, not %u", rows[i].target, status,
			      rows[i].status);
	}
	ck_assert_uint_eq(status_of("POST", "/api/v1/status"), 405);
	ck_assert_uint_eq(status_of("DELETE", "/"), 405);
	ck_assert_uint_eq(status_of("POST", "/api/v1/login"), 404);
	tear_down();
}
END_TEST

START_TEST(long_targets)
{
	char target[REQUEST_TARGET_MAX + 10];

	set_up();
	memset(target, 'a', sizeof(target) - 1);
	target[0] = '/';
	target[sizeof(target) - 1] = '\0';
	ck_assert_uint_eq(status_of("GET", target), 414);
	for (size_t i = 1; i + 1 < sizeof(target); i++)
		target[i] = i % 2 ? '?' : '&';
	for (size_t i = 2; i < 400; i++)
		target[i] = i % 2 ? '&' : 'x';
	target[400] = '\0';
	ck_assert_uint_eq(status_of("GET", target), 414);
	tear_down();
}
END_TEST

START_TEST(hosts)
{
	static const char *const names[] = {"stats.example"};
	static const struct {
		const char *host;
		unsigned status;
	} rows[] = {
		{"localhost", 200},
		{"LOCALHOST:1", 200},
		{"127.0.0.1:8787", 200},
		{"[::1]:8787", 200},
		{"stats.example:8787", 200},
		{"stats.example.evil.example", 421},
		{"evil.example", 421},
		{"127.0.0.1.evil.example", 421},
		{"", 421},
		{"[", 421},
	};

	set_up();
	server.hosts = names;
	server.n_hosts = 1;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		request.header[HEADER_HOST] = rows[i].host;
		ck_assert_msg(status_of("GET", "/api/v1/status") == rows[i].status, "%s",
			      rows[i].host);
	}
	tear_down();
}
END_TEST

START_TEST(origins)
{
	set_up();
	request.header[HEADER_HOST] = "localhost:8787";
	request.header[HEADER_ORIGIN] = "http://localhost:8787";
	ck_assert_uint_eq(status_of("GET", "/api/v1/status"), 200);
	request.header[HEADER_ORIGIN] = "https://localhost:8787";
	ck_assert_uint_eq(status_of("GET", "/api/v1/status"), 403);
	request.header[HEADER_ORIGIN] = "null";
	ck_assert_uint_eq(status_of("GET", "/api/v1/status"), 403);
	request.header[HEADER_ORIGIN] = NULL;
	request.header[HEADER_FETCH_SITE] = "cross-site";
	ck_assert_uint_eq(status_of("GET", "/api/v1/status"), 403);
	request.header[HEADER_FETCH_MODE] = "navigate";
	ck_assert_uint_eq(status_of("GET", "/api/v1/status"), 200);
	tear_down();
}
END_TEST

START_TEST(tokens)
{
	struct reply reply;
	char session[SESSION_SIZE + 20];

	set_up();
	server.token = "0123456789abcdef";
	snprintf(server.session, sizeof(server.session), "the-session");
	ck_assert_uint_eq(status_of("GET", "/api/v1/status"), 401);
	ck_assert_uint_eq(status_of("GET", "/api/v1/live"), 401);
	ck_assert_uint_eq(status_of("GET", "/metrics"), 401);
	ck_assert_uint_eq(status_of("POST", "/api/v1/login"), 401);
	request.header[HEADER_AUTHORIZATION] = "Bearer 0123456789abcdeg";
	ck_assert_uint_eq(status_of("GET", "/api/v1/status"), 401);
	request.header[HEADER_AUTHORIZATION] = "Bearer 0123456789abcdef0123456789abcdef";
	ck_assert_uint_eq(status_of("GET", "/api/v1/status"), 401);
	request.header[HEADER_AUTHORIZATION] = "Bearer 0123456789abcdef";
	ck_assert_uint_eq(status_of("GET", "/api/v1/status"), 200);
	ck_assert_uint_eq(ask("POST", "/api/v1/login", &reply), 204);
	ck_assert_ptr_nonnull(strstr(reply.cookie, "HttpOnly; SameSite=Strict"));
	reply_done(&reply);
	request.header[HEADER_AUTHORIZATION] = NULL;
	snprintf(session, sizeof(session), "x=y; rbce_session=%s", server.session);
	request.header[HEADER_COOKIE] = session;
	ck_assert_uint_eq(status_of("GET", "/api/v1/status"), 200);
	request.header[HEADER_COOKIE] = "rbce_session=";
	ck_assert_uint_eq(status_of("GET", "/api/v1/status"), 401);
	tear_down();
}
END_TEST

static struct json_object *parsed(const char *target)
{
	struct reply reply;
	struct json_object *object;

	ck_assert_uint_eq(ask("GET", target, &reply), 200);
	object = json_tokener_parse(reply.body);
	ck_assert_msg(object != NULL, "%s: %s", target, reply.body);
	reply_done(&reply);
	return object;
}

/* VALUE, which is released, has TEXT in it. */
static void holds(struct json_object *value, const char *text)
{
	const char *all =
		json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN |
							      JSON_C_TO_STRING_NOSLASHESCAPE);

	ck_assert_msg(strstr(all, text) != NULL, "'%s' is not in %s", text, all);
	json_object_put(value);
}

START_TEST(answers)
{
	set_up();
	holds(parsed("/api/v1/status"), "\"interval\":1,");
	holds(parsed("/api/v1/containers?limit=1"), "[{\"container\":\"a\"");
	holds(parsed("/api/v1/containers?limit=1&after=a"), "[{\"container\":\"a/b\"");
	/* Of eleven ticks the first only says where counters stood. */
	holds(parsed("/api/v1/series?metric=cpu_seconds&step=1h&last=2h&container=a/b"),
	      "\"container\":\"a/b\"");
	/* What would be a pattern is a name. */
	holds(parsed("/api/v1/series?metric=pids&container=odd+*%5B%22name"),
	      "[{\"container\":\"odd *[\\\"name\"");
	holds(parsed("/api/v1/series?metric=pids&container=*"), "\"series\":[]");
	holds(parsed("/api/v1/series?metric=pids&match=*"), "\"container\":\"a/b\"");
	holds(parsed("/api/v1/limits?container=a/b"), "\"limit\":\"memory_max\",\"own\":8388608,"
						      "\"effective\":4194304,\"imposed_by\":\"a\"");
	holds(parsed("/api/v1/events"), "\"events\":[],\"more\":false");
	tear_down();
}
END_TEST

START_TEST(tags)
{
	static const char target[] = "/api/v1/series?metric=pids&from=1&until=4000000000&step=1d";
	char tag[64];
	struct reply reply;

	set_up();
	ck_assert_uint_eq(ask("GET", target, &reply), 200);
	snprintf(tag, sizeof(tag), "%s", reply.etag);
	reply_done(&reply);
	request.header[HEADER_IF_NONE_MATCH] = tag;
	ck_assert_uint_eq(ask("GET", target, &reply), 304);
	ck_assert_uint_eq(reply.size, 0);
	reply_done(&reply);
	ck_assert_uint_eq(status_of("GET", "/api/v1/series?metric=pids&from=2&until=4000000000"),
			  200);
	tear_down();
}
END_TEST

START_TEST(packed)
{
	struct reply reply;

	set_up();
	request.header[HEADER_ACCEPT_ENCODING] = "deflate, gzip";
	ck_assert_uint_eq(ask("GET", "/api/v1/status", &reply), 200);
	ck_assert(reply.gzipped);
	ck_assert_int_eq((unsigned char)reply.body[0], 0x1f);
	reply_done(&reply);
	tear_down();
}
END_TEST

/* What the kernel has counted, not what was recorded of it; and not of more than so many. */
START_TEST(scraped)
{
	struct reply reply;

	set_up();
	ck_assert_uint_eq(ask("GET", "/metrics", &reply), 200);
	ck_assert_ptr_nonnull(
		strstr(reply.body, "\ncontainer_cpu_usage_seconds_total{container=\"a\"} 12\n"));
	ck_assert_ptr_nonnull(strstr(reply.body, "\nrbce_containers_left_out 1\n"));
	ck_assert_ptr_null(strstr(reply.body, "# EOF"));
	reply_done(&reply);
	request.header[HEADER_ACCEPT] = "application/openmetrics-text;version=1.0.0,*/*;q=0.1";
	ck_assert_uint_eq(ask("GET", "/metrics", &reply), 200);
	ck_assert_ptr_nonnull(strstr(reply.body, "\n# TYPE container_cpu_usage_seconds counter\n"));
	ck_assert_ptr_nonnull(strstr(reply.body, "\n# EOF\n"));
	reply_done(&reply);
	tear_down();
}
END_TEST

/* No database is nothing wrong; one of another program is. It is seen when one comes. */
START_TEST(other_files)
{
	char other[PATH_MAX + 16];
	FILE *file;

	set_up();
	snprintf(other, sizeof(other), "%s-other", path);
	ck_assert_int_eq(rename(path, other), 0);
	holds(parsed("/api/v1/status"), "\"record\":[]");
	holds(parsed("/api/v1/series?metric=pids"), "\"series\":[]");
	ck_assert_uint_eq(status_of("GET", "/metrics"), 200);
	file = fopen(path, "w");
	fputs("not a database, but as long as one would have to be, to be looked at", file);
	fclose(file);
	ck_assert_uint_eq(status_of("GET", "/api/v1/status"), 500);
	ck_assert_int_eq(rename(other, path), 0);
	holds(parsed("/api/v1/status"), "\"interval\":1,");
	tear_down();
}
END_TEST

int main(void)
{
	return harness_run("stats-serve",
			   (const TTest *const[]){targets, long_targets, hosts, origins, tokens,
						  answers, tags, packed, scraped, other_files,
						  NULL});
}
