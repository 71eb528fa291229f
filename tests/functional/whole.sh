# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Rules that match every process of the system: only where the whole system is the test's own.
# needs: root cgroup guest

# Tasks that can be placed: no kernel threads, not the daemon, not what the check itself starts.
user_processes() {
	local dir
	for dir in /proc/[0-9]*; do
		[ -n "$(readlink "$dir/exe")" ] && [ "${dir#/proc/}" != "$RBCED" ] && echo "${dir#/proc/}"
	done
}

# misplaced: those that stand elsewhere than the daemon says. The list is taken first: what has ended
# since is no longer asked for.
misplaced() {
	local pid target
	for pid in $(user_processes); do
		target=$(ctl explain --json "$pid" 2>/dev/null | jq -r .target)
		case $target in
		'' | null) continue ;;
		esac
		stands_in "$pid" "$target" || [ ! -e "/proc/$pid" ] || echo "$pid ($(container_of "$pid") for $target)"
	done
}

test_every_process() {
	local before after sleeper
	write_rules <<-END
		[container all]
		cpu.weight = 100
		pids.max   = 5000
		memory.max = 1500M
		[container all/%p]
		pids.max   = 4000
		[rule everything]
		container = all/%p
	END
	sleep 300 &
	sleeper=$!
	start_rbced
	settled 1 "all/$(basename "$(readlink /proc/1/exe)")"
	settled $sleeper all/sleep
	# The machine stays usable: processes start, work and end.
	for _ in 1 2 3 4 5; do
		equal "work" 5050 "$(seq 100 | awk '{ s += $1 } END { print s }')"
		ls -l / >"$T/out" || fail "ls failed"
	done
	all_right() { [ -z "$(misplaced)" ]; }
	wait_for 30 all_right
	before=$(status decisions.failed)
	equal "moves that failed" 0 "$before"
	stop_rbced || fail "it ended with status $?"
	RBCED=
	equal "PID 1 after the stop" "all/$(basename "$(readlink /proc/1/exe)")" "$(container_of 1)"
	equal "another after the stop" all/sleep "$(container_of $sleeper)"
	# take_down must not kill PID 1: everything goes back to the root of the hierarchies first.
	for mount in $(awk '$3 == "cgroup2" || $3 == "cgroup" && $4 !~ /name=/ { print $2 }' /proc/mounts); do
		while read -r pid; do echo "$pid" >"$mount/cgroup.procs"; done < <(find "$mount/$ROOT" -name cgroup.procs -exec cat {} +) 2>/dev/null
	done
	after=$(container_of 1)
	equal "PID 1 at the end" - "$after"
}
