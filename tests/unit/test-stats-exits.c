// SPDX-License-Identifier: GPL-2.0-or-later
/* stats/exits: records of each version, threads and processes, numbers, the tables and their ages.
 */
#include <linux/acct.h>
#include <linux/cgroupstats.h>
#include <linux/taskstats.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <sqlite3.h>
#include <stdbool.h>

#include "harness.h"
#include "stats-rows.h"
#include "stats/exits/account.h"
#include "stats/exits/listening.h"
#include "stats/exits/tables.h"
#include "stats/exits/taskstats.h"
#include "stats/store/schema.h"

/* ---- records ---- */

enum { RECORD_MAX = 1024, DELAYS = 8 };

struct built {
	unsigned char data[RECORD_MAX];
	size_t size;
};

static void append(struct built *b, const void *from, size_t size)
{
	memcpy(b->data + b->size, from, size);
	b->size += size;
}

static void append_number(struct built *b, uint64_t value)
{
	append(b, &value, sizeof(value));
}

/*
 * A record as a kernel of VERSION writes it, field by field in that kernel's order: delay N of the
 * eight came N times and took N milliseconds. Version 15 has the highest and the lowest behind
 * each.
 */
static void append_delay(struct built *b, unsigned version, unsigned n)
{
	append_number(b, n);
	append_number(b, n * 1000000);
	if (version == 15) {
		append_number(b, UINT64_MAX);
		append_number(b, UINT64_MAX);
	}
}

static struct built record_of(unsigned version, uint32_t pid, uint32_t tgid, bool last)
{
	struct built b = {.size = 0};
	struct taskstats head = {.version = (uint16_t)version,
				 .ac_exitcode = 9,
				 .ac_flag = last ? AGROUP : 0};
	struct taskstats s = {.ac_comm = "worker",
			      .ac_uid = 1000,
			      .ac_pid = pid,
			      .ac_ppid = 7,
			      .ac_etime = 5000,
			      .ac_utime = 300,
			      .ac_stime = 200,
			      .hiwater_rss = 64 + pid,
			      .read_bytes = 4096,
			      .nvcsw = 3,
			      .nivcsw = 4};

	append(&b, &head, offsetof(struct taskstats, cpu_count));
	for (unsigned i = 1; i <= 3; i++)
		append_delay(&b, version, i);
	append(&b, &s.cpu_run_real_total,
	       offsetof(struct taskstats, freepages_count) -
		       offsetof(struct taskstats, cpu_run_real_total));
	append_delay(&b, version, 4);
	append_delay(&b, version, 5);
	append_number(&b, 1700000000);
	append_delay(&b, version, 6);
	append_number(&b, tgid);
	append_number(&b, 9000); /* ac_tgetime */
	append_number(&b, 0xfe01);
	append_number(&b, 123456);
	append_delay(&b, version, 7);
	if (version >= 14)
		append_delay(&b, version, 8);
	for (int i = 0; version >= 16 && i < 2 * DELAYS; i++)
		append_number(&b, UINT64_MAX);
	for (int i = 0; version >= 17 && i < 2 * DELAYS; i++)
		append_number(&b, UINT64_MAX);
	return b;
}

START_TEST(versions)
{
	for (unsigned version = 13; version <= 17; version++) {
		struct built b = record_of(version, 70, 60, true);
		struct task_record r;

		ck_assert_int_eq(taskstats_decode(b.data, b.size, &r), 0);
		ck_assert_uint_eq(r.version, version);
		ck_assert_int_eq(r.pid, 70);
		ck_assert_int_eq(r.tgid, 60);
		ck_assert_int_eq(r.parent, 7);
		ck_assert_uint_eq(r.uid, 1000);
		ck_assert(r.last && r.killed && r.failed);
		ck_assert_uint_eq(r.lifetime, 9000);
		ck_assert_uint_eq(r.begin, 1700000000);
		ck_assert_uint_eq(r.exe_device, 0xfe01);
		ck_assert_uint_eq(r.exe_inode, 123456);
		ck_assert_str_eq(r.comm, "worker");
		ck_assert_uint_eq(r.usage.value[USAGE_CPU_USER], 300);
		ck_assert_uint_eq(r.usage.value[USAGE_RSS], (64 + 70) * 1024);
		ck_assert_uint_eq(r.usage.value[USAGE_READ], 4096);
		ck_assert_uint_eq(r.usage.value[USAGE_INVOLUNTARY], 4);
		for (unsigned i = 0; i < DELAYS; i++) {
			unsigned n = version == 13 && i == DELAYS - 1 ? 0 : i + 1;

			ck_assert_uint_eq(r.usage.value[USAGE_FIRST_DELAY + 2 * i], n);
			ck_assert_uint_eq(r.usage.value[USAGE_FIRST_DELAY + 2 * i + 1], n * 1000);
		}
		/* Cut off anywhere, it is refused or all that is read is within it. */
		for (size_t size = 0; size < b.size; size++) {
			unsigned char *exact = malloc(size ?: 1);

			memcpy(exact, b.data, size);
			ck_assert_int_le(taskstats_decode(exact, size, &r), 0);
			free(exact);
		}
	}
}
END_TEST

