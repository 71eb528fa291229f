// SPDX-License-Identifier: LGPL-2.1-or-later
/* The records, and syslog(2); see kmsg.h. */
#include "kmsg.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <time.h>

#include "file.h"
#include "util.h"

enum {
	FACILITY_USER = 1 << 3,
	LOOK_MS = 1000, /* for kills, while somebody waits for records */
};

/* Types of syslog(2). */
enum {
	CALL_READ = 2,
	CALL_READ_ALL = 3,
	CALL_READ_CLEAR = 4,
	CALL_CLEAR = 5,
	CALL_SIZE_UNREAD = 9,
	CALL_SIZE_BUFFER = 10,
};

/* ---- records ---- */

static struct kmsg_record *record(const struct kmsg *kmsg, uint64_t at)
{
	return (struct kmsg_record *)&kmsg->records[at % KMSG_RECORDS];
}

static void drop_oldest(struct kmsg *kmsg)
{
	struct kmsg_record *r = record(kmsg, kmsg->first);

	kmsg->bytes -= strlen(r->text) + 1;
	free(TAKE_PTR(r->text));
	kmsg->first++;
	if (kmsg->cleared < kmsg->first)
		kmsg->cleared = kmsg->first;
	if (kmsg->unread < kmsg->first)
		kmsg->unread = kmsg->first;
}

static void add_line(struct kmsg *kmsg, unsigned priority, const char *text, size_t n)
{
	char *copy = strndup(text, n < KMSG_LINE - 1 ? n : KMSG_LINE - 1);
	struct timespec now;

	if (!copy)
		return;
	for (char *p = copy; *p; p++)
		if ((unsigned char)*p < ' ' && *p != '\t')
			*p = '?';
	while (kmsg->first < kmsg->next && (kmsg->next - kmsg->first == KMSG_RECORDS ||
					    kmsg->bytes + strlen(copy) + 1 > kmsg->size))
		drop_oldest(kmsg);
	clock_gettime(CLOCK_MONOTONIC, &now);
	*record(kmsg, kmsg->next) = (struct kmsg_record){
		.usec = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000,
		.priority = priority,
		.text = copy,
	};
	kmsg->bytes += strlen(copy) + 1;
	kmsg->next++;
}

void kmsg_add(struct kmsg *kmsg, const char *text, size_t n)
{
	unsigned priority = FACILITY_USER | LOG_NOTICE, given;
	int length = 0;
	char prefix[16];

	snprintf(prefix, sizeof(prefix), "%.*s", (int)(n < 12 ? n : 12), text);
	if (sscanf(prefix, "<%u>%n", &given, &length) == 1 && length > 0) {
		/* As for the kernel's own: the facility is never its. */
		priority = given >> 3 ? given & 0x3ff : FACILITY_USER | given;
		text += length;
		n -= (size_t)length;
	}
	while (n && (text[n - 1] == '\n' || text[n - 1] == '\0'))
		n--;
	add_line(kmsg, priority, text, n);
}

static bool count_kills(const struct kmsg *kmsg, uint64_t *ret)
{
	char text[4096];
	const char *p;

	if (kmsg->events < 0 || file_pread(kmsg->events, text, sizeof(text)) <= 0)
		return false;
	p = strstr(text, "oom_kill ");
	return p && sscanf(p, "oom_kill %" SCNu64, ret) == 1;
}

void kmsg_look(struct kmsg *kmsg)
{
	uint64_t kills;
	char text[128];
	int n;

	if (!count_kills(kmsg, &kills) || kills <= kmsg->kills)
		return;
	n = snprintf(text, sizeof(text), "Memory cgroup out of memory: killed %" PRIu64 " task%s",
		     kills - kmsg->kills, kills - kmsg->kills == 1 ? "" : "s");
	kmsg->kills = kills;
	add_line(kmsg, LOG_ERR, text, (size_t)n);
}

