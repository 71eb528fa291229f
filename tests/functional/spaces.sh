# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Containers with namespaces of their own: what they have, seen from inside and outside, and that all goes
# when they end.
# needs: root cgroup
# the same on both as on v1

ALL="user mnt pid uts ipc net cgroup time"

# A root file system that has nothing but the host's programs.
make_rootfs() {
	mkdir -p "$T/rootfs/usr" "$T/rootfs/etc" "$T/rootfs/help"
	ln -sf usr/bin usr/sbin usr/lib usr/lib64 "$T/rootfs/"
	ROOTFS=(--rootfs "$T/rootfs")
	BINDS=("namespace.bind=/usr /usr ro" "namespace.bind=$HELP /help ro")
}

none_left() {
	local left
	left=$(compgen -G "/sys/fs/cgroup/$ROOT*"; compgen -G "/sys/fs/cgroup/*/$ROOT*")
	equal "groups that are left" "" "$left"
	equal "mounts that are left" "$1" "$(mounts)"
}

# How a process tells what it has, a line for each; links_of PID: what one has, seen from outside.
TELL='cd /proc/thread-self/ns && readlink'
links_of() {
	# shellcheck disable=SC2086 # a list of names
	(cd "/proc/$1/ns" && readlink $ALL)
}

# expect_new NAMESPACES OUT: of all those in a file with such lines, these and no others differ from ours.
expect_new() {
	equal "namespaces of its own" "$(tr ' ' '\n' <<<"$1" | sort)" "$(links_of self | grep -vxFf - "$2" | sed -n 's|:\[.*||p' | sort)"
}

test_each_alone() {
	local ns word mounts
	mounts=$(mounts)
	for ns in $ALL; do
		word=${ns/mnt/mount}
		# shellcheck disable=SC2016 # for the shell inside
		ctl create --namespaces "$word" one -- sh -c "$TELL \"\$@\"" sh $ALL >"$T/$ns" ||
			fail "$ns: exit status $?"
		expect_new "$ns" "$T/$ns"
	done
	none_left "$mounts"
}

# The kernel's own view of the container's first process, from outside, is that of the command inside.
test_each_seen_from_outside() {
	local ns pid mounts
	mounts=$(mounts)
	for ns in $ALL; do
		# shellcheck disable=SC2016 # for the shell inside
		pid=$(ctl create --json --detach --namespaces "${ns/mnt/mount}" one -- \
			sh -c "$TELL"' "$@" >"$0.new"; mv "$0.new" "$0"; exec sleep 1000' "$T/$ns" $ALL | jq .pid)
		[ -n "$pid" ] || fail "$ns: cannot create"
		wait_for 10 test -e "$T/$ns"
		links_of "$pid" >"$T/outside"
		expect_new "$ns" "$T/outside"
		equal "$ns: those seen inside and outside" "$(cat "$T/$ns")" "$(cat "$T/outside")"
		links_of "$(pgrep -P "$pid" || echo "$pid")" >"$T/outside"
		expect_new "$ns" "$T/outside"
		ctl kill one || fail "$ns: cannot kill"
	done
	wait_for 5 groups_gone
	none_left "$mounts"
}

