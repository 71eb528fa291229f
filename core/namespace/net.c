// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The network of a space, through libnl-route: a pair of devices, of which one is made inside at
 * once. With the namespace of that one the kernel takes both away, whoever was killed before.
 */
#include <net/if.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/route.h>
#include <poll.h>
#include <sched.h>

#include "space.h"
#include "util.h"

/* The group of devices by which a bridge that was made here is known: "rbce". */
#define GROUP 0x72626365

/* For the kernel to take away devices of a namespace that has ended. */
enum { PATIENCE = 250, PAUSE_MS = 20 };

DEFINE_CLEANUP(struct nl_sock *, nl_socket_free)
DEFINE_CLEANUP(struct rtnl_link *, rtnl_link_put)
DEFINE_CLEANUP(struct rtnl_addr *, rtnl_addr_put)
DEFINE_CLEANUP(struct rtnl_route *, rtnl_route_put)
DEFINE_CLEANUP(struct nl_addr *, nl_addr_put)
DEFINE_CLEANUP(struct nl_cache *, nl_cache_free)

#define cleanup_link CLEANUP(rtnl_link_put_p) struct rtnl_link *

static int failed(struct rbce_error *err, int r, const char *what, const char *object)
{
	return rbce_error_set(err, r == -NLE_OBJ_NOTFOUND ? -ENODEV : -EIO, "cannot %s '%s': %s",
			      what, object, nl_geterror(r));
}

static int connect_route(struct nl_sock **ret, struct rbce_error *err)
{
	CLEANUP(nl_socket_free_p) struct nl_sock *sock = nl_socket_alloc();
	int r = sock ? nl_connect(sock, NETLINK_ROUTE) : -NLE_NOMEM;

	if (r < 0)
		return failed(err, r, "talk to", "netlink");
	*ret = TAKE_PTR(sock);
	return 0;
}

bool space_has_network(const struct rbce_space *space)
{
	return space_flags(space) & CLONE_NEWNET &&
	       (space_get(space, SPACE_NET_BRIDGE) || space_get(space, SPACE_NET_ADDRESS) ||
		space_get(space, SPACE_NET_HOST_ADDRESS) || space_get(space, SPACE_NET_HOST_NAME));
}

void space_load_network(void)
{
	nl_socket_free(nl_socket_alloc());
	rtnl_link_put(rtnl_link_alloc());
}

static int start_link(struct nl_sock *sock, struct rtnl_link *link)
{
	cleanup_link change = rtnl_link_alloc();

	if (!change)
		return -NLE_NOMEM;
	rtnl_link_set_flags(change, IFF_UP);
	return rtnl_link_change(sock, link, change, 0);
}

static int add_address(struct nl_sock *sock, int index, const char *text)
{
	CLEANUP(rtnl_addr_put_p) struct rtnl_addr *address = rtnl_addr_alloc();
	CLEANUP(nl_addr_put_p) struct nl_addr *local = NULL;
	int r = address ? nl_addr_parse(text, AF_UNSPEC, &local) : -NLE_NOMEM;

	if (r < 0)
		return r;
	rtnl_addr_set_ifindex(address, index);
	r = rtnl_addr_set_local(address, local);
	/* One that is there is what was asked for: the bridge may have it. No waiting for
	 * duplicates. */
	rtnl_addr_set_flags(address, IFA_F_NODAD);
	if (r == 0)
		r = rtnl_addr_add(sock, address, 0);
	return r == -NLE_EXIST ? 0 : r;
}

static int add_addresses(const struct rbce_space *space, enum space_key key, struct nl_sock *sock,
			 int index, struct rbce_error *err)
{
	const char *value;
	size_t i = 0;

	while ((value = space_next(space, key, &i))) {
		int r = add_address(sock, index, value);

		if (r < 0)
			return failed(err, r, "add address", value);
	}
	return 0;
}

/* ---- outside ---- */

