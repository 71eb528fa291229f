# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Where the daemon hears of tasks: losses, what replaces a source that cannot be had.
# needs: root cgroup
# the same on every cgroup layout

resynced() {
	[ "$(status events.resyncs)" -gt "$1" ]
}

# The daemon stands still while more happens than its buffer takes.
test_what_a_small_buffer_loses_is_made_good() {
	local before from
	victims_rule
	start_rbced --source connector --event-buffer 4K
	for _ in 1 2 3; do
		before=$(status events.resyncs)
		kill -STOP "$RBCED"
		hold_victims 200
		from=$(date +%s%N)
		kill -CONT "$RBCED"
		wait_for 20 are_in victims
		figure "200 processes whose events were lost stood right after $((($(date +%s%N) - from) / 1000000)) ms"
		wait_for 20 resynced "$before"
		let_go
	done
	between "lost events" 300 1000000 "$(status events.lost)"
	contains "the log" "events were lost" "$(cat "$T/rbced.log")"
}

# It works while events are lost all the time: whoever lives is found by one look or another.
test_losses_without_end() {
	local lanes=() i
	victims_rule
	start_rbced --source connector --event-buffer 4K
	for i in 1 2 3 4; do
		(while :; do "$T/bin/victim" 0; done) &
		lanes+=($!)
	done
	hold_victims 100
	for i in "${lanes[@]}"; do kill -KILL "$i"; done
	wait_for 20 are_in victims
	figure "$(status events.lost) events lost, $(status events.resyncs) looks at all tasks"
	let_go
}

# A process that nobody tells of is found by a look.
test_without_a_source_of_events() {
	local victim
	victims_rule
	unshare --net true 2>/dev/null || skip "no network namespace may be made here"
	# Without BPF, too, which is the next best.
	unshare --net setpriv --inh-caps -sys_admin,-bpf,-perfmon --bounding-set -sys_admin,-bpf,-perfmon \
		"$BIN/rbced" --rules "$T/rules" --root "$ROOT" --source connector 2>"$T/rbced.log" &
	RBCED=$!
	wait_for 20 daemon_answers
	equal "source" scan "$(status source.name)"
	equal "lines that say why" 1 "$(grep -c 'source connector: cannot listen' "$T/rbced.log")"
	"$T/bin/victim" 1000 &
	victim=$!
	settled $victim victims
	between "looks" 1 1000 "$(status source.looks)"
	ctl classify $victim by/hand >/dev/null
	sleep 1.5
	equal "what was placed by hand" by/hand "$(container_of $victim)"
}

# The kernel would take the request there, and never tell of anything.
test_in_another_pid_namespace() {
	victims_rule
	unshare --pid --fork --mount-proc true 2>/dev/null || skip "no pid namespace may be made here"
	unshare --pid --fork --mount-proc --kill-child=KILL sh -c '
		"$1/rbced" --rules "$2/rules" --root "$3" --source connector --scan-interval 200ms 2>"$2/rbced.log" &
		"$2/bin/victim" 1000 &
		"$2/bin/victim" 1000' sh "$BIN" "$T" "$ROOT" &
	# Taken down with what else runs here.
	wait_for 20 daemon_answers
	equal "source" scan "$(status source.name)"
	contains "the log" "pid and user namespaces only" "$(cat "$T/rbced.log")"
	both_right() { [ "$(ctl ps --json | jq '.tasks | length')" = 2 ]; }
	wait_for 20 both_right
}

test_a_source_that_is_asked_for() {
	victims_rule
	start_rbced --source scan --scan-interval 100ms
	equal "source" scan "$(status source.name)"
	hold_victims 50
	wait_for 20 are_in victims
	let_go
	equal "a wrong name" "rbced: cannot use --source 'nowhere': it is not known; see --help" \
		"$("$BIN/rbced" --source nowhere 2>&1)"
}

# Processes that end do so without a word to the daemon, and none of it counts as lost.
test_what_the_kernel_keeps_back() {
	victims_rule
	start_rbced --source connector
	[ "$(status source.kernel_filters)" = true ] || skip "this kernel does not filter events (Linux 6.6)"
	for _ in 1 2 3 4 5; do "$T/bin/victim" 0; done
	hold_victims 20
	wait_for 20 are_in victims
	let_go
	equal "ends told" 0 "$(status events.exit)"
	between "events kept back" 20 1000000 "$(status source.kept_back)"
	equal "lost" 0 "$(status events.lost)"
	equal "looks at all tasks" 0 "$(status events.resyncs)"
}
