# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A container from one set of namespaces to another, which has a root group, pids and a network of its own:
# it is there or it is here, whatever happens.
# needs: root cgroup criu tls
# the same on every cgroup layout

THERE=$ROOT-there
PATIENCE=40s

# certificate NAME SUBJECT-ALTERNATIVE-NAME [AUTHORITY]: $T/NAME.pem and .key.
certificate() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$1" -keyout "$T/$1.key" \
		-out "$T/$1.pem" -addext "subjectAltName=$2" ${3:+-CA "$T/$3.pem" -CAkey "$T/$3.key"} 2>"$T/openssl" ||
		fail "no certificate: $(cat "$T/openssl")"
}

certificates() {
	certificate authority DNS:nobody
	certificate here DNS:here authority
	certificate there IP:10.9.0.2 authority
	certificate stranger IP:10.9.0.2
}

# The other side: a network of its own, joined to this one's, and pids that are all free.
other_side() {
	certificates
	ip netns add "$ROOT"
	NETNS=$ROOT
	ip link add "h$$" type veth peer name there netns "$ROOT"
	ip addr add 10.9.0.1/24 dev "h$$"
	ip link set "h$$" up
	ip -n "$ROOT" addr add 10.9.0.2/24 dev there
	ip -n "$ROOT" link set there up
	ip -n "$ROOT" link set lo up
}

# in_there COMMAND...: there, after listen().
in_there() {
	nsenter -t "$RECEIVER" -p -m -n "$@"
}

# listen [COMMAND...]: waits there for containers, started by that command. With its first process all
# others there would end: that is one that stays.
listen() {
	# shellcheck disable=SC2016 # for that shell
	nsenter --net="/run/netns/$ROOT" unshare --pid --fork --mount-proc --kill-child sh -c '"$@" & exec sleep 1000' first "$@" "$BIN/rbcectl" migrate --receive --root "$THERE" \
		--cert "$T/there.pem" --key "$T/there.key" --authority "$T/authority.pem" --patience "$PATIENCE" 10.9.0.2:7777 \
		>"$T/calls" 2>"$T/there.log" &
	UNSHARE=$!
	wait_for 60 grep -q "are taken at" "$T/there.log"
	RECEIVER=$(pgrep -P "$UNSHARE")
}

# migrate [OPTION...] CONTAINER
migrate() {
	ctl migrate --cert "$T/here.pem" --key "$T/here.key" --authority "$T/authority.pem" --patience "$PATIENCE" "$@" 10.9.0.2:7777
}

finish() {
	local status=$?
	# Other signals it does not hear while it has a child, which ends with it.
	[ -z "${UNSHARE:-}" ] || kill -KILL "$UNSHARE" 2>/dev/null
	[ -z "${NETNS:-}" ] || ip netns del "$NETNS"
	[ -z "${FRONT:-}" ] || { ip netns del "$ROOT-here"; ip link del "$FRONT"; } 2>/dev/null
	take_down "$status"
}
trap finish EXIT

# start [MIB [RATE]]
start() {
	: >"$T/count"
	ctl create --detach --namespaces none one memory.max=128M pids.max=20 -- "$HELP/state" dirty "${1:-16}" "${2:-1}" "$T/count" ||
		fail "cannot start"
	wait_for 60 beyond 3
}

count() {
	wc -c <"$T/count"
}

beyond() {
	[ "$(count)" -gt "$1" ]
}

goes_on() {
	local n
	n=$(count)
	wait_for 60 beyond $((n + 3))
}

tasks_here() {
	ctl ps --json one 2>/dev/null | jq '.tasks | length'
}

tasks_there() {
	in_there "$BIN/rbcectl" ps --root "$THERE" --json one 2>/dev/null | jq '.tasks | length'
}

# still_here: it runs here, and nothing is there.
still_here() {
	goes_on
	equal "processes here" 1 "$(tasks_here)"
	[ -z "${RECEIVER:-}" ] || wait_for 60 nothing_there
}

nothing_there() {
	[ "$(tasks_there)" != 1 ]
}

