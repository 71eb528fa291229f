# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A checkpoint as a file system. tests/fixtures/crfs has one that the engine made of the program `image`,
# in two rounds (1 continues 0), and what /proc said of it before.
# needs: root
# the same on every cgroup layout

MOUNTED=
DATA=$PWD/tests/fixtures/crfs/image.tar.xz
COMPARE=$PWD/tests/functional/helpers/crfs-compare

unpack() {
	"$BIN/rbced" --version | grep -q '+crfs' || skip "this was built without crfs"
	[ -c /dev/fuse ] || skip "there is no /dev/fuse"
	mkdir -p "$T/image" "$T/mount"
	tar -xJf "$DATA" -C "$T/image"
}

# show [DIR]
show() {
	"$BIN/rbcectl" crfs "${1:-$T/image/1}" "$T/mount" || fail "exit status $?"
	mountpoint -q "$T/mount" || fail "nothing is mounted"
}

hide() {
	umount "$T/mount" || fail "cannot unmount"
}

# The one process that has no parent.
first_process() {
	grep -lx 'PPid:	0' "$T/mount"/0x*/attr | xargs dirname
}

test_every_file_against_crit() {
	unpack
	show
	"$COMPARE" "$T/image/1" "$T/mount" >"$T/said" || fail "see above"
	contains "what is compared" "231 files" "$(cat "$T/said")"
	hide
	# It would see a difference.
	show
	printf '\x58' | dd of="$T/image/1/core-87.img" bs=1 seek=20 conv=notrunc status=none
	"$COMPARE" "$T/image/1" "$T/mount" >/dev/null 2>&1 && fail "it compares nothing"
	hide
}

# What the kernel said of the process when it lived, but for what no image has.
test_in_the_words_of_proc() {
	local p
	unpack
	show
	p=$(first_process)
	for f in limits timers cmdline environ; do cmp "$p/$f" "$T/image/proc/$f" || fail "$f"; done
	equal "mappings" "$(sed -E 's/ [0-9a-f:]+ [0-9]+ / 00:00 0 /; s/ +/ /g' "$T/image/proc/maps")" \
		"$(sed -E 's/ +/ /g' "$p/mem.segments")"
	grep -vE '^(State|PPid):' "$p/attr" >"$T/attr"
	equal "lines of attr that /proc did not have" "" "$(grep -vxFf "$T/image/proc/status" "$T/attr")"
	[ "$(wc -l <"$T/attr")" -eq 19 ] || fail "attr has other lines"
	cmp -n "$(stat -c %s "$p/auxv")" "$p/auxv" "$T/image/proc/auxv" || fail "auxv"
	for f in shm sem; do
		equal "$f" "$(awk '{ print $1, $2, $3, $4 }' "$T/image/proc/$f")" "$(awk '{ print $1, $2, $3, $4 }' "$T/mount/sysv.$f")"
	done
	equal "queue" "$(awk '{ print $1, $2, $3, $4, $5 }' "$T/image/proc/msg")" "$(awk '{ print $1, $2, $3, $4, $5 }' "$T/mount/sysv.msq")"
	equal "descriptor" "$(head -n 2 "$T/image/proc/fdinfo.8")" "$(cat "$p/fdinfo/8")"
	equal "executable" "$(cat "$T/image/proc/exe")" "$(readlink "$p/exe")"
	hide
}

# page ADDRESS FILE OFFSET: that page of the file is full of the byte.
full_of() {
	equal "page $3 of $2" "4096" "$(tail -c +$(($3 * 4096 + 1)) "$2" | head -c 4096 | tr -dc "$1" | wc -c)"
}

# Page 2 was written between both rounds, the rest lies in the first one.
test_memory_through_the_parent() {
	local p
	unpack
	show
	p=$(first_process)
	full_of '\001' "$p/mem/0x10000000" 0
	full_of '\002' "$p/mem/0x10000000" 1
	full_of '\356' "$p/mem/0x10000000" 2
	full_of '\004' "$p/mem/0x10000000" 3
	full_of '\014' "$p/mem/0x10008000" 3
	full_of s "$p/mem/0x11000000" 1
	[ ! -e "$p/mem/0x10004000" ] || fail "memory that was never touched is there"
	hide
	# Pages that are gone are an error, not zeros; what does not need them is read.
	rm "$T/image/0/pages-1.img"
	show
	contains "pages that are gone" "Input/output error" "$(cat "$p/mem/0x10000000" 2>&1 >/dev/null)"
	full_of s "$p/mem/0x11000000" 1
	hide
}

debugger() {
	gdb -nx -batch -core "$CORE" "$@" 2>/dev/null
}

