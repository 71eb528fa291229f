# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The daemon's life: reload, stop, being killed, being one; and what rbcectl asks of it.
# needs: root cgroup

limited_rule() {
	write_rules <<-END
		[container victims]
		pids.max = ${1:-100}
		[rule victims]
		exe = $T/bin/victim
		container = victims
	END
}

start_victim() {
	[ -x "$T/bin/victim" ] || private_copy /bin/sleep victim >/dev/null
	"$T/bin/victim" 100 &
	VICTIM=$!
}

pids_max() {
	cat "$(group_file pids pids.max pids.max victims)"
}

test_reload_changes_rules_and_limits() {
	limited_rule 100
	start_rbced
	start_victim
	settled $VICTIM victims
	equal "limit before" 100 "$(pids_max)"
	limited_rule 50
	kill -HUP "$RBCED"
	wait_for 15 sh -c "[ \"\$(cat '$(group_file pids pids.max pids.max victims)')\" = 50 ]"
	# A limit that the rules no longer have is taken back.
	write_rules <<-END
		[rule victims]
		exe = $T/bin/victim
		container = other
	END
	contains "answer" "1 rules in force" "$(ctl reload)"
	settled $VICTIM other
	equal "limit after" max "$(pids_max)"
}

test_reload_with_an_error_keeps_the_old_rules() {
	limited_rule
	start_rbced
	echo 'colour = blue' >>"$T/rules/test.rules"
	ctl reload 2>"$T/err" && fail "the reload succeeded"
	contains "rbcectl's word" "test.rules:6" "$(cat "$T/err")"
	equal "lines of it" 1 "$(wc -l <"$T/err")"
	kill -HUP "$RBCED"
	wait_for 15 grep -q 'old rules stay' "$T/rbced.log"
	contains "status" "test.rules:6" "$(status rules.last_error)"
	equal "rules" 1 "$(status rules.count)"
	start_victim
	settled $VICTIM victims
}

# 100,000 rules take the best part of a second to read: what begins meanwhile is placed, and whoever
# asks gets an answer, before that is done.
test_a_reload_holds_up_nothing() {
	local reloads pid done_first=0
	limited_rule
	start_rbced
	seq 100000 | sed 's/.*/[rule n&]\ncomm = n&\ncontainer = many/' >"$T/rules/many.rules"
	reloads=$(status rules.reloads)
	ctl reload >"$T/answer" &
	pid=$!
	for _ in 1 2 3; do
		start_victim
		settled $VICTIM victims
		[ "$(status rules.reloads)" = "$reloads" ] && done_first=$((done_first + 1))
	done
	[ "$done_first" -gt 0 ] || fail "no task was placed before the rules were read"
	wait "$pid" || fail "rbcectl reload failed"
	equal "answer" "100001 rules in force" "$(cat "$T/answer")"
	equal "reloads" $((reloads + 1)) "$(status rules.reloads)"
}

# Whoever asks during a reload gets the rules as they are then, and those who ask together share it.
test_reloads_at_the_same_time() {
	local i pids=()
	limited_rule
	start_rbced
	for i in 1 2 3 4 5 6; do
		ctl reload >"$T/answer.$i" &
		pids+=($!)
	done
	for i in 1 2 3 4 5 6; do
		wait "${pids[i - 1]}" || fail "reload $i failed"
		equal "answer $i" "1 rules in force" "$(cat "$T/answer.$i")"
	done
	between "reloads" 2 7 "$(status rules.reloads)"
	# One that does not wait for the answer harms nobody.
	timeout -s KILL 0.01 "$BIN/rbcectl" reload --root "$ROOT"
	start_victim
	settled $VICTIM victims
}

test_stop_leaves_tasks_where_they_are() {
	limited_rule
	start_rbced
	start_victim
	settled $VICTIM victims
	stop_rbced || fail "it ended with status $?"
	equal "after the stop" victims "$(container_of $VICTIM)"
	equal "limit after the stop" 100 "$(pids_max)"
	[ ! -e "/run/rbce/$ROOT.sock" ] || fail "the socket stayed"
	contains "rbcectl without it" "it is not running" "$(ctl status 2>&1)"
	contains "containers without it" victims "$(ctl containers)"
}

