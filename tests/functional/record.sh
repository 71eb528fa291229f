# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# containerstats: what it records, and what it reports.
# needs: root cgroup

# start_recorder DATABASE: at four samples a second.
start_recorder() {
	"$BIN/containerstats" record --root "$ROOT" --db "$1" --interval 250ms "${@:2}" 2>>"$T/recorder.log" &
	RECORDER=$!
}

samples() {
	sqlite3 "$1" 'SELECT count(*) FROM samples' 2>/dev/null || echo 0
}

has_samples() {
	[ "$(samples "$1")" -ge "$2" ]
}

report() {
	"$BIN/containerstats" report --db "$1" --last 1h --json |
		jq -r ".containers[] | select(.container == \"$2\").$3"
}

start_hog() {
	private_copy "$HELP/hog" hog >/dev/null
	write_rules <<-END
		[container busy]
		cpu.max = 10%
		[rule hogs]
		exe = $T/bin/hog
		container = busy
	END
	start_rbced
}

# Milliseconds that the kernel says the container busy was throttled.
throttled() {
	awk '$1 == "throttled_usec" { print int($2 / 1000) } $1 == "throttled_time" { print int($2 / 1000000) }' \
		"$(group_file cpu cpu.stat cpu.stat busy)"
}

# used [CONTAINER]: milliseconds of CPU that it has used, by the kernel's account.
used() {
	ctl containers --json | jq --arg c "${1:-busy}" '.containers[] | select(.container == $c).cpu_usec / 1000 | floor'
}

runs_sleep() {
	[ "$(cat "/proc/$1/comm")" = sleep ]
}

test_report_agrees_with_the_kernel() {
	local usage throttled used_before throttled_before
	start_hog
	# The container is there before the recorder, so that nothing of the hog's use precedes its samples,
	# and what was used before that is not in them.
	"$BIN/rbcectl" run --root "$ROOT" busy -- sleep 100 &
	settled $! busy
	wait_for 20 runs_sleep $!
	used_before=$(used)
	throttled_before=$(throttled)
	start_recorder "$T/db"
	wait_for 20 has_samples "$T/db" 1
	"$T/bin/hog" 6 >/dev/null
	usage=$(($(used) - used_before))
	throttled=$(($(throttled) - throttled_before))
	sleep 1
	kill -TERM $RECORDER
	wait $RECORDER || fail "the recorder ended with status $?"
	RECORDER=
	[ "$throttled" -gt 0 ] || fail "the kernel throttled nothing"
	between "recorded CPU milliseconds" $((usage * 9 / 10 - 100)) $((usage + 100)) \
		"$(report "$T/db" busy 'cpu_seconds * 1000 | floor')"
	between "throttled milliseconds" $((throttled * 9 / 10 - 100)) $((throttled + 100)) \
		"$(report "$T/db" busy 'throttled_seconds * 1000 | floor')"
	contains "for people" busy "$("$BIN/containerstats" report --db "$T/db" --last 1h)"
	equal "the database" ok "$(sqlite3 "$T/db" 'PRAGMA integrity_check')"
}

# total VIEW EXPRESSION [CONTAINER]: of all rows.
total() {
	sqlite3 "$T/db" "SELECT CAST(coalesce($2, 0) AS INTEGER) FROM $1 WHERE container = '${3:-known}'"
}

# begin_known ARGUMENT...: in the container known, where a sleeper stands before the recorder begins.
begin_known() {
	"$BIN/rbcectl" run --root "$ROOT" known -- "$@" >"$T/out" &
	KNOWN=$!
	settled $KNOWN known
}

end_recorder() {
	kill -TERM $RECORDER
	wait $RECORDER || fail "the recorder ended with status $?"
	RECORDER=
}

# has_eaten KILOBYTES: the last of what began in it.
has_eaten() {
	[ "$(awk '/^RssAnon/ { print $2 }' "/proc/$KNOWN/status")" -ge "$1" ]
}

# Known amounts of computing, memory, tasks and sleep are what the database has.
test_known_amounts() {
	local used disk before usage
	start_hog
	begin_known sleep 1000
	before=$(used known)
	start_recorder "$T/db"
	wait_for 20 has_samples "$T/db" 1
	begin_known "$HELP/hog" 3
	wait $KNOWN
	used=$(cat "$T/out")
	begin_known "$HELP/eat" 64 5
	wait_for 60 has_eaten $((64 * 1024))
	sleep 1
	kill -KILL $KNOWN
	wait $KNOWN 2>/dev/null
	if grep -q '^[^ ]* [^ ]* cgroup2 ' /proc/mounts && ! grep -q ' cgroup .*blkio' /proc/mounts && disk=$(disk_folder); then
		ctl run known -- dd if=/dev/zero of="$disk/known" bs=1M count=16 conv=fsync status=none
	fi
	sleep 1
	usage=$(($(used known) - before))
	end_recorder
	between "CPU milliseconds by the kernel" "$used" $((used + 60000)) "$usage"
	between "CPU milliseconds" $((usage * 9 / 10 - 100)) $((usage + 100)) "$(total v_cpu 'sum(cpu_seconds) * 1000')"
	between "user time of it" $((used / 2)) $((usage + 100)) "$(total v_cpu 'sum(cpu_user_seconds) * 1000')"
	between "anonymous memory, MiB" 60 90 "$(total v_memory 'max(memory_anon_bytes) / 1048576')"
	between "memory, MiB" 60 200 "$(total v_memory 'max(memory_bytes) / 1048576')"
	between "page faults" 16000 1000000 "$(total v_memory 'sum(page_faults)')"
	between "tasks" 2 3 "$(total v_pids 'max(pids)')"
	if [ -n "${disk:-}" ]; then
		between "written, MiB" 16 40 "$(total v_io 'sum(io_written_bytes) / 1048576')"
		equal "written by device" "$(total v_io 'sum(io_written_bytes)')" "$(total v_io_devices 'sum(io_written_bytes)')"
		equal "devices without a name" 0 "$(total v_io_devices "sum(name = '')")"
	fi
	# A sleeper has a row when it is first seen, one in each minute, and one at the end.
	equal "checked" ok "$("$BIN/containerstats" check --db "$T/db")"
}

