// SPDX-License-Identifier: GPL-2.0-or-later
/* rbced/source/batch.c: events that came together, and numbers that are missing. */
#include <rbced/source/batch.h>

#include "harness.h"

/* For each event a letter: is it overtaken (o) or not (-)? */
static const struct {
	const char *what; /* f fork, e exec, u uid, x exit, each with the pid's digit */
	const char *expected;
} batches[] = {
	{"", ""},
	{"e1", "-"},
	{"f1e1", "o-"},
	{"f1e1x1", "oo-"},
	{"f1f2e1e2", "oo--"},
	{"e1u1e1", "oo-"},
	{"x1", "-"},
	/* The pid is given away again: each of the two counts for itself. */
	{"e1x1f1e1", "o-o-"},
	{"f1x1f1", "o--"},
	{"e1f1", "--"},
	{"f1f2f3f4f5e5", "----o-"},
};

static size_t read_batch(const char *what, struct event *events)
{
	static const enum cause causes[] = {
		['f'] = CAUSE_FORK,
		['e'] = CAUSE_EXEC,
		['u'] = CAUSE_UID,
		['x'] = CAUSE_EXIT,
	};
	size_t n = 0;

	for (; *what; what += 2)
		events[n++] = (struct event){
			.cause = causes[(unsigned char)what[0]],
			.pid = what[1] - '0',
		};
	return n;
}

START_TEST(overtaken)
{
	for (size_t i = 0; i < sizeof(batches) / sizeof(batches[0]); i++) {
		struct event events[16];
		size_t n = read_batch(batches[i].what, events);

		batch_overtake(events, n);
		ck_assert_uint_eq(n, strlen(batches[i].expected));
		for (size_t k = 0; k < n; k++)
			ck_assert_msg(events[k].overtaken == (batches[i].expected[k] == 'o'),
				      "%s: event %zu", batches[i].what, k);
	}
}
END_TEST

/* Pids that meet in the table, as many as a batch holds. */
START_TEST(full_batch)
{
	static struct event events[BATCH_EVENTS];

	for (size_t i = 0; i < BATCH_EVENTS; i++)
		events[i] = (struct event){
			.cause = CAUSE_EXEC,
			.pid = (pid_t)(1 + i % (BATCH_EVENTS / 2) * 1024),
		};
	batch_overtake(events, BATCH_EVENTS);
	for (size_t i = 0; i < BATCH_EVENTS; i++)
		ck_assert(events[i].overtaken == (i < BATCH_EVENTS / 2));
}
END_TEST

START_TEST(gaps)
{
	struct sequence s = {0};

	/* Nothing is known of what came before the first. */
	ck_assert_uint_eq(sequence_gap(&s, 0, 17), 0);
	ck_assert_uint_eq(sequence_gap(&s, 0, 18), 0);
	ck_assert_uint_eq(sequence_gap(&s, 0, 21), 2);
	/* Another processor counts for itself, also one that comes late. */
	ck_assert_uint_eq(sequence_gap(&s, 5, 1000), 0);
	ck_assert_uint_eq(sequence_gap(&s, 3, 0), 0);
	ck_assert_uint_eq(sequence_gap(&s, 3, 2), 1);
	ck_assert_uint_eq(sequence_gap(&s, 5, 1001), 0);
	ck_assert_uint_eq(sequence_gap(&s, 0, 22), 0);
	/* Around the end of the numbers, with and without a loss there. */
	ck_assert_uint_eq(sequence_gap(&s, 1, UINT32_MAX - 1), 0);
	ck_assert_uint_eq(sequence_gap(&s, 1, UINT32_MAX), 0);
	ck_assert_uint_eq(sequence_gap(&s, 1, 0), 0);
	ck_assert_uint_eq(sequence_gap(&s, 2, UINT32_MAX), 0);
	ck_assert_uint_eq(sequence_gap(&s, 2, 2), 2);
	/* Backwards is no loss, and nothing is lost by it afterwards. */
	ck_assert_uint_eq(sequence_gap(&s, 2, 1), 0);
	ck_assert_uint_eq(sequence_gap(&s, 2, 4), 1);
	/* No processor has such a number. */
	ck_assert_uint_eq(sequence_gap(&s, UINT32_MAX, 4), 0);
	ck_assert_uint_eq(sequence_gap(&s, UINT32_MAX, 9), 0);
	sequence_done(&s);
	ck_assert_ptr_null(s.cpus);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {overtaken, full_batch, gaps, NULL};

	return harness_run("source-batch", tests);
}
