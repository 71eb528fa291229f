/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the programs behind net.connect, net.bind, net.accept and net.egress have counted. */
#ifndef CONTROLLERS_NET_H
#define CONTROLLERS_NET_H

#include <rbce/container.h>
#include <rbce/error.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Of the container's own rules, for its sockets and those of the containers below, since the group
 * was made. Each is 0 while the key has never been set.
 */
struct net_counters {
	uint64_t connect_allowed, connect_denied; /* and datagrams to an address of their own */
	uint64_t bind_allowed, bind_denied;
	uint64_t accept_allowed, accept_denied; /* opening segments, and datagrams */
	uint64_t egress_packets, egress_bytes;  /* sent, with IP headers */
	uint64_t egress_dropped, egress_dropped_bytes;
};

/* One of them, as it is named to users: "connect.allowed". */
struct net_counter {
	const char *name;
	size_t offset; /* in struct net_counters */
};

/* All in order: index from 0 until NULL. */
const struct net_counter *net_counter_at(size_t index);
uint64_t net_counter_value(const struct net_counter *counter, const struct net_counters *counters);

/*
 * -EOPNOTSUPP where there is no cgroup v2 tree or no BPF, -EPERM for one who may not read it; zeros
 * for a container that never had such a key.
 */
int net_counters_read(struct rbce_container *c, struct net_counters *ret, struct rbce_error *err);

/*
 * Takes away what is kept below /sys/fs/bpf/rbce for the root group GROUP, after its last container
 * is gone.
 */
void net_forget(const char *group);

#endif
