# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The gate: what stands in its container at its first instruction, and what only soon after. It holds
# nothing but what lies on a file system of the test's own.
# needs: root cgroup
# the same on every cgroup layout

# A file system with programs of the test: $M/first and others, all of them `first`.
file_system() {
	M=$T/mount
	mkdir "$M"
	mount -t tmpfs -o mode=755 tmpfs "$M" || fail "cannot mount"
	for name; do cp "$HELP/first" "$M/$name"; done
}

# runs_in CONTAINER COMMAND...: the command, which ends in `first`, stands there from the start.
runs_in() {
	local container=$1
	shift
	"$@" >"$T/out" || fail "cannot run: $*"
	equal "at the first instruction of '$*'" "$container" "$(places_in "$T/out")"
}

# comes_to CONTAINER COMMAND...: it gets there, though not before it runs; it has to stay a while.
comes_to() {
	local container=$1
	shift
	rm -f "$T/out"
	"$@" >"$T/out" &
	wait_for 10 test -s "$T/out"
	settled "$(head -n 1 "$T/out")" "$container"
	kill "$(head -n 1 "$T/out")"
}

# With a deadline that a busy machine does not miss either.
start_gate() {
	start_rbced --gate "${GATE:-$M}" --gate-deadline 10s "$@"
}

gate() {
	status "gate.$1"
}

test_every_process_at_its_first_instruction() {
	local i n=$((${RBCE_STORM:-1800} / 6)) many=()
	file_system first other
	write_rules <<-END
		[rule first]
		exe = $M/first
		container = firsts/%u
	END
	start_gate
	for ((i = 0; i < n; i++)); do "$M/first"; done >"$T/out"
	equal "in place" "$n firsts/root" "$(places_in "$T/out" | sort | uniq -c | sed 's/^ *//')"
	runs_in - "$M/other"
	# Many at once.
	for ((i = 0; i < n; i++)); do
		"$M/first" >>"$T/many" &
		many+=($!)
	done
	wait "${many[@]}"
	equal "in place, all at once" "$n firsts/root" \
		"$(places_in "$T/many" | sort | uniq -c | sed 's/^ *//')"
	equal "state" on "$(gate state)"
	equal "late" 0 "$(gate late)"
	[ "$(gate events)" -ge $((2 * n + 1)) ] || fail "events: $(gate events)"
}

test_by_user_and_by_parent() {
	file_system first shell
	cp /bin/bash "$M/shell"
	write_rules <<-END
		[rule child]
		exe = $M/first
		parent = $M/shell
		container = children
		[rule user]
		user = $TEST_UID
		container = users/%u
	END
	start_gate
	runs_in "users/$TEST_UID" setpriv --reuid $TEST_UID --clear-groups "$M/first"
	# shellcheck disable=SC2016
	runs_in children "$M/shell" -c '"$1"; true' shell "$M/first"
}

# What stands right already is let through without a move.
test_children_that_inherit_the_right_place() {
	local moved
	file_system first shell
	cp /bin/bash "$M/shell"
	write_rules <<-END
		[rule all]
		exe = $M/*
		container = all
	END
	start_gate
	# shellcheck disable=SC2016
	"$M/shell" -c 'for i in 1 2 3 4 5; do "$1"; done' shell "$M/first" >"$T/out"
	equal "places" "5 all" "$(places_in "$T/out" | sort | uniq -c | sed 's/^ *//')"
	moved=$(status decisions.moved)
	equal "moves" 1 "$moved"
}

