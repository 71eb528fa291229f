# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Two people of a login node, one of whom compiles: what the other one feels of it, with the installed packages.
# needs: root cgroup systemd counted

test_one_sleeps_beside_a_storm_of_the_other() {
	local line
	COMPILERS=32 SECONDS_EACH=10 tests/bench/latency >"$T/out" 2>"$T/err"
	case $? in
	0) ;;
	77) skip "$(cat "$T/err")" ;;
	*) fail "$(cat "$T/out" "$T/err")" ;;
	esac
	while read -r line; do figure "$line"; done <"$T/out"
	dpkg --purge rbce >/dev/null 2>&1
}