test_killed_and_taken_over() {
	local round manual
	limited_rule
	start_rbced --linger 1s
	start_victim
	settled $VICTIM victims
	"$BIN/rbcectl" run --root "$ROOT" by/hand -- "$T/bin/victim" 100 &
	manual=$!
	settled $manual by/hand
	for round in 1 2 3 4 5; do
		# In the midst of work.
		for _ in 1 2 3 4 5 6 7 8; do start_victim; done
		kill -KILL "$RBCED"
		wait "$RBCED" 2>/dev/null
		[ -d "$(dirname "$(group_file pids pids.max pids.max victims)")" ] || fail "no container in round $round"
		start_rbced --linger 1s
		settled $VICTIM victims
		equal "limit in round $round" 100 "$(pids_max)"
		# What was placed by hand is not the rules' after a restart either.
		equal "placed by hand" by/hand "$(container_of $manual)"
		equal "verdict" manual "$(ctl explain --json $manual | jq -r .verdict)"
	done
	# Containers of the daemon before are removed like its own once they are empty.
	kill $manual
	wait_for 20 sh -c "! '$BIN/rbcectl' containers --root $ROOT | grep -q hand"
}

test_one_daemon_per_root() {
	limited_rule
	start_rbced
	"$BIN/rbced" --rules "$T/rules" --root "$ROOT" 2>"$T/err" && fail "a second one ran"
	equal "its word" "rbced: cannot start on root '$ROOT': rbced runs there as process $RBCED" "$(cat "$T/err")"
	daemon_answers || fail "the first one does not answer"
}

test_empty_containers_are_removed() {
	limited_rule
	start_rbced --linger 1s
	start_victim
	settled $VICTIM victims
	kill $VICTIM
	wait_for 20 sh -c "[ ! -d '$(dirname "$(group_file pids pids.max pids.max victims)")' ]"
	start_victim
	settled $VICTIM victims
	equal "limit of the new one" 100 "$(pids_max)"
	equal "made" 2 "$(status containers.created)"
}

test_a_container_removed_by_another_is_made_again() {
	limited_rule
	start_rbced
	start_victim
	settled $VICTIM victims
	ctl kill victims || fail "kill failed"
	start_victim
	settled $VICTIM victims
	equal "limit" 100 "$(pids_max)"
}

test_by_hand_and_back() {
	local child
	limited_rule
	start_rbced
	start_victim
	settled $VICTIM victims
	ctl classify $VICTIM special/place >/dev/null || fail "classify failed"
	equal "by hand" special/place "$(container_of $VICTIM)"
	ctl reclassify >/dev/null
	equal "after a full look" special/place "$(container_of $VICTIM)"
	contains "explanation" "placed by hand" "$(ctl explain $VICTIM)"
	# A child of a task placed by hand is so too, whatever it executes.
	ctl run special/place -- bash -c "'$T/bin/victim' 100 & echo \$! >'$T/child'; wait" &
	wait_for 15 test -s "$T/child"
	child=$(cat "$T/child")
	sleep 0.2
	equal "a child of it" special/place "$(container_of "$child")"
	contains "release" "victims" "$(ctl release $VICTIM)"
	equal "given back" victims "$(container_of $VICTIM)"
	equal "moves told" "manual request" \
		"$(ctl explain --json $VICTIM | jq -r '[.moves[1:][].cause] | join(" ")')"
}

