# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A container into an image and back: what it has after that, and what becomes of both when something
# goes wrong.
# needs: root cgroup criu

# start_counter CONTAINER [OPTION... KEY=VALUE...]: a process that counts into $T/count.
start_counter() {
	local name=$1
	shift
	: >"$T/count"
	ctl create --detach "${SPACE[@]}" "$name" "$@" -- "$HELP/state" count "$T/count" || fail "cannot start"
	wait_for 60 test -s "$T/count"
}
SPACE=(--namespaces none)

count() {
	local n
	n=$(wc -c <"$T/count")
	echo "$n"
}

goes_on() {
	local n
	n=$(count)
	wait_for 60 beyond "$n"
}

beyond() {
	[ "$(count)" -gt "$1" ]
}

pids_of() {
	ctl ps --json "$1" | jq -r '.tasks[].pid' | sort -n | paste -sd' '
}

groups_of() {
	compgen -G "/sys/fs/cgroup/$ROOT/$1"
	compgen -G "/sys/fs/cgroup/*/$ROOT/$1"
}

test_there_and_back() {
	local pid stopped
	start_counter a/b memory.max=64M pids.max=8
	pid=$(pids_of a/b)
	ctl checkpoint a/b "$T/image" >"$T/out" || fail "no checkpoint: $(cat "$T"/*.log)"
	contains "what it says" "container 'a/b'" "$(cat "$T/out")"
	stopped=$(count)
	equal "groups" "" "$(groups_of a/b)"
	ctl checkpoint verify "$T/image" || fail "the image is not whole"
	contains "limits" "limit . memory.max 67108864" "$(cat "$T/image/manifest")"
	ctl restore a/b "$T/image" || fail "no restart"
	wait_for 60 beyond "$stopped"
	equal "pid" "$pid" "$(pids_of a/b)"
	equal "limit" "67108864 8" "$(ctl get --json a/b memory.max pids.max | jq -r '[.keys[].own] | join(" ")')"
	# When it ends, the container goes.
	kill -KILL "$pid"
	wait_for 60 gone a/b
}

gone() {
	[ -z "$(groups_of "$1")" ]
}

test_left_running_or_frozen() {
	start_counter one
	ctl checkpoint --leave-running one "$T/first" >/dev/null || fail "no checkpoint"
	goes_on
	ctl checkpoint --leave-frozen one "$T/second" >/dev/null || fail "no second checkpoint"
	local stopped
	stopped=$(count)
	sleep 0.3
	equal "count while frozen" "$stopped" "$(count)"
	ctl thaw one
	goes_on
	# A third, out of the frozen state, ends it.
	ctl freeze one
	ctl checkpoint one "$T/third" >/dev/null || fail "no third checkpoint"
	equal "processes" "" "$(pids_of one)"
	for image in first second third; do
		ctl checkpoint verify "$T/$image" || fail "$image is not whole"
	done
}

test_with_namespaces() {
	SPACE=(--namespaces "uts, ipc, net, cgroup, time" --hostname inner)
	start_counter boxed
	ctl checkpoint boxed "$T/image" >/dev/null || fail "no checkpoint"
	wait_for 60 gone boxed
	ctl restore boxed "$T/image" || fail "no restart"
	goes_on
	equal "hostname" "inner" "$(ctl enter boxed -- uname -n)"
}

test_another_name() {
	start_counter old/name memory.max=64M
	ctl checkpoint --leave-running old/name "$T/image" >/dev/null || fail "no checkpoint"
	# The pids are those of the container that runs on.
	ctl restore --as new old/name "$T/image" 2>"$T/err" && fail "restored beside itself"
	contains "reason" "is taken by '$(realpath "$HELP/state")'" "$(cat "$T/err")"
	ctl restore old/name "$T/image" 2>"$T/err" && fail "restored into itself"
	contains "reason" "has processes" "$(cat "$T/err")"
	ctl kill old/name
	ctl restore --as new old/name "$T/image" || fail "no restart"
	goes_on
	equal "where it stands" "new" "$(container_of "$(pids_of new)")"
	equal "limit" "67108864" "$(ctl get --json new memory.max | jq -r '.keys[0].own')"
}

# more_trees NAME N: N processes that look at their memory join a container; their parent is outside. What they
# count is in $T/tree-*.
more_trees() {
	local i group
	for ((i = 1; i <= $2; i++)); do
		: >"$T/tree-$i"
		setsid "$HELP/state" dirty 8 1 "$T/tree-$i" </dev/null >/dev/null 2>&1 &
		for group in $(groups_of "$1"); do echo $! >"$group/cgroup.procs"; done
	done
	for ((i = 1; i <= $2; i++)); do wait_for 60 longer "$T/tree-$i" 3; done
}

