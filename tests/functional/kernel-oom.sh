# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Our kernel's memory.oom.delay: the OOM killer waits for user space, and nothing gets stuck by it.
# needs: root cgroup2 kernel-patched guest

MAX=$((16 << 20))
RESERVE=$((MAX / 8))

# hungry DELAY WHAT MIB [WORKERS]: a container of 16 MiB with that delay, and in it one who wants more.
# Sets GROUP, and PID to the first of its processes.
hungry() {
	write_rules <<-END
		[container small]
		memory.max = 16M
		swap.max = 0
		oom.delay = $1
	END
	start_rbced
	shift
	"$BIN/rbcectl" run --root "$ROOT" small -- "$HELP/fill" "$@" >"$T/out" 2>"$T/err" &
	PID=$!
	GROUP=/sys/fs/cgroup/$ROOT/small
}

# event NAME: how often it came.
event() {
	awk -v name="$1" '$1 == name { print $2 }' "$GROUP/memory.events"
}

waits() {
	[ -e "$GROUP/memory.events" ] && [ "$(event oom_delayed)" -gt 0 ]
}

is_full() {
	grep -qx full "$T/out"
}

# ended_by_the_kernel PID
ended_by_the_kernel() {
	wait "$1"
	equal "how it ended" 137 $?
}

limit_held() {
	between "peak of a group of 16 MiB" $MAX $((MAX + RESERVE)) "$(cat "$GROUP/memory.peak")"
}

test_killed_after_the_delay_without_a_handler() {
	local begun=$EPOCHREALTIME seen
	hungry 3s anon 64
	wait_for 60 waits
	seen=$EPOCHREALTIME
	ended_by_the_kernel $PID
	between "microseconds from before its wait to the end" 3000000 90000000 $((${EPOCHREALTIME/./} - ${begun/./}))
	figure "killed $(((${EPOCHREALTIME/./} - ${seen/./}) / 1000)) ms after its wait was seen"
	equal "kills" 1 "$(event oom_kill)"
	limit_held
}

test_a_handler_that_raises_the_limit_saves_it() {
	hungry max anon 64
	wait_for 60 waits
	contains "its command line" fill "$(tr '\0' ' ' <"/proc/$PID/cmdline")"
	contains "its maps" fill "$(cat "/proc/$PID/maps")"
	contains "where it waits" oom_delay "$(cat "/proc/$PID/wchan")"
	# Who sets everything anew, as a daemon that starts, does not bring the kill forward.
	echo $MAX >"$GROUP/memory.max"
	equal "kills" 0 "$(event oom_kill)"
	ctl set small memory.max=128M || fail "cannot raise the limit"
	wait_for 60 is_full
	equal "kills" 0 "$(event oom_kill)"
}

test_freed_memory_ends_the_wait() {
	hungry max anon 10
	wait_for 60 is_full
	"$BIN/rbcectl" run --root "$ROOT" small -- "$HELP/fill" anon 10 >"$T/second" 2>&1 &
	wait_for 60 waits
	kill -KILL $PID
	wait_for 60 grep -qx full "$T/second"
	equal "kills" 0 "$(event oom_kill)"
}

test_max_and_then_0_kills_at_once() {
	hungry max anon 64
	wait_for 60 waits
	echo 0 >"$GROUP/memory.oom.delay"
	ended_by_the_kernel $PID
	equal "kills" 1 "$(event oom_kill)"
}

test_64_hogs_stay_within_the_reserve() {
	hungry max anon 4 64
	wait_for 120 waits
	sleep 2
	equal "kills" 0 "$(event oom_kill)"
	limit_held
	figure "64 hogs in 16 MiB: $(($(cat "$GROUP/memory.peak") - MAX)) bytes above"
	ctl set small memory.max=512M || fail "cannot raise the limit"
	wait_for 120 all_are_full 64
}

all_are_full() {
	[ "$(grep -cx full "$T/out")" = "$1" ]
}

test_files_in_memory_wait_too() {
	hungry max tmpfs 64
	wait_for 60 waits
	limit_held
	equal "kills" 0 "$(event oom_kill)"
	ctl set small memory.max=128M
	wait_for 60 is_full
}

