// SPDX-License-Identifier: GPL-2.0-or-later
/* core/checkpoint/manifest.c, stream.c: what an image says of itself, and how it goes elsewhere. */
#include <fcntl.h>
#include <rbce/checkpoint.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "checkpoint/digest.h"
#include "file.h"
#include "harness.h"
#include "util.h"

static char *text_of(const struct rbce_manifest *m, size_t *ret_size)
{
	char *text;

	ck_assert_int_eq(rbce_manifest_text(m, &text, ret_size), 0);
	ck_assert_uint_eq(strlen(text), *ret_size);
	return text;
}

static struct rbce_manifest *make(void)
{
	struct rbce_manifest *m = rbce_manifest_new();

	ck_assert_int_eq(rbce_manifest_add(m, "container", "users/%s", "alice"), 0);
	ck_assert_int_eq(rbce_manifest_add(m, "group", "."), 0);
	ck_assert_int_eq(rbce_manifest_add(m, "group", "two\nlines \\ and\x7f"), 0);
	ck_assert_int_eq(rbce_manifest_add(m, "external", " "), 0);
	return m;
}

START_TEST(there_and_back)
{
	struct rbce_manifest *m = make(), *again;
	struct rbce_error err = {0};
	cleanup_free char *text = NULL;
	const char *value;
	size_t size, i = 0;

	text = text_of(m, &size);
	ck_assert_ptr_nonnull(after_prefix(text, "rbce-checkpoint 1\n"));
	ck_assert_ptr_nonnull(strstr(text, "group two\\x0alines \\x5c and\\x7f\n"));
	ck_assert_msg(rbce_manifest_parse(text, "m", &again, &err) == 0, "%s", err.message);
	ck_assert_str_eq(rbce_manifest_get(again, "container"), "users/alice");
	ck_assert_str_eq(rbce_manifest_next(again, "group", &i), ".");
	ck_assert_str_eq(rbce_manifest_next(again, "group", &i), "two\nlines \\ and\x7f");
	ck_assert_ptr_null(rbce_manifest_next(again, "group", &i));
	ck_assert_str_eq(rbce_manifest_at(again, 3, &value), "external");
	ck_assert_str_eq(value, " ");
	ck_assert_ptr_null(rbce_manifest_at(again, 4, &value));
	ck_assert_ptr_null(rbce_manifest_get(again, "rbce-checkpoint"));
	rbce_manifest_free(again);
	rbce_manifest_free(m);
}
END_TEST

START_TEST(no_words)
{
	struct rbce_manifest *m = rbce_manifest_new();

	ck_assert_int_eq(rbce_manifest_add(m, "", "x"), -EINVAL);
	ck_assert_int_eq(rbce_manifest_add(m, "two words", "x"), -EINVAL);
	ck_assert_int_eq(rbce_manifest_add(m, "back\\slash", "x"), -EINVAL);
	rbce_manifest_free(m);
	ck_assert_ptr_null(rbce_manifest_free(NULL));
}
END_TEST

/* Of what is cut anywhere, or has a bit changed anywhere, nothing is taken. */
START_TEST(damaged)
{
	struct rbce_manifest *m = make(), *none = NULL;
	cleanup_free char *text = NULL;
	size_t size;

	text = text_of(m, &size);
	for (size_t n = 0; n < size; n++) {
		cleanup_free char *bad = strndup(text, n);
		struct rbce_error err = {0};

		ck_assert_int_eq(rbce_manifest_parse(bad, "m", &none, &err), -EBADMSG);
	}
	for (size_t n = 0; n < size * 8; n++) {
		struct rbce_error err = {0};

		text[n / 8] = (char)(text[n / 8] ^ 1 << n % 8);
		ck_assert_msg(rbce_manifest_parse(text, "m", &none, &err) < 0, "bit %zu", n);
		text[n / 8] = (char)(text[n / 8] ^ 1 << n % 8);
	}
	ck_assert_ptr_null(none);
	rbce_manifest_free(m);
}
END_TEST

START_TEST(other_version)
{
	static const char newer[] = "rbce-checkpoint 2\n";
	char digest[DIGEST_SIZE], text[sizeof(newer) + sizeof("end \n") + sizeof(digest)];
	struct rbce_manifest *none;
	struct rbce_error err = {0};

	digest_of(newer, strlen(newer), digest);
	snprintf(text, sizeof(text), "%send %s\n", newer, digest);
	ck_assert_int_eq(rbce_manifest_parse(text, "m", &none, &err), -EPROTONOSUPPORT);
	ck_assert_ptr_nonnull(strstr(err.message, "version 2"));
}
END_TEST

/* ---- streams ---- */

static char tree[PATH_MAX];
static char bytes[1 << 16];
static size_t n_bytes, at, most;

