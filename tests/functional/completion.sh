# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What bash completes for the programs, with what they say of themselves.
# needs: root cgroup
# the same on every cgroup layout

PATH=$BIN:$PATH
. packaging/completion

# completed WORD...: what is offered for the last word, one per line.
completed() {
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
	_rbce "$1" "${!#}"
	printf '%s\n' "${COMPREPLY[@]}"
}

# offers EXPECTED WORD...
offers() {
	local expected=$1
	shift
	completed "$@" | grep -xF -- "$expected" >/dev/null || fail "'$*' does not offer '$expected': $(completed "$@" | head -n 20)"
}

# only EXPECTED WORD...: nothing but that.
only() {
	local expected=$1
	shift
	equal "'$*'" "$expected" "$(completed "$@" | xargs)"
}

test_commands_and_options() {
	local command option
	for command in $(rbcectl --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
		offers "$command" rbcectl ""
		for option in $(rbcectl "$command" --help | sed -n 's/^  --\([a-z-]*\).*/--\1/p'); do
			offers "$option" rbcectl "$command" --
		done
	done
	only explain rbcectl expl
	offers record containerstats ""
	offers --source rbced --s
	only "bpf connector scan" rbced --source ""
	only "jvm" ulimitx --as j
	only "cgrules cgconfig ananicy" rbcectl import ""
	offers memory.max ulimitx mem
	offers run ulimitx ""
}

test_what_belongs_behind_them() {
	write_rules <<-END
		[rule first-rule]
		mode = observe
		user = $TEST_UID
		container = users/first
	END
	start_rbced
	sleep 1000 &
	ctl classify $! users/second >/dev/null || fail "classify failed"
	only users/second rbcectl get --root "$ROOT" users/s
	only users/second rbcectl classify --root "$ROOT" $! users/s
	only users/second rbcectl kill --root "$ROOT" users/s
	only first-rule rbcectl enforce --root "$ROOT" first
	offers "$ROOT" rbcectl status --root "${ROOT%?}"
	offers $! rbcectl explain ""
	only root rbcectl simulate --user roo
	only memory.max= rbcectl set users/second memory.ma
	only memory.max= ulimitx run memory.ma
	only memory.max rbcectl get users/second memory.ma
	only "$T/rules" rbced --rules "$T/ru"
	offers sleep rbcectl run users/second -- slee
	equal "a value" "" "$(completed rbcectl set users/second memory.max = 4)"
}

test_each_program_has_it() {
	local program
	for program in rbced rbcectl containerstats ulimitx; do
		equal "$program" "complete -o bashdefault -o filenames -F _rbce $program" \
			"$(bash -c '. packaging/completion && complete -p "$1"' - $program)"
	done
}