# What each namespace is for: what is done inside is seen from outside where it belongs, and only there.
test_effects_seen_from_outside() {
	local pid before host
	before=$(ipcs -q | grep -c ^0x)
	host=$(hostname)
	# shellcheck disable=SC2016 # for the shell inside
	pid=$(ctl create --json --detach --namespaces all one namespace.hostname=inner namespace.caps=all namespace.seccomp=none \
		"namespace.uids=0 $TEST_UID 1000" "namespace.gids=0 $TEST_UID 1000" namespace.time.boottime=1h -- sh -c '
		ipcmk -Q >/dev/null && mount -t tmpfs inner /mnt && touch /mnt/ready && exec sleep 1000' | jq .pid)
	wait_for 10 test -e "/proc/$pid/root/mnt/ready"
	equal "user: who it is outside" "$TEST_UID" "$(stat -c %u "/proc/$pid")"
	equal "user: its map" "0 $TEST_UID 1000" "$(xargs <"/proc/$pid/uid_map")"
	equal "mnt: its mount" "inner /mnt" "$(awk '$3 == "tmpfs" && $2 == "/mnt" { print $1, $2 }' "/proc/$pid/mounts")"
	[ ! -e /mnt/ready ] || fail "mnt: the mount is seen outside"
	equal "pid: its numbers" "$pid 1" "$(awk '/^NSpid/ { print $2, $3 }' "/proc/$pid/status")"
	equal "uts: its name" inner "$(nsenter --target "$pid" --uts hostname)"
	equal "uts: the host's" "$host" "$(hostname)"
	equal "ipc: its queues" 1 "$(nsenter --target "$pid" --ipc ipcs -q | grep -c ^0x)"
	equal "ipc: the host's" "$before" "$(ipcs -q | grep -c ^0x)"
	equal "net: its links" lo "$(nsenter --target "$pid" --net ip -o link | awk -F': ' '{ print $2 }')"
	equal "cgroup: where it stands" one "$(container_of "$pid")"
	equal "cgroup: where it thinks so" "/" "$(nsenter --target "$pid" --cgroup cat "/proc/$pid/cgroup" | awk -F: '$2 ~ /memory|^$/ { print $3 }' | sort -u)"
	equal "time: its clock" 3600 "$(awk '$1 == "boottime" { print $2 }' "/proc/$pid/timens_offsets")"
	equal "time: the host's" 0 "$(awk '$1 == "boottime" { print $2 }' /proc/self/timens_offsets)"
	ctl kill one
}

test_all_together() {
	local mounts pid ns
	mounts=$(mounts)
	# shellcheck disable=SC2016 # for the shell inside
	ctl create --namespaces all --hostname inner a/b -- sh -c "($TELL"' "$@"); hostname; cat /proc/self/cgroup; echo "pid $$"; id -u' sh $ALL >"$T/out" ||
		fail "exit status $?"
	expect_new "$ALL" "$T/out"
	contains "hostname" "inner" "$(cat "$T/out")"
	contains "pid" "pid 2" "$(cat "$T/out")"
	equal "cgroups seen" "" "$(grep '^[0-9]*:' "$T/out" | grep "$ROOT")"
	[ "$(hostname)" != inner ] || fail "the host was renamed"
	# From outside, while it runs.
	pid=$(ctl create --json --detach --namespaces all a/b -- sleep 1000 | jq .pid)
	for ns in $ALL; do readlink "/proc/$pid/ns/$ns"; done >"$T/outside"
	expect_new "$ALL" "$T/outside"
	settled "$pid" a/b
	ctl kill a/b || fail "cannot kill it"
	wait_for 5 groups_gone
	none_left "$mounts"
}

groups_gone() {
	[ -z "$(compgen -G "/sys/fs/cgroup/$ROOT*"; compgen -G "/sys/fs/cgroup/*/$ROOT*")" ]
}

test_exit_status_and_signals() {
	local pid
	ctl create one -- sh -c 'exit 7'
	equal "exit status" 7 $?
	ctl create one -- sh -c 'kill -TERM $$' || true
	# shellcheck disable=SC2016 # for the shell inside
	"$BIN/rbcectl" create --root "$ROOT" one -- sh -c 'trap "echo heard; exit 4" TERM; touch /dev/null; echo ready; while :; do sleep 0.05; done' >"$T/out" &
	pid=$!
	wait_for 10 grep -q ready "$T/out"
	kill -TERM "$pid"
	wait "$pid"
	equal "exit status after a signal" 4 $?
	contains "output" heard "$(cat "$T/out")"
}

# The first process takes over what is left behind, and all ends with the command.
test_init_reaps() {
	local out
	# shellcheck disable=SC2016 # for the shell inside
	out=$(ctl create one -- sh -c '
		(sh -c "sleep 0.1 & exec true" &) ; sleep 0.5
		grep -l "^State:.Z" /proc/[0-9]*/status | wc -l; sleep 1000 & cat /proc/1/comm')
	equal "zombies, first process" "0 init" "$(xargs <<<"$out")"
	wait_for 5 groups_gone
}

test_rootfs() {
	local out mounts
	mounts=$(mounts)
	make_rootfs
	out=$(ctl create "${ROOTFS[@]}" one "${BINDS[@]}" "namespace.tmpfs=/scratch size=1M" -- \
		sh -c 'ls /; ls /dev; cat /proc/mounts; touch /usr/x 2>&1; touch /sys/x 2>&1; dd if=/dev/zero of=/scratch/x bs=1M count=2 2>&1; :')
	equal "devices" "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero" \
		"$(grep -xE 'fd|full|mqueue|null|ptmx|pts|random|shm|stderr|stdin|stdout|tty|urandom|zero|sda|vda|kvm|mem' <<<"$out" | sort | xargs)"
	contains "a read-only mount" "touch: cannot touch '/usr/x': Read-only file system" "$out"
	contains "a read-only /sys" "touch: cannot touch '/sys/x'" "$out"
	contains "a limit of memory" "No space left on device" "$out"
	[ ! -e "$T/rootfs/dev/null" ] || fail "a device was left in the root file system"
	none_left "$mounts"
}

test_proc_and_sys() {
	local out
	make_rootfs
	out=$(ctl create "${ROOTFS[@]}" one "${BINDS[@]}" namespace.proc=subset=pid -- sh -c 'ls /proc; ls -d /proc/[0-9]*')
	equal "with processes alone" "self thread-self" "$(grep -v '[0-9]' <<<"$out" | xargs)"
	contains "with processes alone" /proc/1 "$out"
	# Root without CAP_SYS_PTRACE is as everybody: it does not see those of others.
	# shellcheck disable=SC2016 # for the shell inside
	out='sleep 100 & while ! grep -q sleep /proc/$!/comm; do sleep 0.05; done; setpriv --reuid 77 --regid 77 --clear-groups --inh-caps=-all ls -d /proc/1 /proc/self 2>&1; kill $!'
	equal "with everybody's" "/proc/1 /proc/self" "$(ctl create "${ROOTFS[@]}" one "${BINDS[@]}" -- sh -c "$out" | xargs)"
	contains "without others'" "cannot access '/proc/1'" "$(ctl create "${ROOTFS[@]}" one "${BINDS[@]}" namespace.proc=hidepid=2 -- sh -c "$out")"
	equal "neither of the two" "" "$(ctl create "${ROOTFS[@]}" one "${BINDS[@]}" namespace.proc=no namespace.sys=no -- ls /proc /sys 2>/dev/null |
		grep -v :)"
}

test_masked_and_readonly() {
	local out
	make_rootfs
	mkdir "$T/data" "$T/data/dir" && echo secret >"$T/data/file" && echo secret >"$T/data/dir/other"
	out=$(ctl create "${ROOTFS[@]}" one "${BINDS[@]}" "namespace.bind=$T/data /data" namespace.mask=/data/file namespace.mask=/data/dir \
		namespace.mask=/nonsense -- sh -c 'cat /data/file; ls -A /data/dir; cat /proc/kcore | wc -c')
	equal "what is masked, and by itself" 0 "$out"
	equal "outside" "secret secret" "$(xargs <<<"$(cat "$T/data/file" "$T/data/dir/other")")"
	out=$(ctl create "${ROOTFS[@]}" one "${BINDS[@]}" "namespace.bind=$T/data /data" namespace.readonly=/data/dir -- \
		sh -c 'echo x >/data/file && cat /data/file /data/dir/other; touch /data/dir/new; echo 1 >/proc/sys/kernel/panic' 2>&1)
	contains "beside it" "x secret" "$(xargs <<<"$out")"
	contains "a read-only directory" "touch: cannot touch '/data/dir/new': Read-only file system" "$out"
	contains "by itself" "/proc/sys/kernel/panic: Read-only file system" "$out"
}

test_devices() {
	local allowed out
	make_rootfs
	equal "none of its own" "" "$(ctl create "${ROOTFS[@]}" one "${BINDS[@]}" namespace.dev=no -- sh -c 'ls -A /dev 2>/dev/null')"
	[ -c /dev/fuse ] || skip "no device that could be given"
	for allowed in "" ", /dev/fuse rw"; do
		out=$(ctl create "${ROOTFS[@]}" one "${BINDS[@]}" namespace.device=/dev/fuse "device=default$allowed" -- \
			sh -c '[ -c /dev/fuse ] && echo there; : <>/dev/fuse && echo opened' 2>&1)
		contains "one more ($allowed)" "there${allowed:+
opened}" "$out"
		[ -n "$allowed" ] || contains "one that the list has not" "Operation not permitted" "$out"
	done
}

