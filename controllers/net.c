// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The network: net.connect, net.bind, net.accept, net.egress, net.priority and net.flowid, by
 * programs on the v2 group (bpf/). Where cgroup v1 has net_prio and net_cls, the last two are
 * theirs.
 */
#include "net.h"

#include <errno.h>
#include <inttypes.h>
#include <rbce/units.h>

#include "bpf/net.h"
#include "internal.h"
#include "net-list.h"
#include "net-mark.h"
#include "util.h"

#define RATE_LEAST 1000 /* bytes per second */
#define RATE_MOST  (UINT64_C(1) << 40)

#define BURST_LEAST       UINT64_C(2048) /* more than the usual packet */
#define BURST_MOST        (UINT64_C(1) << 30)
#define BURST_SHARE       10 /* of a second, where nobody says */
#define BURST_USUAL_LEAST (UINT64_C(16) << 10)
#define BURST_USUAL_MOST  (UINT64_C(4) << 20)

#define SECOND UINT64_C(1000000000)

/* What a key says; members that it does not have are zero, so that two can be compared whole. */
struct value {
	struct net_rule_list list;
	uint64_t rate, burst;
	uint64_t mark;
};

/* What a key is in words and in the rules of a container. */
struct net_row {
	const struct controller_key *key;
	int (*parse)(const char *text, struct value *ret, struct rbce_error *err);
	int (*format)(const struct value *value, char *buf, size_t size);
	void (*store)(const struct net_row *row, const struct value *value,
		      struct net_rules *rules);
	void (*load)(const struct net_row *row, const struct net_rules *rules, struct value *ret);
	enum net_list list;
};

static int print(char *buf, size_t size, const char *a, const char *b)
{
	int n = snprintf(buf, size, "%s%s", a, b);

	return n >= 0 && (size_t)n < size ? 0 : -E2BIG;
}

/* ---- lists ---- */

static int parse_list(const char *text, struct value *ret, struct rbce_error *err)
{
	return net_list_parse(text, &ret->list, err);
}

static int format_list(const struct value *value, char *buf, size_t size)
{
	return net_list_format(&value->list, buf, size);
}

static void store_list(const struct net_row *row, const struct value *value,
		       struct net_rules *rules)
{
	rules->n[row->list] = value->list.n;
	memcpy(rules->list[row->list], value->list.rules, sizeof(rules->list[row->list]));
}

static void load_list(const struct net_row *row, const struct net_rules *rules, struct value *ret)
{
	ret->list.n = rules->n[row->list];
	memcpy(ret->list.rules, rules->list[row->list], sizeof(ret->list.rules));
}

/* ---- the rate ---- */

static uint64_t usual_burst(uint64_t rate)
{
	uint64_t burst = rate / BURST_SHARE;

	return burst < BURST_USUAL_LEAST  ? BURST_USUAL_LEAST
	       : burst > BURST_USUAL_MOST ? BURST_USUAL_MOST
					  : burst;
}

static int parse_burst(const char *word, uint64_t *ret, struct rbce_error *err)
{
	const char *size = after_prefix(word, "burst=");
	char quoted[QUOTED_SIZE];
	uint64_t burst = 0;

	amount_quote(word, quoted);
	if (!size || rbce_parse_size(size, &burst) < 0)
		return rbce_error_set(err, -EINVAL, "'%s' is not a burst (like burst=64K)", quoted);
	if (burst < BURST_LEAST || burst > BURST_MOST)
		return rbce_error_set(err, -ERANGE, "'%s' is out of range (2K to 1G)", quoted);
	*ret = burst;
	return 0;
}

