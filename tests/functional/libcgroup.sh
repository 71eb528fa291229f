# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What went wrong in libcgroup's cgrulesengd, with real processes under rules imported from its files:
# prefix wildcards, ignore (libcgroup issue 510), continuation lines, %p, signals, options in the manual
# that do not exist (509), templates (483).
# needs: root cgroup
# the same on every cgroup layout

# rules_from: cgrules.conf on standard input becomes the daemon's rules.
rules_from() {
	mkdir -p "$T/rules"
	cat >"$T/cgrules.conf"
	"$BIN/rbcectl" import cgrules "$T/cgrules.conf" >"$T/rules/imported.rules" 2>"$T/warnings" ||
		fail "import: $(cat "$T/warnings")"
}

# run_as UID NAME: a process of that name; its pid in $PID.
run_as() {
	chmod 755 "$T"
	[ -x "$T/bin/$2" ] || private_copy /bin/sleep "$2" >/dev/null
	setpriv --reuid "$1" --clear-groups "$T/bin/$2" 100 &
	PID=$!
	until [ "$(cat "/proc/$PID/comm")" = "${2:0:15}" ]; do pause; done
}

test_prefix_wildcard_fits_the_basename() {
	rules_from <<-END
		$TEST_UID:$T/bin/whole*  cpu  paths/
		$TEST_UID:vict*          cpu  prefix/
		$TEST_UID                cpu  rest/
	END
	start_rbced
	run_as $TEST_UID victim
	settled "$PID" prefix
	run_as $TEST_UID evict
	settled "$PID" rest
	run_as $TEST_UID whole-path
	settled "$PID" paths
}

test_ignore_of_one_process() {
	local ignored
	rules_from <<-END
		root:victim    cpu  *    ignore
		root:$T/bin/*  cpu  all/
	END
	start_rbced
	run_as 0 victim
	ignored=$PID
	run_as 0 other
	settled "$PID" all
	# It began later: the first one's turn has passed.
	equal "the ignored one" - "$(container_of "$ignored")"
	contains "why" '"verdict": "ignored"' "$(ctl explain "$ignored" --json)"
}

test_ignore_of_all_of_a_user() {
	local ignored
	rules_from <<-END
		$TEST_UID           *    *    ignore
		$TEST_UID:victim    cpu  all/
		$OTHER_UID          cpu  all/
	END
	start_rbced
	run_as $TEST_UID victim
	ignored=$PID
	run_as $OTHER_UID victim
	settled "$PID" all
	equal "the ignored one" - "$(container_of "$ignored")"
}

test_continuation_lines() {
	rules_from <<-END
		$TEST_UID:first   cpu     both/
		%                 memory  both/
		$TEST_UID:second  cpu     next/
	END
	equal "warnings" "" "$(cat "$T/warnings")"
	start_rbced
	run_as $TEST_UID first
	settled "$PID" both
	run_as $TEST_UID second
	settled "$PID" next
}

test_process_name_in_a_destination() {
	rules_from <<-END
		$TEST_UID:$T/bin/victim  cpu  x/%p
		$TEST_UID                cpu  users/%U/%p
	END
	start_rbced
	run_as $TEST_UID victim
	settled "$PID" x/victim
	run_as $TEST_UID "a long name with spaces"
	settled "$PID" "users/$TEST_UID/a long name with spaces"
}

# Of a user without a name, through a template with limits: there it crashed.
test_template() {
	rules_from <<-END
		$TEST_UID  cpu,pids  people/%u/%g
	END
	echo 'template people/%u/%g { pids { pids.max = 77; } }' >"$T/cgconfig.conf"
	"$BIN/rbcectl" import cgconfig "$T/cgconfig.conf" >"$T/rules/containers.rules" || fail "import"
	start_rbced
	run_as $TEST_UID victim
	settled "$PID" "people/$TEST_UID/root"
	equal "limit" 77 "$(cat "$(group_file pids pids.max pids.max "people/$TEST_UID/root")")"
}

# SIGUSR1 ended it. SIGUSR1 and SIGUSR2 are how its administrators have files read again.
test_user_signals() {
	local signal reloads=1
	rules_from <<<"$TEST_UID cpu before/"
	start_rbced
	run_as $TEST_UID victim
	settled "$PID" before
	for signal in USR1 USR2; do
		rules_from <<<"$TEST_UID cpu after-$signal/"
		kill -$signal "$RBCED"
		settled "$PID" after-$signal
		reloads=$((reloads + 1))
		equal "reloads after SIG$signal" $reloads "$(status rules.reloads)"
	done
	stop_rbced || fail "it ended with status $?"
}

# An empty line of the log for each event without a rule, said to be a change: none here.
test_silent_where_nothing_is_done() {
	rules_from <<<"$TEST_UID:victim cpu x/"
	start_rbced --verbose
	run_as $TEST_UID other
	run_as $TEST_UID victim
	settled "$PID" x
	grep -q "$T/bin/other" "$T/rbced.log" && fail "it speaks of a task that no rule matches"
	grep -q "$T/bin/victim" "$T/rbced.log" || fail "it does not speak of the one it moved"
}

# help_of PROGRAM: with the help of each of its commands.
help_of() {
	local command
	"$BIN/$1" --help
	for command in $("$BIN/$1" --help | sed -nE 's/^Usage:.*\| ([a-z]+) .*/\1/p; s/^  ([a-z]+) .*/\1/p'); do
		"$BIN/$1" "$command" --help 2>/dev/null
	done
}

test_every_option_of_the_manual_exists() {
	local program option n=0
	for program in rbced rbcectl containerstats ulimitx; do
		help_of $program >"$T/help"
		while read -r option; do
			n=$((n + 1))
			grep -q -- "-$option" "$T/help" || fail "$program has no -$option"
		done < <(grep -ohE '(Fl|,) -[a-z-]+' "man/$program".[18] | sed 's/.* //' | sort -u)
	done
	[ "$n" -gt 30 ] || fail "only $n options found in the manual"
}
