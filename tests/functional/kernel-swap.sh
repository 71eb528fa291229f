# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Our kernel's swap tiers: which groups may swap where, shown by what the devices hold; swap files of
# containers. The guest's own swap is left alone: its tier is denied.
# needs: root cgroup2 disk swap kernel-patched guest

TIERS=/sys/kernel/mm/swap/tiers

# devices: two in memory, each a tier: "fast" above "slow".
devices() {
	local name number prio=20000
	# What a test leaves behind is on.
	declare -gA DEVICE
	for name in fast slow; do
		number=$(cat /sys/class/zram-control/hot_add) || skip "no zram"
		echo 128M >"/sys/block/zram$number/disksize"
		mkswap "/dev/zram$number" >/dev/null
		echo "+$name:$prio" >$TIERS || fail "cannot define tier $name"
		swapon -p $prio "/dev/zram$number"
		DEVICE[$name]=$number
		prio=10000
	done
	at_end no_devices
}

no_devices() {
	local status=$? name
	# shellcheck disable=SC2046 # a list of pids
	[ -z "$(jobs -p)" ] || kill -KILL $(jobs -p) 2>/dev/null
	wait 2>/dev/null
	for name in fast slow; do
		swapoff "/dev/zram${DEVICE[$name]}" && echo "-$name" >$TIERS &&
			echo "${DEVICE[$name]}" >/sys/class/zram-control/hot_remove || echo "    $name stays on" >&2
	done
	return $status
}

# held NAME: KiB that the device of a tier holds.
held() {
	awk -v name="/dev/zram${DEVICE[$1]}" '$1 == name { print $4 }' /proc/swaps
}

# are_empty NAME...: these devices.
are_empty() {
	local name
	for name; do
		[ "$(held "$name")" = 0 ] || return 1
	done
}

# Freed places wait on each processor until there are many. When tiers change they are given back.
give_back() {
	echo >$TIERS
}

# value CONTAINER: its swap.device.
value() {
	ctl get "$1" swap.device --json | jq -r '.keys[0].own'
}

# swapped CONTAINER: KiB of it in swap.
swapped() {
	echo $(($(cat "/sys/fs/cgroup/$ROOT/$1/memory.swap.current") / 1024))
}

# swapped_whole CONTAINER: how many huge pages of it went to swap as such.
swapped_whole() {
	awk '$1 == "thp_swpout" { print $2 }' "/sys/fs/cgroup/$ROOT/$1/memory.stat"
}

# fill CONTAINER WHAT MIB: in the background, its output in a file of the container's name.
fill() {
	"$BIN/rbcectl" run --root "$ROOT" "$1" -- "$HELP/fill" "$2" "$3" >"$T/${1//\//-}" 2>&1 &
}

is_full() {
	grep -qx full "$T/${1//\//-}"
}

# group NAME [KEY...]: a container of 8 MiB, or ROOM, as lines of rules.
group() {
	printf '[container %s]\nmemory.max = %sM\n' "$1" "${ROOM:-8}"
	shift
	[ $# -eq 0 ] || printf 'swap.device = %s\n' "$@"
}

# is_gone CONTAINER: killed, or taken away by the daemon before.
is_gone() {
	ctl kill "$1" 2>/dev/null || [ ! -e "/sys/fs/cgroup/$ROOT/$1" ]
}

test_each_group_swaps_only_where_it_may() {
	local what ROOM=8
	# What a kernel that looks for faults needs for itself is charged as well.
	[ "$RBCE_GUEST_KERNEL" != debug ] || ROOM=24
	devices
	{
		group only-fast "slow 0" "default 0"
		group only-slow "fast 0" "default 0"
		group neither "fast 0" "slow 0" "default 0"
	} | write_rules
	start_rbced
	for what in anon huge; do
		fill only-fast $what $((ROOM + 32))
		fill only-slow $what $((ROOM + 32))
		"$BIN/rbcectl" run --root "$ROOT" neither -- "$HELP/fill" $what $((ROOM + 32)) >"$T/neither" 2>&1
		equal "end of a group without swap, $what" 137 $?
		# Before the daemon takes it away, as nothing is in it.
		equal "swapped without a tier, $what" 0 "$(swapped neither)"
		wait_for 90 is_full only-fast
		wait_for 90 is_full only-slow
		# The devices hold nothing but what these two groups have there, to the page or nearly so:
		# what was read back may keep its place.
		between "KiB in fast, $what" "$(swapped only-fast)" $(($(swapped only-fast) + 8192)) "$(held fast)"
		between "KiB in slow, $what" "$(swapped only-slow)" $(($(swapped only-slow) + 8192)) "$(held slow)"
		between "KiB of only-fast, $what" 24000 48000 "$(swapped only-fast)"
		between "KiB of only-slow, $what" 24000 48000 "$(swapped only-slow)"
		# Pages that were split are small ones.
		case $what in
		anon) equal "huge pages, $what" 0 "$(swapped_whole only-fast)" ;;
		huge) between "huge pages of only-fast" 1 20 "$(swapped_whole only-fast)" &&
			between "huge pages of only-slow" 1 20 "$(swapped_whole only-slow)" ;;
		esac
		wait_for 60 is_gone only-fast && wait_for 60 is_gone only-slow && wait_for 60 is_gone neither
		give_back
		wait_for 30 are_empty fast slow
	done
}

