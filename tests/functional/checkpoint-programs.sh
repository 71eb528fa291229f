# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Programs that people run, through checkpoints in the midst of their work.
# needs: root cgroup criu
# the same on every cgroup layout

# twice COMMAND...: two checkpoints, each with a restart, of a container that does its work.
OPTIONS=(--file-locks)
twice() {
	local n
	for n in 1 2; do
		ctl checkpoint "${OPTIONS[@]}" --json one "$T/image-$n" >"$T/out" || fail "no checkpoint: $(grep -h Error "$T"/*.log)"
		figure "frozen for $(($(jq .frozen_us "$T/out") / 1000)) ms"
		ctl restore one "$T/image-$n" || fail "no restart"
		wait_for 60 "$@" $(($("$1") + 20))
	done
}

rows() {
	local n
	n=$(sqlite3 -cmd '.timeout 20000' "$T/db" 'select count(*) from t')
	[ $# -eq 0 ] && echo "$n" || [ "$n" -ge "$1" ]
}

# Each transaction has two rows, and none is half there.
test_sqlite() {
	sqlite3 "$T/db" 'create table t(n integer)'
	# shellcheck disable=SC2016 # for the shell inside
	ctl create --detach --namespaces none one -- bash -c '
		for ((i = 1;; i += 2)); do
			echo "begin; insert into t values($i); insert into t values($((i + 1))); commit;"
			sleep 0.02
		done | sqlite3 -bail -cmd ".timeout 20000" "$1"' sh "$T/db" || fail "cannot start"
	wait_for 60 rows 20
	twice rows
	equal "the file" "ok" "$(sqlite3 -cmd '.timeout 20000' "$T/db" 'pragma integrity_check')"
	equal "rows that are missing" "0" "$(sqlite3 -cmd '.timeout 20000' "$T/db" 'select max(n) - count(*) from t')"
	equal "rows there twice" "0" "$(sqlite3 -cmd '.timeout 20000' "$T/db" 'select count(*) - count(distinct n) from t')"
}

# lines [N]: how many answers came, or are there more than N?
# shellcheck disable=SC2120 # twice() gives it
lines() {
	local n
	n=$(wc -c <"$T/answers")
	[ $# -eq 0 ] && echo "$n" || [ "$n" -ge "$1" ]
}

# A client of outside, over TCP, which gets its answer to each request, late or not.
test_redis() {
	command -v redis-check-rdb >/dev/null || skip "there is no redis here (redis-tools)"
	local port=$((20000 + $$ % 10000)) client worst
	# The server is the same program by another name.
	# shellcheck disable=SC2016 # for the shell inside
	ctl create --detach --namespaces none one -- bash -c 'exec -a redis-server redis-check-rdb --bind 127.0.0.1 --port "$1" \
		--save "" --appendonly no --dir "$2"' sh "$port" "$T" || fail "cannot start"
	wait_for 60 redis-cli -p "$port" ping >/dev/null
	: >"$T/answers"
	python3 - "$port" "$T/answers" >"$T/worst" 2>"$T/client.log" <<-'END' &
		import signal, socket, sys, time
		running = True
		def stop(*_):
		    global running
		    running = False
		signal.signal(signal.SIGTERM, stop)
		link = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
		answers, answer, n, worst = open(sys.argv[2], "ab", 0), link.makefile("rb"), 0, 0
		while running:
		    began = time.monotonic()
		    link.sendall(b"INCR n\r\n")
		    n += 1
		    if answer.readline() != b":%d\r\n" % n:
		        sys.exit("the answer %d is wrong" % n)
		    worst = max(worst, time.monotonic() - began)
		    answers.write(b".")
		    time.sleep(0.01)
		print(int(worst * 1000))
	END
	client=$!
	wait_for 60 lines 20
	OPTIONS=(--tcp-established)
	twice lines
	kill -TERM $client
	wait $client || fail "the client: $(cat "$T/client.log")"
	worst=$(cat "$T/worst")
	figure "the client waited for $worst ms at most, with the restart"
	# shellcheck disable=SC2119
	equal "what the server counted" "$(lines)" "$(redis-cli -p "$port" get n)"
}

# Processes that share semaphores and pipes; each sum is right, and comes in its turn.
test_python_pool() {
	: >"$T/answers"
	ctl create --detach --namespaces none one -- python3 -c 'import itertools, multiprocessing, sys, time
def square(n):
    time.sleep(0.005)
    return n * n
answers = open(sys.argv[1], "ab", 0)
with multiprocessing.Pool(3) as pool:
    for turn in itertools.count():
        numbers = range(turn, turn + 24)
        if pool.map(square, numbers) != [n * n for n in numbers]:
            sys.exit("a square is wrong")
        answers.write(b".")' "$T/answers" || fail "cannot start"
	wait_for 90 lines 5
	between "processes" 4 10 "$(ctl ps --json one | jq '.tasks | length')"
	twice lines
}
