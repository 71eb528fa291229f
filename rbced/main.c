// SPDX-License-Identifier: GPL-2.0-or-later
/* rbced: puts every task of the system into its container, by rules. */
#include <core/cli/log.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "control.h"
#include "engine.h"
#include "gate/gate.h"
#include "job.h"
#include "key_check.h"
#include "oom/oom.h"
#include "options.h"
#include "penalty.h"
#include "place.h"
#include "priority.h"
#include "record.h"
#include "reload.h"
#include "run.h"
#include "runtime.h"
#include "source/source.h"
#include "stream.h"
#include "util.h"

enum { REAP_USEC = 2000000 };

/* The user signals are what cgrulesengd's administrators send for the same. */
static const int reload_signals[] = {SIGHUP, SIGUSR1, SIGUSR2};
static const int stop_signals[] = {SIGTERM, SIGINT};

static int check_rules(const char *path)
{
	CLEANUP(rules_errors_done) struct rules_errors errors = {0};
	struct ruleset *rules = NULL;

	if (ruleset_load(path, &key_check_options, &rules, &errors) < 0) {
		for (size_t i = 0; i < errors.n; i++)
			fprintf(stderr, "%s\n", errors.lines[i]);
		return EXIT_FAILURE;
	}
	printf("%s: %zu rules, %zu containers, no errors\n", path, ruleset_size(rules),
	       ruleset_containers(rules));
	ruleset_free(rules);
	return EXIT_SUCCESS;
}

/* One daemon per root: held until the process ends, however it ends. */
static int take_lock(const char *root, struct rbce_error *err)
{
	char path[256], owner[16];
	int fd, n;

	if (mkdir(RUNTIME_DIR, 0755) < 0 && errno != EEXIST)
		return rbce_error_errno(err, -errno, "cannot create '%s'", RUNTIME_DIR);
	runtime_path(root, "lock", path, sizeof(path));
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return rbce_error_errno(err, -errno, "cannot open '%s'", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		ssize_t got = pread(fd, owner, sizeof(owner) - 1, 0);

		owner[got > 0 ? got : 0] = '\0';
		owner[strcspn(owner, "\n")] = '\0';
		close(fd);
		return rbce_error_set(err, -EBUSY,
				      "cannot start on root '%s': rbced runs there as process %s",
				      root, *owner ? owner : "?");
	}
	n = snprintf(owner, sizeof(owner), "%d\n", getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, owner, (size_t)n, 0) != n)
		log_warning("cannot write '%s': %s", path, strerror(errno));
	return 0;
}

static void on_reloaded(void *data, int r, const struct rbce_error *err)
{
	const struct engine *engine = data;

	(void)err;
	if (r == 0)
		log_info("reloaded %zu rules", ruleset_size(engine->rules));
	else
		log_warning("the old rules stay in force");
	sd_notify(0, "READY=1");
}

static int on_reload_signal(sd_event_source *source, const struct signalfd_siginfo *info,
			    void *data)
{
	struct rbce_error err;

	(void)source;
	(void)info;
	sd_notify(0, "RELOADING=1");
	if (reload_request(data, on_reloaded, data, &err) < 0) {
		log_warning("%s", err.message);
		sd_notify(0, "READY=1");
	}
	return 0;
}

static int on_reap(sd_event_source *source, uint64_t usec, void *data)
{
	place_reap(data);
	return sd_event_source_set_time(source, usec + REAP_USEC);
}

static int add_sources(struct engine *engine)
{
	sd_event_source *reap;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(reload_signals); i++)
		r = sd_event_add_signal(engine->loop, NULL, reload_signals[i], on_reload_signal,
					engine);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(stop_signals); i++)
		r = sd_event_add_signal(engine->loop, NULL, stop_signals[i], NULL, NULL);
	if (r >= 0)
		r = sd_event_add_time_relative(engine->loop, &reap, CLOCK_MONOTONIC, REAP_USEC, 0,
					       on_reap, engine);
	if (r >= 0) {
		sd_event_source_set_floating(reap, true);
		sd_event_source_set_enabled(reap, SD_EVENT_ON);
		sd_event_source_unref(reap);
		r = engine_add_repair(engine);
	}
	if (r >= 0)
		r = sd_event_set_watchdog(engine->loop, true);
	return r;
}

/* Everything that can fail before the daemon is of use; what was opened is closed by stop(). */
static int start(struct engine *engine, const struct source_kind *kind, struct control **control,
		 struct rbce_error *err)
{
	char path[256];
	int r;

