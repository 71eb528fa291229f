// SPDX-License-Identifier: LGPL-2.1-or-later
/* /dev/kmsg as a file by FUSE: the few requests that it needs, as the kernel sends them; see
 * kmsg.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "kmsg.h"
#include "util.h"

enum {
	WRITE_MAX = 4096,
	REQUEST_MAX = WRITE_MAX + FUSE_MIN_READ_BUFFER,
	MINOR = 31, /* of the protocol: the last that changed something of what is used here */
};

struct request {
	struct fuse_in_header header;
	char body[REQUEST_MAX];
};

static void reply(const struct kmsg *kmsg, uint64_t unique, int error, const void *data, size_t n)
{
	struct fuse_out_header header = {.len = (uint32_t)(sizeof(header) + n),
					 .error = error,
					 .unique = unique};
	struct iovec parts[] = {{&header, sizeof(header)}, {(void *)data, n}};

	/* It may have been interrupted, and is then not waited for. */
	if (writev(kmsg->file, parts, n ? 2 : 1) < 0)
		return;
}

static struct kmsg_handle *handle(struct kmsg *kmsg, uint64_t fh)
{
	return fh < KMSG_HANDLES && kmsg->handles[fh].used ? &kmsg->handles[fh] : NULL;
}

static void reply_attributes(struct kmsg *kmsg, const struct request *request)
{
	const struct fuse_attr_out out = {
		.attr_valid = 60,
		.attr = {.ino = FUSE_ROOT_ID, .mode = S_IFREG | 0666, .nlink = 1, .blksize = 4096},
	};

	reply(kmsg, request->header.unique, 0, &out, sizeof(out));
}

static void on_init(struct kmsg *kmsg, const struct request *request)
{
	const struct fuse_init_in *in = (const void *)request->body;
	const struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = in->minor < MINOR ? in->minor : MINOR,
		.max_write = WRITE_MAX,
	};

	reply(kmsg, request->header.unique, 0, &out, sizeof(out));
}

static void on_open(struct kmsg *kmsg, const struct request *request)
{
	struct fuse_open_out out = {.open_flags = FOPEN_DIRECT_IO};

	while (out.fh < KMSG_HANDLES && kmsg->handles[out.fh].used)
		out.fh++;
	if (out.fh == KMSG_HANDLES) {
		reply(kmsg, request->header.unique, -EMFILE, NULL, 0);
		return;
	}
	kmsg->handles[out.fh] = (struct kmsg_handle){.used = true, .at = kmsg->first};
	reply(kmsg, request->header.unique, 0, &out, sizeof(out));
}

static void on_release(struct kmsg *kmsg, const struct request *request)
{
	const struct fuse_release_in *in = (const void *)request->body;
	struct kmsg_handle *h = handle(kmsg, in->fh);

	if (h)
		*h = (struct kmsg_handle){0};
	reply(kmsg, request->header.unique, 0, NULL, 0);
}

/* The next record; what was overwritten before it was read is told once, as the kernel does. */
static void give_next(struct kmsg *kmsg, struct kmsg_handle *h, uint64_t unique)
{
	char line[KMSG_LINE + 64];
	size_t n;

	if (h->at < kmsg->first) {
		h->at = kmsg->first;
		reply(kmsg, unique, -EPIPE, NULL, 0);
		return;
	}
	n = kmsg_format(kmsg, h->at++, line, sizeof(line));
	reply(kmsg, unique, 0, line, n);
}

static void on_read(struct kmsg *kmsg, const struct request *request)
{
	const struct fuse_read_in *in = (const void *)request->body;
	struct kmsg_handle *h = handle(kmsg, in->fh);

	if (!h || h->waits) {
		reply(kmsg, request->header.unique, h ? -EBUSY : -EBADF, NULL, 0);
		return;
	}
	/* lseek(2) to the beginning does not come here: the offset tells. */
	if (in->offset == 0 && !h->placed)
		h->at = kmsg->first;
	h->placed = false;
	if (h->at < kmsg->next)
		give_next(kmsg, h, request->header.unique);
	else if (in->flags & O_NONBLOCK)
		reply(kmsg, request->header.unique, -EAGAIN, NULL, 0);
	else
		h->waits = request->header.unique;
}

static void on_write(struct kmsg *kmsg, const struct request *request)
{
	const struct fuse_write_in *in = (const void *)request->body;
	const struct fuse_write_out out = {.size = in->size};

	kmsg_add(kmsg, request->body + sizeof(*in), in->size);
	reply(kmsg, request->header.unique, 0, &out, sizeof(out));
}

