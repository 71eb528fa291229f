# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Which process lands in which container.
# needs: root cgroup

# started COMMAND...: runs a helper in the background that prints its pid, and sets PID.
started() {
	local out
	out=$(mktemp -p "$T")
	"$@" >"$out" &
	wait_for 15 test -s "$out"
	PID=$(head -n 1 "$out")
}

test_by_executable() {
	local exe
	exe=$(private_copy /bin/sleep victim)
	write_rules <<-END
		[rule victims]
		exe = $exe
		container = victims/%p
	END
	start_rbced
	"$exe" 100 &
	settled $! victims/victim
	/bin/sleep 100 &
	sleep 0.2
	equal "another executable" - "$(container_of $!)"
}

test_by_glob_and_name() {
	local exe other
	exe=$(private_copy /bin/sleep "a long name, longer than fifteen bytes")
	other=$(private_copy /bin/sleep other)
	write_rules <<-END
		[rule by-name]
		comm = a long name*
		exe = $T/*
		container = named
		[rule by-path]
		exe = $T/bin/*
		container = path/%p
	END
	start_rbced
	"$exe" 100 &
	settled $! named
	"$other" 100 &
	settled $! path/other
}

test_by_user_and_group() {
	write_rules <<-END
		[rule user]
		user = $TEST_UID
		container = users/%U
		[rule supplementary]
		group = $OTHER_UID
		container = groups/%G
	END
	start_rbced
	started setpriv --reuid $TEST_UID --clear-groups "$HELP/where"
	settled "$PID" "users/$TEST_UID"
	started "$HELP/where" groups $OTHER_UID
	settled "$PID" groups/65534
}

test_after_setuid_and_setsid() {
	local where
	where=$(private_copy "$HELP/where" where)
	write_rules <<-END
		[rule user]
		user = $TEST_UID
		container = changed
		[rule group]
		group = $OTHER_UID
		container = regrouped
		[rule rest]
		exe = $where
		container = rest
	END
	start_rbced
	started "$where"
	settled "$PID" rest
	started "$where" uid $TEST_UID
	settled "$PID" changed
	started "$where" gid $OTHER_UID
	settled "$PID" regrouped
	before=$(heard sid)
	started "$where" sid
	heard_more() { [ "$(heard sid)" -gt "$before" ]; }
	wait_for 15 heard_more
	settled "$PID" rest
}

test_by_process_group_and_session() {
	local where
	where=$(private_copy "$HELP/where" where)
	"$where" >/dev/null &
	local leader=$!
	write_rules <<-END
		[rule session]
		session = $(ps -o sid= -p $leader | tr -d ' ')
		exe = $where
		container = session
	END
	start_rbced
	settled $leader session
	write_rules <<-END
		[rule pgrp]
		pgrp = $(ps -o pgid= -p $leader | tr -d ' ')
		exe = $where
		container = pgrp
	END
	ctl reload >/dev/null
	settled $leader pgrp
}

test_by_parent_and_current_container() {
	local where parent
	parent=$(private_copy /bin/bash launcher)
	where=$(private_copy "$HELP/where" where)
	write_rules <<-END
		[rule child]
		parent = */launcher
		exe = $where
		container = first/child
	END
	start_rbced
	started "$parent" -c "$where & wait"
	settled "$PID" first/child
	write_rules <<-END
		[rule promote]
		in = first/*
		container = second
		[rule outside]
		in = nowhere
		container = third
	END
	ctl reload >/dev/null
	settled "$PID" second
	# It is no longer in first/*, and nothing else matches: it stays.
	ctl reclassify "$PID" >/dev/null
	equal "after another look" second "$(container_of "$PID")"
}

# A container that holds tasks already gets one below it, with every limit of its own.
test_tasks_above_a_container() {
	local outer inner
	outer=$(private_copy /bin/sleep outer)
	inner=$(private_copy /bin/sleep inner)
	write_rules <<-END
		[container outer/inner]
		memory.max = 64M
		cpu.max = 50%
		pids.max = 7
		[rule outer]
		exe = $outer
		container = outer
		[rule inner]
		exe = $inner
		container = outer/inner
	END
	start_rbced
	"$outer" 100 &
	outer=$!
	settled $outer outer
	"$inner" 100 &
	settled $! outer/inner
	settled $outer outer
	equal "pids.max" 7 "$(cat "$(group_file pids pids.max pids.max outer/inner)")"
	equal "memory.max" $((64 << 20)) "$(cat "$(group_file memory memory.limit_in_bytes memory.max outer/inner)")"
	equal "failures" 0 "$(status containers.limits_failed)"
}

test_children_stay_with_their_parent() {
	local where
	where=$(private_copy "$HELP/where" where)
	write_rules <<-END
		[rule one]
		exe = $where
		container = family
	END
	start_rbced
	"$where" fork >"$T/out" &
	wait_for 15 test "$(grep -c . "$T/out")" = 0 -o -s "$T/out"
	wait_for 15 sh -c "test \$(grep -c . '$T/out') = 2"
	while read -r pid; do settled "$pid" family; done <"$T/out"
}

test_order_state_ignore_and_mode() {
	local a b c d
	for n in a b c d; do private_copy /bin/sleep $n >/dev/null; done
	write_rules <<-END
		[rule last]
		order = 100
		exe = $T/bin/*
		container = last
		[rule first]
		order = 1
		exe = $T/bin/a
		container = first
		[rule off]
		order = 2
		state = off
		exe = $T/bin/b
		container = off
		[rule leave]
		order = 3
		exe = $T/bin/c
		ignore = yes
		[rule look]
		order = 4
		mode = observe
		exe = $T/bin/d
		container = look
	END
	start_rbced
	"$T/bin/a" 100 & a=$!
	"$T/bin/b" 100 & b=$!
	"$T/bin/c" 100 & c=$!
	"$T/bin/d" 100 & d=$!
	settled $a first
	settled $b last
	sleep 0.2
	equal "an ignored task" - "$(container_of $c)"
	equal "an observed task" - "$(container_of $d)"
	equal "verdict on the ignored" ignored "$(ctl explain --json $c | jq -r .verdict)"
	equal "verdict on the observed" observed "$(ctl explain --json $d | jq -r .verdict)"
	equal "target of the observed" look "$(ctl explain --json $d | jq -r .target)"
	equal "counted, not moved" 1 "$(ctl rules --json | jq '.rules[] | select(.rule == "look").moves')"
}

test_observe_moves_nothing() {
	private_copy /bin/sleep victim >/dev/null
	write_rules <<-END
		[container victims]
		pids.max = 10
		[rule victims]
		exe = $T/bin/victim
		container = victims
	END
	start_rbced --observe
	"$T/bin/victim" 100 &
	wait_for 15 sh -c "[ \"\$('$BIN/rbcectl' explain --root $ROOT --json $! | jq -r .verdict)\" = observed ]"
	equal "an observed task" - "$(container_of $!)"
	equal "containers made" 0 "$(status containers.now)"
	between "observed decisions" 1 100 "$(status decisions.observed)"
}

test_what_ran_before_the_daemon() {
	victims_rule
	"$T/bin/victim" 100 &
	local victim=$!
	start_rbced
	settled $victim victims
}

# Fewer in a guest under emulation, which starts processes fifty times more slowly.
test_two_thousand_at_once() {
	local count=${RBCE_STORM:-2000}
	victims_rule
	start_rbced
	hold_victims "$count"
	sleep 1
	equal "processes in the wrong place after a second" 0 "$(wrong_places victims "${PIDS[@]}")"
	between "events that came" $((2 * count)) 1000000 "$(heard total)"
	let_go
}

# A daemon that is held up while more happens than its buffer takes must notice and make it good.
test_lost_events_are_made_good() {
	victims_rule
	start_rbced --event-buffer 16K
	kill -STOP "$RBCED"
	hold_victims 300
	kill -CONT "$RBCED"
	wait_for 15 sh -c "[ \"\$('$BIN/rbcectl' status --root $ROOT --json | jq .events.resyncs)\" -gt 0 ]"
	wait_for 15 are_in victims
	between "lost events" 1 100000 "$(status events.lost)"
	let_go
}
