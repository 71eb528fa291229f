// SPDX-License-Identifier: GPL-2.0-or-later
/* stats/sample/devices.c, store/devices.c: what each block device did. */
#include "stats/store/devices.h"

#include "stats-rows.h"
#include "stats-store.h"
#include "stats/store/schema.h"

#define START  INT64_C(1800000000000)
#define MINUTE INT64_C(60000)

static struct device_list list;

/* The numbers of device 8:MINOR: read, written, reads, writes, discarded, discards. */
static void expect(uint32_t minor, bool fresh, const uint64_t wanted[DEVICE_METRICS])
{
	for (size_t i = 0; i < list.n; i++) {
		if (list.io[i].major != 8 || list.io[i].minor != minor)
			continue;
		ck_assert_int_eq(list.io[i].fresh, fresh);
		for (int m = 0; m < DEVICE_METRICS; m++)
			ck_assert_msg(list.io[i].value[m] == wanted[m], "8:%u, %d: %llu", minor, m,
				      (unsigned long long)list.io[i].value[m]);
		return;
	}
	ck_abort_msg("no device 8:%u", minor);
}

#define FIELD(k)                                                                                   \
	{                                                                                          \
		.key = k, .length = strlen(k)                                                      \
	}

START_TEST(both_versions)
{
	struct parse_field v1[] = {FIELD("Read"), FIELD("Write"), FIELD("Discard")};
	struct parse_field v2[] = {FIELD("rbytes"), FIELD("wbytes"), FIELD("rios"),
				   FIELD("cost.usage")};
	static const enum metric bytes[] = {METRIC_IO_READ, METRIC_IO_WRITTEN, METRIC_IO_DISCARDED};
	static const enum metric requests[] = {METRIC_IO_READS, METRIC_IO_WRITES,
					       METRIC_IO_DISCARDS};
	static const enum metric nested[] = {METRIC_IO_READ, METRIC_IO_WRITTEN, METRIC_IO_READS,
					     METRIC_IO_COST_USAGE};

	ck_assert_int_eq(devices_read(&list, PARSE_DEVICES,
				      "8:0 Read 100\n8:0 Write 200\n8:0 Total 300\n8:16 Read 0\n"
				      "8:32 Discard 7\nTotal 307\n",
				      v1, bytes, 3),
			 0);
	ck_assert_int_eq(devices_read(&list, PARSE_DEVICES, "8:0 Read 1\n8:0 Write 2\n", v1,
				      requests, 3),
			 0);
	ck_assert_uint_eq(list.n, 2);
	expect(0, false, (uint64_t[]){100, 200, 1, 2, 0, 0});
	expect(32, false, (uint64_t[]){0, 0, 0, 0, 7, 0});
	list.read = true;
	ck_assert_int_eq(devices_read(&list, PARSE_NESTED,
				      "8:0 rbytes=150 wbytes=200 rios=3 cost.usage=9\n8:1 \n"
				      "8:48 rbytes=1 \nx:1 rbytes=5\n8:2rbytes=1\n8: rbytes=1\n"
				      "99999999999:1 rbytes=1\n8:5",
				      v2, nested, 4),
			 0);
	ck_assert_uint_eq(list.n, 3);
	expect(0, false, (uint64_t[]){150, 200, 3, 2, 0, 0});
	expect(48, true, (uint64_t[]){1, 0, 0, 0, 0, 0});
	devices_clear(&list);
	ck_assert_uint_eq(list.n, 0);
	ck_assert(!list.read);
}
END_TEST

static int write_part(void *data, sqlite3 *db, int64_t time)
{
	return devices_write(data, db, time);
}

static void stored_part(void *data)
{
	devices_stored(data);
}

/* What each device of container a has read and written so far, and its inode; 0: it is not there.
 */
static const struct {
	int64_t time;
	uint64_t inode;
	bool fresh;
	uint64_t io[2][2];
} ticks[] = {
	{0, 7, false, {{1000, 10}, {0, 0}}},     {1000, 7, false, {{1500, 10}, {0, 0}}},
	{2000, 7, false, {{1500, 10}, {0, 0}}},  /* nothing */
	{3000, 7, false, {{1500, 10}, {40, 0}}}, /* its first use of the other */
	{4000, 7, false, {{1600, 20}, {40, 5}}}, {5000, 0, false, {{0, 0}, {0, 0}}},
	{6000, 8, true, {{300, 0}, {0, 0}}}, /* made again */
	{7000, 8, true, {{200, 0}, {0, 0}}}, /* it began anew */
};

static const char rows[] =
	"SELECT container, CAST(time AS INTEGER) % 60, period, device, name, io_read_bytes,"
	" io_written_bytes, generation FROM v_io_devices";