/* "10Mbit" or "10Mbit burst=64K" */
static int parse_rate(const char *text, struct value *ret, struct rbce_error *err)
{
	cleanup_free char *copy = strdup(text);
	char *save = NULL, *rate = copy ? strtok_r(copy, " \t", &save) : NULL;
	char *burst = rate ? strtok_r(NULL, " \t", &save) : NULL, quoted[QUOTED_SIZE];
	int r;

	if (!copy)
		return rbce_error_errno(err, -ENOMEM, "the value cannot be read");
	amount_quote(rate ? rate : "", quoted);
	r = rate ? rbce_parse_rate(rate, &ret->rate) : -EINVAL;
	if (r < 0)
		return rbce_error_set(err, -EINVAL, "'%s' is not a rate (like 10Mbit, 2M or max)",
				      quoted);
	if (ret->rate == RBCE_UNLIMITED)
		ret->rate = 0;
	else if (ret->rate < RATE_LEAST || ret->rate > RATE_MOST)
		return rbce_error_set(err, -ERANGE, "'%s' is out of range (8Kbit to 1T)", quoted);
	if (burst && (strtok_r(NULL, " \t", &save) || ret->rate == 0))
		return rbce_error_set(err, -EINVAL,
				      "'%s' is not a rate and its burst (like 10Mbit burst=64K)",
				      amount_quote(text, quoted));
	ret->burst = ret->rate ? usual_burst(ret->rate) : 0;
	return burst ? parse_burst(burst, &ret->burst, err) : 0;
}

static int format_rate(const struct value *value, char *buf, size_t size)
{
	static const struct {
		uint64_t bytes;
		const char *unit;
	} units[] = {{125000000, "Gbit"}, {125000, "Mbit"}, {125, "Kbit"}, {1, ""}};
	char rate[RBCE_UNITS_SIZE] = "max", burst[RBCE_UNITS_SIZE] = "";

	for (size_t i = 0; value->rate && i < ARRAY_SIZE(units); i++) {
		if (value->rate % units[i].bytes)
			continue;
		snprintf(rate, sizeof(rate), "%" PRIu64 "%s", value->rate / units[i].bytes,
			 units[i].unit);
		break;
	}
	if (value->rate && value->burst != usual_burst(value->rate))
		snprintf(burst, sizeof(burst), " burst=%" PRIu64, value->burst);
	return print(buf, size, rate, burst);
}

static void store_rate(const struct net_row *row, const struct value *value,
		       struct net_rules *rules)
{
	(void)row;
	rules->rate = value->rate;
	rules->burst = value->burst;
	rules->burst_time =
		value->rate ? (uint64_t)((__uint128_t)value->burst * SECOND / value->rate) : 0;
	/* Connections begin with the whole of it again. */
	rules->pace.share = 0;
}

int net_rate(const char *text, uint64_t *ret)
{
	struct value value = {0};
	int r = parse_rate(text, &value, NULL);

	if (r == 0)
		*ret = value.rate ?: RBCE_UNLIMITED;
	return r;
}

static void load_rate(const struct net_row *row, const struct net_rules *rules, struct value *ret)
{
	(void)row;
	ret->rate = rules->rate;
	ret->burst = rules->burst;
}

/* ---- marks ---- */

static int parse_mark(const char *text, struct value *ret, struct rbce_error *err)
{
	uint32_t mark = 0;
	int r = net_mark_parse(text, &mark, err);

	ret->mark = mark;
	return r;
}

static int format_mark(const struct value *value, char *buf, size_t size)
{
	char text[AMOUNT_SIZE];

	net_mark_format((uint32_t)value->mark, text, sizeof(text));
	return print(buf, size, text, "");
}

static void store_priority(const struct net_row *row, const struct value *value,
			   struct net_rules *rules)
{
	(void)row;
	rules->priority = (uint32_t)value->mark;
}

static void load_priority(const struct net_row *row, const struct net_rules *rules,
			  struct value *ret)
{
	(void)row;
	ret->mark = rules->priority;
}

static void store_flowid(const struct net_row *row, const struct value *value,
			 struct net_rules *rules)
{
	(void)row;
	rules->flowid = (uint32_t)value->mark;
}

static void load_flowid(const struct net_row *row, const struct net_rules *rules, struct value *ret)
{
	(void)row;
	ret->mark = rules->flowid;
}

/* ---- the rows ---- */

static const struct net_row rows[] = {
	{&controller_net_connect, parse_list, format_list, store_list, load_list, NET_CONNECT},
	{&controller_net_bind, parse_list, format_list, store_list, load_list, NET_BIND},
	{&controller_net_accept, parse_list, format_list, store_list, load_list, NET_ACCEPT},
	{&controller_net_egress, parse_rate, format_rate, store_rate, load_rate, 0},
	{&controller_net_priority, parse_mark, format_mark, store_priority, load_priority, 0},
	{&controller_net_flowid, parse_mark, format_mark, store_flowid, load_flowid, 0},
};

