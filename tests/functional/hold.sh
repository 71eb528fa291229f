# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Tasks out of the rules' hands: placed by an administrator, moved by others, real-time.
# needs: root cgroup
# the same on both as on v1

# A shell and a program that rules tell apart by their paths.
family_rules() {
	private_copy /bin/bash shell >/dev/null
	private_copy /bin/sleep victim >/dev/null
	write_rules <<-END
		[rule shells]
		exe = $T/bin/shell
		container = shells
		[rule victims]
		exe = $T/bin/victim
		container = ${1:-victims}
	END
}

# start_shell: one that reads its commands from descriptor 8; sets SHELL_PID when it is in its place.
start_shell() {
	mkfifo "$T/commands"
	"$T/bin/shell" <"$T/commands" &
	SHELL_PID=$!
	exec 8>"$T/commands"
	settled $SHELL_PID shells
}

# shell_starts: a victim as the shell's child; sets VICTIM.
shell_starts() {
	rm -f "$T/pid"
	echo "'$T/bin/victim' 100 & echo \$! >'$T/pid.new'; mv '$T/pid.new' '$T/pid'" >&8
	wait_for 15 test -s "$T/pid"
	VICTIM=$(cat "$T/pid")
	wait_for 15 runs "$VICTIM" "$T/bin/victim"
}

# One hierarchy, as somebody would move by hand: its top, and a container's group in it.
hierarchy() {
	local path
	path=$(group_file pids x x x)
	echo "${path%%/"$ROOT"/*}"
}

move_out() {
	echo "$1" >"$(hierarchy)/cgroup.procs" || fail "cannot move $1"
}

place_in_hierarchy() {
	local mount
	mount=$(hierarchy)
	awk -F: -v pids="$([ -e "$mount/cgroup.controllers" ] && echo || echo pids)" '
		$2 == pids || ("," $2 ",") ~ "," pids "," { print $3; exit }' "/proc/$1/cgroup"
}

stays_outside() {
	equal "$1" / "$(place_in_hierarchy "$2")"
}

explained() {
	ctl explain --json "$1" | jq -r "$2"
}

# Whoever asks gets the answer behind the events so far.
after_events() {
	ctl reclassify >/dev/null
}

test_classify_is_for_the_task_alone() {
	family_rules
	start_rbced
	start_shell
	ctl classify $SHELL_PID special >/dev/null || fail "classify failed"
	equal "by hand" special "$(container_of $SHELL_PID)"
	after_events
	equal "after a full look" special "$(container_of $SHELL_PID)"
	equal "held" manual "$(explained $SHELL_PID .held)"
	shell_starts
	settled "$VICTIM" victims
	equal "counted" "1 0 0" "$(counters '.held | "\(.manual) \(.sticky) \(.foreign)"')"
	# It stays so over a restart, and its children stay the rules'.
	kill -KILL "$RBCED"
	wait "$RBCED" 2>/dev/null
	start_rbced
	equal "after a restart" special "$(container_of $SHELL_PID)"
	equal "held after a restart" manual "$(explained $SHELL_PID .held)"
	shell_starts
	settled "$VICTIM" victims
	contains "release" "stands in shells" "$(ctl release $SHELL_PID)"
	equal "given back" shells "$(container_of $SHELL_PID)"
}

test_sticky_takes_the_descendants() {
	local child
	family_rules
	start_rbced
	start_shell
	shell_starts
	settled "$VICTIM" victims
	ctl classify --sticky $SHELL_PID special >/dev/null || fail "classify failed"
	shell_starts
	child=$VICTIM
	after_events
	equal "a child" special "$(container_of "$child")"
	equal "the child is held" sticky "$(explained "$child" .held)"
	# Those from before, and others, are not meant.
	equal "counted" "0 2 0" "$(counters '.held | "\(.manual) \(.sticky) \(.foreign)"')"
	equal "marked" sticky "$(ctl ps --json special | jq -r ".tasks[] | select(.pid == $child).held")"
	kill -KILL "$RBCED"
	wait "$RBCED" 2>/dev/null
	start_rbced
	equal "the child after a restart" special "$(container_of "$child")"
	shell_starts
	after_events
	equal "a child from after the restart" special "$(container_of "$VICTIM")"
	contains "release of the child alone" "stands in victims" "$(ctl release "$child")"
	equal "the shell" special "$(container_of $SHELL_PID)"
	contains "release of the tree" "1 descendants given back" "$(ctl release --tree $SHELL_PID)"
	equal "the shell, given back" shells "$(container_of $SHELL_PID)"
	equal "its child, given back" victims "$(container_of "$VICTIM")"
	equal "nothing is held" 0 "$(counters '.held | add')"
}