# Only the executables that rules name are held; one that takes the place of another is held too.
test_marks_follow_the_rules() {
	file_system first other
	write_rules <<-END
		[rule first]
		exe = $M/first
		container = first
	END
	GATE=rules start_gate
	equal "files held" 1 "$(gate files)"
	runs_in first "$M/first"
	equal "events" 1 "$(gate events)"
	runs_in - "$M/other"
	equal "events after one that no rule names" 1 "$(gate events)"
	cp "$HELP/first" "$M/new" && mv "$M/new" "$M/first"
	wait_for 5 marked_again
	runs_in first "$M/first"
	rm "$M/first"
	cp "$HELP/first" "$M/first"
	wait_for 5 marked_again
	runs_in first "$M/first"
	# A rule more, and one less.
	write_rules <<-END
		[rule other]
		exe = $M/sub/*
		container = other
	END
	ctl reload >/dev/null
	mkdir "$M/sub"
	cp "$HELP/first" "$M/sub/one"
	wait_for 5 files_held 1
	runs_in other "$M/sub/one"
	runs_in - "$M/first"
}

# The new file has been seen when a run of it is an event of the gate.
marked_again() {
	local before
	before=$(gate events)
	"$M/first" >/dev/null
	[ "$(gate events)" -gt "$before" ]
}

files_held() {
	[ "$(gate files)" -eq "$1" ]
}

# The interpreter is the program that runs, by whatever script.
test_scripts() {
	file_system first
	printf '#!%s\n' "$M/first" >"$M/script"
	printf '#!%s\n' "$M/script" >"$M/script-of-script"
	chmod 755 "$M"/script*
	write_rules <<-END
		[rule script]
		exe = $M/script*
		container = never
		[rule interpreter]
		exe = $M/first
		container = interpreters
	END
	start_gate
	runs_in interpreters "$M/script"
	runs_in interpreters "$M/script-of-script"
}

test_static_programs() {
	file_system
	cp "$HELP/first-static" "$M/first"
	write_rules <<-END
		[rule first]
		exe = $M/first
		container = static
	END
	start_gate
	runs_in static "$M/first"
}

# The loader, started by itself, is the program; it is placed, but only when it runs.
test_loader_by_itself() {
	local loader
	file_system first
	loader=$(ldd "$M/first" | grep -o '/lib[^ ]*/ld-[^ ]*')
	cp "$loader" "$M/ld-copy.so"
	write_rules <<-END
		[rule loader]
		exe = $M/ld-copy.so
		container = loaders
		[rule first]
		exe = $M/first
		container = never
	END
	start_gate
	comes_to loaders "$M/ld-copy.so" "$M/first" 60
}

test_without_a_path() {
	file_system first
	write_rules <<-END
		[rule first]
		exe = $M/first
		container = first
		[rule memfd]
		exe = /memfd:copy*
		user = $TEST_UID
		container = memfd
	END
	start_gate
	runs_in first "$HELP/launch" execveat "$M/first"
	# It lies on no file system that can be held: the source of events places it.
	cp "$HELP/launch" "$T/launch" && chmod 755 "$T/launch"
	comes_to memfd setpriv --reuid $TEST_UID --clear-groups "$T/launch" memfd "$M/first" 60
}

test_other_roots_and_mount_namespaces() {
	file_system
	mkdir "$M/root" "$M/root/proc" "$T/bound" "$T/own"
	cp "$HELP/first-static" "$M/root/first"
	write_rules <<-END
		[rule first]
		exe = $M/root/first
		container = first
		[rule bound]
		exe = $T/bound/first
		container = bound
		[rule own]
		exe = $T/own/first
		container = own
	END
	start_gate
	# The path is the one that it has outside, where the daemon is.
	mount -t proc proc "$M/root/proc"
	runs_in first "$HELP/launch" chroot "$M/root/first"
	umount "$M/root/proc"
	runs_in first unshare --mount "$M/root/first"
	# shellcheck disable=SC2016
	runs_in bound unshare --mount sh -c 'mount --bind "$1/root" "$2" && exec "$2/first"' sh "$M" "$T/bound"
	# A file system that only that namespace has is not held.
	# shellcheck disable=SC2016
	comes_to own unshare --mount sh -c 'mount -t tmpfs tmpfs "$2" && cp "$1/root/first" "$2" && exec "$2/first" 60' \
		sh "$M" "$T/own"
}

# A program that changes its user on exec: by its user at once, by its effective one right after.
test_set_user_id() {
	file_system first plain
	chown "$OTHER_UID" "$M/first"
	chmod 4755 "$M/first"
	write_rules <<-END
		[rule effective]
		exe = $M/first
		euser = $OTHER_UID
		container = effective
		[rule real]
		user = $TEST_UID
		container = real
	END
	start_gate
	runs_in real setpriv --reuid $TEST_UID --clear-groups "$M/plain"
	comes_to effective setpriv --reuid $TEST_UID --clear-groups "$M/first" 60
}

