# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# net.flowid and net.priority where cgroup v1 has them: what packets of a container carry.
# needs: root cgroup

# shellcheck source=tests/functional/net.sh
. tests/functional/net.sh

# v1_has CONTROLLER
v1_has() {
	[ -n "$(awk -v c="$1" '$3 == "cgroup" && ("," $4 ",") ~ ("," c ",")' /proc/mounts)" ] ||
		skip "cgroup v1 has no $1 here"
}

# classed: packets of the container that leave the left in class 1:3.
classed() {
	nsenter -t "$LEFT" -n nft -f - <<-END || fail "nft does not take it"
		table inet seen {
			chain out {
				type filter hook output priority filter
				meta cgroup 0x10003 counter
			}
		}
	END
	inside box connect tcp 10.99.0.2 5000 >/dev/null
	nsenter -t "$LEFT" -n nft --json list table inet seen |
		jq '[.. | .counter? | objects | .packets] | add'
	nsenter -t "$LEFT" -n nft delete table inet seen
}

test_flowid() {
	v1_has net_cls
	two_networks
	write_rules <<-END
		[container box]
		net.flowid = 1:3
	END
	start_rbced
	served right serve tcp 10.99.0.2 5000
	between "packets of the class" 3 100 "$(classed)"
	equal "the file" 65539 "$(cat "$(group_file net_cls net_cls.classid "" box)")"
	ctl set box net.flowid=0
	equal "packets without it" 0 "$(classed)"
}

# preferred: packets of priority 3 that have gone through the loopback device, which has a queue for them.
preferred() {
	equal "a connection" "done" "$(ctl run box -- "$HELP/net" connect tcp 127.0.0.1 5000)"
	tc -s class show dev lo classid 1:1 | awk '/Sent/ { print $4 }'
}

# The kernel knows it of the interfaces of the machine itself only.
test_priority() {
	v1_has net_prio
	[ -n "${RBCE_GUEST_KERNEL:-}" ] || skip "it needs a system of its own (make check-guest)"
	ip link set lo up
	tc qdisc replace dev lo root handle 1: prio bands 2 priomap 1 1 1 0 1 1 1 1 1 1 1 1 1 1 1 1 2>/dev/null ||
		skip "this kernel has no queue by priority"
	write_rules <<<"[container box]"
	start_rbced
	served "$HELP/net" serve tcp 127.0.0.1 5000
	equal "packets before" 0 "$(preferred)"
	ctl set box net.priority=3 || fail "it cannot be set"
	between "packets of that priority" 3 100 "$(preferred)"
	tc qdisc delete dev lo root
}
