// SPDX-License-Identifier: GPL-2.0-or-later
/* Lines for those who listen; see stream.h. */
#include "stream.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "put.h"
#include "source/source.h"
#include "util.h"

enum {
	LISTENERS_MAX = 32,
	LISTENERS_OF_ONE = 8, /* of one user, but for root */
	/* That wait for a listener, beside those that its socket holds. */
	WAITING_MAX = 1024,
};

struct line {
	unsigned users;
	size_t size;
	char text[];
};

struct listener {
	struct stream *stream;
	struct listener *next;
	sd_event_source *io;
	int fd;
	uid_t uid;
	struct line *waiting[WAITING_MAX]; /* from FIRST on, around the end */
	size_t first, n;
	uint64_t missed; /* lines, since the last that found room */
};

struct stream {
	struct engine *engine;
	/* Of the queues and of the list. It is held for no system call but that of the bell. */
	pthread_mutex_t lock;
	struct listener *listeners;
	_Atomic size_t n;
	int bell; /* eventfd: a line waits for somebody */
	bool rung;
	sd_event_source *on_bell;
};

/* ---- lines ---- */

static void release(struct line *line)
{
	if (line && --line->users == 0)
		free(line);
}

static struct line *new_line(const char *event, struct json_object *fields)
{
	struct json_object *object = json_object_new_object();
	struct timespec now;
	struct line *line;
	const char *text;
	char time[32];
	size_t size;

	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(time, sizeof(time), "%lld.%06ld", (long long)now.tv_sec, now.tv_nsec / 1000);
	json_object_object_add(object, "time", json_object_new_double_s((double)now.tv_sec, time));
	put_string(object, "event", event);
	if (fields) {
		json_object_object_foreach (fields, key, value) {
			json_object_object_add(object, key, json_object_get(value));
		}
		json_object_put(fields);
	}
	text = json_object_to_json_string_length(
		object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &size);
	line = malloc(sizeof(*line) + size + 1);
	if (line) {
		line->users = 1;
		line->size = size + 1;
		memcpy(line->text, text, size);
		line->text[size] = '\n';
	}
	json_object_put(object);
	return line;
}

static void push(struct listener *listener, struct line *line)
{
	line->users++;
	listener->waiting[(listener->first + listener->n++) % WAITING_MAX] = line;
}

/* Says how many were missed, if any; needs room for one. */
static void push_missed(struct listener *listener)
{
	struct json_object *fields;
	struct line *line;

	if (!listener->missed)
		return;
	fields = json_object_new_object();
	put_number(fields, "lines", listener->missed);
	line = new_line("missed", fields);
	if (!line)
		return;
	push(listener, line);
	release(line);
	listener->missed = 0;
}

static void offer(struct listener *listener, struct line *line)
{
	size_t needed = listener->missed ? 2 : 1;

	if (!line || WAITING_MAX - listener->n < needed) {
		listener->missed++;
		return;
	}
	push_missed(listener);
	push(listener, line);
}

static void ring(struct stream *stream)
{
	if (stream->rung)
		return;
	stream->rung = true;
	eventfd_write(stream->bell, 1);
}

bool stream_is_heard(const struct engine *engine)
{
	return engine->stream && engine->stream->n > 0;
}

void stream_tell(struct engine *engine, const char *event, struct json_object *fields)
{
	struct stream *stream = engine->stream;
	struct line *line;

	if (!stream_is_heard(engine)) {
		json_object_put(fields);
		return;
	}
	line = new_line(event, fields);
	pthread_mutex_lock(&stream->lock);
	for (struct listener *l = stream->listeners; l; l = l->next)
		offer(l, line);
	ring(stream);
	release(line);
	pthread_mutex_unlock(&stream->lock);
}

void stream_tell_text(struct engine *engine, const char *event, const char *key, const char *value)
{
	struct json_object *fields;

	if (!stream_is_heard(engine))
		return;
	fields = json_object_new_object();
	put_string(fields, key, value);
	stream_tell(engine, event, fields);
}

void stream_tell_number(struct engine *engine, const char *event, const char *key, uint64_t value)
{
	struct json_object *fields;

	if (!stream_is_heard(engine))
		return;
	fields = json_object_new_object();
	put_number(fields, key, value);
	stream_tell(engine, event, fields);
}

/* Of most looks nothing comes. */
static bool is_news(const struct decision *decision)
{
	switch (decision->outcome) {
	case OUTCOME_NONE:
	case OUTCOME_RIGHT:
	case OUTCOME_HELD:
	case OUTCOME_GONE:
		return false;
	case OUTCOME_OBSERVED:
		return !decision->told;
	case OUTCOME_IGNORED:
		return decision->rule;
	case OUTCOME_MANUAL:
	case OUTCOME_FOREIGN:
	case OUTCOME_REALTIME:
	case OUTCOME_MOVED:
	case OUTCOME_SET:
	case OUTCOME_FAILED:
		break;
	}
	return true;
}

void stream_decision(struct engine *engine, const struct rbce_task *task, enum cause cause,
		     const struct decision *decision, uint64_t latency)
{
	struct json_object *fields;

	if (!stream_is_heard(engine) || !is_news(decision))
		return;
	fields = json_object_new_object();
	put_string(fields, "outcome", outcome_name(decision->outcome));
	put_string(fields, "cause", cause_name(cause));
	put_number(fields, "pid", (uint64_t)task->pid);
	put_string(fields, "exe", task->exe ?: *task->comm ? task->comm : NULL);
	put_string(fields, "rule", decision->rule ? decision->rule->name : NULL);
	put_string(fields, "from", task->container);
	put_string(fields, "to", decision->container);
	put_number(fields, "latency_us", latency);
	if (decision->outcome == OUTCOME_FAILED) {
		put_string(fields, "why", decision->why.message);
		put_string(fields, "errno", strerrorname_np(-decision->why.code));
	}
	stream_tell(engine, "decision", fields);
}

