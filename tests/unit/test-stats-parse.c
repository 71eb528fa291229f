// SPDX-License-Identifier: GPL-2.0-or-later
/* stats/sample/parse.c: every kind of control file, from texts as the kernel writes them. */
#include "stats/sample/parse.h"

#include <stdbool.h>
#include <stdint.h>

#include "harness.h"

enum { MISSING = -1 };

static const char memory_stat[] = "cache 9338880\nrss 7553024\ntotal_cache 35217408\n"
				  "total_rss 13828096\ntotal_rss_huge 0\ntotal_pgfault 1715562\n";
static const char blkio[] = "8:0 Read 4096\n8:0 Write 8192\n8:0 Sync 1\n8:0 Discard 0\n"
			    "8:0 Total 12288\n254:16 Read 512\n254:16 Write 1\nTotal 12801\n";
static const char io_stat[] = "8:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n"
			      "254:0 rbytes=512 wbytes=0 rios=3 wios=0 dbytes=0 dios=0\n"
			      "7:0 \n";
static const char pressure[] = "some avg10=0.12 avg60=1.00 avg300=22.10 total=1325363\n"
			       "full avg10=0.00 avg60=0.00 avg300=0.00 total=77\n";

static const struct {
	enum parse_format format;
	const char *text;
	const char *key;
	int64_t value; /* MISSING: not found */
} cases[] = {
	{PARSE_VALUE, "1234\n", NULL, 1234},
	{PARSE_VALUE, "0", NULL, 0},
	{PARSE_VALUE, "9223372036854775807\n", NULL, INT64_MAX},
	{PARSE_VALUE, "18446744073709551616\n", NULL, MISSING},
	{PARSE_VALUE, "", NULL, MISSING},
	{PARSE_VALUE, "max\n", NULL, MISSING},
	{PARSE_VALUE, "-5\n", NULL, MISSING},
	{PARSE_VALUE, "12x\n", NULL, MISSING},

	{PARSE_KEYS, memory_stat, "total_rss", 13828096},
	{PARSE_KEYS, memory_stat, "rss", 7553024},
	{PARSE_KEYS, memory_stat, "total_pgfault", 1715562},
	{PARSE_KEYS, memory_stat, "total_r", MISSING},
	{PARSE_KEYS, memory_stat, "swap", MISSING},
	{PARSE_KEYS, "nr_periods 5\nthrottled_time 18\n", "throttled_time", 18},
	{PARSE_KEYS, "user 2452\nsystem 2688", "system", 2688},
	{PARSE_KEYS, "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", "oom_kill", 3},
	{PARSE_KEYS, "max\n", "max", MISSING},
	{PARSE_KEYS, "max \n", "max", MISSING},
	{PARSE_KEYS, "max 1 2\n", "max", 1},
	{PARSE_KEYS, "\n\nmax 7\n", "max", 7},
	{PARSE_KEYS, "", "max", MISSING},

	{PARSE_DEVICES, blkio, "Read", 4608},
	{PARSE_DEVICES, blkio, "Write", 8193},
	{PARSE_DEVICES, blkio, "Total", 12288},
	{PARSE_DEVICES, "Total 0\n", "Read", 0},
	{PARSE_DEVICES, "8:0 Read x\n8:0\n8:0 \n8:0 Read\n8:0 Read 9\n", "Read", 9},

	{PARSE_NESTED, io_stat, "rbytes", 4608},
	{PARSE_NESTED, io_stat, "wios", 2},
	{PARSE_NESTED, io_stat, "bytes", 0},
	{PARSE_NESTED, "", "rbytes", 0},
	{PARSE_NESTED, "8:0 rbytes=\n8:0 rbytes\n8:0 rbytes=z wbytes=1\n", "rbytes", 0},

	{PARSE_PRESSURE, pressure, "some", 1325363},
	{PARSE_PRESSURE, pressure, "full", 77},
	{PARSE_PRESSURE, "some avg10=0.00 avg60=0.00 avg300=0.00 total=8\n", "full", MISSING},
	{PARSE_PRESSURE, "some avg10=0.00 total=\n", "some", MISSING},
};

START_TEST(numbers)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* A copy of just its size, so that a read beyond it is seen. */
		char *text = strdup(cases[i].text);
		struct parse_field field = {
			.key = cases[i].key,
			.length = cases[i].key ? strlen(cases[i].key) : 0,
			.found = true,
			.value = 99,
		};

		parse_text(cases[i].format, text, &field, 1);
		ck_assert_msg(field.found == (cases[i].value != MISSING), "case %zu: '%s'", i,
			      cases[i].text);
		if (field.found)
			ck_assert_msg(field.value == (uint64_t)cases[i].value,
				      "case %zu: %llu in '%s'", i, (unsigned long long)field.value,
				      cases[i].text);
		free(text);
	}
}
END_TEST

START_TEST(several_fields)
{
	struct parse_field fields[] = {
		{.key = "total_pgfault", .length = 13},
		{.key = "none", .length = 4},
		{.key = "total_cache", .length = 11},
	};

	parse_text(PARSE_KEYS, memory_stat, fields, 3);
	ck_assert(fields[0].found && !fields[1].found && fields[2].found);
	ck_assert_uint_eq(fields[0].value, 1715562);
	ck_assert_uint_eq(fields[2].value, 35217408);
}
END_TEST

/* Every beginning of every text is read without going wrong. */
START_TEST(cut_off)
{
	static const char *const texts[] = {memory_stat, blkio, io_stat, pressure};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (size_t n = 0; n <= strlen(texts[i]); n++)
			for (int format = PARSE_VALUE; format <= PARSE_PRESSURE; format++) {
				char *text = strndup(texts[i], n);
				struct parse_field fields[] = {{.key = "some", .length = 4},
							       {.key = "Read", .length = 4}};

				parse_text((enum parse_format)format, text, fields, 2);
				ck_assert(fields[0].found || fields[0].value == 0);
				free(text);
			}
}
END_TEST

int main(void)
{
	return harness_run("stats-parse",
			   (const TTest *const[]){numbers, several_fields, cut_off, NULL});
}
