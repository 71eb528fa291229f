# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The account of a machine that is suspended, and that its clock wakes.
# needs: root cgroup guest suspend
# the same on every cgroup layout

# shellcheck source=tests/functional/record-clock.sh
. tests/functional/record-clock.sh

# suspended SECONDS: the whole machine, for so long.
suspended() {
	echo 0 >/sys/class/rtc/rtc0/wakealarm
	echo "+$1" >/sys/class/rtc/rtc0/wakealarm
	echo mem >/sys/power/state || fail "this machine cannot be suspended"
}

test_what_was_slept_is_nobodys() {
	local before
	begin_record
	before=$(slept)
	suspended 30
	between "seconds suspended" 20 40 $(($(slept) - before))
	wait_for 40 ticks_of_now 8
	end_recorder
	tells_no_more_than $(($(awake) - BEGAN + 2))
}
