# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Each mistake of a user gets one clear line, the right exit status, and changes nothing.
# needs: root cgroup
# the same on every cgroup layout

# refused STATUS LINE COMMAND...: its stderr is that one line (a glob pattern).
refused() {
	local expected=$1 pattern=$2 code
	shift 2
	"$@" >"$T/out" 2>"$T/err"
	code=$?
	equal "exit status of $*" "$expected" $code
	equal "lines from $*: $(cat "$T/err")" 1 "$(wc -l <"$T/err")"
	# shellcheck disable=SC2053 # a pattern
	[[ $(cat "$T/err") == $pattern ]] || fail "$*: expected '$pattern', got '$(cat "$T/err")'"
	equal "groups made by $*" 0 "$(find /sys/fs/cgroup -maxdepth 2 -name "$ROOT" | wc -l)"
}

# rules_refused PATTERN: the rules on standard input are refused by the check and by the daemon.
rules_refused() {
	write_rules
	refused 1 "$1" "$BIN/rbced" --check --rules "$T/rules"
	refused 1 "rbced: $1" "$BIN/rbced" --rules "$T/rules" --root "$ROOT"
}

test_rules_that_are_not_there() {
	refused 1 "*$T/none*No such file or directory" "$BIN/rbced" --rules "$T/none" --root "$ROOT"
	refused 1 "*$T/none*No such file or directory" "$BIN/rbced" --check --rules "$T/none"
}

test_syntax_error() {
	rules_refused "*/test.rules:2: *" <<-END
		[rule a]
		this is no setting
		container = x
	END
}

test_unknown_key() {
	rules_refused "*/test.rules:2: *'usr'*" <<-END
		[rule a]
		usr = root
		container = x
	END
}

test_unknown_controller() {
	rules_refused "*/test.rules:2: *'memry.max'*" <<-END
		[container x]
		memry.max = 1G
	END
}

test_unknown_user() {
	rules_refused "*/test.rules:2: *'nobody-of-that-name'*" <<-END
		[rule a]
		user = nobody-of-that-name
		container = x
	END
}

test_size_that_overflows() {
	rules_refused "*/test.rules:2: *'99999999999G'*" <<-END
		[container x]
		memory.max = 99999999999G
	END
}

test_device_that_does_not_exist() {
	rules_refused "*/test.rules:2: *'/dev/no-such-disk'*" <<-END
		[container x]
		io.max = /dev/no-such-disk rbps=1M
	END
}

test_container_name_with_dots() {
	rules_refused "*/test.rules:2: *'../escape'*" <<-END
		[rule a]
		container = ../escape
	END
}

test_container_name_with_a_newline() {
	write_rules </dev/null
	start_rbced
	sleep 100 &
	equal "classify" "rbcectl: cannot use container name 'a?b': it has a control character" \
		"$(ctl classify $! "$(printf 'a\nb')" 2>&1)"
	equal "classify up" "rbcectl: cannot use container name '../../x': '.' and '..' are no container names" \
		"$(ctl classify $! ../../x 2>&1)"
	equal "root" "rbced: cannot use container name '../x': '.' and '..' are no container names" \
		"$("$BIN/rbced" --rules "$T/rules" --root ../x 2>&1)"
}

test_every_error_is_told() {
	write_rules <<-END
		[rule a]
		usr = root
		user = nobody-of-that-name
		[container b]
		memory.max = 12Q
	END
	"$BIN/rbced" --check --rules "$T/rules" 2>"$T/err" && fail "accepted"
	for line in 2 3 5; do
		contains "all errors" "test.rules:$line: " "$(cat "$T/err")"
	done
}

test_without_privilege() {
	local daemon
	daemon=$(private_copy "$BIN/rbced" rbced)
	write_rules </dev/null
	chmod 755 "$T/rules"
	chmod 644 "$T/rules/test.rules"
	refused 1 "rbced: cannot * *" setpriv --reuid "$TEST_UID" --regid "$TEST_UID" --clear-groups \
		"$daemon" --rules "$T/rules" --root "$ROOT"
}

test_usage() {
	refused 2 "rbced: cannot use option '--nonsense': it is not known; see --help" "$BIN/rbced" --nonsense
	refused 2 "rbced: cannot use option '--rules': it needs an argument; see --help" "$BIN/rbced" --rules
	refused 2 "rbcectl: cannot run 'dance': it is not a command; see --help" "$BIN/rbcectl" dance
	refused 2 "rbcectl: cannot use process 'x1': it is no process id" "$BIN/rbcectl" explain x1
	refused 2 "rbced: cannot use --linger 'long': it is no duration (like 30s)" "$BIN/rbced" --linger long
	refused 1 "rbcectl: cannot reach rbced on root '$ROOT': it is not running" "$BIN/rbcectl" status --root "$ROOT"
	# Whatever they are given, it is one line.
	refused 2 "rbced: cannot use option '--a?b': it is not known; see --help" "$BIN/rbced" $'--a\nb'
	refused 2 "rbcectl: cannot use process '1?2': it is no process id" "$BIN/rbcectl" explain $'1\n2'
	refused 1 "/no?where: cannot read: No such file or directory" "$BIN/rbced" --check --rules $'/no\nwhere'
	refused 1 "containerstats: cannot open '/no?where': *" "$BIN/containerstats" report --db $'/no\nwhere'
	refused 2 "ulimitx: cannot show 'a?b': *" "$BIN/ulimitx" $'a\nb'
	for program in rbced rbcectl containerstats ulimitx; do
		"$BIN/$program" --help | grep '^Usage: ' >/dev/null || fail "$program --help"
		"$BIN/$program" --version | grep "^$program [0-9]" >/dev/null || fail "$program --version"
	done
}
