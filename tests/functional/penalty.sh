# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Lower limits for who uses too much for too long.
# needs: root cgroup
# the same on both as on v1

begin_telling() {
	start_rbced
	ctl events >"$T/told" &
	wait_for 20 test -s "$T/told"
}

# inside NAME COMMAND...: in the container, beside us; its pid is in PID.
inside() {
	"$BIN/rbcectl" run --root "$ROOT" "$@" >"$T/out.$RANDOM" 2>&1 &
	PID=$!
	wait_for 30 stands_in "$PID" "$1"
}

penalty_of() {
	ctl penalty --json | jq -r ".containers[] | select(.container == \"$1\") | \"\(.state) \(.level)\""
}

# is_at_level CONTAINER STATE LEVEL
is_at_level() {
	[ "$(penalty_of "$1")" = "$2 $3" ]
}

cpu_limit() {
	ctl containers --json | jq -r ".containers[] | select(.container == \"$1\").\"cpu.max\""
}

# recorded "ACTION LEVEL"...: the recorder's database has these.
recorded() {
	local all
	all=$(sqlite3 "$T/db" "SELECT action || ' ' || json_extract(detail, '$.level') FROM actions
		WHERE event = 'penalty' AND container = 'users/a' AND time > 1e9" 2>/dev/null)
	for one; do grep -qx "$one" <<<"$all" || return 1; done
}

# With times of seconds; the levels themselves are the unit test's.
test_penalty() {
	cat >"$T/notice" <<-END
		#!/bin/sh
		echo "\$RBCE_EVENT \$RBCE_CONTAINER \$RBCE_LEVEL \$RBCE_LIMITS" >>"$T/notices"
	END
	chmod 755 "$T/notice"
	write_rules <<-END
		[container users/%u]
		cpu.max = 90%
		penalty = cpu>20% for 2s -> cpu.max=10% for 10s, then 5% for 30s
		penalty.notice = $T/notice
	END
	"$BIN/containerstats" record --root "$ROOT" --db "$T/db" --interval 250ms 2>>"$T/recorder.log" &
	# shellcheck disable=SC2034 # lib.sh ends it
	RECORDER=$!
	begin_telling
	inside users/a "$HELP/hog" 300
	HOG=$PID
	inside users/b sleep 300
	wait_for 60 is_at_level users/a penalty 1
	equal "limit" "10%" "$(cpu_limit users/a)"
	equal "the other one's" "90%" "$(cpu_limit users/b)"
	kill -STOP "$HOG"
	# It holds over a restart, and a reload does not lift it.
	kill -KILL "$RBCED"
	wait "$RBCED"
	begin_telling
	is_at_level users/a penalty 1 || is_at_level users/a probation 1 || fail "forgotten: $(penalty_of users/a)"
	wait_for 60 is_at_level users/a probation 1
	equal "limit on probation" "90%" "$(cpu_limit users/a)"
	# It goes on as before: the next level.
	kill -CONT "$HOG"
	wait_for 60 is_at_level users/a penalty 2
	equal "limit of the second level" "5%" "$(cpu_limit users/a)"
	ctl reload >/dev/null
	equal "limit after a reload" "5%" "$(cpu_limit users/a)"
	kill "$HOG"
	ctl penalty --lift users/a || fail "the penalty could not be lifted"
	equal "limit of who is free" "90%" "$(cpu_limit users/a)"
	is_at_level users/a free 0 || fail "not free: $(penalty_of users/a)"
	equal "the other one" "free 0" "$(penalty_of users/b)"
	wait_for 20 grep -q "raised users/a 2 cpu.max=5%" "$T/notices"
	grep -q "raised users/a 1 cpu.max=10%" "$T/notices" || fail "no notice of the first level"
	grep -q "lifted users/a" "$T/notices" || fail "no notice of its end"
	# The account has it too, over the daemon's restart.
	wait_for 20 recorded "raised 1" "raised 2"
	jq -es 'any(.[]; .event == "penalty" and .action == "raised" and .level == 2)' "$T/told" >/dev/null || fail "not told"
}
