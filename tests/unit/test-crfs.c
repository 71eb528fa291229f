// SPDX-License-Identifier: GPL-2.0-or-later
/* core/crfs: messages and images read by the table, whatever the bytes are. */
#include <core/crfs/img.h>

#include "harness.h"

/* What a message looks like, and what is printed of it; -EBADMSG: it is none. */
static const struct row {
	const char *image; /* whose message it is */
	const char *bytes;
	size_t n;
	int result;
	const char *text;
} rows[] = {
#define ROW(image, bytes, result, text)                                                            \
	{                                                                                          \
		image, bytes, sizeof(bytes) - 1, result, text                                      \
	}
	ROW("FDINFO", "", 0, ""),
	ROW("FDINFO", "\x08\x05\x10\x80\x01\x18\x01\x20\x03", 0,
	    "id: 5\nflags: 128\ntype: REG\nfd: 3\n"),
	/* A value of an enumeration that the table does not have; bits beyond the type's. */
	ROW("FDINFO", "\x18\xff\x7f", 0, "type: 16383\n"),
	ROW("FDINFO", "\x08\x85\x80\x80\x80\xf0\x01", 0, "id: 5\n"),
	/* Fields that nobody knows, in each way that they can be sent. */
	ROW("FDINFO", "\xa8\x1f\x07", 0, "field 501: varint 0x7\n"),
	ROW("FDINFO",
	    "\xaa\x1f\x03"
	    "a\x01\\",
	    0, "field 501: bytes a\\x01\\x5c\n"),
	ROW("FDINFO", "\xa9\x1f\1\0\0\0\0\0\0\x80", 0, "field 501: fixed 0x8000000000000001\n"),
	ROW("FDINFO", "\xad\x1f\2\0\0\0", 0, "field 501: fixed 0x2\n"),
	/* Known by its number, but sent as something else. */
	ROW("FDINFO", "\x0a\x01x", 0, "field 1: bytes x\n"),
	ROW("FDINFO", "\x28\x01", 0, "field 5: varint 0x1\n"),
	ROW("FDINFO", "\x2a\x00", 0, "xattr_security_selinux:\n"),
	/* Repeated numbers: one by one, packed, both, none. */
	ROW("PSTREE", "\x28\x07\x28\x08", 0, "threads: 7 8\n"),
	ROW("PSTREE", "\x2a\x03\x07\x80\x01", 0, "threads: 7 128\n"),
	ROW("PSTREE", "\x28\x01\x2a\x02\x02\x03\x08\x09", 0, "threads: 1 2 3\npid: 9\n"),
	ROW("PSTREE", "\x2a\x00\x2a\x00\x08\x01", 0, "pid: 1\n"),
	/* Signed: negative ones have ten bytes, or are folded. */
	ROW("CORE", "\x1a\x0b\x70\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 0,
	    "tc:\n  oom_score_adj: -1\n"),
	ROW("CORE", "\x2a\x02\x18\x03", 0, "thread_core:\n  sched_nice: -2\n"),
	/* Messages in messages, whose numbers are shown as the outer one says. */
	ROW("CORE", "\x12\x04\x12\x02\x08\x1f", 0, "thread_info:\n  gpregs:\n    r15: 0x1f\n"),
	/* Addresses, flags, devices. */
	ROW("INETSK", "\x5d\x7f\x00\x00\x01", 0, "field 11: fixed 0x100007f\n"),
	ROW("INETSK", "\x58\xff\x80\x80\x08", 0, "src_addr: 127.0.0.1\n"),
	ROW("INETSK", "\x58\x00\x58\x00\x58\x00\x58\x80\x80\x80\x08", 0, "src_addr: ::1\n"),
	ROW("INETSK", "\x58\x01\x58\x02", 0, "src_addr: 0x1 0x2\n"),
	ROW("INETSK", "\x18\x0a\x20\x63", 0, "family: INET6\ntype: 99\n"),
	ROW("PAGEMAP", "\x20\x45", 0, "flags: PE_PARENT | PE_PRESENT | 0x40\n"),
	ROW("PAGEMAP", "\x20\x00", 0, "flags: 0x0\n"),
	ROW("MNTS", "\x18\x81\x80\x80\x04", 0, "root_dev: 8:1\n"),
	/* Cut off at each place that one can be. */
	ROW("FDINFO", "\x08", -EBADMSG, NULL),
	ROW("FDINFO", "\x08\x80", -EBADMSG, NULL),
	ROW("FDINFO", "\x80", -EBADMSG, NULL),
	ROW("FDINFO", "\x2a\x02x", -EBADMSG, NULL),
	ROW("FDINFO", "\x2a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x", -EBADMSG, NULL),
	ROW("FDINFO", "\xa9\x1f\1\0\0\0\0\0\0", -EBADMSG, NULL),
	ROW("PSTREE", "\x2a\x02\x07\x80", -EBADMSG, NULL),
	ROW("CORE", "\x12\x04\x12\x02\x08", -EBADMSG, NULL),
	ROW("CORE", "\x12\x03\x12\x02\x08\x1f", -EBADMSG, NULL),
	/* No number of a field; ways to send one that there are not (any more). */
	ROW("FDINFO", "\x00\x01", -EBADMSG, NULL),
	ROW("FDINFO", "\x0b\x0c", -EBADMSG, NULL),
	ROW("FDINFO", "\x0e\x01", -EBADMSG, NULL),
	ROW("FDINFO", "\x88\x80\x80\x80\x10\x01", -EBADMSG, NULL),
	ROW("FDINFO", "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", -EBADMSG, NULL),
};

