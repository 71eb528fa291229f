// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * In the kernel: who a container's sockets may talk to, and how fast they send.
 *
 * The programs are loaded once and attached to each container that needs them. The kernel gives
 * them the storage of the very group that they are attached to, and runs those of the groups above
 * too: what one of them forbids is forbidden. It goes by the group that a socket was opened in, and
 * an accepted one by its listener's.
 */
#include <linux/types.h>
#include <stdbool.h>

#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "layout.h"

#define AF_INET  2
#define AF_INET6 10

#define ETH_P_IP   0x0800
#define ETH_P_IPV6 0x86DD

#define SOL_SOCKET         1
#define SO_MAX_PACING_RATE 47

enum { TCP = 6, UDP = 17, MPTCP = 262 };

enum { LOOPBACK = 1 }; /* its number in every network namespace */

enum { DENY = 0, ALLOW = 1 };
enum { DROP_AND_TELL = 2 }; /* for egress: TCP hears of it, as of a queue that is full */

const char terms[] SEC("license") = "GPL";

/* Set before it is loaded: the kernel lets a program look at the device of a packet (Linux 6.4). */
const volatile bool sees_devices;

/* By the number of the group. */
struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_STORAGE);
	__type(key, __u64);
	__type(value, struct net_rules);
} rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE);
	__type(key, __u64);
	__type(value, struct net_counts);
} counts SEC(".maps");

/* ---- lists ---- */

struct question {
	const struct net_rule *list;
	__u32 n;
	__u32 address[4];
	__u16 port;
	__u16 protocol;
	__u8 family;
	bool everywhere; /* all addresses of this machine, of both families where it is IPv6 */
	__u32 allowed;
};

static bool fits_address(const struct net_rule *rule, const struct question *q)
{
	/* A denied address lies among all addresses; all addresses do not lie within an allowed
	 * one. */
	if (q->everywhere && !rule->allow)
		return !rule->family || rule->family == q->family || q->family == 6;
	if (rule->family && rule->family != q->family)
		return false;
	if (q->everywhere)
		return rule->bits == 0;
	return !((q->address[0] ^ rule->address[0]) & rule->mask[0]) &&
	       !((q->address[1] ^ rule->address[1]) & rule->mask[1]) &&
	       !((q->address[2] ^ rule->address[2]) & rule->mask[2]) &&
	       !((q->address[3] ^ rule->address[3]) & rule->mask[3]);
}

static long try_rule(__u32 i, void *data)
{
	struct question *q = data;
	const struct net_rule *rule;

	if (i >= q->n || i >= NET_RULES_MAX)
		return 1;
	rule = &q->list[i];
	if ((rule->protocol && rule->protocol != q->protocol) || q->port < rule->first ||
	    q->port > rule->last || !fits_address(rule, q))
		return 0;
	q->allowed = rule->allow;
	return 1;
}

static int judge(struct net_rules *own, enum net_list list, struct question *q)
{
	struct net_counts *count = bpf_get_local_storage(&counts, 0);

	q->n = own->n[list];
	q->list = own->list[list];
	q->allowed = 1;
	if (q->protocol == MPTCP)
		q->protocol = TCP;
	bpf_loop(NET_RULES_MAX, try_rule, q, 0);
	if (!q->allowed) {
		count->denied[list]++;
		return DENY;
	}
	count->allowed[list]++;
	return ALLOW;
}

static void set_ipv4(struct question *q, __u32 address)
{
	q->family = 4;
	q->address[0] = address;
	q->address[1] = q->address[2] = q->address[3] = 0;
}

/* ::ffff:a.b.c.d is IPv4, whatever the socket is. */
static void set_ipv6(struct question *q, __u32 a, __u32 b, __u32 c, __u32 d)
{
	if (a == 0 && b == 0 && c == bpf_htonl(0xffff)) {
		set_ipv4(q, d);
		return;
	}
	q->family = 6;
	q->address[0] = a;
	q->address[1] = b;
	q->address[2] = c;
	q->address[3] = d;
}

static bool is_none(const struct question *q)
{
	return !(q->address[0] | q->address[1] | q->address[2] | q->address[3]);
}

