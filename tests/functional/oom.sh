# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What the daemon does when a container runs out of memory. Programs run out of memory in
# small containers only; all the same it is done in a system of the tests' own.
# needs: root cgroup guest
# the same on both as on v1
# runs beside others

# policy LINES...: a container of 32 MiB with these, the daemon, and what it tells in $T/told.
policy() {
	{
		printf '[container box]\nmemory.max = 32M\nswap.max = 0\n'
		printf '%s\n' "$@"
	} >"$T/box"
	write_rules <"$T/box"
	[ -n "${RBCED:-}" ] || begin_telling
}

begin_telling() {
	start_rbced
	ctl events >"$T/told" &
	wait_for 20 test -s "$T/told"
}

# told FILTER: such an event was told.
told() {
	jq -es "any(.[]; .event == \"oom\" and ($1))" "$T/told" >/dev/null
}

# wait_told SECONDS FILTER: it is told, or what was is shown.
wait_told() {
	local end=$((SECONDS + $1))
	until told "$2"; do
		[ "$SECONDS" -lt "$end" ] || fail "not told: $2; told: $(grep '"oom"' "$T/told"); log: $(grep -v ready "$T/rbced.log")"
		pause
	done
}

# inside NAME COMMAND...: in the container, beside us; its pid is in PID. It may have been killed by then.
inside() {
	"$BIN/rbcectl" run --root "$ROOT" "$@" >"$T/out.$RANDOM" 2>&1 &
	PID=$!
	wait_for 30 stood_in "$PID" "$1"
}

stood_in() {
	stands_in "$1" "$2" || ended "$1"
}

alive() {
	local pid
	for pid; do runs_here "$pid" || fail "process $pid has ended, which had nothing to do with it"; done
}

ended() {
	! runs_here "$1"
}

memory_max() {
	cat "$(group_file memory memory.limit_in_bytes memory.max box)"
}

# A process outside, one of the container's own that is small, and one that is large already.
bystanders() {
	sleep 300 &
	OUTSIDE=$!
	inside box "$HELP/eat" 1
	SMALL=$PID
	inside box "$HELP/eat" 8
	LARGE=$PID
	wait_for 30 uses 9
}

# uses MIB: the container uses so much.
uses() {
	[ "$(cat "$(group_file memory memory.usage_in_bytes memory.current box)")" -ge $(($1 << 20)) ]
}

test_kill_largest() {
	policy 'oom.policy = kill-largest'
	bystanders
	inside box "$HELP/eat" 100
	wait_for 60 ended "$PID"
	alive $OUTSIDE "$SMALL" "$LARGE"
	wait_told 10 ".action == \"killed\" and .pid == $PID and .comm == \"eat\" and .container == \"box\" and .reason == \"limit\""
	contains "log" "action=killed reason=limit pid=$PID comm=eat" "$(cat "$T/rbced.log")"
	equal "killed" 1 "$(status oom.killed)"
	equal "killed by the kernel" 0 "$(status oom.kernel-killed)"
	# It can be filled again up to there.
	inside box "$HELP/eat" 4
	wait_for 30 uses 13
	alive $OUTSIDE "$SMALL" "$LARGE" "$PID"
}

test_kill_newest() {
	local big
	policy 'oom.policy = kill-newest'
	bystanders
	inside box "$HELP/eat" 100 150
	big=$PID
	inside box "$HELP/eat" 1
	wait_for 60 ended "$PID"
	alive $OUTSIDE "$SMALL" "$LARGE"
	wait_told 10 ".action == \"killed\" and .pid == $PID"
	# That was not enough: the next newest is the one that goes on eating.
	wait_for 60 ended "$big"
	alive $OUTSIDE "$SMALL" "$LARGE"
}

test_kill_all() {
	policy 'oom.policy = kill-all' '[container beside]' 'pids.max = 10'
	bystanders
	inside beside "$HELP/eat" 1
	OTHER=$PID
	inside box/below "$HELP/eat" 1
	BELOW=$PID
	inside box "$HELP/eat" 100
	for pid in "$PID" "$SMALL" "$LARGE" "$BELOW"; do wait_for 60 ended "$pid"; done
	alive $OUTSIDE "$OTHER"
	wait_told 10 '.action == "killed-all" and .container == "box"'
}

