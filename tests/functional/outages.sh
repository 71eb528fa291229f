# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What the accounts of logins and jobs lack when daemon or recorder were away meanwhile.
# needs: root cgroup systemd pam

# shellcheck source=tests/functional/login.sh
. tests/functional/login.sh

# The two whose accounts are looked at: one has logged in before an outage, the other does in it.
EARLY=early$$ LATE=late$$

outage_rules() {
	local user
	for user in "$EARLY" "$LATE"; do useradd --create-home --shell /bin/bash "$user" || fail "cannot add a user"; done
	write_rules <<-END
		[container people/%u]
		pids.max = 200
		[rule people]
		user = $EARLY, $LATE
		from-systemd = yes
		container = people/%u
	END
}

# hog_login USER SECONDS: computes for so long, and tells how many milliseconds of CPU it had.
hog_login() {
	su - "$1" <<<"exec '$HELP/hog' $2" >"$T/used.$1" 2>"$T/err.$1" || echo "login of $1: $(cat "$T/err.$1")" >>"$T/failed"
}

# hog_job NAME SECONDS: the same as a job of a batch system, from its prolog to its epilog.
hog_job() {
	{
		ctl job begin "batch/$1" &&
			sh -c '"$1" job --root "$2" join "batch/$3" $$ && exec "$4" "$5"' join "$BIN/rbcectl" "$ROOT" "$1" "$HELP/hog" "$2" >"$T/used.job-$1" &&
			ctl job end "batch/$1" >/dev/null
	} 2>"$T/err.job-$1" || echo "job $1: $(cat "$T/err.job-$1")" >>"$T/failed"
}

hog_of() {
	PID=$(pgrep -x -u "$1" hog)
}

# spent USER: milliseconds that this one's hog has had so far.
spent() {
	hog_of "$1" || fail "the login of $1 has ended too soon: $(cat "$T/failed" 2>/dev/null)"
	awk '{ print ($14 + $15) * 10 }' "/proc/$PID/stat"
}

# account CONTAINER: milliseconds of CPU in the report.
account() {
	"$BIN/containerstats" report --db "$T/db" --last 1h --json |
		jq --arg c "$1" '[.containers[] | select(.container == $c).cpu_seconds] | add // 0 | . * 1000 | floor'
}

# sampled_since CONTAINER TIME
sampled_since() {
	[ "$(sqlite3 "$T/db" "SELECT coalesce(max(time), 0) > $2 FROM v_cpu WHERE container = '$1'")" = 1 ]
}

job_is_taken() {
	[ "$(sqlite3 "$T/db" "SELECT count(*) FROM v_jobs WHERE container = 'batch/$1'")" = 1 ]
}

# complete WHAT USED ACCOUNT [LESS]: an account lacks no more than LESS milliseconds and 2 %, and has no more
# than what it takes to start and end in.
complete() {
	between "$1" $(($2 * 98 / 100 - ${4:-0})) $(($2 * 102 / 100 + 5000)) "$3"
	figure "$1: $2 ms used, $3 ms in the account${4:+, $4 ms used in the outage}"
}

# through_outage BEGIN END: logins and jobs, some that are there before, some that come meanwhile; end() does
# not return before all is as it was. Sets LESS_EARLY and LESS_LATE, which the logins used meanwhile.
through_outage() {
	local pids=() before job
	hog_login "$EARLY" 40 &
	pids+=($!)
	hog_job early 30 &
	pids+=($!)
	wait_for 60 hog_of "$EARLY"
	settled "$PID" "people/$EARLY"
	wait_for 60 stands_in_job early
	wait_for 30 sampled_since "people/$EARLY" 0
	"$1"
	before=$(spent "$EARLY") || exit
	hog_login "$LATE" 25 &
	pids+=($!)
	hog_job late 20 &
	pids+=($!)
	wait_for 60 hog_of "$LATE"
	wait_for 60 stands_in_job late
	sleep 1
	"$2"
	LESS_EARLY=$(spent "$EARLY") LESS_LATE=$(spent "$LATE") || exit
	LESS_EARLY=$((LESS_EARLY - before))
	wait "${pids[@]}"
	[ ! -e "$T/failed" ] || fail "$(cat "$T/failed")"
	# Two ticks and more, while the empty containers linger.
	sleep 2
	# A job's account is not the recorder's to keep: it is there whole.
	for job in early late; do
		wait_for 30 job_is_taken "$job"
		complete "job $job" "$(cat "$T/used.job-$job")" "$(sqlite3 "$T/db" "SELECT CAST(cpu_seconds * 1000 AS INTEGER) FROM v_jobs WHERE container = 'batch/$job'")"
	done
}

stands_in_job() {
	local pid
	read -r pid 2>/dev/null <"/sys/fs/cgroup/$ROOT/batch/$1/cgroup.procs" && runs "$pid" "$HELP/hog"
}

hang_rbced() { kill -STOP "$RBCED"; }
wake_rbced() {
	kill -CONT "$RBCED"
	late_is_placed
}
end_rbced() { stop_rbced || fail "the daemon ended badly"; }
next_rbced() {
	start_rbced
	late_is_placed
}
late_is_placed() {
	hog_of "$LATE"
	settled "$PID" "people/$LATE"
}

# Who was placed loses nothing; who comes meanwhile, at most what is used until the daemon is back.
rbced_is_away() {
	outage_rules
	start_rbced
	start_recorder 500ms
	use_module
	through_outage "$@"
	complete "login before it" "$(cat "$T/used.$EARLY")" "$(account "people/$EARLY")"
	complete "login in it" "$(cat "$T/used.$LATE")" "$(account "people/$LATE")" "$LESS_LATE"
}

test_account_while_rbced_hangs() {
	rbced_is_away hang_rbced wake_rbced
}

test_account_while_rbced_is_restarted() {
	rbced_is_away end_rbced next_rbced
}

hang_recorder() { kill -STOP "$RECORDER"; }
wake_recorder() {
	kill -CONT "$RECORDER"
	recorder_is_back
}
end_recorder() {
	kill -TERM "$RECORDER"
	wait "$RECORDER" || fail "the recorder ended badly: $(cat "$T/recorder.log")"
}
next_recorder() {
	start_recorder 500ms
	recorder_is_back
}
recorder_is_back() {
	wait_for 30 sampled_since "people/$LATE" "$EPOCHREALTIME"
}

# One that hung counts what it did not see; the next one does not know what was before it.
test_account_while_the_recorder_hangs() {
	outage_rules
	start_rbced
	start_recorder 500ms
	use_module
	through_outage hang_recorder wake_recorder
	complete "login before it" "$(cat "$T/used.$EARLY")" "$(account "people/$EARLY")"
	complete "login in it" "$(cat "$T/used.$LATE")" "$(account "people/$LATE")"
}

test_account_while_the_recorder_is_restarted() {
	outage_rules
	start_rbced
	start_recorder 500ms
	use_module
	through_outage end_recorder next_recorder
	complete "login before it" "$(cat "$T/used.$EARLY")" "$(account "people/$EARLY")" "$LESS_EARLY"
	complete "login in it" "$(cat "$T/used.$LATE")" "$(account "people/$LATE")" "$LESS_LATE"
}
