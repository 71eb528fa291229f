# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# containerstats query and export: what they tell of a record, and what others make of that.
# needs: root cgroup
# the same on every cgroup layout

# The kernel's own account of the container busy, in milliseconds of CPU.
used() {
	ctl containers --json | jq '.containers[] | select(.container == "busy").cpu_usec / 1000 | floor'
}

runs_sleep() {
	[ "$(cat "/proc/$1/comm")" = sleep ]
}

has_samples() {
	[ "$(sqlite3 "$T/db" "SELECT count(*) FROM usage WHERE container = 'busy'" 2>/dev/null || echo 0)" -ge "$1" ]
}

# Records a hog in the container busy, that is there from before to after, and what the kernel says it used.
record_hog() {
	local before
	private_copy "$HELP/hog" hog >/dev/null
	write_rules <<-END
		[rule hogs]
		exe = $T/bin/hog
		container = busy
	END
	start_rbced
	"$BIN/rbcectl" run --root "$ROOT" busy -- sleep 100 &
	settled $! busy
	wait_for 20 runs_sleep $!
	before=$(used)
	"$BIN/containerstats" record --root "$ROOT" --db "$T/db" --interval 250ms 2>>"$T/recorder.log" &
	RECORDER=$!
	wait_for 20 has_samples 1
	"$T/bin/hog" 3 >/dev/null
	USED=$(($(used) - before))
	kill -TERM $RECORDER
	wait $RECORDER || fail "the recorder ended with status $?"
	RECORDER=
}

stats() {
	"$BIN/containerstats" "$@" --db "$T/db"
}

# find_promtool: the path of Prometheus' own reader, of a package that is not installed for it (its daemon
# would be started).
find_promtool() {
	local cache=${XDG_CACHE_HOME:-$HOME/.cache}/rbce/promtool
	command -v promtool && return
	if [ ! -x "$cache/promtool" ]; then
		mkdir -p "$T/deb" "$cache" &&
			(cd "$T/deb" && apt-get download -q prometheus >/dev/null 2>&1) &&
			dpkg-deb --fsys-tarfile "$T"/deb/prometheus_*.deb | tar -x -C "$T/deb" ./usr/bin/promtool 2>/dev/null &&
			mv "$T/deb/usr/bin/promtool" "$cache/promtool" || return 1
	fi
	echo "$cache/promtool"
}

test_series_agree_with_the_kernel() {
	local step sum
	record_hog
	[ "$USED" -gt 0 ] || fail "the hog used nothing"
	# In whatever steps, and at the end of the exported counter.
	for step in 250ms 1s 7s 1h; do
		sum=$(stats query --metric cpu_seconds --container busy --step $step --csv |
			awk -F, 'NR > 1 { sum += $3 } END { printf "%d", sum * 1000 }')
		between "milliseconds of CPU in steps of $step" $((USED * 9 / 10 - 100)) $((USED + 100)) "$sum"
	done
	sum=$(stats export --format openmetrics --container busy --metric cpu_seconds |
		awk '/^container_cpu_usage_seconds_total/ { last = $2 } END { printf "%d", last * 1000 }')
	between "milliseconds of CPU exported" $((USED * 9 / 10 - 100)) $((USED + 100)) "$sum"
	sum=$(stats export --container busy | sqlite3 :memory: '.import --csv /dev/stdin r' 'SELECT CAST(sum(cpu_seconds) * 1000 AS INTEGER) FROM r')
	between "milliseconds of CPU as CSV" $((USED * 9 / 10 - 100)) $((USED + 100)) "$sum"
	equal "JSON" '["busy"]' "$(stats query --metric cpu_seconds:rate,memory_bytes:max --container 'b*' --json |
		jq -c '[.series[] | select(.points | length > 0).container]')"
	contains "for people" " busy " "$(stats query --metric cpu_seconds --container busy)"
}

test_prometheus_takes_it() {
	local tool n
	tool=$(find_promtool) || skip "there is no promtool, and no package of it to be had"
	record_hog
	stats export --format openmetrics --step 1s >"$T/metrics" || fail "export ended with $?"
	"$tool" tsdb create-blocks-from openmetrics "$T/metrics" "$T/tsdb" >"$T/out" 2>&1 ||
		fail "refused: $(cat "$T/out")"
	# It looks for a log that only a running Prometheus has.
	mkdir "$T/tsdb/wal"
	"$tool" tsdb dump --match '{__name__="container_cpu_usage_seconds_total",container="busy"}' "$T/tsdb" >"$T/dump" 2>"$T/err" ||
		fail "$(cat "$T/err")"
	n=$(grep -c '^container_cpu_usage_seconds_total{container="busy"}' "$T/metrics")
	[ "$n" -gt 2 ] || fail "there are only $n samples"
	equal "samples that it has" "$n" "$(wc -l <"$T/dump")"
}

# Whoever waits for it on a terminal sees how far it has got; nobody else does.
test_progress() {
	sqlite3 "$T/none" 'SELECT 1'
	record_hog
	sqlite3 "$T/db" "WITH n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
		INSERT INTO events(time, container, event, action, detail)
		SELECT unixepoch() - 1, 'busy', 'test', 'none', i || ' of many that fill the pipe' FROM n"
	cat >"$T/slow" <<-END
		"$BIN/containerstats" export --db "$T/db" --view v_events | { sleep 1; cat >"$T/rows"; }
	END
	TERM=xterm script -qec "sh $T/slow" /dev/null >"$T/screen"
	equal "lines, with the head" $(($(sqlite3 "$T/db" 'SELECT count(*) FROM v_events') + 1)) "$(wc -l <"$T/rows")"
	contains "on the terminal" "exporting [" "$(cat "$T/screen")"
	sh "$T/slow" 2>"$T/err"
	equal "elsewhere" "" "$(cat "$T/err")"
}
