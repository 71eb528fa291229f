// SPDX-License-Identifier: GPL-2.0-or-later
/* The command line; see options.h. */
#include "options.h"

#include <core/cli/log.h>
#include <core/cli/options.h>
#include <errno.h>
#include <rbce/units.h>

#include "runtime.h"
#include "util.h"

static const struct settings defaults = {
	.engine = {.rules = RULES_DIR,
		   .root = "rbce",
		   .linger = 30000000,
		   /* About 40,000 events that wait while a slow decision is made. */
		   .event_buffer = 32 << 20,
		   .scan_interval = 1000000,
		   .gate = {.deadline = 500000, .misses = 10}},
};

/* What a size or time may be. */
struct bounds {
	const char *option;
	int (*parse)(const char *text, uint64_t *ret);
	uint64_t low, high;
	const char *what; /* in words */
};

static int parse_bounded(const struct bounds *bounds, const char *argument, uint64_t *ret)
{
	uint64_t value;
	int r = bounds->parse(argument, &value);

	if (r == 0 && (value < bounds->low || value > bounds->high))
		r = -ERANGE;
	if (r < 0)
		log_error("cannot use --%s '%s': it is no %s", bounds->option, argument,
			  bounds->what);
	else
		*ret = value;
	return r;
}

static int parse_linger(const char *argument, void *data)
{
	static const struct bounds bounds = {"linger", rbce_parse_duration, 0, UINT64_MAX,
					     "duration (like 30s)"};

	return parse_bounded(&bounds, argument, data);
}

static int parse_buffer(const char *argument, void *data)
{
	/* The kernel doubles it, in an int. */
	static const struct bounds bounds = {"event-buffer", rbce_parse_size, 4096, 1 << 30,
					     "size from 4K to 1G"};

	return parse_bounded(&bounds, argument, data);
}

/* "off", "rules", "all" or a mount point. */
static int parse_gate(const char *argument, void *data)
{
	static const char *const modes[] = {
		[GATE_OFF] = "off",
		[GATE_RULES] = "rules",
		[GATE_ALL] = "all",
	};
	struct gate_options *gate = data;

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (streq(argument, modes[i])) {
			gate->mode = (enum gate_mode)i;
			return 0;
		}
	gate->mode = GATE_MOUNT;
	gate->mount = argument;
	if (*argument == '/')
		return 0;
	log_error("cannot use --gate '%s': it is none of off, rules, all, or a mount point",
		  argument);
	return -EINVAL;
}

static int parse_deadline(const char *argument, void *data)
{
	static const struct bounds bounds = {"gate-deadline", rbce_parse_duration, 10000, 10000000,
					     "time from 10ms to 10s"};

	return parse_bounded(&bounds, argument, data);
}

static int parse_misses(const char *argument, void *data)
{
	unsigned misses;
	char rest;

	if (sscanf(argument, "%u%c", &misses, &rest) != 1 || misses == 0) {
		log_error("cannot use --gate-misses '%s': it is no number above 0", argument);
		return -EINVAL;
	}
	*(uint64_t *)data = misses;
	return 0;
}

static int parse_interval(const char *argument, void *data)
{
	static const struct bounds bounds = {"scan-interval", rbce_parse_duration, 100000,
					     3600000000, "time from 100ms to 1h"};

	return parse_bounded(&bounds, argument, data);
}

static int parse_source(const char *argument, void *data)
{
	const struct source_kind *kind = source_find(argument);

	if (!kind) {
		log_error("cannot use --source '%s': it is not known; see --help", argument);
		return -EINVAL;
	}
	*(const struct source_kind **)data = kind;
	return 0;
}

/* "where events come from: one (what it is), another (…)" */
static const char *sources_help(char *buffer, size_t size)
{
	int n = snprintf(buffer, size, "where events come from:");

	for (size_t i = 0; source_kinds[i] && n > 0 && (size_t)n < size; i++)
		n += snprintf(buffer + n, size - (size_t)n, "%s %s (%s)", i ? "," : "",
			      source_kinds[i]->name, source_kinds[i]->about);
	return buffer;
}

void settings_parse(int argc, char **argv, struct settings *s)
{
	char sources[512];
	const struct option_row options[] = {
		OPTION_TEXT("rules", "DIR", "rule files (default " RULES_DIR ")", &s->engine.rules),
		OPTION_TEXT("root", "NAME", "root group of all containers (default rbce)",
			    &s->engine.root),
		OPTION_PARSED("source", "NAME", sources_help(sources, sizeof(sources)),
			      parse_source, &s->source),
		OPTION_PARSED("gate", "WHAT",
			      "hold programs until their task is placed: off, rules (those that "
			      "rules name), all, or a mount point (default off)",
			      parse_gate, &s->engine.gate),
		OPTION_PARSED("gate-deadline", "TIME", "hold none longer than this (default 500ms)",
			      parse_deadline, &s->engine.gate.deadline),
		OPTION_PARSED("gate-misses", "N",
			      "hold nothing for a minute when so many in a row were held longer "
			      "(default 10)",
			      parse_misses, &s->engine.gate.misses),
		OPTION_FLAG("observe", "decide, count and explain, but move nothing",
			    &s->engine.observe),
		OPTION_PARSED("linger", "TIME", "keep an empty container so long (default 30s)",
			      parse_linger, &s->engine.linger),
		OPTION_PARSED("event-buffer", "SIZE", "room for events that wait (default 32M)",
			      parse_buffer, &s->engine.event_buffer),
		OPTION_PARSED("scan-interval", "TIME",
			      "time between looks at all tasks, with the source scan (default 1s)",
			      parse_interval, &s->engine.scan_interval),
		OPTION_FLAG("check", "check the rules and exit", &s->check),
		OPTION_FLAG("foreground", "stay in the foreground (as always)", &s->foreground),
		OPTION_FLAG("verbose", "log every move", &s->verbose),
		{0},
	};
	const struct command_line line = {
		.usage = "[--rules DIR] [--root NAME] [--gate WHAT] [--observe] [--check]",
		.about = "Puts every task into the container that the rules give it.",
		.features = FEATURES,
		.more = "SIGHUP reads the rules again; on any error the old ones stay.",
		.options = options,
	};
	int first;

	*s = defaults;
	first = options_parse(&line, argc, argv);
	if (first < argc) {
		log_error("cannot use argument '%s': none is expected; see --help", argv[first]);
		exit(EXIT_USAGE);
	}
}