static const struct message_type *type_of(const char *image)
{
	for (const struct img_type *t = img_types; t->name; t++)
		if (strcmp(t->name, image) == 0)
			return t->rest;
	ck_abort_msg("no image '%s'", image);
}

START_TEST(messages)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* Of its own size, so that the sanitizer sees who reads too far. */
		uint8_t *bytes = malloc(rows[i].n + !rows[i].n);
		struct message m = {type_of(rows[i].image), {bytes, rows[i].n}};
		char text[256] = "";
		FILE *out = fmemopen(text, sizeof(text), "w");

		memcpy(bytes, rows[i].bytes, rows[i].n);
		ck_assert_msg(message_check(m) == rows[i].result, "row %zu: %d", i,
			      message_check(m));
		if (rows[i].text)
			message_print(out, m, 0);
		fclose(out);
		ck_assert_msg(!rows[i].text || strcmp(text, rows[i].text) == 0, "row %zu: '%s'", i,
			      text);
		free(bytes);
	}
}
END_TEST

START_TEST(paths)
{
	static const uint8_t bytes[] =
		"\x12\x06\x12\x04\x08\x1f\x10\x20\x1a\x06\x32\x04name\x08\x01";
	struct message m = {type_of("CORE"), {bytes, sizeof(bytes) - 1}};

	ck_assert_int_eq(message_check(m), 0);
	ck_assert_uint_eq(message_number(m, "thread_info.gpregs.r14", 9), 0x20);
	ck_assert_uint_eq(message_number(m, "thread_info.gpregs.r13", 9), 9);
	ck_assert_uint_eq(message_number(m, "thread_core.creds.uid", 9), 9);
	ck_assert_uint_eq(message_number(m, "no.such.thing", 9), 9);
	ck_assert_uint_eq(message_number(m, "mtype.of", 9), 9);
	ck_assert(message_has(m, "thread_info.gpregs") && !message_has(m, "thread_core"));
	ck_assert_uint_eq(message_bytes(m, "tc.comm").n, 4);
	ck_assert_ptr_null(message_at(m, "mtype").type);
	ck_assert_uint_eq(message_number(message_at(m, "thread_core"), "creds", 3), 3);
}
END_TEST

/* As deep as there are messages within messages, and one level more than is read. */
START_TEST(depth)
{
	struct message_type self = {.name = "self"};
	struct field_type fields[] = {
		{.name = "self", .number = 1, .type = TYPE_MESSAGE, .of = &self}, {0}};
	uint8_t bytes[200];

	self.fields = fields;
	for (size_t levels = 1; levels < 60; levels++) {
		for (size_t i = 0; i < levels; i++) {
			bytes[2 * i] = 0x0a;
			bytes[2 * i + 1] = (uint8_t)(2 * (levels - 1 - i));
		}
		struct message m = {&self, {bytes, 2 * levels}};
		ck_assert_int_eq(message_check(m), levels <= 16 ? 0 : -EBADMSG);
	}
}
END_TEST

