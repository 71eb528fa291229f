# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# rbcectl job: what prologs and epilogs of batch systems call, with and without a daemon.
# needs: root cgroup
# the same on both as on v1

# What the report of jobs says of the first one in the container: a key.
reported() {
	"$BIN/containerstats" report --db "$T/db" --last 1h --by job --json |
		jq -r "[.containers[] | select(.container == \"$1\")][0].$2"
}

is_taken() {
	[ "$(sqlite3 "$T/db" "SELECT count(*) FROM jobs WHERE container = '$1'")" -ge "${2:-1}" ]
}

# run_job CONTAINER COMMAND...: as the shell of a batch system does that a prolog makes join; PID is its.
start_in() {
	# shellcheck disable=SC2016 # for that shell
	sh -c '"$1" job --root "$2" join "$3" $$ && shift 3 && exec "$@"' job "$BIN/rbcectl" "$ROOT" "$@" &
	PID=$!
}

batch_rules() {
	write_rules <<-END
		[container batch/%j]
		pids.max = 70
		[rule all]
		user = $TEST_UID
		container = elsewhere
	END
}

test_from_begin_to_end() {
	local used told
	batch_rules
	start_rbced --linger 0s
	start_recorder 250ms
	ctl job begin batch/1 memory.max=64M || fail "it did not begin"
	contains "limit asked for" " 67108864 " "$(ctl get batch/1 memory.max)"
	contains "limit of the rules" " 70 " "$(ctl get batch/1 pids.max)"
	ctl job begin batch/1 memory.max=80M || fail "it did not begin again"
	contains "limit changed" " 83886080 " "$(ctl get batch/1 memory.max)"
	# The daemon removes what is empty at once, but no job that has not ended.
	start_in batch/1/first sleep 0.3
	wait "$PID" || fail "it did not join"
	sleep 1
	[ -d "$(dirname "$(group_file pids pids.max pids.max batch/1)")" ] || fail "the job's container went"
	# What it starts stays, whatever the rules say.
	start_in batch/1/second sh -c "setpriv --reuid $TEST_UID --clear-groups sleep 100 & echo \$! >$T/child; exec '$HELP/hog' 1" >"$T/used"
	wait_for 15 test -s "$T/child"
	wait_for 15 stands_in "$(cat "$T/child")" batch/1/second
	wait "$PID"
	stands_in "$(cat "$T/child")" batch/1/second || fail "what it started left"
	equal "jobs" batch/1 "$(ctl job report --json | jq -r .job)"
	ctl job end batch/1 --json >"$T/account" 2>"$T/err" || fail "it did not end: $(cat "$T/err")"
	[ ! -d "/proc/$(cat "$T/child")" ] || [ "$(awk '{ print $3 }' "/proc/$(cat "$T/child")/stat")" = Z ] || fail "it lives"
	[ ! -e "$(group_file pids pids.max pids.max batch/1)" ] || fail "the container stayed"
	# The hog's own milliseconds, and what starting it all took.
	used=$(cat "$T/used")
	between "CPU of the account" "$used" $((used + 500)) "$(jq '.cpu_usec / 1000 | floor' "$T/account")"
	wait_for 60 is_taken batch/1
	told=$(reported batch/1 cpu_seconds)
	equal "CPU in the report" "$(jq .cpu_usec "$T/account")" "$(jq -n "$told * 1000000 | round")"
	[ "$(jq -n "$(reported batch/1 memory_bytes_peak) > 0")" = true ] || fail "no memory peak in the report"
	equal "tasks at most" "$(jq .pids_peak "$T/account")" "$(sqlite3 "$T/db" "SELECT coalesce(pids_peak, 'null') FROM v_jobs")"
	[ -z "$(ls "/run/rbce/$ROOT.ended")" ] || fail "it was not taken"
}

# What the recorder hears of tasks that ended is stored with a later tick than the job.
has_failed() {
	[ "$(reported "$1" failed)" = "$2" ]
}

counts_io() {
	grep -q '^[^ ]* [^ ]* cgroup2 ' /proc/mounts && ! grep -q ' cgroup .*blkio' /proc/mounts
}

