# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Memory that runs out: whose is taken, who is slowed down, who is killed.
# needs: root cgroup guest
# the same on both as on v1
# runs beside others

on_v2() {
	! grep -q '^[^ ]* [^ ]* cgroup .*memory' /proc/mounts
}

# eats CONTAINER MIB: as $T/CONTAINER in it; its pid is in PID.
eats() {
	ctl run "$1" -- "$HELP/eat" "$2" 1 >"$T/$1" &
	wait_for 30 test -s "$T/$1"
	PID=$(cat "$T/$1")
}

# resident PID: MiB
resident() {
	awk '/^VmRSS/ { print int($2 / 1024) }' "/proc/$1/status"
}

has_resident() {
	[ "$(resident "$1")" -ge "$2" ]
}

# usage CONTAINER: MiB
usage() {
	echo $(($(cat "$(group_file memory memory.usage_in_bytes memory.current "$1")") >> 20))
}

# event NAME CONTAINER: how often; v1 counts those that were killed alone.
event() {
	awk -v name="$1" '$1 == name { print $2 }' "$(group_file memory memory.oom_control memory.events "$2")"
}

# The largest of the group is killed; the others in it, beside it and outside go on.
test_out_of_memory_kills_only_there() {
	local beside small large
	write_rules <<-END
		[container tight]
		memory.max = 32M
		swap.max = 0
		[container roomy]
		memory.max = 128M
	END
	start_rbced
	eats roomy 48
	beside=$PID
	ctl run tight -- "$HELP/eat" 4 0 >"$T/small" &
	wait_for 30 test -s "$T/small"
	small=$(cat "$T/small")
	wait_for 30 has_resident "$small" 4
	eats tight 64
	large=$PID
	gone() { ! kill -0 "$large" 2>/dev/null; }
	wait_for 60 gone
	equal "killed in it" 1 "$(event oom_kill tight)"
	wait_for 60 has_resident "$beside" 48
	kill -0 "$small" || fail "the small one in the group was killed"
	equal "killed beside it" 0 "$(event oom_kill roomy)"
	between "the most that it had, MiB" 24 32 \
		$(($(cat "$(group_file memory memory.max_usage_in_bytes memory.peak tight)") >> 20))
}

# Both take 64 MiB. The one over its brake gets on, but slowly; what it has stays near that, and nobody is
# killed.
test_high_slows_and_does_not_kill() {
	local braked
	on_v2 || skip "memory.high needs cgroup v2"
	write_rules <<-END
		[container braked]
		memory.high = 24M
		swap.max = 0
		[container free]
		swap.max = 0
	END
	start_rbced
	eats braked 64
	braked=$PID
	eats free 64
	wait_for 60 has_resident "$PID" 64
	has_resident "$braked" 64 && fail "it was not slowed down"
	figure "of 64 MiB the braked one has $(resident "$braked"), and $(usage braked) in all"
	kill -0 "$braked" || fail "it was killed"
	between "what it has, MiB" 20 40 "$(usage braked)"
	[ "$(event high braked)" -gt 0 ] || fail "it never came to its brake"
	equal "killed" "0 0" "$(event oom braked) $(event oom_kill braked)"
	ctl set braked memory.high=max
	wait_for 60 has_resident "$braked" 64
}

# cached CONTAINER: MiB of page cache
cached() {
	awk '$1 == "cache" || $1 == "file" { print int($2 / 1048576) }' "$(dirname "$(group_file memory x x "$1")")/memory.stat"
}

# fills CONTAINER MIB: with the page cache of a file.
fills() {
	local file=$FOLDER/$1
	dd if=/dev/zero of="$file" bs=1M count="$2" conv=fsync 2>/dev/null
	dd of="$file" conv=notrunc oflag=nocache count=0 2>/dev/null
	ctl run "$1" -- dd if="$file" of=/dev/null bs=1M 2>/dev/null
	between "page cache of $1, MiB" $(($2 - 4)) $(($2 + 8)) "$(cached "$1")"
}

# passed_up WHAT EXPECTED...: MiB of memory.low that users, jobs and the root group have.
passed_up() {
	local group=/sys/fs/cgroup/$ROOT
	equal "$1" "${*:2}" "$(cat "$group"/{users,jobs,.}/memory.low | awk '{ printf "%s%d", s, $1 / 1048576; s = " " }')"
}

# The groups above have what those below need, as long as they are given nothing of their own.
test_soft_limits_hold_for_the_groups_above() {
	on_v2 || skip "on cgroup v1 each soft limit is for itself"
	write_rules <<-END
		[container users/a]
		memory.soft = 3M
		[container users/b]
		memory.soft = 2M
		[container jobs]
		memory.soft = 1M
		[container jobs/c]
		memory.soft = 7M
	END
	ctl apply --rules "$T/rules" >/dev/null || fail "it was not applied"
	passed_up "the sum of those below, or its own" 5 1 6
	equal "written again" 0 "$(ctl apply --rules "$T/rules" --json | jq .written)"
	ctl diff --rules "$T/rules" >/dev/null || fail "it differs: $(ctl diff --rules "$T/rules")"
	equal "no value of its own" max "$(ctl get users memory.soft --json | jq -r '.keys[0].own')"
	equal "what holds" "users/a jobs" "$(ctl get users/a memory.soft --json | jq -r '.keys[0].decided_by') $(ctl get jobs/c memory.soft --json | jq -r '.keys[0].decided_by')"
	ctl set users/a memory.soft=max
	passed_up "less" 2 1 3
	ctl set users memory.soft=16M
	ctl set users/a memory.soft=4M
	passed_up "its own" 16 1 17
	ctl set users memory.soft=max
	passed_up "its own taken back" 6 1 7
	ctl kill users/a
	ctl set users/b memory.soft=9M raw.memory.max=nonsense 2>/dev/null && fail "it was set"
	passed_up "a container gone, a change refused" 2 1 3
}

# A container's own kernel messages tell of the kills in it.
test_kills_in_kernel_messages() {
	[ -c /dev/fuse ] || skip "no /dev/fuse"
	mkdir -p "$T/rootfs/usr" "$T/rootfs/help" "$T/rootfs/t"
	ln -s usr/bin usr/sbin usr/lib usr/lib64 "$T/rootfs/"
	# shellcheck disable=SC2016 # for the shell inside
	ctl create --rootfs "$T/rootfs" --namespaces "mount, pid" box memory.max=64M swap.max=0 namespace.kmsg=64K \
		"namespace.bind=/usr /usr ro" "namespace.bind=$HELP /help ro" "namespace.bind=$T /t" -- \
		sh -c '/help/eat 200 1 >/dev/null; dmesg >/t/messages' || fail "the container: $(cat "$T/messages")"
	contains "the kill" "Memory cgroup out of memory: killed 1 task" "$(cat "$T/messages")"
}
