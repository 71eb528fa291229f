# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# ulimitx on real groups: which of the groups above decides, what runtimes make of it, and the libraries.
# needs: root cgroup
# the same on both as on v1

LIB=${BIN%/bin}/lib

# A sleeper three groups down, whose pid is PID.
nested() {
	write_rules </dev/null
	start_rbced
	"$BIN/rbcectl" run --root "$ROOT" one/two/three -- sleep 1000 &
	PID=$!
	settled $PID one/two/three
}

field() {
	"$BIN/ulimitx" --json --pid "$PID" "$1" | jq -r ".limits[0].$2"
}

test_each_ancestor_in_turn() {
	local level key value expected
	nested
	for level in one/two/three one/two one; do
		while read -r key value expected; do
			ctl set "$level" "$key=$value" || fail "cannot set $key of $level"
			equal "$key on $level" "$expected" "$(field "$key" limit)"
			contains "who imposes $key on $level" ":/$ROOT/$level " "$(field "$key" imposed_by)"
			contains "the chain of $key" "<- holds" "$("$BIN/ulimitx" --pid "$PID" --explain "$key" | grep ":/$ROOT/$level ")"
			ctl set "$level" "$key=max"
		done <<-END
			memory.max 300M 314572800
			cpu.max 50% 50000
			pids.max 44 44
		END
	done
}

# A group above that may not be entered: what is below it holds, and it is said that it may be less.
test_unreadable_ancestor() {
	local dir
	nested
	ctl set one/two/three pids.max=40
	dir=$(group_file pids pids.max pids.max one/two)
	chmod 0 "$dir"
	setpriv --reuid $TEST_UID --clear-groups "$BIN/ulimitx" --pid $PID pids.max >"$T/out" 2>&1
	chmod 644 "$dir"
	contains "the limit" "<=40" "$(cat "$T/out")"
	contains "why" "cannot be told in full: Permission denied" "$(cat "$T/out")"
}

test_a_process_that_ends() {
	local watcher
	sleep 100 &
	PID=$!
	"$BIN/ulimitx" --pid $PID --watch 50ms nofile >"$T/out" 2>"$T/err" &
	watcher=$!
	wait_for 10 test -s "$T/out"
	kill -KILL $PID
	wait $watcher
	equal "status" 1 $?
	equal "the line" "ulimitx: cannot read process '$PID': it has ended" "$(cat "$T/err")"
}

test_letters() {
	equal "open files" 321 "$(prlimit --nofile=321:456 "$BIN/ulimitx" -n)"
	equal "hard" 456 "$(prlimit --nofile=321:456 "$BIN/ulimitx" -H -n)"
	equal "as the shell" "$(ulimit -s)" "$("$BIN/ulimitx" -s)"
	equal "unlimited" "$(ulimit -v)" "$("$BIN/ulimitx" -v)"
	equal "two letters are a table" 3 "$("$BIN/ulimitx" -n -s | wc -l)"
	"$BIN/ulimitx" --columns resource,nonsense 2>"$T/err"
	equal "unknown column" 2 $?
	contains "its message" "cannot show column 'nonsense'" "$(cat "$T/err")"
}

test_export() {
	write_rules </dev/null
	start_rbced
	ctl run small memory.max=200M cpu.max=100% -- "$BIN/ulimitx" --export >"$T/env"
	(
		export MAKEFLAGS=-k
		. "$T/env"
		equal "OpenMP" 1 "$OMP_NUM_THREADS"
		equal "Go's memory" $((200 * 1048576 - 200 * 1048576 / 10)) "$GOMEMLIMIT"
		equal "make" "-k -j1" "$MAKEFLAGS"
		contains "java" "-XX:ActiveProcessorCount=1 -XX:MaxRAM=209715200" "$JAVA_TOOL_OPTIONS"
	) || exit 1
	equal "one of them" 1 "$("$BIN/ulimitx" --export GOMAXPROCS | wc -l)"
	"$BIN/ulimitx" --export NONSENSE 2>/dev/null
	equal "one that nobody knows" 2 $?
}

