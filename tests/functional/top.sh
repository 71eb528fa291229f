# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# containerstats top: on a terminal (tmux is one, with a size that can be changed), and as text.
# needs: root cgroup
# the same on every cgroup layout

# The containers users/alice, which is busy, users/bob and batch/one, which sleep; alice has limits.
make_containers() {
	local name
	write_rules <<-END
		[container users/alice]
		cpu.max = 10%
		memory.max = 512M
	END
	start_rbced
	private_copy "$HELP/hog" hog >/dev/null
	"$BIN/rbcectl" run --root "$ROOT" users/alice -- "$T/bin/hog" 100 >/dev/null &
	for name in users/bob batch/one; do
		"$BIN/rbcectl" run --root "$ROOT" $name -- sleep 100 &
	done
	wait_for 20 all_there
}

all_there() {
	[ "$(ctl containers --json | jq '[.containers[] | select(.tasks > 0)] | length')" = 3 ]
}

screen() {
	tmux -S "$T/tmux" "$@"
}

# start_screen COLUMNS LINES [OPTION...]: top on a terminal of that size. What it ends with is in $T/left.
start_screen() {
	local columns=$1 lines=$2
	shift 2
	command -v tmux >/dev/null || skip "tmux is not installed"
	export LC_ALL=C.UTF-8
	tmux -S "$T/tmux" -f /dev/null -u -D 2>"$T/tmux.log" &
	wait_for 20 test -S "$T/tmux"
	screen set -g default-terminal screen-256color
	screen new-session -d -x "$columns" -y "$lines" \
		"'$BIN/containerstats' top --root '$ROOT' --interval 200ms $* 2>'$T/err'; echo \$? >'$T/left'; sleep 100"
}

# The screen as text: each line without the blanks at its end.
shows() {
	screen capture-pane -p
}

# sees PATTERN: an extended regular expression that a line of the screen matches.
sees() {
	shows | grep -qE -- "$1"
}

wait_seen() {
	wait_for 20 sees "$1"
}

wait_unseen() {
	wait_for 20 misses "$1"
}

misses() {
	! sees "$1"
}

press() {
	screen send-keys "$@"
}

# row NAME: its number on the screen.
row() {
	shows | grep -nE "(^|[ ─])$1 " | head -n 1 | cut -d: -f1
}

# cell KEY CONTAINER: of the last object of `top --json`.
cell() {
	jq -s ".[-1].containers[] | select(.container == \"$2\").$1" "$T/top.json"
}

no_line_wider_than() {
	[ "$(shows | wc -L)" -le "$1" ]
}

test_batch() {
	local header
	make_containers
	# Five seconds, so that how the two CPUs are shared with others evens out.
	"$BIN/containerstats" top --root "$ROOT" --json --count 1 --interval 5s >"$T/top.json" || fail "top ended with $?"
	equal "a list for each look" 1 "$(jq -s length "$T/top.json")"
	equal "containers" '["/","batch","batch/one","users","users/alice","users/bob"]' \
		"$(jq -c '[.containers[].container] | sort' "$T/top.json")"
	equal "its CPU limit" 10 "$(cell cpu_max_percent users/alice)"
	equal "its memory limit" 536870912 "$(cell memory_max_bytes users/alice)"
	equal "no limit" null "$(cell memory_max_bytes users/bob)"
	equal "tasks" 1 "$(cell pids users/bob)"
	equal "tasks of all" 3 "$(cell pids /)"
	between "CPU of the busy one" 2 15 "$(cell 'cpu_percent | floor' users/alice)"
	between "CPU of all" 2 20 "$(cell 'cpu_percent | floor' /)"
	between "CPU of a sleeper" 0 1 "$(cell 'cpu_percent | floor' users/bob)"
	between "time in which it was throttled" 1 1000 "$(cell 'throttled_percent | floor' users/alice)"
	equal "the busiest comes first" true \
		"$(jq '[.containers[].container] | index("users/alice") < index("users/bob")' "$T/top.json")"

	"$BIN/containerstats" top --root "$ROOT" --batch --count 2 --interval 200ms --flat --sort name >"$T/out"
	header='CONTAINER *CPU% *THR% *C.MAX *MEM'
	equal "two tables" 2 "$(grep -cE "^$header" "$T/out")"
	equal "in order of names" "/ batch batch/one users users/alice users/bob" \
		"$(awk -v RS= 'NR == 2' "$T/out" | awk 'NR > 2 { print $1 }' | paste -sd' ')"
	equal "with a text" "users/alice" \
		"$("$BIN/containerstats" top --root "$ROOT" --batch --count 1 --interval 200ms --flat --filter ALI | awk 'NR > 2 { print $1 }')"
}

