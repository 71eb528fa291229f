# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Wrong rule files, each with every message that it must bring: tests/fixtures/rules-wrong/NAME.rules (or
# a folder NAME) and NAME.expected.
# the same on every cgroup layout

# check PATH: its messages in $T/out.
check() {
	(cd tests/fixtures/rules-wrong && "$BIN/rbced" --check --rules "$1") >/dev/null 2>"$T/out"
}

test_every_message() {
	local expected name path n=0
	for expected in tests/fixtures/rules-wrong/*.expected; do
		name=$(basename "$expected" .expected)
		path=$name
		[ -d "tests/fixtures/rules-wrong/$name" ] || path=$name.rules
		check "$path"
		equal "exit status for $name" 1 $?
		diff "$expected" "$T/out" >"$T/diff" || fail "$name: $(cat "$T/diff")"
		n=$((n + 1))
	done
	[ "$n" -ge 30 ] || fail "only $n wrong files"
}

test_no_file_is_forgotten() {
	local path
	for path in tests/fixtures/rules-wrong/*.rules; do
		[ -e "${path%.rules}.expected" ] || fail "$path has no list of messages"
	done
}
