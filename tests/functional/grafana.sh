# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Every query of the Grafana dashboards, against a real record and a real Prometheus.
# the same on every cgroup layout

SQLITE=stats/grafana/dashboards/host-sqlite.json
FLEET=stats/grafana/dashboards/fleet-prometheus.json

# What the plugin and Grafana put in for their names.
filled_in() {
	local text=$1 now
	now=$(date +%s)
	text=${text//\$__from/$(((now - 7200) * 1000))}
	text=${text//\$__to/$((now * 1000))}
	echo "${text//\$container/\'builds/job-3\', \'services/unit-2\', \'/\'}"
}

test_sqlite_dashboard() {
	local query n=0 rows empty=
	"$B/tests/bench/daylong" "$T/db" 12 2 || fail "no record"
	while IFS= read -r query; do
		rows=$(sqlite3 -readonly "$T/db" "$(filled_in "$query")" 2>&1) || fail "'$query': $rows"
		[ -n "$rows" ] || empty+=" [$query]"
		n=$((n + 1))
	done < <(jq -r '.panels[].targets[].queryText, .annotations.list[].target.queryText, .templating.list[].query' "$SQLITE")
	[ "$n" -ge 15 ] || fail "there are only $n queries"
	equal "queries without a row" "" "$empty"
	equal "the same text twice" true "$(jq '[.panels[].targets[] | .queryText == .rawQueryText] | all' "$SQLITE")"
	equal "each has its column of times" true "$(jq '[.panels[].targets[] | select(.queryType == "time series") | .queryText | startswith("SELECT time,")] | all' "$SQLITE")"
}

# Names that a dashboard asks for are names that /metrics has.
test_prometheus_dashboard() {
	local name
	"$B/tests/bench/daylong" "$T/db" 12 1 || fail "no record"
	"$BIN/containerstats" serve --db "$T/db" --listen "unix:$T/socket" 2>"$T/log" &
	wait_for 20 grep -q listening "$T/log"
	curl -s --unix-socket "$T/socket" http://stats/metrics >"$T/metrics"
	for name in $(jq -r '.panels[].targets[].expr' "$FLEET" | grep -oE '(container|rbce)_[a-z_]+' | sort -u | grep -v '^container_oom_events_total$'); do
		grep -q "^${name}[{ ]" "$T/metrics" || fail "there is no $name"
	done
}
