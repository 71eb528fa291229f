# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Consoles of containers.
# needs: root cgroup
# the same on every cgroup layout

# start COMMAND...: in a container with a console.
start() {
	ctl create --console --overlay "${SIZE[@]}" box -- "$@" || fail "cannot create"
}
SIZE=()

log_has() {
	[[ $(ctl console --log box 2>&1) == *"$1"* ]]
}

test_terminal_inside() {
	start sh -c 'tty; test -c /dev/console && echo a console; read line; echo "heard $line"; exec sleep 1000'
	wait_for 10 log_has "a console"
	contains "the terminal" /dev/pts/0 "$(ctl console --log box)"
	echo hello | timeout 2 "$BIN/rbcectl" console --root "$ROOT" box >"$T/out"
	wait_for 10 log_has "heard hello"
	contains "what was shown" "a console" "$(cat "$T/out")"
	contains "nothing of it" "it has no console" "$(ctl console other 2>&1)"
}

# What is kept, whoever looks, and that it is kept by no daemon.
test_kept_over_a_restart() {
	write_rules </dev/null
	start_rbced
	start sh -c 'head -c 200000 /dev/zero | tr "\0" x; echo; echo last words; exec sleep 1000'
	wait_for 20 log_has "last words"
	stop_rbced || fail "rbced ended badly"
	start_rbced
	equal "bytes that are kept" 65536 "$(ctl console --log box | wc -c)"
	ctl console --log --clear box >/dev/null
	equal "bytes after it was cleared" 0 "$(ctl console --log box | wc -c)"
}

test_size() {
	SIZE=(--console-size 8K)
	start sh -c 'head -c 200000 /dev/zero | tr "\0" x; echo; echo last words; exec sleep 1000'
	wait_for 20 log_has "last words"
	equal "bytes that are kept" 8192 "$(ctl console --log box | wc -c)"
}

# Much more than is kept goes to two readers; every byte gets there, in order, and none is kept longer.
# RBCE_CONSOLE_BYTES is how much.
test_nothing_is_lost() {
	local last=$((100000000 + ${RBCE_CONSOLE_BYTES:-67108864} / 10)) i pids=() before
	start sh -c "stty raw; read go; seq 100000001 $last; read go"
	for i in 1 2; do
		"$BIN/rbcectl" console --root "$ROOT" --read-only box | tr -cd 0-9 | tee >(wc -c >"$T/bytes.$i") | md5sum >"$T/$i" &
		pids+=($!)
	done
	wait_for 10 attached 2
	before=$(keeper_peak)
	echo | timeout 3 "$BIN/rbcectl" console --root "$ROOT" box >/dev/null
	wait_for 300 log_has "$last"
	wait_for 100 keeper_idle
	between "most memory of the keeper, KiB" "$before" $((before + 1024)) "$(keeper_peak)"
	echo | timeout 3 "$BIN/rbcectl" console --root "$ROOT" --take box >/dev/null
	wait "${pids[@]}"
	wait_for 10 test -s "$T/bytes.1" -a -s "$T/bytes.2"
	equal "bytes that each got" "$(((last - 100000000) * 9)) $(((last - 100000000) * 9))" "$(cat "$T"/bytes.[12] | xargs)"
	seq 100000001 "$last" | tr -cd 0-9 | md5sum >"$T/sent"
	equal "what each got" "$(cat "$T/sent" "$T/sent")" "$(cat "$T/1" "$T/2")"
	figure "$((${RBCE_CONSOLE_BYTES:-67108864} / 1000000)) MB to two readers, keeper $before KiB before, $(cat "$T/peak") KiB at most"
}

keeper() {
	pgrep -o -f "rbcectl create --root $ROOT "
}

keeper_peak() {
	awk '/^VmHWM/ { print $2 }' "/proc/$(keeper)/status" | tee "$T/peak"
}

attached() {
	[ "$(ls "/proc/$(keeper)/fd" | wc -l)" -ge $((7 + $1)) ]
}

# The container waits at its second `read` when all is out.
keeper_idle() {
	local first
	first=$(awk '{ print $14 + $15 }' "/proc/$(keeper)/stat")
	sleep 0.3
	[ "$first" = "$(awk '{ print $14 + $15 }' "/proc/$(keeper)/stat")" ]
}

# One types; another may take over.
test_one_types() {
	local first
	start cat
	mkfifo "$T/first"
	"$BIN/rbcectl" console --root "$ROOT" box <"$T/first" >"$T/shown" &
	exec 9>"$T/first"
	echo one >&9
	wait_for 10 log_has one
	echo two | timeout 2 "$BIN/rbcectl" console --root "$ROOT" box >/dev/null
	[[ $(ctl console --log box) != *two* ]] || fail "two typed at once"
	echo three | timeout 2 "$BIN/rbcectl" console --root "$ROOT" --take box >/dev/null
	wait_for 10 log_has three
	echo four >&9
	first=$(ctl console --log box)
	[[ $first != *four* ]] || fail "the first types still"
	exec 9>&-
}

# A terminal's size is the container's, and Ctrl-] leaves it running.
test_window_and_detach() {
	start sh -c 'while read x; do stty size; done'
	{ sleep 1; printf 'x\r'; sleep 1; printf '\035'; } | timeout 20 script -qec "stty rows 21 cols 43; $BIN/rbcectl console --root $ROOT box" /dev/null >"$T/out"
	wait_for 10 log_has "21 43"
	ctl kill box
}

# A getty runs on it.
test_getty() {
	command -v agetty >/dev/null || skip "no agetty"
	ctl create --console --overlay box namespace.caps=all -- agetty --noclear --skip-login --login-program /bin/sh console linux || fail "cannot create"
	wait_for 20 typed_and_done
}

# What is typed before the terminal is set up is thrown away.
typed_and_done() {
	echo 'echo logged $((1 + 1)) in' | timeout 1 "$BIN/rbcectl" console --root "$ROOT" box >"$T/out"
	log_has "logged 2 in"
}

test_end() {
	local pid
	start sh -c 'read go; echo bye'
	"$BIN/rbcectl" console --root "$ROOT" --read-only box >"$T/out" &
	pid=$!
	wait_for 10 attached 1
	echo | timeout 3 "$BIN/rbcectl" console --root "$ROOT" box >/dev/null
	wait "$pid" || fail "exit status $?"
	contains "last words" bye "$(cat "$T/out")"
	wait_for 5 no_socket
}

# Who kills what a keeper left takes its socket along.
test_keeper_killed() {
	local pid
	start sleep 1000
	pid=$(keeper)
	kill -KILL "$pid"
	wait_for 10 nothing_runs
	[ -e "/run/rbce/$ROOT.console/box" ] || fail "no socket is left"
	contains "a console of nobody" "cannot" "$(ctl console --log box 2>&1)"
	ctl kill --all || fail "cannot kill"
	no_socket || fail "its socket is left"
}

nothing_runs() {
	[ "$(ctl ps --json | jq '.tasks | length')" = 0 ]
}

no_socket() {
	[ ! -e "/run/rbce/$ROOT.console" ]
}
