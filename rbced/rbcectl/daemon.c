// SPDX-License-Identifier: GPL-2.0-or-later
/* Commands that ask the daemon and show its answer. */
#include <core/cli/table.h>
#include <time.h>

#include "rbcectl.h"
#include "util.h"

/* Parses the common options and OPERANDS operands, asks, and prints JSON if that was wished. */
struct question {
	struct common common;
	const char *usage, *about;
	int min, max;                 /* operands */
	const char *flag, *flag_help; /* an option that may be given, NULL for none */
	bool given;
	char **operands;
	int n_operands;
	struct json_object *reply;
};

static void parse_question(struct question *q, int argc, char **argv)
{
	const struct option_row options[] = {
		COMMON_OPTIONS(q->common),
		/* The table ends here where there is none. */
		OPTION_FLAG(q->flag, q->flag_help, &q->given),
		{0},
	};
	const struct command_line line = {
		.usage = q->usage,
		.about = q->about,
		.options = options,
	};
	int first;

	q->common.root = "rbce";
	first = command_parse(&line, argc, argv, q->min, q->max);
	q->operands = argv + first;
	q->n_operands = argc - first;
}

static int ask(struct question *q, struct json_object *request)
{
	struct rbce_error err;

	return daemon_ask(q->common.root, request, &q->reply, &err) < 0 ? command_failed(&err) : 0;
}

/* Local time, "-" for 0. */
static const char *format_time(uint64_t seconds, char buf[32])
{
	time_t when = (time_t)seconds;
	struct tm tm;

	if (!seconds)
		return "-";
	strftime(buf, 32, "%F %T", localtime_r(&when, &tm));
	return buf;
}

enum { ORDER, RULE, STATE, MODE, TERMS, ACTION, HITS, MOVES, LAST };

static void add_rule(struct table *t, struct json_object *rule)
{
	const char *container = reply_text(rule, "container");
	char when[32];

	table_row(t, -1);
	table_set(t, ORDER, "%s", reply_text(rule, "order"));
	table_set(t, RULE, "%s", reply_text(rule, "rule"));
	table_set(t, STATE, "%s", reply_text(rule, "state"));
	table_set(t, MODE, "%s", reply_text(rule, "mode"));
	table_set(t, TERMS, "%s", reply_text(rule, "terms"));
	table_set(t, ACTION, "%s",
		  *container                                    ? container
		  : streq(reply_text(rule, "action"), "ignore") ? "(ignore)"
								: "(stay)");
	table_set(t, HITS, "%s", reply_text(rule, "hits"));
	table_set(t, MOVES, "%s", reply_text(rule, "moves"));
	table_set(t, LAST, "%s", format_time(reply_number(rule, "last_hit"), when));
}