static const struct net_row *row_of(const struct controller_key *key)
{
	size_t i = 0;

	while (rows[i].key != key)
		i++;
	return &rows[i];
}

static int check(const struct controller_key *key, const char *text, struct rbce_error *err)
{
	struct value value = {0};

	return row_of(key)->parse(text, &value, err);
}

/* A row with a file is v1's, where that has the controller. */
static bool is_v1(const struct controller_key *key, struct rbce_container *c)
{
	return key->version[1].file && rbce_container_version(c, key->controller) == 1;
}

static int supported(const struct controller_key *key, struct rbce_container *c,
		     struct rbce_error *err)
{
	struct rbce_error why = {0};
	int r = is_v1(key, c) ? 0 : bpf_net_supported(c, &why);

	return r < 0 ? rbce_error_set(err, r, "%s cannot be had: %s", key->name, why.message) : 0;
}

static int read_value(const struct controller_key *key, struct rbce_container *c, struct value *ret,
		      struct rbce_error *err)
{
	const struct net_row *row = row_of(key);
	struct net_rules rules;
	uint32_t mark;
	int r;

	*ret = (struct value){0};
	if (is_v1(key, c)) {
		r = net_mark_read_v1(c, key->controller, &mark);
		if (r < 0)
			return rbce_error_errno(err, r, "%s cannot be read", key->version[1].file);
		ret->mark = mark;
		return 0;
	}
	r = bpf_net_read(c, &rules, err);
	if (r == 0)
		row->load(row, &rules, ret);
	return r;
}

struct change {
	const struct net_row *row;
	const struct value *value;
};

static void change(struct net_rules *rules, const void *data)
{
	const struct change *wanted = data;

	wanted->row->store(wanted->row, wanted->value, rules);
}

static int write_value(const struct controller_key *key, struct rbce_container *c,
		       const struct value *value, struct rbce_error *err)
{
	const struct change wanted = {row_of(key), value};
	cleanup_close int dir = -1;
	int version;

	if (!is_v1(key, c))
		return bpf_net_change(c, change, &wanted, err);
	dir = key_make_group(key, c, &version, err);
	return dir < 0 ? dir : net_mark_write_v1(c, key->controller, (uint32_t)value->mark, err);
}

static int set(const struct controller_key *key, struct rbce_container *c, const char *text,
	       struct rbce_error *err)
{
	struct value value = {0}, held = {0};
	int r;

	r = row_of(key)->parse(text, &value, err);
	if (r == 0)
		r = supported(key, c, err);
	if (r == 0)
		r = write_value(key, c, &value, err);
	if (r == 0)
		r = read_value(key, c, &held, err);
	if (r == 0 && memcmp(&value, &held, sizeof(value)) != 0)
		r = rbce_error_set(err, -EIO, "the kernel holds another %s than was set",
				   key->name);
	return r;
}

static int get(const struct controller_key *key, struct rbce_container *c, char *buf, size_t size,
	       struct rbce_error *err)
{
	struct value value;
	int r;

	r = supported(key, c, err);
	if (r == 0)
		r = read_value(key, c, &value, err);
	if (r < 0)
		return r;
	r = row_of(key)->format(&value, buf, size);
	return r < 0 ? rbce_error_errno(err, r, "%s cannot be told", key->name) : 0;
}

static int holds(const struct controller_key *key, struct rbce_container *c, const char *text,
		 struct rbce_error *err)
{
	struct value value = {0}, held = {0};
	int r;

	r = row_of(key)->parse(text, &value, err);
	if (r == 0)
		r = supported(key, c, err);
	if (r == 0)
		r = read_value(key, c, &held, err);
	return r < 0 ? r : memcmp(&value, &held, sizeof(value)) == 0;
}

/* ---- counters ---- */

#define COUNTER(text, member)                                                                      \
	{                                                                                          \
		.name = (text), .offset = offsetof(struct net_counters, member)                    \
	}

static const struct net_counter counters[] = {
	COUNTER("connect.allowed", connect_allowed),
	COUNTER("connect.denied", connect_denied),
	COUNTER("bind.allowed", bind_allowed),
	COUNTER("bind.denied", bind_denied),
	COUNTER("accept.allowed", accept_allowed),
	COUNTER("accept.denied", accept_denied),
	COUNTER("egress.packets", egress_packets),
	COUNTER("egress.bytes", egress_bytes),
	COUNTER("egress.dropped", egress_dropped),
	COUNTER("egress.dropped-bytes", egress_dropped_bytes),
};