START_TEST(too_old)
{
	struct built b = record_of(13, 1, 1, true);
	struct task_record r;
	uint16_t version = 12;

	memcpy(b.data, &version, sizeof(version));
	ck_assert_int_eq(taskstats_decode(b.data, b.size, &r), -EPROTONOSUPPORT);
	ck_assert_int_eq(taskstats_decode(b.data, 1, &r), -EBADMSG);
}
END_TEST

static void put_record(struct nl_msg *m, int type, int id_type, const struct built *b)
{
	struct nlattr *nest = nla_nest_start(m, type);

	nla_put_u32(m, id_type, 1);
	nla_put(m, TASKSTATS_TYPE_STATS, (int)b->size, b->data);
	nla_nest_end(m, nest);
}

/* A message of a task, and of its group where GROUP is not NULL, as the kernel sends it. */
static struct task_message message_of(const struct built *task, const struct built *group)
{
	struct nl_msg *m = nlmsg_alloc_size(8192);
	struct task_message message;

	ck_assert_ptr_nonnull(m);
	genlmsg_put(m, 0, 77, 20, 0, 0, TASKSTATS_CMD_NEW, TASKSTATS_GENL_VERSION);
	put_record(m, TASKSTATS_TYPE_AGGR_PID, TASKSTATS_TYPE_PID, task);
	if (group)
		put_record(m, TASKSTATS_TYPE_AGGR_TGID, TASKSTATS_TYPE_TGID, group);
	ck_assert_int_eq(taskstats_read(nlmsg_hdr(m), nlmsg_hdr(m)->nlmsg_len, &message), 0);
	ck_assert_int_eq(taskstats_read(nlmsg_hdr(m), nlmsg_hdr(m)->nlmsg_len - 4, &message),
			 -EBADMSG);
	ck_assert_int_eq(taskstats_read(nlmsg_hdr(m), nlmsg_hdr(m)->nlmsg_len, &message), 0);
	nlmsg_free(m);
	return message;
}

START_TEST(threads_join)
{
	struct built thread = record_of(16, 71, 60, false), leader = record_of(16, 60, 60, false);
	struct built last = record_of(16, 72, 60, true), group = record_of(16, 0, 0, false);
	struct account *a = account_new();
	struct task_message message;
	struct task_record r;
	uint64_t many = 12000000;

	memcpy(leader.data + offsetof(struct taskstats, ac_comm), "leader", 7);
	/* The kernel's sum of the group has a thread in it that ended before we listened. */
	memcpy(group.data + offsetof(struct taskstats, cpu_delay_total), &many, sizeof(many));
	message = message_of(&thread, NULL);
	ck_assert_uint_eq(message.sequence, 77);
	ck_assert(message.has_task && !message.has_group);
	ck_assert(!account_join(a, &message, &r));
	message = message_of(&leader, NULL);
	ck_assert(!account_join(a, &message, &r));
	message = message_of(&last, &group);
	ck_assert(message.has_group);
	ck_assert(account_join(a, &message, &r));
	ck_assert_int_eq(r.pid, 60);
	ck_assert_str_eq(r.comm, "leader");
	ck_assert_uint_eq(r.usage.value[USAGE_EXITS], 1);
	ck_assert_uint_eq(r.usage.value[USAGE_THREADS], 3);
	ck_assert_uint_eq(r.usage.value[USAGE_KILLED], 1);
	ck_assert_uint_eq(r.usage.value[USAGE_ELAPSED], 9000);
	ck_assert_uint_eq(r.usage.value[USAGE_READ], 3 * 4096);
	ck_assert_uint_eq(r.usage.value[USAGE_RSS], (64 + 72) * 1024); /* the highest */
	ck_assert_uint_eq(r.usage.value[USAGE_CPU_DELAY], 12000);      /* the group's */
	ck_assert_uint_eq(r.usage.value[USAGE_BLOCK_DELAY], 6000);     /* the members' */
	/* Nothing of it is left for the next with that pid. */
	message = message_of(&last, NULL);
	ck_assert(account_join(a, &message, &r));
	ck_assert_uint_eq(r.usage.value[USAGE_THREADS], 1);
	account_free(a);
}
END_TEST

