// SPDX-License-Identifier: GPL-2.0-or-later
/* From a program that is about to be executed to the answer that lets it go; see gate.h. */
#include <core/cli/log.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "../priority.h"
#include "../put.h"
#include "../source/source.h"
#include "../stream.h"
#include "internal.h"
#include "util.h"

enum {
	/* Descriptors that containers must leave: the kernel forbids a program where it finds none
	   for the event. */
	SPARE_FILES = 4096,
	/* A gate that was opened by too many late answers is closed again after so long. */
	DEGRADED_USEC = 60000000,
};

enum gate_count {
	COUNT_EVENTS,
	COUNT_LEFT,    /* scripts, loaders, the daemon itself */
	COUNT_RIGHT,   /* known to stand right: nothing was to be decided */
	COUNT_LATE,    /* let go at the deadline, by the thread */
	COUNT_REFUSED, /* by the kernel, for want of a descriptor */
	COUNT_DEGRADED,
};
enum { COUNTS = COUNT_DEGRADED + 1 };

struct gate {
	struct engine *engine;
	char *why; /* it holds nothing; NULL when it does */
	pid_t self;
	int group;
	int bell; /* eventfd: the thread is to look what the watchdog did, or whether to end */
	_Atomic bool ends;
	bool runs;
	pthread_t thread;
	struct watchdog dog;
	struct gate_shared *shared;
	struct marks *marks;
	sd_event_source *again; /* timer: time to close the gate once more */
	_Atomic uint64_t counts[COUNTS];
	struct histogram latency;
	_Atomic bool degraded;
	/* The thread's own. */
	uint64_t misses;  /* in a row */
	bool impatient;   /* the last wait for the lock was in vain */
	uint64_t rescued; /* by the watchdog, as last seen */
};

struct event {
	struct gate *gate;
	int fd;
	pid_t pid;
	uint64_t since;    /* monotonic_usec() */
	uint64_t held_for; /* microseconds; 0: it still is */
	bool changes_ids;
	char program[PATH_MAX];
};

static void add(struct gate *gate, enum gate_count what, uint64_t n)
{
	atomic_fetch_add_explicit(&gate->counts[what], n, memory_order_relaxed);
}

/* ---- answers ---- */

/* Once for each, as soon as can be. */
static void let_go(void *data)
{
	struct event *event = data;
	struct gate *gate = event->gate;
	const struct fanotify_response response = {event->fd, FAN_ALLOW};

	if (event->held_for)
		return;
	/* ENOENT: the watchdog was first, or the task was killed. */
	if (write(gate->group, &response, sizeof(response)) < 0 && errno != ENOENT)
		log_warning("gate: cannot answer: %s", strerror(errno));
	atomic_fetch_add(&gate->shared->beat, 1);
	close(event->fd);
	event->held_for = monotonic_usec() - event->since ?: 1;
	histogram_add(&gate->latency, event->held_for);
}

/* Too many in a row were late: it is better to hold nothing for a while. */
static void miss(struct gate *gate, uint64_t n)
{
	gate->misses += n;
	if (gate->misses < gate->engine->options.gate.misses || gate->degraded)
		return;
	atomic_store(&gate->degraded, true);
	marks_flush(gate->group);
	add(gate, COUNT_DEGRADED, 1);
	log_error("gate: %" PRIu64 " programs in a row were held too long: nothing is held for the "
		  "next minute, tasks are placed after they begin to run",
		  gate->misses);
	stream_tell_text(gate->engine, "gate", "state", "degraded");
	gate->misses = 0;
}

static void note_rescued(struct gate *gate)
{
	uint64_t rescued = atomic_load(&gate->shared->rescued), n = rescued - gate->rescued;

	if (!n)
		return;
	gate->rescued = rescued;
	log_warning("gate: the watchdog let %" PRIu64 " programs go that waited too long", n);
	miss(gate, 1);
}

/* ---- decisions ---- */

static int read_program(struct event *event)
{
	static const char deleted[] = " (deleted)";
	char link[64];
	struct stat st;
	ssize_t n, end;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", event->fd);
	n = readlink(link, event->program, sizeof(event->program) - 1);
	if (n < 0 || fstat(event->fd, &st) < 0)
		return -errno;
	event->program[n] = '\0';
	event->changes_ids = st.st_mode & (S_ISUID | S_ISGID);
	end = n - (ssize_t)strlen(deleted);
	/* The kernel marks the path of a file that has been unlinked since. */
	if (end > 0 && streq(event->program + end, deleted) && st.st_nlink == 0)
		event->program[end] = '\0';
	return 0;
}

/*
 * Will the task show this very file as its executable? Not a script: its interpreter is opened next
 * and is then the program. Not the loader of a dynamic program, which is opened right after that;
 * one that is started by itself looks the same here, and is left to the source of events. Only what
 * is in memory is read; the rest passes for a program.
 */
