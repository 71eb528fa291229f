// SPDX-License-Identifier: GPL-2.0-or-later
/* containerstats record: samples all containers at each interval, until it is told to stop. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <rbce/hierarchy.h>
#include <rbce/units.h>
#include <signal.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "cli/log.h"
#include "cli/options.h"
#include "commands.h"
#include "file.h"
#include "parts.h"
#include "sample/listen.h"
#include "sample/sampler.h"
#include "store/store.h"
#include "times.h"
#include "util.h"

enum {
	MAX_DESCRIPTORS = 1 << 20,
	SPARE_DESCRIPTORS = 64, /* for the database and whatever is opened in passing */
};

/* A clock that is away by more was set; less is how one is kept right. */
#define SKIP_MS INT64_C(1000)

#define MIN_INTERVAL UINT64_C(10000)
#define MAX_INTERVAL UINT64_C(3600000000)

struct settings {
	const char *db;
	const char *root;
	const char *interval_text;
	const char *duration_text;
	const char *config;
	struct retention retention;
	const char *shares_text;
	uint64_t interval; /* microseconds */
	uint64_t duration; /* microseconds, RBCE_UNLIMITED without end */
	struct parts_options parts;
};

struct recorder {
	const struct settings *settings;
	struct rbce_root *root;
	struct rbce_hierarchy *hierarchy;
	struct sampler *sampler;
	struct store *store;
	struct listener *listener;
	struct parts *parts;
	sd_event *event;
	char boot[64];
	uint64_t next; /* CLOCK_MONOTONIC of the next tick, microseconds */
	uint64_t end;  /* of the last */
	uint64_t overruns;
	int64_t served;       /* time of the last tick, ms */
	int64_t clock;        /* ms, at the last tick, as the next */
	uint64_t monotonic;   /* microseconds */
	uint64_t lost_before; /* ticks lost before the failure that lasts now */
	size_t held;          /* ticks that waited in memory when it last failed */
	bool losing;
	bool failing;
	bool short_of_memory;
	bool waiting;
	bool stopped; /* the final tick is done */
};

/* Ticks. */

/* Says when the database fails, when memory for its ticks runs out, and when it works again, once
 * each. */
static void note_store(struct recorder *r, int result, const struct rbce_error *err)
{
	uint64_t lost = store_lost(r->store) - r->lost_before;

	if (result < 0 && !r->failing) {
		log_warning("%s; sampling goes on in memory and each tick tries again",
			    err->message);
	} else if (result < 0 && lost && !r->losing) {
		log_warning("no more memory for ticks that cannot be stored: from now on only "
			    "sums are kept");
		r->losing = true;
	} else if (result == 0 && r->failing) {
		log_info("storing into '%s' again: %zu ticks from memory, %llu lost",
			 r->settings->db, r->held, (unsigned long long)lost);
		r->losing = false;
	}
	r->failing = result < 0;
	if (r->failing)
		r->held = store_held(r->store);
	else
		r->lost_before = store_lost(r->store);
}

static void note_root_group(struct recorder *r)
{
	bool waiting = sampler_count(r->sampler) == 0;

	if (waiting && !r->waiting)
		log_info("waiting for root group '%s'", r->settings->root);
	else if (!waiting && r->waiting)
		log_info("root group '%s' is there", r->settings->root);
	r->waiting = waiting;
}

/* The time of a tick is its point of the grid, where it came at that. */
static int64_t tick_time(const struct recorder *r)
{
	int64_t interval = (int64_t)(r->settings->interval / 1000), now = times_now();
	int64_t point = (now + interval / 2) / interval * interval;
	int64_t away = now > point ? now - point : point - now;

	return away <= interval / 4 ? point : now;
}

/* Was the clock set since the last tick, or did the machine sleep? */
static void note_clock(struct recorder *r)
{
	int64_t clock = times_now(), skipped;
	uint64_t monotonic = monotonic_usec();

	skipped = clock - r->clock - (int64_t)(monotonic - r->monotonic) / 1000;
	if (r->clock && (skipped > SKIP_MS || skipped < -SKIP_MS))
		store_skip(r->store, skipped);
	r->clock = clock;
	r->monotonic = monotonic;
}

static void tick(struct recorder *r, bool final)
{
	const struct sample *sample = NULL;
	struct rbce_error err = {0};
	int result;

	note_clock(r);
	listener_look(r->listener);
	r->served = tick_time(r);
	store_begin(r->store, r->served);
	result = sampler_tick(r->sampler);
	note_root_group(r);
	parts_begin(r->parts, final);
	while ((sample = sampler_next(r->sampler, sample))) {
		if (store_put(r->store, sample) < 0)
			result = -ENOMEM;
		parts_note(r->parts, sample);
	}
	parts_tick(r->parts, final);
	if (result < 0 && !r->short_of_memory)
		log_warning("cannot sample all containers: %s", strerror(-result));
	r->short_of_memory = result < 0;
	note_store(r, store_commit(r->store, r->overruns, final, &err), &err);
	r->stopped = final;
}

