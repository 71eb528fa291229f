# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Kernel messages of a container's own: /dev/kmsg and syslog(2) inside.
# needs: root cgroup
# the same on both as on v1

# inside NAMESPACES SIZE COMMAND...: in a container that has kernel messages of its own.
inside() {
	local new=$1 size=$2
	shift 2
	[ -c /dev/fuse ] || skip "no /dev/fuse"
	mkdir -p "$T/rootfs/usr" "$T/rootfs/etc" "$T/rootfs/t"
	[ -e "$T/rootfs/bin" ] || ln -s usr/bin usr/sbin usr/lib usr/lib64 "$T/rootfs/"
	ctl create --rootfs "$T/rootfs" --namespaces "$new" box "namespace.kmsg=$size" \
		"namespace.bind=/usr /usr ro" "namespace.bind=$T /t" -- "$@"
}

# What is written is read by both ways, and by nobody outside.
own_messages() {
	# shellcheck disable=SC2016 # for the shell inside
	inside "$1" 64K sh -c '
		echo "<4>first of '"$ROOT"'" >/dev/kmsg
		echo "second" >/dev/kmsg
		dmesg >/t/file; dmesg -S >/t/call
		timeout 1 cat /dev/kmsg >/t/records
		dmesg -C; dmesg >/t/cleared; dmesg -S >>/t/cleared' || fail "in $1"
	for way in file call; do
		equal "by $way" "first of $ROOT second" "$(sed 's/^\[[^]]*\] //' "$T/$way" | xargs)"
	done
	equal "records" "12,0,;first of $ROOT 13,1,;second" "$(sed 's/,[0-9]*,-;/,;/' "$T/records" | xargs)"
	equal "cleared" "" "$(cat "$T/cleared")"
	equal "outside" "" "$(dmesg 2>/dev/null | grep "first of $ROOT")"
}

test_own_messages() {
	own_messages "mount, pid"
}

test_own_messages_with_all_namespaces() {
	own_messages all
}

# Who waits gets what comes, each reader all of it; who does not wait is told that there is nothing.
test_readers() {
	# shellcheck disable=SC2016 # for the shell inside
	inside "mount, pid" 64K bash -c '
		for n in 1 2; do
			(read -r line </dev/kmsg; echo "$line" >/t/reader$n) &
		done
		sleep 0.3
		echo late >/dev/kmsg
		wait
		exec 9</dev/kmsg
		read -r line <&9
		dd iflag=nonblock bs=8192 count=1 <&9 2>/t/dd; true' || fail "the readers"
	for n in 1 2; do
		contains "reader $n" ";late" "$(cat "$T/reader$n")"
	done
	contains "nothing" "Resource temporarily unavailable" "$(cat "$T/dd")"
}

# The end of the container is not held up by one who waits in /dev/kmsg.
test_waiting_at_the_end() {
	inside "mount, pid" 64K bash -c '
		cat /dev/kmsg >/dev/null & cat /dev/kmsg >/dev/null &
		sleep 0.2; exit 5'
	equal "status" 5 $?
	[ -z "$(compgen -G "/sys/fs/cgroup/*/$ROOT/box"; compgen -G "/sys/fs/cgroup/$ROOT/box")" ] || fail "it is there still"
}

# The oldest give way, and who was too slow is told.
test_bounds() {
	# shellcheck disable=SC2016 # for the shell inside
	inside "mount, pid" 4K bash -c '
		exec 9</dev/kmsg
		echo begin >/dev/kmsg
		read -r line <&9
		for ((i = 0; i < 500; i++)); do echo "line $i of many more" >/dev/kmsg; done
		dmesg >/t/all
		read -r line <&9 || echo lost >/t/lost
		read -r line <&9 && echo "$line" >/t/oldest' || fail "the container"
	contains "the last" "line 499 of" "$(tail -n 1 "$T/all")"
	between "kept" 2000 9000 "$(stat -c %s "$T/all")"
	equal "told" lost "$(cat "$T/lost")"
	contains "then the oldest" "$(head -n 1 "$T/all" | sed 's/^\[[^]]*\] //')" "$(cat "$T/oldest")"
}

# Whoever keeps it is killed: who waits in /dev/kmsg ends with the container. And no checkpoint promises it.
test_keeper_killed() {
	local reader keeper
	# shellcheck disable=SC2016 # for the shell inside
	inside "mount, pid" 64K bash -c 'echo up >/t/up; exec cat /dev/kmsg' >"$T/out" &
	wait_for 15 test -s "$T/up"
	ctl checkpoint --check box >"$T/check"
	contains "in the way" "kernel messages of its own (namespace.kmsg)" "$(cat "$T/check")"
	reader=$(pgrep -f "^cat /dev/kmsg$" | while read -r p; do stands_in "$p" box && echo "$p"; done)
	keeper=$(awk '{ print $4 }' "/proc/$(awk '{ print $4 }' "/proc/$reader/stat")/stat")
	kill -KILL "$keeper"
	wait_for 15 eval '! [ -d /proc/'"$reader"' ]'
}

test_mistakes() {
	ctl create --namespaces pid box namespace.kmsg=64K -- true 2>"$T/err"
	equal "no /dev" "rbcectl: cannot make '/dev/kmsg': the container has no /dev of its own" "$(cat "$T/err")"
	ctl create --namespaces pid box namespace.kmsg=lots -- true 2>"$T/err"
	contains "no size" "'lots' is not a size from 4K to 64M" "$(cat "$T/err")"
}
