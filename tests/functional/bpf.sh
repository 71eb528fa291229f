# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The bpf source: it hears of all that matters, and lets nobody wake the daemon for the rest.
# needs: root cgroup bpf
# the same on every cgroup layout

# waiting COMMAND...: a helper that waits for go; sets PID, and CHILD when it has one.
waiting() {
	mkfifo "$T/go"
	"$where" wait "$@" <"$T/go" >"$T/out" &
	exec 9>"$T/go"
	case $1 in
	child-pgrp) wait_for 15 sh -c "[ \$(grep -c . '$T/out') = 2 ]" ;;
	*) wait_for 15 test -s "$T/out" ;;
	esac
	PID=$(sort -n "$T/out" | head -n 1)
	CHILD=$(sort -n "$T/out" | tail -n 1)
}

go() {
	echo >&9
	exec 9>&-
	rm -f "$T/go" "$T/out"
}

source_is() {
	equal "source" "$1" "$(status source.name)"
}

# hits RULE: decisions that ended at it.
hits() {
	ctl rules --json | jq ".rules[] | select(.rule == \"$1\").hits"
}

# launcher: a shell in a container of its own choice, which starts what comes in line by line.
launcher() {
	mkfifo "$T/lines"
	"$(private_copy /bin/bash launcher)" -c 'while read -r line; do eval "$line"; done' <"$T/lines" &
	LAUNCHER=$!
	exec 8>"$T/lines"
}

# by_launcher COMMAND...: waits until it has been run.
by_launcher() {
	rm -f "$T/done"
	echo "$*; : >'$T/done'" >&8
	wait_for 60 test -e "$T/done"
}

# launcher_in CONTAINER PROGRAM: the daemon, which puts the launcher there, and a $T/bin/PROGRAM to launch.
launcher_in() {
	private_copy /bin/sleep "$2" >/dev/null
	start_rbced
	launcher
	settled "$LAUNCHER" "$1"
}

# stays_in CONTAINER COMMAND...: such a process, started by the launcher, comes to stay there.
stays_in() {
	local container=$1
	shift
	by_launcher "$* 100 & echo \$! >'$T/pid'"
	settled "$(cat "$T/pid")" "$container"
	kill "$(cat "$T/pid")"
}

# known_in CONTAINER COMMAND...: twice, so that the kernel knows the verdict.
known_in() {
	stays_in "$@"
	stays_in "$@"
}

test_each_change_of_ids() {
	local where
	where=$(private_copy "$HELP/where" where)
	write_rules <<-END
		[rule user]
		user = $TEST_UID
		exe = $where
		container = user
		[rule group]
		group = $OTHER_UID
		exe = $where
		container = group
		[rule rest]
		exe = $where
		container = rest
	END
	start_rbced
	source_is bpf
	for change in "uid $TEST_UID user" "gid $OTHER_UID group" "groups $OTHER_UID group"; do
		read -r what id container <<<"$change"
		waiting "$what" "$id"
		settled "$PID" rest
		go
		settled "$PID" "$container"
	done
}

test_sessions_and_process_groups() {
	local where
	where=$(private_copy "$HELP/where" where)
	write_rules <<-END
		[rule own-session]
		session-leader = $where
		exe = $where
		container = session
		[rule own-group]
		pgrp-leader = $where
		exe = $where
		container = group
		[rule rest]
		exe = $where
		container = rest
	END
	start_rbced
	waiting sid
	settled "$PID" rest
	go
	settled "$PID" session
	waiting pgrp
	settled "$PID" rest
	go
	settled "$PID" group
	waiting child-pgrp
	settled "$CHILD" rest
	go
	settled "$CHILD" group
	equal "the parent" rest "$(container_of "$PID")"
}

test_a_number_of_a_process_group() {
	local where
	where=$(private_copy "$HELP/where" where)
	waiting pgrp
	write_rules <<-END
		[rule this]
		pgrp = $PID
		exe = $where
		container = this
		[rule rest]
		exe = $where
		container = rest
	END
	start_rbced
	settled "$PID" rest
	go
	settled "$PID" this
}

