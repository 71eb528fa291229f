// SPDX-License-Identifier: GPL-2.0-or-later
/* rbcectl status: where the daemon hears of tasks, and what came of it. */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json_pointer.h>
#include <rbce/units.h>
#include <stdio.h>

#include "cli/log.h"
#include "rbcectl.h"
#include "util.h"

enum { COUNT_SIZE = 32 };

/* 1,234,567 */
static char *format_count(uint64_t count, char buf[COUNT_SIZE])
{
	char digits[COUNT_SIZE];
	int n = snprintf(digits, sizeof(digits), "%" PRIu64, count);
	char *to = buf;

	for (int i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return buf;
}

static const char *count_of(struct json_object *object, const char *key, char buf[COUNT_SIZE])
{
	return format_count(reply_number(object, key), buf);
}

static void print_label(const char *label)
{
	printf("%-12s", label);
}

/* "3 fork, 2 exec": those of NAMES, or all where that is NULL, that are not 0; "none". */
static void print_counts(struct json_object *counts, const char *const *names)
{
	const char *separator = "";
	char buf[COUNT_SIZE];

	json_object_object_foreach (counts, name, value) {
		bool named = !names;

		for (size_t i = 0; names && names[i]; i++)
			named |= streq(names[i], name);
		if (!named || json_object_get_uint64(value) == 0)
			continue;
		printf("%s%s %s", separator, format_count(json_object_get_uint64(value), buf),
		       name);
		separator = ", ";
	}
	printf("%s\n", *separator ? "" : "none");
}

static void print_time(const char *label, uint64_t p50, uint64_t p99, uint64_t max)
{
	char a[RBCE_UNITS_SIZE], b[RBCE_UNITS_SIZE], c[RBCE_UNITS_SIZE];

	print_label("");
	printf("%s: half within %s, 99%% within %s, at most %s\n", label,
	       rbce_format_duration(p50, a), rbce_format_duration(p99, b),
	       rbce_format_duration(max, c));
}

static void print_histogram(const char *label, struct json_object *histogram)
{
	if (reply_number(histogram, "n"))
		print_time(label, reply_number(histogram, "p50_us"),
			   reply_number(histogram, "p99_us"), reply_number(histogram, "max_us"));
}

static void print_daemon(struct json_object *status)
{
	struct json_object *rules = reply_object(status, "rules");
	char uptime[RBCE_UNITS_SIZE], count[COUNT_SIZE];

	print_label("daemon");
	printf("rbced %s, process %s, up %s\n", reply_text(status, "version"),
	       reply_text(status, "pid"),
	       rbce_format_duration(reply_number(status, "uptime_seconds") * 1000000, uptime));
	print_label("root");
	printf("%s, %s cgroups, %s\n", reply_text(status, "root"), reply_text(status, "layout"),
	       reply_text(status, "mode"));
	print_label("rules");
	printf("%s from %s\n", count_of(rules, "count", count), reply_text(rules, "path"));
	if (*reply_text(rules, "last_error")) {
		print_label("");
		printf("last reload refused: %s\n", reply_text(rules, "last_error"));
	}
}

static void print_bpf(struct json_object *source)
{
	struct json_object *delivered = reply_object(source, "delivered");
	struct json_object *filtered = reply_object(source, "filtered");
	char a[COUNT_SIZE], b[COUNT_SIZE];

	print_label("");
	printf("%s events left out in the kernel, ", count_of(filtered, "total", a));
	printf("%s delivered, in %s wakeups\n", count_of(delivered, "total", a),
	       count_of(source, "wakeups", b));
	print_label("");
	printf("%s verdicts given to the kernel; changes of ids come from %s\n",
	       count_of(source, "verdicts", a), reply_text(source, "ids"));
}

static void print_connector(struct json_object *source)
{
	char size[RBCE_UNITS_SIZE], count[COUNT_SIZE];

	print_label("");
	if (json_object_get_boolean(reply_object(source, "kernel_filters")))
		printf("%s events of no use kept back by the kernel",
		       count_of(source, "kept_back", count));
	else
		printf("the kernel keeps no events back");
	printf(", room for %s\n", rbce_format_size(reply_number(source, "buffer_bytes"), size));
}

static void print_scan(struct json_object *source)
{
	char a[RBCE_UNITS_SIZE], b[RBCE_UNITS_SIZE], count[COUNT_SIZE];

	print_label("");
	printf("%s looks at all tasks, one each %s, the last took %s\n",
	       count_of(source, "looks", count),
	       rbce_format_duration(reply_number(source, "interval_us"), a),
	       rbce_format_duration(reply_number(source, "look_us"), b));
}

static void print_source(struct json_object *source)
{
	static const struct {
		const char *name;
		void (*print)(struct json_object *source);
	} kinds[] = {{"bpf", print_bpf}, {"connector", print_connector}, {"scan", print_scan}};

	print_label("source");
	printf("%s\n", reply_text(source, "name"));
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (streq(kinds[i].name, reply_text(source, "name")))
			kinds[i].print(source);
}

static void print_events(struct json_object *status)
{
	static const char *const sums[] = {"total", "lost", "losses", "resyncs"};
	struct json_object *events = reply_object(status, "events");
	const char *names[32] = {NULL};
	char a[COUNT_SIZE], b[COUNT_SIZE];
	size_t n = 0;

	json_object_object_foreach (events, name, value) {
		bool is_sum = false;

		(void)value;
		for (size_t i = 0; i < ARRAY_SIZE(sums); i++)
			is_sum |= streq(sums[i], name);
		if (!is_sum && n + 1 < ARRAY_SIZE(names))
			names[n++] = name;
	}
	print_label("events");
	print_counts(events, names);
	print_label("");
	if (reply_number(events, "losses"))
		printf("%s lost, made good by %s looks at all tasks\n", count_of(events, "lost", a),
		       count_of(events, "resyncs", b));
	else
		printf("none lost\n");
	print_histogram("from event to decision",
			reply_object(reply_object(status, "latency"), "event"));
}

static void print_decisions(struct json_object *status)
{
	struct json_object *failures = reply_object(status, "failures");
	struct json_object *cache = reply_object(status, "cache");
	uint64_t hits = reply_number(cache, "hits");
	uint64_t all = hits + reply_number(cache, "misses") + reply_number(cache, "too_large");

	print_label("decisions");
	print_counts(reply_object(status, "decisions"), NULL);
	if (failures && json_object_object_length(failures) > 0) {
		print_label("");
		printf("failed: ");
		print_counts(failures, NULL);
	}
	print_histogram("each", reply_object(reply_object(status, "latency"), "decision"));
	if (all) {
		print_label("");
		printf("%" PRIu64 "%% without asking the rules\n", hits * 100 / all);
	}
}

static void print_gate(struct json_object *gate)
{
	static const char *const counts[] = {"late", "rescued", "refused", "degraded", NULL};
	char a[COUNT_SIZE], b[COUNT_SIZE];

	print_label("gate");
	printf("%s", reply_text(gate, "state"));
	if (!streq(reply_text(gate, "mode"), "off"))
		printf(", %s", reply_text(gate, "mode"));
	if (*reply_text(gate, "why"))
		printf(": %s", reply_text(gate, "why"));
	if (!reply_object(gate, "events")) {
		printf("\n");
		return;
	}
	printf(", %s files, %s file systems\n", count_of(gate, "files", a),
	       count_of(gate, "file_systems", b));
	if (*reply_text(gate, "left_out")) {
		print_label("");
		printf("not held: %s\n", reply_text(gate, "left_out"));
	}
	print_label("");
	printf("%s programs held, %s of them let go without a decision\n",
	       count_of(gate, "events", a), count_of(gate, "left", b));
	print_label("");
	printf("trouble: ");
	print_counts(gate, counts);
	if (reply_number(gate, "events"))
		print_time("held", reply_number(gate, "held_p50_us"),
			   reply_number(gate, "held_p99_us"), reply_number(gate, "held_max_us"));
}

/* Where rules ask for such a thing. */
static void print_watched(const char *label, struct json_object *object)
{
	if (!reply_number(object, "watched"))
		return;
	print_label(label);
	print_counts(object, NULL);
}

static void print_status(struct json_object *status)
{
	char count[COUNT_SIZE];

	print_daemon(status);
	print_source(reply_object(status, "source"));
	print_events(status);
	print_decisions(status);
	print_gate(reply_object(status, "gate"));
	print_label("held");
	print_counts(reply_object(status, "held"), NULL);
	print_label("containers");
	print_counts(reply_object(status, "containers"), NULL);
	print_watched("oom", reply_object(status, "oom"));
	print_watched("penalties", reply_object(status, "penalties"));
	if (reply_number(status, "log_lost")) {
		print_label("log");
		printf("%s messages lost\n", count_of(status, "log_lost", count));
	}
	if (reply_number(status, "listeners")) {
		print_label("events to");
		printf("%s listener%s\n", count_of(status, "listeners", count),
		       reply_number(status, "listeners") == 1 ? "" : "s");
	}
}

/* One value by its name in the JSON, "decisions.moved": a script needs no other program for it. */
static int print_counter(struct json_object *status, const char *counter)
{
	cleanup_free char *pointer = NULL;
	struct json_object *value;

	if (asprintf(&pointer, "/%s", counter) < 0)
		return EXIT_FAILURE;
	for (char *dot = pointer; (dot = strchr(dot, '.'));)
		*dot = '/';
	if (json_pointer_get(status, pointer, &value) < 0) {
		log_error("cannot show '%s': there is no such counter", counter);
		return EXIT_FAILURE;
	}
	/* Of an object it is the JSON. */
	printf("%s\n", value ? json_object_get_string(value) : "null");
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int command_status(int argc, char **argv)
{
	struct common common = {.root = "rbce"};
	const struct option_row options[] = {COMMON_OPTIONS(common), {0}};
	const struct command_line line = {
		.usage = "status [--root NAME] [--json] [COUNTER]",
		.about = "Shows where the daemon hears of tasks, and what came of it; or one value "
			 "of that,\n"
			 "such as decisions.moved, by its name in the JSON.",
		.options = options,
	};
	CLEANUP(json_object_put_p) struct json_object *reply = NULL;
	int operand = command_parse(&line, argc, argv, 0, 1);
	struct rbce_error err;

	if (daemon_ask(common.root, daemon_request("status"), &reply, &err) < 0)
		return command_failed(&err);
	if (argv[operand])
		return print_counter(reply, argv[operand]);
	if (common.json)
		return reply_print(TAKE_PTR(reply));
	print_status(reply);
	return EXIT_SUCCESS;
}
