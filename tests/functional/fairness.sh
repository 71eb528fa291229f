# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# containerstats: how the CPUs were shared, and whether that was fair.
# needs: root cgroup
# the same on both as on v1

start() {
	write_rules <<<""
	start_rbced
	"$BIN/containerstats" record --root "$ROOT" --db "$T/db" --interval 500ms --no-exits "$@" 2>>"$T/recorder.log" &
	RECORDER=$!
	wait_for 20 grep -q 'recording root group' "$T/recorder.log"
}

stop_recorder() {
	kill -TERM "$RECORDER"
	wait "$RECORDER" || fail "the recorder ended with status $?: $(cat "$T/recorder.log")"
	RECORDER=
	equal "the database" ok "$(sqlite3 "$T/db" 'PRAGMA integrity_check')"
}

# share CONTAINER FIELD: of all CPUs together.
share() {
	"$BIN/containerstats" fairness --db "$T/db" --json |
		jq -r ".shares[] | select(.container == $1 and .cpu == null).$2"
}

# thousandths NUMBER
thousandths() {
	awk -v n="$1" 'BEGIN { printf "%d\n", n * 1000 }'
}

# start_hog CONTAINER SECONDS [COMMAND...]: on the first CPU, from the time WHEN on if there is one.
start_hog() {
	local container=$1 seconds=$2
	shift 2
	ctl run "$container" -- taskset -c 0 "$@" "$HELP/hog" "$seconds" ${WHEN:+"$WHEN"} >"$T/hog-${container//\//-}" &
	HOGS+=($!)
}