/* Inline, since a program of one family may not touch what is the other one's. */
static __always_inline void ask_of_socket(struct question *q, struct bpf_sock_addr *ctx, int family)
{
	if (family == AF_INET)
		set_ipv4(q, ctx->user_ip4);
	else
		set_ipv6(q, ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3]);
	q->port = bpf_ntohs(ctx->user_port);
	q->protocol = ctx->protocol;
}

static __always_inline int judge_connect(struct bpf_sock_addr *ctx, int family)
{
	struct net_rules *own = bpf_get_local_storage(&rules, 0);
	struct question q = {};

	ask_of_socket(&q, ctx, family);
	/* The kernel takes no address for this machine itself. */
	if (is_none(&q)) {
		if (q.family == 4)
			q.address[0] = bpf_htonl(0x7f000001);
		else
			q.address[3] = bpf_htonl(1);
	}
	return judge(own, NET_CONNECT, &q);
}

static __always_inline int judge_bind(struct bpf_sock_addr *ctx, int family)
{
	struct net_rules *own = bpf_get_local_storage(&rules, 0);
	struct question q = {};

	ask_of_socket(&q, ctx, family);
	q.everywhere = is_none(&q);
	return judge(own, NET_BIND, &q);
}

SEC("cgroup/connect4")
int rbce_connect4(struct bpf_sock_addr *ctx)
{
	return judge_connect(ctx, AF_INET);
}

SEC("cgroup/connect6")
int rbce_connect6(struct bpf_sock_addr *ctx)
{
	return judge_connect(ctx, AF_INET6);
}

SEC("cgroup/sendmsg4")
int rbce_sendmsg4(struct bpf_sock_addr *ctx)
{
	return judge_connect(ctx, AF_INET);
}

SEC("cgroup/sendmsg6")
int rbce_sendmsg6(struct bpf_sock_addr *ctx)
{
	return judge_connect(ctx, AF_INET6);
}

SEC("cgroup/bind4")
int rbce_bind4(struct bpf_sock_addr *ctx)
{
	return judge_bind(ctx, AF_INET);
}

SEC("cgroup/bind6")
int rbce_bind6(struct bpf_sock_addr *ctx)
{
	return judge_bind(ctx, AF_INET6);
}

/* ---- what comes in ---- */

/* Extension headers of IPv6 that may lie before the one of the protocol. */
enum { HOP_BY_HOP = 0, ROUTING = 43, FRAGMENT = 44, AUTHENTICATION = 51, DESTINATION = 60 };
enum { HEADERS_MAX = 8 };

/* Where the header of the protocol is; 0 when that cannot be told. */
static __u32 find_ipv4(struct __sk_buff *skb, struct question *q)
{
	__u8 header[20];

	if (bpf_skb_load_bytes(skb, 0, header, sizeof(header)) < 0)
		return 0;
	set_ipv4(q, *(__u32 *)&header[12]);
	q->protocol = header[9];
	return (header[0] & 15) * 4;
}

static __u32 find_ipv6(struct __sk_buff *skb, struct question *q)
{
	__u32 at = 40, source[4];
	__u8 next, header[2];

	if (bpf_skb_load_bytes(skb, 6, &next, 1) < 0 ||
	    bpf_skb_load_bytes(skb, 8, source, sizeof(source)) < 0)
		return 0;
	set_ipv6(q, source[0], source[1], source[2], source[3]);
	for (int i = 0; i < HEADERS_MAX; i++) {
		if (next != HOP_BY_HOP && next != ROUTING && next != FRAGMENT &&
		    next != AUTHENTICATION && next != DESTINATION) {
			q->protocol = next;
			return at;
		}
		if (bpf_skb_load_bytes(skb, at, header, sizeof(header)) < 0)
			return 0;
		at += next == AUTHENTICATION ? (header[1] + 2) * 4 : (header[1] + 1) * 8;
		next = header[0];
	}
	return 0;
}

/* A datagram on a connected socket is an answer. */
static bool is_connected(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk ? bpf_sk_fullsock(skb->sk) : NULL;

	return sk && sk->state == BPF_TCP_ESTABLISHED;
}

