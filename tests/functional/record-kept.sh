# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The database of containerstats: that nothing stops the recorder, and what it keeps for how long.
# needs: root cgroup
# the same on every cgroup layout

# shellcheck source=tests/functional/record.sh
. tests/functional/record.sh

# A reader in the middle of a transaction keeps nobody from writing; one that asks to write does, for a
# while, and nothing is lost by it.
test_readers_do_not_block() {
	local before
	start_hog
	"$T/bin/hog" 60 >/dev/null &
	start_recorder "$T/db"
	wait_for 20 has_samples "$T/db" 2
	mkfifo "$T/fifo"
	sqlite3 "$T/db" <"$T/fifo" >/dev/null 2>&1 &
	exec 8>"$T/fifo"
	printf '.timeout 20000\nBEGIN; SELECT count(*) FROM samples;\n' >&8
	before=$(samples "$T/db")
	wait_for 20 has_samples "$T/db" $((before + 8))
	echo 'COMMIT; BEGIN IMMEDIATE;' >&8
	wait_for 20 grep -q "database is locked" "$T/recorder.log"
	echo 'COMMIT;' >&8
	wait_for 20 grep -q "again: [0-9]* ticks from memory, 0 lost" "$T/recorder.log"
	exec 8>&-
	end_recorder
	equal "lost ticks" 0 "$(sqlite3 "$T/db" 'SELECT sum(lost) FROM runs')"
	equal "checked" ok "$("$BIN/containerstats" check --db "$T/db")"
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
	mount -t tmpfs -o size=2m tmpfs "$T/mount"
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

# Two hours of ticks from $BASE on, as a recorder would have left them that was killed before it rolled
# them up.
make_history() {
	BASE=$(($(date +%s) / 3600 * 3600 - 48 * 3600))
	# Within a minute: at its end it would roll up, and what is older be taken for rolled up as well.
	[ $(($(date +%s) % 60)) -lt 50 ] || sleep 11
	"$BIN/containerstats" record --root "$ROOT" --db "$1" --duration 1s 2>>"$T/recorder.log"
	sqlite3 "$1" "DELETE FROM samples; DELETE FROM ticks;
		INSERT INTO containers(id, name, boot, inode, first_seen) VALUES (1000, 'old', 'boot', 1, 0);
		WITH RECURSIVE t(at) AS (SELECT $BASE + 1 UNION ALL SELECT at + 1 FROM t WHERE at < $BASE + 7200)
		INSERT INTO ticks(time, period) SELECT at, 1000 FROM t;
		INSERT INTO samples(at, cpu_usec) SELECT id << 28 | 1000, 1000 FROM ticks"
}

old_hours() {
	[ "$(sqlite3 -cmd '.timeout 5000' "$T/db" "SELECT count(*) FROM v_cpu_hour WHERE container = 'old'")" = "$1" ]
}

test_prune_and_check() {
	make_history "$T/db"
	equal "a whole database" ok "$("$BIN/containerstats" check --db "$T/db")"
	printf '[retention]\nticks = max\n' >"$T/conf"
	# It is rolled up by the next recorder, whose own ticks are of now.
	start_recorder "$T/db" --config "$T/conf"
	wait_for 60 old_hours 2
	end_recorder
	equal "after the recorder" ok "$("$BIN/containerstats" check --db "$T/db")"
	"$BIN/containerstats" prune --db "$T/db" --config "$T/conf" --ticks 1h >"$T/out" || fail "cannot prune"
	contains "what prune says" "kB now" "$(cat "$T/out")"
	equal "old ticks that are left" 0 "$(sqlite3 "$T/db" "SELECT count(*) FROM ticks WHERE time < $((BASE + 7140))")"
	equal "free pages" 0 "$(sqlite3 "$T/db" 'PRAGMA freelist_count')"
	equal "after pruning" ok "$("$BIN/containerstats" check --db "$T/db")"
	sqlite3 "$T/db" "UPDATE minute_cpu SET cpu_usec = cpu_usec + 1 WHERE container = 1000"
	"$BIN/containerstats" check --db "$T/db" >"$T/out" 2>"$T/err" && fail "a wrong sum is not seen"
	contains "a wrong sum" "us of CPU" "$(cat "$T/out")"
	sqlite3 "$T/db" "DELETE FROM containers WHERE id = 1000"
	"$BIN/containerstats" check --db "$T/db" >"$T/out" 2>"$T/err" && fail "rows of no container are not seen"
	contains "rows of no container" "of container 1000, which there is none" "$(cat "$T/out")"
	"$BIN/containerstats" prune --db "$T/db" --ticks never 2>"$T/err"
	equal "status of a bad duration" 2 $?
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
