# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Where the daemon hears of tasks: losses, what replaces a source that cannot be had.
# needs: root cgroup

victims_rule() {
	private_copy /bin/sleep victim >/dev/null
	write_rules <<-END
		[rule victims]
		exe = $T/bin/victim
		container = victims
	END
}

# hold COUNT: so many victims that live until let_go; PIDS has them.
hold() {
	mkfifo "$T/hold"
	"$HELP/storm" "$1" "$T/bin/victim" 1000 <"$T/hold" >"$T/out" &
	HOLDER=$!
	exec 9>"$T/hold"
	wait_for 90 test -s "$T/out"
	mapfile -t PIDS < <(pgrep -P "$HOLDER")
	equal "victims" "$1" "${#PIDS[@]}"
}

let_go() {
	exec 9>&-
	wait "$HOLDER"
	rm "$T/hold" "$T/out"
}

all_right() {
	[ "$(wrong_places victims "${PIDS[@]}")" = 0 ]
}

resynced() {
	[ "$(status .events.resyncs)" -gt "$1" ]
}

# The daemon stands still while more happens than its buffer takes.
test_what_a_small_buffer_loses_is_made_good() {
	local before from
	victims_rule
	start_rbced --source connector --event-buffer 4K
	for _ in 1 2 3; do
		before=$(status .events.resyncs)
		kill -STOP "$RBCED"
		hold 200
		from=$(date +%s%N)
		kill -CONT "$RBCED"
		wait_for 20 all_right
		figure "200 processes whose events were lost stood right after $((($(date +%s%N) - from) / 1000000)) ms"
		wait_for 20 resynced "$before"
		let_go
	done
	between "lost events" 300 1000000 "$(status .events.lost)"
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
	hold 100
	for i in "${lanes[@]}"; do kill -KILL "$i"; done
	wait_for 20 all_right
	figure "$(status .events.lost) events lost, $(status .events.resyncs) looks at all tasks"
	let_go
}
