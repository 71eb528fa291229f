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
#include "listen.h"
#include "sampler.h"
#include "store.h"
#include "times.h"
#include "util.h"

enum {
	MAX_DESCRIPTORS = 1 << 20,
	SPARE_DESCRIPTORS = 64, /* for the database and whatever is opened in passing */
};

#define MIN_INTERVAL UINT64_C(10000)
#define MAX_INTERVAL UINT64_C(3600000000)

struct settings {
	const char *db;
	const char *root;
	const char *interval_text;
	const char *duration_text;
	uint64_t interval; /* microseconds */
	uint64_t duration; /* microseconds, RBCE_UNLIMITED without end */
};

struct recorder {
	const struct settings *settings;
	struct rbce_root *root;
	struct rbce_hierarchy *hierarchy;
	struct sampler *sampler;
	struct store *store;
	struct listener *listener;
	sd_event *event;
	char boot[64];
	uint64_t next; /* CLOCK_MONOTONIC of the next tick, microseconds */
	uint64_t end;  /* of the last */
	uint64_t overruns;
	uint64_t failed_since; /* ticks lost before the failure that lasts now */
	bool failing;
	bool short_of_memory;
	bool waiting;
	bool stopped; /* the final tick is done */
};

static uint64_t monotonic_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Ticks. */

/* Says when the database fails and when it works again, once each. */
static void note_store(struct recorder *r, int result, const struct rbce_error *err)
{
	if (result < 0 && !r->failing) {
		r->failed_since = store_lost(r->store) - 1;
		log_warning("%s; sampling goes on and each tick tries again", err->message);
	} else if (result == 0 && r->failing) {
		log_info("storing into '%s' again after %llu lost ticks", r->settings->db,
			 (unsigned long long)(store_lost(r->store) - r->failed_since));
	}
	r->failing = result < 0;
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

static void tick(struct recorder *r, bool final)
{
	const struct sample *sample = NULL;
	struct rbce_error err = {0};
	int result;

	listener_look(r->listener);
	store_begin(r->store, times_now());
	result = sampler_tick(r->sampler);
	note_root_group(r);
	while ((sample = sampler_next(r->sampler, sample)))
		if (store_put(r->store, sample) < 0)
			result = -ENOMEM;
	if (result < 0 && !r->short_of_memory)
		log_warning("cannot sample all containers: %s", strerror(-result));
	r->short_of_memory = result < 0;
	note_store(r, store_commit(r->store, r->overruns, final, &err), &err);
	r->stopped = final;
}

/* The ticks keep to their grid: one that comes too late is counted, and not made up for. */
static void schedule(struct recorder *r)
{
	uint64_t now = monotonic_usec(), interval = r->settings->interval;
	uint64_t until = now < r->end ? now + 1 : r->end;

	r->next += interval;
	if (r->next < until) {
		uint64_t missed = (until - r->next + interval - 1) / interval;

		r->overruns += missed;
		r->next += missed * interval;
	}
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
			  (unsigned long long)(store_lost(r->store) - r->failed_since));
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
	return 0;
}

int command_record(int argc, char **argv)
{
	struct settings settings = {.root = "rbce", .interval_text = "1s"};
	struct recorder r = {.settings = &settings};
	bool foreground;
	const struct option_row options[] = {
		{"db", 0, "FILE", "the database; made where there is none", .value = &settings.db},
		{"root", 0, "NAME", "root group (rbce)", .value = &settings.root},
		{"interval", 0, "TIME", "between samples (1s)", .value = &settings.interval_text},
		{"duration", 0, "TIME", "stop after it (never)", .value = &settings.duration_text},
		{"foreground", 0, NULL, "stay in the foreground (always so)", .flag = &foreground},
		{.name = NULL},
	};
	const struct command_line line = {
		.usage = "record --db FILE [--root NAME] [--interval TIME] [--duration TIME]",
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
	if (parse_times(&settings) < 0)
		return EXIT_USAGE;
	status = run(&r);
	listener_free(r.listener);
	sd_event_unref(r.event);
	store_close(r.store);
	sampler_close(r.sampler);
	rbce_hierarchy_close(r.hierarchy);
	rbce_root_close(r.root);
	return status;
}
