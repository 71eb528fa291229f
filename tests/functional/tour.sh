# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# `make run` itself: it shows what it promises and leaves nothing behind.
# needs: root cgroup

test_shows_everything_and_cleans_up() {
	local tour end root
	setsid env --default-signal=INT tests/tour >"$T/out" 2>&1 &
	tour=$!
	wait_for 60 grep -q 'until ^C' "$T/out"
	root=$(sed -n "s/.*limited under '\(rbce-tour-[0-9]*\)'.*/\1/p" "$T/out" | head -n 1)
	[ -n "$root" ] || fail "it names no root group"
	for part in "$root/batch/hog" "users/nobody" "users/daemon" "right: it stands where the rule puts it" \
		"25%" "batch/hog" "build/tour.db"; do
		grep -qF -- "$part" "$T/out" || fail "it does not show '$part': $(cat "$T/out")"
	done
	kill -INT "$tour"
	end=$((SECONDS + 20))
	while kill -0 "$tour" 2>/dev/null; do
		[ $SECONDS -lt $end ] || fail "it does not end on ^C"
		sleep 0.1
	done
	equal "groups left" "" "$(find /sys/fs/cgroup -maxdepth 2 -name "$root")"
	equal "processes left" "" "$(pgrep -f "$root")"
	equal "integrity of the database that stays" ok "$(sqlite3 build/tour.db 'PRAGMA integrity_check')"
}
