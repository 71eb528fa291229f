#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tests/guest/run -- tests/guest/checkpoint-smoke.sh: a process that counts, under limits, is
# checkpointed and restored; prints what became of it, and of each limit. Exit status 0 when all is as
# it was, 77 where there is no engine.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
ctl=${B:-build}/bin/rbcectl
root=smoke-$$
work=$(mktemp -d)
bad=0

finish() {
	"$ctl" kill --root "$root" --all
	rm -rf "$work"
}
[ -n "${RBCE_KEEP:-}" ] || trap finish EXIT

# same WHAT BEFORE AFTER
same() {
	if [ "$2" = "$3" ]; then
		echo "ok      $1: $3"
	else
		echo "FAILED  $1: was '$2', is '$3'"
		bad=1
	fi
}

limits() {
	local key

	for key in memory.max pids.max cpu.max; do
		echo "$key=$("$ctl" get --root "$root" --json counting $key | jq -r '.keys[0].own')"
	done | paste -sd' '
}

# count: what it has counted to.
count() {
	tail -n 1 "$work/count"
}

# counts_from N: it gets beyond that.
counts_from() {
	local i

	for ((i = 0; i < 200; i++)); do
		[ "$(count)" -le "$1" ] || return 0
		sleep 0.1
	done
	return 1
}

pid_of() {
	"$ctl" ps --root "$root" --json counting 2>/dev/null | jq -r '.tasks[].pid' | paste -sd' '
}

command -v criu >/dev/null || { echo "skipped: there is no criu here" && exit 77; }
echo 0 >"$work/count"
# shellcheck disable=SC2016 # for perl
"$ctl" create --root "$root" --detach --namespaces none counting memory.max=64M pids.max=16 cpu.max=50% -- \
	perl -e '$| = 1; open(F, ">", $ARGV[0]); for ($i = 1;; $i++) { syswrite F, "$i\n"; select(undef, undef, undef, 0.05); }' "$work/count" ||
	exit 1
counts_from 5 || { echo "FAILED  it does not count" && exit 1; }
pid=$(pid_of)
before=$(limits)
echo "counting: pid $pid, $before"

"$ctl" checkpoint --root "$root" counting "$work/image" || exit 1
stopped=$(count)
echo "checkpoint: at $stopped, $(du -sh "$work/image" | cut -f 1) in $(find "$work/image" -type f | wc -l) files"
same "processes after the checkpoint" "" "$(pid_of)"
"$ctl" checkpoint verify "$work/image" || exit 1
same "count a moment later" "$stopped" "$(sleep 0.5 && count)"

"$ctl" restore --root "$root" counting "$work/image" || exit 1
counts_from "$stopped" || { echo "FAILED  it does not go on" && exit 1; }
echo "restore: goes on, at $(count)"
same "pid" "$pid" "$(pid_of)"
same "limits" "$before" "$(limits)"
exit $bad
