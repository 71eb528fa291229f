# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# containerstats serve: who it answers and who not, what it gives up, and how long it bears with anybody.
# the same on every cgroup layout

DAY=$PWD/$B/tests/bench/daylong

# begin_serve [OPTION...]: on a free port of the loopback, over $T/db; URL, PORT and SERVER.
begin_serve() {
	"$BIN/containerstats" serve --db "$T/db" --listen 127.0.0.1:0 "$@" 2>"$T/server.log" &
	SERVER=$!
	wait_for 20 grep -qs 'listening on' "$T/server.log"
	URL=$(sed -n 's/.*listening on //p' "$T/server.log" | tail -n 1)
	PORT=${URL##*:}
}

end_serve() {
	kill -TERM "$SERVER"
	wait "$SERVER" || fail "the server ended with $?: $(cat "$T/server.log")"
}

record_some() {
	"$DAY" "$T/db" 12 1 || fail "no record"
	chmod 644 "$T/db"
}

# code CURL-ARGUMENT...: the status alone.
code() {
	curl -s -o /dev/null -w '%{http_code}' --path-as-is "$@"
}

# said TEXT: what the server answers to bytes as they are.
said() {
	exec 7<>"/dev/tcp/127.0.0.1/$PORT" || fail "cannot connect"
	printf '%b' "$1" >&7
	timeout 10 cat <&7
	exec 7>&-
}

test_requests() {
	local status
	record_some
	begin_serve
	equal "the record" true "$(curl -s "$URL/api/v1/status" | jq '.record[0].containers == 12')"
	equal "packed" true "$(curl -s --compressed "$URL/api/v1/status" | jq '.metrics | length > 100')"
	equal "cpu" true "$(curl -s "$URL/api/v1/series?metric=cpu_seconds:rate&container=/&last=1h" | jq '.series[0].values[0] | add > 0')"
	equal "the newest of each" "12 true" "$(curl -s "$URL/api/v1/now" | jq -r '(.metrics | index("memory_bytes") + 1) as $i | "\(.rows | length) \(.rows | all(.[1] > 0 and .[$i] > 0))"')"
	equal "series as query tells them" \
		"$("$BIN/containerstats" query --db "$T/db" --metric cpu_seconds --container builds/job-1 --from 0 --step 10min --json | jq -c '[.series[].points[].cpu_seconds]')" \
		"$(curl -s "$URL/api/v1/series?metric=cpu_seconds&container=builds/job-1&from=0&step=10min" | jq -c '[.series[].values[0][] | select(. != null)]')"
	equal "what disks did, as their sum" true "$(curl -s "$URL/api/v1/devices?container=/&last=1h&step=600" |
		jq "([.devices[].io_written_bytes] | add) / $(sqlite3 -readonly "$T/db" "SELECT sum(io_written_bytes) FROM v_io WHERE container = '/'") | . > 0.95 and . < 1.05")"
	equal "their names" '["nvme0n1","sda"]' "$(curl -s "$URL/api/v1/devices?container=/&last=1h" | jq -c '[.devices[].name] | unique')"
	equal "and as counters" true "$(curl -s "$URL/metrics" | awk '/^rbce_container_device_io_written_bytes_total\{container="\/",device="(sda|nvme0n1)"\}/ { n++; d += $2 }
		/^container_fs_writes_bytes_total\{container="\/"\}/ { all = $2 } END { print (n == 2 && all > 0 && d > all * 0.999 && d <= all ? "true" : n " " d " " all) }')"
	equal "method" 405 "$(code -X DELETE "$URL/api/v1/status")"
	equal "method nobody knows" 405 "$(code -X BREW "$URL/")"
	equal "HEAD" 200 "$(code -I "$URL/api/v1/status")"
	equal "a body" 405 "$(head -c 100000 /dev/zero | code -X POST --data-binary @- "$URL/api/v1/status")"
	for status in /../../etc/passwd /%2e%2e/%2e%2e/etc/passwd //etc/passwd /..%2f..%2fetc/passwd '/..\..\etc' /api/v1/status/x; do
		equal "$status" 404 "$(code "$URL$status")"
	done
	equal "a zero byte" 400 "$(code "$URL/api/v1/status%00")"
	equal "a container there is not" 404 "$(code "$URL/api/v1/limits?container=nowhere")"
	equal "too much" 400 "$(code "$URL/api/v1/series?metric=cpu_seconds&from=0&step=1ms")"
	equal "another's name" 421 "$(code -H 'Host: evil.example' "$URL/api/v1/status")"
	equal "another's page" 403 "$(code -H 'Origin: http://evil.example' "$URL/api/v1/status")"
	equal "another's page, by what the browser says of it" 403 "$(code -H 'Sec-Fetch-Site: cross-site' -H 'Sec-Fetch-Mode: cors' "$URL/api/v1/status")"
	equal "its ticks" 403 "$(code -H 'Origin: http://evil.example' "$URL/api/v1/live")"
	equal "a link there" 200 "$(code -H 'Sec-Fetch-Site: cross-site' -H 'Sec-Fetch-Mode: navigate' "$URL/api/v1/status")"
	equal "a script of ours alone" "script-src 'self'" "$(curl -sI "$URL/" | grep -io "script-src [^;]*")"
	contains "policy" "default-src 'none'" "$(curl -sI "$URL/api/v1/status")"
	equal "unknown query, unknown container" "400 404" "$(code "$URL/api/v1/series?metric=nonsense") $(code "$URL/api/v1/limits?container=../../etc")"
	end_serve
}