# told RUNTIME VERSIONS CPUS: ulimitx says in this container what the runtime said there.
told() {
	local mine
	mine=$(ctl run place/job -- "$BIN/ulimitx" --as "$1" --json | jq -r ".runtimes[] | select((.versions // \"\") == \"$2\").cpus")
	equal "$1 under $QUOTA on $WHERE" "$3" "$mine"
}

# as_runtime NAME VERSIONS COMMAND...: for quotas on its own group, and for one on the group above; under
# emulation, where starting such a runtime takes seconds, for one of each.
as_runtime() {
	local name=$1 versions=$2 out
	shift 2
	write_rules </dev/null
	start_rbced
	while read -r WHERE QUOTA; do
		[ "${RBCE_TRIES:-1}" -eq 1 ] || [[ $QUOTA =~ ^1?50%$ ]] || continue
		ctl run place/job -- true
		ctl set "$WHERE" "cpu.max=$QUOTA" || fail "cannot set cpu.max"
		out=$(ctl run place/job -- "$@" </dev/null) || fail "$name failed under $QUOTA"
		told "$name" "$versions" "$out"
		ctl set "$WHERE" cpu.max=max
	done <<-END
		place/job 50%
		place/job 33.3%
		place/job 100%
		place/job 190%
		place/job 170%
		place 150%
	END
}

test_as_nproc() {
	as_runtime nproc "before coreutils 9.8" nproc
}

test_as_python() {
	command -v python3 >/dev/null || skip "no python3"
	python3 -c 'import sys; sys.exit(sys.version_info >= (3, 13))' || skip "this python knows more"
	as_runtime python "before 3.13" "$(python3 -c 'import sys; print(sys.executable)')" -c 'import os; print(os.cpu_count())'
}

test_as_node() {
	command -v node >/dev/null || skip "no node"
	[ "$(node -p 'parseInt(process.versions.node) < 22')" = true ] || skip "node is newer than the rule"
	as_runtime node "before 22.12" node -p 'os.availableParallelism()'
}

test_as_rust() {
	command -v rustc >/dev/null && rustc --version >/dev/null 2>&1 || skip "no rustc"
	echo 'fn main() { println!("{}", std::thread::available_parallelism().unwrap()); }' >"$T/n.rs"
	rustc -o "$T/n" "$T/n.rs" 2>"$T/err" || skip "rustc cannot build: $(head -n 1 "$T/err")"
	as_runtime rust "" "$T/n"
}

test_as_jvm() {
	local version
	command -v java >/dev/null || skip "no java"
	version=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
	[ "$version" -lt 24 ] || skip "java is newer than the rule"
	# shellcheck disable=SC2016 # for that shell
	as_runtime jvm "before 24" sh -c 'java -Xlog:os+container=trace -version 2>/dev/null |
		sed -n "s/.*OSContainer::active_processor_count: \([0-9]*\).*/\1/p" | tail -n 1'
}

test_as_go() {
	command -v go >/dev/null || skip "no go"
	mkdir "$T/go" && printf 'package main\nimport ("fmt"; "runtime")\nfunc main() { fmt.Println(runtime.GOMAXPROCS(0)) }\n' >"$T/go/n.go"
	(cd "$T/go" && HOME=$T GO111MODULE=off go build -o n n.go) || skip "go cannot build"
	case $(go version) in
	*go1.[0-9].* | *go1.1[0-9]* | *go1.2[0-4]*) as_runtime go "before 1.25" "$T/go/n" ;;
	*) as_runtime go "1.25 and later" "$T/go/n" ;;
	esac
}

test_as_automaxprocs() {
	[ -d /usr/share/gocode/src/go.uber.org/automaxprocs ] || skip "no automaxprocs"
	mkdir "$T/go" && printf 'package main\nimport ("fmt"; "runtime"; _ "go.uber.org/automaxprocs")\nfunc main() { fmt.Println(runtime.GOMAXPROCS(0)) }\n' >"$T/go/n.go"
	(cd "$T/go" && HOME=$T GO111MODULE=off GOPATH=/usr/share/gocode go build -o n n.go) || skip "go cannot build"
	# shellcheck disable=SC2016 # for that shell
	as_runtime automaxprocs "" sh -c '"$1" 2>/dev/null' sh "$T/go/n"
}

