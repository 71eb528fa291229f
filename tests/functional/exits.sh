# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# containerstats: tasks that end, by the container that they stood in.
# needs: root cgroup
# the same on both as on v1

# start_recorder [OPTION...]
start_recorder() {
	"${RECORDER_WITH[@]}" "$BIN/containerstats" record --root "$ROOT" --db "$T/db" --interval 250ms "$@" \
		2>>"$T/recorder.log" &
	RECORDER=$!
	wait_for 20 grep -q 'recording root group' "$T/recorder.log"
}
RECORDER_WITH=()

# The daemon tells of a move after it was made.
stop_recorder() {
	sleep 0.3
	kill -TERM "$RECORDER"
	wait "$RECORDER" || fail "the recorder ended with status $?: $(cat "$T/recorder.log")"
	RECORDER=
	equal "the database" ok "$(sqlite3 "$T/db" 'PRAGMA integrity_check')"
}

# start [RULES...]: the daemon with no rule but those, and the recorder.
start() {
	write_rules <<<"${1:-}"
	start_rbced
	start_recorder
}

# ended COLUMN CONDITION: the sum of what ended.
ended() {
	sqlite3 "$T/db" "SELECT coalesce(sum($1), 0) FROM v_exits WHERE $2"
}

counted() {
	sqlite3 "$T/db" "SELECT coalesce(sum($1), 0) FROM v_exit_counts"
}

# All exits are somewhere, and the sums by place are those by container.
account_is_whole() {
	equal "exits by how their place was found" "$(counted exits)" \
		"$(counted 'by_group + by_table + by_parent + outside + unattributed')"
	equal "exits in both views" "$(counted exits)" "$(ended exits 1)"
	equal "exits that nobody could place" "$(counted unattributed)" "$(ended exits "place = 'unknown'")"
}

test_each_where_it_stood() {
	local work
	private_copy "$HELP/ending" ending >/dev/null
	work=$(private_copy /bin/sleep work)
	start
	# Whoever lives so long is seen, and with it where its program is.
	ctl run a -- "$work" 1
	ctl run a -- "$T/bin/ending" 299 0 "$work" 0 >/dev/null
	ctl run b/c -- "$T/bin/ending" 200 0 >/dev/null
	stop_recorder
	account_is_whole
	equal "lost" 0 "$(counted lost)"
	equal "exits of the program in a" 300 "$(ended exits "container = 'a' AND comm = 'work'")"
	equal "exits by its path" 300 "$(ended exits "container = 'a' AND executable = '$work'")"
	equal "exits in b/c" 201 "$(ended exits "container = 'b/c'")"
	equal "failures" 0 "$(ended failed "container IN ('a', 'b/c')")"
	contains "the last word" " 502 in containers, " "$(cat "$T/recorder.log")"
}

test_known_amounts() {
	local peak
	start
	ctl run eat -- "$HELP/hog" 1 >"$T/hog"
	ctl run write -- dd if=/dev/zero of=/dev/null bs=1M count=64 2>/dev/null
	ctl run threads -- "$HELP/ending" -t 5 1000000
	ctl run fail -- sh -c 'exit 3' && fail "a command that fails succeeded"
	ctl run killed -- sh -c 'kill -KILL $$'
	ctl run memory -- dd if=/dev/zero of=/dev/null bs=48M count=1 2>/dev/null
	ctl run sleep -- sleep 1
	stop_recorder
	account_is_whole
	# Before its own count began it was loaded, which takes long under emulation.
	between "CPU milliseconds" $(($(cat "$T/hog") * 9 / 10 - 20)) $(($(cat "$T/hog") + 400)) \
		"$(ended 'round((cpu_user_seconds + cpu_system_seconds) * 1000)' "container = 'eat' AND comm = 'hog'" | cut -d. -f1)"
	between "bytes written by dd" 67108864 67300000 "$(ended write_calls_bytes "container = 'write'")"
	# The kernel tells whole kilobytes of each.
	between "bytes written by threads" 4990000 5100000 "$(ended write_calls_bytes "container = 'threads'")"
	equal "processes with threads" 1 "$(ended exits "container = 'threads'")"
	equal "their threads" 6 "$(ended threads "container = 'threads'")"
	equal "failed" 1 "$(ended failed "container = 'fail'")"
	equal "not killed" 0 "$(ended killed "container = 'fail'")"
	equal "killed" 1 "$(ended killed "container = 'killed'")"
	between "milliseconds that sleep lived" 1000 60000 "$(ended 'round(elapsed_seconds * 1000)' "container = 'sleep'" | cut -d. -f1)"
	[ "$(ended voluntary_switches "container = 'sleep'")" -ge 1 ] || fail "sleep slept without a switch"
	[ "$(ended cpu_waits "container = 'eat'")" -ge 1 ] || fail "hog never waited for a CPU"
	equal "users" 0 "$(sqlite3 "$T/db" "SELECT group_concat(DISTINCT user) FROM v_exits WHERE container = 'eat'")"
	peak=$(ended rss_peak_bytes "container = 'memory'")
	between "bytes that dd had at most" 50331648 60000000 "$peak"
}