test_there_and_back() {
	local pid
	other_side
	listen
	start
	pid=$(ctl ps --json one | jq '.tasks[].pid')
	migrate --json one >"$T/out" || fail "no migration: $(cat "$T/there.log")"
	figure "it stood still for $(($(jq .paused_us "$T/out") / 1000)) ms; $(($(jq .ahead_bytes "$T/out") >> 10)) KiB ahead, $(($(jq .memory_bytes "$T/out") >> 10)) KiB then"
	between "bytes ahead" $((16 << 20)) $((100 << 20)) "$(jq .ahead_bytes "$T/out")"
	equal "processes here" "" "$(tasks_here)"
	goes_on
	equal "pid there" "$pid" "$(in_there "$BIN/rbcectl" ps --root "$THERE" --json one | jq '.tasks[].pid')"
	equal "limits there" "134217728 20" "$(in_there "$BIN/rbcectl" get --root "$THERE" --json one memory.max pids.max |
		jq -r '[.keys[].own] | join(" ")')"
	equal "what is left on the way" "" "$(find "${TMPDIR:-/var/tmp}" -maxdepth 1 -name 'rbcectl-image-*')"
}

# It runs there while its memory comes, and looks at all of that in less than a second.
test_post_copy() {
	local pid
	other_side
	listen
	start 32 40
	pid=$(ctl ps --json one | jq '.tasks[].pid')
	migrate --post-copy --json one >"$T/out" || fail "no migration: $(cat "$T/there.log")"
	figure "it stood still for $(($(jq .paused_us "$T/out") / 1000)) ms, with $(($(jq .memory_bytes "$T/out") >> 10)) KiB to go before"
	between "bytes before" 1 $((4 << 20)) "$(jq .memory_bytes "$T/out")"
	equal "processes here" "" "$(tasks_here)"
	wait_for 60 beyond $(($(count) + 12))
	equal "pid there" "$pid" "$(in_there "$BIN/rbcectl" ps --root "$THERE" --json one | jq '.tasks[].pid')"
	equal "limits there" "134217728 20" "$(in_there "$BIN/rbcectl" get --root "$THERE" --json one memory.max pids.max |
		jq -r '[.keys[].own] | join(" ")')"
	contains "what is said there" "container 'one' from CN=here has its memory" "$(cat "$T/there.log")"
	equal "what is left on the way" "" "$(find "${TMPDIR:-/var/tmp}" -maxdepth 1 -name 'rbcectl-image-*')"
	migrate --post-copy --tcp-established one 2>"$T/err" && fail "took --tcp-established"
	contains "reason" "of --post-copy and --tcp-established it takes one" "$(cat "$T/err")"
}

# comes_slowly: a migration in the midst of its memory.
comes_slowly() {
	tc qdisc add dev "h$$" root handle 1: htb default 1
	tc class add dev "h$$" parent 1: classid 1:1 htb rate 20mbit
	start 32 40
	migrate --post-copy one >"$T/out" 2>"$T/err" &
	MIGRATION=$!
	wait_for 60 grep -q "container 'one' from CN=here runs" "$T/there.log"
}

# gave_up REASON: it does not run twice meanwhile, and goes on here.
gave_up() {
	local before
	before=$(count)
	wait "$MIGRATION" && fail "a migration without its memory"
	contains "reason" "$1" "$(cat "$T/err")"
	equal "processes there" "" "$(tasks_there)"
	wait_for 60 beyond $((before + 12))
	equal "processes here" 1 "$(tasks_here)"
	equal "what is left on the way" "" "$(find "${TMPDIR:-/var/tmp}" -maxdepth 1 -name 'rbcectl-image-*')"
}

test_line_breaks_while_memory_comes() {
	PATIENCE=8s
	other_side
	listen
	comes_slowly
	ip link set "h$$" down
	gave_up "it does not answer in time"
	contains "what is said there" "cannot take container 'one' from CN=here: cannot" "$(cat "$T/there.log")"
}

# What brings its memory is killed there.
test_memory_is_lost() {
	other_side
	listen
	comes_slowly
	kill -KILL "$(pgrep -x criu | while read -r pid; do
		[ "$(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -d' ' -f2)" != lazy-pages ] || echo "$pid"
	done)"
	gave_up "its memory did not follow"
}

