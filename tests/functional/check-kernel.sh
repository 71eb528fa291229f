# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The comparison behind `make check-kernel`: a pass that is lost is a failure, nothing else is.
# needs: root
# the same on every cgroup layout

compare() {
	tests/guest/check-kernel --compare tests/fixtures/check-kernel/plain "tests/fixtures/check-kernel/$1" >"$T/out"
}

test_lost_passes_fail() {
	compare worse && fail "a lost pass went through"
	equal "sum" "2 passed, 2 failed, 0 skipped" "$(tail -n 1 "$T/out")"
	contains "a pass that fails" "test_core test_b" "$(cat "$T/out")"
	contains "a pass that is gone" "pass -> absent" "$(cat "$T/out")"
}

test_gains_and_new_failures_do_not() {
	compare plain || fail "equal results differ"
	equal "sum" "3 passed, 0 failed, 2 skipped" "$(tail -n 1 "$T/out")"
	compare better || fail "a gain fails"
	equal "sum" "4 passed, 0 failed, 2 skipped" "$(tail -n 1 "$T/out")"
}