int command_rules(int argc, char **argv)
{
	static const struct table_column columns[] = {
		[ORDER] = {.title = "ORDER", .key = "order", .right = true, .number = true},
		[RULE] = {.title = "RULE", .key = "rule"},
		[STATE] = {.title = "STATE", .key = "state"},
		[MODE] = {.title = "MODE", .key = "mode"},
		[TERMS] = {.title = "TERMS", .key = "terms", .cut = true},
		[ACTION] = {.title = "CONTAINER", .key = "container"},
		[HITS] = {.title = "HITS", .key = "hits", .right = true, .number = true},
		[MOVES] = {.title = "MOVES", .key = "moves", .right = true, .number = true},
		[LAST] = {.title = "LAST HIT", .key = "last_hit"},
	};
	struct question q = {.usage = "rules [--root NAME] [--json]",
			     .about = "Shows the rules in force, in the order of matching."};
	struct json_object *rules;
	struct table *t;

	parse_question(&q, argc, argv);
	if (ask(&q, daemon_request("rules")) != 0)
		return EXIT_FAILURE;
	if (q.common.json)
		return reply_print(q.reply);
	rules = reply_object(q.reply, "rules");
	t = table_new("rules", columns, ARRAY_SIZE(columns), false);
	for (size_t i = 0; i < json_object_array_length(rules); i++)
		add_rule(t, json_object_array_get_idx(rules, i));
	json_object_put(q.reply);
	return table_finish(t) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Of the process that the first operand is; the option goes with it under its own name. */
static struct json_object *request_pid(const struct question *q, const char *verb)
{
	struct json_object *request = daemon_request(verb);

	json_object_object_add(request, "pid", json_object_new_int(command_pid(q->operands[0])));
	if (q->flag)
		json_object_object_add(request, q->flag, json_object_new_boolean(q->given));
	return request;
}

static const char *place_of(struct json_object *object, const char *key)
{
	const char *name = reply_text(object, key);

	return *name ? name : reply_object(object, key) ? "(root group)" : "(none)";
}

/* So much of a term or value is shown; JSON has all. */
enum { SHOWN = 72 };

/* Whatever a task calls itself, it is one line, and no order to the terminal. */
static const char *shorten(const char *text, char buf[SHOWN + 4])
{
	snprintf(buf, SHOWN + 4, "%.*s%s", SHOWN, text, strlen(text) > SHOWN ? "..." : "");
	for (char *p = buf; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	return buf;
}

void print_steps(struct json_object *steps)
{
	char failed[SHOWN + 4], has[SHOWN + 4];

	for (size_t i = 0; i < json_object_array_length(steps); i++) {
		struct json_object *step = json_object_array_get_idx(steps, i);
		const char *actual = reply_text(step, "actual");

		if (json_object_get_boolean(reply_object(step, "matched")))
			printf("  rule %-16s matches\n", reply_text(step, "rule"));
		else
			printf("  rule %-16s fails on '%s'%s%s%s\n", reply_text(step, "rule"),
			       shorten(reply_text(step, "failed"), failed),
			       *actual ? ", it has '" : "", shorten(actual, has),
			       *actual ? "'" : "");
	}
}

void print_limits(struct json_object *limits, const char *container)
{
	for (size_t i = 0; i < json_object_array_length(limits); i++) {
		struct json_object *limit = json_object_array_get_idx(limits, i);
		const char *of = reply_text(limit, "container");

		printf("  limit %s = %s, of %s%s (%s:%s)\n", reply_text(limit, "key"),
		       reply_text(limit, "value"), of, streq(of, container) ? "" : " above it",
		       reply_text(limit, "file"), reply_text(limit, "line"));
	}
}

/* By whom others moved it, and from where to where. */
static void print_hold(struct json_object *reply)
{
	if (!*reply_text(reply, "found"))
		return;
	if (*reply_text(reply, "put"))
		printf("  put into %s,", reply_text(reply, "put"));
	else
		printf("  its container is gone since,");
	printf(" found in %s", reply_text(reply, "found"));
	if (reply_number(reply, "mover"))
		printf(", moved by process %s (%s)", reply_text(reply, "mover"),
		       reply_text(reply, "mover_comm"));
	printf("\n");
}

static void print_moves(struct json_object *moves)
{
	for (size_t i = 0; i < json_object_array_length(moves); i++) {
		struct json_object *move = json_object_array_get_idx(moves, i);
		const char *rule = reply_text(move, "rule");
		char when[32];

		printf("  %s %s -> %s on %s, %s%s\n", format_time(reply_number(move, "time"), when),
		       place_of(move, "from"), place_of(move, "to"), reply_text(move, "cause"),
		       *rule ? "rule " : "by hand", rule);
	}
}

/* Which process it is, where it stands, and what the daemon does with it. */
static void print_verdict(struct json_object *reply)
{
	const char *exe = reply_text(reply, "exe");
	char shown[SHOWN + 4];

	printf("process %s (%s), uid %s, gid %s\n", reply_text(reply, "pid"),
	       shorten(*exe ? exe : reply_text(reply, "comm"), shown), reply_text(reply, "uid"),
	       reply_text(reply, "gid"));
	if (*reply_text(reply, "tag"))
		printf("tagged '%s'\n", reply_text(reply, "tag"));
	printf("stands in %s", place_of(reply, "container"));
	if (*reply_text(reply, "unit"))
		printf(", unit %s of systemd's", reply_text(reply, "unit"));
	if (*reply_text(reply, "target"))
		printf(", rule '%s' gives it %s", reply_text(reply, "rule"),
		       reply_text(reply, "target"));
	printf("\n%s: %s\n", reply_text(reply, "verdict"), reply_text(reply, "why"));
}

int command_explain(int argc, char **argv)
{
	struct question q = {
		.usage = "explain [--root NAME] [--json] [--all] PID",
		.about = "Says why a task is in its container. Of more than 50 rules, only those "
			 "that come near\nare told of, without --all.",
		.min = 1,
		.max = 1,
		.flag = "all",
		.flag_help = "tell of every rule"};

	parse_question(&q, argc, argv);
	if (ask(&q, request_pid(&q, "explain")) != 0)
		return EXIT_FAILURE;
	if (q.common.json)
		return reply_print(q.reply);
	print_verdict(q.reply);
	print_hold(q.reply);
	print_steps(reply_object(q.reply, "steps"));
	if (reply_number(q.reply, "left_out"))
		printf("  and %s rules that do not come near; --all tells of them\n",
		       reply_text(q.reply, "left_out"));
	print_limits(reply_object(q.reply, "limits"), reply_text(q.reply, "target"));
	if (json_object_array_length(reply_object(q.reply, "moves")) > 0)
		printf("moves so far\n");
	print_moves(reply_object(q.reply, "moves"));
	json_object_put(q.reply);
	return EXIT_SUCCESS;
}

int command_classify(int argc, char **argv)
{
	struct question q = {
		.usage = "classify [--root NAME] [--json] [--sticky] PID CONTAINER",
		.about = "Moves a task by hand and takes it out of the rules' hands. Its children "
			 "begin where it\nstands, and the rules decide for them at their next "
			 "event.",
		.min = 2,
		.max = 2,
		.flag = "sticky",
		.flag_help = "with what it starts from then on"};
	struct json_object *request;

	parse_question(&q, argc, argv);
	request = request_pid(&q, "classify");
	json_object_object_add(request, "container", json_object_new_string(q.operands[1]));
	if (ask(&q, request) != 0)
		return EXIT_FAILURE;
	if (q.common.json)
		return reply_print(q.reply);
	printf("process %s is in %s\n", q.operands[0], q.operands[1]);
	json_object_put(q.reply);
	return EXIT_SUCCESS;
}

static int print_outcome(struct question *q)
{
	if (q->common.json)
		return reply_print(q->reply);
	printf("process %s: %s, stands in %s\n", reply_text(q->reply, "pid"),
	       reply_text(q->reply, "outcome"), place_of(q->reply, "container"));
	json_object_put(q->reply);
	return EXIT_SUCCESS;
}

int command_release(int argc, char **argv)
{
	struct question q = {
		.usage = "release [--root NAME] [--json] [--tree] PID",
		.about = "Gives a task that was placed by hand, or moved by others, back to the "
			 "rules, which decide\nat once.",
		.min = 1,
		.max = 1,
		.flag = "tree",
		.flag_help = "with those that descend from it now"};

	parse_question(&q, argc, argv);
	if (ask(&q, request_pid(&q, "release")) != 0)
		return EXIT_FAILURE;
	if (!q.common.json && reply_number(q.reply, "descendants"))
		printf("%s descendants given back\n", reply_text(q.reply, "descendants"));
	return print_outcome(&q);
}

int command_reclassify(int argc, char **argv)
{
	struct question q = {.usage = "reclassify [--root NAME] [--json] [PID]",
			     .about = "Looks at one task, or at all, again.",
			     .min = 0,
			     .max = 1};

	parse_question(&q, argc, argv);
	if (q.n_operands) {
		if (ask(&q, request_pid(&q, "reclassify")) != 0)
			return EXIT_FAILURE;
		return print_outcome(&q);
	}
	if (ask(&q, daemon_request("reclassify")) != 0)
		return EXIT_FAILURE;
	if (q.common.json)
		return reply_print(q.reply);
	printf("%s tasks moved\n", reply_text(q.reply, "moved"));
	json_object_put(q.reply);
	return EXIT_SUCCESS;
}

int command_tag(int argc, char **argv)
{
	struct question q = {.usage = "tag [--root NAME] [--json] PID [TAG]",
			     .about = "Marks a task, and what it starts from then on, for rules "
				      "that look at tags;\nwithout a tag, takes its mark away.",
			     .min = 1,
			     .max = 2};
	struct json_object *request;

	parse_question(&q, argc, argv);
	request = request_pid(&q, "tag");
	if (q.n_operands == 2)
		json_object_object_add(request, "tag", json_object_new_string(q.operands[1]));
	if (ask(&q, request) != 0)
		return EXIT_FAILURE;
	return print_outcome(&q);
}

int command_reload(int argc, char **argv)
{
	struct question q = {.usage = "reload [--root NAME] [--json]",
			     .about = "Reads the rules again; on any error the old ones stay."};

	parse_question(&q, argc, argv);
	if (ask(&q, daemon_request("reload")) != 0)
		return EXIT_FAILURE;
	if (q.common.json)
		return reply_print(q.reply);
	printf("%s rules in force\n", reply_text(q.reply, "rules"));
	json_object_put(q.reply);
	return EXIT_SUCCESS;
}