test_programs() {
	local program
	equal "where it begins" /usr/bin "$(ctl create one namespace.cwd=/usr/bin -- pwd)"
	equal "domain name" inner.example "$(ctl create one namespace.domainname=inner.example -- cat /proc/sys/kernel/domainname)"
	[ "$(cat /proc/sys/kernel/domainname)" != inner.example ] || fail "the host's domain was renamed"
	# A program with the set-user-ID bit, as another user.
	chmod 755 "$T"
	program=$(private_copy "$(command -v id)" id) && chmod 4755 "$program"
	equal "no new privileges" "1 $TEST_UID" "$(ctl create one "namespace.user=$TEST_UID:$TEST_UID" -- \
		sh -c "awk '/^NoNewPrivs/ { print \$2 }' /proc/self/status; $program -u" | xargs)"
	equal "new privileges" "0 0" "$(ctl create one "namespace.user=$TEST_UID:$TEST_UID" namespace.no-new-privs=no -- \
		sh -c "awk '/^NoNewPrivs/ { print \$2 }' /proc/self/status; $program -u" | xargs)"
}

# What is changed stays in memory, and the files are those of the host.
test_overlay() {
	local dir
	# What is mounted below / is not there, as /tmp may be.
	dir=$(mktemp -d "/var/tmp/$ROOT-XXXXXX")
	echo before >"$dir/file"
	equal "inside" "before changed" "$(ctl create --overlay one -- sh -c "cat $dir/file; echo changed >$dir/file; cat $dir/file" | xargs)"
	equal "outside" before "$(cat "$dir/file")"
}