	r = rbce_root_open(NULL, &engine->root, err);
	if (r == 0)
		r = rbce_hierarchy_open(engine->root, engine->options.root, &engine->h, err);
	if (r == 0)
		r = take_lock(engine->options.root, err);
	if (r == 0)
		r = records_open(runtime_path(engine->options.root, "manual", path, sizeof(path)),
				 engine->root, &engine->records, err);
	/*
	 * Listening comes before the scan: what begins in between is seen by one or the other. And
	 * before the rules: both take much memory for a moment, which is given back in between.
	 */
	if (r == 0)
		r = source_open(engine, kind, err);
	malloc_trim(0);
	if (r == 0)
		r = reload_first(engine, err);
	malloc_trim(0);
	if (r == 0)
		r = stream_open(engine, err);
	if (r == 0)
		r = place_open(engine, err);
	if (r == 0)
		job_hold_all(engine);
	if (r == 0)
		r = control_open(engine,
				 runtime_path(engine->options.root, "sock", path, sizeof(path)),
				 control, err);
	return r;
}

static void stop(struct engine *engine, struct control *control)
{
	control_close(control);
	run_close(engine);
	gate_close(engine);
	source_close(engine);
	penalty_close(engine);
	oom_close(engine);
	place_close(engine);
	stream_close(engine);
	records_free(engine->records);
	if (reload_close(engine)) {
		rules_cache_free(engine->cache);
		ruleset_free(engine->rules);
		free(engine->rule_counters);
	}
	free(engine->reload_error);
	sd_event_source_unref(engine->repair);
	rbce_hierarchy_close(engine->h);
	rbce_root_close(engine->root);
	sd_event_unref(engine->loop);
}

/* A container keeps a dozen descriptors. */
static void raise_file_limit(void)
{
	struct rlimit limit = {.rlim_cur = 1 << 19, .rlim_max = 1 << 19};

	/* Above the hard limit only the privileged may go, and not above fs.nr_open. */
	if (setrlimit(RLIMIT_NOFILE, &limit) == 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(reload_signals); i++)
		sigaddset(&set, reload_signals[i]);
	for (size_t i = 0; i < ARRAY_SIZE(stop_signals); i++)
		sigaddset(&set, stop_signals[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* As sd_event_loop() does it; waiting is done without the lock. */
static int run_loop(struct engine *engine)
{
	int r = 0;

	engine_unlock(engine);
	while (r >= 0 && sd_event_get_state(engine->loop) != SD_EVENT_FINISHED) {
		r = sd_event_prepare(engine->loop);
		if (r == 0)
			r = sd_event_wait(engine->loop, UINT64_MAX);
		engine_lock(engine);
		if (r > 0)
			r = sd_event_dispatch(engine->loop);
		engine_unlock(engine);
	}
	engine_lock(engine);
	return r;
}

static int serve(struct engine *engine, const struct source_kind *kind)
{
	struct control *control = NULL;
	struct rbce_error err = {0};
	int r;

	r = log_in_background();
	if (r == 0)
		r = engine_lock_open(engine);
	if (r == 0) {
		engine_lock(engine);
		r = sd_event_new(&engine->loop);
	}
	if (r >= 0)
		r = add_sources(engine);
	if (r < 0)
		rbce_error_errno(&err, r, "cannot start");
	else
		r = start(engine, kind, &control, &err);
	if (r == 0) {
		engine_unlock(engine);
		gate_open(engine);
		engine_lock(engine);
		engine_scan(engine, CAUSE_SCAN);
		log_info("ready: %zu rules, %s cgroups, root '%s'%s", ruleset_size(engine->rules),
			 rbce_hierarchy_layout(engine->h), engine->options.root,
			 engine->options.observe ? ", observing only" : "");
		sd_notify(0, "READY=1");
		r = run_loop(engine);
		sd_notify(0, "STOPPING=1");
		if (r < 0)
			rbce_error_errno(&err, r, "cannot go on");
	}
	/* What is wrong with the rules has been said line by line. */
	if (r < 0 && !engine->reload_error)
		log_error("%s", err.message);
	engine_unlock(engine);
	stop(engine, control);
	log_flush();
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct settings settings;
	struct engine engine = {.self = getpid(), .started = time(NULL)};

	log_open(argv[0], LOG_LEVEL_INFO);
	settings_parse(argc, argv, &settings);
	if (settings.verbose)
		log_open(argv[0], LOG_LEVEL_DEBUG);
	if (settings.check)
		return check_rules(settings.engine.rules);
	engine.options = settings.engine;
	raise_file_limit();
	priority_raise();
	block_signals();
	return serve(&engine, settings.source);
}