/* To the next point of the grid, in microseconds; below zero when that has passed. */
static int64_t until_grid(const struct recorder *r)
{
	struct timespec now;
	int64_t usec;

	clock_gettime(CLOCK_REALTIME, &now);
	usec = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
	return times_next_point(usec, r->served * 1000, (int64_t)r->settings->interval) - usec;
}

/*
 * The ticks keep to a grid, that of the clock's whole seconds: times that are whole take half the
 * room, and those of several recorders are the same. One that took a little longer than to the next
 * is followed by that at once; what comes later still is counted, and not made up for.
 */
static void schedule(struct recorder *r)
{
	uint64_t interval = r->settings->interval, last = r->next;

	r->next = monotonic_usec() + (uint64_t)until_grid(r);
	/* By rounding: the first one was where it was, and a step of the clock moves the grid. */
	if (r->next > last && r->next - last > interval)
		r->overruns += (r->next - last + interval / 2) / interval - 1;
	if (r->next > r->end)
		r->next = r->end;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *data)
{
	struct recorder *r = data;
	bool final = r->next == r->end;
	int result;

	(void)usec;
	tick(r, final);
	if (final)
		return sd_event_exit(r->event, 0);
	schedule(r);
	result = sd_event_source_set_time(source, r->next);
	return result < 0 ? result : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
	struct recorder *r = data;

	(void)source;
	(void)info;
	if (!r->stopped)
		tick(r, true);
	return sd_event_exit(r->event, 0);
}

/* Start and stop. */

/* Every container keeps some twenty files open. Returns the limit for kept descriptors. */
static int raise_descriptor_limit(void)
{
	struct rlimit limit, wanted = {MAX_DESCRIPTORS, MAX_DESCRIPTORS};

	if (setrlimit(RLIMIT_NOFILE, &wanted) < 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > MAX_DESCRIPTORS)
		limit.rlim_cur = MAX_DESCRIPTORS;
	return limit.rlim_cur > SPARE_DESCRIPTORS ? (int)limit.rlim_cur - SPARE_DESCRIPTORS : 0;
}

static int open_sources(struct recorder *r, struct rbce_error *err)
{
	int result = rbce_root_open(NULL, &r->root, err);
	ssize_t n;

	if (result == 0)
		result = rbce_hierarchy_open(r->root, r->settings->root, &r->hierarchy, err);
	if (result < 0)
		return result;
	n = file_read_at(rbce_root_fd(r->root), "proc/sys/kernel/random/boot_id", r->boot,
			 sizeof(r->boot));
	if (n < 0)
		return rbce_error_errno(err, (int)n, "cannot read the boot id");
	return sampler_open(r->hierarchy, raise_descriptor_limit(), &r->sampler, err);
}

/* A database that is not for us ends the program; any other trouble with it may pass. */
static int open_store(struct recorder *r, struct rbce_error *err)
{
	struct store_options options = {
		.path = r->settings->db,
		.group = r->settings->root,
		.boot = r->boot,
		.interval = (int64_t)(r->settings->interval / 1000),
		.retention = r->settings->retention,
	};
	int result = store_new(&options, &r->store, err);

	if (result < 0)
		return result;
	result = store_open(r->store, err);
	return result == -EMEDIUMTYPE || result == -EALREADY ? result : 0;
}

/* It is stored at the next tick. */
static void on_told(void *data, struct told *told)
{
	const struct recorder *r = data;

	store_tell(r->store, told);
}

static int add_events(struct recorder *r)
{
	static const int signals[] = {SIGTERM, SIGINT};
	sigset_t blocked;
	int result;

	sigemptyset(&blocked);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(&blocked, signals[i]);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	/* A limit on file sizes or a closed terminal fail the write, not the program. */
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);

	result = sd_event_new(&r->event);
	if (result >= 0)
		result = listener_new(r->event, r->settings->root, on_told, r, &r->listener);
	if (result >= 0)
		result = parts_open(&r->settings->parts, r->event, r->hierarchy, &r->parts);
	if (result >= 0)
		parts_connect(r->parts, r->listener, r->store);
	for (size_t i = 0; result >= 0 && i < ARRAY_SIZE(signals); i++)
		result = sd_event_add_signal(r->event, NULL, signals[i], on_signal, r);
	if (result >= 0)
		result = sd_event_set_watchdog(r->event, true);
	r->next = monotonic_usec();
	r->end = r->settings->duration > UINT64_MAX / 2 ? UINT64_MAX
							: r->next + r->settings->duration;
	if (result >= 0)
		result = sd_event_add_time(r->event, NULL, CLOCK_MONOTONIC, r->next, 1000, on_timer,
					   r);
	return result;
}