test_clocks() {
	local out before after
	read -r before after < <("$HELP/inside" clock)
	out=$(ctl create one namespace.time.monotonic=1h namespace.time.boottime=2h -- "$HELP/inside" clock)
	between "monotonic" $((before + 3600)) $((before + 3700)) "${out% *}"
	between "since boot" $((after + 7200)) $((after + 7300)) "${out#* }"
	out=$(ctl create one namespace.time.monotonic=-1s -- "$HELP/inside" clock)
	between "monotonic, back" 0 $((before + 60)) "${out% *}"
}

test_queues() {
	make_rootfs
	equal "queues inside" "done /dev/mqueue/mine" "$(ctl create "${ROOTFS[@]}" one "${BINDS[@]}" -- \
		sh -c '/help/inside queue /mine; ls /dev/mqueue/*' | xargs)"
	equal "a setting of its own" "17 $(cat /proc/sys/fs/mqueue/msg_default)" \
		"$(ctl create one namespace.sysctl=fs.mqueue.msg_max=17 -- cat /proc/sys/fs/mqueue/msg_max) $(cat /proc/sys/fs/mqueue/msg_default)"
	[ "$(cat /proc/sys/fs/mqueue/msg_max)" != 17 ] || fail "the host's setting was changed"
	contains "a setting of the host's" "own namespaces" "$(ctl create one namespace.sysctl=kernel.panic=1 -- true 2>&1)"
}

test_ids() {
	local out
	mkdir "$T/mine" && chown 0:0 "$T/mine" && chmod 755 "$T/mine" && echo x >"$T/mine/file"
	out=$(ctl create --namespaces all one "namespace.uids=0 $TEST_UID 1000" "namespace.gids=0 $TEST_UID 1000" -- \
		sh -c "id -u; cat /proc/self/uid_map; stat -c %u $T/mine/file")
	equal "ids" "0 0 $TEST_UID 1000 65534" "$(xargs <<<"$out")"
	equal "another user" "7 8 9" "$(ctl create one namespace.user=7:8:9 -- sh -c 'id -u; id -g; id -G | cut -d" " -f2-' | xargs)"
	out=$(ctl create --namespaces all one "namespace.uids=0 $TEST_UID 1000" "namespace.gids=0 $TEST_UID 1000" \
		"namespace.bind=$T/mine /mnt idmap" -- sh -c 'stat -c %u /mnt/file; touch /mnt/new && stat -c %u /mnt/new' 2>&1) ||
		{ [[ $out != *"Invalid argument"* ]] || skip "the file system of $T maps no ids"; }
	equal "ids of a mapped mount" "0 0" "$(xargs <<<"$out")"
	equal "who made it, outside" 0 "$(stat -c %u "$T/mine/new")"
}

