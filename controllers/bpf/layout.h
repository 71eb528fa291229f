/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a container may do on the network, as the programs in the kernel read it (net.bpf.c) and
 * bpf/net.c writes it. Internal.
 */
#ifndef CONTROLLERS_BPF_LAYOUT_H
#define CONTROLLERS_BPF_LAYOUT_H

#include <linux/bpf.h>
#include <linux/types.h>

/* Another number for another layout of what is below. */
#define NET_LAYOUT "1"

enum net_list { NET_CONNECT, NET_BIND, NET_ACCEPT };
enum { NET_LISTS = NET_ACCEPT + 1 };

enum { NET_RULES_MAX = 64 }; /* of one list */

/* The first rule that matches decides; where none does, it is allowed. */
struct net_rule {
	__u32 address[4]; /* as on the wire; of IPv4 the first */
	__u32 mask[4];
	__u16 first, last; /* ports */
	__u8 family;       /* 4, 6, or 0 for both */
	__u8 protocol;     /* IPPROTO_TCP, IPPROTO_UDP, or 0 for all */
	__u8 bits;         /* of the mask */
	__u8 allow;
};

/* Behind each other in time, in nanoseconds of the monotonic clock; all zero in the beginning. */
struct net_pace {
	struct bpf_spin_lock lock;
	__u32 pad;
	__u64 due;      /* when all that was sent will have been paid for */
	__u64 adjusted; /* when `share` was */
	__u64 share;    /* bytes per second of a TCP connection */
};

/* One container. It is replaced as a whole, so that no program sees half of a change. */
struct net_rules {
	__u32 n[NET_LISTS];
	__u32 priority, flowid; /* 0: none */
	__u32 pad;
	__u64 group;      /* its number */
	__u64 rate;       /* bytes per second, 0: no limit */
	__u64 burst;      /* bytes */
	__u64 burst_time; /* what those take at that rate, in nanoseconds */
	struct net_pace pace;
	struct net_rule list[NET_LISTS][NET_RULES_MAX];
};

/* Of one processor; the sum counts. */
struct net_counts {
	__u64 allowed[NET_LISTS], denied[NET_LISTS];
	__u64 packets, bytes; /* sent while net.egress was set, with IP headers */
	__u64 dropped, dropped_bytes;
};

#endif