static bool is_program(const struct event *event)
{
	char magic[SELFMAG];
	const struct iovec part = {magic, sizeof(magic)};
	ssize_t n;

	if (is_loader(event->program))
		return false;
	n = preadv2(event->fd, &part, 1, 0, RWF_NOWAIT);
	/* Not all file systems can say what would wait; those in memory do not. */
	if (n < 0 && errno == EOPNOTSUPP)
		n = pread(event->fd, magic, sizeof(magic), 0);
	return n < 0 || (n == sizeof(magic) && memcmp(magic, ELFMAG, SELFMAG) == 0);
}

static void tell_miss(struct gate *gate, const struct event *event, uint64_t held)
{
	struct json_object *fields;

	if (!stream_is_heard(gate->engine))
		return;
	fields = json_object_new_object();
	put_number(fields, "pid", (uint64_t)event->pid);
	put_string(fields, "program", event->program);
	put_number(fields, "held_us", held);
	stream_tell(gate->engine, "gate_miss", fields);
}

/* True when the answer came too late. */
static bool handle(struct gate *gate, struct event *event)
{
	uint64_t until = event->since + gate->engine->options.gate.deadline;
	int r = 0;

	add(gate, COUNT_EVENTS, 1);
	/* The daemon itself is never held, nor what has no pid here. */
	if (gate->degraded || event->pid <= 0 || event->pid == gate->self ||
	    read_program(event) < 0)
		add(gate, COUNT_LEFT, 1);
	else if (!event->changes_ids && source_foresees(gate->engine, event->pid, event->program))
		add(gate, COUNT_RIGHT, 1);
	else if (!is_program(event))
		add(gate, COUNT_LEFT, 1);
	else
		r = engine_classify_exec(gate->engine, event->pid, event->program,
					 event->changes_ids, gate->impatient ? 0 : until, let_go,
					 event);
	let_go(event);
	/* After one wait in vain the others do not wait as well, one behind the other. */
	gate->impatient = r == -ETIMEDOUT;
	if (r != -ETIMEDOUT && event->held_for <= gate->engine->options.gate.deadline)
		return false;
	add(gate, COUNT_LATE, 1);
	tell_miss(gate, event, event->held_for);
	return true;
}

static void read_events(struct gate *gate)
{
	char *batch = gate->shared->batch;
	const struct fanotify_event_metadata *metadata = (const void *)batch;
	ssize_t n = read(gate->group, batch, GATE_BATCH);
	uint64_t since = monotonic_usec();
	bool late = false;

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		add(gate, COUNT_REFUSED, 1);
	for (; n > 0 && FAN_EVENT_OK(metadata, n); metadata = FAN_EVENT_NEXT(metadata, n)) {
		struct event event = {
			.gate = gate,
			.fd = metadata->fd,
			.pid = metadata->pid,
			.since = since,
		};

		if (event.fd >= 0)
			late |= handle(gate, &event);
	}
	/* Those that waited together count once: a moment that the daemon stood still for is one.
	 */
	if (late)
		miss(gate, 1);
	else if (n > 0)
		gate->misses = 0;
	/* Nothing of it is open now. */
	atomic_thread_fence(memory_order_release);
	*(volatile uint32_t *)batch = 0;
}

static void *run(void *data)
{
	struct gate *gate = data;
	struct pollfd ready[] = {{gate->group, POLLIN, 0}, {gate->bell, POLLIN, 0}};

	prctl(PR_SET_NAME, "rbced-gate");
	priority_raise();
	while (!gate->ends) {
		eventfd_t rings;

		if (poll(ready, ARRAY_SIZE(ready), -1) < 0 && errno != EINTR)
			break;
		if (ready[1].revents && eventfd_read(gate->bell, &rings) == 0)
			atomic_fetch_add(&gate->shared->beat, 1);
		note_rescued(gate);
		if (ready[0].revents)
			read_events(gate);
	}
	return NULL;
}

/* ---- opening and closing ---- */

const char *gate_reason(int error)
{
	switch (error) {
	case EMFILE:
		return "all fanotify groups are taken (fs.fanotify.max_user_groups)";
	case EPERM:
		return "it needs CAP_SYS_ADMIN, or a security module forbids it";
	case ENOSYS:
	case EINVAL:
		return "this kernel cannot hold programs (CONFIG_FANOTIFY_ACCESS_PERMISSIONS)";
	default:
		return strerror(error);
	}
}

static int open_group(struct gate *gate, struct rbce_error *err)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < 2 * SPARE_FILES)
		return rbce_error_set(err, -EMFILE, "it needs %d open files (RLIMIT_NOFILE)",
				      2 * SPARE_FILES);
	gate->group = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK |
					    FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS,
				    O_RDONLY | O_LARGEFILE | O_CLOEXEC);
	if (gate->group < 0)
		return rbce_error_set(err, -errno, "%s", gate_reason(errno));
	return 0;
}

