# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What processes have, through a checkpoint and a restart: each kind of it in a process that looks for
# itself afterwards.
# needs: root cgroup criu
# the same on every cgroup layout

# through NAMESPACES STATE...: all of them in one container.
through() {
	local spaces=$1 name result bad=
	shift
	mkdir "$T/states"
	ctl create --detach --namespaces "$spaces" all memory.max=400M -- "$HELP/states" "$T/states" "$@" || fail "cannot start"
	wait_for 60 test -e "$T/states/ready"
	for name; do
		[ ! -e "$T/states/$name.result" ] || fail "$name, before the checkpoint: $(cat "$T/states/$name.result")"
	done
	ctl checkpoint --tcp-established --file-locks all "$T/image" >/dev/null || fail "no checkpoint"
	# So long no clock of theirs goes.
	sleep 7
	ctl restore all "$T/image" || fail "no restart: $(grep -h Error /tmp/rbcectl-restore-*/restore.log)"
	: >"$T/states/go"
	for name; do
		wait_for 90 test -e "$T/states/$name.result"
		result=$(cat "$T/states/$name.result")
		[ "$result" = ok ] || bad+=" $name ($result)"
	done
	[ -z "$bad" ] || fail "not as it was:$bad"
	figure "$# kinds of state as they were"
}

test_memory() {
	echo 4 >/proc/sys/vm/nr_hugepages
	# shellcheck disable=SC2046 # a list of words
	through none $("$HELP/states" --list memory)
}

test_processes() {
	# shellcheck disable=SC2046 # a list of words
	through none $("$HELP/states" --list process)
}

test_files() {
	# shellcheck disable=SC2046 # a list of words
	through none $("$HELP/states" --list files)
}

# SysV objects are in the image of a container that has its own, with its own addresses too.
test_talk() {
	# shellcheck disable=SC2046 # a list of words
	through "ipc, net" $("$HELP/states" --list ipc)
}
