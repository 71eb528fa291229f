// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * An image as a stream: a tar archive of plain files, the manifest last; see rbce/checkpoint.h.
 *
 * What comes in is from elsewhere: only what is written here is taken, names that stay inside, no
 * links. Those between rounds, which the engine needs, are made anew out of the manifest.
 */
#include <ctype.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "digest.h"
#include "file.h"
#include "image.h"
#include "own.h"
#include "util.h"

enum { BLOCK = 512, PIECE = 1 << 20, TEXT_MAX = 64 << 20 };

/* POSIX.1-1988; numbers are octal text, and of more than 8 GiB big-endian with the first bit set.
 */
struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100];
	char magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], rest[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a header is a block");

static const char zeros[2 * BLOCK];

/* ---- descriptors ---- */

static int write_fd(void *data, const void *bytes, size_t size, struct rbce_error *err)
{
	const int *fds = data;
	const char *at = bytes;

	while (size > 0) {
		ssize_t n = write(fds[1], at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return rbce_error_errno(err, -errno, "cannot write");
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

static ssize_t read_fd(void *data, void *bytes, size_t size, struct rbce_error *err)
{
	const int *fds = data;
	ssize_t n;

	do
		n = read(fds[0], bytes, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? rbce_error_errno(err, -errno, "cannot read") : n;
}

struct rbce_stream rbce_stream_fds(int fds[2])
{
	return (struct rbce_stream){write_fd, read_fd, fds};
}

/* ---- out ---- */

/* The sum of all bytes, those of the sum itself taken as spaces. */
static unsigned sum_of(const struct header *h)
{
	struct header copy = *h;
	const unsigned char *bytes = (const unsigned char *)&copy;
	unsigned sum = 0;

	memset(copy.sum, ' ', sizeof(copy.sum));
	for (size_t i = 0; i < sizeof(copy); i++)
		sum += bytes[i];
	return sum;
}

static void set_size(struct header *h, uint64_t size)
{
	if (size < 1ULL << 33) {
		snprintf(h->size, sizeof(h->size), "%011llo", (unsigned long long)size);
		return;
	}
	h->size[0] = (char)0x80;
	for (size_t i = sizeof(h->size) - 1; i >= sizeof(h->size) - 8; i--, size >>= 8)
		h->size[i] = (char)(size & 0xff);
}

static int put_header(const struct rbce_stream *s, const char *name, uint64_t size,
		      struct rbce_error *err)
{
	struct header h = {.type = '0',
			   .mode = "0000600",
			   .uid = "0000000",
			   .gid = "0000000",
			   .mtime = "00000000000",
			   .magic = "ustar",
			   .version = "00"};

	if (strlen(name) >= sizeof(h.name))
		return rbce_error_errno(err, -ENAMETOOLONG, "cannot send '%s'", name);
	memcpy(h.name, name, strlen(name));
	memcpy(h.version, "00", sizeof(h.version));
	set_size(&h, size);
	snprintf(h.sum, sizeof(h.sum), "%06o", sum_of(&h));
	h.sum[7] = ' ';
	return s->write(s->data, &h, sizeof(h), err);
}

/* To the next block. */
static size_t padding(uint64_t size)
{
	return (size_t)(-size % BLOCK);
}

int rbce_stream_put_text(const struct rbce_stream *s, const char *name, const char *text,
			 size_t size, struct rbce_error *err)
{
	int r = put_header(s, name, size, err);

	if (r == 0)
		r = s->write(s->data, text, size, err);
	return r < 0 ? r : s->write(s->data, zeros, padding(size), err);
}

int rbce_stream_put(void *stream, const char *name, int fd, struct rbce_error *err)
{
	const struct rbce_stream *s = stream;
	cleanup_free char *piece = malloc(PIECE);
	struct stat st;
	int r = !piece ? -ENOMEM : fstat(fd, &st) < 0 ? -errno : 0;

	if (r < 0)
		return rbce_error_errno(err, r, "cannot send '%s'", name);
	r = put_header(s, name, (uint64_t)st.st_size, err);
	for (off_t at = 0; r == 0 && at < st.st_size;) {
		off_t left = st.st_size - at;
		ssize_t n = pread(fd, piece, left < PIECE ? (size_t)left : PIECE, at);

		if (n < 0 && errno == EINTR)
			continue;
		/* It has been told how many come. */
		if (n <= 0)
			return rbce_error_errno(err, n < 0 ? -errno : -EIO, "cannot read '%s'",
						name);
		r = s->write(s->data, piece, (size_t)n, err);
		at += n;
	}
	return r < 0 ? r : s->write(s->data, zeros, padding((uint64_t)st.st_size), err);
}

int rbce_stream_end(void *stream, struct rbce_error *err)
{
	const struct rbce_stream *s = stream;

	return s->write(s->data, zeros, sizeof(zeros), err);
}

/* ---- in ---- */

static int get(const struct rbce_stream *s, void *bytes, size_t size, struct rbce_error *err)
{
	char *at = bytes;

	while (size > 0) {
		ssize_t n = s->read(s->data, at, size, err);

		if (n < 0)
			return (int)n;
		if (n == 0)
			return rbce_error_set(err, -EBADMSG,
					      "the image is cut off: its stream ended too early");
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

static bool get_octal(const char *text, size_t n, uint64_t *ret)
{
	uint64_t value = 0;
	size_t i = 0;

	for (; i < n && text[i] >= '0' && text[i] <= '7'; i++)
		value = value << 3 | (uint64_t)(text[i] - '0');
	*ret = value;
	return i > 0 && (i == n || text[i] == '\0' || text[i] == ' ');
}

static bool get_size(const struct header *h, uint64_t *ret)
{
	*ret = 0;
	if (!(h->size[0] & 0x80))
		return get_octal(h->size, sizeof(h->size), ret);
	for (size_t i = sizeof(h->size) - 8; i < sizeof(h->size); i++)
		*ret = *ret << 8 | (unsigned char)h->size[i];
	return *ret <= INT64_MAX - BLOCK;
}

/* "core-1.img" or "pre-1/core-1.img", and what is no file's name of an image is none here. */
static bool is_inside(const char *name)
{
	const char *slash = strchr(name, '/');

	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("-_./:", *p))
			return false;
	return *name && *name != '.' && *name != '/' &&
	       (!slash || (slash[1] && slash[1] != '.' && !strchr(slash + 1, '/')));
}

/* The next file: its name and size; an empty name at the end. */
static int get_header(const struct rbce_stream *s,
		      char name[static sizeof(((struct header *)0)->name) + 1], uint64_t *ret_size,
		      struct rbce_error *err)
{
	struct header h;
	uint64_t sum;
	int r = get(s, &h, sizeof(h), err);

	if (r < 0)
		return r;
	if (memcmp(&h, zeros, sizeof(h)) == 0) {
		name[0] = '\0';
		return get(s, &h, sizeof(h), err);
	}
	if (memcmp(h.magic, "ustar", sizeof(h.magic)) != 0 ||
	    !get_octal(h.sum, sizeof(h.sum), &sum) || sum != sum_of(&h) || h.type != '0' ||
	    h.prefix[0] || !get_size(&h, ret_size))
		return rbce_error_set(err, -EBADMSG,
				      "what comes is no image: a file's header is wrong");
	snprintf(name, sizeof(h.name) + 1, "%.*s", (int)sizeof(h.name), h.name);
	if (!is_inside(name))
		return rbce_error_set(err, -EBADMSG,
				      "what comes is no image: '%s' is no file of one",
				      one_line(name));
	return 0;
}

static int skip_padding(const struct rbce_stream *s, uint64_t size, struct rbce_error *err)
{
	char rest[BLOCK];

	return get(s, rest, padding(size), err);
}

static int get_text(const struct rbce_stream *s, uint64_t size, char **ret, struct rbce_error *err)
{
	cleanup_free char *text = size <= TEXT_MAX ? malloc((size_t)size + 1) : NULL;
	int r;

	if (!text)
		return rbce_error_errno(err, size <= TEXT_MAX ? -ENOMEM : -E2BIG,
					"cannot receive a text of %llu bytes",
					(unsigned long long)size);
	r = get(s, text, (size_t)size, err);
	if (r == 0)
		r = skip_padding(s, size, err);
	if (r < 0)
		return r;
	text[size] = '\0';
	*ret = TAKE_PTR(text);
	return 0;
}

static int parse(const char *text, uint64_t size, const char *name, struct rbce_manifest **ret,
		 struct rbce_error *err)
{
	if (strlen(text) != size)
		return rbce_error_set(err, -EBADMSG, "cannot use manifest '%s': it is no text",
				      name);
	return rbce_manifest_parse(text, name, ret, err);
}

int rbce_stream_get_manifest(const struct rbce_stream *s, const char *name,
			     struct rbce_manifest **ret, struct rbce_error *err)
{
	char found[sizeof(((struct header *)0)->name) + 1];
	cleanup_free char *text = NULL;
	uint64_t size;
	int r = get_header(s, found, &size, err);

	if (r == 0 && !streq(found, name))
		r = rbce_error_set(err, -EBADMSG,
				   "what comes is no image: it does not begin with "
				   "'%s'",
				   name);
	if (r == 0)
		r = get_text(s, size, &text, err);
	return r < 0 ? r : parse(text, size, name, ret, err);
}

static int create(int dirfd, const char *name)
{
	const char *slash = strchr(name, '/');
	int fd;

	if (slash) {
		cleanup_free char *above = strndup(name, (size_t)(slash - name));

		if (!above)
			return -ENOMEM;
		if (mkdirat(dirfd, above, 0700) < 0 && errno != EEXIST)
			return -errno;
	}
	fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

/* What has come is written down in FOUND as the manifest has it. */
static int get_file(const struct rbce_stream *s, int dirfd, const char *name, uint64_t size,
		    struct rbce_manifest *found, struct rbce_error *err)
{
	cleanup_free char *piece = malloc(PIECE);
	cleanup_close int fd = create(dirfd, name);
	struct digest *digest = piece && fd >= 0 ? digest_begin() : NULL;
	char text[DIGEST_SIZE];
	int fds[2] = {-1, fd}, r = 0;

	if (!digest)
		return rbce_error_errno(err, fd < 0 ? fd : -ENOMEM, "cannot make '%s'", name);
	for (uint64_t left = size; r == 0 && left > 0;) {
		size_t n = left < PIECE ? (size_t)left : PIECE;

		r = get(s, piece, n, err);
		if (r == 0)
			r = write_fd(fds, piece, n, err);
		if (r == 0)
			digest_add(digest, piece, n);
		left -= n;
	}
	digest_end(digest, text);
	if (r == 0)
		r = skip_padding(s, size, err);
	if (r < 0)
		return r;
	r = rbce_manifest_add(found, "file", "%s %llu %s", name, (unsigned long long)size, text);
	return r < 0 ? rbce_error_errno(err, r, "cannot note '%s'", name) : 0;
}

/* Both lists are in the order in which the files went. */
static int compare(const struct rbce_manifest *m, const struct rbce_manifest *found,
		   struct rbce_error *err)
{
	const char *wanted, *here;
	size_t i = 0, k = 0;

	do {
		wanted = rbce_manifest_next(m, "file", &i);
		here = rbce_manifest_next(found, "file", &k);
	} while (wanted && here && streq(wanted, here));
	if (!wanted && !here)
		return 0;
	return rbce_error_set(err, -EBADMSG,
			      "the image is not what was sent: file '%s' came as '%s'",
			      wanted ?: "none", here ?: "none");
}

/* "pre-2/parent" is "../pre-1", and "parent" the last of them. */
static int link_rounds(int dirfd, const struct rbce_manifest *m)
{
	char last[32] = "", name[32], path[64], target[64];
	const char *round;
	size_t i = 0;

	while ((round = rbce_manifest_next(m, "round", &i))) {
		unsigned nth;

		if (sscanf(round, ROUND "%u", &nth) != 1)
			return -EBADMSG;
		snprintf(name, sizeof(name), ROUND "%u", nth);
		snprintf(path, sizeof(path), "%s/parent", name);
		snprintf(target, sizeof(target), "../%s", last);
		if (*last && symlinkat(target, dirfd, path) < 0)
			return -errno;
		memcpy(last, name, sizeof(last));
	}
	return !*last || symlinkat(last, dirfd, "parent") == 0 ? 0 : -errno;
}

/* All files, until the manifest, which is kept as it came. */
static int get_files(const struct rbce_stream *s, int dirfd, struct rbce_manifest *found,
		     struct rbce_manifest **ret, struct rbce_error *err)
{
	char name[sizeof(((struct header *)0)->name) + 1];
	cleanup_free char *text = NULL;
	uint64_t size;
	int r;

	while ((r = get_header(s, name, &size, err)) == 0 && !streq(name, MANIFEST)) {
		if (!*name)
			return rbce_error_set(err, -EBADMSG, "the image has no manifest");
		r = get_file(s, dirfd, name, size, found, err);
		if (r < 0)
			return r;
	}
	if (r == 0)
		r = get_text(s, size, &text, err);
	if (r == 0)
		r = parse(text, size, name, ret, err);
	if (r == 0) {
		cleanup_close int fd = create(dirfd, name);
		int fds[2] = {-1, fd};

		r = fd < 0 ? rbce_error_errno(err, fd, "cannot make '%s'", name)
			   : write_fd(fds, text, (size_t)size, err);
	}
	return r;
}

int rbce_stream_receive(const struct rbce_stream *s, const char *dir, struct rbce_manifest **ret,
			struct rbce_error *err)
{
	CLEANUP(rbce_manifest_free_p) struct rbce_manifest *m = NULL;
	CLEANUP(rbce_manifest_free_p) struct rbce_manifest *found = rbce_manifest_new();
	cleanup_close int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[sizeof(((struct header *)0)->name) + 1];
	uint64_t size;
	int r = !found ? -ENOMEM : fd < 0 ? -errno : 0;

	if (r < 0)
		return rbce_error_errno(err, r, "cannot receive into '%s'", dir);
	r = get_files(s, fd, found, &m, err);
	if (r == 0)
		r = get_header(s, name, &size, err);
	if (r == 0 && *name)
		r = rbce_error_set(err, -EBADMSG, "the image goes on behind its manifest");
	if (r == 0)
		r = compare(m, found, err);
	if (r == 0 && rbce_manifest_get(m, "parent"))
		r = rbce_error_set(err, -EBADMSG, "the image continues one that did not come");
	if (r < 0)
		return r;
	r = link_rounds(fd, m);
	if (r < 0)
		return rbce_error_errno(err, r, "cannot link its rounds");
	*ret = TAKE_PTR(m);
	return 0;
}
