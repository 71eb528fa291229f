# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What functional tests share. Each test_* function runs in a subshell of its own, with
#   $ROOT  a root group name of its own        $T     an empty folder of its own
#   $BIN   the built programs                  $HELP  the built helpers
# and everything it started is taken down when it ends, however it ends.

# User ids that no process of this machine has, nor a test that runs at the same time.
TEST_UID=$((10000 + $$ * 2 % 44000))
while [[ $UIDS_IN_USE == *" $TEST_UID "* || $UIDS_IN_USE == *" $((TEST_UID + 1)) "* ]]; do
	TEST_UID=$((TEST_UID + 2))
done
export TEST_UID OTHER_UID=$((TEST_UID + 1))

fail() {
	echo "    $*" >&2
	exit 1
}

skip() {
	echo "    skipped: $*" >&2
	exit 77
}

# figure TEXT: a figure that a test shows, and that nothing depends on.
figure() {
	echo "    figure: $*"
}

# equal WHAT EXPECTED ACTUAL
equal() {
	[ "$2" = "$3" ] || fail "$1: expected '$2', got '$3'"
}

# contains WHAT PART TEXT
contains() {
	case $3 in
	*"$2"*) ;;
	*) fail "$1: expected '$2' in '$3'" ;;
	esac
}

# between WHAT LOW HIGH ACTUAL, whole numbers; whatever is no number is outside.
between() {
	[[ $4 =~ ^-?[0-9]+$ ]] && [ "$4" -ge "$2" ] && [ "$4" -le "$3" ] ||
		fail "$1: expected $2 to $3, got '$4'"
}

# pause: a moment between two looks, without a process for it. Under emulation a look costs far more than
# elsewhere, so there it is a longer one.
pause() {
	[ -n "${NEVER:-}" ] || exec {NEVER}<> <(:)
	read -r -t "${RBCE_PAUSE:-0.02}" -u "$NEVER"
	:
}

# wait_for SECONDS COMMAND...: until it succeeds; under emulation three times as long.
wait_for() {
	local end=$((SECONDS + $1 * (${RBCE_TRIES:-1} > 1 ? 3 : 1)))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || fail "gave up waiting for: $*"
		pause
	done
}

# Where systemd is PID 1, what a test starts would stand in the unit that runs the test, and rules leave
# units alone: it begins in the top group instead.
leave_units() {
	local mount
	[ -d /run/systemd/system ] || return 0
	mount=$(awk '$3 == "cgroup" && $4 ~ /name=systemd/ { print $2; exit }' /proc/mounts)
	[ -n "$mount" ] || mount=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
	echo $$ >"$mount/cgroup.procs" || fail "cannot leave the unit of this test"
}

ctl() {
	local command=$1
	shift
	"$BIN/rbcectl" "$command" --root "$ROOT" "$@"
}

# status COUNTER: a value of the daemon's counters.
status() {
	ctl status "$1"
}

# jq reads a language of its own each time that it starts: 30 ms, and under emulation a third of a second.
jq() {
	gojq "$@"
}

# counters FILTER: what jq makes of all of them.
counters() {
	ctl status --json | jq -r "$1"
}

# heard CAUSE: how many such events there were, whether they got as far as the daemon or not.
heard() {
	local filtered
	filtered=$(status "source.filtered.$1" 2>/dev/null)
	echo $(($(status "events.$1") + ${filtered:-0}))
}

# Reads rules from standard input.
write_rules() {
	mkdir -p "$T/rules"
	cat >"$T/rules/test.rules"
}

daemon_answers() {
	[ -S "/run/rbce/$ROOT.sock" ] && ctl status >/dev/null 2>&1
}

# start_rbced [OPTION...]: the daemon on $T/rules, ready. RBCE_SOURCE names another source than the
# best; RBCED_WITH is a command that it is started by.
RBCED_WITH=()
start_rbced() {
	"${RBCED_WITH[@]}" "$BIN/rbced" --foreground --rules "$T/rules" --root "$ROOT" ${RBCE_SOURCE:+--source "$RBCE_SOURCE"} "$@" \
		2>>"$T/rbced.log" &
	RBCED=$!
	until daemon_answers; do
		kill -0 "$RBCED" 2>/dev/null || fail "rbced ended: $(cat "$T/rbced.log")"
		pause
	done
}

