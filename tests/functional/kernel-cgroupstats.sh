# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Our kernel's CGROUPSTATS: on both cgroup versions, with every task counted once.
# needs: root cgroup kernel-patched

# counted TEXT GROUP [recursive]: these are the states of the group's tasks.
counted() {
	[ "$("$HELP/cgroupstats" "${@:2}")" = "$1" ]
}

# stays CONTAINER COMMAND...: in the background, and there when this returns.
stays() {
	"$BIN/rbcectl" run --root "$ROOT" "$1" -- "${@:2}" >/dev/null 2>&1 &
	wait_for 15 stands_in $! "$1"
}

# Where a container's own tasks are beside those below it: on v2 in a child group.
own_group() {
	local group
	group=$(dirname "$(group_file memory tasks cgroup.procs "$1")")
	[ ! -d "$group/leaf" ] || group=$group/leaf
	echo "$group"
}

test_states_of_tasks() {
	local group
	write_rules </dev/null
	start_rbced
	# nanosleep(2) can be frozen, which is one more bit of its state. What waits for a child has none.
	stays box sleep 100
	stays box flock "$T/lock" sleep 100
	stays box/inner "$HELP/hog" 100
	stays box/inner sleep 100
	kill -STOP $!
	wait_for 15 grep -q '^State:.T' "/proc/$!/status"
	group=$(own_group box)
	wait_for 15 counted "running 0 sleeping 3 stopped 0 blocked 0 uninterruptible 0" "$group"
	group=${group%/leaf}
	wait_for 15 counted "running 1 sleeping 3 stopped 1 blocked 0 uninterruptible 0" "$group" recursive
	wait_for 15 counted "running 1 sleeping 0 stopped 1 blocked 0 uninterruptible 0" "$group/inner"
}

# Killable waits are more than one bit too: that of vfork(2)'s caller.
test_waits_that_only_a_kill_ends() {
	write_rules </dev/null
	start_rbced
	stays box "$HELP/vfork"
	wait_for 15 counted "running 0 sleeping 1 stopped 0 blocked 0 uninterruptible 1" "$(own_group box)"
}

test_mistakes() {
	equal "no descriptor" EBADF "$("$HELP/cgroupstats" bad)"
	equal "another file system" EINVAL "$("$HELP/cgroupstats" /proc)"
}
