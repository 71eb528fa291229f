# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Every condition of the rule language on real processes, and what a rule does besides placing.
# needs: root cgroup
# the same on every cgroup layout

# Copies /bin/sleep to $T/bin/NAME, which every rule here asks for as well.
sleeper() {
	private_copy /bin/sleep "$1" >/dev/null
}

has_ioprio() {
	[ "$(ionice -p "$1")" = "$2" ]
}

# verdict PID: the rule that decides, and what becomes of it.
verdict() {
	ctl explain --json "$1" | jq -r '"\(.rule) \(.verdict)"'
}

test_arguments() {
	sleeper job
	write_rules <<-END
		[rule infix]
		exe = $T/bin/job
		args = *314*
		container = infix
		[rule expression]
		exe = $T/bin/job
		args = re:^27[0-9]{1\,2}$
		container = expression
	END
	start_rbced
	"$T/bin/job" 1.3141 100 &
	settled $! infix
	"$T/bin/job" 271 &
	settled $! expression
	"$T/bin/job" 27123 &
	sleep 0.2
	equal "other arguments" - "$(container_of $!)"
}

test_environment() {
	sleeper job
	write_rules <<-END
		[rule batch]
		exe = $T/bin/job
		env = RBCE_TEST_JOB=*, !RBCE_TEST_JOB=none
		container = batch/%j
	END
	start_rbced
	RBCE_TEST_JOB=17 "$T/bin/job" 100 &
	settled $! batch/17
	equal "verdict" "batch right" "$(verdict $!)"
	# Whose it is may have secrets there: nobody is told.
	RBCE_TEST_JOB=none "$T/bin/job" 100 &
	wait_for 10 runs $! "$T/bin/job"
	contains "why not" "not shown" "$(ctl explain "$!")"
	MY_RBCE_TEST_JOB=17 "$T/bin/job" 100 &
	sleep 0.2
	equal "another variable" - "$(container_of $!)"
	equal "simulated" batch/5 "$("$BIN/rbcectl" simulate --rules "$T/rules" --exe "$T/bin/job" --env RBCE_TEST_JOB=5 --json | jq -r .container)"
}

# What a task was executed with counts, whatever it writes there afterwards, and for its children too.
test_environment_is_read_once() {
	private_copy "$HELP/overwrite" job >/dev/null
	write_rules <<-END
		[rule batch]
		env = RBCE_TEST_JOB=*
		exe = $T/bin/job
		container = batch/%j
		[rule others]
		exe = $T/bin/job
		container = others
	END
	start_rbced
	RBCE_TEST_JOB=17 "$T/bin/job" >"$T/out" &
	settled $! batch/17
	kill -USR1 $!
	wait_for 15 grep -q '^[0-9]' "$T/out"
	ctl reclassify >/dev/null
	equal "it" batch/17 "$(container_of $!)"
	equal "its child" batch/17 "$(container_of "$(cat "$T/out")")"
	# Executed anew, without it.
	kill -USR2 $!
	settled $! others
}

test_leaders() {
	sleeper job
	private_copy /bin/bash leader >/dev/null
	write_rules <<-END
		[rule session]
		exe = $T/bin/job
		session-leader = $T/bin/leader
		container = session
		[rule group]
		exe = $T/bin/job
		pgrp-leader = $T/bin/leader
		container = group
	END
	start_rbced
	setsid "$T/bin/leader" -c "$T/bin/job 100 & echo \$! >$T/pid; wait" &
	wait_for 15 test -s "$T/pid"
	settled "$(cat "$T/pid")" session
	rm "$T/pid"
	# A group of its own in this session.
	perl -e 'setpgrp(0, 0); exec @ARGV' "$T/bin/leader" -c "$T/bin/job 100 & echo \$! >$T/pid; wait" &
	wait_for 15 test -s "$T/pid"
	settled "$(cat "$T/pid")" group
}