# Some forty tasks a second, for longer than one looks.
test_tasks_that_end() {
	write_rules <<<"[container users/alice]"
	start_rbced
	# shellcheck disable=SC2016 # for that shell
	"$BIN/rbcectl" run --root "$ROOT" users/alice -- sh -c 'for i in $(seq 300); do /bin/true; /bin/sleep 0.05; done' &
	"$BIN/containerstats" top --root "$ROOT" --json --count 2 --interval 4s | jq -s '.[1]' >"$T/top.json"
	between "ends a second" 15 45 "$(cell 'exits_per_second | floor' users/alice)"
	equal "of those above" true "$(jq '[.containers[] | .exits_per_second] | max == min' "$T/top.json")"
}

test_on_a_terminal() {
	make_containers
	start_screen 80 24
	wait_seen '^CONTAINER +CPU% +THR% +C.MAX +MEM +M.MAX +PIDS +cpu +mem +io +EXIT/s'
	wait_seen "^$ROOT (v1|v2|hybrid) .* 6 containers"
	wait_seen '^CPU\[.*%.*PSI cpu'
	wait_seen 'alice +[0-9.]*[1-9][0-9.]* .* 10 .* 512M'
	wait_seen '^F1Help'
	no_line_wider_than 80 || fail "a line is wider than the screen: $(shows)"
	# The tree: alice and bob below users, the busy one first.
	wait_seen '└─ ?bob'
	[ "$(row alice)" -lt "$(row bob)" ] || fail "the busy one is not first: $(shows)"
	press I
	wait_for 20 eval '[ "$(row bob)" -lt "$(row alice)" ]'
	press I
	# All names in one order, by name.
	press t N
	wait_seen '^users/bob '
	equal "by name" "/ batch batch/one users users/alice users/bob" "$(shows | awk 'NR > 4 && NR < 11 { print $1 }' | paste -sd' ')"
	press t P
	wait_seen '└─ ?bob'
	# A filter, typed with a mistake; then left.
	press F4 o n e x BSpace
	wait_seen '^Filter: one$'
	wait_unseen alice
	sees 'batch' || fail "what is above is not shown: $(shows)"
	press Escape
	wait_seen alice
	# The page of a container, and the help.
	press Home Down Down Enter
	wait_seen '^Numbers, those below included'
	press q
	wait_seen '^CONTAINER'
	press F1
	wait_seen '^Keys'
	press Escape
	wait_seen '^CONTAINER'
	press q
	wait_for 20 test -s "$T/left"
	equal "what it ends with" "0" "$(cat "$T/left")"
	equal "what it says" "" "$(cat "$T/err")"
	# It leaves the terminal as it was.
	wait_unseen '^CONTAINER'
}

test_detail() {
	make_containers
	start_screen 100 60 --filter alice
	wait_seen 'alice +[0-9.]*[1-9]'
	press End Enter
	wait_seen '^users/alice$'
	wait_seen '^  cpu_seconds +.*\+.*/s$'
	wait_seen '^  memory_bytes'
	press PPage End
	wait_seen '^  cpu.max +10%$'
	wait_seen '^  memory.max +536870912$'
}

