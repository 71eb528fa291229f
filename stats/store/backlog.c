// SPDX-License-Identifier: GPL-2.0-or-later
/* Ticks that wait in memory; see backlog.h. */
#include "backlog.h"

#include <errno.h>

#include "util.h"

struct backlog_tick {
	struct backlog_tick *next;
	int64_t time, usual;
	size_t size, room;
	unsigned char *bytes;
};

/* A number of 64 bits takes at most ten bytes; a row its series and table before its numbers. */
enum {
	NUMBER_SIZE = 10,
	ROW_SIZE = sizeof(struct series *) + 1 + (METRIC_TOTAL + 1) * NUMBER_SIZE
};

void backlog_init(struct backlog *b)
{
	*b = (struct backlog){.end = &b->first};
}

int backlog_begin(struct backlog *b, int64_t time, int64_t usual)
{
	struct backlog_tick *tick;

	if (b->bytes >= BACKLOG_BYTES)
		return -ENOSPC;
	tick = calloc(1, sizeof(*tick));
	if (!tick)
		return -ENOMEM;
	tick->time = time;
	tick->usual = usual;
	*b->end = tick;
	b->end = &tick->next;
	b->ticks++;
	b->bytes += sizeof(*tick);
	return 0;
}

static struct backlog_tick *newest(const struct backlog *b)
{
	return (struct backlog_tick *)((char *)b->end - offsetof(struct backlog_tick, next));
}

/* Seven bits in a byte, lowest first. */
static void put(struct backlog_tick *tick, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		tick->bytes[tick->size++] = (unsigned char)(value | 0x80);
	tick->bytes[tick->size++] = (unsigned char)value;
}

static uint64_t get(const unsigned char **at)
{
	uint64_t value = 0;
	unsigned shift = 0;

	for (; **at & 0x80; (*at)++, shift += 7)
		value |= (uint64_t)(**at & 0x7f) << shift;
	return value | (uint64_t) * (*at)++ << shift;
}

int backlog_row(struct backlog *b, struct series *s, enum metric_table table)
{
	struct backlog_tick *tick = newest(b);
	size_t before = tick->size;
	int64_t period = tick->time > s->stored_time ? tick->time - s->stored_time : 0;

	if (tick->room - tick->size < ROW_SIZE) {
		size_t room = tick->room ? tick->room * 2 : 2 * ROW_SIZE;
		unsigned char *bytes = realloc(tick->bytes, room);

		if (!bytes)
			return -ENOMEM;
		tick->bytes = bytes;
		tick->room = room;
	}
	memcpy(tick->bytes + tick->size, &s, sizeof(s));
	tick->size += sizeof(s);
	tick->bytes[tick->size++] = (unsigned char)table;
	put(tick, (uint64_t)period);
	for (size_t m = 0; m < METRIC_TOTAL; m++) {
		uint64_t value;

		/* What is not known is a zero, so that numbers are one more than they are. */
		if (metric_table(m) == table)
			put(tick,
			    series_column(s, m, &value) && value < UINT64_MAX ? value + 1 : 0);
	}
	b->bytes += tick->size - before;
	s->held++;
	return 0;
}

static const unsigned char *read_row(const struct backlog_tick *tick, const unsigned char *at,
				     struct backlog_row *row)
{
	memcpy(&row->series, at, sizeof(row->series));
	at += sizeof(row->series);
	row->table = (enum metric_table) * at++;
	row->time = tick->time;
	row->period = (int64_t)get(&at);
	row->values.known = (struct metric_mask){0};
	for (size_t m = 0; m < METRIC_TOTAL; m++) {
		uint64_t value = metric_table(m) == row->table ? get(&at) : 0;

		if (value)
			metric_set(&row->values, m, value - 1);
	}
	return at;
}

int backlog_read(const struct backlog *b, int (*tick)(void *data, int64_t time, int64_t usual),
		 int (*row)(void *data, const struct backlog_row *row), void *data)
{
	const struct backlog_tick *first = b->first;
	const unsigned char *at = first->bytes;
	struct backlog_row read;
	int r = tick(data, first->time, first->usual);

	while (r == 0 && at && at < first->bytes + first->size) {
		at = read_row(first, at, &read);
		r = row(data, &read);
	}
	return r;
}

void backlog_skip(struct backlog *copy)
{
	copy->first = copy->first->next;
}

void backlog_drop(struct backlog *b)
{
	struct backlog_tick *first = b->first;
	const unsigned char *at = first->bytes;
	struct backlog_row read;

	while (at && at < first->bytes + first->size) {
		at = read_row(first, at, &read);
		read.series->held--;
	}
	b->first = first->next;
	if (!b->first)
		b->end = &b->first;
	b->ticks--;
	b->bytes -= sizeof(*first) + first->size;
	free(first->bytes);
	free(first);
}