test_terminal() {
	sleeper job
	write_rules <<-END
		[rule interactive]
		exe = $T/bin/job
		tty = yes
		container = interactive
		[rule batch]
		exe = $T/bin/job
		tty = no
		container = batch
	END
	start_rbced
	setsid "$T/bin/job" 100 &
	wait_for 15 pgrep -f "^$T/bin/job 100"
	settled "$(pgrep -f "^$T/bin/job 100")" batch
	script -q -c "$T/bin/job 200" /dev/null >/dev/null </dev/null &
	wait_for 15 pgrep -f "^$T/bin/job 200"
	settled "$(pgrep -f "^$T/bin/job 200")" interactive
}

test_login() {
	sleeper job
	[ -e /proc/self/loginuid ] || skip "this kernel has no audit"
	write_rules <<-END
		[rule nobody]
		exe = $T/bin/job
		login = none
		container = nobody
		[rule logged-in]
		exe = $T/bin/job
		login = $TEST_UID
		container = people
	END
	start_rbced
	"$T/bin/job" 100 &
	settled $! nobody
	# Root's now, but of that user's login.
	(echo "$TEST_UID" >/proc/self/loginuid && exec "$T/bin/job" 100) &
	settled $! people
}

test_realtime_is_left_alone() {
	sleeper job
	write_rules <<-END
		[rule realtime]
		exe = $T/bin/job
		realtime = yes
		ignore = yes
		[rule rest]
		exe = $T/bin/job
		container = rest
	END
	start_rbced
	"$T/bin/job" 100 &
	settled $! rest
	chrt -f 10 "$T/bin/job" 100 &
	wait_for 15 runs $! "$T/bin/job"
	equal "verdict" "realtime ignored" "$(verdict $!)"
}