const struct net_counter *net_counter_at(size_t index)
{
	return index < ARRAY_SIZE(counters) ? &counters[index] : NULL;
}

uint64_t net_counter_value(const struct net_counter *counter, const struct net_counters *values)
{
	return *(const uint64_t *)((const char *)values + counter->offset);
}

int net_counters_read(struct rbce_container *c, struct net_counters *ret, struct rbce_error *err)
{
	struct net_counts counts;
	int r;

	r = bpf_net_supported(c, err);
	if (r == 0)
		r = bpf_net_count(c, &counts, err);
	if (r < 0)
		return r;
	*ret = (struct net_counters){
		.connect_allowed = counts.allowed[NET_CONNECT],
		.connect_denied = counts.denied[NET_CONNECT],
		.bind_allowed = counts.allowed[NET_BIND],
		.bind_denied = counts.denied[NET_BIND],
		.accept_allowed = counts.allowed[NET_ACCEPT],
		.accept_denied = counts.denied[NET_ACCEPT],
		.egress_packets = counts.packets,
		.egress_bytes = counts.bytes,
		.egress_dropped = counts.dropped,
		.egress_dropped_bytes = counts.dropped_bytes,
	};
	return 0;
}

void net_forget(const char *group)
{
	bpf_net_forget(group);
}

static const struct key_ops ops = {
	.check = check, .set = set, .get = get, .holds = holds, .supported = supported};

const struct controller_key controller_net_connect = {
	.name = "net.connect",
	.help = "where its sockets may connect or send to: allow 10.0.0.0/8:443, deny all",
	.values = "RULE, RULE, ... | allow all",
	.controller = RBCE_NET_CLS,
	.initial = "allow all",
	.unit = CONTROLLER_TEXT,
	.scope = SCOPE_EACH,
	.ops = &ops,
};

const struct controller_key controller_net_bind = {
	.name = "net.bind",
	.help = "addresses and ports that its sockets may take: deny all:1-1023",
	.values = "RULE, RULE, ... | allow all",
	.controller = RBCE_NET_CLS,
	.initial = "allow all",
	.unit = CONTROLLER_TEXT,
	.scope = SCOPE_EACH,
	.ops = &ops,
};

const struct controller_key controller_net_accept = {
	.name = "net.accept",
	.help = "who may connect or send to it, and to which of its ports: deny tcp all:22",
	.values = "RULE, RULE, ... | allow all",
	.controller = RBCE_NET_CLS,
	.initial = "allow all",
	.unit = CONTROLLER_TEXT,
	.scope = SCOPE_EACH,
	.ops = &ops,
};

const struct controller_key controller_net_egress = {
	.name = "net.egress",
	.help = "rate at which it sends, and a burst if wanted: 10Mbit burst=64K",
	.values = "RATE [burst=SIZE]",
	.controller = RBCE_NET_CLS,
	.initial = "max",
	.unit = CONTROLLER_TEXT,
	.scope = SCOPE_LOWEST,
	.ops = &ops,
};

const struct controller_key controller_net_priority = {
	.name = "net.priority",
	.help = "priority of packets that have none, for tc(8): 5 or 1:10",
	.values = "N | MAJOR:MINOR",
	.controller = RBCE_NET_PRIO,
	.initial = "0",
	.unit = CONTROLLER_TEXT,
	.version = {[1] = {.file = "net_prio.ifpriomap"}},
	.flags = CONTROLLER_FLAT_V1,
	.scope = SCOPE_NEAREST,
	.ops = &ops,
};

const struct controller_key controller_net_flowid = {
	.name = "net.flowid",
	.help = "class (v1) or mark (v2) of packets for tc(8): 0x10001 or 1:10",
	.values = "N | MAJOR:MINOR",
	.controller = RBCE_NET_CLS,
	.initial = "0",
	.unit = CONTROLLER_TEXT,
	.version = {[1] = {.file = "net_cls.classid"}},
	.flags = CONTROLLER_FLAT_V1,
	.scope = SCOPE_NEAREST,
	.ops = &ops,
};
