/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of what is allowed and denied on the network, as text. Internal. */
#ifndef CONTROLLERS_NET_LIST_H
#define CONTROLLERS_NET_LIST_H

#include <rbce/error.h>
#include <stddef.h>

#include "bpf/layout.h"

struct net_rule_list {
	__u32 n;
	struct net_rule rules[NET_RULES_MAX];
};

/*
 * "allow 10.0.0.0/8:443, deny tcp [fd00::/8]:1-1023, deny all": the first that matches decides.
 * -EINVAL, -ERANGE, -E2BIG with a message of one line. "allow all" alone is a list of none.
 */
int net_list_parse(const char *text, struct net_rule_list *ret, struct rbce_error *err);

/* The same as text that gives the same list again; -E2BIG when it does not fit. */
int net_list_format(const struct net_rule_list *list, char *buf, size_t size);

#endif