test_bytes_that_are_no_request() {
	record_some
	begin_serve --patience 2s
	equal "nothing of HTTP" "" "$(said 'hello\r\n\r\n')"
	contains "no host" "400" "$(said 'GET / HTTP/1.1\r\n\r\n')"
	contains "two lengths" "400" "$(said 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n')"
	contains "a whole address" "400" "$(said "GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")"
	# 10 MB of headers: an answer or an end, never the memory for them.
	{ printf 'GET / HTTP/1.1\r\nHost: localhost\r\nX: '; head -c 10000000 /dev/zero | tr '\0' x; } |
		timeout 20 bash -c "exec 7<>/dev/tcp/127.0.0.1/$PORT; cat >&7 2>/dev/null; head -n 1 <&7" >"$T/out" 2>/dev/null
	between "kilobytes that it takes" 1 200000 "$(awk '/^VmRSS/ { print $2 }' "/proc/$SERVER/status")"
	equal "still there" 200 "$(code "$URL/api/v1/status")"
	end_serve
}

# Many that begin and do not go on: who does is answered all the same, and the others are ended.
test_half_open() {
	local i fds=()
	record_some
	begin_serve --patience 2s
	for i in {1..60}; do
		exec {fd}<>"/dev/tcp/127.0.0.1/$PORT"
		fds+=("$fd")
		[ $((i % 2)) = 0 ] || printf 'GET /api/v1/status HTTP/1.1\r\nHost: loc' >&"$fd"
	done
	equal "beside them" 200 "$(code "$URL/api/v1/status")"
	equal "connections" 60 "$(open_connections)"
	# One byte a while keeps no connection: the exchange has its time as a whole.
	fd=${fds[0]}
	wait_for 90 slow_one_ended
	for fd in "${fds[@]}"; do exec {fd}>&-; done
	end_serve
}

# Who asks for much and reads none of it is ended as well, and keeps nobody waiting.
test_slow_readers() {
	local i fds=()
	record_some
	# Long enough for a busy machine to have all of them wait at once.
	begin_serve --patience 8s
	for i in {1..20}; do
		exec {fd}<>"/dev/tcp/127.0.0.1/$PORT"
		printf 'GET /api/v1/series?metric=cpu_seconds,memory_bytes,pids,io_reads&match=*&last=1h&step=1s HTTP/1.1\r\nHost: localhost\r\n\r\n' >&"$fd"
		fds+=("$fd")
	done
	wait_for 60 server_has_waiting
	equal "beside them" 200 "$(code "$URL/api/v1/status")"
	wait_for 90 no_connections
	for fd in "${fds[@]}"; do exec {fd}>&-; done
	between "kilobytes that it takes" 1 400000 "$(awk '/^VmRSS/ { print $2 }' "/proc/$SERVER/status")"
	end_serve
}

# What it cannot get rid of lies in the sockets.
server_has_waiting() {
	[ "$(ss -Htn state established "sport = :$PORT" | awk '$2 > 0' | wc -l)" -ge 20 ]
}

no_connections() {
	[ "$(open_connections)" = 0 ]
}

slow_one_ended() {
	(echo a 1>&"$fd") || return 0
	[ "$(open_connections)" = 0 ]
}

open_connections() {
	ss -Htn state established "sport = :$PORT" | wc -l
}