/* ---- listeners, in the loop ---- */

static void drop_listener(struct listener *listener)
{
	struct stream *stream = listener->stream;
	struct listener **link = &stream->listeners;

	pthread_mutex_lock(&stream->lock);
	while (*link != listener)
		link = &(*link)->next;
	*link = listener->next;
	stream->n--;
	for (size_t i = 0; i < listener->n; i++)
		release(listener->waiting[(listener->first + i) % WAITING_MAX]);
	pthread_mutex_unlock(&stream->lock);
	sd_event_source_disable_unref(listener->io);
	close(listener->fd);
	free(listener);
}

/* The line that is sent next, which stays in the queue until it is; NULL for none. */
static struct line *first_line(struct listener *listener)
{
	struct stream *stream = listener->stream;
	struct line *line = NULL;

	pthread_mutex_lock(&stream->lock);
	if (listener->n == 0)
		push_missed(listener);
	if (listener->n)
		line = listener->waiting[listener->first];
	pthread_mutex_unlock(&stream->lock);
	return line;
}

static void shift(struct listener *listener)
{
	struct stream *stream = listener->stream;

	pthread_mutex_lock(&stream->lock);
	release(listener->waiting[listener->first]);
	listener->first = (listener->first + 1) % WAITING_MAX;
	listener->n--;
	pthread_mutex_unlock(&stream->lock);
}

/* As much as the socket takes now. */
static void send_lines(struct listener *listener)
{
	const struct line *line;

	while ((line = first_line(listener))) {
		if (send(listener->fd, line->text, line->size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
			shift(listener);
		} else if (errno == EAGAIN) {
			sd_event_source_set_io_events(listener->io, EPOLLIN | EPOLLOUT);
			return;
		} else if (errno != EINTR) {
			drop_listener(listener);
			return;
		}
	}
	sd_event_source_set_io_events(listener->io, EPOLLIN);
}

/* Nothing more is expected of it than its end. */
static int on_listener(sd_event_source *source, int fd, uint32_t events, void *data)
{
	char rest[256];
	ssize_t n = 1;

	(void)source;
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		n = recv(fd, rest, sizeof(rest), MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		drop_listener(data);
	else if (events & EPOLLOUT)
		send_lines(data);
	return 0;
}

static int on_bell(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct stream *stream = data;
	struct listener *next;
	eventfd_t value;

	(void)source;
	(void)events;
	eventfd_read(fd, &value);
	pthread_mutex_lock(&stream->lock);
	stream->rung = false;
	pthread_mutex_unlock(&stream->lock);
	for (struct listener *l = stream->listeners; l; l = next) {
		next = l->next;
		send_lines(l);
	}
	return 0;
}

static bool has_room(const struct stream *stream, uid_t uid)
{
	size_t own = 0;

	for (const struct listener *l = stream->listeners; l; l = l->next)
		own += l->uid == uid;
	return stream->n < LISTENERS_MAX && (uid == 0 || own < LISTENERS_OF_ONE);
}

static void greet(struct listener *listener)
{
	struct engine *engine = listener->stream->engine;
	struct json_object *fields = json_object_new_object();
	struct line *line;

	put_string(fields, "root", engine->options.root);
	put_string(fields, "source", engine->source.kind->name);
	put_number(fields, "rules", ruleset_size(engine->rules));
	line = new_line("listening", fields);
	offer(listener, line);
	release(line);
}

int stream_add(struct engine *engine, int fd, uid_t uid, struct rbce_error *err)
{
	struct stream *stream = engine->stream;
	struct listener *listener;
	int r;

	if (!has_room(stream, uid))
		return rbce_error_set(err, -EUSERS, "cannot listen: too many do already");
	listener = calloc(1, sizeof(*listener));
	r = listener ? sd_event_add_io(engine->loop, &listener->io, fd, EPOLLIN, on_listener,
				       listener)
		     : -ENOMEM;
	if (r < 0) {
		free(listener);
		return rbce_error_errno(err, r, "cannot listen");
	}
	listener->stream = stream;
	listener->fd = fd;
	listener->uid = uid;
	greet(listener);
	pthread_mutex_lock(&stream->lock);
	listener->next = stream->listeners;
	stream->listeners = listener;
	stream->n++;
	ring(stream);
	pthread_mutex_unlock(&stream->lock);
	return 0;
}

size_t stream_listeners(const struct engine *engine)
{
	return engine->stream->n;
}

int stream_open(struct engine *engine, struct rbce_error *err)
{
	struct stream *stream = calloc(1, sizeof(*stream));
	int r = -ENOMEM;

	if (stream) {
		engine->stream = stream;
		stream->engine = engine;
		pthread_mutex_init(&stream->lock, NULL);
		stream->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		r = stream->bell < 0 ? -errno
				     : sd_event_add_io(engine->loop, &stream->on_bell, stream->bell,
						       EPOLLIN, on_bell, stream);
	}
	return r < 0 ? rbce_error_errno(err, r, "cannot tell of what is done") : 0;
}

void stream_close(struct engine *engine)
{
	struct stream *stream = engine->stream;

	if (!stream)
		return;
	while (stream->listeners)
		drop_listener(stream->listeners);
	sd_event_source_disable_unref(stream->on_bell);
	if (stream->bell >= 0)
		close(stream->bell);
	pthread_mutex_destroy(&stream->lock);
	free(stream);
	engine->stream = NULL;
}
