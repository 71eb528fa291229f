# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# rbcectl get, set, apply, diff, snapshot and reclaim, on containers without a daemon.
# needs: root cgroup
# the same on both as on v1

# value CONTAINER KEY [FIELD]: its own value, or another field.
value() {
	ctl get "$1" "$2" --json | jq -r ".keys[0].${3:-own}"
}

# apply [OPTION...]: the rules of the test.
apply() {
	ctl apply --rules "$T/rules" "$@"
}

# A disk by its number, for limits that nothing here comes near; in a guest "/" is on none.
a_disk() {
	lsblk -dno MAJ:MIN,TYPE | awk '$2 == "disk" { print $1; exit }'
}

on_v1() {
	[ -n "$(awk -v c="$1" '$3 == "cgroup" && ("," $4 ",") ~ ("," c ",")' /proc/mounts)" ]
}

test_set_and_get() {
	write_rules <<-END
		[container users]
		pids.max = 500
		[container users/alice]
	END
	apply >/dev/null || fail "the containers were not made"
	ctl set users/alice cpu.weight=250 pids.max=900 memory.max=64M || fail "values were not set"
	equal "own" 900 "$(value users/alice pids.max)"
	equal "what holds" 500 "$(value users/alice pids.max effective)"
	equal "whose it is" users "$(value users/alice pids.max decided_by)"
	equal "levels" "/: .:max users:500 users/alice:900" \
		"$(echo "/:" "$(ctl get users/alice pids.max --json | jq -r '.keys[0].levels | map(select(.container != "/")) | map("\(.container):\(.value)") | join(" ")')")"
	equal "its own limit" users/alice "$(value users/alice memory.max decided_by)"
	equal "nobody's" "" "$(value users memory.max decided_by)"
	equal "in the kernel" $((64 << 20)) "$(cat "$(group_file memory memory.limit_in_bytes memory.max users/alice)")"
	ctl set . pids.max=400
	equal "the root group" . "$(value users/alice pids.max decided_by)"
	contains "a table" "users/alice" "$(ctl get users/alice)"
	contains "an unknown key" "unknown key 'no.such'" "$(ctl get users/alice no.such 2>&1)"
	contains "no container" "there is none" "$(ctl get nobody 2>&1)"
	contains "no value" "'many' is not a number" "$(ctl set users/alice pids.max=many 2>&1)"
}

# What the kernel refuses (a text that is no number) leaves everything as it was, and says why.
test_set_is_all_or_nothing() {
	write_rules <<-END
		[container one]
		pids.max = 50
		cpu.weight = 300
	END
	apply >/dev/null
	ctl set one cpu.weight=20 pids.max=60 raw.pids.max=nonsense io.max="$(a_disk) rbps=1M" 2>"$T/err" && fail "it was set"
	contains "key, value, file and the kernel's reason" \
		"cannot set 'raw.pids.max = nonsense' of container 'one' (pids.max): pids.max refuses 'nonsense': Invalid argument" "$(cat "$T/err")"
	equal "the one before it" 300 "$(value one cpu.weight)"
	equal "the same file" 50 "$(value one pids.max)"
	ctl set --keep-going one cpu.weight=20 raw.pids.max=nonsense pids.max=60 --json >"$T/out" 2>/dev/null && fail "it did not fail"
	equal "written and refused" "2 1" "$(jq -r '"\(.written) \(.refused)"' "$T/out")"
	equal "what could be set" "20 60" "$(value one cpu.weight) $(value one pids.max)"
}

# refused CONTAINER KEY=VALUE PART: with what is wrong, by the kernel's own words or what they mean here.
refused() {
	ctl set "$1" pids.max=60 "$2" 2>"$T/err" && fail "$2 was set"
	contains "which key, value and container" "cannot set '${2/=/ = }' of container '$1'" "$(cat "$T/err")"
	contains "why $2 was refused" "$3" "$(cat "$T/err")"
}

