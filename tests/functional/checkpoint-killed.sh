# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# rbcectl or the engine is killed in the midst of a checkpoint: the container runs on, or its image is
# whole and it is restored from there.
# needs: root cgroup criu
# the same on every cgroup layout

start_counter() {
	: >"$T/count"
	ctl create --detach --namespaces none one -- "$HELP/state" count "$T/count" || fail "cannot start"
	wait_for 60 test -s "$T/count"
}

count() {
	wc -c <"$T/count"
}

beyond() {
	[ "$(count)" -gt "$1" ]
}

# runs_or_restored WHEN: whatever has the image's name is whole, and the container counts on. Sets ran and
# restored.
ran=0 restored=0
runs_or_restored() {
	local before
	if [ -e "$T/image" ]; then
		ctl checkpoint verify "$T/image" || fail "$1: half an image"
	fi
	before=$(count)
	if [ "$(ctl ps --json one 2>/dev/null | jq '.tasks | length')" = 1 ]; then
		wait_for 60 beyond "$before"
		ran=$((ran + 1))
	else
		[ -e "$T/image" ] || fail "$1: neither a container nor an image"
		ctl restore one "$T/image" || fail "$1: no restart"
		wait_for 60 beyond "$before"
		restored=$((restored + 1))
	fi
	rm -rf "$T/image"
}

# Without the tracer no system call is stopped at: as many as it makes.
test_rbcectl_killed() {
	local total n
	start_counter
	total=$("$HELP/killat" 1000000 first "$BIN/rbcectl" checkpoint --root "$ROOT" --leave-running one "$T/image" | tail -n 1 | tr -dc 0-9)
	rm -rf "$T/image"
	between "system calls" 100 100000 "$total"
	for ((n = 1; n <= 10; n++)); do
		"$HELP/killat" $((total * n / 11)) first "$BIN/rbcectl" checkpoint --root "$ROOT" one "$T/image" >/dev/null 2>&1
		runs_or_restored "call $((total * n / 11)) of $total"
	done
	figure "it ran on $ran times, and was restored $restored times"
}

# In place of criu: an engine that is ended at its system call KILL_AT, and not while a process is in the midst
# of one for it: that it would take along, which rbce-checkpoint(7) says.
make_engine() {
	mkdir "$T/bin"
	cat >"$T/bin/criu" <<-END
		#!/bin/sh
		exec "$HELP/killat" "\$KILL_AT" first /usr/sbin/criu "\$@" >"$T/calls"
	END
	chmod +x "$T/bin/criu"
}

test_engine_killed() {
	local n total
	start_counter
	make_engine
	PATH=$T/bin:$PATH KILL_AT=1000000 "$BIN/rbcectl" checkpoint --root "$ROOT" --leave-running one "$T/image" >/dev/null || fail "no checkpoint"
	total=$(tail -n 1 "$T/calls" | tr -dc 0-9)
	rm -rf "$T/image"
	between "system calls" 100 1000000 "$total"
	for ((n = 1; n <= 10; n++)); do
		PATH=$T/bin:$PATH KILL_AT=$((total * n / 11)) "$BIN/rbcectl" checkpoint --root "$ROOT" one "$T/image" >/dev/null 2>&1
		runs_or_restored "call $((total * n / 11)) of $total"
	done
	figure "of $total calls; it ran on $ran times, and was restored $restored times"
}

# In place of criu: the engine waits to be let go.
make_engine_wait() {
	mkdir "$T/bin"
	mkfifo "$T/go"
	cat >"$T/bin/criu" <<-END
		#!/bin/sh
		echo \$\$ >"$T/engine"
		read -r _ <"$T/go"
		exec /usr/sbin/criu "\$@"
	END
	chmod +x "$T/bin/criu"
}

gone() {
	! kill -0 "$1" 2>/dev/null
}

# What asks rbcectl to end, from its terminal or not, is nothing to the engine: ended in the midst of its
# work, it might take a process along.
test_rbcectl_asked_to_end() {
	local pid engine
	start_counter
	make_engine_wait
	PATH=$T/bin:$PATH setsid "$BIN/rbcectl" checkpoint --root "$ROOT" one "$T/image" >/dev/null 2>&1 &
	pid=$!
	wait_for 60 test -s "$T/engine"
	engine=$(cat "$T/engine")
	equal "what the kernel thinks of ending it" -1000 "$(cat "/proc/$engine/oom_score_adj")"
	kill -HUP -- "-$pid"
	wait $pid
	equal "how rbcectl ended" $((128 + 1)) $?
	for signal in HUP INT QUIT TERM; do kill -$signal "$engine" || fail "the engine has ended with rbcectl"; done
	echo >"$T/go"
	wait_for 60 gone "$engine"
	runs_or_restored "rbcectl asked to end"
	equal "how often it ran on" 1 "$ran"
}