shim() {
	ctl run place/job -- env LD_PRELOAD="$LIB/libulimitx-preload.so" "$@"
}

test_preload() {
	[ -z "${SAN:-}" ] || skip "the sanitizers want to be first"
	write_rules </dev/null
	start_rbced
	ctl run place/job -- true
	ctl set place cpu.max=100% memory.max=300M
	equal "nproc" 1 "$(shim nproc)"
	equal "free" 300 "$(shim free -m | awk '/^Mem:/ { print $2 }')"
	equal "getconf" 1 "$(shim getconf _NPROCESSORS_ONLN)"
	equal "cpuinfo" 1 "$(shim cat /proc/cpuinfo | grep -c '^processor')"
	equal "meminfo" 307200 "$(shim awk '/^MemTotal:/ { print $2 }' /proc/meminfo)"
	if command -v python3 >/dev/null; then
		equal "python" 1 "$(shim "$(python3 -c 'import sys; print(sys.executable)')" -c 'import os; print(os.cpu_count())')"
	fi
	if command -v java >/dev/null; then
		# shellcheck disable=SC2016 # for that shell
		# One CPU and little memory: it takes the collector for small machines.
		equal "java" 1 "$(shim sh -c 'java -XX:-UseContainerSupport -XX:+PrintFlagsFinal -version 2>/dev/null' |
			awk '$2 == "UseSerialGC" { print $4 == "true" }')"
	fi
	# Without a limit nothing is hidden.
	equal "outside" "$(nproc)" "$(LD_PRELOAD="$LIB/libulimitx-preload.so" nproc)"
}

test_bindings() {
	command -v python3 >/dev/null || skip "no python3"
	[ -z "${SAN:-}" ] || skip "the sanitizers want to be first"
	write_rules </dev/null
	start_rbced
	ctl run place/job -- true
	ctl set place memory.max=300M cpu.max=100%
	cat >"$T/test.py" <<-'END'
		import ctypes, os, sys, rbce_limits
		with rbce_limits.Limits() as limits:
		    memory = limits["memory.max"]
		    assert memory.limit == 300 << 20 and memory.unit == "bytes", memory
		    assert "/place " in memory.imposed_by, memory
		    assert limits["nofile"].hard >= limits["nofile"].limit
		    assert len(limits.all()) > 30 and limits.fileno() >= 0 and not limits.changed()
		    try:
		        limits["nonsense"]
		        sys.exit("no KeyError")
		    except KeyError:
		        pass
		try:
		    rbce_limits.Limits(4194304)
		    sys.exit("no OSError")
		except ProcessLookupError as e:
		    assert "4194304" in str(e), e
		old = ctypes.CDLL(sys.argv[1])
		value = ctypes.c_size_t()
		for number, expected in ((1031, 300 << 10), (6002, 1), (1032, os.sysconf("SC_PAGESIZE"))):
		    assert old.res_read(number, ctypes.byref(value), ctypes.sizeof(value), None, 0, 0) == 0
		    assert value.value == expected, (number, value.value)
		assert old.res_read(4097, ctypes.byref(value), ctypes.sizeof(value), None, 0, 0) == -1
	END
	RBCE_LIBRARY=$LIB/librbce.so PYTHONPATH=ulimitx/python ctl run place/job -- python3 "$T/test.py" "$LIB/libulimitx-res.so" ||
		fail "the binding"
	contains "the example" "workers 1" "$(ctl run place/job -- "${BIN%/bin}/examples/limits")"
}

