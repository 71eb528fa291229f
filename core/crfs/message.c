// SPDX-License-Identifier: LGPL-2.1-or-later
/* The wire format of protocol buffers, read by a table; see message.h. */
#include "message.h"

#include <errno.h>
#include <string.h>

enum { DEPTH_MAX = 16, NAME_SIZE = 64 };
enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

static int take_varint(struct bytes *rest, uint64_t *ret)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte;

		if (!rest->n)
			return -EBADMSG;
		byte = *rest->at++;
		rest->n--;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret = value;
			return 0;
		}
	}
	return -EBADMSG;
}

/* N bytes, the lowest first. */
static int take_fixed(struct bytes *rest, size_t n, uint64_t *ret)
{
	*ret = 0;
	if (rest->n < n)
		return -EBADMSG;
	for (size_t i = 0; i < n; i++)
		*ret |= (uint64_t)rest->at[i] << 8 * i;
	rest->at += n;
	rest->n -= n;
	return 0;
}

static int take_bytes(struct bytes *rest, struct bytes *ret)
{
	uint64_t n;

	if (take_varint(rest, &n) < 0 || n > rest->n)
		return -EBADMSG;
	*ret = (struct bytes){rest->at, (size_t)n};
	rest->at += n;
	rest->n -= (size_t)n;
	return 0;
}

static int take_by_wire(struct bytes *rest, struct value *value)
{
	switch (value->wire) {
	case WIRE_VARINT:
		return take_varint(rest, &value->integer);
	case WIRE_64:
		return take_fixed(rest, 8, &value->integer);
	case WIRE_32:
		return take_fixed(rest, 4, &value->integer);
	case WIRE_BYTES:
		return take_bytes(rest, &value->bytes);
	default:
		return -EBADMSG;
	}
}

/* How a value of this type is sent. */
static unsigned wire_of(enum value_type type)
{
	switch (type) {
	case TYPE_STRING:
	case TYPE_BYTES:
	case TYPE_MESSAGE:
		return WIRE_BYTES;
	case TYPE_DOUBLE:
	case TYPE_FIXED64:
	case TYPE_SFIXED64:
		return WIRE_64;
	case TYPE_FLOAT:
	case TYPE_FIXED32:
	case TYPE_SFIXED32:
		return WIRE_32;
	case TYPE_GROUP:
		return 3;
	case TYPE_INT64:
	case TYPE_UINT64:
	case TYPE_INT32:
	case TYPE_BOOL:
	case TYPE_UINT32:
	case TYPE_ENUM:
	case TYPE_SINT32:
	case TYPE_SINT64:
		return WIRE_VARINT;
	}
	return WIRE_VARINT;
}

/* From what was sent to the number that was meant; negative ones with all their upper bits. */
static uint64_t decoded(enum value_type type, uint64_t sent)
{
	switch (type) {
	case TYPE_SINT32:
	case TYPE_SINT64:
		return sent >> 1 ^ -(sent & 1);
	case TYPE_BOOL:
		return sent != 0;
	case TYPE_UINT32:
		return (uint32_t)sent;
	case TYPE_INT32:
	case TYPE_ENUM:
	case TYPE_SFIXED32:
		return (uint64_t)(int64_t)(int32_t)(uint32_t)sent;
	case TYPE_DOUBLE:
	case TYPE_FLOAT:
	case TYPE_INT64:
	case TYPE_UINT64:
	case TYPE_FIXED64:
	case TYPE_FIXED32:
	case TYPE_STRING:
	case TYPE_GROUP:
	case TYPE_MESSAGE:
	case TYPE_BYTES:
	case TYPE_SFIXED64:
		break;
	}
	return sent;
}

static const struct field_type *field_by_number(const struct message_type *type, uint32_t number)
{
	for (const struct field_type *f = type->fields; f->name; f++)
		if (f->number == number)
			return f;
	return NULL;
}

/* The next of the numbers that were sent as one field. */
static int next_packed(struct cursor *c, struct value *ret)
{
	struct value value = c->packed;
	struct bytes *rest = &c->packed.bytes;

	value.wire = wire_of(value.field->type);
	value.bytes = (struct bytes){0};
	if (take_by_wire(rest, &value) < 0)
		return -EBADMSG;
	value.integer = decoded(value.field->type, value.integer);
	*ret = value;
	return 1;
}

/* Numbers of one field, sent as one? They may be none at all. */
static bool is_packed(const struct value *value)
{
	return value->field && value->wire == WIRE_BYTES && value->field->repeated &&
	       wire_of(value->field->type) != WIRE_BYTES;
}

int message_next(struct cursor *c, struct value *ret)
{
	struct bytes *rest = &c->rest.bytes;

	while (!c->packed.bytes.n) {
		struct value value = {0};
		uint64_t key;

		if (!c->rest.type || !rest->n)
			return 0;
		if (take_varint(rest, &key) < 0 || key >> 3 == 0 || key > UINT32_MAX)
			return -EBADMSG;
		value.number = (uint32_t)(key >> 3);
		value.wire = key & 7;
		if (take_by_wire(rest, &value) < 0)
			return -EBADMSG;
		value.field = field_by_number(c->rest.type, value.number);
		if (is_packed(&value)) {
			c->packed = value;
			continue;
		}
		/* Sent in another way than its type is: something that the table does not know. */
		if (value.field && value.wire != wire_of(value.field->type))
			value.field = NULL;
		if (value.field)
			value.integer = decoded(value.field->type, value.integer);
		*ret = value;
		return 1;
	}
	return next_packed(c, ret);
}

struct message value_message(const struct value *value)
{
	if (!value->field || value->field->type != TYPE_MESSAGE)
		return (struct message){0};
	return (struct message){value->field->of, value->bytes};
}

static int check(struct message message, int depth)
{
	struct cursor c = message_each(message);
	struct value value;
	int r;

	if (depth > DEPTH_MAX)
		return -EBADMSG;
	while ((r = message_next(&c, &value)) > 0)
		if (check(value_message(&value), depth + 1) < 0)
			return -EBADMSG;
	return r;
}

int message_check(struct message message)
{
	return check(message, 0);
}

struct cursor message_each(struct message message)
{
	return (struct cursor){.rest = message};
}

bool message_take(struct cursor *cursor, const char *name, struct value *ret)
{
	while (message_next(cursor, ret) > 0)
		if (ret->field && strcmp(ret->field->name, name) == 0)
			return true;
	return false;
}

/* The value at PATH, below as many messages as it has dots. */
static bool find(struct message message, const char *path, struct value *ret)
{
	for (;;) {
		size_t n = strcspn(path, ".");
		struct cursor c = message_each(message);
		struct value value;
		char name[NAME_SIZE];
		bool found = false;

		snprintf(name, sizeof(name), "%.*s", (int)n, path);
		while (message_take(&c, name, &value)) {
			*ret = value;
			found = true;
		}
		if (!found || !path[n])
			return found;
		message = value_message(ret);
		path += n + 1;
	}
}

uint64_t message_number(struct message message, const char *path, uint64_t otherwise)
{
	struct value value;

	return find(message, path, &value) ? value.integer : otherwise;
}

struct bytes message_bytes(struct message message, const char *path)
{
	struct value value;

	return find(message, path, &value) ? value.bytes : (struct bytes){0};
}

struct message message_at(struct message message, const char *path)
{
	struct value value;

	return find(message, path, &value) ? value_message(&value) : (struct message){0};
}

bool message_has(struct message message, const char *path)
{
	struct value value;

	return find(message, path, &value);
}