/* Time to the nanosecond, divided by what the clock's ticks saw. */
START_TEST(exact_cpu)
{
	struct built b = record_of(14, 70, 60, true);
	uint64_t ran = 12345678, none = 0;
	struct task_record r;

	memcpy(b.data + offsetof(struct taskstats, cpu_run_virtual_total), &ran, sizeof(ran));
	ck_assert_int_eq(taskstats_decode(b.data, b.size, &r), 0);
	ck_assert_uint_eq(r.usage.value[USAGE_CPU_USER], 7407); /* of 300 and 200 */
	ck_assert_uint_eq(r.usage.value[USAGE_CPU_SYSTEM], 4938);
	memcpy(b.data + offsetof(struct taskstats, ac_utime), &none, sizeof(none));
	memcpy(b.data + offsetof(struct taskstats, ac_stime), &none, sizeof(none));
	ck_assert_int_eq(taskstats_decode(b.data, b.size, &r), 0);
	ck_assert_uint_eq(r.usage.value[USAGE_CPU_USER], 12345);
	ck_assert_uint_eq(r.usage.value[USAGE_CPU_SYSTEM], 0);
}
END_TEST

/* Neither part becomes less, whatever the ticks say now, and the sum stays what it is. */
START_TEST(cpu_never_shrinks)
{
	static const uint64_t cases[][6] = {
		/* before: user, system; now; then */
		{10, 10, 15, 12, 15, 12}, {10, 10, 25, 5, 20, 10}, {10, 10, 5, 25, 10, 20},
		{10, 10, 5, 5, 10, 10},   {0, 0, 7, 0, 7, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct usage before = {
			.value = {
				[USAGE_CPU_USER] = cases[i][0], [USAGE_CPU_SYSTEM] = cases[i][1]}};
		struct usage now = {
			.value = {
				[USAGE_CPU_USER] = cases[i][2], [USAGE_CPU_SYSTEM] = cases[i][3]}};

		usage_set_cpu(&now, &before);
		ck_assert_uint_eq(now.value[USAGE_CPU_USER], cases[i][4]);
		ck_assert_uint_eq(now.value[USAGE_CPU_SYSTEM], cases[i][5]);
	}
}
END_TEST

static bool lives(void *data, pid_t pid)
{
	return pid == *(pid_t *)data;
}

START_TEST(orphans)
{
	struct built one = record_of(16, 71, 60, false), two = record_of(16, 81, 80, false);
	struct account *a = account_new();
	struct task_message message;
	struct task_record r;
	pid_t living = 80;

	message = message_of(&one, NULL);
	account_join(a, &message, &r);
	message = message_of(&two, NULL);
	account_join(a, &message, &r);
	ck_assert(account_orphan(a, lives, &living, &r));
	ck_assert_int_eq(r.pid, 60);
	ck_assert_uint_eq(r.usage.value[USAGE_EXITS], 0);
	ck_assert_uint_eq(r.usage.value[USAGE_THREADS], 1);
	ck_assert(!account_orphan(a, lives, &living, &r));
	account_free(a);
}
END_TEST

static int count_key(void *data, const struct exit_key *key, const struct usage *usage)
{
	uint64_t *counts = data;

	counts[0]++;
	counts[1] += usage->value[USAGE_EXITS];
	counts[2] += strcmp(key->comm, "(others)") == 0;
	return 0;
}

/* However many programs there are, none is left out. */
START_TEST(sums_are_bounded)
{
	struct account *a = account_new();
	struct usage usage = {.value[USAGE_EXITS] = 1};
	uint64_t counts[3] = {0};
	char comm[32];

	for (int i = 0; i < 20000; i++) {
		struct exit_key key = {PLACE_CONTAINER, "a", comm, "", 5};

		snprintf(comm, sizeof(comm), "p%d", i);
		ck_assert_int_eq(account_add(a, &key, &usage), 0);
	}
	account_each(a, count_key, counts);
	ck_assert_uint_eq(counts[1], 20000);
	ck_assert_uint_eq(counts[2], 1);
	ck_assert_uint_lt(counts[0], 10000);
	account_reset(a);
	counts[0] = 0;
	account_each(a, count_key, counts);
	ck_assert_uint_eq(counts[0], 0);
	account_free(a);
}
END_TEST

/* The states of a group's tasks, from a message that is whole. */
START_TEST(states)
{
	struct cgroupstats told = {1, 2, 3, 4, 5};
	uint64_t read[TASK_STATES] = {0};
	struct nl_msg *message = nlmsg_alloc();
	const struct nlmsghdr *header;

	ck_assert_ptr_nonnull(genlmsg_put(message, 0, 7, 20, 0, 0, CGROUPSTATS_CMD_NEW, 1));
	ck_assert_int_eq(nla_put(message, CGROUPSTATS_TYPE_CGROUP_STATS, sizeof(told), &told), 0);
	header = nlmsg_hdr(message);
	for (size_t size = 0; size < header->nlmsg_len; size++)
		ck_assert_int_eq(taskstats_read_states(header, size, read), -EBADMSG);
	ck_assert_int_eq(taskstats_read_states(header, header->nlmsg_len, read), 0);
	ck_assert_uint_eq(read[TASK_SLEEPING], 1);
	ck_assert_uint_eq(read[TASK_RUNNING], 2);
	ck_assert_uint_eq(read[TASK_STOPPED], 3);
	ck_assert_uint_eq(read[TASK_UNINTERRUPTIBLE], 4);
	ck_assert_uint_eq(read[TASK_IO_WAIT], 5);
	nlmsg_free(message);
}
END_TEST

/* ---- numbers ---- */

static uint64_t missing(const struct numbers *n)
{
	return n->expected - n->come;
}

START_TEST(gaps)
{
	struct numbers n = {0}, wrap = {0};

	for (uint32_t i = 1000; i < 1010; i++)
		numbers_come(&n, i);
	ck_assert_uint_eq(missing(&n), 0);
	numbers_come(&n, 1015);
	ck_assert_uint_eq(missing(&n), 5);
	/* One with a number of another CPU: there it is missing, here it is too many. */
	numbers_come(&n, 400);
	ck_assert_uint_eq(missing(&n), 4);
	numbers_come(&n, 1016);
	ck_assert_uint_eq(n.come, 13);
	numbers_come(&wrap, UINT32_MAX);
	numbers_come(&wrap, 0);
	numbers_come(&wrap, 3);
	ck_assert_uint_eq(missing(&wrap), 2);
}
END_TEST

/* ---- tables ---- */

static const char *query(sqlite3 *db, const char *sql)
{
	answer[0] = '\0';
	ck_assert_msg(sqlite3_exec(db, sql, append_row, NULL, NULL) == SQLITE_OK, "%s: %s", sql,
		      sqlite3_errmsg(db));
	return answer;
}

static sqlite3 *new_tables(void)
{
	sqlite3_str *views;
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open(":memory:", &db), SQLITE_OK);
	ck_assert_int_eq(exit_tables_create(db), SQLITE_OK);
	views = sqlite3_str_new(db);
	exit_tables_append_views(views);
	ck_assert_int_eq(schema_run_built(db, views), SQLITE_OK);
	return db;
}