test_containers_that_come_and_go() {
	start_hog
	"$T/bin/hog" 60 >/dev/null &
	start_recorder "$T/db"
	wait_for 20 has_samples "$T/db" 2
	for name in one two three; do
		ctl run "come/$name" -- "$HELP/hog" 1.5 >/dev/null
		ctl kill "come/$name"
	done
	sleep 0.5
	kill -TERM $RECORDER
	wait $RECORDER
	RECORDER=
	for name in one two three; do
		between "CPU milliseconds of $name" 20 2500 "$(report "$T/db" "come/$name" 'cpu_seconds * 1000 | floor')"
	done
}

# moved PID: into how many containers the account says that it was moved.
moves_of() {
	sqlite3 "$T/db" "SELECT count(*) FROM v_events WHERE event = 'decision' AND action = 'moved' AND pid = $1
		AND container = 'busy'" 2>/dev/null
}

is_moved() {
	[ "$(moves_of "$1")" = 1 ]
}

has_ticks() {
	[ "$(sqlite3 "$T/db" 'SELECT count(*) FROM ticks' 2>/dev/null || echo 0)" -gt 0 ]
}

has_limit() {
	[ "$(sqlite3 "$T/db" "SELECT count(*) FROM v_limits WHERE container = 'busy' AND pids_max = $1")" -gt 0 ]
}

limit_changes() {
	sqlite3 "$T/db" "SELECT detail FROM v_events WHERE event = 'limit' AND container = 'busy' ORDER BY time"
}

# What the daemon does, and what others do to limits, stands in the same database.
test_events() {
	start_hog
	start_recorder "$T/db"
	wait_for 20 has_ticks
	"$T/bin/hog" 60 >/dev/null &
	settled $! busy
	wait_for 20 is_moved $!
	wait_for 20 has_samples "$T/db" 2
	ctl set busy pids.max=77
	wait_for 20 has_limit 77
	ctl set busy pids.max=78
	wait_for 20 has_limit 78
	contains "the change" '{"key":"pids_max","from":77,"to":78}' "$(limit_changes)"
	equal "the container, made once" 1 "$(sqlite3 "$T/db" "SELECT count(*) FROM v_events
		WHERE event = 'created' AND container = 'busy'")"
}

denied_seen() {
	[ "$(sqlite3 "$T/db" "SELECT coalesce(sum(net_connect_denied), 0) FROM v_network WHERE container = 'shut'")" = "$1" ]
}

# What the programs behind net.* have counted.
test_network() {
	write_rules <<-END
		[rule nobody]
		exe = $T/nothing
		container = shut
	END
	start_rbced
	"$BIN/rbcectl" run --root "$ROOT" shut -- sleep 100 &
	settled $! shut
	ctl set shut "net.connect=deny 127.0.0.1:9" 2>"$T/err" || skip "no BPF here: $(head -n 1 "$T/err")"
	start_recorder "$T/db"
	wait_for 20 has_samples "$T/db" 1
	for _ in 1 2 3; do
		ctl run shut -- bash -c ': </dev/tcp/127.0.0.1/9' 2>/dev/null && fail "it was let through"
	done
	ctl get shut net.connect --json >"$T/get"
	contains "the kernel's count" 3 "$(jq -c '.keys[0]' "$T/get")"
	wait_for 20 denied_seen 3
}

# Ten thousand groups come and go, some with odd names, some 200 levels deep.
test_many_come_and_go() {
	local tree deep name before
	tree=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
	[ -n "$tree" ] || tree=$(awk '$3 == "cgroup" && $4 ~ /memory/ { print $2; exit }' /proc/mounts)
	mkdir "$tree/$ROOT"
	start_recorder "$T/db"
	wait_for 20 has_samples "$T/db" 1
	before=$(find "/proc/$RECORDER/fd" | wc -l)
	deep=$(printf 'd/%.0s' {1..200})
	mkdir -p "$tree/$ROOT/$deep"
	for name in "it's" 'a "quoted" one' $'two\nlines' 'semi; DROP TABLE samples' '%s%n'; do mkdir "$tree/$ROOT/$name"; done
	for _ in {1..20}; do
		mkdir "$tree/$ROOT/"r{1..500} && rmdir "$tree/$ROOT/"r{1..500}
	done
	wait_for 20 eval '[ "$(sqlite3 "$T/db" "SELECT max(length(container)) FROM v_containers")" = 399 ]'
	find "$tree/$ROOT" -mindepth 1 -depth -type d -exec rmdir {} +
	wait_for 20 eval '[ "$(sqlite3 "$T/db" "SELECT count(*) FROM v_containers WHERE last_seen IS NULL")" = 1 ]'
	between "descriptors" 1 $((before + 10)) "$(find "/proc/$RECORDER/fd" | wc -l)"
	end_recorder
	equal "quoted names" 2 "$(sqlite3 "$T/db" "SELECT count(DISTINCT container) FROM v_containers
		WHERE container IN ('it''s', 'a \"quoted\" one')")"
	equal "false counts" 0 "$(sqlite3 "$T/db" "SELECT count(*) FROM v_cpu WHERE cpu_seconds > 1 AND container <> '/'")"
	equal "checked" ok "$("$BIN/containerstats" check --db "$T/db")"
}