# Who is 0 on disk is 0 inside, and what is made there is 0's on disk.
test_ids_of_the_rootfs() {
	local dir
	dir=$(mktemp -d "/var/tmp/$ROOT-XXXXXX") && chmod 755 "$dir"
	T=$dir make_rootfs
	mkdir "$dir"/rootfs/{proc,sys,dev}
	echo x >"$dir/rootfs/file"
	ROOTFS=(--rootfs "$dir/rootfs" --namespaces all)
	equal "without a map" 65534 "$(ctl create "${ROOTFS[@]}" one "${BINDS[@]}" "namespace.uids=0 $TEST_UID 1000" "namespace.gids=0 $TEST_UID 1000" -- stat -c %u /file)"
	ctl create "${ROOTFS[@]}" one "${BINDS[@]}" namespace.idmap=yes "namespace.uids=0 $TEST_UID 1000" "namespace.gids=0 $TEST_UID 1000" -- \
		sh -c 'stat -c %u /file; touch /new && stat -c %u /new' >"$T/out" 2>"$T/errors" ||
		{ ! grep -q "Invalid argument" "$T/errors" || skip "the file system of $dir maps no ids"; fail "$(cat "$T/errors")"; }
	equal "inside" "0 0" "$(xargs <"$T/out")"
	equal "on disk" 0 "$(stat -c %u "$dir/rootfs/new")"
}

test_rights() {
	local out
	out=$(ctl create one -- grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status | awk '{ print $2 }' | xargs)
	equal "capabilities, privileges, filter" "00000000a00405fb 00000000a00405fb 1 2" "$out"
	equal "a capability" 0000000000002000 "$(ctl create one namespace.caps=net_raw -- awk '/^CapEff/ { print $2 }' /proc/self/status)"
	equal "a limit" "64 128" "$(ctl create one namespace.rlimit=nofile=64:128 -- sh -c 'ulimit -Sn; ulimit -Hn' | xargs)"
	contains "a refused call" "Operation not permitted" "$(ctl create one namespace.deny=mkdir,mkdirat -- mkdir "$T/x" 2>&1)"
	contains "an unknown call" "is not a system call" "$(ctl create one namespace.deny=nonsense -- true 2>&1)"
}

test_pids() {
	local pid
	equal "first of two namespaces" "1 30000" "$(ctl create one namespace.init=no "namespace.pid=1 30000" -- \
		awk '/^NSpid/ { print $2 }' /proc/self/status) $(pid=$(ctl create --detach --json one namespace.pid="1 30000" -- sleep 100 | jq .pid) && echo "$pid")"
	ctl kill one
	# A container in a container.
	pid=$(ctl create one namespace.caps=all namespace.seccomp=none -- \
		"$BIN/rbcectl" create --root "$ROOT" --namespaces pid,mount one/two -- awk '/^NSpid/ { print NF }' /proc/1/status)
	equal "levels that the inner one sees" 2 "$pid"
}

test_from_rules() {
	write_rules <<-END
		[container jobs/one]
		pids.max = 60
		namespace.new = uts, pid, mount
		namespace.hostname = from-rules
		namespace.env = A=b
		namespace.env = C=d
	END
	# shellcheck disable=SC2016 # for the shell inside
	equal "keys of a rule file" "from-rules b d" "$(ctl create --rules "$T/rules" jobs/one -- sh -c 'hostname; echo $A $C' | xargs)"
	ctl create --rules "$T/rules" --detach jobs/one -- sleep 100 || fail "cannot create"
	equal "limit" 60 "$(cat "$(group_file pids pids.max pids.max jobs/one)")"
	ctl kill jobs/one
	echo "namespace.hostnam = x" >>"$T/rules/test.rules"
	contains "an unknown key" "namespace.hostnam" "$("$BIN/rbced" --check --rules "$T/rules" 2>&1)"
}

