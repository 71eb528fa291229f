// SPDX-License-Identifier: LGPL-2.1-or-later
/* One image file; see img.h. */
#include "img.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "util.h"

enum { IMAGE_MAX = 1 << 30 };

static bool take_word(struct bytes *rest, uint32_t *ret)
{
	uint32_t word;

	if (rest->n < sizeof(word))
		return false;
	memcpy(&word, rest->at, sizeof(word));
	*ret = le32toh(word);
	rest->at += sizeof(word);
	rest->n -= sizeof(word);
	return true;
}

/* N bytes, of which the last may be missing to the next multiple of ALIGN. */
static bool take_padded(struct bytes *rest, uint64_t n, unsigned align, struct bytes *ret)
{
	uint64_t padding = -n & (align - 1);

	if (n > rest->n)
		return false;
	*ret = (struct bytes){rest->at, (size_t)n};
	if (padding > rest->n - n)
		padding = rest->n - n;
	rest->at += n + padding;
	rest->n -= (size_t)(n + padding);
	return true;
}

/* A message with its size before it. */
static bool take_message(struct bytes *rest, const struct message_type *type, struct message *ret)
{
	uint32_t size;

	ret->type = type;
	return take_word(rest, &size) && take_padded(rest, size, 1, &ret->bytes) &&
	       message_check(*ret) == 0;
}

bool img_take_queued(struct bytes *rest, struct queued *ret)
{
	return take_message(rest, message_of_queues, &ret->message) &&
	       take_padded(rest, message_number(ret->message, "msize", 0), 8, &ret->text);
}

static bool take_queue(struct bytes *rest, uint64_t n, struct bytes *ret)
{
	struct queued queued;

	ret->at = rest->at;
	for (; n; n--)
		if (!img_take_queued(rest, &queued))
			return false;
	ret->n = (size_t)(rest->at - ret->at);
	return true;
}

static bool take_extra(enum img_extra extra, struct bytes *rest, const struct message *m,
		       struct bytes *ret)
{
	uint64_t n = 0;

	switch (extra) {
	case EXTRA_NONE:
		break;
	case EXTRA_GHOST:
		/* In pieces of `len` each, or all that is left. */
		n = message_number(*m, "len", message_number(*m, "chunks", 0) ? 0 : rest->n);
		break;
	case EXTRA_BYTES:
		n = message_number(*m, "bytes", 0);
		break;
	case EXTRA_LENGTH:
		n = message_number(*m, "length", 0);
		break;
	case EXTRA_QUEUES:
		n = message_number(*m, "inq_len", 0) + message_number(*m, "outq_len", 0);
		break;
	case EXTRA_MAP:
		n = message_number(*m, "keys_bytes", 0) + message_number(*m, "values_bytes", 0);
		break;
	case EXTRA_SEMAPHORES:
		return take_padded(rest, 2 * message_number(*m, "nsems", 0), 8, ret);
	case EXTRA_MESSAGES:
		return take_queue(rest, message_number(*m, "qnum", 0), ret);
	case EXTRA_SEGMENT:
		/* Nowadays its pages stand where those of processes do. */
		if (!message_number(*m, "in_pagemaps", 0))
			n = message_number(*m, "size", 0);
		return take_padded(rest, n, 4, ret);
	}
	return take_padded(rest, n, 1, ret);
}

static const struct img_type *take_type(struct bytes *rest)
{
	uint32_t magic;

	if (!take_word(rest, &magic))
		return NULL;
	if ((magic == magic_common || magic == magic_service) && !take_word(rest, &magic))
		return NULL;
	for (const struct img_type *t = img_types; t->name; t++)
		if (t->magic == magic)
			return t;
	return NULL;
}

int img_parse(struct img *image)
{
	struct bytes rest = {image->data, image->size};
	size_t room = 0;

	image->type = take_type(&rest);
	while (image->type && rest.n) {
		struct img_entry entry;
		size_t at = image->size - rest.n;

		if (!take_message(&rest, image->n ? image->type->rest : image->type->first,
				  &entry.message) ||
		    !take_extra(image->type->extra, &rest, &entry.message, &entry.extra)) {
			image->broken = at;
			break;
		}
		if (image->n == room) {
			struct img_entry *more;

			room = room ? 2 * room : 8;
			more = reallocarray(image->entries, room, sizeof(*more));
			if (!more)
				return -ENOMEM;
			image->entries = more;
		}
		image->entries[image->n++] = entry;
	}
	return 0;
}