/* 1 when the packet opens something, 0 when not, -1 when that cannot be told. */
static int opens(struct __sk_buff *skb, struct question *q)
{
	enum { SYN = 2, ACK = 16 };
	__u32 at = skb->protocol == bpf_htons(ETH_P_IP) ? find_ipv4(skb, q) : find_ipv6(skb, q);
	__u16 port;
	__u8 flags;

	if (!at)
		return -1;
	if (q->protocol != TCP && q->protocol != UDP)
		return 0;
	if (bpf_skb_load_bytes(skb, at + 2, &port, sizeof(port)) < 0)
		return -1;
	q->port = bpf_ntohs(port);
	if (q->protocol == UDP)
		return !is_connected(skb);
	if (bpf_skb_load_bytes(skb, at + 13, &flags, 1) < 0)
		return -1;
	return (flags & (SYN | ACK)) == SYN;
}

SEC("cgroup_skb/ingress")
int rbce_ingress(struct __sk_buff *skb)
{
	struct net_rules *own = bpf_get_local_storage(&rules, 0);
	struct question q = {};
	int opening;

	if (own->n[NET_ACCEPT] == 0)
		return ALLOW;
	opening = opens(skb, &q);
	if (opening < 0)
		return DENY;
	return opening ? judge(own, NET_ACCEPT, &q) : ALLOW;
}

/* ---- what goes out ---- */

#define SECOND 1000000000ULL

/* How far ahead packets may be put off by a device that does so. */
#define HORIZON SECOND

/* How often the share of a connection is looked at. */
#define ADJUST_TIME (SECOND / 100)

/* Of the whole rate, the least that one connection may have. */
enum { SHARES_MAX = 256 };

/* Packets up to this size, such as acknowledgements, go as long as the debt is small. */
enum { SMALL = 128 };

/* As far as the program reads them; where members lie is found out when it is loaded. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct Qdisc_ops {
	char id[16];
};
struct Qdisc {
	const struct Qdisc_ops *ops;
};
struct netdev_queue {
	struct Qdisc *qdisc;
};
struct net_device {
	struct netdev_queue *_tx;
};
struct sk_buff {
	struct net_device *dev;
};
#pragma clang attribute pop

extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym __weak;

/* Does the device send packets at the time that is written on them? */
static bool is_timed(struct __sk_buff *skb)
{
	const struct Qdisc_ops *ops;
	struct sk_buff *packet;

	if (!sees_devices)
		return false;
	packet = bpf_cast_to_kern_ctx(skb);
	ops = packet->dev->_tx->qdisc->ops;
	return ops->id[0] == 'f' && ops->id[1] == 'q' && ops->id[2] == '\0';
}

static bool is_tcp(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk ? bpf_sk_fullsock(skb->sk) : NULL;

	return sk && sk->protocol == TCP;
}

/* As it will be on the wire: segments of a large packet get their own headers. */
static __u64 wire_length(const struct __sk_buff *skb)
{
	__u64 headers = skb->protocol == bpf_htons(ETH_P_IP) ? 20 + 32 : 40 + 32;

	return skb->gso_segs > 1 ? skb->len + (skb->gso_segs - 1) * headers : skb->len;
}

/*
 * All TCP connections of a container get the same share. It falls while tokens are fewer than half
 * of the burst, and rises while they are more. Only their own packets move it: others would press
 * it down to nothing, and a connection that begins then has put off its next segments for seconds
 * by the time that the share has risen.
 */
static void adjust(struct net_rules *own, __u64 left, __u64 now)
{
	__u64 share = own->pace.share ?: own->rate;

	if (now - own->pace.adjusted < ADJUST_TIME)
		return;
	own->pace.adjusted = now;
	share = left < own->burst_time / 2 ? share - share / 16 : share + share / 16 + 1;
	if (share > own->rate)
		share = own->rate;
	if (share < own->rate / SHARES_MAX)
		share = own->rate / SHARES_MAX;
	own->pace.share = share;
}

/*
 * Takes the packet's time: *START is when it may go. False where it has to be dropped, which costs
 * nothing. `due` lies behind now by the tokens that are left, at most the burst, and before it by
 * the debt.
 */
static bool pay(struct net_rules *own, __u64 length, __u64 now, bool timed, bool tcp, __u64 *start)
{
	__u64 cost = length * SECOND / own->rate, due, most;
	bool goes;

	most = timed ? HORIZON : length <= SMALL ? own->burst_time : 0;
	bpf_spin_lock(&own->pace.lock);
	due = own->pace.due;
	if (due + own->burst_time < now) {
		due = now - own->burst_time;
		/* What others took of it is free again. */
		own->pace.share = own->rate;
	}
	if (tcp && !timed)
		adjust(own, due < now ? now - due : 0, now);
	*start = due;
	goes = due <= now + most;
	own->pace.due = goes ? due + cost : due;
	bpf_spin_unlock(&own->pace.lock);
	return goes;
}

