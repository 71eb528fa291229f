# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What may go wrong around the daemon, and classification goes on.
# needs: root cgroup
# the same on every cgroup layout

# Fifty processes get where they belong, and end.
fifty_are_placed() {
	local i pids=()
	for ((i = 0; i < 50; i++)); do
		"$T/bin/victim" 60 &
		pids+=($!)
	done
	all_there() { [ "$(wrong_places victims "${pids[@]}")" -eq 0 ]; }
	wait_for 10 all_there
	kill "${pids[@]}"
	wait "${pids[@]}" 2>/dev/null || true
}

# A pipe takes 64 KiB and then holds the writer.
test_nobody_reads_the_log() {
	victims_rule
	mkfifo "$T/log"
	tail -f /dev/null <"$T/log" &
	"$BIN/rbced" --foreground --verbose --rules "$T/rules" --root "$ROOT" ${RBCE_SOURCE:+--source "$RBCE_SOURCE"} 2>"$T/log" &
	RBCED=$!
	wait_for 10 daemon_answers
	# Far more than the pipe and the daemon itself hold back: 1,024 lines.
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do fifty_are_placed; done
	stop_rbced || fail "it ended with status $?"
}

test_the_disk_of_the_log_is_full() {
	victims_rule
	"$BIN/rbced" --foreground --verbose --rules "$T/rules" --root "$ROOT" ${RBCE_SOURCE:+--source "$RBCE_SOURCE"} 2>/dev/full &
	RBCED=$!
	wait_for 10 daemon_answers
	fifty_are_placed
	stop_rbced || fail "it ended with status $?"
}

# Its own state, in /run, cannot be written either.
test_the_disk_of_the_state_is_full() {
	victims_rule
	# shellcheck disable=SC2016
	unshare --mount sh -c '
		mount -t tmpfs -o size=16k tmpfs /run && shift && exec "$@"' sh 0 \
		"$BIN/rbced" --foreground --rules "$T/rules" --root "$ROOT" \
		${RBCE_SOURCE:+--source "$RBCE_SOURCE"} 2>>"$T/rbced.log" &
	RBCED=$!
	in_its_run() { nsenter --mount --target "$RBCED" "$@"; }
	answers_there() { in_its_run "$BIN/rbcectl" status --root "$ROOT" >/dev/null 2>&1; }
	wait_for 10 answers_there
	in_its_run sh -c 'cat /dev/zero >/run/filler' 2>/dev/null
	"$T/bin/victim" 60 &
	in_its_run "$BIN/rbcectl" classify --root "$ROOT" $! elsewhere >/dev/null ||
		fail "a task cannot be placed by hand"
	settled $! elsewhere
	fifty_are_placed
	contains "log" "cannot write '/run/rbce/$ROOT.manual': No space left on device" "$(cat "$T/rbced.log")"
}

# It connects, asks for much, and never reads.
test_a_client_that_never_reads() {
	local i
	victims_rule
	start_rbced
	for ((i = 0; i < 20; i++)); do
		python3 -c '
import socket, sys, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect(sys.argv[1])
if int(sys.argv[2]) % 2: s.send(b"{\"verb\":\"rules\"}")
time.sleep(60)' "/run/rbce/$ROOT.sock" $i &
	done
	fifty_are_placed
	daemon_answers || fail "it does not answer others"
}

# Containers named after users get the user's number meanwhile.
test_a_name_service_that_never_answers() {
	victims_rule
	cat >>"$T/rules/test.rules" <<-END
		[rule users]
		order = 0
		user = $TEST_UID
		exe = $T/bin/victim
		container = users/%u
	END
	printf 'passwd: files hang\ngroup: files\n' >"$T/nsswitch.conf"
	cp "$HELP/libnss_hang.so.2" "$T/"
	# shellcheck disable=SC2016
	LD_LIBRARY_PATH=$T unshare --mount sh -c 'mount --bind "$1" /etc/nsswitch.conf && shift && exec "$@"' sh \
		"$T/nsswitch.conf" "$BIN/rbced" --foreground --rules "$T/rules" --root "$ROOT" \
		${RBCE_SOURCE:+--source "$RBCE_SOURCE"} 2>>"$T/rbced.log" &
	RBCED=$!
	wait_for 10 daemon_answers
	setpriv --reuid $TEST_UID --clear-groups "$T/bin/victim" 60 &
	settled $! "users/$TEST_UID"
	fifty_are_placed
	contains "log" "the name service does not answer" "$(cat "$T/rbced.log")"
}

# The mark is refused, as a security module may do: Linux's fanotify_mark is call 301.
test_a_refused_mark() {
	victims_rule
	mkdir "$T/mount" && mount -t tmpfs tmpfs "$T/mount"
	"$HELP/refuse" 301 13 "$BIN/rbced" --foreground --rules "$T/rules" --root "$ROOT" --gate "$T/mount" \
		${RBCE_SOURCE:+--source "$RBCE_SOURCE"} 2>>"$T/rbced.log" &
	RBCED=$!
	wait_for 10 daemon_answers
	equal "state" unavailable "$(status gate.state)"
	contains "log" "cannot hold '$T/mount': Permission denied" "$(cat "$T/rbced.log")"
	equal "lines" 1 "$(grep -c gate: "$T/rbced.log")"
	fifty_are_placed
}

test_no_privilege_for_the_gate() {
	victims_rule
	mkdir "$T/mount" && mount -t tmpfs tmpfs "$T/mount"
	setpriv --bounding-set -sys_admin --inh-caps -sys_admin "$BIN/rbced" --foreground --rules "$T/rules" --root "$ROOT" \
		--gate "$T/mount" ${RBCE_SOURCE:+--source "$RBCE_SOURCE"} 2>>"$T/rbced.log" &
	RBCED=$!
	wait_for 10 daemon_answers
	equal "state" unavailable "$(status gate.state)"
	contains "log" "it needs CAP_SYS_ADMIN, or a security module forbids it" "$(cat "$T/rbced.log")"
	fifty_are_placed
}
