// SPDX-License-Identifier: LGPL-2.1-or-later
/* Any message as lines for people; see message.h. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <sys/sysmacros.h>

#include "message.h"

enum { ADDRESS_WORDS = 4 };

/* What is printed so far. */
struct printer {
	FILE *out;
	int depth;
	bool hex;                      /* numbers of this message are addresses or the like */
	uint32_t field;                /* whose line is not ended yet, 0 for none */
	uint32_t words[ADDRESS_WORDS]; /* an address that is not printed yet */
	size_t n_words;
};

void bytes_print(FILE *out, struct bytes bytes)
{
	for (size_t i = 0; i < bytes.n; i++) {
		uint8_t c = bytes.at[i];

		if (c < ' ' || c == 0x7f || c == '\\' || c >= 0x80)
			fprintf(out, "\\x%02x", c);
		else
			fputc(c, out);
	}
}

static const char *name_of(const struct value_name *names, uint64_t value)
{
	for (; names && names->name; names++)
		if (names->value == value)
			return names->name;
	return NULL;
}

static void print_flags(FILE *out, const struct value_name *names, uint64_t value)
{
	const char *between = "";

	for (; names && names->name; names++) {
		if (!(value & names->value))
			continue;
		fprintf(out, "%s%s", between, names->name);
		value &= ~names->value;
		between = " | ";
	}
	if (value || !*between)
		fprintf(out, "%s0x%" PRIx64, between, value);
}

static bool is_signed(enum value_type type)
{
	return type == TYPE_INT32 || type == TYPE_INT64 || type == TYPE_SINT32 ||
	       type == TYPE_SINT64 || type == TYPE_SFIXED32 || type == TYPE_SFIXED64 ||
	       type == TYPE_ENUM;
}

static void print_number(FILE *out, const struct field_type *f, bool hex, uint64_t value)
{
	const char *name = f->show == SHOW_FLAGS ? NULL : name_of(f->names, value);

	if (name)
		fputs(name, out);
	else if (f->type == TYPE_BOOL)
		fputs(value ? "true" : "false", out);
	else if (hex || f->show == SHOW_HEX)
		fprintf(out, "0x%" PRIx64, value);
	else if (f->show == SHOW_FLAGS)
		print_flags(out, f->names, value);
	else if (f->show == SHOW_DEVICE)
		fprintf(out, "%" PRIu64 ":%" PRIu64, value >> 20, value & 0xfffff);
	else if (f->show == SHOW_OLD_DEVICE)
		fprintf(out, "%u:%u", major(value), minor(value));
	else if (is_signed(f->type))
		fprintf(out, "%" PRId64, (int64_t)value);
	else
		fprintf(out, "%" PRIu64, value);
}

/* The words of an address: one, or four, or something else that is shown as it is. */
static void print_words(struct printer *p)
{
	char text[INET6_ADDRSTRLEN];

	if (p->n_words == 1 || p->n_words == ADDRESS_WORDS) {
		inet_ntop(p->n_words == 1 ? AF_INET : AF_INET6, p->words, text, sizeof(text));
		fprintf(p->out, " %s", text);
	} else
		for (size_t i = 0; i < p->n_words; i++)
			fprintf(p->out, " 0x%" PRIx32, p->words[i]);
	p->n_words = 0;
}

static void end_line(struct printer *p)
{
	print_words(p);
	if (p->field)
		fputc('\n', p->out);
	p->field = 0;
}

static void begin_line(struct printer *p, const char *name)
{
	end_line(p);
	fprintf(p->out, "%*s%s:", 2 * p->depth, "", name);
}

/* A field that the table does not have: how it was sent, and what. */
static void print_unknown(struct printer *p, const struct value *value)
{
	char name[32];

	snprintf(name, sizeof(name), "field %" PRIu32, value->number);
	begin_line(p, name);
	if (value->wire == 2) {
		fputs(" bytes ", p->out);
		bytes_print(p->out, value->bytes);
	} else
		fprintf(p->out, " %s 0x%" PRIx64, value->wire == 0 ? "varint" : "fixed",
			value->integer);
	fputc('\n', p->out);
}

static void print_text(struct printer *p, const struct value *value)
{
	begin_line(p, value->field->name);
	if (value->bytes.n)
		fputc(' ', p->out);
	bytes_print(p->out, value->bytes);
	fputc('\n', p->out);
}

/* Numbers of one field stand in one line. */
static void print_in_line(struct printer *p, const struct value *value)
{
	if (p->field != value->number)
		begin_line(p, value->field->name);
	p->field = value->number;
	if (value->field->show == SHOW_ADDRESS) {
		if (p->n_words == ADDRESS_WORDS)
			print_words(p);
		p->words[p->n_words++] = (uint32_t)value->integer;
		return;
	}
	fputc(' ', p->out);
	print_number(p->out, value->field, p->hex, value->integer);
}

static void print(FILE *out, struct message message, int depth, bool hex)
{
	struct printer p = {.out = out, .depth = depth, .hex = hex};
	struct cursor c = message_each(message);
	struct value value;

	while (message_next(&c, &value) > 0) {
		struct message inner = value_message(&value);

		if (!value.field)
			print_unknown(&p, &value);
		else if (inner.type) {
			begin_line(&p, value.field->name);
			fputc('\n', out);
			print(out, inner, depth + 1, hex || value.field->show == SHOW_HEX);
		} else if (value.field->type == TYPE_STRING || value.field->type == TYPE_BYTES)
			print_text(&p, &value);
		else
			print_in_line(&p, &value);
	}
	end_line(&p);
}

void message_print(FILE *out, struct message message, int depth)
{
	print(out, message, depth, false);
}

void message_print_hex(FILE *out, struct message message, int depth)
{
	print(out, message, depth, true);
}
