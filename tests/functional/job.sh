# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# ulimitx run: a job under limits, and what is left of it.
# needs: root cgroup
# the same on both as on v1

job() {
	"$BIN/ulimitx" run --root "$ROOT" "$@"
}

# Nothing of the job's containers is there any more.
nothing_left() {
	[ -z "$(compgen -G "/sys/fs/cgroup/$ROOT/job-*"; compgen -G "/sys/fs/cgroup/*/$ROOT/job-*")" ] || fail "a container stayed"
}

test_limits_hold_and_status_is_passed_on() {
	job memory.max=64M pids.max=20 cpu.max=50% -- "$BIN/ulimitx" --raw memory.max pids.max cpu.max >"$T/out" || fail "the job failed"
	contains "memory" "67108864" "$(grep '^memory.max' "$T/out")"
	contains "who" "/$ROOT/job-" "$(grep '^memory.max' "$T/out")"
	contains "tasks" " 20 " "$(grep '^pids.max' "$T/out")"
	contains "CPU" " 50000 " "$(grep '^cpu.max' "$T/out")"
	job -- sh -c 'exit 7'
	equal "status" 7 $?
	job -- "$T/no such program" 2>"$T/err"
	equal "of a program that is not there" 127 $?
	nothing_left
}

test_signals_are_passed_on() {
	local pid
	# shellcheck disable=SC2016 # for that shell
	"$BIN/ulimitx" run --root "$ROOT" -- sh -c 'trap "echo told; exit 5" USR1; echo ready; while :; do sleep 0.05; done' >"$T/out" &
	pid=$!
	wait_for 15 grep -q ready "$T/out"
	kill -USR1 $pid
	wait $pid
	equal "status" 5 $?
	contains "the trap" told "$(cat "$T/out")"
	# shellcheck disable=SC2016
	job -- sh -c 'kill -TERM $$'
	equal "a job that a signal ends" $((128 + 15)) $?
	nothing_left
}

test_what_is_left_is_killed() {
	# shellcheck disable=SC2016 # for that shell
	job -- sh -c 'sleep 1000 & echo $!' >"$T/out" 2>"$T/err"
	[ ! -d "/proc/$(cat "$T/out")" ] || [ "$(awk '{ print $3 }' "/proc/$(cat "$T/out")/stat")" = Z ] || fail "it lives"
	contains "said" "1 process of the job left, killed" "$(cat "$T/err")"
	nothing_left
}

test_time() {
	job --time -- "$HELP/hog" 1 >/dev/null 2>"$T/err" || fail "the job failed"
	for what in elapsed "CPU user" "CPU system" "peak memory" read written; do
		grep -q "^$what  *[0-9]" "$T/err" || fail "no '$what' in: $(cat "$T/err")"
	done
	job --time cpu.max=20% -- "$HELP/hog" 1 >/dev/null 2>"$T/err"
	grep -q '^times throttled  *[1-9]' "$T/err" || fail "not throttled: $(cat "$T/err")"
}

test_mistakes() {
	job memory.max=lots -- true 2>"$T/err"
	equal "status" 2 $?
	contains "the message" "ulimitx run: cannot set 'memory.max': 'lots' is not a size" "$(cat "$T/err")"
	job memory.max=1G 2>/dev/null
	equal "no command" 2 $?
	nothing_left
}

# A user in a tree of his own, which root has given him.
test_delegated() {
	local dir file
	write_rules </dev/null
	start_rbced
	# The sources may lie where the user may not look.
	mkdir "$T/bin"
	cp "$BIN"/ulimitx "$BIN"/ulimitx-run "$T/bin"
	ctl run mine -- sleep 1000 &
	wait_for 10 ctl get mine pids.max >/dev/null
	for dir in /sys/fs/cgroup/"$ROOT"/mine /sys/fs/cgroup/*/"$ROOT"/mine; do
		[ ! -d "$dir" ] || for file in "$dir" "$dir"/cgroup.procs "$dir"/cgroup.threads "$dir"/cgroup.subtree_control "$dir"/tasks; do
			[ ! -e "$file" ] || chown $TEST_UID "$file"
		done
	done
	ctl run mine -- setpriv --reuid $TEST_UID --clear-groups "$T/bin/ulimitx" run --root "$ROOT/mine" pids.max=9 -- \
		"$T/bin/ulimitx" --raw pids.max >"$T/out" 2>"$T/err" || fail "the job failed: $(cat "$T/err")"
	contains "the limit" " 9 " "$(grep '^pids.max' "$T/out")"
}