# The parent stands outside and takes note of each end at once, so that only the daemon's word is left.
test_moved_while_they_lived() {
	local truth n=$((${RBCE_STORM:-900} / 3))
	victims_rule
	start "$(cat "$T/rules/test.rules")"
	"$HELP/ending" $n 0 "$T/bin/victim" 0.05 >/dev/null
	stop_recorder
	account_is_whole
	truth=$(status decisions.moved)
	[ "$truth" -gt 0 ] || fail "the daemon moved nothing"
	# On a busy machine some end between the move and the look at where they stand.
	between "children that were moved, in their container" $((truth * 9 / 10)) $n \
		"$(ended exits "comm = 'victim' AND container = 'victims'")"
}

# Init gets them, and takes note of their end at once; what their parent was is known no more.
test_orphans() {
	local i
	start
	for i in 1 2 3 4 5; do
		ctl run "far/$i" -- setsid -f sleep 2
	done
	sleep 3
	stop_recorder
	account_is_whole
	for i in 1 2 3 4 5; do
		equal "sleeps that ended in far/$i" 1 "$(ended exits "container = 'far/$i' AND comm = 'sleep'")"
	done
}

# A container that is removed at once after its last process.
test_container_that_goes() {
	local i there
	start
	for i in 1 2 3 4 5 6 7 8 9 10; do
		ctl run "short/$i" -- "$HELP/ending" 5 0 >/dev/null
		ctl kill "short/$i"
	done
	stop_recorder
	account_is_whole
	there=$(ended exits "container LIKE 'short/%'")
	# Where they are told to have been instead.
	[ "$there" -ge 59 ] || sqlite3 "$T/db" "SELECT container, place, comm, sum(exits) FROM v_exits GROUP BY 1, 2, 3"
	between "exits in containers that are gone" 59 60 "$there"
}

# Nobody reads while far more ends than finds room: what is missing is told, to the last record.
test_losses_are_counted() {
	local truth=18000 lost there
	[ -z "${RBCE_GUEST_KERNEL:-}" ] || [ -n "${RBCE_ALL:-}" ] ||
		skip "the emulator takes minutes for it, and cgroups are not what it is about"
	start
	ctl run before -- true
	kill -STOP "$RECORDER"
	# All on one CPU, whose buffer holds some 13,000 records.
	ctl run many -- taskset -c 0 "$HELP/ending" "$truth" 0 >/dev/null
	kill -CONT "$RECORDER"
	ctl run after -- true
	sleep 0.5
	stop_recorder
	account_is_whole
	lost=$(counted lost)
	there=$(ended exits "container = 'many'")
	[ "$(counted overflows)" -gt 0 ] || fail "no buffer was ever full: $there exits, $lost lost"
	[ "$lost" -gt 0 ] || fail "a buffer was full and nothing was lost"
	# Other programs of this machine lose records too; none of ours may be missing.
	[ $((there + $(counted unattributed) + lost)) -ge $((truth + 1)) ] ||
		fail "of $((truth + 1)) exits $there were found and $lost lost"
	[ "$there" -le $((truth + 1)) ] || fail "$there exits of $((truth + 1))"
}

# A storm in four containers; the whole of a minute is tests/bench/exits.
test_storm() {
	local i pids=() truth=$((${RBCE_STORM:-6000} / 3)) right=0
	start
	for i in 1 2 3 4; do
		ctl run "storm/$i" -- "$HELP/ending" $truth 500 /bin/true >/dev/null &
		pids+=($!)
	done
	wait "${pids[@]}"
	stop_recorder
	account_is_whole
	for i in 1 2 3 4; do
		right=$((right + $(ended exits "container = 'storm/$i' AND comm = 'true'")))
		[ "$(ended exits "container = 'storm/$i'")" -le $((truth + 1)) ] || fail "too many exits in storm/$i"
	done
	between "exits in the right container" $((4 * truth * 99 / 100)) $((4 * truth)) $right
	[ $((right + $(counted unattributed) + $(counted lost))) -ge $((4 * truth)) ] || fail "some exits are unaccounted for"
}

# cpu_of_hogs: milliseconds, of those that ended and those that run.
cpu_of_hogs() {
	ended 'round((cpu_user_seconds + cpu_system_seconds) * 1000)' "container = 'eat' AND comm = 'hog'" | cut -d. -f1
}