/* To the first record that was not cleared; SEEK_SET and SEEK_END the kernel does by itself. */
static void on_lseek(struct kmsg *kmsg, const struct request *request)
{
	const struct fuse_lseek_in *in = (const void *)request->body;
	const struct fuse_lseek_out out = {.offset = in->offset};
	struct kmsg_handle *h = handle(kmsg, in->fh);

	if (!h || in->whence != SEEK_DATA) {
		reply(kmsg, request->header.unique, -EINVAL, NULL, 0);
		return;
	}
	h->at = kmsg->cleared;
	h->placed = true;
	reply(kmsg, request->header.unique, 0, &out, sizeof(out));
}

static void on_poll(struct kmsg *kmsg, const struct request *request)
{
	const struct fuse_poll_in *in = (const void *)request->body;
	struct kmsg_handle *h = handle(kmsg, in->fh);
	struct fuse_poll_out out = {.revents = POLLOUT | POLLWRNORM};

	if (h && h->at < kmsg->next)
		out.revents |= POLLIN | POLLRDNORM;
	if (h && in->flags & FUSE_POLL_SCHEDULE_NOTIFY) {
		h->polls = true;
		h->poll = in->kh;
	}
	reply(kmsg, request->header.unique, 0, &out, sizeof(out));
}

static void on_interrupt(struct kmsg *kmsg, const struct request *request)
{
	const struct fuse_interrupt_in *in = (const void *)request->body;

	for (size_t i = 0; i < KMSG_HANDLES; i++)
		if (kmsg->handles[i].waits == in->unique) {
			kmsg->handles[i].waits = 0;
			reply(kmsg, in->unique, -EINTR, NULL, 0);
		}
}

static void on_forget(struct kmsg *kmsg, const struct request *request)
{
	(void)kmsg;
	(void)request;
}

static void on_nothing(struct kmsg *kmsg, const struct request *request)
{
	reply(kmsg, request->header.unique, 0, NULL, 0);
}

static const struct {
	void (*run)(struct kmsg *kmsg, const struct request *request);
	size_t least; /* bytes of the body */
} requests[] = {
	[FUSE_INIT] = {on_init, offsetof(struct fuse_init_in, flags)},
	[FUSE_OPEN] = {on_open, sizeof(struct fuse_open_in)},
	[FUSE_RELEASE] = {on_release, sizeof(struct fuse_release_in)},
	[FUSE_GETATTR] = {reply_attributes, 0},
	[FUSE_SETATTR] = {reply_attributes, 0},
	[FUSE_READ] = {on_read, sizeof(struct fuse_read_in)},
	[FUSE_WRITE] = {on_write, sizeof(struct fuse_write_in)},
	[FUSE_LSEEK] = {on_lseek, sizeof(struct fuse_lseek_in)},
	[FUSE_POLL] = {on_poll, sizeof(struct fuse_poll_in)},
	[FUSE_INTERRUPT] = {on_interrupt, sizeof(struct fuse_interrupt_in)},
	[FUSE_FORGET] = {on_forget, 0},
	[FUSE_BATCH_FORGET] = {on_forget, 0},
	[FUSE_FLUSH] = {on_nothing, 0},
};

void kmsg_file_serve(struct kmsg *kmsg)
{
	struct request request;
	ssize_t n = read(kmsg->file, &request, sizeof(request));
	size_t body = n < (ssize_t)sizeof(request.header) ? 0 : (size_t)n - sizeof(request.header);
	uint32_t opcode = request.header.opcode;

	if (n < 0 && errno == ENODEV) {
		/* It is mounted nowhere any more. */
		close(TAKE_FD(kmsg->file));
		return;
	}
	if (n < (ssize_t)sizeof(request.header))
		return;
	if (opcode >= ARRAY_SIZE(requests) || !requests[opcode].run)
		reply(kmsg, request.header.unique, -ENOSYS, NULL, 0);
	else if (body < requests[opcode].least)
		reply(kmsg, request.header.unique, -EINVAL, NULL, 0);
	else
		requests[opcode].run(kmsg, &request);
}

void kmsg_file_wake(struct kmsg *kmsg)
{
	for (size_t i = 0; i < KMSG_HANDLES; i++) {
		struct kmsg_handle *h = &kmsg->handles[i];

		if (!h->used || h->at >= kmsg->next)
			continue;
		if (h->waits) {
			uint64_t unique = h->waits;

			h->waits = 0;
			give_next(kmsg, h, unique);
		}
		if (h->polls) {
			const struct fuse_notify_poll_wakeup_out out = {.kh = h->poll};

			h->polls = false;
			reply(kmsg, 0, FUSE_NOTIFY_POLL, &out, sizeof(out));
		}
	}
}