# Pages that cannot be dropped, as they are locked.
test_files_on_a_disk_wait_too() {
	local disk
	disk=$(disk_folder) || skip "no disk"
	hungry max "$disk/file" 64
	wait_for 60 waits
	limit_held
	equal "kills" 0 "$(event oom_kill)"
	ctl set small memory.max=128M
	wait_for 60 is_full
	# The disk is another test's then.
	ctl kill small
}

test_memory_of_the_kernel_waits_too() {
	hungry max pipe 64
	wait_for 60 waits
	limit_held
	equal "kills" 0 "$(event oom_kill)"
	ctl set small memory.max=128M
	wait_for 60 is_full
}

# The kernel's workers never return to user mode: they use the reserve up, and then it is as without.
test_workers_of_io_uring_are_bounded() {
	hungry max uring 64
	wait_for 60 waits
	ended_by_the_kernel $PID
	limit_held
}

test_signals_and_the_freezer_reach_those_who_wait() {
	hungry max anon 64
	wait_for 60 waits
	ctl freeze small || fail "cannot freeze"
	equal "frozen" "frozen 1" "$(grep frozen "$GROUP/cgroup.events")"
	ctl thaw small || fail "cannot thaw"
	kill -STOP $PID
	wait_for 20 grep -q '^State:.T' "/proc/$PID/status"
	kill -CONT $PID
	kill -TERM $PID
	wait $PID
	equal "how it ended" 143 $?
	equal "kills" 0 "$(event oom_kill)"
}

test_a_task_that_moves_out_goes_on() {
	hungry max anon 64
	wait_for 60 waits
	ctl run other -- true
	echo $PID >"/sys/fs/cgroup/$ROOT/other/cgroup.procs"
	wait_for 60 is_full
}

# For all who wait one is killed, which may be one that has all it wants, and they get its memory.
test_one_kill_for_each_delay() {
	hungry 1s anon 7 3
	wait_for 60 waits
	wait_for 60 killed_and_full
	equal "kills" 1 "$(event oom_kill)"
}

killed_and_full() {
	[ "$(event oom_kill)" -ge 1 ] && [ "$(grep -cx full "$T/out")" -ge 2 ]
}

# waiting: how many tasks of the group wait for the kill.
waiting() {
	local pid n=0
	while read -r pid; do
		! grep -q oom_delay "/proc/$pid/wchan" 2>/dev/null || n=$((n + 1))
	done <"$GROUP/cgroup.procs"
	echo $n
}

# What it began does not matter, nor that nobody comes after it: the kernel keeps the time.
test_nobody_is_stuck_when_the_handler_dies() {
	printf '#!/bin/sh\necho $$ >%s\nexec sleep 1000\n' "$T/asked" >"$T/hook"
	chmod 755 "$T/hook"
	write_rules <<-END
		[container small]
		memory.max = 16M
		swap.max = 0
		oom.delay = 5s
		oom.policy = hook $T/hook for 1000s
	END
	start_rbced
	GROUP=/sys/fs/cgroup/$ROOT/small
	"$BIN/rbcectl" run --root "$ROOT" small -- "$HELP/fill" anon 7 3 >"$T/out" 2>&1 &
	wait_for 60 test -s "$T/asked"
	kill -KILL "$RBCED" "$(cat "$T/asked")"
	wait "$RBCED"
	RBCED=
	wait_for 60 killed_and_full
	equal "kills" 1 "$(event oom_kill)"
	equal "those who wait still" 0 "$(waiting)"
	limit_held
}

# The whole system's OOM killer takes who waits, and that one dies at once.
test_oom_of_the_system_does_not_wait() {
	hungry max anon 64
	wait_for 60 waits
	echo 1000 >"/proc/$PID/oom_score_adj"
	echo f >/proc/sysrq-trigger
	ended_by_the_kernel $PID
	equal "delay, which nobody changed" max "$(cat "$GROUP/memory.oom.delay")"
}
