// SPDX-License-Identifier: GPL-2.0-or-later
/* Counters of the network; see network.h. */
#include "network.h"

#include <rbce/container.h>
#include <unistd.h>

#include "controllers/net.h"
#include "util.h"

static const struct {
	enum metric metric;
	size_t offset; /* in struct net_counters */
} counters[] = {
	{METRIC_NET_SENT, offsetof(struct net_counters, egress_bytes)},
	{METRIC_NET_SENT_PACKETS, offsetof(struct net_counters, egress_packets)},
	{METRIC_NET_DROPPED, offsetof(struct net_counters, egress_dropped_bytes)},
	{METRIC_NET_DROPPED_PACKETS, offsetof(struct net_counters, egress_dropped)},
	{METRIC_NET_CONNECT_ALLOWED, offsetof(struct net_counters, connect_allowed)},
	{METRIC_NET_CONNECT_DENIED, offsetof(struct net_counters, connect_denied)},
	{METRIC_NET_BIND_ALLOWED, offsetof(struct net_counters, bind_allowed)},
	{METRIC_NET_BIND_DENIED, offsetof(struct net_counters, bind_denied)},
	{METRIC_NET_ACCEPT_ALLOWED, offsetof(struct net_counters, accept_allowed)},
	{METRIC_NET_ACCEPT_DENIED, offsetof(struct net_counters, accept_denied)},
};

/* The programs are pinned below it, whatever the root group (controllers/bpf/pins.c). */
bool network_used(void)
{
	return access("/sys/fs/bpf/rbce", F_OK) == 0;
}

void network_zero(struct metric_values *values)
{
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++)
		metric_set(values, counters[i].metric, 0);
}

int network_read(struct rbce_hierarchy *h, const char *name, struct metric_values *values)
{
	struct net_counters read;
	struct rbce_container *c;
	uint64_t any = 0;
	int r = rbce_container_open(h, name, 0, &c, NULL);

	if (r < 0)
		return 0;
	r = net_counters_read(c, &read, NULL);
	rbce_container_close(c);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(counters); i++)
		any |= *(const uint64_t *)((const char *)&read + counters[i].offset);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(counters); i++)
		metric_set(values, counters[i].metric,
			   *(const uint64_t *)((const char *)&read + counters[i].offset));
	return any != 0;
}