test_run_is_sticky_unless_told_otherwise() {
	local option
	family_rules
	start_rbced
	for option in '' --no-sticky; do
		rm -f "$T/pid"
		# shellcheck disable=SC2086 # none where there is none
		ctl run $option job -- bash -c "'$T/bin/victim' 100 & echo \$! >'$T/pid.new'; mv '$T/pid.new' '$T/pid'; wait" &
		wait_for 15 test -s "$T/pid"
		settled "$(cat "$T/pid")" "$([ -n "$option" ] && echo victims || echo job)"
		after_events
		equal "run $option" "$([ -n "$option" ] && echo victims || echo job)" "$(container_of "$(cat "$T/pid")")"
	done
}

# Children stay with their parent unless a rule says otherwise, whatever they are.
test_children_keep_the_place() {
	family_rules
	start_rbced
	start_shell
	echo "/bin/sleep 100 & echo \$! >'$T/other'" >&8
	wait_for 15 test -s "$T/other"
	shell_starts
	settled "$VICTIM" victims
	after_events
	equal "a child that no rule names" shells "$(container_of "$(cat "$T/other")")"
	equal "its verdict" none "$(explained "$(cat "$T/other")" .verdict)"
}

test_moved_by_others() {
	family_rules
	start_rbced
	start_shell
	move_out $SHELL_PID
	# Its next event: it executes the victim.
	echo "exec '$T/bin/victim' 100" >&8
	VICTIM=$SHELL_PID
	foreign() { [ "$(explained "$VICTIM" .held)" = foreign ]; }
	wait_for 15 foreign
	stays_outside "after its next event" "$VICTIM"
	after_events
	stays_outside "after a full look" "$VICTIM"
	equal "verdict" foreign "$(explained "$VICTIM" .verdict)"
	equal "where it was put" shells "$(explained "$VICTIM" .put)"
	contains "where it was found" / "$(explained "$VICTIM" .found)"
	contains "for people" "put into shells, found in" "$(ctl explain "$VICTIM")"
	equal "counted" "0 0 1" "$(counters '.held | "\(.manual) \(.sticky) \(.foreign)"')"
	equal "told" 1 "$(grep -c "process $VICTIM was put into 'shells'" "$T/rbced.log")"
	between "decisions" 1 1000 "$(status decisions.foreign)"
	# A reload changes nothing about it, nor does a restart.
	ctl reload >/dev/null
	stays_outside "after a reload" "$VICTIM"
	kill -KILL "$RBCED"
	wait "$RBCED" 2>/dev/null
	start_rbced
	stays_outside "after a restart" "$VICTIM"
	equal "put, after a restart" shells "$(explained "$VICTIM" .put)"
	contains "release" "stands in victims" "$(ctl release "$VICTIM")"
	equal "given back" victims "$(container_of "$VICTIM")"
}

# What it starts belongs where it was moved, also when that was not noticed before.
test_children_of_one_moved_by_others() {
	local first
	family_rules
	start_rbced
	start_shell
	move_out $SHELL_PID
	shell_starts
	first=$VICTIM
	shell_starts
	after_events
	stays_outside "the first child" "$first"
	stays_outside "the second child" "$VICTIM"
	stays_outside "the shell" $SHELL_PID
	equal "held" "foreign foreign foreign" \
		"$(for p in $SHELL_PID "$first" "$VICTIM"; do explained "$p" .held; done | paste -sd' ')"
	ctl release --tree $SHELL_PID >/dev/null
	equal "given back" "shells victims victims" "$(places_of $SHELL_PID "$first" "$VICTIM" | paste -sd' ')"
}

# A container is somebody's too: one of ours that no rule of the task's gives.
test_moved_into_another_container() {
	local file
	family_rules
	start_rbced
	start_shell
	shell_starts
	settled "$VICTIM" victims
	file=$(group_file pids cgroup.procs cgroup.procs shells)
	echo "$VICTIM" >"$file" 2>/dev/null || echo "$VICTIM" >"${file%/*}/leaf/cgroup.procs" || fail "cannot move it"
	after_events
	equal "held" foreign "$(explained "$VICTIM" .held)"
	contains "where" "/$ROOT/shells" "$(explained "$VICTIM" .found)"
}

