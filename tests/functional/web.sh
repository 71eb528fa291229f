# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The page of containerstats serve in a real browser; what it shows of a recorded day that goes on.
# needs: browser
# the same on every cgroup layout

DAY=

# begin_day CONTAINERS HOURS: a record that goes on, as $T/db; DAY is who writes it.
begin_day() {
	"$B/tests/bench/daylong" "$T/db" "$1" "$2" live &
	DAY=$!
	wait_for 110 day_is_there
}

day_is_there() {
	[ "$(sqlite3 -readonly "$T/db" 'SELECT count(*) FROM exits' 2>/dev/null || echo 0)" -gt 0 ]
}

# serve_day [OPTION...]: the port stays over a restart, or the page would not find the server again.
serve_day() {
	: >"$T/server.log"
	"$BIN/containerstats" serve --db "$T/db" --listen "127.0.0.1:${PORT:-0}" "$@" 2>"$T/server.log" &
	SERVER=$!
	wait_for 30 grep -q 'listening on' "$T/server.log"
	URL=$(sed -n 's/.*listening on //p' "$T/server.log")
	PORT=${URL##*:}
}

# What the page's test asks for on its standard output.
serve_wish() {
	case $1 in
	restart)
		kill -TERM "$SERVER"
		wait "$SERVER" || fail "the server ended with $?"
		sleep 1
		serve_day
		;;
	record) begin_day 12 1 ;;
	silence)
		kill -TERM "$DAY"
		wait "$DAY"
		DAY=
		;;
	esac
}

# look PART [OPTION-OF-SERVE...]: what tests/web/page.mjs has of it.
look() {
	local line part=$1
	shift
	tests/web/install || skip "npm cannot get playwright-core"
	serve_day "$@"
	[ "$(curl -s -o /dev/null -w '%{http_code}' -H 'Accept-Encoding: gzip' "$URL/")" = 200 ] || skip "it was built without the page"
	mkfifo "$T/said"
	WEB_MODULES=$PWD/build/web-tests node tests/web/page.mjs "$URL" "$part" >"$T/said" 2>"$T/node.log" &
	BROWSER=$!
	while read -r line; do
		echo "    $line"
		serve_wish "$line"
	done <"$T/said"
	wait "$BROWSER" || fail "$(head -n 30 "$T/node.log")"
	# shellcheck disable=SC2086 # pids, or nothing
	kill -TERM $DAY "$SERVER"
}

test_machine() {
	begin_day 24 3
	look machine
}

test_other_views() {
	begin_day 24 3
	look others
}

# Before there is a record, while it is waited for, when it stands still, and when it cannot be read.
test_states() {
	look states
}

test_token() {
	"$B/tests/bench/daylong" "$T/db" 12 1 || fail "no record"
	echo "only-those-who-know-it" >"$T/token"
	look token --token "$T/token"
}