test_prefer_and_avoid() {
	private_copy "$HELP/eat" wanted >/dev/null
	private_copy "$HELP/eat" spare-this-one-of-a-long-name >/dev/null
	policy 'oom.policy = kill-largest' 'oom.prefer = wanted' 'oom.avoid = */spare-this-one-*'
	inside box "$T/bin/wanted" 1
	WANTED=$PID
	inside box "$HELP/eat" 4
	PLAIN=$PID
	inside box "$T/bin/spare-this-one-of-a-long-name" 100 30
	# The preferred one first, though it is small; then the other one; the last one when it is alone.
	wait_for 60 ended "$WANTED"
	wait_for 60 ended "$PLAIN"
	wait_for 60 ended "$PID"
	wait_told 10 ".pid == $PID"
	equal "in that order" "$WANTED $PLAIN $PID" \
		"$(jq -r 'select(.action == "killed").pid' "$T/told" | xargs)"
}

test_freeze_and_ask() {
	policy 'oom.policy = freeze'
	bystanders
	inside box "$HELP/eat" 26
	wait_told 60 '.action == "frozen"'
	alive $OUTSIDE "$SMALL" "$LARGE" "$PID"
	equal "state" asked "$(ctl oom --json | jq -r '.containers[0].state')"
	equal "nobody was killed" 0 "$(status oom.killed)"
	ctl oom nowhere thaw 2>"$T/err" && fail "a container that there is not was answered"
	contains "why" "it has no oom.policy" "$(cat "$T/err")"
	# A daemon that starts again still waits for the answer.
	kill -KILL "$RBCED"
	wait "$RBCED"
	begin_telling
	equal "state after a restart" asked "$(ctl oom --json | jq -r '.containers[0].state')"
	ctl oom box grow 16M || fail "the answer was not taken"
	wait_told 20 '.action == "grown" and .reason == "answer"'
	wait_for 20 uses 34
	alive $OUTSIDE "$SMALL" "$LARGE" "$PID"
	equal "limit" $((48 << 20)) "$(memory_max)"
	ctl oom box thaw 2>"$T/err" && fail "an answer without a question was taken"
	contains "why" "it is not frozen for want of memory" "$(cat "$T/err")"
}

test_freeze_and_answers_that_kill() {
	policy 'oom.policy = freeze'
	bystanders
	inside box "$HELP/eat" 100
	wait_told 60 '.action == "frozen"'
	# Whoever thaws it by hand is asked again.
	ctl thaw box
	asked_again() { [ "$(jq -r 'select(.action == "frozen").pid' "$T/told" | wc -l)" -ge 2 ]; }
	wait_for 30 asked_again
	ctl oom box kill-largest || fail "the answer was not taken"
	wait_for 30 ended "$PID"
	wait_told 10 '.action == "thawed"'
	alive $OUTSIDE "$SMALL" "$LARGE"
}

test_nobody_answers() {
	policy 'oom.policy = freeze for 1s, then kill-largest'
	bystanders
	inside box "$HELP/eat" 100
	wait_for 60 ended "$PID"
	wait_told 10 ".action == \"killed\" and .pid == $PID and .reason == \"no answer\""
	alive $OUTSIDE "$SMALL" "$LARGE"
	wait_told 10 '.action == "thawed"'
}

test_grow_and_shrink() {
	policy 'oom.policy = grow 8M to 56M for 2s, then kill-largest'
	bystanders
	inside box "$HELP/eat" 30
	GROWER=$PID
	wait_for 60 uses 38
	between "grown limit" $((40 << 20)) $((56 << 20)) "$(memory_max)"
	# It outlives the daemon, and a reload of rules that say otherwise.
	before=$(memory_max)
	sed -i 's/for 2s/for 300s/' "$T/rules/test.rules"
	kill -KILL "$RBCED"
	wait "$RBCED"
	begin_telling
	equal "limit after a restart" "$before" "$(memory_max)"
	ctl reload >/dev/null
	equal "limit after a reload" "$before" "$(memory_max)"
	alive "$GROWER" "$SMALL" "$LARGE"
	sed -i 's/for 300s/for 1s/' "$T/rules/test.rules"
	ctl reload >/dev/null
	kill "$GROWER"
	wait "$GROWER" 2>/dev/null
	shrunk() { [ "$(memory_max)" = $((32 << 20)) ]; }
	wait_for 60 shrunk
	told '.action == "shrunk"' || fail "that it shrank was not told"
	# At the cap the next step has its turn.
	inside box "$HELP/eat" 100
	wait_for 60 ended "$PID"
	alive $OUTSIDE "$SMALL" "$LARGE"
	told '.action == "grown" and .limit == 58720256' || fail "it did not grow up to the cap"
}