static void say_summary(const struct recorder *r)
{
	cleanup_free char *parts = parts_summary(r->parts);
	uint64_t ticks = store_ticks(r->store);
	struct rusage usage;
	double ms;

	getrusage(RUSAGE_SELF, &usage);
	ms = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
	     (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
	log_info("stopped after %llu ticks: %zu containers, %llu overrun, %llu lost, %.2f ms of "
		 "CPU each",
		 (unsigned long long)ticks, sampler_count(r->sampler),
		 (unsigned long long)r->overruns, (unsigned long long)store_lost(r->store),
		 ticks ? ms / (double)ticks : 0);
	if (parts)
		log_info("%s", parts);
}

static int run(struct recorder *r)
{
	struct rbce_error err = {0};
	int result = open_sources(r, &err);

	if (result == 0)
		result = open_store(r, &err);
	if (result < 0) {
		log_error("%s", err.message);
		return EXIT_FAILURE;
	}
	result = add_events(r);
	if (result >= 0) {
		log_info("recording root group '%s' into '%s'", r->settings->root, r->settings->db);
		sd_notify(0, "READY=1");
		result = sd_event_loop(r->event);
	}
	sd_notify(0, "STOPPING=1");
	if (result < 0) {
		log_error("cannot wait for events: %s", strerror(-result));
		return EXIT_FAILURE;
	}
	if (store_checkpoint(r->store, &err) < 0)
		log_warning("%s", err.message);
	say_summary(r);
	if (r->failing)
		log_error("cannot store the last %llu ticks",
			  (unsigned long long)(store_lost(r->store) - r->lost_before) +
				  store_held(r->store));
	return r->failing ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int parse_times(struct settings *s)
{
	s->duration = RBCE_UNLIMITED;
	if (rbce_parse_duration(s->interval_text, &s->interval) < 0 || s->interval < MIN_INTERVAL ||
	    s->interval > MAX_INTERVAL) {
		log_error("cannot use --interval '%s': give a duration from 10ms to 1h",
			  s->interval_text);
		return -EINVAL;
	}
	if (s->duration_text && rbce_parse_duration(s->duration_text, &s->duration) < 0) {
		log_error("cannot use --duration '%s': give one like 10s, 5min or max",
			  s->duration_text);
		return -EINVAL;
	}
	if (streq(s->shares_text, "never"))
		s->parts.shares = 0;
	else if (rbce_parse_duration(s->shares_text, &s->parts.shares) < 0 ||
		 s->parts.shares < MIN_INTERVAL || s->parts.shares > MAX_INTERVAL) {
		log_error("cannot use --shares '%s': give a duration from 10ms to 1h, or never",
			  s->shares_text);
		return -EINVAL;
	}
	return 0;
}

/* The file need not be there unless it was asked for. */
static int read_config(struct settings *s)
{
	struct rbce_error err = {0};
	int r = retention_read(&s->retention, s->config ?: RETENTION_FILE, &err);

	if (r < 0 && (r != -ENOENT || s->config)) {
		log_error("%s", err.message);
		return r;
	}
	return 0;
}

int command_record(int argc, char **argv)
{
	struct settings settings = {.root = "rbce", .interval_text = "1s", .shares_text = "10s"};
	struct recorder r = {.settings = &settings};
	bool foreground;
	const struct option_row options[] = {
		{"db", 0, "FILE", "the database; made where there is none", .value = &settings.db},
		{"root", 0, "NAME", "root group (rbce)", .value = &settings.root},
		{"interval", 0, "TIME", "between samples (1s)", .value = &settings.interval_text},
		{"duration", 0, "TIME", "stop after it (never)", .value = &settings.duration_text},
		{"config", 0, "FILE", "how long what is kept (" RETENTION_FILE ")",
		 .value = &settings.config},
		{"shares", 0, "TIME", "between looks at how the CPUs are shared (10s, never)",
		 .value = &settings.shares_text},
		{"running", 0, NULL, "what tasks use that still run, by program",
		 .flag = &settings.parts.running},
		{"states", 0, NULL, "how many tasks are in which state",
		 .flag = &settings.parts.states},
		{"no-exits", 0, NULL, "without the account of tasks that end",
		 .flag = &settings.parts.no_exits},
		{"foreground", 0, NULL, "stay in the foreground (always so)", .flag = &foreground},
		{.name = NULL},
	};
	const struct command_line line = {
		.usage = "record --db FILE [--root NAME] [--interval TIME] [--duration TIME] "
			 "[--config FILE] [--shares TIME] [--running] [--states] [--no-exits]",
		.about = "Samples every container under the root group into an SQLite database.",
		.options = options,
	};
	int at = options_parse(&line, argc, argv), status;

	if (at != argc || !settings.db || !*settings.db) {
		if (at != argc)
			log_error("cannot use '%s': record takes options only", argv[at]);
		else
			log_error("cannot record: --db FILE is missing");
		return EXIT_USAGE;
	}
	if (parse_times(&settings) < 0 || read_config(&settings) < 0)
		return EXIT_USAGE;
	status = run(&r);
	parts_close(r.parts);
	listener_free(r.listener);
	sd_event_unref(r.event);
	store_close(r.store);
	sampler_close(r.sampler);
	rbce_hierarchy_close(r.hierarchy);
	rbce_root_close(r.root);
	return status;
}
