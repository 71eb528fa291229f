# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# rbcectl events: what the daemon does, as it does it; and the counters that go with it.
# needs: root cgroup
# the same on every cgroup layout

# listen [OPTION...]: its lines come into $T/events; returns when it misses nothing any more.
listen() {
	"$BIN/rbcectl" events --root "$ROOT" "$@" >"$T/events" &
	LISTENER=$!
	wait_for 15 test -s "$T/events"
}

# told FILTER: what jq picks from the lines so far.
told() {
	jq -c "select($1)" "$T/events"
}

is_told() {
	[ -n "$(told "$1")" ]
}

test_a_move_with_all_its_fields() {
	local line
	victims_rule
	start_rbced
	listen
	equal "greeting" "listening $ROOT 1" "$(jq -r '"\(.event) \(.root) \(.rules)"' "$T/events")"
	"$T/bin/victim" 100 &
	wait_for 15 is_told ".pid == $!"
	# The one that leaves the order as it is.
	line=$(command jq -c "select(.pid == $!)" "$T/events")
	equal "fields" '["time","event","outcome","cause","pid","exe","rule","from","to","latency_us"]' \
		"$(command jq -c 'keys_unsorted' <<<"$line")"
	equal "the move" "decision moved exec $T/bin/victim victims null victims" \
		"$(jq -r '"\(.event) \(.outcome) \(.cause) \(.exe) \(.rule) \(.from) \(.to)"' <<<"$line")"
	between "seconds since then" 0 100 $(($(date +%s) - $(jq '.time | floor' <<<"$line")))
	between "microseconds" 1 100000000 "$(jq .latency_us <<<"$line")"
	equal "the container" victims "$(told '.event == "created"' | jq -r .container)"
	# By hand, and back to the rules.
	ctl classify $! by/hand >/dev/null
	ctl reclassify $! >/dev/null
	ctl release $! >/dev/null
	wait_for 15 is_told '.to == "victims" and .from == "by/hand"'
	equal "by hand" "moved manual victims by/hand" \
		"$(told '.to == "by/hand"' | jq -r '"\(.outcome) \(.cause) \(.from) \(.to)"')"
	equal "left there" "manual request by/hand" \
		"$(told '.outcome == "manual"' | jq -r '"\(.outcome) \(.cause) \(.from)"')"
	between "listeners" 1 1 "$(status listeners)"
	kill $LISTENER
	wait $LISTENER 2>/dev/null
	gone() { [ "$(status listeners)" = 0 ]; }
	wait_for 15 gone
}

test_reloads_losses_and_looks() {
	victims_rule
	start_rbced --source connector --event-buffer 4K --linger 1s
	listen
	ctl reload >/dev/null
	echo nonsense >"$T/rules/wrong.rules"
	ctl reload 2>/dev/null && fail "nonsense was loaded"
	rm "$T/rules/wrong.rules"
	kill -STOP "$RBCED"
	for _ in $(seq 100); do "$T/bin/victim" 0; done
	kill -CONT "$RBCED"
	wait_for 15 is_told '.event == "loss" and .total > 0'
	wait_for 15 is_told '.event == "look" and .tasks > 10 and .cause == "scan"'
	"$T/bin/victim" 0.5
	wait_for 15 is_told '.event == "removed" and .container == "victims"'
	equal "a reload" 1 "$(told '.event == "reload"' | jq -s '.[0].rules')"
	contains "one that fails" "wrong.rules:1" "$(told '.event == "reload"' | jq -rs '.[1].error')"
	# It says so when the daemon ends.
	stop_rbced
	wait $LISTENER
	equal "status of the listener" 1 $?
}

test_what_only_observes_is_told_once() {
	victims_rule
	start_rbced --observe
	listen
	"$T/bin/victim" 100 &
	wait_for 15 is_told ".pid == $! and .outcome == \"observed\""
	ctl reclassify >/dev/null
	ctl reclassify >/dev/null
	two_looks() { [ "$(told '.event == "look"' | wc -l)" = 2 ]; }
	wait_for 15 two_looks
	equal "lines of it" 1 "$(told ".pid == $!" | wc -l)"
}