test_hooks() {
	cat >"$T/hook" <<-END
		#!/bin/sh
		{ env | grep ^RBCE_ | sort && echo "nice \$(nice)"; } >"$T/facts.\$RBCE_EVENT"
		mv "$T/facts.\$RBCE_EVENT" "$T/\$RBCE_EVENT"
		[ \$RBCE_EVENT = prekill ]
	END
	chmod 755 "$T/hook"
	policy "oom.policy = hook $T/hook, then kill-largest" "oom.prekill = $T/hook for 10s"
	bystanders
	inside box "$HELP/eat" 100
	wait_for 60 ended "$PID"
	alive $OUTSIDE "$SMALL" "$LARGE"
	# The first one says that it did not help, which is in its status.
	wait_told 10 '.action == "hook" and .status == 1'
	wait_told 10 ".action == \"prekill\" and .status == 0 and .pid == $PID"
	contains "facts of the hook" "RBCE_CONTAINER=box" "$(cat "$T/oom")"
	contains "facts of the hook" "RBCE_LIMIT=$((32 << 20))" "$(cat "$T/oom")"
	contains "facts of the hook" "RBCE_REASON=limit" "$(cat "$T/oom")"
	contains "facts of the hook" "nice 0" "$(cat "$T/oom")"
	contains "facts before the kill" "RBCE_PID=$PID" "$(cat "$T/prekill")"
	contains "facts before the kill" "RBCE_COMM=eat" "$(cat "$T/prekill")"
}

# One that hangs is not waited for.
test_a_hook_that_hangs() {
	printf '#!/bin/sh\nsleep 100\n' >"$T/hook"
	chmod 755 "$T/hook"
	policy "oom.policy = hook $T/hook for 1s, then kill-largest"
	bystanders
	inside box "$HELP/eat" 100
	wait_for 60 ended "$PID"
	wait_told 10 '.action == "hook" and .status < 0'
	alive $OUTSIDE "$SMALL" "$LARGE"
}

# Page cache is not what memory runs out of.
test_page_cache_is_no_want() {
	local file
	file=$(disk_folder)/file || skip "no disk: page cache in memory cannot be reclaimed"
	policy 'oom.policy = kill-largest'
	dd if=/dev/zero of="$file" bs=1M count=80 conv=fsync 2>/dev/null
	dd of="$file" conv=notrunc oflag=nocache count=0 2>/dev/null
	ctl run box -- dd if="$file" of=/dev/null bs=1M 2>/dev/null || fail "the reader was stopped"
	equal "killed" 0 "$(status oom.killed)"
	equal "killed by the kernel" 0 "$(status oom.kernel-killed)"
}

# Swapping is slow, and memory does not run out of it.
test_pressure() {
	[ -n "$(awk '$3 == "cgroup2"' /proc/mounts)" ] || skip "pressure needs the cgroup v2 tree"
	[ "$(wc -l </proc/swaps)" -gt 1 ] || skip "no swap"
	policy 'oom.policy = kill-newest' 'oom.pressure = some 5% for 1s'
	sed -i '/swap.max/d' "$T/rules/test.rules"
	ctl reload >/dev/null
	bystanders
	inside box "$HELP/eat" 150 0
	wait_for 60 ended "$PID"
	wait_told 10 ".reason == \"pressure\" and .action == \"killed\" and .pid == $PID"
	alive $OUTSIDE "$SMALL" "$LARGE"
}