has_used() {
	[ "$(cpu_of_hogs)" -gt "$1" ]
}

# What is told of a process while it runs, and what is left at its end, are together what it used.
test_while_they_run() {
	local used
	write_rules <<<""
	start_rbced
	start_recorder --running
	ctl run eat -- "$HELP/hog" 4 >"$T/hog" &
	wait_for 20 has_used 200
	[ "$(sqlite3 "$T/db" "SELECT count(*) FROM v_exits WHERE container = 'eat' AND comm = 'hog' AND exits = 0")" -ge 1 ] ||
		fail "nothing was told of it before its end"
	[ "$(ended cpu_waits "container = 'eat' AND comm = 'hog'")" -gt 0 ] || fail "it never waited"
	wait $!
	stop_recorder
	equal "exits" 1 "$(ended exits "container = 'eat' AND comm = 'hog'")"
	used=$(cpu_of_hogs)
	between "CPU milliseconds, before and at its end" $(($(cat "$T/hog") * 9 / 10 - 20)) $(($(cat "$T/hog") + 400)) "$used"
}

# states CONTAINER: sleeping, running, stopped and uninterruptible tasks, in the newest row.
states() {
	sqlite3 "$T/db" "SELECT sleeping, running, stopped, uninterruptible FROM v_task_states WHERE container = '$1' ORDER BY time DESC LIMIT 1"
}

are_states() {
	[ "$(states "$1")" = "$2" ]
}

# On v2 the kernel tells them with our patch only; else each task is looked at, and nobody tells of IO.
test_states() {
	local stopped io
	write_rules <<<""
	start_rbced
	start_recorder --states
	ctl run still -- sleep 100 &
	stopped=$!
	ctl run busy/inner -- "$HELP/hog" 100 >/dev/null &
	ctl run many -- sleep 100 &
	ctl run many -- sleep 100 &
	wait_for 20 are_states many '2|0|0|0'
	wait_for 20 are_states busy/inner '0|1|0|0'
	wait_for 20 are_states still '1|0|0|0'
	kill -STOP "$(pgrep -P $stopped sleep || echo $stopped)"
	wait_for 20 are_states still '0|0|1|0'
	equal "tasks of the container above" '0|0|0|0' "$(states busy)"
	io=$(sqlite3 "$T/db" "SELECT max(io_wait) FROM v_task_states WHERE container = 'many'")
	if grep -q '^[^ ]* [^ ]* cgroup .*cpu' /proc/mounts || [[ ${RBCE_GUEST_KERNEL:-} =~ ^(patched|debug)$ ]]; then
		equal "tasks that wait for IO" 0 "$io"
	else
		equal "tasks that wait for IO, where each task was looked at" "" "$io"
	fi
	stop_recorder
}

test_switched_off() {
	start_recorder --no-exits
	sleep 0.6
	stop_recorder
	equal "exits" 0 "$(counted exits)"
	equal "lines of the log" 0 "$(grep -c 'tasks that end\|processes ended' "$T/recorder.log")"
}

# One line says why, and all else is recorded.
went_without() {
	sleep 0.6
	stop_recorder
	equal "lines that say so" 1 "$(grep -c 'cannot account for tasks that end' "$T/recorder.log")"
	contains "the reason" "$1" "$(cat "$T/recorder.log")"
	[ "$(sqlite3 "$T/db" 'SELECT ticks FROM runs')" -ge 2 ] || fail "nothing was recorded"
}

test_without_the_capability() {
	RECORDER_WITH=(setpriv --bounding-set=-net_admin --inh-caps=-net_admin)
	start_recorder
	went_without "CAP_NET_ADMIN is missing"
}

test_in_a_network_of_its_own() {
	RECORDER_WITH=(unshare --net)
	start_recorder
	went_without "initial network namespace only"
}

# An earlier database gets the tables, and keeps what it has.
test_database_from_before() {
	start_recorder --no-exits
	sleep 0.6
	stop_recorder
	sqlite3 "$T/db" 'DROP VIEW v_exits; DROP VIEW v_exit_counts; DROP TABLE exits; DROP TABLE exits_minute; DROP TABLE exits_hour;
		DROP TABLE exit_counts; DROP TABLE exit_counts_minute; DROP TABLE exit_counts_hour; DROP TABLE exit_keys; PRAGMA user_version = 3'
	: >"$T/recorder.log"
	start
	ctl run a -- true
	stop_recorder
	equal "exits" 1 "$(ended exits "container = 'a'")"
	equal "runs" 2 "$(sqlite3 "$T/db" 'SELECT count(*) FROM runs')"
}
