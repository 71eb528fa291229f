# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# ulimitx run by an ordinary user, who asks rbced for the container.
# needs: root cgroup
# the same on both as on v1

# The sources may lie where the user may not look.
user_programs() {
	mkdir -p "$T/bin"
	cp "$BIN"/ulimitx "$BIN"/ulimitx-run "$HELP"/hog "$T/bin"
	chmod 755 "$T"
}

jobs_rules() {
	write_rules <<-END
		[container people/one]
		pids.max = 50
		jobs = $1
		[container people/other]
		pids.max = 50
	END
}

# as_user [CONTAINER] ARGUMENT...: ulimitx run as the test user, from that container.
as_user() {
	local container=$1
	shift
	ctl run "$container" -- setpriv --reuid "$TEST_UID" --clear-groups "$T/bin/ulimitx" run --root "$ROOT" "$@"
}

job_groups() {
	compgen -G "/sys/fs/cgroup/$ROOT/people/*/job-*"
	compgen -G "/sys/fs/cgroup/*/$ROOT/people/*/job-*"
}

no_job() {
	[ -z "$(job_groups)" ]
}

prepare() {
	user_programs
	jobs_rules "$TEST_UID"
	start_rbced
}

test_limits_hold_and_end() {
	prepare
	as_user people/one memory.max=64M pids.max=20 -- "$T/bin/ulimitx" --raw memory.max pids.max >"$T/out" 2>"$T/err" ||
		fail "the job failed: $(cat "$T/err")"
	contains "memory" "67108864" "$(grep '^memory.max' "$T/out")"
	contains "who" "/$ROOT/people/one/job-$TEST_UID-" "$(grep '^memory.max' "$T/out")"
	contains "tasks" " 20 " "$(grep '^pids.max' "$T/out")"
	no_job || fail "a container stayed: $(job_groups)"
	# What holds above holds in the job, whatever it asks for.
	as_user people/one pids.max=1000 -- "$T/bin/ulimitx" --raw pids.max >"$T/out" || fail "the job failed"
	contains "the container's own" " 50 " "$(grep '^pids.max' "$T/out")"
	as_user people/one -- sh -c 'exit 7'
	equal "status" 7 $?
	# shellcheck disable=SC2016 # for that shell
	as_user people/one -- sh -c 'kill -TERM $$'
	equal "a job that a signal ends" $((128 + 15)) $?
	equal "the ids" "$TEST_UID" "$(as_user people/one -- id -u)"
}

test_who_may_not() {
	prepare
	as_user people/other -- true 2>"$T/err"
	equal "status" 1 $?
	equal "a container that lets nobody" "ulimitx run: cannot run a job: the rules of container 'people/other' do not let user '$TEST_UID' (key jobs)" "$(cat "$T/err")"
	ctl run people/one -- setpriv --reuid "$OTHER_UID" --clear-groups "$T/bin/ulimitx" run --root "$ROOT" -- true 2>"$T/err"
	contains "another user" "do not let user '$OTHER_UID'" "$(cat "$T/err")"
	setpriv --reuid "$TEST_UID" --clear-groups "$T/bin/ulimitx" run --root "$ROOT" -- true 2>"$T/err"
	contains "outside" "stands in no container" "$(cat "$T/err")"
	as_user people/one cpu.weight=1000 -- true 2>"$T/err"
	equal "no limit" "ulimitx run: cannot set 'cpu.weight': a job of a user's has limits alone" "$(cat "$T/err")"
	as_user people/one freeze=yes -- true 2>"$T/err"
	contains "no limit either" "cannot set 'freeze'" "$(cat "$T/err")"
	no_job || fail "a container stayed: $(job_groups)"
	stop_rbced
	unset RBCED
	setpriv --reuid "$TEST_UID" --clear-groups "$T/bin/ulimitx" run --root "$ROOT" -- true 2>"$T/err"
	equal "nobody to ask" "ulimitx run: cannot reach rbced on root '$ROOT': it is not running" "$(cat "$T/err")"
}

test_what_is_left_is_killed() {
	prepare
	# shellcheck disable=SC2016 # for that shell
	as_user people/one -- sh -c 'sleep 1000 & echo $!' >"$T/out" 2>"$T/err"
	[ ! -d "/proc/$(cat "$T/out")" ] || [ "$(awk '{ print $3 }' "/proc/$(cat "$T/out")/stat")" = Z ] || fail "it lives"
	contains "said" "1 process of the job left, killed" "$(cat "$T/err")"
	no_job || fail "a container stayed: $(job_groups)"
}

# Whoever waits for the job is killed: the daemon sees its leash go, and ends the job.
test_the_leash() {
	local waiter
	prepare
	as_user people/one -- sh -c 'sleep 1000 & echo ready; sleep 1000' >"$T/out" 2>"$T/err" &
	wait_for 15 grep -q ready "$T/out"
	waiter=$(pgrep -u "$TEST_UID" -x ulimitx-run)
	kill -KILL "$waiter"
	wait_for 15 no_job
	wait_for 15 eval '! pgrep -u "$TEST_UID"'
}

test_signals_are_passed_on() {
	prepare
	# shellcheck disable=SC2016 # for that shell
	as_user people/one -- sh -c 'trap "echo told; exit 5" USR1; echo ready; while :; do sleep 0.05; done' >"$T/out" &
	wait_for 15 grep -q ready "$T/out"
	kill -USR1 "$(pgrep -u "$TEST_UID" -x ulimitx-run)"
	wait $!
	equal "status" 5 $?
	contains "the trap" told "$(cat "$T/out")"
}

test_time() {
	prepare
	as_user people/one --time cpu.max=20% -- "$T/bin/hog" 1 >/dev/null 2>"$T/err" || fail "the job failed: $(cat "$T/err")"
	for what in elapsed "CPU user" "CPU system" "peak memory" "times throttled"; do
		grep -q "^$what  *[0-9]" "$T/err" || fail "no '$what' in: $(cat "$T/err")"
	done
}

# A job in a job, and another daemon meanwhile.
test_nested_and_over_a_restart() {
	local waiter
	prepare
	as_user people/one pids.max=40 -- "$T/bin/ulimitx" run --root "$ROOT" pids.max=30 -- "$T/bin/ulimitx" --raw --explain pids.max >"$T/out" 2>"$T/err" ||
		fail "the job in a job failed: $(cat "$T/err")"
	contains "both" "job-$TEST_UID-" "$(grep " 40 " "$T/out")"
	no_job || fail "a container stayed: $(job_groups)"
	mkfifo "$T/go"
	as_user people/one -- sh -c "sleep 1000 & echo ready; read x <'$T/go'" >"$T/out" 2>"$T/err" &
	waiter=$!
	wait_for 15 grep -q ready "$T/out"
	stop_rbced
	start_rbced
	echo >"$T/go"
	wait $waiter || fail "the job failed: $(cat "$T/err")"
	no_job || fail "a container stayed: $(job_groups)"
}