# An empty container that the daemon removes is no reason to take back what left it.
test_moved_by_others_and_the_container_removed() {
	family_rules
	start_rbced --linger 1s
	start_shell
	move_out $SHELL_PID
	if [ "$(status layout)" != v2 ]; then
		# It still stands there in the other hierarchies.
		local file
		for file in /sys/fs/cgroup/*/cgroup.procs; do echo $SHELL_PID >"$file"; done
	fi
	wait_for 30 sh -c "[ ! -d '$(dirname "$(group_file pids x x shells)")/shells' ]"
	shell_starts
	after_events
	stays_outside "the shell" $SHELL_PID
	stays_outside "its child" "$VICTIM"
	equal "held" foreign "$(explained $SHELL_PID .held)"
}

# A group that is taken away from under its tasks, as cgdelete -r does, is made again.
test_a_group_removed_under_its_tasks() {
	local group
	family_rules many/victims
	start_rbced
	[ "$(status layout)" != v2 ] || skip "tasks cannot go up to a group that hands controllers on"
	start_shell
	shell_starts
	settled "$VICTIM" many/victims
	for group in /sys/fs/cgroup/*/"$ROOT/many/victims"; do echo "$VICTIM" >"$group/../cgroup.procs"; done
	rmdir /sys/fs/cgroup/*/"$ROOT/many/victims" || fail "cannot remove the groups"
	after_events
	equal "made again" many/victims "$(container_of "$VICTIM")"
	equal "held" 0 "$(counters '.held | add')"
}

test_a_reload_is_no_move_by_others() {
	family_rules
	start_rbced
	start_shell
	shell_starts
	settled "$VICTIM" victims
	family_rules elsewhere
	ctl reload >/dev/null
	settled "$VICTIM" elsewhere
	family_rules victims
	ctl reload >/dev/null
	settled "$VICTIM" victims
	equal "held" 0 "$(counters '.held | add')"
}

# A group below one for threads takes no process: a move of ours gets no further than v1.
test_a_move_that_fails_half_way() {
	local above
	above=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)/$ROOT/many
	family_rules many/victims
	start_rbced
	[ "$(status layout)" = hybrid ] || skip "one hierarchy: nothing is half"
	# shellcheck disable=SC2064 # as it is now
	at_end "kill \$VICTIM; sleep 0.2; rmdir $above/victims $above"
	mkdir -p "$above" && echo threaded >"$above/cgroup.type" || fail "cannot make it threaded"
	"$T/bin/victim" 100 &
	VICTIM=$!
	failed() { [ "$(status decisions.failed)" -gt 0 ]; }
	wait_for 15 failed
	after_events
	after_events
	contains "in some hierarchies" "$ROOT/many/victims" "$(cat /proc/$VICTIM/cgroup)"
	equal "not in v2" "" "$(grep "^0::.*$ROOT" /proc/$VICTIM/cgroup)"
	equal "held" 0 "$(counters '.held | add')"
	equal "verdict" pending "$(explained "$VICTIM" .verdict)"
}

# rt_group: does the kernel keep real-time tasks out of new groups here?
rt_group() {
	local file
	file=$(group_file cpu cpu.rt_runtime_us cpu.rt_runtime_us "$1")
	[ -e "$file" ] && [ "$(cat "$file")" = 0 ]
}

test_realtime_stays_where_it_is() {
	family_rules
	start_rbced
	start_shell
	rt_group shells || skip "this kernel lets real-time tasks into any group"
	chrt -f 10 "$T/bin/victim" 100 &
	VICTIM=$!
	refused() { [ "$(explained "$VICTIM" .verdict)" = realtime ]; }
	wait_for 15 refused
	equal "in no hierarchy" - "$(container_of "$VICTIM")"
	after_events
	after_events
	equal "warnings" 1 "$(grep -c "process '$VICTIM' to container 'victims': it is real-time" "$T/rbced.log")"
	between "decisions" 3 1000 "$(status decisions.realtime)"
	equal "failures" 0 "$(status decisions.failed)"
	contains "by hand" "it is real-time" "$(ctl classify "$VICTIM" special 2>&1)"
	equal "after that" - "$(container_of "$VICTIM")"
	# When it is no longer, its next event brings it where it belongs.
	chrt -o -p 0 "$VICTIM"
	after_events
	equal "afterwards" victims "$(container_of "$VICTIM")"
	equal "verdict" right "$(explained "$VICTIM" .verdict)"
	# With bandwidth in its container it may go there.
	echo 1000 >"$(group_file cpu cpu.rt_runtime_us x '')"
	echo 1000 >"$(group_file cpu cpu.rt_runtime_us x victims)"
	chrt -f 10 "$T/bin/victim" 100 &
	settled $! victims
}

# One real-time thread is enough.
test_a_realtime_thread() {
	private_copy "$HELP/thread" threads >/dev/null
	write_rules <<-END
		[rule threads]
		exe = $T/bin/threads
		container = threads
	END
	"$T/bin/threads" fifo >"$T/out" &
	VICTIM=$!
	wait_for 15 test -s "$T/out"
	start_rbced
	"$T/bin/threads" >/dev/null &
	settled $! threads
	rt_group threads || skip "this kernel lets real-time tasks into any group"
	after_events
	equal "verdict" realtime "$(explained "$VICTIM" .verdict)"
	equal "in no hierarchy" - "$(container_of "$VICTIM")"
}