size_t kmsg_format(const struct kmsg *kmsg, uint64_t at, char *buf, size_t size)
{
	const struct kmsg_record *r = record(kmsg, at);
	int n = snprintf(buf, size, "%u,%" PRIu64 ",%" PRIu64 ",-;%s\n", r->priority, at, r->usec,
			 r->text);

	return n < 0 ? 0 : (size_t)n;
}

/* ---- syslog(2) ---- */

/* Into memory of the caller's, who must still be the one that asks. */
static int put(const struct kmsg *kmsg, const struct kmsg_call *call, const char *text, size_t n)
{
	char path[32];
	cleanup_close int mem = -1;

	snprintf(path, sizeof(path), "/proc/%d/mem", call->pid);
	mem = open(path, O_WRONLY | O_CLOEXEC);
	if (mem < 0 || seccomp_notify_id_valid(kmsg->listener, call->id) < 0)
		return -EFAULT;
	return pwrite(mem, text, n, (off_t)call->buffer) == (ssize_t)n ? (int)n : -EFAULT;
}

static size_t format_line(const struct kmsg *kmsg, uint64_t at, char *buf, size_t size)
{
	const struct kmsg_record *r = record(kmsg, at);
	int n = snprintf(buf, size, "<%u>[%5" PRIu64 ".%06" PRIu64 "] %s\n", r->priority,
			 r->usec / 1000000, r->usec % 1000000, r->text);

	return n < 0 ? 0 : (size_t)n;
}

static size_t length_from(const struct kmsg *kmsg, uint64_t at)
{
	char line[KMSG_LINE + 64];
	size_t sum = 0;

	for (; at < kmsg->next; at++)
		sum += format_line(kmsg, at, line, sizeof(line));
	return sum;
}

/* The records from AT on, as far as they fit: how many bytes, and *RET_AT the next one. */
static int give(const struct kmsg *kmsg, const struct kmsg_call *call, uint64_t at,
		uint64_t *ret_at)
{
	size_t room = call->size < kmsg->size * 2 ? call->size : kmsg->size * 2, n = 0;
	cleanup_free char *text = malloc(room + KMSG_LINE + 64);
	int r;

	if (!text)
		return -ENOMEM;
	for (; at < kmsg->next; at++) {
		size_t more = format_line(kmsg, at, text + n, KMSG_LINE + 64);

		if (n + more > room)
			break;
		n += more;
	}
	r = put(kmsg, call, text, n);
	if (r >= 0 && ret_at)
		*ret_at = at;
	return r;
}

/* The last ones that fit. */
static int give_last(const struct kmsg *kmsg, const struct kmsg_call *call)
{
	uint64_t at = kmsg->cleared;
	char line[KMSG_LINE + 64];
	size_t all = length_from(kmsg, at);

	for (; at < kmsg->next && all > call->size; at++)
		all -= format_line(kmsg, at, line, sizeof(line));
	return give(kmsg, call, at, NULL);
}

static int answer(struct kmsg *kmsg, const struct kmsg_call *call, int type)
{
	int r = 0;

	switch (type) {
	case CALL_READ:
		return give(kmsg, call, kmsg->unread, &kmsg->unread);
	case CALL_READ_ALL:
		return give_last(kmsg, call);
	case CALL_READ_CLEAR:
		r = give_last(kmsg, call);
		if (r < 0)
			return r;
		kmsg->cleared = kmsg->next;
		return r;
	case CALL_CLEAR:
		kmsg->cleared = kmsg->next;
		return 0;
	case CALL_SIZE_UNREAD:
		return (int)length_from(kmsg, kmsg->unread);
	case CALL_SIZE_BUFFER:
		return (int)kmsg->size;
	}
	/* The console's own: opened, closed, its level. There is none. */
	return type >= 0 && type < CALL_SIZE_BUFFER ? 0 : -EINVAL;
}

static void respond(const struct kmsg *kmsg, uint64_t id, int result)
{
	struct seccomp_notif_resp *response = NULL;

	if (seccomp_notify_alloc(NULL, &response) < 0)
		return;
	response->id = id;
	response->error = result < 0 ? result : 0;
	response->val = result < 0 ? 0 : result;
	seccomp_notify_respond(kmsg->listener, response);
	seccomp_notify_free(NULL, response);
}

