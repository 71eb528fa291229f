# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What the README says of its rule file is so, and what it tells one to type exists.
# the same on every cgroup layout

# container_for OPTION...: what the README's rules give to a task with these facts.
container_for() {
	"$BIN/rbcectl" simulate --rules "$T/rules" --json "$@" | jq -r .container
}

test_rule_file() {
	write_rules < <(sed -n '/^## A rule file/,/^A `/s/^    //p' README.md)
	"$BIN/rbced" --check --rules "$T/rules" >"$T/out" || fail "the README's rules are refused"
	contains "what is in it" "2 rules, 2 containers" "$(cat "$T/out")"
	equal "a compiler of a person" builds/12345 "$(container_for --user 12345 --exe /usr/bin/cc1plus)"
	equal "another compiler" builds/12345 "$(container_for --user 12345 --exe /opt/llvm/clang)"
	equal "an editor of a person" users/12345 "$(container_for --user 12345 --exe /usr/bin/vi)"
	equal "a compiler of backup" null "$(container_for --user backup --exe /usr/bin/cc1)"
	equal "a compiler of root" null "$(container_for --user root --exe /usr/bin/cc1)"
	equal "what limits the editor" "memory.max=4G pids.max=500" \
		"$("$BIN/rbcectl" simulate --rules "$T/rules" --json --user 12345 --exe /usr/bin/vi |
			jq -r '[.limits[] | "\(.key)=\(.value)"] | join(" ")')"
}

# What its indented lines tell one to type: commands that need no daemon are run, of the others the help.
test_commands() {
	local line target
	write_rules < <(sed -n '/^## A rule file/,/^A `/s/^    //p' README.md)
	echo 'root cpu x/' >"$T/cgrules.conf"
	while read -r line; do
		line=${line//build\/bin/$BIN} line=${line//DIR/$T/rules} line=${line//PID/$$}
		line=${line//alice/backup} line=${line//\/etc\/cgrules.conf/$T/cgrules.conf}
		case $line in
		*/rbced\ --rules* | */rbcectl\ explain* | */containerstats\ record*) line="$line --help" ;;
		esac
		$line >"$T/out" 2>&1 || fail "$line: $(cat "$T/out")"
	done < <(grep -E '^    (sudo )?build/bin/' README.md | sed 's/ #.*//; s/^    \(sudo \)*//')
	for target in $(sed -n 's/^    make \([^#]*\).*/\1/p' README.md | tr ' ' '\n' | grep -v =); do
		grep -qE "^([a-z-]* )*$target( [a-z-]*)*:" Makefile || fail "make has no target $target"
	done
	while read -r target; do
		[ -e "$target" ] || fail "there is no $target"
	done < <(grep -oE '\]\([^)#]*\)' README.md | tr -d '()]')
}

test_the_manual_has_every_command() {
	local name
	for name in $("$BIN/rbcectl" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
		grep -qE "^\.It (Ic [a-z]+ .*, )?Ic $name( |$)|, Ic $name( |$)" man/rbcectl.8 || fail "rbcectl(8) has no '$name'"
	done
}
