# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Our kernel's limit of dirty pages, memory.dirty.max, on an ext4 that writes 4 MiB a second.
# needs: root cgroup2 disk kernel-patched guest

MIB=$((1 << 20))

# on_disk: DISK is a fresh ext4, and DIRTY what begins a path of a dirty file of containers.
on_disk() {
	DISK=$(disk_folder) || fail "no disk"
	DIRTY=/sys/fs/cgroup/$ROOT
}

# writes CONTAINER NAME MIB: in the background; its process goes to WRITERS.
writes() {
	"$BIN/rbcectl" run --root "$ROOT" "$1" -- dd if=/dev/zero of="$DISK/$2" bs=64K count=$(($3 * 16)) 2>/dev/null &
	WRITERS+=($!)
}

any_writes() {
	local pid
	for pid in "${WRITERS[@]}"; do runs_here "$pid" && return; done
	return 1
}

# peaks CONTAINER...: PEAK has the most dirty bytes that each had while any of WRITERS runs.
peaks() {
	local now name
	declare -gA PEAK=()
	while any_writes; do
		for name; do
			read -r now <"$DIRTY/$name/memory.dirty.current" || continue
			[ "$now" -le "${PEAK[$name]:-0}" ] || PEAK[$name]=$now
		done
		pause
	done
}

# Each with a disk of its own, as it were: the rate is the container's.
test_the_limit_holds() {
	local name least=$((18 * MIB)) WRITERS=()
	on_disk
	write_rules <<-END
		[container four]
		dirty.max = 4M
		io.max = $DISK wbps=4M
		[container eight]
		dirty.max = 8M
		io.max = $DISK wbps=4M
		[container sixteen]
		dirty.max = 16M
		io.max = $DISK wbps=4M
		[container above]
		dirty.max = 8M
		io.max = $DISK wbps=4M
		[container free]
		io.max = $DISK wbps=4M
	END
	start_rbced
	for name in four eight sixteen free; do writes $name $name 48; done
	writes above/one one 24
	writes above/two two 24
	for name in four eight sixteen free above/one above/two; do wait_for 30 test -e "$DIRTY/$name/memory.dirty.current"; done
	peaks four eight sixteen free above
	figure "peaks of dirty pages, KiB: $((PEAK[four] >> 10)) of 4 MiB, $((PEAK[eight] >> 10)) of 8, $((PEAK[sixteen] >> 10)) of 16, $((PEAK[above] >> 10)) of 8 for two below, $((PEAK[free] >> 10)) without"
	between "4 MiB" $MIB $((4 * MIB + MIB * 12 / 10)) "${PEAK[four]}"
	between "8 MiB" $MIB $((8 * MIB + MIB * 12 / 10)) "${PEAK[eight]}"
	between "16 MiB" $MIB $((16 * MIB + MIB * 12 / 10)) "${PEAK[sixteen]}"
	between "8 MiB above two" $MIB $((8 * MIB + MIB * 12 / 10)) "${PEAK[above]}"
	# Where the kernel checks each of its steps, a writer is hardly faster than that disk.
	[ "${RBCE_GUEST_KERNEL:-}" != debug ] || least=$((6 * MIB))
	between "without" $least $((64 * MIB)) "${PEAK[free]}"
}

# Each has its own limit, and what is above has what is dirty in all.
test_many_small_limits() {
	local i WRITERS=()
	on_disk
	{
		printf '[container many]\nio.max = %s wbps=8M\n' "$DISK"
		for i in {1..20}; do printf '[container many/%s]\ndirty.max = 512K\n' "$i"; done
	} | write_rules
	start_rbced
	for i in {1..20}; do writes "many/$i" "$i" 2; done
	wait_for 90 test -s "$DISK/20"
	peaks many many/7
	sync -f "$DISK"
	figure "peaks of dirty pages, KiB: $((PEAK[many/7] >> 10)) of 512, $((PEAK[many] >> 10)) in 20 of those"
	between "512 KiB" 4096 $((MIB / 2 + MIB * 12 / 10)) "${PEAK[many/7]}"
	between "20 of those" $MIB $((20 * MIB)) "${PEAK[many]}"
	equal "what is on the disk" $((40 * MIB)) "$(cat "$DISK"/[0-9]* | wc -c)"
}

dirty_is_at_most() {
	[ "$(cat "$DIRTY/$1/memory.dirty.current")" -le "$2" ]
}

PERIODS=(/proc/sys/vm/dirty_{expire,writeback}_centisecs)

# Nobody writes pages back because they are old, or to see whether there is something to do.
nothing_gets_old() {
	BEFORE=$(cat "${PERIODS[@]}")
	at_end as_before
	tee "${PERIODS[@]}" <<<360000 >/dev/null
}

as_before() {
	local status=$? i=0 value
	for value in $BEFORE; do echo "$value" >"${PERIODS[i++]}"; done
	return $status
}

test_written_back_in_the_background() {
	local WRITERS=()
	nothing_gets_old
	on_disk
	write_rules <<-END
		[container soon]
		dirty.background = 1M
		[container late]
		dirty.background = max
	END
	start_rbced
	writes soon soon 6
	writes late late 6
	wait "${WRITERS[@]}"
	# What the last ones dirtied after the kernel had looked stays, as does what a processor has not told.
	wait_for 90 dirty_is_at_most soon $((MIB + MIB * 12 / 10))
	between "dirty pages of the other one" $((5 * MIB)) $((7 * MIB)) "$(cat "$DIRTY/late/memory.dirty.current")"
}

test_what_limits_take() {
	on_disk
	write_rules </dev/null
	start_rbced
	ctl run box -- true
	equal "at first" "max max" "$(xargs <"$DIRTY/box/memory.dirty.max") $(xargs <"$DIRTY/box/memory.dirty.background")"
	ctl set box dirty.max=10M dirty.background=3M || fail "cannot set them"
	equal "set" "10485760 3145728" "$(xargs <"$DIRTY/box/memory.dirty.max") $(xargs <"$DIRTY/box/memory.dirty.background")"
	! echo -1 2>/dev/null >"$DIRTY/box/memory.dirty.max" || fail "took a negative limit"
	! echo lots 2>/dev/null >"$DIRTY/box/memory.dirty.max" || fail "took a word"
	ctl set box dirty.max=max || fail "cannot take it back"
	equal "taken back" max "$(cat "$DIRTY/box/memory.dirty.max")"
	[ ! -e "$DIRTY/../memory.dirty.max" ] || fail "the root group has a limit"
}