test_weights_on_one_cpu() {
	local heavy light second ratio WHEN
	HOGS=()
	start --shares 1s
	ctl run heavy -- true
	ctl run light -- true
	ctl set heavy cpu.weight=300
	# Together: who is runnable alone is entitled to the whole CPU.
	WHEN=$(($(date +%s) + 5))
	start_hog heavy 8
	start_hog light 8
	wait "${HOGS[@]}"
	stop_recorder
	# What a container ran after the last look at it is not known when it has gone by the next; what
	# starting took, which is much under emulation, is not in the hog's own figure.
	heavy=$(thousandths "$(share '"heavy"' ran_seconds)")
	light=$(thousandths "$(share '"light"' ran_seconds)")
	equal "the weight" 300 "$(share '"heavy"' weight)"
	between "what heavy ran, in milliseconds" $(($(cat "$T/hog-heavy") * 9 / 10 - 1100)) $(($(cat "$T/hog-heavy") * 11 / 10 + 700)) "$heavy"
	between "what light ran, in milliseconds" $(($(cat "$T/hog-light") * 9 / 10 - 1100)) $(($(cat "$T/hog-light") * 11 / 10 + 700)) "$light"
	figure "heavy got $(share '"heavy"' got) of what it was entitled to, light $(share '"light"' got)"
	[ "$(share '"heavy"' waited_seconds)" != null ] ||
		skip "this kernel tells neither how long a cgroup v1 group waited for a CPU nor its pressure"
	# Whether the kernel kept to it is another question: on a busy machine the lighter one may starve for
	# seconds. In a second in which both wanted the CPU all of the time, the weights alone say what each was
	# entitled to.
	second=$(sqlite3 -separator ' ' "$T/db" "
		SELECT h.time - h.period / 2, h.time + 0.01 FROM v_cpu_shares h JOIN v_cpu_shares l USING (time)
		WHERE h.container = 'heavy' AND l.container = 'light' AND h.cpu IS NULL AND l.cpu IS NULL
			AND min(h.ran_seconds + h.waited_seconds, l.ran_seconds + l.waited_seconds) > 0.95 * h.period
		ORDER BY h.time LIMIT 1")
	[ -n "$second" ] || skip "the machine was too busy: in no second both ran or waited all of the time"
	ratio=$("$BIN/containerstats" fairness --db "$T/db" --since "${second% *}" --until "${second#* }" --json |
		jq '[.shares[] | select(.cpu == null) | {key: (.container // ""), value: .entitled_seconds}] |
			from_entries | .heavy / .light * 1000 | floor')
	between "what heavy was entitled to by light's, in thousandths" 2700 3300 "$ratio"
	equal "throttled" null "$(share '"heavy"' throttled_by)"
}

# Who was promised much and is held down by a limit above it: that limit is named.
test_what_throttled_it() {
	HOGS=()
	start --shares 500ms
	ctl run limited/inner -- true
	ctl set limited cpu.max=10%
	start_hog limited/inner 5
	wait "${HOGS[@]}"
	stop_recorder
	equal "what throttled the container below" limited "$(share '"limited/inner"' throttled_by)"
	equal "what throttled the container itself" limited "$(share '"limited"' throttled_by)"
	[ "$(thousandths "$(share '"limited"' throttled_seconds)")" -gt 0 ] || fail "nothing was throttled"
	equal "its own limit" 0 "$(thousandths "$(share '"limited/inner"' throttled_seconds)")"
	contains "for people" "limited/inner" "$("$BIN/containerstats" fairness --db "$T/db" --last 1h --per-cpu)"
}

# For five seconds of work: whether what all CPUs did and waited adds up to the time that passed, within 1 %.
counts_all() {
	local before begun=${EPOCHREALTIME/./}
	before=$(cpu_milliseconds)
	timeout 5 dd if=/dev/zero of=/dev/null bs=4k 2>/dev/null
	COUNTED=$(($(cpu_milliseconds) - before))
	PASSED=$(((${EPOCHREALTIME/./} - begun) * $(nproc) / 1000))
	[ $((COUNTED * 100)) -ge $((PASSED * 99)) ]
}

# What all CPUs did, idleness included.
cpu_milliseconds() {
	awk -v hz="$(getconf CLK_TCK)" '$1 == "cpu" { for (i = 2; i <= 9; i++) n += $i; print int(n * 1000 / hz) }' /proc/stat
}

# Containers and the rest make up what all CPUs did, over a minute: user code, the kernel's, and nice.
test_sum_is_the_machine() {
	local containers rest machine sum all wall
	# Where ticks of the clock are lost, as under emulation, the kernel's account of the CPUs falls short: a
	# minute is not begun where five seconds show it.
	counts_all || skip "the kernel has lost ticks: its CPUs did $COUNTED ms in $PASSED"
	HOGS=()
	start --shares 5s
	start_hog user 50
	start_hog nice 50 nice -n 10
	ctl run system -- timeout 50 dd if=/dev/zero of=/dev/null bs=4k 2>/dev/null &
	sleep 60
	wait "${HOGS[@]}"
	stop_recorder
	all=$(sqlite3 "$T/db" 'SELECT cast(sum(user_seconds + nice_seconds + system_seconds + irq_seconds + steal_seconds + idle_seconds + iowait_seconds) * 1000 AS INTEGER) FROM v_cpus')
	wall=$(sqlite3 "$T/db" 'SELECT cast(sum(period) * 1000 AS INTEGER) FROM v_cpus')
	[ $((all * 100)) -ge $((wall * 99)) ] || skip "the kernel has lost ticks: its CPUs did $all ms in $wall"
	containers=$(sqlite3 "$T/db" "SELECT cast(sum(ran_seconds) * 1000 AS INTEGER) FROM v_cpu_shares WHERE cpu IS NULL AND container IN ('user', 'nice', 'system')")
	sum=$(sqlite3 "$T/db" "SELECT cast(sum(ran_seconds) * 1000 AS INTEGER) FROM v_cpu_shares WHERE cpu IS NULL AND container = '/'")
	rest=$(sqlite3 "$T/db" "SELECT cast(coalesce(sum(ran_seconds), 0) * 1000 AS INTEGER) FROM v_cpu_shares WHERE cpu IS NULL AND container IS NULL")
	machine=$(sqlite3 "$T/db" 'SELECT cast(sum(user_seconds + nice_seconds + system_seconds + irq_seconds) * 1000 AS INTEGER) FROM v_cpus')
	figure "containers $containers ms, the rest $rest ms, the machine $machine ms"
	between "the containers beside their root group" $((sum * 99 / 100 - 20)) $((sum * 101 / 100 + 20)) "$containers"
	between "containers and the rest beside the machine" $((machine * 99 / 100 - 20)) $((machine * 101 / 100 + 20)) $((containers + rest))
}

test_mistakes() {
	"$BIN/containerstats" fairness 2>"$T/err"
	equal "status without a database" 2 $?
	"$BIN/containerstats" fairness --db "$T/none" 2>"$T/err" && fail "judged nothing"
	contains "a missing database" "containerstats: cannot open '$T/none': " "$(cat "$T/err")"
	"$BIN/containerstats" record --db "$T/x" --shares often 2>"$T/err"
	equal "status of a bad interval" 2 $?
	start --shares never
	sleep 1
	stop_recorder
	equal "shares" '[]' "$("$BIN/containerstats" fairness --db "$T/db" --json | jq -c .shares)"
}