# longer FILE N
longer() {
	[ "$(stat -c %s "$1")" -gt "$2" ]
}

trees_go_on() {
	local file
	for file in "$T"/tree-*; do wait_for 60 longer "$file" $(($(stat -c %s "$file") + 10)); done
}

test_several_trees() {
	local pids stopped
	start_counter many
	more_trees many 1
	pids=$(pids_of many)
	equal "processes" 2 "$(wc -w <<<"$pids")"
	ctl checkpoint many "$T/image" >/dev/null || fail "no checkpoint: $(tail -n 3 "$T"/*.log)"
	stopped=$(count)
	equal "trees" 2 "$(grep -c ^tree "$T/image/manifest")"
	wait
	ctl restore many "$T/image" || fail "no restart"
	wait_for 60 beyond "$stopped"
	trees_go_on
	equal "pids" "$pids" "$(pids_of many)"
}

# steps N: a container with so many below it, each with a process that looks at its memory.
steps() {
	local i
	for ((i = 1; i <= $1; i++)); do
		: >"$T/tree-$i"
		ctl create --detach --namespaces none "job/step_$i" -- "$HELP/state" dirty 24 4 "$T/tree-$i" || fail "cannot start"
	done
	for ((i = 1; i <= $1; i++)); do wait_for 60 longer "$T/tree-$i" 3; done
}

# written TREE: when the first and the last file of that tree was, in the image.
written() {
	find "$T/image/$1" -name '*.img' -printf '%T@\n' | sort -n | sed -n '1p;$p'
}

frozen() {
	ctl get --json "$1" freeze | jq -r '.keys[0].own'
}

# Trees that share no group: each has an engine of its own, and all are at work at the same time.
test_trees_at_once() {
	local one two i
	steps 3
	ctl checkpoint --leave-running job "$T/image" >/dev/null || fail "no checkpoint: $(tail -n 3 "$T"/*.log)"
	equal "trees" 3 "$(grep -c ^tree "$T/image/manifest")"
	mapfile -t one < <(written 1)
	mapfile -t two < <(written 2)
	awk -v a="${one[0]}" -v b="${one[1]}" -v c="${two[0]}" -v d="${two[1]}" 'BEGIN { exit !(c < b && a < d) }' ||
		fail "one after the other: ${one[*]}, ${two[*]}"
	trees_go_on
	equal "frozen" "no no" "$(frozen job) $(frozen job/step_2)"
	rm -r "$T/image"
	ctl checkpoint --leave-frozen job "$T/image" >/dev/null || fail "no checkpoint: $(tail -n 3 "$T"/*.log)"
	equal "frozen" "yes no" "$(frozen job) $(frozen job/step_2)"
	ctl thaw job
	trees_go_on
	rm -r "$T/image"
	ctl checkpoint job "$T/image" >/dev/null || fail "no checkpoint: $(tail -n 3 "$T"/*.log)"
	equal "processes" "" "$(pids_of job)"
	ctl restore job "$T/image" || fail "no restart"
	trees_go_on
	for i in 1 2 3; do equal "where it stands" "job/step_$i" "$(container_of "$(pids_of "job/step_$i")")"; done
}

# Whoever is left thaws all that was frozen.
test_trees_at_once_killed() {
	local n total
	steps 2
	total=$("$HELP/killat" 1000000 first "$BIN/rbcectl" checkpoint --root "$ROOT" --leave-running job "$T/image" | tail -n 1 | tr -dc 0-9)
	between "system calls" 100 100000 "$total"
	for n in 6 8 10; do
		rm -rf "$T/image"
		"$HELP/killat" $((total * n / 12)) first "$BIN/rbcectl" checkpoint --root "$ROOT" --leave-running job "$T/image" >/dev/null 2>&1
		trees_go_on
		equal "frozen" "no no no" "$(frozen job) $(frozen job/step_1) $(frozen job/step_2)"
	done
	figure "of $total calls"
}

