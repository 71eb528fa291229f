// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes as a request to the server, over a small record: a line with the method, one with what
 * is asked for, then headers. Every answer has a status, and what says that it is JSON is.
 */
#include <fcntl.h>
#include <json-c/json.h>
#include <stats/serve/answer.h>
#include <stats/store/store.h>
#include <stats/times.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[] = "/tmp/rbce-fuzz-serve-XXXXXX/db";
static struct server server = {.instance = 1, .scrape_containers = 10, .session = "session"};

static void remove_record(void)
{
	reader_free(server.reader);
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
}

static void make_record(void)
{
	struct store_options options = {
		.path = path, .group = "rbce", .boot = "boot", .interval = 1000};
	struct store *store = NULL;
	int64_t now = times_now();

	*strrchr(path, '/') = '\0';
	if (!mkdtemp(path))
		abort();
	path[strlen(path)] = '/';
	if (store_new(&options, &store, NULL) < 0)
		abort();
	for (int i = 0; i < 5; i++) {
		struct sample sample = {.name = "a", .inode = 1};

		metric_set(&sample.values, METRIC_CPU, (uint64_t)i);
		store_begin(store, now + i * 1000);
		if (store_put(store, &sample) < 0 || store_commit(store, 0, false, NULL) < 0)
			abort();
	}
	store_close(store);
	if (reader_new(path, &server.reader) < 0)
		abort();
	atexit(remove_record);
}

/* The next line of *REST, or NULL. */
static char *next_line(char **rest)
{
	return *rest ? strsep(rest, "\n") : NULL;
}

static void check(const struct reply *reply)
{
	struct json_object *object;

	if (reply->status < 200 || reply->status > 599)
		abort();
	if (reply->gzipped || !reply->size || !reply->type || strcmp(reply->type, TYPE_JSON) != 0)
		return;
	object = json_tokener_parse(reply->body);
	if (!object)
		abort();
	json_object_put(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size), *rest = text, *line;
	const char *target;
	struct request request = {.method = "GET"};
	struct reply reply = {0};
	int r;

	if (!server.reader)
		make_record();
	request.method = next_line(&rest) ?: "";
	target = next_line(&rest) ?: "";
	for (size_t i = 0; i < REQUEST_HEADERS && (line = next_line(&rest)); i++)
		request.header[i] = *line ? line : NULL;
	r = request_parse(&request, target);
	if (r < 0)
		answer_malformed(r, &reply);
	else
		answer(&server, &request, &reply);
	check(&reply);
	reply_done(&reply);
	request_done(&request);
	free(text);
	return 0;
}