# What stands right wakes nobody: the rules are not asked again, however often it happens.
test_the_right_place_is_left_out() {
	local before
	write_rules <<-END
		[rule launcher]
		exe = $T/bin/launcher
		container = jobs
		[rule workers]
		exe = $T/bin/worker
		user = 0
		container = jobs
	END
	launcher_in jobs worker
	known_in jobs "$T/bin/worker"
	before=$(hits workers)
	filtered=$(status source.filtered.exec)
	by_launcher "for i in {1..20}; do $T/bin/worker 0; done"
	equal "decisions about workers" "$before" "$(hits workers)"
	between "left out" 20 1000000 $(($(status source.filtered.exec) - filtered))
	# The same one elsewhere is not left out.
	"$T/bin/worker" 100 &
	settled $! jobs
	between "decisions about a worker from outside" $((before + 1)) $((before + 2)) "$(hits workers)"
}

test_a_reload_forgets_all() {
	local rules="[rule launcher]
		exe = $T/bin/launcher
		container = jobs
		[rule workers]
		exe = $T/bin/worker
		container ="
	write_rules <<<"$rules jobs"
	launcher_in jobs worker
	known_in jobs "$T/bin/worker"
	write_rules <<<"$rules others"
	ctl reload >/dev/null
	stays_in others "$T/bin/worker"
}

# The path is what rules go by, and so do verdicts: not the file behind it.
test_names_of_one_file() {
	local before
	write_rules <<-END
		[rule launcher]
		exe = $T/bin/launcher
		container = first
		[rule first]
		exe = $T/bin/first
		container = first
		[rule second]
		exe = $T/bin/second
		container = second
		[rule moved]
		exe = $T/moved/first
		container = third
		[rule mounted]
		exe = $T/mounted/first
		container = fourth
	END
	launcher_in first first
	known_in first "$T/bin/first"
	ln "$T/bin/first" "$T/bin/second"
	stays_in second "$T/bin/second"
	stays_in first "$T/bin/first"
	before=$(hits first)
	# Another file of that name is the same to the rules.
	cp /bin/sleep "$T/bin/new" && mv "$T/bin/new" "$T/bin/first"
	by_launcher "for i in {1..10}; do $T/bin/first 0; done"
	equal "decisions about another file of the same name" "$before" "$(hits first)"
	mkdir "$T/mounted"
	by_launcher "unshare --mount sh -c 'mount --bind $T/bin $T/mounted; exec $T/mounted/first 100' & echo \$! >$T/pid"
	settled "$(cat "$T/pid")" fourth
	mv "$T/bin" "$T/moved"
	stays_in third "$T/moved/first"
	mv "$T/moved" "$T/bin"
	mv "$T/bin/first" "$T/bin/second"
	stays_in second "$T/bin/second"
}

# A program whose file is deleted while it runs has another name for the rules, as long as there is a
# link to it; its children have another parent then.
test_a_deleted_program() {
	write_rules <<-END
		[rule launcher]
		exe = $T/bin/launcher
		container = jobs
		[rule child]
		parent = $T/bin/launcher
		exe = $T/bin/worker
		container = jobs
		[rule other]
		exe = $T/bin/worker
		container = others
	END
	launcher_in jobs worker
	known_in jobs "$T/bin/worker"
	ln "$T/bin/launcher" "$T/bin/link"
	rm "$T/bin/launcher"
	stays_in others "$T/bin/worker"
}