/* Whole images: their bytes, how many messages are read, where they are broken. */
static const struct image_row {
	const char *bytes;
	size_t n;
	size_t entries;
	size_t broken;
	const char *text;
} images[] = {
#define IMAGE(bytes, entries, broken, text)                                                        \
	{                                                                                          \
		bytes, sizeof(bytes) - 1, entries, broken, text                                    \
	}
#define COMMON     "\x19\x43\x56\x54"
#define FDINFO     COMMON "\x32\x37\x21\x56"
#define PIPES_DATA COMMON "\x09\x37\x45\x56"
#define SEMAPHORES COMMON "\x19\x30\x57\x59"
	IMAGE("", 0, 0, "image: of no known kind\n"),
	IMAGE(COMMON, 0, 0, "image: of no known kind\n"),
	IMAGE("\x01\x02\x03\x04....", 0, 0, "image: of no known kind\n"),
	IMAGE("\x16\x31\x31\x58\x02\0\0\0\x08\x02", 1, 0,
	      "image: INVENTORY\ninventory_entry:\n  img_version: 2\n"),
	IMAGE(FDINFO, 0, 0, "image: FDINFO\n"),
	IMAGE(FDINFO "\x02\0\0\0\x08\x05\0\0\0\0", 2, 0,
	      "image: FDINFO\nfdinfo_entry:\n  id: 5\nfdinfo_entry:\n"),
	IMAGE(FDINFO "\x02\0\0\0\x08\x05\x02\0\0", 1, 14,
	      "image: FDINFO\nfdinfo_entry:\n  id: 5\nbroken: at byte 14 of 17\n"),
	IMAGE(FDINFO "\xff\xff\xff\xff\x08\x05", 0, 8, "image: FDINFO\nbroken: at byte 8 of 14\n"),
	IMAGE(FDINFO "\x02\0\0\0\x08\x85", 0, 8, "image: FDINFO\nbroken: at byte 8 of 14\n"),
	IMAGE(PIPES_DATA "\x04\0\0\0\x08\x01\x10\x02hi", 1, 0,
	      "image: PIPES_DATA\npipe_data_entry:\n  pipe_id: 1\n  bytes: 2\n  data: hi\n"),
	IMAGE(PIPES_DATA "\x04\0\0\0\x08\x01\x10\x02h", 0, 8,
	      "image: PIPES_DATA\nbroken: at byte 8 of 17\n"),
	IMAGE(SEMAPHORES "\x02\0\0\0\x10\x03\1\0\2\1\3\0\0\0", 1, 0,
	      "image: IPCNS_SEM\nipc_sem_entry:\n  nsems: 3\n  values: 1 258 3\n"),
	IMAGE(SEMAPHORES "\x06\0\0\0\x10\xff\xff\xff\xff\x0f\1\0", 0, 8,
	      "image: IPCNS_SEM\nbroken: at byte 8 of 20\n"),
};

START_TEST(whole_images)
{
	for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++) {
		struct img image = {.data = malloc(images[i].n + !images[i].n),
				    .size = images[i].n};
		char text[256] = "";
		FILE *out = fmemopen(text, sizeof(text), "w");

		memcpy(image.data, images[i].bytes, images[i].n);
		ck_assert_int_eq(img_parse(&image), 0);
		img_print(out, &image);
		fclose(out);
		ck_assert_msg(image.n == images[i].entries, "row %zu: %zu entries", i, image.n);
		ck_assert_msg(image.broken == images[i].broken, "row %zu: %zu", i, image.broken);
		ck_assert_msg(strcmp(text, images[i].text) == 0, "row %zu: '%s'", i, text);
		img_done(&image);
	}
}
END_TEST

/* Nothing but plain files is opened. */
START_TEST(files)
{
	char path[PATH_MAX];
	struct img image;
	struct rbce_error err;
	int dir;

	harness_write_text(harness_directory(path), "a.img", "\x16\x31\x31\x58");
	dir = open(path, O_RDONLY | O_DIRECTORY);
	ck_assert_int_eq(symlinkat("a.img", dir, "link.img"), 0);
	ck_assert_int_eq(mkfifoat(dir, "fifo.img", 0600), 0);
	ck_assert_int_eq(img_read(dir, "link.img", &image, &err), -ELOOP);
	ck_assert_int_eq(img_read(dir, "fifo.img", &image, &err), -EINVAL);
	ck_assert_str_eq(err.message, "cannot open 'fifo.img': it is no plain file");
	ck_assert_int_eq(img_read(dir, "none.img", &image, &err), -ENOENT);
	ck_assert_int_eq(img_read(dir, "a.img", &image, &err), 0);
	ck_assert_str_eq(image.type->name, "INVENTORY");
	img_done(&image);
	close(dir);
	harness_remove_tree(path);
}
END_TEST

int main(void)
{
	return harness_run("crfs", (const TTest *const[]){messages, paths, depth, whole_images,
							  files, NULL});
}
