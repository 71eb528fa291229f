# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What the benchmarks on real processes share: rbced and, beside it, cgrulesengd of libcgroup (package
# cgroup-tools), each with rules on the programs of a file system of the benchmark's own ($M), both in
# the groups of the cpu, cpuacct, memory, blkio and pids controllers (rbced in the v2 tree as well).
#   peers are named   cgrulesengd, rbced-connector, rbced-bpf, rbced-gate, none

set -eu
ROOT=rbce-bench-$$
T=$(mktemp -d /tmp/rbce-bench-XXXXXX)
M=$T/mount
CONTROLLERS=cpu,cpuacct,memory,blkio,pids
DAEMON=

[ "$(id -u)" -eq 0 ] || { echo "bench: cannot place processes: only root may" >&2; exit 1; }
command -v cgrulesengd >/dev/null || apt-get install -q -y --no-install-recommends cgroup-tools >/dev/null

take_down() {
	stop_daemon
	umount "$M" 2>/dev/null || true
	rm -rf "$T" "/run/rbce/$ROOT".*
}
trap take_down EXIT
trap 'exit 1' INT TERM

chmod 755 "$T"
mkdir "$M" "$T/rules"
mount -t tmpfs -o mode=755 tmpfs "$M"

# CPU time of a process so far, in ms (the clock ticks of 10 ms).
cpu_of() {
	awk '{ print ($14 + $15) * 10 }' "/proc/$1/stat"
}

# rules N PROGRAM=GROUP...: N rules, of which those for the programs are the last, for both daemons.
rules() {
	local n=$(($1 - $# + 1)) pair mount
	shift
	awk -v n=$n 'BEGIN { for (i = 1; i <= n; i++) printf "[rule r%d]\nexe = /nowhere/program-%d\ncontainer = other\n", i, i }' \
		>"$T/rules/bench.rules"
	awk -v n=$n -v c=$CONTROLLERS -v root="$ROOT" 'BEGIN { for (i = 1; i <= n; i++) printf "*:/nowhere/program-%d %s %s/other\n", i, c, root }' \
		>"$T/cgrules.conf"
	for pair; do
		printf '[rule %s]\nexe = %s\ncontainer = %s\n' "${pair%%=*}" "$M/${pair%%=*}" "${pair#*=}" >>"$T/rules/bench.rules"
		printf '*:%s %s %s/%s\n' "$M/${pair%%=*}" $CONTROLLERS "$ROOT" "${pair#*=}" >>"$T/cgrules.conf"
	done
	GROUPS_OF_RULES="other ${*#*=}"
}

# cgrulesengd makes no groups; it is to write to the controllers' alone.
make_groups() {
	local mount group
	for mount in $(awk '$3 == "cgroup" && $4 ~ /cpu|memory|blkio|pids/ && $4 !~ /cpuset/ || $3 == "cgroup2" { print $2 }' /proc/mounts); do
		for group in $GROUPS_OF_RULES; do mkdir -p "$mount/$ROOT/$group"; done
	done
}

# It reads /etc/cgrules.conf and keeps its socket in /run: both are its own here.
start_cgrulesengd() {
	make_groups
	mkdir -p "$T/upper"
	# shellcheck disable=SC2016
	unshare --mount bash -c '
		mount -t tmpfs tmpfs /run
		mount -t tmpfs tmpfs "$1/upper" && mkdir "$1/upper/u" "$1/upper/w"
		mount -t overlay -o "lowerdir=/etc,upperdir=$1/upper/u,workdir=$1/upper/w" overlay /etc
		mkdir -p /etc/cgrules.d /etc/cgconfig.d
		touch /etc/cgconfig.conf
		cp "$1/cgrules.conf" /etc/cgrules.conf
		exec cgrulesengd -n -q' unshare "$T" >"$T/log" 2>&1 &
	DAEMON=$!
	sleep 2
	kill -0 "$DAEMON" || { cat "$T/log" >&2; exit 1; }
}

start_rbced() {
	build/bin/rbced --rules "$T/rules" --root "$ROOT" "$@" 2>"$T/log" &
	DAEMON=$!
	until build/bin/rbcectl status --root "$ROOT" >/dev/null 2>&1; do
		kill -0 "$DAEMON" || { cat "$T/log" >&2; exit 1; }
		sleep 0.05
	done
}

# start_daemon PEER
start_daemon() {
	case $1 in
	none) ;;
	cgrulesengd) start_cgrulesengd ;;
	rbced-gate) start_rbced --gate "$M" ;;
	rbced-*) start_rbced --source "${1#rbced-}" ;;
	esac
}

# With all that it has placed.
stop_daemon() {
	if [ -n "$DAEMON" ]; then
		kill "$DAEMON" 2>/dev/null || true
		wait "$DAEMON" 2>/dev/null || true
	fi
	DAEMON=
	build/bin/rbcectl kill --root "$ROOT" --all || true
}

# status COUNTER, counters FILTER: of rbced.
status() {
	build/bin/rbcectl status --root "$ROOT" "$1"
}
counters() {
	build/bin/rbcectl status --root "$ROOT" --json | jq -r "$1"
}
