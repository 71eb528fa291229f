# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The rule sets that are shipped, on real processes.
# needs: root cgroup
# the same on every cgroup layout

SETS=$PWD/rules/sets

# enforce SET: the daemon with that set, which sees nothing but this test's user.
enforce() {
	mkdir -p "$T/rules"
	cp "$SETS/$1.rules" "$T/rules/50-set.rules"
	printf '[rule not-of-this-test]\nuser = !%s\nignore = yes\n' "$TEST_UID" >"$T/rules/00-guard.rules"
	chmod 755 "$T"
	start_rbced
}

# as_user NAME: that program, really sleep, as the test's user; sets PID.
as_user() {
	private_copy /bin/sleep "$1" >/dev/null
	setpriv --reuid "$TEST_UID" --regid "$TEST_UID" --clear-groups "$T/bin/$1" 100 &
	PID=$!
}

limit() {
	cat "$(group_file pids pids.max pids.max "$1")"
}

test_login_node_in_force() {
	enforce login-node
	as_user cc1
	settled $PID "people/$TEST_UID/build"
	equal "tasks of a build" 400 "$(limit "people/$TEST_UID/build")"
	equal "tasks of a person" 1000 "$(limit "people/$TEST_UID")"
	as_user vim
	settled $PID "people/$TEST_UID/edit"
	as_user other
	settled $PID "people/$TEST_UID"
}

test_build_farm_in_force() {
	enforce build-farm
	as_user worker
	ctl tag $PID job-7 >/dev/null
	settled $PID farm/job-7
	equal "tasks of a job" 8000 "$(limit farm/job-7)"
	as_user ninja
	settled $PID "farm/user-$TEST_UID"
	equal "tasks without a tag" 4000 "$(limit "farm/user-$TEST_UID")"
}

test_workstation_in_force() {
	enforce workstation
	as_user make
	settled $PID builds
	equal "tasks of builds" 4000 "$(limit builds)"
	as_user firefox
	settled $PID apps/firefox
}

test_backup_in_force() {
	local share
	enforce backup
	as_user borg
	settled $PID backup
	share=$(group_file blkio blkio.bfq.weight io.weight backup)
	if [ -e "$share" ]; then
		equal "share of the disk" 20 "$(grep -o '[0-9]*' "$share" | head -n 1)"
	else
		contains "what the daemon says" "cannot set 'io.weight'" "$(cat "$T/rbced.log")"
	fi
	wait_for 15 sh -c "[ \"\$(ionice -p $PID)\" = idle ]"
	as_user rsyslogd
	settled $PID backup/journal
}