# refused REASON COMMAND...: no migration, for this reason, and it runs on here.
refused() {
	local reason=$1
	shift
	"$@" >"$T/out" 2>"$T/err" && fail "no failure of: $*"
	contains "reason" "$reason" "$(cat "$T/err")"
	still_here
}

test_refused() {
	local pid
	other_side
	listen
	start
	pid=$(ctl ps --json one | jq '.tasks[].pid')
	refused "cannot receive from CN=there" ctl migrate --cert "$T/stranger.pem" --key "$T/stranger.key" --authority "$T/authority.pem" one 10.9.0.2:7777
	contains "why, there" "cannot trust" "$(cat "$T/there.log")"
	refused "cannot trust" ctl migrate --cert "$T/here.pem" --key "$T/here.key" --authority "$T/stranger.pem" one 10.9.0.2:7777
	refused "cannot reach" ctl migrate --cert "$T/here.pem" --key "$T/here.key" --authority "$T/authority.pem" one 10.9.0.2:7778
	refused "give HOST:PORT" ctl migrate --cert "$T/here.pem" --key "$T/here.key" --authority "$T/authority.pem" one 10.9.0.2
	# What is in the way is known before any memory goes over.
	in_there bash -c "echo $((pid - 1)) >/proc/sys/kernel/ns_last_pid; exec sleep 1000 & wait" &
	wait_for 60 in_there test -e "/proc/$pid"
	refused "pid $pid is taken by" migrate one
	in_there kill -KILL "$pid"
	in_there "$BIN/rbcectl" create --root "$THERE" --detach --namespaces none one -- sleep 1000 || fail "cannot start there"
	migrate one 2>"$T/err" && fail "migrated into a container that has processes"
	contains "reason" "that container has processes" "$(cat "$T/err")"
	goes_on
	in_there "$BIN/rbcectl" kill --root "$THERE" one
	migrate one >"$T/out" || fail "no migration: $(cat "$T/there.log")"
	goes_on
}

test_address_that_is_not_there() {
	other_side
	listen
	: >"$T/count"
	# shellcheck disable=SC2016 # for perl
	ctl create --detach --namespaces none one -- perl -MIO::Socket::INET -e '
		$s = IO::Socket::INET->new(LocalAddr => "10.9.0.1", LocalPort => 4711, Listen => 1) or die;
		while (1) { open(F, ">>", $ARGV[0]); print F "."; close(F); select(undef, undef, undef, 0.1); }' "$T/count" || fail "cannot start"
	wait_for 60 beyond 3
	refused "stands at address '10.9.0.1', which is not here" migrate one
}

# ended: nobody is at it any more, here or there.
ended() {
	! pgrep -x criu >/dev/null && [ -z "$(ss -Htn state connected exclude time-wait)$(nsenter --net="/run/netns/$ROOT" ss -Htn state connected exclude time-wait)" ]
}

frozen_there() {
	[ "$(in_there "$BIN/rbcectl" get --root "$THERE" --json one freeze | jq -r ".keys[0].own")" = yes ]
}

# settled WHEN: it is here or there, once, and goes on. Sets here and there.
here=0 there=0
settled() {
	wait_for 90 ended
	if [ "$(tasks_here)" = 1 ]; then
		[ "$(tasks_there)" != 1 ] || frozen_there || fail "$1: it runs twice"
		goes_on
		here=$((here + 1))
	else
		[ "$(tasks_there)" = 1 ] || fail "$1: it is neither here nor there: $(cat "$T/there.log")"
		! frozen_there || in_there "$BIN/rbcectl" thaw --root "$THERE" one
		goes_on
		there=$((there + 1))
	fi
	ctl kill one 2>/dev/null
	in_there "$BIN/rbcectl" kill --root "$THERE" one 2>/dev/null
	wait_for 60 nothing_there
}

no_listener() {
	kill -KILL "$UNSHARE"
	wait "$UNSHARE" 2>/dev/null
}

# What those that were killed have left on the way, the next one takes away.
nothing_left() {
	no_listener
	: >"$T/there.log"
	listen
	equal "what is left on the way" "" "$(find "$T" -maxdepth 1 -name 'rbcectl-image-*')"
}

