// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lists of what is allowed and denied on the network; see net-list.h.
 *
 *   list    = rule { "," rule }
 *   rule    = ("allow" | "deny") ["tcp" | "udp"] target
 *   target  = "all" [":" ports] | IPV4 ["/" bits] [":" ports] | IPV6 ["/" bits]
 *           | "[" IPV6 ["/" bits] "]" [":" ports] | "[" IPV6 "]" "/" bits [":" ports]
 *   ports   = number ["-" number]
 */
#include "net-list.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <rbce/units.h>

#include "internal.h"
#include "util.h"

enum { PORT_MAX = 65535 };
enum { TARGET_SIZE = 128 };

static int not_a_rule(const char *rule, struct rbce_error *err)
{
	char quoted[QUOTED_SIZE];

	return rbce_error_set(err, -EINVAL,
			      "'%s' is not a rule (like deny 10.0.0.0/8:25 or allow tcp all:443)",
			      amount_quote(rule, quoted));
}

/* "443" or "1-1023" */
static int parse_ports(char *text, struct net_rule *rule, struct rbce_error *err)
{
	char *dash = strchr(text, '-'), quoted[QUOTED_SIZE];
	uint64_t first, last;
	int r;

	amount_quote(text, quoted);
	if (dash)
		*dash++ = '\0';
	r = rbce_parse_number(text, 1, PORT_MAX, &first);
	last = first;
	if (r == 0 && dash)
		r = rbce_parse_number(dash, 1, PORT_MAX, &last);
	if (r < 0)
		return rbce_error_set(err, r, "'%s' is not a port or a range of ports (1 to 65535)",
				      quoted);
	if (first > last)
		return rbce_error_set(err, -EINVAL, "the range of ports '%s' ends before it begins",
				      quoted);
	rule->first = (__u16)first;
	rule->last = (__u16)last;
	return 0;
}

static unsigned longest(const struct net_rule *rule)
{
	return rule->family == 4 ? 32 : 128;
}

static void set_mask(struct net_rule *rule)
{
	for (unsigned i = 0; i < ARRAY_SIZE(rule->mask); i++) {
		unsigned bits = rule->bits > 32 * i ? rule->bits - 32 * i : 0;

		rule->mask[i] = bits >= 32 ? UINT32_MAX
				: bits     ? htonl(UINT32_MAX << (32 - bits))
					   : 0;
	}
}

static void format_address(const struct net_rule *rule, char *buf, size_t size)
{
	inet_ntop(rule->family == 4 ? AF_INET : AF_INET6, rule->address, buf, (socklen_t)size);
}

/* The address of RULE is set; BITS may be NULL. */
static int parse_bits(const char *bits, struct net_rule *rule, const char *quoted,
		      struct rbce_error *err)
{
	char whole[INET6_ADDRSTRLEN];
	bool beyond = false;
	uint64_t n;

	n = longest(rule);
	if (bits && rbce_parse_number(bits, 0, longest(rule), &n) < 0)
		return rbce_error_set(err, -EINVAL, "the prefix of '%s' is not a number up to %u",
				      quoted, longest(rule));
	rule->bits = (__u8)n;
	set_mask(rule);
	for (size_t i = 0; i < ARRAY_SIZE(rule->mask); i++) {
		beyond |= rule->address[i] & ~rule->mask[i];
		rule->address[i] &= rule->mask[i];
	}
	if (!beyond)
		return 0;
	format_address(rule, whole, sizeof(whole));
	return rbce_error_set(err, -EINVAL,
			      "'%s' has an address beyond its prefix (%s/%u has none)", quoted,
			      whole, rule->bits);
}

/* "10.0.0.0/8" or "fd00::/8" */
static int parse_address(char *text, struct net_rule *rule, struct rbce_error *err)
{
	char *bits = strchr(text, '/'), quoted[QUOTED_SIZE];
	struct in6_addr *in6 = (struct in6_addr *)rule->address;

	amount_quote(text, quoted);
	if (bits)
		*bits++ = '\0';
	if (inet_pton(AF_INET, text, rule->address) == 1) {
		rule->family = 4;
	} else if (inet_pton(AF_INET6, text, rule->address) == 1) {
		rule->family = 6;
		if (IN6_IS_ADDR_V4MAPPED(in6))
			return rbce_error_set(err, -EINVAL, "'%s' is IPv4: write it as that",
					      quoted);
	} else {
		return rbce_error_set(err, -EINVAL,
				      "'%s' is not an address (like 10.0.0.0/8, fd00::/8 or all)",
				      quoted);
	}
	return parse_bits(bits, rule, quoted, err);
}

/* Cuts "[fd00::]/8:25" into "fd00::/8", in BUF, and "25"; *RET_PORTS is NULL where there are none.
 */
