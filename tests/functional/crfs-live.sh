# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# crfs on images that the engine makes now, and copies that take checkpoints.
# needs: root cgroup criu
# the same on every cgroup layout

COMPARE=$PWD/tests/functional/helpers/crfs-compare

# dump PID [OPTION...]: an image of it in $T/image; it ends. It is shown, and compared with what crit decodes.
dump() {
	mkdir -p "$T/image" "$T/mount"
	criu dump -t "$1" -D "$T/image" -o dump.log -v4 "${@:2}" || fail "no image: $(grep -E "Error|Warn" "$T/image/dump.log" | tail -n 8)"
	"$BIN/rbcectl" crfs "$T/image" "$T/mount" || fail "not shown"
	"$COMPARE" "$T/image" "$T/mount" >"$T/said" || fail "see above"
	figure "$(cat "$T/said")"
}

# detached COMMAND...: in a session of its own; its pid is $PID.
detached() {
	setsid "$@" </dev/null >"$T/out" 2>&1 &
	PID=$!
}

test_much_state() {
	ip link set lo up
	detached unshare --ipc --uts "$HELP/image" "$T/ready"
	wait_for 60 test -e "$T/ready"
	dump "$PID" --ghost-limit 1M
	equal "segment" "0x00001234 12288" "$(awk 'NR == 2 { printf "0x%08x %s", $1, $4 }' "$T/mount/sysv.shm")"
	umount "$T/mount"
}

test_processes_of_all_days() {
	# shellcheck disable=SC2016 # for that shell
	detached bash -c 'mkfifo "$0/fifo"; exec 7<>"$0/fifo"; sleep 1000 & (trap "" INT; echo up >"$0/ready"; read -r x <&7) & wait' "$T"
	wait_for 60 test -s "$T/ready"
	dump "$PID"
	equal "processes" 3 "$(find "$T/mount" -maxdepth 1 -name '0x*' | wc -l)"
	umount "$T/mount"
}

CONNECTED='
import multiprocessing.pool, socket, sys, time
listener = socket.create_server(("127.0.0.1", 0))
one = socket.create_connection(listener.getsockname())
other = listener.accept()[0]
one.sendall(b"on its way")
pool = multiprocessing.pool.ThreadPool(1)
text = bytearray(b"kept in memory" * 1000)
time.sleep(0.1)
open(sys.argv[1], "w").write("up")
time.sleep(1000)
'

test_threads_and_a_connection() {
	ip link set lo up
	detached python3 -c "$CONNECTED" "$T/ready"
	wait_for 60 test -s "$T/ready"
	dump "$PID" --tcp-established --network-lock nftables
	contains "what is on its way" "on its way" "$(cat "$T"/mount/images/tcp-stream-*.img)"
	grep -rqF "kept in memory" "$T"/mount/0x*/mem || fail "its memory has no text of it"
	umount "$T/mount"
}

# ---- a copy that takes a checkpoint ----

# counter CONTAINER
counter() {
	: >"$T/count"
	ctl create --detach --namespaces none "$1" memory.max=64M -- "$HELP/state" count "$T/count" || fail "cannot start"
	wait_for 60 test -s "$T/count"
}

more_than() {
	[ "$(wc -c <"$T/count")" -gt "$1" ]
}

test_a_copy_is_a_checkpoint() {
	local pid counted
	counter users/one
	pid=$(ctl ps --json users/one | jq '.tasks[0].pid')
	mkdir "$T/mount" "$T/scratch"
	ctl crfs --live --scratch "$T/scratch" users/one "$T/mount" || fail "not mounted"
	equal "what is there" "users one" "$(find "$T/mount" -maxdepth 2 -mindepth 1 -printf '%f ' | sed 's/ $//')"
	cp -r "$T/mount/users/one" "$T/first" || fail "no copy"
	counted=$(wc -c <"$T/count")
	wait_for 60 more_than "$counted"
	cp -r "$T/mount/users/one" "$T/second" || fail "no second copy"
	ctl checkpoint verify "$T/first" || fail "the first is not whole"
	ctl checkpoint verify "$T/second" || fail "the second is not whole"
	cmp -s "$T/first/manifest" "$T/second/manifest" && fail "the second is the first"
	contains "limits" "limit . memory.max 67108864" "$(cat "$T/second/manifest")"
	# The first reader has ended.
	[ "$(find "$T/scratch" -name manifest | wc -l)" -le 1 ] || fail "what was taken before is still there"
	umount "$T/mount"
	wait_for 60 empty "$T/scratch"
	ctl kill users/one
	ctl restore users/one "$T/second" || fail "no restart"
	counted=$(wc -c <"$T/count")
	wait_for 60 more_than "$counted"
	equal "pid" "$pid" "$(ctl ps --json users/one | jq '.tasks[0].pid')"
	# The copy can be looked into as well.
	"$BIN/rbcectl" crfs "$T/second" "$T/mount" || fail "not shown"
	"$COMPARE" "$T/second" "$T/mount" >/dev/null || fail "see above"
	umount "$T/mount"
}

empty() {
	[ -z "$(ls -A "$1")" ]
}

test_nothing_to_take() {
	mkdir "$T/mount"
	contains "no container" "cannot" "$(ctl crfs --live none "$T/mount" 2>&1)"
	counter short
	"$BIN/rbcectl" crfs --root "$ROOT" --live --foreground short "$T/mount" 2>"$T/err" &
	SERVER=$!
	wait_for 60 mountpoint -q "$T/mount"
	ctl kill short
	cp -r "$T/mount/short" "$T/copy" 2>/dev/null && fail "a copy of nothing"
	[ -s "$T/err" ] || fail "nobody says why"
	contains "why" "cannot" "$(cat "$T/err")"
	kill -TERM "$SERVER"
	wait "$SERVER" || fail "it ended with $?"
}