test_debugger() {
	local p CORE
	command -v gdb >/dev/null || skip "there is no gdb"
	unpack
	show
	p=$(first_process)
	CORE=$p/core
	equal "threads" "2" "$(debugger -ex 'info threads' | grep -cE "^[ *] [0-9]+ .*LWP")"
	contains "registers" "$(sed -n 's/^ip: //p' "$p/0x00000057/thread.frame")" "$(debugger -ex 'p/x $rip')"
	contains "memory of the last round" 0xee "$(debugger -ex 'x/1xb 0x10002000')"
	contains "memory of the first round" 0x04 "$(debugger -ex 'x/1xb 0x10003fff')"
	contains "memory that was never touched" 0x00 "$(debugger -ex 'x/1xb 0x10006000')"
	contains "arguments" "$(tr '\0' ' ' <"$p/cmdline" | sed 's/ $//')" "$(debugger)"
	contains "files" /tmp/s/subject "$(debugger -ex 'info proc mappings')"
	hide
}

# Everything can be read of what is left; the one that serves it lives.
read_all() {
	find "$T/mount" -type f -exec cat {} + >/dev/null 2>&1
	find "$T/mount" -type l -exec readlink {} + >/dev/null
	ls "$T/mount" >/dev/null || fail "$1: it is gone"
}

test_broken_images() {
	local image size
	unpack
	# Cut off in the middle, and everywhere a byte turned: whatever is there is shown.
	for image in "$T"/image/1/*.img; do
		cp "$image" "$T/whole"
		size=$(stat -c %s "$image")
		head -c $((size / 2)) "$T/whole" >"$image"
		"$BIN/rbcectl" crfs "$T/image/1" "$T/mount" 2>"$T/err" && read_all "${image##*/} cut" && hide
		for ((at = 8; at < size && size < 4096; at += size / 2 + 1)); do
			cp "$T/whole" "$image"
			printf '\xff' | dd of="$image" bs=1 seek="$at" conv=notrunc status=none
			"$BIN/rbcectl" crfs "$T/image/1" "$T/mount" 2>"$T/err" && read_all "${image##*/}" && hide
		done
		cp "$T/whole" "$image"
	done
	show
	"$COMPARE" "$T/image/1" "$T/mount" >/dev/null || fail "a whole image is not shown any more"
	hide
}

test_what_is_no_checkpoint() {
	unpack
	contains "no such folder" "cannot open '$T/none'" "$("$BIN/rbcectl" crfs "$T/none" "$T/mount" 2>&1)"
	contains "no image" "it has no image of a process tree" "$("$BIN/rbcectl" crfs "$T" "$T/mount" 2>&1)"
	contains "no mount point" "cannot use '$T/none'" "$("$BIN/rbcectl" crfs "$T/image/1" "$T/none" 2>&1)"
	# Links lead out of the image: they are not followed, nor is a fifo waited for.
	ln -sf /etc/passwd "$T/image/1/files.img"
	contains "a link" "cannot open 'files.img'" "$("$BIN/rbcectl" crfs "$T/image/1" "$T/mount" 2>&1)"
	rm "$T/image/1/files.img" && mkfifo "$T/image/1/files.img"
	contains "a fifo" "it is no plain file" "$("$BIN/rbcectl" crfs "$T/image/1" "$T/mount" 2>&1)"
	rm "$T/image/1/files.img"
	ln -sfn . "$T/image/1/parent"
	contains "its own parent" "it has over 64 of them" "$("$BIN/rbcectl" crfs "$T/image/1" "$T/mount" 2>&1)"
}

# An image of several trees, as of a container that was dumped in parts.
test_several_trees() {
	unpack
	mkdir "$T/parts" && cp -r "$T/image/1" "$T/parts/one" && cp -r "$T/image/1" "$T/parts/two"
	cp -r "$T/image/0" "$T/"
	echo "rbce-checkpoint 1" >"$T/parts/manifest"
	ln -sfn "$T/image/0" "$T/parts/one/parent" && ln -sfn "$T/image/0" "$T/parts/two/parent"
	show "$T/parts"
	equal "the trees" "manifest one two " "$(find "$T/mount" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | tr '\n' ' ')"
	"$COMPARE" "$T/parts/two" "$T/mount/two" >/dev/null || fail "see above"
	equal "the manifest" "rbce-checkpoint 1" "$(cat "$T/mount/manifest")"
	hide
}

# It can be copied whole, and nothing can be written; in the foreground a signal ends it.
test_copy_and_end() {
	unpack
	(cd "$T" && exec "$BIN/rbcectl" crfs --foreground image/1 mount) &
	MOUNTED=$!
	wait_for 20 mountpoint -q "$T/mount"
	cp -r "$T/mount" "$T/copy" || fail "cannot be copied"
	diff -r --no-dereference "$T/mount" "$T/copy" || fail "the copy is another"
	contains "written to" "Read-only file system" "$({ echo x >"$T/mount/files/1"; } 2>&1)"
	kill -TERM "$MOUNTED"
	wait "$MOUNTED" || fail "it ended with $?"
	mountpoint -q "$T/mount" && fail "it is still mounted"
	return 0
}