# Supplementary groups, and who is asked for what: a verdict for one user is none for another.
test_facts_that_differ() {
	write_rules <<-END
		[rule launcher]
		exe = $T/bin/launcher
		container = jobs
		[rule groups]
		group = $OTHER_UID
		exe = $T/bin/worker
		container = groups
		[rule users]
		exe = $T/bin/worker
		container = users/%U
	END
	launcher_in jobs worker
	for _ in 1 2 3; do
		stays_in users/0 "$T/bin/worker"
		stays_in "users/$TEST_UID" "setpriv --reuid $TEST_UID --clear-groups $T/bin/worker"
		stays_in groups "setpriv --reuid $TEST_UID --groups 7,$OTHER_UID,9 $T/bin/worker"
		stays_in "users/$TEST_UID" "setpriv --reuid $TEST_UID --groups 7,9 $T/bin/worker"
	done
}

test_parents_and_places() {
	write_rules <<-END
		[rule launcher]
		exe = $T/bin/launcher
		container = jobs
		[rule inner]
		parent = $T/bin/shell
		exe = $T/bin/worker
		container = inner
		[rule outer]
		in = jobs
		exe = $T/bin/worker
		container = outer
	END
	private_copy /bin/bash shell >/dev/null
	launcher_in jobs worker
	for _ in 1 2 3; do
		stays_in outer "$T/bin/worker"
		rm "$T/pid"
		by_launcher "$T/bin/shell -c '$T/bin/worker 100 & echo \$! >$T/pid; wait' & true"
		wait_for 15 test -s "$T/pid"
		settled "$(cat "$T/pid")" inner
	done
}

test_children_of_a_task_placed_by_hand() {
	write_rules <<-END
		[rule launcher]
		exe = $T/bin/launcher
		container = jobs
		[rule workers]
		exe = $T/bin/worker
		container = jobs
	END
	launcher_in jobs worker
	known_in jobs "$T/bin/worker"
	ctl classify --sticky "$LAUNCHER" by-hand >/dev/null
	stays_in by-hand "$T/bin/worker"
	ctl release "$LAUNCHER" >/dev/null
	settled "$LAUNCHER" jobs
	stays_in jobs "$T/bin/worker"
}

test_moves_by_others_are_heard_of() {
	local before group
	victims_rule
	start_rbced
	"$T/bin/victim" 100 &
	settled $! victims
	before=$(status events.moved)
	group=$(dirname "$(group_file pids pids.max pids.max victims)")
	mkdir "$(dirname "$group")/foreign"
	echo $! >"$(dirname "$group")/foreign/cgroup.procs"
	moved() { [ "$(status events.moved)" -gt "$before" ]; }
	wait_for 15 moved
}

# A child that begins elsewhere than its parent stands (CLONE_INTO_CGROUP) is not taken for right.
test_a_child_that_begins_elsewhere() {
	local where foreign
	where=$(private_copy "$HELP/where" where)
	foreign=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)/$ROOT/foreign
	write_rules <<-END
		[rule all]
		exe = $where
		container = home
	END
	start_rbced
	waiting into "$foreign"
	settled "$PID" home
	mkdir "$foreign" || skip "no cgroup v2 here"
	mv "$T/out" "$T/pids"
	go
	wait_for 15 sh -c "[ \$(grep -c . '$T/pids') = 2 ]"
	while read -r pid; do settled "$pid" home; done <"$T/pids"
}

# fell_back REASON: it runs on the connector, said why in one line, and places as ever.
fell_back() {
	source_is connector
	contains "the log" "$1" "$(cat "$T/rbced.log")"
	equal "lines about it" 1 "$(grep -c 'source bpf' "$T/rbced.log")"
	"$T/bin/victim" 100 &
	settled $! victims
}

test_without_the_capability() {
	victims_rule
	RBCED_WITH=(setpriv --bounding-set "-bpf,-perfmon,-sys_admin" --inh-caps "-bpf,-perfmon,-sys_admin")
	start_rbced
	fell_back "CAP_BPF"
}

test_without_types_of_the_kernel() {
	victims_rule
	# shellcheck disable=SC2016 # for that shell
	# shellcheck disable=SC2034 # of lib.sh
	RBCED_WITH=(unshare --mount sh -c 'mount -t tmpfs none /sys/kernel/btf && exec "$@"' sh)
	start_rbced
	fell_back "BTF"
}