# How its tasks ended, and what they wrote, is in its account as well, whichever step they were of.
test_how_its_tasks_ended() {
	local disk='' swap=''
	batch_rules
	start_rbced
	start_recorder 250ms
	# Until it hears from the daemon who was moved: shells that end at once are found by that.
	sleep 1
	# Not into swap, where there is some.
	[ "$(wc -l </proc/swaps)" -le 1 ] || swap=swap.max=0
	ctl job begin batch/20 memory.max=48M ${swap:+"$swap"} || fail "it did not begin"
	# shellcheck disable=SC2016 # for that shell
	start_in batch/20/first sh -c '/bin/true; /bin/true; /bin/false; sh -c "kill -KILL \$\$"; exit 3' 2>/dev/null
	wait "$PID"
	start_in batch/20/eater "$HELP/eat" 100 1
	wait "$PID" 2>/dev/null
	if counts_io && disk=$(disk_folder); then
		start_in batch/20/writer dd if=/dev/zero of="$disk/written" bs=1M count=8 oflag=direct status=none
		wait "$PID" || fail "it did not write"
	fi
	# Of what ended just before its container went, the recorder may not find any more where it was.
	sleep 1
	ctl job end batch/20 --json >"$T/account" || fail "it did not end"
	equal "killed for memory" 1 "$(jq .oom_kills "$T/account")"
	wait_for 60 is_taken batch/20
	equal "killed for memory, in the report" 1 "$(reported batch/20 oom_kills)"
	# These are false, two shells and the eater.
	(wait_for 20 has_failed batch/20 4) || fail "failed: $(reported batch/20 failed)"
	equal "killed: a shell and the eater" 2 "$(reported batch/20 killed)"
	# What made them join may be among them.
	between "ended" 6 10 "$(reported batch/20 exits)"
	equal "in the view" "$(reported batch/20 exits)" "$(sqlite3 "$T/db" "SELECT exits FROM v_jobs")"
	[ "$(jq -n "$(reported batch/20 cpu_delay_seconds) >= 0 and $(reported batch/20 block_io_delay_seconds) >= 0")" = true ] ||
		fail "it does not say how long they waited"
	[ -z "$disk" ] || between "written" $((8 << 20)) $((9 << 20)) "$(reported batch/20 io_written_bytes)"
	contains "for people" "EXITS FAILED KILLED" "$("$BIN/containerstats" report --db "$T/db" --last 1h --by job | tr -s ' ')"
}

# Much shorter than a sample, several in one container's name, one after the other.
test_short_jobs() {
	local i
	batch_rules
	start_rbced
	start_recorder 250ms
	for i in 1 2 3; do
		ctl job begin batch/again || fail "it did not begin"
		start_in batch/again "$HELP/hog" 0.05 >>"$T/used"
		wait "$PID"
		ctl job end batch/again >/dev/null || fail "it did not end"
	done
	wait_for 60 is_taken batch/again 3
	for i in 1 2 3; do
		between "CPU of $i" "$(sed -n "${i}p" "$T/used")" 1000 \
			"$(sqlite3 "$T/db" "SELECT cpu_usec / 1000 FROM jobs ORDER BY ended LIMIT 1 OFFSET $((i - 1))")"
	done
	equal "in the report" 3 "$("$BIN/containerstats" report --db "$T/db" --last 1h --by job --json |
		jq '[.containers[] | select(.container == "batch/again")] | length')"
}

# A daemon that is away stops no job, and finds all as it should be.
test_without_a_daemon() {
	batch_rules
	ctl job begin batch/7 memory.max=64M 2>"$T/err" || fail "it did not begin: $(cat "$T/err")"
	contains "said" "not running: the limits of the rules are set when it is there" "$(cat "$T/err")"
	start_in batch/7/step setpriv --reuid "$TEST_UID" --clear-groups sleep 1000 2>/dev/null
	wait_for 15 stands_in "$PID" batch/7/step
	start_rbced
	contains "limit of the rules" " 70 " "$(ctl get batch/7 pids.max)"
	contains "limit asked for" " 67108864 " "$(ctl get batch/7 memory.max)"
	ctl reclassify >/dev/null
	equal "where" batch/7/step "$(container_of "$PID")"
	equal "verdict" manual "$(ctl explain --json "$PID" | jq -r .verdict)"
	stop_rbced || fail "the daemon ended badly"
	RBCED=
	ctl job end batch/7 >"$T/out" || fail "it did not end"
	contains "account" "CPU " "$(cat "$T/out")"
	[ ! -e "$(group_file pids pids.max pids.max batch/7)" ] || fail "the container stayed"
}

# Nor does one that hangs.
test_daemon_hangs() {
	batch_rules
	start_rbced
	kill -STOP "$RBCED"
	ctl job begin batch/8 2>"$T/err" || fail "it did not begin: $(cat "$T/err")"
	contains "said" "cannot ask rbced" "$(cat "$T/err")"
	kill -CONT "$RBCED"
	ctl job end batch/8 >/dev/null || fail "it did not end"
}

# What came into a job past the daemon, as it does where that does not answer, stays there as well.
test_joined_past_the_daemon() {
	batch_rules
	start_rbced
	ctl job begin batch/11 || fail "it did not begin"
	# shellcheck disable=SC2016 # for that shell
	sh -c 'for group; do [ ! -d "$group" ] || echo $$ >"$group/cgroup.procs"; done
		exec setpriv --reuid "$TEST_UID" --clear-groups sleep 1000' join \
		"/sys/fs/cgroup/$ROOT/batch/11" /sys/fs/cgroup/*/"$ROOT/batch/11" &
	PID=$!
	wait_for 15 sh -c "[ \"\$(cat /proc/$PID/comm)\" = sleep ]"
	ctl reclassify >/dev/null
	equal "where" batch/11 "$(container_of "$PID")"
	equal "verdict" manual "$(ctl explain --json "$PID" | jq -r .verdict)"
	ctl job end batch/11 >/dev/null || fail "it did not end"
}