# The daemon's last word; its exit status is the function's.
stop_rbced() {
	kill -TERM "$RBCED"
	wait "$RBCED"
}

# start_recorder INTERVAL: of all that there is to $T/db. Tests of the recorder have ways of their own.
start_recorder() {
	"$BIN/containerstats" record --root "$ROOT" --db "$T/db" --interval "$1" 2>>"$T/recorder.log" &
	RECORDER=$!
	wait_for 20 test -s "$T/db"
}

# A copy of a program that only this test runs, so that a rule on its path matches nothing else.
private_copy() {
	mkdir -p "$T/bin"
	cp "$1" "$T/bin/$2"
	echo "$T/bin/$2"
}

# victims_rule [CONTAINER]: a copy of sleep as $T/bin/victim, and a rule that puts it there.
victims_rule() {
	[ -x "$T/bin/victim" ] || private_copy /bin/sleep victim >/dev/null
	write_rules <<-END
		[rule victims]
		exe = $T/bin/victim
		container = ${1:-victims}
	END
}

# hold_victims COUNT: so many at once, which live until let_go; PIDS has them.
hold_victims() {
	mkfifo "$T/hold"
	"$HELP/storm" "$1" "$T/bin/victim" 1000 <"$T/hold" >"$T/out" &
	HOLDER=$!
	exec 9>"$T/hold"
	wait_for 90 test -s "$T/out"
	mapfile -t PIDS < <(pgrep -P "$HOLDER")
	equal "victims" "$1" "${#PIDS[@]}"
}

let_go() {
	exec 9>&-
	wait "$HOLDER"
	rm "$T/hold" "$T/out"
}

# are_in CONTAINER: all that hold_victims started.
are_in() {
	[ "$(wrong_places "$1" "${PIDS[@]}")" = 0 ]
}

# runs PID EXECUTABLE
runs() {
	[ "$(readlink "/proc/$1/exe")" = "$2" ]
}

# places_in FILE: the container in each group of lines like those of /proc/PID/cgroup, which a line
# with a pid comes before: one name in the hierarchies of the controllers in use, "." for the root
# group, "-" for outside, "?" where they differ, "gone" for none.
places_in() {
	awk -F: -v root="/$ROOT" '
		function place(path) {
			sub(/\/leaf$/, "", path)
			return path == root ? "." : index(path, root "/") == 1 ? substr(path, length(root) + 2) : "-"
		}
		function done() {
			if (n++) print found == "" ? "gone" : found
			found = ""
		}
		NF == 1 { done(); next }
		$2 != "" && ("," $2 ",") !~ /,(cpu|cpuacct|memory|blkio|pids),/ { next }
		{
			now = place(substr($0, length($1 $2) + 3))
			found = found == "" || found == now ? now : "?"
		}
		END { done() }' "$1"
}

# places_of PID...: a line for each, as places_in.
places_of() {
	awk 'BEGIN {
		for (i = 1; i < ARGC; i++) {
			file = "/proc/" ARGV[i] "/cgroup"
			print ARGV[i]
			while ((getline <file) > 0) print
			close(file)
		}
	}' "$@" | places_in -
}

container_of() {
	places_of "$1"
}

stands_in() {
	[ "$(container_of "$1")" = "$2" ]
}

# wrong_places CONTAINER PID...: how many of them are not there.
wrong_places() {
	local container=$1
	shift
	places_of "$@" | grep -cvxF -- "$container"
}

# settled PID CONTAINER: it gets there; fails with where it is instead.
settled() {
	local end=$((SECONDS + 10))
	until stands_in "$1" "$2"; do
		[ "$SECONDS" -lt "$end" ] || fail "process $1: expected in '$2', stands in '$(container_of "$1")'"
		pause
	done
}

