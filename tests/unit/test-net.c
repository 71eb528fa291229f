// SPDX-License-Identifier: GPL-2.0-or-later
/* controllers/net-list.c, net-mark.c: lists and marks as text, and back. */
#include <controllers/controllers.h>
#include <controllers/net-list.h>
#include <controllers/net-mark.h>
#include <controllers/net.h>
#include <netinet/in.h>

#include "harness.h"

static const struct {
	const char *text, *written; /* NULL: as it is; "": refused */
} lists[] = {
	{"allow all", NULL},
	{"deny all", NULL},
	{"deny tcp all", NULL},
	{"deny all:1-65535", NULL},
	{"allow udp all:53, deny udp all", NULL},
	{"allow all, deny all", NULL},
	{" allow\t10.0.0.0/8:443 ,deny all", "allow 10.0.0.0/8:443, deny all"},
	{"deny 0.0.0.0/0", NULL},
	{"deny ::/0", NULL},
	{"deny 10.1.2.3/32", "deny 10.1.2.3"},
	{"deny [fd00::1]:80-443", NULL},
	{"deny [fd00::/8]:80", NULL},
	{"deny [fd00::]/8:80", "deny [fd00::/8]:80"},
	{"deny [fd00::]/8", "deny fd00::/8"},
	{"deny FD00:0:0::1/128", "deny fd00::1"},
	{"deny 10.0.0.0/9:80-80", "deny 10.0.0.0/9:80"},
	{"deny all:0", ""},
	{"deny [fd00::]]:80", ""},
	{"deny [10.0.0.1]:80", ""},
	{"deny fd00::1:80000", ""},
	{"deny ::ffff:10.0.0.1", ""},
	{"deny all,", ""},
	{"deny all all", ""},
	{"Deny all", ""},
};

START_TEST(lists_and_back)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		const char *written = lists[i].written ? lists[i].written : lists[i].text;
		struct net_rule_list list = {0}, back = {0};
		struct rbce_error err = {0};
		char text[256];
		int r = net_list_parse(lists[i].text, &list, &err);

		if (!*written) {
			ck_assert_msg(r < 0, "'%s' is taken", lists[i].text);
			ck_assert_uint_eq(list.n, 0);
			continue;
		}
		ck_assert_msg(r == 0, "'%s': %s", lists[i].text, err.message);
		ck_assert_int_eq(net_list_format(&list, text, sizeof(text)), 0);
		ck_assert_str_eq(text, written);
		ck_assert_int_eq(net_list_parse(text, &back, NULL), 0);
		ck_assert_mem_eq(&list, &back, sizeof(list));
		ck_assert_int_eq(net_list_format(&list, text, strlen(written)), -E2BIG);
	}
}
END_TEST

/* What the program in the kernel reads of a rule. */
START_TEST(rules_as_the_kernel_reads_them)
{
	const char *text = "allow 10.128.0.0/9:25, deny udp [fd00::/33]:1-53";
	struct net_rule_list list = {0};
	const struct net_rule *rule = list.rules;

	ck_assert_int_eq(net_list_parse(text, &list, NULL), 0);
	ck_assert_uint_eq(list.n, 2);
	ck_assert_int_eq(rule->allow, 1);
	ck_assert_int_eq(rule->family, 4);
	ck_assert_int_eq(rule->protocol, 0);
	ck_assert_uint_eq(ntohl(rule->address[0]), 0x0a800000);
	ck_assert_uint_eq(ntohl(rule->mask[0]), 0xff800000);
	ck_assert_uint_eq(rule->mask[1] | rule->address[1], 0);
	ck_assert_int_eq(rule->first, 25);
	ck_assert_int_eq(rule->last, 25);
	rule++;
	ck_assert_int_eq(rule->allow, 0);
	ck_assert_int_eq(rule->family, 6);
	ck_assert_int_eq(rule->protocol, IPPROTO_UDP);
	ck_assert_uint_eq(ntohl(rule->address[0]), 0xfd000000);
	ck_assert_uint_eq(ntohl(rule->mask[0]), 0xffffffff);
	ck_assert_uint_eq(ntohl(rule->mask[1]), 0x80000000);
	ck_assert_uint_eq(rule->mask[2] | rule->mask[3], 0);
	ck_assert_int_eq(rule->first, 1);
	ck_assert_int_eq(rule->last, 53);
}
END_TEST

START_TEST(as_many_rules_as_there_is_room_for)
{
	enum { EACH = 11 };
	char text[EACH * (NET_RULES_MAX + 1) + 1];
	struct net_rule_list list = {0};
	struct rbce_error err = {0};

	for (int i = 0; i <= NET_RULES_MAX; i++)
		snprintf(text + i * EACH, EACH + 1, "deny all:9,");
	text[EACH * (NET_RULES_MAX + 1) - 1] = '\0';
	ck_assert_int_eq(net_list_parse(text, &list, &err), -E2BIG);
	ck_assert_str_eq(err.message, "it has more than 64 rules");
	text[EACH * NET_RULES_MAX - 1] = '\0';
	ck_assert_int_eq(net_list_parse(text, &list, &err), 0);
	ck_assert_uint_eq(list.n, NET_RULES_MAX);
}
END_TEST

static const struct {
	const char *text, *written; /* NULL: refused */
	uint32_t mark;
} marks[] = {
	{"0", "0", 0},
	{"5", "5", 5},
	{"65535", "65535", 0xffff},
	{"65536", "1:0", 0x10000},
	{"0x10003", "1:3", 0x10003},
	{"1:10", "1:10", 0x10010},
	{"A:b", "a:b", 0xa000b},
	{"1:", "1:0", 0x10000},
	{"ffff:ffff", "ffff:ffff", 0xffffffff},
	{"10000:1", NULL, 0},
	{":1", NULL, 0},
	{"1:2:3", NULL, 0},
	{"0x", NULL, 0},
	{"4294967296", NULL, 0},
	{"-1", NULL, 0},
	{"", NULL, 0},
};

START_TEST(marks_and_back)
{
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		uint32_t mark = 77;
		char text[32];
		int r = net_mark_parse(marks[i].text, &mark, NULL);

		ck_assert_msg((r == 0) == (marks[i].written != NULL), "'%s'", marks[i].text);
		if (!marks[i].written) {
			ck_assert_uint_eq(mark, 77);
			continue;
		}
		ck_assert_uint_eq(mark, marks[i].mark);
		net_mark_format(mark, text, sizeof(text));
		ck_assert_str_eq(text, marks[i].written);
	}
}
END_TEST

/* Each counter is of a key, and has a number of its own. */
START_TEST(counters)
{
	struct net_counters values;
	const struct net_counter *counter;
	size_t n = 0;

	for (size_t i = 0; i < sizeof(values) / sizeof(uint64_t); i++)
		((uint64_t *)&values)[i] = i;
	for (; (counter = net_counter_at(n)); n++) {
		char key[64];

		snprintf(key, sizeof(key), "net.%.*s", (int)strcspn(counter->name, "."),
			 counter->name);
		ck_assert_msg(controller_key_find(key) != NULL, "%s", counter->name);
		ck_assert_uint_eq(net_counter_value(counter, &values), n);
	}
	ck_assert_uint_eq(n, sizeof(values) / sizeof(uint64_t));
}
END_TEST

int main(void)
{
	return harness_run("net",
			   (const TTest *const[]){lists_and_back, rules_as_the_kernel_reads_them,
						  as_many_rules_as_there_is_room_for,
						  marks_and_back, counters, NULL});
}