static int start(struct gate *gate, struct rbce_error *err)
{
	void *shared;
	int r = open_group(gate, err);

	if (r < 0)
		return r;
	gate->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (gate->bell < 0)
		return rbce_error_set(err, -errno, "%s", strerror(errno));
	shared = mmap(NULL, sizeof(*gate->shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return rbce_error_set(err, -errno, "%s", strerror(errno));
	gate->shared = shared;
	r = watchdog_start(&gate->dog, gate->shared, gate->group, gate->bell,
			   gate->engine->options.gate.deadline);
	if (r == 0)
		r = -pthread_create(&gate->thread, NULL, run, gate);
	if (r < 0)
		return rbce_error_set(err, r, "%s", strerror(-r));
	gate->runs = true;
	/* Nothing is held before somebody answers. */
	return marks_open(gate->engine, gate->group, &gate->marks, err);
}

/* Closing the group lets all go that it holds. */
static void stop(struct gate *gate)
{
	gate->marks = marks_close(gate->marks);
	if (gate->group >= 0)
		marks_flush(gate->group);
	if (gate->runs) {
		gate->ends = true;
		eventfd_write(gate->bell, 1);
		pthread_join(gate->thread, NULL);
		gate->runs = false;
	}
	if (gate->shared)
		watchdog_stop(&gate->dog, gate->shared);
	closep(&gate->group);
	closep(&gate->bell);
	gate->group = gate->bell = -1;
	if (gate->shared)
		munmap(gate->shared, sizeof(*gate->shared));
	gate->shared = NULL;
}

/* Late answers come from a machine that is short of something, and that passes. */
static int on_again(sd_event_source *source, uint64_t usec, void *data)
{
	struct gate *gate = data;

	if (gate->degraded && gate->marks) {
		atomic_store(&gate->degraded, false);
		marks_renew(gate->marks);
		log_info("gate: programs are held again");
		stream_tell_text(gate->engine, "gate", "state", "on");
	}
	return sd_event_source_set_time(source, usec + DEGRADED_USEC);
}

static int add_timer(struct gate *gate, struct rbce_error *err)
{
	int r = sd_event_add_time_relative(gate->engine->loop, &gate->again, CLOCK_MONOTONIC,
					   DEGRADED_USEC, 0, on_again, gate);

	if (r >= 0)
		r = sd_event_source_set_enabled(gate->again, SD_EVENT_ON);
	return r < 0 ? rbce_error_set(err, r, "%s", strerror(-r)) : 0;
}

void gate_open(struct engine *engine)
{
	struct gate *gate;
	struct rbce_error err;

	if (engine->options.gate.mode == GATE_OFF)
		return;
	gate = calloc(1, sizeof(*gate));
	if (!gate) {
		log_warning("gate: cannot hold programs: %s", strerror(ENOMEM));
		return;
	}
	gate->engine = engine;
	gate->self = getpid();
	gate->group = gate->bell = gate->dog.self = gate->dog.bell = -1;
	engine->gate = gate;
	if (start(gate, &err) == 0 && add_timer(gate, &err) == 0)
		return;
	gate->why = strdup(err.message);
	stop(gate);
	log_warning("gate: cannot hold programs, tasks are placed after they begin to run: %s",
		    err.message);
}

void gate_close(struct engine *engine)
{
	struct gate *gate = engine->gate;

	if (!gate)
		return;
	sd_event_source_disable_unref(gate->again);
	stop(gate);
	free(gate->why);
	free(gate);
	engine->gate = NULL;
}

void gate_rules_changed(struct gate *gate)
{
	if (gate && gate->marks)
		marks_renew(gate->marks);
}

/* ---- status ---- */

void gate_put_status(struct gate *gate, struct json_object *object)
{
	static const char *const names[COUNTS] = {
		[COUNT_EVENTS] = "events",   [COUNT_LEFT] = "left",
		[COUNT_RIGHT] = "right",     [COUNT_LATE] = "late",
		[COUNT_REFUSED] = "refused", [COUNT_DEGRADED] = "degraded",
	};
	static const char *const modes[] = {
		[GATE_OFF] = "off",
		[GATE_RULES] = "rules",
		[GATE_ALL] = "all",
		[GATE_MOUNT] = "mount",
	};
	enum gate_mode mode = gate ? gate->engine->options.gate.mode : GATE_OFF;
	struct marks_status marks = {0};
	const char *state = "off";

	if (gate)
		state = gate->why ? "unavailable" : gate->degraded ? "degraded" : "on";
	put_string(object, "mode", modes[mode]);
	put_string(object, "state", state);
	if (!gate)
		return;
	if (gate->why)
		put_string(object, "why", gate->why);
	if (gate->marks)
		marks = marks_status(gate->marks);
	put_number(object, "files", marks.files);
	put_number(object, "file_systems", marks.file_systems);
	if (marks.left_out)
		put_string(object, "left_out", marks.left_out);
	for (size_t i = 0; i < COUNTS; i++)
		put_number(object, names[i], gate->counts[i]);
	put_number(object, "rescued", gate->shared ? gate->shared->rescued : 0);
	put_number(object, "held_p50_us", histogram_quantile(&gate->latency, 0.5));
	put_number(object, "held_p99_us", histogram_quantile(&gate->latency, 0.99));
	put_number(object, "held_max_us", gate->latency.max);
}