test_thread_that_executes() {
	file_system first
	write_rules <<-END
		[rule first]
		exe = $M/first
		container = first
	END
	start_gate
	runs_in first "$HELP/launch" thread "$M/first"
}

# What rules ask of arguments only shows when the program runs.
test_arguments() {
	file_system first
	write_rules <<-END
		[rule arguments]
		exe = $M/first
		args = re:\\b60\\b
		container = sixty
		[rule others]
		exe = $M/first
		container = others
	END
	start_gate
	runs_in others "$M/first"
	comes_to sixty "$M/first" 60
}

test_observing_holds_but_moves_nothing() {
	file_system first
	write_rules <<-END
		[rule first]
		exe = $M/first
		container = first
	END
	start_gate --observe
	runs_in - "$M/first"
	equal "moved" 0 "$(status decisions.moved)"
	[ "$(status decisions.observed)" -ge 1 ] || fail "nothing was observed"
}

hundred_at_the_gate() {
	local i
	for ((i = 0; i < 100; i++)); do "$M/first" >>"$T/out" & done
}

# Each thread, which takes until it comes out of the kernel.
stop_daemon() {
	kill -STOP "$RBCED"
	all_stopped() { [ -z "$(grep -L '^State:.T' /proc/"$RBCED"/task/*/status)" ]; }
	wait_for 5 all_stopped
}

all_have_run() {
	[ "$(grep -cx '[0-9]*' "$T/out")" -eq 100 ]
}

hundred_rules() {
	file_system first
	write_rules <<-END
		[rule first]
		exe = $M/first
		container = first
	END
}

# SIGKILL: the kernel lets all go when the group is closed.
test_killed_while_a_hundred_wait() {
	hundred_rules
	start_gate
	stop_daemon
	hundred_at_the_gate
	sleep 1
	[ ! -s "$T/out" ] || fail "they were not held: $(head -n 1 "$T/out")"
	kill -KILL "$RBCED"
	wait "$RBCED" 2>/dev/null
	RBCED=
	wait_for 5 all_have_run
}

runs_in_place() {
	"$M/first" >"$T/out"
	[ "$(places_in "$T/out")" = first ]
}

# SIGSTOP: the watchdog lets them go within the deadline, and the daemon goes on when it can.
test_stopped_while_a_hundred_wait() {
	local before
	hundred_rules
	start_rbced --gate "$M" --gate-deadline 500ms
	stop_daemon
	hundred_at_the_gate
	wait_for 5 all_have_run
	before=$(places_in "$T/out" | grep -c first)
	kill -CONT "$RBCED"
	equal "placed while the daemon stood still" 0 "$before"
	[ "$(gate rescued)" -ge 100 ] || fail "rescued: $(gate rescued)"
	# On a busy machine one may still be late.
	wait_for 20 runs_in_place
}

# A fatal fault of the daemon's own.
test_crashed_while_a_hundred_wait() {
	hundred_rules
	ulimit -c 0
	start_gate
	stop_daemon
	hundred_at_the_gate
	sleep 0.5
	kill -SEGV "$RBCED"
	kill -CONT "$RBCED"
	wait_for 5 all_have_run
	wait "$RBCED" 2>/dev/null
	RBCED=
}

# Too many late answers in a row: nothing is held any more, and the status says so.
test_degrades_when_it_is_always_late() {
	local i
	hundred_rules
	start_rbced --gate "$M" --gate-deadline 20ms --gate-misses 3
	for ((i = 0; i < 10; i++)); do
		stop_daemon
		"$M/first" >/dev/null
		kill -CONT "$RBCED"
		daemon_answers
		[ "$(gate state)" != degraded ] || break
	done
	equal "state" degraded "$(gate state)"
	contains "log" "nothing is held" "$(cat "$T/rbced.log")"
	comes_to first "$M/first" 60
}

test_no_such_mount() {
	mkdir "$T/plain"
	write_rules <<-END
		[rule first]
		exe = $T/plain/first
		container = first
	END
	start_rbced --gate "$T/plain"
	equal "state" unavailable "$(gate state)"
	contains "log" "cannot hold '$T/plain': it is no mount point" "$(cat "$T/rbced.log")"
}
