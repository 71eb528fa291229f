# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# From observing to enforcing and back, with one command.
# needs: root cgroup
# the same on every cgroup layout

# Two rules that observe, one that does not, and a task for each.
observed_rules() {
	local name
	for name in one two three; do private_copy /bin/sleep $name >/dev/null; done
	write_rules <<-END
		[rule one]
		mode = observe
		exe = $T/bin/one
		container = place/one
		[rule two]
		mode = observe
		exe = $T/bin/two
		container = place/two
		[rule three]
		exe = $T/bin/three
		container = place/three
	END
}

start_tasks() {
	"$T/bin/one" 1000 &
	ONE=$!
	"$T/bin/two" 1000 &
	TWO=$!
	"$T/bin/three" 1000 &
	settled $! place/three
}

enforce() {
	ctl enforce --rules "$T/rules" "$@" >"$T/out" 2>"$T/err"
}

test_the_whole_way() {
	observed_rules
	start_rbced
	start_tasks
	# Without an answer: what would be moved, and nothing else.
	enforce </dev/null && fail "it enforced without being told to"
	contains "what it would move" "$ONE" "$(grep place/one "$T/out")"
	contains "the other" place/two "$(cat "$T/out")"
	contains "the sum" "2 would be moved" "$(cat "$T/out")"
	case $(cat "$T/out") in *place/three*) fail "what is in force is not news: $(cat "$T/out")" ;; esac
	equal "why not" "rbcectl: nothing is changed: --yes puts these 2 rules in force" "$(cat "$T/err")"
	equal "files" test.rules "$(ls "$T/rules")"
	equal "an observed task" - "$(container_of $ONE)"
	# One rule, then the rest.
	enforce --yes two || fail "$(cat "$T/err")"
	contains "told" "1 rules put in force, 1 tasks moved" "$(cat "$T/out")"
	settled $TWO place/two
	equal "that of the other rule" - "$(container_of $ONE)"
	enforce --yes || fail "$(cat "$T/err")"
	settled $ONE place/one
	equal "modes" "enforce enforce enforce" "$(ctl rules --json | jq -r '[.rules[].mode] | join(" ")')"
	enforce --yes || fail "$(cat "$T/err")"
	equal "once more" "no rule observes: all of them are in force" "$(cat "$T/out")"
	# And back: nothing moves, but what comes is left alone.
	enforce --off || fail "$(cat "$T/err")"
	contains "told" "2 rules observe again" "$(cat "$T/out")"
	equal "files" test.rules "$(ls "$T/rules")"
	equal "the task" place/one "$(container_of $ONE)"
	"$T/bin/one" 1000 &
	"$T/bin/three" 1000 &
	settled $! place/three
	equal "a new task" "" "$(ctl ps --json place/one | jq -r ".tasks[] | select(.pid != $ONE).pid")"
}

test_on_a_terminal() {
	observed_rules
	start_rbced
	start_tasks
	answer() { echo "$1" | script -qec "$BIN/rbcectl enforce --root $ROOT --rules $T/rules one" /dev/null >"$T/out"; }
	answer n
	contains "asked" "Put these 1 rules in force? [y/N]" "$(cat "$T/out")"
	equal "files after a no" test.rules "$(ls "$T/rules")"
	answer y
	settled $ONE place/one
}

test_refusals() {
	observed_rules
	enforce --yes four && fail "an unknown rule was enforced"
	contains "unknown rule" "cannot enforce rule 'four': there is none in" "$(cat "$T/err")"
	ctl enforce --rules "$T/rules/test.rules" --yes 2>"$T/err" && fail "a file was taken for a directory"
	contains "a file" "it is no directory" "$(cat "$T/err")"
	# Two [enforce] are a mistake: what was before is there again.
	printf '[enforce]\nrules = one\n' >"$T/rules/own.rules"
	enforce --yes two && fail "two sections were accepted"
	contains "two sections" "section 'enforce' stands at" "$(cat "$T/err")"
	equal "files" "own.rules test.rules" "$(cd "$T/rules" && echo *)"
	rm "$T/rules/own.rules"
	# Without a daemon it is prepared.
	enforce --yes || fail "$(cat "$T/err")"
	contains "told" "rbced is not running: that holds when it starts" "$(cat "$T/out")"
	start_rbced
	start_tasks
	settled $ONE place/one
	# Only of the daemon's own files.
	mkdir "$T/others"
	cp "$T/rules/test.rules" "$T/others"
	ctl enforce --rules "$T/others" --yes 2>"$T/err" && fail "rules that nobody reads were enforced"
	contains "other files" "rbced reads '$T/rules'" "$(cat "$T/err")"
}