static int limit_rate(struct __sk_buff *skb, struct net_rules *own)
{
	struct net_counts *count = bpf_get_local_storage(&counts, 0);
	__u64 length = wire_length(skb), now = bpf_ktime_get_ns(), start;
	bool timed = is_timed(skb);

	if (!pay(own, length, now, timed, is_tcp(skb), &start)) {
		count->dropped++;
		count->dropped_bytes += length;
		return DROP_AND_TELL;
	}
	/* The latest of all times that were asked for, by TCP and by the groups above. */
	if (timed && start > now && start > skb->tstamp)
		skb->tstamp = start;
	count->packets++;
	count->bytes += length;
	return ALLOW;
}

SEC("cgroup_skb/egress")
int rbce_egress(struct __sk_buff *skb)
{
	struct net_rules *own = bpf_get_local_storage(&rules, 0);

	/* Programs of groups below came first, and the nearest one's word is kept. */
	if (own->priority && !skb->priority)
		skb->priority = own->priority;
	if (own->flowid && !skb->mark)
		skb->mark = own->flowid;
	if (!own->rate || skb->ifindex == LOOPBACK)
		return ALLOW;
	return limit_rate(skb, own);
}

/* ---- TCP ---- */

/*
 * TCP has no queue to wait in where the device has none with times: it would send in bursts, and
 * rest for long after each. So its connections send at their share of the rate from the beginning.
 */
struct pacing {
	__u64 group; /* whose share it is */
	__u32 rate;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct pacing);
} paced SEC(".maps");

/* All are read, whatever the family: the kernel takes no address that depends on something. */
#define FIELD(ops, member)   (*(const volatile __u32 *)&(ops)->member)
#define DIFFERS(ops, member) (FIELD(ops, remote_##member) ^ FIELD(ops, local_##member))

static __always_inline bool stays_here(const struct bpf_sock_ops *ops)
{
	__u32 ipv4 = DIFFERS(ops, ip4);
	__u32 ipv6 = DIFFERS(ops, ip6[0]) | DIFFERS(ops, ip6[1]) | DIFFERS(ops, ip6[2]) |
		     DIFFERS(ops, ip6[3]);

	return !(ops->family == AF_INET ? ipv4 : ipv6);
}

/* A rate that is lower already, by the program itself or a group above, stays as it is. */
static void set_pace(struct bpf_sock_ops *ops, const struct net_rules *own, __u64 group)
{
	__u64 share = own->pace.share ?: own->rate;
	__u32 wanted = !own->rate || share > 0xfffffffe ? 0xffffffff : (__u32)share, now;
	struct pacing *pacing;

	if (!ops->sk)
		return;
	pacing = bpf_sk_storage_get(&paced, ops->sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!pacing || bpf_getsockopt(ops, SOL_SOCKET, SO_MAX_PACING_RATE, &now, sizeof(now)) < 0)
		return;
	if (now == wanted || (now < wanted && (pacing->group != group || pacing->rate != now)))
		return;
	if (bpf_setsockopt(ops, SOL_SOCKET, SO_MAX_PACING_RATE, &wanted, sizeof(wanted)) < 0)
		return;
	pacing->group = group;
	pacing->rate = wanted;
}

SEC("sockops")
int rbce_pace(struct bpf_sock_ops *ops)
{
	struct net_rules *own = bpf_get_local_storage(&rules, 0);
	__u32 flags = ops->bpf_sock_ops_cb_flags;

	switch (ops->op) {
	case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		if (!own->rate || stays_here(ops))
			break;
		/* From now on it is asked at each time that was measured. */
		bpf_sock_ops_cb_flags_set(ops, flags | BPF_SOCK_OPS_RTT_CB_FLAG);
		set_pace(ops, own, own->group);
		break;
	case BPF_SOCK_OPS_RTT_CB:
		set_pace(ops, own, own->group);
		break;
	}
	return 1;
}