# killed_at N [OPTION...]: a migration that ends at its N-th system call, whichever that is.
killed_at() {
	local n=$1
	shift
	"$HELP/killat" "$n" first "$BIN/rbcectl" migrate --root "$ROOT" --cert "$T/here.pem" --key "$T/here.key" \
		--authority "$T/authority.pem" "$@" one 10.9.0.2:7777
}

# here_killed MIB RATE TWELFTHS [OPTION...]: after so much of all that it does. Sets total.
here_killed() {
	local mib=$1 rate=$2 points=$3 n
	shift 3
	start "$mib" "$rate"
	total=$(killed_at 1000000 "$@" | tail -n 1 | tr -dc 0-9)
	between "system calls" 100 100000 "$total"
	settled "not killed"
	equal "there" 1 "$there"
	for n in $points; do
		start "$mib" "$rate"
		killed_at $((total * n / 12)) "$@" >/dev/null 2>&1
		settled "call $((total * n / 12)) of $total here"
	done
}

# there_killed MIB RATE TWELFTHS [OPTION...]: the process that takes this container, over there. It listens
# already, to be killed at no call. Sets total.
there_killed() {
	local mib=$1 rate=$2 points=$3 n
	shift 3
	start "$mib" "$rate"
	migrate "$@" one >"$T/out" || fail "no migration: $(cat "$T/there.log")"
	wait_for 60 test -s "$T/calls"
	total=$(cat "$T/calls")
	between "system calls" 100 100000 "$total"
	settled "not killed"
	for n in $points; do
		no_listener
		listen "$HELP/killat" $((total * n / 12)) second
		start "$mib" "$rate"
		migrate "$@" one >"$T/out" 2>&1
		settled "call $((total * n / 12)) of $total there"
	done
}

test_source_killed() {
	local total
	export TMPDIR=$T
	other_side
	listen
	here_killed 2 1 "5 9 11"
	nothing_left
	figure "of $total calls; it was here $here times, and there $there times"
}

test_receiver_killed() {
	local total
	export TMPDIR=$T
	other_side
	listen "$HELP/killat" 1000000 second
	there_killed 2 1 "5 9 11"
	nothing_left
	figure "of $total calls; it was here $here times, and there $there times"
}

# While its memory follows, either of them. A test that lasts: not one of each run of the guests.
test_post_copy_killed() {
	[ -n "${RBCE_ALL:-}" ] || skip "it takes long (RBCE_ALL=1)"
	local total
	export TMPDIR=$T
	other_side
	listen
	here_killed 8 10 "6 8 9 10 11" --post-copy
	no_listener
	listen "$HELP/killat" 1000000 second
	there_killed 8 10 "6 8 9 10 11" --post-copy
	nothing_left
	figure "of $total calls; it was here $here times, and there $there times"
}

# No room for it there: that is said here.
test_disk_full_there() {
	mkdir "$T/mount"
	mount -t tmpfs -o size=8m tmpfs "$T/mount"
	other_side
	TMPDIR=$T/mount listen
	start 32
	refused "CN=there answers: cannot write: No space left on device" migrate one
	contains "what is said there" "cannot take container 'one' from CN=here" "$(cat "$T/there.log")"
	equal "what is left on the way" "" "$(ls "$T/mount")"
}

# front NETWORK END: an interface of that network on a bridge, at which programs stand. It has the same
# address on both sides, of hardware as well; the bridge sends to where it has heard that from last, so one of
# them has to speak before the other is there.
front() {
	ip link add "$2$$" type veth peer name front address 02:00:00:00:00:05 netns "$1"
	ip -n "$1" link set front addrgenmode none
	ip -n "$1" addr add 10.9.1.5/24 dev front
	ip link set "$2$$" master "$FRONT" up
	ip -n "$1" link set front up
}

