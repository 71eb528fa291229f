# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# ulimitx: what a process is allowed, and by whom.
# needs: root cgroup

# limit KEY FIELD [OPTION...]
limit() {
	local key=$1 field=$2
	shift 2
	"$BIN/ulimitx" --json "$@" | jq -r ".limits[] | select(.resource == \"$key\").$field"
}

test_the_lowest_of_all_ancestors() {
	local pid
	write_rules <<-END
		[container outer]
		memory.max = 512M
		cpu.max = 100%
		pids.max = 60
		[container outer/inner]
		memory.max = 1G
		[rule never]
		user = $OTHER_UID
		container = outer/inner
	END
	start_rbced
	"$BIN/rbcectl" run --root "$ROOT" outer/inner -- sleep 100 &
	pid=$!
	settled $pid outer/inner
	equal "memory" 536870912 "$(limit memory.max limit --pid $pid)"
	contains "who says so" "$ROOT/outer" "$(limit memory.max imposed_by --pid $pid)"
	equal "CPU, thousandths of a percent" 100000 "$(limit cpu.max limit --pid $pid)"
	equal "pids" 60 "$(limit pids.max limit --pid $pid)"
	contains "for people" 512M "$("$BIN/ulimitx" --pid $pid)"
	# Without a container the host is the limit.
	sleep 100 &
	[ "$(limit memory.max limit --pid $!)" != 536870912 ] || fail "an outside process has the container's limit"
}

test_rlimits() {
	equal "soft" 123 "$(prlimit --nofile=123:456 "$BIN/ulimitx" --json | jq -r '.limits[] | select(.resource == "nofile").limit')"
}

test_mistakes() {
	equal "no process" "ulimitx: cannot read process '4194304': No such process" "$("$BIN/ulimitx" --pid 4194304 2>&1)"
	"$BIN/ulimitx" nonsense 2>"$T/err"
	equal "status of an unknown key" 2 $?
	equal "lines" 1 "$(wc -l <"$T/err")"
}