# group_file CONTROLLER V1-FILE V2-FILE CONTAINER: path of a container's control file here.
group_file() {
	local mount
	mount=$(awk -v c="$1" '$3 == "cgroup" && ("," $4 ",") ~ ("," c ",") { print $2; exit }' /proc/mounts)
	if [ -n "$mount" ]; then
		echo "$mount/$ROOT/$4/$2"
	else
		mount=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
		echo "$mount/$ROOT/$4/$3"
	fi
}

# How many mounts there are, but for those of tests that run beside this one.
mounts() {
	awk -v root="$ROOT" 'index($0, root) || !/rbce-test-|\/netns/ { n++ } END { print n }' /proc/self/mountinfo
}

DISK_OWNER=/run/rbce-test-disk

# disk_folder: a folder on a disk's file system, whose page cache the kernel can reclaim. Where it takes
# the guest's first disk for that, other tests wait until this one has ended.
disk_folder() {
	local type
	type=$(stat -f -c %T /var/tmp)
	case $type in
	tmpfs | overlayfs | ramfs | v9fs) ;;
	*) mktemp -d -p /var/tmp "$ROOT-XXXXXX" && return ;;
	esac
	[ -n "${RBCE_GUEST_DISKS:-}" ] || return 1
	wait_for 300 ln -s "$ROOT" "$DISK_OWNER" 2>/dev/null
	mkfs.ext4 -q -F "${RBCE_GUEST_DISKS%% *}" && mkdir -p "$T/mount" &&
		mount "${RBCE_GUEST_DISKS%% *}" "$T/mount" && echo "$T/mount"
}

# A child of this test that has not ended.
runs_here() {
	local stat
	read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
	[[ "${stat##*) }" =~ ^[^Z]\ $$\  ]]
}

# ended_well NAME PID: a daemon has ended when it was told to, or does so now, and with success: it did
# not crash unseen, and the sanitizers had nothing to say.
ended_well() {
	local end=$((SECONDS + 20))
	if runs_here "$2"; then
		kill -CONT "$2"
		kill -TERM "$2"
		while runs_here "$2" && [ "$SECONDS" -lt "$end" ]; do pause; done
		runs_here "$2" && kill -KILL "$2"
	fi
	wait "$2" 2>/dev/null
	case $? in
	0 | 127) ;;
	*) echo "    $1 ended badly: $(tail -n 30 "$T/$1.log")" >&2 && return 1 ;;
	esac
}

# at_end COMMAND: what a test has to undo itself, before the rest is taken down. What the test ended with
# stays its result, whatever that command returns.
at_end() {
	# shellcheck disable=SC2064 # the command as it is now
	trap "ENDED=\$?; $1; take_down \$ENDED" EXIT
}

# take_down [STATUS]: of a trap; STATUS is what the test ended with where the trap has run something since.
take_down() {
	local status=${1:-$?} root
	[ -z "${RBCED:-}" ] || ended_well rbced "$RBCED" || status=1
	[ -z "${RECORDER:-}" ] || ended_well recorder "$RECORDER" || status=1
	# shellcheck disable=SC2046 # a list of pids
	[ -z "$(jobs -p)" ] || kill -KILL $(jobs -p) 2>/dev/null
	wait 2>/dev/null
	# That of the test, and others that it has named after it.
	for root in $(compgen -G "/sys/fs/cgroup/$ROOT*"; compgen -G "/sys/fs/cgroup/*/$ROOT*"); do
		[ ! -d "$root" ] || "$BIN/rbcectl" kill --root "${root##*/}" --all || echo "    could not take down ${root##*/}" >&2
		# What a test made in a hierarchy that containers do not use.
		[ ! -d "$root" ] || find "$root" -depth -type d -exec rmdir {} +
	done
	[ ! -d "$T/mount" ] || ! mountpoint -q "$T/mount" || umount "$T/mount"
	[ "$(readlink "$DISK_OWNER")" != "$ROOT" ] || rm "$DISK_OWNER"
	rm -rf "/var/tmp/$ROOT"-* "$T" "/run/rbce/$ROOT".*
	exit "$status"
}