# One that is queued again has the name of the one before, whose groups rbcectl has removed.
test_begins_again() {
	local i
	batch_rules
	start_rbced --linger 1h
	for i in 1 2; do
		ctl job begin batch/12 memory.max=64M || fail "run $i did not begin"
		start_in batch/12/step sleep 0.1
		wait "$PID" || fail "run $i did not join"
		contains "its limit" 67108864 "$(ctl get batch/12 memory.max)"
		contains "that of the rules" " 70 " "$(ctl get batch/12 pids.max)"
		ctl job end batch/12 >/dev/null || fail "run $i did not end"
	done
}

test_mistakes() {
	batch_rules
	start_rbced
	ctl job begin batch/9 memory.max=lots 2>"$T/err"
	equal "status" 1 $?
	contains "value" "cannot set 'memory.max': 'lots' is not a size" "$(cat "$T/err")"
	ctl job join batch/9 $$ 2>"$T/err" && fail "joined what has not begun"
	contains "join" "cannot join 'batch/9': no such job has begun" "$(cat "$T/err")"
	ctl job end batch/9 2>"$T/err" && fail "ended what has not begun"
	contains "end" "cannot find job 'batch/9': none has begun" "$(cat "$T/err")"
	ctl job begin 'a!b' 2>"$T/err" && fail "began with a '!'"
	ctl job start x 2>/dev/null
	equal "unknown verb" 2 $?
	setpriv --reuid "$TEST_UID" --clear-groups "$BIN/rbcectl" job --root "$ROOT" begin batch/10 2>/dev/null && fail "anyone may begin"
	equal "jobs" "" "$(ctl job report)"
}

# example TEXT: the display of rbcectl(8) that has TEXT in it, for this test's root.
example() {
	awk -v text="$1" '
		/^\.Bd/ { inside = 1; display = ""; next }
		/^\.Ed/ && index(display, text) { printf "%s", display; exit }
		/^\.Ed/ { inside = 0 }
		inside { display = display $0 "\n" }' man/rbcectl.8 | sed "s|rbcectl job|$BIN/rbcectl job --root $ROOT|"
}

# The manual's scripts, called as pbs_mom does: what becomes the job's shell runs the prologue.
test_pbs() {
	local used
	batch_rules
	start_rbced
	start_recorder 250ms
	example "# prologue" | awk -v to="$T/" '/^#!/ { n++ } { print >(to (n == 1 ? "prologue" : "epilogue")) }'
	chmod 755 "$T/prologue" "$T/epilogue"
	# shellcheck disable=SC2016 # for that shell
	sh -c '"$1/prologue" 12.host nobody nogroup && shift && exec "$@"' mom "$T" \
		setpriv --reuid "$TEST_UID" --clear-groups "$HELP/burn-static" 500 >"$T/out" || fail "it did not run"
	contains "the prologue's limit" 8589934592 "$(ctl get pbs/nobody/12.host memory.max)"
	[ "$(grep -c "^place " "$T/out")" = 2 ] || fail "what it said: $(cat "$T/out")"
	used=$(sed -n 's/^used //p' "$T/out")
	"$T/epilogue" 12.host nobody nogroup >"$T/account" || fail "no epilogue"
	contains "account" "job                pbs/nobody/12.host" "$(cat "$T/account")"
	wait_for 60 is_taken pbs/nobody/12.host
	between "CPU of the account" "$used" $((used + 500000)) "$(sqlite3 "$T/db" "SELECT cpu_usec FROM jobs")"
	[ ! -e "$(group_file pids pids.max pids.max pbs/nobody/12.host)" ] || fail "the container stayed"
}

# The manual's rules, for what HTCondor's starter gives a job: a variable, another for each slot.
test_htcondor() {
	local first second
	example "[rule condor]" | sed "/^\[rule/a user = $TEST_UID" | write_rules
	start_rbced
	# shellcheck disable=SC2016 # for that shell
	env _CONDOR_SLOT=slot1_1 setpriv --reuid "$TEST_UID" --clear-groups sh -c 'sleep 1000 & echo $!; wait' >"$T/child" &
	first=$!
	env _CONDOR_SLOT=slot1_2 setpriv --reuid "$TEST_UID" --clear-groups sleep 1000 &
	second=$!
	wait_for 15 test -s "$T/child"
	settled $first "condor/$TEST_UID/slot1_1"
	settled "$(cat "$T/child")" "condor/$TEST_UID/slot1_1"
	settled $second "condor/$TEST_UID/slot1_2"
	contains "its limit" 8589934592 "$(ctl get "condor/$TEST_UID/slot1_1" memory.max)"
	kill "$(cat "$T/child")" $second
}
