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
		*/rbced\ --rules* | */rbcectl\ explain* | */containerstats\ record* | */containerstats\ top* | */containerstats\ serve*) line="$line --help" ;;
		*/rbcectl\ create*) line="${line%% --*} --help" ;;
		*/rbcectl\ checkpoint* | */rbcectl\ restore* | */rbcectl\ migrate* | */rbcectl\ get* | */rbcectl\ set* | */rbcectl\ apply*) line="$line --help" ;;
		esac
		$line >"$T/out" 2>&1 || fail "$line: $(cat "$T/out")"
	done < <(grep -E '^    (sudo )?build/bin/' README.md | sed 's/ #.*//; s/^    \(sudo \)*//')
	for target in $(sed -n 's/^    make \([^#]*\).*/\1/p' README.md | tr ' ' '\n' | grep -v =); do
		grep -qE "^([a-z-]* )*$target( [a-z-]*)*:" Makefile packaging/build.mk || fail "make has no target $target"
	done
	while read -r target; do
		[ -e "$target" ] || fail "there is no $target"
	done < <(grep -oE '\]\([^)#]*\)' README.md | tr -d '()]')
}

# Its commands, on files like those that it speaks of; its rules are good.
test_migrating() {
	local line
	echo '@users cpu jobs/%u' >"$T/cgrules.conf"
	printf 'group jobs {\n\tcpu {\n\t\tcpu.shares = 512;\n\t}\n}\n' >"$T/cgconfig.conf"
	while read -r line; do
		(cd "$T" && PATH=$BIN:$PATH bash -c "${line//\/etc\/cg/$T/cg}") >"$T/out" 2>&1 || fail "$line: $(cat "$T/out")"
	done < <(sed -n 's/^    # //p' docs/MIGRATE.md)
	awk '/^    \[container/ && seen++ { exit } /^    [a-z[]/' docs/MIGRATE.md | write_rules
	"$BIN/rbced" --check --rules "$T/rules" >"$T/out" 2>&1 || fail "slices: $(cat "$T/out")"
	sed -n '/^## From arbiter2/,$s/^    //p' docs/MIGRATE.md | write_rules
	"$BIN/rbced" --check --rules "$T/rules" >"$T/out" 2>&1 || fail "arbiter2: $(cat "$T/out")"
}

# log_lines FILE: what it says to the log, where names and numbers are as X; not what a wrong call gets, nor
# lines that only have what another function has found.
log_lines() {
	tr '\n' ' ' <"$1" | grep -oP 'log_(error|warning|info|event|move)\([^";]*("[^"]*"(\s|PRIu64)*)+' |
		sed -E "s/^[^\"]*\"//; s/\"[^\"]*\"//g; s/\"[[:space:]]*\$//; s/'?%[-.0-9]*(zu|llu|[a-z])?'?/X/g; s/ \([^)]*\)//" |
		grep -vE '^X*$|^cannot use |FILE is missing'
}

# Each line that the daemon or the recorder may say stands in a table, and each field of the journal's.
test_the_log_is_explained() {
	local file line entry n=0
	sed -n '/^| line/,/^$/s/^| \(`[^|]*`\) |.*/\1/p' docs/OPERATIONS.md | grep -o '`[^`]*`' |
		sed -E 's/`//g; s/, \.\.\.$//; s/\b(KEY|NAME|FILE|LINE|PROGRAM|REASON|N)\b/X/g; s/X:X/X/' >"$T/entries"
	for file in rbced/*.c rbced/gate/*.c rbced/oom/*.c rbced/source/*.c stats/record.c stats/parts.c stats/exits/jobs.c core/cli/log.c; do
		while read -r line; do
			n=$((n + 1))
			while read -r entry; do
				[[ $line != *"$entry"* ]] || continue 2
			done <"$T/entries"
			fail "docs/OPERATIONS.md has no entry for '$line' ($file)"
		done < <(log_lines "$file")
	done
	[ "$n" -gt 40 ] || fail "only $n lines found in the sources"
	for entry in $(grep -ohE '\{"[a-z]+", [^{}]*\}' rbced/classify.c rbced/oom/oom.c rbced/penalty.c rbced/place.c | sed -n 's/^{"\([a-z]*\)", .*/\1/p' | sort -u); do
		grep -qF "\`RBCE_${entry^^}\`" docs/OPERATIONS.md || fail "docs/OPERATIONS.md has no field RBCE_${entry^^}"
	done
}

# entry NAME: what rbcectl(8) has of that command.
entry() {
	awk -v name="$1" '
		/^\.(It Ic|Sh) / { inside = $0 ~ "^\\.It Ic " name "( |$)" || $0 ~ " , Ic " name " " }
		inside' man/rbcectl.8
}

# And each option but those of all commands; "keys --manual" is for making the manual.
test_the_manual_has_every_command() {
	local name option
	"$BIN/rbcectl" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' >"$T/commands"
	[ "$(wc -l <"$T/commands")" -gt 20 ] || fail "only these commands: $(cat "$T/commands")"
	while read -r name; do
		entry "$name" >"$T/entry"
		[ -s "$T/entry" ] || fail "rbcectl(8) has no '$name'"
		for option in $("$BIN/rbcectl" "$name" --help | sed -n 's/^  --\([a-z-]*\).*/\1/p'); do
			case $name:$option in
			*:root | *:json | *:help | *:version | keys:manual) continue ;;
			esac
			grep -qE "(Fl|,) -$option( |\$)" "$T/entry" || fail "rbcectl(8) has no --$option of '$name'"
		done
	done <"$T/commands"
}

test_the_manual_has_no_other_command() {
	local name n=0
	for name in $(sed -n '/^\.Ss Asking/,/^\.Sh /s/^\.It Ic \([a-z]*\).*/\1/p' man/rbcectl.8); do
		n=$((n + 1))
		"$BIN/rbcectl" "$name" --help >/dev/null || fail "rbcectl has no '$name'"
	done
	[ "$n" -gt 20 ] || fail "only $n commands found in the manual"
}