test_explain_names_the_failing_term() {
	local pid
	private_copy /bin/sleep other >/dev/null
	write_rules <<-END
		[rule one]
		exe = $T/bin/victim
		container = one
		[rule two]
		exe = $T/bin/other
		user = $TEST_UID
		container = two
		[rule three]
		exe = $T/bin/*
		container = three
	END
	start_rbced
	"$T/bin/other" 100 &
	pid=$!
	settled $pid three
	ctl explain --json $pid >"$T/json"
	equal "rule" three "$(jq -r .rule "$T/json")"
	equal "verdict" right "$(jq -r .verdict "$T/json")"
	contains "first" "exe = $T/bin/victim" "$(jq -r '.steps[0].failed' "$T/json")"
	contains "second" "user = $TEST_UID" "$(jq -r '.steps[1].failed' "$T/json")"
	equal "third" true "$(jq -r '.steps[2].matched' "$T/json")"
	contains "for people" "rule three" "$(ctl explain $pid)"
	equal "no such process" "rbcectl: cannot read process '4194304': No such process" "$(ctl explain 4194304 2>&1)"
}

test_simulate_needs_no_daemon() {
	limited_rule
	equal "by facts" victims "$("$BIN/rbcectl" simulate --rules "$T/rules" --exe "$T/bin/victim" --json | jq -r .container)"
	equal "no match" null "$("$BIN/rbcectl" simulate --rules "$T/rules" --exe /bin/false --user "$TEST_UID" --json | jq -r .rule)"
	start_victim
	equal "every task" victims \
		"$("$BIN/rbcectl" simulate --rules "$T/rules" --json | jq -r ".tasks[] | select(.pid == $VICTIM).container")"
	equal "moved nothing" - "$(container_of $VICTIM)"
}

test_freeze_thaw_and_kill() {
	limited_rule
	start_rbced
	start_victim
	settled $VICTIM victims
	ctl freeze victims || fail "freeze failed"
	contains "frozen" 'frozen 1' "$(cat "/sys/fs/cgroup/unified/$ROOT/victims/cgroup.events" 2>/dev/null ||
		cat "/sys/fs/cgroup/$ROOT/victims/cgroup.events" 2>/dev/null || echo 'frozen 1 (v1)')"
	ctl thaw victims || fail "thaw failed"
	ctl kill victims || fail "kill failed"
	wait $VICTIM
	equal "how it ended" 137 $?
	equal "tasks left" 0 "$(ctl ps --json | jq '.tasks | length')"
	equal "killing what is not there" "rbcectl: cannot open container 'victims': there is none" "$(ctl kill victims 2>&1)"
	start_victim
	settled $VICTIM victims
	# From inside, the command lives to end the others.
	ctl run victims -- "$BIN/rbcectl" kill --root "$ROOT" --all || fail "kill --all from inside failed"
	equal "groups left" "" "$(find /sys/fs/cgroup -maxdepth 2 -name "$ROOT")"
	ctl kill --all || fail "kill --all failed"
	ctl kill --all || fail "kill --all of nothing failed"
}

# The groups go, the tasks go on: in the container above, and with --all at the top.
test_dissolve() {
	victims_rule users/one/deep
	start_rbced
	"$T/bin/victim" 1000 &
	settled $! users/one/deep
	ctl set users/one pids.max=50 cpuset.cpus=0 >/dev/null || fail "cannot set a limit"
	stop_rbced
	RBCED=
	ctl freeze users/one/deep || fail "freeze failed"
	ctl dissolve users/one || fail "dissolve failed"
	equal "the task of users/one/deep" users "$(container_of $!)"
	equal "state" dissolved "$(ctl dissolve --json --all | jq -r .state)"
	equal "the task after --all" - "$(container_of $!)"
	kill -0 $! || fail "the task has ended"
	[[ $(ps -o stat= -p $!) = S* ]] || fail "the task is $(ps -o stat= -p $!)"
	equal "groups left" "" "$(find /sys/fs/cgroup -maxdepth 2 -name "$ROOT")"
	ctl dissolve --all || fail "dissolve --all of nothing failed"
}

test_one_counter() {
	write_rules <<<""
	start_rbced
	equal "a number" 0 "$(ctl status rules.count)"
	equal "a text" "$ROOT" "$(ctl status root)"
	equal "what has parts is JSON" 0 "$(ctl status rules | jq .count)"
	ctl status rules.none 2>"$T/err" && fail "showed what is not there"
	equal "error" "rbcectl: cannot show 'rules.none': there is no such counter" "$(cat "$T/err")"
}

test_only_root_may_change() {
	local tool
	tool=$(private_copy "$BIN/rbcectl" rbcectl)
	limited_rule
	start_rbced
	as_user() { setpriv --reuid "$TEST_UID" --regid "$TEST_UID" --clear-groups "$tool" "$@"; }
	as_user status --root "$ROOT" >/dev/null || fail "a user may not ask"
	equal "reload" "rbcectl: cannot reload: only root may" "$(as_user reload --root "$ROOT" 2>&1)"
	equal "classify" "rbcectl: cannot classify: only root may" "$(as_user classify --root "$ROOT" 1 x 2>&1)"
	start_victim
	settled $VICTIM victims
	equal "freeze" "rbcectl: cannot freeze container 'victims': Permission denied" "$(as_user freeze --root "$ROOT" victims 2>&1)"
	equal "kill" "rbcectl: cannot kill container 'victims': Permission denied" "$(as_user kill --root "$ROOT" victims 2>&1)"
	equal "the victim" victims "$(container_of $VICTIM)"
}