# A tree that comes after the engine was told which there are.
test_tree_that_comes_late() {
	local late group
	start_counter many
	setsid "$HELP/state" dirty 8 1 "$T/tree-1" </dev/null >/dev/null 2>&1 &
	late=$!
	mkdir "$T/bin"
	group=$(groups_of many | paste -sd' ')
	cat >"$T/bin/criu" <<-END
		#!/bin/sh
		[ -e "$T/came" ] || { sleep 1; for group in $group; do echo $late >\$group/cgroup.procs; done; }
		: >"$T/came"
		exec /usr/sbin/criu "\$@"
	END
	chmod +x "$T/bin/criu"
	PATH=$T/bin:$PATH "$BIN/rbcectl" checkpoint --root "$ROOT" --leave-running many "$T/image" >/dev/null ||
		fail "no checkpoint: $(tail -n 3 "$T"/*.log)"
	equal "trees" 2 "$(grep -c ^tree "$T/image/manifest")"
	equal "clocks" 2 "$(grep -c ^clock "$T/image/manifest")"
	ctl checkpoint verify "$T/image" || fail "the image is not whole"
	goes_on
	trees_go_on
}

# wrong REASON COMMAND...: it fails, and says so.
wrong() {
	local reason=$1
	shift
	"$@" >"$T/out" 2>"$T/err" && fail "no failure of: $*"
	contains "reason" "$reason" "$(cat "$T/err")"
}

test_broken_images() {
	local file size
	start_counter one
	ctl checkpoint one "$T/image" >/dev/null || fail "no checkpoint"
	wrong "no manifest" ctl restore one "$T"
	for file in $(cd "$T/image" && ls -- core-*.img pagemap-*.img pages-*.img inventory.img files.img); do
		size=$(stat -c %s "$T/image/$file")
		cp -a "$T/image" "$T/bad"
		flip "$T/bad/$file" $((RANDOM % size))
		wrong "'$file' is not what was written" ctl restore one "$T/bad"
		truncate -s -1 "$T/bad/$file"
		wrong "'$file' has $((size - 1)) bytes" ctl restore one "$T/bad"
		rm "$T/bad/$file"
		wrong "'$file' is not there" ctl restore one "$T/bad"
		rm -r "$T/bad"
	done
	cp -a "$T/image" "$T/bad"
	truncate -s -1 "$T/bad/manifest"
	wrong "cut off" ctl restore one "$T/bad"
	flip "$T/image/manifest" 40
	wrong "is not what was written" ctl checkpoint verify "$T/image"
	equal "processes" "" "$(pgrep -f "state count $T/count")"
}

# flip FILE OFFSET: one bit of it.
flip() {
	perl -e 'open(F, "+<", $ARGV[0]); seek(F, $ARGV[1], 0); read(F, $c, 1); seek(F, $ARGV[1], 0); print F chr(ord($c) ^ 4)' "$1" "$2"
}

test_full_disk() {
	start_counter one
	mkdir "$T/mount"
	mount -t tmpfs -o size=128k tmpfs "$T/mount"
	wrong "No space left" ctl checkpoint one "$T/mount/image"
	goes_on
	equal "what is left" "" "$(find "$T/mount" -mindepth 1 ! -name '*.log')"
}

test_mistakes() {
	wrong "there is none" ctl checkpoint nobody "$T/image"
	start_counter one
	mkdir "$T/there"
	wrong "File exists" ctl checkpoint one "$T/there"
	wrong "No such file" ctl checkpoint one "$T/no/where"
	ctl checkpoint --leave-running one "$T/image" >/dev/null || fail "no checkpoint"
	wrong "--as" ctl restore other "$T/image"
	goes_on
}

test_what_stands_in_the_way() {
	start_counter free
	equal "nothing" "nothing stands in the way" "$(ctl checkpoint --check free)"
	mkdir "$T/states"
	ctl create --detach --namespaces none held -- "$HELP/states" "$T/states" locks tcp-connection || fail "cannot start"
	wait_for 60 test -e "$T/states/ready"
	ctl checkpoint --check held >"$T/out" && fail "nothing in the way of connections and locks"
	contains "locks" "it has a lock on a file: use --file-locks" "$(cat "$T/out")"
	contains "connections" "is a TCP connection: use --tcp-established" "$(cat "$T/out")"
	ctl checkpoint --check --json --tcp-established --file-locks held >"$T/out" || fail "more in the way: $(cat "$T/out")"
	equal "what is left" "0" "$(jq '.obstacles | length' "$T/out")"
	goes_on
}

