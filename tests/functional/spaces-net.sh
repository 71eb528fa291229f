# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The network of containers, all of it in a network namespace of the test's own.
# needs: root cgroup
# the same on every cgroup layout

# A network of this test's own, which the commands after `on` see as the host's.
own_network() {
	unshare --net sleep 1000 &
	NETWORK=$!
	wait_for 10 other_network
	on ip link set lo up
}

other_network() {
	[ "$(readlink "/proc/$NETWORK/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

on() {
	nsenter --target "$NETWORK" --net "$@"
}

create() {
	on "$BIN/rbcectl" create --root "$ROOT" "$@"
}

# links: the devices of the test's own network but the loopback.
links() {
	on ip -o link | awk -F'[:@ ]+' '$2 != "lo" { print $2 }' | xargs
}

test_loopback_only() {
	own_network
	equal "devices" "lo UNKNOWN 127.0.0.1/8 ::1/128" "$(create one -- ip -br address | xargs)"
	equal "what is left" "" "$(links)"
}

test_pair() {
	local out
	own_network
	out=$(create one namespace.net.address=10.99.0.2/24 namespace.net.address=fd99::2/64 namespace.net.host-address=10.99.0.1/24 \
		"namespace.net.route=default via 10.99.0.1" namespace.net.host-name=outer -- \
		sh -c 'ip -br address show eth0; ip route; ip -br address show outer 2>/dev/null')
	contains "addresses" "10.99.0.2/24 fd99::2/64" "$out"
	contains "a route" "default via 10.99.0.1 dev eth0" "$out"
	equal "a name" inner0 "$(create one namespace.net.address=10.99.0.2/24 namespace.net.name=inner0 -- \
		ip -o -4 address show to 10.99.0.2 | awk '{ print $2 }')"
	wait_for 5 all_gone
}

all_gone() {
	[ -z "$(links)" ]
}

# Two on one bridge hear each other, and the bridge goes with the last.
test_bridge() {
	local out first second
	own_network
	first=$(create --json --detach one namespace.net.bridge=br-test namespace.net.address=10.99.0.2/24 \
		namespace.net.host-address=10.99.0.1/24 -- sleep 1000 | jq .pid)
	second=$(create --json --detach two namespace.net.bridge=br-test namespace.net.address=10.99.0.3/24 -- sleep 1000 | jq .pid)
	equal "address of the bridge" "10.99.0.1/24" "$(on ip -o -4 address show br-test | awk '{ print $4 }')"
	# Between the two, and from outside: who is there refuses, who is not is unreachable.
	out=$(nsenter --target "$first" --net bash -c 'exec 3<>/dev/tcp/10.99.0.3/9' 2>&1)
	contains "one hears two" "Connection refused" "$out"
	out=$(on bash -c 'exec 3<>/dev/tcp/10.99.0.2/9' 2>&1)
	contains "the bridge hears one" "Connection refused" "$out"
	ctl kill one
	wait_for 10 one_left
	contains "bridge with one left" br-test "$(links)"
	kill -KILL "$second"
	wait_for 10 all_gone
}

one_left() {
	[ "$(links | wc -w)" = 2 ]
}

# A bridge that was there before stays.
test_bridge_of_others() {
	own_network
	on ip link add br-mine type bridge
	create one namespace.net.bridge=br-mine namespace.net.address=10.99.0.2/24 -- true || fail "cannot create"
	wait_for 5 only_mine
}

only_mine() {
	[ "$(links)" = br-mine ]
}

test_refusals() {
	own_network
	contains "no way to it" "cannot add route" "$(create one namespace.net.address=10.99.0.2/24 "namespace.net.route=default via 10.1.0.1" -- true 2>&1)"
	wait_for 5 all_gone
	on ip link add taken type bridge
	contains "a name that is taken" "cannot make network device 'taken'" \
		"$(create one namespace.net.address=10.99.0.2/24 namespace.net.host-name=taken -- true 2>&1)"
	equal "what is left" taken "$(links)"
}