test_denial_holds_below() {
	devices
	{
		group above "fast 0" "slow 0" "default 0"
		group above/below "fast max" "slow max" "default max"
	} | write_rules
	start_rbced
	"$BIN/rbcectl" run --root "$ROOT" above/below -- "$HELP/fill" anon 40 >"$T/out" 2>&1
	equal "end of a group whose parent has no swap" 137 $?
	equal "KiB in fast" 0 "$(held fast)"
	equal "KiB in slow" 0 "$(held slow)"
}

test_a_tier_denied_later() {
	devices
	{
		group one
	} | write_rules
	start_rbced
	fill one anon 24
	wait_for 90 is_full one
	between "KiB in fast" 8000 40000 "$(held fast)"
	equal "KiB in slow" 0 "$(held slow)"
	ctl set one "swap.device=fast 0" || fail "cannot deny"
	equal "what holds" "fast 0" "$(value one)"
	local before
	before=$(held fast)
	"$BIN/rbcectl" run --root "$ROOT" one -- "$HELP/fill" anon 24 >"$T/two" 2>&1 &
	wait_for 90 grep -qx full "$T/two"
	between "KiB in slow" 8000 40000 "$(held slow)"
	between "KiB in fast" 0 "$before" "$(held fast)"
}

test_private_tiers_are_for_those_they_are_given_to() {
	local number group=/sys/fs/cgroup/$ROOT/one
	devices
	echo "+own:15000:private" >$TIERS || fail "cannot define a private tier"
	contains "tiers" "own 15000 19999 private" "$(cat $TIERS)"
	number=$(cat /sys/class/zram-control/hot_add)
	echo 64M >"/sys/block/zram$number/disksize"
	mkswap "/dev/zram$number" >/dev/null
	swapon -p 15000 "/dev/zram$number"
	! echo "-own" 2>/dev/null >$TIERS || fail "a tier in use was removed"
	{
		group one "fast 0"
		group two "fast 0"
	} | write_rules
	start_rbced
	ctl run one -- true && ctl run two -- true
	echo "own max" >"$group/memory.swap.tiers.max"
	fill one anon 24
	fill two anon 24
	wait_for 90 is_full one
	wait_for 90 is_full two
	DEVICE[own]=$number
	between "KiB in own" "$(swapped one)" $(($(swapped one) + 8192)) "$(held own)"
	between "KiB in slow" "$(swapped two)" $(($(swapped two) + 8192)) "$(held slow)"
	ctl kill --all
	swapoff "/dev/zram$number" || fail "own cannot be taken out of use"
	echo "-own" >$TIERS || fail "own cannot be removed"
	echo "$number" >/sys/class/zram-control/hot_remove
}

test_tiers_are_checked() {
	local line
	while IFS= read -r line; do
		! echo "$line" 2>/dev/null >$TIERS || fail "the kernel took '$line'"
	done <<-END
		fast:5
		+fast
		+fast:-5
		+fast:32768
		+fast:5:public
		+a/b:5
		+default:5
		-default
		-nobody
		+a:5 +b:5
	END
	equal "tiers left" "default -32768 32767" "$(cat $TIERS)"
	echo "+a:5 +b:9,+c:7:private" >$TIERS || fail "three at once"
	equal "tiers" "b 9 32767 c 7 8 private a 5 6 default -32768 4" "$(xargs <$TIERS)"
	echo "-a -b -c" >$TIERS || fail "cannot remove"
}

test_a_container_has_its_own_swap_file() {
	local folder file
	folder=$(disk_folder) || skip "no file system for a swap file"
	file=$folder/own.swap
	{
		# Reclaim finds nothing where all pages are being written: not a small one, for a slow disk.
		group own "$file 64M" | sed s/8M/32M/
		group other "default 0"
	} | write_rules
	start_rbced
	fill own anon 48
	wait_for 90 is_full own
	fill other anon 6
	wait_for 90 is_full other
	contains "swap in use" "$file" "$(cat /proc/swaps)"
	equal "mode of the file" 600 "$(stat -c %a "$file")"
	equal "what the key holds" "$file $((64 << 20))" "$(value own)"
	between "KiB of the container" 12000 49152 "$(swapped own)"
	equal "KiB of another" 0 "$(swapped other)"
	ctl kill own || fail "cannot end it"
	! grep -q "$file" /proc/swaps || fail "the file is still in use"
	[ ! -e "$file" ] || fail "the file is still there"
	! grep -q "file\." $TIERS || fail "its tier is still there"
}

