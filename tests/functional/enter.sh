# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Entering the namespaces of a container or of any process.
# needs: root cgroup
# the same on both as on v1

ALL="user mnt pid uts ipc net cgroup time"

# start_box [OPTION...]: a container that runs; its first process is $BOX.
start_box() {
	BOX=$(ctl create --json --detach "$@" box -- sleep 1000 | jq .pid) || fail "cannot create"
}

same_namespaces() {
	local ns
	for ns in $ALL; do
		equal "$ns" "$(readlink "/proc/$1/ns/$ns")" "$(grep "^$ns:" "$2")"
	done
}

test_all_namespaces() {
	local out
	start_box --namespaces all --hostname boxed
	# shellcheck disable=SC2016 # for the shell inside
	ctl enter box -- sh -c 'for n; do readlink "/proc/self/ns/$n"; done; hostname; echo "level $(awk "/^NSpid/ { print NF }" /proc/self/status)"' \
		sh $ALL >"$T/out" || fail "exit status $?"
	same_namespaces "$BOX" "$T/out"
	contains "hostname" boxed "$(cat "$T/out")"
	ctl enter box -- sh -c 'exit 9'
	equal "exit status" 9 $?
	contains "no such program" "cannot run '/nonsense'" "$(ctl enter box -- /nonsense 2>&1)"
}

# It stands in the container before anything of it runs, with what the container may do.
test_groups_and_rights() {
	local pid
	start_box --overlay
	"$BIN/rbcectl" enter --root "$ROOT" box -- sleep 1000 &
	pid=$!
	wait_for 10 pgrep -P "$pid" -x sleep >"$T/entered"
	settled "$(tail -n 1 "$T/entered")" box
	equal "rights" "$(grep -E '^(CapBnd|NoNewPrivs|Seccomp):' "/proc/$(pgrep -P "$BOX")/status" | xargs)" \
		"$(ctl enter box -- grep -E '^(CapBnd|NoNewPrivs|Seccomp):' /proc/self/status | xargs)"
	equal "capabilities of root inside" 00000000a00405fb "$(ctl enter box -- awk '/^CapEff/ { print $2 }' /proc/self/status)"
	equal "another user" "5 6" "$(ctl enter --user 5:6 --cwd /usr box -- sh -c 'id -u; id -g' | xargs)"
	equal "directory" /usr "$(ctl enter --cwd /usr box -- pwd)"
	equal "descriptors" "0 1 2 3" "$(ctl enter box -- ls /proc/self/fd 5</dev/null 6</dev/null | xargs)"
}

test_any_process() {
	unshare --uts --ipc sh -c 'hostname elsewhere; exec sleep 1000' &
	OTHER=$!
	wait_for 10 other_name
	[ "$(hostname)" != elsewhere ] || fail "the host was renamed"
	contains "no such process" "No such process" "$(ctl enter --pid 4194303 -- true 2>&1)"
}

other_name() {
	[ "$(ctl enter --pid "$OTHER" -- hostname 2>/dev/null)" = elsewhere ]
}

# On a terminal the command has one of the container's own, which is controlling and has the same size.
test_terminal() {
	local out status
	start_box --overlay
	out=$(script -qec "stty rows 33 cols 77; $BIN/rbcectl enter --root $ROOT box -- sh -c 'tty; stty size; ls /dev/pts; exit 3'" /dev/null)
	status=$?
	equal "exit status (it said: $out)" 3 $status
	equal "terminal, size" "/dev/pts/0 33 77 0 ptmx" "$(tr -d '\r\000' <<<"$out" | sed 's/^^@//' | xargs)"
}
