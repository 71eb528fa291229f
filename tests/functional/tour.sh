# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# `make run` itself: it shows what it promises and leaves nothing behind.
# needs: root cgroup

# start_tour LINE: until it has said so; sets TOUR and, once it is named, TOUR_ROOT. Everything that it
# starts is known by a mark in its environment.
start_tour() {
	rm -f "$T/out"
	RBCE_TOUR_MARK=$ROOT setsid env --default-signal=INT tests/tour >"$T/out" 2>&1 &
	TOUR=$!
	wait_for 120 grep -qsF -- "$1" "$T/out"
	TOUR_ROOT=$(sed -n "s/.*limited under '\(rbce-tour-[0-9]*\)'.*/\1/p" "$T/out" | head -n 1)
}

marked() {
	grep -lsa "RBCE_TOUR_MARK=$ROOT" /proc/[0-9]*/environ
}

# end_tour SIGNAL: to the whole group, as a terminal does.
end_tour() {
	kill "-$1" -- "-$TOUR"
	wait_for 20 sh -c "! kill -0 $TOUR 2>/dev/null"
	wait "$TOUR"
	equal "status after SIG$1" 0 $?
	equal "processes left after SIG$1" "" "$(marked)"
	equal "groups left after SIG$1" "" "$(find /sys/fs/cgroup -maxdepth 2 -name "rbce-*-$TOUR")"
	equal "files left after SIG$1" "" "$(find /run/rbce /tmp -maxdepth 1 -name "rbce-*-$TOUR*")"
}

test_shows_everything_and_cleans_up() {
	start_tour 'until ^C'
	[ -n "$TOUR_ROOT" ] || fail "it names no root group"
	for part in "$TOUR_ROOT/batch/hog" "users/nobody" "users/daemon" "right: it stands where the rule puts it" \
		"25%" "batch/hog" "$B/tour.db"; do
		grep -qF -- "$part" "$T/out" || fail "it does not show '$part': $(cat "$T/out")"
	done
	# Those in the containers, the daemons, and what the tour itself waits in.
	between "processes while it runs" 8 30 "$(marked | wc -l)"
	end_tour INT
	equal "integrity of the database that stays" ok "$(sqlite3 "$B/tour.db" 'PRAGMA integrity_check')"
}

test_ends_early() {
	start_tour '(five seconds of work)'
	end_tour INT
	start_tour 'observing this whole system'
	end_tour TERM
	start_tour 'limited under'
	end_tour HUP
}
