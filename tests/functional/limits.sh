# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# That limits are there before the first task, and that the kernel holds them.
# needs: root cgroup

test_cpu_hard_limit() {
	private_copy "$HELP/hog" hog >/dev/null
	write_rules <<-END
		[container tenth]
		cpu.max = 10%
		[rule hogs]
		exe = $T/bin/hog
		container = tenth
	END
	start_rbced
	"$T/bin/hog" 5 >"$T/out" &
	settled $! tenth
	wait $!
	# 500 ms of 5 s, and what ran before the move and within one period of 100 ms.
	between "CPU milliseconds in 5 s at 10 %" 350 800 "$(cat "$T/out")"
}

test_cpu_weight() {
	local name when pids=()
	write_rules <<-END
		[container light]
		cpu.weight = 50
		[container heavy]
		cpu.weight = 800
	END
	start_rbced
	# In their containers, at the same time and on one processor, so that they compete throughout.
	when=$(($(date +%s) + 4))
	for name in light heavy; do
		"$BIN/rbcectl" run --root "$ROOT" $name -- taskset -c 0 "$HELP/hog" 4 $when >"$T/$name" &
		pids+=($!)
	done
	wait "${pids[@]}"
	echo "    light $(cat "$T/light") ms, heavy $(cat "$T/heavy") ms"
	# 16 to 1; under emulation, with ticks that come late, less.
	between "heavy over light, tenths" 20 320 $(($(cat "$T/heavy") * 10 / ($(cat "$T/light") + 1)))
}

# Page cache counts too: what does not fit is reclaimed within the group, nothing else notices.
test_memory_hard_limit() {
	local peak limit=$((32 * 1024 * 1024)) file
	file=$(disk_folder)/file || skip "no disk: page cache in memory cannot be reclaimed"
	write_rules <<-END
		[container small]
		memory.max = 32M
	END
	start_rbced
	dd if=/dev/zero of="$file" bs=1M count=160 conv=fsync 2>/dev/null
	dd of="$file" conv=notrunc oflag=nocache count=0 2>/dev/null
	ctl run small -- dd if="$file" of=/dev/null bs=1M 2>/dev/null || fail "the reader was stopped"
	equal "the limit in the kernel" $limit \
		"$(cat "$(group_file memory memory.limit_in_bytes memory.max small)")"
	peak=$(cat "$(group_file memory memory.max_usage_in_bytes memory.peak small)")
	between "peak of a group that read 160 MiB" $((16 * 1024 * 1024)) $limit "$peak"
}

test_pids_limit_stops_a_fork_bomb() {
	private_copy "$HELP/bomb" bomb >/dev/null
	write_rules <<-END
		[container few]
		pids.max = 25
		[rule bombs]
		exe = $T/bin/bomb
		container = few
	END
	start_rbced
	read -r count why < <(ctl run few -- "$T/bin/bomb" 500)
	equal "the end of the bomb" refused "$why"
	# Forks that the kernel refuses at the same time count for a moment.
	between "processes of the bomb" 15 25 "$count"
	equal "limit in the kernel" 25 "$(cat "$(group_file pids pids.max pids.max few)")"
}

test_every_key_reaches_the_kernel() {
	local disk
	disk=$(lsblk -dno MAJ:MIN,TYPE | awk '$2 == "disk" { print $1; exit }')
	[ -n "$disk" ] || skip "this machine has no disk"
	write_rules <<-END
		[container full]
		cpu.weight = 200
		cpu.max = 150%
		memory.max = 64M
		memory.soft = 48M
		pids.max = 99
		io.max = $disk rbps=10M wbps=5M
		[rule never]
		user = $OTHER_UID
		container = full
	END
	start_rbced
	ctl run full -- true
	equal "memory" $((64 << 20)) "$(cat "$(group_file memory memory.limit_in_bytes memory.max full)")"
	# Linux 6.12 takes v1's soft limit and forgets it: then the daemon says so.
	[ "$(cat "$(group_file memory memory.soft_limit_in_bytes memory.low full)")" = $((48 << 20)) ] ||
		contains "a soft limit that the kernel does not keep" "cannot set 'memory.soft'" "$(cat "$T/rbced.log")"
	equal "pids" 99 "$(cat "$(group_file pids pids.max pids.max full)")"
	contains "io" "$disk" "$(cat "$(group_file blkio blkio.throttle.read_bps_device io.max full)")"
	contains "io rate" 10485760 "$(cat "$(group_file blkio blkio.throttle.read_bps_device io.max full)")"
	equal "cpu.max" "150%" "$(ctl containers --json | jq -r '.containers[] | select(.container == "full")."cpu.max"')"
	equal "cpu.weight" 200 "$(ctl containers --json | jq -r '.containers[] | select(.container == "full")."cpu.weight"')"
}