static int cut_brackets(char *text, char *buf, char **ret_ports, struct rbce_error *err)
{
	char *close = strchr(text, ']'), *rest = close ? close + 1 : NULL, quoted[QUOTED_SIZE];
	size_t bits;

	amount_quote(text, quoted);
	if (close)
		*close = '\0';
	if (!rest || !strchr(text, ':') || (*rest && *rest != '/' && *rest != ':'))
		return rbce_error_set(err, -EINVAL, "'%s' is not an IPv6 address in brackets",
				      quoted);
	bits = *rest == '/' ? strcspn(rest, ":") : 0;
	snprintf(buf, TARGET_SIZE, "%s%.*s", text + 1, (int)bits, rest);
	*ret_ports = rest[bits] ? rest + bits + 1 : NULL;
	return 0;
}

/* TEXT is changed. */
static int parse_target(char *text, struct net_rule *rule, struct rbce_error *err)
{
	char address[TARGET_SIZE], *colon = strchr(text, ':'), *ports = NULL;
	int r = 0;

	if (*text == '[') {
		r = cut_brackets(text, address, &ports, err);
	} else {
		/* More than one colon is IPv6, which has ports behind brackets only. */
		if (colon && !strchr(colon + 1, ':')) {
			*colon = '\0';
			ports = colon + 1;
		}
		snprintf(address, sizeof(address), "%s", text);
	}
	rule->last = PORT_MAX;
	if (r == 0 && !streq(address, "all"))
		r = parse_address(address, rule, err);
	if (r == 0 && ports)
		r = parse_ports(ports, rule, err);
	return r;
}

static int parse_rule(const char *text, struct net_rule *ret, struct rbce_error *err)
{
	char copy[TARGET_SIZE], *save = NULL, *word, *target;
	struct net_rule rule = {0};
	int r;

	if (strlen(text) >= sizeof(copy))
		return not_a_rule(text, err);
	snprintf(copy, sizeof(copy), "%s", text);
	word = strtok_r(copy, " \t", &save);
	if (!word || (!streq(word, "allow") && !streq(word, "deny")))
		return not_a_rule(text, err);
	rule.allow = streq(word, "allow");
	target = strtok_r(NULL, " \t", &save);
	if (target && (streq(target, "tcp") || streq(target, "udp"))) {
		rule.protocol = streq(target, "tcp") ? IPPROTO_TCP : IPPROTO_UDP;
		target = strtok_r(NULL, " \t", &save);
	}
	if (!target || strtok_r(NULL, " \t", &save))
		return not_a_rule(text, err);
	r = parse_target(target, &rule, err);
	if (r == 0)
		*ret = rule;
	return r;
}

static bool is_everything(const struct net_rule *rule)
{
	return !rule->family && !rule->protocol && rule->first == 0 && rule->last == PORT_MAX;
}

int net_list_parse(const char *text, struct net_rule_list *ret, struct rbce_error *err)
{
	cleanup_free char *copy = strdup(text);
	struct net_rule_list list = {0};

	if (!copy)
		return rbce_error_errno(err, -ENOMEM, "the value cannot be read");
	for (char *rule = copy, *next; rule; rule = next) {
		int r;

		next = strchr(rule, ',');
		if (next)
			*next++ = '\0';
		rule += strspn(rule, " \t");
		if (list.n == NET_RULES_MAX)
			return rbce_error_set(err, -E2BIG, "it has more than %d rules",
					      NET_RULES_MAX);
		r = parse_rule(rule, &list.rules[list.n], err);
		if (r < 0)
			return r;
		list.n++;
	}
	if (list.n == 1 && list.rules[0].allow && is_everything(&list.rules[0]))
		list = (struct net_rule_list){0};
	*ret = list;
	return 0;
}

static void print_rule(FILE *out, const struct net_rule *rule)
{
	bool ports = rule->first != 0 || rule->last != PORT_MAX;
	const char *protocol = rule->protocol == IPPROTO_TCP   ? "tcp "
			       : rule->protocol == IPPROTO_UDP ? "udp "
							       : "";
	char address[INET6_ADDRSTRLEN + sizeof("/128")] = "all";
	size_t n;

	if (rule->family) {
		format_address(rule, address, sizeof(address));
		n = strlen(address);
		if (rule->bits != longest(rule))
			snprintf(address + n, sizeof(address) - n, "/%u", rule->bits);
	}
	fprintf(out, "%s %s", rule->allow ? "allow" : "deny", protocol);
	fprintf(out, rule->family == 6 && ports ? "[%s]" : "%s", address);
	if (ports)
		fprintf(out, rule->first == rule->last ? ":%u" : ":%u-%u", rule->first, rule->last);
}

int net_list_format(const struct net_rule_list *list, char *buf, size_t size)
{
	cleanup_free char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return -ENOMEM;
	if (list->n == 0)
		fprintf(out, "allow all");
	for (__u32 i = 0; i < list->n; i++) {
		fprintf(out, "%s", i ? ", " : "");
		print_rule(out, &list->rules[i]);
	}
	if (fclose(out) != 0)
		return -ENOMEM;
	if (length >= size)
		return -E2BIG;
	memcpy(buf, text, length + 1);
	return 0;
}