test_what_it_gives_up() {
	[ "$(id -u)" = 0 ] || skip "only root has something to give up"
	record_some
	begin_serve
	equal "user" nobody "$(ps -o user= -p "$SERVER")"
	equal "groups" "" "$(awk '/^Groups/ { print $2 }' "/proc/$SERVER/status")"
	equal "capabilities" 0000000000000000 "$(awk '/^CapPrm/ { print $2 }' "/proc/$SERVER/status")"
	equal "capabilities to be had" 0000000000000000 "$(awk '/^CapBnd/ { print $2 }' "/proc/$SERVER/status")"
	equal "no new privileges" 1 "$(awk '/^NoNewPrivs/ { print $2 }' "/proc/$SERVER/status")"
	[ "$B" != build ] || equal "system calls by list" 2 "$(awk '/^Seccomp:/ { print $2 }' "/proc/$SERVER/status")"
	equal "what it has open to write" "" "$(find "/proc/$SERVER/fd" -lname "$T/db*" -exec sh -c '
		for f; do read -r _ flags <"/proc/'"$SERVER"'/fdinfo/${f##*/}"; grep -q "^flags:.*[12]$" "/proc/'"$SERVER"'/fdinfo/${f##*/}" && echo "$f"; done' sh {} +)"
	equal "it answers" 200 "$(code "$URL/api/v1/status")"
	end_serve
	"$BIN/containerstats" serve --db "$T/db" --listen 0.0.0.0:0 2>"$T/out" && fail "it listens to all the world"
	contains "what that takes" "--tls-cert, --tls-key and --token" "$(cat "$T/out")"
}

test_a_unix_socket() {
	record_some
	"$BIN/containerstats" serve --db "$T/db" --listen "unix:$T/socket" 2>"$T/server.log" &
	SERVER=$!
	wait_for 20 grep -qs 'listening on' "$T/server.log"
	equal "through it" 200 "$(code --unix-socket "$T/socket" http://stats/api/v1/status)"
	end_serve
}

test_tls_and_token() {
	command -v openssl >/dev/null || skip "there is no openssl to make a certificate with"
	record_some
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
		-addext subjectAltName=DNS:localhost -keyout "$T/key" -out "$T/cert" 2>/dev/null || fail "no certificate"
	echo "only-those-who-know-it" >"$T/token"
	chmod 600 "$T/key" "$T/token"
	begin_serve --tls-cert "$T/cert" --tls-key "$T/key" --token "$T/token"
	URL=https://localhost:$PORT
	equal "without the token" 401 "$(code --cacert "$T/cert" "$URL/api/v1/status")"
	equal "with it" 200 "$(code --cacert "$T/cert" -H 'Authorization: Bearer only-those-who-know-it' "$URL/api/v1/status")"
	equal "shown" 204 "$(code --cacert "$T/cert" -c "$T/jar" -X POST -H 'Authorization: Bearer only-those-who-know-it' "$URL/api/v1/login")"
	equal "remembered" 200 "$(code --cacert "$T/cert" -b "$T/jar" "$URL/api/v1/status")"
	end_serve
}

# What the recorder writes is told within moments; nobody waits for whoever does not read.
# Of a second in which nothing of a container changed it has no row, and what they do depends on the hour.
test_live() {
	local id rows
	"$DAY" "$T/db" 12 1 live &
	RECORDER_LIKE=$!
	wait_for 60 test -s "$T/db-wal"
	begin_serve
	curl -sN "$URL/api/v1/live" >"$T/stream" &
	exec 8<>"/dev/tcp/127.0.0.1/$PORT"
	printf 'GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\n\r\n' >&8
	wait_for 60 has_ticks 3
	read -r id rows < <(awk '$1 == "id:" { id = $2 } sub(/^data: /, "") { newest = $0; of = id } END { print of, newest }' "$T/stream")
	rows=$(jq '.rows | length' <<<"$rows")
	between "rows of the newest" 1 12 "$rows"
	equal "rows of the newest" "$(sqlite3 "$T/db" "SELECT count(*) FROM usage WHERE time = $id / 1000")" "$rows"
	exec 8>&-
	kill -TERM $RECORDER_LIKE
	end_serve
}

has_ticks() {
	[ "$(grep -c '^event: tick' "$T/stream")" -ge "$1" ]
}

# prometheus_said QUERY: the value that it has of it.
prometheus_said() {
	curl -s --data-urlencode "query=$1" "http://127.0.0.1:$PROMETHEUS_PORT/api/v1/query" | jq -r '.data.result[0].value[1] // empty'
}

scrapes() {
	[ "$(prometheus_said 'sum_over_time(up{job="rbce"}[1h])' | cut -d. -f1)" -ge "$1" ] 2>/dev/null
}