static void add(sqlite3 *db, int64_t time, enum exit_place place, const char *container,
		const char *path, uint64_t exits, uint64_t peak)
{
	struct exit_key key = {place, container, "cc1", path, 1000};
	struct usage usage = {.value = {[USAGE_EXITS] = exits,
					[USAGE_CPU_USER] = 2500000,
					[USAGE_CPU_DELAY] = 1500,
					[USAGE_RSS] = peak}};
	uint64_t counts[EXIT_COUNTS] = {[COUNT_EXITS] = exits, [COUNT_BY_GROUP] = exits};

	ck_assert_int_eq(exit_tables_add(db, time, 1000, &key, &usage), SQLITE_OK);
	ck_assert_int_eq(exit_tables_count(db, time, 1000, counts), SQLITE_OK);
}

START_TEST(view)
{
	sqlite3 *db = new_tables();

	add(db, 1500, PLACE_CONTAINER, "it's \"a\"", "/usr/lib/cc1", 2, 100);
	add(db, 1500, PLACE_CONTAINER, "it's \"a\"", "/usr/lib/cc1", 3, 50);
	add(db, 2500, PLACE_OUTSIDE, "", "", 4, 9);
	add(db, 2500, PLACE_UNKNOWN, "", "", 5, 9);
	ck_assert_str_eq(query(db, "SELECT time, period, place, container, user, executable, comm,"
				   " path, exits, cpu_user_seconds, rss_peak_bytes,"
				   " cpu_delay_seconds FROM v_exits"),
			 "1.5|1.0|container|it's \"a\"|1000|/usr/lib/cc1|cc1|/usr/lib/cc1|5|5.0|100"
			 "|0.003 "
			 "2.5|1.0|outside|-|1000|cc1|cc1|-|4|2.5|9|0.0015 "
			 "2.5|1.0|unknown|-|1000|cc1|cc1|-|5|2.5|9|0.0015 ");
	ck_assert_str_eq(query(db, "SELECT time, exits, by_group, lost FROM v_exit_counts"),
			 "1.5|5|5|0 2.5|9|9|0 ");
	sqlite3_close(db);
}
END_TEST

