# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The account of a machine whose clock is set, and that sleeps: what is told is the time that passed.
# needs: root cgroup guest
# the same on every cgroup layout

# shellcheck source=tests/functional/record.sh
. tests/functional/record.sh

ticks_of_now() {
	[ "$(sqlite3 "$T/db" "SELECT count(*) FROM ticks WHERE time BETWEEN unixepoch() - 60 AND unixepoch() + 60")" -ge "$1" ]
}

# Seconds that this machine has run, without those in which it was suspended; slept: the latter.
awake() {
	"$HELP/inside" clock | awk '{ print $1 }'
}
slept() {
	"$HELP/inside" clock | awk '{ print $2 - $1 }'
}

begin_record() {
	start_hog
	"$T/bin/hog" 200 >/dev/null &
	settled $! busy
	BEGAN=$(awake)
	start_recorder "$T/db" --shares 500ms
	wait_for 40 ticks_of_now 8
}

# tells_no_more_than SECONDS: of time and of CPU time.
tells_no_more_than() {
	local sum
	for sum in "sum(period) FROM usage WHERE container = 'busy'" "sum(cpu_seconds) FROM v_cpu WHERE container = 'busy'" \
		"sum(period) FROM v_cpu_shares WHERE container = 'busy' AND cpu IS NULL" "max(period) FROM v_cpus" \
		"max(period) FROM v_exit_counts" "sum(period) FROM v_cpus WHERE cpu = 0"; do
		between "$sum" 0 "$1" "$(sqlite3 "$T/db" "SELECT coalesce(CAST(${sum/ FROM/ AS INTEGER), 0) FROM}")"
	done
	equal "checked" ok "$("$BIN/containerstats" check --db "$T/db")"
}

test_clock_set() {
	begin_record
	date -s '+1 hour' >/dev/null
	wait_for 40 ticks_of_now 8
	date -s '-1 hour' >/dev/null
	date -s '-1 day' >/dev/null
	wait_for 40 ticks_of_now 8
	date -s '+1 day' >/dev/null
	wait_for 40 ticks_of_now 8
	end_recorder
	tells_no_more_than $(($(awake) - BEGAN + 2))
	[ "$(sqlite3 "$T/db" "SELECT count(*) FROM v_cpu_shares WHERE container = 'busy' AND time < unixepoch() - 80000")" -ge 2 ] ||
		fail "how the CPUs were shared is not told after the clock was set back"
}