static int find_bridge(struct nl_sock *sock, const char *name, int *ret, struct rbce_error *err)
{
	cleanup_link link = NULL;
	cleanup_link bridge = NULL;
	int r = rtnl_link_get_kernel(sock, 0, name, &link);

	if (r == -NLE_OBJ_NOTFOUND || r == -NLE_NODEV) {
		bridge = rtnl_link_alloc();
		if (!bridge)
			return failed(err, -NLE_NOMEM, "make bridge", name);
		/* With its mark from the first moment, whatever happens to this process then. */
		rtnl_link_set_name(bridge, name);
		rtnl_link_set_group(bridge, GROUP);
		rtnl_link_set_flags(bridge, IFF_UP);
		r = rtnl_link_set_type(bridge, "bridge");
		if (r == 0)
			r = rtnl_link_add(sock, bridge, NLM_F_CREATE | NLM_F_EXCL);
		/* Somebody else may have been as quick. */
		if (r == 0 || r == -NLE_EXIST)
			r = rtnl_link_get_kernel(sock, 0, name, &link);
	}
	if (r < 0)
		return failed(err, r, "use bridge", name);
	*ret = rtnl_link_get_ifindex(link);
	return 0;
}

static int add_pair(struct nl_sock *sock, const char *outside, const char *inside, pid_t pid)
{
	cleanup_link link = rtnl_link_veth_alloc();
	cleanup_link peer = link ? rtnl_link_veth_get_peer(link) : NULL;

	if (!peer)
		return -NLE_NOMEM;
	rtnl_link_set_name(link, outside);
	rtnl_link_set_name(peer, inside);
	rtnl_link_set_ns_pid(peer, pid);
	return rtnl_link_add(sock, link, NLM_F_CREATE | NLM_F_EXCL);
}

static const char *outer_name(const struct rbce_space *space, pid_t pid, char *buf)
{
	snprintf(buf, IFNAMSIZ, "rbce%d", pid);
	return space_get(space, SPACE_NET_HOST_NAME) ?: buf;
}

int space_make_network(const struct rbce_space *space, pid_t pid, struct rbce_error *err)
{
	const char *bridge = space_get(space, SPACE_NET_BRIDGE),
		   *inside = space_get(space, SPACE_NET_NAME) ?: "eth0", *outside;
	CLEANUP(nl_socket_free_p) struct nl_sock *sock = NULL;
	cleanup_link link = NULL;
	char name[IFNAMSIZ];
	int master = 0, index, r;

	if (!space_has_network(space))
		return 0;
	outside = outer_name(space, pid, name);
	r = connect_route(&sock, err);
	if (r == 0 && bridge)
		r = find_bridge(sock, bridge, &master, err);
	if (r < 0)
		return r;
	r = add_pair(sock, outside, inside, pid);
	if (r == 0)
		r = rtnl_link_get_kernel(sock, 0, outside, &link);
	if (r < 0)
		return failed(err, r, "make network device", outside);
	index = rtnl_link_get_ifindex(link);
	r = master ? rtnl_link_enslave_ifindex(sock, master, index) : 0;
	if (r == 0)
		r = start_link(sock, link);
	if (r < 0)
		return failed(err, r, "start network device", outside);
	return add_addresses(space, SPACE_NET_HOST_ADDRESS, sock, master ?: index, err);
}

static bool has_ports(struct nl_sock *sock, int bridge)
{
	CLEANUP(nl_cache_free_p) struct nl_cache *links = NULL;

	if (rtnl_link_alloc_cache(sock, AF_UNSPEC, &links) < 0)
		return true;
	for (struct nl_object *o = nl_cache_get_first(links); o; o = nl_cache_get_next(o))
		if (rtnl_link_get_master((struct rtnl_link *)o) == bridge)
			return true;
	return false;
}

static void remove_bridge(struct nl_sock *sock, const char *name, bool patient)
{
	cleanup_link link = NULL;
	int tries = patient ? PATIENCE : 1;

	if (rtnl_link_get_kernel(sock, 0, name, &link) < 0)
		return;
	if (rtnl_link_get_group(link) != GROUP)
		return;
	while (has_ports(sock, rtnl_link_get_ifindex(link)))
		if (--tries == 0)
			return;
		else
			poll(NULL, 0, PAUSE_MS);
	rtnl_link_delete(sock, link);
}

void rbce_space_end(const struct rbce_space *space, pid_t pid)
{
	const char *bridge = space_get(space, SPACE_NET_BRIDGE);
	CLEANUP(nl_socket_free_p) struct nl_sock *sock = NULL;
	cleanup_link link = NULL;
	char name[IFNAMSIZ];

	if (!bridge || connect_route(&sock, NULL) < 0)
		return;
	/* The kernel would do it too, some time after the last process has gone. */
	if (pid > 0 && rtnl_link_get_kernel(sock, 0, outer_name(space, pid, name), &link) == 0)
		rtnl_link_delete(sock, link);
	remove_bridge(sock, bridge, pid <= 0);
}