test_memory_ahead() {
	local all last
	: >"$T/count"
	ctl create --detach --namespaces none one -- "$HELP/state" dirty 64 4 "$T/count" || fail "cannot start"
	wait_for 60 beyond 3
	ctl checkpoint --json --pre-dump one "$T/image" >"$T/out" || fail "no checkpoint: $(tail -n 3 "$T"/*.log)"
	all=$(jq .ahead_bytes "$T/out")
	last=$(jq .memory_bytes "$T/out")
	between "bytes copied ahead" $((64 << 20)) $((400 << 20)) "$all"
	between "bytes copied while it was frozen" 1 $((60 << 20)) "$last"
	figure "$((all >> 20)) MiB in $(jq .rounds "$T/out") rounds, then $((last >> 10)) KiB"
	ctl checkpoint verify "$T/image" || fail "the image is not whole"
	ctl restore one "$T/image" || fail "no restart"
	# It looks at all of its memory, and ends when that is not as it was.
	goes_on
	last=$(count)
	wait_for 90 beyond $((last + 20))
	flip "$T/image/pre-1/pages-1.img" 4097
	wrong "'pre-1/pages-1.img' is not what was written" ctl checkpoint verify "$T/image"
}

images() {
	find "$T/images" -mindepth 1 -maxdepth 1 -name '2*' | sort
}

taken() {
	[ "$(wc -l <"$T/out")" -ge "$1" ]
}

test_every_so_often() {
	local image sizes
	: >"$T/count"
	ctl create --detach --namespaces none one -- "$HELP/state" dirty 16 1 "$T/count" || fail "cannot start"
	wait_for 60 beyond 3
	ctl checkpoint --every 1100ms --keep 3 one "$T/images" >"$T/out" &
	wait_for 100 taken 7
	kill $!
	wait $!
	# The last three, and those that they continue.
	mapfile -t sizes < <(images)
	between "images" 3 5 ${#sizes[@]}
	grep -q '^parent' "${sizes[@]/%//manifest}" || fail "none continues another"
	between "bytes of one that continues another" 1 $((12 << 20)) "$(stat -c %s "$T/images"/*/pages-1.img | sort -n | head -n 1)"
	for image in $(images); do
		ctl checkpoint verify "$image" || fail "$image is not whole"
	done
	ctl kill one
	ctl restore one "$image" || fail "no restart"
	goes_on
	# Its memory is in those before.
	ctl kill one
	rm -r "$(images | head -n 1)"
	wrong "cannot open image" ctl restore one "$(images | head -n 1)"
}

# As a stream: standard tools carry it, and whatever is not all of it is nothing.
test_stream() {
	local pid stopped size at
	: >"$T/count"
	ctl create --detach --namespaces none one memory.max=128M -- "$HELP/state" dirty 16 1 "$T/count" || fail "cannot start"
	wait_for 60 beyond 3
	pid=$(pids_of one)
	ctl checkpoint --to - --pre-dump --tcp-established one | gzip -1 >"$T/image.gz"
	equal "status" "0 0" "${PIPESTATUS[*]}"
	stopped=$(count)
	equal "processes" "" "$(pids_of one)"
	gzip -dc "$T/image.gz" >"$T/image.tar"
	contains "files" "pre-1/pages-1.img" "$(tar -tf "$T/image.tar")"
	equal "last of all" "manifest" "$(tar -tf "$T/image.tar" | tail -n 1)"
	# Cut off in the midst of a file, before the end, behind the manifest but without an end; changed.
	size=$(stat -c %s "$T/image.tar")
	for at in 100 $((size / 2)) $((size - 2000)) $((size - 1024)) $((size - 1)); do
		head -c "$at" "$T/image.tar" | wrong "cut off" ctl restore --from - one
	done
	for at in 0 1 2 3 4 5; do
		cp "$T/image.tar" "$T/bad.tar"
		flip "$T/bad.tar" $((RANDOM * 32768 % (size / 512 - 2) * 512 + at))
		wrong "restore" ctl restore --from - one <"$T/bad.tar"
	done
	equal "processes" "" "$(pgrep -f "state dirty 16 1 $T/count")"
	ctl restore --from - one <"$T/image.tar" || fail "no restart"
	wait_for 60 beyond $((stopped + 20))
	equal "pid" "$pid" "$(pids_of one)"
	equal "what is left on the way" "" "$(find "${TMPDIR:-/var/tmp}" -maxdepth 1 -name 'rbcectl-image-*')"
}

# Nobody takes it: the container runs on.
test_stream_that_breaks() {
	start_counter one
	ctl checkpoint --to - one 2>"$T/err" | head -c 2000 >"$T/some"
	[ "${PIPESTATUS[0]}" = 1 ] || fail "no failure"
	contains "reason" "Broken pipe" "$(cat "$T/err")"
	goes_on
	wrong "it takes a directory, or '--to -'" ctl checkpoint --to "$T/image" one
	wrong "it takes one" ctl checkpoint --to - --every 1s one
	rm -rf "$(sed -n 's/.*messages are in //p' "$T/err")"
}