# What a stopped daemon leaves is the kernel's, and what the rules no longer say is taken back.
test_the_kernel_gets_its_own_back() {
	local high
	policy 'oom.policy = kill-largest'
	ctl run box -- true
	armed() {
		if [ -e "$(group_file memory memory.oom_control x box)" ]; then
			head -n 1 "$(group_file memory memory.oom_control x box)"
		else
			cat "$(group_file memory x memory.oom.delay box)" 2>/dev/null ||
				cat "$(group_file memory x memory.high box)"
		fi
	}
	high=$(armed)
	case $high in 'oom_kill_disable 1' | [1-9]*) ;; *) fail "not armed: $high" ;; esac
	stop_rbced || fail "it ended with status $?"
	RBCED=
	case $(armed) in 'oom_kill_disable 0' | max | 0) ;; *) fail "still armed: $(armed)" ;; esac
	# Without a daemon, and so without a policy, the kernel kills.
	"$BIN/rbced" --foreground --rules "$T/rules" --root "$ROOT" ${RBCE_SOURCE:+--source "$RBCE_SOURCE"} 2>>"$T/rbced.log" &
	RBCED=$!
	wait_for 20 daemon_answers
	equal "armed again" "$high" "$(armed)"
	kill -KILL "$RBCED"
	wait "$RBCED"
	write_rules <<-END
		[container box]
		memory.max = 32M
		swap.max = 0
	END
	begin_telling
	disarmed() { case $(armed) in 'oom_kill_disable 0' | max | 0) ;; *) return 1 ;; esac; }
	wait_for 20 disarmed
	inside box "$HELP/eat" 100
	wait_for 60 ended "$PID"
	equal "killed by the daemon" 0 "$(status oom.killed)"
}

descriptors() {
	find "/proc/$RBCED/fd" -mindepth 1 | wc -l
}

resident() {
	awk '$1 == "VmRSS:" { print $2 }' "/proc/$RBCED/status"
}

# kills_reach N
kills_reach() {
	[ "$(status oom.killed)" -ge "$1" ]
}

test_again_and_again_without_a_leak() {
	local fds rss n=${RBCE_OOMS:-200}
	policy 'oom.policy = kill-largest' 'oom.avoid = sh, bash'
	sed -i s/32M/16M/ "$T/rules/test.rules"
	ctl reload >/dev/null
	# shellcheck disable=SC2016 # for that shell
	inside box sh -c 'for i in $(seq "$1"); do "$2" 100 0 >/dev/null; done; echo all' sh $((n + 10)) "$HELP/eat"
	wait_for 60 kills_reach 10
	fds=$(descriptors)
	rss=$(resident)
	wait_for 340 ended "$PID"
	wait "$PID" || fail "the shell in the container was killed"
	wait_for 10 kills_reach $((n + 10))
	figure "$(status oom.killed) killed by the daemon, $(status oom.kernel-killed) by the kernel, VmRSS $rss kB before and $(resident) kB after"
	equal "kills" $((n + 10)) "$(($(status oom.killed) + $(status oom.kernel-killed)))"
	# A request more or less is open while one counts.
	between "descriptors" $((fds - 3)) $((fds + 3)) "$(descriptors)"
	between "VmRSS" 1000 $((rss + 512)) "$(resident)"
}

# The daemon in a group of 32 MiB of its own.
test_the_handler_under_a_limit() {
	local group
	group=$(dirname "$(group_file memory x x .)")
	group=${group%/"$ROOT"*}/$ROOT-daemon
	mkdir "$group" || fail "no group for the daemon"
	echo 32M >"$(ls "$group/memory.max" "$group/memory.limit_in_bytes" 2>/dev/null)" || fail "no limit for the daemon"
	printf '#!/bin/sh\necho $$ >%s/cgroup.procs\nexec "$@"\n' "$group" >"$T/limited"
	chmod 755 "$T/limited"
	RBCED_WITH=("$T/limited")
	policy 'oom.policy = kill-largest'
	# shellcheck disable=SC2034 # lib.sh has it
	RBCED_WITH=()
	contains "where the daemon stands" "$ROOT-daemon" "$(cat "/proc/$RBCED/cgroup")"
	bystanders
	for _ in 1 2 3 4 5; do
		inside box "$HELP/eat" 100
		wait_for 60 ended "$PID"
	done
	alive $OUTSIDE "$SMALL" "$LARGE" "$RBCED"
	equal "killed" 5 "$(status oom.killed)"
	figure "the daemon used at most $(($(cat "$group/memory.peak" "$group/memory.max_usage_in_bytes" 2>/dev/null) >> 10)) KiB of 32768; locked: $(awk '$1 == "VmLck:" { print $2 }' "/proc/$RBCED/status") kB"
	ended_well rbced "$RBCED" || fail "it ended badly"
	RBCED=
	wait_for 20 rmdir "$group"
}