# What is in the file when it is taken away is read back, or stays there: nothing is lost.
test_a_swap_file_in_use_is_taken_back() {
	local folder file
	folder=$(disk_folder) || skip "no file system for a swap file"
	file=$folder/own.swap
	group own "$file" | write_rules
	start_rbced
	fill own anon 12
	wait_for 90 is_full own
	between "KiB of the container" 2000 12000 "$(swapped own)"
	equal "size of the file" $((8 << 20)) "$(stat -c %s "$file")"
	ctl set own memory.max=64M
	ctl set own swap.device=max || fail "cannot take it back"
	! grep -q "$file" /proc/swaps || fail "the file is still in use"
	[ ! -e "$file" ] || fail "the file is still there"
	equal "what the key holds" "max" "$(value own)"
}

kills() {
	awk '$1 == "oom_kill" { print $2 }' "/sys/fs/cgroup/$ROOT/$1/memory.events"
}

# As cgroup-v2.rst has it: somebody in the group is killed for what is read back, or the device stays, or both.
test_swapoff_of_the_only_device_of_a_full_group() {
	local device status=0
	devices
	device=/dev/zram${DEVICE[fast]}
	{
		group wide "slow 0" "default 0"
		group full "slow 0" "default 0"
	} | write_rules
	start_rbced
	fill wide anon 24
	wait_for 90 is_full wide
	between "KiB in fast" 8000 40000 "$(held fast)"
	ctl set wide memory.max=64M
	swapoff "$device" || fail "cannot take it from a group that has room"
	equal "kills where there is room" 0 "$(kills wide)"
	ctl kill wide
	swapon -p 20000 "$device"
	fill full anon 24
	wait_for 90 is_full full
	swapoff "$device" 2>"$T/err" || status=$?
	figure "swapoff ended with $status, $(kills full) kills"
	if [ "$status" -ne 0 ]; then
		contains "why it stays" "Cannot allocate memory" "$(cat "$T/err")"
		between "KiB in a device that stays" 0 40000 "$(held fast)"
		ctl set full memory.max=64M
		swapoff "$device" || fail "cannot take it where there is room now"
	else
		equal "kills" 1 "$(kills full)"
	fi
	swapon -p 20000 "$device"
}

# A file that is no swap space, or that others may read, is left as it is.
test_swap_files_that_are_not_ours() {
	local folder
	folder=$(disk_folder) || skip "no file system for a swap file"
	echo precious >"$folder/data"
	chmod 600 "$folder/data"
	dd if=/dev/zero of="$folder/open" bs=1M count=4 2>/dev/null
	chmod 644 "$folder/open"
	dd if=/dev/zero of="$folder/old" bs=1M count=4 2>/dev/null
	chmod 600 "$folder/old"
	mkswap "$folder/old" >/dev/null
	group own | write_rules
	start_rbced
	ctl run own -- true
	! ctl set own "swap.device=$folder/data" 2>"$T/err" || fail "took a file with data"
	contains "why" "no swap space" "$(cat "$T/err")"
	equal "the data" precious "$(cat "$folder/data")"
	! ctl set own "swap.device=$folder/open" 2>"$T/err" || fail "took a file that others may read"
	ctl set own "swap.device=$folder/old" || fail "did not take swap space"
	ctl set own swap.device=max || fail "cannot take it back"
	[ -e "$folder/old" ] || fail "removed a file that it did not make"
}

are_gone() {
	[ "$(awk '$1 == "nr_dying_descendants" { print $2 }' "/sys/fs/cgroup/$ROOT/cgroup.stat")" -le "$1" ]
}

available() {
	awk '/^MemAvailable/ { print $2 }' /proc/meminfo
}

# is_available KIB: so much, at least; sets now.
is_available() {
	now=$(available)
	[ "$now" -ge "$1" ]
}

# More of them: RBCE_SWAP_CYCLES=10000. If each left a page behind, those were 40,000 KiB.
test_nothing_leaks_in_many_cycles() {
	local cycles=${RBCE_SWAP_CYCLES:-1000} before now began=$SECONDS group=/sys/fs/cgroup/$ROOT/cycle
	devices
	write_rules </dev/null
	start_rbced
	ctl run other -- true
	"$HELP/cycle" "$group" 100 "fast 0" "default 0" || fail "a cycle failed"
	wait_for 60 are_gone 8
	before=$(available)
	"$HELP/cycle" "$group" "$cycles" "fast 0" "default 0" || fail "a cycle failed"
	wait_for 60 are_gone 8
	equal "KiB in fast" 0 "$(held fast)"
	give_back
	wait_for 60 are_empty slow
	began=$((SECONDS - began))
	# A group that is kept takes more than 30 KiB; what the kernel keeps ready for the next comes and goes.
	wait_for 60 is_available $((before - 8192 - cycles * 8))
	figure "$cycles cycles in $began s, $((before - now)) KiB less available"
	between "KiB that are gone" -1000000 $((8192 + cycles * 8)) $((before - now))
}
