# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# That limits of a disk hold, seen in what real programs get of one.
# needs: root cgroup disk guest
# wants a quiet machine

# cgroup v2 knows whose a page is when it is written back; v1 does not.
on_v2() {
	! grep -q '^[^ ]* [^ ]* cgroup .*blkio' /proc/mounts
}

number_of() {
	lsblk -dno MAJ:MIN "$1" | tr -d ' '
}

# copies CONTAINER OPTION...: dd there, from start_all on, as often as MANY says and for LIMIT seconds; what
# they say goes to the next of $T/dd.0 and so on.
copies() {
	local out=$T/dd.${#COPIES[@]}
	# shellcheck disable=SC2016 # for the shell in the container
	ctl run "$1" -- bash -c ': >"$0"
		until [ -e "$1" ]; do sleep 0.1; done
		many=$2
		shift 2
		while ((many-- > 0)); do
			${LIMIT:+timeout -s INT "$LIMIT"} dd "$@" 2>>"$0" &
		done
		wait' "$out" "$T/go" "${MANY:-1}" "${@:2}" &
	COPIES+=($!)
	wait_for 30 test -e "$out"
}

start_all() {
	: >"$T/go"
	wait "${COPIES[@]}"
}

# rate_of NUMBER: KiB per second together, of "N bytes (N MB, N MiB) copied, N.N s, N MB/s".
rate_of() {
	awk '/ copied, / { split($0, part, " copied, "); rate += $1 / 1024 / part[2] } END { print int(rate) }' "$T/dd.$1"
}

# On a file system: what goes past the page cache, what is read, and what is written through it, all at
# once, for 20 s; on v1, where the last is not limited, half of that.
test_5_megabytes_a_second() {
	local folder size=100 rate i COPIES=() names=(direct reader buffered)
	folder=$(disk_folder) || skip "no disk that can be formatted"
	on_v2 || size=50
	printf "[container %s]\nio.max = $folder rbps=5M wbps=5M\n" "${names[@]}" | write_rules
	start_rbced
	dd if=/dev/zero of="$folder/read" bs=1M count=$size oflag=direct 2>/dev/null
	copies direct if=/dev/zero of="$folder/direct" bs=256k count=$((size * 4)) oflag=direct
	copies reader if="$folder/read" of=/dev/null bs=256k count=$((size * 4)) iflag=direct
	if on_v2; then
		copies buffered if=/dev/zero of="$folder/buffered" bs=256k count=$((size * 4)) conv=fsync
	else
		copies buffered if=/dev/zero of="$folder/buffered" bs=256k count=$((size * 4))
	fi
	start_all
	for i in 0 1 2; do
		rate=$(rate_of $i)
		[ "$rate" -gt 0 ] || fail "${names[i]}: $(cat "$T/dd.$i")"
		figure "${names[i]}: $rate KiB/s of 5,120"
		if [ $i -lt 2 ] || on_v2; then
			between "${names[i]}, KiB/s" 4608 5632 "$rate"
		else
			[ "$rate" -gt 5632 ] || fail "on cgroup v1 that is limited too: ${names[i]}, $rate KiB/s"
		fi
	done
}

# shares WHAT NUMBER LOW HIGH: of the one that weighs 1, and the next of 3.
shares() {
	local light heavy
	light=$(rate_of "$2") heavy=$(rate_of $(($2 + 1)))
	[ "$light" -gt 0 ] || fail "$1: $(cat "$T/dd.$2")"
	figure "$1: 1 : 3 gives $light and $heavy KiB/s"
	between "$1: heavy over light, in percent" "$3" "$4" $((heavy * 100 / light))
}

settings_back() {
	local ended=$?
	echo none >"/sys/block/${1##*/}/queue/scheduler"
	[ ! -e /sys/fs/cgroup/io.cost.qos ] || echo "$(number_of "$2") enable=0" >/sys/fs/cgroup/io.cost.qos
	take_down "$ended"
}

# The first disk is shared out by BFQ, whose weights are 100 and 300 then; the second by iocost (v2), which
# takes it for one of 10 MiB/s. Each reader has a part of BFQ's disk to itself: it makes one of those that
# read the same.
test_weights() {
	local LIMIT=6 MANY=3 disks number COPIES=() qos=/sys/fs/cgroup/io.cost.qos model=/sys/fs/cgroup/io.cost.model
	read -ra disks <<<"$RBCE_GUEST_DISKS"
	write_rules <<-END
		[container light]
		io.weight = 100
		[container heavy]
		io.weight = 300
		[container heavy-for-bfq]
		io.weight = 2300
	END
	trap 'settings_back "${disks[@]}"' EXIT
	echo bfq >"/sys/block/${disks[0]##*/}/queue/scheduler"
	# No head start for what has just begun, and the disk waits for whose turn it is, be it slow.
	echo 50000 >"/sys/block/${disks[0]##*/}/queue/iosched/slice_idle_us"
	echo 0 >"/sys/block/${disks[0]##*/}/queue/iosched/low_latency"
	echo 1 >"/sys/block/${disks[0]##*/}/queue/iosched/strict_guarantees"
	export LIMIT
	start_rbced
	copies light if="${disks[0]}" of=/dev/null bs=4k iflag=direct
	copies heavy-for-bfq if="${disks[0]}" of=/dev/null bs=4k iflag=direct skip=50000
	if on_v2; then
		number=$(number_of "${disks[1]}")
		echo "$number ctrl=user model=linear rbps=10485760 rseqiops=100000 rrandiops=100000 wbps=10485760 wseqiops=100000 wrandiops=100000" >$model
		echo "$number enable=1 ctrl=user rpct=0 wpct=0 min=100 max=100" >$qos
		copies light if="${disks[1]}" of=/dev/null bs=128k iflag=direct
		copies heavy if="${disks[1]}" of=/dev/null bs=128k iflag=direct
	fi
	start_all
	shares BFQ 0 140 600
	! on_v2 || shares iocost 2 200 400
}

# image FILE SIZE: as a loop device, which LOOP names and LOOPS lists.
image() {
	truncate -s "$2" "$1"
	LOOP=$(losetup --find --show --direct-io=on "$1") || fail "no loop device for $1"
	LOOPS=("$LOOP" "${LOOPS[@]}")
}

unstack() {
	local ended=$? loop
	for loop in "${LOOPS[@]}"; do
		umount "$T/$(basename "$loop")" 2>/dev/null
		losetup -d "$loop"
	done
	umount "$T/partition"
	dd if=/dev/zero of="$1" bs=512 count=1 conv=fsync 2>/dev/null
	blockdev --rereadpt "$1"
	take_down "$ended"
}

# stacks DISK: a partition on it, an image on that, and one on the image.
stacks() {
	# One entry of the old kind: Linux, from sector 2048, 65536 of them.
	{
		head -c 446 /dev/zero
		printf '\0\0\0\0\203\0\0\0\0\010\0\0\0\0\1\0'
		head -c 48 /dev/zero
		printf '\125\252'
	} | dd of="$1" conv=fsync 2>/dev/null
	blockdev --rereadpt "$1"
	wait_for 10 test -b "${1}1"
	mkfs.ext4 -q -F "${1}1" && mkdir "$T/partition" && mount "${1}1" "$T/partition" || fail "no file system on ${1}1"
	image "$T/partition/outer" 16M
	OUTER=$LOOP
	mkfs.ext4 -q -F "$OUTER" && mkdir "$T/$(basename "$OUTER")" && mount "$OUTER" "$T/$(basename "$OUTER")" || fail "no file system on $OUTER"
	image "$T/$(basename "$OUTER")/inner" 12M
}

# However a device is named, the disk below has the limit, and what is written to the topmost is held back.
test_devices_stand_for_their_disk() {
	local disk=${RBCE_GUEST_DISKS##* } OUTER LOOP LOOPS=() COPIES=() i=0 name number
	trap 'unstack "$disk"' EXIT
	stacks "$disk"
	for name in "$disk" "$(number_of "$disk")" "${disk}1" "$(number_of "${disk}1")" "$T/partition" "$T/partition/outer" \
		"$OUTER" "$T/$(basename "$OUTER")" "$LOOP" "$(number_of "$LOOP")"; do
		printf '[container c%d]\nio.max = %s wbps=2M\n' $((i++)) "$name"
	done | write_rules
	start_rbced
	ctl apply --rules "$T/rules" >/dev/null || fail "the limits were not set"
	number=$(number_of "$disk")
	for ((i--; i >= 0; i--)); do
		equal "$(sed -n "$((i * 2 + 2))p" "$T/rules/test.rules")" "$number" \
			"$(awk '{ print $1 }' "$(group_file blkio blkio.throttle.write_bps_device io.max c$i)")"
	done
	copies c8 if=/dev/zero of="$LOOP" bs=128k count=32 oflag=direct
	copies default if=/dev/zero of="$LOOP" bs=128k count=32 oflag=direct seek=64
	start_all
	figure "$(rate_of 0) KiB/s of 2,048, without a limit $(rate_of 1)"
	between "KiB/s of 2,048" 1600 2300 "$(rate_of 0)"
	[ "$(rate_of 1)" -gt 4096 ] || fail "what has no limit is held back too: $(rate_of 1) KiB/s"
}
