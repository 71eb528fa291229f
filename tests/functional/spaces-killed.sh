# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# rbcectl create, or the process that keeps the container, is killed at points all over its work: nothing
# is left.
# needs: root cgroup
# the same on every cgroup layout

POINTS=20

OPTIONS=() LIMITS=()

# Hostname and variable are only there to be found again.
create_killed() {
	# shellcheck disable=SC2086 # COMMAND is a list
	nsenter --target "$NETWORK" --net "$HELP/killat" "$1" "$2" "$BIN/rbcectl" create --root "$ROOT" --namespaces all --overlay "${OPTIONS[@]}" \
		a/b namespace.net.bridge=br-test namespace.net.address=10.99.0.2/24 pids.max=100 "${LIMITS[@]}" "namespace.env=KILLED=$ROOT" -- $COMMAND
}

groups() {
	compgen -G "/sys/fs/cgroup/$ROOT*"
	compgen -G "/sys/fs/cgroup/*/$ROOT*"
}

# What is named after the root group, and what is new where files are put for a while.
files() {
	compgen -G "/run/rbce/$ROOT*"
	compgen -G "/sys/fs/bpf/rbce/$ROOT*"
	find /tmp /run /mnt /var/tmp -maxdepth 1 -newer "$T/begin" -name '*rbce*' ! -path '*/rbce-test*' ! -path /run/rbce
}

# gone [WHERE]: all goes.
gone() {
	local end=$((SECONDS + 15))
	until nothing_left; do
		[ "$SECONDS" -lt "$end" ] || fail "left after ${1:-the end}: $(groups | xargs) $(files | xargs) $(nsenter --target "$NETWORK" --net ip -br link | xargs) $(pgrep -fa "rbcectl create --root $ROOT ")"
		pause
	done
}

nothing_left() {
	[ -z "$(groups)$(files)" ] && [ -z "$(nsenter --target "$NETWORK" --net ip -o link | grep -v ' lo:')" ] &&
		[ -z "$(pgrep -f "rbcectl create --root $ROOT ")" ] && [ "$MOUNTS" = "$(mounts)" ]
}

has_network() {
	[ "$(readlink "/proc/$NETWORK/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

# killed_everywhere first|second CALLS PART: at as many points of the last PART-th of its calls.
killed_everywhere() {
	local i at calls killed=0
	for ((i = 0; i < POINTS; i++)); do
		at=$(($2 - $2 * i / ($3 * POINTS)))
		calls=$(create_killed $at "$1" 2>"$T/errors")
		# One whose keeper is killed when it runs already, and nobody waits for it, is left to others.
		if [ "$1 ${OPTIONS[*]}" = "second --console" ] && ! grep -q "its keeper ended" "$T/errors"; then
			ctl kill --all && create_killed 0 second >/dev/null
		fi
		gone "call $at"
		# The last few may come or not.
		[ "$calls" -ne $at ] || killed=$((killed + 1))
	done
	between "how often it was killed" $((POINTS - 2)) $POINTS $killed
}

begin() {
	MOUNTS=$(mounts)
	touch "$T/begin"
	unshare --net sleep 1000 &
	NETWORK=$!
	wait_for 10 has_network
}

# killed_at_points first|second PART: of however many calls there are.
killed_at_points() {
	local calls
	begin
	COMMAND="true"
	calls=$(create_killed 0 "$1")
	[ "$calls" -gt $((2 * POINTS)) ] || fail "only $calls calls"
	gone
	killed_everywhere "$1" $((calls - 1)) "$2"
}

# Before that it is loaded.
test_killed_while_it_creates() {
	killed_at_points first 4
}

test_keeper_killed() {
	killed_at_points second 1
}

# A console has a socket in a directory; limits of the network are pinned in another.
with_files() {
	OPTIONS=(--console)
	! can_bpf || LIMITS=(net.egress=10Mbit)
}

test_with_files() {
	with_files
	killed_at_points first 4
}

test_keeper_killed_with_files() {
	with_files
	killed_at_points second 1
}

can_bpf() {
	[ -r /sys/kernel/btf/vmlinux ] && "$BIN/rbced" --version | grep -q '+bpf'
}

# While the command runs: with who waits for it goes the container.
test_killed_while_it_runs() {
	local pid
	begin
	"$BIN/rbcectl" create --root "$ROOT" --namespaces all --overlay a/b -- sh -c 'sleep 1000 & setsid sleep 1000 & sleep 1000' &
	pid=$!
	wait_for 10 group_has_tasks
	kill -KILL "$pid"
	gone
}

group_has_tasks() {
	[ "$(ctl containers --json 2>/dev/null | jq '[.. | .tasks? // empty | numbers] | add // 0')" -ge 4 ]
}