int img_open(int dir, const char *name, struct rbce_error *err)
{
	/* Not to wait for the writer of a fifo. */
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return rbce_error_errno(err, -errno, "cannot open '%s'", name);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return rbce_error_set(err, -EINVAL, "cannot open '%s': it is no plain file", name);
	}
	return fd;
}

/* All that the open file has, up to what it had when this began. */
static int read_all(int fd, struct img *image)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size > IMAGE_MAX)
		return -EFBIG;
	image->data = malloc((size_t)st.st_size + 1);
	if (!image->data)
		return -ENOMEM;
	while (image->size < (size_t)st.st_size) {
		ssize_t n = read(fd, image->data + image->size, (size_t)st.st_size - image->size);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			break;
		if (n > 0)
			image->size += (size_t)n;
	}
	return 0;
}

int img_read(int dir, const char *name, struct img *ret, struct rbce_error *err)
{
	cleanup_close int fd = img_open(dir, name, err);
	struct img image = {.name = strdup(name)};
	int r;

	r = fd < 0 ? fd : image.name ? read_all(fd, &image) : -ENOMEM;
	if (r == 0)
		r = img_parse(&image);
	if (r < 0) {
		img_done(&image);
		return fd < 0 ? r : rbce_error_errno(err, r, "cannot read '%s'", name);
	}
	*ret = image;
	return 0;
}

void img_done(struct img *image)
{
	free(image->name);
	free(image->data);
	free(image->entries);
	*image = (struct img){0};
}

static void print_bytes(FILE *out, const char *name, struct bytes bytes)
{
	fprintf(out, "  %s: ", name);
	bytes_print(out, bytes);
	fputc('\n', out);
}

static void print_semaphores(FILE *out, struct bytes bytes)
{
	fputs("  values:", out);
	for (size_t i = 0; i + 1 < bytes.n; i += 2)
		fprintf(out, " %u", (unsigned)(bytes.at[i] | bytes.at[i + 1] << 8));
	fputc('\n', out);
}

static void print_queue(FILE *out, struct bytes rest)
{
	struct queued queued;

	while (img_take_queued(&rest, &queued)) {
		fputs("  message:\n", out);
		message_print(out, queued.message, 2);
		fputs("    text: ", out);
		bytes_print(out, queued.text);
		fputc('\n', out);
	}
}

static void print_extra(FILE *out, enum img_extra extra, const struct img_entry *entry)
{
	struct bytes all = entry->extra;
	size_t in = (size_t)message_number(entry->message, "inq_len", 0);

	switch (extra) {
	case EXTRA_NONE:
		break;
	case EXTRA_SEMAPHORES:
		print_semaphores(out, all);
		break;
	case EXTRA_MESSAGES:
		print_queue(out, all);
		break;
	case EXTRA_QUEUES:
		print_bytes(out, "received", (struct bytes){all.at, in});
		print_bytes(out, "to send", (struct bytes){all.at + in, all.n - in});
		break;
	case EXTRA_GHOST:
	case EXTRA_BYTES:
	case EXTRA_LENGTH:
	case EXTRA_MAP:
	case EXTRA_SEGMENT:
		if (all.n)
			print_bytes(out, "data", all);
		break;
	}
}

void img_print(FILE *out, const struct img *image)
{
	fprintf(out, "image: %s\n", image->type ? image->type->name : "of no known kind");
	for (size_t i = 0; i < image->n; i++) {
		fprintf(out, "%s:\n", image->entries[i].message.type->name);
		message_print(out, image->entries[i].message, 1);
		print_extra(out, image->type->extra, &image->entries[i]);
	}
	if (image->broken)
		fprintf(out, "broken: at byte %zu of %zu\n", image->broken, image->size);
}