static bool must_wait(const struct kmsg *kmsg, const struct kmsg_call *call, int type)
{
	return type == CALL_READ && call->size && kmsg->unread == kmsg->next &&
	       kmsg->n_calls < KMSG_WAITING;
}

static void hear_call(struct kmsg *kmsg)
{
	struct seccomp_notif *request = NULL;

	if (seccomp_notify_alloc(&request, NULL) < 0)
		return;
	if (seccomp_notify_receive(kmsg->listener, request) == 0) {
		const struct kmsg_call call = {request->id, (pid_t)request->pid,
					       request->data.args[1],
					       (size_t)(uint32_t)request->data.args[2]};
		int type = (int)request->data.args[0];

		if (must_wait(kmsg, &call, type))
			kmsg->calls[kmsg->n_calls++] = call;
		else
			respond(kmsg, call.id, answer(kmsg, &call, type));
	}
	seccomp_notify_free(request, NULL);
}

static void wake_calls(struct kmsg *kmsg)
{
	size_t kept = 0;

	for (size_t i = 0; i < kmsg->n_calls; i++) {
		const struct kmsg_call call = kmsg->calls[i];

		/* Who was interrupted asks anew. */
		if (seccomp_notify_id_valid(kmsg->listener, call.id) < 0)
			continue;
		if (kmsg->unread == kmsg->next)
			kmsg->calls[kept++] = call;
		else
			respond(kmsg, call.id, answer(kmsg, &call, CALL_READ));
	}
	kmsg->n_calls = kept;
}

/* ---- the whole ---- */

static int open_events(struct rbce_container *c)
{
	int fd = rbce_container_open_file(c, RBCE_MEMORY, "memory.events", O_RDONLY);

	return fd >= 0 ? fd
		       : rbce_container_open_file(c, RBCE_MEMORY, "memory.oom_control", O_RDONLY);
}

int kmsg_open(int file, int listener, size_t size, struct rbce_container *c, struct kmsg **ret)
{
	struct kmsg *kmsg = calloc(1, sizeof(*kmsg));

	if (!kmsg) {
		closep(&file);
		closep(&listener);
		return -ENOMEM;
	}
	kmsg->file = file;
	kmsg->listener = listener;
	kmsg->size = size;
	kmsg->events = open_events(c);
	count_kills(kmsg, &kmsg->kills);
	*ret = kmsg;
	return 0;
}

void kmsg_close(struct kmsg *kmsg)
{
	if (!kmsg)
		return;
	/* That ends all requests. */
	closep(&kmsg->file);
	closep(&kmsg->listener);
	closep(&kmsg->events);
	while (kmsg->first < kmsg->next)
		drop_oldest(kmsg);
	free(kmsg);
}

void kmsg_poll(const struct kmsg *kmsg, struct pollfd fds[KMSG_POLL])
{
	fds[0] = (struct pollfd){.fd = kmsg->file, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = kmsg->listener, .events = POLLIN};
}

int kmsg_patience(const struct kmsg *kmsg)
{
	bool waits = kmsg->n_calls;

	for (size_t i = 0; i < KMSG_HANDLES; i++)
		waits |= kmsg->handles[i].waits || kmsg->handles[i].polls;
	return waits ? LOOK_MS : -1;
}

void kmsg_run(struct kmsg *kmsg, const struct pollfd fds[KMSG_POLL])
{
	uint64_t before = kmsg->next;

	kmsg_look(kmsg);
	if (fds[0].revents)
		kmsg_file_serve(kmsg);
	if (fds[1].revents & POLLIN)
		hear_call(kmsg);
	/* Nobody has that filter any more. */
	else if (fds[1].revents & POLLHUP)
		close(TAKE_FD(kmsg->listener));
	if (kmsg->next != before) {
		kmsg_file_wake(kmsg);
		wake_calls(kmsg);
	}
}