static int add(void *data, const void *from, size_t size, struct rbce_error *err)
{
	(void)data;
	if (n_bytes + size > sizeof(bytes))
		return rbce_error_set(err, -ENOSPC, "full");
	memcpy(bytes + n_bytes, from, size);
	n_bytes += size;
	return 0;
}

/* Few at a time. */
static ssize_t take(void *data, void *to, size_t size, struct rbce_error *err)
{
	size_t n = n_bytes - at < size ? n_bytes - at : size;

	(void)data;
	(void)err;
	n = most && n > most ? most : n;
	memcpy(to, bytes + at, n);
	at += n;
	return (ssize_t)n;
}

static struct rbce_stream stream = {.write = add, .read = take};

static void put(struct rbce_manifest *m, const char *name, const char *text)
{
	char digest[DIGEST_SIZE];

	digest_of(text, strlen(text), digest);
	ck_assert_int_eq(rbce_stream_put_text(&stream, name, text, strlen(text), NULL), 0);
	rbce_manifest_add(m, "file", "%s %zu %s", name, strlen(text), digest);
}

static void send_image(void)
{
	struct rbce_manifest *m = make();
	size_t size;
	char *text;

	n_bytes = at = 0;
	rbce_manifest_add(m, "round", "pre-1 1");
	put(m, "pre-1/core.img", "one");
	rbce_manifest_add(m, "round", "pre-2 1");
	put(m, "pre-2/empty.img", "");
	put(m, "core.img", "two");
	text = text_of(m, &size);
	ck_assert_int_eq(rbce_stream_put_text(&stream, "manifest", text, size, NULL), 0);
	ck_assert_int_eq(rbce_stream_end(&stream, NULL), 0);
	free(text);
	rbce_manifest_free(m);
}

static int receive(struct rbce_error *err)
{
	struct rbce_manifest *m = NULL;
	int r;

	at = 0;
	harness_directory(tree);
	r = rbce_stream_receive(&stream, tree, &m, err);
	if (r == 0)
		r = rbce_checkpoint_verify(tree, err);
	rbce_manifest_free(m);
	return r;
}

START_TEST(arrives)
{
	struct rbce_error err = {0};
	char path[PATH_MAX + 32], link[64];

	for (most = 0; most < 3; most++) {
		send_image();
		ck_assert_msg(receive(&err) == 0, "%s", err.message);
		snprintf(path, sizeof(path), "%s/pre-2/parent", tree);
		ck_assert_int_eq(readlink(path, link, sizeof(link)), strlen("../pre-1"));
		snprintf(path, sizeof(path), "%s/parent", tree);
		ck_assert_int_eq(readlink(path, link, sizeof(link)), strlen("pre-2"));
		snprintf(path, sizeof(path), "%s/pre-1/parent", tree);
		ck_assert_int_lt(access(path, F_OK), 0);
		harness_remove_tree(tree);
	}
	most = 0;
}
END_TEST

/* At any byte: it is never taken for a whole one. */
START_TEST(cut_off)
{
	struct rbce_error err = {0};
	size_t whole;

	send_image();
	whole = n_bytes;
	for (n_bytes = 0; n_bytes < whole; n_bytes += 7) {
		ck_assert_int_eq(receive(&err), -EBADMSG);
		ck_assert_ptr_nonnull(strstr(err.message, "cut off"));
		harness_remove_tree(tree);
	}
}
END_TEST

/* A stream with one file of this name; MESSAGE is why it is refused. */
static void refuse(const char *name, const char *message)
{
	struct rbce_error err = {0};

	n_bytes = 0;
	ck_assert_int_eq(rbce_stream_put_text(&stream, name, "x", 1, NULL), 0);
	ck_assert_int_eq(rbce_stream_end(&stream, NULL), 0);
	ck_assert_int_eq(receive(&err), -EBADMSG);
	ck_assert_msg(strstr(err.message, message), "%s: %s", name, err.message);
	harness_remove_tree(tree);
}

START_TEST(hostile)
{
	refuse("/etc/x", "is no file of one");
	refuse("../x", "is no file of one");
	refuse("a/../x", "is no file of one");
	refuse("a/b/c", "is no file of one");
	refuse(".x", "is no file of one");
	refuse("a\nb", "is no file of one");
	refuse("a/", "is no file of one");
	refuse("x.img", "no manifest");
	/* A link, or anything else than a file; and what is not what was sent. */
	send_image();
	bytes[156] = '2';
	ck_assert_int_eq(receive(NULL), -EBADMSG);
	harness_remove_tree(tree);
	send_image();
	bytes[512]++;
	ck_assert_int_eq(receive(NULL), -EBADMSG);
	harness_remove_tree(tree);
}
END_TEST

int main(void)
{
	return harness_run("manifest",
			   (const TTest *const[]){there_and_back, no_words, damaged, other_version,
						  arrives, cut_off, hostile, NULL});
}