#define DAY INT64_C(86400000)

static void age_all(sqlite3 *db, int64_t now)
{
	const struct exit_retention retention = {.ticks = DAY,
						 .minutes = 10 * DAY,
						 .hours = 100 * DAY};
	bool more = true;

	while (more) {
		more = false;
		ck_assert_int_eq(exit_tables_age(db, now, &retention, &more), SQLITE_OK);
	}
}

/* What ages is the same in sum, whichever form it is in, and whenever that was looked at. */
START_TEST(ages)
{
	static const char totals[] = "SELECT sum(exits), max(rss_peak_bytes),"
				     " round(sum(cpu_user_seconds), 3) FROM v_exits";
	sqlite3 *db = new_tables();
	int64_t start = 1000 * DAY;
	char whole[128];

	for (int i = 0; i < 7200; i++)
		add(db, start + i * 1000 + 7, PLACE_CONTAINER, i % 3 ? "a" : "b", "", 1,
		    (uint64_t)i);
	snprintf(whole, sizeof(whole), "%s", query(db, totals));
	ck_assert_str_eq(whole, "7200|7199|18000.0 ");
	age_all(db, start + DAY + 3600000);
	ck_assert_str_eq(query(db, totals), whole);
	ck_assert_str_eq(query(db, "SELECT count(*), min(time), max(period), sum(exits) FROM"
				   " exits_minute"),
			 "120|86400060.0|60000|3600 ");
	age_all(db, start + DAY + 3600000); /* again: nothing more */
	ck_assert_str_eq(query(db, totals), whole);
	/* One that comes late (the clock was set back) is added to what has aged. */
	add(db, start + 30000, PLACE_CONTAINER, "a", "", 1, 1);
	age_all(db, start + DAY + 3600000);
	ck_assert_str_eq(query(db, "SELECT exits FROM exits_minute JOIN exit_keys ON key = id WHERE"
				   " time = 86400060 AND container = 'a'"),
			 "41 ");
	age_all(db, start + 11 * DAY);
	ck_assert_str_eq(query(db, totals), "7201|7199|18002.5 ");
	ck_assert_str_eq(query(db, "SELECT (SELECT count(*) FROM exits),"
				   " (SELECT count(*) FROM exits_minute),"
				   " (SELECT count(*) FROM exits_hour), (SELECT sum(exits) FROM"
				   " v_exit_counts)"),
			 "0|0|4|7201 ");
	age_all(db, start + 102 * DAY);
	ck_assert_str_eq(query(db, "SELECT (SELECT count(*) FROM v_exits),"
				   " (SELECT count(*) FROM v_exit_counts),"
				   " (SELECT count(*) FROM exit_keys)"),
			 "0|0|0 ");
	sqlite3_close(db);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		versions,     too_old, states,           exact_cpu, cpu_never_shrinks,
		threads_join, orphans, sums_are_bounded, gaps,      view,
		ages,         NULL,
	};

	return harness_run("exits", tests);
}
