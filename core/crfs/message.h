/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Messages in the protocol buffers' wire format, by a table of what they may contain. Internal.
 *
 * A message is read where it lies: nothing is unpacked or copied, so a reader owns nothing.
 * Whatever the bytes are, no function reads beyond them; what message_check() passed is read
 * without errors.
 */
#ifndef CORE_CRFS_MESSAGE_H
#define CORE_CRFS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The numbers that descriptors have for the types of fields. */
enum value_type {
	TYPE_DOUBLE = 1,
	TYPE_FLOAT,
	TYPE_INT64,
	TYPE_UINT64,
	TYPE_INT32,
	TYPE_FIXED64,
	TYPE_FIXED32,
	TYPE_BOOL,
	TYPE_STRING,
	TYPE_GROUP,
	TYPE_MESSAGE,
	TYPE_BYTES,
	TYPE_UINT32,
	TYPE_ENUM,
	TYPE_SFIXED32,
	TYPE_SFIXED64,
	TYPE_SINT32,
	TYPE_SINT64,
};

/* How a number is best shown. */
enum value_show {
	SHOW_PLAIN,
	SHOW_HEX,
	SHOW_ADDRESS,    /* one word or four, as they are sent */
	SHOW_FLAGS,      /* bits with names */
	SHOW_DEVICE,     /* as the kernel has it: 12 bits and 20 */
	SHOW_OLD_DEVICE, /* as user space has it */
	SHOW_NAMES,      /* values with names */
};

struct value_name {
	uint64_t value;
	const char *name; /* NULL ends the list */
};

struct message_type;

struct field_type {
	const char *name; /* NULL ends the list */
	uint32_t number;
	enum value_type type;
	bool repeated;
	enum value_show show;
	const struct value_name *names;
	const struct message_type *of; /* of TYPE_MESSAGE */
};

struct message_type {
	const char *name;
	const struct field_type *fields;
};

struct bytes {
	const uint8_t *at;
	size_t n;
};

struct message {
	const struct message_type *type; /* NULL: there is none, and nothing in it */
	struct bytes bytes;
};

/* One value: a number, or the bytes of what is none. */
struct value {
	const struct field_type *field; /* NULL: a field that the table does not have */
	uint32_t number;                /* of the field */
	unsigned wire;                  /* how it was sent: the wire type */
	uint64_t integer;               /* as it was sent, for a known field decoded */
	struct bytes bytes;
};

/* Where a reader stands. */
struct cursor {
	struct message rest;
	struct value packed; /* whose bytes hold further numbers of the same field */
};

/* The next value: 1, 0 at the end, or -EBADMSG where it is none. */
int message_next(struct cursor *cursor, struct value *ret);

/* Can all of it be read, to some depth? 0 or -EBADMSG. */
int message_check(struct message message);

/*
 * What stands at PATH, names with dots between them; of several values the last. A number, or
 * OTHERWISE; bytes, or none; a message, or one without a type.
 */
uint64_t message_number(struct message message, const char *path, uint64_t otherwise);
struct bytes message_bytes(struct message message, const char *path);
struct message message_at(struct message message, const char *path);

/* Is there a value at PATH? */
bool message_has(struct message message, const char *path);

/* The values of the field NAME, one after the other: begin, then take until false. */
struct cursor message_each(struct message message);
bool message_take(struct cursor *cursor, const char *name, struct value *ret);

/* The message that a value is; one without a type if it is none. */
struct message value_message(const struct value *value);

/* All of it as lines "NAME: VALUE", DEPTH levels in; numbers as the table says, or in base 16. */
void message_print(FILE *out, struct message message, int depth);
void message_print_hex(FILE *out, struct message message, int depth);

/* Bytes as a piece of a line: what cannot be shown as \xNN. */
void bytes_print(FILE *out, struct bytes bytes);

#endif