test_tag() {
	local shell child
	sleeper job
	private_copy /bin/bash shell >/dev/null
	write_rules <<-END
		[rule tagged]
		exe = $T/bin/*
		tag = night*
		container = tagged/%t
		[rule plain]
		exe = $T/bin/*
		container = plain
	END
	start_rbced
	"$T/bin/shell" -c "while [ ! -e $T/go ]; do sleep 0.05; done; $T/bin/job 100 & echo \$! >$T/pid; wait" &
	shell=$!
	settled $shell plain
	contains "outcome" "moved, stands in tagged/nightly 7" "$(ctl tag $shell 'nightly 7')"
	touch "$T/go"
	wait_for 15 test -s "$T/pid"
	child=$(cat "$T/pid")
	settled "$child" "tagged/nightly 7"
	contains "explanation" "tagged 'nightly 7'" "$(ctl explain "$child")"
	# A daemon that starts again knows it still.
	stop_rbced
	start_rbced
	equal "after a restart" "nightly 7" "$(ctl explain --json "$child" | jq -r .tag)"
	contains "untagged" "moved, stands in plain" "$(ctl tag "$child")"
	equal "its parent" "tagged/nightly 7" "$(container_of $shell)"
	equal "a bad tag" "rbcectl: cannot tag: a tag has no control characters" "$(ctl tag $shell $'a\nb' 2>&1)"
}

test_depend() {
	sleeper job
	sleeper other
	write_rules <<-END
		[rule ours]
		state = off
		exe = $T/bin/*
		[rule not-the-job]
		depend = ours, !the-job
		container = rest
		[rule the-job]
		depend = ours
		comm = job
		container = job
	END
	start_rbced
	"$T/bin/job" 100 &
	settled $! job
	contains "explanation" "fails on 'depend = !the-job', it has 'all terms of that rule hold'" "$(ctl explain $!)"
	"$T/bin/other" 100 &
	settled $! rest
	/bin/sleep 100 &
	contains "by the term of the rule it depends on" "exe = $T/bin/* fails: " "$(ctl explain $!)"
}

# The values of a process and of its threads: nice, policy, IO class, OOM score.
properties() {
	echo "$(ps -o ni= -p "$1" | tr -d ' ') $(chrt -p "$1" | sed -n 's/.*policy: SCHED_//p') $(ionice -p "$1") $(cat "/proc/$1/oom_score_adj")"
}

has_properties() {
	[ "$(properties "$1")" = "$2" ]
}

test_actions() {
	local pid child
	sleeper job
	sleeper only
	private_copy /bin/bash shell >/dev/null
	write_rules <<-END
		[rule background]
		exe = $T/bin/job, $T/bin/shell
		container = background
		nice = 7
		ioprio = best-effort/6
		sched = batch
		oom_score_adj = 300
		[rule only]
		exe = $T/bin/only
		ioprio = idle
		[rule watch]
		mode = observe
		exe = $T/bin/watch
		nice = 9
	END
	start_rbced
	"$T/bin/job" 100 &
	pid=$!
	settled $pid background
	wait_for 15 has_properties $pid "7 BATCH best-effort: prio 6 300"
	# What is changed by hand afterwards stays, whatever events come.
	renice -n 3 -p $pid >/dev/null
	ctl reclassify $pid >/dev/null
	equal "nice after a change by hand" 3 "$(ps -o ni= -p $pid | tr -d ' ')"
	# Rules that set other values are carried out anew.
	sed -i 's/^nice = 7/nice = 8/' "$T/rules/test.rules"
	ctl reload >/dev/null
	wait_for 15 has_properties $pid "8 BATCH best-effort: prio 6 300"
	# Without a container it stays where it is.
	"$T/bin/only" 100 &
	wait_for 15 has_ioprio $! idle
	equal "place" - "$(container_of $!)"
	equal "verdict" "only right" "$(verdict $!)"
	contains "the rules" "(stay)" "$(ctl rules)"
	# A child has what its parent was changed to.
	"$T/bin/shell" -c "while [ ! -e $T/go ]; do sleep 0.05; done; $T/bin/job 100 & echo \$! >$T/pid; wait" &
	wait_for 15 has_properties $! "8 BATCH best-effort: prio 6 300"
	renice -n 2 -p $! >/dev/null
	touch "$T/go"
	wait_for 15 test -s "$T/pid"
	child=$(cat "$T/pid")
	settled "$child" background
	equal "nice of the child" 2 "$(ps -o ni= -p "$child" | tr -d ' ')"
	sleeper watch
	"$T/bin/watch" 100 &
	wait_for 15 runs $! "$T/bin/watch"
	ctl reclassify $! >/dev/null
	equal "observed" "$(nice)" "$(ps -o ni= -p $! | tr -d ' ')"
}

test_include_and_defaults() {
	sleeper job
	mkdir -p "$T/common"
	cat >"$T/common/job.rules" <<-END
		[rule job]
		exe = $T/bin/job
		container = jobs/one
	END
	write_rules <<-END
		[defaults]
		pids.max = 77
		[container jobs]
		[container jobs/one]
		pids.max = 33
		[include ../common/job.rules]
	END
	start_rbced
	"$T/bin/job" 100 &
	settled $! jobs/one
	equal "its own limit" 33 "$(cat "$(group_file pids pids.max pids.max jobs/one)")"
	equal "the default" 77 "$(cat "$(group_file pids pids.max pids.max jobs)")"
	equal "where the rule stands" "$T/rules/../common/job.rules:1" \
		"$(ctl rules --json | jq -r '.rules[0] | "\(.file):\(.line)"')"
	# A mistake in it keeps the old rules.
	echo "[include test.rules]" >"$T/common/job.rules"
	sed -i 's|common/job.rules|rules/more|' "$T/rules/test.rules"
	echo "[include test.rules]" >"$T/rules/more"
	contains "a circle" "it would include itself: $T/rules/test.rules > " "$(ctl reload 2>&1)"
	equal "rules in force" 1 "$(status rules.count)"
}

test_hits_are_counted() {
	sleeper job
	write_rules <<-END
		[rule job]
		exe = $T/bin/job
		container = jobs
		[rule never]
		exe = $T/bin/never
		container = never
	END
	start_rbced
	"$T/bin/job" 100 &
	settled $! jobs
	ctl rules --json >"$T/json"
	between "hits" 1 3 "$(jq '.rules[0].hits' "$T/json")"
	between "the last hit" $(($(date +%s) - 60)) "$(date +%s)" "$(jq '.rules[0].last_hit' "$T/json")"
	equal "no hit" null "$(jq '.rules[1].last_hit' "$T/json")"
	# A rule that reads as before goes on counting.
	sed -i 's/bin.never/bin\/ever/' "$T/rules/test.rules"
	ctl reload >/dev/null
	between "hits after a reload" 2 5 "$(ctl rules --json | jq '.rules[0].hits')"
}
