# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Checkpoints through swap: what is pushed out before the freeze is copied from where it lies, stays there, and
# is what the processes had.
# needs: root cgroup2 disk swap kernel-patched criu
# the same on every cgroup layout

ticks() {
	stat -c %s "$T/count$1"
}

beyond() {
	[ "$(ticks "$1")" -gt "$2" ]
}

# start MIB N [KEY=VALUE...]: a container of N processes with so much memory each, written once in 6 s.
start() {
	local mib=$1 n=$2 i
	shift 2
	for ((i = 1; i <= n; i++)); do : >"$T/count$i"; done
	# shellcheck disable=SC2016 # for that shell
	ctl create --detach --namespaces none one "$@" -- bash -c \
		'for ((i = 1; i <= $3; i++)); do "$1" dirty "$2" $(($2 / 6)) "$4$i" & done; wait' sh "$HELP/state" "$mib" "$n" "$T/count" ||
		fail "cannot start"
	for ((i = 1; i <= n; i++)); do wait_for 60 beyond "$i" 3; done
}

# all_right N: each looks at all of its memory, and finds it as it has left it.
all_right() {
	local i before=()
	for ((i = 1; i <= $1; i++)); do before[i]=$(ticks "$i"); done
	for ((i = 1; i <= $1; i++)); do wait_for 90 beyond "$i" $((before[i] + 75)); done
}

in_swap() {
	cat "/sys/fs/cgroup/$ROOT/one/memory.swap.current"
}

# through N [OPTION...]: a checkpoint; it runs on with what it had, and what was in swap is there still.
through() {
	local n=$1 swapped
	shift
	ctl checkpoint --through-swap --leave-running --json "$@" one "$T/image" >"$T/out" || fail "no checkpoint: $(tail -n 3 "$T"/*.log)"
	swapped=$(in_swap)
	figure "$(($(jq .ahead_bytes "$T/out") >> 20)) MiB ahead, of that $(($(jq .swapped_bytes "$T/out") >> 20)) from swap;" \
		"$(($(jq .memory_bytes "$T/out") >> 10)) KiB in $(($(jq .frozen_us "$T/out") / 1000)) ms; in swap then: $((swapped >> 20)) MiB"
	between "bytes from swap" $((16 << 20)) $((200 << 20)) "$(jq .swapped_bytes "$T/out")"
	between "bytes in swap after that" $((12 << 20)) $((200 << 20)) "$swapped"
	all_right "$n"
}

# It comes back out of that image as it was then.
comes_back() {
	ctl kill one
	ctl checkpoint verify "$T/image" || fail "the image is not whole"
	ctl restore one "$T/image" || fail "no restart"
	all_right "$1"
}

test_a_swap_file_of_its_own() {
	local folder
	folder=$(disk_folder) || skip "no file system for a swap file"
	start 40 1 "swap.device=$folder/own.swap 96M"
	through 1
	contains "swap in use" "$folder/own.swap" "$(cat /proc/swaps)"
	comes_back 1
}

test_the_swap_of_all_and_more_rounds() {
	start 20 3
	through 3 --pre-dump
	between "rounds" 2 6 "$(jq .rounds "$T/out")"
	comes_back 3
}

test_refused() {
	ctl checkpoint --through-swap --every 1s one "$T/image" 2>"$T/err" && fail "took --every"
	contains "reason" "of --every and --to or --through-swap, it takes one" "$(cat "$T/err")"
}