# Each for a reason of its own; all keys are afterwards what they were.
test_refusals_say_why() {
	local before
	write_rules <<-END
		[container one]
		pids.max = 50
		memory.max = 64M
		cpu.max = 50%
		cpu.burst = 40ms
		cpuset.cpus = 0
	END
	apply >/dev/null || fail "the container was not made"
	before=$(ctl snapshot)
	refused one cpuset.cpus=4000 "(cpuset.cpus): cpuset.cpus refuses '4000': this machine does not have them"
	refused one memset.mems=900 "cpuset.mems refuses '900': this machine does not have them"
	if on_v1 memory; then
		refused one memory.high=1G "memory.high needs cgroup v2"
		refused one memory.min=1M "memory.min needs cgroup v2"
	fi
	refused one cpu.max=5% "cpu.burst is 40ms, more than the limit's 5ms in each period"
	! on_v1 cpu || refused one raw.cpu.shares=1 "(cpu.shares): the kernel holds 2 instead of 1"
	equal "all is as it was" "$before" "$(ctl snapshot)"
}

ten_keys() {
	write_rules <<-END
		[container users]
		pids.max = 500
		cpu.max = 150%
		[container users/%u]
		cpu.burst = 10ms
		cpu.max = 50%
		pids.max = 100
		swap.max = 32M
		memory.max = 64M
		cpuset.cpus = 0
		[container jobs]
		cpu.weight = 20
		io.weight = 50
		device = default
		memory.high = 1G
		on-unsupported = ignore
	END
}

test_apply_is_idempotent() {
	ten_keys
	apply >/dev/null || fail "the first apply failed"
	printf '[container users/bob]\npids.max = 100\n' >"$T/bob.rules"
	ctl apply --rules "$T/bob.rules" >/dev/null
	apply --json >"$T/out" || fail "the second apply failed: $(cat "$T/out")"
	between "written for the one that fits the template" 4 6 "$(jq .written "$T/out")"
	equal "containers" 3 "$(jq .containers "$T/out")"
	equal "in the kernel" $((64 << 20)) "$(cat "$(group_file memory memory.limit_in_bytes memory.max users/bob)")"
	equal "and its CPUs" 0 "$(cat "$(group_file cpuset cpuset.cpus cpuset.cpus users/bob)")"
	equal "a third writes" 0 "$(apply --json | jq .written)"
	ctl set users/bob pids.max=99
	equal "only what differs" 1 "$(apply --json | jq .written)"
}

# Values that the kernel takes in one order only: a child over its parent (v1), a quota under the burst.
test_order_does_not_matter() {
	ten_keys
	apply >/dev/null
	printf '[container users/bob]\ncpu.max = 50%%\ncpu.burst = 40ms\n' >"$T/bob.rules"
	ctl apply --rules "$T/bob.rules" >/dev/null || fail "the burst was not set"
	write_rules <<-END
		[container users]
		cpu.max = 20%
		[container users/bob]
		cpu.max = 10%
		cpu.burst = 5ms
	END
	apply >/dev/null || fail "less was refused"
	equal "the parent" "20%" "$(value users cpu.max)"
	equal "the child" "10% 5ms" "$(value users/bob cpu.max) $(value users/bob cpu.burst)"
	ten_keys
	apply >/dev/null || fail "more was refused"
	equal "the parent again" "150%" "$(value users cpu.max)"
	equal "the child again" "50%" "$(value users/bob cpu.max)"
}

test_apply_is_all_or_nothing() {
	ten_keys
	apply >/dev/null
	ctl snapshot >"$T/before"
	write_rules <<-END
		[container new/one]
		pids.max = 5
		[container jobs]
		cpu.weight = 77
		io.max = $(a_disk) wbps=5M
		device = null
		raw.pids.max = nonsense
		[container users]
		pids.max = 30
	END
	apply 2>"$T/err" >/dev/null && fail "it was applied"
	contains "the reason" "pids.max refuses 'nonsense': Invalid argument" "$(cat "$T/err")"
	contains "the rest" "put" "$(cat "$T/err")"
	equal "all is as it was" "$(cat "$T/before")" "$(ctl snapshot)"
	apply --keep-going --json >"$T/out" 2>/dev/null && fail "it did not fail"
	equal "what could be set" "77 5 30" "$(value jobs cpu.weight) $(value new/one pids.max) $(value users pids.max)"
}