# Each process has a container of its own here, and looks at its limit as soon as it stands there.
test_limits_come_before_the_first_task() {
	local file limit=() out i
	private_copy "$HELP/entrant" entrant >/dev/null
	write_rules <<-END
		[container each/%P]
		pids.max = 33
		memory.max = 64M
		[rule entrants]
		exe = $T/bin/entrant
		container = each/%P
	END
	start_rbced
	for file in "$(group_file pids pids.max pids.max each/x)" "$(group_file memory memory.limit_in_bytes memory.max each/x)"; do
		for i in 1 2 3 4 5 6 7 8; do
			timeout 60 "$T/bin/entrant" "${file%/x/*}" "${file##*/}" >"$T/limit.$i" &
			limit[i]=$!
		done
		for i in "${!limit[@]}"; do wait "${limit[i]}" || fail "no process came into its container"; done
		out=$(sort "$T"/limit.* | uniq -c | tr -s ' ')
		case $file in
		*/pids.max) equal "tasks" " 8 33" "$out" ;;
		*) equal "memory" " 8 $((64 << 20))" "$out" ;;
		esac
	done
}

# The template's limits hold for each container made from it, and the parent has its own.
test_templates() {
	write_rules <<-END
		[container users]
		pids.max = 1000
		[container users/%U]
		pids.max = 50
		[rule users]
		user = $TEST_UID, $OTHER_UID
		container = users/%U
	END
	start_rbced
	setpriv --reuid $TEST_UID --clear-groups sleep 100 &
	settled $! users/$TEST_UID
	setpriv --reuid $OTHER_UID --clear-groups sleep 100 &
	settled $! users/$OTHER_UID
	equal "parent" 1000 "$(cat "$(group_file pids pids.max pids.max users)")"
	equal "first" 50 "$(cat "$(group_file pids pids.max pids.max users/$TEST_UID)")"
	equal "second" 50 "$(cat "$(group_file pids pids.max pids.max users/$OTHER_UID)")"
}

test_a_job_brings_its_own_limits() {
	write_rules </dev/null
	start_rbced
	# shellcheck disable=SC2016 # for the job's shell
	ctl run job/one pids.max=17 memory.max=100M -- sh -c 'sleep 100 & echo $!' >"$T/out" &
	wait_for 15 test -s "$T/out"
	settled "$(cat "$T/out")" job/one
	equal "pids" 17 "$(cat "$(group_file pids pids.max pids.max job/one)")"
	[ -n "$(awk '$3 == "cgroup" && $4 ~ /memory/' /proc/mounts)" ] &&
		equal "no such limit" "rbcectl: cannot set 'memory.high' of container 'job/one': memory.high needs cgroup v2" \
			"$(ctl run job/one memory.high=1G -- true 2>&1)"
	equal "bad limit" "rbcectl: cannot set 'pids.max': 'many' is not a number (like 500 or max)" \
		"$(ctl run job/one pids.max=many -- true 2>&1)"
}

test_unsupported_keys() {
	[ -n "$(awk '$3 == "cgroup" && $4 ~ /memory/' /proc/mounts)" ] || skip "every key works on cgroup v2"
	write_rules <<-END
		[container warned]
		memory.high = 1G
		[container refused]
		on-unsupported = error
		memory.high = 1G
		[rule never]
		user = $OTHER_UID
		container = warned
	END
	start_rbced
	ctl run warned -- true || fail "a warning stopped the job"
	contains "the daemon's warning" "memory.high" "$(cat "$T/rbced.log")"
	ctl run refused -- true 2>"$T/err" && fail "the job ran without its limit"
	contains "the refusal" "memory.high" "$(cat "$T/err")"
	[ ! -d "$(dirname "$(group_file memory tasks cgroup.procs refused)")" ] || fail "the container stayed"
}