# The kernel makes no group where its number is limited.
test_failures_by_errno() {
	local line v2
	v2=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
	[ -n "$v2" ] || skip "no cgroup v2 is mounted, whose groups can be limited"
	private_copy /bin/sleep other >/dev/null
	write_rules <<-END
		[rule victims]
		exe = $T/bin/*
		container = %p
	END
	start_rbced
	listen
	"$T/bin/other" 100 &
	settled $! other
	echo 1 >"$v2/$ROOT/cgroup.max.descendants"
	private_copy /bin/sleep victim >/dev/null
	"$T/bin/victim" 100 &
	wait_for 15 is_told ".pid == $! and .outcome == \"failed\""
	line=$(told ".pid == $! and .outcome == \"failed\"" | head -n 1)
	equal "errno" EAGAIN "$(jq -r .errno <<<"$line")"
	contains "why" "/$ROOT/victim" "$(jq -r .why <<<"$line")"
	equal "rule and container" "victims victim" "$(jq -r '"\(.rule) \(.to)"' <<<"$line")"
	between "failures" 1 100 "$(status failures.EAGAIN)"
	equal "failures in all" "$(status decisions.failed)" "$(counters '[.failures[]] | add')"
	contains "for people" "EAGAIN" "$(ctl status | grep 'failed: ')"
}

test_for_scripts() {
	victims_rule
	start_rbced
	listen --count 3
	for _ in 1 2 3 4; do
		"$T/bin/victim" 100 &
	done
	wait $LISTENER || fail "it ended with status $?"
	equal "lines" 4 "$(wc -l <"$T/events")"
	"$BIN/rbcectl" events --root "$ROOT" --timeout 100ms >/dev/null || fail "a time that is up failed"
	"$BIN/rbcectl" events --root "$ROOT" --count 1 --timeout 100ms >/dev/null && fail "nothing came, and it was content"
	"$BIN/rbcectl" events --root "$ROOT" --count 0 2>/dev/null
	equal "status of nonsense" 2 $?
}

# Everyone may listen, but not take the room of all others.
test_who_may_listen() {
	local i tool users=()
	tool=$(private_copy "$BIN/rbcectl" rbcectl)
	victims_rule
	start_rbced
	for i in 1 2 3 4 5 6 7 8; do
		setpriv --reuid $TEST_UID --regid $TEST_UID --clear-groups "$tool" events --root "$ROOT" >"$T/user.$i" &
		users+=($!)
	done
	for i in 1 2 3 4 5 6 7 8; do wait_for 15 test -s "$T/user.$i"; done
	equal "one more" "rbcectl: cannot listen: too many do already" \
		"$(setpriv --reuid $TEST_UID --regid $TEST_UID --clear-groups "$tool" events --root "$ROOT" 2>&1)"
	listen
	kill "${users[@]}"
	wait "${users[@]}" 2>/dev/null
	alone() { [ "$(status listeners)" = 1 ]; }
	wait_for 15 alone
}

# One that does not read holds up nobody, and learns what it missed.
test_a_listener_that_stands_still() {
	local round moved missed
	victims_rule round1
	start_rbced
	listen
	kill -STOP $LISTENER
	hold_victims 500
	# Each round is 500 moves more, and together they are more than wait for anybody.
	for round in 1 2 3 4 5 6; do
		victims_rule "round$round"
		ctl reload >/dev/null
		wait_for 30 are_in "round$round"
	done
	kill -CONT $LISTENER
	wait_for 30 is_told '.event == "missed"'
	# It goes on with what comes now.
	ctl classify "${PIDS[0]}" last >/dev/null
	wait_for 15 is_told '.to == "last"'
	moved=$(told '.outcome == "moved"' | wc -l)
	missed=$(told '.event == "missed"' | jq -s 'map(.lines) | add')
	between "moves told" 500 2900 "$moved"
	between "lines told or missed" 3000 4000 $((moved + missed))
	let_go
}