test_snapshot_loads_again() {
	local other=$ROOT-2
	ten_keys
	apply >/dev/null
	printf '[container users/100%%%%;x]\npids.max = 3\n[container odd %%%% name]]\npids.max = 4\n' >"$T/odd.rules"
	ctl apply --rules "$T/odd.rules" >/dev/null || fail "odd names"
	mkdir "$(dirname "$(group_file pids pids.max pids.max 'users/a ;b')")"
	ctl set 'users/a ;b' pids.max=6
	ctl set . pids.max=1000
	ctl snapshot >"$T/live.rules"
	"$BIN/rbced" --check --rules "$T/live.rules" >/dev/null || fail "it does not load: $(cat "$T/live.rules")"
	contains "the root group" "# rbcectl set . 'pids.max=1000'" "$(cat "$T/live.rules")"
	contains "a name that is no section" "# The container 'users/a ;b'" "$(cat "$T/live.rules")"
	contains "the same in JSON" '"odd % name]"' "$(ctl snapshot --json | jq -c '.containers[].container')"
	sed '/^# pids.max/d' "$T/live.rules" >"$T/other.rules"
	"$BIN/rbcectl" apply --root "$other" --rules "$T/other.rules" >/dev/null || fail "it cannot be applied"
	"$BIN/rbcectl" diff --root "$other" --rules "$T/other.rules" >"$T/diff" || fail "it differs: $(cat "$T/diff")"
	"$BIN/rbcectl" snapshot --root "$other" | grep -v '^#' | cat -s >"$T/again"
	"$BIN/rbcectl" kill --root "$other" --all
	equal "the same once more" "$(grep -v '^#' "$T/other.rules" | cat -s)" "$(cat "$T/again")"
}

test_diff() {
	local out
	ten_keys
	apply >/dev/null
	ctl diff --rules "$T/rules" >/dev/null || fail "it differs: $(ctl diff --rules "$T/rules")"
	ctl set users pids.max=499 cpu.weight=5
	printf '[container not-there]\n' >>"$T/rules/test.rules"
	ctl diff --rules "$T/rules" >/dev/null && fail "no difference is seen"
	out=$(ctl diff --rules "$T/rules" --json | jq -r '.differences[] | "\(.container) \(.key) \(.files) \(.live) \(.state)"')
	contains "another value" "users pids.max 500 499 differs" "$out"
	contains "a value of nobody's" "users cpu.weight null 5 not in the files" "$out"
	contains "no container" "not-there null null null no such container" "$out"
	equal "differences" 3 "$(wc -l <<<"$out")"
}

test_reclaim() {
	local folder file
	folder=$(disk_folder) || skip "no disk: page cache in memory cannot be reclaimed"
	file=$folder/file
	printf '[container reader]\npids.max = 100\n' | write_rules
	apply >/dev/null
	dd if=/dev/zero of="$file" bs=1M count=40 conv=fsync 2>/dev/null
	dd of="$file" conv=notrunc oflag=nocache count=0 2>/dev/null
	# shellcheck disable=SC2016 # for that shell
	sh -c 'for f in "$@"; do echo $$ >"$f"; done; exec cat "$0"' "$file" \
		"$(dirname "$(group_file memory x x reader)")/cgroup.procs" >/dev/null
	if on_v1 memory; then
		contains "a part on v1" "cgroup v1 gives back all" "$(ctl reclaim reader 8M 2>&1)"
	else
		between "bytes of 8M" $((7 << 20)) $((40 << 20)) "$(ctl reclaim reader 8M --json | jq .reclaimed_bytes)"
	fi
	between "bytes of what is left" $((8 << 20)) $((64 << 20)) "$(ctl reclaim reader max --json | jq .reclaimed_bytes)"
	contains "no amount" "is not a size" "$(ctl reclaim reader lots 2>&1)"
}