# find_prometheus: its path, with promtool beside it, of a package that is not installed for it (its daemon
# would be started).
find_prometheus() {
	local cache=${XDG_CACHE_HOME:-$HOME/.cache}/rbce/prometheus
	command -v prometheus && return
	if [ ! -x "$cache/prometheus" ]; then
		mkdir -p "$T/deb" "$cache" &&
			(cd "$T/deb" && apt-get download -q prometheus >/dev/null 2>&1) &&
			dpkg-deb --fsys-tarfile "$T"/deb/prometheus_*.deb | tar -x -C "$T/deb" ./usr/bin/promtool ./usr/bin/prometheus &&
			mv "$T"/deb/usr/bin/* "$cache/" || return 1
	fi
	echo "$cache/prometheus"
}

# A real Prometheus takes it, and has what the database has.
test_prometheus() {
	local tool
	tool=$(find_prometheus) || skip "there is no prometheus, and no package of it to be had"
	"$DAY" "$T/db" 12 1 live &
	RECORDER_LIKE=$!
	wait_for 60 test -s "$T/db-wal"
	begin_serve
	curl -s "$URL/metrics" >"$T/metrics"
	"${tool%/*}/promtool" check metrics <"$T/metrics" >"$T/lint" 2>&1 || fail "promtool: $(head "$T/lint")"
	PROMETHEUS_PORT=$((20000 + RANDOM % 10000))
	cat >"$T/prometheus.yml" <<-END
		global: { scrape_interval: 1s }
		scrape_configs:
		  - job_name: rbce
		    static_configs: [ { targets: [ "127.0.0.1:$PORT" ] } ]
	END
	"$tool" --config.file="$T/prometheus.yml" --storage.tsdb.path="$T/tsdb" --web.listen-address="127.0.0.1:$PROMETHEUS_PORT" \
		>"$T/prometheus.log" 2>&1 &
	wait_for 60 scrapes 3
	equal "scrapes that failed" "" "$(prometheus_said 'up{job="rbce"} == 0')"
	# All stands still before it is compared.
	kill -TERM $RECORDER_LIKE
	wait $RECORDER_LIKE 2>/dev/null
	wait_for 60 same_cpu
	equal "containers" 12 "$(prometheus_said 'count(container_cpu_usage_seconds_total)')"
	end_serve
}

# The rules in the book are rules.
test_fleet_rules() {
	local tool
	tool=$(find_prometheus) || skip "there is no prometheus, and no package of it to be had"
	awk '/^```/ { on = 0 } on; /^```yaml/ { block++; on = block == 3 }' docs/FLEET.md >"$T/rules.yml"
	"${tool%/*}/promtool" check rules "$T/rules.yml" >"$T/out" 2>&1 || fail "$(cat "$T/out")"
	contains "what was found" "10 rules found" "$(cat "$T/out")"
}

# What the kernel had counted when it was saved, and what followed.
same_cpu() {
	local here
	here=$(sqlite3 -readonly "$T/db" "SELECT k.cpu_usec + coalesce((SELECT sum(s.cpu_usec) FROM samples s JOIN ticks t ON t.id = s.at >> 28
		WHERE s.container = k.container AND t.time > k.time / 1000.0), 0) FROM counters k JOIN containers c ON c.id = k.container WHERE c.name = 'services/unit-2'")
	[ "$here" -gt 0 ] && [ "$here" = "$(prometheus_said 'container_cpu_usage_seconds_total{container="services/unit-2"} * 1e6' | awk '{ printf "%.0f", $1 }')" ]
}

# given EXPRESSION: the server with what that Python opens as its descriptor 3.
given() {
	python3 -c 'import os, socket, sys
os.dup2(eval(sys.argv[1]), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])' "$1" "$BIN/containerstats" serve --db "$T/db" 2>"$T/err"
}

# The socket is systemd's, and the server begins when somebody comes.
test_a_socket_of_systemds() {
	local ask
	command -v systemd-socket-activate >/dev/null || skip "no systemd-socket-activate"
	record_some
	ask=(curl -s --unix-socket "$T/socket" http://localhost/api/v1/status)
	systemd-socket-activate -l "$T/socket" "$BIN/containerstats" serve --db "$T/db" 2>"$T/server.log" &
	SERVER=$!
	wait_for 20 test -S "$T/socket"
	! grep -q containerstats: "$T/server.log" || fail "it began before anybody came"
	equal "the first" 12 "$("${ask[@]}" | jq '.record[0].containers')"
	equal "the second" 12 "$("${ask[@]}" | jq '.record[0].containers')"
	contains "where" "listening on unix:$T/socket" "$(cat "$T/server.log")"
	end_serve
	# What is no socket is refused, and so is one that other machines reach.
	given 'os.open("/dev/null", 0)' && fail "a file is taken"
	contains "of a file" "it takes one stream socket that listens" "$(cat "$T/err")"
	given 'socket.create_server(("", 0)).detach()' && fail "any machine gets there"
	contains "of all" "other machines get there" "$(cat "$T/err")"
}