test_refusals() {
	local mounts
	mounts=$(mounts)
	contains "no such program" "cannot run '/nonsense'" "$(ctl create one -- /nonsense 2>&1)"
	contains "no such rootfs" "cannot use rootfs '/nonsense'" "$(ctl create --rootfs /nonsense one -- true 2>&1)"
	contains "no such key" "namespace.x" "$(ctl create one namespace.x=1 -- true 2>&1)"
	contains "no such namespace" "is not user, mount" "$(ctl create --namespaces usr one -- true 2>&1)"
	none_left "$mounts"
}

# Beside a daemon: its rules do not take the command out of the container.
test_beside_rules() {
	local pid
	victims_rule
	start_rbced
	pid=$(ctl create --json --detach box -- "$T/bin/victim" 1000 | jq .pid) || fail "cannot create"
	wait_for 10 pgrep -P "$pid" >"$T/victim"
	wait_for 10 runs "$(tail -n 1 "$T/victim")" "$T/bin/victim"
	ctl reclassify >/dev/null || fail "cannot look again"
	settled "$(tail -n 1 "$T/victim")" box
	# One of the same program that is in no such container goes where they say.
	"$T/bin/victim" 1000 &
	settled $! victims
	settled "$(tail -n 1 "$T/victim")" box
	ctl kill box
}

# A container that ends while one of the same name is made does not take that along.
test_same_name_again() {
	local i
	for ((i = 0; i < 15; i++)); do
		ctl create --detach one -- sleep 1000 || fail "cannot create"
		ctl kill one || fail "cannot kill"
		equal "round $i" fine "$(ctl create one -- sh -c 'sleep 0.05; echo fine')"
	done
}

# One keeps a container; who comes meanwhile may wait for its end, and who kills takes nothing of the next.
test_beside_each_other() {
	local i pids=() results
	ctl create --detach one -- sleep 1000 || fail "cannot create"
	contains "a second one" "cannot create container 'one': there is one" "$(ctl create one -- true 2>&1)"
	ctl kill one || fail "cannot kill"
	for i in 1 2 3; do
		(for _ in {1..20}; do ctl create one -- sh -c 'echo fine'; done >"$T/$i" 2>&1) &
		pids+=($!)
	done
	wait "${pids[@]}"
	equal "what they said" "60 fine" "$(sort "$T"/[123] | uniq -c | xargs)"
	(while [ ! -e "$T/stop" ]; do ctl dissolve one; done >"$T/dissolved" 2>&1) &
	for ((i = 0; i < 40; i++)); do
		results+=" $(ctl create one -- sh -c 'echo fine' 2>&1)"
	done
	touch "$T/stop"
	wait $!
	equal "beside who removes it" "40 fine" "$(xargs -n 1 <<<"$results" | sort | uniq -c | xargs)"
	equal "what removing said" "" "$(grep -v "there is none" "$T/dissolved")"
	wait_for 5 groups_gone
}

# Many are made at the same time, below the same groups, and all end at once.
test_many_at_once() {
	local i mounts running
	mounts=$(mounts)
	for i in {1..30}; do
		ctl create --detach --namespaces all --overlay --hostname "box$i" "many/$((i % 3))/$i" -- sleep 1000 >"$T/$i" 2>&1 &
	done
	wait
	equal "what they said" "" "$(cat "$T"/{1..30})"
	running=$(ctl ps --json | jq '[.tasks[] | select(.exe | endswith("/sleep"))] | length')
	equal "how many run" 30 "$running"
	for i in {1..30}; do
		ctl enter "many/$((i % 3))/$i" -- hostname &
	done >"$T/names" 2>&1
	wait
	equal "who is entered" "$(printf 'box%d\n' {1..30} | sort)" "$(sort "$T/names")"
	ctl kill --all || fail "cannot kill"
	wait_for 10 groups_gone
	none_left "$mounts"
}