# Of a container and no process: the same groups decide, and there are no rlimits.
test_container() {
	nested
	ctl set one pids.max=55
	"$BIN/ulimitx" --root "$ROOT" --container one/two/three --json >"$T/out" || fail "the container"
	equal "limit" 55 "$(jq '.limits[] | select(.resource == "pids.max").limit' "$T/out")"
	equal "rlimits" 0 "$(jq '[.limits[] | select(.source == "rlimit")] | length' "$T/out")"
	equal "all of it is told" 0 "$(jq '[.limits[] | select(.at_most)] | length' "$T/out")"
	"$BIN/ulimitx" --root "$ROOT" --container nowhere 2>"$T/err"
	equal "none" "ulimitx: cannot read group '/$ROOT/nowhere': No such file or directory" "$(cat "$T/err")"
	setpriv --reuid $TEST_UID --clear-groups prlimit --nofile=99:99 sleep 1000 &
	wait_for 10 runs $! "$(readlink -f "$(command -v sleep)")"
	equal "a user" 99 "$("$BIN/ulimitx" --user $TEST_UID -n)"
}

# Told at once, not after the pause.
test_watch() {
	write_rules </dev/null
	start_rbced
	"$BIN/rbcectl" run --root "$ROOT" place/job -- sleep 1000 &
	PID=$!
	settled $PID place/job
	"$BIN/ulimitx" --pid $PID --watch 600s --raw pids.max >"$T/out" &
	wait_for 10 grep -q pids.max "$T/out"
	ctl set place pids.max=77
	wait_for 10 grep -q "^pids.max  *77 .*/place " "$T/out"
}

# What the kernel tells of no user: inotify, counted over his processes, what a child shares with its parent
# once; and message queues of both kinds.
test_inotify_and_queues() {
	command -v python3 >/dev/null || skip "no python3"
	cat >"$T/hold.py" <<-'END'
		import ctypes, os, sys, time
		libc = ctypes.CDLL(None, use_errno=True)
		for folder in (b"/", b"/tmp", b"/etc"):
		    fd = libc.inotify_init1(0)
		    assert fd >= 0 and libc.inotify_add_watch(fd, folder, 2) >= 0
		assert libc.inotify_add_watch(fd, b"/usr", 2) >= 0
		queue = libc.msgget(0, 0o1600)
		assert queue >= 0
		if os.fork() == 0:
		    time.sleep(1000)
		print("ready", flush=True)
		sys.stdin.readline()
		libc.msgctl(queue, 0, None)
	END
	mkfifo "$T/go"
	setpriv --reuid "$TEST_UID" --clear-groups "$(python3 -c 'import sys; print(sys.executable)')" "$T/hold.py" <"$T/go" >"$T/out" &
	PID=$!
	exec 8>"$T/go"
	wait_for 15 grep -q ready "$T/out"
	equal "instances" 3 "$(field inotify.instances used)"
	equal "watches" 4 "$(field inotify.watches used)"
	equal "their limit" "$(cat /proc/sys/fs/inotify/max_user_watches)" "$(field inotify.watches limit)"
	equal "who imposes it" "sysctl fs.inotify.max_user_watches" "$(field inotify.watches imposed_by)"
	equal "queues of System V" "$(($(wc -l </proc/sysvipc/msg) - 1))" "$(field msg.queues used)"
	between "one at least" 1 100000 "$(field msg.queues used)"
	equal "their limit" "$(cat /proc/sys/kernel/msgmni)" "$(field msg.queues limit)"
	equal "POSIX queues' limit" "$(cat /proc/sys/fs/mqueue/queues_max)" "$(field mqueue.queues limit)"
	kill -KILL "$(pgrep -P "$PID")"
	echo >&8
}

# Programs in the kernel have that limit; what it is stands on the group, for everybody.
test_network_rate() {
	nested
	ctl set one/two net.egress=8Mbit 2>"$T/err" || skip "$(cat "$T/err")"
	equal "limit" 1000000 "$(field net.egress limit)"
	equal "unit" "bytes/s" "$(field net.egress unit)"
	equal "who imposes it" "net:/$ROOT/one/two net.egress" "$(field net.egress imposed_by)"
	equal "for a user" "net.egress 1000000" "$(setpriv --reuid "$TEST_UID" --clear-groups "$BIN/ulimitx" --raw --pid "$PID" net.egress | awk 'END { print $1, $2 }')"
	ctl set one net.egress=1Mbit
	equal "the lower one above" "net:/$ROOT/one net.egress" "$(field net.egress imposed_by)"
	ctl set one net.egress=max
	ctl set one/two net.egress=max
	equal "none" null "$(field net.egress limit)"
}