# as_user COMMAND...: rbcectl as a user without privilege.
as_user() {
	local command=$1
	shift
	setpriv --reuid "$TEST_UID" --regid "$TEST_UID" --clear-groups "$T/bin/rbcectl" "$command" --root "$ROOT" "$@"
}

test_without_privilege() {
	private_copy "$BIN/rbcectl" rbcectl >/dev/null
	chmod 755 "$T"
	printf '[container his]\npids.max = 50\ncpu.weight = 300\n' | write_rules
	apply >/dev/null
	as_user get his pids.max >"$T/out" || fail "a value cannot be read"
	as_user set his pids.max=60 cpu.weight=20 2>"$T/err" && fail "a user set it"
	contains "the reason" "Permission denied" "$(cat "$T/err")"
	equal "as it was" "50 300" "$(value his pids.max) $(value his cpu.weight)"
	# Delegated: one file is the user's now, and no other.
	chown "$TEST_UID" "$(group_file pids pids.max pids.max his)"
	as_user set his pids.max=60 cpu.weight=20 2>"$T/err" && fail "a user set both"
	equal "put back" 50 "$(value his pids.max)"
	as_user set --keep-going his pids.max=60 cpu.weight=20 2>"$T/err" && fail "it did not fail"
	equal "what is his" "60 300" "$(value his pids.max) $(value his cpu.weight)"
	contains "the rest" "cannot set 'cpu.weight = 20' of container 'his'" "$(cat "$T/err")"
}

# delegates CONTAINER: to the user, as container managers do: the group, who is in it, what it hands on.
delegates() {
	local group
	for group in /sys/fs/cgroup/{,*/}"$ROOT/$1"; do
		[ ! -d "$group" ] || chown "$TEST_UID" "$group" "$group"/cgroup.{procs,threads,subtree_control} 2>/dev/null
	done
}

# A tree of the user's own, below a group with limits that are not the user's to change.
test_in_a_delegated_subtree() {
	private_copy "$BIN/rbcectl" rbcectl >/dev/null
	printf '[container his]\npids.max = 50\n' | write_rules
	apply >/dev/null
	delegates his
	write_rules <<-END
		[container a/b]
		pids.max = 20
		memory.max = 64M
		cpu.weight = 30
		device = null
	END
	# What is kept cannot be passed up to a group that is not his.
	on_v1 memory || printf '[container a]\nmemory.soft = 1M\n' >>"$T/rules/test.rules"
	his() { setpriv --reuid "$TEST_UID" --regid "$TEST_UID" --clear-groups "$T/bin/rbcectl" "$1" --root "$ROOT/his" "${@:2}"; }
	his apply --rules "$T/rules" 2>"$T/err" && fail "a user has a list of devices"
	contains "what is not his" "cannot set 'device = null' of container 'a/b'" "$(cat "$T/err")"
	contains "why" "ermi" "$(cat "$T/err")"
	equal "nothing was made" '[]' "$(ctl snapshot --json | jq -c '[.containers[] | select(.container | startswith("his/"))]')"
	his apply --keep-going --rules "$T/rules" --json >"$T/out" 2>/dev/null
	equal "refused" "device" "$(jq -r '[.changes[] | select(.state == "refused").key] | join(" ")' "$T/out")"
	equal "set" "20 64M 30" "$(value his/a/b pids.max) $(($(value his/a/b memory.max) >> 20))M $(value his/a/b cpu.weight)"
	his set . pids.max=70 2>"$T/err" && fail "a user has taken more"
	contains "the limit above" "cannot set 'pids.max = 70' of container '.' (pids.max): pids.max refuses '70': Permission denied" "$(cat "$T/err")"
	equal "is as it was" 50 "$(value his pids.max)"
	his kill a || fail "it was not removed"
}