/* ---- inside ---- */

/* "default via 10.0.0.1", "10.1.0.0/16 via 10.0.0.1", "10.1.0.0/16". */
static int parse_route(const char *value, int index, struct rtnl_route **ret)
{
	CLEANUP(rtnl_route_put_p) struct rtnl_route *route = rtnl_route_alloc();
	CLEANUP(nl_addr_put_p) struct nl_addr *to = NULL;
	CLEANUP(nl_addr_put_p) struct nl_addr *via = NULL;
	struct rtnl_nexthop *hop;
	struct space_words words;
	int family = AF_UNSPEC, r;

	if (!route)
		return -NLE_NOMEM;
	if (space_cut(value, " \t", &words) < 0 ||
	    !(words.n == 1 || (words.n == 3 && streq(words.word[1], "via"))))
		return -NLE_INVAL;
	if (words.n == 3) {
		r = nl_addr_parse(words.word[2], AF_UNSPEC, &via);
		if (r < 0)
			return r;
		family = nl_addr_get_family(via);
	}
	r = nl_addr_parse(words.word[0], family == AF_UNSPEC ? AF_INET : family, &to);
	if (r < 0 && family == AF_UNSPEC)
		r = nl_addr_parse(words.word[0], AF_INET6, &to);
	if (r < 0)
		return r;
	hop = rtnl_route_nh_alloc();
	if (!hop)
		return -NLE_NOMEM;
	rtnl_route_nh_set_ifindex(hop, index);
	if (via)
		rtnl_route_nh_set_gateway(hop, via);
	rtnl_route_add_nexthop(route, hop);
	r = rtnl_route_set_dst(route, to);
	if (r < 0)
		return r;
	if (!via)
		rtnl_route_set_scope(route, RT_SCOPE_LINK);
	*ret = TAKE_PTR(route);
	return 0;
}

int space_check_route(const char *value, struct rbce_error *err)
{
	CLEANUP(rtnl_route_put_p) struct rtnl_route *route = NULL;

	return parse_route(value, 1, &route) < 0
		       ? rbce_error_set(err, -EINVAL,
					"'%s' is not a route (like default via 10.0.0.1)", value)
		       : 0;
}

int space_check_address(const char *value, struct rbce_error *err)
{
	CLEANUP(nl_addr_put_p) struct nl_addr *address = NULL;

	if (nl_addr_parse(value, AF_UNSPEC, &address) == 0 &&
	    (nl_addr_get_family(address) == AF_INET || nl_addr_get_family(address) == AF_INET6))
		return 0;
	return rbce_error_set(err, -EINVAL, "'%s' is not an address (like 10.0.0.2/24)", value);
}

static int add_routes(const struct rbce_space *space, struct nl_sock *sock, int index,
		      struct rbce_error *err)
{
	const char *value;
	size_t i = 0;

	while ((value = space_next(space, SPACE_NET_ROUTE, &i))) {
		CLEANUP(rtnl_route_put_p) struct rtnl_route *route = NULL;
		int r = parse_route(value, index, &route);

		if (r == 0)
			r = rtnl_route_add(sock, route, NLM_F_CREATE | NLM_F_EXCL);
		if (r < 0)
			return failed(err, r, "add route", value);
	}
	return 0;
}

int space_set_network(const struct rbce_space *space, struct rbce_error *err)
{
	const char *name = space_get(space, SPACE_NET_NAME) ?: "eth0";
	CLEANUP(nl_socket_free_p) struct nl_sock *sock = NULL;
	cleanup_link link = NULL;
	int r;

	if (!space_has_network(space))
		return 0;
	r = connect_route(&sock, err);
	if (r < 0)
		return r;
	r = rtnl_link_get_kernel(sock, 0, name, &link);
	if (r == 0)
		r = start_link(sock, link);
	if (r < 0)
		return failed(err, r, "start network device", name);
	r = add_addresses(space, SPACE_NET_ADDRESS, sock, rtnl_link_get_ifindex(link), err);
	return r < 0 ? r : add_routes(space, sock, rtnl_link_get_ifindex(link), err);
}
