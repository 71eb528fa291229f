# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# containerstats: what it records, what it reports, and that nothing stops it.
# needs: root cgroup

# start_recorder DATABASE: at four samples a second.
start_recorder() {
	"$BIN/containerstats" record --root "$ROOT" --db "$1" --interval 250ms 2>>"$T/recorder.log" &
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

# Milliseconds of CPU that it has used, by the kernel's account.
used() {
	ctl containers --json | jq '.containers[] | select(.container == "busy").cpu_usec / 1000 | floor'
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

test_killed_at_any_moment() {
	local before round
	start_hog
	"$T/bin/hog" 60 >/dev/null &
	for round in 1 2 3 4 5 6; do
		start_recorder "$T/db"
		before=$(samples "$T/db")
		wait_for 20 has_samples "$T/db" $((before + 2))
		sleep "0.$((RANDOM % 100 + 100))"
		before=$(samples "$T/db")
		kill -KILL $RECORDER
		wait $RECORDER 2>/dev/null
		equal "the database in round $round" ok "$(sqlite3 "$T/db" 'PRAGMA integrity_check')"
		has_samples "$T/db" "$before" || fail "committed samples were lost in round $round"
	done
	RECORDER=
}

test_full_disk() {
	local before lines
	start_hog
	"$T/bin/hog" 60 >/dev/null &
	mkdir "$T/mount"
	mount -t tmpfs -o size=512k tmpfs "$T/mount"
	start_recorder "$T/mount/db"
	wait_for 20 has_samples "$T/mount/db" 2
	dd if=/dev/zero of="$T/mount/filler" bs=4k 2>/dev/null
	wait_for 20 grep -q "$T/mount/db" "$T/recorder.log"
	sleep 1.5
	kill -0 $RECORDER || fail "the recorder ended: $(cat "$T/recorder.log")"
	lines=$(grep -c "cannot" "$T/recorder.log")
	equal "warnings while the disk was full" 1 "$lines"
	rm "$T/mount/filler"
	before=$(samples "$T/mount/db")
	wait_for 20 has_samples "$T/mount/db" $((before + 2))
	equal "the database" ok "$(sqlite3 "$T/mount/db" 'PRAGMA integrity_check')"
	kill -TERM $RECORDER
	wait $RECORDER
	RECORDER=
}

test_read_only_place() {
	start_hog
	"$T/bin/hog" 60 >/dev/null &
	mkdir "$T/mount"
	mount -t tmpfs -o size=4m tmpfs "$T/mount"
	start_recorder "$T/mount/db"
	wait_for 20 has_samples "$T/mount/db" 2
	kill -TERM $RECORDER
	wait $RECORDER
	mount -o remount,ro "$T/mount"
	start_recorder "$T/mount/db"
	wait_for 20 grep -q "$T/mount/db" "$T/recorder.log"
	sleep 1
	kill -0 $RECORDER || fail "the recorder ended: $(cat "$T/recorder.log")"
	mount -o remount,rw "$T/mount"
	before=$(samples "$T/mount/db")
	wait_for 20 has_samples "$T/mount/db" $((before + 2))
	kill -TERM $RECORDER
	wait $RECORDER
	RECORDER=
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

test_mistakes() {
	"$BIN/containerstats" report --db "$T/none" 2>"$T/err" && fail "reported from nothing"
	equal "lines" 1 "$(wc -l <"$T/err")"
	contains "a missing database" "containerstats: cannot open '$T/none': " "$(cat "$T/err")"
	sqlite3 "$T/foreign" 'CREATE TABLE a (b); PRAGMA user_version = 4711'
	"$BIN/containerstats" report --db "$T/foreign" 2>"$T/err" && fail "reported from a foreign database"
	equal "lines" 1 "$(wc -l <"$T/err")"
	"$BIN/containerstats" record --root "$ROOT" --db "$T/foreign" --duration 1s 2>"$T/err" && fail "recorded into a foreign database"
	equal "foreign tables" a "$(sqlite3 "$T/foreign" 'SELECT group_concat(name) FROM sqlite_master')"
	"$BIN/containerstats" record --db "$T/x" --interval never 2>"$T/err"
	equal "status of a bad interval" 2 $?
}
