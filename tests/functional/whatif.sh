# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What an administrator asks before a reload, and when something is not where it was expected.
# needs: root cgroup
# the same on every cgroup layout

two_rules() {
	private_copy /bin/sleep victim >/dev/null
	write_rules <<-END
		[container jobs]
		pids.max = 500
		[container jobs/night]
		memory.max = 1G
		[rule never]
		user = $TEST_UID
		exe = $T/bin/victim
		container = never
		[rule night]
		exe = $T/bin/victim
		container = jobs/night
	END
}

test_every_task_before_and_after() {
	local row
	two_rules
	start_rbced
	"$T/bin/victim" 100 &
	settled $! jobs/night
	write_rules <<-END
		[rule day]
		exe = $T/bin/victim
		container = jobs/day
	END
	row=$("$BIN/rbcectl" simulate --all --root "$ROOT" --rules "$T/rules" | grep "^ *$! ")
	contains "before" " jobs/night " "$row"
	contains "after" " jobs/day " "$row"
	equal "tasks that would be moved" 1 \
		"$("$BIN/rbcectl" simulate --all --root "$ROOT" --rules "$T/rules" --json | jq '.tasks | length')"
	equal "it stands where it stood" jobs/night "$(container_of $!)"
	ctl reload >/dev/null
	settled $! jobs/day
}

# Tags, tasks placed by hand and the daemon itself: only the daemon knows them.
test_what_the_daemon_knows() {
	local tagged placed
	private_copy /bin/sleep victim >/dev/null
	write_rules <<-END
		[rule tagged]
		exe = $T/bin/victim
		tag = night*
		container = tagged/%t
		[rule plain]
		exe = $T/bin/*
		container = plain
	END
	start_rbced
	"$T/bin/victim" 100 &
	tagged=$!
	"$T/bin/victim" 100 &
	placed=$!
	settled $tagged plain
	settled $placed plain
	ctl tag $tagged nightly >/dev/null
	ctl classify $placed elsewhere >/dev/null
	contains "as it is" ": 0 would be moved now" "$(ctl simulate --all --rules "$T/rules")"
	contains "one task's tag" "rule tagged           matches" "$(ctl simulate --pid $tagged --rules "$T/rules")"
	contains "one placed by hand" "but it stays where it is" "$(ctl simulate --pid $placed --rules "$T/rules")"
	equal "the same" true "$(ctl simulate --pid $placed --rules "$T/rules" --json | jq .stays)"
	ctl release $placed >/dev/null
	ctl tag $tagged >/dev/null
	sed -i 's/container = plain/container = other/' "$T/rules/test.rules"
	equal "when they are given back" 2 "$(ctl simulate --all --rules "$T/rules" --json | jq '.tasks | length')"
	stop_rbced
	contains "without a daemon" "tags, and tasks placed by hand, are not known" "$(ctl simulate --all --rules "$T/rules")"
}

test_a_kernel_thread_stays() {
	[ "$(cat /proc/2/comm)" = kthreadd ] || skip "no kernel threads are seen here"
	write_rules <<<$'[rule all]\ncontainer = all'
	contains "the rule" "rule 'all'" "$("$BIN/rbcectl" simulate --pid 2 --rules "$T/rules")"
	contains "what becomes of it" "but it stays where it is" "$("$BIN/rbcectl" simulate --pid 2 --rules "$T/rules")"
}

# A task chooses its name; it is no way to write on an administrator's terminal.
test_a_name_with_control_characters() {
	local name=$'a\n\e[2Jb'
	two_rules
	private_copy /bin/sleep "$name" >/dev/null
	start_rbced
	"$T/bin/$name" 100 &
	wait_for 15 runs $! "$T/bin/$name"
	ctl explain $! >"$T/out"
	"$BIN/rbcectl" simulate --rules "$T/rules" --pid $! >>"$T/out"
	contains "the name" "$T/bin/a??[2Jb" "$(cat "$T/out")"
	grep -q $'\e' "$T/out" && fail "an escape character in: $(cat -v "$T/out")"
	equal "JSON has it all" "$T/bin/$name" "$(ctl explain $! --json | jq -r .exe)"
}

test_one_task_with_its_limits() {
	local answer
	two_rules
	"$T/bin/victim" 100 &
	wait_for 15 runs $! "$T/bin/victim"
	answer=$("$BIN/rbcectl" simulate --pid $! --rules "$T/rules") || fail "it failed for: $(cat "/proc/$!/stat" 2>&1)"
	contains "the rule that comes close" "rule never" "$answer"
	contains "its term" "fails on 'user = $TEST_UID', it has '0'" "$answer"
	contains "the container" "jobs/night" "$answer"
	contains "limit from above" "pids.max" "$(grep ' jobs ' <<<"$answer")"
	contains "limit of its own" "memory.max" "$(grep 'test.rules:4' <<<"$answer")"
}

test_explain_shows_limits_and_leaves_out() {
	two_rules
	seq 60 | sed 's/.*/[rule other&]\norder = 0\ncomm = other&\ncontainer = other/' >>"$T/rules/test.rules"
	start_rbced
	"$T/bin/victim" 100 &
	settled $! jobs/night
	contains "what is left out" "60 rules that do not come near" "$(ctl explain $!)"
	contains "a limit of the container above" '"container": "jobs"' "$(ctl explain $! --json | jq -c .limits[0] | sed 's/:/: /g')"
	equal "steps of all" 62 "$(ctl explain $! --all --json | jq '.steps | length')"
}

test_lint() {
	write_rules <<-END
		[container spare]
		memory.max = 1G
		[rule wide]
		comm = vict*
		container = a
		[rule narrow]
		comm = victim
		user = 0
		container = b
		[rule nothing]
		exe = /usr/bin/
		container = a
	END
	"$BIN/rbcectl" lint --rules "$T/rules" >"$T/out"
	equal "status" 1 $?
	contains "shadowed" "test.rules:6: rule 'narrow' is never reached: 'wide' ($T/rules/test.rules:3)" "$(cat "$T/out")"
	contains "container" "test.rules:1: no rule puts a task into container 'spare'" "$(cat "$T/out")"
	contains "glob" "test.rules:10: a pattern of 'exe = /usr/bin/' fits nothing" "$(cat "$T/out")"
}

# The manual's table and the help texts come from the parser's own tables.
test_keys() {
	local key
	"$BIN/rbcectl" keys --json >"$T/keys"
	between "keys" 20 40 "$(jq '.keys | length' "$T/keys")"
	for key in $(jq -r '.keys[].key' "$T/keys"); do
		grep -q "^\.It Ic $key " man/rbce.rules.5 || fail "the manual has no '$key'"
		"$BIN/rbcectl" keys --help | grep "^  $key *= " >/dev/null || fail "the help has no '$key'"
	done
	for key in $(jq -r '.keys[] | select(.kind == "condition" and .key != "depend").key' "$T/keys"); do
		"$BIN/rbcectl" simulate --help | grep "^  --$key " >/dev/null || fail "no fact '$key' can be given to simulate"
	done
	cp man/rbce.rules.5 "$T/page"
	packaging/manual "$BIN/rbcectl" "$T/page"
	diff man/rbce.rules.5 "$T/page" || fail "the manual is behind: make manual"
}