# A network for this side, too, and clients beyond a bridge that both stand at.
bridged() {
	certificates
	ip netns add "$ROOT"
	NETNS=$ROOT
	ip netns add "$ROOT-here"
	FRONT=b$$
	# An address that it would take from an interface changes when there is another one, and then it forgets its
	# neighbours, and asks both sides which is the one.
	ip link add "$FRONT" address 02:00:00:00:00:01 type bridge
	ip addr add 10.9.1.1/24 dev "$FRONT"
	ip link set "$FRONT" up
	ip neigh add 10.9.1.5 lladdr 02:00:00:00:00:05 dev "$FRONT" nud permanent
	ip -n "$ROOT-here" link add here type veth peer name there netns "$ROOT"
	ip -n "$ROOT-here" addr add 10.9.0.1/24 dev here
	ip -n "$ROOT-here" link set here up
	ip -n "$ROOT-here" link set lo up
	ip -n "$ROOT" addr add 10.9.0.2/24 dev there
	ip -n "$ROOT" link set there up
	ip -n "$ROOT" link set lo up
	front "$ROOT-here" h
}

here() {
	nsenter --net="/run/netns/$ROOT-here" "$@"
}

serves() {
	curl -sf -o "$T/answer" http://10.9.1.5:8080/page
}

answers() {
	runs_here "$CLIENTS" || fail "the clients have ended: $(cat "$T/client.log")"
	[ "$(wc -c <"$T/answers")" -gt "$1" ]
}

# clients N: each asks again and again over one connection; the longest wait, in ms, when they are told to end.
clients() {
	: >"$T/answers"
	python3 - "$1" "$T/answers" >"$T/worst" 2>"$T/client.log" <<-'END' &
		import http.client, os, signal, sys, threading, time
		running, worst, failed, answers = True, [], [], open(sys.argv[2], "ab", 0)
		def stop(*_):
		    global running
		    running = False
		def client():
		    link, longest = http.client.HTTPConnection("10.9.1.5", 8080, timeout=300), 0
		    link.connect()
		    end = link.sock
		    while running:
		        began = time.monotonic()
		        link.request("GET", "/page")
		        answer = link.getresponse()
		        if answer.status != 200 or answer.read() != b"x" * 50000 or link.sock is not end:
		            raise RuntimeError("the answer is wrong, or the connection is another")
		        longest = max(longest, time.monotonic() - began)
		        answers.write(b".")
		        time.sleep(0.02)
		    worst.append(longest)
		threading.excepthook = lambda args: (sys.__excepthook__(*args[:3]), os._exit(1))
		signal.signal(signal.SIGTERM, stop)
		threads = [threading.Thread(target=client) for _ in range(int(sys.argv[1]))]
		for thread in threads:
		    thread.start()
		for thread in threads:
		    thread.join()
		print(int(max(worst) * 1000))
	END
	CLIENTS=$!
}

# Its clients, over TCP, see a pause and nothing else; its address moves along.
test_web_server() {
	command -v nginx >/dev/null || skip "there is no web server here (nginx)"
	local before
	mkdir "$T/web"
	head -c 50000 /dev/zero | tr '\0' x >"$T/web/page"
	cat >"$T/nginx.conf" <<-END
		user root;
		daemon off;
		pid $T/nginx.pid;
		error_log $T/error.log;
		events {}
		http {
			access_log $T/access.log;
			keepalive_requests 1000000;
			server {
				listen 10.9.1.5:8080;
				root $T/web;
			}
		}
	END
	bridged
	here "$BIN/rbcectl" create --root "$ROOT" --detach --namespaces none one -- nginx -c "$T/nginx.conf" || fail "cannot start"
	wait_for 60 serves
	front "$ROOT" t
	listen
	wait_for 60 serves
	clients 4
	wait_for 20 answers 50
	here "$BIN/rbcectl" migrate --root "$ROOT" --cert "$T/here.pem" --key "$T/here.key" --authority "$T/authority.pem" \
		--patience 40s --tcp-established --json one 10.9.0.2:7777 >"$T/out" || fail "no migration: $(cat "$T/there.log")"
	before=$(wc -c <"$T/answers")
	equal "processes here" "" "$(tasks_here)"
	equal "processes there" 2 "$(tasks_there)"
	wait_for 20 answers $((before + 50))
	kill -TERM "$CLIENTS"
	wait "$CLIENTS" || fail "a client: $(cat "$T/client.log")"
	figure "it stood still for $(($(jq .paused_us "$T/out") / 1000)) ms; a client waited for $(cat "$T/worst") ms at most"
}