test_resize() {
	make_containers
	start_screen 80 24
	wait_seen '^CONTAINER .*EXIT/s'
	screen resize-window -x 140 -y 40
	wait_seen '^CONTAINER .*WRIT/s .*OOM$'
	screen resize-window -x 40 -y 8
	wait_seen '^CONTAINER +CPU% +THR% +C.MAX'
	misses '^CPU\[' || fail "no room was made: $(shows)"
	no_line_wider_than 40 || fail "a line is wider than the screen: $(shows)"
	# What does not fit is found to the right.
	press Right Right Right
	wait_seen '^CONTAINER +MEM'
	press End
	wait_for 20 eval '[ -n "$(row bob)" ]'
	screen resize-window -x 12 -y 3
	screen resize-window -x 2 -y 2
	screen resize-window -x 80 -y 24
	wait_seen '^CPU\['
	press q
	wait_for 20 test -s "$T/left"
	equal "what it ends with" "0" "$(cat "$T/left")"
}

test_containers_come_and_go() {
	local i
	write_rules </dev/null
	start_rbced
	start_screen 80 24
	wait_seen '0 containers|no container yet|1 container$'
	for i in 1 2 3; do
		"$BIN/rbcectl" run --root "$ROOT" deep/er/still/job$i -- sleep 100 &
	done
	wait_seen 'job1 '
	wait_seen 'job3 '
	ctl kill deep/er/still/job2
	press G
	wait_unseen job2
	sees job3 || fail "more went than was ended: $(shows)"
	# Standing still shows nothing new.
	press p
	wait_seen ' paused$'
	ctl kill deep/er/still/job3
	sleep 0.6
	sees job3 || fail "it goes on while it should stand still"
	press p
	wait_unseen job3
}

test_colours() {
	make_containers
	start_screen 80 24
	wait_seen 'alice +[0-9.]*[1-9]'
	screen capture-pane -p -e | grep -q $'\e\\[[0-9;]*3[0-7]' || fail "no colours"
	press q
	wait_for 20 test -s "$T/left"
	rm "$T/left"
	screen respawn-window -k "'$BIN/containerstats' top --root '$ROOT' --no-color"
	wait_seen 'alice +[0-9.]*[1-9]'
	screen capture-pane -p -e | grep -q $'\e\\[[0-9;]*3[0-7]' && fail "colours though none are wanted"
	screen capture-pane -p -e | grep -q $'\e\\[[0-9;]*7' || fail "nothing shows which line is selected"
}

test_told_to_end() {
	local signal pid
	write_rules </dev/null
	start_rbced
	start_screen 80 24
	for signal in TERM INT HUP; do
		wait_seen '^CONTAINER'
		pid=$(pgrep -f "^$BIN/containerstats top --root $ROOT ")
		kill -$signal "$pid"
		wait_for 20 test -s "$T/left"
		equal "what it ends with by $signal" "0" "$(cat "$T/left")"
		rm "$T/left"
		screen respawn-window -k
	done
	# Its terminal goes. LeakSanitizer, at the very end, then turns round for ever.
	[ -z "${SAN:-}" ] || return 0
	wait_seen '^CONTAINER'
	pid=$(pgrep -f "^$BIN/containerstats top --root $ROOT ")
	screen kill-session
	wait_for 20 eval "! kill -0 $pid 2>/dev/null"
}

test_wrong() {
	local type
	"$BIN/containerstats" top --root "$ROOT" </dev/null >"$T/out" 2>"$T/err" && fail "shown on no terminal"
	equal "without a terminal" "containerstats: cannot show: this is no terminal; see --batch" "$(cat "$T/err")"
	"$BIN/containerstats" top --batch --sort nothing 2>"$T/err"
	equal "status" 2 $?
	contains "a column that is none" "cannot sort by 'nothing'" "$(cat "$T/err")"
	"$BIN/containerstats" top --batch --interval 1ms 2>"$T/err"
	equal "status" 2 $?
	"$BIN/containerstats" top --batch --count 0 2>"$T/err"
	equal "status" 2 $?
	"$BIN/containerstats" top --batch --count 1 >/dev/full --root "$ROOT" --interval 100ms 2>"$T/err"
	equal "on a full disk" 1 $?
	equal "lines of it" 1 "$(wc -l <"$T/err")"
	for type in nonsense dumb; do
		TERM=$type script -qec "'$BIN/containerstats' top --root '$ROOT'" /dev/null >"$T/out"
		equal "on a terminal of type $type" 1 $?
		contains "what it says" "a terminal of type '$type' cannot do it" "$(cat "$T/out")"
	done
}