/* Where the counters stand: what was saved and what followed. */
static const char counters[] =
	"SELECT c.container, d.device, c.io_read_bytes + coalesce((SELECT sum(i.io_read_bytes) "
	"FROM device_io i"
	" WHERE i.container = c.container AND i.device = c.device AND i.time > c.time / 1000.0), 0)"
	" FROM device_counters c JOIN devices d ON d.id = c.device";

static const char *ask(const char *sql)
{
	sqlite3 *db;

	answer[0] = '\0';
	ck_assert_int_eq(schema_open_reader(path, &db, NULL), 0);
	ck_assert_int_eq(sqlite3_exec(db, sql, append_row, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	return answer;
}

static struct rbce_hierarchy *h;
static struct rbce_root *root;
static struct devices *devices;

/* The tick I, with the clock ahead by MS. */
static void put(size_t i, int64_t ms)
{
	struct device_io io[2] = {{.major = 8}, {.major = 8, .minor = 16, .fresh = true}};
	struct sample sample = {.name = "a", .inode = ticks[i].inode, .fresh = ticks[i].fresh};

	metric_set(&sample.values, METRIC_CPU, i);
	for (size_t d = 0; d < 2; d++) {
		memcpy(io[d].value, ticks[i].io[d], sizeof(ticks[i].io[d]));
		sample.devices.n += io[d].value[0] > 0;
	}
	sample.devices.io = io;
	store_begin(store, START + ticks[i].time + ms);
	devices_begin(devices);
	if (sample.inode) {
		ck_assert_int_eq(store_put(store, &sample), 0);
		devices_note(devices, &sample);
	}
	ck_assert_int_eq(store_commit(store, 0, false, NULL), 0);
}

static void skip_part(void *data, int64_t ms)
{
	devices_skip(data, ms);
}

static void begin(void)
{
	char link[PATH_MAX + 32];

	set_up();
	harness_write_text(tree, "sys/dev/block/readme", "");
	snprintf(link, sizeof(link), "%s/sys/dev/block/8:0", tree);
	ck_assert_int_eq(symlink("../../devices/block/sda", link), 0);
	ck_assert_int_eq(rbce_root_open(tree, &root, NULL), 0);
	ck_assert_int_eq(rbce_hierarchy_open_mounts(root, "rbce", NULL, 0, &h, NULL), 0);
	devices = devices_new(h);
	store_add_part(store, &(struct store_part){write_part, stored_part, devices, skip_part});
}

static void finish(void)
{
	devices_free(devices);
	rbce_hierarchy_close(h);
	rbce_root_close(root);
	tear_down();
}

START_TEST(rows_and_minutes)
{
	bool more = false;
	sqlite3 *db;

	begin();
	for (size_t i = 0; i < sizeof(ticks) / sizeof(ticks[0]); i++)
		put(i, 0);
	ck_assert_str_eq(ask(rows), "a|1|1.0|8:0|sda|500|0|1 a|3|1.0|8:16||40|0|1 "
				    "a|4|1.0|8:0|sda|100|10|1 a|4|1.0|8:16||0|5|1 "
				    "a|6|1.0|8:0|sda|300|0|2 a|7|1.0|8:0|sda|200|0|2 ");
	ck_assert_str_eq(ask(counters), "1|8:0|1600 1|8:16|40 2|8:0|500 ");
	store = store_close(store);
	ck_assert_int_eq(schema_open_writer(path, &db, NULL), 0);
	ck_assert_int_eq(device_tables_age(db, START + MINUTE, START, &more), SQLITE_OK);
	ck_assert(!more);
	ck_assert_str_eq(ask(rows), "a|0|60.0|8:0|sda|600|10|1 a|0|60.0|8:16||40|5|1 "
				    "a|0|60.0|8:0|sda|500|0|2 ");
	ck_assert_int_eq(device_tables_age(db, START + MINUTE, START + MINUTE, &more), SQLITE_OK);
	ck_assert_str_eq(ask(rows), "");
	sqlite3_close(db);
	finish();
}
END_TEST

/* The machine sleeps for an hour, then its clock is set back by as much: nobody used a device then.
 */
START_TEST(clock_skips)
{
	begin();
	put(0, 0);
	put(1, 0);
	store_skip(store, 60 * MINUTE);
	put(3, 60 * MINUTE);
	store_skip(store, -60 * MINUTE);
	put(4, 0);
	ck_assert_str_eq(ask(rows), "a|1|1.0|8:0|sda|500|0|1 a|4|1.0|8:0|sda|100|10|1 "
				    "a|4|1.0|8:16||0|5|1 a|3|2.0|8:16||40|0|1 ");
	finish();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {both_versions, rows_and_minutes, clock_skips, NULL};

	return harness_run("stats-devices", tests);
}
