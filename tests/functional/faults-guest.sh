# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Faults that take the whole system: every program held, all fanotify groups taken, few pids.
# the same on every cgroup layout
# needs: root cgroup guest

everything() {
	write_rules <<-END
		[container all]
		pids.max = 3000
		[rule everything]
		exe = /*
		container = all
	END
}

# Everything leaves the groups again, this shell included, before they are removed with what is in them.
let_all_go() {
	local ended=$? mount pid
	[ -z "$RBCED" ] || kill -KILL "$RBCED"
	for mount in $(awk '$3 == "cgroup2" || $3 == "cgroup" && $4 !~ /name=/ { print $2 }' /proc/mounts); do
		while read -r pid; do echo "$pid" >"$mount/cgroup.procs"; done \
			< <(find "$mount/$ROOT" -name cgroup.procs -exec cat {} +) 2>/dev/null
	done
	take_down "$ended"
}

# Programs of the whole system start while the daemon is stopped or ends; none hangs.
programs_go_on() {
	local end=$((SECONDS + 60)) i
	: >"$T/ran"
	for ((i = 0; i < 100; i++)); do
		(ls / >/dev/null && echo ran >>"$T/ran") &
	done
	until [ "$(wc -l <"$T/ran")" -eq 100 ]; do
		[ "$SECONDS" -lt "$end" ] || fail "$(wc -l <"$T/ran") of 100 programs went on"
		pause
	done
}

test_every_program_is_held() {
	everything
	trap let_all_go EXIT
	start_rbced --gate all --gate-deadline 2s
	settled $$ all
	/bin/sh -c 'exec cat /proc/self/cgroup' >"$T/out"
	contains "places" "$ROOT/all" "$(cat "$T/out")"
	equal "state" on "$(status gate.state)"
	kill -STOP "$RBCED"
	programs_go_on
	kill -CONT "$RBCED"
	[ "$(status gate.rescued)" -gt 0 ] || fail "nothing was rescued"
	programs_go_on
	kill -STOP "$RBCED"
	(sleep 0.3 && kill -KILL "$RBCED") &
	programs_go_on
	RBCED=
	# It can be started again, and a mount that comes later is held as well.
	start_rbced --gate all
	mkdir "$T/mount" && mount -t tmpfs tmpfs "$T/mount"
	cp "$HELP/first" "$T/mount/first"
	"$T/mount/first" >"$T/out"
	equal "a program on the new file system" all "$(places_in "$T/out")"
	stop_rbced || fail "it ended with status $?"
	RBCED=
}

test_all_fanotify_groups_are_taken() {
	victims_rule
	"$HELP/groups" >"$T/groups" &
	wait_for 10 test -s "$T/groups"
	start_rbced --gate rules
	equal "state" unavailable "$(status gate.state)"
	contains "log" "all fanotify groups are taken (fs.fanotify.max_user_groups)" "$(cat "$T/rbced.log")"
	"$T/bin/victim" 60 &
	settled $! victims
}

# Pids come around every few seconds; nothing may be moved by one that means another task by now.
test_pids_are_used_again() {
	local before
	write_rules <<-END
		[rule placed]
		exe = $(private_copy "$HELP/recycle-static" placed)
		container = placed
	END
	cp "$HELP/recycle-static" "$T/bin/plain"
	before=$(cat /proc/sys/kernel/pid_max)
	start_rbced
	echo 400 >/proc/sys/kernel/pid_max
	"$HELP/recycle" "${RBCE_RECYCLE:-5000}" "$ROOT/placed" "$T/bin/placed" "$T/bin/plain" >"$T/out"
	echo "$before" >/proc/sys/kernel/pid_max
	echo "    $(cat "$T/out")"
	contains "moved by mistake" "0 wrong" "$(cat "$T/out")"
	[ "$(sed 's/.*wrong, \([0-9]*\).*/\1/' "$T/out")" -gt 1000 ] || fail "pids were not used again"
	[ "$(status decisions.moved)" -gt 10 ] || fail "nothing was moved at all"
}
